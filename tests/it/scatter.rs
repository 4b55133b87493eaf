//! Runs of scattered tasks: what each method of the gathering side does in normal use, and at the limits of its
//! arguments. The iterator form is in `scatter_each`, limiters, combiners and ends in modules of their names.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use windrow::{CombinerHandle, Limit, Limiter, RefusedReason, Run, Scatter, ThreadPool, combine};

use crate::support::{
    Census, Gate, Ledger, far_future, from_outside_and_inside, on_a_worker, on_every_pool, pool,
};
use crate::watchdog::watched;

#[test]
fn each_result_is_handled_once_and_on_the_callers_thread() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let (tasks, handlers) = (Ledger::new(2_000), Ledger::new(2_000));
            let caller = thread::current().id();
            let sum = pool.gather(0, |run| {
                for index in 0..2_000 {
                    let (task, handler) = (tasks.entry(index), handlers.entry(index));
                    let accepted = run.scatter(
                        move || {
                            task.run();
                            index
                        },
                        move |sum, _, n| {
                            assert_eq!((n, thread::current().id()), (index, caller));
                            handler.run();
                            *sum += n;
                        },
                    );
                    assert!(accepted);
                }
            });
            assert_eq!(sum, 1_999_000);
            tasks.assert_all_ran();
            handlers.assert_all_ran();
        });
    });
}

#[test]
fn handlers_scatter_to_any_depth() {
    fn grow(run: &Scatter<'_, u32>, depth: u32) {
        run.scatter(
            move || depth,
            |count, run, depth| {
                *count += 1;
                if depth > 0 {
                    grow(run, depth - 1);
                    grow(run, depth - 1);
                }
            },
        );
    }
    watched(|| {
        on_every_pool(|pool| {
            assert_eq!(pool.gather(0, |run| grow(run, 10)), 2_047);
            let inside = pool.install(|| windrow::gather(0, |run| grow(run, 10)));
            assert_eq!(inside, 2_047);
        });
    });
}

#[test]
fn a_chain_of_handlers_does_not_grow_the_stack() {
    fn next(run: &Scatter<'_, u32>, left: u32) {
        run.scatter(
            move || left,
            |count, run, left| {
                *count += 1;
                if left > 0 {
                    next(run, left - 1);
                }
            },
        );
    }
    watched(|| {
        on_every_pool(|pool| assert_eq!(pool.gather(0, |run| next(run, 20_000)), 20_001));
    });
}

#[test]
fn the_free_function_uses_the_pool_that_the_thread_is_in() {
    watched(|| {
        let pool = pool(2);
        let names = on_a_worker(&pool, || {
            windrow::gather(Vec::new(), |run| {
                for _ in 0..50 {
                    run.scatter(windrow::current_num_threads, |all, _, n| all.push(n));
                }
            })
        });
        assert_eq!(names, [2; 50]);
    });
}

#[test]
fn tasks_borrow_from_outside_and_handlers_what_cannot_be_sent() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let text = String::from("rows of raked hay");
            let (log, count, mut longest) = (Rc::new(RefCell::new(Vec::new())), Cell::new(0), "");
            let letters = pool.gather(Rc::new(Cell::new(0)), |run| {
                for word in text.split(' ') {
                    let log = Rc::clone(&log);
                    let count = &count;
                    run.scatter(
                        move || word,
                        move |letters: &mut Rc<Cell<usize>>, _, word| {
                            letters.set(letters.get() + word.len());
                            log.borrow_mut().push(word);
                            count.set(count.get() + 1);
                        },
                    );
                }
                run.gather_all().unwrap();
                run.scatter(|| text.as_str(), |_, _, all| longest = all);
            });
            assert_eq!((letters.get(), count.get(), longest), (14, 4, &*text));
            let mut words = Rc::into_inner(log).unwrap().into_inner();
            words.sort_unstable();
            assert_eq!(words, ["hay", "of", "raked", "rows"]);
        });
    });
}

