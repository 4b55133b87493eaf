//! Loops over the items of deques.

use super::clone_references;
use super::drain::{Drained, Vessel};
use super::halves::Halves;
use crate::par::iter::{IntoParallelIterator, ParallelDrainRange};
use crate::par::source::delegate::delegate_indexed;
use crate::par::source::{bounds, slice, vec};
use std::collections::VecDeque;
use std::mem::take;
use std::ops::{Range, RangeBounds};

/// An iterator over the items of a deque.
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct IntoIter<T: Send> {
    inner: vec::IntoIter<T>,
}

delegate_indexed!([T: Send] IntoIter<T> => T, vec::IntoIter<T>);
clone_references!([T: Clone + Send + Sync] IntoIter<T>);

impl<T: Send> IntoParallelIterator for VecDeque<T> {
    type Iter = IntoIter<T>;
    type Item = T;
    fn into_par_iter(self) -> IntoIter<T> {
        IntoIter {
            inner: Vec::from(self).into_par_iter(),
        }
    }
}

/// An iterator over references to the items of a deque.
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Iter<'a, T> {
    inner: Halves<slice::Iter<'a, T>>,
}

delegate_indexed!(['a, T: Sync] Iter<'a, T> => &'a T, Halves<slice::Iter<'a, T>>);
clone_references!(['a, T] Iter<'a, T>);

impl<'a, T: Sync> IntoParallelIterator for &'a VecDeque<T> {
    type Iter = Iter<'a, T>;
    type Item = &'a T;
    fn into_par_iter(self) -> Iter<'a, T> {
        let (front, back) = self.as_slices();
        Iter {
            inner: Halves::new(front.into_par_iter(), back.into_par_iter()),
        }
    }
}

/// An iterator over mutable references to the items of a deque.
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct IterMut<'a, T> {
    inner: Halves<slice::IterMut<'a, T>>,
}

delegate_indexed!(['a, T: Send] IterMut<'a, T> => &'a mut T, Halves<slice::IterMut<'a, T>>);

impl<'a, T: Send> IntoParallelIterator for &'a mut VecDeque<T> {
    type Iter = IterMut<'a, T>;
    type Item = &'a mut T;
    fn into_par_iter(self) -> IterMut<'a, T> {
        let (front, back) = self.as_mut_slices();
        IterMut {
            inner: Halves::new(front.into_par_iter(), back.into_par_iter()),
        }
    }
}

impl<T: Send> Vessel<T> for VecDeque<T> {
    fn pour_out(&mut self) -> Vec<T> {
        take(self).into()
    }

    fn pour_in(&mut self, items: Vec<T>) {
        *self = items.into();
    }

    fn remove(&mut self, range: Range<usize>) {
        self.drain(range);
    }
}

/// An iterator over items that are taken out of a deque; made by
/// [`par_drain`](ParallelDrainRange::par_drain). What it does not give is dropped.
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Drain<'a, T: Send> {
    inner: Drained<'a, T, VecDeque<T>>,
}

delegate_indexed!(['a, T: Send] Drain<'a, T> => T, Drained<'a, T, VecDeque<T>>);

impl<'a, T: Send> ParallelDrainRange<usize> for &'a mut VecDeque<T> {
    type Iter = Drain<'a, T>;
    type Item = T;

    fn par_drain<R: RangeBounds<usize>>(self, range: R) -> Drain<'a, T> {
        let range = bounds(range, self.len());
        Drain {
            inner: Drained::new(self, range),
        }
    }
}
