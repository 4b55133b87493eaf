//! The life of a pool: its size, pauses, idleness, and its end.

use crate::error::{Failure, ResizeError, ShutdownError};
use crate::pool::ThreadPool;
use crate::priority::Priority;
use crate::report::TaskId;
use crate::scheduler::{Registry, Unstarted, with_place};
use crate::sync::Arc;
use std::fmt;
use std::time::{Duration, Instant};

impl ThreadPool {
    /// Changes the number of workers. It grows at once. It shrinks as workers finish the tasks that they
    /// run: from then on no more are at work than the new size, and the thread of one that is too many ends when
    /// it next goes to bed (or later, in a pool that never runs out of work: which of the workers rest changes). What
    /// is queued at a worker that leaves goes to the others.
    ///
    /// Spare threads stand in for as many waiting workers as the pool's new size, unless
    /// [`spare_threads`](crate::ThreadPoolBuilder::spare_threads) was set.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.resize(4)?;
    /// assert_eq!(pool.current_num_threads(), 4);
    /// assert_eq!(pool.broadcast(|index| index), [0, 1, 2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ResizeError`]; the pool then keeps its size.
    ///
    /// # Panics
    /// If naming a thread panics; and in a child process after `fork`.
    pub fn resize(&self, num_threads: usize) -> Result<(), ResizeError> {
        self.registry().resize(num_threads)
    }

    /// Workers finish the tasks that they run and take up nothing new until [`resume`](Self::resume).
    /// Tasks may still be submitted. What a thread does by itself goes on: the body of a `join` or `scope`,
    /// what it has spawned in its own scope, a task that it joins. What comes to a scope by other ways is queued as any
    /// other task, so the scope ends after `resume`: what other threads spawn in it, and tasks that wait for a
    /// time, a retry or a permit.
    ///
    /// Dropping the pool, or shutting it down, resumes it.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// pool.pause();
    /// let handle = pool.spawn(|| "later");
    /// assert_eq!(pool.stats().queued_total(), 1);
    /// pool.resume();
    /// assert_eq!(handle.join().unwrap(), "later");
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn pause(&self) {
        self.registry().idle.pause();
    }

