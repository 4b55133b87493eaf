//! Groups: tasks of one kind whose results are gathered, and that end together.
//!
//! | file | one idea |
//! |---|---|
//! | `error` | why a task has no value |
//! | `shared` | what the tasks of a group and its owner share |
//! | `race` | the first success wins |

mod error;
mod race;
mod shared;

pub use error::TaskError;
pub use race::join_all;

use crate::cancel::CancelToken;
use crate::error::RefusedReason;
use crate::life::{Attempt, Once, Options, TaskContext};
use crate::pool::ThreadPool;
use crate::pool::free;
use crate::pool::retry::{Advise, RetryBuilder, repeat};
use crate::pool::submit::Patience;
use crate::pool::task::TaskBuilder;
use crate::priority::Priority;
use crate::process;
use crate::scheduler::{Help, Participant, Registry, wait_outside};
use crate::sync::Arc;
use crate::task::promise::Setter;
use shared::{Gathering, Shared, Until};
use std::convert::Infallible;
use std::fmt;

/// Tasks that return `Result<T, E>`, own what they use, and are waited for together.
///
/// Results come one at a time as tasks complete ([`join_next`](Self::join_next)), or all at the end:
/// [`wait`](Self::wait) gives the first error, [`wait_all`](Self::wait_all) everything. A group that
/// [fails fast](Self::fail_fast) cancels the rest when a task fails or panics. It may have a limit of its own
/// for how many tasks are at work ([`max_concurrent`](Self::max_concurrent)).
///
/// Dropping a group waits for its tasks; what they return is dropped, and their panics, those from these drops too, go to
/// the pool's panic handler. In a child process after `fork` the drop panics, as [`wait`](Self::wait) does, unless the
/// thread is panicking already. Waiting inside of a task runs the group's own tasks meanwhile, and no others.
///
/// ```
/// use windrow::{TaskGroup, ThreadPool};
///
/// let pool = ThreadPool::new(2)?;
/// let group = pool.group();
/// for text in ["1", "2", "three", "4"] {
///     group.spawn(move || text.parse::<u32>());
/// }
/// let error = group.wait().unwrap_err();
/// assert_eq!(error.to_string(), "invalid digit found in string");
/// # Ok::<(), windrow::BuildError>(())
/// ```
#[must_use = "dropping a group waits for its tasks"]
pub struct TaskGroup<T: Send + 'static, E: Send + 'static = Infallible> {
    shared: Arc<Shared<T, E>>,
}

impl ThreadPool {
    /// A group of tasks on this pool; see [`TaskGroup`].
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// let group = pool.group::<u32, ()>();
    /// group.spawn(|| Ok(6));
    /// group.spawn(|| Ok(7));
    /// assert_eq!(group.wait().unwrap(), [6, 7]);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn group<T: Send + 'static, E: Send + 'static>(&self) -> TaskGroup<T, E> {
        TaskGroup::on(self.registry().shared())
    }
}

impl<T: Send + 'static, E: Send + 'static> TaskGroup<T, E> {
    /// A group on the pool that this thread works in, else on the global one.
    ///
    /// ```
    /// let mut group = windrow::TaskGroup::<u32>::new();
    /// for n in 1..=4 {
    ///     group.spawn(move || Ok(n * n));
    /// }
    /// let mut sum = 0;
    /// while let Some((_, square)) = group.join_next() {
    ///     sum += square.unwrap();
    /// }
    /// assert_eq!(sum, 30);
    /// ```
    ///
    /// # Panics
    /// As [`ThreadPool::global`] where it has to build that pool.
    pub fn new() -> Self {
        Self::on(free::shared_registry_here())
    }

    fn on(registry: Arc<Registry>) -> Self {
        Self {
            shared: Shared::new(registry),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Shared<T, E>)) -> Self {
        let shared = Arc::get_mut(&mut self.shared);
        change(shared.expect("options are set before the first task is spawned"));
        self
    }

