//! Loops over the parts between boundaries that have to be looked for: of slices and of strings.
//!
//! # How it works
//! The steps of the loop are the *positions* in the text or slice. Each position is looked at once, by the
//! piece that has taken it. A piece gives the parts of which it has seen both boundaries. It remembers its
//! first boundary, for the part that begins further left, and where its last part is open, which ends
//! further right. When a piece is appended to the one on its left, both ends of the part between them are
//! known, and it is given then, as a little piece of its own.
//!
//! ```text
//!   positions    . . . . | . . | . . . .   . . . . . . | . . . | . .
//!   pieces      [                      ] [                         ]
//!   given        1 1 1 1   2 2   3 3 3 3   3 3 3 3 3 3   4 4 4   5 5
//!                left's    left's  when they are joined  right's right's
//! ```
//!
//! So nobody looks at an item that may be in somebody else's part, which a mutable slice asks for, and the
//! time is linear whatever the boundaries are like. A part is no cheaper than its length, though, and a piece
//! looks for the next boundary without a look around.
//!
//! # When a loop ends early
//! A piece that stops in the middle remembers how far it has looked. What follows does not touch it then, and
//! the part between them, of which nobody knows whether it is one, is not given.

use crate::par::iter::ParallelIterator;
use crate::par::plumbing::{Consumer, Place, Span, Steps, drive_steps, forward, owns_nothing};
use std::fmt;
use std::ops::Range;

/// Something that is cut at boundaries.
pub trait Cutter: Send + Sync {
    /// What lies between two boundaries.
    type Part: Send;

    /// A last part that is empty is given, too.
    const EMPTY_LAST: bool;

    /// How many positions before a boundary have to be looked at to find it: 1 if it lies between two items
    /// (and may lie between two pieces), 0 if it is an item.
    const LOOKS_BACK: usize = 0;

    /// How many positions there are.
    fn len(&self) -> usize;

    /// The first position from `at` on that is the begin of something. Not more than `len()`.
    fn align(&self, at: usize) -> usize {
        at
    }

    /// The first boundary at one of these positions.
    ///
    /// # Safety
    /// The range is within `0..len()` and aligned; nobody else looks at these positions (and `LOOKS_BACK`
    /// more) now, and they are in no part that has been given.
    unsafe fn find(&self, range: Range<usize>) -> Option<Boundary>;

    /// The part between two boundaries.
    ///
    /// # Safety
    /// Both were found, or are the ends; there is none between them; it is taken once.
    unsafe fn part(&self, range: Range<usize>) -> Self::Part;
}

/// Where one part ends and the next begins.
#[derive(Debug)]
pub struct Boundary {
    pub(crate) end: usize,
    pub(crate) begin: usize,
}

/// An iterator over the parts between boundaries; see its aliases.
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Splits<X> {
    cutter: X,
}

impl<X> Splits<X> {
    pub(crate) fn new(cutter: X) -> Self {
        Self { cutter }
    }
}

impl<X: fmt::Debug> fmt::Debug for Splits<X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Splits").field(&self.cutter).finish()
    }
}

impl<X: Cutter> ParallelIterator for Splits<X> {
    type Item = X::Part;

    fn drive<C: Consumer<X::Part>>(self, consumer: &C, mut fold: C::Fold) -> C::Fold {
        let len = self.cutter.len();
        if len == 0 {
            if X::EMPTY_LAST && consumer.is_stopped(&fold) {
                consumer.cut_short();
            } else if X::EMPTY_LAST {
                // SAFETY: from end to end.
                fold = consumer.take(fold, unsafe { self.cutter.part(0..0) });
                consumer.pause(&mut fold);
            }
            return fold;
        }
        let consumer = Splitting {
            inner: consumer,
            cutter: &self.cutter,
        };
        drive_steps(Positions(len), &consumer, Piece::leftmost(fold)).inner
    }
}

/// Positions, given by stretches.
struct Positions(usize);

impl ParallelIterator for Positions {
    type Item = Range<usize>;

    fn drive<C: Consumer<Range<usize>>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        drive_steps(self, consumer, fold)
    }
}

impl Steps for Positions {
    owns_nothing!();

    fn steps(&self) -> usize {
        self.0
    }

    #[inline]
    fn feed<C: Consumer<Range<usize>>>(
        &self,
        (): &mut (),
        span: Span,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        consumer.take(fold, span.range())
    }
}

/// A piece, running or finished.
struct Piece<F> {
    inner: F,
    start: usize,
    /// All positions from `start`, or from the last gap, to here have been looked at.
    reached: usize,
    /// `None` as long as there has been no boundary.
    found: Option<Found>,
}

/// What a piece knows about its ends, once there was a boundary or a gap.
struct Found {
    /// Where the part ends that begins further left.
    first: Option<usize>,
    /// Where the part begins that ends further right.
    open: Option<usize>,
}

impl<F> Piece<F> {
    fn new(inner: F, start: usize) -> Self {
        Self {
            inner,
            start,
            reached: start,
            found: None,
        }
    }

    /// The piece that nothing is further left of.
    fn leftmost(inner: F) -> Self {
        let found = Some(Found {
            first: None,
            open: Some(0),
        });
        Self {
            found,
            ..Self::new(inner, 0)
        }
    }

