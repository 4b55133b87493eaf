//! Why a task of a group has no value.

use crate::error::JoinError;
use std::convert::Infallible;
use thiserror::Error;

/// Why a task of a [`TaskGroup`](crate::TaskGroup) has no value.
///
/// ```
/// use std::time::Duration;
/// use windrow::{TaskError, ThreadPool};
///
/// let pool = ThreadPool::new(1)?;
/// let group = pool.group::<u32, &str>();
/// group.spawn(|| Err("no hay"));
/// group.spawn(|| panic!("no luck"));
/// group.task().timeout(Duration::ZERO).spawn(|| Ok(1));
/// pool.shutdown();
/// group.spawn(|| Ok(2));
/// let errors = group.wait_all().into_iter().map(Result::unwrap_err).collect::<Vec<_>>();
/// assert!(matches!(errors[0], TaskError::Failed("no hay")));
/// assert!(errors[1].is_panic());
/// assert!(errors[2].is_expired());
/// assert!(errors[3].is_refused());
/// # Ok::<(), windrow::BuildError>(())
/// ```
#[derive(Debug, Error)]
pub enum TaskError<E = Infallible> {
    /// It returned an `Err`.
    #[error("{0}")]
    Failed(E),
    /// It panicked, or it was cancelled, expired or refused.
    #[error(transparent)]
    Lost(#[from] JoinError),
}

impl<E> TaskError<E> {
    /// Whether the task was cancelled before it started, or between two attempts.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, TaskError::Lost(error) if error.is_cancelled())
    }

    /// Whether the task's deadline passed before it had ended.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        matches!(self, TaskError::Lost(error) if error.is_expired())
    }

    /// Whether the pool never accepted the task.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self, TaskError::Lost(error) if error.is_refused())
    }

    /// Whether the task panicked.
    #[must_use]
    pub fn is_panic(&self) -> bool {
        matches!(self, TaskError::Lost(error) if error.is_panic())
    }
}
