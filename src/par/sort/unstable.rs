//! The sort in place: a quicksort.

use crate::par::sort::run::{Order, order_of, reverse};
use crate::par::sort::sample::Sample;
use crate::par::sort::{partition::partition, worth_forking};
use crate::pool::free::join;
use std::cmp::Ordering;

/// A slice that is not longer than this is sorted in one go.
const LONGEST: usize = 4 * 1024;

/// Sorts `items`.
pub(crate) fn sort<T, F>(items: &mut [T], compare: F)
where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    if size_of::<T>() == 0 || !worth_forking(items) {
        items.sort_unstable_by(compare);
        return;
    }
    match order_of(items, &compare) {
        Some(Order::Ascending) => {}
        Some(Order::Descending) => reverse(items),
        None => {
            // Twice as many levels as halving would take.
            let levels = 2 * (items.len() / LONGEST).max(1).ilog2() + 4;
            sort_part(items, None, levels, &compare);
        }
    }
}

/// Sorts a part of the slice, of which no item is less than `before`, in `levels` levels at most.
fn sort_part<T, F>(mut items: &mut [T], mut before: Option<&mut T>, mut levels: u32, compare: &F)
where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    while items.len() > LONGEST && levels > 0 {
        levels -= 1;
        let median = Sample::new(items).median(items, compare);
        items.swap(0, median);
        let (pivot, others) = items.split_first_mut().expect("longer than that");
        if let Some(least) = &before {
            if compare(least, pivot) != Ordering::Less {
                // The pivot is one of the least items, and there may be many: they need no more sorting.
                let equal = partition(others, |item| compare(pivot, item) != Ordering::Less);
                items = &mut items[1 + equal..];
                before = None;
                continue;
            }
        }
        let border = {
            let pivot = &*pivot;
            partition(others, |item| compare(item, pivot) == Ordering::Less)
        };
        items.swap(0, border);
        let (left, right) = items.split_at_mut(border);
        let (pivot, right) = right.split_first_mut().expect("the pivot");
        join(
            || sort_part(left, before, levels, compare),
            || sort_part(right, Some(pivot), levels, compare),
        );
        return;
    }
    items.sort_unstable_by(compare);
}
