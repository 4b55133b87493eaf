//! Who is awake and who sleeps, in one word.
//!
//! | bits | 0..12 | 12..24 | 24..36 | 36 | 37 | 38 | 39 | 40.. |
//! |---|---|---|---|---|---|---|---|---|
//! | | searching | active | sleeping | somebody lingers | closed to submissions from outside | to all | paused | guests at work |
//!
//! The counts are changed by additions only; a field cannot overflow into the next: there are at most [`MAX_THREADS`]
//! threads, and guests are threads of this process.

use std::fmt;

/// The most threads (workers and spares) that a pool can count.
pub(crate) const MAX_THREADS: usize = (1 << 12) - 1;

/// One searcher, in the packed word.
pub(crate) const SEARCHING: u64 = 1;
pub(crate) const ACTIVE: u64 = 1 << 12;
pub(crate) const SLEEPING: u64 = 1 << 24;
pub(crate) const LINGERING: u64 = 1 << 36;
/// Nothing more is accepted from outside.
pub(crate) const CLOSED: u64 = 1 << 37;
/// Nothing more is accepted from anybody.
pub(crate) const HALTED: u64 = 1 << 38;
/// Workers take up nothing new.
pub(crate) const PAUSED: u64 = 1 << 39;
pub(crate) const GUEST: u64 = 1 << 40;

/// A decoded copy of the packed word.
#[derive(Clone, Copy)]
pub(crate) struct Counts(u64);

impl Counts {
    pub(crate) fn of(word: u64) -> Self {
        Self(word)
    }

    /// Workers that look for work.
    pub(crate) fn searching(self) -> usize {
        (self.0 & 0xFFF) as usize
    }

    /// Workers that are neither asleep nor have lent their slot.
    pub(crate) fn active(self) -> usize {
        ((self.0 >> 12) & 0xFFF) as usize
    }

    /// Workers in bed, the lingering one included.
    pub(crate) fn sleeping(self) -> usize {
        ((self.0 >> 24) & 0xFFF) as usize
    }

    /// Whether one of the sleepers polls for forks by itself.
    pub(crate) fn lingering(self) -> bool {
        self.0 & LINGERING != 0
    }

    pub(crate) fn closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    pub(crate) fn halted(self) -> bool {
        self.0 & HALTED != 0
    }

    pub(crate) fn paused(self) -> bool {
        self.0 & PAUSED != 0
    }

    /// Threads from outside that work inside the pool.
    pub(crate) fn guests(self) -> usize {
        (self.0 >> 40) as usize
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts")
            .field("searching", &self.searching())
            .field("active", &self.active())
            .field("sleeping", &self.sleeping())
            .field("lingering", &self.lingering())
            .field("guests", &self.guests())
            .finish()
    }
}
