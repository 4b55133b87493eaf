//! The pool: what users hold.

pub(crate) mod broadcast;
pub(crate) mod builder;
pub(crate) mod config;
pub(crate) mod free;
pub(crate) mod global;
pub(crate) mod handle;
pub(crate) mod lifecycle;
pub(crate) mod retry;
pub(crate) mod stats;
pub(crate) mod submit;
pub(crate) mod task;
pub(crate) mod timed;

pub use builder::ThreadPoolBuilder;
pub use handle::JoinHandle;

use crate::clock;
use crate::error::{BuildError, Refused};
use crate::gate::Gate;
use crate::priority::Priority;
use crate::scheduler::{Participant, Registry, blocking, with_place};
use crate::sim::Stake;
use crate::sync::Arc;
use crate::task::header::Kind;
use crate::task::heap::{self, Call, Origin};
use std::fmt;
use std::panic::resume_unwind;
use std::ptr;
use std::time::{Duration, Instant};
use submit::Patience;

/// A pool of worker threads.
///
/// Share it by reference, or in an `Arc`. Dropping it finishes all tasks that it has accepted, those
/// that they spawn included, and then ends and joins its threads. If the last owner is a task of the
/// pool itself, the drop returns at once and the threads end by themselves.
///
/// ```
/// use windrow::ThreadPool;
///
/// let pool = ThreadPool::new(4)?;
/// let numbers: Vec<u64> = (1..=1000).collect();
///
/// // Fork and join, on borrowed data.
/// let (left, right) = numbers.split_at(500);
/// let (a, b) = pool.join(|| left.iter().sum::<u64>(), || right.iter().sum::<u64>());
/// assert_eq!(a + b, 500_500);
///
/// // Any number of tasks with results.
/// let total: u64 = pool.scope(|s| {
///     let parts: Vec<_> = numbers.chunks(100).map(|c| s.spawn(|| c.iter().sum::<u64>())).collect();
///     parts.into_iter().map(|part| part.join().unwrap()).sum()
/// });
/// assert_eq!(total, 500_500);
/// # Ok::<(), windrow::BuildError>(())
/// ```
pub struct ThreadPool {
    registry: Arc<Registry>,
    /// A deterministic pool's place in its simulation. Given up last.
    stake: Option<Stake>,
}

impl ThreadPool {
    /// A pool of `num_threads` workers with default settings.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// assert_eq!(pool.current_num_threads(), 2);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// As [`ThreadPoolBuilder::build`].
    pub fn new(num_threads: usize) -> Result<Self, BuildError> {
        Self::builder().num_threads(num_threads).build()
    }

    /// Settings for a pool; the same as [`ThreadPoolBuilder::new`].
    ///
    /// ```
    /// let pool = windrow::ThreadPool::builder().stack_size(1 << 20).build()?;
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn builder() -> ThreadPoolBuilder {
        ThreadPoolBuilder::new()
    }

