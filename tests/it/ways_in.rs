//! The ways to hand in a task: accepted, it runs once; refused, the closure comes back unused.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use windrow::{
    Backoff, CancelToken, Limit, Limiter, Observer, Priority, RateLimit, Refused, RefusedReason,
    Retry, TaskContext, ThreadPool, combine,
};

use crate::support::{
    Bomb, Ledger, far_future, on_every_pool, panic_of, pool, pool_that_reports, text,
};
use crate::virtual_time::{S, virtually, virtually_with};
use crate::watchdog::watched;

fn twice() -> Retry {
    Retry::attempts(2).unwrap().backoff(Backoff::none())
}

#[test]
fn a_task_that_may_be_refused_runs_when_it_is_accepted() {
    watched(|| {
        on_every_pool(|pool| {
            let task = || pool.task().name("a").priority(Priority::High);
            let named = |cx: &TaskContext<'_>| cx.name() == Some("a");
            assert_eq!(task().try_spawn(|| 1).unwrap().join().unwrap(), 1);
            assert!(task().try_spawn_with(named).unwrap().join().unwrap());
            // The first attempt fails.
            let mut calls = 0;
            let retried = task().retry(twice()).try_spawn(move || {
                calls += 1;
                if calls == 2 { Ok(calls) } else { Err(calls) }
            });
            assert_eq!(retried.unwrap().join().unwrap(), Ok(2));
            let retried = task()
                .retry(twice())
                .try_spawn_with(|cx| Err::<(), _>(cx.attempt()));
            assert_eq!(retried.unwrap().join().unwrap(), Err(2));
        });
    });
}

