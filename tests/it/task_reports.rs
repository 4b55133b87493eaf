//! Reports of finished tasks: what is in them, and who gets them.

use std::sync::{Arc, Mutex};

use windrow::{Backoff, CancelToken, Outcome, Priority, Report, Retry};

use crate::support::{Ledger, panic_of, text};
use crate::virtual_time::{Diary, S, Told, virtually, virtually_with, witnessed};

/// Everything that a report says.
fn all_of(report: &Report) -> String {
    format!("{report:?}")
}

#[test]
fn handle_callback_and_observer_get_the_same_report_and_it_is_right() {
    witnessed(|pool, witness| {
        let diary = Diary::<()>::new(pool);
        let called = Arc::new(Mutex::new(None));
        let (busy, mine, callback) = (diary.clone(), diary.clone(), Arc::clone(&called));
        let start = pool.now();
        // Runs from 0 to 3, from 13 to 16; what is queued meanwhile waits.
        drop(
            pool.task()
                .priority(Priority::High)
                .spawn(move || busy.sleep(S(3))),
        );
        let busy = diary.clone();
        drop(pool.task().delay(S(13)).spawn(move || busy.sleep(S(3))));
        pool.sleep(S(1));
        // Due at 2, starts at 3, fails at 7, due again at 14, starts at 16, ends at 20.
        let handle = pool
            .task()
            .name("mow")
            .priority(Priority::Low)
            .delay(S(1))
            .on_complete(move |report| *callback.lock().unwrap() = Some(report.clone()))
            .retry(Retry::attempts(5).unwrap().backoff(Backoff::fixed(S(7))))
            .spawn_with(move |cx| {
                mine.sleep(S(4));
                if cx.attempt() < 2 {
                    Err(())
                } else {
                    Ok("mown")
                }
            });
        let id = handle.id().unwrap();
        pool.wait_idle();
        let (result, report) = handle.join_report();
        let report = report.unwrap();
        assert_eq!(result.unwrap(), Ok("mown"));
        assert_eq!((report.id, report.name.as_deref()), (id, Some("mow")));
        assert_eq!(report.outcome, Outcome::Completed);
        assert_eq!((report.priority, report.attempts), (Priority::Low, 2));
        assert_eq!(report.worker, Some(0));
        assert_eq!(report.submitted_at, start + S(1));
        assert_eq!(report.started_at, Some(start + S(3)));
        assert_eq!(report.queue_time, S(1) + S(2));
        assert_eq!(report.run_time, S(8));
        assert_eq!(
            all_of(called.lock().unwrap().as_ref().unwrap()),
            all_of(&report)
        );
        let observed = witness.all().into_iter().find_map(|told| match told {
            Told::Finished(report) if report.id == id => Some(report),
            _ => None,
        });
        assert_eq!(all_of(&observed.unwrap()), all_of(&report));
        let printed = "(mow) completed after 3s in the queue and 8s at work, 2 attempts";
        assert_eq!(report.to_string(), format!("task {id} {printed}"));
    });
}

#[test]
fn a_task_that_ended_in_the_queue_was_queued_until_then() {
    virtually(1, |pool| {
        let diary = Diary::<()>::new(pool);
        drop(pool.spawn(move || diary.sleep(S(10))));
        pool.sleep(S(1));
        let token = CancelToken::new();
        let task = || pool.task().cancel_token(&token);
        let expired = task().timeout(S(3)).spawn(|| ());
        let cancelled = task().spawn(|| ());
        // Delays and back-off are no time in the queue.
        let delayed = task().delay(S(20)).spawn(|| ());
        pool.sleep(S(5));
        token.cancel();
        let queued = |report: Option<Report>, outcome| {
            let report = report.unwrap();
            assert_eq!((report.outcome, report.attempts), (outcome, 0));
            assert_eq!((report.worker, report.started_at), (None, None));
            assert_eq!(report.run_time, S(0));
            report.queue_time
        };
        let report = expired.join_report().1;
        assert_eq!(queued(report, Outcome::Expired), S(3));
        let report = cancelled.join_report().1;
        assert_eq!(queued(report, Outcome::Cancelled), S(5));
        let report = delayed.join_report().1;
        assert_eq!(queued(report, Outcome::Cancelled), S(0));
    });
}

