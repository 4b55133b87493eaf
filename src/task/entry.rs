//! A queue's reference to a task, and a task that has been claimed.

use crate::error::Failure;
use crate::priority::Priority;
use crate::task::header::{Env, Header, Kind, free};
use crate::task::node::{self, Node};
use crate::task::promise::Dispatch;
use crate::task::state::{Popped, Released};
use crate::unwind::Payload;
use std::ptr::{self, NonNull};

/// A queue's reference to a task (the `QUEUED` bit).
///
/// Dropping it without `pop` leaks the reference; queues are drained, not dropped.
#[derive(Debug)]
pub(crate) struct Entry(NonNull<Header>);

// SAFETY: a task's closure and result are `Send`, and the claim word hands them on properly.
unsafe impl Send for Entry {}

/// A task that the holder has claimed and must run, or end otherwise.
#[derive(Debug)]
#[must_use]
pub(crate) struct Claimed(NonNull<Header>);

// SAFETY: as for `Entry`; the claim is exclusive.
unsafe impl Send for Claimed {}

/// What an entry turned out to be.
#[derive(Debug)]
#[must_use]
pub(crate) enum Taken {
    Run(Claimed),
    /// Done or running elsewhere; the entry is gone.
    Stale,
    /// A thread outside the pool runs it; the entry must be kept until it is done.
    Foreign(Entry),
}

impl Entry {
    pub(super) fn new(task: NonNull<Header>) -> Self {
        Self(task)
    }

    fn header(&self) -> &Header {
        // SAFETY: the `QUEUED` reference keeps it alive.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn level(&self) -> Priority {
        self.header().level
    }

    pub(crate) fn kind(&self) -> Kind {
        self.header().kind
    }

    /// Claims the task, or finds that somebody has.
    pub(crate) fn take(self) -> Taken {
        match self.header().state.pop() {
            Popped::Claimed => Taken::Run(Claimed(self.0)),
            Popped::Stale => Taken::Stale,
            Popped::StaleLast => {
                // SAFETY: ours was the last reference.
                unsafe { free(self.0) };
                Taken::Stale
            }
            Popped::Foreign => Taken::Foreign(self),
        }
    }

    /// Whether a kept foreign entry can be let go: the task is done.
    pub(crate) fn is_done(&self) -> bool {
        self.header().state.is_done()
    }

    /// Lets a kept foreign entry go.
    pub(crate) fn release(self) {
        if self.header().state.release_entry() == Released::Last {
            // SAFETY: ours was the last reference.
            unsafe { free(self.0) };
        }
    }

    /// Whether a thread that waits for `awaited` may run this task.
    ///
    /// A direct child is known by its parent pointer alone. For deeper descent the chain is walked,
    /// which is safe only while nobody else can claim the task and end it, and with it its ancestors'
    /// wait: when it has no handle (or one that only waits, as `install` has), so that holding the entry is
    /// holding the task. A deeper task with another handle is left to whoever holds that. A dispatch never is
    /// exclusive: the life that it belongs to may be claimed in place, or be over. The life itself is alive, so
    /// its own parent can be compared as well, and that is all.
    pub(crate) fn is_beneath(&self, awaited: *const Node, guest: bool) -> bool {
        let header = self.header();
        if guest && header.kind == Kind::Installed {
            return false;
        }
        let parent = header.node.parent();
        if ptr::eq(parent, awaited) {
            return !header.state.is_claimed();
        }
        if header.kind == Kind::Dispatch {
            // SAFETY: the dispatch has not been run, so it still holds the life whose node this is.
            return unsafe { parent.as_ref() }.is_some_and(|life| ptr::eq(life.parent(), awaited));
        }
        // The caller of `install` has a handle, but never claims by it.
        let installed = header.kind == Kind::Installed && !header.state.is_claimed();
        // SAFETY: exclusive hold of an unfinished task keeps its ancestors alive.
        (installed || header.state.is_popper_exclusive())
            && unsafe { node::descends_from(parent, awaited) }
    }
}

impl Claimed {
    pub(super) fn new(task: NonNull<Header>) -> Self {
        Self(task)
    }

    pub(super) fn into_raw(self) -> NonNull<Header> {
        self.0
    }

    fn header(&self) -> &Header {
        // SAFETY: claimed and not yet run, so alive.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn node(&self) -> *const Node {
        // SAFETY: claimed and not yet run, so alive.
        unsafe { &raw const (*self.0.as_ptr()).node }
    }

    pub(crate) fn level(&self) -> Priority {
        self.header().level
    }

    pub(crate) fn kind(&self) -> Kind {
        self.header().kind
    }

    /// Runs the task to its end. Never unwinds.
    pub(crate) fn run(self, env: Env<'_>) {
        let run = self.header().vtable.run;
        // SAFETY: the claim is exclusive and used up here.
        unsafe { run(self.0, env) }
    }

    /// Ends the task without running it; gives back a panic from dropping its closure.
    pub(crate) fn fail(self, failure: Failure, env: Env<'_>) -> Option<Payload> {
        let fail = self.header().vtable.fail;
        // SAFETY: the claim is exclusive and used up here.
        unsafe { fail(self.0, failure, env) }
    }

    /// The life of a task with options, if this is a dispatch of one.
    pub(crate) fn into_dispatch(self, env: Env<'_>) -> Result<Dispatch, Claimed> {
        if self.kind() == Kind::Dispatch {
            // SAFETY: all tasks of this kind are made of this type.
            Ok(
                unsafe {
                    crate::task::heap::reclaim::<Dispatch, ()>(self, Failure::Cancelled, env)
                },
            )
        } else {
            Err(self)
        }
    }
}
