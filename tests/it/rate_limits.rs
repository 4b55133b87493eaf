//! Rate limits on the virtual clock: how many starts there are in which time, for tasks and for callers that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use windrow::{Backoff, CancelToken, Priority, RateLimit, Retry, ThreadPool, ThreadPoolBuilder};

use crate::support::Ledger;
use crate::virtual_time::{Diary, MS, S, virtually};

/// So many permits in so many seconds, and a burst.
const RATES: [(u32, u64, u32); 5] = [(5, 1, 1), (7, 3, 4), (1, 2, 3), (20, 1, 10), (60, 60, 10)];

fn limit((permits, seconds, burst): (u32, u64, u32)) -> RateLimit {
    RateLimit::new(permits, S(seconds), burst).unwrap()
}

/// Keeps a minute's log of starts: no span of time has more than the burst and what the rate gives in it.
fn assert_within(rate: (u32, u64, u32), mut starts: Vec<Duration>) {
    let (permits, seconds, burst) = rate;
    starts.sort_unstable();
    let nanos = |time: Duration| time.as_nanos() as i128;
    // From start `i` to start `j` there are `j - i + 1`; they may be `burst` and what the rate gives in that time.
    // So `surplus(j) - surplus(i)` must not be more than `burst - 1`, where all is counted in ns times permits.
    let interval = nanos(S(seconds));
    let surplus =
        |(index, at): (i128, Duration)| index * interval - i128::from(permits) * nanos(at);
    let surplus: Vec<_> = (0..).zip(starts).map(surplus).collect();
    let mut least = i128::MAX;
    for (index, &surplus) in surplus.iter().enumerate() {
        least = least.min(surplus);
        let allowed = i128::from(burst - 1) * interval;
        assert!(
            surplus - least <= allowed,
            "too many up to start {index}, {rate:?}"
        );
    }
}

/// All that a minute has, the burst included, give or take a hundredth of the rate.
fn assert_a_minutes_worth((permits, seconds, burst): (u32, u64, u32), starts: usize) {
    let expected = f64::from(burst) + 60.0 * f64::from(permits) / seconds as f64;
    let error = (starts as f64 - expected).abs();
    // One more or less at the ends of the minute.
    let allowed = (expected - f64::from(burst)) / 100.0 + 1.0;
    assert!(error <= allowed, "{starts} starts, {expected} expected");
}

/// Gives a pool more tasks than it may start in a minute, each of which takes `work`; returns when they started.
fn a_minute(pool: &Arc<ThreadPool>, rate: (u32, u64, u32), work: Duration) -> Vec<Duration> {
    let (limit, diary, token) = (limit(rate), Diary::new(pool), CancelToken::new());
    for _ in 0..rate.2 as u64 + 70 * u64::from(rate.0) / rate.1 + 5 {
        let mine = diary.clone();
        let task = pool.task().rate_limit(&limit).cancel_token(&token);
        drop(task.spawn(move || {
            mine.note(());
            if !work.is_zero() {
                mine.sleep(work);
            }
        }));
    }
    pool.sleep(S(60));
    token.cancel();
    pool.wait_idle();
    diary.times()
}

#[test]
fn a_minute_has_its_starts_and_no_span_too_many() {
    for rate in RATES {
        virtually(2, |pool| {
            let starts = a_minute(pool, rate, Duration::ZERO);
            assert_a_minutes_worth(rate, starts.len());
            let burst = starts.iter().filter(|start| start.is_zero()).count();
            assert_eq!(burst, rate.2 as usize, "the burst starts at once");
            assert_within(rate, starts);
        });
    }
}

#[test]
fn slow_workers_that_are_many_enough_keep_the_rate() {
    for (rate, workers, work) in [((5, 1, 1), 4, MS(700)), ((7, 3, 4), 8, MS(2500))] {
        virtually(workers, |pool| {
            let starts = a_minute(pool, rate, work);
            assert_a_minutes_worth(rate, starts.len());
            assert_within(rate, starts);
        });
    }
    // One worker of which each task takes longer than the permits do: it is never idle.
    virtually(1, |pool| {
        let mut starts = a_minute(pool, (5, 1, 1), MS(500));
        starts.retain(|start| *start < S(60));
        assert_eq!(starts.len(), 120);
        assert_within((5, 1, 1), starts);
    });
}

#[test]
fn starts_count_and_not_releases_when_workers_are_late() {
    virtually(1, |pool| {
        let rate = (10, 1, 3);
        let (limit, diary) = (limit(rate), Diary::new(pool));
        let busy = diary.clone();
        drop(
            pool.task()
                .priority(Priority::High)
                .spawn(move || busy.sleep(S(30))),
        );
        pool.sleep(S(1));
        for _ in 0..100 {
            let mine = diary.clone();
            drop(pool.task().rate_limit(&limit).spawn(move || mine.note(())));
        }
        pool.wait_idle();
        let starts = diary.times();
        assert_eq!(starts[..3], [S(30); 3]);
        assert_eq!(starts[99], S(30) + MS(9700));
        assert_within(rate, starts);
    });
}

