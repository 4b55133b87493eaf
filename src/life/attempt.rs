//! What a task with options runs: once, until it succeeds, or again and again.

use crate::error::Failure;
use crate::life::TaskContext;
use crate::metrics::Ended;
use crate::policy::{Advice, Retry};
use crate::sim::Sim;
use crate::task::header::Env;
use crate::task::promise::Setter;
use crate::unwind::{self, Payload};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// What is to happen after an attempt.
#[derive(Debug)]
pub(crate) enum Next {
    /// The task has ended; `seal` and `settle` come next.
    Done(Ended),
    /// It has failed and is to be tried again after this time.
    Retry(Duration),
    /// It has succeeded and is due again at this time (never, if there is none).
    Again(Option<Instant>),
}

/// A closure, what it has come to, and where that goes.
pub(crate) trait Attempt: Send {
    /// Runs it. Never unwinds.
    fn run(&mut self, cx: &TaskContext<'_>) -> Next;
    /// Drops all that is the user's but what the last run has come to; `report` gets the panics from that.
    fn seal(&mut self, report: &dyn Fn(Payload));
    /// Hands over what the last run has come to.
    ///
    /// # Safety
    /// The promise is the caller's to settle, once; see [`Setter::settle`].
    unsafe fn settle(self: Box<Self>, env: Env<'_>);
}

/// Runs a closure once.
pub(crate) struct Once<F, T> {
    f: Option<F>,
    result: Option<Result<T, Payload>>,
    setter: Setter<T>,
}

impl<F, T> Once<F, T> {
    pub(crate) fn new(f: F, setter: Setter<T>) -> Self {
        Self {
            f: Some(f),
            result: None,
            setter,
        }
    }
}

/// A word for jitter: another one in each pool and process, or callers that have failed together would come back
/// together; in a simulation its own.
fn chance() -> u64 {
    Sim::random().unwrap_or_else(|| RandomState::new().build_hasher().finish())
}

/// Drops what is there; `report` gets the panic from that.
fn drop_reported<F>(f: &mut Option<F>, report: &dyn Fn(Payload)) {
    if let Some(payload) = unwind::drop_quietly(f.take()) {
        report(payload);
    }
}

fn how<T>(result: &Result<T, Payload>) -> Ended {
    match result {
        Ok(_) => Ended::Completed,
        Err(_) => Ended::Panicked,
    }
}

/// Settles with what a run has left.
///
/// # Safety
/// As for `Attempt::settle`.
unsafe fn hand_over<T>(setter: Setter<T>, result: Option<Result<T, Payload>>, env: Env<'_>) {
    match result {
        // SAFETY: handed on.
        Some(result) => unsafe { setter.settle(result, env) },
        // SAFETY: handed on.
        None => unsafe { setter.unset().fail(Failure::Cancelled, env) },
    }
}

impl<F, T> Attempt for Once<F, T>
where
    F: FnOnce(&TaskContext<'_>) -> T + Send,
    T: Send,
{
    fn run(&mut self, cx: &TaskContext<'_>) -> Next {
        let f = self.f.take().expect("it runs once");
        let result = unwind::catch(|| f(cx));
        let how = how(&result);
        self.result = Some(result);
        Next::Done(how)
    }

    fn seal(&mut self, report: &dyn Fn(Payload)) {
        drop_reported(&mut self.f, report);
    }

    unsafe fn settle(self: Box<Self>, env: Env<'_>) {
        // SAFETY: handed on.
        unsafe { hand_over(self.setter, self.result, env) }
    }
}

/// Runs a closure until it succeeds, or its policy gives up.
pub(crate) struct Repeat<F, J, T, E> {
    f: Option<F>,
    advice: Option<J>,
    retry: Option<Retry>,
    result: Option<Result<Result<T, E>, Payload>>,
    setter: Setter<Result<T, E>>,
}

impl<F, J, T, E> Repeat<F, J, T, E> {
    pub(crate) fn new(f: F, advice: J, retry: Retry, setter: Setter<Result<T, E>>) -> Self {
        Self {
            f: Some(f),
            advice: Some(advice),
            retry: Some(retry),
            result: None,
            setter,
        }
    }
}

impl<F, J, T, E> Attempt for Repeat<F, J, T, E>
where
    F: FnMut(&TaskContext<'_>) -> Result<T, E> + Send,
    J: FnMut(&E) -> Advice + Send,
    T: Send,
    E: Send,
{
    fn run(&mut self, cx: &TaskContext<'_>) -> Next {
        let whole = "dropped at the end only";
        let f = self.f.as_mut().expect(whole);
        let result = unwind::catch(|| f(cx));
        let how = match &result {
            Ok(Ok(_)) => Ended::Completed,
            Ok(Err(_)) => Ended::Failed,
            Err(_) => Ended::Panicked,
        };
        let (judge, retry) = (self.advice.as_mut(), self.retry.as_ref());
        let (judge, retry) = (judge.expect(whole), retry.expect(whole));
        // Both the advice and the back-off are the user's.
        let again = unwind::catch(|| {
            let advice = match &result {
                Ok(Ok(_)) => return None,
                Ok(Err(error)) => judge(error),
                Err(_) if retry.retries_panics() => Advice::Backoff,
                Err(_) => return None,
            };
            if cx.last || cx.is_cancelled() {
                return None;
            }
            retry.next(cx.attempt, advice, chance())
        });
        let again = match again {
            Ok(again) => again,
            Err(payload) => {
                // That is what the task has come to.
                let first = self.result.replace(Err(payload));
                debug_assert!(first.is_none(), "nothing is kept between attempts");
                if let Some(payload) = unwind::drop_quietly(result) {
                    unwind::discard(payload);
                }
                return Next::Done(Ended::Panicked);
            }
        };
        match again {
            Some(delay) => {
                // What failed is not needed any more; its drop is the user's code.
                if let Some(payload) = unwind::drop_quietly(result) {
                    cx.life.report_panic(payload);
                }
                Next::Retry(delay)
            }
            None => {
                self.result = Some(result);
                Next::Done(how)
            }
        }
    }

    fn seal(&mut self, report: &dyn Fn(Payload)) {
        drop_reported(&mut self.f, report);
        drop_reported(&mut self.advice, report);
        drop_reported(&mut self.retry, report);
    }

    unsafe fn settle(self: Box<Self>, env: Env<'_>) {
        // SAFETY: handed on.
        unsafe { hand_over(self.setter, self.result, env) }
    }
}

/// How often a periodic task runs. With a period of nothing it runs again at once, as often as there is a
/// worker for it (in a [deterministic](crate::ThreadPoolBuilder::deterministic) pool time never passes then).
///
/// ```
/// use std::time::Duration;
/// use windrow::Every;
///
/// // A `Duration` is a fixed rate.
/// assert_eq!(Every::from(Duration::from_secs(1)), Every::Rate(Duration::from_secs(1)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Every {
    /// At fixed times: so much apart, whatever a run takes. A time that passes while the task still runs,
    /// or waits for a worker, is skipped, not made up for.
    Rate(Duration),
    /// So long after the end of the run before.
    Delay(Duration),
}

impl From<Duration> for Every {
    fn from(period: Duration) -> Self {
        Every::Rate(period)
    }
}

/// Runs a closure again and again until it is cancelled or panics.
pub(crate) struct Periodic<F> {
    f: Option<F>,
    every: Every,
    /// When the next run was or is due.
    due: Option<Instant>,
    result: Option<Result<(), Payload>>,
    setter: Setter<()>,
}

impl<F> Periodic<F> {
    pub(crate) fn new(f: F, every: Every, first: Option<Instant>, setter: Setter<()>) -> Self {
        Self {
            f: Some(f),
            every,
            due: first,
            result: None,
            setter,
        }
    }
}

/// The first time after `now` that is a whole number of periods after `due`.
fn next_tick(due: Instant, period: Duration, now: Instant) -> Option<Instant> {
    if period.is_zero() {
        return Some(now);
    }
    let late = now.saturating_duration_since(due);
    let skipped = late.as_nanos() / period.as_nanos();
    let ahead = period.as_nanos().checked_mul(skipped + 1)?;
    due.checked_add(Duration::new(
        u64::try_from(ahead / 1_000_000_000).ok()?,
        (ahead % 1_000_000_000) as u32,
    ))
}

impl<F> Attempt for Periodic<F>
where
    F: FnMut(&TaskContext<'_>) + Send,
{
    fn run(&mut self, cx: &TaskContext<'_>) -> Next {
        let f = self.f.as_mut().expect("dropped at the end only");
        if let Err(payload) = unwind::catch(|| f(cx)) {
            self.result = Some(Err(payload));
            return Next::Done(Ended::Panicked);
        }
        if cx.is_cancelled() || cx.last {
            return Next::Done(Ended::Cancelled);
        }
        let now = cx.life.registry.clock.now();
        self.due = match self.every {
            Every::Rate(period) => self.due.and_then(|due| next_tick(due, period, now)),
            Every::Delay(pause) => now.checked_add(pause),
        };
        Next::Again(self.due)
    }

    fn seal(&mut self, report: &dyn Fn(Payload)) {
        drop_reported(&mut self.f, report);
    }

    unsafe fn settle(self: Box<Self>, env: Env<'_>) {
        // SAFETY: handed on.
        unsafe { hand_over(self.setter, self.result, env) }
    }
}

#[cfg(all(test, not(any(loom, windrow_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn missed_ticks_are_skipped() {
        let start = Instant::now();
        let s = Duration::from_secs;
        assert_eq!(next_tick(start, s(2), start), Some(start + s(2)));
        assert_eq!(next_tick(start, s(2), start + s(1)), Some(start + s(2)));
        assert_eq!(next_tick(start, s(2), start + s(2)), Some(start + s(4)));
        assert_eq!(next_tick(start, s(2), start + s(7)), Some(start + s(8)));
        assert_eq!(next_tick(start, s(0), start + s(7)), Some(start + s(7)));
        assert_eq!(next_tick(start, Duration::MAX, start), None);
    }
}
