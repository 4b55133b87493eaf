//! A thread's place in a pool: a worker's for its life, a guest's while it is inside.
//!
//! # Who may touch what
//! | field | owner thread | others |
//! |---|---|---|
//! | `forks` | as its module says | as its module says |
//! | `frame`, `scope`, `lent`, `off_duty`, `outer`, `rng`, `restraint`, `batching`, `picks`, `net` | read, write | never |
//! | `deques` | push, pop | never (their `stealers` are for others) |
//! | `mailbox` | take | put |
//! | `tally` | count | read |
//! | the rest | read | read |
//!
//! The owner is the thread whose `CURRENT` points here. A guest's place passes from thread to thread
//! through the registry's lock, empty.

use crate::metrics::Tally;
use crate::priority::Priority;
use crate::rng::Rng;
use crate::scheduler::batching::Batching;
use crate::scheduler::forks::Forks;
use crate::scheduler::mail::Mailbox;
use crate::scheduler::queues::{Deques, Stealers};
use crate::scheduler::registry::Registry;
use crate::scheduler::restraint::Restraint;
use crate::sync::plain_thread_local;
use crate::task::counter::{Counter, Owner};
use crate::task::node::Node;
use crate::unwind::AbortIfPanic;
use std::cell::Cell;
use std::ptr;

plain_thread_local! {
    /// The innermost pool that this thread works in. No destructor, so that it can be read at any time
    /// in a thread's life, and a plain load of a fixed place.
    static CURRENT: Cell<*const Participant> = const { Cell::new(ptr::null()) };
    /// The pool whose thread this is, for as long as there is the thread; to be compared only.
    static HOME: Cell<*const Registry> = const { Cell::new(ptr::null()) };
}

/// See the module.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Participant {
    pub(crate) forks: Forks,
    /// The task that runs here, innermost.
    frame: Cell<*const Frame>,
    /// The innermost scope that is open in that task.
    scope: Cell<*const Counter>,
    /// The slot is lent, inside `blocking`.
    pub(crate) lent: Cell<bool>,
    /// A worker that runs its exit handler: it is counted no longer.
    pub(crate) off_duty: Cell<bool>,
    /// Where the thread worked before it came here; a guest's only.
    outer: Cell<*const Participant>,
    registry: *const Registry,
    /// A worker's number; none for a guest.
    index: Option<usize>,
    /// The place in the registry's list.
    seat: usize,
    pub(crate) rng: Rng,
    pub(crate) restraint: Restraint,
    pub(crate) batching: Batching,
    /// Successful picks, for the one in 64.
    pub(crate) picks: Cell<u32>,
    /// Pushes to minus pops from the own deques, wrapping: tells how many entries are newer than a mark.
    net: Cell<usize>,
    pub(crate) deques: Deques,
    pub(crate) stealers: Stealers,
    pub(crate) mailbox: Mailbox,
    /// What this thread counts.
    pub(crate) tally: Tally,
}

// SAFETY: see the table in the module: what others touch is atomic or locked.
unsafe impl Sync for Participant {}
// SAFETY: a guest's place changes hands through a lock; the pointers in it are set anew by each owner.
unsafe impl Send for Participant {}

/// A task that runs on this thread, in its runner's stack frame.
#[derive(Debug)]
pub(crate) struct Frame {
    node: *const Node,
    level: Priority,
    /// It is counted: the pool is not idle before it has ended.
    is_counted: bool,
    /// How many forks were open when it started: those from here on are its own.
    base: usize,
    outer: *const Frame,
}

impl Participant {
    pub(crate) fn new(registry: *const Registry, index: Option<usize>, seat: usize) -> Self {
        let (deques, stealers) = Deques::new();
        Self {
            forks: Forks::new(),
            frame: Cell::new(ptr::null()),
            scope: Cell::new(ptr::null()),
            lent: Cell::new(false),
            off_duty: Cell::new(false),
            outer: Cell::new(ptr::null()),
            registry,
            index,
            seat,
            rng: Rng::new(seat as u64),
            restraint: Restraint::default(),
            batching: Batching::new(),
            picks: Cell::new(0),
            net: Cell::new(0),
            deques,
            stealers,
            mailbox: Mailbox::new(),
            tally: Tally::own(),
        }
    }

    /// The calling thread's place in the innermost pool that it works in, or null.
    #[inline(always)]
    pub(crate) fn current() -> *const Participant {
        CURRENT.with(Cell::get)
    }

    /// Makes `participant` the calling thread's place; returns the one before.
    pub(crate) fn set_current(participant: *const Participant) -> *const Participant {
        CURRENT.with(|current| current.replace(participant))
    }

    /// The pool whose thread this is, or null; it may be gone.
    pub(crate) fn home() -> *const Registry {
        HOME.with(Cell::get)
    }

    /// This thread is the pool's, to its end.
    pub(crate) fn set_home(registry: &Registry) {
        HOME.with(|home| home.set(registry));
    }

