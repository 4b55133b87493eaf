//! Partitioning by way of a buffer, with items staying in their order.
//!
//! Each item is copied to the buffer, those of the left side from its start, the others from its end
//! backwards, and then back. As in [`partition`](super::partition) there are no branches that depend on the
//! items. The pivot comes last: a comparison may change it (in a cell), so no copy is made of it before.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;

/// Puts the items for which `belongs_left(item, pivot)` holds before the others. The pivot is the item at
/// `pivot`; it goes to the side that `pivot_left` says. Returns how many items are on the left side, and
/// where the pivot is now.
///
/// It is asked once about each item, but not about the pivot. If it panics nothing has been moved.
pub(super) fn spread<T>(
    items: &mut [T],
    buffer: &mut [MaybeUninit<T>],
    pivot: usize,
    pivot_left: bool,
    belongs_left: impl Fn(&T, &T) -> bool,
) -> (usize, usize) {
    let len = items.len();
    let (before, rest) = items.split_at(pivot);
    let (middle, after) = rest.split_first().expect("the pivot is one of the items");
    let mut sides = Sides::new(&mut buffer[..len]);
    let put = |sides: &mut Sides<'_, T>, item: &T| {
        let left = belongs_left(item, middle);
        // SAFETY: each item once.
        let place = unsafe { sides.next(left) };
        // SAFETY: a place in the buffer, for this item.
        unsafe { ptr::copy_nonoverlapping(item, place, 1) };
    };
    before.iter().for_each(|item| put(&mut sides, item));
    let left_before = sides.left;
    // SAFETY: once for the pivot.
    let place = unsafe { sides.next(pivot_left) };
    after.iter().for_each(|item| put(&mut sides, item));
    // SAFETY: this place has been left out for it.
    unsafe { ptr::copy_nonoverlapping(middle, place, 1) };

    let left = sides.left;
    let (on_left, on_right) = items.split_at_mut(left);
    let from = buffer.as_ptr().cast::<T>();
    // SAFETY: so many have been put there, and nothing can panic from here on.
    unsafe { ptr::copy_nonoverlapping(from, on_left.as_mut_ptr(), left) };
    for (place, item) in on_right.iter_mut().zip(buffer[left..len].iter().rev()) {
        // SAFETY: the others, from the last place on; of which each goes to a place of its own.
        unsafe { ptr::copy_nonoverlapping(item.as_ptr(), place, 1) };
    }
    let pivot_now = if pivot_left {
        left_before
    } else {
        left + (pivot - left_before)
    };
    (left, pivot_now)
}

/// The two sides in the buffer, growing towards each other.
struct Sides<'b, T> {
    start: *mut T,
    /// Behind the place where the next item goes if it goes right, and none has gone left yet. Each item
    /// takes it down by one, and each that has gone left counts as one more place.
    end: *mut T,
    left: usize,
    buffer: PhantomData<&'b mut [T]>,
}

impl<'b, T> Sides<'b, T> {
    fn new(buffer: &'b mut [MaybeUninit<T>]) -> Self {
        let Range { start, end } = buffer.as_mut_ptr_range();
        Self {
            start: start.cast(),
            end: end.cast(),
            left: 0,
            buffer: PhantomData,
        }
    }

    /// Counts an item for a side; returns its place.
    ///
    /// # Safety
    /// There have been fewer than the buffer is long.
    #[inline(always)]
    unsafe fn next(&mut self, left: bool) -> *mut T {
        // SAFETY: once for each item, so not below the start.
        self.end = unsafe { self.end.sub(1) };
        let side = if left { self.start } else { self.end };
        // SAFETY: within the buffer: for a left one there are `left` before it, for a right one there are
        // as many places behind `end` as there have been items, of which `left` have gone left.
        let place = unsafe { side.add(self.left) };
        self.left += usize::from(left);
        place
    }
}
