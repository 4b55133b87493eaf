//! Contract line 7: dropping a pool finishes what was accepted, then joins its threads, thread-local destructors
//! included; dropping the last handle of a pool on its own worker does not deadlock; a scope joins its tasks.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier};
use std::thread;

use windrow::{Priority, ThreadPool};

use crate::support::{Gate, Ledger, SIZES, from_outside_and_inside, on_a_spare, pool, stall, take};
use crate::watchdog::watched;

/// Counts itself when it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

thread_local! {
    static LEFT_BEHIND: RefCell<Option<Counted>> = const { RefCell::new(None) };
}

#[test]
fn a_chain_of_tasks_that_spawn_the_next_is_finished() {
    fn chain(left: usize, count: Arc<AtomicUsize>) {
        count.fetch_add(1, Ordering::SeqCst);
        if left > 0 {
            let level = [Priority::Low, Priority::Normal, Priority::High][left % 3];
            drop(windrow::spawn_with_priority(level, move || {
                chain(left - 1, count)
            }));
        }
    }
    watched(|| {
        for size in SIZES {
            for _ in 0..20 {
                let pool = pool(size);
                let count = Arc::new(AtomicUsize::new(0));
                for _ in 0..4 {
                    let count = count.clone();
                    drop(pool.spawn(move || chain(99, count)));
                }
                drop(pool);
                assert_eq!(count.load(Ordering::SeqCst), 400);
            }
        }
    });
}

#[test]
fn thread_locals_of_the_workers_are_gone_when_drop_returns() {
    watched(|| {
        for size in SIZES {
            for _ in 0..20 {
                let pool = pool(size);
                let gone = Arc::new(AtomicUsize::new(0));
                pool.broadcast(|_| LEFT_BEHIND.set(Some(Counted(gone.clone()))));
                drop(pool);
                assert_eq!(gone.load(Ordering::SeqCst), size);
            }
        }
    });
}

#[test]
fn thread_locals_of_spare_threads_are_gone_when_drop_returns() {
    watched(|| {
        for _ in 0..20 {
            let pool = pool(1);
            let gone = Arc::new(AtomicUsize::new(0));
            let counter = gone.clone();
            on_a_spare(&pool, move || {
                LEFT_BEHIND.set(Some(Counted(counter.clone())))
            });
            drop(pool);
            assert_eq!(gone.load(Ordering::SeqCst), 5);
        }
    });
}

#[test]
fn handlers_are_dropped_with_the_pool() {
    watched(|| {
        for size in SIZES {
            let gone = Arc::new(AtomicUsize::new(0));
            let [start, exit, panic] = [(); 3].map(|()| Counted(gone.clone()));
            let pool = ThreadPool::builder()
                .num_threads(size)
                .start_handler(move |_| assert!(start.0.load(Ordering::SeqCst) == 0))
                .exit_handler(move |_| assert!(exit.0.load(Ordering::SeqCst) == 0))
                .panic_handler(move |_| assert!(panic.0.load(Ordering::SeqCst) == 0))
                .build()
                .unwrap();
            pool.spawn(|| ()).join().unwrap();
            drop(pool);
            assert_eq!(gone.load(Ordering::SeqCst), 3);
        }
    });
}

#[test]
fn a_handle_outlives_its_pool() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let (done, cancelled) = (pool.spawn(|| 1), pool.spawn(|| 2));
            let told = cancelled.cancel();
            drop(pool);
            assert!(done.is_finished() && cancelled.is_finished());
            assert_eq!(done.join().unwrap(), 1);
            assert_eq!(cancelled.join().is_err(), told);
        }
    });
}

#[test]
fn a_pool_waits_for_a_task_that_a_thread_outside_has_claimed() {
    watched(|| {
        for _ in 0..5 {
            let (pool, exits) = pool_and_exits(1);
            let stalled = stall(&pool);
            let (started, done) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
            let (here, count) = (started.clone(), done.clone());
            let handle = pool.spawn(move || {
                here.open();
                // Long enough for the worker to end, if it does not wait for this.
                let too_early = (0..20_000).any(|_| {
                    thread::yield_now();
                    exits.try_recv().is_ok()
                });
                count.fetch_add(1, Ordering::SeqCst);
                too_early
            });
            let claimant = thread::spawn(move || handle.join().unwrap());
            started.pass();
            drop(stalled);
            drop(pool);
            assert_eq!(done.load(Ordering::SeqCst), 1);
            assert!(!claimant.join().unwrap(), "a worker ended before the task");
        }
    });
}

/// A pool, and a message from each of its workers when it exits.
fn pool_and_exits(size: usize) -> (Arc<ThreadPool>, Receiver<usize>) {
    let (exit, exits) = channel();
    let builder = ThreadPool::builder()
        .num_threads(size)
        .exit_handler(move |worker| exit.send(worker).unwrap());
    (Arc::new(builder.build().unwrap()), exits)
}

