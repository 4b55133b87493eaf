//! The scattering side of a run: what the body and the handlers share.

use crate::cancel::CancelToken;
use crate::error::{Refused, RefusedReason};
use crate::priority::Priority;
use crate::scatter::combiner::{CombinerHandle, Flushable};
use crate::scatter::limiter::Limiter;
use crate::scatter::receive::Handler;
use crate::scatter::shared::{RunHandle, RunStats, Shared};
use crate::scatter::{Handled, Via};
use crate::scheduler::Participant;
use crate::sync::Arc;
use crate::unwind::{self, Payload};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

/// The scattering side of a [run](crate::gather): handlers get it to scatter further work.
///
/// Nothing here blocks. A task scattered from a handler is accepted at once, and waits in the queue of the pool or
/// behind its [`Limiter`]; [`max_outstanding`](crate::Run::max_outstanding) does not hold handlers back. A function that
/// scatters recursively takes a `&Scatter`, and the body of the run can pass its [`Run`](crate::Run) for one.
///
/// It cannot be sent to another thread, so a task of a run cannot scatter into it; a task's result is the way
/// to ask for more:
///
/// ```compile_fail,E0277
/// windrow::gather(0, |run| {
///     let run = &*run;
///     run.scatter(|| run.cancel(), |_, _, ()| ());
/// });
/// ```
///
/// A handler cannot gather, since it is called by what gathers:
///
/// ```compile_fail,E0599
/// windrow::gather((), |run| {
///     run.scatter(|| (), |_, run, ()| {
///         run.gather_all();
///     });
/// });
/// ```
pub struct Scatter<'env, S, E = Infallible> {
    pub(super) shared: Arc<Shared>,
    /// The owner's place in the pool. Alive as long as the run.
    pub(super) here: *const Participant,
    pub(super) level: Priority,
    /// Tasks and flushes that have been accepted and not been received.
    pub(super) outstanding: Cell<usize>,
    /// Something has been received since the last flush.
    pub(super) dirty: Cell<bool>,
    /// The first panic of a task or a combiner.
    panic: RefCell<Option<Payload>>,
    pub(super) limiters: RefCell<Vec<Limiter>>,
    pub(super) combiners: RefCell<Vec<Rc<dyn Flushable + 'env>>>,
    /// Invariant in everything: the handlers that are on their way expect just these types.
    marker: PhantomData<(Cell<&'env ()>, Cell<S>, Cell<E>)>,
}

impl<'env, S, E> Scatter<'env, S, E> {
    pub(super) fn new(shared: Arc<Shared>, here: &Participant) -> Self {
        Self {
            shared,
            level: here.level(),
            here,
            outstanding: Cell::new(0),
            dirty: Cell::new(false),
            panic: RefCell::new(None),
            limiters: RefCell::new(Vec::new()),
            combiners: RefCell::new(Vec::new()),
            marker: PhantomData,
        }
    }

    pub(super) fn here(&self) -> &Participant {
        // SAFETY: alive as long as the run.
        unsafe { &*self.here }
    }

