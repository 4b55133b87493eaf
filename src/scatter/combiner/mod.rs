//! Combiners: partial reduction on the workers, between a task and the handlers. How it is done is in `places` and `turn`;
//! what the run's owner does about it in `attached`.

mod attached;
mod places;
mod turn;

pub(super) use attached::{Attached, Flushable};

use crate::scatter::shared::Shared;
use crate::sync::{Arc, Mutex};
use crate::task::sheaf::Barn;
use places::Holds;
use std::fmt;
use std::time::Duration;

/// Reduces results on the workers, before the handlers see them.
///
/// Implement it for a type of your own, or use one that is [ready-made](crate::combine). An instance is used by one
/// thread at a time, and by several in turn.
///
/// ```
/// use windrow::{Combiner, Emit};
///
/// /// Pairs of neighbours, in whatever order they come.
/// #[derive(Default)]
/// struct Pairs(Option<u32>);
///
/// impl Combiner for Pairs {
///     type Input = u32;
///     type Output = (u32, Option<u32>);
///
///     fn combine(&mut self, input: u32, emit: &mut Emit<'_, Self::Output>) {
///         match self.0.take() {
///             Some(first) => emit.emit((first, Some(input))),
///             None => self.0 = Some(input),
///         }
///     }
///
///     fn flush(&mut self, emit: &mut Emit<'_, Self::Output>) {
///         if let Some(last) = self.0.take() {
///             emit.emit((last, None));
///         }
///     }
/// }
///
/// let sum = windrow::gather(0, |run| {
///     let pairs = run.combiner(Pairs::default, |sum, _, (a, b)| *sum += a + b.unwrap_or(0));
///     for n in 1..=5 {
///         run.scatter_into(move || n, &pairs);
///     }
/// });
/// assert_eq!(sum, 15);
/// ```
pub trait Combiner: Send {
    /// What the tasks return.
    type Input: Send;
    /// What the handler gets.
    type Output: Send;

    /// Takes a result in. May emit at any time.
    fn combine(&mut self, input: Self::Input, emit: &mut Emit<'_, Self::Output>);

    /// Emits what is left. The instance may get further inputs afterwards.
    fn flush(&mut self, emit: &mut Emit<'_, Self::Output>);
}

/// Where a [`Combiner`] emits to: the run's handlers.
pub struct Emit<'a, T> {
    emit: &'a mut dyn FnMut(T),
}

impl<T> Emit<'_, T> {
    /// Sends a value on to the handler, which gets it when the run gathers it.
    pub fn emit(&mut self, value: T) {
        (self.emit)(value);
    }
}

impl<T> fmt::Debug for Emit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emit").finish_non_exhaustive()
    }
}

/// What a combiner has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CombinerStats {
    /// Instances that there are now.
    pub live: usize,
    /// Inputs that were combined.
    pub combined: u64,
    /// Values that were emitted.
    pub emitted: u64,
    /// Inputs that have been in an instance when it was flushed.
    pub flushed: u64,
    /// Inputs that were lost: in an instance that panicked, or that was not flushed when the run was cancelled.
    pub forfeited: u64,
}

/// What a handle, and a task, may ask of a combiner whose type they do not know.
trait Settings<T>: Send + Sync {
    /// Takes an input in. Unwinds if the user's code does.
    fn put(&self, input: T);
    fn stats(&self) -> CombinerStats;
    fn holds(&self) -> &Mutex<Holds>;
    /// After the times have changed.
    ///
    /// # Panics
    /// If the pool's timer cannot be started.
    fn take_up(&self);
    fn set_limit(&self, instances: usize);
    /// Where sheaves of tasks are fed from.
    fn barn(&self) -> &(dyn Barn + '_);
}

/// A combiner of a run, to scatter into; see [`Run::combiner`](crate::Run::combiner). Clones are the same combiner.
///
/// The settings can be chained to where the combiner is made. They hold from the next input on.
///
/// ```
/// use std::time::Duration;
/// use windrow::combine;
///
/// let words = ["a", "b", "a", "c", "a"];
/// let most = windrow::gather(0, |run| {
///     let counts = run
///         .combiner(combine::count(), |most: &mut u64, _, (_, n)| *most = n.max(*most))
///         .max_instances(1)
///         .max_hold(Duration::from_secs(3600));
///     for word in words {
///         run.scatter_into(move || word, &counts);
///     }
/// });
/// assert_eq!(most, 3);
/// ```
pub struct CombinerHandle<'env, T> {
    run: Arc<Shared>,
    /// Its number among the run's.
    pub(super) index: usize,
    inner: Arc<dyn Settings<T> + 'env>,
}

