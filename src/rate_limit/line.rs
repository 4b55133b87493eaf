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
//! in the line: each released task that starts, or is over without having started; a blocked caller of the
//! limit that gives up; and a timer, which is that of the first task's pool, because that pool does not end
//! while the task waits. Should it end nevertheless before the timer fires (the task was cancelled), the
//! appointment is dropped, and that pumps as well: the line then turns to the pool of who is first by then.
//!
//! Who pumps and finds that the permit comes earlier than it has been arranged for makes an earlier
//! appointment. The later one is kept as well, and does no harm.

use super::RateLimit;
use crate::clock::Clock;
use crate::sync::{Arc, Mutex, Weak};
use std::collections::VecDeque;
use std::time::Instant;

/// A task in the line.
pub(crate) trait Waiting: Send + Sync {
    /// Goes on to its pool's queue; `false` if it is over.
    fn release(self: Arc<Self>) -> bool;
    /// Whether it still waits.
    fn waits(&self) -> bool;
    /// The time of its pool.
    fn clock(&self) -> &Clock;
    /// Has the appointment kept by the timer of its pool.
    fn arm(&self, appointment: Appointment);
}

/// A time at which the line is to be pumped. Keeping it is dropping it.
pub(crate) struct Appointment {
    limit: RateLimit,
    at: Instant,
    /// That of the pool whose timer keeps it.
    clock: Clock,
}

impl Appointment {
    pub(crate) fn at(&self) -> Instant {
        self.at
    }
}

impl Drop for Appointment {
    fn drop(&mut self) {
        self.limit.line().disarm(self.at);
        self.limit.pump(&self.clock);
    }
}

/// See the module.
pub(crate) struct Line(Mutex<State>);

impl Default for Line {
    fn default() -> Self {
        Self(Mutex::new(State::default()))
    }
}

#[derive(Default)]
struct State {
    /// Weak: a task has its limit, and one that ends while it waits here is only passed when its turn comes.
    queue: VecDeque<Weak<dyn Waiting>>,
    /// Released and not yet started.
    on_their_way: u64,
    /// The earliest appointment.
    armed: Option<Instant>,
    /// How long the queue may become before it is looked through for tasks that are over: twice what was
    /// left of it then.
    look_through_at: usize,
}

/// Below this length the queue is not looked through.
const LOOK_THROUGH_FROM: usize = 64;

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
    pub(crate) fn join(&self, task: &Arc<dyn Waiting>, released: bool) {
        let task = Arc::downgrade(task);
        let mut state = self.0.lock();
        if released {
            state.queue.push_front(task);
        } else {
            state.queue.push_back(task);
        }
        if state.queue.len() > state.look_through_at.max(LOOK_THROUGH_FROM) {
            let seen = state.look_through();
            // With a task its pool may go, and pump: not under the lock.
            drop(state);
            drop(seen);
        }
    }

    /// A released task is over without having started.
    pub(crate) fn forget_released(&self) {
        self.0.lock().on_their_way -= 1;
    }

    fn disarm(&self, at: Instant) {
        self.0.lock().armed.take_if(|armed| *armed == at);
    }
}

impl State {
    /// Takes those out of the queue that are over. Returns what was looked at.
    fn look_through(&mut self) -> Vec<Arc<dyn Waiting>> {
        let mut seen = Vec::with_capacity(self.queue.len());
        self.queue.retain(|task| {
            let task = task.upgrade();
            let waits = task.as_ref().is_some_and(|task| task.waits());
            seen.extend(task);
            waits
        });
        self.look_through_at = 2 * self.queue.len();
        seen
    }
}

impl RateLimit {
    /// Releases as many tasks from the line as there are permits for, and sees to it that the others will be.
    pub(crate) fn pump(&self, clock: &Clock) {
        loop {
            let now = clock.now();
            let mut state = self.line().0.lock();
            let Some(first) = state.queue.front() else {
                return;
            };
            let first = match first.upgrade() {
                Some(first) if first.waits() => first,
                over => {
                    state.queue.pop_front();
                    // With the task its pool may go, and pump: not under the lock.
                    drop(state);
                    drop(over);
                    continue;
                }
            };
            if self.available(now) > state.on_their_way {
                state.queue.pop_front();
                state.on_their_way += 1;
                drop(state);
                // Not under the lock: it goes through a pool's queue.
                if !first.release() {
                    self.line().forget_released();
                }
                continue;
            }
            let at = self.when(now, state.on_their_way + 1);
            // In the past: those on their way have the permits, and will pump.
            if at <= now || state.armed.is_some_and(|armed| armed <= at) {
                // As above.
                drop(state);
                return;
            }
            state.armed = Some(at);
            drop(state);
            let appointment = Appointment {
                limit: self.clone(),
                at,
                clock: first.clock().clone(),
            };
            return first.arm(appointment);
        }
    }
}
