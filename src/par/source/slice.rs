//! Loops over the items of slices.

use crate::par::debug::debug_fields;
use crate::par::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Span, Steps, drive_by_item, owns_nothing};
use std::fmt;
use std::marker::PhantomData;

/// An iterator over references to a slice's items.
#[must_use = "iterators do nothing until they are consumed"]
pub struct Iter<'a, T> {
    slice: &'a [T],
}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self { slice: self.slice }
    }
}

impl<'a, T> Iter<'a, T> {
    pub(crate) fn new(slice: &'a [T]) -> Self {
        Self { slice }
    }
}

impl<'a, T: Sync> ParallelIterator for Iter<'a, T> {
    type Item = &'a T;
    drive_by_item!();
}

impl<T: Sync> Steps for Iter<'_, T> {
    owns_nothing!();

    fn steps(&self) -> usize {
        self.slice.len()
    }

    #[inline]
    fn feed<C: Consumer<Self::Item>>(
        &self,
        (): &mut (),
        span: Span,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        consumer.take_iter(fold, self.slice[span.range()].iter())
    }
}

impl<'a, T: Sync> IndexedParallelIterator for Iter<'a, T> {
    #[inline(always)]
    unsafe fn item(&self, (): &mut (), index: usize) -> &'a T {
        // SAFETY: below `steps()`.
        unsafe { self.slice.get_unchecked(index) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(&self.slice).finish()
    }
}

/// An iterator over mutable references to a slice's items.
#[must_use = "iterators do nothing until they are consumed"]
pub struct IterMut<'a, T> {
    start: *mut T,
    len: usize,
    borrowed: PhantomData<&'a mut [T]>,
}

// SAFETY: it is a mutable borrow of a slice.
unsafe impl<T: Send> Send for IterMut<'_, T> {}
// SAFETY: what can be done with a shared reference is to take items, each of them once (`Span`), on the
// threads that they are sent to.
unsafe impl<T: Send> Sync for IterMut<'_, T> {}

impl<'a, T> IterMut<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            borrowed: PhantomData,
        }
    }
}

impl<'a, T: Send> ParallelIterator for IterMut<'a, T> {
    type Item = &'a mut T;
    drive_by_item!();
}

impl<'a, T: Send> Steps for IterMut<'a, T> {
    owns_nothing!();

    fn steps(&self) -> usize {
        self.len
    }

    #[inline]
    fn feed<C: Consumer<Self::Item>>(
        &self,
        (): &mut (),
        span: Span,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        // SAFETY: within the slice.
        let start = unsafe { self.start.add(span.start()) };
        // SAFETY: the span is the right to these items, and nobody else has it.
        let items: &'a mut [T] = unsafe { std::slice::from_raw_parts_mut(start, span.len()) };
        consumer.take_iter(fold, items.iter_mut())
    }
}

impl<'a, T: Send> IndexedParallelIterator for IterMut<'a, T> {
    #[inline(always)]
    unsafe fn item(&self, (): &mut (), index: usize) -> &'a mut T {
        // SAFETY: below `steps()`, so within the slice.
        let item = unsafe { self.start.add(index) };
        // SAFETY: the caller takes it once.
        unsafe { &mut *item }
    }
}

impl<'a, T: Sync> IntoParallelIterator for &'a [T] {
    type Iter = Iter<'a, T>;
    type Item = &'a T;
    fn into_par_iter(self) -> Iter<'a, T> {
        Iter::new(self)
    }
}

impl<'a, T: Send> IntoParallelIterator for &'a mut [T] {
    type Iter = IterMut<'a, T>;
    type Item = &'a mut T;
    fn into_par_iter(self) -> IterMut<'a, T> {
        IterMut::new(self)
    }
}

impl<'a, T: Sync> IntoParallelIterator for &'a Vec<T> {
    type Iter = Iter<'a, T>;
    type Item = &'a T;
    fn into_par_iter(self) -> Iter<'a, T> {
        Iter::new(self)
    }
}

impl<'a, T: Send> IntoParallelIterator for &'a mut Vec<T> {
    type Iter = IterMut<'a, T>;
    type Item = &'a mut T;
    fn into_par_iter(self) -> IterMut<'a, T> {
        IterMut::new(self)
    }
}

impl<'a, T: Sync, const N: usize> IntoParallelIterator for &'a [T; N] {
    type Iter = Iter<'a, T>;
    type Item = &'a T;
    fn into_par_iter(self) -> Iter<'a, T> {
        Iter::new(self)
    }
}

impl<'a, T: Send, const N: usize> IntoParallelIterator for &'a mut [T; N] {
    type Iter = IterMut<'a, T>;
    type Item = &'a mut T;
    fn into_par_iter(self) -> IterMut<'a, T> {
        IterMut::new(self)
    }
}

debug_fields!([T] IterMut<'_, T> { len });
