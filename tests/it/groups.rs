//! Task groups: results, errors, panics, failing fast, levels, and who may wait for them where. How they end
//! is in `groups_ends`, their limits and options in `groups_limits`.

use std::mem;
use std::sync::Arc;
use std::sync::mpsc::channel;

use windrow::{Priority, TaskError, TaskGroup, ThreadPool};

use crate::support::{
    Entry, Gate, Ledger, from_outside_and_inside, on_a_worker, on_every_pool, pool,
    pool_without_spares, take, text, yield_until,
};
use crate::watchdog::watched;

#[test]
fn wait_gives_ten_thousand_values_in_the_order_of_spawning() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let (closures, results) = (Ledger::new(10_000), Ledger::new(10_000));
            let group = pool.group::<(usize, Entry), ()>();
            for index in 0..10_000 {
                let (closure, result) = (closures.entry(index), results.entry(index));
                group.spawn(move || {
                    closure.run();
                    result.run();
                    Ok((index, result))
                });
            }
            let values = group.wait().unwrap();
            closures.assert_all_ran();
            let order: Vec<usize> = values.iter().map(|(index, _)| *index).collect();
            assert_eq!(order, (0..10_000).collect::<Vec<_>>());
            drop(values);
            results.assert_all_ran();
        });
    });
}

#[test]
fn join_next_gives_each_of_ten_thousand_results_once() {
    watched(|| {
        on_every_pool(|pool| {
            let mut group = pool.group::<usize, usize>();
            for index in 0..10_000 {
                group.spawn(move || {
                    if index % 3 == 0 {
                        Err(index)
                    } else {
                        Ok(index)
                    }
                });
            }
            let (mut seen, mut taken) = (vec![false; 10_000], 0);
            while let Some((number, result)) = group.join_next() {
                let index = match result {
                    Ok(value) => value,
                    Err(TaskError::Failed(error)) => error,
                    Err(lost) => panic!("{lost:?}"),
                };
                assert_eq!(number, index);
                assert!(!mem::replace(&mut seen[index], true), "{index} came twice");
                taken += 1;
                assert_eq!(group.len(), 10_000 - taken);
            }
            assert!(taken == 10_000 && group.is_empty());
        });
    });
}

#[test]
fn join_next_follows_completion_and_ends_with_none_until_there_is_more() {
    watched(|| {
        let pool = pool(1);
        pool.pause();
        let mut group = pool.group::<&str, ()>();
        assert!(group.join_next().is_none() && group.try_join_next().is_none());
        for (level, name) in [
            (Priority::Low, "low"),
            (Priority::Normal, "normal"),
            (Priority::High, "high"),
        ] {
            group.task().priority(level).spawn(move || Ok(name));
        }
        assert!(group.try_join_next().is_none(), "nobody has started them");
        assert_eq!(group.len(), 3);
        pool.resume();
        for expected in [(2, "high"), (1, "normal"), (0, "low")] {
            let (index, result) = group.join_next().unwrap();
            assert_eq!((index, result.unwrap()), expected);
        }
        assert!(group.join_next().is_none() && group.join_next().is_none());
        group.spawn(|| Ok("one more"));
        let (index, result) = group.join_next().unwrap();
        assert_eq!((index, result.unwrap()), (3, "one more"));
        assert!(group.is_empty() && group.wait().unwrap().is_empty());
    });
}

#[test]
fn try_join_next_never_waits_for_a_task_that_runs() {
    watched(|| {
        on_every_pool(|pool| {
            let gate = Gate::default();
            let mut group = pool.group::<u32, ()>();
            let (inside, (started, start)) = (gate.clone(), channel());
            group.spawn(move || {
                started.send(()).unwrap();
                inside.pass();
                Ok(7)
            });
            start.recv().unwrap();
            assert!(group.try_join_next().is_none());
            assert_eq!(group.len(), 1);
            gate.open();
            let mut next = None;
            yield_until(|| {
                next = group.try_join_next();
                next.is_some()
            });
            let (index, result) = next.unwrap();
            assert_eq!((index, result.unwrap()), (0, 7));
            assert!(group.try_join_next().is_none());
        });
    });
}

