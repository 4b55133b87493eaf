//! Tasks with options: the builder that pools, scopes and groups have in common.

use crate::cancel::CancelToken;
use crate::clock::Clock;
use crate::error::{Refused, RefusedReason};
use crate::life::{Attempt, Once, Options, Start, TaskContext};
use crate::policy::Retry;
use crate::pool::ThreadPool;
use crate::pool::handle::JoinHandle;
use crate::pool::retry::{AnyError, RetryBuilder};
use crate::pool::submit::{self, Patience};
use crate::priority::Priority;
use crate::rate_limit::RateLimit;
use crate::report::Report;
use crate::scheduler::Registry;
use crate::sync::Arc;
use crate::task::promise::Setter;
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

/// Where a [`TaskBuilder`] spawns: a pool, a scope or a group. What tasks borrow has to live for `'t`.
pub trait Target<'t>: sealed::Place<'t> {}

#[allow(
    private_interfaces,
    private_bounds,
    reason = "sealed: nobody else implements or calls it"
)]
pub(crate) mod sealed {
    use super::{Attempt, Options, Patience, RefusedReason, Registry, Setter};

    /// The crate's own part of a target.
    pub trait Place<'t>: Sized {
        /// What refers to a task here.
        type Handle<T: Send + 't>;

        #[doc(hidden)]
        fn registry(&self) -> &Registry;

        /// Lets the task in and begins it; or says why not, with nothing done.
        #[doc(hidden)]
        fn begin<T, F>(
            self,
            options: Options,
            patience: Patience,
            f: F,
            make: impl FnOnce(F, Setter<T>) -> Box<dyn Attempt + 't>,
        ) -> Result<Self::Handle<T>, (RefusedReason, F)>
        where
            T: Send + 't;

        /// A handle to a task that was refused.
        #[doc(hidden)]
        fn refused<T: Send + 't>(registry: *const (), reason: &RefusedReason) -> Self::Handle<T>;
    }
}

/// What is called when a task has ended.
type Callback<'t> = Box<dyn FnOnce(&Report) + Send + 't>;

/// A task in the making: [`ThreadPool::task`], [`Scope::task`](crate::Scope::task).
///
/// What is not set costs nothing and behaves as for a plain `spawn`. Setters may come in any order, only
/// [`retry`](Self::retry) has to be the last of them; `spawn` (or `spawn_with`, for closures that want to know about their task) ends it.
///
/// ```
/// use std::time::Duration;
/// use windrow::{Priority, ThreadPool};
///
/// let pool = ThreadPool::new(2)?;
/// let handle = pool
///     .task()
///     .name("thumbnail")
///     .priority(Priority::High)
///     .timeout(Duration::from_secs(10))
///     .on_complete(|report| println!("{report}"))
///     .spawn(|| 6 * 7);
/// assert_eq!(handle.join().unwrap(), 42);
/// # Ok::<(), windrow::BuildError>(())
/// ```
///
/// What it borrows has to outlive it, also where it is never spawned:
///
/// ```compile_fail,E0597
/// let task;
/// {
///     let text = String::from("hay");
///     task = windrow::task().on_complete(|_| println!("{text}"));
/// }
/// ```
#[must_use = "a task does nothing until `spawn`"]
pub struct TaskBuilder<'t, P> {
    pub(crate) place: P,
    clock: Clock,
    pub(crate) options: Options,
    /// What the callback borrows; it is dropped with the builder.
    pub(crate) borrows: PhantomData<Callback<'t>>,
}

impl<'t, P> TaskBuilder<'t, P> {
    /// `clock` is that of the place's pool.
    pub(crate) fn new(place: P, clock: Clock) -> Self {
        Self {
            place,
            clock,
            options: Options::default(),
            borrows: PhantomData,
        }
    }

