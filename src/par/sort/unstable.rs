//! The sort in place: a quicksort.

use crate::par::sort::partition::{partition, partition_some};
use crate::par::sort::run::{Order, order_of, reverse};
use crate::par::sort::sample::Sample;
use crate::par::sort::{SHORT, nearly};
use crate::pool::free::join;
use std::cmp::Ordering;

/// A slice that is not longer than this is sorted in one go.
const LONGEST: usize = 4 * 1024;

/// Levels within such a slice: a few more than halving takes.
const NEARLY_LEVELS: u32 = 16;

/// Sorts `items`.
pub(crate) fn sort<T, F>(items: &mut [T], compare: F)
where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    if size_of::<T>() == 0 || items.len() <= SHORT {
        items.sort_unstable_by(compare);
        return;
    }
    match order_of(items, &compare) {
        Some(Order::Ascending) => {}
        Some(Order::Descending) => reverse(items),
        None => {
            let nearly = Sample::new(items).is_nearly_sorted(items, &compare);
            let compare = &compare;
            Sort { compare, nearly }.part(items, None, levels(items.len() / LONGEST));
        }
    }
}

/// Of how many levels a recursion into `parts` equal parts may be: twice as many as with halves.
fn levels(parts: usize) -> u32 {
    2 * parts.max(1).ilog2() + 4
}

/// What all parts have in common.
struct Sort<'c, F> {
    compare: &'c F,
    /// The slice has looked nearly sorted, so branches are known beforehand and moves are not needed.
    nearly: bool,
}

impl<F> Sort<'_, F> {
    /// Sorts a part of the slice, of which no item is less than `before`, in `levels` levels at most.
    fn part<T>(&self, mut items: &mut [T], mut before: Option<&mut T>, mut levels: u32)
    where
        T: Send,
        F: Fn(&T, &T) -> Ordering + Sync,
    {
        let compare = self.compare;
        while items.len() > LONGEST && levels > 0 {
            levels -= 1;
            let median = Sample::new(items).median(items, compare);
            items.swap(0, median);
            let (pivot, others) = items.split_first_mut().expect("longer than that");
            if let Some(least) = &before {
                if compare(least, pivot) != Ordering::Less {
                    // The pivot is one of the least items, and there may be many: they are done.
                    let equal = partition(others, |item| compare(pivot, item) != Ordering::Less);
                    items = &mut items[1 + equal..];
                    before = None;
                    continue;
                }
            }
            let pivot = &*pivot;
            let is_less = |item: &T| compare(item, pivot) == Ordering::Less;
            let border = if self.nearly {
                partition_some(others, is_less)
            } else {
                partition(others, is_less)
            };
            items.swap(0, border);
            let (left, right) = items.split_at_mut(border);
            let (pivot, right) = right.split_first_mut().expect("the pivot");
            join(
                || self.part(left, before, levels),
                || self.part(right, Some(pivot), levels),
            );
            return;
        }
        if self.nearly && items.len() <= LONGEST {
            nearly::sort(items, NEARLY_LEVELS, compare);
        } else {
            items.sort_unstable_by(compare);
        }
    }
}
