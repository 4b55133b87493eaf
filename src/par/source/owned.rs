//! Items that lie in memory and are given away: the ground under vectors, arrays and what becomes a vector.

use crate::par::plumbing::Span;
use std::ops::Range;

/// Places of initialized items, each of which is moved out, or dropped, once.
pub(crate) struct Owned<T> {
    start: *mut T,
    len: usize,
}

// SAFETY: it owns the items.
unsafe impl<T: Send> Send for Owned<T> {}
// SAFETY: what can be done with a shared reference is to move items out, each once (`Span`).
unsafe impl<T: Send> Sync for Owned<T> {}

impl<T> Owned<T> {
    /// # Safety
    /// The items at `start` are initialized, and this value's from now on, as long as it is used.
    pub(crate) unsafe fn new(start: *mut T, len: usize) -> Self {
        Self { start, len }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Moves out the items of a span.
    pub(crate) fn take(&self, span: Span) -> Taken<'_, T> {
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
pub(crate) struct Taken<'o, T> {
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
