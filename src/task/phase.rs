//! The phases of a task with options: who may start it, end it, or report it.
//!
//! ```text
//!              enqueue           claim             begin             finish
//!   WAITING ------------> QUEUED --------> CLAIMED --------> RUNNING --------> OVER
//!      ^                                     |                  |               ^
//!      +-------------- postpone -------------+------------------+               |
//!                                            +------------- finish -------------+
//! ```
//!
//! * `WAITING`: for its time, its back-off or its rate limit; a timer or a limiter holds it.
//! * `QUEUED`: a dispatch of it is in a queue of the pool, or on its way there.
//! * `CLAIMED`: one thread has its closure, and nothing of it has run: a worker that asks for the permit of a rate
//!   limit, or whoever was given the task back by `shutdown_now`.
//! * `RUNNING`: one thread has its closure: runs an attempt, or decides what comes next.
//! * `OVER`: its closure is gone, or is being dropped by whoever brought it here.
//!
//! The flag `SETTLED` says that the outcome has been decided, by whoever sets it: with `finish` (the
//! attempt itself), with `cancel` or with `expire` (anybody, at any time). A task that is settled
//! before it is over goes on to `OVER` without another attempt: where it was waiting or queued, the next
//! dispatch retires it, so that its closure is dropped in the pool and not by the timer; where it was claimed,
//! whoever has it finds out as it tries to begin. So `cancel` knows whether an attempt will have seen the world.
//!
//! # Who may touch what
//! The closure and the rest of the task's body: whoever brought it to `CLAIMED` (or from settled `QUEUED`
//! to `OVER`), until it is `WAITING` or `QUEUED` again. The promise: whoever set `SETTLED`, once.
//!
//! # Memory ordering
//! All changes are AcqRel: whoever gets the closure sees what the one before did with it.

use crate::sync::{AtomicU32, Ordering};

const WAITING: u32 = 0;
const QUEUED: u32 = 1;
const CLAIMED: u32 = 2;
const RUNNING: u32 = 3;
const OVER: u32 = 4;
const PHASE: u32 = 7;
const SETTLED: u32 = 8;

/// See the module.
#[derive(Debug)]
pub(crate) struct Phase(AtomicU32);

/// What whoever has a dispatch in hand must do.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Claim {
    /// Begin an attempt.
    Run,
    /// Drop the closure: the outcome was decided meanwhile.
    Retire,
    /// Nothing, the dispatch is stale.
    Stale,
}

/// What somebody who wants a task to end finds.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Early {
    /// It was waiting: the caller settles it, and queues a dispatch that retires it.
    SettleAndQueue,
    /// It is queued or claimed: the caller settles it, and the dispatch, or whoever has it, will retire it.
    Settle,
    /// An attempt is running. After `expire` the caller settles it; after `cancel` the attempt will.
    Running,
    /// Its outcome has been decided already.
    TooLate,
}

/// What comes of an attempt that has ended.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Verdict {
    /// The caller settles the task.
    Settle,
    /// Somebody else has settled it; the attempt's result is late.
    Late,
}

fn held(word: u32) -> bool {
    matches!(word & PHASE, CLAIMED | RUNNING)
}

impl Phase {
    /// A task whose submitter is about to queue it or to have it wait.
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(WAITING))
    }

    /// Changes the word as `next` says, until it succeeds or `next` declines.
    fn change<R>(&self, next: impl Fn(u32) -> (Option<u32>, R)) -> R {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            let (wanted, result) = next(word);
            let Some(wanted) = wanted else {
                return result;
            };
            match self
                .0
                .compare_exchange_weak(word, wanted, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return result,
                Err(found) => word = found,
            }
        }
    }

    /// Its time has come; `true` if the caller must queue a dispatch.
    pub(crate) fn enqueue(&self) -> bool {
        self.change(|word| match word {
            WAITING => (Some(QUEUED), true),
            _ => (None, false),
        })
    }

    /// A dispatch has been popped.
    pub(crate) fn claim(&self) -> Claim {
        const DOOMED: u32 = QUEUED | SETTLED;
        self.change(|word| match word {
            QUEUED => (Some(CLAIMED), Claim::Run),
            DOOMED => (Some(OVER | SETTLED), Claim::Retire),
            _ => (None, Claim::Stale),
        })
    }

    /// A waiter wants to run a queued attempt itself.
    pub(crate) fn claim_in_place(&self) -> bool {
        self.change(|word| match word {
            QUEUED => (Some(CLAIMED), true),
            _ => (None, false),
        })
    }

    /// An attempt is about to run; `false` if the outcome was decided meanwhile, and the caller retires it.
    pub(crate) fn begin(&self) -> bool {
        self.change(|word| {
            debug_assert_eq!(word & PHASE, CLAIMED, "only who has it begins");
            if word & SETTLED == 0 {
                (Some(RUNNING), true)
            } else {
                (Some(OVER | SETTLED), false)
            }
        })
    }

    /// Takes it before it starts, wherever it is; the caller has the closure then.
    pub(crate) fn evict(&self) -> bool {
        self.change(|word| match word {
            WAITING | QUEUED => (Some(CLAIMED), true),
            _ => (None, false),
        })
    }

    /// Nothing is decided: it is to wait and to be queued again.
    pub(crate) fn postpone(&self) -> Verdict {
        self.leave(WAITING)
    }

    /// Whoever has it has decided.
    pub(crate) fn finish(&self) -> Verdict {
        self.leave(OVER | SETTLED)
    }

    fn leave(&self, to: u32) -> Verdict {
        self.change(|word| {
            debug_assert!(held(word), "only who has it leaves");
            if word & SETTLED == 0 {
                (Some(to), Verdict::Settle)
            } else {
                (Some(OVER | SETTLED), Verdict::Late)
            }
        })
    }

    /// Somebody cancels it. A running attempt is left alone.
    pub(crate) fn cancel(&self) -> Early {
        self.end_early(false)
    }

    /// Its deadline has passed. A running attempt becomes late.
    pub(crate) fn expire(&self) -> Early {
        self.end_early(true)
    }

    fn end_early(&self, running_too: bool) -> Early {
        self.change(|word| match word {
            WAITING => (Some(QUEUED | SETTLED), Early::SettleAndQueue),
            QUEUED => (Some(QUEUED | SETTLED), Early::Settle),
            CLAIMED => (Some(CLAIMED | SETTLED), Early::Settle),
            RUNNING if running_too => (Some(RUNNING | SETTLED), Early::Running),
            RUNNING => (None, Early::Running),
            _ => (None, Early::TooLate),
        })
    }

    /// Whether an attempt is running.
    pub(crate) fn is_running(&self) -> bool {
        self.0.load(Ordering::Acquire) & PHASE == RUNNING
    }

    /// Whether somebody has its closure.
    pub(crate) fn is_held(&self) -> bool {
        held(self.0.load(Ordering::Acquire))
    }

    /// Whether a dispatch of it has something to do: to run it, or to retire it.
    pub(crate) fn is_queued(&self) -> bool {
        self.0.load(Ordering::Acquire) & PHASE == QUEUED
    }

    /// Whether it waits for something other than a worker.
    pub(crate) fn is_waiting(&self) -> bool {
        self.0.load(Ordering::Acquire) == WAITING
    }
}
