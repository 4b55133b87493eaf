//! One row of the table: a phase on pools of one size. Counts what has been done for the watchdog, and compares memory
//! and threads.

use std::cell::Cell;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crate::watchdog::watched_while_moving;

pub(crate) const TITLES: &str = "phase          | threads |    times |       time | KiB after a tenth | KiB at the end | \
                                 counted";

/// How many KiB the memory may grow after the first tenth.
///
/// A leak of 8 bytes a join, of one task a sleep, or of 2 KiB a small pool is above it in a full run. What is below, one
/// MiB at most so far: the stacks of 64 threads that were used a page or two deeper, heaps of threads that the
/// allocator opened later, and blocks of tasks that lie in another thread's magazine.
const GROWTH: u64 = 3 << 10;

/// See the module.
pub(crate) struct Course {
    /// The size of the pools.
    pub(crate) threads: usize,
    /// How often it is to be done.
    pub(crate) times: u64,
    done: Arc<AtomicU64>,
    after_a_tenth: Cell<Option<u64>>,
    at_the_end: Cell<Option<u64>>,
}

impl Course {
    /// Runs one row, and prints it.
    pub(crate) fn run(phase: &str, threads: usize, times: u64, run: fn(&Course) -> String) {
        let course = Course {
            threads,
            times,
            done: Arc::default(),
            after_a_tenth: Cell::new(None),
            at_the_end: Cell::new(None),
        };
        let name = format!("{phase} on {threads} threads");
        watched_while_moving(name.clone(), &course.done, || {
            let (start, before) = (Instant::now(), threads_here());
            let counted = run(&course);
            assert_eq!(course.done(), times, "{name}");
            // The kernel may take a moment to forget a thread that has been joined.
            while threads_here() > before {
                thread::yield_now();
            }
            let kib = |kib: Option<u64>| kib.map_or("unknown".to_owned(), |kib| kib.to_string());
            println!(
                "{phase:14} | {threads:7} | {times:8} | {:8} ms | {:>17} | {:>14} | {counted}",
                start.elapsed().as_millis(),
                kib(course.after_a_tenth.get()),
                kib(course.at_the_end.get()),
            );
        });
        let (first, last) = (course.after_a_tenth.get(), course.at_the_end.get());
        assert!(
            last <= first.map(|first| first + GROWTH),
            "{name}: memory has grown from {first:?} to {last:?} KiB"
        );
    }

    /// How often it has been done.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// How often it is still to be done.
    pub(crate) fn left(&self) -> u64 {
        self.times - self.done()
    }

    /// It has been done `times` more.
    pub(crate) fn add(&self, times: u64) {
        let done = self.done.fetch_add(times, Ordering::Relaxed) + times;
        if self.after_a_tenth.get().is_none() && done >= self.times / 10 {
            self.after_a_tenth.set(memory());
        }
        if done == self.times {
            self.at_the_end.set(memory());
        }
    }
}

/// The resident memory of this process in KiB, where the system tells: the exact sum, as the short figures lag behind
/// by what each processor has not reported. Not beside a memory checker, which keeps books of its own in it.
fn memory() -> Option<u64> {
    if cfg!(windrow_system_alloc) {
        return None;
    }
    let text = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = text.lines().find(|line| line.starts_with("Rss:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The threads of this process, where the system tells.
fn threads_here() -> Option<usize> {
    Some(fs::read_dir("/proc/self/task").ok()?.count())
}