    fn map<G>(self, f: impl FnOnce(F) -> G) -> Piece<G> {
        Piece {
            inner: f(self.inner),
            start: self.start,
            reached: self.reached,
            found: self.found,
        }
    }

    /// After a gap: the next part begins at `open`, if that is known.
    fn resume(&mut self, open: Option<usize>) {
        let first = self.found.as_ref().and_then(|found| found.first);
        self.found = Some(Found { first, open });
    }
}

struct Splitting<'a, C, X> {
    inner: &'a C,
    cutter: &'a X,
}

impl<C, X> Splitting<'_, C, X>
where
    X: Cutter,
    C: Consumer<X::Part>,
{
    fn is_given(&self, open: usize) -> bool {
        X::EMPTY_LAST || open < self.cutter.len()
    }

    /// There is a boundary where a piece on the right begins, or its first one: ends the part that is open on
    /// the left.
    fn close(
        &self,
        mut left: Piece<C::Fold>,
        end: usize,
        next: Option<usize>,
        seam: usize,
    ) -> Piece<C::Fold> {
        let Some(found) = &mut left.found else {
            left.found = Some(Found {
                first: Some(end),
                open: next,
            });
            return left;
        };
        let open = std::mem::replace(&mut found.open, next);
        let Some(open) = open.filter(|&open| self.is_given(open)) else {
            return left;
        };
        // A piece of its own, as `left` may have pieces appended to it already and take no more items.
        let mut fold = self.inner.begin(Place::at(seam));
        // Not whether it is stopped: all has been looked at, and nothing need be lost.
        if !self.inner.is_full(&fold) {
            // SAFETY: these are boundaries, and `open` has been taken out.
            fold = self
                .inner
                .take(fold, unsafe { self.cutter.part(open..end) });
        }
        self.inner.pause(&mut fold);
        let part = self.inner.finish(fold);
        left.map(|fold| self.inner.append(fold, part))
    }
}

impl<C, X> Consumer<Range<usize>> for Splitting<'_, C, X>
where
    X: Cutter,
    C: Consumer<X::Part>,
{
    type Fold = Piece<C::Fold>;
    type Part = Piece<C::Part>;
    forward!([.inner] is_full is_stopped is_settled reach pause at panicked cut_short);

    fn begin(&self, at: Place) -> Piece<C::Fold> {
        Piece::new(self.inner.begin(at), self.cutter.align(at.step))
    }

    fn take(&self, mut piece: Piece<C::Fold>, stretch: Range<usize>) -> Piece<C::Fold> {
        let is_last = stretch.end == self.cutter.len();
        let end = self.cutter.align(stretch.end);
        let start = self.cutter.align(stretch.start);
        if piece.reached != start {
            // It has been full, and is asked all the same.
            piece.resume(None);
            piece.reached = start;
        }
        let mut from = piece.reached.max(piece.start + X::LOOKS_BACK);
        // The end is a boundary, after which nothing is open.
        let mut next = || {
            if from < end {
                // SAFETY: the stretch is this piece's alone, and so is the position before it, which is no
                // other piece's (`LOOKS_BACK`). It is not in a part that has been given, as parts end at
                // boundaries, and what is looked at has no boundary behind it yet.
                if let Some(found) = unsafe { self.cutter.find(from..end) } {
                    from = found.begin + X::LOOKS_BACK;
                    return Some((found.end, Some(found.begin)));
                }
                from = end;
            }
            None
        };
        let mut ended = false;
        let mut next = || {
            let next = next();
            if next.is_none() && is_last && !ended {
                ended = true;
                return Some((end, None));
            }
            next
        };
        if piece.found.is_none() {
            if let Some((first, open)) = next() {
                piece.found = Some(Found {
                    first: Some(first),
                    open,
                });
            }
        }
        if let Some(found) = &mut piece.found {
            let parts = std::iter::from_fn(|| {
                loop {
                    let (end, next) = next()?;
                    let open = std::mem::replace(&mut found.open, next);
                    if let Some(open) = open.filter(|&open| self.is_given(open)) {
                        // SAFETY: these are boundaries, and `open` has been taken out.
                        return Some(unsafe { self.cutter.part(open..end) });
                    }
                }
            });
            piece.inner = self.inner.take_iter(piece.inner, parts);
        }
        // Not the end if the consumer is full.
        piece.reached = from.min(end);
        piece
    }

    fn finish(&self, piece: Piece<C::Fold>) -> Piece<C::Part> {
        piece.map(|fold| self.inner.finish(fold))
    }

    fn append(&self, mut left: Piece<C::Fold>, right: Piece<C::Part>) -> Piece<C::Fold> {
        let seam = right.start;
        let touching = left.reached == seam;
        if !touching {
            left.resume(None);
        } else if X::LOOKS_BACK > 0 && left.start < seam && seam < right.reached {
            // SAFETY: both pieces are over, and the items next to the seam are in parts that are open, or in
            // none.
            if let Some(found) = unsafe { self.cutter.find(seam..seam + 1) } {
                left = self.close(left, found.end, Some(found.begin), seam);
            }
        }
        match right.found {
            Some(Found {
                first: Some(end),
                open,
            }) if touching => left = self.close(left, end, open, seam),
            Some(found) => left.resume(found.open),
            None => {}
        }
        left.reached = right.reached;
        left.map(|fold| self.inner.append(fold, right.inner))
    }
}

#[cfg(test)]
mod tests;
