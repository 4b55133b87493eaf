//! Collecting into two collections at a time: of pairs, or of what is one of two.
//!
//! Each collection runs a loop of its own, one inside of the other. The outer one's loop does nothing but
//! start the inner one's, and that one runs the items past both consumers. So each collection is filled in
//! the way that is best for it: two vectors of a known length are both written in place.
//!
//! A collection may end without a look at its items. Then the items are still there, and the other one's loop is
//! run for itself.

use crate::par::either::Either;
use crate::par::iter::{
    FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator,
};
use crate::par::plumbing::{Consumer, Place};
use std::marker::PhantomData;

/// Which of two collections an item is for, or which part of it.
trait Sort<T>: Send + Sync {
    type Left: Send;
    type Right: Send;
    /// Each item has both parts.
    const BOTH: bool;
    fn sort(item: T) -> (Option<Self::Left>, Option<Self::Right>);
}

struct Pairs;

impl<A: Send, B: Send> Sort<(A, B)> for Pairs {
    type Left = A;
    type Right = B;
    const BOTH: bool = true;
    #[inline(always)]
    fn sort((a, b): (A, B)) -> (Option<A>, Option<B>) {
        (Some(a), Some(b))
    }
}

struct Eithers;

impl<L: Send, R: Send> Sort<Either<L, R>> for Eithers {
    type Left = L;
    type Right = R;
    const BOTH: bool = false;
    #[inline(always)]
    fn sort(item: Either<L, R>) -> (Option<L>, Option<R>) {
        match item {
            Either::Left(left) => (Some(left), None),
            Either::Right(right) => (None, Some(right)),
        }
    }
}

/// Where a loop's items go.
trait Target<T: Send>: Send {
    fn fill(self, items: impl ParallelIterator<Item = T>);
}

/// A collection that there is.
struct More<'c, C>(&'c mut C);

impl<T: Send, C: ParallelExtend<T> + Send> Target<T> for More<'_, C> {
    fn fill(self, items: impl ParallelIterator<Item = T>) {
        self.0.par_extend(items);
    }
}

/// A place for one that is to be made.
struct New<'c, C>(&'c mut Option<C>);

impl<T: Send, C: FromParallelIterator<T> + Send> Target<T> for New<'_, C> {
    fn fill(self, items: impl ParallelIterator<Item = T>) {
        *self.0 = Some(C::from_par_iter(items));
    }
}

/// The outer loop.
struct LeftItems<'b, I, R, S> {
    /// Taken by whoever runs the loop.
    base: &'b mut Option<I>,
    right: R,
    sort: PhantomData<S>,
}

impl<I, R, S> ParallelIterator for LeftItems<'_, I, R, S>
where
    I: ParallelIterator,
    S: Sort<I::Item>,
    R: Target<S::Right>,
{
    type Item = S::Left;

    fn drive<C: Consumer<S::Left>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let mut part = None;
        self.right.fill(RightItems {
            base: self.base,
            left: consumer,
            part: &mut part,
            sort: self.sort,
        });
        if let Some(part) = part {
            return consumer.append(fold, part);
        }
        match self.base.take() {
            Some(base) => {
                let both = Both {
                    left: consumer,
                    right: &Nobody,
                    sort: self.sort,
                };
                both.drive(base, fold, ()).0
            }
            None => fold,
        }
    }

    fn opt_len(&self) -> Option<usize> {
        let base = self.base.as_ref()?;
        base.opt_len().filter(|_| S::BOTH)
    }
}

/// The inner loop.
struct RightItems<'l, I, C, P, S> {
    /// Taken when the loop is run.
    base: &'l mut Option<I>,
    left: &'l C,
    /// What comes of the left consumer; its fold has to stay where it was made.
    part: &'l mut Option<P>,
    sort: PhantomData<S>,
}

impl<I, L, S> ParallelIterator for RightItems<'_, I, L, L::Part, S>
where
    I: ParallelIterator,
    S: Sort<I::Item>,
    L: Consumer<S::Left>,
{
    type Item = S::Right;

    fn drive<C: Consumer<S::Right>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let both = Both {
            left: self.left,
            right: consumer,
            sort: self.sort,
        };
        let Some(base) = self.base.take() else {
            return fold;
        };
        let (left, right) = both.drive(base, self.left.begin(Place::at(0)), fold);
        *self.part = Some(self.left.finish(left));
        right
    }

    fn opt_len(&self) -> Option<usize> {
        let base = self.base.as_ref()?;
        base.opt_len().filter(|_| S::BOTH)
    }
}

struct Both<'a, L, R, S> {
    left: &'a L,
    right: &'a R,
    sort: PhantomData<S>,
}

impl<L, R, S> Both<'_, L, R, S> {
    /// Runs the loop, from its begin.
    fn drive<I>(&self, base: I, left: L::Fold, right: R::Fold) -> (L::Fold, R::Fold)
    where
        I: ParallelIterator,
        S: Sort<I::Item>,
        L: Consumer<S::Left>,
        R: Consumer<S::Right>,
    {
        // On the right of no fork: what settles one of the two does not settle the other.
        let (left, right, _) = base.drive(self, (left, right, Place::at(0)));
        (left, right)
    }
}