    /// A name, for reports and observers.
    ///
    /// ```
    /// let (result, report) = windrow::task().name("thumbnail").spawn(|| 6 * 7).join_report();
    /// assert_eq!(result.unwrap(), 42);
    /// assert_eq!(report.unwrap().name.as_deref(), Some("thumbnail"));
    /// ```
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.options.name = Some(name.into());
        self
    }

    /// The level. Default: that of the task that spawns it, or the pool's.
    ///
    /// ```
    /// use windrow::Priority;
    ///
    /// let handle = windrow::task().priority(Priority::Low).spawn_with(|cx| cx.priority());
    /// assert_eq!(handle.join().unwrap(), Priority::Low);
    /// ```
    pub fn priority(mut self, priority: Priority) -> Self {
        self.options.level = Some(priority);
        self
    }

    /// When the task is to have ended. What has not started by then never will; what runs is told to stop
    /// (its [`TaskContext`] says so), and its handle reports the end at once, as
    /// [`is_expired`](crate::JoinError::is_expired). What it returns after that is dropped, a panic as well, and counted
    /// as [`late`](crate::Stats::late). With [`timeout`](Self::timeout) as well, the earlier one counts.
    ///
    /// ```
    /// use std::time::Instant;
    ///
    /// let handle = windrow::task().deadline(Instant::now()).spawn(|| unreachable!("too late"));
    /// assert!(handle.join().unwrap_err().is_expired());
    /// ```
    pub fn deadline(mut self, deadline: Instant) -> Self {
        let earlier = self.options.deadline.map_or(deadline, |d| d.min(deadline));
        self.options.deadline = Some(earlier);
        self
    }

    /// A [`deadline`](Self::deadline) so long from now. One beyond what the clock can tell is none.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let handle = windrow::task().timeout(Duration::ZERO).spawn(|| "too late");
    /// assert!(handle.join().unwrap_err().is_expired());
    /// ```
    pub fn timeout(self, timeout: Duration) -> Self {
        match self.clock.after(timeout) {
            Some(deadline) => self.deadline(deadline),
            None => self,
        }
    }

    /// Not to be started before `delay` has passed. One beyond what the clock can tell is for ever: until
    /// the task is cancelled or its deadline passes.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let task = windrow::task().delay(Duration::from_millis(1));
    /// assert_eq!(task.spawn(|| "later").join().unwrap(), "later");
    /// ```
    pub fn delay(mut self, delay: Duration) -> Self {
        self.options.start = Start::at(self.clock.after(delay));
        self
    }

    /// Not to be started before `at`.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let at = Instant::now() + Duration::from_millis(1);
    /// let started = windrow::task().start_at(at).spawn(Instant::now).join().unwrap();
    /// assert!(started >= at);
    /// ```
    pub fn start_at(mut self, at: Instant) -> Self {
        self.options.start = Start::At(at);
        self
    }

    /// The task is cancelled when `token` is: if it has not started, it never will; if it runs, it is told.
    /// Several tokens may be given.
    ///
    /// ```
    /// let token = windrow::CancelToken::new();
    /// token.cancel();
    /// let handle = windrow::task().cancel_token(&token).spawn(|| "never");
    /// assert!(handle.join().unwrap_err().is_cancelled());
    /// ```
    pub fn cancel_token(mut self, token: &CancelToken) -> Self {
        self.options.tokens.push(token.clone());
        self
    }

    /// The task starts only when `limit` has a permit for it; while it waits for one, it holds no worker.
    ///
    /// ```
    /// use std::time::Duration;
    /// use windrow::RateLimit;
    ///
    /// let limit = RateLimit::new(100, Duration::from_secs(1), 2)?;
    /// let handles = [1, 2, 3].map(|n| windrow::task().rate_limit(&limit).spawn(move || n));
    /// assert_eq!(handles.map(|handle| handle.join().unwrap()), [1, 2, 3]);
    /// # Ok::<(), windrow::PolicyError>(())
    /// ```
    pub fn rate_limit(mut self, limit: &RateLimit) -> Self {
        self.options.rate = Some(limit.clone());
        self
    }

    /// How long it may go on after it was told to stop, before it is counted as stuck and announced to
    /// the pool's [`Observer`](crate::Observer). Default: the pool's.
    pub fn grace_period(mut self, grace: Duration) -> Self {
        self.options.grace = Some(grace);
        self
    }

    /// Something for the closure to find in its [`TaskContext`].
    ///
    /// ```
    /// let task = windrow::task().attach("for the barn");
    /// let handle = task.spawn_with(|cx| cx.attachment::<&str>().copied());
    /// assert_eq!(handle.join().unwrap(), Some("for the barn"));
    /// ```
    pub fn attach(mut self, attachment: impl Any + Send + Sync) -> Self {
        self.options.attachment = Some(Arc::new(attachment));
        self
    }

    /// Called with the task's report when it has ended, in whichever way: on the thread that ran it (or
    /// found it ended in the queue), after the handle has been told. Its panic goes to the pool's panic
    /// handler.
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    ///
    /// let (say, said) = channel();
    /// let task = windrow::task().name("bale").on_complete(move |report| say.send(report.outcome).unwrap());
    /// drop(task.spawn(|| 6 * 7));
    /// assert_eq!(said.recv(), Ok(windrow::Outcome::Completed));
    /// ```
    pub fn on_complete(mut self, callback: impl FnOnce(&Report) + Send + 't) -> Self {
        let callback: Callback<'t> = Box::new(callback);
        // SAFETY: the task calls or drops it before it is over, and does not outlive `'t`: only targets for
        // `'t` spawn it.
        let callback = unsafe { std::mem::transmute::<Callback<'t>, Callback<'static>>(callback) };
        self.options.callback = Some(callback);
        self
    }

    /// The task returns a `Result`, and is tried again as `policy` says when that is an `Err`. The waits
    /// between attempts hold no worker. The handle gets the last attempt's result.
    ///
    /// ```
    /// use std::time::Duration;
    /// use windrow::{Backoff, Retry, ThreadPool};
    ///
    /// let pool = ThreadPool::new(1)?;
    /// let policy = Retry::attempts(5)?.backoff(Backoff::fixed(Duration::from_millis(1)));
    /// let handle = pool.task().retry(policy).spawn_with(|cx| match cx.attempt() {
    ///     3 => Ok("third time lucky"),
    ///     n => Err(format!("attempt {n} failed")),
    /// });
    /// assert_eq!(handle.join()?.unwrap(), "third time lucky");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retry(self, policy: Retry) -> RetryBuilder<'t, P, AnyError> {
        RetryBuilder::new(self, Some(policy))
    }

    /// [`retry`](Self::retry) with the pool's default policy
    /// ([`ThreadPoolBuilder::retry`](crate::ThreadPoolBuilder::retry)); where it has none, with three
    /// attempts and the default back-off.
    ///
    /// ```
    /// use windrow::{Backoff, Retry, ThreadPool};
    ///
    /// let policy = Retry::attempts(2)?.backoff(Backoff::fixed(std::time::Duration::from_millis(1)));
    /// let pool = ThreadPool::builder().num_threads(1).retry(policy).build()?;
    /// let handle = pool.task().retry_default().spawn_with(|cx| Err::<(), _>(cx.attempt()));
    /// assert_eq!(handle.join()?, Err(2), "what the last attempt returned");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn retry_default(self) -> RetryBuilder<'t, P, AnyError> {
        RetryBuilder::new(self, None)
    }
}