#[test]
fn wait_gives_the_error_that_came_up_first_after_all_have_ended() {
    watched(|| {
        let pool = pool(1);
        pool.pause();
        let ledger = Ledger::new(4);
        let group = pool.group::<(), &str>();
        for (index, (level, result)) in [
            (Priority::Low, Err("third")),
            (Priority::Normal, Err("second")),
            (Priority::High, Err("first")),
            (Priority::Low, Ok(())),
        ]
        .into_iter()
        .enumerate()
        {
            let entry = ledger.entry(index);
            group.task().priority(level).spawn(move || {
                entry.run();
                result
            });
        }
        pool.resume();
        let error = group.wait().unwrap_err();
        assert!(matches!(error, TaskError::Failed("first")), "{error:?}");
        ledger.assert_all_ran();
    });
}

#[test]
fn wait_all_gives_every_result_in_its_place() {
    watched(|| {
        on_every_pool(|pool| {
            let group = pool.group::<usize, String>();
            for index in 0..300 {
                group.spawn(move || match index % 3 {
                    0 => Ok(index),
                    1 => Err(format!("no {index}")),
                    _ => panic!("bang {index}"),
                });
            }
            let results = group.wait_all();
            assert_eq!(results.len(), 300);
            for (index, result) in results.into_iter().enumerate() {
                match (index % 3, result) {
                    (0, Ok(value)) => assert_eq!(value, index),
                    (1, Err(TaskError::Failed(error))) => assert_eq!(error, format!("no {index}")),
                    (_, Err(error)) => {
                        assert!(error.is_panic() && !error.is_cancelled());
                        let TaskError::Lost(lost) = error else {
                            unreachable!()
                        };
                        assert_eq!(text(&*lost.into_panic()), format!("bang {index}"));
                    }
                    (_, Ok(value)) => panic!("{value} should have failed"),
                }
            }
        });
    });
}

/// The first task fails or panics; the second runs and looks at its context; the others are queued behind.
fn fails_fast(how: fn() -> Result<(), &'static str>) {
    let pool = pool(2);
    let ledger = Ledger::new(50);
    let group = pool.group::<(), &str>().fail_fast(true);
    let (fail, seen) = (Gate::default(), Gate::default());
    let (running, runs) = channel();
    let (held, report, failing) = (fail.clone(), seen.clone(), running.clone());
    let book = ledger.clone();
    group.spawn_with(move |cx| {
        running.send(()).unwrap();
        yield_until(|| cx.is_cancelled());
        // Until the others have been cancelled as well.
        yield_until(|| (0..50).all(|index| book.dropped(index) == 1));
        report.open();
        Ok(())
    });
    group.spawn(move || {
        failing.send(()).unwrap();
        held.pass();
        how()
    });
    take(&runs, 2);
    for index in 0..50 {
        let entry = ledger.entry(index);
        group.spawn(move || {
            entry.run();
            Ok(())
        });
    }
    fail.open();
    seen.pass();
    assert!(group.token().is_cancelled());
    let mut results = group.wait_all().into_iter();
    assert!(results.next().unwrap().is_ok(), "it ran and did not fail");
    assert!(!results.next().unwrap().unwrap_err().is_cancelled());
    assert!(results.all(|result| result.unwrap_err().is_cancelled()));
    for index in 0..50 {
        assert_eq!((ledger.ran(index), ledger.dropped(index)), (0, 1));
    }
}

#[test]
fn a_group_that_fails_fast_tells_the_running_and_never_starts_the_others() {
    watched(|| {
        fails_fast(|| Err("failed"));
        fails_fast(|| panic!("failed"));
    });
}

#[test]
fn the_reason_and_not_a_cancellation_is_the_error_of_a_group_that_fails_fast() {
    watched(|| {
        let pool = pool(1);
        pool.pause();
        let group = pool.group::<(), &str>().fail_fast(true);
        group.task().priority(Priority::Low).spawn(|| Ok(()));
        let high = group.task().priority(Priority::High);
        high.spawn(|| Err("the reason"));
        pool.resume();
        let error = group.wait().unwrap_err();
        assert!(
            matches!(error, TaskError::Failed("the reason")),
            "{error:?}"
        );
    });
}

#[test]
fn a_cancellation_that_came_first_makes_way_for_a_reason() {
    watched(|| {
        let pool = pool(1);
        let (start, started) = channel();
        let gate = Gate::default();
        let group = pool.group::<(), &str>();
        let inside = gate.clone();
        group.spawn(move || {
            start.send(()).unwrap();
            inside.pass();
            Err("the reason")
        });
        started.recv().unwrap();
        for _ in 0..2 {
            group.spawn(|| Ok(()));
        }
        assert!(!group.is_empty());
        group.cancel();
        gate.open();
        let error = group.wait().unwrap_err();
        assert!(
            matches!(error, TaskError::Failed("the reason")),
            "{error:?}"
        );
    });
}

