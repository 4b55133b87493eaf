//! `any`, `race` and `join_all`: the first success wins, the others are cancelled, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use windrow::{JoinHandle, TaskContext, TaskError, ThreadPool, join_all};

use crate::support::{
    Entry, Gate, Ledger, from_outside_and_inside, on_a_worker, on_every_pool, panic_of, pool,
    pool_that_reports, text, yield_until,
};
use crate::watchdog::watched;

type Contender<T, E> = Box<dyn FnOnce(&TaskContext<'_>) -> Result<T, E> + Send>;

/// One that succeeds after the others have all started, and one that runs until it is told to stop.
fn loser(started: Sender<()>, told: Sender<bool>) -> Contender<&'static str, &'static str> {
    Box::new(move |cx| {
        started.send(()).unwrap();
        yield_until(|| cx.is_cancelled());
        told.send(cx.check().is_err()).unwrap();
        Err("cancelled")
    })
}

fn winner(starts: Receiver<()>, losers: usize) -> Contender<&'static str, &'static str> {
    Box::new(move |_| {
        (0..losers).for_each(|_| starts.recv().unwrap());
        Ok("the winner")
    })
}

#[test]
fn the_first_success_wins_and_those_that_run_are_told_and_waited_for() {
    watched(|| {
        let pool = pool(4);
        let (started, starts) = channel();
        let (told, answers) = channel();
        let mut tasks: Vec<_> = (0..3)
            .map(|_| loser(started.clone(), told.clone()))
            .collect();
        tasks.insert(1, winner(starts, 3));
        assert_eq!(pool.any(tasks).unwrap(), "the winner");
        let answers: Vec<bool> = answers.try_iter().collect();
        assert_eq!(answers, [true; 3], "they have ended before `any` has");
    });
}

#[test]
fn what_contenders_own_and_return_is_dropped_once() {
    watched(|| {
        on_every_pool(|pool| {
            let (closures, results) = (Ledger::new(100), Ledger::new(100));
            let tasks = (0..100).map(|index| {
                let (closure, result) = (closures.entry(index), results.entry(index));
                move |_: &TaskContext<'_>| {
                    closure.run();
                    if index < 50 { Err(result) } else { Ok(result) }
                }
            });
            let won: Entry = pool.any(tasks).ok().unwrap();
            let kept: usize = (0..100).map(|index| results.dropped(index)).sum();
            assert_eq!(kept, 99, "the winner's");
            drop(won);
            for index in 0..100 {
                assert!(closures.ran(index) <= 1);
                assert_eq!((closures.dropped(index), results.dropped(index)), (1, 1));
            }
        });
    });
}

/// In order: time does not pass while the driver, whom the winner has woken, can go on.
#[test]
fn nobody_starts_after_the_winner_has_been_seen() {
    watched(|| {
        let pool = ThreadPool::builder().deterministic(3).build().unwrap();
        let pool = Arc::new(pool);
        let ledger = Ledger::new(20);
        let started = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<Contender<usize, ()>> = (0..20)
            .map(|index| {
                let (entry, inside) = (ledger.entry(index), pool.clone());
                let started = started.clone();
                let task: Contender<usize, ()> = Box::new(move |cx| {
                    entry.run();
                    if started.fetch_add(1, Ordering::SeqCst) == 0 {
                        return Ok(index);
                    }
                    inside.sleep(Duration::from_secs(1));
                    assert!(cx.is_cancelled());
                    Err(())
                });
                task
            })
            .collect();
        let won = pool.any(tasks).unwrap();
        assert_eq!(ledger.ran(won), 1);
        let started = started.load(Ordering::SeqCst);
        assert!(started < 5, "{started} have run");
        for index in 0..20 {
            assert_eq!(ledger.dropped(index), 1);
        }
    });
}

#[test]
fn all_errors_come_back_in_the_order_of_the_closures_if_none_succeeds() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let ledger = Ledger::new(100);
            let tasks = (0..100).map(|index| {
                let entry = ledger.entry(index);
                move |_: &TaskContext<'_>| -> Result<(), usize> {
                    entry.run();
                    assert!(index % 10 != 3, "bang {index}");
                    Err(index)
                }
            });
            let errors = pool.any(tasks).unwrap_err();
            assert_eq!(errors.len(), 100);
            for (index, error) in errors.into_iter().enumerate() {
                match error {
                    TaskError::Failed(error) => assert_eq!(error, index),
                    TaskError::Lost(lost) => {
                        let payload = lost.into_panic();
                        assert_eq!(text(&*payload), format!("bang {index}"));
                    }
                }
            }
            ledger.assert_all_ran();
        });
    });
}

