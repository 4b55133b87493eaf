//! Limiters: how many tasks run, who waits and who goes on when the limit changes, and what closing does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use windrow::{Limit, Limiter, RefusedReason, combine};

use crate::support::{
    Bomb, Census, Gate, Ledger, far_future, from_outside_and_inside, on_every_pool, panic_of, pool,
    text, yield_until,
};
use crate::watchdog::watched;

#[test]
fn no_more_tasks_run_than_there_are_slots() {
    watched(|| {
        from_outside_and_inside(|pool| {
            for limit in [1, 2, 5] {
                let (limiter, census) = (Limiter::new(limit), Census::default());
                let ledger = Ledger::new(300);
                pool.gather((), |run| {
                    for index in 0..300 {
                        let (entry, census) = (ledger.entry(index), census.clone());
                        let task = move || {
                            let _running = census.enter();
                            entry.run();
                        };
                        // The body waits for a slot, a handler leaves its tasks behind the limiter.
                        if index % 2 == 0 {
                            assert!(run.via(&limiter).scatter(task, |(), _, ()| ()));
                        } else {
                            assert!((**run).via(&limiter).scatter(task, |(), _, ()| ()));
                        }
                    }
                });
                ledger.assert_all_ran();
                assert!(census.peak() <= limit, "{} > {limit}", census.peak());
                assert_eq!((limiter.in_use(), limiter.waiting()), (0, 0));
            }
        });
    });
}

#[test]
fn an_unlimited_and_a_huge_limiter_hold_nothing_back() {
    watched(|| {
        on_every_pool(|pool| {
            for limit in [Limit::Unlimited, Limit::Max(usize::MAX)] {
                let limiter = Limiter::new(limit);
                assert_eq!(limiter.limit(), limit);
                let gate = Gate::default();
                let n = pool.gather(0, |run| {
                    let inside = gate.clone();
                    run.via(&limiter)
                        .scatter(move || inside.pass(), |n, _, ()| *n += 1);
                    for _ in 0..100 {
                        let via = run.via(&limiter);
                        assert!(via.try_scatter(|| (), |n, _, ()| *n += 1).is_ok());
                        assert!((**run).via(&limiter).scatter(|| (), |n, _, ()| *n += 1));
                        assert_eq!(limiter.waiting(), 0);
                    }
                    assert!(limiter.in_use() >= 1);
                    gate.open();
                });
                assert_eq!((n, limiter.in_use()), (201, 0));
            }
        });
    });
}

#[test]
fn nothing_runs_at_a_limit_of_none_until_it_is_raised() {
    watched(|| {
        on_every_pool(|pool| {
            for none in [Limit::Paused, Limit::Max(0)] {
                let limiter = Limiter::new(none);
                let ran = AtomicUsize::new(0);
                let n = pool.gather(0, |run| {
                    for _ in 0..20 {
                        let task = || ran.fetch_add(1, Ordering::SeqCst);
                        assert!((**run).via(&limiter).scatter(task, |n, _, _| *n += 1));
                    }
                    assert_eq!((limiter.waiting(), limiter.in_use()), (20, 0));
                    assert_eq!(run.outstanding(), 20);
                    let refused = run.via(&limiter).try_scatter(|| (), |_, _, ()| ());
                    assert!(matches!(
                        refused.unwrap_err().reason,
                        RefusedReason::Full { capacity: 0 }
                    ));
                    // Only what goes past the limiter can be gathered.
                    run.scatter(|| (), |_, _, ()| ());
                    assert!(run.gather_one().unwrap());
                    assert!(!run.try_gather_one().unwrap());
                    assert_eq!(ran.load(Ordering::SeqCst), 0);
                    limiter.set_limit(3);
                });
                assert_eq!((n, ran.load(Ordering::SeqCst)), (20, 20));
            }
        });
    });
}

#[test]
fn held_tasks_run_in_their_order_and_before_what_the_body_wants() {
    watched(|| {
        on_every_pool(|pool| {
            let (limiter, order) = (Limiter::new(Limit::Paused), Mutex::new(Vec::new()));
            pool.gather((), |run| {
                for index in 0..50 {
                    let order = &order;
                    let task = move || order.lock().unwrap().push(index);
                    (**run).via(&limiter).scatter(task, |(), _, ()| ());
                }
                limiter.set_limit(1);
                let last = || order.lock().unwrap().push(50);
                assert!(run.via(&limiter).scatter(last, |(), _, ()| ()));
            });
            assert!(order.into_inner().unwrap().into_iter().eq(0..=50));
        });
    });
}

