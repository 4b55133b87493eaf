//! The errors of the engine: small, one per operation.

use crate::sync::Mutex;
use crate::unwind::{self, Payload};
use std::fmt;
use std::sync::Arc;
use thiserror::Error;

/// Why a pool could not be built.
///
/// ```
/// use windrow::{BuildError, ThreadPool};
///
/// let error = ThreadPool::new(0).unwrap_err();
/// assert!(matches!(error, BuildError::ZeroThreads));
/// assert_eq!(error.to_string(), "a pool needs at least one thread, but num_threads is 0");
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// `num_threads(0)`.
    #[error("a pool needs at least one thread, but num_threads is 0")]
    ZeroThreads,
    /// More threads than a pool can count.
    #[error("a pool can have {max} threads at most, but {requested} were asked for")]
    TooManyThreads {
        /// What was asked for, spare threads included.
        requested: usize,
        /// The most there can be.
        max: usize,
    },
    /// The operating system refused to start a thread. Those already started have been joined.
    #[error("worker thread {index} could not be started: {source}")]
    ThreadStart {
        /// Which worker it was.
        index: usize,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// `build_global` came after the global pool had been built, explicitly or by its first use.
    #[error("the global pool has already been built")]
    GlobalAlreadyBuilt,
    /// An environment variable has a value that cannot be used.
    #[error("the environment variable {variable} is {value:?}: {reason}")]
    Environment {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Where a panic goes that nobody receives: the pool's panic handler.
#[derive(Clone)]
pub(crate) struct PanicSink(Arc<dyn Fn(Payload) + Send + Sync>);

impl PanicSink {
    pub(crate) fn new(handler: Arc<dyn Fn(Payload) + Send + Sync>) -> Self {
        Self(handler)
    }

    /// Prints the panic, as a pool without a handler does.
    pub(crate) fn to_stderr() -> Self {
        Self(Arc::new(|payload: Payload| {
            unwind::complain(format_args!(
                "a task panicked and nobody waits for it: {}",
                message(&payload)
            ));
            unwind::discard(payload);
        }))
    }

    /// Hands `payload` to the handler; a panic of the handler itself is contained.
    pub(crate) fn report(&self, payload: Payload) {
        if let Err(second) = unwind::catch(|| (self.0)(payload)) {
            unwind::complain(format_args!(
                "the panic handler itself panicked: {}",
                message(&second)
            ));
            unwind::discard(second);
        }
    }
}

impl fmt::Debug for PanicSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PanicSink")
    }
}

/// The message of a panic, where it is one of the two usual kinds.
fn message(payload: &Payload) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a payload that is not a string"
    }
}

/// Why a task has no result, other than a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Somebody cancelled it before it started, or between two attempts.
    Cancelled,
    /// Its deadline passed before it had ended.
    Expired,
    /// The queue was full.
    Full,
    /// The pool had been shut down.
    Closed,
    /// It needed the pool's timer, which could not be started.
    NoTimer,
}

/// Why a task has no result.
///
/// ```
/// let pool = windrow::ThreadPool::new(1)?;
/// let error = pool.spawn(|| -> u32 { panic!("no luck") }).join().unwrap_err();
/// assert!(error.is_panic());
/// assert_eq!(error.to_string(), "the task panicked: no luck");
/// assert_eq!(*error.into_panic().downcast_ref::<&str>().unwrap(), "no luck");
/// # Ok::<(), windrow::BuildError>(())
/// ```
pub struct JoinError(Cause);

enum Cause {
    Panic {
        message: Box<str>,
        // Never locked, only taken out: the lock makes the error `Sync` although a payload is not,
        // so that `?` turns it into any boxed error.
        payload: Mutex<Payload>,
    },
    Failure(Failure),
}

impl JoinError {
    pub(crate) fn panic(payload: Payload) -> Self {
        Self(Cause::Panic {
            message: message(&payload).into(),
            payload: Mutex::new(payload),
        })
    }

    pub(crate) fn failure(failure: Failure) -> Self {
        Self(Cause::Failure(failure))
    }

