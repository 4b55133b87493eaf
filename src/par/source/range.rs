//! Loops over ranges of integers.

use crate::par::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Span, Steps, drive_by_item};
use std::ops::Range;

/// An iterator over a range.
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Iter<T> {
    range: Range<T>,
}

/// A number that ranges are made of.
pub trait RangeInteger: Copy + Send + Sync + 'static {
    #[doc(hidden)]
    type Serial: Iterator<Item = Self>;
    #[doc(hidden)]
    fn len(range: &Range<Self>) -> usize;
    #[doc(hidden)]
    fn at(self, index: usize) -> Self;
    #[doc(hidden)]
    fn serial(range: Range<Self>) -> Self::Serial;
}

macro_rules! range_integer {
    ($($int:ident)*) => {$(
        impl RangeInteger for $int {
            type Serial = Range<$int>;

            fn len(range: &Range<$int>) -> usize {
                if range.is_empty() {
                    0
                } else {
                    let len = range.end as i128 - range.start as i128;
                    usize::try_from(len).expect("a range no longer than an usize can count")
                }
            }

            #[inline(always)]
            fn at(self, index: usize) -> $int {
                self.wrapping_add(index as $int)
            }

            #[inline(always)]
            fn serial(range: Range<$int>) -> Range<$int> {
                range
            }
        }
    )*};
}
range_integer!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl<T: RangeInteger> IntoParallelIterator for Range<T> {
    type Iter = Iter<T>;
    type Item = T;
    fn into_par_iter(self) -> Iter<T> {
        Iter { range: self }
    }
}

impl<T: RangeInteger> ParallelIterator for Iter<T> {
    type Item = T;
    drive_by_item!();
}

impl<T: RangeInteger> Steps for Iter<T> {
    type Local = ();

    fn steps(&self) -> usize {
        T::len(&self.range)
    }

    fn engage(&mut self) {}

    fn local(&self) {}

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

    #[inline]
    fn discard(&self, _span: Span) {}
}

impl<T: RangeInteger> IndexedParallelIterator for Iter<T> {
    #[inline(always)]
    unsafe fn item(&self, (): &mut (), index: usize) -> T {
        self.range.start.at(index)
    }
}
