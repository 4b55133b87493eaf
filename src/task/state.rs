//! The claim word of a spawned task.
//!
//! One word says who may run the task, who may take its result and who frees it.
//!
//! | bit | meaning | set by | cleared by |
//! |---|---|---|---|
//! | `QUEUED` | an entry in a queue of the pool refers to the task | birth | whoever pops the entry |
//! | `HANDLE` | a handle refers to the task | birth | dropping the handle |
//! | `CLAIMED` | somebody runs it, ran it, or makes sure that nobody does | the claimant, once | never |
//! | `FOREIGN` | the claimant is not a worker of the pool | with `CLAIMED` | never |
//! | `DONE` | the outcome is in its place | the claimant, once | never |
//!
//! The rest of the word is the address of the parker of the handle's thread while it waits, an owned
//! reference as in `latch`.
//!
//! # Who frees
//! Whoever clears or finds cleared the last of: `QUEUED`, `HANDLE`, not-yet-`DONE`. Each of the three
//! has one party that ends it, with one read-modify-write of the word, so exactly one of them sees the
//! other two ended.
//!
//! # Who may touch the body
//! The closure: the claimant. The outcome: the claimant before `DONE`; after it the handle, or, where
//! the handle was dropped before `DONE`, still the claimant.
//!
//! # Why the pool is alive for a claimant from outside
//! The pool does not end while a task is unstarted, and an entry of a task that is claimed from outside
//! (`FOREIGN`) and not `DONE` is not released but kept by the pool until it is. So between its claim and
//! `DONE` the claimant may use the pool.
//!
//! # Memory ordering
//! Publication: the queue. Claims are AcqRel, so that a claimant sees a dropped handle's last acts.
//! `DONE` is set with AcqRel: Release for the handle that reads the outcome with Acquire, Acquire for
//! the parker and for a handle dropped before. Every bit that gives up access is cleared with Release
//! and read with Acquire by whoever frees.

use crate::park::Parker;
use crate::sync::{Arc, AtomicUsize, Ordering};
use std::fmt;

const CLAIMED: usize = 1;
const DONE: usize = 2;
const QUEUED: usize = 4;
const HANDLE: usize = 8;
const FOREIGN: usize = 16;
const FLAGS: usize = 63;

/// See the module.
pub(crate) struct State(AtomicUsize);

/// What a popped entry is good for.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Popped {
    /// The popper has claimed the task and must run it.
    Claimed,
    /// Somebody else has it; the entry is released.
    Stale,
    /// Somebody else has it, and this was the last reference: free it.
    StaleLast,
    /// A claimant from outside runs it: the entry must be kept until the task is done.
    Foreign,
}

/// What a claimant finds when the outcome is in its place.
#[derive(Debug)]
#[must_use]
pub(crate) enum Completed {
    /// The outcome is the handle's now; the task may be gone. Its thread is to be woken.
    HandedOver(Option<Arc<Parker>>),
    /// The handle was dropped: report and drop the outcome, then call [`State::finish_orphan`].
    Orphan,
}

/// What a handle that is being dropped finds.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Dropped {
    /// The task goes on without a handle.
    Detached,
    /// The outcome is there: take it, then call [`State::release_done_handle`].
    Done,
}

/// Whether a reference was the last.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Released {
    /// Others refer to the task.
    Shared,
    /// That was the last reference: free it.
    Last,
}

impl State {
    /// A task that is about to be queued. Its handle exists from the beginning.
    pub(crate) fn queued() -> Self {
        Self(AtomicUsize::new(QUEUED | HANDLE))
    }

    /// The same without a handle: only whoever pops the entry can claim it.
    pub(crate) fn unattended() -> Self {
        Self(AtomicUsize::new(QUEUED))
    }

    /// Whoever has it puts an unattended task back to where it can be claimed, before its entry is queued anew.
    pub(crate) fn requeue(&self) {
        // Relaxed: the queue publishes it.
        self.0.store(QUEUED, Ordering::Relaxed);
    }

    /// A place for an outcome that is never queued: whoever made it has the claim.
    pub(crate) fn promised() -> Self {
        Self(AtomicUsize::new(CLAIMED | HANDLE))
    }

    pub(crate) fn is_claimed(&self) -> bool {
        self.0.load(Ordering::Acquire) & CLAIMED != 0
    }

    /// No handle and not claimed: only whoever pops the entry can claim it.
    pub(crate) fn is_popper_exclusive(&self) -> bool {
        self.0.load(Ordering::Acquire) & FLAGS == QUEUED
    }

    pub(crate) fn is_done(&self) -> bool {
        self.0.load(Ordering::Acquire) & DONE != 0
    }

