//! The reckoning of a rate limit: a token bucket, kept as the time at which it will be full.
//!
//! # Arithmetic
//! The generic cell rate algorithm in its virtual scheduling form (ITU-T I.371; ATM Forum, Traffic
//! Management 4.0, 1996). Time is counted in *ticks* since the limit was made, `permits` ticks to the
//! nanosecond, so that the interval between two permits is a whole number of ticks, `per` in nanoseconds.
//! Nothing is ever rounded but the instants that are told, which are rounded up. So a rate is kept without
//! drift, save that with a burst of 1 two permits taken without waiting are a whole number of nanoseconds
//! apart, as the clock has no others: at three a second, 333 333 334.
//!
//! `full` is the tick at which the bucket will be full (the algorithm's theoretical arrival time). With
//! `tolerance = (burst - 1) * interval`, a permit may be taken at tick `x` if `x >= full - tolerance`; then
//! `full` becomes `max(x, full) + interval`. So between the first of `n` permits, taken at `a`, and the last,
//! taken at `z`, `full` grows from `a + interval` by at least `n - 2` intervals before `z` is judged:
//! `z - a >= (n - burst) * interval`. No window has more than `burst` permits and those that its length
//! earns, in whichever order the clocks of several threads have been read.
//!
//! All values fit 128 bits: a tick is less than 2^126, and a tolerance too. Only queues of billions of
//! waiters on limits of centuries would not; there it saturates.
//!
//! # The queue
//! Waiters queue, first come, first served. The n-th in the queue has the n-th slot from now, and nobody
//! comes before it. Slots are not handed over from thread to thread: whoever has the lock first *settles*
//! what is due, which is to take the permits of all slots that have come, as of their own ticks, and let
//! their waiters off the queue. So a waiter that wakes late, or must wait for something else before it goes
//! on, keeps nobody behind it waiting, and the rate loses nothing to it.
//!
//! A waiter that leaves before its slot has come gives it back exactly: all behind it move up by one
//! interval, as if it had never been there. They sleep until the slots they knew of, so each is woken to
//! learn of its earlier one when it becomes the first in the queue, or is let off it.
//!
//! # Memory ordering
//! Everything is behind the one lock. Nobody sleeps or wakes another while holding it.

use crate::park::Parker;
use crate::sync::{Arc, Mutex};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// See the module.
pub(super) struct Bucket {
    pub(super) permits: u32,
    pub(super) per: Duration,
    pub(super) burst: u32,
    /// Tick zero.
    epoch: Instant,
    state: Mutex<State>,
}

struct State {
    full: u128,
    /// By the order of coming.
    queue: BTreeMap<u64, Waiter>,
    next_ticket: u64,
}

struct Waiter {
    parker: Arc<Parker>,
    /// The tick until which it sleeps; its slot is not later.
    until: u128,
}

/// What came of asking.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Taken,
    Queued(u64),
    TooLate,
}

/// Where a waiter is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Its permit has been taken.
    Served,
    /// Its permit comes at this instant, or earlier, of which it will be told.
    Queued(Instant),
}

impl Bucket {
    /// A full one; `permits`, `per` and `burst` are not zero.
    pub(super) fn new(epoch: Instant, permits: u32, per: Duration, burst: u32) -> Self {
        Self {
            permits,
            per,
            burst,
            epoch,
            state: Mutex::new(State {
                full: 0,
                queue: BTreeMap::new(),
                next_ticket: 0,
            }),
        }
    }

    /// Takes a permit or says when there is one for somebody who comes now.
    pub(super) fn try_at(&self, now: Instant) -> Result<(), Instant> {
        self.settled(now, |state, tick| {
            self.take(state, tick).map_err(|slot| self.instant(slot))
        })
    }

    /// Takes a permit or queues for one, unless its slot comes after `latest`.
    pub(super) fn enter(
        &self,
        now: Instant,
        latest: Option<Instant>,
        parker: &Arc<Parker>,
    ) -> Entry {
        self.settled(now, |state, tick| {
            let Err(slot) = self.take(state, tick) else {
                return Entry::Taken;
            };
            if latest.is_some_and(|latest| slot > self.tick(latest)) {
                return Entry::TooLate;
            }
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            let waiter = Waiter {
                parker: Arc::clone(parker),
                until: slot,
            };
            state.queue.insert(ticket, waiter);
            Entry::Queued(ticket)
        })
    }