#[test]
fn gathering_by_ones_says_when_nothing_is_there_and_when_nothing_is_left() {
    watched(|| {
        on_every_pool(|pool| {
            let gate = Gate::default();
            let (started, start) = channel();
            let result = pool.gather(Vec::new(), |run| {
                assert!(!run.gather_one()?, "nothing has been scattered");
                let inside = gate.clone();
                run.scatter(
                    move || {
                        started.send(()).unwrap();
                        inside.pass();
                        7
                    },
                    |all, _, n| all.push(n),
                );
                start.recv().unwrap();
                let now = Instant::now();
                assert!(!run.try_gather_one()? && !run.gather_one_deadline(now)?);
                run.try_gather_all()?;
                assert!(!run.gather_all_deadline(now)?);
                assert_eq!((run.outstanding(), run.state().len()), (1, 0));
                gate.open();
                assert!(run.gather_one_deadline(far_future())?);
                assert_eq!(*run.state(), [7]);
                assert!(!run.gather_one()? && !run.try_gather_one()?);
                assert!(run.gather_all_deadline(now)?, "nothing is left");
                assert_eq!(run.outstanding(), 0);
                run.state().push(8);
                Ok::<(), Infallible>(())
            });
            assert_eq!(result.unwrap(), [7, 8]);
        });
    });
}

#[test]
fn errors_of_handlers_come_out_one_by_one_and_the_rest_is_handled() {
    watched(|| {
        on_every_pool(|pool| {
            let mut errors = Vec::new();
            let result = pool.gather(0, |run| {
                for n in 0..100 {
                    run.scatter(
                        move || n,
                        |sum, _, n| {
                            *sum += n;
                            if n % 10 == 3 { Err(n) } else { Ok(()) }
                        },
                    );
                }
                while let Err(error) = run.gather_all() {
                    errors.push(error);
                }
                run.finish()
            });
            errors.sort_unstable();
            assert_eq!(result, Ok(4_950));
            assert!(errors.into_iter().eq((0..10).map(|n| 10 * n + 3)));
        });
    });
}

#[test]
fn an_error_that_nobody_asked_for_ends_the_run() {
    watched(|| {
        on_every_pool(|pool| {
            let census = Census::default();
            let result: Result<(), &str> = pool.gather((), |run| {
                run.scatter(|| (), |(), _, ()| Err("handler"));
                for _ in 0..100 {
                    let guard = census.enter();
                    run.scatter(|| guard, |(), _, _| Ok(()));
                }
                Ok(())
            });
            assert_eq!((result, census.live()), (Err("handler"), 0));
        });
    });
}

#[test]
fn what_is_outstanding_stays_within_the_bound() {
    watched(|| {
        on_every_pool(|pool| {
            for (bound, real) in [
                (Some(0), 1),
                (Some(1), 1),
                (Some(7), 7),
                (Some(usize::MAX), 3_000),
                (None, 1_024),
            ] {
                let census = Census::default();
                let gathered = pool.gather(0, |run| {
                    if let Some(bound) = bound {
                        run.max_outstanding(bound);
                    }
                    for _ in 0..3_000 {
                        let census = census.clone();
                        run.scatter(move || census.enter(), |n, _, _| *n += 1);
                        assert!(run.outstanding() <= real);
                    }
                });
                assert_eq!(gathered, 3_000);
                assert!(census.peak() <= real, "{} with {bound:?}", census.peak());
            }
        });
    });
}

#[test]
fn what_does_not_fit_in_time_comes_back() {
    watched(|| {
        on_every_pool(|pool| {
            let gate = Gate::default();
            let (started, start) = channel();
            let n = pool.gather(0, |run| {
                run.max_outstanding(0);
                let inside = gate.clone();
                run.scatter(
                    move || {
                        started.send(()).unwrap();
                        inside.pass();
                    },
                    |n, _, ()| *n += 1,
                );
                start.recv().unwrap();
                let now = Instant::now();
                for at in [None, Some(now), now.checked_sub(Duration::from_secs(1))] {
                    let task = || String::from("back");
                    let handler = |n: &mut u32, _: &Scatter<'_, u32>, _| *n += 10;
                    let refused = match at {
                        None => run.try_scatter(task, handler),
                        Some(at) => run.scatter_deadline(at, task, handler),
                    }
                    .unwrap_err();
                    assert!(matches!(
                        refused.reason,
                        RefusedReason::Full { capacity: 1 }
                    ));
                    let (task, handler) = refused.task;
                    assert_eq!(task(), "back");
                    handler(&mut 0, run, String::new());
                }
                gate.open();
                let fits = run.scatter_deadline(far_future(), || (), |n, _, ()| *n += 100);
                assert!(fits.is_ok());
            });
            assert_eq!(n, 101);
        });
    });
}

#[test]
fn a_scatter_handles_at_most_two_results_if_there_is_room() {
    watched(|| {
        on_every_pool(|pool| {
            let (done, wait) = channel();
            pool.gather(0, |run| {
                for _ in 0..10 {
                    let done = done.clone();
                    // Handles nothing before.
                    (**run).scatter(move || done.send(()).unwrap(), |n, _, ()| *n += 1);
                }
                (0..10).for_each(|_| wait.recv().unwrap());
                for scattered in 1..=3 {
                    run.scatter(|| (), |_, _, ()| ());
                    assert!(*run.state() <= 2 * scattered);
                }
            });
        });
    });
}

