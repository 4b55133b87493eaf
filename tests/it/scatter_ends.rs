//! How runs end: closed, finished, cancelled in every phase and from everywhere, by unwinding, on a pool that is shut
//! down.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use windrow::{CancelToken, Limit, Limiter, RefusedReason, RunHandle, Scatter, combine};

use crate::support::{
    Census, Gate, Ledger, blow_up, on_a_worker, on_every_pool, panic_of, pool, pool_without_spares,
    stall, text, yield_until,
};
use crate::watchdog::watched;

/// A run as another thread sees it must have accounted for everything.
fn assert_over(handle: &RunHandle) {
    let stats = handle.stats();
    let ended = stats.gathered + stats.panicked + stats.forfeited;
    assert_eq!(stats.scattered, ended, "{stats:?}");
    assert!(handle.is_closed());
}

/// Nothing gets into this run any more: not from its body, and if `all` not from handlers either.
fn assert_refuses(run: &mut windrow::Run<'_, '_, u32>, all: bool) {
    let count = |n: &mut u32, _: &Scatter<'_, u32>, seven: u32| *n += seven;
    assert!(!run.scatter(|| 7, count));
    let refused = run.try_scatter(|| 7, count).unwrap_err();
    assert!(matches!(refused.reason, RefusedReason::Closed));
    assert_eq!((refused.task.0)(), 7);
    let sums = run.combiner(combine::count::<u32>(), |_, _, _| ());
    assert!(!run.scatter_into(|| 7, &sums));
    if all {
        assert!(!(**run).scatter(|| 7, count));
        let refused = (**run).try_scatter(|| 7, count).unwrap_err();
        assert!(matches!(refused.reason, RefusedReason::Closed));
        assert_eq!((refused.task.0)(), 7);
        assert!(!(**run).scatter_into(|| 7, &sums));
    }
}

#[test]
fn a_closed_run_refuses_its_body_and_takes_what_handlers_scatter() {
    watched(|| {
        on_every_pool(|pool| {
            for by_handle in [false, true] {
                let n = pool.gather(0, |run| {
                    run.scatter(
                        || (),
                        |n, run, ()| {
                            *n += 1;
                            assert!(run.scatter(|| (), |n, _, ()| *n += 10));
                        },
                    );
                    if by_handle {
                        run.handle().close();
                    } else {
                        run.close();
                    }
                    assert_refuses(run, false);
                    assert!(!run.is_cancelled());
                });
                assert_eq!(n, 11);
            }
        });
    });
}

#[test]
fn a_finished_run_refuses_everybody() {
    watched(|| {
        on_every_pool(|pool| {
            let n = pool.gather(0, |run| {
                run.scatter(|| (), |n, _, ()| *n += 1);
                run.finish().unwrap();
                assert_eq!(*run.state(), 1);
                assert_refuses(run, true);
                assert!(!run.is_cancelled());
                run.finish().unwrap();
            });
            assert_eq!(n, 1);
        });
    });
}

#[test]
fn a_cancelled_run_refuses_everybody() {
    watched(|| {
        on_every_pool(|pool| {
            for how in 0..4 {
                let n = pool.gather(0, |run| {
                    match how {
                        0 => run.cancel(),
                        1 => run.handle().cancel(),
                        2 => run.token().cancel(),
                        _ => run.token().clone().cancel(),
                    }
                    assert!(run.is_cancelled() && run.token().is_cancelled());
                    assert_refuses(run, true);
                });
                assert_eq!(n, 0);
            }
        });
    });
}

#[test]
fn what_is_queued_when_the_run_is_cancelled_is_dropped_unrun() {
    watched(|| {
        on_every_pool(|pool| {
            let (tasks, handlers) = (Ledger::new(100), Ledger::new(100));
            let mut handle = None;
            let stalled = stall(pool);
            pool.gather((), |run| {
                handle = Some(run.handle());
                for index in 0..100 {
                    let (task, handler) = (tasks.entry(index), handlers.entry(index));
                    run.scatter(move || task.run(), move |(), _, ()| handler.run());
                }
                run.cancel();
                run.gather_all().unwrap();
                assert_eq!(run.outstanding(), 0);
            });
            drop(stalled);
            for index in 0..100 {
                assert_eq!((tasks.ran(index), tasks.dropped(index)), (0, 1));
                assert_eq!((handlers.ran(index), handlers.dropped(index)), (0, 1));
            }
            let handle = handle.unwrap();
            assert_over(&handle);
            assert_eq!(handle.stats().forfeited, 100);
        });
    });
}