#[test]
fn a_lowered_limit_interrupts_nothing_and_starts_nothing() {
    watched(|| {
        let pool = pool(4);
        let limiter = Limiter::new(3);
        let gates = [Gate::default(), Gate::default(), Gate::default()];
        let (started, start) = channel();
        let ends = pool.gather(0, |run| {
            for gate in &gates {
                let started = started.clone();
                let task = move || {
                    started.send(()).unwrap();
                    gate.pass();
                };
                run.via(&limiter).scatter(task, |n, _, ()| *n += 1);
            }
            (0..3).for_each(|_| start.recv().unwrap());
            limiter.set_limit(1);
            assert_eq!(limiter.in_use(), 3);
            let held = || started.send(()).unwrap();
            (**run).via(&limiter).scatter(held, |n, _, ()| *n += 1);
            for (index, gate) in gates.iter().enumerate() {
                assert!(
                    start.try_recv().is_err(),
                    "only {index} of three have ended"
                );
                assert_eq!(limiter.waiting(), 1);
                gate.open();
                assert!(run.gather_one().unwrap());
            }
            start.recv().unwrap();
        });
        assert_eq!(ends, 4);
    });
}

#[test]
fn a_slot_is_free_before_the_result_is_handled() {
    watched(|| {
        on_every_pool(|pool| {
            let limiter = Limiter::new(1);
            let n = pool.gather(0, |run| {
                for _ in 0..20 {
                    let seen = limiter.clone();
                    run.via(&limiter).scatter(
                        || (),
                        move |n, _, ()| {
                            assert_eq!(seen.in_use(), 0);
                            *n += 1;
                        },
                    );
                    run.gather_all().unwrap();
                }
            });
            assert_eq!(n, 20);
        });
    });
}

#[test]
fn a_deadline_that_passes_gives_task_and_handler_back() {
    watched(|| {
        on_every_pool(|pool| {
            let limiter = Limiter::new(Limit::Paused);
            pool.gather(0, |run| {
                let now = Instant::now();
                for at in [now, now.checked_sub(Duration::from_secs(1)).unwrap_or(now)] {
                    let via = run.via(&limiter);
                    let refused = via.scatter_deadline(at, || 3, |n, _, three| *n += three);
                    let (task, handler) = refused.unwrap_err().task;
                    let mut n = 0;
                    handler(&mut n, run, task());
                    assert_eq!(n, 3);
                }
                assert_eq!((limiter.in_use(), limiter.waiting()), (0, 0));
                limiter.set_limit(Limit::Unlimited);
                let via = run.via(&limiter);
                assert!(via.scatter_deadline(now, || (), |_, _, ()| ()).is_ok());
            });
        });
    });
}

#[test]
fn a_closed_limiter_refuses_and_what_waits_behind_it_still_runs() {
    watched(|| {
        on_every_pool(|pool| {
            let limiter = Limiter::new(Limit::Paused);
            let n = pool.gather(0, |run| {
                for _ in 0..10 {
                    (**run).via(&limiter).scatter(|| (), |n, _, ()| *n += 1);
                }
                assert!(!limiter.is_closed());
                limiter.close();
                assert!(limiter.is_closed());
                assert_eq!((limiter.waiting(), limiter.in_use()), (10, 0));
                // None of the six ways in.
                let handler = |n: &mut u32, _: &windrow::Scatter<'_, u32>, ()| *n += 100;
                assert!(!run.via(&limiter).scatter(|| (), handler));
                assert!(!(**run).via(&limiter).scatter(|| (), handler));
                let task = || ();
                let refused = [
                    run.via(&limiter).try_scatter(task, handler),
                    (**run).via(&limiter).try_scatter(task, handler),
                    run.via(&limiter)
                        .scatter_deadline(far_future(), task, handler),
                ]
                .map(|result| matches!(result.unwrap_err().reason, RefusedReason::Closed));
                assert_eq!(refused, [true; 3]);
                let sums = run.combiner(combine::count(), |n, _, _| *n += 100);
                assert!(!run.via(&limiter).scatter_into(|| (), &sums));
                assert!(!(**run).via(&limiter).scatter_into(|| (), &sums));
                limiter.set_limit(2);
            });
            assert_eq!((n, limiter.waiting()), (10, 0));
        });
    });
}

