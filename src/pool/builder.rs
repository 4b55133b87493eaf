//! How a pool is set up.

use crate::error::{BuildError, PanicSink};
use crate::observe::Observer;
use crate::park;
use crate::policy::{QueueFull, Retry};
use crate::pool::config::Config;
use crate::pool::{ThreadPool, global};
use crate::priority::Priority;
use crate::scheduler::{Capacity, Defaults, Handler, MAX_THREADS, Registry, Settings, is_inside};
use crate::sim::{Sim, Stake};
use crate::sync::Arc;
use std::any::Any;
use std::fmt;
use std::time::Duration;

/// How long a task may ignore that it was told to stop, unless something else is said.
const GRACE: Duration = Duration::from_secs(5);

/// A place in the simulation that the calling thread is in. If it is in none, or in one without pools, it drives a new
/// one from now on.
fn drive(seed: u64) -> Stake {
    let inside = || Sim::current().as_ref().is_some_and(is_inside);
    if Sim::is_left_over() && !inside() {
        Sim::leave_current();
    }
    let sim = Sim::current().unwrap_or_else(|| {
        // A token that is left from before would be one more than the seed knows of.
        park::renew();
        let sim = Sim::new(seed);
        sim.adopt_current();
        sim
    });
    sim.add_pool()
}

/// Settings for a [`ThreadPool`].
///
/// ```
/// use windrow::ThreadPoolBuilder;
///
/// let pool = ThreadPoolBuilder::new()
///     .num_threads(2)
///     .thread_name(|i| format!("crunch-{i}"))
///     .build()?;
/// let name = pool.install(|| std::thread::current().name().map(str::to_owned));
/// assert!(name.unwrap().starts_with("crunch-"));
/// # Ok::<(), windrow::BuildError>(())
/// ```
#[must_use = "a builder does nothing until `build` or `build_global`"]
pub struct ThreadPoolBuilder {
    /// What was said here.
    own: Config,
    /// What counts less.
    base: Config,
    /// Whether the environment counts, between the two.
    environment: bool,
    thread_name: Option<Box<dyn FnMut(usize) -> String + Send>>,
    start_handler: Option<Handler>,
    exit_handler: Option<Handler>,
    panic_handler: Option<PanicSink>,
    retry: Option<Retry>,
    observer: Option<Arc<dyn Observer>>,
    measured: bool,
    seed: Option<u64>,
}

