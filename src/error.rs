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
            eprintln!(
                "windrow: a task panicked and nobody waits for it: {}",
                message(&payload)
            );
            unwind::discard(payload);
        }))
    }

    /// Hands `payload` to the handler; a panic of the handler itself is contained.
    pub(crate) fn report(&self, payload: Payload) {
        if let Err(second) = unwind::catch(|| (self.0)(payload)) {
            eprintln!(
                "windrow: the panic handler itself panicked: {}",
                message(&second)
            );
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
    Cancelled,
}

impl JoinError {
    pub(crate) fn panic(payload: Payload) -> Self {
        Self(Cause::Panic {
            message: message(&payload).into(),
            payload: Mutex::new(payload),
        })
    }

    pub(crate) fn cancelled() -> Self {
        Self(Cause::Cancelled)
    }

    /// Whether the task panicked.
    pub fn is_panic(&self) -> bool {
        matches!(self.0, Cause::Panic { .. })
    }

    /// Whether the task was cancelled before it started.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0, Cause::Cancelled)
    }

    /// What the task panicked with, to look into or to resume with
    /// [`std::panic::resume_unwind`].
    ///
    /// # Panics
    /// If the task did not panic; ask [`is_panic`](Self::is_panic) first, or use
    /// [`try_into_panic`](Self::try_into_panic).
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
    pub fn try_into_panic(self) -> Result<Box<dyn std::any::Any + Send + 'static>, JoinError> {
        match self.0 {
            Cause::Panic { payload, .. } => Ok(payload.into_inner()),
            Cause::Cancelled => Err(self),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Panic { message, .. } => {
                f.debug_tuple("JoinError::Panic").field(message).finish()
            }
            Cause::Cancelled => f.write_str("JoinError::Cancelled"),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Panic { message, .. } => write!(f, "the task panicked: {message}"),
            Cause::Cancelled => f.write_str("the task was cancelled before it started"),
        }
    }
}

impl std::error::Error for JoinError {}
