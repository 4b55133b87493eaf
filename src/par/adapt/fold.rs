//! An accumulator for each piece, which becomes an item.

use crate::par::adapt::state::{CallFor, CloneFor, MakeState};
use crate::par::debug::debug_fields;
use crate::par::finish::attempt::Try;
use crate::par::iter::ParallelIterator;
use crate::par::plumbing::{Consumer, Place, forward};
use std::fmt;
use std::marker::PhantomData;
use std::ops::ControlFlow;

/// An iterator over the accumulators of pieces; made by [`fold`](ParallelIterator::fold) and
/// [`fold_with`](ParallelIterator::fold_with).
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct FoldState<I, S, F> {
    base: I,
    states: S,
    op: F,
}

/// Made by [`fold`](ParallelIterator::fold).
pub type Fold<I, ID, F> = FoldState<I, CallFor<ID>, F>;
/// Made by [`fold_with`](ParallelIterator::fold_with).
pub type FoldWith<I, T, F> = FoldState<I, CloneFor<T>, F>;

impl<I, S, F> FoldState<I, S, F> {
    pub(crate) fn new(base: I, states: S, op: F) -> Self {
        Self { base, states, op }
    }
}

/// How a piece's accumulator takes an item, and what becomes of it.
trait Folding<T>: Sync {
    type Accumulator;
    type Item;
    fn fresh(&self) -> Self::Accumulator;
    fn step(&self, accumulator: Self::Accumulator, item: T) -> Self::Accumulator;
    fn is_done(&self, accumulator: &Self::Accumulator) -> bool;
    fn item(&self, accumulator: Self::Accumulator) -> Self::Item;
}

struct Plain<'a, S, F> {
    states: &'a S,
    op: &'a F,
}

impl<T, S, F> Folding<T> for Plain<'_, S, F>
where
    S: MakeState,
    F: Fn(S::State, T) -> S::State + Sync,
{
    type Accumulator = S::State;
    type Item = S::State;

    fn fresh(&self) -> S::State {
        self.states.make()
    }
    #[inline(always)]
    fn step(&self, accumulator: S::State, item: T) -> S::State {
        (self.op)(accumulator, item)
    }
    #[inline(always)]
    fn is_done(&self, _: &S::State) -> bool {
        false
    }
    #[inline(always)]
    fn item(&self, accumulator: S::State) -> S::State {
        accumulator
    }
}

struct Fallible<'a, S, F, R> {
    states: &'a S,
    op: &'a F,
    result: PhantomData<fn() -> R>,
}

impl<T, S, F, R> Folding<T> for Fallible<'_, S, F, R>
where
    S: MakeState,
    R: Try<Output = S::State>,
    F: Fn(S::State, T) -> R + Sync,
{
    type Accumulator = ControlFlow<R::Residual, S::State>;
    type Item = R;

    fn fresh(&self) -> Self::Accumulator {
        ControlFlow::Continue(self.states.make())
    }
    #[inline(always)]
    fn step(&self, accumulator: Self::Accumulator, item: T) -> Self::Accumulator {
        (self.op)(accumulator?, item).branch()
    }
    #[inline(always)]
    fn is_done(&self, accumulator: &Self::Accumulator) -> bool {
        accumulator.is_break()
    }
    fn item(&self, accumulator: Self::Accumulator) -> R {
        match accumulator {
            ControlFlow::Continue(output) => R::from_output(output),
            ControlFlow::Break(residual) => R::from_residual(residual),
        }
    }
}

/// A piece begins with an accumulator, so that one without items gives one as well. After a part has been
/// appended there is none until the next item: its accumulator belongs behind that part.
struct FoldConsumer<'a, C, G> {
    inner: &'a C,
    folding: G,
}

