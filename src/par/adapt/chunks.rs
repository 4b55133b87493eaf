//! So many items in, one item out.

use crate::par::adapt::state::{CallFor, CloneFor, MakeState};
use crate::par::debug::{debug_fields, debug_name};
use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{
    Consumer, Held, Hints, Place, Span, Steps, drive_by_item, feed_by_item, forward_steps,
};
use std::fmt;
use std::marker::PhantomData;

/// What is made of the items of a chunk.
pub trait Gather<T>: Send + Sync {
    /// What comes out.
    type Output: Send;
    /// What a piece keeps between its chunks.
    type Local;
    /// For a piece that begins.
    fn local(&self) -> Self::Local;
    /// Makes it.
    fn gather<S: Steps<Item = T>>(
        &self,
        local: &mut Self::Local,
        chunk: Held<'_, S>,
        source_local: &mut S::Local,
    ) -> Self::Output;
}

/// An iterator over what is made of so many items each; made by
/// [`chunks`](IndexedParallelIterator::chunks), [`fold_chunks`](IndexedParallelIterator::fold_chunks) and
/// [`fold_chunks_with`](IndexedParallelIterator::fold_chunks_with).
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct InChunks<I, G> {
    base: I,
    base_len: usize,
    size: usize,
    gather: G,
}

impl<I: IndexedParallelIterator, G> InChunks<I, G> {
    pub(crate) fn new(base: I, size: usize, gather: G) -> Self {
        let base_len = base.steps();
        Self {
            base,
            base_len,
            size,
            gather,
        }
    }
}

/// Made by [`chunks`](IndexedParallelIterator::chunks).
pub type Chunks<I> = InChunks<I, ToVec>;
/// Made by [`fold_chunks`](IndexedParallelIterator::fold_chunks).
pub type FoldChunks<I, ID, F> = InChunks<I, FoldFrom<CallFor<ID>, F>>;
/// Made by [`fold_chunks_with`](IndexedParallelIterator::fold_chunks_with).
pub type FoldChunksWith<I, U, F> = InChunks<I, FoldClone<U, F>>;

/// A vector of a chunk's items.
#[derive(Clone, Debug)]
pub struct ToVec;

/// Folds a chunk's items, from a value that is made for each chunk.
#[derive(Clone)]
pub struct FoldFrom<S, F> {
    seeds: S,
    op: F,
}

impl<ID, F> FoldFrom<CallFor<ID>, F> {
    pub(crate) fn new(identity: ID, op: F) -> Self {
        let seeds = CallFor(identity);
        Self { seeds, op }
    }
}

/// Folds a chunk's items, from a clone of a value.
#[derive(Clone)]
pub struct FoldClone<U, F> {
    seed: CloneFor<U>,
    op: F,
}

impl<U, F> FoldClone<U, F> {
    pub(crate) fn new(seed: U, op: F) -> Self {
        let seed = CloneFor::new(seed);
        Self { seed, op }
    }
}

impl<T: Send> Gather<T> for ToVec {
    type Output = Vec<T>;
    type Local = ();

    fn local(&self) {}

    #[inline]
    fn gather<S: Steps<Item = T>>(
        &self,
        (): &mut (),
        chunk: Held<'_, S>,
        source_local: &mut S::Local,
    ) -> Vec<T> {
        let items = Vec::with_capacity(chunk.len());
        chunk.feed(source_local, &Filling, items)
    }
}

impl<T, S, F> Gather<T> for FoldFrom<S, F>
where
    S: MakeState<State: Send>,
    F: Fn(S::State, T) -> S::State + Send + Sync,
{
    type Output = S::State;
    type Local = ();

    fn local(&self) {}

    #[inline]
    fn gather<B: Steps<Item = T>>(
        &self,
        (): &mut (),
        chunk: Held<'_, B>,
        source_local: &mut B::Local,
    ) -> S::State {
        let seed = self.seeds.make();
        chunk.feed(source_local, &Folding::new(&self.op), seed)
    }
}

impl<T, U, F> Gather<T> for FoldClone<U, F>
where
    U: Clone + Send,
    F: Fn(U, T) -> U + Send + Sync,
{
    type Output = U;
    /// A clone for the piece, so that its chunks do not meet those of others at a lock.
    type Local = Option<U>;

    fn local(&self) -> Option<U> {
        None
    }

    #[inline]
    fn gather<S: Steps<Item = T>>(
        &self,
        local: &mut Option<U>,
        chunk: Held<'_, S>,
        source_local: &mut S::Local,
    ) -> U {
        let seed = local.get_or_insert_with(|| self.seed.make()).clone();
        chunk.feed(source_local, &Folding::new(&self.op), seed)
    }
}

