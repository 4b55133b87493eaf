//! A one-shot signal for one waiting thread.
//!
//! One word: `UNSET`, `SET`, or the address of the waiter's [`Parker`]. An address in the word is an
//! owned `Arc` reference: `register` moves one in, and whoever takes the address out (the setter, or
//! the waiter in `unregister`) owns it again. So the setter never needs anything that the waiter
//! keeps alive: after the swap it touches only what it took out of the word (rayon#739, rayon#929).
//!
//! # Memory ordering
//! `set` swaps with AcqRel: Release publishes what the setter did to a waiter that sees `SET` with
//! Acquire; Acquire makes the parker behind the address visible to the setter.

use crate::park::Parker;
use crate::sync::{Arc, AtomicUsize, Ordering};

const UNSET: usize = 0;
const SET: usize = 1;

/// See the module.
#[derive(Debug)]
pub(crate) struct Latch {
    word: AtomicUsize,
}

/// What came of registering a waiter.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Registration {
    /// The setter will unpark; call `unregister` before leaving.
    Registered,
    /// The latch is already set, there is nothing to wait for.
    AlreadySet,
}

impl Latch {
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicUsize::new(UNSET),
        }
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.word.load(Ordering::Acquire) == SET
    }

    /// Sets the latch and wakes the waiter if there is one.
    ///
    /// # Safety
    /// `this` must point to a live latch when called. It may be freed by its owner as soon as the
    /// swap has happened, which is why this is not a method on `&self`.
    pub(crate) unsafe fn set(this: *const Self) {
        // SAFETY: alive until the swap, by contract; the reference ends with the statement.
        let old = unsafe { &(*this).word }.swap(SET, Ordering::AcqRel);
        if old != UNSET && old != SET {
            // SAFETY: the address came from `Arc::into_raw` in `register` and the swap took it out.
            unsafe { Arc::from_raw(old as *const Parker) }.unpark();
        }
    }

    /// Asks for `parker` to be unparked by `set`. One waiter at a time.
    pub(crate) fn register(&self, parker: &Arc<Parker>) -> Registration {
        let address = Arc::into_raw(Arc::clone(parker)) as usize;
        match self
            .word
            .compare_exchange(UNSET, address, Ordering::Release, Ordering::Acquire)
        {
            Ok(_) => Registration::Registered,
            Err(found) => {
                debug_assert_eq!(found, SET, "a latch has one waiter");
                // SAFETY: the exchange failed, so the reference is still ours.
                drop(unsafe { Arc::from_raw(address as *const Parker) });
                Registration::AlreadySet
            }
        }
    }

    /// Takes the registration back; `true` if the latch has been set meanwhile.
    pub(crate) fn unregister(&self) -> bool {
        let found = self.word.load(Ordering::Acquire);
        if found == SET {
            return true;
        }
        match self
            .word
            .compare_exchange(found, UNSET, Ordering::Acquire, Ordering::Acquire)
        {
            Ok(address) => {
                if address != UNSET {
                    // SAFETY: the address came from `Arc::into_raw` and the exchange took it out.
                    drop(unsafe { Arc::from_raw(address as *const Parker) });
                }
                false
            }
            Err(_) => true,
        }
    }
}
