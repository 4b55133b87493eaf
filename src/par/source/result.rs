//! Loops over what a result holds if it is `Ok`: one item, or none.

use crate::par::iter::IntoParallelIterator;
use crate::par::source::delegate::delegate_indexed;
use crate::par::source::option;

/// An iterator over the value of a result.
///
/// ```
/// use windrow::prelude::*;
///
/// let numbers: Vec<i32> = ["1", "x", "3"].par_iter().flat_map(|word| word.parse()).collect();
/// assert_eq!(numbers, [1, 3]);
/// ```
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct IntoIter<T> {
    inner: option::IntoIter<T>,
}

delegate_indexed!([T: Send] IntoIter<T> => T, option::IntoIter<T>);

impl<T: Clone + Sync> Clone for IntoIter<T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<T: Send, E> IntoParallelIterator for Result<T, E> {
    type Iter = IntoIter<T>;
    type Item = T;
    fn into_par_iter(self) -> IntoIter<T> {
        IntoIter {
            inner: self.ok().into_par_iter(),
        }
    }
}

/// An iterator over a reference to the value of a result.
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Iter<'a, T> {
    inner: option::IntoIter<&'a T>,
}

delegate_indexed!(['a, T: Sync] Iter<'a, T> => &'a T, option::IntoIter<&'a T>);

impl<T: Sync> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<'a, T: Sync, E> IntoParallelIterator for &'a Result<T, E> {
    type Iter = Iter<'a, T>;
    type Item = &'a T;
    fn into_par_iter(self) -> Iter<'a, T> {
        Iter {
            inner: self.as_ref().ok().into_par_iter(),
        }
    }
}

/// An iterator over a mutable reference to the value of a result.
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct IterMut<'a, T> {
    inner: option::IntoIter<&'a mut T>,
}

delegate_indexed!(['a, T: Send] IterMut<'a, T> => &'a mut T, option::IntoIter<&'a mut T>);

impl<'a, T: Send, E> IntoParallelIterator for &'a mut Result<T, E> {
    type Iter = IterMut<'a, T>;
    type Item = &'a mut T;
    fn into_par_iter(self) -> IterMut<'a, T> {
        IterMut {
            inner: self.as_mut().ok().into_par_iter(),
        }
    }
}
