//! Items in order, when nobody knows beforehand how many there are: a vector for each piece.

use crate::par::plumbing::Consumer;
use std::collections::LinkedList;
use std::marker::PhantomData;

/// The items of adjacent pieces.
#[derive(Debug)]
pub(crate) struct Pieces<T> {
    first: Vec<T>,
    /// Those of pieces that were run elsewhere. There are as many as there were thefts.
    rest: Vec<Vec<T>>,
}

impl<T> Pieces<T> {
    pub(crate) fn new() -> Self {
        Self {
            first: Vec::new(),
            rest: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.first.len() + self.rest.iter().map(Vec::len).sum::<usize>()
    }

    pub(crate) fn push(&mut self, item: T) {
        self.newest().push(item);
    }

    /// Where the next item goes.
    #[inline]
    pub(crate) fn newest(&mut self) -> &mut Vec<T> {
        self.rest.last_mut().unwrap_or(&mut self.first)
    }

    pub(crate) fn append(&mut self, right: Self) {
        if self.len() == 0 {
            *self = right;
            return;
        }
        let all = std::iter::once(right.first).chain(right.rest);
        self.rest.extend(all.filter(|piece| !piece.is_empty()));
    }

    /// All of them, in order.
    pub(crate) fn into_items(self) -> impl Iterator<Item = T> {
        self.first
            .into_iter()
            .chain(self.rest.into_iter().flatten())
    }

    pub(crate) fn into_list(self) -> LinkedList<Vec<T>> {
        let all = std::iter::once(self.first).chain(self.rest);
        all.filter(|piece| !piece.is_empty()).collect()
    }

    pub(crate) fn into_vec(self) -> Vec<T> {
        let mut all = self.first;
        all.reserve(self.rest.iter().map(Vec::len).sum());
        for mut piece in self.rest {
            all.append(&mut piece);
        }
        all
    }

    pub(crate) fn append_to(self, target: &mut Vec<T>) {
        if target.is_empty() && target.capacity() < self.len() {
            *target = self.into_vec();
        } else {
            target.reserve(self.len());
            for mut piece in std::iter::once(self.first).chain(self.rest) {
                target.append(&mut piece);
            }
        }
    }
}

impl<T> From<Vec<T>> for Pieces<T> {
    fn from(first: Vec<T>) -> Self {
        Self {
            first,
            rest: Vec::new(),
        }
    }
}

/// Collects [`Pieces`].
pub(crate) struct IntoPieces;

impl<T: Send> Consumer<T> for IntoPieces {
    type Fold = Pieces<T>;
    type Part = Pieces<T>;

    fn begin(&self, _at: usize) -> Pieces<T> {
        Pieces::new()
    }

    #[inline]
    fn take(&self, mut fold: Pieces<T>, item: T) -> Pieces<T> {
        fold.push(item);
        fold
    }

    #[inline]
    fn take_iter<I: Iterator<Item = T>>(&self, mut fold: Pieces<T>, items: I) -> Pieces<T> {
        fold.newest().extend(items);
        fold
    }

    fn finish(&self, fold: Pieces<T>) -> Pieces<T> {
        fold
    }

    fn append(&self, mut left: Pieces<T>, right: Pieces<T>) -> Pieces<T> {
        left.append(right);
        left
    }
}

/// Two kinds of items, told apart by a closure.
pub(crate) struct IntoTwo<A, B, F> {
    sort: F,
    items: PhantomData<fn(A, B)>,
}

impl<A, B, F> IntoTwo<A, B, F> {
    pub(crate) fn new(sort: F) -> Self {
        Self {
            sort,
            items: PhantomData,
        }
    }
}

/// A place for each kind.
#[derive(Debug)]
pub(crate) struct Two<A, B> {
    pub(crate) left: Pieces<A>,
    pub(crate) right: Pieces<B>,
}

impl<T, A, B, F> Consumer<T> for IntoTwo<A, B, F>
where
    A: Send,
    B: Send,
    F: Fn(T, &mut Two<A, B>) + Sync,
{
    type Fold = Two<A, B>;
    type Part = Two<A, B>;

    fn begin(&self, _at: usize) -> Two<A, B> {
        Two {
            left: Pieces::new(),
            right: Pieces::new(),
        }
    }

    #[inline]
    fn take(&self, mut fold: Two<A, B>, item: T) -> Two<A, B> {
        (self.sort)(item, &mut fold);
        fold
    }

    fn finish(&self, fold: Two<A, B>) -> Two<A, B> {
        fold
    }

    fn append(&self, mut left: Two<A, B>, right: Two<A, B>) -> Two<A, B> {
        left.left.append(right.left);
        left.right.append(right.right);
        left
    }
}
