//! Items in order, when nobody knows beforehand how many there are: a collection for each piece.

use crate::par::iter::ParallelIterator;
use crate::par::plumbing::{Consumer, Place, consume};
use std::marker::PhantomData;

/// The collections of adjacent pieces, in order.
#[derive(Debug)]
pub(crate) struct Pieces<B> {
    first: B,
    /// Those of pieces that were run elsewhere. There are as many as there were thefts.
    rest: Vec<B>,
}

impl<B> Pieces<B> {
    /// Where the next item goes.
    #[inline]
    fn newest(&mut self) -> &mut B {
        self.rest.last_mut().unwrap_or(&mut self.first)
    }

    /// The first, which has all that there is if the loop was not cut, and the others.
    pub(crate) fn into_parts(self) -> (B, Vec<B>) {
        (self.first, self.rest)
    }
}

impl<B> IntoIterator for Pieces<B> {
    type Item = B;
    type IntoIter = std::iter::Chain<std::iter::Once<B>, std::vec::IntoIter<B>>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self.first).chain(self.rest)
    }
}

impl<T> Pieces<Vec<T>> {
    pub(crate) fn len(&self) -> usize {
        self.first.len() + self.rest.iter().map(Vec::len).sum::<usize>()
    }

    pub(crate) fn append_to(mut self, target: &mut Vec<T>) {
        if target.is_empty() && target.capacity() < self.len() {
            // The first piece's memory is as good a begin as any.
            *target = std::mem::take(&mut self.first);
        }
        target.reserve(self.len());
        for mut piece in self {
            target.append(&mut piece);
        }
    }
}

impl<T> From<Vec<T>> for Pieces<Vec<T>> {
    fn from(first: Vec<T>) -> Self {
        Self {
            first,
            rest: Vec::new(),
        }
    }
}

/// Runs a loop whose items go into collections that can be filled from any iterator.
pub(crate) fn into_pieces<B, I>(items: I) -> Pieces<B>
where
    I: ParallelIterator,
    B: Default + Send + Extend<I::Item>,
{
    consume(items, IntoPieces(PhantomData))
}

struct IntoPieces<B>(PhantomData<fn() -> B>);

impl<T, B: Default + Send + Extend<T>> Consumer<T> for IntoPieces<B> {
    type Fold = Pieces<B>;
    type Part = Pieces<B>;

    fn begin(&self, _at: Place) -> Pieces<B> {
        Pieces {
            first: B::default(),
            rest: Vec::new(),
        }
    }

    #[inline]
    fn take(&self, mut fold: Pieces<B>, item: T) -> Pieces<B> {
        fold.newest().extend(Some(item));
        fold
    }

    #[inline]
    fn take_iter<I: Iterator<Item = T>>(&self, mut fold: Pieces<B>, items: I) -> Pieces<B> {
        fold.newest().extend(items);
        fold
    }

    fn finish(&self, fold: Pieces<B>) -> Pieces<B> {
        fold
    }

    fn append(&self, mut left: Pieces<B>, right: Pieces<B>) -> Pieces<B> {
        left.rest.extend(right);
        left
    }
}