impl<T, L, R, S> Consumer<T> for Both<'_, L, R, S>
where
    S: Sort<T>,
    L: Consumer<S::Left>,
    R: Consumer<S::Right>,
{
    /// With the place: either of the two may have none.
    type Fold = (L::Fold, R::Fold, Place);
    type Part = (L::Part, R::Part);

    fn begin(&self, at: Place) -> Self::Fold {
        (self.left.begin(at), self.right.begin(at), at)
    }

    #[inline]
    fn take(&self, (mut left, mut right, at): Self::Fold, item: T) -> Self::Fold {
        let (for_left, for_right) = S::sort(item);
        // One may have enough while the other goes on.
        if let Some(item) = for_left {
            if !self.left.is_full(&left) {
                left = self.left.take(left, item);
            }
        }
        if let Some(item) = for_right {
            if !self.right.is_full(&right) {
                right = self.right.take(right, item);
            }
        }
        (left, right, at)
    }

    #[inline]
    fn is_full(&self, (left, right, _): &Self::Fold) -> bool {
        self.left.is_full(left) && self.right.is_full(right)
    }

    #[inline]
    fn is_stopped(&self, (left, right, _): &Self::Fold) -> bool {
        self.left.is_stopped(left) && self.right.is_stopped(right)
    }

    #[inline]
    fn is_settled(&self, (left, right, _): &Self::Fold) -> bool {
        self.left.is_settled(left) && self.right.is_settled(right)
    }

    #[inline]
    fn reach(&self, (left, right, place): &mut Self::Fold, at: usize) {
        *place = place.with_step(at);
        self.left.reach(left, at);
        self.right.reach(right, at);
    }

    #[inline]
    fn at(&self, (_, _, at): &Self::Fold) -> Place {
        *at
    }

    fn pause(&self, (left, right, _): &mut Self::Fold) {
        self.left.pause(left);
        self.right.pause(right);
    }

    fn panicked(&self) {
        self.left.panicked();
        self.right.panicked();
    }

    fn cut_short(&self) {
        self.left.cut_short();
        self.right.cut_short();
    }

    fn finish(&self, (left, right, _): Self::Fold) -> Self::Part {
        (self.left.finish(left), self.right.finish(right))
    }

    fn append(&self, left: Self::Fold, right: Self::Part) -> Self::Fold {
        (
            self.left.append(left.0, right.0),
            self.right.append(left.1, right.1),
            left.2,
        )
    }
}

/// In place of a collection that does not want any items, and so is always full.
struct Nobody;

impl<T> Consumer<T> for Nobody {
    type Fold = ();
    type Part = ();

    fn begin(&self, _at: Place) {}

    fn take(&self, (): (), _item: T) {}

    #[inline(always)]
    fn is_full(&self, (): &()) -> bool {
        true
    }

    #[inline(always)]
    fn is_settled(&self, (): &()) -> bool {
        true
    }

    fn finish(&self, (): ()) {}

    fn append(&self, (): (), (): ()) {}
}

/// What is for the right, if the left collection has ended without a look at the items.
macro_rules! right_alone {
    ($base:ident, $sort:ident) => {
        RightItems {
            base: &mut $base,
            left: &Nobody,
            part: &mut None,
            sort: PhantomData::<$sort>,
        }
    };
}

/// Pairs go to both; of what is one of two, each to its side.
macro_rules! pairs {
    ([$A:ident, $B:ident] $type:ty, $sort:ident) => {
        impl<$A, $B, ToA, ToB> ParallelExtend<$type> for (ToA, ToB)
        where
            $A: Send,
            $B: Send,
            ToA: Send + ParallelExtend<$A>,
            ToB: Send + ParallelExtend<$B>,
        {
            fn par_extend<I>(&mut self, par_iter: I)
            where
                I: IntoParallelIterator<Item = $type>,
            {
                let mut base = Some(par_iter.into_par_iter());
                More(&mut self.0).fill(LeftItems {
                    base: &mut base,
                    right: More(&mut self.1),
                    sort: PhantomData::<$sort>,
                });
                if base.is_some() {
                    More(&mut self.1).fill(right_alone!(base, $sort));
                }
            }
        }

        impl<$A, $B, ToA, ToB> FromParallelIterator<$type> for (ToA, ToB)
        where
            $A: Send,
            $B: Send,
            ToA: Send + FromParallelIterator<$A>,
            ToB: Send + FromParallelIterator<$B>,
        {
            fn from_par_iter<I>(par_iter: I) -> Self
            where
                I: IntoParallelIterator<Item = $type>,
            {
                let mut base = Some(par_iter.into_par_iter());
                let mut right = None;
                let left = ToA::from_par_iter(LeftItems {
                    base: &mut base,
                    right: New(&mut right),
                    sort: PhantomData::<$sort>,
                });
                // None also if the left collection has caught a panic of the loop; then nothing is left.
                let right = right.unwrap_or_else(|| ToB::from_par_iter(right_alone!(base, $sort)));
                (left, right)
            }
        }
    };
}
pairs!([A, B](A, B), Pairs);
pairs!([A, B] Either<A, B>, Eithers);

/// Whichever of the two it is.
impl<L, R, T> ParallelExtend<T> for Either<L, R>
where
    L: ParallelExtend<T>,
    R: ParallelExtend<T>,
    T: Send,
{
    fn par_extend<I>(&mut self, par_iter: I)
    where
        I: IntoParallelIterator<Item = T>,
    {
        match self {
            Self::Left(collection) => collection.par_extend(par_iter),
            Self::Right(collection) => collection.par_extend(par_iter),
        }
    }
}
