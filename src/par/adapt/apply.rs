//! One item in, one item out: `map` and its kin.

use crate::par::debug::{debug_fields, debug_name};
use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Span, Steps, forward_consumer, forward_steps};
use std::fmt;

/// What is done with each item.
pub trait Operation<T>: Send + Sync {
    /// What comes out.
    type Output: Send;
    /// Does it.
    fn apply(&self, item: T) -> Self::Output;
}

/// An iterator that does something with each item; made by [`map`](ParallelIterator::map),
/// [`inspect`](ParallelIterator::inspect), [`update`](ParallelIterator::update),
/// [`cloned`](ParallelIterator::cloned) and [`copied`](ParallelIterator::copied).
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Apply<I, O> {
    base: I,
    operation: O,
}

impl<I, O> Apply<I, O> {
    pub(crate) fn new(base: I, operation: O) -> Self {
        Self { base, operation }
    }
}

/// Made by [`map`](ParallelIterator::map).
pub type Map<I, F> = Apply<I, MapFn<F>>;
/// Made by [`inspect`](ParallelIterator::inspect).
pub type Inspect<I, F> = Apply<I, InspectFn<F>>;
/// Made by [`update`](ParallelIterator::update).
pub type Update<I, F> = Apply<I, UpdateFn<F>>;
/// Made by [`cloned`](ParallelIterator::cloned).
pub type Cloned<I> = Apply<I, CloneItem>;
/// Made by [`copied`](ParallelIterator::copied).
pub type Copied<I> = Apply<I, CopyItem>;

/// Calls a closure with the item.
#[derive(Clone)]
pub struct MapFn<F>(pub(crate) F);
/// Calls a closure with a reference to the item, and passes the item on.
#[derive(Clone)]
pub struct InspectFn<F>(pub(crate) F);
/// Calls a closure with a mutable reference to the item, and passes the item on.
#[derive(Clone)]
pub struct UpdateFn<F>(pub(crate) F);
/// Clones what the item refers to.
#[derive(Clone, Debug)]
pub struct CloneItem;
/// Copies what the item refers to.
#[derive(Clone, Debug)]
pub struct CopyItem;

impl<T, R: Send, F: Fn(T) -> R + Send + Sync> Operation<T> for MapFn<F> {
    type Output = R;
    #[inline(always)]
    fn apply(&self, item: T) -> R {
        (self.0)(item)
    }
}

impl<T: Send, F: Fn(&T) + Send + Sync> Operation<T> for InspectFn<F> {
    type Output = T;
    #[inline(always)]
    fn apply(&self, item: T) -> T {
        (self.0)(&item);
        item
    }
}

impl<T: Send, F: Fn(&mut T) + Send + Sync> Operation<T> for UpdateFn<F> {
    type Output = T;
    #[inline(always)]
    fn apply(&self, mut item: T) -> T {
        (self.0)(&mut item);
        item
    }
}

impl<'a, T: Clone + Send + 'a> Operation<&'a T> for CloneItem {
    type Output = T;
    #[inline(always)]
    fn apply(&self, item: &'a T) -> T {
        item.clone()
    }
}

impl<'a, T: Copy + Send + 'a> Operation<&'a T> for CopyItem {
    type Output = T;
    #[inline(always)]
    fn apply(&self, item: &'a T) -> T {
        *item
    }
}

struct ApplyConsumer<'a, C, O> {
    inner: &'a C,
    operation: &'a O,
}

impl<T, C, O> Consumer<T> for ApplyConsumer<'_, C, O>
where
    O: Operation<T>,
    C: Consumer<O::Output>,
{
    forward_consumer!(O::Output);

    #[inline(always)]
    fn take(&self, fold: C::Fold, item: T) -> C::Fold {
        self.inner.take(fold, self.operation.apply(item))
    }

    #[inline(always)]
    fn take_iter<It: Iterator<Item = T>>(&self, fold: C::Fold, items: It) -> C::Fold {
        self.inner
            .take_iter(fold, items.map(|item| self.operation.apply(item)))
    }
}

impl<I, O> ParallelIterator for Apply<I, O>
where
    I: ParallelIterator,
    O: Operation<I::Item>,
{
    type Item = O::Output;

    fn drive<C: Consumer<O::Output>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let consumer = ApplyConsumer {
            inner: consumer,
            operation: &self.operation,
        };
        self.base.drive(&consumer, fold)
    }

    forward_steps!(base: opt_len);
}

impl<I, O> Steps for Apply<I, O>
where
    I: IndexedParallelIterator,
    O: Operation<I::Item>,
{
    type Local = I::Local;

    forward_steps!(base: steps engage hints local discard);

    #[inline]
    fn feed<C: Consumer<O::Output>>(
        &self,
        local: &mut I::Local,
        span: Span,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        let consumer = ApplyConsumer {
            inner: consumer,
            operation: &self.operation,
        };
        self.base.feed(local, span, &consumer, fold)
    }
}

impl<I, O> IndexedParallelIterator for Apply<I, O>
where
    I: IndexedParallelIterator,
    O: Operation<I::Item>,
{
    #[inline(always)]
    unsafe fn item(&self, local: &mut I::Local, index: usize) -> O::Output {
        // SAFETY: the caller's promise, for the same index.
        let item = unsafe { self.base.item(local, index) };
        self.operation.apply(item)
    }
}

debug_fields!([I: fmt::Debug, O] Apply<I, O> { base });

debug_name!(MapFn<F> InspectFn<F> UpdateFn<F>);
