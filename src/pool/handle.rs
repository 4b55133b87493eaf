//! The handle to a spawned task's result.

use crate::clock;
use crate::error::{JoinError, RefusedReason};
use crate::report::{Report, TaskId};
use crate::scheduler::{
    Help, Participant, Registry, cancel_claimed, run_claimed, wait_outside, wait_until,
};
use crate::sync::Arc;
use crate::task::heap;
use crate::task::remote::{Remote, resume};
use std::fmt;
use std::ptr;
use std::time::{Duration, Instant};

/// Waits for the task to end; runs it on this thread if nobody has started it.
pub(crate) fn join_remote<T>(remote: Remote<T>) -> Result<T, JoinError> {
    finish_remote(&remote);
    remote.into_result()
}

/// The same, with the report of a task with options.
pub(crate) fn join_remote_report<T>(remote: Remote<T>) -> (Result<T, JoinError>, Option<Report>) {
    finish_remote(&remote);
    let report = remote.living().and_then(|life| life.report());
    (remote.into_result(), report)
}

#[inline]
fn finish_remote<T>(remote: &Remote<T>) {
    if remote.header().state.is_done() {
        return;
    }
    if remote.living().is_some() {
        finish_life(remote);
    } else {
        let pool = remote.pool().cast::<Registry>();
        // SAFETY: a current participant is alive.
        let here = unsafe { Participant::current().as_ref() };
        let inside = here.is_some_and(|here| ptr::eq(here.registry(), pool));
        match (remote.claim(!inside), here) {
            (Some(task), Some(here)) if inside => {
                here.run_task(task);
                here.tell_if_idle();
            }
            // SAFETY: `pool` is the task's, and the claim was a foreign one.
            (Some(task), _) => unsafe { run_claimed(pool, task) },
            (None, _) => wait_remote(remote),
        }
    }
}

#[cold]
fn finish_life<T>(remote: &Remote<T>) {
    let in_place = remote
        .living()
        .is_some_and(|life| Arc::clone(life).run_in_place());
    if !in_place || !remote.header().state.is_done() {
        wait_remote(remote);
    }
}

/// Ends the task if nobody has started it.
pub(crate) fn cancel_remote<T>(remote: &Remote<T>) -> bool {
    if let Some(life) = remote.living() {
        return Arc::clone(life).cancel();
    }
    let Some(task) = remote.claim(true) else {
        return false;
    };
    // SAFETY: the task's pool, and a foreign claim.
    let panic = unsafe { cancel_claimed(remote.pool().cast(), task) };
    resume(panic);
    true
}

/// Waits for a task that somebody else runs, or that this thread may not run.
pub(crate) fn wait_remote<T>(remote: &Remote<T>) {
    // SAFETY: a current participant is alive.
    match unsafe { Participant::current().as_ref() } {
        Some(here) => {
            let mark = here.mark();
            here.wait(remote, Help { mark, up_to: 0 });
        }
        None => wait_outside(remote),
    }
}

pub(crate) fn join_remote_until<T>(
    remote: Remote<T>,
    deadline: Option<Instant>,
) -> Result<Result<T, JoinError>, Remote<T>> {
    match deadline {
        // Beyond what the clock can tell there is no deadline.
        None => Ok(join_remote(remote)),
        Some(deadline) if wait_until(&remote, deadline) => Ok(remote.into_result()),
        Some(_) => Err(remote),
    }
}

pub(crate) fn deadline_in(timeout: Duration) -> Option<Instant> {
    clock::after(timeout)
}

/// The handle's side of a task that was not accepted. `registry` is a live pool's.
pub(crate) fn refused_remote<T: Send>(registry: *const (), reason: &RefusedReason) -> Remote<T> {
    // SAFETY: whoever was refused holds the pool.
    let pool = unsafe { &*registry.cast::<Registry>() };
    heap::failed(registry, pool.process(), reason.failure(), &pool.sink)
}