#[test]
fn cancelled_waiters_cost_no_permits() {
    for rate in RATES {
        virtually(2, |pool| {
            let (limit, diary) = (limit(rate), Diary::new(pool));
            let ledger = Ledger::new(1);
            let (kept, dropped) = (CancelToken::new(), CancelToken::new());
            let count = rate.2 as u64 + 70 * u64::from(rate.0) / rate.1 + 5;
            for index in 0..2 * count {
                let (mine, entry) = (diary.clone(), ledger.entry(0));
                // Every second one is cancelled in the line, or on their way.
                let token = if index % 2 == 1 { &kept } else { &dropped };
                let task = pool.task().rate_limit(&limit).cancel_token(token);
                drop(task.spawn(move || {
                    let _entry = entry;
                    mine.note(());
                }));
            }
            pool.sleep(S(10));
            dropped.cancel();
            pool.sleep(S(50));
            kept.cancel();
            pool.wait_idle();
            let starts = diary.times();
            assert_a_minutes_worth(rate, starts.len());
            assert_within(rate, starts);
            assert_eq!(ledger.dropped(0) as u64, 2 * count);
        });
    }
}

#[test]
fn tasks_that_expire_in_the_line_cost_no_permits() {
    virtually(1, |pool| {
        let (limit, diary) = (limit((1, 10, 1)), Diary::new(pool));
        assert!(limit.try_acquire());
        for timeout in [5, 15, 5, 5, 100, 100] {
            let mine = diary.clone();
            let task = pool.task().rate_limit(&limit).timeout(S(timeout));
            drop(task.spawn(move || mine.note(timeout)));
            pool.sleep(MS(1));
        }
        pool.wait_idle();
        let expected = [(S(10), 15), (S(20), 100), (S(30), 100)];
        assert_eq!(diary.entries(), expected);
        assert_eq!(pool.stats().expired, 3);
    });
}

#[test]
fn who_waits_for_a_permit_holds_no_worker_and_is_served_in_turn() {
    virtually(1, |pool| {
        let (limit, diary) = (limit((1, 1, 1)), Diary::new(pool));
        assert!(limit.try_acquire());
        for index in 0..20 {
            let mine = diary.clone();
            // The line is one for all levels.
            let level = [Priority::Low, Priority::High][index % 2];
            let task = pool.task().priority(level).rate_limit(&limit);
            drop(task.spawn(move || mine.note(index)));
            pool.sleep(MS(1));
        }
        let stats = pool.stats();
        assert_eq!(
            (stats.waiting, stats.queued_total(), stats.running),
            (20, 0, 0)
        );
        let other = pool.spawn(windrow::current_thread_index);
        assert_eq!(other.join_timeout(MS(1)).unwrap().unwrap(), Some(0));
        pool.wait_idle();
        let expected: Vec<_> = (0..20).map(|index| (S(index as u64 + 1), index)).collect();
        assert_eq!(diary.entries(), expected);
    });
}

#[test]
fn each_attempt_takes_a_permit() {
    virtually(1, |pool| {
        let (limit, diary) = (limit((1, 10, 1)), Diary::new(pool));
        let mine = diary.clone();
        let policy = Retry::attempts(4).unwrap().backoff(Backoff::fixed(S(3)));
        let task = pool.task().rate_limit(&limit).retry(policy);
        let handle = task.spawn_with(move |cx| {
            mine.note(cx.attempt());
            Err::<(), _>(())
        });
        let (_, report) = handle.join_report();
        assert_eq!(diary.times(), [0, 10, 20, 30].map(S));
        let report = report.unwrap();
        assert_eq!(report.queue_time, S(0), "the line is no queue");
    });
}

#[test]
fn alone_it_is_acquired_at_exact_times() {
    virtually(1, |pool| {
        let (limit, diary) = (limit((4, 1, 2)), Diary::<()>::new(pool));
        assert!(limit.try_acquire() && limit.try_acquire() && !limit.try_acquire());
        limit.acquire();
        assert_eq!(diary.passed(), MS(250));
        assert!(!limit.try_acquire());
        assert!(!limit.acquire_timeout(MS(249)));
        assert_eq!(
            diary.passed(),
            MS(250),
            "that it is in vain is known at once"
        );
        assert!(limit.acquire_timeout(MS(250)));
        assert_eq!(diary.passed(), MS(500));
        pool.sleep(MS(250));
        assert!(limit.try_acquire() && !limit.try_acquire());
        // Rest earns a burst, and no more.
        pool.sleep(S(3600));
        assert!(limit.try_acquire() && limit.clone().try_acquire());
        assert!(!limit.try_acquire());
    });
}

