//! A borrowed slice of which parts are handed out: in one way or the other.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

/// A borrowed slice, for the iterators that are the same for both kinds.
pub trait Ground: Send + Sync {
    /// What lies there.
    type Item;
    /// A borrowed part.
    type Part: Send;

    /// How many items there are.
    fn len(&self) -> usize;

    /// Hands out a part.
    ///
    /// # Safety
    /// The range is within the slice. If the borrow is mutable, nobody has a part with any of these items,
    /// nor will have one.
    unsafe fn part(&self, range: Range<usize>) -> Self::Part;

    /// Looks at items.
    ///
    /// # Safety
    /// The range is within the slice. As long as the result lives, nobody else looks at these items or has a
    /// part with any of them.
    unsafe fn look(&self, range: Range<usize>) -> &[Self::Item];
}

/// A shared borrow.
pub struct Shared<'a, T>(&'a [T]);

impl<'a, T> Shared<'a, T> {
    pub(crate) fn new(slice: &'a [T]) -> Self {
        Self(slice)
    }

    pub(crate) fn slice(&self) -> &'a [T] {
        self.0
    }
}

impl<T> Clone for Shared<'_, T> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<'a, T: Sync> Ground for Shared<'a, T> {
    type Item = T;
    type Part = &'a [T];

    #[inline(always)]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    unsafe fn part(&self, range: Range<usize>) -> &'a [T] {
        // SAFETY: the caller's promise.
        unsafe { self.0.get_unchecked(range) }
    }

    #[inline(always)]
    unsafe fn look(&self, range: Range<usize>) -> &[T] {
        // SAFETY: the caller's promise.
        unsafe { self.0.get_unchecked(range) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

/// A mutable borrow.
pub struct Unique<'a, T> {
    start: *mut T,
    len: usize,
    borrowed: PhantomData<&'a mut [T]>,
}

// SAFETY: it is a mutable borrow of a slice.
unsafe impl<T: Send> Send for Unique<'_, T> {}
// SAFETY: what can be done with a shared reference is unsafe, and asks that each item is one thread's at a
// time.
unsafe impl<T: Send> Sync for Unique<'_, T> {}

impl<'a, T> Unique<'a, T> {
    pub(crate) fn new(slice: &'a mut [T]) -> Self {
        Self {
            start: slice.as_mut_ptr(),
            len: slice.len(),
            borrowed: PhantomData,
        }
    }

    /// Gives the slice back.
    pub(crate) fn into_slice(self) -> &'a mut [T] {
        // SAFETY: it was made from this slice, and nothing has been handed out as it has not been shared.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len) }
    }

    /// The slice, for a while.
    pub(crate) fn slice_mut(&mut self) -> &mut [T] {
        // SAFETY: it was made from this slice, and is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.len) }
    }
}

impl<'a, T: Send> Ground for Unique<'a, T> {
    type Item = T;
    type Part = &'a mut [T];

    #[inline(always)]
    fn len(&self) -> usize {
        self.len
    }

    #[inline(always)]
    unsafe fn part(&self, range: Range<usize>) -> &'a mut [T] {
        // SAFETY: within the slice.
        let start = unsafe { self.start.add(range.start) };
        // SAFETY: within the slice, and nobody else's from now on.
        unsafe { std::slice::from_raw_parts_mut(start, range.len()) }
    }

    #[inline(always)]
    unsafe fn look(&self, range: Range<usize>) -> &[T] {
        // SAFETY: within the slice.
        let start = unsafe { self.start.add(range.start) };
        // SAFETY: within the slice, and nobody else's for now.
        unsafe { std::slice::from_raw_parts(start, range.len()) }
    }
}

impl<T> fmt::Debug for Unique<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} items)", self.len)
    }
}
