//! Loops over the items of binary heaps, in no order.

use super::clone_references;
use super::drain::{Drained, Vessel};
use crate::par::iter::{IntoParallelIterator, ParallelDrainFull};
use crate::par::source::delegate::delegate_indexed;
use crate::par::source::{slice, vec};
use std::collections::BinaryHeap;
use std::mem::take;
use std::ops::Range;

/// An iterator over the items of a binary heap.
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct IntoIter<T: Send> {
    inner: vec::IntoIter<T>,
}

delegate_indexed!([T: Send] IntoIter<T> => T, vec::IntoIter<T>);
clone_references!([T: Clone + Send + Sync] IntoIter<T>);

impl<T: Send> IntoParallelIterator for BinaryHeap<T> {
    type Iter = IntoIter<T>;
    type Item = T;
    fn into_par_iter(self) -> IntoIter<T> {
        IntoIter {
            inner: self.into_vec().into_par_iter(),
        }
    }
}

/// An iterator over references to the items of a binary heap.
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Iter<'a, T> {
    inner: slice::Iter<'a, T>,
}

delegate_indexed!(['a, T: Sync] Iter<'a, T> => &'a T, slice::Iter<'a, T>);
clone_references!(['a, T] Iter<'a, T>);

impl<'a, T: Sync> IntoParallelIterator for &'a BinaryHeap<T> {
    type Iter = Iter<'a, T>;
    type Item = &'a T;
    fn into_par_iter(self) -> Iter<'a, T> {
        Iter {
            inner: self.as_slice().into_par_iter(),
        }
    }
}

impl<T: Ord + Send> Vessel<T> for BinaryHeap<T> {
    fn pour_out(&mut self) -> Vec<T> {
        take(self).into_vec()
    }

    fn pour_in(&mut self, items: Vec<T>) {
        *self = items.into();
    }

    fn remove(&mut self, _all: Range<usize>) {
        self.clear();
    }
}

/// An iterator over the items of a binary heap, which it takes out of it; made by
/// [`par_drain`](ParallelDrainFull::par_drain). What it does not give is dropped. The heap keeps its memory.
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Drain<'a, T: Ord + Send> {
    inner: Drained<'a, T, BinaryHeap<T>>,
}

delegate_indexed!(['a, T: Ord + Send] Drain<'a, T> => T, Drained<'a, T, BinaryHeap<T>>);

impl<'a, T: Ord + Send> ParallelDrainFull for &'a mut BinaryHeap<T> {
    type Iter = Drain<'a, T>;
    type Item = T;
    fn par_drain(self) -> Drain<'a, T> {
        let len = self.len();
        Drain {
            inner: Drained::new(self, 0..len),
        }
    }
}
