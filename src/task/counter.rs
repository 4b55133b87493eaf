//! How a scope counts its children and hears of the last one.
//!
//! A child is counted before it is published and uncounted after all of it is gone: closure, result,
//! panic payload (rust#94644). Most children are spawned and finished by the thread that opened the
//! scope, so the count is in two parts: `local`, a plain cell for that thread, and `shared`, an atomic
//! for everybody else. Their sum is the number of unfinished children; either may be negative.
//!
//! # States
//! * *Open*: the waiting bit is clear. The owner polls `local + shared`. A remote completion subtracts
//!   and touches the counter no more.
//! * *Waiting*: the owner has folded `local` into `shared`, set the bit, and registered at the latch.
//!   The completion that brings the sum to zero sets the latch, and from then on the owner may leave
//!   **only** through the latch: the completer is still about to touch it. `resume` goes back to
//!   *Open*; if it finds the sum at zero, it waits for the latch to be set.
//!
//! # Memory ordering
//! A remote completion subtracts with AcqRel; the owner reads the zero with Acquire (or through the
//! latch). The subtractions form a release sequence, so the owner sees everything that every child did.

use crate::latch::{Latch, Registration};
use crate::park::Parker;
use crate::sync::{Arc, AtomicIsize, AtomicUsize, Mutex, Ordering, spin_loop, yield_now};
use crate::task::node::Node;
use crate::unwind::{self, Payload};
use std::cell::Cell;
use std::fmt;

const WAITING: isize = 1;
const ONE: isize = 2;

/// Names the thread (its participant) that a counter belongs to; compared, never followed.
pub(crate) type Owner = *const ();

/// Counts the unfinished children of one wait, and keeps their first panic. Its node is its first field,
/// see `of_node`.
#[repr(C)]
pub(crate) struct Counter {
    pub(crate) node: Node,
    owner: Owner,
    /// Owner only.
    local: Cell<isize>,
    /// Sum times two, plus the waiting bit.
    shared: AtomicIsize,
    latch: Latch,
    panic: Mutex<Option<Payload>>,
    /// Panicked children whose payload nobody has taken.
    unreceived: AtomicUsize,
}

// SAFETY: `local` and the methods that say "owner" are used by the owning thread only; `node` is
// written before the counter is shared; the rest is atomics and locks.
unsafe impl Sync for Counter {}
// SAFETY: the only thing tied to a thread is `owner`, which is only compared.
unsafe impl Send for Counter {}

impl Counter {
    pub(crate) fn new(parent: *const Node, owner: Owner) -> Self {
        Self {
            node: Node::new(parent),
            owner,
            local: Cell::new(0),
            shared: AtomicIsize::new(0),
            latch: Latch::new(),
            panic: Mutex::new(None),
            unreceived: AtomicUsize::new(0),
        }
    }

    /// The counter whose node this is.
    pub(crate) fn of_node(node: *const Node) -> *const Counter {
        node.cast()
    }

    /// Counts a child, before it is published. `here` is the calling participant.
    pub(crate) fn add(&self, here: Owner) {
        if here == self.owner {
            self.local.set(self.local.get() + 1);
        } else {
            // Relaxed: publication of the child orders it before the child's completion.
            self.shared.fetch_add(ONE, Ordering::Relaxed);
        }
    }

    /// Uncounts a child of which nothing is left.
    ///
    /// # Safety
    /// `this` is alive when called, and the caller counted for a child that was added. It may dangle
    /// as soon as this returns.
    pub(crate) unsafe fn complete(this: *const Counter, here: Owner) {
        // SAFETY: alive by contract; `owner` never changes.
        if here == unsafe { (*this).owner } {
            // SAFETY: on the owning thread, which cannot leave while it is here.
            let counter = unsafe { &*this };
            counter.local.set(counter.local.get() - 1);
            return;
        }
        // SAFETY: alive until the subtraction; after it only if the waiting bit says so.
        let old = unsafe { &(*this).shared }.fetch_sub(ONE, Ordering::AcqRel);
        if old == ONE | WAITING {
            // SAFETY: the sum is zero and the owner waits, so it stays until the latch is set.
            let latch = unsafe { &raw const (*this).latch };
            // SAFETY: as above.
            unsafe { Latch::set(latch) };
        }
    }

    /// Owner: whether all children have finished.
    pub(crate) fn is_done(&self) -> bool {
        let shared = self.shared.load(Ordering::Acquire);
        debug_assert_eq!(shared & WAITING, 0, "the owner polls only while open");
        self.local.get() + (shared >> 1) == 0
    }

    /// Owner: starts waiting. `AlreadySet` means that all children have finished.
    pub(crate) fn register(&self, parker: &Arc<Parker>) -> Registration {
        let registered = self.latch.register(parker);
        debug_assert_eq!(
            registered,
            Registration::Registered,
            "the latch is reset by resume"
        );
        let local = self.local.replace(0);
        let sum = self
            .shared
            .fetch_add(local * ONE + WAITING, Ordering::AcqRel)
            + local * ONE;
        if sum == 0 {
            // Nobody is left who could set the latch.
            self.shared.fetch_sub(WAITING, Ordering::Relaxed);
            let set = self.latch.unregister();
            debug_assert!(!set, "no completion was left");
            Registration::AlreadySet
        } else {
            Registration::Registered
        }
    }

    /// Owner: stops waiting; `true` if all children have finished.
    pub(crate) fn unregister(&self) -> bool {
        let old = self.shared.fetch_sub(WAITING, Ordering::AcqRel);
        if old == WAITING {
            // The last completion is between its subtraction and the end of `Latch::set`.
            let mut spins = 0u32;
            while !self.latch.is_set() {
                spins += 1;
                if spins % 64 == 0 {
                    yield_now();
                } else {
                    spin_loop();
                }
            }
            return true;
        }
        let set = self.latch.unregister();
        debug_assert!(!set, "the latch is set only when the sum is zero");
        false
    }

    /// A child panicked and its handle, if it has one, has not been asked yet.
    pub(crate) fn note_panic(&self) {
        self.unreceived.fetch_add(1, Ordering::Relaxed);
    }

    /// A child's handle handed the panic on, or kept it from being lost.
    pub(crate) fn panic_received(&self) {
        self.unreceived.fetch_sub(1, Ordering::Relaxed);
    }

    /// Keeps the panic of a child that nobody joins; the first one is resumed by the scope.
    pub(crate) fn keep_panic(&self, payload: Payload) {
        let mut first = self.panic.lock();
        if first.is_none() {
            *first = Some(payload);
        } else {
            drop(first);
            unwind::discard(payload);
        }
    }

    /// Owner, after the last child: the first panic that nobody received. The second part tells of
    /// panics whose handles were forgotten, so that not even those are lost.
    pub(crate) fn take_panic(&self) -> (Option<Payload>, bool) {
        let first = self.panic.lock().take();
        (first, self.unreceived.load(Ordering::Relaxed) > 0)
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counter").finish_non_exhaustive()
    }
}