    /// Ends a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.registry().resume();
    }

    /// Whether the pool is paused.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.pause();
    /// assert!(pool.is_paused());
    /// pool.resume();
    /// assert!(!pool.is_paused());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.registry().idle.counts().paused()
    }

    /// Waits until all accepted tasks have ended, those that wait for their time or a retry included.
    /// Periodic tasks count only while they run.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// for n in 0..10 {
    ///     drop(pool.spawn(move || n * n));
    /// }
    /// pool.wait_idle();
    /// assert_eq!(pool.stats().completed, 10);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// If it is called from a task of this pool, which would wait for itself; in a child process after `fork`, if there
    /// are tasks that had not ended.
    pub fn wait_idle(&self) {
        self.wait_idle_until(None);
    }

    /// [`wait_idle`](Self::wait_idle), but no longer than `timeout`; returns whether the pool is idle.
    ///
    /// # Panics
    /// As [`wait_idle`](Self::wait_idle).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let pool = windrow::ThreadPool::new(1)?;
    /// drop(pool.spawn(|| 6 * 7));
    /// assert!(pool.wait_idle_timeout(Duration::from_secs(60)));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn wait_idle_timeout(&self, timeout: Duration) -> bool {
        self.wait_idle_until(Registry::deadline_in(timeout))
    }

    /// [`wait_idle`](Self::wait_idle), but no longer than until `deadline`; returns whether the pool is idle.
    ///
    /// # Panics
    /// As [`wait_idle`](Self::wait_idle).
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.pause();
    /// let handle = pool.spawn(|| ());
    /// assert!(!pool.wait_idle_deadline(Instant::now()), "it cannot start");
    /// pool.resume();
    /// pool.wait_idle();
    /// assert!(handle.is_finished());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn wait_idle_deadline(&self, deadline: Instant) -> bool {
        self.wait_idle_until(Some(deadline))
    }

    fn wait_idle_until(&self, deadline: Option<Instant>) -> bool {
        let registry = self.registry();
        assert!(
            !registry.runs_here(),
            "wait_idle was called from a task of the pool, which is never idle then"
        );
        registry.wait_idle(deadline)
    }

    /// Accepts nothing more from outside, as [`shutdown`](Self::shutdown) does, but does not wait: the pool
    /// drains and ends by itself.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// let handle = pool.spawn(|| "accepted");
    /// pool.close();
    /// assert!(pool.try_spawn(|| "too late").is_err());
    /// assert_eq!(handle.join().unwrap(), "accepted");
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// In a child process after `fork`.
    pub fn close(&self) {
        let registry = self.registry();
        registry.check_process();
        registry.begin_closing();
    }

    /// Finishes what was accepted, and ends the pool's threads. Nothing is accepted from outside meanwhile
    /// and afterwards: [`try_spawn`](Self::try_spawn) gives tasks back, the handles of others report
    /// [`is_refused`](crate::JoinError::is_refused). Tasks of the pool may still spawn others until it has
    /// drained. Periodic tasks are cancelled; delayed ones are waited for.
    ///
    /// Called from inside (a task of the pool, a scope on it) it returns at once, and the pool ends by itself. It may be
    /// called any number of times and from any thread. What needs no worker ([`join`](Self::join),
    /// [`scope`](Self::scope)) still works afterwards, on the caller alone.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// let handle = pool.spawn(|| "accepted");
    /// pool.shutdown();
    /// assert!(handle.is_finished());
    /// assert!(pool.spawn(|| "too late").join().unwrap_err().is_refused());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// In a child process after `fork`.
    pub fn shutdown(&self) {
        self.shutdown_by(None).expect("there is no deadline");
    }

    /// [`shutdown`](Self::shutdown), but waits no longer than `timeout`.
    ///
    /// # Errors
    /// [`ShutdownError`] says what was still queued and running then. The pool goes on to drain, and
    /// dropping it does not wait for it any more: whoever needs the program to end can let it.
    /// [`shutdown_now`](Self::shutdown_now) takes back what has not started.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let pool = windrow::ThreadPool::new(1)?;
    /// let (go, wait) = std::sync::mpsc::channel::<()>();
    /// let (started, running) = std::sync::mpsc::channel();
    /// drop(pool.spawn(move || (started.send(()), wait.recv())));
    /// running.recv().unwrap();
    /// drop(pool.spawn(|| "after it"));
    /// let error = pool.shutdown_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!((error.queued, error.running), (1, 1));
    /// go.send(()).unwrap();
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// In a child process after `fork`.
    pub fn shutdown_timeout(&self, timeout: Duration) -> Result<(), ShutdownError> {
        self.shutdown_by(Registry::deadline_in(timeout))
    }

    fn shutdown_by(&self, deadline: Option<Instant>) -> Result<(), ShutdownError> {
        let registry = self.registry();
        registry.check_process();
        registry.begin_closing();
        if registry.is_waited_for() || registry.wait_until_over(deadline) {
            return Ok(());
        }
        let stats = self.stats();
        Err(ShutdownError {
            queued: (stats.queued_total() + stats.waiting) as usize,
            running: stats.running as usize,
        })
    }

    /// Accepts nothing more from anybody, takes back all tasks that have not started, and tells those that
    /// run to stop (their [`TaskContext`](crate::TaskContext) says so). Does not wait for them;
    /// [`shutdown`](Self::shutdown) does, and so does dropping the pool, unless a
    /// [`shutdown_timeout`](Self::shutdown_timeout) has given up waiting.
    ///
    /// A task that a worker has taken up counts as running, even if its closure has not been called yet; told to
    /// stop at that moment, it is cancelled. One that waits for its next attempt counts as not started, and is returned.
    ///
    /// Tasks of a scope, and closures of [`install`](Self::install), are not returned, but run: somebody
    /// waits for them in the middle of something. Each task is returned once, however often, and by
    /// whomever, this is called.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.pause();
    /// let handle = pool.spawn(|| "never started by the pool");
    /// let unstarted = pool.shutdown_now();
    /// assert_eq!(unstarted.len(), 1);
    /// // Dropped, it is cancelled; here it is run after all.
    /// unstarted.into_iter().for_each(|task| task.run());
    /// assert_eq!(handle.join().unwrap(), "never started by the pool");
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// In a child process after `fork`.
    pub fn shutdown_now(&self) -> Vec<UnstartedTask> {
        let registry = self.registry();
        registry.check_process();
        // So that workers take up nothing more of what is about to be taken back.
        registry.idle.pause();
        registry.idle.halt();
        registry.begin_closing_paused();
        let taken = registry.evict();
        for life in registry.ledger.all_lives() {
            life.interrupt();
        }
        registry.resume();
        taken
            .into_iter()
            .map(|task| UnstartedTask {
                task: Some(task),
                registry: registry.shared(),
            })
            .collect()
    }

    /// Whether the pool accepts tasks from outside.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// assert!(!pool.is_shut_down());
    /// pool.close();
    /// assert!(pool.is_shut_down());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.registry().idle.counts().closed()
    }
}