    /// The name under which counters know this thread.
    pub(crate) fn id(&self) -> Owner {
        ptr::from_ref(self).cast()
    }

    pub(crate) fn registry(&self) -> &Registry {
        // SAFETY: the registry owns its participants.
        unsafe { &*self.registry }
    }

    /// Where the thread worked before it came here, or null.
    pub(crate) fn outer_place(&self) -> *const Participant {
        self.outer.get()
    }

    /// A guest comes in from `outer`.
    pub(crate) fn come_from(&self, outer: *const Participant) {
        self.outer.set(outer);
    }

    pub(crate) fn index(&self) -> Option<usize> {
        self.index
    }

    pub(crate) fn seat(&self) -> usize {
        self.seat
    }

    pub(crate) fn is_guest(&self) -> bool {
        self.index.is_none()
    }

    /// The place that this thread has one further out.
    pub(super) fn outer(&self) -> Option<&Participant> {
        // SAFETY: the thread is there as long as it is here.
        unsafe { self.outer_place().as_ref() }
    }

    /// This place and those that its thread has further out.
    pub(super) fn and_outer(&self) -> impl Iterator<Item = &Participant> {
        std::iter::successors(Some(self), |place| place.outer())
    }

    fn frame(&self) -> Option<&Frame> {
        // SAFETY: frames are set and unset by `run_framed` around a call on this thread.
        unsafe { self.frame.get().as_ref() }
    }

    /// What waits for whatever is made here: the node of the innermost task that runs here, or if there is none,
    /// further out, in whichever pool that is; null at the top.
    pub(crate) fn node(&self) -> *const Node {
        match self.frame() {
            Some(frame) => frame.node,
            None => self.outer_node(),
        }
    }

    fn outer_node(&self) -> *const Node {
        self.outer().map_or(ptr::null(), Participant::node)
    }

    /// A task of this pool runs here.
    pub(crate) fn runs_task(&self) -> bool {
        self.frame().is_some_and(|frame| !frame.node.is_null())
    }

    /// The level that work made here inherits.
    pub(crate) fn level(&self) -> Priority {
        self.frame()
            .map_or_else(|| self.registry().default_level(), |frame| frame.level)
    }

    /// The parent and the level of the open fork in `slot`.
    pub(crate) fn describe_fork(&self, slot: usize) -> (*const Node, Priority) {
        let mut frame = self.frame();
        while let Some(inner) = frame {
            if inner.base <= slot {
                return (inner.node, inner.level);
            }
            // SAFETY: outer frames outlive inner ones.
            frame = unsafe { inner.outer.as_ref() };
        }
        (self.outer_node(), self.registry().default_level())
    }

    /// Runs `f` as the task `node`. `f` must not unwind: the frame would stay behind.
    #[inline(always)]
    pub(crate) fn run_framed(&self, node: *const Node, level: Priority, f: impl FnOnce()) {
        self.run_in_frame(node, level, true, f);
    }

    /// The same for what does not count as a task: a half of a join, a letter.
    #[inline(always)]
    pub(crate) fn run_uncounted(&self, node: *const Node, level: Priority, f: impl FnOnce()) {
        self.run_in_frame(node, level, false, f);
    }

    /// Whether a task runs here that is counted, so that the pool cannot be idle.
    pub(super) fn runs_counted(&self) -> bool {
        self.frame().is_some_and(|frame| frame.is_counted)
    }

    fn run_in_frame(&self, node: *const Node, level: Priority, is_counted: bool, f: impl FnOnce()) {
        let frame = Frame {
            node,
            level,
            is_counted,
            base: self.forks.depth(),
            outer: self.frame.get(),
        };
        self.frame.set(&raw const frame);
        let scope = self.scope.replace(ptr::null());
        let whole = AbortIfPanic;
        f();
        whole.disarm();
        self.scope.set(scope);
        self.frame.set(frame.outer);
    }

    /// Sets the innermost open scope; returns the one before.
    pub(crate) fn set_scope(&self, scope: *const Counter) -> *const Counter {
        self.scope.replace(scope)
    }

    pub(crate) fn scope(&self) -> *const Counter {
        self.scope.get()
    }

    /// Counts entries pushed to (and popped from) the own deques.
    pub(crate) fn count_net(&self, delta: isize) {
        self.net.set(self.net.get().wrapping_add_signed(delta));
    }

    /// A point in the history of the own deques.
    pub(crate) fn mark(&self) -> usize {
        self.net.get()
    }

    /// The most entries in the own deques that can be newer than `mark`.
    pub(crate) fn newer_than(&self, mark: usize) -> usize {
        let newer = self.net.get().wrapping_sub(mark);
        // Fewer than at the mark: older ones have been popped since, nothing is newer.
        if newer > isize::MAX as usize {
            0
        } else {
            newer
        }
    }
}
