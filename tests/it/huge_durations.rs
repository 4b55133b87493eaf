//! Durations that no clock can tell: each of them is for ever, and none of them a panic.

use std::time::Duration;

use windrow::{Advice, Backoff, CancelToken, Every, QueueFull, RateLimit, Retry};

use crate::support::Ledger;
use crate::virtual_time::{Diary, MS, S, virtually, virtually_with};

const HUGE: [Duration; 3] = [
    Duration::MAX,
    Duration::from_secs(u64::MAX),
    Duration::from_secs(1 << 63),
];

/// Longer than any computer runs, and not too long for the clock.
const AGES: Duration = Duration::from_secs(1 << 36);

#[test]
fn a_timeout_is_none() {
    virtually(1, |pool| {
        for huge in HUGE {
            let diary = Diary::<()>::new(pool);
            let handle = pool.task().timeout(huge).spawn_with(move |cx| {
                diary.sleep(AGES);
                (cx.deadline(), cx.is_cancelled())
            });
            pool.sleep(S(1));
            assert_eq!(handle.join().unwrap(), (None, false));
            let at = pool.now() + S(1);
            let other = pool.task().timeout(huge).deadline(at).delay(S(2));
            let error = other.spawn(|| ()).join().unwrap_err();
            assert!(error.is_expired(), "it does not hide the deadline");
        }
    });
}

#[test]
fn a_delay_lasts_until_the_task_is_cancelled_or_expires() {
    virtually(1, |pool| {
        let ledger = Ledger::new(6);
        let entries = (0..6).map(|index| ledger.entry(index));
        let mut tasks = entries.map(|entry| move || entry.run());
        for huge in HUGE {
            let waits = pool.task().delay(huge).spawn(tasks.next().unwrap());
            let expires = pool.spawn_after(huge, tasks.next().unwrap());
            let soon = pool.task().delay(huge).timeout(S(3)).spawn(|| ());
            assert!(soon.join().unwrap_err().is_expired());
            pool.sleep(AGES);
            assert!(!waits.is_finished() && !expires.is_finished());
            assert_eq!(pool.stats().waiting, 2);
            assert!(waits.cancel() && expires.cancel());
        }
        pool.wait_idle();
        for index in 0..6 {
            assert_eq!((ledger.ran(index), ledger.dropped(index)), (0, 1));
        }
    });
}

#[test]
fn waits_for_a_handle_last_until_it_is_finished() {
    virtually(1, |pool| {
        for huge in HUGE {
            let (diary, mine) = (Diary::<()>::new(pool), Diary::<()>::new(pool));
            let handle = pool.spawn(move || mine.sleep(AGES));
            pool.sleep(S(1));
            assert!(handle.join_timeout(huge).unwrap().is_ok());
            assert_eq!(diary.passed(), AGES);
            pool.scope(|s| {
                let handle = s.spawn(|| pool.sleep(AGES));
                pool.sleep(S(1));
                assert!(handle.join_timeout(huge).unwrap().is_ok());
            });
            assert_eq!(diary.passed(), 2 * AGES);
        }
    });
}

#[test]
fn waits_for_the_pool_last_until_it_is_idle_or_over() {
    for huge in HUGE {
        virtually(2, |pool| {
            let diary = Diary::<()>::new(pool);
            let sleeper = || {
                let mine = diary.clone();
                move || mine.sleep(AGES)
            };
            drop(pool.spawn(sleeper()));
            assert!(pool.wait_idle_timeout(huge));
            assert_eq!(diary.passed(), AGES);
            drop(pool.spawn_after(S(5), sleeper()));
            assert_eq!(pool.shutdown_timeout(huge), Ok(()));
            assert_eq!(diary.passed(), 2 * AGES + S(5));
        });
    }
}

#[test]
fn a_wait_for_room_in_the_queue_lasts_until_there_is_some() {
    for huge in HUGE {
        virtually_with(
            |builder| {
                builder
                    .queue_capacity(1)
                    .queue_full(QueueFull::BlockFor(huge))
            },
            |pool| {
                let diary = Diary::<()>::new(pool);
                let mine = diary.clone();
                drop(pool.spawn(move || mine.sleep(AGES)));
                pool.sleep(S(1));
                drop(pool.spawn(|| ()));
                // Full now, until the worker is free.
                let mine = diary.clone();
                drop(pool.spawn(move || mine.sleep(AGES)));
                assert_eq!(diary.passed(), AGES);
                drop(pool.spawn(|| ()));
                pool.spawn_timeout(huge, || ()).unwrap().join().unwrap();
                assert_eq!(diary.passed(), 2 * AGES);
            },
        );
    }
}

