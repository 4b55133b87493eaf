//! Loops over the entries of ordered maps.

use super::{clone_references, through_vec};
use crate::par::iter::IntoParallelIterator;
use std::collections::BTreeMap;

through_vec!(
    /// An iterator over the entries of an ordered map.
    [K: Send, V: Send] BTreeMap<K, V> => IntoIter<K, V>, (K, V)
);

through_vec!(
    /// An iterator over references to the entries of an ordered map.
    ['a, K: Sync, V: Sync] &'a BTreeMap<K, V> => Iter<'a, K, V>, (&'a K, &'a V)
);
clone_references!(['a, K: Sync, V: Sync] Iter<'a, K, V>);

through_vec!(
    /// An iterator over references to the entries of an ordered map, with mutable ones to the values.
    ['a, K: Sync, V: Send] &'a mut BTreeMap<K, V> => IterMut<'a, K, V>, (&'a K, &'a mut V)
);
