//! Partitioning in place.
//!
//! Lomuto's scheme without branches and with the cyclic permutation of Peters (2023): the first item is taken
//! out, which leaves a hole; then for each next item the one that is in its way moves into the hole, and it
//! moves to where that was. Whether the border goes up by one is added, not decided. That is two moves an
//! item, where the outcome of the comparison only makes an address.
//!
//! Large items are not moved if they are where they belong: Hoare's scheme, with a branch for each.

use std::mem::ManuallyDrop;
use std::ptr;

/// Larger items than this are not worth moving to save a branch.
const LARGE: usize = 96;

/// Puts the items for which `belongs_left` holds before the others; returns how many they are.
///
/// It is asked once for each item. If it panics all items are in the slice, in some order.
pub(super) fn partition<T>(items: &mut [T], belongs_left: impl Fn(&T) -> bool) -> usize {
    if size_of::<T>() <= LARGE {
        partition_all(items, belongs_left)
    } else {
        partition_some(items, belongs_left)
    }
}

/// A hole in a slice, and the item that belongs there. When dropped it fills the hole.
struct Hole<T> {
    item: ManuallyDrop<T>,
    at: *mut T,
}

impl<T> Drop for Hole<T> {
    fn drop(&mut self) {
        // SAFETY: the place is in the slice, exclusively borrowed, and has no item of its own; this one is
        // not used again.
        unsafe { ptr::copy_nonoverlapping(&raw const *self.item, self.at, 1) };
    }
}

/// Moves every item.
fn partition_all<T>(items: &mut [T], belongs_left: impl Fn(&T) -> bool) -> usize {
    let len = items.len();
    if len == 0 {
        return 0;
    }
    let first = items.as_mut_ptr();
    // SAFETY: the slice is not empty; from now on its first place is the hole.
    let item = unsafe { first.read() };
    let mut hole = Hole {
        item: ManuallyDrop::new(item),
        at: first,
    };
    let mut border = 0;
    for at in 1..len {
        // SAFETY: below the length. The hole is at `at - 1`, the border not beyond it.
        let next = unsafe { first.add(at) };
        // SAFETY: there is an item.
        let left = belongs_left(unsafe { &*next });
        // SAFETY: as above.
        let way = unsafe { first.add(border) };
        // SAFETY: two places of the slice, perhaps the same one. Nothing can panic until the hole is
        // where the next item was.
        unsafe { ptr::copy(way, hole.at, 1) };
        // SAFETY: as above; never the same one.
        unsafe { ptr::copy_nonoverlapping(next, way, 1) };
        hole.at = next;
        border += usize::from(left);
    }
    let left = belongs_left(&hole.item);
    // SAFETY: as above.
    let way = unsafe { first.add(border) };
    // SAFETY: as above.
    unsafe { ptr::copy(way, hole.at, 1) };
    hole.at = way;
    border + usize::from(left)
}

/// As [`partition`]. Swaps pairs of items that both are on the wrong side.
pub(super) fn partition_some<T>(items: &mut [T], belongs_left: impl Fn(&T) -> bool) -> usize {
    let (mut from, mut to) = (0, items.len());
    loop {
        while from < to && belongs_left(&items[from]) {
            from += 1;
        }
        // What is at `from` is known not to belong there.
        while from + 1 < to && !belongs_left(&items[to - 1]) {
            to -= 1;
        }
        if to - from <= 1 {
            return from;
        }
        items.swap(from, to - 1);
        from += 1;
        to -= 1;
    }
}