#[test]
fn failures_stop_nobody_unless_the_group_fails_fast() {
    watched(|| {
        on_every_pool(|pool| {
            let ledger = Ledger::new(100);
            let group = pool.group::<(), ()>().fail_fast(false);
            for index in 0..100 {
                let entry = ledger.entry(index);
                group.spawn(move || {
                    entry.run();
                    if index % 2 == 0 {
                        return Err(());
                    }
                    panic!("so what");
                });
            }
            let mut group = group;
            while let Some((_, result)) = group.join_next() {
                assert!(!result.unwrap_err().is_cancelled());
            }
            ledger.assert_all_ran();
            assert!(!group.token().is_cancelled());
        });
    });
}

#[test]
fn tasks_have_the_level_of_the_group_unless_they_have_their_own() {
    watched(|| {
        let levels = |group: TaskGroup<Priority>| {
            group.spawn_with(|cx| Ok(cx.priority()));
            let high = group.task().priority(Priority::High);
            high.spawn_with(|cx| Ok(cx.priority()));
            group.wait().unwrap()
        };
        let pool = ThreadPool::builder().num_threads(1);
        let pool = Arc::new(pool.priority(Priority::Normal).build().unwrap());
        let low = pool.group().priority(Priority::Low);
        assert_eq!(levels(low), [Priority::Low, Priority::High]);
        assert_eq!(levels(pool.group()), [Priority::Normal, Priority::High]);
        // It is the spawning task's level that is inherited.
        let task = pool.spawn_with_priority(Priority::Low, move || levels(TaskGroup::new()));
        assert_eq!(task.join().unwrap(), [Priority::Low, Priority::High]);
    });
}

#[test]
fn a_group_waited_for_in_a_task_of_its_pool_is_on_that_pool() {
    watched(|| {
        on_every_pool(|pool| {
            let size = pool.current_num_threads();
            let sizes = on_a_worker(pool, || {
                let group = TaskGroup::<usize>::new();
                for _ in 0..100 {
                    group.spawn(|| Ok(windrow::current_num_threads()));
                }
                group.wait().unwrap()
            });
            assert_eq!(sizes, [size; 100]);
        });
    });
}

#[test]
fn groups_nest_on_every_pool() {
    fn nest(depth: u32) -> usize {
        if depth == 0 {
            return 1;
        }
        let mut group = TaskGroup::<usize>::default();
        for _ in 0..4 {
            group.spawn(move || Ok(nest(depth - 1)));
        }
        let mut sum = 0;
        while let Some((_, result)) = group.join_next() {
            sum += result.unwrap();
        }
        sum
    }
    watched(|| {
        on_every_pool(|pool| {
            assert_eq!(on_a_worker(pool, || nest(4)), 256);
            assert_eq!(pool.install(|| nest(4)), 256);
            assert_eq!(pool.scope(|_| nest(4)), 256);
        });
    });
}

#[test]
fn a_task_waits_for_a_group_that_was_filled_elsewhere() {
    watched(|| {
        for size in [1, 2, 8] {
            let pool = Arc::new(pool_without_spares(size));
            // Filled from outside, and by another task; strangers of theirs are all around.
            pool.pause();
            let outside = pool.group::<usize, ()>();
            let strangers: Vec<_> = (0..200).map(|_| pool.spawn(|| ())).collect();
            for index in 0..200 {
                outside.spawn(move || Ok(index));
            }
            pool.resume();
            let inside = pool.clone();
            let filled = on_a_worker(&pool, move || {
                let group = inside.group::<usize, ()>();
                for index in 0..200 {
                    group.spawn(move || Ok(index));
                }
                for _ in 0..200 {
                    drop(inside.spawn(|| ()));
                }
                group
            });
            let wait = move || (outside.wait().unwrap(), filled.wait().unwrap());
            let all: Vec<usize> = (0..200).collect();
            assert_eq!(on_a_worker(&pool, wait), (all.clone(), all));
            strangers
                .into_iter()
                .for_each(|stranger| stranger.join().unwrap());
        }
    });
}
