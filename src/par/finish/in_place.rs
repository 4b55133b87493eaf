//! Collecting into a vector whose length is known: each item is written where it belongs, without a lock.
//!
//! A piece that begins with the step `i` writes from the target's place `i` on. What it has written is its own
//! until it is appended to the piece on its left, and drops with it if something panics. Pieces are contiguous,
//! except where a loop was stopped early; then what follows the gap is dropped.

use crate::par::plumbing::{Consumer, Place};
use std::marker::PhantomData;
use std::mem::{MaybeUninit, forget};

/// Writes items into `target`, one for each step.
pub(crate) struct InPlace<'t, T> {
    target: *mut T,
    len: usize,
    borrowed: PhantomData<&'t mut [MaybeUninit<T>]>,
}

// SAFETY: pieces write to different places, and items are sent from whoever wrote them.
unsafe impl<T: Send> Sync for InPlace<'_, T> {}

impl<'t, T> InPlace<'t, T> {
    pub(crate) fn new(target: &'t mut [MaybeUninit<T>]) -> Self {
        Self {
            target: target.as_mut_ptr().cast(),
            len: target.len(),
            borrowed: PhantomData,
        }
    }
}

/// Written places, one after the other.
pub(crate) struct Written<'t, T> {
    start: *mut T,
    len: usize,
    /// How many there may be.
    room: usize,
    owned: PhantomData<&'t mut [T]>,
}

// SAFETY: it owns its items.
unsafe impl<T: Send> Send for Written<'_, T> {}

impl<T> Written<'_, T> {
    /// How many there are; they belong to the target from now on.
    pub(crate) fn release(self) -> usize {
        let len = self.len;
        forget(self);
        len
    }

    #[inline(always)]
    fn push(&mut self, item: T) {
        assert!(self.len < self.room, "a step gives one item");
        // SAFETY: within the target, and nobody else's: the step belongs to this piece.
        let place = unsafe { self.start.add(self.len) };
        // SAFETY: as above.
        unsafe { place.write(item) };
        self.len += 1;
    }
}

impl<T> Drop for Written<'_, T> {
    fn drop(&mut self) {
        let items = std::ptr::slice_from_raw_parts_mut(self.start, self.len);
        // SAFETY: written by this piece, or by one that was appended to it, and released by nobody.
        unsafe { items.drop_in_place() };
    }
}

impl<'t, T: Send> Consumer<T> for InPlace<'t, T> {
    type Fold = Written<'t, T>;
    type Part = Written<'t, T>;

    #[inline]
    fn begin(&self, at: Place) -> Written<'t, T> {
        let room = self.len.checked_sub(at.step).expect("a step of the loop");
        Written {
            // SAFETY: within the target, or at its end.
            start: unsafe { self.target.add(at.step) },
            len: 0,
            room,
            owned: PhantomData,
        }
    }

    #[inline(always)]
    fn take(&self, mut fold: Written<'t, T>, item: T) -> Written<'t, T> {
        fold.push(item);
        fold
    }

    #[inline(always)]
    fn take_iter<I: Iterator<Item = T>>(
        &self,
        mut fold: Written<'t, T>,
        items: I,
    ) -> Written<'t, T> {
        items.for_each(|item| fold.push(item));
        fold
    }

    #[inline]
    fn finish(&self, fold: Written<'t, T>) -> Written<'t, T> {
        fold
    }

    fn append(&self, mut left: Written<'t, T>, right: Written<'t, T>) -> Written<'t, T> {
        if left.start.wrapping_add(left.len) == right.start {
            left.len += right.release();
        } else {
            // Before anything is returned, see `Consumer::take_iter`.
            drop(right);
        }
        left
    }
}
