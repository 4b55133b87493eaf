//! Thread-local destructors that use the pool, of workers that end and of callers that end (crossbeam#422, tokio#593).

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

use windrow::{ThreadPool, WaitGroup};

use crate::support::{Gate, SIZES, pool, take};
use crate::virtual_time::{S, virtually};
use crate::watchdog::watched;

/// Uses windrow when its thread ends, and says so when it is done.
struct LastAct {
    act: fn(),
    over: Sender<()>,
}

impl Drop for LastAct {
    fn drop(&mut self) {
        (self.act)();
        self.over.send(()).unwrap();
    }
}

thread_local! {
    static LAST: RefCell<Option<LastAct>> = const { RefCell::new(None) };
}

const ACTS: [fn(); 5] = [
    || drop(windrow::spawn(|| ())),
    || {
        let sum = windrow::join(|| 1, || windrow::join(|| 2, || 3));
        assert_eq!(sum, (1, (2, 3)));
    },
    || assert_eq!(windrow::scope(|s| s.spawn(|| 1).join().unwrap()), 1),
    || {
        // It has left its pool.
        assert_eq!(windrow::current_thread_index(), None);
        windrow::yield_now();
    },
    || {
        let pool = pool(1);
        assert_eq!(pool.install(|| 1), 1);
    },
];

/// Leaves `act` behind on this thread.
fn leave(act: fn(), over: &Sender<()>) {
    LAST.set(Some(LastAct {
        act,
        over: over.clone(),
    }));
}

#[test]
fn destructors_on_a_worker_may_use_windrow() {
    watched(|| {
        for size in SIZES {
            for act in ACTS {
                let (over, ends) = channel();
                let pool = pool(size);
                pool.broadcast(|_| leave(act, &over));
                drop(pool);
                assert_eq!(ends.try_iter().count(), size);
            }
        }
    });
}

#[test]
fn destructors_on_a_worker_run_before_windrow_forgets_the_thread_too() {
    watched(|| {
        for size in SIZES {
            for act in ACTS {
                let (over, ends) = channel();
                let first = over.clone();
                // Registered before windrow's own thread-locals, if it has any that are made late.
                let builder = ThreadPool::builder()
                    .num_threads(size)
                    .start_handler(move |_| leave(act, &first));
                drop(builder.build().unwrap());
                assert_eq!(ends.try_iter().count(), size);
            }
        }
    });
}

#[test]
fn destructors_on_a_caller_may_use_windrow() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            for act in ACTS {
                let (over, ends) = channel();
                thread::scope(|threads| {
                    threads.spawn(|| {
                        leave(act, &over);
                        pool.scope(|s| drop(s.spawn(|| ())));
                        pool.join(|| (), || ());
                    });
                });
                take(&ends, 1);
            }
        }
    });
}

