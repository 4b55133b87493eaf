//! How groups end: dropped, forgotten, moved, cancelled, with their pool. What a task owned and what it returned is
//! dropped exactly once in each case.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use windrow::{
    CancelToken, Priority, TaskContext, TaskError, TaskGroup, ThreadPool, UnstartedTask,
};

use crate::support::{
    Bomb, Entry, Gate, Ledger, on_every_pool, panic_of, pool, pool_that_reports, stall, text,
    yield_until,
};
use crate::watchdog::watched;

/// Spawns a task for each of two ledgers' lines: of what the tasks own, and of what they return.
fn fill(group: &TaskGroup<Entry>, closures: &Ledger, results: &Ledger, tasks: usize) {
    for index in 0..tasks {
        let (closure, result) = (closures.entry(index), results.entry(index));
        group.spawn(move || {
            closure.run();
            result.run();
            Ok(result)
        });
    }
}

/// Each line was never run, and dropped once.
fn assert_none_ran(ledger: &Ledger, lines: usize) {
    for index in 0..lines {
        assert_eq!((ledger.ran(index), ledger.dropped(index)), (0, 1));
    }
}

#[test]
fn a_dropped_group_waits_for_its_tasks_and_drops_their_results() {
    watched(|| {
        on_every_pool(|pool| {
            let (closures, results) = (Ledger::new(500), Ledger::new(500));
            let group = pool.group();
            fill(&group, &closures, &results, 500);
            drop(group);
            closures.assert_all_ran();
            results.assert_all_ran();
        });
    });
}

#[test]
fn a_group_dropped_after_some_results_were_taken_drops_the_others() {
    watched(|| {
        on_every_pool(|pool| {
            let (closures, results) = (Ledger::new(100), Ledger::new(100));
            let mut group = pool.group();
            fill(&group, &closures, &results, 100);
            let taken: Vec<_> = (0..10).map(|_| group.join_next().unwrap()).collect();
            drop(group);
            closures.assert_all_ran();
            let dropped = |index| results.dropped(index);
            assert_eq!((0..100).map(dropped).sum::<usize>(), 90);
            for (index, result) in taken {
                assert_eq!(results.dropped(index), 0);
                drop(result);
            }
            results.assert_all_ran();
        });
    });
}

#[test]
fn a_group_is_waited_for_by_a_panic_that_passes_it() {
    watched(|| {
        on_every_pool(|pool| {
            let (closures, results) = (Ledger::new(100), Ledger::new(100));
            panic_of(|| {
                let group = pool.group();
                fill(&group, &closures, &results, 100);
                panic!("on its way")
            });
            closures.assert_all_ran();
            results.assert_all_ran();
        });
    });
}

#[test]
fn panics_that_a_dropped_group_holds_are_reported() {
    watched(|| {
        for size in [1, 2, 8] {
            let (pool, reports) = pool_that_reports(size);
            let group = pool.group::<(), ()>();
            for index in 0..20 {
                group.spawn(move || match index % 2 {
                    0 => panic!("{index:02}"),
                    _ => Err(()),
                });
            }
            drop(group);
            let mut reported: Vec<String> = reports.try_iter().collect();
            reported.sort();
            let expected = (0..20).step_by(2).map(|index| format!("{index:02}"));
            assert_eq!(reported, expected.collect::<Vec<_>>());
        }
    });
}

#[test]
fn the_panics_that_wait_does_not_return_are_reported() {
    watched(|| {
        let (pool, reports) = pool_that_reports(1);
        pool.pause();
        let group = pool.group::<(), String>();
        for text in ["first", "second", "third"] {
            group.spawn(move || panic!("{text}"));
        }
        pool.resume();
        assert_eq!(
            group.wait().unwrap_err().to_string(),
            "the task panicked: first"
        );
        let reported: Vec<String> = reports.try_iter().collect();
        assert_eq!(reported, ["second", "third"]);
    });
}

