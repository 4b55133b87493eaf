//! What the programs share.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::rand::{self, RngCore};
use shuttle::thread;
use windrow::{ThreadPool, ThreadPoolBuilder};

pub(crate) fn pool(num_threads: usize) -> ThreadPool {
    build(ThreadPool::builder().num_threads(num_threads))
}

/// A pool in which nobody stands in for a worker that waits.
pub(crate) fn pool_without_spares(num_threads: usize) -> ThreadPool {
    let builder = ThreadPool::builder().num_threads(num_threads);
    build(builder.spare_threads(0))
}

/// Half of the schedules begin with a pool that has gone to bed.
pub(crate) fn build(builder: ThreadPoolBuilder) -> ThreadPool {
    let pool = builder.build().expect("a pool of this size can be built");
    // Otherwise the first task nearly always finds all workers on their feet.
    if rand::thread_rng().next_u64() % 2 == 0 {
        while pool.stats().active > 0 {
            thread::yield_now();
        }
    }
    pool
}

/// Counts without being a place where threads change: it is what the programs are checked with, not what is checked.
#[derive(Clone, Default)]
pub(crate) struct Tally(Arc<AtomicUsize>);

impl Tally {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

/// Panics without a word, so that nothing is taken for a failure of the program.
pub(crate) fn blow_up(number: u32) {
    resume_unwind(Box::new(number));
}

/// The number with which `f` blows up.
pub(crate) fn number_of_panic<R>(f: impl FnOnce() -> R) -> u32 {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("this should have panicked"),
        Err(payload) => *payload.downcast().expect("a number"),
    }
}
