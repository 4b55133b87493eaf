//! A state for each thread that takes part in a loop.
//!
//! Rayon's `map_init` makes a state for each piece; here there is one for each thread, however often the loop is
//! cut. The states are in a pot: a piece takes one out when it has its first item, or makes one if there is none,
//! and puts it back when its thread has no more items for it ([`Consumer::pause`]). So there are as many as there
//! were threads in it at the same time.

use crate::par::debug::debug_fields;
use crate::par::finish::accumulate::Accumulate;
use crate::par::finish::attempt::Try;
use crate::par::iter::ParallelIterator;
use crate::par::plumbing::{Consumer, Place, consume, forward, forward_steps};
use crate::sync::Mutex;
use std::fmt;

/// A loop with a state for each thread; made by
/// [`with_worker_state`](ParallelIterator::with_worker_state).
#[must_use = "it does nothing until it is consumed"]
pub struct WithWorkerState<I, INIT> {
    base: I,
    init: INIT,
}

impl<I, INIT, S> WithWorkerState<I, INIT>
where
    I: ParallelIterator,
    INIT: Fn() -> S + Sync + Send,
    S: Send,
{
    pub(crate) fn new(base: I, init: INIT) -> Self {
        Self { base, init }
    }

    /// Calls `op` with the thread's state and each item; its results are the items of a parallel iterator.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let lens: Vec<usize> = (0..100)
    ///     .into_par_iter()
    ///     .with_worker_state(String::new)
    ///     .map(|buffer, x| {
    ///         buffer.clear();
    ///         buffer.push_str(&x.to_string());
    ///         buffer.len()
    ///     })
    ///     .collect();
    /// assert_eq!((lens[7], lens[70]), (1, 2));
    /// ```
    pub fn map<F, R>(self, op: F) -> MapWorkerState<I, INIT, F, S>
    where
        F: Fn(&mut S, I::Item) -> R + Sync + Send,
        R: Send,
    {
        MapWorkerState {
            base: self.base,
            pot: Pot {
                init: self.init,
                idle: Mutex::new(Few::new()),
            },
            op,
        }
    }

    /// Calls `op` with the thread's state and each item.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let numbers = [3, 1, 2];
    /// numbers.par_iter().with_worker_state(Vec::new).for_each(|seen, n| seen.push(*n));
    /// ```
    pub fn for_each<F>(self, op: F)
    where
        F: Fn(&mut S, I::Item) + Sync + Send,
    {
        self.map(op).for_each(|()| ());
    }

    /// Calls `op` with the thread's state and each item, until one call fails; as
    /// [`try_for_each`](ParallelIterator::try_for_each).
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let words = ["6", "7", "x"];
    /// let result = words.par_iter().with_worker_state(Vec::new).try_for_each(|seen, word| {
    ///     seen.push(word.parse::<u32>()?);
    ///     Ok::<(), std::num::ParseIntError>(())
    /// });
    /// assert!(result.is_err());
    /// ```
    pub fn try_for_each<F, R>(self, op: F) -> R
    where
        F: Fn(&mut S, I::Item) -> R + Sync + Send,
        R: Try<Output = ()> + Send,
    {
        self.map(op).try_for_each(|result| result)
    }

    /// Calls `op` with the thread's state and each item, and returns the states: one for each thread that took part,
    /// in no order.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let sums = (1..=100_u64).into_par_iter().with_worker_state(|| 0).collect_states(|sum, x| *sum += x);
    /// assert_eq!(sums.iter().sum::<u64>(), 5050);
    /// ```
    pub fn collect_states<F>(self, op: F) -> Vec<S>
    where
        F: Fn(&mut S, I::Item) + Sync + Send,
    {
        let mapped = self.map(op);
        let states = StateConsumer {
            inner: &Accumulate::new(|| (), |(), ()| (), |(), ()| ()),
            pot: &mapped.pot,
            op: &mapped.op,
        };
        consume(mapped.base, states);
        mapped.pot.idle.into_inner().into_vec()
    }
}