impl<T, C, G> Consumer<T> for FoldConsumer<'_, C, G>
where
    G: Folding<T>,
    C: Consumer<G::Item>,
{
    type Fold = (C::Fold, Option<G::Accumulator>);
    type Part = C::Part;
    forward!([.0] is_settled reach pause at panicked cut_short);

    fn begin(&self, at: Place) -> Self::Fold {
        (self.inner.begin(at), Some(self.folding.fresh()))
    }

    #[inline(always)]
    fn take(&self, (fold, accumulator): Self::Fold, item: T) -> Self::Fold {
        let accumulator = accumulator.unwrap_or_else(|| self.folding.fresh());
        (fold, Some(self.folding.step(accumulator, item)))
    }

    #[inline(always)]
    fn take_iter<It: Iterator<Item = T>>(
        &self,
        (fold, accumulator): Self::Fold,
        mut items: It,
    ) -> Self::Fold {
        let accumulator = accumulator.unwrap_or_else(|| self.folding.fresh());
        let folded = items.try_fold(accumulator, |accumulator, item| {
            let accumulator = self.folding.step(accumulator, item);
            if self.folding.is_done(&accumulator) {
                Err(accumulator)
            } else {
                Ok(accumulator)
            }
        });
        let (Ok(accumulator) | Err(accumulator)) = folded;
        // Before anything is returned, see `Consumer::take_iter`.
        drop(items);
        (fold, Some(accumulator))
    }

    #[inline(always)]
    fn is_full(&self, (fold, accumulator): &Self::Fold) -> bool {
        let done = accumulator
            .as_ref()
            .is_some_and(|a| self.folding.is_done(a));
        done || self.inner.is_full(fold)
    }

    #[inline(always)]
    fn is_stopped(&self, (fold, accumulator): &Self::Fold) -> bool {
        let done = accumulator
            .as_ref()
            .is_some_and(|a| self.folding.is_done(a));
        done || self.inner.is_stopped(fold)
    }

    fn finish(&self, fold: Self::Fold) -> C::Part {
        self.inner.finish(self.give(fold))
    }

    fn append(&self, left: Self::Fold, right: C::Part) -> Self::Fold {
        (self.inner.append(self.give(left), right), None)
    }
}

impl<C, G> FoldConsumer<'_, C, G> {
    /// Passes the accumulator on, as an item.
    fn give<T>(&self, (fold, accumulator): (C::Fold, Option<G::Accumulator>)) -> C::Fold
    where
        G: Folding<T>,
        C: Consumer<G::Item>,
    {
        match accumulator {
            Some(accumulator) => self.inner.take(fold, self.folding.item(accumulator)),
            None => fold,
        }
    }
}

impl<I, S, F> ParallelIterator for FoldState<I, S, F>
where
    I: ParallelIterator,
    S: MakeState<State: Send>,
    F: Fn(S::State, I::Item) -> S::State + Send + Sync,
{
    type Item = S::State;

    fn drive<C: Consumer<S::State>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let consumer = FoldConsumer {
            inner: consumer,
            folding: Plain {
                states: &self.states,
                op: &self.op,
            },
        };
        let begun = (fold, Some(self.states.make()));
        consumer.give::<I::Item>(self.base.drive(&consumer, begun))
    }
}

/// An iterator over the accumulators of pieces, each of which may have failed; made by
/// [`try_fold`](ParallelIterator::try_fold) and [`try_fold_with`](ParallelIterator::try_fold_with).
#[must_use = "iterators do nothing until they are consumed"]
pub struct TryFoldState<I, R, S, F> {
    base: I,
    states: S,
    op: F,
    result: PhantomData<fn() -> R>,
}

/// Made by [`try_fold`](ParallelIterator::try_fold).
pub type TryFold<I, R, ID, F> = TryFoldState<I, R, CallFor<ID>, F>;
/// Made by [`try_fold_with`](ParallelIterator::try_fold_with).
pub type TryFoldWith<I, R, F> = TryFoldState<I, R, CloneFor<<R as Try>::Output>, F>;

impl<I, R, S, F> TryFoldState<I, R, S, F> {
    pub(crate) fn new(base: I, states: S, op: F) -> Self {
        Self {
            base,
            states,
            op,
            result: PhantomData,
        }
    }
}

impl<I, R, S, F> ParallelIterator for TryFoldState<I, R, S, F>
where
    I: ParallelIterator,
    S: MakeState,
    R: Try<Output = S::State> + Send,
    F: Fn(S::State, I::Item) -> R + Send + Sync,
{
    type Item = R;

    fn drive<C: Consumer<R>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let consumer = FoldConsumer {
            inner: consumer,
            folding: Fallible {
                states: &self.states,
                op: &self.op,
                result: PhantomData,
            },
        };
        let begun = (fold, Some(ControlFlow::Continue(self.states.make())));
        consumer.give::<I::Item>(self.base.drive(&consumer, begun))
    }
}

impl<I: Clone, R, S: Clone, F: Clone> Clone for TryFoldState<I, R, S, F> {
    fn clone(&self) -> Self {
        Self::new(self.base.clone(), self.states.clone(), self.op.clone())
    }
}

debug_fields!(
    [I: fmt::Debug, S, F] FoldState<I, S, F> { base }
    [I: fmt::Debug, R, S, F] TryFoldState<I, R, S, F> { base }
);
