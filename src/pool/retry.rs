//! Tasks that are tried again.

use crate::error::{Refused, RefusedReason};
use crate::life::{Attempt, Repeat, TaskContext};
use crate::policy::{Advice, Retry};
use crate::pool::submit::Patience;
use crate::pool::task::{Target, TaskBuilder};
use crate::scheduler::Registry;
use crate::sync::Arc;
use crate::task::promise::Setter;
use std::fmt;

/// A task that is tried again; see [`TaskBuilder::retry`].
#[must_use = "a task does nothing until `spawn`"]
pub struct RetryBuilder<'t, P, A> {
    pub(crate) task: TaskBuilder<'t, P>,
    retry: Option<Retry>,
    advice: A,
}

/// Decides about the errors of a task that is tried again.
pub trait Advise<E>: sealed_advice::Sealed {
    #[doc(hidden)]
    fn advise(&mut self, error: &E) -> Advice;
}

/// All errors are alike: try again after the back-off.
#[derive(Clone, Copy, Debug)]
pub struct AnyError(());

/// Asks a closure.
#[derive(Clone, Copy, Debug)]
pub struct AskFor<F>(F);

mod sealed_advice {
    pub trait Sealed {}
    impl Sealed for super::AnyError {}
    impl<F> Sealed for super::AskFor<F> {}
}

impl<E> Advise<E> for AnyError {
    fn advise(&mut self, _: &E) -> Advice {
        Advice::Backoff
    }
}

impl<E, F: FnMut(&E) -> Advice> Advise<E> for AskFor<F> {
    fn advise(&mut self, error: &E) -> Advice {
        (self.0)(error)
    }
}

impl<'t, P> RetryBuilder<'t, P, AnyError> {
    pub(crate) fn new(task: TaskBuilder<'t, P>, retry: Option<Retry>) -> Self {
        Self {
            task,
            retry,
            advice: AnyError(()),
        }
    }

    /// Asks `advice` what to do about each error: back off, wait for a time of its own, or never try again.
    ///
    /// ```
    /// use std::time::Duration;
    /// use windrow::{Advice, Retry, ThreadPool};
    ///
    /// #[derive(Debug, PartialEq)]
    /// enum Failure { Busy { retry_after: Duration }, NotFound }
    ///
    /// let pool = ThreadPool::new(1)?;
    /// let handle = pool
    ///     .task()
    ///     .retry(Retry::attempts(10)?)
    ///     .advice(|error: &Failure| match error {
    ///         Failure::Busy { retry_after } => Advice::After(*retry_after),
    ///         Failure::NotFound => Advice::Never,
    ///     })
    ///     .spawn_with(|cx| -> Result<(), Failure> {
    ///         match cx.attempt() {
    ///             1 => Err(Failure::Busy { retry_after: Duration::from_millis(1) }),
    ///             _ => Err(Failure::NotFound),
    ///         }
    ///     });
    /// let (result, report) = handle.join_report();
    /// assert_eq!(result?, Err(Failure::NotFound));
    /// assert_eq!(report.unwrap().attempts, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn advice<E, F>(self, advice: F) -> RetryBuilder<'t, P, AskFor<F>>
    where
        F: FnMut(&E) -> Advice + Send + 't,
    {
        RetryBuilder {
            task: self.task,
            retry: self.retry,
            advice: AskFor(advice),
        }
    }
}

impl<'t, P, A> RetryBuilder<'t, P, A> {
    pub(crate) fn into_parts(self) -> (TaskBuilder<'t, P>, A) {
        (self.task, self.advice)
    }

    pub(crate) fn policy(&self, registry: &Registry) -> Retry {
        let given = self
            .retry
            .clone()
            .or_else(|| registry.defaults.retry.clone());
        given.unwrap_or_else(|| Retry::attempts(3).expect("three is not zero"))
    }
}