/// The states that no thread is using.
struct Pot<INIT, S> {
    init: INIT,
    idle: Mutex<Few<S>>,
}

/// A handful of states without an allocation; more of them with one.
struct Few<S> {
    first: [Option<S>; 8],
    more: Vec<S>,
}

impl<S> Few<S> {
    fn new() -> Self {
        Self {
            first: [const { None }; 8],
            more: Vec::new(),
        }
    }

    fn put(&mut self, state: S) {
        match self.first.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(state),
            None => self.more.push(state),
        }
    }

    fn take(&mut self) -> Option<S> {
        let last = self.first.iter_mut().rev().find_map(Option::take);
        last.or_else(|| self.more.pop())
    }

    fn into_vec(self) -> Vec<S> {
        self.first.into_iter().flatten().chain(self.more).collect()
    }
}

impl<INIT: Fn() -> S, S> Pot<INIT, S> {
    fn state(&self, own: Option<S>) -> S {
        own.or_else(|| self.idle.lock().take())
            .unwrap_or_else(|| (self.init)())
    }

    fn put_back(&self, own: &mut Option<S>) {
        if let Some(state) = own.take() {
            self.idle.lock().put(state);
        }
    }
}

/// An iterator whose closure has the thread's state; made by [`WithWorkerState::map`].
#[must_use = "iterators do nothing until they are consumed"]
pub struct MapWorkerState<I, INIT, F, S> {
    base: I,
    pot: Pot<INIT, S>,
    op: F,
}

struct StateConsumer<'a, C, INIT, F, S> {
    inner: &'a C,
    pot: &'a Pot<INIT, S>,
    op: &'a F,
}

impl<T, R, C, INIT, F, S> Consumer<T> for StateConsumer<'_, C, INIT, F, S>
where
    C: Consumer<R>,
    INIT: Fn() -> S + Sync,
    F: Fn(&mut S, T) -> R + Sync,
    S: Send,
{
    type Fold = (C::Fold, Option<S>);
    type Part = C::Part;
    forward!([.0] is_full is_stopped is_settled reach at panicked cut_short append);

    fn begin(&self, at: Place) -> Self::Fold {
        (self.inner.begin(at), None)
    }

    #[inline]
    fn take(&self, (fold, own): Self::Fold, item: T) -> Self::Fold {
        let mut state = self.pot.state(own);
        let mapped = (self.op)(&mut state, item);
        (self.inner.take(fold, mapped), Some(state))
    }

    #[inline]
    fn take_iter<It: Iterator<Item = T>>(&self, (fold, own): Self::Fold, items: It) -> Self::Fold {
        let mut state = self.pot.state(own);
        let fold = self
            .inner
            .take_iter(fold, items.map(|item| (self.op)(&mut state, item)));
        (fold, Some(state))
    }

    fn pause(&self, (fold, own): &mut Self::Fold) {
        self.pot.put_back(own);
        self.inner.pause(fold);
    }

    fn finish(&self, (fold, mut own): Self::Fold) -> C::Part {
        self.pot.put_back(&mut own);
        self.inner.finish(fold)
    }
}

impl<I, INIT, F, S, R> ParallelIterator for MapWorkerState<I, INIT, F, S>
where
    I: ParallelIterator,
    INIT: Fn() -> S + Sync + Send,
    F: Fn(&mut S, I::Item) -> R + Sync + Send,
    S: Send,
    R: Send,
{
    type Item = R;

    fn drive<C: Consumer<R>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let consumer = StateConsumer {
            inner: consumer,
            pot: &self.pot,
            op: &self.op,
        };
        self.base.drive(&consumer, (fold, None)).0
    }

    forward_steps!(base: opt_len);
}

debug_fields!(
    [I: fmt::Debug, INIT] WithWorkerState<I, INIT> { base }
    [I: fmt::Debug, INIT, F, S] MapWorkerState<I, INIT, F, S> { base }
);
