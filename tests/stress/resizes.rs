//! Resizes of a pool that is at work, up to twice its first size: no task is lost, and every thread that has come goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use windrow::ThreadPool;

use crate::course::Course;
use crate::random::Random;

pub(crate) fn run(course: &Course) -> String {
    let (starts, exits) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let pool = counting_pool(course.threads, &starts, &exits);
    let (ran, done) = (Arc::new(AtomicU64::new(0)), AtomicBool::new(false));
    let at_rest = AtomicBool::new(false);
    let mut spawned = 0;
    thread::scope(|threads| {
        let load = threads.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                if at_rest.load(Ordering::SeqCst) {
                    thread::yield_now();
                    continue;
                }
                assert_eq!(pool.install(|| halves(6)), 64);
                assert_eq!(pool.join(|| halves(4), || halves(4)), (16, 16));
            }
        });
        let mut random = Random::new(course.threads as u64);
        while course.left() > 0 {
            let size = 1 + random.below(2 * course.threads as u64) as usize;
            pool.resize(size).unwrap();
            for _ in 0..random.below(4) {
                let ran = ran.clone();
                drop(pool.spawn(move || ran.fetch_add(1, Ordering::SeqCst)));
                spawned += 1;
            }
            if random.one_in(8) {
                assert_eq!(pool.broadcast(|index| index), (0..size).collect::<Vec<_>>());
                // Those that are too many leave when they find nothing to do.
                at_rest.store(true, Ordering::SeqCst);
                while pool.stats().threads != size {
                    thread::yield_now();
                }
                at_rest.store(false, Ordering::SeqCst);
            }
            course.add(1);
        }
        done.store(true, Ordering::SeqCst);
        load.join().unwrap();
    });
    pool.wait_idle();
    assert_eq!(ran.load(Ordering::SeqCst), spawned);
    pool.resize(2).unwrap();
    assert_eq!(pool.broadcast(|index| index), [0, 1]);
    drop(pool);
    let starts = starts.load(Ordering::SeqCst);
    assert_eq!(starts, exits.load(Ordering::SeqCst));
    assert!(
        starts > course.times / 20,
        "hardly anybody came and went: {starts}"
    );
    format!("{starts} threads")
}

fn counting_pool(threads: usize, starts: &Arc<AtomicU64>, exits: &Arc<AtomicU64>) -> ThreadPool {
    let (starts, exits) = (starts.clone(), exits.clone());
    ThreadPool::builder()
        .num_threads(threads)
        .spare_threads(0)
        .start_handler(move |_| {
            starts.fetch_add(1, Ordering::SeqCst);
        })
        .exit_handler(move |_| {
            exits.fetch_add(1, Ordering::SeqCst);
        })
        .build()
        .unwrap()
}

fn halves(depth: u32) -> u32 {
    if depth == 0 {
        return 1;
    }
    let (a, b) = windrow::join(|| halves(depth - 1), || halves(depth - 1));
    a + b
}
