//! Figures about a pool.

use crate::metrics::{Ended, Event};
use crate::pool::ThreadPool;
use crate::priority::Priority;
use crate::scheduler::{BUCKETS, Registry, Times};
use crate::sync::Ordering;
use std::time::Duration;

/// What has become of a pool's tasks, and what it is doing; see [`ThreadPool::stats`].
///
/// Taken while the pool works, the figures are of slightly different moments; each is exact as of its own, and a task on
/// its way from one to the next may be in neither. When the pool is [idle](ThreadPool::wait_idle),
/// `submitted == completed + failed + panicked + cancelled + expired + returned`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// The pool's size.
    pub workers: usize,
    /// Threads of the pool that are alive, spares included.
    pub threads: usize,
    /// Threads of the pool that are neither asleep nor waiting inside a task.
    pub active: usize,
    /// Threads of the pool beyond its size.
    pub spare: usize,
    /// Tasks that are ready and wait for a worker, by level; see [`queued`](Self::queued).
    queued: [u64; Priority::COUNT],
    /// Tasks that wait for their time, for a retry or for a rate limit.
    pub waiting: u64,
    /// Tasks that run. One that waits for another counts as well.
    pub running: u64,
    /// Tasks that were accepted: spawned ones and those of scopes, with or without options. Forks
    /// (`join`) are not counted.
    pub submitted: u64,
    /// Tasks that returned a value; those with a retry policy: an `Ok`.
    pub completed: u64,
    /// Tasks with a retry policy whose last attempt returned an `Err`.
    pub failed: u64,
    /// Tasks that panicked.
    pub panicked: u64,
    /// Tasks that were cancelled before they started, or between two attempts.
    pub cancelled: u64,
    /// Tasks whose deadline passed before they had ended.
    pub expired: u64,
    /// Tasks that [`shutdown_now`](ThreadPool::shutdown_now) gave back, or that came just as the pool
    /// ended and were given back to the submitter.
    pub returned: u64,
    /// Submissions that were not accepted: the queue was full, or the pool had been shut down.
    pub refused: u64,
    /// Attempts that were scheduled after a failed one.
    pub retried: u64,
    /// Expired tasks that came to an end after all; what they returned was dropped.
    pub late: u64,
    /// Tasks that were told to stop and had not after their grace period.
    pub stuck: u64,
    /// Tasks and forks that a thread took from another one of the pool.
    pub stolen: u64,
    /// How often a worker went to sleep for want of work.
    pub parks: u64,
    /// How long tasks were ready and waited for a worker, each time that they did. Of tasks that were made
    /// with `task()`, or of all in a pool with an observer or with
    /// [`measure`](crate::ThreadPoolBuilder::measure).
    pub queue_times: Histogram,
    /// How long attempts ran; of the same tasks.
    pub run_times: Histogram,
}

impl Stats {
    /// How many tasks of a level are ready and wait for a worker. Tasks that were cancelled in the queue
    /// count until a worker has passed them.
    ///
    /// ```
    /// use windrow::{Priority, ThreadPool};
    ///
    /// let pool = ThreadPool::new(1)?;
    /// pool.pause();
    /// let handle = pool.spawn_with_priority(Priority::High, || ());
    /// let stats = pool.stats();
    /// assert_eq!((stats.queued(Priority::High), stats.queued(Priority::Low)), (1, 0));
    /// # pool.resume();
    /// # drop(handle);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn queued(&self, level: Priority) -> u64 {
        self.queued[level.index()]
    }

    /// How many tasks are ready and wait for a worker.
    #[must_use]
    pub fn queued_total(&self) -> u64 {
        self.queued.iter().sum()
    }

    /// How many tasks have ended, in whichever way.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// drop(pool.spawn(|| 6 * 7));
    /// pool.wait_idle();
    /// let stats = pool.stats();
    /// assert_eq!((stats.ended(), stats.queued_total()), (1, 0));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.completed + self.failed + self.panicked + self.cancelled + self.expired + self.returned
    }
}

/// Durations: how many, their sum, the longest, and how they are spread over powers of two.
///
/// ```
/// use std::time::Duration;
///
/// let pool = windrow::ThreadPool::builder().num_threads(1).measure(true).build()?;
/// for n in 0..10_u64 {
///     drop(pool.spawn(move || (0..n).sum::<u64>()));
/// }
/// pool.wait_idle();
/// let times = pool.stats().run_times;
/// assert_eq!(times.count(), 10);
/// assert!(times.mean() <= times.max() && times.max() <= times.total());
/// # Ok::<(), windrow::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Histogram {
    total: Duration,
    max: Duration,
    buckets: [u64; BUCKETS],
}

