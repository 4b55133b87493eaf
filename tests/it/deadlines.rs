//! Deadlines: what has not started never will, what runs is told, its handle knows at once, and who does not stop is
//! announced.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use windrow::{Backoff, CancelToken, Observer, Outcome, Retry, TaskInfo, ThreadPool};

use crate::support::{Ledger, panic_of, text};
use crate::virtual_time::{Diary, MS, S, virtually, virtually_with, witnessed};

#[test]
fn what_expires_in_the_queue_never_runs_and_its_handle_knows_before_a_worker_is_free() {
    virtually(2, |pool| {
        let (ledger, diary) = (Ledger::new(4), Diary::<()>::new(pool));
        for _ in 0..2 {
            let busy = diary.clone();
            drop(pool.spawn(move || busy.sleep(S(10))));
        }
        pool.sleep(S(1));
        let handles: Vec<_> = (0..4)
            .map(|index| {
                let entry = ledger.entry(index);
                let task = pool.task().timeout(S(1 + index as u64));
                task.spawn(move || entry.run())
            })
            .collect();
        for (index, handle) in handles.into_iter().enumerate() {
            assert!(!handle.is_finished());
            let handle = handle.join_timeout(MS(999)).unwrap_err();
            let result = handle.join_timeout(MS(2)).unwrap();
            assert!(result.unwrap_err().is_expired());
            assert_eq!(diary.passed(), S(2 + index as u64));
        }
        assert_eq!(pool.stats().expired, 4);
        pool.wait_idle();
        assert_eq!(diary.passed(), S(10));
        for index in 0..4 {
            assert_eq!((ledger.ran(index), ledger.dropped(index)), (0, 1));
        }
    });
}

#[test]
fn a_running_task_is_told_and_its_handle_reports_at_once() {
    witnessed(|pool, witness| {
        let ledger = Ledger::new(1);
        let (diary, entry) = (Diary::new(pool), ledger.entry(0));
        let mine = diary.clone();
        let task = pool.task().name("long").timeout(S(5));
        let handle = task.spawn_with(move |cx| {
            let handed_out = cx.token();
            mine.sleep(S(5) - MS(1));
            mine.note((cx.is_cancelled(), handed_out.is_cancelled()));
            mine.sleep(MS(2));
            mine.note((cx.is_cancelled(), handed_out.is_cancelled()));
            mine.sleep(S(2));
            // The late result.
            entry
        });
        // It must not run on this thread.
        pool.sleep(MS(1));
        let (result, report) = handle.join_report();
        assert!(result.err().unwrap().is_expired());
        assert_eq!(diary.passed(), S(5));
        let report = report.unwrap();
        assert_eq!((report.outcome, report.attempts), (Outcome::Expired, 1));
        assert_eq!((report.worker, report.run_time), (Some(0), S(5)));
        let stats = pool.stats();
        assert_eq!((stats.expired, stats.running, stats.late), (1, 1, 0));
        assert_eq!(ledger.dropped(0), 0);
        pool.wait_idle();
        assert_eq!(diary.passed(), S(7) + MS(1));
        assert_eq!(diary.what(), [(false, false), (true, true)]);
        assert_eq!(ledger.dropped(0), 1, "the late result has been dropped");
        let stats = pool.stats();
        assert_eq!((stats.expired, stats.completed, stats.late), (1, 0, 1));
        assert_eq!((stats.stuck, stats.running), (0, 0));
        assert_eq!(
            witness.about("long"),
            ["accepted", "started 1", "expired", "late"]
        );
    });
}

#[test]
fn a_late_panic_and_a_late_error_are_counted_as_late_and_heard_of_no_more() {
    let escaped = Arc::new(AtomicBool::new(false));
    let handler = Arc::clone(&escaped);
    virtually_with(
        move |builder| {
            let escaped = Arc::clone(&handler);
            builder.panic_handler(move |_| escaped.store(true, Ordering::SeqCst))
        },
        |pool| {
            let diary = Diary::<()>::new(pool);
            let mine = diary.clone();
            let panics = pool.task().timeout(S(1)).spawn(move || {
                mine.sleep(S(2));
                panic!("too late");
            });
            pool.sleep(S(3));
            let task = pool.task().timeout(S(1));
            let fails = task.retry(Retry::attempts(9).unwrap()).spawn(move || {
                diary.sleep(S(2));
                Err::<(), _>("too late")
            });
            pool.wait_idle();
            assert!(panics.join().unwrap_err().is_expired());
            let (result, report) = fails.join_report();
            assert!(result.unwrap_err().is_expired());
            assert_eq!(report.unwrap().attempts, 1, "it was not tried again");
            let stats = pool.stats();
            assert_eq!((stats.late, stats.expired), (2, 2));
            assert_eq!((stats.panicked, stats.failed, stats.retried), (0, 0, 0));
        },
    );
}

