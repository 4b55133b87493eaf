//! Where a piece is among the others, for consumers that look for the first item.
//!
//! The outermost loop numbers its steps, and that is enough to compare most pieces. Pieces of one step, those of
//! a loop inside of it, have no such number; nor have those of work that is found on the way. What they have
//! is the forks that they came from: of each [`Fork`] on whose right it is, a piece can ask whether what is
//! on the left has made it needless. A fork is on the stack of whoever made it, and costs three words.

use crate::sync::{AtomicBool, Ordering};
use std::ptr;

/// Where a piece is, or begins.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The step of the outermost loop.
    pub(crate) step: usize,
    /// The innermost fork on whose right it is, or null.
    fork: *const Fork,
}

// SAFETY: see `Fork::right`: what a place refers to is there as long as the place is used, and can be shared.
unsafe impl Send for Place {}
// SAFETY: as above.
unsafe impl Sync for Place {}

impl Place {
    /// On the right of no fork.
    #[inline(always)]
    pub(crate) fn at(step: usize) -> Self {
        Self {
            step,
            fork: ptr::null(),
        }
    }

    /// With another step.
    #[inline(always)]
    pub(crate) fn with_step(self, step: usize) -> Self {
        Self { step, ..self }
    }

    /// What is on the left of one of its forks is settled.
    #[cold]
    pub(crate) fn is_needless(self) -> bool {
        let mut next = self.fork;
        // SAFETY: it is there as long as the place is used, and the forks around it for longer.
        while let Some(fork) = unsafe { next.as_ref() } {
            // Relaxed: it only makes a piece stop sooner.
            if fork.settled.load(Ordering::Relaxed) {
                return true;
            }
            next = fork.around.fork;
        }
        false
    }
}

/// A fork, as seen by the pieces on its right.
#[derive(Debug)]
pub(crate) struct Fork {
    settled: AtomicBool,
    /// Of the piece that was forked.
    around: Place,
}

impl Fork {
    /// Of a piece that is at `around`.
    #[inline(always)]
    pub(crate) fn new(around: Place) -> Self {
        Self {
            settled: AtomicBool::new(false),
            around,
        }
    }

    /// The left side is over; if it is settled, nothing on the right is wanted.
    #[inline(always)]
    pub(crate) fn left_is_over(&self, settled: bool) {
        if settled {
            self.settled.store(true, Ordering::Relaxed);
        }
    }

    /// The place of a piece on the right.
    ///
    /// # Safety
    /// It is not used any more when the fork is gone, or the piece that was forked.
    #[inline(always)]
    pub(crate) unsafe fn right(&self, step: usize) -> Place {
        Place {
            step,
            fork: ptr::from_ref(self),
        }
    }
}
