//! Loops over what an option holds: one item, or none.

use crate::par::iter::IntoParallelIterator;
use crate::par::source::delegate::delegate_indexed;
use crate::par::source::inline::{Inline, inline_items};

/// An iterator over the value of an option.
///
/// ```
/// use windrow::prelude::*;
///
/// let words = vec![Some("rows"), None, Some("hay")];
/// assert_eq!(words.into_par_iter().flatten().count(), 2);
/// ```
#[must_use = "iterators do nothing until they are consumed"]
pub struct IntoIter<T> {
    items: Inline<T, 1>,
}

inline_items!([] IntoIter<T>);

impl<T: Send> IntoParallelIterator for Option<T> {
    type Iter = IntoIter<T>;
    type Item = T;
    fn into_par_iter(self) -> IntoIter<T> {
        IntoIter { items: self.into() }
    }
}

/// An iterator over a reference to the value of an option.
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Iter<'a, T> {
    inner: IntoIter<&'a T>,
}

delegate_indexed!(['a, T: Sync] Iter<'a, T> => &'a T, IntoIter<&'a T>);

impl<T: Sync> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<'a, T: Sync> IntoParallelIterator for &'a Option<T> {
    type Iter = Iter<'a, T>;
    type Item = &'a T;
    fn into_par_iter(self) -> Iter<'a, T> {
        Iter {
            inner: self.as_ref().into_par_iter(),
        }
    }
}

/// An iterator over a mutable reference to the value of an option.
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct IterMut<'a, T> {
    inner: IntoIter<&'a mut T>,
}

delegate_indexed!(['a, T: Send] IterMut<'a, T> => &'a mut T, IntoIter<&'a mut T>);

impl<'a, T: Send> IntoParallelIterator for &'a mut Option<T> {
    type Iter = IterMut<'a, T>;
    type Item = &'a mut T;
    fn into_par_iter(self) -> IterMut<'a, T> {
        IterMut {
            inner: self.as_mut().into_par_iter(),
        }
    }
}
