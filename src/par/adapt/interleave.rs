//! Items of two sources in turn.

use crate::par::adapt::cut::Take;
use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Held, Hints, Span, Steps, drive_by_item, feed_by_item};
use std::mem::forget;
use std::ops::Range;

/// An iterator over the items of two others in turn; made by
/// [`interleave`](IndexedParallelIterator::interleave).
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Interleave<I, J> {
    i: I,
    j: J,
    i_len: usize,
    j_len: usize,
}

/// Made by [`interleave_shortest`](IndexedParallelIterator::interleave_shortest).
pub type InterleaveShortest<I, J> = Interleave<Take<I>, Take<J>>;

/// Whose item it is, and which one.
enum Turn {
    I(usize),
    J(usize),
}

impl<I, J> Interleave<I, J>
where
    I: IndexedParallelIterator,
    J: IndexedParallelIterator<Item = I::Item>,
{
    pub(crate) fn new(i: I, j: J) -> Self {
        let (i_len, j_len) = (i.steps(), j.steps());
        assert!(
            i_len.checked_add(j_len).is_some(),
            "no more items than a usize can count"
        );
        Self { i, j, i_len, j_len }
    }

    #[inline(always)]
    fn turn(&self, index: usize) -> Turn {
        let pairs = self.i_len.min(self.j_len);
        if index / 2 >= pairs {
            if self.i_len > self.j_len {
                Turn::I(index - pairs)
            } else {
                Turn::J(index - pairs)
            }
        } else if index % 2 == 0 {
            Turn::I(index / 2)
        } else {
            Turn::J(index / 2)
        }
    }

    /// How many items of each come before `index`.
    fn before(&self, index: usize) -> (usize, usize) {
        let pairs = self.i_len.min(self.j_len);
        let i = if index / 2 < pairs {
            index.div_ceil(2)
        } else {
            (index - pairs).min(self.i_len)
        };
        (i, index - i)
    }

    /// What a span has of each.
    fn parts(&self, span: &Span) -> (Range<usize>, Range<usize>) {
        let (start, end) = (self.before(span.start()), self.before(span.end()));
        (start.0..end.0, start.1..end.1)
    }
}

impl<I, J> InterleaveShortest<I, J>
where
    I: IndexedParallelIterator,
    J: IndexedParallelIterator<Item = I::Item>,
{
    pub(crate) fn shortest(i: I, j: J) -> Self {
        let (i_len, j_len) = (i.steps(), j.steps());
        // The first to have no item when it is its turn ends it.
        Self::new(
            Take::new(i, j_len.saturating_add(1)),
            Take::new(j, i_len.min(j_len)),
        )
    }
}

impl<I, J> ParallelIterator for Interleave<I, J>
where
    I: IndexedParallelIterator,
    J: IndexedParallelIterator<Item = I::Item>,
{
    type Item = I::Item;
    drive_by_item!();
}

impl<I, J> Steps for Interleave<I, J>
where
    I: IndexedParallelIterator,
    J: IndexedParallelIterator<Item = I::Item>,
{
    type Local = (I::Local, J::Local);

    #[inline]
    fn steps(&self) -> usize {
        self.i_len + self.j_len
    }

    unsafe fn engage(&mut self) {
        // SAFETY: the caller's promise.
        unsafe { self.i.engage() };
        // SAFETY: just engaged.
        let i = unsafe { Held::new(&self.i, 0..self.i_len) };
        // SAFETY: the caller's promise.
        unsafe { self.j.engage() };
        forget(i);
    }

    fn ended(&self) {
        self.i.ended();
        self.j.ended();
    }

    fn hints(&self) -> Hints {
        self.i.hints().and(self.j.hints())
    }

    fn local(&self) -> Self::Local {
        (self.i.local(), self.j.local())
    }

    feed_by_item!();

    #[inline]
    fn discard(&self, span: Span) {
        let (i, j) = self.parts(&span);
        // SAFETY: the span's steps are these and those; dropped also if a drop of those panics.
        let _j = unsafe { Held::new(&self.j, j) };
        // SAFETY: as above.
        drop(unsafe { Held::new(&self.i, i) });
    }
}

impl<I, J> IndexedParallelIterator for Interleave<I, J>
where
    I: IndexedParallelIterator,
    J: IndexedParallelIterator<Item = I::Item>,
{
    #[inline(always)]
    unsafe fn item(&self, local: &mut Self::Local, index: usize) -> I::Item {
        match self.turn(index) {
            // SAFETY: each item has one turn; the caller's promise for the rest.
            Turn::I(index) => unsafe { self.i.item(&mut local.0, index) },
            // SAFETY: as above.
            Turn::J(index) => unsafe { self.j.item(&mut local.1, index) },
        }
    }
}
