//! What a task's closure is told.

use crate::cancel::{CancelToken, Cancelled};
use crate::life::Life;
use crate::priority::Priority;
use crate::report::TaskId;
use crate::sync::Arc;
use std::any::Any;
use std::fmt;
use std::time::Instant;

/// What a closure that was given to `spawn_with` can ask about its task.
///
/// ```
/// use windrow::{CancelToken, ThreadPool};
///
/// let pool = ThreadPool::new(1)?;
/// let token = CancelToken::new();
/// let handle = pool.task().name("search").cancel_token(&token).spawn_with(|cx| {
///     (1..).map(|n| n * n).take_while(|_| !cx.is_cancelled()).find(|n| n % 1_000_003 == 0)
/// });
/// token.cancel();
/// // It was cancelled before it started, or it saw that it should stop, or it was faster.
/// match handle.join() {
///     Ok(found) => println!("{found:?}"),
///     Err(error) => assert!(error.is_cancelled()),
/// }
/// # Ok::<(), windrow::BuildError>(())
/// ```
pub struct TaskContext<'a> {
    pub(super) life: &'a Life,
    pub(super) attempt: u32,
    /// There will be no further attempt.
    pub(super) last: bool,
}

impl TaskContext<'_> {
    /// The task's number.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// let handle = pool.task().spawn_with(|cx| cx.id());
    /// let known = handle.id();
    /// assert_eq!(Some(handle.join().unwrap()), known);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> TaskId {
        self.life.id
    }

    /// The task's name, if it was given one.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// let handle = pool.task().name("bale").spawn_with(|cx| cx.name().map(str::to_owned));
    /// assert_eq!(handle.join().unwrap().as_deref(), Some("bale"));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.life.name.as_deref()
    }

    /// Which attempt this is, from 1.
    ///
    /// ```
    /// use windrow::{Backoff, Retry};
    ///
    /// let twice = Retry::attempts(2)?.backoff(Backoff::fixed(std::time::Duration::from_millis(1)));
    /// let handle = windrow::task().retry(twice).spawn_with(|cx| match cx.attempt() {
    ///     1 => Err("once more"),
    ///     n => Ok(n),
    /// });
    /// assert_eq!(handle.join().unwrap(), Ok(2));
    /// # Ok::<(), windrow::PolicyError>(())
    /// ```
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The task's level.
    ///
    /// ```
    /// use windrow::Priority;
    ///
    /// let handle = windrow::task().priority(Priority::High).spawn_with(|cx| cx.priority());
    /// assert_eq!(handle.join().unwrap(), Priority::High);
    /// ```
    #[must_use]
    pub fn priority(&self) -> Priority {
        self.life.level
    }

    /// When the task is to have ended, if it has a deadline.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let handle = windrow::task().timeout(Duration::from_secs(60)).spawn_with(|cx| {
    ///     let left = cx.deadline().unwrap().saturating_duration_since(Instant::now());
    ///     left <= Duration::from_secs(60)
    /// });
    /// assert!(handle.join().unwrap());
    /// ```
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.life.deadline
    }

    /// Whether the task should stop: its token (or one above it) or its handle was cancelled, its deadline
    /// has passed, its group fails fast, or the pool was shut down with
    /// [`shutdown_now`](crate::ThreadPool::shutdown_now).
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    ///
    /// let (started, has_started) = channel();
    /// let handle = windrow::task().spawn_with(move |cx| {
    ///     started.send(()).unwrap();
    ///     (0..u64::MAX).find(|_| cx.is_cancelled()).is_some()
    /// });
    /// has_started.recv().unwrap();
    /// handle.cancel();
    /// assert!(handle.join().unwrap());
    /// ```
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.life.token.is_cancelled()
    }

    /// [`is_cancelled`](Self::is_cancelled), for use with `?`.
    ///
    /// # Errors
    /// [`Cancelled`], if the task should stop.
    ///
    /// ```
    /// use windrow::{Cancelled, TaskContext};
    ///
    /// fn add_up(numbers: &[u64], cx: &TaskContext<'_>) -> Result<u64, Cancelled> {
    ///     let mut sum = 0;
    ///     for part in numbers.chunks(1000) {
    ///         cx.check()?;
    ///         sum += part.iter().sum::<u64>();
    ///     }
    ///     Ok(sum)
    /// }
    /// let numbers = vec![1; 5000];
    /// let handle = windrow::task().spawn_with(move |cx| add_up(&numbers, cx));
    /// assert_eq!(handle.join().unwrap(), Ok(5000));
    /// ```
    pub fn check(&self) -> Result<(), Cancelled> {
        self.life.token.check()
    }

    /// A token that is cancelled when this task should stop, for what the task starts itself.
    ///
    /// ```
    /// let handle = windrow::task().spawn_with(|cx| {
    ///     let token = cx.token();
    ///     // Cancelled, this is told as well.
    ///     let part = windrow::task().cancel_token(&token).spawn(|| 6 * 7);
    ///     part.join()
    /// });
    /// assert_eq!(handle.join().unwrap().unwrap(), 42);
    /// ```
    #[must_use]
    pub fn token(&self) -> CancelToken {
        self.life.token.child()
    }

    /// What was attached to the task, if it is a `T`.
    ///
    /// ```
    /// struct Tenant(u32);
    ///
    /// let handle = windrow::task().attach(Tenant(7)).spawn_with(|cx| cx.attachment::<Tenant>().map(|t| t.0));
    /// assert_eq!(handle.join().unwrap(), Some(7));
    /// ```
    #[must_use]
    pub fn attachment<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.life.attachment.as_deref()?.downcast_ref()
    }

    /// The same, shared.
    ///
    /// ```
    /// let handle = windrow::task().attach(7_u32).spawn_with(|cx| cx.attachment_arc());
    /// // It outlives the task.
    /// let attached = handle.join().unwrap().unwrap();
    /// assert_eq!(attached.downcast_ref(), Some(&7_u32));
    /// ```
    #[must_use]
    pub fn attachment_arc(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.life.attachment.clone()
    }
}

impl fmt::Debug for TaskContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskContext")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

crate::unwind::unwind_safe!([] TaskContext<'_>;);