#[test]
fn a_task_that_runs_when_the_run_is_cancelled_is_told_and_awaited() {
    watched(|| {
        on_every_pool(|pool| {
            let census = Census::default();
            let (started, start) = channel();
            let mut handle = None;
            pool.gather((), |run| {
                handle = Some(run.handle());
                let (token, guard): (CancelToken, _) = (run.token().clone(), census.enter());
                run.scatter(
                    move || {
                        started.send(()).unwrap();
                        yield_until(|| token.is_cancelled());
                        guard
                    },
                    |(), _, _| blow_up("cancelled"),
                );
                start.recv().unwrap();
                run.cancel();
            });
            assert_eq!(census.live(), 0);
            assert_eq!(handle.unwrap().stats().forfeited, 1);
        });
    });
}

#[test]
fn what_a_limiter_holds_when_the_run_is_cancelled_is_dropped_and_leaves_no_slot_taken() {
    watched(|| {
        on_every_pool(|pool| {
            let (limiter, ledger) = (Limiter::new(Limit::Paused), Ledger::new(20));
            pool.gather((), |run| {
                for index in 0..20 {
                    let entry = ledger.entry(index);
                    let task = move || entry.run();
                    (**run).via(&limiter).scatter(task, |(), _, ()| ());
                }
                assert_eq!(limiter.waiting(), 20);
                run.cancel();
            });
            assert_eq!((limiter.waiting(), limiter.in_use()), (0, 0));
            assert!((0..20).all(|index| (ledger.ran(index), ledger.dropped(index)) == (0, 1)));
            // The limiter is as good as new for another run.
            limiter.set_limit(1);
            let n = pool.gather(0, |run| {
                run.via(&limiter).scatter(|| 1, |n, _, one| *n += one);
            });
            assert_eq!(n, 1);
        });
    });
}

#[test]
fn only_the_cancelled_runs_tasks_leave_a_limiter_that_two_share() {
    watched(|| {
        on_every_pool(|pool| {
            let limiter = Limiter::new(Limit::Paused);
            let n = pool.gather(0, |outer| {
                (**outer).via(&limiter).scatter(|| 1, |n, _, one| *n += one);
                pool.gather((), |inner| {
                    for _ in 0..5 {
                        (**inner).via(&limiter).scatter(|| (), |(), _, ()| ());
                    }
                    (**outer).via(&limiter).scatter(|| 1, |n, _, one| *n += one);
                    assert_eq!(limiter.waiting(), 7);
                    inner.cancel();
                });
                assert_eq!(limiter.waiting(), 2);
                limiter.set_limit(1);
            });
            assert_eq!((n, limiter.in_use()), (2, 0));
        });
    });
}

#[test]
fn a_result_that_is_ready_when_the_run_is_cancelled_is_dropped() {
    watched(|| {
        on_every_pool(|pool| {
            let census = Census::default();
            let (done, wait) = channel();
            pool.gather((), |run| {
                let guard = census.enter();
                run.scatter(
                    move || {
                        done.send(()).unwrap();
                        guard
                    },
                    |(), _, _| blow_up("cancelled"),
                );
                wait.recv().unwrap();
                run.cancel();
                assert!(!run.gather_one().unwrap());
                assert_eq!((census.live(), run.outstanding()), (0, 0));
            });
        });
    });
}

#[test]
fn a_handler_may_cancel_and_the_others_are_not_called() {
    watched(|| {
        on_every_pool(|pool| {
            let n = pool.gather(0, |run| {
                for _ in 0..100 {
                    run.scatter(
                        || (),
                        |n, run, ()| {
                            *n += 1;
                            run.cancel();
                            assert!(!run.scatter(|| (), |n, _, ()| *n += 1_000));
                        },
                    );
                }
            });
            assert_eq!(n, 1);
        });
    });
}

#[test]
fn a_run_that_is_cancelled_while_it_flushes_forfeits_what_is_not_handled() {
    watched(|| {
        on_every_pool(|pool| {
            let mut handle = None;
            let seen = pool.gather(0, |run| {
                let groups = run
                    .combiner(combine::group_by(|n: &u32| *n), |seen, run, _| {
                        *seen += 1;
                        run.cancel();
                    })
                    .max_instances(1);
                for n in 0..50 {
                    run.scatter_into(move || n, &groups);
                }
                handle = Some((run.handle(), groups));
            });
            let (handle, groups) = handle.unwrap();
            assert_eq!((seen, groups.stats().live), (1, 0));
            assert_over(&handle);
        });
    });
}

#[test]
fn inputs_of_a_cancelled_run_are_forfeited_not_flushed() {
    watched(|| {
        on_every_pool(|pool| {
            let mut handle = None;
            pool.gather((), |run| {
                let batches = run.combiner(combine::batch(100), |(), _, _| blow_up("flushed"));
                for n in 0..20 {
                    run.scatter_into(move || n, &batches);
                }
                run.on_flush(|(), run, _| run.cancel());
                handle = Some(batches);
            });
            let stats = handle.unwrap().stats();
            assert_eq!((stats.combined, stats.live), (20, 0));
            assert_eq!(stats.flushed + stats.forfeited, 20);
        });
    });
}

