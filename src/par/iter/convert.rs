//! Into parallel iterators, and out of them.

use crate::par::iter::ParallelIterator;
use crate::par::source::bridge::IterBridge;
use std::ops::RangeBounds;

/// What can be turned into a parallel iterator.
///
/// ```
/// use windrow::prelude::*;
///
/// assert_eq!((1..=10u64).into_par_iter().product::<u64>(), 3_628_800);
/// ```
pub trait IntoParallelIterator {
    /// The iterator.
    type Iter: ParallelIterator<Item = Self::Item>;
    /// What it runs over.
    type Item: Send;
    /// Turns it into one.
    fn into_par_iter(self) -> Self::Iter;
}

impl<I: ParallelIterator> IntoParallelIterator for I {
    type Iter = I;
    type Item = I::Item;
    fn into_par_iter(self) -> I {
        self
    }
}

/// What has a parallel iterator over references: whatever implements [`IntoParallelIterator`] for `&Self`.
///
/// ```
/// use windrow::prelude::*;
///
/// let numbers = vec![3, 1, 2];
/// assert_eq!(numbers.par_iter().max(), Some(&3));
/// ```
pub trait IntoParallelRefIterator<'data> {
    /// The iterator.
    type Iter: ParallelIterator<Item = Self::Item>;
    /// A reference.
    type Item: Send + 'data;
    /// An iterator over references to the items.
    fn par_iter(&'data self) -> Self::Iter;
}

impl<'data, I: 'data + ?Sized> IntoParallelRefIterator<'data> for I
where
    &'data I: IntoParallelIterator,
{
    type Iter = <&'data I as IntoParallelIterator>::Iter;
    type Item = <&'data I as IntoParallelIterator>::Item;
    fn par_iter(&'data self) -> Self::Iter {
        self.into_par_iter()
    }
}

/// What has a parallel iterator over mutable references: whatever implements [`IntoParallelIterator`] for
/// `&mut Self`.
///
/// ```
/// use windrow::prelude::*;
///
/// let mut numbers = [1, 2, 3];
/// numbers.par_iter_mut().for_each(|x| *x *= *x);
/// assert_eq!(numbers, [1, 4, 9]);
/// ```
pub trait IntoParallelRefMutIterator<'data> {
    /// The iterator.
    type Iter: ParallelIterator<Item = Self::Item>;
    /// A mutable reference.
    type Item: Send + 'data;
    /// An iterator over mutable references to the items.
    fn par_iter_mut(&'data mut self) -> Self::Iter;
}

impl<'data, I: 'data + ?Sized> IntoParallelRefMutIterator<'data> for I
where
    &'data mut I: IntoParallelIterator,
{
    type Iter = <&'data mut I as IntoParallelIterator>::Iter;
    type Item = <&'data mut I as IntoParallelIterator>::Item;
    fn par_iter_mut(&'data mut self) -> Self::Iter {
        self.into_par_iter()
    }
}

/// What a parallel loop can be collected into; see [`ParallelIterator::collect`].
///
/// ```
/// use std::collections::BTreeSet;
/// use windrow::prelude::*;
///
/// /// Numbers, each once.
/// struct Numbers(BTreeSet<u32>);
///
/// impl FromParallelIterator<u32> for Numbers {
///     fn from_par_iter<I: IntoParallelIterator<Item = u32>>(numbers: I) -> Self {
///         Self(numbers.into_par_iter().collect())
///     }
/// }
///
/// let squares: Numbers = (0..100_u32).into_par_iter().map(|n| n * n % 10).collect();
/// assert_eq!(Vec::from_iter(squares.0), [0, 1, 4, 5, 6, 9]);
/// ```
pub trait FromParallelIterator<T: Send> {
    /// Runs the loop and collects its items.
    fn from_par_iter<I>(par_iter: I) -> Self
    where
        I: IntoParallelIterator<Item = T>;
}

/// What the items of a parallel loop can be added to.
///
/// ```
/// use windrow::prelude::*;
///
/// let mut numbers = vec![0];
/// numbers.par_extend(1..4);
/// assert_eq!(numbers, [0, 1, 2, 3]);
/// ```
pub trait ParallelExtend<T: Send> {
    /// Runs the loop and adds its items.
    fn par_extend<I>(&mut self, par_iter: I)
    where
        I: IntoParallelIterator<Item = T>;
}

/// A collection whose items can be taken out in parallel, leaving it empty with its memory.
///
/// ```
/// use std::collections::BinaryHeap;
/// use windrow::prelude::*;
///
/// let mut heap = BinaryHeap::from([1, 2, 3]);
/// assert_eq!(heap.par_drain().sum::<i32>(), 6);
/// assert!(heap.is_empty());
/// ```
pub trait ParallelDrainFull {
    /// The iterator.
    type Iter: ParallelIterator<Item = Self::Item>;
    /// What is taken out.
    type Item: Send;
    /// Takes out all items. Those that the loop does not give are dropped.
    fn par_drain(self) -> Self::Iter;
}

/// A collection from which a range of items can be taken out in parallel.
///
/// ```
/// use windrow::prelude::*;
///
/// let mut numbers = vec![0, 1, 2, 3, 4];
/// assert_eq!(numbers.par_drain(1..3).sum::<i32>(), 3);
/// assert_eq!(numbers, [0, 3, 4]);
/// ```
pub trait ParallelDrainRange<Idx = usize> {
    /// The iterator.
    type Iter: ParallelIterator<Item = Self::Item>;
    /// What is taken out.
    type Item: Send;
    /// Takes out the items of a range. Those that the loop does not give are dropped.
    ///
    /// # Panics
    /// If the range is not within the collection; for a string, also if it begins or ends within a character.
    fn par_drain<R: RangeBounds<Idx>>(self, range: R) -> Self::Iter;
}

/// What makes a parallel loop of a sequential iterator.
pub trait ParallelBridge: Sized {
    /// A loop over the items, in any order. The iterator runs behind a lock, on whichever thread has nothing
    /// left to do; so its own work is not run in parallel, and where there is a better source
    /// ([`par_iter`](IntoParallelRefIterator::par_iter), `par_lines`, ...) that is faster.
    ///
    /// A thread takes one item at a time, or several if the iterator promises so many (the lower bound of
    /// [`size_hint`](Iterator::size_hint)) and items are short.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let numbers = ["1", "2", "3"].iter().map(|word| word.parse::<i32>().unwrap());
    /// assert_eq!(numbers.par_bridge().map(|x| x * x).sum::<i32>(), 14);
    /// ```
    ///
    /// # Panics
    /// If the iterator panics, the loop ends as with a panic in a closure, and the iterator is not asked again.
    fn par_bridge(self) -> IterBridge<Self>;
}
