//! Limiters: virtual slots for kinds of tasks.
//!
//! # States of a task behind a limiter
//! *Refused* (the limiter is closed), *held* (it is on the limiter's list, and in no queue of the pool), *in a slot*
//! (queued or running). A slot is taken by whoever scatters or by whoever hands a held task on, and given back by
//! the task's closure as the last thing that it does, whether it has run or not; what is combined is combined after
//! that.
//!
//! # Who may touch what
//! Everything is behind the limiter's lock; under it no user code runs, nothing is queued and nobody is woken. A
//! held task's run is alive, for it waits for that task.
//!
//! # Waiting
//! A run that wants a slot and does not get one is noted under the same lock, and rung when a slot becomes free
//! that no held task takes, when the limit is raised and when the limiter is closed. All that wait are rung: whoever
//! has given up in between takes nobody's turn.

use crate::error::Failure;
use crate::scatter::shared::Shared;
use crate::sync::{Arc, Mutex};
use crate::task::entry::{Entry, Taken};
use std::collections::VecDeque;
use std::fmt;

/// How many tasks may be in a [`Limiter`]'s slots.
///
/// ```
/// use windrow::Limit;
///
/// assert_eq!(Limit::from(4), Limit::Max(4));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Any number.
    Unlimited,
    /// None, until the limit is [changed](Limiter::set_limit). Tasks wait.
    Paused,
    /// So many; 0 is like `Paused`.
    Max(usize),
}

impl From<usize> for Limit {
    fn from(max: usize) -> Self {
        Limit::Max(max)
    }
}

impl Limit {
    fn slots(self) -> usize {
        match self {
            Limit::Unlimited => usize::MAX,
            Limit::Paused => 0,
            Limit::Max(max) => max,
        }
    }
}

/// Bounds how many tasks of a kind run at a time: so many readers, so many that compute.
///
/// Its slots are virtual: they hold no thread while nothing runs in them, and a task that waits for one holds none
/// either. Tasks scattered [via](crate::Run::via) a limiter take a slot when they are queued and give it back when
/// they have run, before their result is handled or combined. What a handler scatters into a full limiter waits its
/// turn, oldest first; what the body of a run scatters waits after those.
///
/// Clones are the same limiter. It can be changed at any time and from any thread: a task in a slot is never
/// interrupted, and whoever waits goes on when the limit is raised. Limiters may be shared by runs, but not by a run and
/// one that is nested in a task of it: when all threads wait in nested runs for slots, nobody is left for the tasks that
/// are queued in them.
///
/// ```
/// use windrow::{Limit, Limiter};
///
/// let reading = Limiter::new(4);
/// let total = windrow::gather(0, |run| {
///     for name in ["a", "bb", "ccc"] {
///         run.via(&reading).scatter(move || name.len(), |total, _, len| *total += len);
///     }
///     reading.set_limit(Limit::Unlimited);
/// });
/// assert_eq!(total, 6);
/// assert_eq!((reading.in_use(), reading.waiting()), (0, 0));
/// ```
#[derive(Clone)]
pub struct Limiter(Arc<Mutex<State>>);

struct State {
    limit: Limit,
    closed: bool,
    taken: usize,
    held: VecDeque<Held>,
    waiters: Vec<Arc<Shared>>,
}

/// A task that waits for a slot.
struct Held {
    entry: Entry,
    run: *const Shared,
}

// SAFETY: the run is only compared, or used while it waits for the task.
unsafe impl Send for Held {}

/// What comes of asking for a slot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Slot,
    Full,
    Closed,
}

/// A slot that is taken; dropping it gives it back.
#[derive(Debug)]
pub(super) struct Slot(Limiter);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.change(|state| state.taken -= 1);
    }
}

impl Limiter {
    /// With so many slots.
    ///
    /// ```
    /// use windrow::{Limit, Limiter};
    ///
    /// assert_eq!(Limiter::new(4).limit(), Limit::Max(4));
    /// ```
    #[must_use]
    pub fn new(limit: impl Into<Limit>) -> Self {
        Self(Arc::new(Mutex::new(State {
            limit: limit.into(),
            closed: false,
            taken: 0,
            held: VecDeque::new(),
            waiters: Vec::new(),
        })))
    }