/// An attempt that asks `advice`.
pub(crate) fn repeat<'t, F, A, T, E>(
    f: F,
    mut advice: A,
    retry: Retry,
    setter: Setter<Result<T, E>>,
) -> Box<dyn Attempt + 't>
where
    F: FnMut(&TaskContext<'_>) -> Result<T, E> + Send + 't,
    A: Advise<E> + Send + 't,
    T: Send + 't,
    E: Send + 't,
{
    Box::new(Repeat::new(
        f,
        move |error: &E| advice.advise(error),
        retry,
        setter,
    ))
}

impl<'t, P: Target<'t>, A> RetryBuilder<'t, P, A> {
    /// Submits the task; see [`TaskBuilder::spawn`]. The closure is called once an attempt.
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use windrow::{Backoff, Retry};
    ///
    /// let policy = Retry::attempts(3)?.backoff(Backoff::fixed(Duration::from_millis(1)));
    /// let mut left = vec!["hay", "chaff", "dust"];
    /// let handle = windrow::task().retry(policy).spawn(move || match left.pop() {
    ///     Some("hay") => Ok("hay"),
    ///     other => Err(other),
    /// });
    /// assert_eq!(handle.join().unwrap(), Ok("hay"));
    /// # Ok::<(), windrow::PolicyError>(())
    /// ```
    pub fn spawn<F, T, E>(self, mut f: F) -> P::Handle<Result<T, E>>
    where
        F: FnMut() -> Result<T, E> + Send + 't,
        A: Advise<E> + Send + 't,
        T: Send + 't,
        E: Send + 't,
    {
        self.spawn_with(move |_: &TaskContext<'_>| f())
    }

    /// [`spawn`](Self::spawn) for a closure that wants to know about its task.
    ///
    /// # Panics
    /// In a child process after `fork`.
    pub fn spawn_with<F, T, E>(self, f: F) -> P::Handle<Result<T, E>>
    where
        F: FnMut(&TaskContext<'_>) -> Result<T, E> + Send + 't,
        A: Advise<E> + Send + 't,
        T: Send + 't,
        E: Send + 't,
    {
        // The builder may be the last that keeps the pool, and ends here.
        let registry = self.task.place.registry().shared();
        let begun = self.begin(Patience::Policy, f);
        begun.unwrap_or_else(|(reason, _)| P::refused(Arc::as_ptr(&registry).cast(), &reason))
    }

    /// Submits the task if there is room for it now; never blocks.
    ///
    /// # Errors
    /// As [`TaskBuilder::try_spawn`].
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.shutdown();
    /// let refused = pool.task().retry_default().try_spawn(|| Ok::<_, ()>(6 * 7)).unwrap_err();
    /// let mut task = refused.task;
    /// assert_eq!(task(), Ok(42));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn try_spawn<F, T, E>(self, f: F) -> Result<P::Handle<Result<T, E>>, Refused<F>>
    where
        F: FnMut() -> Result<T, E> + Send + 't,
        A: Advise<E> + Send + 't,
        T: Send + 't,
        E: Send + 't,
    {
        let retry = self.policy(self.task.place.registry());
        let advice = self.advice;
        let make = move |mut f: F, setter| {
            let attempt = move |_: &TaskContext<'_>| f();
            repeat(attempt, advice, retry, setter)
        };
        let begun = self.task.begin_as(Patience::None, true, f, make);
        begun.map_err(|(reason, task)| Refused { reason, task })
    }

    /// [`try_spawn`](Self::try_spawn) for a closure that wants to know about its task.
    ///
    /// # Errors
    /// As [`TaskBuilder::try_spawn`].
    ///
    /// # Panics
    /// In a child process after `fork`.
    pub fn try_spawn_with<F, T, E>(self, f: F) -> Result<P::Handle<Result<T, E>>, Refused<F>>
    where
        F: FnMut(&TaskContext<'_>) -> Result<T, E> + Send + 't,
        A: Advise<E> + Send + 't,
        T: Send + 't,
        E: Send + 't,
    {
        self.begin(Patience::None, f)
            .map_err(|(reason, task)| Refused { reason, task })
    }

    fn begin<F, T, E>(
        self,
        patience: Patience,
        f: F,
    ) -> Result<P::Handle<Result<T, E>>, (RefusedReason, F)>
    where
        F: FnMut(&TaskContext<'_>) -> Result<T, E> + Send + 't,
        A: Advise<E> + Send + 't,
        T: Send + 't,
        E: Send + 't,
    {
        let retry = self.policy(self.task.place.registry());
        let advice = self.advice;
        self.task.begin_as(patience, true, f, move |f, setter| {
            repeat(f, advice, retry, setter)
        })
    }
}

impl<P, A> fmt::Debug for RetryBuilder<'_, P, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBuilder")
            .field("task", &self.task)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}
