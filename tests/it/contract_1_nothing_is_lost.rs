//! Contract line 1: a task that was accepted runs exactly once, or is reported as not run; every closure runs or is
//! dropped exactly once. (Ten thousand pools, one after the other: `tests/stress/lives.rs`.)

use std::sync::mpsc::channel;
use std::thread;

use windrow::{JoinHandle, Priority};

use crate::support::{Ledger, SIZES, from_outside_and_inside, on_every_pool, pool, stall, take};
use crate::watchdog::watched;

#[test]
fn every_spawned_closure_runs_and_is_dropped_once() {
    watched(|| {
        on_every_pool(|pool| {
            let ledger = Ledger::new(2_000);
            let handles: Vec<_> = (0..2_000)
                .map(|index| {
                    let entry = ledger.entry(index);
                    pool.spawn(move || entry.run())
                })
                .collect();
            for handle in handles {
                handle.join().unwrap();
            }
            ledger.assert_all_ran();
        });
    });
}

#[test]
fn every_scoped_closure_runs_and_is_dropped_once_before_the_scope_ends() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let ledger = Ledger::new(2_000);
            pool.scope(|s| {
                for index in 0..1_000 {
                    let ledger = &ledger;
                    let entry = ledger.entry(index);
                    s.spawn(move || {
                        entry.run();
                        let entry = ledger.entry(index + 1_000);
                        s.spawn(move || entry.run());
                    });
                }
            });
            ledger.assert_all_ran();
        });
    });
}

#[test]
fn both_closures_of_every_join_run_and_are_dropped_once() {
    fn tree(ledger: &Ledger, from: usize, to: usize) {
        if to - from == 1 {
            ledger.entry(from).run();
            return;
        }
        let mid = from.midpoint(to);
        windrow::join(|| tree(ledger, from, mid), || tree(ledger, mid, to));
    }
    watched(|| {
        from_outside_and_inside(|pool| {
            let ledger = Ledger::new(4_096);
            pool.join(|| tree(&ledger, 0, 1_000), || tree(&ledger, 1_000, 4_096));
            ledger.assert_all_ran();
        });
    });
}

#[test]
fn a_pool_that_is_dropped_while_busy_runs_all_that_it_accepted() {
    watched(|| {
        for size in SIZES {
            for _ in 0..50 {
                let ledger = Ledger::new(200);
                let pool = pool(size);
                for index in 0..100 {
                    let entry = ledger.entry(index);
                    let child = ledger.entry(index + 100);
                    drop(pool.spawn(move || {
                        entry.run();
                        drop(windrow::spawn(move || child.run()));
                    }));
                }
                drop(pool);
                ledger.assert_all_ran();
            }
        }
    });
}

#[test]
fn a_cancelled_closure_is_dropped_once_and_never_runs() {
    watched(|| {
        for size in SIZES {
            let ledger = Ledger::new(100);
            let pool = pool(size);
            let stalled = stall(&pool);
            let handles: Vec<_> = (0..100)
                .map(|index| {
                    let entry = ledger.entry(index);
                    pool.spawn(move || entry.run())
                })
                .collect();
            for handle in handles.iter().step_by(2) {
                assert!(handle.cancel(), "nothing could have started it");
            }
            drop(stalled);
            for (index, handle) in handles.into_iter().enumerate() {
                assert_eq!(handle.join().is_err(), index % 2 == 0, "task {index}");
            }
            drop(pool);
            for index in 0..100 {
                let expected = if index % 2 == 0 { (0, 1) } else { (1, 1) };
                assert_eq!(
                    (ledger.ran(index), ledger.dropped(index)),
                    expected,
                    "task {index}"
                );
            }
        }
    });
}

#[test]
fn a_cancelled_closure_of_a_scope_is_dropped_before_the_scope_ends() {
    watched(|| {
        for size in SIZES {
            let ledger = Ledger::new(1);
            let pool = pool(size);
            let stalled = stall(&pool);
            pool.scope(|s| {
                let entry = ledger.entry(0);
                let handle = s.spawn(move || entry.run());
                assert!(handle.cancel(), "nothing could have started it");
            });
            assert_eq!((ledger.ran(0), ledger.dropped(0)), (0, 1));
            drop(stalled);
        }
    });
}

#[test]
fn cancel_tells_the_truth_when_it_races_with_the_start() {
    const TASKS: usize = 2_000;
    watched(|| {
        for size in SIZES {
            let ledger = Ledger::new(TASKS);
            let pool = pool(size);
            let mut told = Vec::with_capacity(TASKS);
            let mut handles = Vec::with_capacity(TASKS);
            for index in 0..TASKS {
                let entry = ledger.entry(index);
                let handle = pool.spawn(move || entry.run());
                told.push(handle.cancel());
                handles.push(handle);
            }
            for (index, handle) in handles.into_iter().enumerate() {
                let cancelled = handle.join().is_err_and(|error| error.is_cancelled());
                assert_eq!(cancelled, told[index], "what join says of task {index}");
            }
            drop(pool);
            for (index, cancelled) in told.into_iter().enumerate() {
                let runs = usize::from(!cancelled);
                assert_eq!(
                    (ledger.ran(index), ledger.dropped(index)),
                    (runs, 1),
                    "task {index}"
                );
            }
        }
    });
}

#[test]
fn many_threads_spawn_into_one_pool_while_its_tasks_spawn_too() {
    const EACH: usize = 500;
    watched(|| {
        for size in SIZES {
            let ledger = Ledger::new(4 * EACH * 2);
            let pool = pool(size);
            thread::scope(|threads| {
                for producer in 0..4 {
                    let (pool, ledger) = (&pool, &ledger);
                    threads.spawn(move || {
                        for index in producer * EACH..(producer + 1) * EACH {
                            let entry = ledger.entry(index);
                            let child = ledger.entry(index + 4 * EACH);
                            let level =
                                [Priority::Low, Priority::Normal, Priority::High][index % 3];
                            drop(pool.spawn_with_priority(level, move || {
                                entry.run();
                                drop(windrow::spawn(move || child.run()));
                            }));
                        }
                    });
                }
            });
            drop(pool);
            ledger.assert_all_ran();
        }
    });
}

#[test]
fn a_task_from_a_local_queue_is_taken_over_when_its_worker_is_busy() {
    watched(|| {
        let pool = pool(2);
        let (ran, runs) = channel();
        let parent = pool.spawn(move || {
            let children: Vec<JoinHandle<()>> = (0..1_000)
                .map(|index| {
                    let ran = ran.clone();
                    windrow::spawn(move || ran.send(index).unwrap())
                })
                .collect();
            // This worker stands still here, so that each of them has to run on another one.
            let mut order = take(&runs, children.len());
            order.sort_unstable();
            order
        });
        assert_eq!(parent.join().unwrap(), (0..1_000).collect::<Vec<_>>());
    });
}
