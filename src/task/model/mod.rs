//! Model checks of the latch, the parker, the claim word, the counter, the phases, the inbox and the sheaf.
//!
//! `LOOM_MAX_PREEMPTIONS=3 RUSTFLAGS="--cfg loom" cargo test --release --lib model`
//!
//! Each model lets the owner free what it waited for as early as its module allows. The end of an atomic
//! is an exclusive access (see `sync`), so loom reports whoever touches it later; besides, freed memory is
//! *poisoned*. What must be handed over is in loom's cells, which notice a missing ordering.

mod cancel;
mod claim;
mod counter;
mod inbox;
mod latch;
mod life;
mod phase;
mod sheaf;

use crate::sync::model::explore;
use crate::sync::{Arc, Ordering};
use crate::task::counter::Owner;
use loom::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::AtomicUsize as Tally;

/// Memory whose owner may end it while others still know its address.
struct Frame<T>(*mut MaybeUninit<T>);

impl<T> Frame<T> {
    fn new(value: T) -> Self {
        Self(Box::into_raw(Box::new(MaybeUninit::new(value))))
    }

    fn address(&self) -> *const T {
        self.0.cast()
    }

    fn get(&self) -> &T {
        // SAFETY: models do not use it after `end`.
        unsafe { &*self.0.cast::<T>() }
    }

    /// From here on nobody may touch it.
    fn end(&self) {
        // SAFETY: ended once.
        unsafe { self.0.cast::<T>().drop_in_place() };
        // SAFETY: the memory is kept until `drop`.
        unsafe { self.0.write_bytes(0xFF, 1) };
    }
}

impl<T> Drop for Frame<T> {
    fn drop(&mut self) {
        // SAFETY: it came from a box; the contents need no drop any more.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// Something handed over from one thread to another.
#[derive(Clone)]
struct Data(Arc<UnsafeCell<u32>>);

impl Data {
    #[allow(
        clippy::arc_with_non_send_sync,
        reason = "the threads of a model take turns"
    )]
    fn new() -> Self {
        Self(Arc::new(UnsafeCell::new(0)))
    }

    fn write(&self) {
        // SAFETY: loom checks that access is exclusive.
        self.0.with_mut(|value| unsafe { *value += 1 });
    }

    fn read(&self) -> u32 {
        // SAFETY: loom checks that nobody writes.
        self.0.with(|value| unsafe { *value })
    }
}

const OWNER: Owner = ptr::without_provenance(1);
const REMOTE: Owner = ptr::without_provenance(2);
