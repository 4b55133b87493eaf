//! Loops over the items of a vector, which they take out of it.

use crate::par::debug::debug_len;
use crate::par::iter::{IntoParallelIterator, ParallelDrainRange};
use crate::par::source::bounds;
use crate::par::source::owned::{Owned, owned_items};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Range, RangeBounds};

/// An iterator over the items of a vector.
#[must_use = "iterators do nothing until they are consumed"]
pub struct IntoIter<T: Send> {
    items: Owned<T>,
    capacity: usize,
    start: *mut T,
}

// SAFETY: it owns the items and their memory.
unsafe impl<T: Send> Send for IntoIter<T> {}
// SAFETY: shared references only reach `items`.
unsafe impl<T: Send> Sync for IntoIter<T> {}

impl<T: Send> IntoIter<T> {
    pub(crate) fn new(vec: Vec<T>) -> Self {
        let mut vec = ManuallyDrop::new(vec);
        let start = vec.as_mut_ptr();
        Self {
            // SAFETY: the vector will not drop them.
            items: unsafe { Owned::new(start, vec.len()) },
            capacity: vec.capacity(),
            start,
        }
    }
}

impl<T: Send> Drop for IntoIter<T> {
    fn drop(&mut self) {
        let len = if self.items.is_engaged() {
            0
        } else {
            self.items.len()
        };
        // SAFETY: the parts of the vector; spans have taken care of its items if there were any.
        drop(unsafe { Vec::from_raw_parts(self.start, len, self.capacity) });
    }
}

impl<T: Send> IntoParallelIterator for Vec<T> {
    type Iter = IntoIter<T>;
    type Item = T;
    fn into_par_iter(self) -> IntoIter<T> {
        IntoIter::new(self)
    }
}

/// An iterator over items that are taken out of a vector; made by
/// [`par_drain`](ParallelDrainRange::par_drain). What it does not give is dropped. The rest of the vector
/// closes up when it is dropped; if it is forgotten, the rest is lost.
#[must_use = "iterators do nothing until they are consumed"]
pub struct Drain<'v, T: Send> {
    items: Owned<T>,
    vec: *mut Vec<T>,
    range: Range<usize>,
    /// The vector's length before.
    len: usize,
    borrowed: PhantomData<&'v mut Vec<T>>,
}

// SAFETY: it is a mutable borrow of the vector.
unsafe impl<T: Send> Send for Drain<'_, T> {}
// SAFETY: shared references only reach `items`.
unsafe impl<T: Send> Sync for Drain<'_, T> {}

impl<'v, T: Send> ParallelDrainRange<usize> for &'v mut Vec<T> {
    type Iter = Drain<'v, T>;
    type Item = T;

    fn par_drain<R: RangeBounds<usize>>(self, range: R) -> Drain<'v, T> {
        let len = self.len();
        let range = bounds(range, len);
        // SAFETY: shorter than before; what is behind is the drain's until it is dropped.
        unsafe { self.set_len(range.start) };
        // SAFETY: within the vector.
        let start = unsafe { self.as_mut_ptr().add(range.start) };
        Drain {
            // SAFETY: the vector does not know of them any more.
            items: unsafe { Owned::new(start, range.len()) },
            vec: self,
            range,
            len,
            borrowed: PhantomData,
        }
    }
}

impl<T: Send> Drop for Drain<'_, T> {
    fn drop(&mut self) {
        /// Closes the gap, also if dropping an item panics.
        struct CloseUp<'d, 'v, T: Send>(&'d mut Drain<'v, T>);

        impl<T: Send> Drop for CloseUp<'_, '_, T> {
            fn drop(&mut self) {
                let (range, len) = (self.0.range.clone(), self.0.len);
                // SAFETY: borrowed mutably for the drain's life.
                let vec = unsafe { &mut *self.0.vec };
                let start = vec.as_mut_ptr();
                let tail = len - range.end;
                // SAFETY: within the vector's old length.
                let from = unsafe { start.add(range.end) };
                // SAFETY: as above.
                let to = unsafe { start.add(range.start) };
                // SAFETY: the tail's items are initialized, and the gap's are gone.
                unsafe { std::ptr::copy(from, to, tail) };
                // SAFETY: so many are initialized now.
                unsafe { vec.set_len(range.start + tail) };
            }
        }

        let closing = CloseUp(self);
        let items = &closing.0.items;
        if !items.is_engaged() {
            // SAFETY: no span has been made.
            unsafe { items.drop_range(0..items.len()) };
        }
    }
}

owned_items!([T: Send] IntoIter<T> => T);
debug_len!([T: Send] IntoIter<T>);
owned_items!(['v, T: Send] Drain<'v, T> => T);
debug_len!(['v, T: Send] Drain<'v, T>);

// `Sync`: the iterator is, whatever its items are, so two threads may be here at a time.
impl<T: Send + Sync + Clone> Clone for IntoIter<T> {
    fn clone(&self) -> Self {
        assert!(!self.items.is_engaged());
        // SAFETY: not engaged, so all are there.
        let items = unsafe { std::slice::from_raw_parts(self.start, self.items.len()) };
        Self::new(items.to_vec())
    }
}
