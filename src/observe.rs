//! Being told what happens in a pool.

use crate::priority::Priority;
use crate::report::{Report, TaskId};
use std::sync::Arc;
use std::time::Duration;

/// What an [`Observer`] is told about a task that has not ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskInfo {
    /// The task's number.
    pub id: TaskId,
    /// The task's name, if it was given one.
    pub name: Option<Arc<str>>,
    /// Its level.
    pub priority: Priority,
}

/// Is told what happens to the tasks of a pool, and to its threads; see
/// [`ThreadPoolBuilder::observer`](crate::ThreadPoolBuilder::observer).
///
/// All methods do nothing unless they are written. They are called on the thread where it happens (a
/// worker, the pool's timer, a thread that submits or cancels), so they should be short, and must not wait
/// for the pool. A panic in one goes to the pool's panic handler and changes nothing else.
///
/// With an observer, tasks that are spawned without [`task()`](crate::ThreadPool::task) are given a number
/// and measured as well. Tasks of a scope are observed only if they are made with its `task()`; forks never.
///
/// ```
/// use std::sync::Mutex;
/// use windrow::{Observer, Report, ThreadPoolBuilder};
///
/// #[derive(Default)]
/// struct Log(Mutex<Vec<String>>);
///
/// impl Observer for Log {
///     fn task_finished(&self, report: &Report) {
///         self.0.lock().unwrap().push(report.to_string());
///     }
/// }
///
/// let log = std::sync::Arc::new(Log::default());
/// let pool = ThreadPoolBuilder::new().num_threads(1).observer(log.clone()).build()?;
/// pool.spawn(|| 6 * 7).join().unwrap();
/// drop(pool);
/// assert!(log.0.lock().unwrap()[0].contains("completed"));
/// # Ok::<(), windrow::BuildError>(())
/// ```
#[allow(unused_variables, reason = "the names are for those who implement it")]
pub trait Observer: Send + Sync + 'static {
    /// The pool has accepted a task.
    fn task_accepted(&self, task: &TaskInfo) {}

    /// An attempt to run a task has started; `attempt` counts from 1.
    fn attempt_started(&self, task: &TaskInfo, attempt: u32) {}

    /// An attempt has failed, and the next one is due after `delay`.
    fn task_retried(&self, task: &TaskInfo, attempt: u32, delay: Duration) {}

    /// A task has ended; its handle knows. If it was ended by somebody else than its runner (by its token,
    /// its deadline), its completion callback may be called before this, or at the same time.
    fn task_finished(&self, report: &Report) {}

    /// A task whose deadline had been reported has come to an end after all; what it returned was
    /// dropped.
    fn task_late(&self, task: &TaskInfo) {}

    /// A task has been told to stop (by its token or its deadline) and has ignored it for `grace`.
    fn task_stuck(&self, task: &TaskInfo, grace: Duration) {}

    /// A worker, by its index, is about to look for its first task.
    fn worker_started(&self, index: usize) {}

    /// A worker has ended.
    fn worker_stopped(&self, index: usize) {}
}
