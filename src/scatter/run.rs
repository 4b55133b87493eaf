//! A run as its body has it: what it may scatter and set. What it may gather is in `gathering`.

use crate::error::Refused;
use crate::scatter::combiner::{Attached, Combiner, CombinerHandle};
use crate::scatter::core::Scatter;
use crate::scatter::inner::{Inner, Patience};
use crate::scatter::launch::in_slot;
use crate::scatter::limiter::Limiter;
use crate::scatter::receive::{Handler, Quiet};
use crate::scatter::{Handled, Via};
use std::convert::Infallible;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;
use std::time::Instant;

/// A run of scattered tasks, as its body has it; see [`gather`](crate::gather).
///
/// It is also a [`Scatter`], whose methods it has; those of the same name here wait for room and gather meanwhile,
/// those there never block.
///
/// It stays on the thread that has opened it, where its handlers are called:
///
/// ```compile_fail,E0277
/// windrow::gather((), |run| {
///     std::thread::scope(|s| {
///         s.spawn(|| run.cancel());
///     });
/// });
/// ```
///
/// And it stays in its body. It cannot be put where another run was (a lifetime error), nor be kept:
///
/// ```compile_fail,E0521
/// windrow::gather((), |outer| {
///     windrow::gather((), |inner| std::mem::swap(outer, inner));
/// });
/// ```
///
/// ```compile_fail,E0521
/// let mut kept = None;
/// windrow::gather((), |run| kept = Some(run));
/// ```
pub struct Run<'r, 'env, S, E = Infallible>(pub(super) &'r mut Inner<'env, S, E>);

impl<'env, S, E> Deref for Run<'_, 'env, S, E> {
    type Target = Scatter<'env, S, E>;

    fn deref(&self) -> &Self::Target {
        &self.0.scatter
    }
}

