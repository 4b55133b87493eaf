//! Loops over the pieces of something that a closure can cut in two.

use crate::par::debug::debug_fields;
use crate::par::iter::ParallelIterator;
use crate::par::plumbing::Consumer;
use crate::par::plumbing::worklist::{Step, Worklist, drive_worklist};
use std::fmt;

/// Pieces for each thread that are made in any case: what has been given away cannot be cut any more.
const FOR_EACH_THREAD: usize = 4;

/// An iterator over the pieces of something; made by [`split`].
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Split<D, S> {
    data: D,
    splitter: S,
}

/// An iterator over the pieces of `data`: `splitter` cuts one in two, or says with `None` that it has become
/// too small.
///
/// Pieces are cut into a few for each thread of the pool, then as often as a thread has nothing to do. So how
/// many there are is not known beforehand; in their order, they make up all of `data`.
///
/// ```
/// use std::ops::Range;
/// use windrow::iter::split;
/// use windrow::prelude::*;
///
/// fn halves(range: Range<u64>) -> (Range<u64>, Option<Range<u64>>) {
///     if range.end - range.start < 2 {
///         return (range, None);
///     }
///     let mid = range.start + (range.end - range.start) / 2;
///     (range.start..mid, Some(mid..range.end))
/// }
///
/// let sum: u64 = split(0..1000, halves).map(|range| range.sum::<u64>()).sum();
/// assert_eq!(sum, 499_500);
/// ```
pub fn split<D, S>(data: D, splitter: S) -> Split<D, S>
where
    D: Send,
    S: Fn(D) -> (D, Option<D>) + Sync,
{
    Split { data, splitter }
}

impl<D, S> ParallelIterator for Split<D, S>
where
    D: Send,
    S: Fn(D) -> (D, Option<D>) + Send + Sync,
{
    type Item = D;

    fn drive<C: Consumer<D>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let Self { data, splitter } = self;
        drive_worklist(
            |here| Uncut {
                pieces: vec![Piece {
                    data,
                    into: here.registry().idle.size() * FOR_EACH_THREAD,
                }],
                splitter: &splitter,
            },
            consumer,
            fold,
        )
    }
}

/// What has not been given away; the last is the first.
struct Uncut<'s, D, S> {
    pieces: Vec<Piece<D>>,
    splitter: &'s S,
}

struct Piece<D> {
    data: D,
    /// As many as it is to be cut into.
    into: usize,
}

impl<D, S: Fn(D) -> (D, Option<D>)> Uncut<'_, D, S> {
    /// Cuts a piece and puts it back, in two parts or as one that is not to be cut.
    fn cut(&mut self, piece: Piece<D>) {
        let (left, right) = (self.splitter)(piece.data);
        let into = match right {
            None => 1,
            Some(data) => {
                let into = piece.into / 2;
                self.pieces.push(Piece { data, into });
                piece.into - into
            }
        };
        self.pieces.push(Piece { data: left, into });
    }
}

impl<D, S> Worklist for Uncut<'_, D, S>
where
    D: Send,
    S: Fn(D) -> (D, Option<D>) + Sync,
{
    type Item = D;

    const COARSE: bool = true;

    fn step(&mut self) -> Step<D> {
        match self.pieces.pop() {
            None => Step::End,
            Some(piece) if piece.into > 1 => {
                self.cut(piece);
                Step::Nothing
            }
            Some(piece) => Step::Item(piece.data),
        }
    }

    fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    fn split_off(&mut self) -> Option<Self> {
        if self.pieces.len() == 1 {
            let only = self.pieces.pop()?;
            self.cut(only);
        }
        let first = self.pieces.split_off(self.pieces.len() / 2);
        let later = std::mem::replace(&mut self.pieces, first);
        (!later.is_empty()).then_some(Self {
            pieces: later,
            splitter: self.splitter,
        })
    }
}

debug_fields!([D: fmt::Debug, S] Split<D, S> { data });
