//! The end of a pool: closing, draining, taking back what has not started, joining the threads.

use crate::clock;
use crate::metrics::{Ended, Passage};
use crate::priority::Priority;
use crate::scheduler::blocking::blocking;
use crate::scheduler::guest;
use crate::scheduler::idle::Kind;
use crate::scheduler::participant::Participant;
use crate::scheduler::registry::Registry;
use crate::sync::deque::Steal;
use crate::sync::{Arc, Ordering, yield_now};
use crate::task::entry::{Claimed, Entry, Taken};
use crate::task::header::{Env, Kind as TaskKind};
use crate::task::promise::{Dispatch, Evicted, Living};
use crate::unwind;
use std::time::Instant;

/// A task that was accepted and has not started, out of its pool's reach.
pub(crate) enum Unstarted {
    Plain(Claimed),
    Managed(Arc<dyn Evicted>),
}

impl Registry {
    /// The owner is gone: finishes what was accepted, then ends the threads and waits for them (unless
    /// the caller works in the pool, or somebody has given up waiting).
    pub(crate) fn close(&self) {
        if self.is_forked_child() {
            // The threads to wait for are in the parent. So is whoever held a lock; what it uses is never dropped here.
            if let Some(mut threads) = self.threads.try_lock() {
                threads.drain(..).for_each(std::mem::forget);
            }
            self.timer.forget();
            return;
        }
        self.begin_closing();
        if !self.given_up.load(Ordering::Relaxed) && !self.is_waited_for() {
            blocking(|| {
                self.idle.changed.wait(None, || self.idle.is_over());
                self.join_threads();
                self.timer.join();
            });
        }
    }

    /// Nothing more is accepted from outside. A paused pool resumes.
    pub(crate) fn begin_closing(&self) {
        self.begin_closing_paused();
        self.resume();
    }

    /// The same, without resuming.
    pub(crate) fn begin_closing_paused(&self) {
        self.idle.close(self);
        self.periodic.cancel();
        if let Some(capacity) = self.ledger.capacity() {
            // Who waits for room there will not get it.
            capacity.room().notify();
        }
    }

    /// Ends a pause.
    pub(crate) fn resume(&self) {
        if self.idle.counts().paused() {
            self.idle.resume();
            self.idle.wake_everybody();
            // In a stalled pool the waiters have not been told of what came during the pause.
            self.act_on(self.idle.notify(Kind::Task));
        }
    }

    /// Whether the calling thread runs a task of this pool, here or further out.
    pub(crate) fn runs_here(&self) -> bool {
        self.places_here().any(Participant::runs_task)
    }

    /// A worker is gone from a pool that has ended. With the last one goes the timer, for which nobody may be left to wait.
    pub(super) fn gone(&self, index: usize) {
        self.idle.gone(index);
        if self.idle.is_over() {
            if let Err(payload) = unwind::catch(|| self.timer.retire()) {
                self.sink.report(payload);
            }
        }
    }

    /// Waits until all threads have ended, but no longer than until `deadline`.
    pub(crate) fn wait_until_over(&self, deadline: Option<Instant>) -> bool {
        let over = blocking(|| {
            let over = self.idle.changed.wait(deadline, || self.idle.is_over());
            if over {
                self.join_threads();
            }
            over
        });
        if !over {
            self.given_up.store(true, Ordering::Relaxed);
        }
        over
    }

    /// Whether the calling thread works in the pool, here or further out.
    pub(crate) fn is_inside(&self) -> bool {
        self.places_here().next().is_some()
    }

