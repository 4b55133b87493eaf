//! Loops over the items of ordered sets.

use super::{clone_references, through_vec};
use crate::par::iter::IntoParallelIterator;
use std::collections::BTreeSet;

through_vec!(
    /// An iterator over the items of an ordered set.
    [T: Send] BTreeSet<T> => IntoIter<T>, T
);

through_vec!(
    /// An iterator over references to the items of an ordered set.
    ['a, T: Sync] &'a BTreeSet<T> => Iter<'a, T>, &'a T
);
clone_references!(['a, T: Sync] Iter<'a, T>);
