//! One item in, one item or none out: `filter` and its kin.

use crate::par::debug::{debug_fields, debug_name};
use crate::par::iter::ParallelIterator;
use crate::par::plumbing::{Consumer, forward_consumer};
use std::fmt;

/// Which items go on, and as what.
pub trait Choice<T>: Send + Sync {
    /// What comes out.
    type Output: Send;
    /// Decides.
    fn pick(&self, item: T) -> Option<Self::Output>;
}

/// An iterator that lets some of the items through; made by [`filter`](ParallelIterator::filter) and
/// [`filter_map`](ParallelIterator::filter_map).
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Pick<I, O> {
    base: I,
    choice: O,
}

impl<I, O> Pick<I, O> {
    pub(crate) fn new(base: I, choice: O) -> Self {
        Self { base, choice }
    }
}

/// Made by [`filter`](ParallelIterator::filter).
pub type Filter<I, P> = Pick<I, FilterFn<P>>;
/// Made by [`filter_map`](ParallelIterator::filter_map).
pub type FilterMap<I, P> = Pick<I, FilterMapFn<P>>;

/// Items for which a closure says so.
#[derive(Clone)]
pub struct FilterFn<P>(pub(crate) P);
/// What a closure makes of an item, if it makes something.
#[derive(Clone)]
pub struct FilterMapFn<P>(pub(crate) P);

impl<T: Send, P: Fn(&T) -> bool + Send + Sync> Choice<T> for FilterFn<P> {
    type Output = T;
    #[inline(always)]
    fn pick(&self, item: T) -> Option<T> {
        if (self.0)(&item) { Some(item) } else { None }
    }
}

impl<T, R: Send, P: Fn(T) -> Option<R> + Send + Sync> Choice<T> for FilterMapFn<P> {
    type Output = R;
    #[inline(always)]
    fn pick(&self, item: T) -> Option<R> {
        (self.0)(item)
    }
}

struct PickConsumer<'a, C, O> {
    inner: &'a C,
    choice: &'a O,
}

impl<T, C, O> Consumer<T> for PickConsumer<'_, C, O>
where
    O: Choice<T>,
    C: Consumer<O::Output>,
{
    forward_consumer!(O::Output);

    #[inline(always)]
    fn take(&self, fold: C::Fold, item: T) -> C::Fold {
        match self.choice.pick(item) {
            Some(item) => self.inner.take(fold, item),
            None => fold,
        }
    }

    #[inline(always)]
    fn take_iter<It: Iterator<Item = T>>(&self, fold: C::Fold, items: It) -> C::Fold {
        self.inner
            .take_iter(fold, items.filter_map(|item| self.choice.pick(item)))
    }
}

impl<I, O> ParallelIterator for Pick<I, O>
where
    I: ParallelIterator,
    O: Choice<I::Item>,
{
    type Item = O::Output;

    fn drive<C: Consumer<O::Output>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let consumer = PickConsumer {
            inner: consumer,
            choice: &self.choice,
        };
        self.base.drive(&consumer, fold)
    }
}

debug_fields!([I: fmt::Debug, O] Pick<I, O> { base });

debug_name!(FilterFn<F> FilterMapFn<F>);