    /// Scatters a task: `task` runs in the pool, and `handler` gets the state and the result, on the caller's
    /// thread, when the run gathers it.
    ///
    /// Never blocks. Returns whether the run has accepted the task; it does not if it has been cancelled. Then task
    /// and handler are dropped ([`try_scatter`](Self::try_scatter) gives them back).
    ///
    /// ```
    /// use windrow::Scatter;
    ///
    /// /// Sums up a tree whose nodes are known only when their parents have been looked at.
    /// fn visit(run: &Scatter<'_, u64>, node: u64) {
    ///     let children = move || (2 * node..=2 * node + 1).filter(|&n| n < 100).collect::<Vec<_>>();
    ///     run.scatter(children, move |sum, run, children| {
    ///         *sum += node;
    ///         children.into_iter().for_each(|child| visit(run, child));
    ///     });
    /// }
    /// assert_eq!(windrow::gather(0, |run| visit(run, 1)), (1..100).sum());
    /// ```
    pub fn scatter<F, T, H, R>(&self, task: F, handler: H) -> bool
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        H: FnOnce(&mut S, &Scatter<'env, S, E>, T) -> R + 'env,
        R: Handled<E>,
    {
        self.submit(None, task, Handler::new(handler)).is_ok()
    }

    /// [`scatter`](Self::scatter), which gives task and handler back if the run has been cancelled.
    ///
    /// # Errors
    /// [`RefusedReason::Closed`], with both.
    ///
    /// ```
    /// windrow::gather(0, |run| {
    ///     run.scatter(|| (), |_, run, ()| {
    ///         run.cancel();
    ///         let refused = run.try_scatter(|| 2, |sum, _, n: i32| *sum += n).unwrap_err();
    ///         let (task, _handler) = refused.task;
    ///         assert_eq!(task(), 2);
    ///     });
    /// });
    /// ```
    pub fn try_scatter<F, T, H, R>(&self, task: F, handler: H) -> Result<(), Refused<(F, H)>>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        H: FnOnce(&mut S, &Scatter<'env, S, E>, T) -> R + 'env,
        R: Handled<E>,
    {
        let result = self.submit(None, task, Handler::new(handler));
        result.map_err(|(task, handler)| Refused {
            reason: RefusedReason::Closed,
            task: (task, handler.into_inner()),
        })
    }

    /// Scatters a task whose result goes into a [combiner](crate::Run::combiner).
    ///
    /// Tasks that have been short so far are taken several at a time, to be run one after the other on one thread: those
    /// that wait for each other are for [`scatter`](Self::scatter).
    ///
    /// # Panics
    /// If the combiner belongs to another run.
    pub fn scatter_into<F, T>(&self, task: F, combiner: &CombinerHandle<'env, T>) -> bool
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
    {
        self.submit_into(None, task, combiner).is_ok()
    }

    /// [`scatter_into`](Self::scatter_into), which gives the task back if the run has been cancelled.
    ///
    /// # Errors
    /// [`RefusedReason::Closed`], with the task.
    ///
    /// # Panics
    /// If the combiner belongs to another run.
    ///
    /// ```
    /// use windrow::combine;
    ///
    /// windrow::gather(0, |run| {
    ///     let sums = run.combiner(combine::fold(|| 0, |sum, n: i32| *sum += n), |total, _, sum| *total += sum);
    ///     run.scatter(|| (), move |_, run, ()| {
    ///         assert!(run.try_scatter_into(|| 2, &sums).is_ok());
    ///         run.cancel();
    ///         let refused = run.try_scatter_into(|| 3, &sums).unwrap_err();
    ///         assert_eq!((refused.task)(), 3);
    ///     });
    /// });
    /// ```
    pub fn try_scatter_into<F, T>(
        &self,
        task: F,
        combiner: &CombinerHandle<'env, T>,
    ) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
    {
        let result = self.submit_into(None, task, combiner);
        result.map_err(|task| Refused {
            reason: RefusedReason::Closed,
            task,
        })
    }

    /// Puts what is scattered behind a limiter.
    ///
    /// ```
    /// use windrow::Limiter;
    ///
    /// // Two kinds of tasks, of which one is bounded; its tasks are scattered by a handler.
    /// let heavy = Limiter::new(1);
    /// let sum = windrow::gather(0, |run| {
    ///     for n in 0..10_u64 {
    ///         let heavy = heavy.clone();
    ///         run.scatter(move || n, move |_, run, n| {
    ///             run.via(&heavy).scatter(move || n * n, |sum, _, square| *sum += square);
    ///         });
    ///     }
    /// });
    /// assert_eq!(sum, 285);
    /// ```
    pub fn via<'a>(&'a self, limiter: &'a Limiter) -> Via<'a, &'a Self> {
        Via { to: self, limiter }
    }

    /// Ends the run early: tasks that have not started are not run, results that have not been handled are dropped.
    /// Tasks that run go on, and can ask the [`token`](Self::token). Returns at once; the end of the run waits for
    /// them.
    ///
    /// ```
    /// let found = windrow::gather(None, |run| {
    ///     for n in 1.. {
    ///         let accepted = run.scatter(move || n * n % 1000 == 249, move |found, run, yes| {
    ///             if yes {
    ///                 found.get_or_insert(n);
    ///                 run.cancel();
    ///             }
    ///         });
    ///         if !accepted {
    ///             break;
    ///         }
    ///     }
    /// });
    /// assert_eq!(found.map(|n: u64| n * n % 1000), Some(249));
    /// ```
    pub fn cancel(&self) {
        self.shared.cancel();
    }

    /// Whether the run has been cancelled.
    ///
    /// ```
    /// let seen = windrow::gather(0, |run| {
    ///     run.scatter(|| 7, |seen, run, n| {
    ///         *seen = n;
    ///         run.cancel();
    ///         assert!(run.is_cancelled());
    ///     });
    /// });
    /// assert_eq!(seen, 7);
    /// ```
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.shared.is_cancelled()
    }

    /// The run's token, for tasks that are to stop early when the run is cancelled. Cancelling it cancels the run.
    ///
    /// ```
    /// let done = windrow::gather(0, |run| {
    ///     let token = run.token().clone();
    ///     run.scatter(move || (0..1000).take_while(|_| !token.is_cancelled()).count(), |done, _, n| *done = n);
    /// });
    /// assert_eq!(done, 1000);
    /// ```
    #[must_use]
    pub fn token(&self) -> &CancelToken {
        &self.shared.token
    }

    /// A handle for other threads.
    ///
    /// ```
    /// let tasks = windrow::gather(0, |run| {
    ///     let handle = run.handle();
    ///     // One of the tasks says when there is enough.
    ///     run.scatter(move || handle.close(), |_, _, ()| ());
    ///     while run.scatter(|| 1, |tasks, _, n| *tasks += n) {}
    /// });
    /// println!("{tasks} tasks until then");
    /// ```
    #[must_use]
    pub fn handle(&self) -> RunHandle {
        RunHandle(Arc::clone(&self.shared))
    }

    /// What has become of the run's tasks so far.
    ///
    /// ```
    /// windrow::gather((), |run| {
    ///     run.scatter(|| (), |(), run, ()| assert_eq!(run.stats().scattered, 1));
    ///     assert_eq!(run.outstanding(), 1);
    /// });
    /// ```
    #[must_use]
    pub fn stats(&self) -> RunStats {
        self.shared.stats()
    }

    /// How many tasks are held by limiters, queued, running, or done and not handled.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.outstanding.get()
    }

    pub(super) fn check<T>(&self, combiner: &CombinerHandle<'env, T>) {
        assert!(
            combiner.belongs_to(&self.shared),
            "windrow: a task was scattered into a combiner of another run"
        );
    }

    /// Keeps a limiter in mind, for what is held there when the run is cancelled.
    pub(super) fn know(&self, limiter: &Limiter) {
        let mut known = self.limiters.borrow_mut();
        if !known.iter().any(|other| other.is_same(limiter)) {
            known.push(limiter.clone());
        }
    }

    /// Keeps a panic for the end of the run.
    pub(super) fn keep_panic(&self, payload: Payload) {
        let first = self.panic.borrow().is_none();
        if first {
            *self.panic.borrow_mut() = Some(payload);
        } else {
            unwind::discard(payload);
        }
    }

    pub(super) fn take_panic(&self) -> Option<Payload> {
        self.panic.take()
    }

    /// Something has come back; `anew`: after which the combiners are to be looked at.
    pub(super) fn received(&self, anew: bool) {
        self.outstanding.set(self.outstanding.get() - 1);
        if anew {
            self.dirty.set(true);
        }
    }
}

impl<S, E> fmt::Debug for Scatter<'_, S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scatter")
            .field("outstanding", &self.outstanding.get())
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
