//! A pool falls asleep, and is woken by what comes from outside: one task, or as many as it has workers, each of which
//! stands still until all of them run. So each task is the wake of a worker that slept, and none may be lost.
//!
//! Nobody joins, as a waiter could run the task itself. Of several workers one lingers: it looks around by itself from time
//! to time until the pool has had nothing to do for a while. The others, and the only worker of a pool, sleep until
//! they are woken.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use windrow::{Priority, ThreadPool};

use crate::course::Course;
use crate::random::Random;

pub(crate) fn run(course: &Course) -> String {
    let pool = ThreadPool::new(course.threads).unwrap();
    let all = course.threads as u64;
    let mut random = Random::new(all);
    let ran = Arc::new(AtomicU64::new(0));
    while course.left() > 0 {
        // Nobody is awake.
        yield_until(|| pool.stats().active == 0);
        let tasks = if course.left() >= all && random.one_in(2 * all) {
            all
        } else {
            1
        };
        let met = Arc::new(Barrier::new(tasks as usize));
        for _ in 0..tasks {
            let (ran, met) = (ran.clone(), met.clone());
            let level = [Priority::Low, Priority::Normal, Priority::High][random.below(3) as usize];
            drop(pool.spawn_with_priority(level, move || {
                met.wait();
                ran.fetch_add(1, Ordering::SeqCst);
            }));
        }
        let expected = course.done() + tasks;
        yield_until(|| ran.load(Ordering::SeqCst) == expected);
        course.add(tasks);
    }
    // Whoever has run a task has gone to sleep after it.
    yield_until(|| pool.stats().active == 0);
    let parks = pool.stats().parks;
    assert!(
        parks >= course.times,
        "{parks} sleeps for {} tasks",
        course.times
    );
    format!("{parks} sleeps")
}

fn yield_until(reached: impl Fn() -> bool) {
    while !reached() {
        thread::yield_now();
    }
}
