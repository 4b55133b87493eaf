//! The iterator form: results of one type, taken one by one.

use crate::error::Refused;
use crate::pool::ThreadPool;
use crate::scatter::core::Scatter;
use crate::scatter::gather;
use crate::scatter::inner::Patience;
use crate::scatter::limiter::Limiter;
use crate::scatter::run::Run;
use crate::unwind;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;
use std::panic::resume_unwind;
use std::time::Instant;

/// A [run](crate::gather) whose results are taken like an iterator's; see
/// [`gather_each`]. Also a [`Scatter`], for its token, its handle and its figures.
///
/// What is scattered while results are ready keeps them for `next`; those do not count as
/// [outstanding](Run::max_outstanding) any more.
pub struct Results<'a, 'r, 'env, T>(&'a mut Run<'r, 'env, VecDeque<T>>);

impl ThreadPool {
    /// Opens a run whose results are taken like an iterator's, and returns what `body` returns. What has not been
    /// taken by then is cancelled. See [`gather_each`].
    ///
    /// # Panics
    /// As [`gather`](Self::gather).
    pub fn gather_each<'env, T, R>(
        &self,
        body: impl FnOnce(&mut Results<'_, '_, 'env, T>) -> R,
    ) -> R {
        value_of(|value| {
            self.gather(VecDeque::new(), |run| {
                *value = Some(until_taken(run, body));
            })
        })
    }
}

/// Runs the body; what it has not taken goes, and nothing comes after that.
fn until_taken<'env, T, R>(
    run: &mut Run<'_, 'env, VecDeque<T>>,
    body: impl FnOnce(&mut Results<'_, '_, 'env, T>) -> R,
) -> R {
    let value = unwind::catch(|| body(&mut Results(run)));
    run.cancel();
    let panic = unwind::drop_each(std::mem::take(run.state()));
    match (value, panic) {
        (Ok(value), None) => value,
        (Ok(value), Some(payload)) => {
            unwind::discard_each([value]);
            resume_unwind(payload)
        }
        (Err(payload), second) => {
            second.into_iter().for_each(unwind::discard);
            resume_unwind(payload)
        }
    }
}

/// What the body of a run has returned to `value`, if the run does not panic after that.
fn value_of<T, R>(run: impl FnOnce(&mut Option<R>) -> VecDeque<T>) -> R {
    let mut value = None;
    match unwind::catch(|| drop(run(&mut value))) {
        Ok(()) => value.expect("the body has returned"),
        Err(payload) => {
            unwind::discard_each(value);
            resume_unwind(payload)
        }
    }
}

/// Opens a run whose results are taken like an iterator's, on the pool that this thread belongs to, else on the global
/// one.
///
/// ```
/// let found = windrow::gather_each(|run| {
///     for n in 0..100_u64 {
///         run.scatter(move || n * n % 97);
///     }
///     while let Some(result) = run.next() {
///         if result == 96 {
///             return true; // the rest is cancelled
///         }
///     }
///     false
/// });
/// assert!(found);
/// ```
///
/// # Panics
/// As [`gather`].
pub fn gather_each<'env, T, R>(body: impl FnOnce(&mut Results<'_, '_, 'env, T>) -> R) -> R {
    value_of(|value| {
        gather(VecDeque::new(), |run| {
            *value = Some(until_taken(run, body));
        })
    })
}