/// Puts the items of one span into a vector that has room for them. Nothing else is asked of it
/// ([`Steps::feed`]).
struct Filling;

/// Sets a vector's length to what has been written, also on unwinding.
struct Written<'v, T> {
    vec: &'v mut Vec<T>,
    len: usize,
}

impl<T> Drop for Written<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: so many have been written.
        unsafe { self.vec.set_len(self.len) };
    }
}

impl<T: Send> Consumer<T> for Filling {
    type Fold = Vec<T>;
    type Part = Vec<T>;

    fn begin(&self, _at: Place) -> Vec<T> {
        unreachable!("a span is fed into one fold")
    }

    #[inline(always)]
    fn take(&self, mut fold: Vec<T>, item: T) -> Vec<T> {
        fold.push(item);
        fold
    }

    #[inline(always)]
    fn take_iter<I: Iterator<Item = T>>(&self, mut fold: Vec<T>, items: I) -> Vec<T> {
        let (start, len, room) = (fold.as_mut_ptr(), fold.len(), fold.capacity());
        let mut written = Written {
            vec: &mut fold,
            len,
        };
        items.for_each(|item| {
            debug_assert!(written.len < room, "a step gives one item");
            // SAFETY: the vector was made with room for an item of each step of the span, and an indexed
            // source, which is what is in chunks, gives one for each.
            let place = unsafe { start.add(written.len) };
            // SAFETY: as above.
            unsafe { place.write(item) };
            written.len += 1;
        });
        drop(written);
        fold
    }

    fn finish(&self, fold: Vec<T>) -> Vec<T> {
        fold
    }

    fn append(&self, _left: Vec<T>, _right: Vec<T>) -> Vec<T> {
        unreachable!("a span is fed into one fold")
    }
}

/// Folds the items of one span. Nothing else is asked of it ([`Steps::feed`]).
struct Folding<'f, A, F> {
    op: &'f F,
    accumulator: PhantomData<fn() -> A>,
}

impl<'f, A, F> Folding<'f, A, F> {
    fn new(op: &'f F) -> Self {
        Self {
            op,
            accumulator: PhantomData,
        }
    }
}

impl<T, A: Send, F: Fn(A, T) -> A + Sync> Consumer<T> for Folding<'_, A, F> {
    type Fold = A;
    type Part = A;

    fn begin(&self, _at: Place) -> A {
        unreachable!("a span is fed into one fold")
    }

    #[inline(always)]
    fn take(&self, fold: A, item: T) -> A {
        (self.op)(fold, item)
    }

    #[inline(always)]
    fn take_iter<I: Iterator<Item = T>>(&self, fold: A, items: I) -> A {
        items.fold(fold, self.op)
    }

    fn finish(&self, fold: A) -> A {
        fold
    }

    fn append(&self, _left: A, _right: A) -> A {
        unreachable!("a span is fed into one fold")
    }
}

impl<I, G> ParallelIterator for InChunks<I, G>
where
    I: IndexedParallelIterator,
    G: Gather<I::Item>,
{
    type Item = G::Output;
    drive_by_item!();
}

impl<I, G> Steps for InChunks<I, G>
where
    I: IndexedParallelIterator,
    G: Gather<I::Item>,
{
    type Local = (I::Local, G::Local);

    #[inline]
    fn steps(&self) -> usize {
        self.base_len.div_ceil(self.size)
    }

    forward_steps!(base: engage);

    fn hints(&self) -> Hints {
        self.base.hints().divided(self.size)
    }

    fn local(&self) -> Self::Local {
        (self.base.local(), self.gather.local())
    }

    feed_by_item!();

    #[inline]
    fn discard(&self, span: Span) {
        if span.len() > 0 {
            let end = span.end().saturating_mul(self.size).min(self.base_len);
            // SAFETY: a step owns `size` of the base's, the last one what there is.
            let chunks = unsafe { Span::new(span.start() * self.size..end) };
            self.base.discard(chunks);
        }
    }
}

impl<I, G> IndexedParallelIterator for InChunks<I, G>
where
    I: IndexedParallelIterator,
    G: Gather<I::Item>,
{
    #[inline(always)]
    unsafe fn item(&self, local: &mut Self::Local, index: usize) -> G::Output {
        let start = index * self.size;
        let end = start.saturating_add(self.size).min(self.base_len);
        // SAFETY: these are the step's.
        let chunk = unsafe { Held::new(&self.base, start..end) };
        self.gather.gather(&mut local.1, chunk, &mut local.0)
    }
}

debug_fields!([I: fmt::Debug, G] InChunks<I, G> { base, size });

debug_name!(FoldFrom<S, F> FoldClone<U, F>);
