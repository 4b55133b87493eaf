//! Ends that come from elsewhere: cancellation, deadlines, `shutdown_now`; and tasks that do not stop.

use crate::cancel::OnCancel;
use crate::error::Failure;
use crate::life::{Life, Record};
use crate::metrics::{Ended, Event};
use crate::priority::Priority;
use crate::report::{Report, TaskId};
use crate::scheduler::{Key, Timed, with_place};
use crate::sync::Arc;
use crate::sync::Weak;
use crate::task::header::end_of;
use crate::task::node::Node;
use crate::task::phase::Early;
use crate::task::promise::{Evicted, Living};
use std::time::Instant;

/// Its time has come.
pub(super) struct Wake(pub(super) Arc<Life>);

impl Timed for Wake {
    fn fire(self: Arc<Self>) {
        self.0.enqueue();
    }
}

struct Deadline(Weak<Life>);

impl Timed for Deadline {
    fn fire(self: Arc<Self>) {
        if let Some(life) = self.0.upgrade() {
            life.expire();
        }
    }
}

/// The grace period of an attempt that was told to stop.
struct Grace {
    life: Weak<Life>,
    attempt: u32,
}

impl Timed for Grace {
    fn fire(self: Arc<Self>) {
        if let Some(life) = self.life.upgrade() {
            let same_attempt = {
                let record = life.record.lock();
                record.attempts == self.attempt && record.running_since.is_some()
            };
            if same_attempt && life.phase.is_running() {
                life.registry.tally_here().note(Event::Stuck);
                life.observe(|observer| observer.task_stuck(&life.info(), life.grace));
            }
        }
    }
}

impl Life {
    pub(super) fn arm_deadline(&self, at: Instant) {
        let deadline = Arc::new(Deadline(self.me.clone()));
        let key = self.registry.timer.add(at, deadline);
        self.record.lock().deadline_key = Some(key);
    }

    /// Settles it as `failure` if no attempt is running, or (at its deadline) even then. Returns what was
    /// found.
    fn end_early(self: &Arc<Self>, failure: Failure) -> Early {
        self.end_early_if(failure, |_| true)
    }

    /// The same, if `wanted`, which is asked under the lock.
    fn end_early_if(
        self: &Arc<Self>,
        failure: Failure,
        wanted: impl FnOnce(&Record) -> bool,
    ) -> Early {
        let mut record = self.record.lock();
        if !wanted(&record) {
            return Early::TooLate;
        }
        let early = if failure == Failure::Expired {
            self.phase.expire()
        } else {
            self.phase.cancel()
        };
        let settles = match early {
            Early::SettleAndQueue | Early::Settle => true,
            Early::Running => failure == Failure::Expired,
            Early::TooLate => false,
        };
        let mut wait_key = None;
        if settles {
            self.leave_queue(&mut record, self.registry.clock.now());
            wait_key = record.wait_key.take();
            self.decide(&mut record, end_of(failure));
            // Under the lock, so that whoever retires it comes after. No user code runs in this.
            // SAFETY: we have settled the phase. Where nobody retires it before we let go of the lock, the
            // scope still counts it.
            unsafe { self.promise.fail(failure, self.registry.env_elsewhere()) };
        }
        drop(record);
        if let Some(key) = wait_key {
            self.registry.timer.remove(key);
        }
        if settles {
            self.tell_settled();
        }
        if early == Early::SettleAndQueue {
            self.push_dispatch();
        }
        early
    }

    /// Its token was cancelled.
    pub(super) fn stop(self: &Arc<Self>) {
        if self.end_early(Failure::Cancelled) == Early::Running {
            self.arm_grace();
        }
    }

    fn expire(self: &Arc<Self>) {
        let early = self.end_early(Failure::Expired);
        // Also tells `stop`, which finds it settled; so the grace period is ours.
        self.token.cancel();
        if early == Early::Running {
            self.arm_grace();
        }
    }

    /// An attempt that runs has been told to stop.
    fn arm_grace(self: &Arc<Self>) {
        let Some(at) = self.registry.clock.after(self.grace) else {
            return;
        };
        if self.registry.timer.ensure_started().is_err() {
            // Nobody can be told.
            return;
        }
        let mut record = self.record.lock();
        if record.grace_key.is_some() || !self.phase.is_running() {
            return;
        }
        let grace = Arc::new(Grace {
            life: self.me.clone(),
            attempt: record.attempts,
        });
        record.grace_key = Some(self.registry.timer.add(at, grace));
    }
}

impl OnCancel for Life {
    fn cancelled(&self) {
        self.arc().stop();
    }
}

impl Living for Life {
    fn dispatched(self: Arc<Self>) {
        self.on_dispatch();
    }

    fn run_in_place(self: Arc<Self>) -> bool {
        self.on_wait()
    }

    fn cancel(self: Arc<Self>) -> bool {
        let early = self.end_early(Failure::Cancelled);
        // An attempt that runs sees it; so do the tokens that the task has handed out.
        self.token.cancel();
        matches!(early, Early::SettleAndQueue | Early::Settle)
    }

    fn interrupt(self: Arc<Self>) {
        {
            let mut record = self.record.lock();
            // One that has been handed back is in nobody's queue, and will not run in the pool.
            if record.returned {
                return;
            }
            if self.phase.is_held() || self.is_scoped() {
                if record.running_since.is_none() {
                    // Whoever has claimed it was faster than we were, or its scope waits for it: it runs, and hears of
                    // this then.
                    record.interrupted = true;
                    return;
                }
            } else {
                drop(record);
                // It came, or came back to wait, behind the back of who looked for it. It may run by now.
                let early = self.end_early_if(Failure::Cancelled, |record| !record.returned);
                if early == Early::TooLate {
                    return;
                }
            }
        }
        self.token.cancel();
    }

    fn id(&self) -> TaskId {
        self.id
    }

    fn report(&self) -> Option<Report> {
        self.record.lock().report.clone()
    }

    fn node(&self) -> *const Node {
        &raw const self.node
    }

    fn is_scoped(&self) -> bool {
        !self.counter.is_null()
    }

    fn is_queued(&self) -> bool {
        self.phase.is_queued()
    }

    fn requeue(self: Arc<Self>) {
        self.push_one();
    }

    fn evict(self: Arc<Self>) -> Option<Arc<dyn Evicted>> {
        let key: Option<Key>;
        let released: bool;
        {
            let mut record = self.record.lock();
            if self.is_scoped() || !self.phase.evict() {
                return None;
            }
            record.returned = true;
            key = record.wait_key.take();
            released = std::mem::take(&mut record.released);
            self.set_waiting(&mut record, false);
            self.release_slot(&mut record);
            // The pool does not wait for it any more.
            self.registry.ledger.unregister(record.place);
        }
        if let Some(key) = key {
            self.registry.timer.remove(key);
        }
        self.registry.tally_here().end_managed(Ended::Returned);
        if released {
            self.return_release();
        }
        Some(self)
    }
}

impl Evicted for Life {
    fn run(self: Arc<Self>) {
        with_place(&Arc::clone(&self.registry), |here| self.attempt(here));
    }

    fn discard(self: Arc<Self>) {
        self.end_unrun(Failure::Cancelled);
    }

    fn id(&self) -> TaskId {
        self.id
    }

    fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    fn level(&self) -> Priority {
        self.level
    }
}