#[test]
fn a_cancelled_wait_ends_at_once_and_those_behind_move_up() {
    virtually(5, |pool| {
        let limit = limit((1, 10, 1));
        assert!(limit.try_acquire());
        let diary = Diary::new(pool);
        let tokens = [(); 4].map(|()| CancelToken::new());
        for (index, token) in tokens.iter().enumerate() {
            let (limit, mine, token) = (limit.clone(), diary.clone(), token.clone());
            drop(pool.spawn(move || {
                let got = limit.acquire_with(&token).is_ok();
                mine.note((index, got));
            }));
            pool.sleep(S(1));
        }
        // At 4; the third of them had its turn at 30.
        tokens[0].cancel();
        tokens[2].cancel();
        pool.wait_idle();
        let expected = [(0, false), (2, false), (1, true), (3, true)];
        let mut entries = diary.entries();
        entries[..2].sort_unstable();
        let times = [S(4), S(4), S(10), S(20)];
        let expected: Vec<_> = times.into_iter().zip(expected).collect();
        assert_eq!(entries, expected);
        let late = CancelToken::new();
        late.cancel();
        pool.sleep(S(100));
        assert!(limit.acquire_with(&late).is_err() && limit.try_acquire());
    });
}

#[test]
fn tasks_in_the_line_move_up_when_a_caller_gives_up() {
    virtually(3, |pool| {
        let limit = limit((1, 10, 1));
        assert!(limit.try_acquire());
        let (diary, token) = (Diary::new(pool), CancelToken::new());
        let caller = {
            let (limit, token) = (limit.clone(), token.clone());
            pool.spawn(move || limit.acquire_with(&token).is_ok())
        };
        pool.sleep(S(1));
        for index in 0..2 {
            let mine = diary.clone();
            let task = pool.task().rate_limit(&limit);
            drop(task.spawn(move || mine.note(index)));
            pool.sleep(S(1));
        }
        // Their turns are at 20 and 30, behind the caller's.
        token.cancel();
        assert!(!caller.join().unwrap());
        pool.wait_idle();
        assert_eq!(diary.entries(), [(S(10), 0), (S(20), 1)]);
    });
}

#[test]
fn callers_that_wait_keep_the_rate() {
    for rate in RATES {
        virtually(4, |pool| {
            let (limit, diary) = (limit(rate), Diary::new(pool));
            for _ in 0..4 {
                let (limit, mine) = (limit.clone(), diary.clone());
                drop(pool.spawn(move || {
                    while mine.passed() < S(60) {
                        limit.acquire();
                        mine.note(());
                    }
                }));
            }
            pool.wait_idle();
            let within = diary.times().into_iter().filter(|at| *at < S(60));
            assert_a_minutes_worth(rate, within.count());
            assert_within(rate, diary.times());
        });
    }
}

#[test]
fn two_pools_share_a_limit() {
    for rate in [(5, 1, 2), (1, 2, 3)] {
        virtually(1, |first| {
            let (limit, diary, token) = (limit(rate), Diary::new(first), CancelToken::new());
            let second = ThreadPoolBuilder::new().deterministic(0).build().unwrap();
            for index in 0..800 {
                let mine = diary.clone();
                let pool = [&**first, &second][index % 2];
                let task = pool.task().rate_limit(&limit).cancel_token(&token);
                drop(task.spawn(move || mine.note(index % 2)));
            }
            first.sleep(S(60));
            token.cancel();
            second.wait_idle();
            first.wait_idle();
            assert_a_minutes_worth(rate, diary.entries().len());
            assert_within(rate, diary.times());
            let firsts = diary.what().into_iter().filter(|pool| *pool == 0).count();
            assert!(
                firsts > 0 && firsts < diary.entries().len(),
                "both had some"
            );
        });
    }
}

#[test]
fn a_pool_that_ends_takes_nobodys_turn_with_it() {
    for cancelled in [false, true] {
        virtually(1, |first| {
            let (limit, diary) = (limit((1, 10, 1)), Diary::new(first));
            assert!(limit.try_acquire());
            let second = ThreadPoolBuilder::new().deterministic(0).build().unwrap();
            let mine = diary.clone();
            let ahead = second.task().rate_limit(&limit);
            let ahead = ahead.spawn(move || mine.note("second"));
            first.sleep(S(1));
            let mine = diary.clone();
            let task = first.task().rate_limit(&limit);
            drop(task.spawn(move || mine.note("first")));
            first.sleep(S(1));
            if cancelled {
                assert!(ahead.cancel());
            }
            // Whoever waits in the other pool must hear of its permit all the same.
            drop(second);
            first.wait_idle();
            let all = [(S(10), "second"), (S(20), "first")];
            let alone = [(S(10), "first")];
            let expected: &[_] = if cancelled { &alone } else { &all };
            assert_eq!(diary.entries(), expected);
        });
    }
}

#[test]
fn the_end_of_a_pool_waits_for_those_in_the_line() {
    virtually(1, |pool| {
        let counted = Arc::new(AtomicU32::new(0));
        let limit = limit((1, 5, 1));
        for _ in 0..10 {
            let ran = Arc::clone(&counted);
            let task = pool.task().rate_limit(&limit);
            drop(task.spawn(move || ran.fetch_add(1, Ordering::SeqCst)));
        }
        let diary = Diary::<()>::new(pool);
        pool.shutdown();
        assert_eq!(diary.passed(), S(45));
        assert_eq!(counted.load(Ordering::SeqCst), 10);
    });
}
