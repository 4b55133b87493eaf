//! One attempt, and what comes of it.

use crate::clock::Clock;
use crate::error::Failure;
use crate::life::attempt::Next;
use crate::life::{Life, Record, TaskContext};
use crate::metrics::Event;
use crate::rate_limit::line::{Appointment, Waiting};
use crate::scheduler::{Participant, Timed, with_place};
use crate::sync::{Arc, Mutex, Ordering};
use crate::task::phase::{Claim, Verdict};
use std::time::{Duration, Instant};

impl Life {
    /// A dispatch has been popped.
    pub(super) fn on_dispatch(self: Arc<Self>) {
        match self.phase.claim() {
            Claim::Run => with_place(&Arc::clone(&self.registry), |here| self.attempt(here)),
            Claim::Retire => self.retire(),
            Claim::Stale => {}
        }
    }

    /// A waiter runs it itself, if it is queued.
    pub(super) fn on_wait(self: Arc<Self>) -> bool {
        let claimed = self.phase.claim_in_place();
        if claimed {
            with_place(&Arc::clone(&self.registry), |here| self.attempt(here));
        }
        claimed
    }

    /// The phase is CLAIMED, by the caller.
    pub(super) fn attempt(self: Arc<Self>, here: &Participant) {
        let now = self.registry.clock.now();
        let (mut released, returned) = {
            let mut record = self.record.lock();
            self.leave_queue(&mut record, now);
            record.runs = true;
            self.registry.ledger.running.fetch_add(1, Ordering::Release);
            (std::mem::take(&mut record.released), record.returned)
        };
        let failure = if self.deadline.is_some_and(|at| at <= now) {
            Some(Failure::Expired)
        } else if self.token.is_cancelled() {
            Some(Failure::Cancelled)
        } else {
            None
        };
        if failure.is_some() && std::mem::take(&mut released) {
            self.return_release();
        }
        if let Some(failure) = failure {
            return self.end_unrun(failure);
        }
        if let Some(limit) = self.rate() {
            let admitted = limit.line().admit(limit, now, released);
            if !admitted && !returned {
                return self.stand_in_line(released);
            }
            self.pump();
        }
        let (attempt, interrupted) = {
            let mut record = self.record.lock();
            if !self.phase.begin() {
                self.rest(&mut record);
                drop(record);
                // A permit that it has taken stays unused: rather too few starts than too many.
                return self.retire();
            }
            self.release_slot(&mut record);
            record.attempts = record.attempts.saturating_add(1);
            record.worker = here.index();
            record.started_at.get_or_insert(now);
            record.running_since = Some(now);
            (record.attempts, record.interrupted)
        };
        if interrupted {
            self.token.cancel();
        }
        self.observe(|observer| observer.attempt_started(&self.info(), attempt));
        let cx = TaskContext {
            life: &self,
            attempt,
            last: returned,
        };
        let mut next = Next::Again(None);
        // SAFETY: the phase is RUNNING by us.
        let body = unsafe { self.body() };
        let work = body.attempt.as_mut().expect("until it is settled");
        let (node, run) = (&raw const self.node, || next = work.run(&cx));
        if returned {
            // The pool does not count it any more.
            here.run_uncounted(node, self.level, run);
        } else {
            here.run_framed(node, self.level, run);
        }
        let ran_for = {
            let mut record = self.record.lock();
            let since = record.running_since.take().unwrap_or(now);
            let ran_for = self.registry.clock.now().saturating_duration_since(since);
            record.run_time += ran_for;
            ran_for
        };
        self.registry.ledger.run_times.record(ran_for);
        match next {
            Next::Done(how) => self.finish(how),
            Next::Retry(delay) => {
                here.tally.note(Event::Retried);
                self.observe(|observer| observer.task_retried(&self.info(), attempt, delay));
                let at = self.registry.clock.after(delay);
                self.postpone(at, delay == Duration::ZERO);
            }
            Next::Again(at) => self.postpone(at, false),
        }
    }

    /// It is queued no longer, if it was: it is about to start, or has been ended where it was.
    pub(super) fn leave_queue(&self, record: &mut Record, now: Instant) {
        let Some(queued_at) = record.queued_at.take() else {
            return;
        };
        let queued_for = now.saturating_duration_since(queued_at);
        record.queue_time += queued_for;
        self.registry.ledger.queue_times.record(queued_for);
    }

    /// It runs no longer; what it does now has been counted.
    pub(super) fn rest(&self, record: &mut Record) {
        if std::mem::take(&mut record.runs) {
            self.registry.ledger.running.fetch_sub(1, Ordering::Release);
        }
    }

    /// Goes back to wait, unless it has been settled.
    fn go_back(&self) -> bool {
        let mut record = self.record.lock();
        let postponed = self.phase.postpone() == Verdict::Settle;
        if postponed {
            self.set_waiting(&mut record, true);
        }
        self.rest(&mut record);
        postponed
    }

    /// Waits until `at` (for ever, if there is none) and is queued again.
    fn postpone(self: Arc<Self>, at: Option<Instant>, at_once: bool) {
        let postponed = self.go_back();
        if !postponed {
            self.tell_late();
            return self.retire();
        }
        match at {
            _ if at_once => {
                self.enqueue();
            }
            Some(at) => self.wait_until(at),
            // Beyond what the clock can tell: until it is cancelled or its deadline passes.
            None => {}
        }
        self.stop_if_told();
        if self.periodic {
            self.registry.idle.changed.notify();
        }
    }

    /// There is no permit: waits in the line of the rate limit.
    fn stand_in_line(self: Arc<Self>, released: bool) {
        let Some(limit) = self.rate().cloned() else {
            return;
        };
        let postponed = self.go_back();
        if !postponed {
            self.pump();
            return self.retire();
        }
        limit
            .line()
            .join(&(Arc::clone(&self) as Arc<dyn Waiting>), released);
        self.stop_if_told();
        self.pump();
    }

    /// Whoever told it to stop while it was held has left it to us, between two attempts. A scope's task that has only
    /// been interrupted goes on, and hears of it then.
    fn stop_if_told(self: &Arc<Self>) {
        if self.token.is_cancelled() || self.counter.is_null() && self.record.lock().interrupted {
            self.stop();
            // For what earlier attempts have handed the token to.
            self.token.cancel();
        }
    }

    /// It will not use the permit that it was let go for.
    pub(super) fn return_release(&self) {
        if let Some(limit) = self.rate() {
            limit.line().forget_released();
        }
        self.pump();
    }

    /// Lets those in the line go for whom there are permits.
    pub(super) fn pump(&self) {
        if let Some(limit) = self.rate() {
            limit.pump(&self.registry.clock);
        }
    }
}

/// A permit may be there for the first in the line.
struct PumpLater(Mutex<Option<Appointment>>);

impl Timed for PumpLater {
    fn fire(self: Arc<Self>) {
        let appointment = self.0.lock().take();
        drop(appointment);
    }

    /// To drop it is to keep it.
    fn outlives_pool(&self) -> bool {
        false
    }
}

impl Waiting for Life {
    fn waits(&self) -> bool {
        self.phase.is_waiting()
    }

    fn clock(&self) -> &Clock {
        &self.registry.clock
    }

    fn arm(&self, appointment: Appointment) {
        let at = appointment.at();
        let pump = PumpLater(Mutex::new(Some(appointment)));
        self.registry.timer.add(at, Arc::new(pump));
    }

    fn release(self: Arc<Self>) -> bool {
        self.enqueue_as(true)
    }
}