/// What a destructor spawns is run, or dropped: its sender is gone either way.
#[test]
fn what_a_destructor_spawns_is_run_or_dropped() {
    struct Spawns(Sender<&'static str>);
    impl Drop for Spawns {
        fn drop(&mut self) {
            let sender = self.0.clone();
            drop(windrow::spawn(move || sender.send("ran")));
        }
    }
    thread_local! {
        static SPAWNS: RefCell<Option<Spawns>> = const { RefCell::new(None) };
    }
    watched(|| {
        for size in SIZES {
            let (sender, ends) = channel();
            let pool = pool(size);
            pool.broadcast(|_| SPAWNS.set(Some(Spawns(sender.clone()))));
            drop((pool, sender));
            assert!(ends.iter().count() <= size, "each runs once at most");
        }
    });
}

/// A pool whose threads end when the gate is open.
fn held_at_exit(size: usize) -> (Arc<ThreadPool>, Gate) {
    let gate = Gate::default();
    let exit = gate.clone();
    let builder = ThreadPool::builder().num_threads(size);
    let pool = builder.exit_handler(move |_| exit.pass()).build().unwrap();
    (Arc::new(pool), gate)
}

#[test]
fn the_last_owner_of_a_pool_may_be_a_destructor_of_its_worker() {
    thread_local! {
        static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
    }
    struct Kept(Option<Arc<ThreadPool>>, Sender<()>);
    impl Drop for Kept {
        fn drop(&mut self) {
            drop(self.0.take());
            self.1.send(()).unwrap();
        }
    }
    watched(|| {
        for size in SIZES {
            let (pool, dropped) = held_at_exit(size);
            let (over, end) = channel();
            let kept = Kept(Some(Arc::clone(&pool)), over);
            pool.install(|| KEPT.set(Some(kept)));
            pool.close();
            drop(pool);
            dropped.open();
            end.recv().unwrap();
        }
    });
}

#[test]
fn destructors_of_several_workers_may_shut_their_pool_down() {
    thread_local! {
        static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
    }
    struct Kept(Arc<ThreadPool>, Sender<()>);
    impl Drop for Kept {
        fn drop(&mut self) {
            self.0.shutdown();
            self.1.send(()).unwrap();
        }
    }
    watched(|| {
        for size in SIZES {
            let (pool, dropped) = held_at_exit(size);
            let (over, ends) = channel();
            pool.broadcast(|_| KEPT.set(Some(Kept(Arc::clone(&pool), over.clone()))));
            pool.close();
            drop(pool);
            dropped.open();
            assert_eq!(take(&ends, size).len(), size);
        }
    });
}

/// What a thread does when it ends.
struct AtEnd(Option<Box<dyn FnOnce()>>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(|act| act());
    }
}

thread_local! {
    static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

fn at_end(act: impl FnOnce() + 'static) {
    AT_END.set(Some(AtEnd(Some(Box::new(act)))));
}

/// The thread has left a pool that shrank and grew again; its destructors are waited for nevertheless.
#[test]
fn the_end_of_a_pool_waits_for_destructors_of_threads_that_had_left() {
    static OVER: AtomicBool = AtomicBool::new(false);
    watched(|| {
        let (pool, leaves) = (pool(2), Gate::default());
        let (here, ends) = channel();
        pool.broadcast(|index| {
            if index == 1 {
                let (here, leaves) = (here.clone(), leaves.clone());
                at_end(move || {
                    here.send(()).unwrap();
                    leaves.pass();
                    // Time to miss it.
                    (0..10_000).for_each(|_| thread::yield_now());
                    OVER.store(true, Ordering::SeqCst);
                });
            }
        });
        pool.resize(1).unwrap();
        take(&ends, 1);
        pool.resize(2).unwrap();
        leaves.open();
        drop(pool);
        assert!(OVER.load(Ordering::SeqCst));
    });
}

/// Another pool's only worker ends the pool; a spare stands in for it until the destructors are over.
#[test]
fn a_destructor_may_wait_for_the_pool_whose_worker_waits_for_it() {
    watched(|| {
        for size in SIZES {
            let (other, ends) = (Arc::new(pool(1)), pool(size));
            let (user, ran) = (Arc::clone(&other), Arc::new(Mutex::new(0)));
            ends.broadcast(|_| {
                let (user, ran) = (Arc::clone(&user), Arc::clone(&ran));
                at_end(move || user.install(|| *ran.lock().unwrap() += 1));
            });
            other.spawn(move || drop(ends)).join().unwrap();
            assert_eq!(*ran.lock().unwrap(), size);
        }
    });
}

/// Nobody has the turn while others wait for the pool's threads to be gone, which need a turn for that.
#[test]
fn members_of_a_simulation_may_end_a_pool_together_whose_destructors_wait() {
    virtually(2, |other| {
        let builder = ThreadPool::builder().num_threads(2);
        let ends = Arc::new(builder.deterministic(0).build().unwrap());
        let slept = Arc::new(Mutex::new(0));
        ends.broadcast(|_| {
            let slept = Arc::clone(&slept);
            at_end(move || {
                let group = WaitGroup::new();
                let _never_done = group.clone();
                assert!(!group.wait_timeout(S(1)));
                *slept.lock().unwrap() += 1;
            });
        });
        let end = || {
            ends.shutdown();
            assert_eq!(*slept.lock().unwrap(), 2);
        };
        other.scope(|s| {
            drop(s.spawn(end));
            drop(s.spawn(end));
            end();
        });
    });
}
