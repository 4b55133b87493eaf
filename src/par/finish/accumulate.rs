//! Reductions: an accumulator for each piece, joined from left to right.

use crate::par::plumbing::{Consumer, Place};
use std::marker::PhantomData;

/// `identity` begins an accumulator, `step` takes an item, `join` adds the accumulator on the right.
pub(crate) struct Accumulate<A, ID, S, J> {
    identity: ID,
    step: S,
    join: J,
    accumulator: PhantomData<fn() -> A>,
}

impl<A, ID, S, J> Accumulate<A, ID, S, J> {
    pub(crate) fn new(identity: ID, step: S, join: J) -> Self {
        Self {
            identity,
            step,
            join,
            accumulator: PhantomData,
        }
    }
}

impl<T, A, ID, S, J> Consumer<T> for Accumulate<A, ID, S, J>
where
    A: Send,
    ID: Fn() -> A + Sync,
    S: Fn(A, T) -> A + Sync,
    J: Fn(A, A) -> A + Sync,
{
    type Fold = A;
    type Part = A;

    #[inline(always)]
    fn begin(&self, _at: Place) -> A {
        (self.identity)()
    }

    #[inline(always)]
    fn take(&self, fold: A, item: T) -> A {
        (self.step)(fold, item)
    }

    #[inline(always)]
    fn take_iter<I: Iterator<Item = T>>(&self, fold: A, items: I) -> A {
        items.fold(fold, &self.step)
    }

    #[inline(always)]
    fn finish(&self, fold: A) -> A {
        fold
    }

    #[inline(always)]
    fn append(&self, left: A, right: A) -> A {
        (self.join)(left, right)
    }
}

macro_rules! through_std {
    ($(#[$doc:meta])* $name:ident, $trait:ident, $method:ident) => {
        $(#[$doc])*
        pub(crate) struct $name<S>(pub(crate) PhantomData<fn() -> S>);

        impl<T, S> Consumer<T> for $name<S>
        where
            S: Send + std::iter::$trait<T> + std::iter::$trait<S>,
        {
            type Fold = S;
            type Part = S;

            fn begin(&self, _at: Place) -> S {
                std::iter::empty::<T>().$method()
            }

            #[inline(always)]
            fn take(&self, fold: S, item: T) -> S {
                let item: S = std::iter::once(item).$method();
                [fold, item].into_iter().$method()
            }

            #[inline(always)]
            fn take_iter<I: Iterator<Item = T>>(&self, fold: S, items: I) -> S {
                let chunk: S = items.$method();
                [fold, chunk].into_iter().$method()
            }

            #[inline(always)]
            fn finish(&self, fold: S) -> S {
                fold
            }

            #[inline(always)]
            fn append(&self, left: S, right: S) -> S {
                [left, right].into_iter().$method()
            }
        }
    };
}

through_std!(
    /// Each chunk is summed up by its iterator.
    SumUp, Sum, sum
);
through_std!(
    /// Each chunk is multiplied by its iterator.
    Multiply, Product, product
);
