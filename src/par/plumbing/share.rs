//! The steps of a piece that nobody has begun: its owner takes them from the front, chunk by chunk, and one
//! thief the back half, as often as it likes.
//!
//! # States
//! One word holds `lo` and `hi`, as offsets from the piece's first step.
//!
//! | change | by | when |
//! |---|---|---|
//! | `lo` up, `hi` as it was | owner, [`claim`](Share::claim) | a chunk is begun |
//! | `hi` down to the middle, `lo` as it was | thief, [`take_half`](Share::take_half) | one thread at a time: the job that holds the right to it runs once |
//! | `lo` up to `hi` | owner, [`close`](Share::close) | the rest is not to be run, or is the owner's alone |
//!
//! Each change is one compare-and-swap of the whole word, so a step is in exactly one claimed chunk or in the
//! stolen half. The owner remembers `hi`; a lower one tells it that it has been robbed. The thief will come back
//! when it has run its half, but nobody else will; so the owner takes what is left out of the word and offers
//! it anew. An owner that is in the midst of a long step does not get to that: then it is the thief that takes
//! half of what is left again and again.
//!
//! # Memory ordering
//! Relaxed: the word hands out numbers, and nothing is published through it. What a thief reads was published
//! with the job that brought it here, and what it writes comes back with that job's latch.

use crate::par::plumbing::Span;
use crate::sync::{AtomicU64, Ordering};

/// The most steps of one piece.
pub(crate) const LONGEST: usize = u32::MAX as usize;

/// See the module.
#[derive(Debug)]
pub(crate) struct Share {
    first: usize,
    /// What `hi` is until a thief comes.
    len: u32,
    word: AtomicU64,
}

/// What the owner got.
#[derive(Debug)]
#[must_use]
pub(crate) enum Claim {
    /// The next chunk, and how many steps are left behind it.
    Chunk(Span, usize),
    /// A thief has taken the back; this is all that is left, and no longer shared.
    Robbed(Span),
    /// Nothing is left.
    Empty,
}

fn pack(lo: u32, hi: u32) -> u64 {
    u64::from(hi) << 32 | u64::from(lo)
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves of a word")]
fn unpack(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

impl Share {
    /// `span` has [`LONGEST`] steps at most.
    pub(crate) fn new(span: Span) -> Self {
        let len = u32::try_from(span.len()).expect("no longer than LONGEST");
        Self {
            first: span.start(),
            len,
            word: AtomicU64::new(pack(0, len)),
        }
    }

    fn span(&self, lo: u32, hi: u32) -> Span {
        let steps = self.first + lo as usize..self.first + hi as usize;
        // SAFETY: they have just been taken out of the word by one compare-and-swap, and the word was made
        // from a span.
        unsafe { Span::new(steps) }
    }

    /// Owner: takes up to `most` steps (one at least) from the front.
    #[inline]
    pub(crate) fn claim(&self, most: usize) -> Claim {
        let (lo, hi) = unpack(self.word.load(Ordering::Relaxed));
        if hi != self.len {
            return self.robbed();
        }
        if lo == hi {
            return Claim::Empty;
        }
        let left = hi - lo;
        let next = lo + u32::try_from(most).map_or(left, |most| most.clamp(1, left));
        match self.change(pack(lo, hi), pack(next, hi)) {
            Ok(()) => Claim::Chunk(self.span(lo, next), (hi - next) as usize),
            // Only the thief can have come between.
            Err(()) => self.robbed(),
        }
    }

    /// Owner: there has been a thief, and no other can come.
    #[cold]
    fn robbed(&self) -> Claim {
        match self.close() {
            Some(rest) => Claim::Robbed(rest),
            None => Claim::Empty,
        }
    }

    /// Owner: takes everything that is left.
    pub(crate) fn close(&self) -> Option<Span> {
        loop {
            let word = self.word.load(Ordering::Relaxed);
            let (lo, hi) = unpack(word);
            if lo == hi {
                return None;
            }
            if self.change(word, pack(hi, hi)).is_ok() {
                return Some(self.span(lo, hi));
            }
        }
    }

    /// Thief: takes the back half, the larger one if they differ, but nothing if fewer than twice `least`
    /// steps are left (with `least` 1: not even the last one alone is left behind).
    pub(crate) fn take_half(&self, least: usize) -> Option<Span> {
        loop {
            let word = self.word.load(Ordering::Relaxed);
            let (lo, hi) = unpack(word);
            let left = hi - lo;
            let enough = if least > 1 {
                least.saturating_mul(2)
            } else {
                1
            };
            if (left as usize) < enough {
                return None;
            }
            let mid = lo + left / 2;
            if self.change(word, pack(lo, mid)).is_ok() {
                return Some(self.span(mid, hi));
            }
        }
    }

    #[inline]
    fn change(&self, from: u64, to: u64) -> Result<(), ()> {
        let changed = self
            .word
            .compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
        changed.map(drop).map_err(drop)
    }
}
