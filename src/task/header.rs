//! What all spawned tasks have in common, and what they can be asked to do.

use crate::error::{Failure, PanicSink};
use crate::metrics::{Ended, Passage, Tally};
use crate::priority::Priority;
use crate::task::counter::{Counter, Owner};
use crate::task::node::Node;
use crate::task::state::State;
use crate::unwind::Payload;
use std::ptr::{self, NonNull};

/// What a task is, as far as queues and waiters care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Owns what it uses; nobody waits for it without a handle.
    Spawned,
    /// Its parent is the node of a scope's counter, which counts it and outlives it.
    Scoped,
    /// Its parent is the node of a run's inbox, to which it comes back.
    Gathered,
    /// Its spawner waits for it, and guests must not run it.
    Installed,
    /// An entry that runs one attempt of a task with options; see `promise`.
    Dispatch,
    /// Never queued: the place of the outcome of a task with options.
    Promise,
    /// The same in a scope, whose counter hears of its panics (but is counted down elsewhere).
    ScopedPromise,
}

impl Kind {
    /// How it is counted on its way through a queue.
    #[inline(always)]
    pub(crate) fn passage(self) -> Passage {
        match self {
            Kind::Spawned => Passage::Spawned,
            Kind::Scoped | Kind::Installed | Kind::Gathered => Passage::Structured,
            Kind::Dispatch | Kind::Promise | Kind::ScopedPromise => Passage::Dispatch,
        }
    }
}

/// The first field of each spawned task.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) state: State,
    pub(super) vtable: &'static VTable,
    pub(crate) node: Node,
    pub(crate) level: Priority,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(super) struct VTable {
    pub(super) run: unsafe fn(NonNull<Header>, Env<'_>),
    pub(super) free: unsafe fn(NonNull<Header>),
    /// Drops a closure or an outcome; gives back a panic that came of it.
    pub(super) discard: unsafe fn(NonNull<Header>) -> Option<Payload>,
    /// Writes the outcome, a `Result<T, Lost>`, to the place given.
    pub(super) take: unsafe fn(NonNull<Header>, *mut ()),
    /// Ends a claimed task without running it; gives back a panic from dropping its closure.
    pub(super) fail: unsafe fn(NonNull<Header>, Failure, Env<'_>) -> Option<Payload>,
}

/// What a task needs to know of where it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Env<'a> {
    /// The participant that runs it; null outside of the pool.
    pub(crate) here: Owner,
    /// Where a panic goes that nobody receives.
    pub(crate) sink: &'a PanicSink,
    /// Where its end is counted; none if it has been counted already.
    pub(crate) tally: Option<&'a Tally>,
}

/// Why there is no result.
#[derive(Debug)]
pub(crate) enum Lost {
    Panicked(Payload),
    Unrun(Failure),
}

impl Header {
    /// The counter of the task's scope, or null.
    #[inline(always)]
    pub(super) fn counter(&self) -> *const Counter {
        match self.kind {
            Kind::Scoped | Kind::ScopedPromise => Counter::of_node(self.node.parent()),
            _ => ptr::null(),
        }
    }

    /// Counts the end of a task; that of a task with options is counted where its life is.
    #[inline(always)]
    pub(super) fn count_end(&self, how: Ended, env: Env<'_>) {
        let counted = match self.kind {
            Kind::Spawned | Kind::Scoped | Kind::Gathered | Kind::Installed => env.tally,
            Kind::Dispatch | Kind::Promise | Kind::ScopedPromise => None,
        };
        if let Some(tally) = counted {
            tally.end(how);
        }
    }
}

/// How a task without a result is counted.
pub(crate) fn end_of(failure: Failure) -> Ended {
    match failure {
        Failure::Cancelled => Ended::Cancelled,
        Failure::Expired => Ended::Expired,
        Failure::Full | Failure::Closed | Failure::NoTimer => Ended::Returned,
    }
}

/// Frees a task's memory.
///
/// # Safety
/// The caller has seen the last reference end.
pub(super) unsafe fn free(task: NonNull<Header>) {
    // SAFETY: alive, by contract.
    let free = unsafe { task.as_ref() }.vtable.free;
    // SAFETY: handed on.
    unsafe { free(task) }
}