fn assert_all_exit(exits: &Receiver<usize>, size: usize) {
    let mut workers = take(exits, size);
    workers.sort_unstable();
    assert_eq!(workers, (0..size).collect::<Vec<_>>());
}

#[test]
fn the_last_owner_may_be_a_task_of_the_pool() {
    watched(|| {
        for size in SIZES {
            for _ in 0..20 {
                let (pool, exits) = pool_and_exits(size);
                let ledger = Ledger::new(20);
                let alone = Gate::default();
                let owner = {
                    let (pool, alone) = (pool.clone(), alone.clone());
                    pool.clone().spawn_with_priority(Priority::High, move || {
                        alone.pass();
                        drop(pool);
                    })
                };
                for index in 0..20 {
                    let entry = ledger.entry(index);
                    drop(pool.spawn(move || entry.run()));
                }
                drop(pool);
                alone.open();
                // Never joined from here: that could run the owner on this thread.
                drop(owner);
                assert_all_exit(&exits, size);
                ledger.assert_all_ran();
            }
        }
    });
}

#[test]
fn the_last_owner_may_be_inside_a_wait_of_the_pool() {
    watched(|| {
        for size in SIZES {
            let (pool, exits) = pool_and_exits(size);
            let alone = Gate::default();
            let last = pool.clone();
            let wait = alone.clone();
            drop(pool.spawn(move || {
                wait.pass();
                windrow::scope(|s| drop(s.spawn(|| windrow::join(|| (), move || drop(last)))));
                windrow::join(|| (), || ());
            }));
            drop(pool);
            alone.open();
            assert_all_exit(&exits, size);
        }
    });
}

#[test]
fn the_last_owner_may_be_a_closure_that_never_runs() {
    watched(|| {
        for size in SIZES {
            let (pool, exits) = pool_and_exits(size);
            let stalled = stall(&pool);
            let owned = pool.clone();
            let handle = pool.spawn(move || drop(owned));
            drop(pool);
            let cancelling = thread::spawn(move || handle.cancel());
            drop(stalled);
            assert_all_exit(&exits, size);
            cancelling.join().unwrap();
        }
    });
}

#[test]
fn a_pool_may_be_dropped_by_the_worker_of_another() {
    watched(|| {
        for size in SIZES {
            let (inner, exits) = pool_and_exits(size);
            let ledger = Ledger::new(50);
            for index in 0..50 {
                let entry = ledger.entry(index);
                drop(inner.spawn(move || entry.run()));
            }
            pool(1).install(move || drop(inner));
            ledger.assert_all_ran();
            assert_eq!(exits.try_iter().count(), size);
        }
    });
}

#[test]
fn an_idle_pool_and_one_that_never_worked_can_be_dropped() {
    watched(|| {
        for size in SIZES {
            for _ in 0..100 {
                drop(pool(size));
                let idle = pool(size);
                idle.install(|| ());
                drop(idle);
            }
        }
    });
}

#[test]
fn a_scope_joins_its_tasks_whatever_becomes_of_their_handles() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let done = AtomicUsize::new(0);
            pool.scope(|s| {
                for index in 0..200 {
                    let handle = s.spawn(|| {
                        s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
                        done.fetch_add(1, Ordering::SeqCst);
                    });
                    match index % 3 {
                        0 => drop(handle),
                        1 => std::mem::forget(handle),
                        _ => handle.join().unwrap(),
                    }
                }
            });
            assert_eq!(done.load(Ordering::SeqCst), 400);
        });
    });
}

/// rust#94644: the result of a task is part of the task.
#[test]
fn a_scope_ends_after_the_results_of_its_tasks_are_dropped() {
    struct Borrows<'a>(&'a AtomicUsize);
    impl Drop for Borrows<'_> {
        fn drop(&mut self) {
            thread::yield_now();
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    watched(|| {
        from_outside_and_inside(|pool| {
            for _ in 0..50 {
                let dropped = AtomicUsize::new(0);
                pool.scope(|s| {
                    for _ in 0..10 {
                        let captured = Borrows(&dropped);
                        s.spawn(|| {
                            let _captured = captured;
                            Borrows(&dropped)
                        });
                    }
                });
                assert_eq!(dropped.load(Ordering::SeqCst), 20);
            }
        });
    });
}

#[test]
fn pools_may_be_dropped_by_many_threads_at_once() {
    watched(|| {
        let ledger = Ledger::new(400);
        let start = Barrier::new(4);
        thread::scope(|threads| {
            for dropper in 0..4 {
                let (start, ledger) = (&start, &ledger);
                threads.spawn(move || {
                    let pool = pool(2);
                    for index in 100 * dropper..100 * (dropper + 1) {
                        let entry = ledger.entry(index);
                        drop(pool.spawn(move || entry.run()));
                    }
                    start.wait();
                    drop(pool);
                });
            }
        });
        ledger.assert_all_ran();
    });
}