    /// Whether the first task that fails or panics cancels the others: those that have not started never
    /// will, and those that run are told. Default: no.
    ///
    /// # Panics
    /// As all options of a group, if a task has been spawned already and has not ended.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.pause();
    /// let group = pool.group::<(), &str>().fail_fast(true);
    /// group.spawn(|| Err("the first"));
    /// group.task().priority(windrow::Priority::Low).spawn(|| unreachable!("cancelled"));
    /// pool.resume();
    /// let results = group.wait_all();
    /// assert!(results[1].as_ref().unwrap_err().is_cancelled());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn fail_fast(self, fail_fast: bool) -> Self {
        self.with(|shared| shared.fail_fast = fail_fast)
    }

    /// How many of the group's tasks may be under way at a time; the others wait in the group. A task is under way from
    /// when it leaves the group, in the order of spawning, until it has ended: also while it waits for its time, a retry
    /// or a rate limit. 0, the default, is no limit.
    ///
    /// # Panics
    /// As [`fail_fast`](Self::fail_fast).
    ///
    /// ```
    /// let group = windrow::TaskGroup::<u32>::new().max_concurrent(2);
    /// for n in 0..100 {
    ///     group.spawn(move || Ok(n)); // two at a time
    /// }
    /// assert_eq!(group.wait().unwrap().len(), 100);
    /// ```
    pub fn max_concurrent(self, tasks: usize) -> Self {
        self.with(|shared| shared.limit = tasks)
    }

    /// The level of tasks that say nothing else. Default: that of the task that spawns them, or the pool's.
    ///
    /// # Panics
    /// As [`fail_fast`](Self::fail_fast).
    ///
    /// ```
    /// use windrow::{Priority, TaskGroup};
    ///
    /// let group = TaskGroup::<Priority>::new().priority(Priority::Low);
    /// group.spawn_with(|cx| Ok(cx.priority()));
    /// group.task().priority(Priority::High).spawn_with(|cx| Ok(cx.priority()));
    /// assert_eq!(group.wait().unwrap(), [Priority::Low, Priority::High]);
    /// ```
    pub fn priority(self, priority: Priority) -> Self {
        self.with(|shared| shared.level = Some(priority))
    }

    /// The group is cancelled when `token` is.
    ///
    /// # Panics
    /// As [`fail_fast`](Self::fail_fast).
    ///
    /// ```
    /// let token = windrow::CancelToken::new();
    /// let group = windrow::TaskGroup::<()>::new().cancel_token(&token);
    /// token.cancel();
    /// group.spawn(|| unreachable!("cancelled"));
    /// assert!(group.wait().unwrap_err().is_cancelled());
    /// ```
    pub fn cancel_token(self, token: &CancelToken) -> Self {
        self.with(|shared| shared.token = token.child())
    }

    /// Spawns a task. If the pool does not accept it, that is its result.
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// let group = windrow::TaskGroup::<u32, String>::new();
    /// group.spawn(|| Ok(6 * 7));
    /// group.spawn_with(|cx| Err(format!("attempt {} failed", cx.attempt())));
    /// let results = group.wait_all();
    /// assert_eq!(*results[0].as_ref().unwrap(), 42);
    /// assert_eq!(results[1].as_ref().unwrap_err().to_string(), "attempt 1 failed");
    /// ```
    pub fn spawn<F>(&self, f: F)
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        self.task().spawn(f);
    }

    /// [`spawn`](Self::spawn) for a closure that wants to know about its task.
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// let group = windrow::TaskGroup::<usize>::new();
    /// group.spawn_with(|cx| Ok((0..1000).take_while(|_| !cx.is_cancelled()).count()));
    /// assert_eq!(group.wait().unwrap(), [1000]);
    /// ```
    pub fn spawn_with<F>(&self, f: F)
    where
        F: FnOnce(&TaskContext<'_>) -> Result<T, E> + Send + 'static,
    {
        self.task().spawn_with(f);
    }

    /// A task with options, in this group; see [`TaskBuilder`].
    ///
    /// ```
    /// let group = windrow::TaskGroup::<&str>::new();
    /// group.task().name("first").priority(windrow::Priority::High).spawn(|| Ok("hay"));
    /// assert_eq!(group.wait().unwrap(), ["hay"]);
    /// ```
    pub fn task(&self) -> TaskBuilder<'static, InGroup<'_, T, E>> {
        TaskBuilder::new(InGroup(self), self.shared.registry.clock.clone())
    }

    /// Cancels all tasks of the group: those that have not started never will, and those that run are told.
    /// Tasks that are spawned later are cancelled at once. All this holds when it returns; meanwhile tasks may
    /// still start.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.pause();
    /// let group = pool.group::<(), ()>();
    /// group.spawn(|| unreachable!("cancelled"));
    /// group.cancel();
    /// assert!(group.token().is_cancelled());
    /// pool.resume();
    /// assert!(group.wait().unwrap_err().is_cancelled());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn cancel(&self) {
        self.shared.token.cancel();
    }

    /// The group's token: cancelled by [`cancel`](Self::cancel), and by the first failure of a group that
    /// fails fast.
    #[must_use]
    pub fn token(&self) -> &CancelToken {
        &self.shared.token
    }

    /// How many tasks have been spawned whose results have not been taken.
    ///
    /// ```
    /// let mut group = windrow::TaskGroup::<u32>::new();
    /// group.spawn(|| Ok(1));
    /// assert_eq!(group.len(), 1);
    /// assert!(group.join_next().is_some());
    /// assert!(group.is_empty());
    /// ```
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.untaken()
    }

    /// Whether all results have been taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits for the next task that completes, and returns its number in the order of spawning (from 0)
    /// with its result; `None` if all results have been taken.
    ///
    /// # Panics
    /// In a child process after `fork`, if no result is there and a task has not ended.
    ///
    /// ```
    /// let mut group = windrow::TaskGroup::<&str>::new();
    /// group.spawn(|| Ok("hay"));
    /// let (number, result) = group.join_next().unwrap();
    /// assert_eq!((number, result.unwrap()), (0, "hay"));
    /// assert!(group.join_next().is_none());
    /// ```
    pub fn join_next(&mut self) -> Option<(usize, Result<T, TaskError<E>>)> {
        self.wait_for(Until::Next);
        self.shared.take_next()
    }

    /// The result of a task that has completed, without waiting; `None` if there is none yet.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.pause();
    /// let mut group = pool.group::<&str, ()>();
    /// group.spawn(|| Ok("hay"));
    /// assert!(group.try_join_next().is_none(), "it has not started");
    /// pool.resume();
    /// let (number, result) = group.join_next().unwrap();
    /// assert_eq!((number, result.unwrap()), (0, "hay"));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn try_join_next(&mut self) -> Option<(usize, Result<T, TaskError<E>>)> {
        self.shared.take_next()
    }

    /// Waits for all tasks, and returns their values in the order of spawning.
    ///
    /// # Errors
    /// The first error that came up, after all tasks have ended. A task that was cancelled because another
    /// one failed does not count as the first. Values and other errors are dropped, and panics go to the pool's
    /// panic handler; use [`wait_all`](Self::wait_all) to see all.
    ///
    /// # Panics
    /// In a child process after `fork`, if a task has not ended.
    ///
    /// ```
    /// let group = windrow::TaskGroup::<u32, &str>::new();
    /// group.spawn(|| Ok(1));
    /// group.spawn(|| Err("the second"));
    /// assert_eq!(group.wait().unwrap_err().to_string(), "the second");
    /// ```
    pub fn wait(self) -> Result<Vec<T>, TaskError<E>> {
        self.wait_for(Until::Over);
        let results = self.shared.take_all();
        let mut values = Vec::with_capacity(results.len());
        let mut first: Option<TaskError<E>> = None;
        for (index, result) in results {
            match result {
                Ok(value) => values.push((index, value)),
                // A cancelled one makes way for a reason.
                Err(error)
                    if first
                        .as_ref()
                        .is_none_or(|f| f.is_cancelled() && !error.is_cancelled()) =>
                {
                    first = Some(error);
                }
                Err(error) => self.shared.drop_result(Err(error)),
            }
        }
        match first {
            Some(error) => {
                for (_, value) in values {
                    self.shared.drop_result(Ok(value));
                }
                Err(error)
            }
            None => {
                values.sort_unstable_by_key(|(index, _)| *index);
                Ok(values.into_iter().map(|(_, value)| value).collect())
            }
        }
    }

    /// Waits for all tasks, and returns their results in the order of spawning.
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    ///
    /// ```
    /// let group = windrow::TaskGroup::<u32, std::num::ParseIntError>::new();
    /// for text in ["1", "two", "3"] {
    ///     group.spawn(move || text.parse());
    /// }
    /// assert_eq!(group.wait_all().iter().filter(|result| result.is_ok()).count(), 2);
    /// ```
    pub fn wait_all(self) -> Vec<Result<T, TaskError<E>>> {
        self.wait_for(Until::Over);
        let mut results = self.shared.take_all();
        results.sort_unstable_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    fn wait_for(&self, until: Until) {
        let on = Gathering::new(&self.shared, until);
        // SAFETY: a current participant is alive.
        match unsafe { Participant::current().as_ref() } {
            Some(here) => {
                // The group may have been filled long ago: look some way into the own deques.
                let mark = here.mark().wrapping_sub(shared::REACH);
                here.wait(&on, Help { mark, up_to: 0 });
            }
            None => wait_outside(&on),
        }
    }
}