    /// Whether the end of the pool waits for the calling thread, which cannot wait for the end then: it works in the pool,
    /// or fires what is due in it.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.is_inside() || self.timer.is_here()
    }

    /// Whether the pool does not end as long as the calling thread does what it does: it is one of the pool's own, wherever
    /// it works now, or runs a task of the pool. So it may submit to a pool that drains.
    pub(crate) fn is_at_work_here(&self) -> bool {
        self.places_here()
            .any(|here| !here.is_guest() || here.runs_task())
    }

    /// Whether the calling thread works in a pool of the same simulation, here or further out.
    pub(crate) fn is_inside_simulation(&self) -> bool {
        self.sim.as_ref().is_some_and(guest::is_inside)
    }

    /// The calling thread's places in this pool, the innermost first.
    fn places_here(&self) -> impl Iterator<Item = &Participant> {
        guest::places().filter(|here| std::ptr::eq(here.registry(), self))
    }

    /// Waits for the threads to be gone, destructors of thread-locals included; not in one of those, where two would wait
    /// for each other.
    pub(super) fn join_threads(&self) {
        if std::ptr::eq(Participant::home(), self) {
            return;
        }
        loop {
            let next = {
                // Not locked any longer: a spare may be starting.
                let mut threads = self.threads.lock();
                let next = threads.pop();
                if next.is_some() {
                    // Under the lock: who finds none left knows of all that others have taken.
                    self.joining.fetch_add(1, Ordering::Relaxed);
                }
                next
            };
            let Some(thread) = next else {
                let is_over = || self.joining.load(Ordering::Acquire) == 0;
                self.idle.changed.wait(None, is_over);
                return;
            };
            thread.join();
            self.joining.fetch_sub(1, Ordering::Release);
            self.idle.changed.notify();
        }
    }

    /// Whether everything that was accepted has ended (periodic tasks that wait for their time aside).
    pub(crate) fn is_idle(&self) -> bool {
        self.ledger.is_at_rest(|| self.sums())
    }

    pub(crate) fn wait_idle(&self, deadline: Option<Instant>) -> bool {
        if self.is_idle() {
            return true;
        }
        self.check_process();
        blocking(|| self.idle.changed.wait(deadline, || self.is_idle()))
    }

    /// `timeout` from now; `None` for a time beyond what the clock can tell.
    pub(crate) fn deadline_in(timeout: std::time::Duration) -> Option<Instant> {
        clock::after(timeout)
    }

    /// For `shutdown_now`: takes all spawned tasks that have not started. What scopes and `install` wait
    /// for stays. Nothing more is accepted, so there is an end to it.
    pub(crate) fn evict(&self) -> Vec<Unstarted> {
        // What has been popped here is in no list for a moment.
        let _stay = self.stay();
        let mut out = Vec::new();
        let mut kept_lives = Vec::new();
        for life in self.ledger.all_lives() {
            out.extend(life.evict().map(Unstarted::Managed));
        }
        loop {
            let mut kept = Vec::new();
            for level in Priority::DESCENDING {
                while let Some(entry) = self.injectors.steal(level) {
                    self.sort_out(entry, &mut out, &mut kept, &mut kept_lives);
                }
                for victim in self.all() {
                    loop {
                        match victim.stealers.steal(level) {
                            Steal::Success(entry) => {
                                self.sort_out(entry, &mut out, &mut kept, &mut kept_lives)
                            }
                            Steal::Retry => {}
                            Steal::Empty => break,
                        }
                    }
                }
            }
            for entry in kept {
                self.inject(entry);
            }
            let sums = self.sums();
            if sums.queued_as(Passage::Spawned) + sums.queued_as(Passage::Dispatch) == 0 {
                // Of scopes: who waits for one may have run it meanwhile.
                let queued = kept_lives.into_iter().filter(|life| life.is_queued());
                queued.for_each(|life| life.requeue());
                if self.idle.is_terminated() {
                    self.sweep();
                }
                self.idle.changed.notify();
                return out;
            }
            // A batch is on its way from one queue to another.
            yield_now();
        }
    }

    /// In a pool that has ended nobody pops what is stale: lets go of dispatches that have nothing to do,
    /// which would keep their tasks, and those the pool.
    pub(crate) fn sweep(&self) {
        let (mut kept, mut live) = (Vec::new(), Vec::new());
        for level in Priority::DESCENDING {
            while let Some(entry) = self.injectors.steal(level) {
                if entry.kind() != TaskKind::Dispatch {
                    kept.push(entry);
                    continue;
                }
                match entry.take() {
                    Taken::Stale => {}
                    Taken::Foreign(entry) => self.injectors.keep_foreign(entry),
                    Taken::Run(task) => {
                        self.note_left(level, TaskKind::Dispatch, self.tally_here());
                        if let Ok(Dispatch(life)) = task.into_dispatch(self.env_elsewhere()) {
                            if life.is_queued() {
                                live.push(life);
                            }
                        }
                    }
                }
            }
        }
        kept.into_iter().for_each(|entry| self.inject(entry));
        live.into_iter().for_each(|life| life.requeue());
    }

    fn sort_out(
        &self,
        entry: Entry,
        out: &mut Vec<Unstarted>,
        kept: &mut Vec<Entry>,
        kept_lives: &mut Vec<Arc<dyn Living>>,
    ) {
        if !matches!(entry.kind(), TaskKind::Spawned | TaskKind::Dispatch) {
            kept.push(entry);
            return;
        }
        match entry.take() {
            Taken::Stale => {}
            Taken::Foreign(entry) => self.injectors.keep_foreign(entry),
            Taken::Run(task) => {
                let (level, kind) = (task.level(), task.kind());
                let env = self.env_elsewhere();
                match task.into_dispatch(env) {
                    Ok(Dispatch(life)) => {
                        self.note_left(level, kind, self.tally_here());
                        if life.is_scoped() {
                            kept_lives.push(life);
                        } else if let Some(task) = Arc::clone(&life).evict() {
                            out.push(Unstarted::Managed(task));
                        } else if life.is_queued() {
                            // Settled already. What is left to do calls the user's code: a worker does it.
                            kept_lives.push(life);
                        }
                    }
                    Err(task) => {
                        self.note_left(level, kind, self.tally_here());
                        self.tally_here().end(Ended::Returned);
                        out.push(Unstarted::Plain(task));
                    }
                }
            }
        }
    }

    /// For what is done with a task that has been taken out of the pool: its end was counted then.
    pub(crate) fn env_uncounted(&self) -> Env<'_> {
        Env {
            tally: None,
            ..self.env_elsewhere()
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.timer.stop();
        // What is left are references to tasks that others have ended; or, in a pool that could not be
        // built or in a forked child, tasks that never ran.
        if self.is_forked_child() {
            return;
        }
        for level in Priority::DESCENDING {
            while let Some(entry) = self.injectors.steal(level) {
                if let Taken::Run(task) = entry.take() {
                    let env = self.env_uncounted();
                    if let Some(payload) = task.fail(crate::error::Failure::Cancelled, env) {
                        self.sink.report(payload);
                    }
                }
            }
        }
        let _ = self.injectors.foreign_settled();
    }
}
