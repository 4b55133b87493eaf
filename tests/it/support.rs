//! What many of the tests need: pools of every size, workers that stand still, closures that count their ends.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use windrow::{Priority, ThreadPool};

/// One worker, as many as there are cores, and far more than that.
pub(crate) const SIZES: [usize; 3] = [1, 2, 8];

pub(crate) fn pool(num_threads: usize) -> ThreadPool {
    ThreadPool::new(num_threads).expect("a pool of this size can be built")
}

/// A pool in which nobody stands in for a worker that is parked in a wait.
pub(crate) fn pool_without_spares(num_threads: usize) -> ThreadPool {
    ThreadPool::builder()
        .num_threads(num_threads)
        .spare_threads(0)
        .build()
        .expect("a pool of this size can be built")
}

/// Runs `test` on a pool of each size, with spare threads and without.
pub(crate) fn on_every_pool(test: impl Fn(&ThreadPool)) {
    for size in SIZES {
        test(&pool(size));
        test(&pool_without_spares(size));
    }
}

/// Runs `test` on a pool of each size, called from outside the pool and from one of its workers.
pub(crate) fn from_outside_and_inside(test: impl Fn(&ThreadPool) + Sync) {
    for size in SIZES {
        let pool = pool(size);
        test(&pool);
        pool.install(|| test(&pool));
    }
}

/// Runs `f` as a task that nobody waits for in the pool's sense: only a worker can take it, and no waiter helps with it.
pub(crate) fn on_a_worker<T: Send + 'static>(
    pool: &ThreadPool,
    f: impl FnOnce() -> T + Send + 'static,
) -> T {
    let handle = pool.spawn(f);
    while !handle.is_finished() {
        thread::yield_now();
    }
    match handle.join() {
        Ok(result) => result,
        Err(error) => resume_unwind(error.into_panic()),
    }
}

/// Makes the only worker of `pool` park in a wait that lasts until a spare thread has run `stranger` five times.
/// Says where the waiter was and what the strangers returned.
pub(crate) fn on_a_spare<T: Send + 'static>(
    pool: &ThreadPool,
    stranger: impl Fn() -> T + Send + Clone + 'static,
) -> (ThreadId, Vec<T>) {
    let elsewhere = self::pool(1);
    on_a_worker(pool, move || {
        let (ran, strangers) = channel();
        for _ in 0..5 {
            let (ran, stranger) = (ran.clone(), stranger.clone());
            drop(windrow::spawn(move || ran.send(stranger()).unwrap()));
        }
        // What this task waits for runs on another pool, and is over only when the strangers here are.
        let (started, start) = channel();
        let handle = elsewhere.spawn(move || {
            started.send(()).unwrap();
            take(&strangers, 5)
        });
        start.recv().unwrap();
        (thread::current().id(), handle.join().unwrap())
    })
}

pub(crate) fn yield_until(mut reached: impl FnMut() -> bool) {
    while !reached() {
        thread::yield_now();
    }
}

/// A pool whose unreceived panics arrive, as texts, at what comes with it.
pub(crate) fn pool_that_reports(num_threads: usize) -> (ThreadPool, Receiver<String>) {
    let (report, reports) = channel();
    let pool = ThreadPool::builder()
        .num_threads(num_threads)
        .panic_handler(move |payload| drop(report.send(text(&*payload).to_owned())))
        .build()
        .expect("a pool of this size can be built");
    (pool, reports)
}

/// The payload of the panic of `f`, which has to panic.
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> Box<dyn Any + Send> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("this should have panicked"),
        Err(payload) => payload,
    }
}

/// The text of a payload, whichever of the two types `panic!` made of it.
pub(crate) fn text(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "(not a text)"
    }
}

/// Closed until it is opened; what waits at it stands still without the pool's knowledge.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(crate) fn pass(&self) {
        let closed = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(closed, |open| !*open).unwrap());
    }
}