#[test]
fn times_in_the_queue_and_at_work_are_summed_up_in_the_stats() {
    virtually(1, |pool| {
        let run_for = |time| {
            let diary = Diary::<()>::new(pool);
            let task = pool.task().timeout(S(20));
            drop(task.spawn(move || diary.sleep(time)));
        };
        run_for(S(3));
        pool.sleep(S(1));
        run_for(S(8));
        pool.sleep(S(3));
        drop(pool.task().timeout(S(4)).spawn(|| ()));
        pool.wait_idle();
        // The first runs from 0 to 3; the second is queued from 1 to 3 and runs until 11;
        // the third is queued from 4 to its deadline at 8.
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.expired), (2, 1));
        assert_eq!(stats.queue_times.total(), S(2) + S(4));
        assert_eq!(
            (stats.queue_times.count(), stats.queue_times.max()),
            (3, S(4))
        );
        assert_eq!(stats.run_times.total(), S(3) + S(8));
        assert_eq!((stats.run_times.count(), stats.run_times.max()), (2, S(8)));
    });
}

#[test]
fn the_worker_is_whoever_ran_it_last() {
    virtually(3, |pool| {
        let handles: Vec<_> = (0..9)
            .map(|_| pool.task().spawn(windrow::current_thread_index))
            .collect();
        pool.wait_idle();
        for handle in handles {
            let (index, report) = handle.join_report();
            let index = index.unwrap();
            assert!(index.is_some());
            assert_eq!(report.unwrap().worker, index);
        }
        // A thread from outside that joins an unstarted task runs it itself.
        let here = std::thread::current().id();
        let task = pool
            .task()
            .spawn(move || std::thread::current().id() == here);
        let (ran_here, report) = task.join_report();
        assert!(ran_here.unwrap());
        assert_eq!(report.unwrap().worker, None);
    });
}

#[test]
fn a_plain_task_has_no_report_unless_all_are_measured() {
    virtually(1, |pool| {
        let handle = pool.spawn(|| 1);
        assert_eq!(handle.id(), None);
        let (result, report) = handle.join_report();
        assert!(result.unwrap() == 1 && report.is_none());
        pool.scope(|s| assert!(s.spawn(|| ()).join_report().1.is_none()));
        pool.wait_idle();
        assert_eq!(pool.stats().run_times.count(), 0);
    });
    virtually_with(
        |builder| builder.measure(true),
        |pool| {
            let diary = Diary::<()>::new(pool);
            let handle = pool.spawn_with_priority(Priority::High, move || diary.sleep(S(3)));
            let id = handle.id().unwrap();
            pool.wait_idle();
            let report = handle.join_report().1.unwrap();
            assert_eq!((report.id, report.name), (id, None));
            assert_eq!((report.priority, report.attempts), (Priority::High, 1));
            assert_eq!((report.worker, report.run_time), (Some(0), S(3)));
            pool.scope(|s| assert!(s.spawn(|| ()).join_report().1.is_none()));
        },
    );
}

#[test]
fn a_plain_task_is_observed_and_one_of_a_scope_is_not() {
    witnessed(|pool, witness| {
        let id = pool.spawn(|| ()).id().unwrap();
        pool.scope(|s| drop(s.spawn(|| ())));
        pool.join(|| (), || ());
        pool.wait_idle();
        let told: Vec<_> = witness.all();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(matches!(&told[0], Told::Accepted(info) if info.id == id));
        assert!(matches!(&told[1], Told::Started(info, 1) if info.id == id));
        assert!(matches!(&told[2], Told::Finished(report) if report.id == id));
    });
}