    /// The limit as it is now.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.0.lock().limit
    }

    /// Changes the limit. Lowering it interrupts nothing: as many tasks as are in slots go on, and no new one starts
    /// until enough have ended. Raising it starts those that wait.
    ///
    /// ```
    /// use windrow::{Limit, Limiter};
    ///
    /// let gate = Limiter::new(Limit::Paused);
    /// let n = windrow::gather(0, |run| {
    ///     let second = gate.clone();
    ///     run.scatter(|| (), move |_, run, ()| {
    ///         // It waits behind the limiter, and the handler goes on.
    ///         run.via(&second).scatter(|| 1, |n, _, one| *n += one);
    ///         assert_eq!(second.waiting(), 1);
    ///         second.set_limit(1);
    ///     });
    /// });
    /// assert_eq!(n, 1);
    /// ```
    pub fn set_limit(&self, limit: impl Into<Limit>) {
        let limit = limit.into();
        self.change(|state| state.limit = limit);
    }

    /// Takes no more tasks: they are refused. Those that wait already still run.
    ///
    /// ```
    /// let limiter = windrow::Limiter::new(1);
    /// limiter.close();
    /// windrow::gather((), |run| {
    ///     assert!(!run.via(&limiter).scatter(|| (), |_, _, ()| ()));
    /// });
    /// ```
    pub fn close(&self) {
        let waiters = {
            let mut state = self.0.lock();
            state.closed = true;
            std::mem::take(&mut state.waiters)
        };
        ring(waiters);
    }

    /// Whether it takes no more tasks.
    ///
    /// ```
    /// let limiter = windrow::Limiter::new(1);
    /// assert!(!limiter.is_closed());
    /// limiter.close();
    /// assert!(limiter.is_closed());
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.lock().closed
    }

    /// How many tasks are in slots, queued or running.
    ///
    /// ```
    /// let limiter = windrow::Limiter::new(2);
    /// windrow::gather((), |run| {
    ///     for _ in 0..10 {
    ///         run.via(&limiter).scatter(|| (), |_, _, ()| ());
    ///         assert!(limiter.in_use() <= 2);
    ///     }
    /// });
    /// assert_eq!(limiter.in_use(), 0);
    /// ```
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.0.lock().taken
    }

    /// How many tasks wait for a slot.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.lock().held.len()
    }

    /// Changes the state, and hands on what slots have become free.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.lock();
        change(&mut state);
        let mut ready = Vec::new();
        while state.has_slot() {
            let Some(held) = state.held.pop_front() else {
                break;
            };
            state.taken += 1;
            ready.push(held);
        }
        let waiters = if state.has_slot() {
            std::mem::take(&mut state.waiters)
        } else {
            Vec::new()
        };
        drop(state);
        for Held { entry, run } in ready {
            // SAFETY: it waits for this task, which is not queued yet.
            let registry = Arc::clone(unsafe { &(*run).registry });
            registry
                .tally_here()
                .enter(entry.level(), entry.kind().passage());
            registry.submit(entry);
        }
        ring(waiters);
    }

    /// Asks for a slot; a run that does not get one is rung when there may be one.
    pub(super) fn take(&self, waiter: Option<&Arc<Shared>>) -> Admission {
        let mut state = self.0.lock();
        if state.closed {
            return Admission::Closed;
        }
        if state.held.is_empty() && state.has_slot() {
            state.taken += 1;
            return Admission::Slot;
        }
        if let Some(run) = waiter {
            if !state.waiters.iter().any(|w| Arc::ptr_eq(w, run)) {
                state.waiters.push(Arc::clone(run));
            }
        }
        Admission::Full
    }

    /// For whoever has got a slot.
    pub(super) fn slot(&self) -> Slot {
        Slot(self.clone())
    }

    /// Has a task wait for a slot, which its closure gives back.
    pub(super) fn hold(&self, entry: Entry, run: *const Shared) {
        self.change(|state| state.held.push_back(Held { entry, run }));
    }

    /// Ends what `run`, which has been cancelled, has waiting here. On the owner's thread.
    pub(super) fn forfeit(&self, run: &Shared) {
        let mut state = self.0.lock();
        let (ours, others) = state
            .held
            .drain(..)
            .partition::<VecDeque<_>, _>(|held| std::ptr::eq(held.run, run));
        state.held = others;
        // Each has a slot to give back when its closure is dropped, which is below.
        state.taken += ours.len();
        state.waiters.retain(|w| !std::ptr::eq(&raw const **w, run));
        drop(state);
        for Held { entry, .. } in ours {
            let tally = run.registry.tally_here();
            tally.enter(entry.level(), entry.kind().passage());
            tally.leave(entry.level(), entry.kind().passage());
            let Taken::Run(task) = entry.take() else {
                unreachable!("nobody else can have claimed it");
            };
            let none = task.fail(Failure::Cancelled, run.registry.env_elsewhere());
            debug_assert!(none.is_none(), "the run has it");
        }
    }

    /// A run that waited here does not any more.
    pub(super) fn forget(&self, run: &Shared) {
        let mut state = self.0.lock();
        state.waiters.retain(|w| !std::ptr::eq(&raw const **w, run));
    }

    /// For an error: how many there may be.
    pub(super) fn slots(&self) -> usize {
        self.limit().slots()
    }

    pub(super) fn is_same(&self, other: &Limiter) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl State {
    fn has_slot(&self) -> bool {
        self.taken < self.limit.slots()
    }
}

fn ring(waiters: Vec<Arc<Shared>>) {
    for run in waiters {
        run.inbox.ring();
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        f.debug_struct("Limiter")
            .field("limit", &state.limit)
            .field("in_use", &state.taken)
            .field("waiting", &state.held.len())
            .field("closed", &state.closed)
            .finish()
    }
}

crate::unwind::unwind_safe!([] Limiter;);