#[test]
fn what_a_group_drops_may_panic_in_its_drop_any_number_of_times() {
    watched(|| {
        for size in [1, 2, 8] {
            let (pool, reports) = pool_that_reports(size);
            let group = pool.group::<Bomb, Bomb>();
            let fill = |group: &TaskGroup<Bomb, Bomb>| {
                for _ in 0..3 {
                    group.spawn(|| Ok(Bomb("value")));
                    group.spawn(|| Err(Bomb("error")));
                }
            };
            let reported = || {
                let mut reported: Vec<String> = reports.try_iter().collect();
                reported.sort();
                reported
            };
            fill(&group);
            drop(group);
            let all = ["error", "error", "error", "value", "value", "value"];
            assert_eq!(reported(), all, "by a group that is dropped");

            let group = pool.group();
            fill(&group);
            mem::forget(group.wait().err().unwrap());
            assert_eq!(reported(), all[1..], "by one that returns an error");

            let failing = Arc::new(AtomicUsize::new(0));
            let tasks = (0..4).map(|index| {
                let failing = failing.clone();
                move |_: &TaskContext<'_>| {
                    if index < 3 {
                        failing.fetch_add(1, Ordering::SeqCst);
                        return Err(Bomb("error"));
                    }
                    yield_until(|| failing.load(Ordering::SeqCst) == 3);
                    Ok(Bomb("value"))
                }
            });
            mem::forget(pool.any(tasks).ok().unwrap());
            assert_eq!(reported(), all[..3], "by a race");
        }
    });
}

#[test]
fn a_result_taken_with_its_panic_is_not_reported_as_well() {
    watched(|| {
        let (pool, reports) = pool_that_reports(1);
        let mut group = pool.group::<(), ()>();
        group.spawn(|| panic!("taken"));
        assert!(group.join_next().unwrap().1.unwrap_err().is_panic());
        group.spawn(|| panic!("taken as well"));
        assert!(group.wait_all()[0].as_ref().unwrap_err().is_panic());
        drop(pool);
        assert_eq!(reports.try_iter().count(), 0);
    });
}

#[test]
fn the_tasks_of_a_forgotten_group_run_and_the_pool_ends() {
    watched(|| {
        for size in [1, 2, 8] {
            let pool = pool(size);
            let (closures, results) = (Ledger::new(100), Ledger::new(100));
            let limited = pool.group().max_concurrent(1);
            fill(&limited, &closures, &results, 100);
            mem::forget(limited);
            drop(pool);
            for index in 0..100 {
                assert_eq!((closures.ran(index), closures.dropped(index)), (1, 1));
                // Nobody can take it, and nobody drops it twice.
                assert_eq!(results.dropped(index), 0);
            }
        }
    });
}

#[test]
fn a_group_is_filled_by_one_thread_and_waited_for_by_another() {
    watched(|| {
        on_every_pool(|pool| {
            let (closures, results) = (Ledger::new(200), Ledger::new(200));
            let group = pool.group();
            thread::scope(|threads| {
                let filling = threads.spawn(|| {
                    fill(&group, &closures, &results, 200);
                    group
                });
                let waiting = threads.spawn(|| filling.join().unwrap().wait().unwrap().len());
                assert_eq!(waiting.join().unwrap(), 200);
            });
            closures.assert_all_ran();
            results.assert_all_ran();
        });
    });
}

#[test]
fn many_threads_fill_a_group_at_once() {
    watched(|| {
        on_every_pool(|pool| {
            let group = pool.group::<usize, ()>().max_concurrent(3);
            thread::scope(|threads| {
                for caller in 0..8 {
                    let group = &group;
                    threads.spawn(move || {
                        (0..100).for_each(|task| group.spawn(move || Ok(caller * 100 + task)));
                    });
                }
            });
            let mut values = group.wait().unwrap();
            values.sort_unstable();
            assert_eq!(values, (0..800).collect::<Vec<_>>());
        });
    });
}