    /// Decides what the entry that was just taken from a queue is good for.
    pub(crate) fn pop(&self) -> Popped {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            if word == QUEUED {
                // Nobody else refers to it, so nobody else can change the word.
                self.0.store(CLAIMED, Ordering::Relaxed);
                return Popped::Claimed;
            }
            let (next, popped) = if word & CLAIMED == 0 {
                ((word & !QUEUED) | CLAIMED, Popped::Claimed)
            } else if word & (FOREIGN | DONE) == FOREIGN {
                return Popped::Foreign;
            } else if word & (DONE | HANDLE) == DONE {
                (word & !QUEUED, Popped::StaleLast)
            } else {
                (word & !QUEUED, Popped::Stale)
            };
            match self
                .0
                .compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return popped,
                Err(found) => word = found,
            }
        }
    }

    /// Releases an entry that was kept because of [`Popped::Foreign`], now that the task is done.
    pub(crate) fn release_entry(&self) -> Released {
        let old = self.0.fetch_and(!QUEUED, Ordering::AcqRel);
        debug_assert_ne!(
            old & DONE,
            0,
            "a foreign entry is kept until the task is done"
        );
        if old & HANDLE == 0 {
            Released::Last
        } else {
            Released::Shared
        }
    }

    /// The handle's claim to run the task itself, or to end it without; `false` if somebody has it already.
    pub(crate) fn claim(&self, foreign: bool) -> bool {
        let bits = CLAIMED | if foreign { FOREIGN } else { 0 };
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            if word & CLAIMED != 0 {
                return false;
            }
            match self.0.compare_exchange_weak(
                word,
                word | bits,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(found) => word = found,
            }
        }
    }

    /// The claimant has put the outcome into its place.
    pub(crate) fn complete(&self) -> Completed {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            if word & HANDLE == 0 {
                return Completed::Orphan;
            }
            match self.0.compare_exchange_weak(
                word,
                (word & FLAGS) | DONE,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(old) => return Completed::HandedOver(take_parker(old)),
                Err(found) => word = found,
            }
        }
    }

    /// The claimant has dropped the outcome of a task without a handle.
    pub(crate) fn finish_orphan(&self) -> Released {
        if self.0.load(Ordering::Acquire) & QUEUED == 0 {
            // Neither an entry nor a handle: nobody else looks at the word any more.
            return Released::Last;
        }
        let old = self.0.fetch_or(DONE, Ordering::AcqRel);
        if old & QUEUED == 0 {
            Released::Last
        } else {
            Released::Shared
        }
    }

    /// The handle is being dropped.
    pub(crate) fn drop_handle(&self) -> Dropped {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            if word & DONE != 0 {
                return Dropped::Done;
            }
            match self.0.compare_exchange_weak(
                word,
                word & !HANDLE,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Dropped::Detached,
                Err(found) => word = found,
            }
        }
    }

    /// The handle of a done task has taken the outcome and lets go.
    pub(crate) fn release_done_handle(&self) -> Released {
        let old = self.0.fetch_and(!HANDLE, Ordering::AcqRel);
        debug_assert_ne!(old & DONE, 0, "only after the task is done");
        if old & QUEUED == 0 {
            Released::Last
        } else {
            Released::Shared
        }
    }

    /// The handle's thread asks to be woken; `false` if the task is done.
    pub(crate) fn register(&self, parker: &Arc<Parker>) -> bool {
        let address = Arc::into_raw(Arc::clone(parker)) as usize;
        debug_assert_eq!(address & FLAGS, 0, "parkers are aligned to 64");
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            if word & DONE != 0 {
                drop(take_parker(address));
                return false;
            }
            debug_assert_eq!(word & !FLAGS, 0, "one handle, one waiter");
            match self.0.compare_exchange_weak(
                word,
                word | address,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return true,
                Err(found) => word = found,
            }
        }
    }

    /// The handle's thread stops waiting; `true` if the task is done.
    pub(crate) fn unregister(&self) -> bool {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            if word & DONE != 0 {
                return true;
            }
            match self.0.compare_exchange_weak(
                word,
                word & FLAGS,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(old) => {
                    drop(take_parker(old));
                    return false;
                }
                Err(found) => word = found,
            }
        }
    }
}

/// The reference to a parker that was in `word`, now out of it.
fn take_parker(word: usize) -> Option<Arc<Parker>> {
    let address = word & !FLAGS;
    // SAFETY: a non-zero address came from `Arc::into_raw` in `register`, and the caller has just
    // taken it out of the word (or never put it in).
    (address != 0).then(|| unsafe { Arc::from_raw(address as *const Parker) })
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.0.load(Ordering::Relaxed);
        f.debug_struct("State")
            .field("claimed", &(word & CLAIMED != 0))
            .field("done", &(word & DONE != 0))
            .field("queued", &(word & QUEUED != 0))
            .field("handle", &(word & HANDLE != 0))
            .field("foreign", &(word & FOREIGN != 0))
            .field("waited for", &(word & !FLAGS != 0))
            .finish()
    }
}