#[test]
fn a_refused_closure_comes_back_from_every_builder() {
    fn closed<F>(refused: Refused<F>) -> F {
        assert!(
            matches!(refused.reason, RefusedReason::Closed),
            "{refused:?}"
        );
        refused.task
    }
    fn full<F>(refused: Refused<F>) -> F {
        assert!(
            matches!(refused.reason, RefusedReason::Full { capacity: 1 }),
            "{refused:?}"
        );
        refused.task
    }
    watched(|| {
        let ledger = Ledger::new(8);
        let builder = ThreadPool::builder().num_threads(1).queue_capacity(1);
        let pool = builder.build().unwrap();
        pool.pause();
        let queued = pool.spawn(|| ());
        macro_rules! all_refused {
            ($from:expr, $how:ident) => {{
                let from: usize = $from;
                let run = |index: usize| {
                    let entry = ledger.entry(from + index);
                    move || {
                        entry.run();
                        Ok::<(), ()>(())
                    }
                };
                let run_with = |index: usize| {
                    let run = run(index);
                    move |_: &TaskContext<'_>| run()
                };
                let refused = pool.task().try_spawn(run(0)).unwrap_err();
                assert_eq!($how(refused)(), Ok(()));
                let refused = pool.task().retry(twice()).try_spawn(run(1)).unwrap_err();
                assert_eq!($how(refused)(), Ok(()));
                drop($how(pool.task().try_spawn_with(run_with(2)).unwrap_err()));
                let refused = pool.task().retry(twice()).try_spawn_with(run_with(3));
                drop($how(refused.unwrap_err()));
                let count = |index| (ledger.ran(from + index), ledger.dropped(from + index));
                assert_eq!([0, 1, 2, 3].map(count), [(1, 1), (1, 1), (0, 1), (0, 1)]);
            }};
        }
        all_refused!(0, full);
        pool.resume();
        queued.join().unwrap();
        pool.shutdown();
        all_refused!(4, closed);
        let ticks = String::from("ticks");
        let told = ticks.clone();
        let every = pool.try_spawn_every(S(1), move || drop(ticks.clone()));
        closed(every.unwrap_err())();
        let every = pool.try_spawn_every_with(S(1), move |_: &TaskContext<'_>| drop(told.clone()));
        drop(closed(every.unwrap_err()));
        let every = pool.spawn_every_with(S(1), |_| ());
        assert!(every.join().unwrap_err().is_refused());
    });
}

#[test]
fn the_ways_into_a_combiner_take_a_slot_or_give_the_task_back() {
    watched(|| {
        on_every_pool(|pool| {
            let limiter = Limiter::new(Limit::Unlimited);
            let sum = pool.gather(0, |run| {
                let adding = || combine::fold(|| 0, |sum: &mut u32, n: u32| *sum += n);
                let sums = run.combiner(adding(), |sum, _, part| *sum += part);
                let past = Instant::now();
                let taken = [
                    run.try_scatter_into(|| 1, &sums).is_ok(),
                    run.scatter_into_deadline(far_future(), || 2, &sums).is_ok(),
                    run.via(&limiter).try_scatter_into(|| 4, &sums).is_ok(),
                    run.via(&limiter)
                        .scatter_into_deadline(past, || 8, &sums)
                        .is_ok(),
                ];
                assert_eq!(taken, [true; 4]);

                limiter.set_limit(Limit::Paused);
                let task = || 16;
                let refused = run.via(&limiter).try_scatter_into(task, &sums).unwrap_err();
                assert!(matches!(
                    refused.reason,
                    RefusedReason::Full { capacity: 0 }
                ));
                assert_eq!((refused.task)(), 16);
                let refused = run.via(&limiter).scatter_into_deadline(past, task, &sums);
                assert_eq!((refused.unwrap_err().task)(), 16);
                limiter.close();
                let refused = [
                    run.via(&limiter).try_scatter_into(task, &sums),
                    run.via(&limiter)
                        .scatter_into_deadline(far_future(), task, &sums),
                ]
                .map(|refused| matches!(refused.unwrap_err().reason, RefusedReason::Closed));
                assert_eq!(refused, [true; 2]);

                // Into the combiner of another run there is no way.
                pool.gather(0, |other: &mut windrow::Run<'_, '_, u32>| {
                    let payload = panic_of(|| other.try_scatter_into(|| 32, &sums).is_ok());
                    assert!(text(&*payload).contains("another run"));
                    let payload = panic_of(|| (**other).scatter_into(|| 32, &sums));
                    assert!(text(&*payload).contains("another run"));
                    assert_eq!(other.outstanding(), 0);
                });

                // Those that are too big to go with others in a sheaf go alone.
                let big = [64_u32; 1000];
                assert!(run.scatter_into(move || big[999], &sums));

                run.close();
                let refused = run.try_scatter_into(task, &sums).unwrap_err();
                assert!(matches!(refused.reason, RefusedReason::Closed));
                let refused = run.scatter_into_deadline(far_future(), task, &sums);
                assert_eq!((refused.unwrap_err().task)(), 16);
            });
            assert_eq!(sum, 1 + 2 + 4 + 8 + 64);
            assert_eq!((limiter.in_use(), limiter.waiting()), (0, 0));
        });
    });
}

#[test]
fn tasks_of_a_group_may_be_retried_expire_be_cancelled_or_refused() {
    virtually(1, |pool| {
        let calls = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&calls);
        let group = pool.group::<u32, &'static str>();
        group
            .task()
            .retry(twice())
            .spawn(move || match count.fetch_add(1, Ordering::SeqCst) {
                0 => Err("not yet"),
                n => Ok(n),
            });
        assert_eq!(group.wait().unwrap(), [1]);
        assert_eq!(calls.load(Ordering::SeqCst), 2);

        let group = pool.group::<(), &'static str>();
        let token = CancelToken::default();
        assert!(!token.is_cancelled());
        let sleeper = Arc::clone(pool);
        group.spawn(move || {
            sleeper.sleep(S(5));
            Err("slept")
        });
        // The only worker is asleep.
        pool.sleep(S(1));
        group.task().timeout(S(1)).spawn(|| Ok(()));
        group
            .task()
            .cancel_token(&token)
            .delay(S(100))
            .spawn(|| Ok(()));
        pool.sleep(S(2));
        token.cancel();
        let errors = group.wait_all().into_iter().map(Result::unwrap_err);
        let kinds = errors.map(|e| {
            [
                e.is_expired(),
                e.is_cancelled(),
                e.is_refused(),
                e.is_panic(),
            ]
        });
        let [failed, expired, cancelled] = <[_; 3]>::try_from(kinds.collect::<Vec<_>>()).unwrap();
        assert_eq!(failed, [false; 4]);
        assert_eq!(expired, [true, false, false, false]);
        assert_eq!(cancelled, [false, true, false, false]);

        let refusing = ThreadPool::new(1).unwrap();
        let group = refusing.group::<(), ()>();
        refusing.shutdown();
        group.spawn(|| Ok(()));
        let error = group.wait().unwrap_err();
        assert!(error.is_refused() && !error.is_expired() && !error.is_cancelled());
    });
}

/// The cancelled one came first, but is not what went wrong.
#[test]
fn a_cancelled_task_of_a_group_makes_way_for_a_reason() {
    virtually(1, |pool| {
        let group = pool.group::<(), &'static str>();
        let token = CancelToken::new();
        group
            .task()
            .cancel_token(&token)
            .delay(S(9))
            .spawn(|| Ok(()));
        token.cancel();
        group.task().delay(S(1)).spawn(|| Err("a reason"));
        assert_eq!(group.wait().unwrap_err().to_string(), "a reason");
    });
}

