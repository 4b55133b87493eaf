//! Loops over clones of one value.

use crate::par::adapt::zip::Zip;
use crate::par::debug::debug_fields;
use crate::par::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Span, Steps, drive_by_item, lock};
use crate::sync::Mutex;

/// The value, of which each piece of the loop has a clone, to clone from without a lock.
struct Original<T>(Mutex<T>);

impl<T: Clone> Original<T> {
    fn new(item: T) -> Self {
        Self(Mutex::new(item))
    }

    fn copy(&self) -> T {
        lock(&self.0).clone()
    }
}

/// An iterator that repeats a value without end; made by [`repeat`].
#[must_use = "iterators do nothing until they are consumed"]
pub struct Repeat<T> {
    item: Original<T>,
}

/// An iterator that clones `item` without end: for consumers that come to an end by themselves, and to be cut
/// by [`take`](Repeat::take) or [`zip`](Repeat::zip).
///
/// Each piece of the loop has a clone of its own, too.
///
/// ```
/// use windrow::iter::repeat;
/// use windrow::prelude::*;
///
/// let pairs: Vec<_> = repeat("hay").zip(1..4).collect();
/// assert_eq!(pairs, [("hay", 1), ("hay", 2), ("hay", 3)]);
/// ```
pub fn repeat<T: Clone + Send>(item: T) -> Repeat<T> {
    Repeat {
        item: Original::new(item),
    }
}

impl<T: Clone + Send> Repeat<T> {
    /// The first `n` of them.
    ///
    /// ```
    /// use windrow::iter::repeat;
    /// use windrow::prelude::*;
    ///
    /// assert_eq!(repeat(2).take(10).product::<i32>(), 1024);
    /// ```
    pub fn take(self, n: usize) -> RepeatN<T> {
        RepeatN {
            item: self.item,
            len: n,
        }
    }

    /// Pairs of a clone and an item of `zip_op`, as many as that has.
    ///
    /// ```
    /// use windrow::iter::repeat;
    /// use windrow::prelude::*;
    ///
    /// let pairs: Vec<_> = repeat('x').zip([1, 2]).collect();
    /// assert_eq!(pairs, [('x', 1), ('x', 2)]);
    /// ```
    pub fn zip<Z>(self, zip_op: Z) -> Zip<RepeatN<T>, Z::Iter>
    where
        Z: IntoParallelIterator<Iter: IndexedParallelIterator>,
    {
        let other = zip_op.into_par_iter();
        let len = other.len();
        self.take(len).zip(other)
    }
}

impl<T: Clone + Send> ParallelIterator for Repeat<T> {
    type Item = T;

    fn drive<C: Consumer<T>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        self.take(usize::MAX).drive(consumer, fold)
    }
}

/// An iterator that repeats a value a number of times; made by [`repeat_n`].
#[must_use = "iterators do nothing until they are consumed"]
pub struct RepeatN<T> {
    item: Original<T>,
    len: usize,
}

/// An iterator over `n` clones of `item`.
///
/// Each piece of the loop has a clone of its own, too.
///
/// ```
/// use windrow::iter::repeat_n;
/// use windrow::prelude::*;
///
/// assert_eq!(repeat_n("hay", 3).collect::<String>(), "hayhayhay");
/// ```
pub fn repeat_n<T: Clone + Send>(item: T, n: usize) -> RepeatN<T> {
    repeat(item).take(n)
}

impl<T: Clone + Send> ParallelIterator for RepeatN<T> {
    type Item = T;
    drive_by_item!();
}

impl<T: Clone + Send> Steps for RepeatN<T> {
    type Local = T;

    fn steps(&self) -> usize {
        self.len
    }

    unsafe fn engage(&mut self) {}

    fn local(&self) -> T {
        self.item.copy()
    }

    fn feed<C: Consumer<T>>(
        &self,
        local: &mut T,
        span: Span,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        consumer.take_iter(fold, span.range().map(|_| local.clone()))
    }

    fn discard(&self, _span: Span) {}
}

impl<T: Clone + Send> IndexedParallelIterator for RepeatN<T> {
    #[inline(always)]
    unsafe fn item(&self, local: &mut T, _index: usize) -> T {
        local.clone()
    }
}

impl<T: Clone> Clone for Original<T> {
    fn clone(&self) -> Self {
        Self::new(self.copy())
    }
}

impl<T: Clone> Clone for Repeat<T> {
    fn clone(&self) -> Self {
        Self {
            item: self.item.clone(),
        }
    }
}

impl<T: Clone> Clone for RepeatN<T> {
    fn clone(&self) -> Self {
        Self {
            item: self.item.clone(),
            len: self.len,
        }
    }
}

debug_fields!(
    [T] Repeat<T> {}
    [T] RepeatN<T> { len }
);