    /// The global pool, which is built now if it has not been: with as many threads as
    /// `WINDROW_NUM_THREADS` says, else as there are processors.
    ///
    /// ```
    /// let answer = windrow::ThreadPool::global().install(|| 42);
    /// assert_eq!(answer, 42);
    /// ```
    ///
    /// # Panics
    /// If it has to be built and cannot be: a thread cannot be started, or the variable has a value
    /// that is not a number of threads. [`ThreadPoolBuilder::build_global`] returns an error instead.
    #[must_use]
    pub fn global() -> &'static ThreadPool {
        global::get()
    }

    pub(crate) fn from_registry(registry: Arc<Registry>, stake: Option<Stake>) -> Self {
        Self { registry, stake }
    }

    /// The pool's time: that of the system, or that of a [deterministic](ThreadPoolBuilder::deterministic) pool, which is
    /// virtual. Whoever asks, it is the one that the pool's tasks go by. Waits until a deadline (`join_deadline`, say) go
    /// by that of the thread that waits, which is another one where a thread from outside waits for something of a
    /// deterministic pool.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let pool = windrow::ThreadPoolBuilder::new().num_threads(1).deterministic(7).build()?;
    /// let before = pool.now();
    /// pool.sleep(Duration::from_secs(3600)); // takes no time: the pool's is virtual
    /// assert!(pool.now() - before >= Duration::from_secs(3600));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn now(&self) -> Instant {
        self.registry.clock.now()
    }

    /// Blocks the calling thread for so long in the pool's time; in the virtual one, if the thread belongs to a
    /// deterministic pool or drives one, and else in the system's. On a thread of the pool, another one works
    /// in its place meanwhile, as in [`blocking`](crate::blocking).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let pool = windrow::ThreadPool::new(1)?;
    /// let before = pool.now();
    /// pool.sleep(Duration::from_millis(2));
    /// assert!(pool.now() - before >= Duration::from_millis(2));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn sleep(&self, time: Duration) {
        let never = Gate::new();
        let deadline = clock::after(time);
        blocking(|| never.wait(deadline, || false));
    }

    #[inline]
    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The pool's size: how many workers it has, spare threads not counted.
    ///
    /// ```
    /// assert_eq!(windrow::ThreadPool::new(3)?.current_num_threads(), 3);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn current_num_threads(&self) -> usize {
        self.registry.idle.size()
    }

    /// Runs `f` on a worker of this pool and waits for it. On a worker of this pool, that is a plain
    /// call, also while it works in another pool.
    ///
    /// [`join`](Self::join) and [`scope`](Self::scope) do not need it: they start on the caller's
    /// thread at once. It is for closures that must be on a pool thread: for its thread-locals, its
    /// name, or its stack size.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// assert!(windrow::current_thread_index().is_none());
    /// assert!(pool.install(windrow::current_thread_index).is_some());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// If `f` panics, with its panic. If the pool has been shut down. In a child process after `fork`,
    /// whose pool has no threads.
    pub fn install<R, F>(&self, f: F) -> R
    where
        F: FnOnce() -> R + Send,
        R: Send,
    {
        // SAFETY: a current participant is alive.
        let here = unsafe { Participant::current().as_ref() };
        if here.is_some_and(|here| !here.is_guest() && ptr::eq(here.registry(), &*self.registry)) {
            return f();
        }
        if let Some((inner, home)) = self.registry.worker_elsewhere() {
            return home.call_from(inner, f);
        }
        self.registry.check_process();
        let visit = self.registry.visit();
        let level = self.registry.level_here();
        let origin = Origin {
            parent: here.map_or(ptr::null(), Participant::node),
            kind: Kind::Installed,
            pool: Arc::as_ptr(&self.registry).cast(),
            process: self.registry.process(),
            level,
        };
        let tally = self.registry.tally_here();
        tally.enter(level, Kind::Installed.passage());
        // SAFETY: this function returns only after the task is done, and nothing in between unwinds.
        let (entry, remote) = unsafe { heap::new(Call(f), origin) };
        self.registry.inject(entry);
        handle::wait_remote(&remote);
        drop(visit);
        remote
            .into_result()
            .unwrap_or_else(|error| resume_unwind(error.into_panic()))
    }

    /// Runs `a` and `b`, in parallel if a thread is free for it, and returns both results.
    ///
    /// `a` runs on the calling thread, at once. `b` runs there after it, unless another thread has taken
    /// it meanwhile; then the caller helps that thread with what `b` has forked, or parks. It costs a nanosecond
    /// or two when nobody takes `b`, so there is no need for a cut-off. Nested calls belong to the same pool.
    /// Called outside of the pool, the calling thread works as one of it for that time.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// let mut data = [3, 1, 2];
    /// let (max, len) = pool.join(|| data.iter().max(), || data.len());
    /// assert_eq!((max, len), (Some(&3), 3));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// If `a` panics, with its panic, after `b` has run; if only `b` panics, with its panic. In a child
    /// process after `fork`, when called outside of the pool.
    #[inline]
    pub fn join<A, B, RA, RB>(&self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA,
        B: FnOnce() -> RB + Send,
        RB: Send,
    {
        with_place(&self.registry, |here| here.fork_join(a, b))
    }

    /// [`join`](Self::join) for three closures.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// assert_eq!(pool.join3(|| 1, || 'b', || "c"), (1, 'b', "c"));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// As [`join`](Self::join): all closures run, then the first panic in their order goes on.
    #[inline]
    pub fn join3<A, B, C, RA, RB, RC>(&self, a: A, b: B, c: C) -> (RA, RB, RC)
    where
        A: FnOnce() -> RA,
        B: FnOnce() -> RB + Send,
        C: FnOnce() -> RC + Send,
        RB: Send,
        RC: Send,
    {
        with_place(&self.registry, |here| free::join3_on(here, a, b, c))
    }

    /// [`join`](Self::join) for four closures.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// assert_eq!(pool.join4(|| 1, || 2, || 3, || 4), (1, 2, 3, 4));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// As [`join3`](Self::join3).
    #[inline]
    pub fn join4<A, B, C, D, RA, RB, RC, RD>(&self, a: A, b: B, c: C, d: D) -> (RA, RB, RC, RD)
    where
        A: FnOnce() -> RA,
        B: FnOnce() -> RB + Send,
        C: FnOnce() -> RC + Send,
        D: FnOnce() -> RD + Send,
        RB: Send,
        RC: Send,
        RD: Send,
    {
        with_place(&self.registry, |here| free::join4_on(here, a, b, c, d))
    }

    /// Queues `f` to be run by the pool, and returns a handle to its result.
    ///
    /// Tasks from outside start roughly in the order in which they came; a worker takes its own newest
    /// task first. The level is that of the task that spawns it, or the pool's default.
    ///
    /// Where the queue is full, [`queue_full`](ThreadPoolBuilder::queue_full) decides; by default the caller waits for
    /// room. After a shutdown the handle reports [`is_refused`](crate::JoinError::is_refused).
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// let handle = pool.spawn(|| "done");
    /// assert_eq!(handle.join().unwrap(), "done");
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// In a child process after `fork`, when a thread of the pool would have to be woken.
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        free::spawn_in(&self.registry, None, f)
    }

    /// [`spawn`](Self::spawn) that never blocks, and gives the closure back if the pool does not accept it.
    ///
    /// # Errors
    /// [`Refused`], with the closure, if as many tasks are queued as the pool's
    /// [`queue_capacity`](ThreadPoolBuilder::queue_capacity) allows, or if it has been shut down.
    ///
    /// ```
    /// let pool = windrow::ThreadPoolBuilder::new().num_threads(1).queue_capacity(1).build()?;
    /// pool.pause();
    /// let first = pool.try_spawn(|| 1).unwrap();
    /// let refused = pool.try_spawn(|| 2).unwrap_err();
    /// assert_eq!(refused.to_string(), "the task was refused: there is no room (the limit is 1)");
    /// assert_eq!((refused.task)(), 2);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// In a child process after `fork`.
    pub fn try_spawn<F, T>(&self, f: F) -> Result<JoinHandle<T>, Refused<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        submit::spawn_on(&self.registry, None, Patience::None, f)
    }

    /// [`spawn`](Self::spawn) that waits for room in a full queue, whatever the pool's policy, but no longer
    /// than `timeout`.
    ///
    /// # Errors
    /// As [`try_spawn`](Self::try_spawn).
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let pool = windrow::ThreadPoolBuilder::new().num_threads(1).queue_capacity(1).build()?;
    /// pool.pause();
    /// let first = pool.spawn(|| 1);
    /// let refused = pool.spawn_timeout(Duration::from_millis(1), || 2).unwrap_err();
    /// pool.resume();
    /// assert_eq!(first.join().unwrap() + (refused.task)(), 3);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn spawn_timeout<F, T>(&self, timeout: Duration, f: F) -> Result<JoinHandle<T>, Refused<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let patience = Patience::Until(Registry::deadline_in(timeout));
        submit::spawn_on(&self.registry, None, patience, f)
    }

    /// [`spawn`](Self::spawn) with a level of its own.
    ///
    /// ```
    /// use windrow::Priority;
    ///
    /// let pool = windrow::ThreadPool::new(2)?;
    /// let cleanup = pool.spawn_with_priority(Priority::Low, || ());
    /// cleanup.join().unwrap();
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// As [`spawn`](Self::spawn).
    pub fn spawn_with_priority<F, T>(&self, priority: Priority, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        free::spawn_in(&self.registry, Some(priority), f)
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.registry.close();
        if self.registry.is_inside_simulation() {
            // What goes on further out on this thread has begun in the simulation, and ends there.
            if let Some(stake) = self.stake.take() {
                stake.drop_and_stay();
            }
        }
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool")
            .field("num_threads", &self.current_num_threads())
            .finish_non_exhaustive()
    }
}

crate::unwind::unwind_safe!([] ThreadPool;);