impl<T: Send + 'static, E: Send + 'static> Drop for TaskGroup<T, E> {
    fn drop(&mut self) {
        if std::thread::panicking() && self.shared.registry.process() != process::current() {
            // In a forked child a second panic would end the process, and nobody is left to wait for.
            return;
        }
        self.wait_for(Until::Over);
        for (_, result) in self.shared.take_all() {
            self.shared.drop_result(result);
        }
    }
}

impl<T: Send + 'static, E: Send + 'static> Default for TaskGroup<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Send + 'static, E: Send + 'static> fmt::Debug for TaskGroup<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("untaken", &self.len())
            .finish_non_exhaustive()
    }
}

/// A group as a place for tasks.
#[derive(Debug)]
pub struct InGroup<'g, T: Send + 'static, E: Send + 'static>(&'g TaskGroup<T, E>);

impl<T: Send + 'static, E: Send + 'static> TaskBuilder<'static, InGroup<'_, T, E>> {
    /// Spawns the task in its group.
    ///
    /// # Panics
    /// In a child process after `fork`.
    pub fn spawn<F>(self, f: F)
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        self.spawn_with(move |_: &TaskContext<'_>| f());
    }

    /// [`spawn`](Self::spawn) for a closure that wants to know about its task.
    ///
    /// # Panics
    /// In a child process after `fork`.
    pub fn spawn_with<F>(self, f: F)
    where
        F: FnOnce(&TaskContext<'_>) -> Result<T, E> + Send + 'static,
    {
        let timer = self.options.need_timer();
        self.begin_in_group(timer, |setter| Box::new(Once::new(f, setter)));
    }

    fn begin_in_group(
        self,
        timer: bool,
        make: impl FnOnce(Setter<Result<T, E>>) -> Box<dyn Attempt>,
    ) {
        let shared = &self.place.0.shared;
        let mut options: Options = self.options;
        options.tokens.push(shared.token.clone());
        options.level = options.level.or(shared.level);
        if timer {
            if let Err(error) = shared.registry.timer.ensure_started() {
                return shared.refuse(&RefusedReason::Timer(error));
            }
        }
        shared.spawn(options, Patience::Policy, make);
    }
}

impl<T, E, A> RetryBuilder<'static, InGroup<'_, T, E>, A>
where
    T: Send + 'static,
    E: Send + 'static,
    A: Advise<E> + Send + 'static,
{
    /// Spawns the task in its group; the closure is called once an attempt.
    ///
    /// # Panics
    /// In a child process after `fork`.
    pub fn spawn<F>(self, mut f: F)
    where
        F: FnMut() -> Result<T, E> + Send + 'static,
    {
        self.spawn_with(move |_: &TaskContext<'_>| f());
    }

    /// [`spawn`](Self::spawn) for a closure that wants to know about its task.
    ///
    /// # Panics
    /// In a child process after `fork`.
    pub fn spawn_with<F>(self, f: F)
    where
        F: FnMut(&TaskContext<'_>) -> Result<T, E> + Send + 'static,
    {
        let retry = self.policy(&self.task.place.0.shared.registry);
        let (task, advice) = self.into_parts();
        task.begin_in_group(true, move |setter| repeat(f, advice, retry, setter));
    }
}