impl<'env, T: Send + 'env> Results<'_, '_, 'env, T> {
    /// Scatters a task; as [`Run::scatter`].
    ///
    /// ```
    /// let mut squares: Vec<u32> = windrow::gather_each(|run| {
    ///     for n in 1..=3 {
    ///         run.scatter(move || n * n);
    ///     }
    ///     run.collect()
    /// });
    /// squares.sort();
    /// assert_eq!(squares, [1, 4, 9]);
    /// ```
    pub fn scatter<F>(&mut self, task: F) -> bool
    where
        F: FnOnce() -> T + Send + 'env,
    {
        self.0
            .scatter(task, |results, _, value| results.push_back(value))
    }

    /// Scatters a task behind a limiter; as [`Via::scatter`](crate::Via::scatter).
    ///
    /// ```
    /// let two_at_a_time = windrow::Limiter::new(2);
    /// let sum: u32 = windrow::gather_each(|run| {
    ///     for n in 1..=10 {
    ///         run.scatter_via(&two_at_a_time, move || n);
    ///     }
    ///     run.sum()
    /// });
    /// assert_eq!(sum, 55);
    /// ```
    pub fn scatter_via<F>(&mut self, limiter: &Limiter, task: F) -> bool
    where
        F: FnOnce() -> T + Send + 'env,
    {
        let run = self.0.via(limiter);
        run.scatter(task, |results, _, value| results.push_back(value))
    }

    /// Scatters a task if there is room at once; as [`Run::try_scatter`].
    ///
    /// # Errors
    /// [`RefusedReason::Full`](crate::RefusedReason::Full) or [`Closed`](crate::RefusedReason::Closed), with the task.
    ///
    /// ```
    /// windrow::gather_each(|run| {
    ///     run.max_outstanding(1);
    ///     run.scatter(|| 1);
    ///     let refused = run.try_scatter(|| 2);
    ///     // Full, unless the first is done already; either way the task is not lost.
    ///     let second = match refused {
    ///         Ok(()) => None,
    ///         Err(refused) => Some((refused.task)()),
    ///     };
    ///     assert_eq!(run.sum::<i32>() + second.unwrap_or(0), 3);
    /// });
    /// ```
    pub fn try_scatter<F>(&mut self, task: F) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> T + Send + 'env,
    {
        let run = &mut *self.0;
        run.try_scatter(task, |results, _, value| results.push_back(value))
            .map_err(|Refused { reason, task }| Refused {
                reason,
                task: task.0,
            })
    }

    fn next_by(&mut self, patience: Patience) -> Option<T> {
        loop {
            if let Some(result) = self.0.state().pop_front() {
                return Some(result);
            }
            match self.0.0.gather_one(patience) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(never) => match never {},
            }
        }
    }

    /// The next result that is there.
    ///
    /// ```
    /// windrow::gather_each(|run| {
    ///     assert_eq!(run.try_next(), None);
    ///     run.scatter(|| "hay");
    ///     // Taken at once if it is there, else waited for.
    ///     assert_eq!(run.try_next().or_else(|| run.next()), Some("hay"));
    /// });
    /// ```
    pub fn try_next(&mut self) -> Option<T> {
        self.next_by(Patience::None)
    }

    /// The next result that comes before `at`. Runs no tasks itself meanwhile.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let late = windrow::gather_each(|run| {
    ///     run.scatter(|| "hay");
    ///     run.next_deadline(Instant::now() + Duration::from_secs(60)).is_none()
    /// });
    /// assert!(!late);
    /// ```
    pub fn next_deadline(&mut self, at: Instant) -> Option<T> {
        self.next_by(Patience::Until(at))
    }

    /// See [`Run::max_outstanding`].
    pub fn max_outstanding(&mut self, tasks: usize) {
        self.0.max_outstanding(tasks);
    }

    /// See [`Run::close`].
    ///
    /// ```
    /// windrow::gather_each(|run| {
    ///     assert!(run.scatter(|| 1));
    ///     run.close();
    ///     assert!(!run.scatter(|| 2));
    ///     assert_eq!(run.sum::<i32>(), 1);
    /// });
    /// ```
    pub fn close(&mut self) {
        self.0.close();
    }
}

/// Each result as it comes; the calling thread runs tasks of the run itself while it waits. It ends when every task
/// has come back, and goes on if more are scattered.
impl<'env, T: Send + 'env> Iterator for Results<'_, '_, 'env, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.next_by(Patience::Forever)
    }
}

impl<'env, T> Deref for Results<'_, '_, 'env, T> {
    type Target = Scatter<'env, VecDeque<T>, Infallible>;

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

impl<T> fmt::Debug for Results<'_, '_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