#[test]
fn nobody_wins_where_nobody_runs() {
    watched(|| {
        from_outside_and_inside(|pool| {
            assert!(
                pool.any::<(), (), Contender<(), ()>>([])
                    .unwrap_err()
                    .is_empty()
            );
            let nobody: [fn(&TaskContext<'_>) -> u32; 0] = [];
            assert!(pool.race(nobody).unwrap_err().is_empty());
        });
    });
}

#[test]
fn a_race_is_won_by_who_returns_and_never_by_who_panics() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let tasks = (0..10).map(|index| {
                move |_: &TaskContext<'_>| {
                    assert_eq!(index, 7, "out");
                    index
                }
            });
            assert_eq!(pool.race(tasks).unwrap(), 7);
            let errors = pool.race([|_: &TaskContext<'_>| -> u32 { panic!("all out") }; 5]);
            let errors = errors.unwrap_err();
            assert!(errors.len() == 5 && errors.iter().all(TaskError::is_panic));
        });
    });
}

#[test]
fn the_panics_of_those_that_lose_are_reported() {
    watched(|| {
        let (pool, reports) = pool_that_reports(1);
        let tasks: [fn(&TaskContext<'_>) -> u32; 3] =
            [|_| panic!("out first"), |_| panic!("out next"), |_| 1];
        assert_eq!(pool.race(tasks).unwrap(), 1);
        drop(pool);
        let reported: Vec<String> = reports.try_iter().collect();
        assert_eq!(reported, ["out first", "out next"]);
    });
}

#[test]
fn a_race_runs_in_a_task_on_every_pool_and_in_a_race() {
    fn nested(pool: &Arc<ThreadPool>, depth: u32) -> u32 {
        if depth == 0 {
            return 1;
        }
        let tasks = (0..3).map(|_| {
            let pool = pool.clone();
            move |_: &TaskContext<'_>| nested(&pool, depth - 1)
        });
        pool.race(tasks).unwrap() + 1
    }
    watched(|| {
        for size in [1, 2, 8] {
            for spares in [0, 2] {
                let builder = ThreadPool::builder().num_threads(size);
                let pool = Arc::new(builder.spare_threads(spares).build().unwrap());
                let inside = pool.clone();
                let depth = on_a_worker(&pool, move || {
                    let depth = nested(&inside, 4);
                    drop(inside);
                    depth
                });
                assert_eq!(depth, 5);
                assert_eq!(pool.scope(|_| nested(&pool, 3)), 4);
            }
        }
    });
}

#[test]
fn contenders_that_a_pool_refuses_lose() {
    watched(|| {
        let pool = pool(1);
        pool.shutdown();
        let errors = pool.race([|_: &TaskContext<'_>| 1; 3]).unwrap_err();
        assert_eq!(errors.len(), 3);
        for error in errors {
            let TaskError::Lost(lost) = error;
            assert!(lost.is_refused());
        }
    });
}

#[test]
fn a_panic_of_the_iterator_goes_on_after_those_it_has_made_have_ended() {
    watched(|| {
        on_every_pool(|pool| {
            let ledger = Ledger::new(5);
            let tasks = (0..10).map(|index| {
                assert!(index < 5, "no more of them");
                let entry = ledger.entry(index);
                move |_: &TaskContext<'_>| {
                    entry.run();
                    Err::<(), ()>(())
                }
            });
            let payload = panic_of(|| pool.any(tasks));
            assert_eq!(text(&*payload), "no more of them");
            ledger.assert_all_ran();
        });
    });
}

#[test]
fn join_all_waits_for_all_and_keeps_their_order() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let handles = (0..500).map(|index| {
                pool.spawn(move || {
                    assert!(index % 5 != 4, "bang {index}");
                    index
                })
            });
            let results = join_all(handles);
            assert_eq!(results.len(), 500);
            for (index, result) in results.into_iter().enumerate() {
                match result {
                    Ok(value) => assert!(value == index && index % 5 != 4),
                    Err(error) => {
                        assert_eq!(text(&*error.into_panic()), format!("bang {index}"));
                    }
                }
            }
            assert!(join_all(Vec::<JoinHandle<()>>::new()).is_empty());
        });
    });
}

#[test]
fn join_all_joins_tasks_of_several_pools_from_a_task() {
    watched(|| {
        let (one, two) = (pool(1), pool(1));
        let gate = Gate::default();
        let passing = gate.clone();
        let cancelled = {
            let inside = gate.clone();
            let first = two.spawn(move || inside.pass());
            let second = two.spawn(|| ());
            assert!(second.cancel());
            [first, second]
        };
        let joined = one.spawn(move || {
            let opening = windrow::spawn(move || passing.open());
            join_all([opening].into_iter().chain(cancelled))
        });
        let results = joined.join().unwrap();
        assert!(results[0].is_ok() && results[1].is_ok());
        assert!(results[2].as_ref().unwrap_err().is_cancelled());
    });
}
