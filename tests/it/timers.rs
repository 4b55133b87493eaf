//! Tasks for later and periodic tasks, at their exact times.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use windrow::{CancelToken, Every, PeriodicTask, Priority};

use crate::support::{Ledger, text};
use crate::virtual_time::{Diary, MS, S, virtually, witnessed};

#[test]
fn delayed_tasks_start_exactly_when_they_are_due_in_the_order_of_their_times() {
    virtually(2, |pool| {
        let diary = Diary::new(pool);
        let start = pool.now();
        for seconds in [5, 3, 8, 1, 13, 2] {
            let mine = diary.clone();
            let note = move || mine.note(seconds);
            drop(match seconds % 2 {
                0 => pool.spawn_after(S(seconds), note),
                _ => pool.spawn_at(start + S(seconds), note),
            });
        }
        pool.wait_idle();
        let expected = [1, 2, 3, 5, 8, 13].map(|seconds| (S(seconds), seconds));
        assert_eq!(diary.entries(), expected);
    });
}

#[test]
fn a_time_that_has_come_already_is_now() {
    virtually(1, |pool| {
        let (diary, now) = (Diary::<()>::new(pool), pool.now());
        let handles = [
            pool.spawn_at(now, || ()),
            pool.spawn_at(now.checked_sub(S(60)).unwrap(), || ()),
            pool.spawn_after(Duration::ZERO, || ()),
        ];
        assert_eq!(pool.stats().waiting, 0);
        assert_eq!(pool.stats().queued_total(), 3);
        for handle in handles {
            handle.join().unwrap();
        }
        assert_eq!(diary.passed(), S(0));
    });
}

#[test]
fn a_delayed_task_holds_no_worker_and_is_no_queued_one() {
    virtually(1, |pool| {
        let diary = Diary::new(pool);
        let mine = diary.clone();
        let later = pool.spawn_after(S(10), move || mine.note("later"));
        pool.sleep(S(1));
        let stats = pool.stats();
        assert_eq!(
            (stats.waiting, stats.queued_total(), stats.running),
            (1, 0, 0)
        );
        let mine = diary.clone();
        let now = pool.spawn(move || mine.note("now"));
        pool.sleep(MS(1));
        assert!(now.is_finished() && !later.is_finished());
        // Joining it waits for its time; it is not run in place before.
        let (_, report) = later.join_report();
        assert_eq!(diary.entries(), [(S(1), "now"), (S(10), "later")]);
        assert_eq!(report.unwrap().queue_time, S(0));
    });
}

#[test]
fn at_a_fixed_rate_it_ticks_at_the_multiples_of_its_period() {
    virtually(1, |pool| {
        let diary = Diary::new(pool);
        let mine = diary.clone();
        let periodic = pool.spawn_every(S(3), move || {
            mine.note(());
            mine.sleep(S(2));
        });
        pool.sleep(S(16));
        periodic.stop();
        assert!(periodic.join().is_ok());
        assert_eq!(diary.times(), [3, 6, 9, 12, 15].map(S));
    });
}

#[test]
fn ticks_that_it_misses_are_skipped_and_not_made_up_for() {
    virtually(1, |pool| {
        let diary = Diary::new(pool);
        let mine = diary.clone();
        let mut runs = 0;
        let periodic = pool.spawn_every(Every::Rate(S(10)), move || {
            runs += 1;
            mine.note(runs);
            // The second takes 35 s, the third exactly one period.
            mine.sleep(S([0, 1, 35, 10, 1, 1, 1, 1, 1][runs]));
        });
        pool.sleep(S(85));
        // Busy when it is due at 90: it runs at 93, and again at 100.
        let busy = diary.clone();
        drop(pool.spawn(move || busy.sleep(S(8))));
        pool.sleep(S(20));
        periodic.stop();
        let expected = [10, 20, 60, 80, 93, 100].map(S);
        assert_eq!(diary.times(), expected);
    });
}

#[test]
fn with_a_fixed_delay_the_pause_begins_at_the_end_of_a_run() {
    virtually(1, |pool| {
        let diary = Diary::new(pool);
        let mine = diary.clone();
        let periodic = pool.spawn_every(Every::Delay(S(10)), move || {
            mine.note(());
            mine.sleep(S(mine.entries().len() as u64));
        });
        pool.sleep(S(59));
        periodic.stop();
        assert_eq!(diary.times(), [10, 21, 33, 46].map(S));
    });
}

#[test]
fn stopped_while_it_waits_it_is_over_at_once() {
    witnessed(|pool, _| {
        let (ledger, diary) = (Ledger::new(1), Diary::<()>::new(pool));
        let entry = ledger.entry(0);
        let periodic = pool.spawn_every(S(10), move || entry.run());
        pool.sleep(S(25));
        assert!(!periodic.is_finished());
        periodic.stop();
        periodic.stop();
        assert!(periodic.is_finished());
        assert!(periodic.join().is_ok());
        pool.wait_idle();
        assert_eq!((ledger.ran(0), ledger.dropped(0)), (2, 1));
        assert_eq!(diary.passed(), S(25));
        pool.sleep(S(100));
        assert_eq!(ledger.ran(0), 2);
    });
}

