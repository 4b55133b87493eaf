//! The k-th thread of a pool cannot be started (rayon#205): a typed error, and those that were started are joined.
#![cfg(target_os = "linux")]

#[path = "it/alone.rs"]
mod alone;
#[path = "it/watchdog.rs"]
mod watchdog;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use windrow::{BuildError, ThreadPool, ThreadPoolBuilder};

use alone::alone;
use watchdog::watched;

const MIB: u64 = 1 << 20;

/// Where memory is short, threads must not reserve any besides their stacks, and a failure has to be told without reading
/// the debug information.
const FRUGAL: [(&str, &str); 2] = [("MALLOC_ARENA_MAX", "1"), ("RUST_BACKTRACE", "0")];

mod system {
    //! The part of libc that limits the address space of this process.

    #[repr(C)]
    pub(crate) struct Limit {
        pub(crate) current: u64,
        pub(crate) maximum: u64,
    }

    pub(crate) const RLIMIT_AS: i32 = 9;

    unsafe extern "C" {
        pub(crate) safe fn setrlimit(resource: i32, limit: &Limit) -> i32;
    }
}

/// Lets the address space of this process grow by no more than `bytes`.
fn leave_address_space(bytes: u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let size = status
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:"))
        .unwrap();
    let kib: u64 = size.trim().trim_end_matches(" kB").parse().unwrap();
    let limit = 1024 * kib + bytes;
    let done = system::setrlimit(
        system::RLIMIT_AS,
        &system::Limit {
            current: limit,
            maximum: limit,
        },
    );
    assert_eq!(done, 0, "the limit was refused");
}

fn add_one(count: &AtomicUsize) {
    count.fetch_add(1, Ordering::SeqCst);
}

/// A builder whose threads count their starts and their exits.
fn counting(num_threads: usize) -> (ThreadPoolBuilder, Arc<[AtomicUsize; 2]>) {
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let (start, exit) = (counts.clone(), counts.clone());
    let builder = ThreadPool::builder()
        .num_threads(num_threads)
        .start_handler(move |_| add_one(&start[0]))
        .exit_handler(move |_| add_one(&exit[1]));
    (builder, counts)
}

/// The index of the thread that did not start, and how many started and exited.
fn fail(builder: ThreadPoolBuilder, counts: &[AtomicUsize; 2]) -> (usize, usize, usize) {
    let error = builder.build().expect_err("a thread cannot be started");
    let source = std::error::Error::source(&error)
        .expect("the system said why")
        .to_string();
    assert!(
        error.to_string().contains("thread") && !source.is_empty(),
        "{error}: {source}"
    );
    let BuildError::ThreadStart { index, source: _ } = error else {
        panic!("another error: {error:?}");
    };
    let [started, exited] = [0, 1].map(|which| counts[which].load(Ordering::SeqCst));
    (index, started, exited)
}

#[test]
fn a_first_thread_that_cannot_start_is_a_typed_error() {
    watched(|| {
        for size in [1, 2, 8] {
            let (builder, counts) = counting(size);
            assert_eq!(fail(builder.stack_size(1 << 46), &counts), (0, 0, 0));
        }
    });
}

#[test]
fn threads_that_were_started_before_the_one_that_failed_are_joined() {
    alone("little memory", &FRUGAL, || {
        watched(|| {
            leave_address_space(512 * MIB);
            for _ in 0..5 {
                let before = threads();
                let (builder, counts) = counting(1_000);
                let (index, started, exited) = fail(builder.stack_size(32 << 20), &counts);
                assert!((1..32).contains(&index), "thread {index} failed");
                assert_eq!(started, exited, "threads that started and exited");
                assert!(started <= index, "{started} threads of {index}");
                settle_at(before);
            }
            // What was taken was given back: there is room again.
            let (builder, counts) = counting(4);
            let pool = builder.stack_size(32 << 20).build().unwrap();
            assert_eq!(pool.broadcast(|worker| worker), [0, 1, 2, 3]);
            drop(pool);
            assert_eq!(
                [0, 1].map(|which| counts[which].load(Ordering::SeqCst)),
                [4, 4]
            );
        });
    });
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

/// The system takes a thread off its list a little after it was joined.
fn settle_at(expected: usize) {
    let settled = (0..100_000).any(|_| {
        thread::yield_now();
        threads() == expected
    });
    assert!(settled, "{} threads instead of {expected}", threads());
}

/// A pool that could be built has to work without the spare threads that it cannot get any more.
#[test]
fn a_spare_thread_that_cannot_start_is_done_without() {
    alone("no room for spares", &FRUGAL, || {
        watched(|| {
            let build = || {
                ThreadPool::builder()
                    .num_threads(1)
                    .stack_size(64 << 20)
                    .spare_threads(64)
                    .build()
            };
            let [pool, elsewhere] = [(); 2].map(|()| Arc::new(build().unwrap()));
            // Every worker has all that it needs from now on.
            pool.broadcast(|_| ());
            elsewhere.broadcast(|_| ());
            leave_address_space(32 * MIB);

            let ran = Arc::new(AtomicUsize::new(0));
            for _ in 0..20 {
                let (elsewhere, ran) = (elsewhere.clone(), ran.clone());
                let waiter = pool.spawn(move || {
                    // Something for a spare to do while this task waits.
                    for _ in 0..5 {
                        let ran = ran.clone();
                        drop(windrow::spawn(move || add_one(&ran)));
                    }
                    elsewhere.install(|| (0..1_000).for_each(|_| thread::yield_now()));
                });
                while !waiter.is_finished() {
                    thread::yield_now();
                }
                waiter.join().unwrap();
            }
            drop(pool);
            assert_eq!(ran.load(Ordering::SeqCst), 100);
        });
    });
}
