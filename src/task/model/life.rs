//! What stands for the life of a task with options.
//!
//! `Phase` and the token are the real ones. What `crate::life` does around them is repeated here: settling
//! and leaving are done under the record's lock, claiming is not, beginning is. The body is touched by its owner only; each
//! touch is an exclusive access that loom checks. What is queued and not popped by a thread of the model is
//! popped at its end, as some worker would.

use super::*;
use crate::cancel::{CancelToken, OnCancel};
use crate::sync::{AtomicUsize, Mutex, Weak};
use crate::task::phase::{Claim, Early, Phase, Verdict};
use loom::thread;

/// How an attempt ends.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    Decided,
    /// To be queued again, at once.
    Again,
    /// To wait beyond what the clock can tell.
    Never,
}

/// What stands for a life.
pub(super) struct Life {
    me: Weak<Life>,
    phase: Phase,
    token: CancelToken,
    body: Data,
    /// Counts how often it was settled; touched under the lock.
    promise: Data,
    record: Mutex<()>,
    /// Dispatches in the pool's queue, which hands on what came before a push.
    pub(super) queue: AtomicUsize,
    /// What the first attempt comes to; later ones decide.
    first: Outcome,
    attempts: Tally,
    pub(super) late: Tally,
    pub(super) unrun: Tally,
    retired: Tally,
}

// SAFETY: loom checks that access to the cells is exclusive where it has to be.
unsafe impl Send for Life {}
// SAFETY: as above.
unsafe impl Sync for Life {}

/// Keeps what the threads of a model use to its end: loom does not see `Arc`s.
#[derive(Clone)]
pub(super) struct Case(pub(super) Arc<Life>);

pub(super) fn count(tally: &Tally) -> usize {
    tally.load(Ordering::Relaxed)
}

fn note(tally: &Tally) {
    tally.fetch_add(1, Ordering::Relaxed);
}

impl Life {
    fn dispatched(&self) {
        match self.phase.claim() {
            Claim::Run => self.attempt(),
            Claim::Retire => self.retire(),
            Claim::Stale => {}
        }
    }