impl<T> Clone for CombinerHandle<'_, T> {
    fn clone(&self) -> Self {
        Self {
            run: Arc::clone(&self.run),
            index: self.index,
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<'env, T> CombinerHandle<'env, T> {
    pub(super) fn belongs_to(&self, run: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.run, run)
    }

    /// Where sheaves of its tasks are fed from.
    pub(super) fn barn(&self) -> &(dyn Barn + '_) {
        self.inner.barn()
    }

    /// A task whose result is combined where it runs. The run keeps the combiner until the task has come back.
    pub(super) fn feed<F>(&self, task: F) -> impl FnOnce() + Send + use<'env, F, T>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        let way_in = Putter(Arc::as_ptr(&self.inner));
        move || way_in.put(task())
    }

    fn set(self, change: impl FnOnce(&mut Holds)) -> Self {
        change(&mut self.inner.holds().lock());
        self.inner.take_up();
        self
    }

    /// The most instances there are at a time; 0 counts as 1. By default there is one for each thread of the
    /// pool and one for the caller.
    #[must_use]
    pub fn max_instances(self, instances: usize) -> Self {
        self.inner.set_limit(instances.max(1));
        self
    }

    /// How long after one instance was made inputs go to those that there are, before another is made. None by
    /// default: each thread gets its own at once.
    #[must_use]
    pub fn spawn_delay(self, delay: Duration) -> Self {
        self.set(|holds| holds.spawn_delay = delay)
    }

    /// An instance that has had no input for so long is flushed. By default it is not, before all tasks are done.
    ///
    /// Hold times count while the caller gathers, or waits for room to scatter.
    ///
    /// # Panics
    /// If the pool's timer cannot be started.
    #[must_use]
    pub fn min_hold(self, time: Duration) -> Self {
        self.set(|holds| holds.min_hold = time)
    }

    /// An instance is flushed so long after its first input (since the flush before), whatever comes meanwhile. By
    /// default it is not, before all tasks are done.
    ///
    /// # Panics
    /// As [`min_hold`](Self::min_hold).
    #[must_use]
    pub fn max_hold(self, time: Duration) -> Self {
        self.set(|holds| holds.max_hold = time)
    }

    /// An instance that has had no input for so long is flushed and dropped. By default it stays until the run ends.
    ///
    /// # Panics
    /// As [`min_hold`](Self::min_hold).
    #[must_use]
    pub fn idle_timeout(self, time: Duration) -> Self {
        self.set(|holds| holds.idle_timeout = time)
    }

    /// What it has done so far.
    ///
    /// ```
    /// use windrow::combine;
    ///
    /// windrow::gather(0, |run| {
    ///     let sums = run.combiner(combine::fold(|| 0, |sum, n: u32| *sum += n), |total, _, sum| *total += sum);
    ///     for n in 0..100 {
    ///         run.scatter_into(move || n, &sums);
    ///     }
    ///     run.gather_all().unwrap();
    ///     assert_eq!((sums.stats().combined, sums.stats().flushed), (100, 100));
    /// });
    /// ```
    #[must_use]
    pub fn stats(&self) -> CombinerStats {
        self.inner.stats()
    }
}

impl<T> fmt::Debug for CombinerHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CombinerHandle")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// The way into a combiner, for a task.
struct Putter<'env, T>(*const (dyn Settings<T> + 'env));

// SAFETY: a shared reference to something `Sync`; the run keeps it as long as it has the task.
unsafe impl<T> Send for Putter<'_, T> {}

impl<T> Putter<'_, T> {
    fn put(&self, input: T) {
        // SAFETY: see the type.
        unsafe { &*self.0 }.put(input);
    }
}
