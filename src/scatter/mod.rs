//! Pipelined scatter/gather: tasks run in the pool, their results are handled one at a time on the caller's thread,
//! and what handles them may scatter more.
//!
//! | file | one idea |
//! |---|---|
//! | `core` | the scattering side, which handlers have too |
//! | `receive` | what comes back: handlers and accounts |
//! | `inner` | what the owner does: receiving, flushing, waiting, making room |
//! | `run` | what the body has: scattering with room, settings |
//! | `gathering` | what the body may gather |
//! | `via` | scattering behind a limiter |
//! | `limiter` | virtual slots |
//! | `combiner` | partial reduction on the workers |
//! | `combine` | ready-made combiners |
//! | `results` | the iterator form |
//! | `shared` | what other threads see of a run |
//! | `programs.md` | ten programs, on the page of `gather` |
//!
//! # Who may touch what
//! The owner's thread has everything (`Inner`), workers the inbox (see `crate::task::inbox`), limiters and combiners
//! their own locks. A run's tasks point at its `Shared`, which ends after the last of them has come back: `gather`
//! returns only then, also when the body, a handler or a task panics.

pub mod combine;
mod combiner;
mod core;
mod gathering;
mod inner;
mod launch;
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
#[diagnostic::on_unimplemented(
    message = "a handler returns nothing or `Result<(), E>`, not `{Self}`",
    note = "end it with `;`, or with `Ok(())` if it may fail"
)]
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
/// A *run* is a block, and a state. The body scatters tasks, each with a handler. Tasks run in the pool, in parallel.
/// Their results come back to the calling thread as they are ready, in any order, and there the handlers get them, one
/// at a time, with the state. Handlers may scatter more, so that work that finds work needs no queue and no lock of its
/// own. When the body has returned, `gather` handles what is left. It returns the state.
///
/// ```
/// let words = ["gathered", "in", "any", "order"];
/// let longest = windrow::gather("", |run| {
///     for word in words {
///         run.scatter(
///             move || word.len(), // in parallel
///             move |longest, _, len| {
///                 // here, one at a time
///                 if len > longest.len() {
///                     *longest = word;
///                 }
///             },
///         );
///     }
/// });
/// assert_eq!(longest, "gathered");
/// ```
///
/// The body has the run as a [`Run`], handlers have it as a [`Scatter`], other threads and tasks as a [`RunHandle`].
/// [`gather_each`] is a run as an iterator. [`ThreadPool::gather`] opens a run on a certain pool.
///
/// The idea is that of [psg](https://github.com/petenewcomb/psg-go), a Go library for pipelined scatter-gather.
/// Limiters as virtual slots, and combiners, are taken from there as well.
///
/// # The states of a run
///
/// A run is *open* until it is *closed* ([`Run::close`], [`RunHandle::close`], the end of the body), *finished*
/// ([`Run::finish`], the end of `gather`) or *cancelled* ([`Scatter::cancel`], [`RunHandle::cancel`], its
/// [token](Scatter::token); a body that ends with an error or a panic). It never goes back.
///
/// | call | open | closed | finished | cancelled |
/// |---|---|---|---|---|
/// | to scatter through a `Run` | accepted, when there is room | refused | refused | refused |
/// | to scatter through a `Scatter` | accepted at once | accepted at once | refused | refused |
/// | to gather through a `Run` | handles results | handles results | nothing is left | handles nothing, waits for the tasks that run |
/// | `close` | closes | nothing | nothing | nothing |
/// | `finish` | closes, gathers all, finishes | gathers all, finishes | nothing | waits for the tasks that run |
/// | `cancel` | cancels | cancels | nothing is left to cancel | nothing |
/// | `state`, `stats`, `outstanding` | as ever | as ever | as ever | as ever |
///
/// A scatter that is refused returns `false` and drops what it was given. Those that begin with `try_` or end
/// in `_deadline` give it back. A `Run` that the body passes on as a `Scatter` is one: it never waits, and takes tasks
/// also when it is closed. A closed [`Limiter`] refuses in any state.
///
/// # What waits
///
/// | call | waits | runs tasks of the run meanwhile |
/// |---|---|---|
/// | of `Run`: `scatter`, `scatter_into`, also by `via` | for room, and for a slot of the limiter | yes |
/// | of `Run`: `gather_one`, `gather_all`, `finish` | for results | yes |
/// | of `Run`: those that end in `_deadline` | the same, until then | no: a task may take longer |
/// | of `Run`: those that begin with `try_` | never | no |
/// | everything of `Scatter`, `RunHandle`, `Limiter`, `CombinerHandle` | never | no |
/// | the end of `gather` | for all tasks that have been accepted | yes |
///
/// All calls that scatter or gather through a `Run` also call handlers, which take the time that they take. While a
/// handler runs, no other does; the tasks go on.
///
/// # What bounds the memory
///
/// * A run has at most [`max_outstanding`](Run::max_outstanding) tasks under way, 1024 by default, as far as the body
///   scatters them: where there are so many, `scatter` gathers first. Results that are done and not handled count.
/// * A [`Limiter`] bounds how many tasks of a kind are queued or run. The body waits for a slot. What a handler
///   scatters is put on the limiter's list, and counts as outstanding.
/// * **What handlers scatter is not held back**, since a handler that waited could wait for itself. A crawl
///   may so have as many tasks queued as there are directories known and not read. To hold work back, keep it in the
///   state, and have the body scatter it, or [`on_flush`](Run::on_flush).
/// * A [combiner](Run::combiner) has an instance for each thread of the pool and one for the caller, at most. What it
///   emits waits for the handler, and does not count as outstanding.
///
/// # Where closures run, and what they may borrow
///
/// | closure | runs on | at a time | may borrow |
/// |---|---|---|---|
/// | task | threads of the pool, and the calling one while it waits | many | what outlives the call of `gather`; is `Send` |
/// | handler of a task | the calling thread | one | the same; need not be `Send` |
/// | handler of a combiner, listener of `on_flush` | the calling thread | one | the same; need not be `Send` |
/// | a combiner's factory, `combine`, `flush` | where tasks run | one for each instance | the same; `Send`, the factory also `Sync` |
/// | the body | the calling thread | one | anything |
///
/// Variables of the body end before the run does, so nothing can borrow them: move them, or declare them outside.
/// Handlers get the state as an argument, and in between [`Run::state`] lends it to the body. Tasks inherit the
/// [`Priority`](crate::Priority) of the task that opens the run. While the caller waits it runs tasks of this run, and
/// what they have forked or scoped, and nothing else.
///
/// What must not compile does not:
///
/// ```compile_fail,E0373
/// windrow::gather(0, |run| {
///     let two = 2;
///     run.scatter(|| two + 1, |sum, _, n| *sum += n);
/// });
/// ```
///
/// ```compile_fail,E0597
/// windrow::gather(0, |run| {
///     let words = vec!["in", "the", "body"];
///     for word in &words {
///         run.scatter(move || word.len(), |sum, _, n| *sum += n);
///     }
/// });
/// ```
///
/// ```compile_fail,E0597
/// windrow::gather((), |run| {
///     let seen = std::cell::RefCell::new(Vec::new());
///     let log = &seen;
///     run.scatter(|| 1, move |_, _, n| log.borrow_mut().push(n));
/// });
/// ```
///
/// Nor does a result leave what handles it, if it borrows from something that ends there:
///
/// ```compile_fail,E0597
/// let mut longest = "";
/// windrow::gather((), |run| {
///     let text = String::from("of the body");
///     let word = text.as_str();
///     run.scatter(move || word, |_, _, word| longest = word);
/// });
/// ```
///
/// # Errors and panics
///
/// A **handler** (or listener) may return `Result<(), E>`. Its error is returned by the next call that gathers: by the
/// body's `gather_one` and `gather_all`, else by `gather` itself. The run goes on until the body passes the error on or
/// ends; then the run is cancelled. [`Run::scatter`] handles results too, and keeps their errors, so a body that
/// scatters for long asks in between with [`try_gather_one`](Run::try_gather_one). If handlers return nothing there
/// is no error, and `let Ok(all) = run.gather_all_deadline(at);` compiles.
///
/// A **task** returns whatever it likes: an error is its handler's to see. Its panic waits for the end of the run:
/// the others go on and are handled, its own handler is dropped, and then `gather` panics instead of returning the
/// state. To have the panic as a value, call [`catch_unwind`](std::panic::catch_unwind) in the task.
///
/// A panic of a **combiner** is that of the task or the flush in which it happens. The instance goes, with the inputs
/// that it had; the next input makes another.
///
/// A panic of the **body**, of a **handler** or of a **listener** cancels the run, and goes on when all tasks have
/// ended. It goes before that of a task, and any panic goes before an error. Of several only the first is seen.
///
/// # What happens to a cancelled run
///
/// Tasks that have not started are not run. Tasks that run go on, and can ask the run's [token](Scatter::token). No
/// handler is called any more, no listener, and combiners are not flushed: what they have is lost, so a
/// program that wants partial results keeps them in the state. `gather` still waits for the tasks that run, and then
/// returns the state, as it is: to cancel is no error. An error that a handler has returned before is still reported.
///
/// Tasks that were not run, and those whose result was not handled any more, are [*forfeited*](RunStats::forfeited).
/// Inputs of combiners that were not flushed are so [in their figures](CombinerStats::forfeited); their tasks count as
/// gathered.
///
/// # Panics
/// With the panic of the body or of a handler that it called; else with the first of a task or a combiner. In all
/// cases after everything that runs has ended. As [`ThreadPool::global`] where it has to build that pool.
///
#[doc = include_str!("programs.md")]
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
    // After an end without either nothing is left, and a handler that a late flush might call would have nobody to
    // tell of its error, or its panic.
    if !matches!(result, Ok(Ok(()))) {
        shared.cancel();
        run.drain();
    }
    shared.finished.store(true, Ordering::Relaxed);
    let panics = run.end_combiners();
    panics
        .into_iter()
        .for_each(|payload| run.scatter.keep_panic(payload));
    let first = run.scatter.take_panic();
    let Inner { state, errors, .. } = run;
    // A panic goes before an error, and that of the body before a task's, before those of what is dropped here.
    let (result, panic) = match result {
        Ok(result) => (Some(result), first),
        Err(payload) => (None, first_of(Some(payload), first)),
    };
    let panic = first_of(panic, unwind::drop_each(errors));
    match (result, panic) {
        (Some(Ok(())), None) => B::finish(Ok(state)),
        (Some(Err(error)), None) => match unwind::drop_quietly(state) {
            None => B::finish(Err(error)),
            Some(payload) => resume_unwind(payload),
        },
        (result, panic) => {
            // Not while unwinding, when a second panic would end the process.
            let panic = first_of(panic, unwind::drop_quietly(state));
            let panic = first_of(panic, unwind::drop_quietly(result));
            resume_unwind(panic.expect("there is no other way to get here"))
        }
    }
}

/// The first of two panics; the second is dropped.
fn first_of(first: Option<Payload>, second: Option<Payload>) -> Option<Payload> {
    if first.is_none() {
        return second;
    }
    second.into_iter().for_each(unwind::discard);
    first
}