impl<'t, P: Target<'t>> TaskBuilder<'t, P> {
    /// Submits the task. Where the pool does not accept it (its queue is full and its policy says so, it has
    /// been shut down, or its timer is needed and cannot be started), the handle reports
    /// [`is_refused`](crate::JoinError::is_refused); [`try_spawn`](Self::try_spawn) gives the closure back instead.
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// let handle = windrow::task().name("answer").spawn(|| 6 * 7);
    /// assert_eq!(handle.join().unwrap(), 42);
    /// ```
    pub fn spawn<F, T>(self, f: F) -> P::Handle<T>
    where
        F: FnOnce() -> T + Send + 't,
        T: Send + 't,
    {
        self.spawn_with(move |_: &TaskContext<'_>| f())
    }

    /// [`spawn`](Self::spawn) for a closure that wants to know about its task.
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// let handle = windrow::task().spawn_with(|cx| cx.attempt());
    /// assert_eq!(handle.join().unwrap(), 1);
    /// ```
    pub fn spawn_with<F, T>(self, f: F) -> P::Handle<T>
    where
        F: FnOnce(&TaskContext<'_>) -> T + Send + 't,
        T: Send + 't,
    {
        // The builder may be the last that keeps the pool, and ends here.
        let registry = self.place.registry().shared();
        let begun = self.begin(Patience::Policy, f);
        begun.unwrap_or_else(|(reason, _)| P::refused(Arc::as_ptr(&registry).cast(), &reason))
    }

    /// Submits the task if there is room for it now; never blocks.
    ///
    /// # Errors
    /// [`Refused`], with the closure, if the queue is full or the pool has been shut down, or if it needs the
    /// pool's timer and that cannot be started.
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.shutdown();
    /// let refused = pool.task().try_spawn(|| 6 * 7).unwrap_err();
    /// assert_eq!((refused.task)(), 42);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn try_spawn<F, T>(self, f: F) -> Result<P::Handle<T>, Refused<F>>
    where
        F: FnOnce() -> T + Send + 't,
        T: Send + 't,
    {
        let make = |f: F, setter| -> Box<dyn Attempt + 't> {
            Box::new(Once::new(move |_: &TaskContext<'_>| f(), setter))
        };
        self.begin_as(Patience::None, false, f, make)
            .map_err(|(reason, task)| Refused { reason, task })
    }

    /// [`try_spawn`](Self::try_spawn) for a closure that wants to know about its task.
    ///
    /// # Errors
    /// As [`try_spawn`](Self::try_spawn).
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// let handle = windrow::task().name("bale").try_spawn_with(|cx| cx.name().map(str::len)).unwrap();
    /// assert_eq!(handle.join().unwrap(), Some(4));
    /// ```
    pub fn try_spawn_with<F, T>(self, f: F) -> Result<P::Handle<T>, Refused<F>>
    where
        F: FnOnce(&TaskContext<'_>) -> T + Send + 't,
        T: Send + 't,
    {
        self.begin(Patience::None, f)
            .map_err(|(reason, task)| Refused { reason, task })
    }

    fn begin<F, T>(self, patience: Patience, f: F) -> Result<P::Handle<T>, (RefusedReason, F)>
    where
        F: FnOnce(&TaskContext<'_>) -> T + Send + 't,
        T: Send + 't,
    {
        self.begin_as(patience, false, f, |f, setter| {
            Box::new(Once::new(f, setter))
        })
    }

    pub(crate) fn begin_as<F, T>(
        self,
        patience: Patience,
        retries: bool,
        f: F,
        make: impl FnOnce(F, Setter<T>) -> Box<dyn Attempt + 't>,
    ) -> Result<P::Handle<T>, (RefusedReason, F)>
    where
        T: Send + 't,
    {
        if retries || self.options.need_timer() {
            if let Err(error) = self.place.registry().timer.ensure_started() {
                return Err((RefusedReason::Timer(error), f));
            }
        }
        self.place.begin(self.options, patience, f, make)
    }
}

/// The pool as a place for tasks.
#[derive(Debug)]
pub struct InPool(pub(crate) Arc<Registry>);

impl Target<'static> for InPool {}

#[allow(
    private_interfaces,
    private_bounds,
    reason = "sealed: nobody else implements or calls it"
)]
impl sealed::Place<'static> for InPool {
    type Handle<T: Send + 'static> = JoinHandle<T>;

    fn registry(&self) -> &Registry {
        &self.0
    }

    fn begin<T, F>(
        self,
        options: Options,
        patience: Patience,
        f: F,
        make: impl FnOnce(F, Setter<T>) -> Box<dyn Attempt>,
    ) -> Result<JoinHandle<T>, (RefusedReason, F)>
    where
        T: Send + 'static,
    {
        let registry = &*self.0;
        let admitted = match submit::admit(registry, patience) {
            Ok(admitted) => admitted,
            Err(reason) => return Err((reason, f)),
        };
        let (_, remote) = submit::begin(&admitted, options, std::ptr::null(), |setter| {
            make(f, setter)
        });
        Ok(JoinHandle::from_remote(remote))
    }

    fn refused<T: Send>(registry: *const (), reason: &RefusedReason) -> JoinHandle<T> {
        JoinHandle::refused(registry, reason)
    }
}

impl ThreadPool {
    /// A task with options: a name, a level, a deadline, retries, ...; see [`TaskBuilder`].
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// let handle = pool.task().name("bale").spawn(|| 6 * 7);
    /// assert_eq!(handle.join().unwrap(), 42);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn task(&self) -> TaskBuilder<'static, InPool> {
        let registry = self.registry();
        TaskBuilder::new(InPool(registry.shared()), registry.clock.clone())
    }
}

impl<P> fmt::Debug for TaskBuilder<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskBuilder")
            .field("name", &self.options.name)
            .finish_non_exhaustive()
    }
}