/// Implements the methods that both kinds of handle share.
macro_rules! handle_methods {
    () => {
        /// Waits for the task to end and returns its result.
        ///
        /// A task that nobody has started is run in place, on the calling thread: joining costs no
        /// switch, cannot be stuck behind less urgent work, and works in a pool whose workers are all
        /// busy. A caller outside of the pool works in it for that time. While somebody else runs the
        /// task, a caller inside the pool runs tasks beneath it, if there are any, and otherwise parks
        /// and lends its place to another thread.
        ///
        /// # Errors
        /// [`JoinError`] with the payload if the task panicked, or without one if it was cancelled or refused, or its
        /// deadline passed.
        ///
        /// # Panics
        /// In a child process after `fork`, if the task has not ended.
        ///
        /// ```
        /// assert_eq!(windrow::spawn(|| 6 * 7).join().unwrap(), 42);
        /// ```
        pub fn join(self) -> Result<T, JoinError> {
            join_remote(self.remote)
        }

        /// Returns the result if the task has ended. Never blocks, and never runs the task.
        ///
        /// # Errors
        /// The handle itself, if the task has not ended.
        ///
        /// ```
        /// let mut handle = windrow::spawn(|| 6 * 7);
        /// let answer = loop {
        ///     match handle.try_join() {
        ///         Ok(result) => break result.unwrap(),
        ///         Err(unfinished) => handle = unfinished,
        ///     }
        ///     std::thread::yield_now();
        /// };
        /// assert_eq!(answer, 42);
        /// ```
        pub fn try_join(self) -> Result<Result<T, JoinError>, Self> {
            if self.is_finished() {
                Ok(self.remote.into_result())
            } else {
                Err(self)
            }
        }

        /// Waits for the task to end, but no longer than `timeout`. Unlike [`join`](Self::join) it
        /// never runs the task in place, because that could take longer. A timeout too large for the
        /// clock is none.
        ///
        /// # Errors
        /// The handle itself, if the task has not ended by then.
        ///
        /// ```
        /// use std::time::Duration;
        ///
        /// let (go, wait) = std::sync::mpsc::channel::<()>();
        /// let handle = windrow::spawn(move || wait.recv().is_ok());
        /// let handle = handle.join_timeout(Duration::from_millis(1)).unwrap_err();
        /// go.send(()).unwrap();
        /// assert!(handle.join().unwrap());
        /// ```
        pub fn join_timeout(self, timeout: Duration) -> Result<Result<T, JoinError>, Self> {
            join_remote_until(self.remote, deadline_in(timeout)).map_err(Self::from_remote)
        }

        /// Waits for the task to end, but no longer than until `deadline`. Unlike
        /// [`join`](Self::join) it never runs the task in place, because that could take longer.
        ///
        /// # Errors
        /// The handle itself, if the task has not ended by then.
        ///
        /// ```
        /// use std::time::{Duration, Instant};
        ///
        /// let deadline = Instant::now() + Duration::from_secs(60);
        /// let results: Result<Vec<_>, _> = [1, 2, 3]
        ///     .map(|x| windrow::spawn(move || x * x))
        ///     .into_iter()
        ///     .map(|handle| handle.join_deadline(deadline).expect("in time"))
        ///     .collect();
        /// assert_eq!(results.unwrap(), [1, 4, 9]);
        /// ```
        pub fn join_deadline(self, deadline: Instant) -> Result<Result<T, JoinError>, Self> {
            join_remote_until(self.remote, Some(deadline)).map_err(Self::from_remote)
        }

        /// Whether the task has ended, so that [`join`](Self::join) would return at once.
        ///
        /// ```
        /// let handle = windrow::spawn(|| 6 * 7);
        /// while !handle.is_finished() {
        ///     std::thread::yield_now();
        /// }
        /// assert_eq!(handle.join().unwrap(), 42);
        /// ```
        #[must_use]
        pub fn is_finished(&self) -> bool {
            self.remote.header().state.is_done()
        }

        /// Makes sure that the task never runs, if nobody has started it; then its closure is dropped
        /// (here and now, or, for a task that was made with `task()`, where it is queued), and `join` gives an
        /// error that [`is_cancelled`](JoinError::is_cancelled). Returns whether that succeeded: `false` means
        /// that the task runs, has ended, or had been cancelled before. A task that was made with `task()` and
        /// runs already is told to stop, as by its token; one that waits for its next attempt has none any more
        /// (`true`).
        ///
        /// # Panics
        /// If dropping a value that the closure owns panics.
        ///
        /// ```
        /// let pool = windrow::ThreadPool::new(1).unwrap();
        /// let (go, wait) = std::sync::mpsc::channel::<()>();
        /// let (started, running) = std::sync::mpsc::channel();
        /// let first = pool.spawn(move || {
        ///     started.send(()).unwrap();
        ///     wait.recv().is_ok()
        /// });
        /// running.recv().unwrap();
        /// let second = pool.spawn(|| unreachable!("the only worker is busy"));
        /// assert!(second.cancel());
        /// assert!(second.join().unwrap_err().is_cancelled());
        /// assert!(!first.cancel(), "it runs already");
        /// go.send(()).unwrap();
        /// ```
        pub fn cancel(&self) -> bool {
            cancel_remote(&self.remote)
        }

        /// The task's number, if it was made with `task()` (or in a pool that measures all tasks).
        ///
        /// ```
        /// let pool = windrow::ThreadPool::new(1).unwrap();
        /// assert!(pool.task().spawn(|| ()).id().is_some());
        /// assert!(pool.spawn(|| ()).id().is_none());
        /// ```
        #[must_use]
        pub fn id(&self) -> Option<TaskId> {
            self.remote.living().map(|life| life.id())
        }

        /// [`join`](Self::join), together with the task's report: `None` for a task that was spawned
        /// without `task()` (in a pool that does not measure all tasks), about which nothing was recorded.
        ///
        /// # Panics
        /// As [`join`](Self::join).
        ///
        /// ```
        /// let pool = windrow::ThreadPool::new(1).unwrap();
        /// let (result, report) = pool.task().name("six").spawn(|| 6).join_report();
        /// assert_eq!(result.unwrap(), 6);
        /// assert_eq!(report.unwrap().name.as_deref(), Some("six"));
        /// ```
        pub fn join_report(self) -> (Result<T, JoinError>, Option<Report>) {
            join_remote_report(self.remote)
        }
    };
}
pub(crate) use handle_methods;

