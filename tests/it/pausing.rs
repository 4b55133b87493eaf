//! Lifecycle: `pause` and `resume`, and waiting until a pool is idle.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use windrow::{Backoff, Retry, ThreadPool};

use crate::support::{Gate, Ledger, SIZES, on_a_worker, panic_of, pool, stall, text};
use crate::watchdog::watched;

const HOUR: Duration = Duration::from_secs(3600);

fn fill(pool: &ThreadPool, ledger: &Ledger, indices: std::ops::Range<usize>) {
    for index in indices {
        let entry = ledger.entry(index);
        drop(pool.spawn(move || entry.run()));
    }
}

#[test]
fn a_paused_pool_takes_up_nothing_new() {
    watched(|| {
        for size in SIZES {
            for round in 0..100 {
                let (pool, ledger) = (pool(size), Ledger::new(10));
                if round % 2 == 0 {
                    // Its workers are looking for work just now.
                    pool.install(|| ());
                }
                pool.pause();
                pool.pause();
                fill(&pool, &ledger, 0..10);
                for _ in 0..round {
                    thread::yield_now();
                }
                assert!(pool.is_paused());
                let stats = pool.stats();
                assert_eq!((stats.queued_total(), stats.running), (10, 0));
                assert!((0..10).all(|index| ledger.ran(index) == 0));
                assert!(!pool.wait_idle_timeout(Duration::ZERO));
                pool.resume();
                assert!(!pool.is_paused());
                pool.wait_idle();
                ledger.assert_all_ran();
                pool.resume();
            }
        }
    });
}

#[test]
fn what_runs_goes_on_and_so_does_what_it_waits_for() {
    watched(|| {
        for size in SIZES {
            let (pool, gate, (here, started)) = (pool(size), Gate::default(), channel());
            let wait = gate.clone();
            let handle = pool.spawn(move || {
                here.send(()).unwrap();
                wait.pass();
                let (a, b) = windrow::join(|| 1, || 2);
                let c = windrow::spawn(|| 3).join().unwrap();
                let d = windrow::scope(|s| {
                    let (d, e) = (s.spawn(|| 4), s.task().spawn(|| 5));
                    d.join().unwrap() + e.join().unwrap()
                });
                a + b + c + d
            });
            started.recv().unwrap();
            pool.pause();
            gate.open();
            while !handle.is_finished() {
                thread::yield_now();
            }
            assert_eq!(handle.join().unwrap(), 15);
        }
    });
}

#[test]
fn the_caller_works_while_the_pool_is_paused() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            pool.pause();
            assert_eq!(pool.join(|| 1, || 2), (1, 2));
            assert_eq!(pool.scope(|s| s.spawn(|| 3).join().unwrap()), 3);
            let counter = AtomicUsize::new(0);
            pool.scope(|s| {
                for _ in 0..10 {
                    s.spawn(|| counter.fetch_add(1, Ordering::SeqCst));
                    s.task().spawn(|| counter.fetch_add(1, Ordering::SeqCst));
                }
            });
            assert_eq!(counter.load(Ordering::SeqCst), 20);
            assert_eq!(pool.spawn(|| 4).join().unwrap(), 4);
            assert_eq!(pool.task().spawn(|| 5).join().unwrap(), 5);
            let group = pool.group::<u32, ()>();
            group.spawn(|| Ok(6));
            pool.resume();
            assert_eq!(group.wait().unwrap(), [6]);
        }
    });
}

#[test]
fn pausing_and_resuming_at_any_moment_loses_nothing() {
    watched(|| {
        for size in SIZES {
            let (pool, ledger, start) = (pool(size), Ledger::new(2000), Barrier::new(3));
            thread::scope(|threads| {
                threads.spawn(|| {
                    start.wait();
                    fill(&pool, &ledger, 0..2000);
                });
                for _ in 0..2 {
                    threads.spawn(|| {
                        start.wait();
                        for _ in 0..500 {
                            pool.pause();
                            thread::yield_now();
                            pool.resume();
                        }
                    });
                }
            });
            pool.wait_idle();
            ledger.assert_all_ran();
        }
    });
}

#[test]
fn waiting_until_it_is_idle_may_be_bounded() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            pool.wait_idle();
            assert!(pool.wait_idle_timeout(Duration::ZERO));
            let past = Instant::now();
            assert!(pool.wait_idle_deadline(past));
            let stalled = stall(&pool);
            assert!(!pool.wait_idle_timeout(Duration::ZERO));
            assert!(!pool.wait_idle_timeout(Duration::from_micros(50)));
            assert!(!pool.wait_idle_deadline(past));
            drop(stalled);
            assert!(pool.wait_idle_timeout(Duration::MAX));
            assert_eq!(pool.stats().completed, size as u64);
        }
    });
}

