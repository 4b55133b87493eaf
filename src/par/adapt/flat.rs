//! One item in, any number out: `flat_map` and its kin.

use crate::par::debug::debug_fields;
use crate::par::iter::{IntoParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Nested, forward_consumer};
use std::fmt;

/// An iterator over the items of the parallel iterators that a closure returns; made by
/// [`flat_map`](ParallelIterator::flat_map).
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct FlatMap<I, F> {
    base: I,
    op: F,
}

/// An iterator over the items of the serial iterators that a closure returns; made by
/// [`flat_map_iter`](ParallelIterator::flat_map_iter).
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct FlatMapIter<I, F> {
    base: I,
    op: F,
}

/// An iterator over the items of its items; made by [`flatten`](ParallelIterator::flatten).
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Flatten<I> {
    base: I,
}

/// An iterator over the items of its items, which are serial iterators; made by
/// [`flatten_iter`](ParallelIterator::flatten_iter).
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct FlattenIter<I> {
    base: I,
}

impl<I, F> FlatMap<I, F> {
    pub(crate) fn new(base: I, op: F) -> Self {
        Self { base, op }
    }
}

impl<I, F> FlatMapIter<I, F> {
    pub(crate) fn new(base: I, op: F) -> Self {
        Self { base, op }
    }
}

impl<I> Flatten<I> {
    pub(crate) fn new(base: I) -> Self {
        Self { base }
    }
}

impl<I> FlattenIter<I> {
    pub(crate) fn new(base: I) -> Self {
        Self { base }
    }
}

struct FlatConsumer<'a, C, F> {
    inner: &'a C,
    op: &'a F,
}

impl<T, P, C, F> Consumer<T> for FlatConsumer<'_, C, F>
where
    F: Fn(T) -> P + Sync,
    P: IntoParallelIterator,
    C: Consumer<P::Item>,
{
    forward_consumer!(P::Item);

    #[inline]
    fn take(&self, fold: C::Fold, item: T) -> C::Fold {
        let nested = Nested {
            inner: self.inner,
            step: self.inner.at(&fold).step,
        };
        (self.op)(item).into_par_iter().drive(&nested, fold)
    }
}

struct FlatIterConsumer<'a, C, F> {
    inner: &'a C,
    op: &'a F,
}

impl<T, S, C, F> Consumer<T> for FlatIterConsumer<'_, C, F>
where
    F: Fn(T) -> S + Sync,
    S: IntoIterator,
    C: Consumer<S::Item>,
{
    forward_consumer!(S::Item);

    #[inline]
    fn take(&self, fold: C::Fold, item: T) -> C::Fold {
        let items = (self.op)(item).into_iter();
        match items.size_hint().1 {
            Some(most) if most <= STRETCH => self.inner.take_iter(fold, items),
            _ => self.take_long(fold, items),
        }
    }
}

/// So many items of a serial iterator are taken without a look around.
const STRETCH: usize = 1024;

impl<C, F> FlatIterConsumer<'_, C, F> {
    /// Takes the items of an iterator that may be long, or without end: stretch by stretch, so that it hears
    /// when the loop is to end.
    fn take_long<S>(&self, mut fold: C::Fold, mut items: S) -> C::Fold
    where
        S: Iterator,
        C: Consumer<S::Item>,
    {
        loop {
            let mut taken = 0;
            let stretch = items.by_ref().take(STRETCH).inspect(|_| taken += 1);
            fold = self.inner.take_iter(fold, stretch);
            if taken < STRETCH || self.inner.is_full(&fold) {
                break;
            }
            if self.inner.is_stopped(&fold) {
                if items.next().is_some() {
                    self.inner.cut_short();
                }
                break;
            }
            let at = self.inner.at(&fold).step;
            self.inner.reach(&mut fold, at);
        }
        // Before anything is returned, see `Consumer::take_iter`.
        drop(items);
        fold
    }
}

impl<I, F, P> ParallelIterator for FlatMap<I, F>
where
    I: ParallelIterator,
    F: Fn(I::Item) -> P + Send + Sync,
    P: IntoParallelIterator,
{
    type Item = P::Item;

    fn drive<C: Consumer<P::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let consumer = FlatConsumer {
            inner: consumer,
            op: &self.op,
        };
        self.base.drive(&consumer, fold)
    }
}

impl<I, F, S> ParallelIterator for FlatMapIter<I, F>
where
    I: ParallelIterator,
    F: Fn(I::Item) -> S + Send + Sync,
    S: IntoIterator<Item: Send>,
{
    type Item = S::Item;

    fn drive<C: Consumer<S::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let consumer = FlatIterConsumer {
            inner: consumer,
            op: &self.op,
        };
        self.base.drive(&consumer, fold)
    }
}

impl<I> ParallelIterator for Flatten<I>
where
    I: ParallelIterator<Item: IntoParallelIterator>,
{
    type Item = <I::Item as IntoParallelIterator>::Item;

    fn drive<C: Consumer<Self::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        FlatMap::new(self.base, |item| item).drive(consumer, fold)
    }
}

impl<I> ParallelIterator for FlattenIter<I>
where
    I: ParallelIterator<Item: IntoIterator<Item: Send>>,
{
    type Item = <I::Item as IntoIterator>::Item;

    fn drive<C: Consumer<Self::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        FlatMapIter::new(self.base, |item| item).drive(consumer, fold)
    }
}

debug_fields!(
    [I: fmt::Debug, F] FlatMap<I, F> { base }
    [I: fmt::Debug, F] FlatMapIter<I, F> { base }
    [I: fmt::Debug] Flatten<I> { base }
    [I: fmt::Debug] FlattenIter<I> { base }
);
