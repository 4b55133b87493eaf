//! Loops over the items of arrays, which they take out of them.

use crate::par::iter::IntoParallelIterator;
use crate::par::source::inline::{Inline, inline_items};

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

inline_items!([const N: usize] IntoIter<T, N>);
