//! Tasks that wait for a permit to start.
//!
//! A permit is taken when a task *starts*, so that a limit bounds starts even where workers are late. A
//! task that finds none joins the line of its limit and leaves its worker. When permits are there, as many
//! tasks are *released* to their pools as there are permits; each takes its permit when a worker has it in
//! hand. Those on their way are counted, so that no more are released than can start; who comes anew goes
//! behind those who wait.
//!
//! # Who may touch what
//! All of it is behind one lock. Somebody must *pump* whenever a permit may have become free for the first
//! in the line: the timer, at the time that [`Line::pump`] says; and each released task that starts, or is
//! over without having started.

use super::RateLimit;
use crate::sync::{Arc, Mutex};
use std::collections::VecDeque;
use std::time::Instant;

/// A task in the line.
pub(crate) trait Waiting: Send + Sync {
    /// Goes on to its pool's queue; `false` if it is over.
    fn release(self: Arc<Self>) -> bool;
}

/// See the module.
#[derive(Default)]
pub(crate) struct Line(Mutex<State>);

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<dyn Waiting>>,
    /// Released and not yet started.
    on_their_way: u64,
    /// Somebody will pump at this time.
    armed: Option<Instant>,
}

/// What the caller must see to.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Pump {
    /// Pump again at this time.
    pub(crate) at: Option<Instant>,
}

impl Line {
    /// A task is about to start: takes a permit for it if it may have one now. `released` tells that it
    /// comes from the line.
    pub(crate) fn admit(&self, limit: &RateLimit, now: Instant, released: bool) -> bool {
        let mut state = self.0.lock();
        if released {
            state.on_their_way -= 1;
        } else if !state.queue.is_empty() || limit.available(now) <= state.on_their_way {
            return false;
        }
        limit.try_at(now).is_ok()
    }

    /// A task that was not admitted joins; in front if it has waited before.
    pub(crate) fn join(&self, task: Arc<dyn Waiting>, released: bool) {
        let mut state = self.0.lock();
        if released {
            state.queue.push_front(task);
        } else {
            state.queue.push_back(task);
        }
    }

    /// A released task is over without having started.
    pub(crate) fn forget_released(&self) {
        self.0.lock().on_their_way -= 1;
    }

    /// Releases as many as there are permits for. `fired` tells that this is the time it was armed for.
    pub(crate) fn pump(&self, limit: &RateLimit, now: Instant, fired: bool) -> Pump {
        loop {
            let mut state = self.0.lock();
            if fired && state.armed.is_some_and(|at| at <= now) {
                state.armed = None;
            }
            if state.queue.is_empty() {
                return Pump::default();
            }
            if limit.available(now) <= state.on_their_way {
                let at = limit.when(now, state.on_their_way + 1);
                // In the past: those on their way have the permits, and will pump.
                if at <= now || state.armed.is_some_and(|armed| armed <= at) {
                    return Pump::default();
                }
                state.armed = Some(at);
                return Pump { at: Some(at) };
            }
            let task = state.queue.pop_front();
            state.on_their_way += 1;
            drop(state);
            // Not under the lock: it goes through a pool's queue.
            if !task.is_some_and(|task| task.release()) {
                self.forget_released();
            }
        }
    }
}
