//! Loops over the entries of hash maps.

use super::{clone_references, through_vec};
use crate::par::iter::{IntoParallelIterator, ParallelDrainFull};
use crate::par::source::delegate::delegate;
use crate::par::source::vec;
use std::collections::HashMap;
use std::marker::PhantomData;

through_vec!(
    /// An iterator over the entries of a hash map.
    [K: Send, V: Send] + S, HashMap<K, V, S> => IntoIter<K, V>, (K, V)
);

through_vec!(
    /// An iterator over references to the entries of a hash map.
    ['a, K: Sync, V: Sync] + S, &'a HashMap<K, V, S> => Iter<'a, K, V>, (&'a K, &'a V)
);
clone_references!(['a, K: Sync, V: Sync] Iter<'a, K, V>);

through_vec!(
    /// An iterator over references to the entries of a hash map, with mutable ones to the values.
    ['a, K: Sync, V: Send] + S, &'a mut HashMap<K, V, S> => IterMut<'a, K, V>, (&'a K, &'a mut V)
);

/// An iterator over the entries of a hash map, which have been taken out of it; made by
/// [`par_drain`](ParallelDrainFull::par_drain).
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Drain<'a, K: Send, V: Send> {
    inner: vec::IntoIter<(K, V)>,
    borrowed: PhantomData<&'a mut ()>,
}

delegate!(['a, K: Send, V: Send] Drain<'a, K, V> => (K, V));

impl<'a, K: Send, V: Send, S> ParallelDrainFull for &'a mut HashMap<K, V, S> {
    type Iter = Drain<'a, K, V>;
    type Item = (K, V);
    fn par_drain(self) -> Drain<'a, K, V> {
        let entries: Vec<_> = self.drain().collect();
        Drain {
            inner: entries.into_par_iter(),
            borrowed: PhantomData,
        }
    }
}
