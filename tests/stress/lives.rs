//! Pools are built and dropped, at rest and at work. No task is lost; the course looks after the threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use windrow::{JoinHandle, Priority, ThreadPool};

use crate::course::Course;

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
fn live(pool: ThreadPool, books: &Arc<Books>, life: u64) {
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

pub(crate) fn run(course: &Course) -> String {
    let books = Arc::new(Books::default());
    for round in 0..course.times {
        let pool = ThreadPool::new(course.threads).unwrap();
        live(pool, &books, round % 6);
        course.add(1);
    }
    // The pools that end on their own worker do so in their own time.
    let made = || books.made.load(Ordering::SeqCst);
    let (ran, dropped) = (&books.ran, &books.dropped);
    while [ran, dropped].map(|n| n.load(Ordering::SeqCst)) != [made(); 2]
        || Arc::strong_count(&books) > 1
    {
        thread::yield_now();
    }
    format!("{} closures", made())
}
