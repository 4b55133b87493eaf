//! Loops over what one of two iterators gives.

use crate::par::either::Either::{self, Left, Right};
use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Hints, Span, Steps};

/// Runs whichever of the two it is.
///
/// ```
/// use windrow::iter::Either;
/// use windrow::prelude::*;
///
/// let sum = |backwards| {
///     let numbers = [1, 2, 3].par_iter();
///     let numbers = if backwards { Either::Left(numbers.rev()) } else { Either::Right(numbers) };
///     numbers.enumerate().map(|(i, x)| x << i).sum::<i32>()
/// };
/// assert_eq!(sum(false), 1 + 4 + 12);
/// assert_eq!(sum(true), 3 + 4 + 4);
/// ```
impl<L, R> ParallelIterator for Either<L, R>
where
    L: ParallelIterator,
    R: ParallelIterator<Item = L::Item>,
{
    type Item = L::Item;

    fn drive<C: Consumer<L::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        match self {
            Left(left) => left.drive(consumer, fold),
            Right(right) => right.drive(consumer, fold),
        }
    }

    fn opt_len(&self) -> Option<usize> {
        match self {
            Left(left) => left.opt_len(),
            Right(right) => right.opt_len(),
        }
    }
}

impl<L, R> Steps for Either<L, R>
where
    L: IndexedParallelIterator,
    R: IndexedParallelIterator<Item = L::Item>,
{
    type Local = Either<L::Local, R::Local>;

    fn steps(&self) -> usize {
        match self {
            Left(left) => left.steps(),
            Right(right) => right.steps(),
        }
    }

    unsafe fn engage(&mut self) {
        match self {
            // SAFETY: the caller's promise.
            Left(left) => unsafe { left.engage() },
            // SAFETY: the caller's promise.
            Right(right) => unsafe { right.engage() },
        }
    }

    fn ended(&self) {
        match self {
            Left(left) => left.ended(),
            Right(right) => right.ended(),
        }
    }

    fn hints(&self) -> Hints {
        match self {
            Left(left) => left.hints(),
            Right(right) => right.hints(),
        }
    }

    fn local(&self) -> Self::Local {
        match self {
            Left(left) => Left(left.local()),
            Right(right) => Right(right.local()),
        }
    }

    #[inline]
    fn feed<C: Consumer<L::Item>>(
        &self,
        local: &mut Self::Local,
        span: Span,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        match (self, local) {
            (Left(left), Left(local)) => left.feed(local, span, consumer, fold),
            (Right(right), Right(local)) => right.feed(local, span, consumer, fold),
            _ => unreachable!("a local of the other side"),
        }
    }

    fn discard(&self, span: Span) {
        match self {
            Left(left) => left.discard(span),
            Right(right) => right.discard(span),
        }
    }
}

impl<L, R> IndexedParallelIterator for Either<L, R>
where
    L: IndexedParallelIterator,
    R: IndexedParallelIterator<Item = L::Item>,
{
    #[inline]
    unsafe fn item(&self, local: &mut Self::Local, index: usize) -> L::Item {
        match (self, local) {
            // SAFETY: the caller's promise.
            (Left(left), Left(local)) => unsafe { left.item(local, index) },
            // SAFETY: the caller's promise.
            (Right(right), Right(local)) => unsafe { right.item(local, index) },
            _ => unreachable!("a local of the other side"),
        }
    }
}