#[test]
fn the_results_of_a_group_on_a_pool_that_has_ended_say_refused() {
    watched(|| {
        for limit in [0, 1] {
            let pool = pool(2);
            let (closures, results) = (Ledger::new(5), Ledger::new(5));
            let mut group = pool.group().max_concurrent(limit);
            let dropped = pool.group::<Entry, _>();
            pool.shutdown();
            fill(&group, &closures, &results, 5);
            drop(pool);
            group
                .task()
                .priority(Priority::Low)
                .spawn(|| unreachable!());
            assert_eq!(group.len(), 6);
            let (index, result) = group.join_next().unwrap();
            let refused = |error: &TaskError| {
                error.to_string() == "the task was refused: the pool had been shut down"
                    && !error.is_cancelled()
                    && !error.is_panic()
            };
            assert!(index == 0 && refused(&result.err().unwrap()));
            let all = group.wait_all();
            assert!(all.len() == 5 && all.iter().all(|r| r.as_ref().is_err_and(refused)));
            fill(&dropped, &Ledger::new(1), &Ledger::new(1), 1);
            assert!(refused(&dropped.wait().err().unwrap()));
            assert_none_ran(&closures, 5);
            assert_none_ran(&results, 5);
        }
    });
}

#[test]
fn a_refused_task_makes_a_group_fail_fast() {
    watched(|| {
        let pool = pool(1);
        let group = pool.group::<(), ()>().fail_fast(true);
        pool.shutdown();
        group.spawn(|| Ok(()));
        assert!(group.token().is_cancelled());
        assert!(group.wait().is_err());
    });
}

#[test]
fn tasks_that_shutdown_now_took_back_are_cancelled_or_run_and_the_group_ends() {
    watched(|| {
        for limit in [0, 1, 3] {
            let pool = pool(2);
            pool.pause();
            let (closures, results) = (Ledger::new(10), Ledger::new(10));
            let group = pool.group().max_concurrent(limit);
            fill(&group, &closures, &results, 10);
            let mut unstarted = pool.shutdown_now();
            assert_eq!(unstarted.len(), 10);
            unstarted.drain(..4).for_each(UnstartedTask::run);
            drop(unstarted);
            let all = group.wait_all();
            assert_eq!(all.iter().filter(|result| result.is_ok()).count(), 4);
            let lost = all.iter().filter_map(|result| result.as_ref().err());
            assert!(lost.into_iter().all(TaskError::is_cancelled));
            drop(all);
            for index in 0..10 {
                assert_eq!(closures.ran(index), results.ran(index));
                assert_eq!((closures.dropped(index), results.dropped(index)), (1, 1));
            }
        }
    });
}

#[test]
fn options_come_before_the_first_task() {
    watched(|| {
        type Change = fn(TaskGroup<()>) -> TaskGroup<()>;
        let changes: [Change; 4] = [
            |group| group.fail_fast(true),
            |group| group.max_concurrent(1),
            |group| group.priority(Priority::High),
            |group| group.cancel_token(&CancelToken::new()),
        ];
        for change in changes {
            // In order: while this thread does not wait, the task does not start.
            let pool = ThreadPool::builder().deterministic(0).build().unwrap();
            let ledger = Ledger::new(1);
            let (group, entry) = (change(pool.group()), ledger.entry(0));
            group.spawn(move || {
                entry.run();
                Ok(())
            });
            let payload = panic_of(move || drop(change(group)));
            let message = text(&*payload);
            assert!(message.starts_with("options are set before"), "{message}");
            // The group has been dropped by the panic, and has waited.
            ledger.assert_all_ran();
        }
    });
}

#[test]
fn a_group_waits_for_its_own_tasks_and_for_no_stranger() {
    watched(|| {
        on_every_pool(|pool| {
            let stalled = stall(pool);
            let stranger = pool.spawn(|| ());
            let gate = Gate::default();
            let inside = gate.clone();
            drop(pool.spawn(move || inside.pass()));
            // A thread that is in the pool runs the group's tasks itself.
            let values = pool.scope(|_| {
                let group = pool.group::<u32, ()>();
                (0..10).for_each(|value| group.spawn(move || Ok(value)));
                group.wait().unwrap()
            });
            assert_eq!(values, (0..10).collect::<Vec<_>>());
            assert!(!stranger.is_finished());
            gate.open();
            drop(stalled);
            stranger.join().unwrap();
        });
    });
}