impl ThreadPoolBuilder {
    /// The default settings: as many threads as there are processors for this process.
    ///
    /// ```
    /// let pool = windrow::ThreadPoolBuilder::new().build()?;
    /// assert!(pool.current_num_threads() >= 1);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn new() -> Self {
        Self {
            own: Config::default(),
            base: Config::default(),
            environment: false,
            thread_name: None,
            start_handler: None,
            exit_handler: None,
            panic_handler: None,
            retry: None,
            observer: None,
            measured: false,
            seed: None,
        }
    }

    /// How many worker threads the pool has, and how many threads it aims to keep busy.
    ///
    /// Default: the number of processors that this process may use, cgroup quotas included
    /// (`num_cpus::get`). 0 makes [`build`](Self::build) fail with [`BuildError::ZeroThreads`].
    ///
    /// ```
    /// let pool = windrow::ThreadPoolBuilder::new().num_threads(3).build()?;
    /// assert_eq!(pool.current_num_threads(), 3);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn num_threads(mut self, num_threads: usize) -> Self {
        self.own.num_threads = Some(num_threads);
        self
    }

    /// Settings that count less than the environment (see [`from_env`](Self::from_env)) and than what the
    /// builder says itself.
    ///
    /// ```
    /// use windrow::{Config, ThreadPool};
    ///
    /// // What a program reads from its own file of settings, say.
    /// let config = Config { num_threads: Some(3), ..Config::default() };
    /// let pool = ThreadPool::builder().config(config).build()?;
    /// assert_eq!(pool.current_num_threads(), 3);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn config(mut self, config: Config) -> Self {
        self.base = config;
        self
    }

    /// Has [`build`](Self::build) look into the environment: the variables `WINDROW_*` of [`Config`]
    /// count more than a [`config`](Self::config) and less than what the builder says itself.
    /// [`build_global`](Self::build_global) always does.
    ///
    /// ```
    /// use windrow::{Config, ThreadPool};
    ///
    /// // Two threads, unless the program is started as `WINDROW_NUM_THREADS=4 program`.
    /// let config = Config { num_threads: Some(2), ..Config::default() };
    /// let pool = ThreadPool::builder().config(config).from_env().build()?;
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn from_env(mut self) -> Self {
        self.environment = true;
        self
    }

    /// How many further threads may be started to stand in for workers that are parked in a wait.
    ///
    /// They are started when there is work and nobody to do it, and then kept asleep for the next
    /// time. Default: as many as `num_threads`. With 0, a parked worker's place stays empty; every
    /// program still finishes.
    ///
    /// ```
    /// // A worker that waits for another pool leaves its place empty: never more than two threads.
    /// let pool = windrow::ThreadPoolBuilder::new().num_threads(2).spare_threads(0).build()?;
    /// assert_eq!(pool.join(|| 1, || 2), (1, 2));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn spare_threads(mut self, cap: usize) -> Self {
        self.own.spare_threads = Some(cap);
        self
    }

    /// The stack size of the pool's threads, in bytes. Default: that of `std::thread`.
    ///
    /// ```
    /// let pool = windrow::ThreadPoolBuilder::new().num_threads(1).stack_size(16 << 20).build()?;
    /// // On a pool thread, for the sake of its stack.
    /// let sum = pool.install(|| [1u8; 4 << 20].iter().map(|&x| u64::from(x)).sum::<u64>());
    /// assert_eq!(sum, 4 << 20);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.own.stack_size = Some(bytes);
        self
    }

    /// Names the threads by their index. Default: `windrow-0`, `windrow-1`, ...
    ///
    /// [`build`](Self::build) panics if `name` does for one of the first `num_threads` threads; those already started
    /// have then ended. It is called whenever a thread is started, and must not call into the pool.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::builder().num_threads(2).thread_name(|i| format!("baler {i}")).build()?;
    /// let names = pool.broadcast(|_| std::thread::current().name().map(str::to_owned));
    /// assert_eq!(names[1].as_deref(), Some("baler 1"));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn thread_name(mut self, name: impl FnMut(usize) -> String + Send + 'static) -> Self {
        self.thread_name = Some(Box::new(name));
        self
    }

    /// Runs on each thread of the pool before its first task, with the thread's index. A panic in it
    /// goes to the panic handler. It must not wait for the pool to be built (that of
    /// [`build_global`](Self::build_global): use the global pool), which waits for it where a later thread cannot start.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicUsize, Ordering};
    ///
    /// static STARTED: AtomicUsize = AtomicUsize::new(0);
    /// let pool = windrow::ThreadPoolBuilder::new()
    ///     .num_threads(2)
    ///     .start_handler(|_index| {
    ///         STARTED.fetch_add(1, Ordering::Relaxed);
    ///     })
    ///     .build()?;
    /// drop(pool);
    /// assert_eq!(STARTED.load(Ordering::Relaxed), 2);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn start_handler(mut self, handler: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.start_handler = Some(Arc::new(handler));
        self
    }

    /// Runs on each thread of the pool after its last task, with the thread's index. A panic in it goes
    /// to the panic handler.
    ///
    /// ```
    /// let pool = windrow::ThreadPoolBuilder::new()
    ///     .num_threads(2)
    ///     .exit_handler(|index| println!("worker {index} is done"))
    ///     .build()?;
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn exit_handler(mut self, handler: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.exit_handler = Some(Arc::new(handler));
        self
    }

    /// Receives the panics that nobody else does: those of tasks whose handle was dropped, and those of
    /// the start and exit handlers. Default: a message on stderr.
    ///
    /// It runs on the thread where the panic came up, which goes on afterwards. A panic of the panic
    /// handler itself is reported on stderr and contained.
    ///
    /// ```
    /// let (report, panics) = std::sync::mpsc::channel();
    /// let pool = windrow::ThreadPoolBuilder::new()
    ///     .num_threads(1)
    ///     .panic_handler(move |payload| drop(report.send(payload)))
    ///     .build()?;
    /// drop(pool.spawn(|| panic!("nobody joins me")));
    /// let payload = panics.recv().unwrap();
    /// assert_eq!(payload.downcast_ref(), Some(&"nobody joins me"));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn panic_handler(
        mut self,
        handler: impl Fn(Box<dyn Any + Send>) + Send + Sync + 'static,
    ) -> Self {
        self.panic_handler = Some(PanicSink::new(Arc::new(handler)));
        self
    }

    /// The level of tasks that are spawned from outside without a level. Default:
    /// [`Priority::Normal`].
    ///
    /// ```
    /// use windrow::{Priority, ThreadPoolBuilder};
    ///
    /// let background = ThreadPoolBuilder::new().num_threads(1).priority(Priority::Low).build()?;
    /// background.spawn(|| "no hurry").join().unwrap();
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn priority(mut self, priority: Priority) -> Self {
        self.own.priority = Some(priority);
        self
    }

    /// How many spawned tasks may be queued, waiting and delayed ones included. 0, the default, is no limit.
    /// What happens beyond is [`queue_full`](Self::queue_full)'s.
    ///
    /// Tasks of a scope and closures of `install` do not count: somebody waits for them. Nor do forks. Nor does a task
    /// with options that is cancelled while it is queued, or whose timeout passes then: it makes room at once, and its
    /// closure is dropped when a worker comes by.
    ///
    /// ```
    /// let pool = windrow::ThreadPoolBuilder::new().num_threads(1).queue_capacity(100).build()?;
    /// // The producer is held up whenever it is a hundred tasks ahead.
    /// for n in 0..1000u64 {
    ///     drop(pool.spawn(move || n * n));
    /// }
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn queue_capacity(mut self, tasks: usize) -> Self {
        self.own.queue_capacity = Some(tasks);
        self
    }

    /// What a `spawn` does when the queue is full. Default: the caller waits ([`QueueFull::Block`]).
    ///
    /// ```
    /// use windrow::{QueueFull, ThreadPool};
    ///
    /// let pool = ThreadPool::builder().num_threads(1).queue_capacity(1).queue_full(QueueFull::Refuse).build()?;
    /// pool.pause();
    /// let handles = [1, 2].map(|n| pool.spawn(move || n));
    /// pool.resume();
    /// let results = handles.map(|handle| handle.join());
    /// assert_eq!(*results[0].as_ref().unwrap(), 1);
    /// assert!(results[1].as_ref().unwrap_err().is_refused());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn queue_full(mut self, policy: QueueFull) -> Self {
        self.own.queue_full = Some(policy);
        self
    }

    /// How long a task may go on after it was told to stop, before it is counted as stuck and announced to
    /// the [`observer`](Self::observer). Default: 5 s.
    pub fn grace_period(mut self, grace: Duration) -> Self {
        self.own.grace_period = Some(grace);
        self
    }

    /// The policy of tasks that are tried again by default
    /// ([`retry_default`](crate::TaskBuilder::retry_default)).
    ///
    /// ```
    /// use windrow::{Retry, ThreadPool};
    ///
    /// let pool = ThreadPool::builder().num_threads(1).retry(Retry::attempts(1)?).build()?;
    /// let (result, report) = pool.task().retry_default().spawn(|| Err::<(), _>("no hay")).join_report();
    /// assert_eq!((result?, report.unwrap().attempts), (Err("no hay"), 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retry(mut self, policy: Retry) -> Self {
        self.retry = Some(policy);
        self
    }

    /// Somebody who is told what happens to each spawned task. Implies [`measure`](Self::measure).
    ///
    /// ```
    /// use std::sync::Arc;
    /// use windrow::{Observer, TaskInfo, ThreadPool};
    ///
    /// struct Print;
    ///
    /// impl Observer for Print {
    ///     fn attempt_started(&self, task: &TaskInfo, attempt: u32) {
    ///         println!("{:?}: attempt {attempt}", task.name);
    ///     }
    /// }
    ///
    /// let pool = ThreadPool::builder().num_threads(1).observer(Arc::new(Print)).build()?;
    /// pool.task().name("bale").spawn(|| ()).join().unwrap(); // Some("bale"): attempt 1
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn observer(mut self, observer: Arc<impl Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Whether plain spawned tasks are measured, too, as those are that are made with `task()`: so that
    /// [`stats`](ThreadPool::stats) has the times of all, and each handle a report. It costs about a microsecond a
    /// task. Default: no.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::builder().num_threads(1).measure(true).build()?;
    /// let (result, report) = pool.spawn(|| 6 * 7).join_report();
    /// assert_eq!((result.unwrap(), report.unwrap().attempts), (42, 1));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn measure(mut self, all: bool) -> Self {
        self.measured = all;
        self
    }

    /// A pool for reproducible tests: its threads and the thread that builds it run one at a time, and change turns where
    /// they wait, in an order that `seed` decides; and time stands still until all of them wait, and then jumps to the
    /// next appointment.
    ///
    /// So a test of retries, time limits or rates takes no time, and the same seed gives the same order of events every
    /// time; different seeds explore different orders. [`ThreadPool::now`] is the pool's time, [`ThreadPool::sleep`] lets
    /// it pass. Unless [`num_threads`](Self::num_threads) is set, there is one worker.
    ///
    /// The thread that builds such a pool drives it, until it drops it: nothing happens in the pool while that thread
    /// does not wait (in `join`, `scope`, `wait_idle`, `sleep`, the drop of the pool). Other threads may use it, but when
    /// they come is not reproducible. A task that blocks on something other than windrow (a lock that another task holds
    /// across a wait, a channel) blocks everything. Pools that one thread builds while one of them lives share its time
    /// and its order. Other pools run by themselves, in real time; to wait for one is to let virtual time go on.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let pool = windrow::ThreadPoolBuilder::new().deterministic(42).build()?;
    /// let start = pool.now();
    /// let handle = pool.task().delay(Duration::from_secs(3600)).spawn(|| "an hour later");
    /// assert_eq!(handle.join().unwrap(), "an hour later");
    /// assert_eq!(pool.now() - start, Duration::from_secs(3600));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn deterministic(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Builds the pool and starts its threads.
    ///
    /// # Errors
    /// [`BuildError::ZeroThreads`], [`BuildError::TooManyThreads`], or [`BuildError::ThreadStart`] if
    /// the system refuses a thread; those already started have then been joined.
    /// [`BuildError::Environment`], after [`from_env`](Self::from_env), if a variable has a value that
    /// cannot be used.
    ///
    /// # Panics
    /// If the closure of [`thread_name`](Self::thread_name) does.
    ///
    /// ```
    /// use windrow::{BuildError, ThreadPoolBuilder};
    ///
    /// let none = ThreadPoolBuilder::new().num_threads(0).build();
    /// assert!(matches!(none, Err(BuildError::ZeroThreads)));
    /// ```
    pub fn build(self) -> Result<ThreadPool, BuildError> {
        let environment = if self.environment {
            Config::from_env_besides(&self.own)?
        } else {
            Config::default()
        };
        let config = self.own.or(environment).or(self.base);
        let num_threads = config.num_threads.unwrap_or_else(|| match self.seed {
            Some(_) => 1,
            None => num_cpus::get(),
        });
        if num_threads == 0 {
            return Err(BuildError::ZeroThreads);
        }
        let spares = config
            .spare_threads
            .unwrap_or_else(|| num_threads.min(MAX_THREADS.saturating_sub(num_threads)));
        let requested = num_threads.saturating_add(spares);
        if requested > MAX_THREADS {
            return Err(BuildError::TooManyThreads {
                requested,
                max: MAX_THREADS,
            });
        }
        let prefix = config.thread_name.unwrap_or_else(|| "windrow".to_owned());
        // Given up where the pool cannot be built, also by a panic.
        let stake = self.seed.map(drive);
        let registry = Registry::start(Settings {
            num_threads,
            spare_threads: config.spare_threads,
            stack_size: config.stack_size,
            thread_name: self
                .thread_name
                .unwrap_or_else(|| Box::new(move |index| format!("{prefix}-{index}"))),
            start_handler: self.start_handler,
            exit_handler: self.exit_handler,
            sink: self.panic_handler.unwrap_or_else(PanicSink::to_stderr),
            defaults: Defaults {
                level: config.priority.unwrap_or_default(),
                retry: self.retry,
                grace: config.grace_period.unwrap_or(GRACE),
                measured: self.measured || self.observer.is_some(),
                observer: self.observer,
                queue_full: config.queue_full.unwrap_or_default(),
            },
            capacity: config
                .queue_capacity
                .filter(|&limit| limit > 0)
                .map(Capacity::new),
            sim: stake.as_ref().map(|stake| Arc::clone(stake.sim())),
        })?;
        Ok(ThreadPool::from_registry(registry, stake))
    }

    /// Builds the pool that the free functions use on threads that belong to no pool. What the builder does
    /// not say, the environment may: `WINDROW_NUM_THREADS` and the other variables of [`Config`].
    ///
    /// ```
    /// windrow::ThreadPoolBuilder::new().num_threads(2).build_global()?;
    /// assert_eq!(windrow::current_num_threads(), 2);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Errors
    /// As [`build`](Self::build), and [`BuildError::GlobalAlreadyBuilt`] if there is one already,
    /// built explicitly or by the first use of a free function (then no thread is started); and
    /// [`BuildError::Environment`] if a variable has a value that cannot be used.
    ///
    /// # Panics
    /// As [`build`](Self::build).
    pub fn build_global(self) -> Result<(), BuildError> {
        global::build(self.from_env())
    }
}

impl Default for ThreadPoolBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ThreadPoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPoolBuilder")
            .field("own", &self.own)
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}