    /// Looks after a waiter.
    pub(super) fn place(&self, now: Instant, ticket: u64) -> Place {
        self.settled(now, |state, _| match state.queue.get(&ticket) {
            Some(waiter) => Place::Queued(self.instant(waiter.until)),
            None => Place::Served,
        })
    }

    /// Takes a waiter out of the queue; `false` if its permit has been taken already.
    pub(super) fn leave(&self, now: Instant, ticket: u64) -> bool {
        self.settled(now, |state, _| state.queue.remove(&ticket).is_some())
    }

    /// How many permits could be taken now, one after the other.
    pub(super) fn available(&self, now: Instant) -> u64 {
        self.settled(now, |state, tick| {
            if !state.queue.is_empty() {
                return 0;
            }
            match tick.checked_sub(self.slot(state, 0)) {
                None => 0,
                Some(since) => (since / self.interval() + 1).min(self.burst.into()) as u64,
            }
        })
    }

    /// When `count` permits can be taken one after the other, if nobody takes any before.
    pub(super) fn when(&self, now: Instant, count: u64) -> Instant {
        self.settled(now, |state, _| {
            let ahead =
                state.queue.len() as u128 + u128::from(count.clamp(1, self.burst.into())) - 1;
            let slot = self.slot_after(state, ahead);
            self.instant(slot)
        })
    }

    /// How many are in the queue.
    #[cfg(all(test, not(any(loom, windrow_shuttle))))]
    pub(super) fn waiting(&self) -> usize {
        self.state.lock().queue.len()
    }

    /// Settles what is due, does `what`, and wakes those for whom either has changed something.
    fn settled<R>(&self, now: Instant, what: impl FnOnce(&mut State, u128) -> R) -> R {
        let tick = self.tick(now);
        let mut sleepers = Vec::new();
        let mut state = self.state.lock();
        while !state.queue.is_empty() && self.slot(&state, 0) <= tick {
            state.full = state.full.saturating_add(self.interval());
            let served = state.queue.pop_first();
            sleepers.extend(
                served
                    .filter(|(_, waiter)| waiter.until > tick)
                    .map(|(_, waiter)| waiter.parker),
            );
        }
        let result = what(&mut state, tick);
        let slot = self.slot(&state, 0);
        if let Some(mut first) = state.queue.first_entry() {
            let first = first.get_mut();
            if first.until > slot {
                first.until = slot;
                sleepers.push(Arc::clone(&first.parker));
            }
        }
        drop(state);
        for parker in sleepers {
            parker.unpark();
        }
        result
    }

    /// Takes a permit if nobody waits, or else says in which tick a newcomer has one.
    fn take(&self, state: &mut State, tick: u128) -> Result<(), u128> {
        // What has been settled leaves only waiters whose slots are to come.
        let slot = self.slot(state, state.queue.len());
        if slot > tick {
            return Err(slot);
        }
        state.full = state.full.max(tick).saturating_add(self.interval());
        Ok(())
    }

    /// The slot of somebody with `ahead` waiters before it.
    fn slot(&self, state: &State, ahead: usize) -> u128 {
        self.slot_after(state, ahead as u128)
    }

    fn slot_after(&self, state: &State, ahead: u128) -> u128 {
        let tolerance = self.interval().saturating_mul(u128::from(self.burst) - 1);
        let turns = self.interval().saturating_mul(ahead);
        state.full.saturating_sub(tolerance).saturating_add(turns)
    }

    /// Ticks between two permits.
    fn interval(&self) -> u128 {
        self.per.as_nanos()
    }

    fn tick(&self, at: Instant) -> u128 {
        let since = at.saturating_duration_since(self.epoch);
        since.as_nanos().saturating_mul(self.permits.into())
    }

    /// The first instant that is not before `tick`; if the clock does not reach that far, one as far away
    /// as halving finds.
    fn instant(&self, tick: u128) -> Instant {
        let nanos = tick.div_ceil(self.permits.into());
        let mut since = match u64::try_from(nanos / 1_000_000_000) {
            Ok(seconds) => Duration::new(seconds, (nanos % 1_000_000_000) as u32),
            Err(_) => Duration::MAX,
        };
        loop {
            match self.epoch.checked_add(since) {
                Some(at) => return at,
                None => since /= 2,
            }
        }
    }
}