#[test]
fn another_thread_cancels_a_body_that_waits_for_room_or_for_a_slot() {
    watched(|| {
        for _ in 0..50 {
            for slot in [false, true] {
                let pool = pool(2);
                let limiter = Limiter::new(Limit::Paused);
                let (give, take) = channel::<RunHandle>();
                let accepted = AtomicUsize::new(0);
                thread::scope(|s| {
                    s.spawn(move || take.recv().unwrap().cancel());
                    pool.gather((), |run| {
                        run.max_outstanding(1);
                        let handle = run.handle();
                        if !slot {
                            run.scatter(
                                move || yield_until(|| handle.is_cancelled()),
                                |(), _, ()| (),
                            );
                        }
                        give.send(run.handle()).unwrap();
                        let late = if slot {
                            run.via(&limiter).scatter(|| (), |(), _, ()| ())
                        } else {
                            run.scatter(|| (), |(), _, ()| ())
                        };
                        accepted.fetch_add(usize::from(late), Ordering::SeqCst);
                    });
                });
                assert_eq!(accepted.into_inner(), 0);
                assert_eq!((limiter.in_use(), limiter.waiting()), (0, 0));
            }
        }
    });
}

#[test]
fn a_task_cancels_its_run_through_the_token() {
    watched(|| {
        on_every_pool(|pool| {
            let mut handle = None;
            let n = pool.gather(0, |run| {
                handle = Some(run.handle());
                let token = run.token().clone();
                run.scatter(move || token.cancel(), |n, _, ()| *n += 1);
                while run.scatter(|| (), |_, _, ()| ()) {}
            });
            assert_eq!(n, 0);
            assert_over(&handle.unwrap());
        });
    });
}

#[test]
fn a_body_that_fails_or_unwinds_waits_for_what_runs_and_drops_the_rest() {
    watched(|| {
        on_every_pool(|pool| {
            for unwind in [false, true] {
                let census = Census::default();
                let (gate, (started, start)) = (Gate::default(), channel());
                let borrowed = vec![1; 100];
                let body = || {
                    pool.gather(census.enter(), |run| {
                        let (inside, guard) = (gate.clone(), census.enter());
                        let borrowed = &borrowed;
                        let started = started.clone();
                        run.scatter(
                            move || {
                                started.send(()).unwrap();
                                inside.pass();
                                assert_eq!(borrowed.iter().sum::<i32>(), 100);
                                guard
                            },
                            |_, _, _| Ok(()),
                        );
                        start.recv().unwrap();
                        for _ in 0..100 {
                            let guards = (census.enter(), census.enter());
                            run.scatter(|| guards.0, move |_, _, _| Ok(drop(guards.1)));
                        }
                        gate.open();
                        assert!(!unwind, "body");
                        Err("body")
                    })
                };
                if unwind {
                    assert_eq!(text(&*panic_of(body)), "body");
                } else {
                    assert_eq!(body().map(drop), Err("body"));
                }
                assert_eq!(census.live(), 0);
            }
        });
    });
}

#[test]
fn what_is_forgotten_holds_nothing_up() {
    watched(|| {
        on_every_pool(|pool| {
            let limiter = Limiter::new(1);
            let n = pool.gather(0, |run| {
                mem::forget(run.via(&limiter));
                mem::forget(run.handle());
                mem::forget(run.token().clone());
                let sums = run.combiner(combine::batch(9), |n, _, some: Vec<u8>| *n += some.len());
                mem::forget(sums.clone());
                run.scatter_into(|| 1, &sums);
                mem::forget(sums);
                run.via(&limiter)
                    .scatter(|| mem::forget(Box::new(1)), |n, _, ()| *n += 10);
            });
            assert_eq!((n, limiter.in_use()), (11, 0));
        });
    });
}

#[test]
fn a_run_works_on_a_pool_that_is_shut_down_and_for_a_lone_worker() {
    fn run_it() -> u32 {
        windrow::gather(0, |run| {
            run.max_outstanding(3);
            let limiter = Limiter::new(1);
            for n in 0..100 {
                run.scatter(move || n, |sum, _, n| *sum += n);
                let via = (**run).via(&limiter);
                via.scatter(move || n, |sum, _, n| *sum += n);
            }
        })
    }
    watched(|| {
        let lone = pool_without_spares(1);
        assert_eq!(on_a_worker(&lone, run_it), 9_900);
        for size in [1, 2] {
            let pool = pool(size);
            pool.shutdown();
            let sum = pool.gather(0, |run| {
                for n in 0..100 {
                    run.scatter(move || n, |sum, _, n| *sum += n);
                }
            });
            assert_eq!(sum, 4_950);
        }
    });
}
