//! Items in order, in collections that can be filled from any iterator and put together cheaply: one for each
//! piece.

use crate::par::iter::IntoParallelIterator;
use crate::par::plumbing::{Consumer, consume};
use std::marker::PhantomData;

/// Collects [`Buffers`].
struct IntoBuffers<B>(PhantomData<fn() -> B>);

/// The collections of adjacent pieces.
struct Buffers<B> {
    first: B,
    /// Those of pieces that were run elsewhere. There are as many as there were thefts.
    rest: Vec<B>,
}

impl<B> Buffers<B> {
    #[inline]
    fn newest(&mut self) -> &mut B {
        self.rest.last_mut().unwrap_or(&mut self.first)
    }
}

impl<T, B: Default + Send + Extend<T>> Consumer<T> for IntoBuffers<B> {
    type Fold = Buffers<B>;
    type Part = Buffers<B>;

    fn begin(&self, _at: usize) -> Buffers<B> {
        Buffers {
            first: B::default(),
            rest: Vec::new(),
        }
    }

    #[inline]
    fn take(&self, mut fold: Buffers<B>, item: T) -> Buffers<B> {
        fold.newest().extend(Some(item));
        fold
    }

    #[inline]
    fn take_iter<I: Iterator<Item = T>>(&self, mut fold: Buffers<B>, items: I) -> Buffers<B> {
        fold.newest().extend(items);
        fold
    }

    fn finish(&self, fold: Buffers<B>) -> Buffers<B> {
        fold
    }

    fn append(&self, mut left: Buffers<B>, right: Buffers<B>) -> Buffers<B> {
        left.rest.push(right.first);
        left.rest.extend(right.rest);
        left
    }
}

/// Runs a loop whose items go into collections, and gives these: the first, and the others in order.
pub(crate) fn into_buffers<B, I>(par_iter: I) -> (B, Vec<B>)
where
    I: IntoParallelIterator,
    B: Default + Send + Extend<I::Item>,
{
    let buffers = consume(par_iter.into_par_iter(), IntoBuffers(PhantomData));
    (buffers.first, buffers.rest)
}
