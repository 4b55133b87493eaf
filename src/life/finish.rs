//! Settling the outcome, and retiring what is left.

use crate::error::Failure;
use crate::life::{Attempt, Life, Record};
use crate::metrics::{Ended, Event};
use crate::report::{Outcome, Report};
use crate::scheduler::Participant;
use crate::sync::Arc;
use crate::task::counter::Counter;
use crate::task::header::end_of;
use crate::task::phase::Verdict;
use crate::unwind::{self, Payload};

fn outcome_of(how: Ended) -> Outcome {
    match how {
        Ended::Completed => Outcome::Completed,
        Ended::Failed => Outcome::Failed,
        Ended::Panicked => Outcome::Panicked,
        Ended::Cancelled | Ended::Returned => Outcome::Cancelled,
        Ended::Expired => Outcome::Expired,
    }
}

impl Life {
    /// Decides the outcome, under the record's lock: the report, and the count. The promise comes next.
    pub(super) fn decide(&self, record: &mut Record, how: Ended) {
        let now = self.registry.clock.now();
        let run_time = match record.running_since {
            Some(since) => record.run_time + now.saturating_duration_since(since),
            None => record.run_time,
        };
        record.report = Some(Report {
            id: self.id,
            name: self.name.clone(),
            outcome: outcome_of(how),
            priority: self.level,
            attempts: record.attempts,
            worker: record.worker,
            submitted_at: record.submitted_at,
            started_at: record.started_at,
            queue_time: record.queue_time,
            run_time,
        });
        // First: a periodic task must not be seen to have ended and to rest as well.
        self.set_waiting(record, false);
        if !record.returned {
            self.registry.tally_here().end_managed(how);
        }
        self.release_slot(record);
    }

    /// Tells those who listen, after the promise has been settled, outside of the lock.
    pub(super) fn tell_settled(&self) {
        if let Some((hook, tag)) = &self.hook {
            hook.settled(*tag);
        }
        let report = self.record.lock().report.clone();
        if let Some(report) = report {
            self.observe(|observer| observer.task_finished(&report));
        }
    }

    /// The attempt has decided.
    pub(super) fn finish(self: Arc<Self>, how: Ended) {
        // SAFETY: the phase is RUNNING by us.
        let body = unsafe { self.body() };
        let mut attempt = body.attempt.take().expect("until it is settled");
        attempt.seal(&|payload| self.report_panic(payload));
        let verdict = {
            let mut record = self.record.lock();
            let verdict = self.phase.finish();
            if verdict == Verdict::Settle {
                self.decide(&mut record, how);
            }
            self.rest(&mut record);
            verdict
        };
        match verdict {
            Verdict::Settle => {
                // SAFETY: we have settled the phase, and the scope still counts us.
                unsafe { attempt.settle(self.registry.env_elsewhere()) };
                self.tell_settled();
            }
            Verdict::Late => self.discard_late(attempt),
        }
        self.retire();
    }

    /// A result that nobody waits for any more.
    fn discard_late(&self, attempt: Box<dyn Attempt>) {
        self.tell_late();
        if let Some(payload) = unwind::drop_quietly(attempt) {
            self.report_panic(payload);
        }
    }

    /// An attempt has ended after somebody else has settled the task.
    pub(super) fn tell_late(&self) {
        self.registry.tally_here().note(Event::Late);
        self.observe(|observer| observer.task_late(&self.info()));
    }

    /// There is to be no (further) attempt. The phase is RUNNING, by us.
    pub(super) fn end_unrun(self: Arc<Self>, failure: Failure) {
        self.drop_closure();
        let settled = {
            let mut record = self.record.lock();
            let settled = self.phase.finish() == Verdict::Settle;
            if settled {
                self.decide(&mut record, end_of(failure));
            }
            self.rest(&mut record);
            if settled {
                // SAFETY: we have settled the phase, and the scope still counts us.
                unsafe { self.promise.fail(failure, self.registry.env_elsewhere()) };
            }
            settled
        };
        if settled {
            self.tell_settled();
            // For what earlier attempts have handed the token to, as when it is cancelled or the timer finds it.
            self.token.cancel();
        }
        self.retire();
    }

    /// Drops the closure (and what a run has left), if they are still there.
    ///
    /// Only for the phase's owner.
    fn drop_closure(&self) {
        // SAFETY: the caller owns the phase.
        let mut attempt = unsafe { self.body() }.attempt.take();
        if let Some(attempt) = &mut attempt {
            attempt.seal(&|payload| self.report_panic(payload));
        }
        if let Some(payload) = unwind::drop_quietly(attempt) {
            self.report_panic(payload);
        }
    }

    /// A panic from dropping what is the user's: to the scope, or to the panic handler.
    pub(super) fn report_panic(&self, payload: Payload) {
        // SAFETY: the scope still counts us.
        match unsafe { self.counter.as_ref() } {
            Some(counter) => counter.keep_panic(payload),
            None => self.registry.sink.report(payload),
        }
    }

    /// The outcome has been settled, and the phase is OVER, by us: lets go of everything.
    pub(super) fn retire(self: Arc<Self>) {
        self.drop_closure();
        let registry = &self.registry;
        let (report, keys, place, released, returned) = {
            // Whoever settles holds the lock from deciding until the promise is told.
            let mut record = self.record.lock();
            let keys = [
                record.deadline_key.take(),
                record.wait_key.take(),
                record.grace_key.take(),
            ];
            let released = std::mem::take(&mut record.released);
            let report = record.report.clone();
            (report, keys, record.place, released, record.returned)
        };
        for key in keys.into_iter().flatten() {
            registry.timer.remove(key);
        }
        if released {
            self.return_release();
        }
        // SAFETY: the phase is OVER by us.
        let callback = unsafe { self.body() }.callback.take();
        if let (Some(callback), Some(report)) = (callback, &report) {
            if let Err(payload) = unwind::catch(|| callback(report)) {
                registry.sink.report(payload);
            }
        }
        if let Some((hook, tag)) = &self.hook {
            hook.retired(*tag);
        }
        if !returned {
            registry.ledger.unregister(place);
        }
        if !self.counter.is_null() {
            // SAFETY: counted when it was submitted; nothing of what it borrows is left.
            unsafe { Counter::complete(self.counter, Participant::current().cast()) };
        }
        registry.idle.look_after(&**registry);
    }
}
