//! Pipelined scatter/gather: tasks run in the pool, their results are handled one at a time on the caller's thread,
//! and what handles them may scatter more.
//!
//! | file | one idea |
//! |---|---|
//! | `core` | the scattering side, which handlers have too |
//! | `receive` | what comes back: handlers and accounts |
//! | `inner` | what the owner does: receiving, flushing, waiting, making room |
//! | `run` | the gathering side: what the body may ask for |
//! | `via` | scattering behind a limiter |
//! | `limiter` | virtual slots |
//! | `combiner` | partial reduction on the workers |
//! | `combine` | ready-made combiners |
//! | `results` | the iterator form |
//! | `shared` | what other threads see of a run |
//!
//! # Who may touch what
//! The owner's thread has everything (`Inner`), workers the inbox (see `crate::task::inbox`), limiters and combiners
//! their own locks. A run's tasks point at its `Shared`, which ends after the last of them has come back: `gather`
//! returns only then, also when the body, a handler or a task panics.

pub mod combine;
mod combiner;
mod core;
mod inner;
mod limiter;
mod receive;
mod results;
mod run;
mod shared;
mod via;

pub use self::core::Scatter;
pub use combiner::{Combiner, CombinerHandle, CombinerStats, Emit};
pub use limiter::{Limit, Limiter};
pub use results::{Results, gather_each};
pub use run::Run;
pub use shared::{RunHandle, RunStats};
pub use via::Via;

use crate::cancel::{CancelToken, OnCancel};
use crate::pool::ThreadPool;
use crate::scheduler::{Participant, with_place};
use crate::sync::{Arc, AtomicBool, Ordering, Weak};
use crate::task::inbox::Inbox;
use crate::unwind::{self, Payload};
use inner::{Inner, Patience};
use shared::{Counts, Shared};
use std::convert::Infallible;
use std::panic::resume_unwind;

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl<E> Sealed for Result<(), E> {}
}

/// What a handler may return: nothing, or `Result<(), E>`, whose error surfaces where the body of the run gathers.
pub trait Handled<E>: sealed::Sealed {
    #[doc(hidden)]
    fn into_result(self) -> Result<(), E>;
}

impl<E> Handled<E> for () {
    fn into_result(self) -> Result<(), E> {
        Ok(())
    }
}

impl<E> Handled<E> for Result<(), E> {
    fn into_result(self) -> Result<(), E> {
        self
    }
}

/// What the body of a run may return, and what [`gather`] returns then: after nothing the state, after
/// `Result<(), E>` a `Result` with the state.
pub trait Finish<S, E>: Handled<E> {
    /// What `gather` returns.
    type Output;
    #[doc(hidden)]
    fn finish(result: Result<S, E>) -> Self::Output;
}

impl<S> Finish<S, Infallible> for () {
    type Output = S;

    fn finish(result: Result<S, Infallible>) -> S {
        match result {
            Ok(state) => state,
            Err(never) => match never {},
        }
    }
}

impl<S, E> Finish<S, E> for Result<(), E> {
    type Output = Result<S, E>;

    fn finish(result: Result<S, E>) -> Result<S, E> {
        result
    }
}

impl ThreadPool {
    /// Opens a run of scattered tasks on this pool; see [`gather`].
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// let squares = pool.gather(Vec::new(), |run| {
    ///     for n in 1..=3 {
    ///         run.scatter(move || n * n, |squares, _, square| squares.push(square));
    ///     }
    /// });
    /// assert_eq!(squares.iter().sum::<i32>(), 14);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// As [`gather`], and in a child process after `fork`.
    pub fn gather<'env, S, E, B, F>(&self, state: S, body: F) -> B::Output
    where
        F: FnOnce(&mut Run<'_, 'env, S, E>) -> B,
        B: Finish<S, E>,
    {
        with_place(self.registry(), |here| gather_on(here, state, body))
    }
}

/// Opens a run of scattered tasks on the pool that this thread belongs to, else on the global one.
///
/// # Panics
/// With the panic of the body or of a handler that it called; else with the first of a task or a combiner. In all
/// cases after everything that runs has ended.
pub fn gather<'env, S, E, B, F>(state: S, body: F) -> B::Output
where
    F: FnOnce(&mut Run<'_, 'env, S, E>) -> B,
    B: Finish<S, E>,
{
    // SAFETY: a current participant is alive as long as this thread is in its pool, which is longer than this call.
    match unsafe { Participant::current().as_ref() } {
        Some(here) => gather_on(here, state, body),
        None => ThreadPool::global().gather(state, body),
    }
}

fn gather_on<'env, S, E, B, F>(here: &Participant, state: S, body: F) -> B::Output
where
    F: FnOnce(&mut Run<'_, 'env, S, E>) -> B,
    B: Finish<S, E>,
{
    let shared = Arc::new(Shared {
        inbox: Inbox::new(here.node(), here.id()),
        registry: here.registry().shared(),
        token: CancelToken::new(),
        closed: AtomicBool::new(false),
        finished: AtomicBool::new(false),
        due: AtomicBool::new(false),
        counts: Counts::default(),
    });
    let hook: Weak<dyn OnCancel> = Arc::downgrade(&(Arc::clone(&shared) as Arc<dyn OnCancel>));
    shared.token.on_cancel(hook);
    let mut inner = Inner::new(Scatter::new(shared, here), state);
    let result = unwind::catch(|| body(&mut Run(&mut inner)).into_result());
    conclude::<S, E, B>(inner, result)
}

/// Gathers the rest, or cancels it; and only then says what came of it.
fn conclude<S, E, B>(mut run: Inner<'_, S, E>, body: Result<Result<(), E>, Payload>) -> B::Output
where
    B: Finish<S, E>,
{
    let shared = Arc::clone(&run.scatter.shared);
    shared.close();
    let result = match body {
        Ok(Ok(())) => unwind::catch(|| run.gather_all(Patience::Forever).map(drop)),
        other => other,
    };
    if !matches!(result, Ok(Ok(()))) {
        shared.token.cancel();
    }
    run.drain();
    shared.finished.store(true, Ordering::Relaxed);
    let panics = run.end_combiners();
    panics
        .into_iter()
        .for_each(|payload| run.scatter.keep_panic(payload));
    let first = run.scatter.take_panic();
    let Inner { state, errors, .. } = run;
    let mut rest = unwind::drop_quietly(errors);
    // A panic goes before an error, and that of the body before a task's.
    let payload = match (result, first) {
        (Ok(Ok(())), None) => return B::finish(Ok(state)),
        (Ok(Err(error)), None) => match rest.take().or(unwind::drop_quietly(state)) {
            None => return B::finish(Err(error)),
            Some(payload) => payload,
        },
        (result, first) => {
            // While unwinding, a second panic would end the process.
            rest = rest.or(unwind::drop_quietly(state));
            match (result, first) {
                (Err(payload), first) => {
                    first.into_iter().for_each(unwind::discard);
                    payload
                }
                (Ok(result), Some(first)) => {
                    rest = rest.or(unwind::drop_quietly(result));
                    first
                }
                (Ok(_), None) => unreachable!("see above"),
            }
        }
    };
    rest.into_iter().for_each(unwind::discard);
    resume_unwind(payload)
}
