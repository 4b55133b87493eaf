//! Loops over ranges with their end.

use crate::par::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Span, Steps, drive_steps, owns_nothing};
use crate::par::source::range::fits;
use crate::par::source::range_item::{IndexedRangeItem, RangeItem};
use crate::par::source::range_long::{Blocks, feed_inclusive};
use std::ops::RangeInclusive;

/// An iterator over a range with its end.
///
/// It is indexed for integers of up to 64 bits and for characters.
///
/// ```
/// use windrow::prelude::*;
///
/// assert_eq!((1..=9).into_par_iter().sum::<i32>(), 45);
/// assert_eq!((0..=u8::MAX).into_par_iter().len(), 256);
/// ```
///
/// # Panics
/// What needs the index of an item panics if the range is longer than an `usize` can count, as `0..=usize::MAX`
/// is. What does not, such as `find_any`, works with any range.
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Iter<T> {
    range: RangeInclusive<T>,
}

impl<T: RangeItem> IntoParallelIterator for RangeInclusive<T> {
    type Iter = Iter<T>;
    type Item = T;
    fn into_par_iter(self) -> Iter<T> {
        Iter { range: self }
    }
}

impl<T: RangeItem> ParallelIterator for Iter<T> {
    type Item = T;

    fn drive<C: Consumer<T>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        if self.opt_len().is_some() {
            return drive_steps(self, consumer, fold);
        }
        let (first, last) = self.range.into_inner();
        Blocks::new(first, last).drive(consumer, fold)
    }

    fn opt_len(&self) -> Option<usize> {
        if self.range.is_empty() {
            return Some(0);
        }
        let last = self.range.start().distance(*self.range.end());
        usize::try_from(last).ok()?.checked_add(1)
    }
}

impl<T: RangeItem> Steps for Iter<T> {
    owns_nothing!();

    fn steps(&self) -> usize {
        fits(self.opt_len())
    }

    #[inline]
    fn feed<C: Consumer<T>>(
        &self,
        (): &mut (),
        span: Span,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        if span.len() == 0 {
            return fold;
        }
        let start = *self.range.start();
        feed_inclusive(
            start.at(span.start()),
            start.at(span.end() - 1),
            consumer,
            fold,
        )
    }
}

impl<T: IndexedRangeItem> IndexedParallelIterator for Iter<T> {
    #[inline(always)]
    unsafe fn item(&self, (): &mut (), index: usize) -> T {
        self.range.start().at(index)
    }
}
