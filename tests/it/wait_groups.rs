//! Wait groups: clones register, drops signal, whoever waits lends its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use windrow::{ThreadPool, WaitGroup};

use crate::support::{Gate, on_a_worker, on_every_pool, pool, pool_that_reports, take};
use crate::watchdog::watched;

#[test]
fn a_group_that_nobody_else_has_joined_is_done_at_once() {
    watched(|| {
        WaitGroup::new().wait();
        let (first, second) = (WaitGroup::default(), WaitGroup::new());
        drop(first.clone());
        assert!(first.wait_timeout(Duration::ZERO));
        assert!(second.wait_deadline(Instant::now()));
    });
}

#[test]
fn everything_before_the_signals_has_happened_after_the_wait() {
    watched(|| {
        on_every_pool(|pool| {
            let (group, ran) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
            for _ in 0..1_000 {
                let (group, ran) = (group.clone(), ran.clone());
                drop(pool.spawn(move || {
                    ran.fetch_add(1, Ordering::Relaxed);
                    drop(group);
                }));
            }
            group.wait();
            assert_eq!(ran.load(Ordering::Relaxed), 1_000);
        });
    });
}

#[test]
fn a_bounded_wait_ends_without_the_signals() {
    watched(|| {
        let group = WaitGroup::new();
        let held = group.clone();
        assert!(!group.clone().wait_timeout(Duration::ZERO));
        assert!(!group.clone().wait_timeout(Duration::from_millis(1)));
        assert!(!group.clone().wait_deadline(Instant::now()));
        let started = Instant::now();
        assert!(!group.clone().wait_deadline(started), "it has passed");
        // Each of those has signalled for its own clone.
        let waiting = thread::spawn(move || group.wait_timeout(Duration::MAX));
        drop(held);
        assert!(waiting.join().unwrap());
    });
}

/// In order, where an hour takes no time and passes only if it is waited for.
#[test]
fn a_bounded_wait_lasts_as_long_as_it_says_or_until_the_last_signal() {
    watched(|| {
        let hour = Duration::from_secs(3600);
        let pool = ThreadPool::builder().deterministic(7).build().unwrap();
        let start = pool.now();
        let group = WaitGroup::new();
        for hours in [1, 3] {
            let member = group.clone();
            drop(pool.spawn_after(hours * hour, move || drop(member)));
        }
        assert!(!group.clone().wait_timeout(2 * hour));
        assert_eq!(pool.now() - start, 2 * hour);
        assert!(!group.clone().wait_deadline(start + 2 * hour));
        assert!(group.wait_timeout(Duration::MAX));
        assert_eq!(pool.now() - start, 3 * hour);
    });
}

#[test]
fn several_threads_wait_at_once_with_and_without_a_deadline() {
    watched(|| {
        let group = WaitGroup::new();
        let gate = Gate::default();
        let waiters: Vec<_> = (0..16)
            .map(|waiter| {
                let (group, gate) = (group.clone(), gate.clone());
                thread::spawn(move || {
                    gate.pass();
                    match waiter % 3 {
                        0 => group.wait(),
                        1 => assert!(group.wait_timeout(Duration::MAX)),
                        _ => {
                            let hour = Duration::from_secs(3600);
                            assert!(group.wait_deadline(Instant::now() + hour));
                        }
                    }
                })
            })
            .collect();
        gate.open();
        group.wait();
        waiters.into_iter().for_each(|w| w.join().unwrap());
    });
}

#[test]
fn a_worker_that_waits_lends_its_place_in_a_pool_of_one() {
    watched(|| {
        for size in [1, 2, 8] {
            let pool = pool(size);
            let ran = on_a_worker(&pool, || {
                let (group, ran) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
                for _ in 0..100 {
                    let (group, ran) = (group.clone(), ran.clone());
                    drop(windrow::spawn(move || {
                        ran.fetch_add(1, Ordering::SeqCst);
                        drop(group);
                    }));
                }
                group.wait();
                ran.load(Ordering::SeqCst)
            });
            assert_eq!(ran, 100);
        }
    });
}

#[test]
fn members_that_wait_for_each_other_in_tasks_of_a_small_pool_all_get_through() {
    watched(|| {
        // As many spares as there are members, all but one of whom wait.
        let builder = ThreadPool::builder().num_threads(1);
        let pool = builder.spare_threads(8).build().unwrap();
        let group = WaitGroup::new();
        let (through, arrivals) = channel();
        for _ in 0..8 {
            let (group, through) = (group.clone(), through.clone());
            drop(pool.spawn(move || {
                group.wait();
                through.send(()).unwrap();
            }));
        }
        group.wait();
        take(&arrivals, 8);
    });
}

#[test]
fn tasks_that_panic_are_cancelled_or_never_started_signal() {
    watched(|| {
        let (pool, reports) = pool_that_reports(2);
        let group = WaitGroup::new();
        for _ in 0..50 {
            let member = group.clone();
            drop(pool.spawn(move || {
                let _member = member;
                panic!("on its way");
            }));
        }
        let _ = group.clone().wait_timeout(Duration::ZERO);
        pool.wait_idle();
        pool.pause();
        for with_options in [false, true] {
            let member = group.clone();
            let handle = if with_options {
                pool.task().spawn(move || drop(member))
            } else {
                pool.spawn(move || drop(member))
            };
            assert!(handle.cancel());
        }
        let member = group.clone();
        drop(pool.spawn(move || drop(member)));
        drop(pool.shutdown_now());
        let member = group.clone();
        assert!(
            pool.spawn(move || drop(member))
                .join()
                .unwrap_err()
                .is_refused()
        );
        group.wait();
        assert_eq!(reports.try_iter().count(), 50);
    });
}

#[test]
fn rounds_of_many_threads_lose_no_signal() {
    watched(|| {
        for round in 0..300 {
            let group = WaitGroup::new();
            let signalled = Arc::new(AtomicUsize::new(0));
            let members: Vec<_> = (0..4)
                .map(|_| {
                    let (member, signalled) = (group.clone(), signalled.clone());
                    thread::spawn(move || {
                        let again = member.clone();
                        drop(member);
                        signalled.fetch_add(1, Ordering::Relaxed);
                        drop(again);
                    })
                })
                .collect();
            if round % 2 == 0 {
                group.wait();
            } else {
                assert!(group.wait_timeout(Duration::MAX));
            }
            assert_eq!(signalled.load(Ordering::Relaxed), 4);
            members.into_iter().for_each(|m| m.join().unwrap());
        }
    });
}

#[test]
fn it_says_how_many_are_registered_without_waiting() {
    let group = WaitGroup::new();
    let more = [group.clone(), group.clone()];
    assert_eq!(format!("{group:?}"), "WaitGroup { registered: 3 }");
    drop(more);
    assert_eq!(format!("{group:?}"), "WaitGroup { registered: 1 }");
}