#[test]
fn the_figures_add_up_at_every_stage() {
    watched(|| {
        on_every_pool(|pool| {
            let mut handle = None;
            pool.gather((), |run| {
                handle = Some(run.handle());
                for _ in 0..5 {
                    run.scatter(|| (), |(), _, ()| ());
                }
                run.gather_all().unwrap();
                let stats = run.stats();
                assert_eq!((stats.scattered, stats.gathered), (5, 5));
                let stalled = Gate::default();
                let inside = stalled.clone();
                run.scatter(move || inside.pass(), |(), _, ()| ());
                assert_eq!((run.stats().scattered, run.outstanding()), (6, 1));
                assert!(!run.is_cancelled() && !run.handle().is_closed());
                run.cancel();
                stalled.open();
                assert!(run.is_cancelled());
            });
            let handle = handle.unwrap();
            let stats = handle.stats();
            assert_eq!((stats.scattered, stats.gathered), (6, 5));
            assert_eq!((stats.panicked, stats.forfeited), (0, 1));
            assert!(handle.is_closed() && handle.is_cancelled());
        });
    });
}

#[test]
fn a_run_in_which_nothing_happens_returns_its_state() {
    from_outside_and_inside(|pool| {
        assert_eq!(pool.gather("state", |_| ()), "state");
        let result: Result<_, ()> = pool.gather("state", |_| Ok(()));
        assert_eq!(result, Ok("state"));
        let result: Result<&str, _> = pool.gather("state", |_| Err("body"));
        assert_eq!(result, Err("body"));
    });
}

#[test]
fn what_is_public_can_be_printed() {
    fn shows(what: &impl std::fmt::Debug, name: &str) {
        let text = format!("{what:?}");
        assert!(text.contains(name), "{text}");
    }
    fn show_run(pool: &ThreadPool, run: &mut Run<'_, '_, ()>, sums: &CombinerHandle<'_, u32>) {
        let limiter = Limiter::new(Limit::Paused);
        shows(run, "Scatter { outstanding: 0");
        shows(&**run, "Scatter");
        shows(&run.via(&limiter), "Via");
        shows(&(**run).via(&limiter), "Via");
        shows(&limiter, "limit: Paused");
        shows(&run.handle(), "cancelled: false");
        shows(&run.stats(), "forfeited: 0");
        shows(sums, "CombinerHandle");
        shows(&sums.stats(), "combined: 0");
        pool.gather_each(|results| {
            results.scatter(|| 1);
            shows(results, "outstanding: 1");
        });
    }
    watched(|| {
        on_every_pool(|pool| {
            pool.gather((), |run| {
                let sums = run.combiner(combine::fold(|| 0, |a, b: u32| *a += b), |(), _, _| ());
                show_run(pool, run, &sums);
            });
            shows(&combine::fold(|| 0, |a, b: u32| *a += b)(), "Fold");
            shows(&combine::count::<u32>()(), "Count");
            shows(&combine::group_by(|n: &u32| *n)(), "GroupBy");
            shows(&combine::batch::<u32>(1)(), "Batch");
        });
    });
}

#[test]
fn closures_of_any_size_are_scattered() {
    /// Gathered, and by way of a combiner.
    fn sum<const N: usize>(pool: &ThreadPool) -> u64 {
        let task = |number: u64| {
            let captured = [number; N];
            move || captured.iter().sum::<u64>()
        };
        let (gathered, combined) = pool.gather((0, 0), |run| {
            let sums = combine::fold(|| 0, |sum, n: u64| *sum += n);
            let sums = run.combiner(sums, |(_, total), _, sum| *total += sum);
            for number in 0..500 {
                run.scatter(task(number), |(total, _), _, n| *total += n);
                run.scatter_into(task(number), &sums);
            }
        });
        assert_eq!(gathered, combined);
        gathered
    }
    watched(|| {
        from_outside_and_inside(|pool| {
            let all = (0..500).sum::<u64>();
            assert_eq!(sum::<1>(pool), all);
            assert_eq!(sum::<3>(pool), 3 * all);
            assert_eq!(sum::<7>(pool), 7 * all);
            assert_eq!(sum::<30>(pool), 30 * all);
            assert_eq!(sum::<100>(pool), 100 * all);
            assert_eq!(sum::<1_000>(pool), 1_000 * all);
        });
    });
}