/// A task that was accepted and has not started, given back by
/// [`ThreadPool::shutdown_now`].
///
/// Dropping it cancels it: its handle reports [`is_cancelled`](crate::JoinError::is_cancelled), and its
/// closure is dropped. Until it is run or dropped, whoever joins the handle waits.
pub struct UnstartedTask {
    task: Option<Unstarted>,
    registry: Arc<Registry>,
}

impl UnstartedTask {
    /// Runs the task on the calling thread. Its handle, if there is one, gets the result. A task with a
    /// retry policy is tried once.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.pause();
    /// let handle = pool.spawn(|| 6 * 7);
    /// for task in pool.shutdown_now() {
    ///     task.run();
    /// }
    /// assert_eq!(handle.join().unwrap(), 42);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn run(mut self) {
        match self.task.take() {
            Some(Unstarted::Plain(task)) => with_place(&self.registry, |here| {
                let (node, level) = (task.node(), task.level());
                let env = self.registry.env_uncounted();
                here.run_uncounted(node, level, || task.run(env));
            }),
            Some(Unstarted::Managed(task)) => task.run(),
            None => {}
        }
    }

    /// The task's number, if it was made with `task()`.
    #[must_use]
    pub fn id(&self) -> Option<TaskId> {
        match &self.task {
            Some(Unstarted::Managed(task)) => Some(task.id()),
            _ => None,
        }
    }

    /// The task's name, if it was given one.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.pause();
    /// drop(pool.task().name("nightly").spawn(|| ()));
    /// let left = pool.shutdown_now();
    /// assert_eq!(left[0].name(), Some("nightly"));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match &self.task {
            Some(Unstarted::Managed(task)) => task.name(),
            _ => None,
        }
    }

    /// The task's level.
    ///
    /// ```
    /// use windrow::{Priority, ThreadPool};
    ///
    /// let pool = ThreadPool::new(1)?;
    /// pool.pause();
    /// drop(pool.spawn_with_priority(Priority::Low, || ()));
    /// assert_eq!(pool.shutdown_now()[0].priority(), Priority::Low);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn priority(&self) -> Priority {
        match &self.task {
            Some(Unstarted::Managed(task)) => task.level(),
            Some(Unstarted::Plain(task)) => task.level(),
            None => Priority::default(),
        }
    }
}

impl Drop for UnstartedTask {
    fn drop(&mut self) {
        match self.task.take() {
            Some(Unstarted::Plain(task)) => {
                let env = self.registry.env_uncounted();
                if let Some(payload) = task.fail(Failure::Cancelled, env) {
                    self.registry.sink.report(payload);
                }
            }
            Some(Unstarted::Managed(task)) => task.discard(),
            None => {}
        }
    }
}

impl fmt::Debug for UnstartedTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnstartedTask")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("priority", &self.priority())
            .finish_non_exhaustive()
    }
}
