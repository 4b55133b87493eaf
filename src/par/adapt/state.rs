//! `map` with a state of its own for each piece.

use crate::par::debug::{debug_fields, debug_name};
use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Span, Steps, forward_consumer_with, forward_steps, lock};
use crate::sync::Mutex;
use std::fmt;

/// Makes the state of a piece.
pub trait MakeState: Send + Sync {
    /// What a piece has.
    type State;
    /// Makes one.
    fn make(&self) -> Self::State;
}

/// Clones a value for each piece.
pub struct CloneFor<T>(Mutex<T>);
/// Calls a closure for each piece.
#[derive(Clone)]
pub struct CallFor<F>(pub(crate) F);

impl<T> CloneFor<T> {
    pub(crate) fn new(value: T) -> Self {
        // Locked, since what can be sent to another thread need not be shared with it.
        Self(Mutex::new(value))
    }
}

impl<T: Clone> Clone for CloneFor<T> {
    fn clone(&self) -> Self {
        Self::new(lock(&self.0).clone())
    }
}

impl<T: Clone + Send> MakeState for CloneFor<T> {
    type State = T;
    fn make(&self) -> T {
        lock(&self.0).clone()
    }
}

impl<T, F: Fn() -> T + Send + Sync> MakeState for CallFor<F> {
    type State = T;
    fn make(&self) -> T {
        (self.0)()
    }
}

/// An iterator whose closure has a state that the items of a piece share; made by
/// [`map_with`](ParallelIterator::map_with) and [`map_init`](ParallelIterator::map_init).
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct MapState<I, S, F> {
    base: I,
    states: S,
    op: F,
}

/// Made by [`map_with`](ParallelIterator::map_with).
pub type MapWith<I, T, F> = MapState<I, CloneFor<T>, F>;
/// Made by [`map_init`](ParallelIterator::map_init).
pub type MapInit<I, INIT, F> = MapState<I, CallFor<INIT>, F>;

impl<I, S, F> MapState<I, S, F> {
    pub(crate) fn new(base: I, states: S, op: F) -> Self {
        Self { base, states, op }
    }
}

struct StateConsumer<'a, C, S, F> {
    inner: &'a C,
    states: &'a S,
    op: &'a F,
}

impl<T, R, C, S, F> Consumer<T> for StateConsumer<'_, C, S, F>
where
    S: MakeState,
    F: Fn(&mut S::State, T) -> R + Sync,
    C: Consumer<R>,
{
    forward_consumer_with!(R, Option<S::State>, None);

    #[inline(always)]
    fn take(&self, (fold, mut state): Self::Fold, item: T) -> Self::Fold {
        let mapped = (self.op)(state.get_or_insert_with(|| self.states.make()), item);
        (self.inner.take(fold, mapped), state)
    }

    #[inline(always)]
    fn take_iter<It: Iterator<Item = T>>(
        &self,
        (fold, mut state): Self::Fold,
        items: It,
    ) -> Self::Fold {
        let own = state.get_or_insert_with(|| self.states.make());
        let fold = self
            .inner
            .take_iter(fold, items.map(|item| (self.op)(own, item)));
        (fold, state)
    }
}

impl<I, S, F, R> ParallelIterator for MapState<I, S, F>
where
    I: ParallelIterator,
    S: MakeState,
    F: Fn(&mut S::State, I::Item) -> R + Send + Sync,
    R: Send,
{
    type Item = R;

    fn drive<C: Consumer<R>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let consumer = StateConsumer {
            inner: consumer,
            states: &self.states,
            op: &self.op,
        };
        self.base.drive(&consumer, (fold, None)).0
    }

    forward_steps!(base: opt_len);
}

impl<I, S, F, R> Steps for MapState<I, S, F>
where
    I: IndexedParallelIterator,
    S: MakeState,
    F: Fn(&mut S::State, I::Item) -> R + Send + Sync,
    R: Send,
{
    type Local = (I::Local, Option<S::State>);

    forward_steps!(base: steps engage hints discard);

    fn local(&self) -> Self::Local {
        (self.base.local(), None)
    }

    #[inline]
    fn feed<C: Consumer<R>>(
        &self,
        (local, state): &mut Self::Local,
        span: Span,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        let consumer = StateConsumer {
            inner: consumer,
            states: &self.states,
            op: &self.op,
        };
        let (fold, kept) = self.base.feed(local, span, &consumer, (fold, state.take()));
        *state = kept;
        fold
    }
}

impl<I, S, F, R> IndexedParallelIterator for MapState<I, S, F>
where
    I: IndexedParallelIterator,
    S: MakeState,
    F: Fn(&mut S::State, I::Item) -> R + Send + Sync,
    R: Send,
{
    #[inline(always)]
    unsafe fn item(&self, (local, state): &mut Self::Local, index: usize) -> R {
        // SAFETY: the caller's promise, for the same index.
        let item = unsafe { self.base.item(local, index) };
        (self.op)(state.get_or_insert_with(|| self.states.make()), item)
    }
}

debug_fields!([I: fmt::Debug, S, F] MapState<I, S, F> { base });

debug_name!(CloneFor<T> CallFor<F>);
