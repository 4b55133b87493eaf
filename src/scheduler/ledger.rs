//! What a pool keeps account of: its tasks with options, its queue's capacity, its times.
//!
//! Counts that are made on a participant are in its own tally; here is what is shared.

use crate::gate::Gate;
use crate::metrics::{Sums, Tally};
use crate::sync::{Arc, AtomicUsize, CountU64, Mutex, Ordering};
use crate::task::promise::Living;
use std::fmt;
use std::time::Duration;

/// The buckets of a histogram: one for each power of two of nanoseconds.
pub(crate) const BUCKETS: usize = 64;

/// See the module.
pub(crate) struct Ledger {
    /// Counts what is not done by a participant: by the timer, by threads outside.
    pub(crate) elsewhere: Tally,
    /// The tasks with options that are not over.
    lives: Mutex<Lives>,
    /// How many there are; written under the lock, read by whoever decides whether the pool is settled.
    count: AtomicUsize,
    /// Those that wait for their time, a retry or a rate limit.
    pub(crate) waiting: AtomicUsize,
    /// Attempts that are running.
    pub(crate) running: AtomicUsize,
    /// Periodic tasks between two runs.
    pub(crate) resting: AtomicUsize,
    /// How often that has changed, counted after each change.
    pub(crate) rests: CountU64,
    capacity: Option<Capacity>,
    pub(crate) queue_times: Times,
    pub(crate) run_times: Times,
}

/// A list with places that are reused.
#[derive(Default)]
struct Lives {
    places: Vec<Option<Arc<dyn Living>>>,
    free: Vec<usize>,
}

/// How many tasks may be queued.
#[derive(Debug)]
pub(crate) struct Capacity {
    limit: usize,
    taken: AtomicUsize,
    room: Gate,
}

/// Durations: how many, their sum, the longest, and how they are spread.
#[derive(Debug)]
pub(crate) struct Times {
    pub(crate) total: CountU64,
    pub(crate) max: CountU64,
    pub(crate) buckets: [CountU64; BUCKETS],
}

impl Times {
    fn new() -> Self {
        Self {
            total: CountU64::new(0),
            max: CountU64::new(0),
            buckets: [const { CountU64::new(0) }; BUCKETS],
        }
    }

    pub(crate) fn record(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - nanos.leading_zeros()).min(BUCKETS as u32 - 1) as usize;
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.max.fetch_max(nanos, Ordering::Relaxed);
        let add = |total: u64| Some(total.saturating_add(nanos));
        let _ = self
            .total
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

impl Capacity {
    /// `limit` is not zero.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            taken: AtomicUsize::new(0),
            room: Gate::new(),
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Takes a slot if there is one.
    pub(crate) fn try_take(&self) -> bool {
        let mut taken = self.taken.load(Ordering::Relaxed);
        loop {
            if taken >= self.limit {
                return false;
            }
            match self.taken.compare_exchange_weak(
                taken,
                taken + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(found) => taken = found,
            }
        }
    }

    /// Takes a slot beyond the limit: for the pool's own threads, which must not wait for themselves.
    pub(crate) fn take_anyway(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    fn release(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
        self.room.notify();
    }

    /// Where those wait who want a slot.
    pub(crate) fn room(&self) -> &Gate {
        &self.room
    }
}

impl Ledger {
    pub(crate) fn new(capacity: Option<Capacity>) -> Self {
        Self {
            elsewhere: Tally::shared(),
            lives: Mutex::new(Lives::default()),
            count: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            resting: AtomicUsize::new(0),
            rests: CountU64::new(0),
            capacity,
            queue_times: Times::new(),
            run_times: Times::new(),
        }
    }

    pub(crate) fn capacity(&self) -> Option<&Capacity> {
        self.capacity.as_ref()
    }

    /// A task that held a slot has left the queue.
    #[inline]
    pub(crate) fn release_slot(&self) {
        if let Some(capacity) = &self.capacity {
            capacity.release();
        }
    }

    /// A task with options begins. The caller looks whether the pool is closed afterwards, with a fence
    /// between.
    pub(crate) fn register(&self, life: Arc<dyn Living>) -> usize {
        let mut lives = self.lives.lock();
        self.count.fetch_add(1, Ordering::Relaxed);
        match lives.free.pop() {
            Some(place) => {
                lives.places[place] = Some(life);
                place
            }
            None => {
                lives.places.push(Some(life));
                lives.places.len() - 1
            }
        }
    }

    /// It is over, and nothing is left of it. The caller looks after those who wait for that.
    pub(crate) fn unregister(&self, place: usize) {
        let mut lives = self.lives.lock();
        let life = lives.places[place].take();
        lives.free.push(place);
        // Release: whoever sees the last one gone sees what it did.
        self.count.fetch_sub(1, Ordering::Release);
        drop(lives);
        drop(life);
    }

    pub(crate) fn lives(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// All tasks with options that are not over.
    pub(crate) fn all_lives(&self) -> Vec<Arc<dyn Living>> {
        self.lives.lock().places.iter().flatten().cloned().collect()
    }

    fn resting(&self) -> usize {
        self.resting.load(Ordering::Acquire)
    }

    /// Whether everything that was accepted has ended, and is gone; periodic tasks that rest do not count.
    ///
    /// What has ended is read first, what was submitted last. Between them are the lives: a task that has
    /// missed its deadline is counted as ended while it still runs, and may submit others until it is gone.
    pub(crate) fn is_at_rest(&self, sums: impl Fn() -> Sums) -> bool {
        loop {
            // One that is stopped meanwhile would count twice: as resting, and as ended.
            let rests = self.rests.load(Ordering::Acquire);
            let resting = self.resting();
            let ended = sums().all_ended();
            let at_rest = self.lives() <= resting && ended + resting as u64 >= sums().submitted();
            if !at_rest || self.rests.load(Ordering::Acquire) == rests {
                return at_rest;
            }
        }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("lives", &self.lives())
            .finish_non_exhaustive()
    }
}