#[test]
fn a_scope_takes_tasks_from_threads_that_are_not_its_pools() {
    watched(|| {
        on_every_pool(|pool| {
            let ledger = Ledger::new(40);
            let sum: usize = pool.scope(|s| {
                thread::scope(|threads| {
                    let strangers = [0, 20].map(|from| {
                        let ledger = &ledger;
                        threads.spawn(move || {
                            let handles =
                                [(); 20]
                                    .map(|()| ())
                                    .into_iter()
                                    .enumerate()
                                    .map(|(n, ())| {
                                        let entry = ledger.entry(from + n);
                                        s.spawn_with_priority(Priority::Low, move || {
                                            entry.run();
                                            from + n
                                        })
                                    });
                            // One is waited for, the others are the scope's.
                            let mut handles: Vec<_> = handles.collect();
                            handles.swap_remove(7).join().unwrap()
                        })
                    });
                    strangers
                        .map(|stranger| stranger.join().unwrap())
                        .into_iter()
                        .sum()
                })
            });
            assert_eq!(sum, 7 + 27);
            ledger.assert_all_ran();
        });
    });
}

#[test]
fn a_permit_that_is_there_is_taken_without_a_wait() {
    virtually(1, |pool| {
        let limit = RateLimit::new(1, S(10), 2).unwrap();
        let (token, start) = (CancelToken::new(), pool.now());
        assert!(limit.acquire_with(&token).is_ok() && limit.acquire_with(&token).is_ok());
        assert_eq!(pool.now(), start);
        assert!(!limit.try_acquire());
        // The third is waited for, and comes although the token is cancelled later.
        assert!(limit.acquire_with(&token).is_ok());
        assert_eq!(pool.now() - start, S(10));
        token.cancel();
        pool.sleep(S(10));
        assert!(limit.acquire_with(&token).is_err() && limit.try_acquire());
    });
}

#[test]
fn the_panic_of_a_closure_that_is_dropped_instead_of_run_is_reported() {
    watched(|| {
        let (pool, reports) = pool_that_reports(1);
        pool.pause();
        let bomb = Bomb("dropped, not run");
        let handle = pool.spawn(move || drop(bomb));
        let given = pool.shutdown_now();
        assert_eq!(given.len(), 1);
        drop(given);
        assert!(handle.join().unwrap_err().is_cancelled());
        assert_eq!(reports.try_recv().as_deref(), Ok("dropped, not run"));
    });
}

#[test]
fn only_a_panic_has_a_payload() {
    watched(|| {
        let pool = pool(1);
        pool.shutdown();
        let error = pool.spawn(|| ()).join().unwrap_err();
        let payload = panic_of(|| error.into_panic());
        let said = "into_panic on a task that did not panic: the task was refused: the pool had been shut down";
        assert_eq!(text(&*payload), said);
    });
}

/// Everything that an observer may be told, none of which this one wants to know.
#[test]
fn an_observer_may_ignore_everything() {
    struct Asleep;
    impl Observer for Asleep {}
    virtually_with(
        |builder| builder.observer(Arc::new(Asleep)),
        |pool| {
            let handle = pool.task().retry(twice()).spawn(|| Err::<(), _>(1));
            let (result, report) = handle.join_report();
            assert_eq!(result.unwrap(), Err(1));
            assert!(report.unwrap().to_string().ends_with("at work, 2 attempts"));
            // Late, and stuck before.
            let sleeper = Arc::clone(pool);
            let late = pool.task().timeout(S(1)).grace_period(S(1));
            let (result, report) = late.spawn(move || sleeper.sleep(S(5))).join_report();
            assert!(result.unwrap_err().is_expired());
            assert!(report.unwrap().to_string().ends_with("at work"));
            pool.wait_idle();
            assert_eq!((pool.stats().late, pool.stats().stuck), (1, 1));
            let panics = pool
                .task()
                .spawn(|| std::panic::resume_unwind(Box::new("hay")));
            let (_, report) = panics.join_report();
            assert!(report.unwrap().to_string().contains(" panicked after "));
            let cancelled = pool.spawn_after(S(9), || ());
            assert!(cancelled.cancel());
            let (_, report) = cancelled.join_report();
            assert!(report.unwrap().to_string().ends_with(", never started"));
        },
    );
}
