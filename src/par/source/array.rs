//! Loops over the items of arrays, which they take out of them.

use crate::par::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Span, Steps, drive_by_item};
use crate::par::source::inline::Inline;
use std::fmt;

/// An iterator over the items of an array.
///
/// ```
/// use windrow::prelude::*;
///
/// let words = ["rows".to_string(), "of".to_string(), "hay".to_string()];
/// let lens: Vec<usize> = words.into_par_iter().map(|word| word.len()).collect();
/// assert_eq!(lens, [4, 2, 3]);
/// ```
#[must_use = "iterators do nothing until they are consumed"]
pub struct IntoIter<T, const N: usize> {
    items: Inline<T, N>,
}

impl<T: Send, const N: usize> IntoParallelIterator for [T; N] {
    type Iter = IntoIter<T, N>;
    type Item = T;
    fn into_par_iter(self) -> IntoIter<T, N> {
        IntoIter {
            items: Inline::new(self),
        }
    }
}

/// The traits of an iterator around a field `items`, which is [`Inline`].
macro_rules! inline_items {
    ([$($generics:tt)*] $name:ty) => {
        impl<T: Send, $($generics)*> ParallelIterator for $name {
            type Item = T;
            drive_by_item!();
        }

        impl<T: Send, $($generics)*> Steps for $name {
            type Local = ();

            fn steps(&self) -> usize {
                self.items.len()
            }

            fn engage(&mut self) {
                self.items.engage();
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
                self.items.feed(span, consumer, fold)
            }

            fn discard(&self, span: Span) {
                self.items.discard(span);
            }
        }

        impl<T: Send, $($generics)*> IndexedParallelIterator for $name {
            #[inline(always)]
            unsafe fn item(&self, (): &mut (), index: usize) -> T {
                // SAFETY: the caller's promise.
                unsafe { self.items.item(index) }
            }
        }

        impl<T: Clone + Sync, $($generics)*> Clone for $name {
            fn clone(&self) -> Self {
                Self {
                    items: self.items.clone(),
                }
            }
        }

        impl<T, $($generics)*> fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("len", &self.items.len())
                    .finish_non_exhaustive()
            }
        }
    };
}
inline_items!([const N: usize] IntoIter<T, N>);

pub(crate) use inline_items;