/// A join whose first half goes on until the second one has begun, for a while. Whether another thread ran that one.
pub(crate) fn is_second_half_taken(pool: &ThreadPool) -> bool {
    let begun = AtomicBool::new(false);
    let wait_for_it = || {
        for _ in 0..10_000 {
            if begun.load(Ordering::SeqCst) {
                break;
            }
            thread::yield_now();
        }
        thread::current().id()
    };
    let begin = || {
        begun.store(true, Ordering::SeqCst);
        thread::current().id()
    };
    let (first, second) = pool.join(wait_for_it, begin);
    first != second
}

/// Every worker of a pool stands still until this is dropped.
pub(crate) struct Stalled {
    _hold: Vec<Sender<()>>,
}

/// Occupies each worker of `pool` with a task that blocks; comes back when the last one is occupied.
pub(crate) fn stall(pool: &ThreadPool) -> Stalled {
    let (here, arrivals) = channel();
    let hold = (0..pool.current_num_threads())
        .map(|_| {
            let (hold, held) = channel::<()>();
            let here = here.clone();
            drop(pool.spawn_with_priority(Priority::High, move || {
                here.send(()).unwrap();
                let _ = held.recv();
            }));
            hold
        })
        .collect();
    take(&arrivals, pool.current_num_threads());
    Stalled { _hold: hold }
}

/// Receives `n` times.
pub(crate) fn take<T>(from: &Receiver<T>, n: usize) -> Vec<T> {
    (0..n)
        .map(|_| from.recv().expect("the sender is alive"))
        .collect()
}

/// Keeps book of closures: how often each ran and how often each was dropped.
#[derive(Clone)]
pub(crate) struct Ledger(Arc<Vec<Line>>);

#[derive(Default)]
struct Line {
    ran: AtomicUsize,
    dropped: AtomicUsize,
}

impl Ledger {
    pub(crate) fn new(closures: usize) -> Ledger {
        Ledger(Arc::new((0..closures).map(|_| Line::default()).collect()))
    }

    /// To be moved into closure number `index`.
    pub(crate) fn entry(&self, index: usize) -> Entry {
        Entry(self.clone(), index)
    }

    pub(crate) fn ran(&self, index: usize) -> usize {
        self.0[index].ran.load(Ordering::SeqCst)
    }

    pub(crate) fn dropped(&self, index: usize) -> usize {
        self.0[index].dropped.load(Ordering::SeqCst)
    }

    /// Every closure ran once, and what it owned was dropped once.
    pub(crate) fn assert_all_ran(&self) {
        for index in 0..self.0.len() {
            assert_eq!(
                (self.ran(index), self.dropped(index)),
                (1, 1),
                "(runs, drops) of closure {index}"
            );
        }
    }
}

/// A closure's line in the [`Ledger`].
pub(crate) struct Entry(Ledger, usize);

impl Entry {
    pub(crate) fn run(&self) {
        self.0.0[self.1].ran.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.0[self.1].dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// Counts guards: how many are alive, and the most that ever were at a time.
#[derive(Clone, Default)]
pub(crate) struct Census(Arc<(AtomicUsize, AtomicUsize)>);

impl Census {
    pub(crate) fn enter(&self) -> Present {
        let live = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.1.fetch_max(live, Ordering::SeqCst);
        Present(self.clone())
    }

    pub(crate) fn live(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    pub(crate) fn peak(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

/// One of those whom a [`Census`] counts.
pub(crate) struct Present(Census);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Panics, where a function is to return nothing.
pub(crate) fn blow_up(text: &str) {
    panic!("{text}");
}

/// Panics with its text where it is dropped, unless that is during a panic.
pub(crate) struct Bomb(pub(crate) &'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("{}", self.0);
        }
    }
}

/// Panics where it is dropped, whatever goes on.
pub(crate) struct Loud;

impl Drop for Loud {
    fn drop(&mut self) {
        panic!("loud");
    }
}

/// The latest time that there is, or nearly so.
pub(crate) fn far_future() -> Instant {
    let mut ahead = Duration::MAX;
    loop {
        match Instant::now().checked_add(ahead) {
            Some(at) => return at,
            None => ahead /= 2,
        }
    }
}
