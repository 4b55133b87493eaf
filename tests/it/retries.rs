//! Tasks that are tried again: how often, after which waits, on whose advice, and what their handles get.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use windrow::{
    Advice, AnyError, Backoff, InPool, JoinHandle, Outcome, Retry, RetryBuilder, ThreadPool,
};

use crate::support::{Bomb, Ledger, SIZES, pool, pool_that_reports, take, text};
use crate::virtual_time::{Diary, MS, S, Told, Witness, virtually, virtually_with, witnessed};
use crate::watchdog::watched;

fn retry(attempts: u32, backoff: Backoff) -> Retry {
    Retry::attempts(attempts).unwrap().backoff(backoff)
}

/// The virtual times at which a task runs that fails always, until it is given up.
fn starts(pool: &Arc<ThreadPool>, policy: Retry) -> Vec<Duration> {
    let diary = Diary::new(pool);
    let mine = diary.clone();
    let handle = pool.task().retry(policy).spawn_with(move |cx| {
        mine.note(cx.attempt());
        Err::<(), _>(())
    });
    assert_eq!(handle.join().unwrap(), Err(()));
    let attempts = diary.what();
    assert!(attempts.iter().copied().eq(1..=attempts.len() as u32));
    diary.times()
}

/// The waits between the runs of such a task.
fn waits(pool: &Arc<ThreadPool>, policy: Retry) -> Vec<Duration> {
    let starts = starts(pool, policy);
    starts.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn the_number_of_attempts_is_the_number_of_runs() {
    virtually(1, |pool| {
        for attempts in [1, 2, 3, 20] {
            let starts = starts(pool, retry(attempts, Backoff::fixed(S(1))));
            assert_eq!(starts.len(), attempts as usize);
        }
        let stats = pool.stats();
        assert_eq!((stats.retried, stats.failed, stats.completed), (22, 4, 0));
        // Success ends it.
        for good in 1..=5 {
            let task = pool.task().retry(retry(4, Backoff::none()));
            let handle = task.spawn_with(move |cx| match cx.attempt() {
                n if n == good => Ok(n),
                n => Err(n),
            });
            let expected = if good <= 4 { Ok(good) } else { Err(4) };
            let (result, report) = handle.join_report();
            assert_eq!(result.unwrap(), expected);
            assert_eq!(report.unwrap().attempts, good.min(4));
        }
    });
}

#[test]
fn each_back_off_waits_exactly_as_it_says() {
    virtually(2, |pool| {
        let seconds = |backoff| {
            let waits = waits(pool, retry(6, backoff));
            waits.iter().map(Duration::as_secs_f64).collect::<Vec<_>>()
        };
        assert_eq!(seconds(Backoff::none()), [0.0; 5]);
        assert_eq!(seconds(Backoff::fixed(S(3))), [3.0; 5]);
        let linear = Backoff::linear(S(2));
        assert_eq!(seconds(linear.clone()), [2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(seconds(linear.cap(S(5))), [2.0, 4.0, 5.0, 5.0, 5.0]);
        let quadratic = Backoff::polynomial(S(1), 2.0).unwrap();
        assert_eq!(seconds(quadratic.clone()), [1.0, 4.0, 9.0, 16.0, 25.0]);
        assert_eq!(seconds(quadratic.cap(S(10))), [1.0, 4.0, 9.0, 10.0, 10.0]);
        let doubling = Backoff::exponential(MS(500), 2.0).unwrap();
        assert_eq!(seconds(doubling.clone()), [0.5, 1.0, 2.0, 4.0, 8.0]);
        assert_eq!(seconds(doubling.cap(S(3))), [0.5, 1.0, 2.0, 3.0, 3.0]);
        let custom = Backoff::custom(|failed| S([0, 9, 1, 8, 2, 7][failed as usize]));
        assert_eq!(seconds(custom.clone()), [9.0, 1.0, 8.0, 2.0, 7.0]);
        assert_eq!(seconds(custom.cap(S(7))), [7.0, 1.0, 7.0, 2.0, 7.0]);
    });
}

#[test]
fn jitter_stays_within_bounds_and_is_drawn_anew() {
    let all = Mutex::new(Vec::new());
    virtually(1, |pool| {
        let backoff = Backoff::exponential(S(1), 2.0).unwrap().cap(S(8));
        let waits = waits(pool, retry(9, backoff.jitter(0.25).unwrap()));
        let bounds = [1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0];
        assert_eq!(waits.len(), bounds.len());
        for (wait, most) in waits.iter().zip(bounds) {
            let share = wait.as_secs_f64() / most;
            assert!((0.75 - 1e-9..=1.0).contains(&share), "{wait:?} of {most}");
            all.lock().unwrap().push(share);
        }
    });
    let mut all = all.into_inner().unwrap();
    all.sort_unstable_by(f64::total_cmp);
    all.dedup();
    assert!(
        all.len() > 70,
        "as many draws, over all seeds, are different"
    );
    let (least, most) = (all[0], all[all.len() - 1]);
    assert!(least < 0.78 && most > 0.97, "{least} to {most}");
    // The same seed draws the same.
    let draw = || {
        let pool = windrow::ThreadPoolBuilder::new().deterministic(7);
        let pool = Arc::new(pool.build().unwrap());
        waits(&pool, retry(9, Backoff::default()))
    };
    assert_eq!(draw(), draw());
}

#[test]
fn pools_that_fail_together_do_not_come_back_together() {
    watched(|| {
        let mut draws: Vec<_> = (0..16)
            .map(|_| {
                let witness = Arc::new(Witness::default());
                let builder = ThreadPool::builder().num_threads(1);
                let pool = builder.observer(Arc::clone(&witness)).build().unwrap();
                let hour = Backoff::fixed(S(3600)).jitter(1.0).unwrap();
                let task = pool.task().retry(retry(2, hour));
                let handle = task.spawn(|| Err::<(), _>(()));
                let retried = || {
                    let all = witness.all().into_iter();
                    let mut delays = all.filter_map(|told| match told {
                        Told::Retried(_, 1, delay) => Some(delay),
                        _ => None,
                    });
                    delays.next()
                };
                let delay = loop {
                    match retried() {
                        Some(delay) => break delay,
                        None => thread::yield_now(),
                    }
                };
                handle.cancel();
                delay
            })
            .collect();
        draws.sort_unstable();
        draws.dedup();
        assert_eq!(draws.len(), 16, "{draws:?}");
    });
}

#[test]
fn advice_overrules_the_back_off() {
    virtually(1, |pool| {
        let diary = Diary::new(pool);
        let mine = diary.clone();
        let backoff = Backoff::fixed(S(10)).cap(S(20)).jitter(0.0).unwrap();
        let task = pool.task().retry(retry(9, backoff));
        let task = task.advice(|error: &u32| match error {
            1 => Advice::Backoff,
            // Longer than the cap.
            2 => Advice::After(S(100)),
            3 => Advice::After(Duration::ZERO),
            _ => Advice::Never,
        });
        let handle = task.spawn_with(move |cx| {
            mine.note(());
            Err::<(), _>(cx.attempt())
        });
        let (result, report) = handle.join_report();
        assert_eq!(result.unwrap(), Err(4));
        let report = report.unwrap();
        assert_eq!((report.outcome, report.attempts), (Outcome::Failed, 4));
        assert_eq!(diary.times(), [S(0), S(10), S(110), S(110)]);
        // It cannot make more attempts than there are.
        let asked = AtomicU32::new(0);
        let error = pool.scope(|s| {
            let task = s.task().retry(retry(2, Backoff::none()));
            let task = task.advice(|()| {
                asked.fetch_add(1, Ordering::SeqCst);
                Advice::After(S(1))
            });
            task.spawn(|| Err::<(), _>(())).join().unwrap()
        });
        assert_eq!(error, Err(()));
        assert!(asked.into_inner() <= 2);
    });
}

#[test]
fn a_panic_is_tried_again_only_if_it_is_asked_for() {
    let heard = Arc::new(AtomicU32::new(0));
    let handler = Arc::clone(&heard);
    virtually_with(
        move |builder| {
            let heard = Arc::clone(&handler);
            builder.panic_handler(move |_| {
                heard.fetch_add(1, Ordering::SeqCst);
            })
        },
        |pool| {
            let panics = |retried: bool, good: u32| {
                let policy = retry(3, Backoff::fixed(S(1))).panics(retried);
                let diary = Diary::<()>::new(pool);
                let handle = pool.task().retry(policy).spawn_with(move |cx| {
                    if cx.attempt() == good {
                        return Ok::<_, ()>(());
                    }
                    panic!("attempt {}", cx.attempt())
                });
                let (result, report) = handle.join_report();
                let payload = result.map_err(|error| text(&*error.into_panic()).to_owned());
                let report = report.unwrap();
                (payload, report.outcome, report.attempts, diary.passed())
            };
            let attempt = |n: u32| Err(format!("attempt {n}"));
            let once = panics(false, 2);
            assert_eq!(once, (attempt(1), Outcome::Panicked, 1, S(0)));
            let thrice = panics(true, 4);
            assert_eq!(thrice, (attempt(3), Outcome::Panicked, 3, S(2)));
            let recovered = panics(true, 3);
            assert_eq!(recovered, (Ok(Ok(())), Outcome::Completed, 3, S(2)));
            assert_eq!(pool.stats().panicked, 2);
        },
    );
    assert_eq!(heard.load(Ordering::SeqCst), 0, "handles got them all");
}

#[test]
fn advice_that_panics_is_what_the_task_has_come_to() {
    virtually(1, |pool| {
        let ledger = Ledger::new(2);
        let (closure, advice) = (ledger.entry(0), ledger.entry(1));
        let task = pool
            .task()
            .retry(retry(5, Backoff::fixed(S(1))).panics(true));
        let task = task.advice(move |_: &()| -> Advice {
            advice.run();
            panic!("no advice")
        });
        let handle = task.spawn(move || {
            closure.run();
            Err::<(), _>(())
        });
        let (result, report) = handle.join_report();
        assert_eq!(text(&*result.unwrap_err().into_panic()), "no advice");
        let report = report.unwrap();
        assert_eq!((report.outcome, report.attempts), (Outcome::Panicked, 1));
        pool.wait_idle();
        ledger.assert_all_ran();
        assert_eq!(pool.spawn(|| 1).join().unwrap(), 1, "the worker lives");
    });
}

#[test]
fn the_pools_policy_is_the_default_and_a_tasks_own_comes_first() {
    let attempts = |task: RetryBuilder<'static, InPool, AnyError>| {
        let handle: JoinHandle<Result<(), ()>> = task.spawn(|| Err(()));
        handle.join_report().1.unwrap().attempts
    };
    virtually_with(
        |builder| builder.retry(retry(5, Backoff::fixed(S(2)))),
        |pool| {
            let diary = Diary::<()>::new(pool);
            assert_eq!(attempts(pool.task().retry_default()), 5);
            assert_eq!(diary.passed(), S(8));
            let own = retry(2, Backoff::fixed(S(1)));
            assert_eq!(attempts(pool.task().retry(own)), 2);
            assert_eq!(diary.passed(), S(9));
            // It makes nothing of tasks that do not ask for it.
            let plain = pool.task().spawn(|| Err::<(), _>(()));
            let (result, report) = plain.join_report();
            assert_eq!(result.unwrap(), Err(()));
            assert_eq!(report.unwrap().outcome, Outcome::Completed);
        },
    );
    // Without one: three attempts, with the default back-off, half of which is jitter.
    virtually(1, |pool| {
        let diary = Diary::<()>::new(pool);
        assert_eq!(attempts(pool.task().retry_default()), 3);
        assert!((MS(150)..=MS(300)).contains(&diary.passed()));
    });
}

#[test]
fn the_last_error_is_the_handles_and_the_task_has_failed() {
    witnessed(|pool, witness| {
        let task = pool
            .task()
            .name("rake")
            .retry(retry(3, Backoff::linear(S(1))));
        let handle = task.spawn_with(|cx| Err::<(), _>(format!("error {}", cx.attempt())));
        let (result, report) = handle.join_report();
        assert_eq!(result.unwrap().unwrap_err(), "error 3");
        assert_eq!(report.unwrap().outcome, Outcome::Failed);
        let expected = [
            "accepted",
            "started 1",
            "retried 1 1s",
            "started 2",
            "retried 2 2s",
            "started 3",
            "failed",
        ];
        assert_eq!(witness.about("rake"), expected);
        let stats = pool.stats();
        assert_eq!((stats.failed, stats.completed, stats.retried), (1, 0, 2));
    });
}

#[test]
fn what_fails_is_dropped_before_the_next_attempt() {
    virtually(1, |pool| {
        let ledger = Ledger::new(4);
        let (seen, task) = (ledger.clone(), pool.task());
        let mut entries = [0, 1, 2, 3].map(|index| ledger.entry(index)).into_iter();
        let task = task.retry(retry(3, Backoff::none()));
        let handle = task.spawn_with(move |cx| {
            let before = cx.attempt() as usize - 1;
            let dropped: usize = (0..4).map(|index| seen.dropped(index)).sum();
            assert_eq!(dropped, before);
            Err::<(), _>(entries.next().unwrap())
        });
        let error = handle.join().unwrap().err().unwrap();
        pool.wait_idle();
        let dropped = [0, 1, 2, 3].map(|index| ledger.dropped(index));
        assert_eq!(dropped, [1, 1, 0, 1], "the third is the handle's");
        drop(error);
    });
}

#[test]
fn a_thousand_back_offs_leave_the_only_worker_free() {
    virtually(1, |pool| {
        let diary = Diary::<()>::new(pool);
        let runs = Arc::new(AtomicU32::new(0));
        let handles: Vec<_> = (0..1000)
            .map(|_| {
                let runs = Arc::clone(&runs);
                let task = pool.task().retry(retry(2, Backoff::fixed(S(3600))));
                task.spawn(move || match runs.fetch_add(1, Ordering::SeqCst) {
                    before if before < 1000 => Err(()),
                    _ => Ok(()),
                })
            })
            .collect();
        pool.sleep(S(1));
        let stats = pool.stats();
        assert_eq!((stats.waiting, stats.retried), (1000, 1000));
        assert_eq!((stats.queued_total(), stats.running), (0, 0));
        let fresh = pool.spawn(windrow::current_thread_index);
        let index = fresh.join_timeout(Duration::ZERO);
        let index = index.or_else(|fresh| fresh.join_timeout(MS(1))).unwrap();
        assert_eq!(index.unwrap(), Some(0), "a worker has run it");
        assert_eq!(diary.passed(), S(1), "at once");
        for handle in handles {
            assert_eq!(handle.join().unwrap(), Ok(()));
        }
        assert_eq!(diary.passed(), S(3600));
    });
}

#[test]
fn a_back_off_that_panics_is_what_the_task_comes_to() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let task = || {
                let backoff = Backoff::custom(|_| panic!("no pause"));
                pool.task()
                    .retry(retry(3, backoff))
                    .spawn(|| Err::<(), _>(()))
            };
            let comes_to = |handle: JoinHandle<_>| {
                let error = handle.join().unwrap_err();
                assert_eq!(text(&*error.into_panic()), "no pause");
            };
            comes_to(task());
            // Run by the thread that joins it, whose place in the pool is as before.
            pool.pause();
            comes_to(task());
            pool.scope(|s| drop(s.spawn(|| ())));
            pool.resume();
            pool.wait_idle();
            assert_eq!(pool.stats().panicked, 2);
        }
    });
}