#[test]
fn a_task_cannot_wait_until_its_own_pool_is_idle() {
    watched(|| {
        for size in SIZES {
            let outer = Arc::new(pool(size));
            let pool = outer.clone();
            let said = on_a_worker(&outer, move || panic_of(|| pool.wait_idle()));
            assert!(text(&*said).contains("wait_idle was called from a task"));
            let pool = outer.clone();
            let inner = outer.spawn(move || panic_of(|| pool.wait_idle_timeout(HOUR)));
            // Run by this thread or by a worker, it is a task.
            assert!(text(&*inner.join().unwrap()).contains("wait_idle was called from a task"));
            // One of another pool may.
            let pool = outer.clone();
            self::pool(1).install(move || pool.wait_idle());
        }
    });
}

#[test]
fn delayed_tasks_and_retries_are_waited_for_and_periodic_ones_are_not() {
    watched(|| {
        for size in SIZES {
            let (pool, ran) = (pool(size), Arc::new(AtomicUsize::new(0)));
            let count = ran.clone();
            drop(pool.spawn_after(Duration::from_millis(2), move || {
                count.fetch_add(1, Ordering::SeqCst);
            }));
            let retry = Retry::attempts(3).unwrap();
            let retry = retry.backoff(Backoff::fixed(Duration::from_millis(1)));
            let count = ran.clone();
            drop(pool.task().retry(retry).spawn(move || {
                count.fetch_add(1, Ordering::SeqCst);
                Err::<(), ()>(())
            }));
            let periodic = pool.spawn_every(HOUR, || ());
            pool.wait_idle();
            assert_eq!(ran.load(Ordering::SeqCst), 4);
            assert!(!periodic.is_finished());
            let stats = pool.stats();
            assert_eq!((stats.completed, stats.failed, stats.waiting), (1, 1, 1));
            periodic.stop();
            pool.wait_idle();
            assert_eq!(pool.stats().cancelled, 1);
        }
    });
}

/// What ends without a worker counts as well.
#[test]
fn a_paused_pool_is_idle_when_its_last_task_is_cancelled() {
    watched(|| {
        for round in 0..200 {
            let (pool, start) = (pool(1 + round % 2), Barrier::new(2));
            pool.pause();
            let (plain, managed) = (pool.spawn(|| ()), pool.spawn_after(HOUR, || ()));
            thread::scope(|threads| {
                let waiting = threads.spawn(|| {
                    start.wait();
                    pool.wait_idle();
                });
                start.wait();
                for _ in 0..round {
                    thread::yield_now();
                }
                if round % 3 == 0 {
                    assert!(managed.cancel());
                    pool.resume();
                    while !waiting.is_finished() && !plain.is_finished() {
                        thread::yield_now();
                    }
                } else {
                    managed.cancel();
                    assert!(plain.cancel());
                    pool.resume();
                }
            });
        }
    });
}

/// A plain task alone: no worker ever hears of it.
#[test]
fn a_paused_pool_is_idle_when_its_only_task_is_cancelled_or_joined() {
    watched(|| {
        for round in 0..200 {
            let (pool, start) = (pool(1 + round % 2), Barrier::new(2));
            pool.pause();
            let handle = pool.spawn(|| ());
            thread::scope(|threads| {
                threads.spawn(|| {
                    start.wait();
                    pool.wait_idle();
                });
                start.wait();
                for _ in 0..10 * round {
                    thread::yield_now();
                }
                if round % 2 == 0 {
                    assert!(handle.cancel());
                } else {
                    handle.join().unwrap();
                }
            });
        }
    });
}

/// A pool in which everybody waits has its waiters look for what comes; what has come during a pause is found as
/// well when it ends.
#[test]
fn a_waiter_in_a_stalled_pool_finds_what_came_during_a_pause() {
    watched(|| {
        for seed in 0..20 {
            let pool = ThreadPool::builder()
                .num_threads(1)
                .spare_threads(0)
                .deterministic(seed)
                .build()
                .unwrap();
            let waits =
                pool.spawn(|| windrow::scope(|s| s.task().delay(HOUR).spawn(|| 7).join().unwrap()));
            // The worker waits for its delayed task.
            pool.sleep(HOUR / 2);
            pool.pause();
            pool.sleep(HOUR);
            pool.resume();
            pool.sleep(HOUR);
            assert!(
                waits.is_finished(),
                "seed {seed}: nobody has found the task"
            );
        }
    });
}

#[test]
fn who_waits_for_idleness_hears_of_what_a_guest_has_run() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            pool.pause();
            for _ in 0..50 {
                pool.scope(|_| {
                    let handle = pool.spawn(|| ());
                    thread::scope(|threads| {
                        let (begin, begun) = channel();
                        let pool = &pool;
                        threads.spawn(move || {
                            begin.send(()).unwrap();
                            pool.wait_idle();
                        });
                        begun.recv().unwrap();
                        (0..100).for_each(|_| thread::yield_now());
                        handle.join().unwrap();
                    });
                });
            }
            pool.resume();
        }
    });
}
