//! Where the results of a run arrive: a list that anybody adds to and one thread takes from.
//!
//! A run (see `crate::scatter`) opens an inbox on its caller's thread, the *owner*. Each of its tasks comes
//! back here exactly once, with a result, a panic, or its closure if it was not run. Tasks that the owner runs
//! itself come back through a plain list of its own (`first`, `last`); all others through one word.
//!
//! # States of the word
//! | word | meaning |
//! |---|---|
//! | 0 | nothing is here, the owner is awake |
//! | `RUNG` | nothing is here, but the owner is to look around |
//! | a parker's address + `PARKED` | nothing is here, the owner sleeps or is about to |
//! | an item's address | the newest of a list, linked through `next` |
//!
//! | transition | by | then |
//! |---|---|---|
//! | to an item | anybody who brings one | if the owner slept, it is woken |
//! | 0 or parked to `RUNG` | anybody | the same; where there are items the owner looks again when it has taken one |
//! | item to 0 | the owner, `take` | takes the whole list, and turns it round |
//! | `RUNG` to 0 | the owner, `hear` | looks around after that, so that no ring is lost between a look and a wait |
//! | 0 to parked | the owner, `register` | parks, if nothing came before |
//! | parked to 0 | the owner, `unregister` | has its parker back, unless somebody took it |
//!
//! # Lifetime
//! The inbox lives in its owner's frame, or something held by that. The owner leaves when all of its items have
//! come; the last one may be in its hands as soon as the word says so. So whoever brings an item touches the
//! inbox no more after the change of the word: the parker, which it took with that same change, is its own.
//! Whoever rings holds the inbox by other means.
//!
//! # Memory ordering
//! Items are put with Release and taken with Acquire; the changes between form a release sequence. The parker
//! goes in with Release and out with Acquire.

use crate::latch::Registration;
use crate::park::Parker;
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering};
use crate::task::counter::Owner;
use crate::task::gathered::Item;
use crate::task::node::Node;
use std::cell::Cell;
use std::fmt;
use std::ptr::{self, NonNull};

const PARKED: usize = 1;
const RUNG: usize = 2;

/// See the module. Its node is its first field: the parent of the run's tasks.
#[repr(C)]
pub(crate) struct Inbox {
    pub(crate) node: Node,
    owner: Owner,
    /// Owner only: items in the order of their coming, or null.
    first: Cell<*mut Item>,
    last: Cell<*mut Item>,
    word: AtomicUsize,
    /// What has not started need not.
    cancelled: AtomicBool,
}

// SAFETY: the cells are the owner's; the rest is atomics, and a node that is written before it is shared.
unsafe impl Sync for Inbox {}
// SAFETY: nothing in it is tied to a thread but the owner, which is only compared.
unsafe impl Send for Inbox {}

impl Inbox {
    pub(crate) fn new(parent: *const Node, owner: Owner) -> Self {
        Self {
            node: Node::new(parent),
            owner,
            first: Cell::new(ptr::null_mut()),
            last: Cell::new(ptr::null_mut()),
            word: AtomicUsize::new(0),
            cancelled: AtomicBool::new(false),
        }
    }

    /// The inbox whose node this is.
    pub(crate) fn of_node(node: *const Node) -> *const Inbox {
        node.cast()
    }

