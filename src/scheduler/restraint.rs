//! When stealing costs more than it gains.
//!
//! An empty task costs its spawner about 50 ns to make and run by itself. Taking it to another processor
//! moves three or four cache lines, which slows down both: two threads together were slower than one
//! (80 against 52 ns a task here). So a thief looks at how long its last batch took. If its tasks were
//! tiny, it pauses for a few times that long and touches nothing (even looking whether a deque is empty
//! takes its cache line from the owner), and the spawner runs most of them itself at full speed. Only
//! time is lost by a wrong guess: [`LONGEST`] of one thread.
//!
//! A fork costs its owner 36 ns on the board, and some 400 ns if a thief takes it for next to nothing: the owner
//! waits for what it would have run itself by then. Thieves come within the time of a look, so a hot loop of 300 ns
//! would lose its half to them each time. So a fork must have been seen before, [`RIPE`] ago.

use crate::scheduler::participant::Participant;
use crate::sim::Sim;
use crate::sync::{now, yield_now};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Below this, run by a thief, a task is not worth its way: what moving an empty one costs.
const TINY: Duration = Duration::from_nanos(150);
/// A batch smaller than this tells too little.
const SAMPLE: u32 = 8;
/// How many times as long as the batch took the thief holds back.
const HOLD_BACK: u32 = 8;

/// A fork that is taken back sooner was not worth stealing.
const RIPE: Duration = Duration::from_micros(1);

/// The longest pause.
const LONGEST: Duration = Duration::from_micros(30);

/// Owner-only memory of the last stolen batch, and of the last fork that was looked at.
#[derive(Debug, Default)]
pub(crate) struct Restraint {
    batch: Cell<Option<(Instant, u32)>>,
    offer: Cell<Option<(usize, u32, Instant)>>,
}

impl Restraint {
    /// What is oldest on this board, where there is something, has been there for a while.
    pub(crate) fn is_ripe(&self, victim: &Participant) -> bool {
        if Sim::current().is_some() {
            // Nothing there may depend on real time.
            return true;
        }
        let (seat, tenure) = (victim.seat(), victim.forks.tenure());
        match self.offer.get() {
            Some((s, t, since)) if (s, t) == (seat, tenure) => now() - since >= RIPE,
            _ => {
                self.offer.set(Some((seat, tenure, now())));
                false
            }
        }
    }

    /// A batch of this many tasks has been stolen and is about to be run.
    pub(crate) fn note_batch(&self, len: usize) {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        if len >= SAMPLE {
            self.batch.set(Some((now(), len)));
        }
    }

    /// The batch has been run: pauses if it was not worth stealing.
    pub(crate) fn pause(&self) {
        let Some((since, len)) = self.batch.take() else {
            return;
        };
        let start = now();
        let took = start - since;
        if took < TINY * len {
            let pause = (took * HOLD_BACK).min(LONGEST);
            while now() - start < pause {
                yield_now();
            }
        }
    }
}