#[test]
fn who_ignores_its_deadline_for_the_grace_period_is_announced_once() {
    witnessed(|pool, witness| {
        let diary = Diary::<()>::new(pool);
        let late_by = |name: &'static str, grace: Option<Duration>, late: Duration| {
            let mut task = pool.task().name(name).timeout(S(10));
            if let Some(grace) = grace {
                task = task.grace_period(grace);
            }
            let mine = diary.clone();
            drop(task.spawn(move || mine.sleep(S(10) + late)));
            pool.wait_idle();
        };
        late_by("in time", Some(S(3)), S(2));
        late_by("too late", Some(S(3)), S(60));
        // The pool's default is five seconds.
        late_by("by default in time", None, S(4));
        late_by("by default too late", None, S(6));
        late_by("at once", Some(Duration::ZERO), S(1));
        late_by("never", Some(Duration::MAX), S(1_000_000_000));
        let heard = |name| witness.about(name)[2..].join(", ");
        assert_eq!(heard("in time"), "expired, late");
        assert_eq!(heard("too late"), "expired, stuck 3s, late");
        assert_eq!(heard("by default in time"), "expired, late");
        assert_eq!(heard("by default too late"), "expired, stuck 5s, late");
        assert_eq!(heard("at once"), "expired, stuck 0ns, late");
        assert_eq!(heard("never"), "expired, late");
        assert_eq!(pool.stats().stuck, 3);
    });
}

#[test]
fn the_grace_period_begins_when_the_task_is_told_whoever_tells_it() {
    virtually_with(
        |builder| builder.grace_period(S(4)),
        |pool| {
            let diary = Diary::<()>::new(pool);
            let (by_token, by_both) = (CancelToken::new(), CancelToken::new());
            let sleeper = |time| {
                let mine = diary.clone();
                move || mine.sleep(time)
            };
            // Told at 2, over at 10.
            drop(pool.task().cancel_token(&by_token).spawn(sleeper(S(10))));
            pool.sleep(S(2));
            by_token.cancel();
            pool.sleep(S(4) - MS(1));
            assert_eq!(pool.stats().stuck, 0);
            pool.sleep(MS(2));
            assert_eq!(pool.stats().stuck, 1);
            pool.wait_idle();
            // Told at 1 by its token and at 2 by its deadline: announced once, at 5.
            let task = pool.task().cancel_token(&by_both).timeout(S(2));
            drop(task.spawn(sleeper(S(20))));
            pool.sleep(S(1));
            by_both.cancel();
            pool.sleep(S(4) + MS(1));
            assert_eq!(pool.stats().stuck, 2);
            pool.wait_idle();
            assert_eq!(pool.stats().stuck, 2);
            // Told by its handle.
            let handle = pool.spawn_after(S(1), sleeper(S(9)));
            pool.sleep(S(2));
            assert!(!handle.cancel());
            pool.wait_idle();
            assert_eq!(pool.stats().stuck, 3);
            assert!(handle.join().is_ok(), "it was only told");
        },
    );
}

#[test]
fn a_deadline_that_is_past_or_now_lets_nothing_run() {
    virtually(1, |pool| {
        let (ledger, now) = (Ledger::new(5), pool.now());
        let run = |index| {
            let entry = ledger.entry(index);
            move || entry.run()
        };
        let long_ago = now.checked_sub(S(1)).unwrap();
        let handles = [
            pool.task().deadline(long_ago).spawn(run(0)),
            pool.task().deadline(now).spawn(run(1)),
            pool.task().timeout(Duration::ZERO).spawn(run(2)),
            pool.task()
                .delay(S(5))
                .timeout(Duration::ZERO)
                .spawn(run(3)),
            pool.task().deadline(long_ago).timeout(S(9)).spawn(run(4)),
        ];
        for handle in handles {
            let (result, report) = handle.join_report();
            assert!(result.unwrap_err().is_expired());
            assert_eq!(report.unwrap().started_at, None);
        }
        assert_eq!(pool.now(), now);
        pool.wait_idle();
        for index in 0..5 {
            assert_eq!((ledger.ran(index), ledger.dropped(index)), (0, 1));
        }
        assert_eq!(pool.stats().late, 0);
    });
}

#[test]
fn of_a_timeout_and_a_deadline_the_earlier_one_counts() {
    virtually(1, |pool| {
        for (timeout, deadline) in [(3, 5), (5, 3), (4, 4)] {
            let at = pool.now() + S(deadline);
            let diary = Diary::<()>::new(pool);
            let tasks = [
                pool.task().timeout(S(timeout)).deadline(at),
                pool.task().deadline(at).timeout(S(timeout)),
            ];
            for task in tasks {
                let start = pool.now();
                let error = task.delay(S(60)).spawn(|| ()).join().unwrap_err();
                assert!(error.is_expired());
                // The second one expires together with the first.
                let earlier = S(timeout.min(deadline));
                assert!(diary.passed() == earlier && pool.now() - start <= earlier);
            }
        }
    });
}