#[test]
fn closing_a_limiter_ends_the_wait_of_a_body_for_a_slot() {
    watched(|| {
        for _ in 0..50 {
            let pool = pool(2);
            let limiter = Limiter::new(Limit::Paused);
            let both = Barrier::new(2);
            thread::scope(|s| {
                s.spawn(|| {
                    both.wait();
                    limiter.close();
                });
                pool.gather((), |run| {
                    both.wait();
                    assert!(!run.via(&limiter).scatter(|| (), |(), _, ()| ()));
                });
            });
        }
    });
}

#[test]
fn two_runs_on_two_threads_share_the_slots() {
    watched(|| {
        for slots in [1, 2] {
            let (pool, limiter, census) = (pool(4), Limiter::new(slots), Census::default());
            let run_it = || {
                pool.gather(0, |run| {
                    for index in 0..500 {
                        let census = census.clone();
                        let task = move || drop(census.enter());
                        let accepted = if index % 3 == 0 {
                            (**run).via(&limiter).scatter(task, |n, _, ()| *n += 1)
                        } else {
                            run.via(&limiter).scatter(task, |n, _, ()| *n += 1)
                        };
                        assert!(accepted);
                    }
                })
            };
            let counts = thread::scope(|s| {
                let other = s.spawn(run_it);
                [run_it(), other.join().unwrap()]
            });
            assert_eq!(counts, [500, 500]);
            assert!(census.peak() <= slots, "{}", census.peak());
            assert_eq!((limiter.in_use(), limiter.waiting()), (0, 0));
        }
    });
}

#[test]
fn what_is_not_accepted_takes_no_slot() {
    watched(|| {
        on_every_pool(|pool| {
            let limiter = Limiter::new(1);
            pool.gather((), |run| {
                run.close();
                assert!(!run.via(&limiter).scatter(|| (), |(), _, ()| ()));
                assert_eq!(limiter.in_use(), 0);
                run.cancel();
                assert!(!(**run).via(&limiter).scatter(|| (), |(), _, ()| ()));
                assert_eq!((limiter.in_use(), limiter.waiting()), (0, 0));
            });
        });
    });
}

#[test]
fn the_end_of_a_run_waits_for_a_held_task_until_the_limit_is_raised() {
    watched(|| {
        let pool = pool(2);
        let limiter = Limiter::new(Limit::Paused);
        let n = thread::scope(|s| {
            let raised = limiter.clone();
            s.spawn(move || {
                yield_until(|| raised.waiting() == 3);
                raised.set_limit(1);
            });
            pool.gather(0, |run| {
                for _ in 0..3 {
                    (**run).via(&limiter).scatter(|| (), |n, _, ()| *n += 1);
                }
            })
        });
        assert_eq!(n, 3);
    });
}

#[test]
fn what_a_cancelled_run_forfeits_takes_no_slot_from_others() {
    watched(|| {
        on_every_pool(|pool| {
            let (limiter, census) = (Limiter::new(Limit::Paused), Census::default());
            pool.gather((), |run| {
                let (held, present) = (limiter.clone(), census.clone());
                run.scatter(
                    || (),
                    move |(), run, ()| {
                        for _ in 0..3 {
                            let guard = present.enter();
                            run.via(&held).scatter(|| drop(guard), |(), _, ()| ());
                        }
                        run.cancel();
                    },
                );
                run.gather_one().unwrap();
                assert_eq!(limiter.waiting(), 3);
                assert!(!run.scatter(|| (), |(), _, ()| ()));
                // Not received yet, and what they held is free all the same.
                assert_eq!(run.outstanding(), 3);
                assert_eq!((limiter.in_use(), limiter.waiting()), (0, 0));
                assert_eq!(census.live(), 0);
                limiter.set_limit(1);
                let other = pool.gather(0, |run| {
                    run.via(&limiter).scatter(|| 1, |n, _, one| *n += one);
                });
                assert_eq!(other, 1);
            });
        });
    });
}

#[test]
fn a_panic_of_what_is_forfeited_behind_a_limiter_resumes() {
    watched(|| {
        on_every_pool(|pool| {
            let limiter = Limiter::new(Limit::Paused);
            let payload = panic_of(|| {
                pool.gather((), |run| {
                    let held = limiter.clone();
                    run.scatter(
                        || (),
                        move |(), run, ()| {
                            for bomb in [Bomb("first"), Bomb("second")] {
                                run.via(&held).scatter(|| drop(bomb), |(), _, ()| ());
                            }
                            run.cancel();
                        },
                    );
                });
            });
            assert_eq!(text(&*payload), "first");
            assert_eq!((limiter.in_use(), limiter.waiting()), (0, 0));
        });
    });
}