/// The handle to a task that was started with [`ThreadPool::spawn`](crate::ThreadPool::spawn).
///
/// Dropping it detaches the task: it runs all the same, and a panic goes to the pool's panic handler.
/// The handle may outlive the pool; the pool finishes its tasks before it ends.
///
/// ```
/// use std::time::Duration;
///
/// let pool = windrow::ThreadPool::new(2)?;
/// let handle = pool.spawn(|| 6 * 7);
/// assert_eq!(handle.join().unwrap(), 42);
///
/// // A bounded wait gives the handle back if it comes to nothing.
/// let (go, wait) = std::sync::mpsc::channel::<()>();
/// let handle = pool.spawn(move || wait.recv().is_ok());
/// let handle = handle.join_timeout(Duration::from_millis(1)).unwrap_err();
/// go.send(()).unwrap();
/// assert!(handle.join().unwrap());
/// # Ok::<(), windrow::BuildError>(())
/// ```
pub struct JoinHandle<T> {
    remote: Remote<T>,
}

impl<T> JoinHandle<T> {
    pub(crate) fn from_remote(remote: Remote<T>) -> Self {
        Self { remote }
    }

    /// A handle to a task of the pool at `registry` that was not accepted.
    pub(crate) fn refused(registry: *const (), reason: &RefusedReason) -> Self
    where
        T: Send,
    {
        Self::from_remote(refused_remote(registry, reason))
    }

    handle_methods!();
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

crate::unwind::unwind_safe!([T] JoinHandle<T>;);
