//! The tree of tasks.
//!
//! Every unit that can be waited for has a [`Node`]: a promoted fork, a spawned task, the counter of a
//! scope. A node points at its parent: the node for whose completion the parent's code waits before
//! it ends. A waiter may run exactly the work whose chain of parents meets the node that it waits for
//! (leapfrogging, Wagner & Calder 1993, with the check on the thief's side).
//!
//! # Why walking up is safe
//! An unfinished child keeps its ancestors alive: the parent's frame (or the frame that the counter
//! lies in) cannot return before the child has finished. So whoever has exclusive hold of an
//! unfinished child, or holds the lock under which it would have to be taken, may walk its chain.
//! Each parent pointer was written before the node was published, and publication (a queue, a lock)
//! carries it to the walker.

use std::cell::Cell;
use std::ptr;

/// A place in the tree of tasks.
#[derive(Debug)]
pub(crate) struct Node {
    parent: Cell<*const Node>,
}

impl Node {
    /// A node that is finished before `parent` is; null when nobody waits.
    pub(crate) const fn new(parent: *const Node) -> Self {
        Self {
            parent: Cell::new(parent),
        }
    }

    pub(crate) const fn root() -> Self {
        Self::new(ptr::null())
    }

    /// Writes the parent, before publication only.
    pub(crate) fn set_parent(&self, parent: *const Node) {
        self.parent.set(parent);
    }

    pub(crate) fn parent(&self) -> *const Node {
        self.parent.get()
    }
}

/// Whether `node` is `ancestor` or lies beneath it.
///
/// # Safety
/// `node` and all of its ancestors must be alive during the call (see the module); `ancestor` is
/// only compared.
pub(crate) unsafe fn descends_from(mut node: *const Node, ancestor: *const Node) -> bool {
    while !node.is_null() {
        if ptr::eq(node, ancestor) {
            return true;
        }
        // SAFETY: alive by contract.
        node = unsafe { &*node }.parent();
    }
    false
}
