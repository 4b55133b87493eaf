//! The first success wins; and waiting for many handles.

use crate::error::JoinError;
use crate::group::TaskError;
use crate::life::TaskContext;
use crate::pool::{JoinHandle, ThreadPool};
use std::convert::Infallible;

impl ThreadPool {
    /// Runs all closures as tasks, and returns the value of the first that succeeds. The others are cancelled:
    /// those that have not started never will, and those that run are told (by their [`TaskContext`]) and
    /// waited for. Their errors are dropped, their panics go to the pool's panic handler, those from dropping a value or
    /// an error too.
    ///
    /// # Errors
    /// If none succeeds: all errors, in the order of the closures. For no closures that is an empty list.
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// let mirrors = ["mirror-1", "mirror-2", "mirror-3"];
    /// let fetched = pool.any(mirrors.map(|mirror| {
    ///     move |_: &windrow::TaskContext<'_>| match mirror {
    ///         "mirror-2" => Ok("the file"),
    ///         other => Err(format!("{other} is down")),
    ///     }
    /// }));
    /// assert_eq!(fetched.unwrap(), "the file");
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn any<T, E, F>(&self, tasks: impl IntoIterator<Item = F>) -> Result<T, Vec<TaskError<E>>>
    where
        F: FnOnce(&TaskContext<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let mut group = self.group();
        for task in tasks {
            group.spawn_with(task);
        }
        let mut errors = Vec::new();
        while let Some((index, result)) = group.join_next() {
            match result {
                Ok(value) => {
                    group.cancel();
                    for (_, error) in errors {
                        group.shared.drop_result(Err(error));
                    }
                    return Ok(value);
                }
                Err(error) => errors.push((index, error)),
            }
        }
        errors.sort_unstable_by_key(|(index, _)| *index);
        Err(errors.into_iter().map(|(_, error)| error).collect())
    }

    /// [`any`](Self::any) for closures that cannot fail: the first that returns wins.
    ///
    /// # Errors
    /// If all panic, or none is accepted: why, in the order of the closures.
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// let found = pool.race((0..4u64).map(|start| {
    ///     move |cx: &windrow::TaskContext<'_>| {
    ///         (start..).step_by(4).take_while(|_| !cx.is_cancelled()).find(|n| n % 1009 == 1008)
    ///     }
    /// }));
    /// assert!(found.unwrap().is_some());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn race<T, F>(&self, tasks: impl IntoIterator<Item = F>) -> Result<T, Vec<TaskError>>
    where
        F: FnOnce(&TaskContext<'_>) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.any(
            tasks
                .into_iter()
                .map(|task| move |cx: &TaskContext<'_>| Ok::<T, Infallible>(task(cx))),
        )
    }
}

/// Waits for all handles, and returns the results in their order.
///
/// # Panics
/// As [`JoinHandle::join`].
///
/// ```
/// let pool = windrow::ThreadPool::new(2)?;
/// let handles = (1..=3).map(|n| pool.spawn(move || n * n));
/// let squares: Result<Vec<_>, _> = windrow::join_all(handles).into_iter().collect();
/// assert_eq!(squares.unwrap(), [1, 4, 9]);
/// # Ok::<(), windrow::BuildError>(())
/// ```
pub fn join_all<T>(handles: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<Result<T, JoinError>> {
    // All of them first: an iterator may spawn as it goes.
    let handles: Vec<_> = handles.into_iter().collect();
    handles.into_iter().map(JoinHandle::join).collect()
}
