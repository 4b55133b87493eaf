//! Threads from outside that work in a pool for a while: inside a scope, a join, or a task that they
//! claimed. And threads of a pool that are guests of another one, and go back for a call.
//!
//! # Going back
//! A thread may be in several pools: `CURRENT` is its innermost place, and each guest's place knows the one
//! further out. What only the pool further out can do (`install` on its own worker, its mail, tasks of a
//! stalled pool), and what a run handles whose body gathers inside of another pool, the thread does at that
//! place: it is `CURRENT` for the time of the call, and the places further in are left as they are, with their
//! forks and frames. That is in order because a thread does one thing after the other: whatever the call
//! begins at that place has ended before the places further in are used again.
//!
//! # Who may touch what
//! `DETOUR` and what it points at belong to the thread; only `Participant::at` sets it.

use crate::error::Failure;
use crate::scheduler::participant::Participant;
use crate::scheduler::registry::Registry;
use crate::sim::Sim;
use crate::sync::{Arc, plain_thread_local};
use crate::task::entry::Claimed;
use crate::unwind::{self, Payload};
use std::cell::Cell;
use std::panic::resume_unwind;
use std::ptr;

plain_thread_local! {
    /// The latest call for which this thread has gone back to a place further out, and is still there.
    static DETOUR: Cell<*const Detour> = const { Cell::new(ptr::null()) };
}

/// A call at a place further out, in the frame of [`Participant::at`].
struct Detour {
    /// The innermost place before the call.
    from: *const Participant,
    before: *const Detour,
}

impl Drop for Detour {
    fn drop(&mut self) {
        DETOUR.with(|detour| detour.set(self.before));
        Participant::set_current(self.from);
    }
}

/// The calling thread's places, the innermost first; after those that can be reached from it, the ones from
/// which it has gone back (and so some of them more than once).
pub(super) fn places<'a>() -> impl Iterator<Item = &'a Participant> {
    let mut next = Participant::current();
    let mut detour = DETOUR.with(Cell::get);
    std::iter::from_fn(move || {
        while next.is_null() {
            // SAFETY: a detour is in a frame of this thread for as long as it is on the list.
            let left = unsafe { detour.as_ref() }?;
            (next, detour) = (left.from, left.before);
        }
        // SAFETY: a current participant is alive, so are those further out, and those that it will come back to.
        let place = unsafe { &*next };
        next = place.outer_place();
        Some(place)
    })
}

/// Whether the calling thread works in a pool of the simulation, here or further out.
pub(crate) fn is_inside(sim: &Arc<Sim>) -> bool {
    let same = |other: &Arc<Sim>| Arc::ptr_eq(sim, other);
    places().any(|here| here.registry().sim.as_ref().is_some_and(same))
}

impl Participant {
    /// Calls `f` with this place as the innermost, which must be one that the calling thread has.
    pub(crate) fn at<R>(&self, f: impl FnOnce() -> R) -> R {
        let detour = Detour {
            from: Participant::current(),
            before: DETOUR.with(Cell::get),
        };
        DETOUR.with(|latest| latest.set(&raw const detour));
        Participant::set_current(self);
        f()
    }

    /// The same for what the code at the innermost place, `inner`, has called: what `f` makes is beneath the task
    /// that runs there. As in a task, no scope is open in `f` at first.
    pub(crate) fn call_from<R>(&self, inner: &Participant, f: impl FnOnce() -> R) -> R {
        let node = if self.runs_task() {
            inner.node()
        } else {
            ptr::null()
        };
        let mut outcome = None;
        self.at(|| {
            self.run_uncounted(node, self.level(), || outcome = Some(unwind::catch(f)));
        });
        match outcome.expect("run_uncounted has called it") {
            Ok(value) => value,
            Err(payload) => resume_unwind(payload),
        }
    }
}

/// The calling thread's stay in a pool; leaving is dropping.
#[derive(Debug)]
pub(crate) struct Guest<'r> {
    registry: &'r Registry,
    place: &'r Participant,
    before: *const Participant,
}

