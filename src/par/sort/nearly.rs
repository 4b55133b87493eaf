//! The sort in place for short slices of which most items are where they belong.
//!
//! The standard library's sort in place has no use for that: it avoids branches, whose outcomes would be well
//! known here. So this one has them: a quicksort with the middle item as pivot, that moves only what is on
//! the wrong side, and an insertion sort of what is short. Whoever guessed wrong gets the standard
//! library's sort for the rest, as soon as the moves are too many.

use crate::par::sort::partition::partition_some;
use crate::par::sort::run::{Order, order_of};
use std::cmp::Ordering;

/// What is not longer is sorted by insertion.
const SHORT: usize = 32;

/// Moves for each item that an insertion sort may make.
const MOVES: usize = 4;

/// Sorts `items` with `levels` levels of recursion at most.
pub(super) fn sort<T, F>(mut items: &mut [T], mut levels: u32, compare: &F)
where
    F: Fn(&T, &T) -> Ordering,
{
    loop {
        if items.len() <= SHORT {
            if !insert(items, compare) {
                items.sort_unstable_by(compare);
            }
            return;
        }
        if order_of(items, compare) == Some(Order::Ascending) {
            return;
        }
        if levels == 0 {
            items.sort_unstable_by(compare);
            return;
        }
        levels -= 1;
        items.swap(0, items.len() / 2);
        let (pivot, others) = items.split_first_mut().expect("longer than that");
        let border = partition_some(others, |item| compare(item, pivot) == Ordering::Less);
        items.swap(0, border);
        let (left, right) = items.split_at_mut(border);
        sort(left, levels, compare);
        items = &mut right[1..];
    }
}

/// Insertion sort; gives up, and returns `false`, if it takes too long.
fn insert<T>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) -> bool {
    let mut moves = MOVES * items.len();
    for next in 1..items.len() {
        let mut at = next;
        while at > 0 && compare(&items[at], &items[at - 1]) == Ordering::Less {
            items.swap(at, at - 1);
            at -= 1;
        }
        match moves.checked_sub(next - at) {
            Some(left) => moves = left,
            None => return false,
        }
    }
    true
}
