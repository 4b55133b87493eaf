//! Loops over parts of a slice whose boundaries depend on its items.

use crate::par::source::ground::{Ground, Shared, Unique};
use crate::par::source::split::{Boundary, Cutter, Splits};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

/// Made by [`par_split`](crate::slice::ParallelSlice::par_split).
pub type Split<'data, T, P> = Splits<Separated<Shared<'data, T>, P, Omitted>>;
/// Made by [`par_split_mut`](crate::slice::ParallelSliceMut::par_split_mut).
pub type SplitMut<'data, T, P> = Splits<Separated<Unique<'data, T>, P, Omitted>>;
/// Made by [`par_split_inclusive`](crate::slice::ParallelSlice::par_split_inclusive).
pub type SplitInclusive<'data, T, P> = Splits<Separated<Shared<'data, T>, P, Included>>;
/// Made by [`par_split_inclusive_mut`](crate::slice::ParallelSliceMut::par_split_inclusive_mut).
pub type SplitInclusiveMut<'data, T, P> = Splits<Separated<Unique<'data, T>, P, Included>>;
/// Made by [`par_chunk_by`](crate::slice::ParallelSlice::par_chunk_by).
pub type ChunkBy<'data, T, P> = Splits<Runs<Shared<'data, T>, P>>;
/// Made by [`par_chunk_by_mut`](crate::slice::ParallelSliceMut::par_chunk_by_mut).
pub type ChunkByMut<'data, T, P> = Splits<Runs<Unique<'data, T>, P>>;

/// Where separators go.
pub trait Separators: Send + Sync {
    /// To the part on their left.
    const INCLUDED: bool;
    /// A last part that is empty is given, too.
    const EMPTY_LAST: bool;
}

/// Separators are in no part.
#[derive(Clone, Debug)]
pub struct Omitted;
/// Separators are at the end of parts.
#[derive(Clone, Debug)]
pub struct Included;
/// Separators are in no part, and what follows the last one is not a part if it is empty.
#[derive(Clone, Debug)]
pub struct Terminating;

impl Separators for Omitted {
    const INCLUDED: bool = false;
    const EMPTY_LAST: bool = true;
}

impl Separators for Included {
    const INCLUDED: bool = true;
    const EMPTY_LAST: bool = false;
}

impl Separators for Terminating {
    const INCLUDED: bool = false;
    const EMPTY_LAST: bool = false;
}

/// A slice with separators.
#[derive(Clone)]
pub struct Separated<G, P, S> {
    slice: G,
    is_separator: P,
    separators: PhantomData<S>,
}

/// A slice of runs: the pairs of which a closure says that they belong together.
#[derive(Clone)]
pub struct Runs<G, P> {
    slice: G,
    belong_together: P,
}

impl<G, P, S> Splits<Separated<G, P, S>> {
    pub(crate) fn separated(slice: G, is_separator: P) -> Self {
        Self::new(Separated {
            slice,
            is_separator,
            separators: PhantomData,
        })
    }
}

impl<G, P> Splits<Runs<G, P>> {
    pub(crate) fn runs(slice: G, belong_together: P) -> Self {
        Self::new(Runs {
            slice,
            belong_together,
        })
    }
}

impl<G, P, S> Cutter for Separated<G, P, S>
where
    G: Ground,
    P: Fn(&G::Item) -> bool + Send + Sync,
    S: Separators,
{
    type Part = G::Part;
    const EMPTY_LAST: bool = S::EMPTY_LAST;

    fn len(&self) -> usize {
        self.slice.len()
    }

    #[inline]
    unsafe fn find(&self, range: Range<usize>) -> Option<Boundary> {
        let first = range.start;
        // SAFETY: the caller's promise.
        let items = unsafe { self.slice.look(range) };
        let at = first + items.iter().position(&self.is_separator)?;
        Some(Boundary {
            end: at + usize::from(S::INCLUDED),
            begin: at + 1,
        })
    }

    #[inline]
    unsafe fn part(&self, range: Range<usize>) -> G::Part {
        // SAFETY: the caller's promise. Parts between different boundaries do not overlap.
        unsafe { self.slice.part(range) }
    }
}

impl<G, P> Cutter for Runs<G, P>
where
    G: Ground,
    P: Fn(&G::Item, &G::Item) -> bool + Send + Sync,
{
    type Part = G::Part;
    const EMPTY_LAST: bool = false;
    const LOOKS_BACK: usize = 1;

    fn len(&self) -> usize {
        self.slice.len()
    }

    #[inline]
    unsafe fn find(&self, range: Range<usize>) -> Option<Boundary> {
        let first = range.start;
        // SAFETY: the caller's promise, with the item before.
        let items = unsafe { self.slice.look(first - 1..range.end) };
        let mut pairs = items.windows(2);
        let at = first + pairs.position(|pair| !(self.belong_together)(&pair[0], &pair[1]))?;
        Some(Boundary { end: at, begin: at })
    }

    #[inline]
    unsafe fn part(&self, range: Range<usize>) -> G::Part {
        // SAFETY: the caller's promise. Parts between different boundaries do not overlap.
        unsafe { self.slice.part(range) }
    }
}

impl<G: fmt::Debug, P, S> fmt::Debug for Separated<G, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.slice, f)
    }
}

impl<G: fmt::Debug, P> fmt::Debug for Runs<G, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.slice, f)
    }
}
