//! Loops over the items of a vector, which they take out of it.

use crate::par::iter::{
    IndexedParallelIterator, IntoParallelIterator, ParallelDrainRange, ParallelIterator,
};
use crate::par::plumbing::{Consumer, Span, Steps, drive_by_item};
use crate::par::source::bounds;
use crate::par::source::owned::Owned;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Range, RangeBounds};

/// An iterator over the items of a vector.
#[must_use = "iterators do nothing until they are consumed"]
pub struct IntoIter<T: Send> {
    items: Owned<T>,
    capacity: usize,
    start: *mut T,
    /// Spans own the items now.
    engaged: bool,
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
            engaged: false,
        }
    }
}

impl<T: Send> Drop for IntoIter<T> {
    fn drop(&mut self) {
        let len = if self.engaged { 0 } else { self.items.len() };
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
    engaged: bool,
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
            engaged: false,
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

        let engaged = self.engaged;
        let closing = CloseUp(self);
        if !engaged {
            let items = &closing.0.items;
            // SAFETY: no span has been made.
            unsafe { items.drop_range(0..items.len()) };
        }
    }
}

macro_rules! owned_items {
    ([$($generics:tt)*] $name:ty) => {
        impl<$($generics)* T: Send> ParallelIterator for $name {
            type Item = T;
            drive_by_item!();
        }

        impl<$($generics)* T: Send> Steps for $name {
            type Local = ();

            fn steps(&self) -> usize {
                self.items.len()
            }

            fn engage(&mut self) {
                self.engaged = true;
            }

            fn local(&self) {}

            #[inline]
            fn feed<C: Consumer<T>>(
                &self,
                (): &mut (),
                span: Span,
                consumer: &C,
                fold: C::Fold,
            ) -> C::Fold {
                consumer.take_iter(fold, self.items.take(span))
            }

            #[inline]
            fn discard(&self, span: Span) {
                drop(self.items.take(span));
            }
        }

        impl<$($generics)* T: Send> IndexedParallelIterator for $name {
            #[inline(always)]
            unsafe fn item(&self, (): &mut (), index: usize) -> T {
                // SAFETY: the caller's promise.
                unsafe { self.items.item(index) }
            }
        }

        impl<$($generics)* T: Send> fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("len", &self.items.len())
                    .finish_non_exhaustive()
            }
        }
    };
}
owned_items!([] IntoIter<T>);
owned_items!(['v,] Drain<'v, T>);

// `Sync`: the iterator is, whatever its items are, so two threads may be here at a time.
impl<T: Send + Sync + Clone> Clone for IntoIter<T> {
    fn clone(&self) -> Self {
        assert!(!self.engaged);
        // SAFETY: not engaged, so all are there.
        let items = unsafe { std::slice::from_raw_parts(self.start, self.items.len()) };
        Self::new(items.to_vec())
    }
}
