//! The life of a task with options: delayed, queued, retried, postponed, timed out, cancelled, reported.
//!
//! A plain `spawn` has none of this (see `task::heap`). A task with options has a [`Life`], which its
//! promise, its dispatches, the pool's ledger and the timers refer to. `task::phase` says who may do what;
//! the files here do it.
//!
//! | file | one idea |
//! |---|---|
//! | `options` | what can be asked of a task |
//! | `attempt` | what a task runs: once, until it succeeds, or again and again |
//! | `context` | what the closure is told |
//! | `begin` | from submission to the queue |
//! | `run` | one attempt, and what comes of it |
//! | `finish` | settling the outcome, retiring what is left |
//! | `early` | cancellation, deadlines, tasks that do not stop |
//!
//! # Order at the end
//! The closure is dropped, the outcome is settled (the handle knows, `stats` and the observer have been
//! told), the completion callback runs, and then the scope and the pool hear that nothing is left. Where
//! somebody else settles it (a deadline, a token), the closure is dropped after that, by whoever pops
//! the dispatch, or runs the attempt that is late.
//!
//! # Panics and locks
//! User code (closures, results, callbacks, observers, retry advice) never runs under the record's lock.
//! Its panics go where those of plain tasks go; those of callbacks and observers to the panic handler.

mod attempt;
mod begin;
mod context;
mod early;
mod finish;
mod options;
mod run;

pub use attempt::Every;
pub(crate) use attempt::{Attempt, Once, Periodic, Repeat};
pub(crate) use begin::{Origin, begin};
pub use context::TaskContext;
pub(crate) use options::{Callback, Hook, Options, Start};

use crate::cancel::CancelToken;
use crate::observe::TaskInfo;
use crate::priority::Priority;
use crate::rate_limit::RateLimit;
use crate::report::{Report, TaskId};
use crate::scheduler::{Key, Registry};
use crate::sync::Weak;
use crate::sync::{Arc, Mutex, Ordering, StaticAtomicU64};
use crate::task::counter::Counter;
use crate::task::node::Node;
use crate::task::phase::Phase;
use crate::task::promise::Unset;
use crate::unwind;
use std::any::Any;
use std::cell::UnsafeCell;
use std::time::{Duration, Instant};

/// See the module.
pub(crate) struct Life {
    me: Weak<Life>,
    registry: Arc<Registry>,
    phase: Phase,
    /// The parent of dispatches and attempts; its own parent is the scope's or the group's node.
    node: Node,
    /// The scope that counts this task, or null.
    counter: *const Counter,
    promise: Unset,
    id: TaskId,
    name: Option<Arc<str>>,
    level: Priority,
    start: Start,
    deadline: Option<Instant>,
    rate: Option<RateLimit>,
    attachment: Option<Arc<dyn Any + Send + Sync>>,
    grace: Duration,
    periodic: bool,
    /// A child of the tokens that were given.
    token: CancelToken,
    hook: Option<(Arc<dyn Hook>, usize)>,
    /// Touched as `task::phase` says.
    body: UnsafeCell<Body>,
    record: Mutex<Record>,
}

/// What the phase's owner may touch.
pub(crate) struct Body {
    attempt: Option<Box<dyn Attempt>>,
    callback: Option<Callback>,
}

/// What has happened so far.
struct Record {
    submitted_at: Instant,
    /// Since when it is in the queue, if it is.
    queued_at: Option<Instant>,
    started_at: Option<Instant>,
    running_since: Option<Instant>,
    queue_time: Duration,
    run_time: Duration,
    attempts: u32,
    worker: Option<usize>,
    /// Set when the outcome is settled, under this lock.
    report: Option<Report>,
    /// Its place in the ledger.
    place: usize,
    deadline_key: Option<Key>,
    wait_key: Option<Key>,
    grace_key: Option<Key>,
    /// Counted as waiting.
    waits: bool,
    /// Counted as running.
    runs: bool,
    /// It holds a slot of the queue's capacity.
    holds_slot: bool,
    /// It came from the line of its rate limit and has not started.
    released: bool,
    /// `shutdown_now` has handed it back: its end has been counted.
    returned: bool,
    /// It was told to stop when an attempt was about to start, or had just ended.
    interrupted: bool,
}

// SAFETY: `body` is handed on by the phase; the counter outlives the life's end, which is the last that
// touches it; the rest is `Sync`.
unsafe impl Sync for Life {}
// SAFETY: as above: closures, results and callbacks are `Send`.
unsafe impl Send for Life {}

static LAST_ID: StaticAtomicU64 = StaticAtomicU64::new(0);

fn next_id() -> TaskId {
    TaskId(LAST_ID.fetch_add(1, Ordering::Relaxed) + 1)
}

impl Life {
    fn arc(&self) -> Arc<Life> {
        self.me.upgrade().expect("whoever calls holds one")
    }

    pub(crate) fn info(&self) -> TaskInfo {
        TaskInfo {
            id: self.id,
            name: self.name.clone(),
            priority: self.level,
        }
    }

    /// Tells the pool's observer, if it has one; a panic goes to the panic handler.
    fn observe(&self, tell: impl FnOnce(&dyn crate::observe::Observer)) {
        self.registry.observe(tell);
    }

    /// # Safety
    /// The caller may touch the body, see `task::phase`.
    #[allow(clippy::mut_from_ref, reason = "exclusive by the phase")]
    unsafe fn body(&self) -> &mut Body {
        // SAFETY: exclusive by contract.
        unsafe { &mut *self.body.get() }
    }

    /// Counts the task as waiting, or no longer.
    fn set_waiting(&self, record: &mut Record, waits: bool) {
        if record.waits == waits {
            return;
        }
        record.waits = waits;
        let ledger = &self.registry.ledger;
        let gauges = [
            Some(&ledger.waiting),
            self.periodic.then_some(&ledger.resting),
        ];
        for gauge in gauges.into_iter().flatten() {
            if waits {
                gauge.fetch_add(1, Ordering::Release);
            } else {
                gauge.fetch_sub(1, Ordering::Release);
            }
        }
        if self.periodic {
            ledger.rests.fetch_add(1, Ordering::Release);
        }
    }

    /// Gives the slot of the queue's capacity back: it has started, or never will.
    fn release_slot(&self, record: &mut Record) {
        if std::mem::take(&mut record.holds_slot) {
            self.registry.ledger.release_slot();
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // The user's code, and the last reference may go anywhere.
        if let Some(payload) = unwind::drop_quietly(self.attachment.take()) {
            self.registry.sink.report(payload);
        }
    }
}

impl std::fmt::Debug for Life {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Life")
            .field("id", &self.id)
            .field("phase", &self.phase)
            .finish_non_exhaustive()
    }
}
