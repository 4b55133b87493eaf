//! Loops over the items of hash sets.

use super::{clone_references, through_vec};
use crate::par::iter::{IntoParallelIterator, ParallelDrainFull};
use crate::par::source::delegate::delegate;
use crate::par::source::vec;
use std::collections::HashSet;
use std::marker::PhantomData;

through_vec!(
    /// An iterator over the items of a hash set.
    [T: Send] + S, HashSet<T, S> => IntoIter<T>, T
);

through_vec!(
    /// An iterator over references to the items of a hash set.
    ['a, T: Sync] + S, &'a HashSet<T, S> => Iter<'a, T>, &'a T
);
clone_references!(['a, T: Sync] Iter<'a, T>);

/// An iterator over the items of a hash set, which have been taken out of it; made by
/// [`par_drain`](ParallelDrainFull::par_drain).
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Drain<'a, T: Send> {
    inner: vec::IntoIter<T>,
    borrowed: PhantomData<&'a mut ()>,
}

delegate!(['a, T: Send] Drain<'a, T> => T);

impl<'a, T: Send, S> ParallelDrainFull for &'a mut HashSet<T, S> {
    type Iter = Drain<'a, T>;
    type Item = T;
    fn par_drain(self) -> Drain<'a, T> {
        let items: Vec<_> = self.drain().collect();
        Drain {
            inner: items.into_par_iter(),
            borrowed: PhantomData,
        }
    }
}