#[test]
fn what_decides_about_a_task_may_panic_when_it_is_dropped() {
    struct Bomb(&'static str);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("{}", self.0);
        }
    }
    watched(|| {
        for size in SIZES {
            let (pool, reports) = pool_that_reports(size);
            let (advice, pause) = (Bomb("advice"), Bomb("pause"));
            let backoff = Backoff::custom(move |_| {
                let _ = &pause;
                Duration::ZERO
            });
            let advice = move |_: &u32| {
                let _ = &advice;
                Advice::Backoff
            };
            let (end, ended) = std::sync::mpsc::channel();
            let task = pool
                .task()
                .on_complete(move |report| end.send(report.outcome).unwrap());
            let handle = task
                .retry(retry(2, backoff))
                .advice(advice)
                .spawn_with(|cx| Err::<(), _>(cx.attempt()));
            assert_eq!(handle.join().unwrap(), Err(2));
            pool.wait_idle();
            assert_eq!(ended.recv().unwrap(), Outcome::Failed);
            assert_eq!(take(&reports, 2), ["advice", "pause"]);
        }
    });
}

/// The pool's timer has ended with it: each wait starts another.
#[test]
fn a_scopes_task_is_tried_again_in_a_pool_that_has_ended() {
    virtually(1, |pool| {
        pool.spawn_after(S(1), || ()).join().unwrap();
        pool.shutdown();
        let before = pool.now();
        let attempts = pool.scope(|s| {
            let task = s.task().retry(retry(4, Backoff::fixed(S(1))));
            let handle = task.spawn_with(|cx| match cx.attempt() {
                4 => Ok(4),
                _ => Err(()),
            });
            handle.join().unwrap()
        });
        assert_eq!((attempts, pool.now() - before), (Ok(4), S(3)));
    });
}

#[test]
fn an_error_that_panics_as_it_is_dropped_is_reported() {
    watched(|| {
        for size in SIZES {
            let (pool, reports) = pool_that_reports(size);
            let task = pool.task().retry(retry(2, Backoff::none()));
            let handle = task.spawn_with(|cx| match cx.attempt() {
                1 => Err(Bomb("an error")),
                _ => Ok(()),
            });
            assert!(matches!(handle.join(), Ok(Ok(()))));
            assert_eq!(take(&reports, 1), ["an error"]);
        }
    });
}