#[test]
fn tasks_of_a_scope_borrow_report_and_call_back() {
    virtually(2, |pool| {
        let words = ["raked".to_owned(), "hay".to_owned()];
        let ends = Mutex::new(Vec::new());
        let start = pool.now();
        let lengths = pool.scope(|s| {
            let handles: Vec<_> = words
                .iter()
                .map(|word| {
                    let task = s.task().name(word.as_str()).priority(Priority::High);
                    let task = task.on_complete(|report| {
                        let end = (report.name.clone().unwrap(), report.outcome);
                        ends.lock().unwrap().push(end);
                    });
                    task.delay(S(2)).spawn_with(|cx| {
                        assert_eq!(cx.name(), Some(word.as_str()));
                        pool.sleep(S(word.len() as u64));
                        word.len()
                    })
                })
                .collect();
            let ends = handles.into_iter().map(|handle| {
                let id = handle.id().unwrap();
                let (length, report) = handle.join_report();
                let (length, report) = (length.unwrap(), report.unwrap());
                assert_eq!((report.id, report.attempts), (id, 1));
                assert_eq!(report.started_at, Some(start + S(2)));
                assert_eq!(report.run_time, S(length as u64));
                assert_eq!((report.queue_time, report.priority), (S(0), Priority::High));
                assert!(report.worker.is_some());
                length
            });
            ends.collect::<Vec<_>>()
        });
        assert_eq!(lengths, [5, 3]);
        // The scope has waited for the callbacks, which borrow.
        let ends = ends.into_inner().unwrap();
        let ends: Vec<_> = ends.iter().map(|(name, how)| (&**name, *how)).collect();
        let expected = [("hay", Outcome::Completed), ("raked", Outcome::Completed)];
        assert_eq!(ends, expected);
    });
}

#[test]
fn each_outcome_is_reported_in_a_scope_too() {
    virtually(1, |pool| {
        let ledger = Ledger::new(5);
        let ends = Mutex::new([None; 5]);
        let token = CancelToken::new();
        pool.scope(|s| {
            let task = |index: usize| {
                let end = move |ends: &Mutex<[Option<Outcome>; 5]>, report: &Report| {
                    ends.lock().unwrap()[index] = Some(report.outcome);
                };
                let ends = &ends;
                (
                    ledger.entry(index),
                    s.task().on_complete(move |report| end(ends, report)),
                )
            };
            let (entry, completes) = task(0);
            drop(completes.spawn(move || entry.run()));
            let (entry, panics) = task(1);
            let panics = panics.spawn(move || {
                entry.run();
                panic!("caught");
            });
            let (entry, cancelled) = task(2);
            let cancelled = cancelled.cancel_token(&token).spawn(move || entry.run());
            let (entry, expires) = task(3);
            let expires = expires.timeout(S(1)).delay(S(2)).spawn(move || entry.run());
            let (entry, fails) = task(4);
            let fails = fails.retry(Retry::attempts(1).unwrap()).spawn(move || {
                entry.run();
                Err::<(), _>("no luck")
            });
            token.cancel();
            assert_eq!(text(&*panics.join().unwrap_err().into_panic()), "caught");
            assert!(cancelled.join().unwrap_err().is_cancelled());
            assert!(expires.join().unwrap_err().is_expired());
            assert_eq!(fails.join().unwrap(), Err("no luck"));
        });
        let outcomes = [
            Outcome::Completed,
            Outcome::Panicked,
            Outcome::Cancelled,
            Outcome::Expired,
            Outcome::Failed,
        ];
        assert_eq!(ends.into_inner().unwrap(), outcomes.map(Some));
        let ran = [0, 1, 2, 3, 4].map(|index| ledger.ran(index));
        assert_eq!(ran, [1, 1, 0, 0, 1]);
        assert_eq!([0, 1, 2, 3, 4].map(|index| ledger.dropped(index)), [1; 5]);
    });
}

#[test]
fn a_scope_resumes_the_panic_of_a_task_with_options_that_nobody_joined() {
    virtually(1, |pool| {
        let called = Mutex::new(0);
        let payload = panic_of(|| {
            pool.scope(|s| {
                let task = s.task().on_complete(|report| {
                    assert_eq!(report.outcome, Outcome::Panicked);
                    *called.lock().unwrap() += 1;
                });
                drop(task.spawn(|| panic!("for the scope")));
            });
        });
        assert_eq!(text(&*payload), "for the scope");
        assert_eq!(called.into_inner().unwrap(), 1);
    });
}