impl<'r, 'env, S, E> Run<'r, 'env, S, E> {
    /// Scatters a task: `task` runs in the pool, and `handler` gets the state, the [`Scatter`] and the result, on this
    /// thread, when the run gathers it.
    ///
    /// First handles up to two results that are ready. Where [`max_outstanding`](Self::max_outstanding) tasks are
    /// under way it gathers until there is room, and runs tasks of the run itself meanwhile. Returns whether the run
    /// has accepted the task; it does not if it has been closed or cancelled. Then task and handler are dropped
    /// ([`try_scatter`](Self::try_scatter) gives them back).
    ///
    /// An error of a handler that is called here is kept for the next call that gathers.
    ///
    /// ```
    /// let words = ["gathered", "in", "any", "order"];
    /// let total = windrow::gather(0, |run| {
    ///     for word in &words {
    ///         run.scatter(|| word.len(), |total, _, len| *total += len);
    ///     }
    /// });
    /// assert_eq!(total, 18);
    /// ```
    pub fn scatter<F, T, H, R>(&mut self, task: F, handler: H) -> bool
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        H: FnOnce(&mut S, &Scatter<'env, S, E>, T) -> R + 'env,
        R: Handled<E>,
    {
        self.scatter_by(None, Patience::Forever, task, handler)
            .is_ok()
    }

    /// Scatters a task if there is room at once. Handles up to two results that are ready first.
    ///
    /// # Errors
    /// [`RefusedReason::Full`](crate::RefusedReason::Full) if there is no room,
    /// [`RefusedReason::Closed`](crate::RefusedReason::Closed) if the run has been closed or cancelled;
    /// with task and handler.
    ///
    /// ```
    /// use windrow::RefusedReason;
    ///
    /// windrow::gather(0, |run| {
    ///     run.close();
    ///     let refused = run.try_scatter(|| 2, |sum, _, n: i32| *sum += n).unwrap_err();
    ///     assert!(matches!(refused.reason, RefusedReason::Closed));
    ///     let (task, _handler) = refused.task;
    ///     assert_eq!(task(), 2);
    /// });
    /// ```
    pub fn try_scatter<F, T, H, R>(&mut self, task: F, handler: H) -> Result<(), Refused<(F, H)>>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        H: FnOnce(&mut S, &Scatter<'env, S, E>, T) -> R + 'env,
        R: Handled<E>,
    {
        self.scatter_by(None, Patience::None, task, handler)
    }

    /// Scatters a task, and gathers no longer than until `at` while it waits for room. It runs no tasks itself
    /// meanwhile, since those may take longer.
    ///
    /// # Errors
    /// As [`try_scatter`](Self::try_scatter).
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let sum = windrow::gather(0, |run| {
    ///     let soon = Instant::now() + Duration::from_secs(60);
    ///     assert!(run.scatter_deadline(soon, || 42, |sum, _, n| *sum += n).is_ok());
    /// });
    /// assert_eq!(sum, 42);
    /// ```
    pub fn scatter_deadline<F, T, H, R>(
        &mut self,
        at: Instant,
        task: F,
        handler: H,
    ) -> Result<(), Refused<(F, H)>>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        H: FnOnce(&mut S, &Scatter<'env, S, E>, T) -> R + 'env,
        R: Handled<E>,
    {
        self.scatter_by(None, Patience::Until(at), task, handler)
    }

    pub(super) fn scatter_by<F, T, H, R>(
        &mut self,
        limiter: Option<&Limiter>,
        patience: Patience,
        task: F,
        handler: H,
    ) -> Result<(), Refused<(F, H)>>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        H: FnOnce(&mut S, &Scatter<'env, S, E>, T) -> R + 'env,
        R: Handled<E>,
    {
        if limiter.is_some() || !self.0.is_clear() {
            if let Err(reason) = self.0.make_room(limiter, patience) {
                let task = (task, handler);
                return Err(Refused { reason, task });
            }
        }
        let handler = Handler::new(handler);
        match limiter {
            None => self.0.scatter.launch(task, handler),
            Some(limiter) => self.0.scatter.launch(in_slot(limiter, task), handler),
        }
        Ok(())
    }

    /// Scatters a task whose result goes into a [combiner](Self::combiner), where the task has run. Waits for room
    /// as [`scatter`](Self::scatter) does.
    ///
    /// # Panics
    /// If the combiner belongs to another run.
    ///
    /// Tasks that have been short so far are taken several at a time, to be run one after the other on one thread: those
    /// that wait for each other are for [`scatter`](Self::scatter).
    ///
    /// ```
    /// use windrow::combine;
    ///
    /// let sum = windrow::gather(0, |run| {
    ///     let sums = run.combiner(combine::fold(|| 0, |sum, n: u32| *sum += n), |total, _, sum| *total += sum);
    ///     for n in 1..=100 {
    ///         run.scatter_into(move || n, &sums);
    ///     }
    /// });
    /// assert_eq!(sum, 5050);
    /// ```
    pub fn scatter_into<F, T>(&mut self, task: F, combiner: &CombinerHandle<'env, T>) -> bool
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
    {
        self.scatter_into_by(None, Patience::Forever, task, combiner)
            .is_ok()
    }

    /// [`scatter_into`](Self::scatter_into), if there is room at once.
    ///
    /// # Errors
    /// As [`try_scatter`](Self::try_scatter), with the task.
    ///
    /// # Panics
    /// If the combiner belongs to another run.
    pub fn try_scatter_into<F, T>(
        &mut self,
        task: F,
        combiner: &CombinerHandle<'env, T>,
    ) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
    {
        self.scatter_into_by(None, Patience::None, task, combiner)
    }

    /// [`scatter_into`](Self::scatter_into), waiting for room no longer than until `at`.
    ///
    /// # Errors
    /// As [`try_scatter`](Self::try_scatter), with the task.
    ///
    /// # Panics
    /// If the combiner belongs to another run.
    pub fn scatter_into_deadline<F, T>(
        &mut self,
        at: Instant,
        task: F,
        combiner: &CombinerHandle<'env, T>,
    ) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
    {
        self.scatter_into_by(None, Patience::Until(at), task, combiner)
    }

    pub(super) fn scatter_into_by<F, T>(
        &mut self,
        limiter: Option<&Limiter>,
        patience: Patience,
        task: F,
        combiner: &CombinerHandle<'env, T>,
    ) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
    {
        self.0.scatter.check(combiner);
        if limiter.is_some() || !self.0.is_clear() {
            if let Err(reason) = self.0.make_room(limiter, patience) {
                return Err(Refused { reason, task });
            }
        }
        let run = &self.0.scatter;
        match limiter {
            None => run.launch_into(task, combiner),
            Some(limiter) => {
                let receiver = Quiet::<S, E, false>::new();
                run.launch(combiner.feed(in_slot(limiter, task)), receiver);
            }
        }
        Ok(())
    }

    /// Puts what is scattered behind a limiter: [`scatter`](Via::scatter) then waits for a slot of it as well, and
    /// gathers meanwhile.
    ///
    /// ```
    /// use windrow::Limiter;
    ///
    /// let reading = Limiter::new(2);
    /// let bytes = windrow::gather(0, |run| {
    ///     for size in [10, 20, 30] {
    ///         run.via(&reading).scatter(move || vec![0_u8; size], |bytes, _, data| *bytes += data.len());
    ///     }
    /// });
    /// assert_eq!(bytes, 60);
    /// ```
    pub fn via<'a>(&'a mut self, limiter: &'a Limiter) -> Via<'a, &'a mut Self> {
        Via { to: self, limiter }
    }

    /// Attaches a combiner: results that are [scattered into](Self::scatter_into) it are reduced where they were
    /// computed, by instances that `factory` makes, and `handler` gets what those emit. See [`Combiner`], and
    /// [`combine`](crate::combine) for ready-made ones.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use windrow::combine;
    ///
    /// let lines = ["to be", "or not", "to be"];
    /// let counts = windrow::gather(BTreeMap::new(), |run| {
    ///     // A map per worker, not a message per word.
    ///     let words = run.combiner(
    ///         combine::fold(BTreeMap::new, |counts, line: &str| {
    ///             for word in line.split(' ') {
    ///                 *counts.entry(word).or_insert(0) += 1;
    ///             }
    ///         }),
    ///         |total: &mut BTreeMap<_, _>, _, counts| {
    ///             for (word, n) in counts {
    ///                 *total.entry(word).or_insert(0) += n;
    ///             }
    ///         },
    ///     );
    ///     for line in lines {
    ///         run.scatter_into(move || line, &words);
    ///     }
    /// });
    /// assert_eq!(counts, BTreeMap::from([("be", 2), ("not", 1), ("or", 1), ("to", 2)]));
    /// ```
    pub fn combiner<C, H, R>(
        &self,
        factory: impl Fn() -> C + Send + Sync + 'env,
        handler: H,
    ) -> CombinerHandle<'env, C::Input>
    where
        C: Combiner + 'env,
        H: FnMut(&mut S, &Scatter<'env, S, E>, C::Output) -> R + 'env,
        R: Handled<E>,
    {
        let scatter = &self.0.scatter;
        let attached = Attached::new::<S, E, R>(&scatter.shared, Box::new(factory), handler);
        let mut combiners = scatter.combiners.borrow_mut();
        let handle = attached.handle(combiners.len());
        combiners.push(Rc::new(attached));
        handle
    }

    /// Calls `listener` whenever every task has been handled, before the combiners flush, with the number of that
    /// moment, from 1. It may scatter what it has kept back; when that is done, and has led to no more, the combiners
    /// flush, and if that leads to more tasks it is called again.
    ///
    /// ```
    /// let mut batch = Vec::new();
    /// let sum = windrow::gather(0, |run| {
    ///     run.on_flush(|_, run, _| {
    ///         let rest: Vec<u32> = std::mem::take(&mut batch);
    ///         if !rest.is_empty() {
    ///             run.scatter(move || rest.iter().sum::<u32>(), |sum, _, n| *sum += n);
    ///         }
    ///     });
    ///     run.scatter(|| 5, |sum, _, n| *sum += n);
    /// });
    /// assert_eq!(sum, 5);
    /// ```
    pub fn on_flush<L, R>(&mut self, mut listener: L)
    where
        L: FnMut(&mut S, &Scatter<'env, S, E>, u64) -> R + 'env,
        R: Handled<E>,
    {
        self.0.set_listener(Box::new(move |state, run, epoch| {
            listener(state, run, epoch).into_result()
        }));
    }

    /// The state.
    ///
    /// ```
    /// let words = windrow::gather(Vec::new(), |run| {
    ///     run.state().push("rows");
    ///     run.scatter(|| "hay", |words, _, word| words.push(word));
    /// });
    /// assert_eq!(words, ["rows", "hay"]);
    /// ```
    pub fn state(&mut self) -> &mut S {
        &mut self.0.state
    }

    /// Bounds how many tasks are under way: held by limiters, queued, running, or done and not handled. Where there
    /// are so many, [`scatter`](Self::scatter) gathers. 1024 by default; 0 counts as 1.
    ///
    /// What handlers scatter counts, and is never held back.
    ///
    /// ```
    /// let sum = windrow::gather(0, |run| {
    ///     run.max_outstanding(8);
    ///     for n in 1..=100 {
    ///         run.scatter(move || n, |sum, _, n| *sum += n);
    ///     }
    /// });
    /// assert_eq!(sum, 5050);
    /// ```
    pub fn max_outstanding(&mut self, tasks: usize) {
        self.0.set_max_outstanding(tasks.max(1));
    }
}

impl<S, E> fmt::Debug for Run<'_, '_, S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.scatter.fmt(f)
    }
}
