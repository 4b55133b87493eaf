//! Loops that may fail: the first failure ends them.

use crate::par::plumbing::{Consumer, Place};
use crate::sync::{AtomicBool, Ordering};
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::task::Poll;

/// What a fallible closure may return: `Option`, `Result`, `ControlFlow`, and `Poll` of a `Result`. It stands
/// in for the unstable [`std::ops::Try`].
pub trait Try: Sized {
    /// What it holds if it went well.
    type Output;
    /// What it holds if not.
    type Residual;
    #[doc(hidden)]
    fn from_output(output: Self::Output) -> Self;
    #[doc(hidden)]
    fn from_residual(residual: Self::Residual) -> Self;
    #[doc(hidden)]
    fn branch(self) -> ControlFlow<Self::Residual, Self::Output>;
}

impl<T> Try for Option<T> {
    type Output = T;
    type Residual = Option<std::convert::Infallible>;
    #[inline]
    fn from_output(output: T) -> Self {
        Some(output)
    }
    #[inline]
    fn from_residual(_: Self::Residual) -> Self {
        None
    }
    #[inline]
    fn branch(self) -> ControlFlow<Self::Residual, T> {
        match self {
            Some(output) => ControlFlow::Continue(output),
            None => ControlFlow::Break(None),
        }
    }
}

impl<T, E> Try for Result<T, E> {
    type Output = T;
    type Residual = Result<std::convert::Infallible, E>;
    #[inline]
    fn from_output(output: T) -> Self {
        Ok(output)
    }
    #[inline]
    fn from_residual(residual: Self::Residual) -> Self {
        let Err(error) = residual;
        Err(error)
    }
    #[inline]
    fn branch(self) -> ControlFlow<Self::Residual, T> {
        match self {
            Ok(output) => ControlFlow::Continue(output),
            Err(error) => ControlFlow::Break(Err(error)),
        }
    }
}

impl<B, T> Try for ControlFlow<B, T> {
    type Output = T;
    type Residual = ControlFlow<B, std::convert::Infallible>;
    #[inline]
    fn from_output(output: T) -> Self {
        ControlFlow::Continue(output)
    }
    #[inline]
    fn from_residual(residual: Self::Residual) -> Self {
        let ControlFlow::Break(end) = residual;
        ControlFlow::Break(end)
    }
    #[inline]
    fn branch(self) -> ControlFlow<Self::Residual, T> {
        match self {
            ControlFlow::Continue(output) => ControlFlow::Continue(output),
            ControlFlow::Break(end) => ControlFlow::Break(ControlFlow::Break(end)),
        }
    }
}

impl<T, E> Try for Poll<Result<T, E>> {
    type Output = Poll<T>;
    type Residual = Result<std::convert::Infallible, E>;
    #[inline]
    fn from_output(output: Poll<T>) -> Self {
        output.map(Ok)
    }
    #[inline]
    fn from_residual(residual: Self::Residual) -> Self {
        let Err(error) = residual;
        Poll::Ready(Err(error))
    }
    #[inline]
    fn branch(self) -> ControlFlow<Self::Residual, Poll<T>> {
        match self {
            Poll::Pending => ControlFlow::Continue(Poll::Pending),
            Poll::Ready(Ok(output)) => ControlFlow::Continue(Poll::Ready(output)),
            Poll::Ready(Err(error)) => ControlFlow::Break(Err(error)),
        }
    }
}

impl<T, E> Try for Poll<Option<Result<T, E>>> {
    type Output = Poll<Option<T>>;
    type Residual = Result<std::convert::Infallible, E>;
    #[inline]
    fn from_output(output: Self::Output) -> Self {
        output.map(|item| item.map(Ok))
    }
    #[inline]
    fn from_residual(residual: Self::Residual) -> Self {
        let Err(error) = residual;
        Poll::Ready(Some(Err(error)))
    }
    #[inline]
    fn branch(self) -> ControlFlow<Self::Residual, Self::Output> {
        match self {
            Poll::Pending => ControlFlow::Continue(Poll::Pending),
            Poll::Ready(None) => ControlFlow::Continue(Poll::Ready(None)),
            Poll::Ready(Some(Ok(output))) => ControlFlow::Continue(Poll::Ready(Some(output))),
            Poll::Ready(Some(Err(error))) => ControlFlow::Break(Err(error)),
        }
    }
}

/// How a fallible accumulator stands.
type Standing<R> = ControlFlow<<R as Try>::Residual, <R as Try>::Output>;

fn outcome<R: Try>(standing: Standing<R>) -> R {
    match standing {
        ControlFlow::Continue(output) => R::from_output(output),
        ControlFlow::Break(residual) => R::from_residual(residual),
    }
}

/// [`Accumulate`](super::accumulate::Accumulate) with steps that may fail. Of several failures the leftmost
/// that was met is the loop's.
pub(crate) struct TryAccumulate<R, ID, S, J> {
    identity: ID,
    step: S,
    join: J,
    failed: AtomicBool,
    result: PhantomData<fn() -> R>,
}

impl<R, ID, S, J> TryAccumulate<R, ID, S, J> {
    pub(crate) fn new(identity: ID, step: S, join: J) -> Self {
        Self {
            identity,
            step,
            join,
            failed: AtomicBool::new(false),
            result: PhantomData,
        }
    }
}

impl<R: Try, ID, S, J> TryAccumulate<R, ID, S, J> {
    /// Tells the others if it has failed.
    #[inline]
    fn told(&self, standing: Standing<R>) -> Standing<R> {
        if standing.is_break() {
            // Relaxed: it only makes the others stop sooner.
            self.failed.store(true, Ordering::Relaxed);
        }
        standing
    }
}

impl<T, R, ID, S, J> Consumer<T> for TryAccumulate<R, ID, S, J>
where
    R: Try + Send,
    ID: Fn() -> R::Output + Sync,
    S: Fn(R::Output, T) -> R + Sync,
    J: Fn(R::Output, R::Output) -> R + Sync,
{
    type Fold = Standing<R>;
    type Part = R;

    #[inline]
    fn begin(&self, _at: Place) -> Self::Fold {
        ControlFlow::Continue((self.identity)())
    }

    #[inline]
    fn take(&self, fold: Self::Fold, item: T) -> Self::Fold {
        self.told((self.step)(fold?, item).branch())
    }

    #[inline]
    fn is_full(&self, fold: &Self::Fold) -> bool {
        fold.is_break() || self.failed.load(Ordering::Relaxed)
    }

    #[inline]
    fn finish(&self, fold: Self::Fold) -> R {
        outcome(fold)
    }

    fn append(&self, left: Self::Fold, right: R) -> Self::Fold {
        match (left, right.branch()) {
            (ControlFlow::Continue(left), ControlFlow::Continue(right)) => {
                self.told((self.join)(left, right).branch())
            }
            // What is not wanted goes before anything is returned, see `Consumer::take_iter`.
            (left @ ControlFlow::Break(_), right) => {
                drop(right);
                left
            }
            (left, right) => {
                drop(left);
                right
            }
        }
    }
}