impl Histogram {
    pub(crate) fn of(times: &Times) -> Self {
        let nanos = |count: &crate::sync::CountU64| count.load(Ordering::Relaxed);
        Self {
            total: Duration::from_nanos(nanos(&times.total)),
            max: Duration::from_nanos(nanos(&times.max)),
            buckets: std::array::from_fn(|i| nanos(&times.buckets[i])),
        }
    }

    /// How many durations were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Their sum. It stops at some 584 years.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.total
    }

    /// The longest.
    #[must_use]
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The average; zero if there is none.
    #[must_use]
    pub fn mean(&self) -> Duration {
        match self.count() {
            0 => Duration::ZERO,
            count => Duration::from_nanos((self.total.as_nanos() / u128::from(count)) as u64),
        }
    }

    /// A duration that a share `q` (0 to 1) of the recorded ones does not exceed: the upper end of its
    /// bucket, so up to twice too long, but never more than the longest. Zero if there is none.
    ///
    /// ```
    /// let pool = windrow::ThreadPoolBuilder::new().num_threads(1).measure(true).build()?;
    /// for _ in 0..100 {
    ///     drop(pool.spawn(|| ()));
    /// }
    /// pool.wait_idle();
    /// let times = pool.stats().queue_times;
    /// assert_eq!(times.count(), 100);
    /// assert!(times.quantile(0.5) <= times.quantile(0.99));
    /// assert!(times.quantile(1.0) == times.max());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn quantile(&self, q: f64) -> Duration {
        let count = self.count();
        let rank = ((q.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0;
        for (end, count) in self.buckets() {
            seen += count;
            if seen >= rank {
                return end.min(self.max);
            }
        }
        self.max
    }

    /// The buckets from the shortest to the longest: the longest duration that belongs there, and how many
    /// there are.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.task().spawn(|| ()).join().unwrap();
    /// let times = pool.stats().run_times;
    /// for (up_to, count) in times.buckets().filter(|(_, count)| *count > 0) {
    ///     println!("up to {up_to:?}: {count}");
    /// }
    /// assert_eq!(times.buckets().map(|(_, count)| count).sum::<u64>(), times.count());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        self.buckets.iter().enumerate().map(|(i, &count)| {
            let end = (1u128 << i) - 1;
            (Duration::from_nanos(end as u64), count)
        })
    }
}

impl ThreadPool {
    /// What has become of the pool's tasks so far, and what it is doing now. Reading it stops nobody.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// let handles: Vec<_> = (0..5).map(|n| pool.spawn(move || assert!(n < 4))).collect();
    /// let panics = handles.into_iter().filter(|_| true).map(|h| h.join()).filter(|r| r.is_err()).count();
    /// let stats = pool.stats();
    /// assert_eq!((stats.submitted, stats.completed, stats.panicked), (5, 4, panics as u64));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::of(self.registry())
    }
}

impl Stats {
    pub(crate) fn of(registry: &Registry) -> Self {
        let ledger = &registry.ledger;
        let running_managed = ledger.running.load(Ordering::Acquire) as u64;
        let waiting = ledger.waiting.load(Ordering::Acquire) as u64;
        let sums = registry.sums();
        let (workers, threads, active) = registry.idle.population();
        Stats {
            workers,
            threads,
            active,
            spare: threads.saturating_sub(workers),
            queued: std::array::from_fn(|index| {
                let level = Priority::DESCENDING
                    .into_iter()
                    .find(|l| l.index() == index);
                sums.queued(level.expect("each index is a level's"))
            }),
            waiting,
            running: sums.running_plain() + running_managed,
            submitted: sums.submitted(),
            completed: sums.ended(Ended::Completed),
            failed: sums.ended(Ended::Failed),
            panicked: sums.ended(Ended::Panicked),
            cancelled: sums.ended(Ended::Cancelled),
            expired: sums.ended(Ended::Expired),
            returned: sums.ended(Ended::Returned),
            refused: sums.event(Event::Refused),
            retried: sums.event(Event::Retried),
            late: sums.event(Event::Late),
            stuck: sums.event(Event::Stuck),
            stolen: sums.event(Event::Stolen),
            parks: sums.event(Event::Parked),
            queue_times: Histogram::of(&ledger.queue_times),
            run_times: Histogram::of(&ledger.run_times),
        }
    }
}