    /// Pops a dispatch, if there is one.
    pub(super) fn pop(&self) -> bool {
        let popped = self
            .queue
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |n| n.checked_sub(1))
            .is_ok();
        if popped {
            self.dispatched();
        }
        popped
    }

    /// As `Life::attempt` does.
    fn attempt(&self) {
        self.body.write();
        if self.token.is_cancelled() {
            return self.end_unrun();
        }
        let begun = {
            let _record = self.record.lock();
            self.phase.begin()
        };
        if !begun {
            note(&self.unrun);
            return self.retire();
        }
        note(&self.attempts);
        self.leave(if count(&self.attempts) == 1 {
            self.first
        } else {
            Outcome::Decided
        });
    }

    pub(super) fn leave(&self, outcome: Outcome) {
        self.body.write();
        match outcome {
            Outcome::Decided => self.finish(),
            Outcome::Again => self.postpone(true),
            Outcome::Never => self.postpone(false),
        }
    }

    /// As `Life::finish` does.
    fn finish(&self) {
        let record = self.record.lock();
        match self.phase.finish() {
            Verdict::Settle => self.promise.write(),
            Verdict::Late => note(&self.late),
        }
        drop(record);
        self.retire();
    }

    /// As `Life::end_unrun` does.
    fn end_unrun(&self) {
        note(&self.unrun);
        self.finish();
    }

    /// As `Life::postpone` does.
    fn postpone(&self, at_once: bool) {
        let postponed = {
            let _record = self.record.lock();
            self.phase.postpone() == Verdict::Settle
        };
        if !postponed {
            note(&self.late);
            return self.retire();
        }
        if at_once {
            self.enqueue();
        }
        // Whoever cancelled while it ran has left it to the runner.
        if self.token.is_cancelled() {
            let _ = self.end_early(false);
        }
    }

    pub(super) fn enqueue(&self) {
        let queued = {
            let _record = self.record.lock();
            self.phase.enqueue()
        };
        if queued {
            self.push();
        }
    }

    fn push(&self) {
        self.queue.fetch_add(1, Ordering::Release);
    }

    /// As `Life::end_early` does.
    fn end_early(&self, expired: bool) -> Early {
        let record = self.record.lock();
        let early = if expired {
            self.phase.expire()
        } else {
            self.phase.cancel()
        };
        match early {
            Early::SettleAndQueue | Early::Settle => self.promise.write(),
            Early::Running if expired => self.promise.write(),
            Early::Running | Early::TooLate => {}
        }
        drop(record);
        if early == Early::SettleAndQueue {
            self.push();
        }
        early
    }

    /// As `Living::cancel` does; `true` if it was settled before it started.
    pub(super) fn cancel(&self) -> bool {
        let early = self.end_early(false);
        self.token.cancel();
        matches!(early, Early::SettleAndQueue | Early::Settle)
    }

    /// As `Life::expire` does.
    pub(super) fn expire(&self) -> Early {
        let early = self.end_early(true);
        self.token.cancel();
        early
    }

    /// As `Living::run_in_place` does.
    pub(super) fn run_in_place(&self) -> bool {
        let claimed = self.phase.claim_in_place();
        if claimed {
            self.attempt();
        }
        claimed
    }

    /// As `Living::evict` does, and then drops what it got.
    pub(super) fn evict(&self) -> bool {
        let evicted = {
            let _record = self.record.lock();
            self.phase.evict()
        };
        if evicted {
            self.body.write();
            self.end_unrun();
        }
        evicted
    }

    /// As `Life::retire` does: the last to touch it.
    fn retire(&self) {
        self.body.write();
        let _record = self.record.lock();
        assert_eq!(self.promise.read(), 1, "retired before it was settled");
        note(&self.retired);
    }
}

impl OnCancel for Life {
    fn cancelled(&self) {
        let _ = self.end_early(false);
    }
}

impl Case {
    /// A task that waits for its time.
    pub(super) fn waiting(first: Outcome) -> Self {
        let life = Arc::new_cyclic(|me| Life {
            me: me.clone(),
            phase: Phase::new(),
            token: CancelToken::new(),
            body: Data::new(),
            promise: Data::new(),
            record: Mutex::new(()),
            queue: AtomicUsize::new(0),
            first,
            attempts: Tally::new(0),
            late: Tally::new(0),
            unrun: Tally::new(0),
            retired: Tally::new(0),
        });
        let hook: Weak<dyn OnCancel> = life.me.clone();
        assert!(life.token.on_cancel(hook));
        Self(life)
    }

    /// One whose dispatch is in the queue.
    pub(super) fn queued(first: Outcome) -> Self {
        let case = Self::waiting(first);
        case.0.enqueue();
        case
    }

    /// One whose first attempt is running.
    pub(super) fn running(first: Outcome) -> Self {
        let case = Self::queued(first);
        case.0.queue.store(0, Ordering::Relaxed);
        assert_eq!(case.0.phase.claim(), Claim::Run);
        assert!(case.0.phase.begin());
        note(&case.0.attempts);
        case
    }

    pub(super) fn start<R: 'static>(&self, act: fn(&Life) -> R) -> thread::JoinHandle<R> {
        let case = self.clone();
        thread::spawn(move || act(&case.0))
    }

    /// Pops what is left, and looks at what has become of it.
    pub(super) fn check(&self, attempts: usize) {
        let life = &self.0;
        while life.pop() {}
        assert!(!life.phase.is_waiting(), "it waits for ever");
        assert_eq!(count(&life.attempts), attempts, "attempts");
        assert_eq!(life.promise.read(), 1, "settled");
        assert_eq!(count(&life.retired), 1, "retired");
    }
}
