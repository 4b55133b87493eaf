//! Loops over several iterators side by side: tuples.

use crate::par::iter::{
    IndexedParallelIterator, IntoParallelIterator, IntoParallelRefIterator,
    IntoParallelRefMutIterator, ParallelIterator,
};
use crate::par::plumbing::{Held, Hints, Span, Steps, drive_by_item, feed_by_item};
use std::mem::forget;

/// An iterator over tuples of items, one from each iterator of a tuple, as many as the shortest has; made by
/// [`into_par_iter`](IntoParallelIterator::into_par_iter) on a tuple, or on a reference to one.
///
/// ```
/// use windrow::prelude::*;
///
/// let mut sums = vec![0; 3];
/// (&mut sums, 1..10, [10, 20, 30]).into_par_iter().for_each(|(sum, x, y)| *sum = x + y);
/// assert_eq!(sums, [11, 22, 33]);
///
/// let columns = (vec![1, 2], vec!["one", "two"]);
/// assert_eq!(columns.par_iter().map(|(x, word)| word.repeat(*x)).collect::<String>(), "onetwotwo");
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct MultiZip<T> {
    tuple: T,
}

macro_rules! multi_zip {
    ($($T:ident $index:tt $kept:ident $more:ident),+) => {
        impl<$($T),+> IntoParallelIterator for ($($T,)+)
        where
            $($T: IntoParallelIterator<Iter: IndexedParallelIterator>,)+
        {
            type Iter = MultiZip<($($T::Iter,)+)>;
            type Item = ($($T::Item,)+);
            fn into_par_iter(self) -> Self::Iter {
                MultiZip {
                    tuple: ($(self.$index.into_par_iter(),)+),
                }
            }
        }

        impl<'a, $($T),+> IntoParallelIterator for &'a ($($T,)+)
        where
            $($T: IntoParallelRefIterator<'a, Iter: IndexedParallelIterator>,)+
        {
            type Iter = MultiZip<($($T::Iter,)+)>;
            type Item = ($($T::Item,)+);
            fn into_par_iter(self) -> Self::Iter {
                MultiZip {
                    tuple: ($(self.$index.par_iter(),)+),
                }
            }
        }

        impl<'a, $($T),+> IntoParallelIterator for &'a mut ($($T,)+)
        where
            $($T: IntoParallelRefMutIterator<'a, Iter: IndexedParallelIterator>,)+
        {
            type Iter = MultiZip<($($T::Iter,)+)>;
            type Item = ($($T::Item,)+);
            fn into_par_iter(self) -> Self::Iter {
                MultiZip {
                    tuple: ($(self.$index.par_iter_mut(),)+),
                }
            }
        }

        impl<$($T: IndexedParallelIterator),+> ParallelIterator for MultiZip<($($T,)+)> {
            type Item = ($($T::Item,)+);
            drive_by_item!();
        }

        impl<$($T: IndexedParallelIterator),+> Steps for MultiZip<($($T,)+)> {
            type Local = ($($T::Local,)+);

            fn steps(&self) -> usize {
                let len = usize::MAX;
                $(let len = len.min(self.tuple.$index.steps());)+
                len
            }

            unsafe fn engage(&mut self) {
                let len = self.steps();
                $(
                    let more = len..self.tuple.$index.steps();
                    // SAFETY: the caller's promise.
                    unsafe { self.tuple.$index.engage() };
                    // SAFETY: just engaged. The first `len` steps are the driver's if this does not unwind.
                    let $kept = unsafe { Held::new(&self.tuple.$index, 0..len) };
                    // SAFETY: just engaged, and nobody feeds these.
                    let $more = unsafe { Held::new(&self.tuple.$index, more) };
                )+
                $(drop($more);)+
                $(forget($kept);)+
            }

            fn ended(&self) {
                $(self.tuple.$index.ended();)+
            }

            fn hints(&self) -> Hints {
                let hints = Hints::default();
                $(let hints = hints.and(self.tuple.$index.hints());)+
                hints
            }

            fn local(&self) -> Self::Local {
                ($(self.tuple.$index.local(),)+)
            }

            feed_by_item!();

            fn discard(&self, span: Span) {
                // All before the first is discarded, which may panic.
                // SAFETY: the span is the right to these steps of each source.
                $(let $kept = unsafe { Held::new(&self.tuple.$index, span.range()) };)+
                $(drop($kept);)+
            }
        }

        impl<$($T: IndexedParallelIterator),+> IndexedParallelIterator for MultiZip<($($T,)+)> {
            #[inline(always)]
            unsafe fn item(&self, local: &mut Self::Local, index: usize) -> Self::Item {
                // All before the first is taken, which may panic.
                $(
                    // SAFETY: the caller's promise is the right to this step of each source.
                    let $kept = unsafe { Held::new(&self.tuple.$index, index..index + 1) };
                )+
                (
                    $({
                        forget($kept);
                        // SAFETY: as above, and nobody else takes it now.
                        unsafe { self.tuple.$index.item(&mut local.$index, index) }
                    },)+
                )
            }
        }
    };
}

multi_zip!(T0 0 kept0 more0);
multi_zip!(T0 0 kept0 more0, T1 1 kept1 more1);
multi_zip!(T0 0 kept0 more0, T1 1 kept1 more1, T2 2 kept2 more2);
multi_zip!(T0 0 kept0 more0, T1 1 kept1 more1, T2 2 kept2 more2, T3 3 kept3 more3);
multi_zip!(
    T0 0 kept0 more0, T1 1 kept1 more1, T2 2 kept2 more2, T3 3 kept3 more3,
    T4 4 kept4 more4
);
multi_zip!(
    T0 0 kept0 more0, T1 1 kept1 more1, T2 2 kept2 more2, T3 3 kept3 more3,
    T4 4 kept4 more4, T5 5 kept5 more5
);
multi_zip!(
    T0 0 kept0 more0, T1 1 kept1 more1, T2 2 kept2 more2, T3 3 kept3 more3,
    T4 4 kept4 more4, T5 5 kept5 more5, T6 6 kept6 more6
);
multi_zip!(
    T0 0 kept0 more0, T1 1 kept1 more1, T2 2 kept2 more2, T3 3 kept3 more3,
    T4 4 kept4 more4, T5 5 kept5 more5, T6 6 kept6 more6, T7 7 kept7 more7
);
multi_zip!(
    T0 0 kept0 more0, T1 1 kept1 more1, T2 2 kept2 more2, T3 3 kept3 more3,
    T4 4 kept4 more4, T5 5 kept5 more5, T6 6 kept6 more6, T7 7 kept7 more7,
    T8 8 kept8 more8
);
multi_zip!(
    T0 0 kept0 more0, T1 1 kept1 more1, T2 2 kept2 more2, T3 3 kept3 more3,
    T4 4 kept4 more4, T5 5 kept5 more5, T6 6 kept6 more6, T7 7 kept7 more7,
    T8 8 kept8 more8, T9 9 kept9 more9
);
multi_zip!(
    T0 0 kept0 more0, T1 1 kept1 more1, T2 2 kept2 more2, T3 3 kept3 more3,
    T4 4 kept4 more4, T5 5 kept5 more5, T6 6 kept6 more6, T7 7 kept7 more7,
    T8 8 kept8 more8, T9 9 kept9 more9, T10 10 kept10 more10
);
multi_zip!(
    T0 0 kept0 more0, T1 1 kept1 more1, T2 2 kept2 more2, T3 3 kept3 more3,
    T4 4 kept4 more4, T5 5 kept5 more5, T6 6 kept6 more6, T7 7 kept7 more7,
    T8 8 kept8 more8, T9 9 kept9 more9, T10 10 kept10 more10, T11 11 kept11 more11
);
