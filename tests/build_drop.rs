//! Contract lines 1 and 7 at length: ten thousand pools are built and dropped, at rest and at work. No task is lost and
//! no thread is left. In a process of its own, so that the count of threads is exact.

#[path = "it/watchdog.rs"]
mod watchdog;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use windrow::{JoinHandle, Priority, ThreadPool};

use watchdog::watched;

const POOLS: usize = 10_000;

/// How many closures were made, ran and were dropped.
#[derive(Default)]
struct Books {
    made: AtomicUsize,
    ran: AtomicUsize,
    dropped: AtomicUsize,
}

/// One line in the [`Books`], owned by a closure.
struct Entry(Arc<Books>);

impl Entry {
    fn new(books: &Arc<Books>) -> Entry {
        books.made.fetch_add(1, Ordering::Relaxed);
        Entry(books.clone())
    }

    fn run(self) {
        self.0.ran.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

fn spawn(pool: &ThreadPool, books: &Arc<Books>, level: Priority) -> JoinHandle<()> {
    let (entry, books) = (Entry::new(books), books.clone());
    pool.spawn_with_priority(level, move || {
        let child = Entry::new(&books);
        drop(windrow::spawn(move || child.run()));
        entry.run();
    })
}

fn tree(books: &Arc<Books>, depth: usize) {
    if depth == 0 {
        return Entry::new(books).run();
    }
    windrow::join(|| tree(books, depth - 1), || tree(books, depth - 1));
}

/// What a pool goes through between its start and its end.
fn live(pool: ThreadPool, books: &Arc<Books>, life: usize) {
    match life {
        // Dropped before its threads may have come up.
        0 => {}
        // At work, with more to come.
        1 => {
            for level in [Priority::Low, Priority::Normal, Priority::High] {
                drop(spawn(&pool, books, level));
                drop(spawn(&pool, books, level));
            }
        }
        // At rest after work.
        2 => spawn(&pool, books, Priority::Normal).join().unwrap(),
        3 => pool.install(|| tree(books, 4)),
        4 => pool.scope(|s| {
            for _ in 0..4 {
                s.spawn(|| tree(books, 2));
            }
        }),
        // On its own worker, and nobody waits for that.
        _ => {
            let pool = Arc::new(pool);
            let (own, entry) = (pool.clone(), Entry::new(books));
            drop(pool.spawn(move || {
                entry.run();
                drop(own);
            }));
        }
    }
}

#[test]
fn ten_thousand_pools_lose_no_task_and_leave_no_thread() {
    watched(|| {
        let books = Arc::new(Books::default());
        let before = threads();
        for round in 0..POOLS {
            let pool = ThreadPool::new(1 + round % 3).unwrap();
            live(pool, &books, round / 3 % 6);
        }
        settle("threads", before, threads);
        let made = books.made.load(Ordering::SeqCst);
        settle("closures run", made, || books.ran.load(Ordering::SeqCst));
        settle("closures dropped", made, || {
            books.dropped.load(Ordering::SeqCst)
        });
    });
}

/// The pools that end on their own worker do so in their own time, and the system takes threads off its list late.
fn settle(what: &str, expected: usize, count: impl Fn() -> usize) {
    let settled = (0..100_000).any(|_| {
        std::thread::yield_now();
        count() == expected
    });
    assert!(settled, "{what}: {} instead of {expected}", count());
}

/// The number of threads of this process, where the system tells.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}
