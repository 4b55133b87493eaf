//! What can be said of a finished task.

use crate::priority::Priority;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The number of a task that was made with [`ThreadPool::task`](crate::ThreadPool::task) (or with a scope's
/// or group's `task`): unique within the process, in the order of submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub(crate) u64);

impl TaskId {
    /// The number itself.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It returned a value; with a retry policy: an `Ok`.
    Completed,
    /// With a retry policy: the last attempt that it was allowed returned an `Err`.
    Failed,
    /// It panicked.
    Panicked,
    /// It was cancelled before it started, or between two attempts.
    Cancelled,
    /// Its deadline passed before it had ended. It may have been running; see
    /// [`Report::started_at`].
    Expired,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Completed => "completed",
            Outcome::Failed => "failed",
            Outcome::Panicked => "panicked",
            Outcome::Cancelled => "cancelled",
            Outcome::Expired => "expired",
        })
    }
}

/// The report of a finished task: what [`JoinHandle::join_report`](crate::JoinHandle::join_report), a
/// completion callback and an [`Observer`](crate::Observer) get.
///
/// ```
/// use windrow::{Outcome, ThreadPool};
///
/// let pool = ThreadPool::new(1)?;
/// let (sum, report) = pool.task().name("sum").spawn(|| 1 + 1).join_report();
/// let report = report.expect("tasks made with `task()` are measured");
/// assert_eq!((sum.unwrap(), report.outcome, report.attempts), (2, Outcome::Completed, 1));
/// println!("{report}");
/// # Ok::<(), windrow::BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The task's number.
    pub id: TaskId,
    /// The task's name, if it was given one.
    pub name: Option<Arc<str>>,
    /// How it ended.
    pub outcome: Outcome,
    /// Its level.
    pub priority: Priority,
    /// How many attempts have been started.
    pub attempts: u32,
    /// The index of the worker that ran the last attempt; none if there was no attempt, or if a thread
    /// from outside ran it.
    pub worker: Option<usize>,
    /// When it was submitted.
    pub submitted_at: Instant,
    /// When the first attempt started.
    pub started_at: Option<Instant>,
    /// How long it was queued, attempts added up: ready to run, and waiting for a worker. Delays,
    /// back-off and waits for a rate limit do not count.
    pub queue_time: Duration,
    /// How long it ran, attempts added up.
    pub run_time: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " ({name})")?;
        }
        write!(
            f,
            " {} after {:?} in the queue and {:?} at work",
            self.outcome, self.queue_time, self.run_time
        )?;
        match self.attempts {
            0 => f.write_str(", never started"),
            1 => Ok(()),
            n => write!(f, ", {n} attempts"),
        }
    }
}
