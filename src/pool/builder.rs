//! How a pool is set up.

use crate::error::{BuildError, PanicSink};
use crate::pool::{ThreadPool, global};
use crate::priority::Priority;
use crate::scheduler::{Handler, MAX_THREADS, Registry, Settings};
use std::any::Any;
use std::fmt;
use std::sync::Arc;

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
    num_threads: Option<usize>,
    spare_threads: Option<usize>,
    stack_size: Option<usize>,
    thread_name: Option<Box<dyn FnMut(usize) -> String + Send>>,
    start_handler: Option<Handler>,
    exit_handler: Option<Handler>,
    panic_handler: Option<PanicSink>,
    priority: Priority,
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
            num_threads: None,
            spare_threads: None,
            stack_size: None,
            thread_name: None,
            start_handler: None,
            exit_handler: None,
            panic_handler: None,
            priority: Priority::default(),
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
        self.num_threads = Some(num_threads);
        self
    }

    pub(crate) fn has_num_threads(&self) -> bool {
        self.num_threads.is_some()
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
        self.spare_threads = Some(cap);
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
        self.stack_size = Some(bytes);
        self
    }

    /// Names the threads by their index. Default: `windrow-0`, `windrow-1`, ...
    ///
    /// # Panics
    /// If `name` panics for one of the first `num_threads` threads, [`build`](Self::build) ends those
    /// already started and panics, too.
    pub fn thread_name(mut self, name: impl FnMut(usize) -> String + Send + 'static) -> Self {
        self.thread_name = Some(Box::new(name));
        self
    }

    /// Runs on each thread of the pool before its first task, with the thread's index. A panic in it
    /// goes to the panic handler.
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
        self.priority = priority;
        self
    }

    /// Builds the pool and starts its threads.
    ///
    /// # Errors
    /// [`BuildError::ZeroThreads`], [`BuildError::TooManyThreads`], or [`BuildError::ThreadStart`] if
    /// the system refuses a thread; those already started have then been joined.
    ///
    /// ```
    /// use windrow::{BuildError, ThreadPoolBuilder};
    ///
    /// let none = ThreadPoolBuilder::new().num_threads(0).build();
    /// assert!(matches!(none, Err(BuildError::ZeroThreads)));
    /// ```
    pub fn build(self) -> Result<ThreadPool, BuildError> {
        let num_threads = self.num_threads.unwrap_or_else(num_cpus::get);
        if num_threads == 0 {
            return Err(BuildError::ZeroThreads);
        }
        let spare_threads = self
            .spare_threads
            .unwrap_or_else(|| num_threads.min(MAX_THREADS.saturating_sub(num_threads)));
        let requested = num_threads.saturating_add(spare_threads);
        if requested > MAX_THREADS {
            return Err(BuildError::TooManyThreads {
                requested,
                max: MAX_THREADS,
            });
        }
        let registry = Registry::start(Settings {
            num_threads,
            spare_threads,
            stack_size: self.stack_size,
            thread_name: self
                .thread_name
                .unwrap_or_else(|| Box::new(|index| format!("windrow-{index}"))),
            start_handler: self.start_handler,
            exit_handler: self.exit_handler,
            sink: self.panic_handler.unwrap_or_else(PanicSink::to_stderr),
            default_level: self.priority,
        })?;
        Ok(ThreadPool::from_registry(registry))
    }

    /// Builds the pool that the free functions use on threads that belong to no pool. Where
    /// [`num_threads`](Self::num_threads) is not set, the environment variable `WINDROW_NUM_THREADS` is.
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
    /// [`BuildError::Environment`] if the variable is needed and is not a number of threads.
    pub fn build_global(self) -> Result<(), BuildError> {
        global::build(self)
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
            .field("num_threads", &self.num_threads)
            .field("spare_threads", &self.spare_threads)
            .field("stack_size", &self.stack_size)
            .field("priority", &self.priority)
            .finish_non_exhaustive()
    }
}
