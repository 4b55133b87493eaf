//! Loops over ranges without their end.

use crate::par::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Span, Steps, drive_steps, owns_nothing};
use crate::par::source::range_item::{IndexedRangeItem, RangeItem};
use crate::par::source::range_long::Blocks;
use std::ops::Range;

/// An iterator over a range.
///
/// It is indexed for integers of up to 64 bits and for characters.
///
/// ```
/// use windrow::prelude::*;
///
/// assert_eq!((0..10).into_par_iter().map(|x| x * x).sum::<i32>(), 285);
/// assert_eq!(('a'..'d').into_par_iter().collect::<Vec<_>>(), ['a', 'b', 'c']);
/// ```
///
/// # Panics
/// What needs the index of an item panics if the range is longer than an `usize` can count. What does not,
/// such as `find_any`, works with any range.
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Iter<T> {
    range: Range<T>,
}

impl<T: RangeItem> Iter<T> {
    fn distance(&self) -> u128 {
        if self.range.is_empty() {
            0
        } else {
            self.range.start.distance(self.range.end)
        }
    }
}

/// The number of steps of an indexed range.
#[track_caller]
pub(crate) fn fits(len: Option<usize>) -> usize {
    len.expect("a range should not be longer than a usize can count where indices are needed")
}

impl<T: RangeItem> IntoParallelIterator for Range<T> {
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
        let first = self.range.start;
        let last = first.far(self.distance() - 1);
        Blocks::new(first, last).drive(consumer, fold)
    }

    fn opt_len(&self) -> Option<usize> {
        usize::try_from(self.distance()).ok()
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
        let start = self.range.start;
        consumer.take_iter(
            fold,
            T::serial(start.at(span.start())..start.at(span.end())),
        )
    }
}

impl<T: IndexedRangeItem> IndexedParallelIterator for Iter<T> {
    #[inline(always)]
    unsafe fn item(&self, (): &mut (), index: usize) -> T {
        self.range.start.at(index)
    }
}