#[test]
fn stopped_while_it_runs_it_is_told_and_comes_to_the_end_of_the_run() {
    virtually(1, |pool| {
        let diary = Diary::new(pool);
        let mine = diary.clone();
        let periodic = pool.try_spawn_every_with(S(10), move |cx| {
            let mut naps = 0;
            while !cx.is_cancelled() {
                mine.sleep(S(1));
                naps += 1;
            }
            mine.note((cx.attempt(), naps));
        });
        let periodic = periodic.unwrap();
        pool.sleep(S(14) + MS(500));
        periodic.stop();
        assert!(!periodic.is_finished(), "a run is going on");
        assert!(periodic.join().is_ok());
        pool.sleep(S(60));
        assert_eq!(diary.entries(), [(S(15), (1, 5))]);
    });
}

#[test]
fn it_may_stop_itself() {
    virtually(1, |pool| {
        let (diary, own) = (Diary::new(pool), Arc::new(Mutex::new(None)));
        let (mine, inner) = (diary.clone(), Arc::clone(&own));
        let periodic = pool.spawn_every(S(1), move || {
            mine.note(());
            if mine.entries().len() == 3 {
                let own = inner.lock().unwrap();
                let own: &PeriodicTask = own.as_ref().unwrap();
                own.stop();
            }
        });
        *own.lock().unwrap() = Some(periodic);
        pool.sleep(S(60));
        assert_eq!(diary.times(), [1, 2, 3].map(S));
        let periodic = own.lock().unwrap().take().unwrap();
        assert!(periodic.is_finished() && periodic.join().is_ok());
        assert_eq!(pool.stats().cancelled, 1);
    });
}

#[test]
fn a_panic_ends_it_and_is_the_handles() {
    virtually(1, |pool| {
        let (ledger, mut left) = (Ledger::new(1), 3);
        let entry = ledger.entry(0);
        let periodic = pool.spawn_every(S(1), move || {
            entry.run();
            left -= 1;
            assert!(left > 0, "worn out");
        });
        pool.sleep(S(60));
        assert!(periodic.is_finished());
        let error = periodic.join().unwrap_err();
        assert_eq!(text(&*error.into_panic()), "worn out");
        assert_eq!((ledger.ran(0), ledger.dropped(0)), (3, 1));
        assert_eq!(pool.stats().panicked, 1);
    });
}

#[test]
fn without_its_handle_it_goes_on_until_the_pool_ends() {
    virtually(1, |pool| {
        let ledger = Ledger::new(1);
        let entry = ledger.entry(0);
        drop(pool.spawn_every(S(1), move || entry.run()));
        pool.sleep(S(10) + MS(1));
        assert_eq!((ledger.ran(0), ledger.dropped(0)), (10, 0));
        // It is no work that somebody would wait for.
        assert!(pool.wait_idle_timeout(Duration::ZERO));
        pool.shutdown();
        assert_eq!((ledger.ran(0), ledger.dropped(0)), (10, 1));
        let refused = pool.try_spawn_every(S(1), || ()).unwrap_err();
        drop(refused);
        let late = pool.spawn_every(S(1), || ());
        assert!(late.is_finished() && late.join().unwrap_err().is_refused());
    });
}

#[test]
fn the_end_of_a_pool_ends_periodic_tasks_and_waits_for_delayed_ones() {
    for shuts_down in [false, true] {
        virtually(2, |driver| {
            let diary = Diary::new(driver);
            let pool = windrow::ThreadPoolBuilder::new().deterministic(0);
            let pool = pool.build().unwrap();
            let ticks = diary.clone();
            let periodic = pool.try_spawn_every_with(S(10), move |cx| {
                // In a run when the pool begins to end.
                ticks.note("tick");
                while !cx.is_cancelled() {
                    ticks.sleep(S(1));
                }
                ticks.note("tock");
            });
            let waits = pool.spawn_every(S(100), || unreachable!("it ends before"));
            let mine = diary.clone();
            let delayed = pool.spawn_after(S(50), move || mine.note("delayed"));
            driver.sleep(S(12) + MS(500));
            if shuts_down {
                pool.shutdown();
            }
            drop(pool);
            let expected = [(S(10), "tick"), (S(13), "tock"), (S(50), "delayed")];
            assert_eq!(diary.entries(), expected);
            assert!(delayed.is_finished());
            assert!(periodic.unwrap().join().is_ok() && waits.join().is_ok());
        });
    }
}

#[test]
fn runs_of_a_periodic_task_never_overlap_and_priorities_hold_between_those_due_together() {
    virtually(1, |pool| {
        let diary = Diary::new(pool);
        let (mine, token) = (diary.clone(), CancelToken::new());
        let periodic = pool.spawn_every(S(1), move || {
            mine.note("in");
            mine.sleep(S(3));
            mine.note("out");
        });
        let mine = diary.clone();
        let high = pool.task().priority(Priority::High).cancel_token(&token);
        drop(high.delay(S(2)).spawn(move || mine.note("high")));
        pool.sleep(S(8));
        periodic.stop();
        let expected = [
            (S(1), "in"),
            (S(4), "out"),
            (S(4), "high"),
            (S(5), "in"),
            (S(8), "out"),
        ];
        assert_eq!(diary.entries()[..4], expected[..4]);
        assert!(periodic.join().is_ok());
        assert_eq!(diary.entries()[4], expected[4]);
    });
}