#[test]
fn a_deadline_ends_a_back_off() {
    virtually(1, |pool| {
        let (ledger, diary) = (Ledger::new(1), Diary::new(pool));
        let (mine, entry) = (diary.clone(), ledger.entry(0));
        let handed_out = Arc::new(Mutex::new(None));
        let hand_out = Arc::clone(&handed_out);
        let policy = Retry::attempts(99).unwrap().backoff(Backoff::fixed(S(4)));
        let handle = pool
            .task()
            .timeout(S(10))
            .retry(policy)
            .spawn_with(move |cx| {
                entry.run();
                mine.note(cx.attempt());
                *hand_out.lock().unwrap() = Some(cx.token());
                Err::<(), _>(())
            });
        let (result, report) = handle.join_report();
        assert!(result.unwrap_err().is_expired());
        assert_eq!(diary.passed(), S(10));
        assert_eq!(diary.entries(), [(S(0), 1), (S(4), 2), (S(8), 3)]);
        assert_eq!(report.unwrap().attempts, 3);
        assert!(handed_out.lock().unwrap().take().unwrap().is_cancelled());
        pool.wait_idle();
        assert_eq!((diary.passed(), ledger.dropped(0)), (S(10), 1));
        assert_eq!(pool.stats().late, 0, "nothing was running");
    });
}

#[test]
fn a_token_fires_although_the_deadline_is_found_by_the_worker() {
    virtually(1, |pool| {
        let handed_out = Arc::new(Mutex::new(Vec::new()));
        let (hand_out, busy) = (Arc::clone(&handed_out), Diary::<()>::new(pool));
        let policy = Retry::attempts(9).unwrap().backoff(Backoff::fixed(S(5)));
        let task = pool.task().timeout(S(10)).retry(policy);
        let handle = task.spawn_with(move |cx| {
            hand_out.lock().unwrap().push(cx.token());
            Err::<(), _>(())
        });
        pool.sleep(S(1));
        // The worker is free at the deadline: it may be the first to find that it has passed.
        drop(pool.spawn(move || busy.sleep(S(9))));
        pool.wait_idle();
        assert!(handle.join().unwrap_err().is_expired());
        let handed_out = handed_out.lock().unwrap();
        assert_eq!(handed_out.len(), 1);
        assert!(handed_out.iter().all(CancelToken::is_cancelled));
    });
}

#[test]
fn a_scope_waits_for_the_closure_of_a_task_that_has_expired() {
    virtually(2, |pool| {
        let (ledger, over) = (Ledger::new(2), AtomicBool::new(false));
        let diary = Diary::<()>::new(pool);
        pool.scope(|s| {
            let runs = s.task().timeout(S(2)).spawn(|| {
                pool.sleep(S(7));
                over.store(true, Ordering::SeqCst);
            });
            let entry = ledger.entry(0);
            let queued = s
                .task()
                .timeout(S(3))
                .delay(S(4))
                .spawn(move || entry.run());
            pool.sleep(MS(1));
            assert!(runs.join().unwrap_err().is_expired());
            assert_eq!(diary.passed(), S(2));
            assert!(queued.join().unwrap_err().is_expired());
            assert_eq!(diary.passed(), S(3));
            assert!(!over.load(Ordering::SeqCst));
        });
        assert_eq!(diary.passed(), S(7));
        assert!(over.load(Ordering::SeqCst));
        assert_eq!((ledger.ran(0), ledger.dropped(0)), (0, 1));
    });
}

#[test]
fn a_late_panic_in_a_scope_is_nobodys() {
    virtually(1, |pool| {
        let expired = pool.scope(|s| {
            let task = s.task().timeout(S(1)).spawn(|| {
                pool.sleep(S(2));
                panic!("too late");
            });
            pool.sleep(MS(1));
            task.join().unwrap_err().is_expired()
        });
        assert!(expired);
        // The drop of a closure that expired is the user's code all the same.
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let payload = panic_of(|| {
            pool.scope(|s| {
                let bomb = Bomb;
                let task = s.task().timeout(S(1)).delay(S(2));
                drop(task.spawn(move || drop(bomb)));
            });
        });
        assert_eq!(text(&*payload), "dropped");
    });
}

#[test]
fn an_attempt_that_failed_is_late_too_where_the_deadline_passes_as_it_goes_back_to_wait() {
    /// Takes its time over it.
    struct Slow(OnceLock<Weak<ThreadPool>>);
    impl Observer for Slow {
        fn task_retried(&self, _: &TaskInfo, _: u32, _: Duration) {
            let pool = self.0.get().unwrap().upgrade().unwrap();
            pool.sleep(S(2));
        }
    }
    let slow: RefCell<Arc<Slow>> = RefCell::new(Arc::new(Slow(OnceLock::new())));
    virtually_with(
        |builder| {
            slow.replace(Arc::new(Slow(OnceLock::new())));
            builder.observer(slow.borrow().clone())
        },
        |pool| {
            slow.borrow().0.set(Arc::downgrade(pool)).unwrap();
            let task = pool.task().timeout(S(1));
            let fails = task.retry(Retry::attempts(9).unwrap());
            let fails = fails.spawn(|| Err::<(), _>("again"));
            assert!(fails.join().unwrap_err().is_expired());
            pool.wait_idle();
            let stats = pool.stats();
            assert_eq!((stats.retried, stats.expired, stats.late), (1, 1, 1));
        },
    );
}