    /// Whether the task panicked.
    ///
    /// ```
    /// let result = windrow::spawn(|| -> u32 { panic!("no luck") }).join();
    /// assert!(result.unwrap_err().is_panic());
    /// ```
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(self.0, Cause::Panic { .. })
    }

    /// Whether the task was cancelled before it started, or between two attempts.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.pause();
    /// let handle = pool.spawn(|| ());
    /// handle.cancel();
    /// assert!(handle.join().unwrap_err().is_cancelled());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Cause::Failure(Failure::Cancelled))
    }

    /// Whether the task's deadline passed before it had ended. Whether it had started is in its
    /// [`Report`](crate::Report).
    ///
    /// ```
    /// let task = windrow::task().timeout(std::time::Duration::ZERO);
    /// assert!(task.spawn(|| ()).join().unwrap_err().is_expired());
    /// ```
    #[must_use]
    pub fn is_expired(&self) -> bool {
        matches!(self.0, Cause::Failure(Failure::Expired))
    }

    /// Whether the pool never accepted the task: its queue was full, it had been shut down, or the timer that the
    /// task needs could not be started. The closure was dropped; [`ThreadPool::try_spawn`](crate::ThreadPool::try_spawn) would have given it
    /// back.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.shutdown();
    /// assert!(pool.spawn(|| ()).join().unwrap_err().is_refused());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(
            self.0,
            Cause::Failure(Failure::Full | Failure::Closed | Failure::NoTimer)
        )
    }

    /// What the task panicked with, to look into or to resume with
    /// [`std::panic::resume_unwind`].
    ///
    /// # Panics
    /// If the task did not panic; ask [`is_panic`](Self::is_panic) first, or use
    /// [`try_into_panic`](Self::try_into_panic).
    ///
    /// ```
    /// let error = windrow::spawn(|| -> u32 { panic!("no luck") }).join().unwrap_err();
    /// assert_eq!(error.into_panic().downcast_ref(), Some(&"no luck"));
    /// ```
    #[must_use]
    pub fn into_panic(self) -> Box<dyn std::any::Any + Send + 'static> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!("into_panic on a task that did not panic: {error}"),
        }
    }

    /// What the task panicked with, or the error back if it did not panic.
    ///
    /// # Errors
    /// The error itself, when [`is_panic`](Self::is_panic) is `false`.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// let error = pool.spawn(|| panic!("no luck")).join().map(|()| ()).unwrap_err();
    /// assert_eq!(error.try_into_panic().unwrap().downcast_ref(), Some(&"no luck"));
    ///
    /// pool.shutdown();
    /// let error = pool.spawn(|| ()).join().unwrap_err();
    /// assert!(error.try_into_panic().unwrap_err().is_refused());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn try_into_panic(self) -> Result<Box<dyn std::any::Any + Send + 'static>, JoinError> {
        match self.0 {
            Cause::Panic { payload, .. } => Ok(payload.into_inner()),
            Cause::Failure(_) => Err(self),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Panic { message, .. } => {
                f.debug_tuple("JoinError::Panic").field(message).finish()
            }
            Cause::Failure(failure) => f.debug_tuple("JoinError").field(failure).finish(),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Panic { message, .. } => write!(f, "the task panicked: {message}"),
            Cause::Failure(Failure::Cancelled) => f.write_str("the task was cancelled"),
            Cause::Failure(Failure::Expired) => {
                f.write_str("the task's deadline passed before it had ended")
            }
            Cause::Failure(Failure::Full) => {
                f.write_str("the task was refused: the pool's queue was full")
            }
            Cause::Failure(Failure::Closed) => {
                f.write_str("the task was refused: the pool had been shut down")
            }
            Cause::Failure(Failure::NoTimer) => f.write_str(
                "the task was refused: the thread of the pool's timer could not be started",
            ),
        }
    }
}

impl std::error::Error for JoinError {}

/// Why a pool could not change its size. It keeps the size that it had.
///
/// ```
/// let pool = windrow::ThreadPool::new(2)?;
/// let error = pool.resize(0).unwrap_err();
/// assert!(matches!(error, windrow::ResizeError::ZeroThreads));
/// assert_eq!(pool.current_num_threads(), 2);
/// # Ok::<(), windrow::BuildError>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ResizeError {
    /// `resize(0)`.
    #[error("a pool needs at least one thread, but resize was asked for 0")]
    ZeroThreads,
    /// More threads than a pool can count.
    #[error("a pool can have {max} threads at most, but {requested} were asked for")]
    TooManyThreads {
        /// What was asked for, spare threads included.
        requested: usize,
        /// The most there can be.
        max: usize,
    },
    /// The operating system refused to start a thread.
    #[error("worker thread {index} could not be started: {source}")]
    ThreadStart {
        /// Which worker it was.
        index: usize,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The pool has been shut down.
    #[error("the pool has been shut down")]
    Closed,
}

/// What was still going on when [`shutdown_timeout`](crate::ThreadPool::shutdown_timeout) gave up waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the pool did not end in time: {queued} tasks were queued and {running} running")]
#[non_exhaustive]
pub struct ShutdownError {
    /// Tasks that had not started, those that wait for their time or a retry included.
    pub queued: usize,
    /// Tasks that were running.
    pub running: usize,
}

/// Why a pool, a run or a limiter did not accept a task.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RefusedReason {
    /// There are as many tasks as there may be: queued in the pool, under way in the run, or in the slots of the
    /// limiter.
    #[error("there is no room (the limit is {capacity})")]
    Full {
        /// How many there may be.
        capacity: usize,
    },
    /// The pool has been shut down, the run or the limiter has been closed, or the run has been cancelled.
    #[error("nothing more is accepted: shut down, closed or cancelled")]
    Closed,
    /// The task needs the pool's timer, whose thread could not be started.
    #[error("the thread of the pool's timer could not be started: {0}")]
    Timer(#[source] std::io::Error),
}

/// A task that a pool, a run or a limiter did not accept, and why.
///
/// ```
/// use windrow::{RefusedReason, ThreadPool};
///
/// let pool = ThreadPool::new(1)?;
/// pool.shutdown();
/// let refused = pool.try_spawn(|| 6 * 7).unwrap_err();
/// assert!(matches!(refused.reason, RefusedReason::Closed));
/// let text = "the task was refused: nothing more is accepted: shut down, closed or cancelled";
/// assert_eq!(refused.to_string(), text);
/// // The closure is here, to be run otherwise.
/// assert_eq!((refused.task)(), 42);
/// # Ok::<(), windrow::BuildError>(())
/// ```
#[derive(Error)]
#[error("the task was refused: {reason}")]
pub struct Refused<F> {
    /// Why.
    pub reason: RefusedReason,
    /// The closure.
    pub task: F,
}

impl<F> fmt::Debug for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl RefusedReason {
    pub(crate) fn failure(&self) -> Failure {
        match self {
            RefusedReason::Full { .. } => Failure::Full,
            RefusedReason::Closed => Failure::Closed,
            RefusedReason::Timer(_) => Failure::NoTimer,
        }
    }
}