impl<'r> Guest<'r> {
    /// The calling thread comes in. It must not already be in this pool as its innermost.
    ///
    /// # Panics
    /// In a forked child of the process that built the pool.
    pub(crate) fn enter(registry: &'r Registry) -> Self {
        registry.check_process();
        let place = registry.guest_place();
        registry.idle.enter();
        let before = Participant::set_current(place);
        place.come_from(before);
        Self {
            registry,
            place,
            before,
        }
    }

    pub(crate) fn place(&self) -> &'r Participant {
        self.place
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        // What it spawned and nobody has taken yet is the pool's now.
        self.place.empty_deques();
        if self.registry.idle.is_terminated() {
            self.registry.sweep();
        }
        Participant::set_current(self.before);
        self.registry.return_guest_place(self.place);
        self.registry.idle.leave(self.registry);
        if !self.registry.idle.is_deserted() {
            self.registry.hand_on();
        }
    }
}

/// A thread that needs the pool's workers for a while.
#[derive(Debug)]
pub(crate) struct Visit<'r>(&'r Registry);

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.0.idle.end_visit(self.0);
    }
}

impl Registry {
    /// Keeps the pool from ending, if it has not, as long as the visit lasts; also one that takes nothing more from
    /// outside.
    pub(super) fn stay(&self) -> Visit<'_> {
        self.idle.stay();
        Visit(self)
    }

    /// Where the calling thread is this pool's worker, though it works in another pool just now: its innermost place, and
    /// its own here.
    pub(crate) fn worker_elsewhere(&self) -> Option<(&Participant, &Participant)> {
        // SAFETY: a current participant is alive.
        let inner = unsafe { Participant::current().as_ref() }?;
        let home = inner.and_outer().last()?;
        (!ptr::eq(home, inner) && !home.is_guest() && ptr::eq(home.registry(), self))
            .then_some((inner, home))
    }

    /// Keeps the pool from ending as long as the visit lasts.
    ///
    /// # Panics
    /// If it has been shut down, unless the caller is at work in it; or has ended, for an exit handler.
    pub(crate) fn visit(&self) -> Option<Visit<'_>> {
        if self.is_at_work_here() && !self.idle.is_terminated() {
            return None;
        }
        assert!(
            self.idle.visit(self),
            "the windrow pool has been shut down, and nobody is left to run this"
        );
        Some(Visit(self))
    }
}

/// Calls `f` with the calling thread's place in the pool, entering it if need be.
pub(crate) fn with_place<R>(registry: &Registry, f: impl FnOnce(&Participant) -> R) -> R {
    let current = Participant::current();
    // SAFETY: a current participant is alive.
    match unsafe { current.as_ref() } {
        Some(here) if std::ptr::eq(here.registry(), registry) => f(here),
        _ => f(Guest::enter(registry).place()),
    }
}

/// Ends a claimed task of `registry` without running it; gives back a panic from dropping its closure.
///
/// # Safety
/// As for [`run_claimed`], the claim having been made with the `FOREIGN` bit in any case.
pub(crate) unsafe fn cancel_claimed(registry: *const Registry, task: Claimed) -> Option<Payload> {
    // SAFETY: the pool outlives the unfinished task.
    unsafe { Arc::increment_strong_count(registry) };
    // SAFETY: the count has just been taken for this.
    let registry = unsafe { Arc::from_raw(registry) };
    registry.note_left(task.level(), task.kind(), registry.tally_here());
    let panic = task.fail(Failure::Cancelled, registry.env_elsewhere());
    registry.idle.look_after(&*registry);
    panic
}

/// Runs a claimed task of `registry` on a thread that need not be in that pool.
///
/// # Safety
/// `registry` points to the task's pool, and the claim was made with the `FOREIGN` bit if the thread is
/// not in that pool (see `task::state`).
pub(crate) unsafe fn run_claimed(registry: *const Registry, task: Claimed) {
    // SAFETY: the pool outlives the unfinished task.
    unsafe { Arc::increment_strong_count(registry) };
    // SAFETY: the count has just been taken for this. It keeps the pool beyond the task's end, until
    // this thread has left it.
    let registry = unsafe { Arc::from_raw(registry) };
    with_place(&registry, |here| here.run_task(task));
    // The caller goes on with something else, which may be no task of this pool, and it may stay inside.
    registry.idle.changed.notify();
}
