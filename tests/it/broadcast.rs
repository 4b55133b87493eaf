//! `broadcast`: once on each worker, results by index, from anywhere, also while workers are busy or waiting.

use std::collections::HashSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use crate::support::{
    Gate, Loud, SIZES, blow_up, from_outside_and_inside, on_a_worker, panic_of, pool,
    pool_without_spares, stall, text,
};
use crate::watchdog::watched;

#[test]
fn every_worker_runs_it_once_and_the_results_are_in_their_order() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let size = pool.current_num_threads();
            let runs: Vec<AtomicUsize> = (0..size).map(|_| AtomicUsize::new(0)).collect();
            let results = pool.broadcast(|worker| {
                assert_eq!(windrow::current_thread_index(), Some(worker));
                runs[worker].fetch_add(1, Ordering::SeqCst);
                (worker, thread::current().id())
            });
            assert!(results.iter().map(|&(worker, _)| worker).eq(0..size));
            let threads: HashSet<_> = results.into_iter().map(|(_, thread)| thread).collect();
            assert_eq!(threads.len(), size, "threads that took part");
            assert!(
                runs.iter().all(|runs| runs.load(Ordering::SeqCst) == 1),
                "{runs:?}"
            );
        });
    });
}

#[test]
fn all_workers_are_in_it_at_the_same_time() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let all = Barrier::new(pool.current_num_threads());
            let leaders = pool.broadcast(|_| all.wait().is_leader());
            assert_eq!(leaders.into_iter().filter(|&leader| leader).count(), 1);
        });
    });
}

#[test]
fn it_waits_for_workers_that_are_busy() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let stalled = stall(&pool);
            thread::scope(|threads| {
                let broadcast = threads.spawn(|| pool.broadcast(|worker| worker));
                drop(stalled);
                assert!(broadcast.join().unwrap().into_iter().eq(0..size));
            });
        }
    });
}

#[test]
fn a_worker_in_a_wait_is_reached_as_well() {
    watched(|| {
        let pool = pool(3);
        for _ in 0..20 {
            // One worker waits for a task on another; the third one gets the broadcast, which ends the wait.
            let (started, gate) = (Gate::default(), Gate::default());
            let waiting = Gate::default();
            let awaited = {
                let (started, gate) = (started.clone(), gate.clone());
                pool.spawn(move || {
                    started.open();
                    gate.pass();
                })
            };
            started.pass();
            let waiter = {
                let waiting = waiting.clone();
                pool.spawn(move || {
                    waiting.open();
                    awaited.join().unwrap();
                })
            };
            waiting.pass();
            let results = pool.broadcast(|worker| {
                gate.open();
                worker
            });
            assert_eq!(results, [0, 1, 2]);
            waiter.join().unwrap();
        }
    });
}

#[test]
fn two_workers_that_broadcast_at_once_both_finish() {
    watched(|| {
        for size in [2, 3, 8] {
            let pool = pool(size);
            for _ in 0..20 {
                let both = Barrier::new(2);
                let (first, second) = thread::scope(|threads| {
                    let one = || {
                        pool.install(|| {
                            both.wait();
                            pool.broadcast(|worker| worker)
                        })
                    };
                    let (first, second) = (threads.spawn(one), threads.spawn(one));
                    (first.join().unwrap(), second.join().unwrap())
                });
                assert!(first.into_iter().eq(0..size) && second.into_iter().eq(0..size));
            }
        }
    });
}

#[test]
fn broadcasts_from_many_threads_all_finish() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let runs = AtomicUsize::new(0);
            thread::scope(|threads| {
                for _ in 0..4 {
                    threads.spawn(|| {
                        for _ in 0..50 {
                            pool.broadcast(|_| runs.fetch_add(1, Ordering::SeqCst));
                        }
                    });
                }
            });
            assert_eq!(runs.into_inner(), 4 * 50 * size);
        }
    });
}

#[test]
fn what_it_runs_may_wait_and_spawn() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let results = pool.broadcast(|worker| {
                let (a, b) = windrow::join(|| worker, || worker);
                let c = windrow::spawn(move || worker).join().unwrap();
                a + b + c + windrow::scope(|s| s.spawn(|| worker).join().unwrap())
            });
            assert!(
                results
                    .into_iter()
                    .eq((0..pool.current_num_threads()).map(|worker| 4 * worker))
            );
        });
    });
}

#[test]
fn a_sleeping_pool_is_woken_by_it() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            for _ in 0..500 {
                assert_eq!(pool.broadcast(|_| ()).len(), size);
            }
        }
    });
}

#[test]
fn it_does_not_take_the_place_of_queued_tasks() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let (ran, runs) = channel();
            on_a_worker(&pool, move || {
                for index in 0..100 {
                    let ran = ran.clone();
                    drop(windrow::spawn(move || ran.send(index).unwrap()));
                }
            });
            pool.broadcast(|_| ());
            drop(pool);
            let mut order: Vec<i32> = runs.iter().collect();
            order.sort_unstable();
            assert!(order.into_iter().eq(0..100));
        }
    });
}

#[test]
fn a_panic_goes_on_although_results_panic_as_they_are_dropped() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let last = pool.current_num_threads() - 1;
            let payload = panic_of(|| {
                pool.broadcast(|worker| {
                    if worker == last {
                        blow_up("first");
                    }
                    Loud
                });
            });
            assert_eq!(text(&*payload), "first");
        });
    });
}

#[test]
fn a_worker_that_is_a_guest_of_another_pool_takes_part_in_it() {
    watched(|| {
        for size in SIZES {
            for (here, there) in [(pool(size), pool(1)), (pool_without_spares(size), pool(8))] {
                let all = Barrier::new(size);
                let (own, results) = here.install(|| {
                    let own = (windrow::current_thread_index(), thread::current().id());
                    let each = |worker| {
                        all.wait();
                        assert_eq!(windrow::current_thread_index(), Some(worker));
                        let sum = windrow::join(|| there.install(|| worker), || 1);
                        assert_eq!(sum, (worker, 1));
                        thread::current().id()
                    };
                    (own, there.scope(|_| here.broadcast(each)))
                });
                assert_eq!(results.len(), size);
                assert_eq!(results[own.0.unwrap()], own.1);
            }
        }
    });
}

#[test]
fn two_workers_that_broadcast_at_once_from_another_pool_both_finish() {
    watched(|| {
        for size in [2, 3, 8] {
            let (here, there) = (pool(size), pool(size));
            for _ in 0..20 {
                let both = Barrier::new(2);
                let one = || {
                    here.install(|| {
                        both.wait();
                        there.scope(|_| here.broadcast(|worker| worker))
                    })
                };
                thread::scope(|threads| {
                    let callers = [threads.spawn(one), threads.spawn(one)];
                    for caller in callers {
                        assert!(caller.join().unwrap().into_iter().eq(0..size));
                    }
                });
            }
        }
    });
}

#[test]
fn a_worker_that_waits_for_it_in_another_pool_is_reached() {
    watched(|| {
        for size in SIZES {
            let (here, there) = (pool(size), pool(1));
            let results = here.install(|| {
                let (started, start) = channel();
                there.scope(|s| {
                    let task = s.spawn(|| {
                        started.send(()).unwrap();
                        here.broadcast(|worker| (worker, windrow::current_thread_index()))
                    });
                    // A worker of the other pool has it.
                    start.recv().unwrap();
                    task.join().unwrap()
                })
            });
            assert!(
                results
                    .into_iter()
                    .eq((0..size).map(|worker| (worker, Some(worker))))
            );
        }
    });
}
