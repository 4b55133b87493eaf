//! Items that lie in memory and are given away: the ground under vectors, arrays and what becomes a vector.

use crate::par::plumbing::{Consumer, Span};
use std::ops::Range;

/// Places of initialized items, each of which is moved out, or dropped, once.
pub(crate) struct Owned<T> {
    start: *mut T,
    len: usize,
    /// Spans own the items now.
    engaged: bool,
}

// SAFETY: it owns the items.
unsafe impl<T: Send> Send for Owned<T> {}
// SAFETY: what can be done with a shared reference is to move items out, each once (`Span`).
unsafe impl<T: Send> Sync for Owned<T> {}

impl<T> Owned<T> {
    /// # Safety
    /// The items at `start` are initialized, and this value's from now on, as long as it is used.
    pub(crate) unsafe fn new(start: *mut T, len: usize) -> Self {
        Self {
            start,
            len,
            engaged: false,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn engage(&mut self) {
        self.engaged = true;
    }

    pub(crate) fn is_engaged(&self) -> bool {
        self.engaged
    }

    #[inline]
    pub(crate) fn feed<C: Consumer<T>>(&self, span: Span, consumer: &C, fold: C::Fold) -> C::Fold {
        consumer.take_iter(fold, self.take(span))
    }

    #[inline]
    pub(crate) fn discard(&self, span: Span) {
        drop(self.take(span));
    }

    /// Moves out the items of a span.
    fn take(&self, span: Span) -> Taken<'_, T> {
        debug_assert!(span.end() <= self.len);
        Taken {
            items: self,
            left: span.range(),
        }
    }

    /// # Safety
    /// `index` is below the length, and taken once.
    #[inline(always)]
    pub(crate) unsafe fn item(&self, index: usize) -> T {
        // SAFETY: within the items.
        let place = unsafe { self.start.add(index) };
        // SAFETY: initialized, and never read again.
        unsafe { place.read() }
    }

    /// # Safety
    /// Nobody has taken any of these, nor will.
    pub(crate) unsafe fn drop_range(&self, range: Range<usize>) {
        // SAFETY: within the items.
        let start = unsafe { self.start.add(range.start) };
        let items = std::ptr::slice_from_raw_parts_mut(start, range.len());
        // SAFETY: initialized, and the caller's.
        unsafe { items.drop_in_place() };
    }
}

/// Items on their way out; drops those that are left.
struct Taken<'o, T> {
    items: &'o Owned<T>,
    left: Range<usize>,
}

impl<T> Iterator for Taken<'_, T> {
    type Item = T;

    #[inline(always)]
    fn next(&mut self) -> Option<T> {
        let index = self.left.next()?;
        // SAFETY: the span was the right to it, and it is counted as taken.
        Some(unsafe { self.items.item(index) })
    }

    #[inline(always)]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl<T> ExactSizeIterator for Taken<'_, T> {}

impl<T> Drop for Taken<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if std::mem::needs_drop::<T>() && !self.left.is_empty() {
            // SAFETY: these have not been taken.
            unsafe { self.items.drop_range(self.left.clone()) };
        }
    }
}

/// The traits of an iterator over `$item` around a field `items`: [`Owned`], or what has the same methods.
macro_rules! owned_items {
    ([$($generics:tt)*] $name:ty => $item:ty) => {
        impl<$($generics)*> $crate::par::iter::ParallelIterator for $name {
            type Item = $item;
            $crate::par::plumbing::drive_by_item!();
        }

        impl<$($generics)*> $crate::par::plumbing::Steps for $name {
            type Local = ();

            fn steps(&self) -> usize {
                self.items.len()
            }

            unsafe fn engage(&mut self) {
                self.items.engage();
            }

            fn local(&self) {}

            #[inline]
            fn feed<C: $crate::par::plumbing::Consumer<$item>>(
                &self,
                (): &mut (),
                span: $crate::par::plumbing::Span,
                consumer: &C,
                fold: C::Fold,
            ) -> C::Fold {
                self.items.feed(span, consumer, fold)
            }

            #[inline]
            fn discard(&self, span: $crate::par::plumbing::Span) {
                self.items.discard(span);
            }
        }

        impl<$($generics)*> $crate::par::iter::IndexedParallelIterator for $name {
            #[inline(always)]
            unsafe fn item(&self, (): &mut (), index: usize) -> $item {
                // SAFETY: the caller's promise.
                unsafe { self.items.item(index) }
            }
        }
    };
}

pub(crate) use owned_items;
