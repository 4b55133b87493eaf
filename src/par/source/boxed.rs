//! Loops over the items of boxed slices.

use crate::par::iter::IntoParallelIterator;
use crate::par::source::{slice, vec};

impl<T: Send> IntoParallelIterator for Box<[T]> {
    type Iter = vec::IntoIter<T>;
    type Item = T;
    fn into_par_iter(self) -> vec::IntoIter<T> {
        vec::IntoIter::new(self.into_vec())
    }
}

impl<'a, T: Sync> IntoParallelIterator for &'a Box<[T]> {
    type Iter = slice::Iter<'a, T>;
    type Item = &'a T;
    fn into_par_iter(self) -> slice::Iter<'a, T> {
        slice::Iter::new(self)
    }
}

impl<'a, T: Send> IntoParallelIterator for &'a mut Box<[T]> {
    type Iter = slice::IterMut<'a, T>;
    type Item = &'a mut T;
    fn into_par_iter(self) -> slice::IterMut<'a, T> {
        slice::IterMut::new(self)
    }
}
