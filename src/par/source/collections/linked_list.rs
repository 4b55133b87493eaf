//! Loops over the items of linked lists.

use super::{clone_references, through_vec};
use crate::par::iter::IntoParallelIterator;
use std::collections::LinkedList;

through_vec!(
    /// An iterator over the items of a linked list.
    [T: Send] LinkedList<T> => IntoIter<T>, T
);
clone_references!([T: Clone + Send + Sync] IntoIter<T>);

through_vec!(
    /// An iterator over references to the items of a linked list.
    ['a, T: Sync] &'a LinkedList<T> => Iter<'a, T>, &'a T
);
clone_references!(['a, T: Sync] Iter<'a, T>);

through_vec!(
    /// An iterator over mutable references to the items of a linked list.
    ['a, T: Send] &'a mut LinkedList<T> => IterMut<'a, T>, &'a mut T
);
