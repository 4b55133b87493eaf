//! Runs that are cancelled, in every phase and from everywhere.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use windrow::{CancelToken, Limit, Limiter, RunHandle, combine};

use crate::support::{Census, Ledger, blow_up, on_every_pool, pool, stall, yield_until};
use crate::watchdog::watched;

/// A run as another thread sees it must have accounted for everything.
fn assert_over(handle: &RunHandle) {
    let stats = handle.stats();
    let ended = stats.gathered + stats.panicked + stats.forfeited;
    assert_eq!(stats.scattered, ended, "{stats:?}");
    assert!(handle.is_closed());
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
fn what_is_queued_for_a_combiner_is_dropped_unrun_as_well() {
    watched(|| {
        on_every_pool(|pool| {
            let tasks = Ledger::new(100);
            let mut handle = None;
            let stalled = stall(pool);
            let before = pool.stats();
            pool.gather((), |run| {
                handle = Some(run.handle());
                let counts = run.combiner(combine::count(), |(), _, _| blow_up("counted"));
                for index in 0..100 {
                    let task = tasks.entry(index);
                    run.scatter_into(move || task.run(), &counts);
                }
                assert_eq!(pool.stats().queued_total(), 100);
                run.cancel();
            });
            let after = pool.stats();
            drop(stalled);
            for index in 0..100 {
                assert_eq!((tasks.ran(index), tasks.dropped(index)), (0, 1));
            }
            let handle = handle.unwrap();
            assert_over(&handle);
            assert_eq!(handle.stats().forfeited, 100);
            assert_eq!(after.cancelled - before.cancelled, 100);
            assert_eq!(after.completed, before.completed);
            assert_eq!(after.queued_total(), 0);
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
