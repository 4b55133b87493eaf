//! Groups that are cancelled: before, while and after their tasks run, from inside and from outside.

use std::sync::mpsc::channel;
use std::thread;

use windrow::{CancelToken, TaskGroup};

use crate::support::{Entry, Gate, Ledger, on_a_worker, on_every_pool, pool, yield_until};
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
fn what_is_spawned_in_a_cancelled_group_never_runs() {
    watched(|| {
        on_every_pool(|pool| {
            for limit in [0, 1, 5] {
                let (closures, results) = (Ledger::new(50), Ledger::new(50));
                let group = pool.group().max_concurrent(limit);
                group.cancel();
                fill(&group, &closures, &results, 50);
                assert!(group.token().is_cancelled());
                let all = group.wait_all();
                assert_eq!(all.len(), 50);
                assert!(
                    all.iter()
                        .all(|r| r.as_ref().is_err_and(|e| e.is_cancelled()))
                );
                assert_none_ran(&closures, 50);
                assert_none_ran(&results, 50);
            }
        });
    });
}

#[test]
fn cancelling_drops_what_is_queued_and_tells_what_runs() {
    watched(|| {
        for size in [1, 2, 8] {
            for limit in [0, 1, size] {
                let pool = pool(size);
                let running = if limit == 0 { size } else { limit };
                let group = pool.group::<bool, ()>().max_concurrent(limit);
                let (started, starts) = channel();
                let (ledger, gate) = (Ledger::new(100), Gate::default());
                for _ in 0..running {
                    let (started, gate) = (started.clone(), gate.clone());
                    group.spawn_with(move |cx| {
                        started.send(()).unwrap();
                        yield_until(|| cx.check().is_err());
                        // Until the others have been cancelled as well.
                        gate.pass();
                        Ok(cx.is_cancelled() && cx.token().is_cancelled())
                    });
                }
                (0..running).for_each(|_| starts.recv().unwrap());
                for index in 0..100 {
                    let entry = ledger.entry(index);
                    group.spawn(move || {
                        entry.run();
                        Ok(false)
                    });
                }
                if limit == 0 || limit == size {
                    group.cancel();
                } else {
                    // From elsewhere, and more than once.
                    let token = group.token().clone();
                    thread::spawn(move || (token.cancel(), token.cancel()))
                        .join()
                        .unwrap();
                }
                gate.open();
                let (told, cancelled): (Vec<_>, Vec<_>) =
                    group.wait_all().into_iter().partition(Result::is_ok);
                assert!(told.into_iter().all(Result::unwrap), "the running ones");
                assert_eq!(cancelled.len(), 100);
                assert!(cancelled.into_iter().all(|r| r.unwrap_err().is_cancelled()));
                assert_none_ran(&ledger, 100);
            }
        }
    });
}

#[test]
fn cancelling_a_group_whose_tasks_have_ended_changes_nothing() {
    watched(|| {
        on_every_pool(|pool| {
            let group = pool.group::<usize, ()>();
            (0..10).for_each(|index| group.spawn(move || Ok(index)));
            yield_until(|| pool.stats().completed >= 10);
            pool.wait_idle();
            group.cancel();
            assert_eq!(group.wait().unwrap(), (0..10).collect::<Vec<_>>());
        });
    });
}

#[test]
fn a_token_from_outside_cancels_the_group_and_never_the_other_way_round() {
    watched(|| {
        let pool = pool(1);
        pool.pause();
        let token = CancelToken::new();
        let ledger = Ledger::new(2);
        let fill = |group: &TaskGroup<()>, index| {
            let entry = ledger.entry(index);
            group.spawn(move || {
                entry.run();
                Ok(())
            });
        };
        let (inner, outer) = (
            pool.group().cancel_token(&token),
            pool.group().cancel_token(&token),
        );
        fill(&inner, 0);
        fill(&outer, 1);
        inner.cancel();
        assert!(!token.is_cancelled() && !outer.token().is_cancelled());
        token.cancel();
        assert!(outer.token().is_cancelled());
        pool.resume();
        for group in [inner, outer] {
            assert!(group.wait().unwrap_err().is_cancelled());
        }
        assert_none_ran(&ledger, 2);
    });
}

#[test]
fn a_group_is_waited_for_in_a_task_while_another_one_cancels_it() {
    watched(|| {
        on_every_pool(|pool| {
            for _ in 0..20 {
                let (closures, results) = (Ledger::new(100), Ledger::new(100));
                let group = pool.group();
                fill(&group, &closures, &results, 100);
                let token = group.token().clone();
                let cancelling = pool.spawn(move || token.cancel());
                let all = on_a_worker(pool, move || group.wait_all());
                for (index, result) in all.into_iter().enumerate() {
                    assert_eq!(closures.ran(index), usize::from(result.is_ok()));
                    assert_eq!(closures.dropped(index), 1);
                    drop(result);
                    assert_eq!(results.dropped(index), 1);
                }
                cancelling.join().unwrap();
            }
        });
    });
}
