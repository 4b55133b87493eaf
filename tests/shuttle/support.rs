//! What the programs share.

use std::cell::Cell;
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

thread_local! {
    /// The pools of this schedule whose memory is still there. To the system, shuttle's threads are a single one.
    static ALIVE: Cell<usize> = const { Cell::new(0) };
}

/// What a pool owns, and drops last of all.
struct Owned;

impl Owned {
    fn new() -> Self {
        ALIVE.set(ALIVE.get() + 1);
        Self
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        ALIVE.set(ALIVE.get() - 1);
    }
}

/// Runs a program, after which nothing may keep a pool: what it has left in its queues, for example, which would be a leak.
pub(crate) fn run_and_leave_nothing(program: fn()) {
    ALIVE.set(0);
    program();
    // A worker that drops its own pool is still at it. Shuttle ends a schedule that never ends.
    while ALIVE.get() > 0 {
        thread::yield_now();
    }
}

/// Half of the schedules begin with a pool that has gone to bed.
pub(crate) fn build(builder: ThreadPoolBuilder) -> ThreadPool {
    let owned = Owned::new();
    let builder = builder.thread_name(move |index| {
        let _ = &owned;
        format!("worker {index}")
    });
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