#[test]
fn a_back_off_lasts_until_the_task_is_cancelled_or_expires() {
    virtually(1, |pool| {
        for huge in HUGE {
            let backoffs = [
                Backoff::fixed(huge),
                Backoff::linear(huge),
                Backoff::exponential(huge, f64::MAX).unwrap(),
                Backoff::polynomial(huge, f64::MAX).unwrap(),
                Backoff::custom(move |_| huge),
            ];
            for backoff in backoffs {
                let retry = Retry::attempts(u32::MAX).unwrap().backoff(backoff);
                let task = pool.task().retry(retry.clone());
                let cancelled = task.spawn(|| Err::<(), _>(()));
                let task = pool.task().timeout(AGES).retry(retry.clone());
                let expired = task.spawn(|| Err::<(), _>(()));
                let task = pool.task().retry(retry);
                let advised = task.advice(move |()| Advice::After(huge));
                let advised = advised.spawn(|| Err::<(), _>(()));
                pool.sleep(AGES + S(1));
                assert_eq!(pool.stats().waiting, 2);
                assert!(cancelled.cancel() && advised.cancel());
                let (result, report) = expired.join_report();
                assert!(result.unwrap_err().is_expired());
                assert_eq!(report.unwrap().attempts, 1);
            }
        }
    });
}

#[test]
fn a_period_never_ends() {
    virtually(1, |pool| {
        for huge in HUGE {
            for every in [Every::Rate(huge), Every::Delay(huge)] {
                let ticks = Diary::new(pool);
                let mine = ticks.clone();
                let periodic = pool.spawn_every(every, move || mine.note(()));
                pool.sleep(AGES);
                assert!(!periodic.is_finished() && ticks.entries().is_empty());
                periodic.stop();
                assert!(periodic.join().is_ok());
            }
        }
        // The pool's end ends it.
        drop(pool.spawn_every(Duration::MAX, || ()));
    });
}

#[test]
fn a_permit_is_waited_for() {
    virtually(1, |pool| {
        for huge in HUGE {
            let limit = RateLimit::new(1, AGES, 1).unwrap();
            let diary = Diary::<()>::new(pool);
            assert!(limit.acquire_timeout(huge));
            assert!(!limit.acquire_timeout(AGES - MS(1)));
            assert!(limit.acquire_timeout(huge));
            assert_eq!(diary.passed(), AGES);
        }
        // A period beyond the clock: there is never a second permit.
        let limit = RateLimit::new(1, Duration::MAX, 1).unwrap();
        assert!(limit.acquire_timeout(Duration::ZERO) && !limit.acquire_timeout(AGES));
        let task = pool.task().rate_limit(&limit).spawn(|| ());
        pool.sleep(S(1));
        let token = CancelToken::new();
        let inner = (limit.clone(), token.clone());
        let waiter = pool.spawn(move || inner.0.acquire_with(&inner.1));
        pool.sleep(AGES);
        assert_eq!((pool.stats().waiting, pool.stats().running), (1, 1));
        assert!(task.cancel());
        token.cancel();
        assert!(waiter.join().unwrap().is_err());
    });
}

#[test]
fn a_sleep_is_for_ever_and_a_pool_lives_with_it() {
    virtually(2, |pool| {
        let ledger = Ledger::new(1);
        let entry = ledger.entry(0);
        let handle = pool.task().grace_period(Duration::MAX).timeout(S(1));
        let diary = Diary::<()>::new(pool);
        let handle = handle.spawn_with(move |cx| {
            while !cx.is_cancelled() {
                diary.sleep(S(7));
            }
            drop(entry);
        });
        assert!(handle.join_timeout(Duration::MAX).unwrap().is_err());
        pool.sleep(AGES);
        assert_eq!((ledger.dropped(0), pool.stats().stuck), (1, 0));
    });
}
