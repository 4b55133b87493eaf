//! How many steps a thread takes at a time.
//!
//! What it has taken it cannot share, and what it takes costs it a locked instruction and a look around. So
//! it begins with a step (or a few of many), looks at the clock, and takes what should last about
//! [`TARGET`]. What is left when it is nearly done is not worth a clock, only a guess: it takes half of the
//! rest each time, so that whatever the guess has overlooked, half of it can still be shared.
//!
//! While the fork of what is left is *private* (older, larger ones are on the board, or the pool has one thread),
//! nobody can come for it, and it takes fewer and larger chunks: for loops of 1,000 items of 10 ns in a loop, 5 instead
//! of 9 and 2.5 % of their time. Even then a chunk has half of the rest at most, as long as that is worth a clock: if
//! what is left turns out heavy, the rest of it is there for whoever gets hungry.

use crate::par::plumbing::{Hints, ticks};
use crate::sim::Sim;
use std::time::Duration;

/// How long a chunk should take: some 40 ns for each are 0.4 % of it, and nobody waits much longer at the
/// end of a loop, or for a loop that is told to stop.
const TARGET: u64 = Duration::from_micros(10).as_nanos() as u64;

/// Chunks grow by this at most, as long as they are short.
const GROWTH: usize = 8;

/// Steps that together should take less are not measured.
const NOT_WORTH_A_CLOCK: u64 = Duration::from_micros(3).as_nanos() as u64;

/// Steps that together should take less are not shared.
const NOT_WORTH_SHARING: u64 = 250;

/// A piece that should last longer wakes a thread that has not noticed it: that takes 2 to 5 µs here, and one that
/// lingers looks every 100 to 250 µs by itself.
const WORTH_A_CALL: u64 = Duration::from_micros(50).as_nanos() as u64;

/// A loop begins with a step, or with several if it is as many times as long.
const MANY: usize = 64;

/// See the module.
#[derive(Debug)]
pub(crate) struct Grain {
    next: usize,
    least: usize,
    most: usize,
    clock: Clock,
    call: Call,
}

/// Whether somebody is to be woken.
#[derive(Debug, PartialEq)]
enum Call {
    NotYet,
    Due,
    Done,
}

#[derive(Debug)]
enum Clock {
    /// Since when the current chunk runs.
    Running(u64),
    /// Nothing is measured any more; the rest is taken by halves, and at once when it is as short as this.
    Stopped { short: usize },
    /// In a simulation, where nothing may depend on real time.
    None,
}

impl Grain {
    pub(crate) fn new(len: usize, hints: &Hints) -> Self {
        let first = hints.first_len.min(len / MANY);
        Self {
            next: first.max(hints.min_len).min(hints.max_len),
            least: hints.min_len.min(hints.max_len),
            most: hints.max_len,
            clock: if Sim::now().is_some() {
                Clock::None
            } else {
                Clock::Running(ticks::now())
            },
            call: Call::NotYet,
        }
    }

    /// How many steps to take now.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.next
    }

    /// The chunk has been run; `rest` steps are left. `private`: nobody can come for them now.
    #[inline]
    pub(crate) fn done(&mut self, rest: usize, private: bool) {
        match self.clock {
            Clock::Running(since) => self.measure(since, rest, private),
            Clock::Stopped { short } => {
                let next = if rest <= short { rest } else { rest / 2 };
                self.next = self.bounded(next);
            }
            Clock::None => self.next = self.bounded(rest / GROWTH),
        }
    }

    /// It has just turned out that there is enough to do for one more: true once.
    #[inline]
    pub(crate) fn takes_long(&mut self) -> bool {
        let due = self.call == Call::Due;
        if due {
            self.call = Call::Done;
        }
        due
    }

    fn bounded(&self, next: usize) -> usize {
        next.clamp(self.least, self.most)
    }

    fn measure(&mut self, since: u64, rest: usize, private: bool) {
        let now = ticks::now();
        let took = now.saturating_sub(since).max(1);
        let steps = self.next as u64;
        let lasts =
            |time: u64| usize::try_from(steps.saturating_mul(time) / took).unwrap_or(usize::MAX);
        if rest <= lasts(NOT_WORTH_A_CLOCK) {
            let short = lasts(if private {
                NOT_WORTH_A_CLOCK
            } else {
                NOT_WORTH_SHARING
            });
            self.clock = Clock::Stopped { short };
            self.done(rest, private);
        } else {
            let next = lasts(TARGET)
                .min(self.next.saturating_mul(GROWTH))
                .min(if private { rest / 2 } else { rest / 4 });
            self.next = self.bounded(next);
            self.clock = Clock::Running(now);
            if self.call == Call::NotYet && rest > lasts(WORTH_A_CALL) {
                self.call = Call::Due;
            }
        }
    }
}
