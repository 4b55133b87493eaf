//! Collecting into collections that are filled by one thread: the loop makes vectors, from which they are
//! extended then. Where an item displaces an earlier one (the same key), the order is that of the loop.

use crate::par::finish::pieces::{Pieces, into_pieces};
use crate::par::iter::{
    FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator,
};
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hash::{BuildHasher, Hash};

/// All items of a loop, in a single vector if their number is known beforehand.
fn gather<I: IntoParallelIterator>(par_iter: I) -> Pieces<Vec<I::Item>> {
    let items = par_iter.into_par_iter();
    match items.opt_len() {
        Some(_) => Vec::from_par_iter(items).into(),
        None => into_pieces(items),
    }
}

/// What [`Extend`] takes, item by item or copied.
macro_rules! extended {
    ($([$($generics:tt)*] $item:ty => $to:ty, $self:ident, $items:ident $(: $prepare:expr)?;)+) => {$(
        impl<$($generics)*> ParallelExtend<$item> for $to {
            fn par_extend<I>(&mut $self, par_iter: I)
            where
                I: IntoParallelIterator<Item = $item>,
            {
                let $items = gather(par_iter);
                $($prepare;)?
                $self.extend($items.into_iter().flatten());
            }
        }
    )+};
}
extended!(
    [T: Send] T => VecDeque<T>, self, items: self.reserve(items.len());
    ['a, T: Copy + Send + Sync + 'a] &'a T => VecDeque<T>, self, items: self.reserve(items.len());
    [T: Ord + Send] T => BinaryHeap<T>, self, items: self.reserve(items.len());
    ['a, T: Copy + Ord + Send + Sync + 'a] &'a T => BinaryHeap<T>, self, items:
        self.reserve(items.len());
    [T: Ord + Send] T => BTreeSet<T>, self, items;
    ['a, T: Copy + Ord + Send + Sync + 'a] &'a T => BTreeSet<T>, self, items;
    [K: Ord + Send, V: Send] (K, V) => BTreeMap<K, V>, self, items;
    ['a, K: Copy + Ord + Send + Sync + 'a, V: Copy + Send + Sync + 'a]
        (&'a K, &'a V) => BTreeMap<K, V>, self, items;
    [T: Eq + Hash + Send, S: BuildHasher + Send] T => HashSet<T, S>, self, items:
        self.reserve(items.len());
    ['a, T: Copy + Eq + Hash + Send + Sync + 'a, S: BuildHasher + Send]
        &'a T => HashSet<T, S>, self, items: self.reserve(items.len());
    [K: Eq + Hash + Send, V: Send, S: BuildHasher + Send]
        (K, V) => HashMap<K, V, S>, self, items: self.reserve(items.len());
    ['a, K: Copy + Eq + Hash + Send + Sync + 'a, V: Copy + Send + Sync + 'a, S: BuildHasher + Send]
        (&'a K, &'a V) => HashMap<K, V, S>, self, items: self.reserve(items.len());
);

/// A list for each piece; putting lists together costs nothing.
impl<T: Send> ParallelExtend<T> for LinkedList<T> {
    fn par_extend<I>(&mut self, par_iter: I)
    where
        I: IntoParallelIterator<Item = T>,
    {
        for mut list in into_pieces::<Self, _>(par_iter.into_par_iter()) {
            self.append(&mut list);
        }
    }
}

impl<'a, T: Copy + Send + Sync + 'a> ParallelExtend<&'a T> for LinkedList<T> {
    fn par_extend<I>(&mut self, par_iter: I)
    where
        I: IntoParallelIterator<Item = &'a T>,
    {
        self.par_extend(par_iter.into_par_iter().copied());
    }
}

macro_rules! from_empty {
    ($([$($generics:tt)*] $item:ty => $to:ty;)+) => {$(
        impl<$($generics)*> FromParallelIterator<$item> for $to {
            fn from_par_iter<I>(par_iter: I) -> Self
            where
                I: IntoParallelIterator<Item = $item>,
            {
                let mut collection = Self::default();
                collection.par_extend(par_iter);
                collection
            }
        }
    )+};
}
from_empty!(
    [T: Send] T => LinkedList<T>;
    [T: Ord + Send] T => BTreeSet<T>;
    [K: Ord + Send, V: Send] (K, V) => BTreeMap<K, V>;
    [T: Eq + Hash + Send, S: BuildHasher + Default + Send] T => HashSet<T, S>;
    [K: Eq + Hash + Send, V: Send, S: BuildHasher + Default + Send] (K, V) => HashMap<K, V, S>;
);