    /// Tasks that have not started come back unrun from now on.
    pub(crate) fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Brings an item. `here` is the calling participant.
    ///
    /// # Safety
    /// The inbox is alive, and stays so until it has all of its items, of which this is one. The item is the
    /// caller's, and the inbox's from now on.
    pub(crate) unsafe fn put(this: *const Inbox, item: NonNull<Item>, here: Owner) {
        // SAFETY: alive until the item is there.
        let inbox = unsafe { &*this };
        if here == inbox.owner {
            inbox.append(item);
            return;
        }
        let word = &inbox.word;
        let mut old = word.load(Ordering::Relaxed);
        loop {
            let next = if old & PARKED != 0 || old == RUNG {
                ptr::null_mut()
            } else {
                ptr::with_exposed_provenance_mut(old)
            };
            // SAFETY: still the caller's.
            unsafe { item.as_ref() }.next.set(next);
            match word.compare_exchange_weak(
                old,
                item.as_ptr().expose_provenance(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(found) => old = found,
            }
        }
        // The inbox may be gone.
        wake(old);
    }

    /// Owner: adds to the own list.
    fn append(&self, item: NonNull<Item>) {
        // SAFETY: the caller's.
        unsafe { item.as_ref() }.next.set(ptr::null_mut());
        let last = self.last.replace(item.as_ptr());
        // SAFETY: what is on the own list is the owner's.
        match unsafe { last.as_ref() } {
            Some(last) => last.next.set(item.as_ptr()),
            None => self.first.set(item.as_ptr()),
        }
    }

    /// Has the owner look around.
    pub(crate) fn ring(&self) {
        let mut old = self.word.load(Ordering::Relaxed);
        loop {
            if old != 0 && old & PARKED == 0 {
                // It looks anyway. What it is to see was written before: with this it will.
                match self.word.compare_exchange_weak(
                    old,
                    old,
                    Ordering::Release,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => return,
                    Err(found) => old = found,
                }
                continue;
            }
            match self
                .word
                .compare_exchange_weak(old, RUNG, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => break,
                Err(found) => old = found,
            }
        }
        wake(old);
    }

    /// Owner, before it looks around: what is rung for from now on ends the next wait.
    pub(crate) fn hear(&self) {
        if self.word.load(Ordering::Relaxed) == RUNG {
            // If this fails, an item has come; taking it has the same effect.
            let _ = self
                .word
                .compare_exchange(RUNG, 0, Ordering::Acquire, Ordering::Relaxed);
        }
    }

    /// Owner: the next item. Leaves a ring alone.
    pub(crate) fn take(&self) -> Option<NonNull<Item>> {
        if self.first.get().is_null() && !matches!(self.word.load(Ordering::Relaxed), 0 | RUNG) {
            self.fetch();
        }
        let first = NonNull::new(self.first.get())?;
        // SAFETY: on the own list.
        let next = unsafe { first.as_ref() }.next.get();
        self.first.set(next);
        if next.is_null() {
            self.last.set(ptr::null_mut());
        }
        Some(first)
    }

    /// Owner: moves what has come from elsewhere to the own list, which is empty.
    fn fetch(&self) {
        let word = self.word.swap(0, Ordering::Acquire);
        debug_assert!(word & PARKED == 0 && word != RUNG, "the owner is awake");
        let newest = ptr::with_exposed_provenance_mut::<Item>(word);
        let (mut item, mut behind) = (newest, ptr::null_mut());
        // SAFETY: what was on the list is the owner's now.
        while let Some(this) = unsafe { item.as_ref() } {
            let before = this.next.replace(behind);
            behind = item;
            item = before;
        }
        self.first.set(behind);
        self.last.set(newest);
    }

    /// Owner: whether there is an item, or a ring.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        !self.first.get().is_null() || word != 0 && word & PARKED == 0
    }

    /// Owner: asks for `parker` to be unparked at the next news.
    pub(crate) fn register(&self, parker: &Arc<Parker>) -> Registration {
        if !self.first.get().is_null() {
            return Registration::AlreadySet;
        }
        let address = Arc::into_raw(Arc::clone(parker)).expose_provenance();
        debug_assert_eq!(address & (PARKED | RUNG), 0, "parkers are aligned");
        match self
            .word
            .compare_exchange(0, address | PARKED, Ordering::AcqRel, Ordering::Relaxed)
        {
            Ok(_) => Registration::Registered,
            Err(_) => {
                drop(take_parker(address | PARKED));
                Registration::AlreadySet
            }
        }
    }

    /// Owner: takes that back; `true` if there is news.
    pub(crate) fn unregister(&self) -> bool {
        let old = self.word.load(Ordering::Relaxed);
        if old & PARKED != 0
            && self
                .word
                .compare_exchange(old, 0, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        {
            drop(take_parker(old));
            return false;
        }
        true
    }
}

/// The parker in `word`, now out of it.
fn take_parker(word: usize) -> Option<Arc<Parker>> {
    let address = ptr::with_exposed_provenance::<Parker>(word & !PARKED);
    // SAFETY: it came from `Arc::into_raw` in `register`, and whoever changes such a word has it.
    (word & PARKED != 0).then(|| unsafe { Arc::from_raw(address) })
}

fn wake(word: usize) {
    if let Some(parker) = take_parker(word) {
        parker.unpark();
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_ends_the_next_wait_until_it_is_heard() {
        let inbox = Inbox::new(ptr::null(), ptr::null());
        inbox.ring();
        assert!(inbox.take().is_none());
        assert!(
            inbox.has_news(),
            "what was rung for may not have been seen yet"
        );
        inbox.hear();
        assert!(!inbox.has_news());
        inbox.ring();
        assert!(inbox.has_news());
    }
}
