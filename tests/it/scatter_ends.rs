//! How runs end: closed, finished, by an error, by unwinding, on a pool that is shut down; what they take until then.
//! Cancelling is in `scatter_cancelled`.

use std::mem;
use std::sync::mpsc::channel;

use windrow::{Limiter, RefusedReason, Scatter, combine};

use crate::support::{
    Census, Gate, on_a_worker, on_every_pool, panic_of, pool, pool_without_spares, text,
    yield_until,
};
use crate::watchdog::watched;

/// Nothing gets into this run any more: not from its body, and if `all` not from handlers either.
fn assert_refuses(run: &mut windrow::Run<'_, '_, u32>, all: bool) {
    let count = |n: &mut u32, _: &Scatter<'_, u32>, seven: u32| *n += seven;
    assert!(!run.scatter(|| 7, count));
    let refused = run.try_scatter(|| 7, count).unwrap_err();
    assert!(matches!(refused.reason, RefusedReason::Closed));
    assert_eq!((refused.task.0)(), 7);
    let sums = run.combiner(combine::count::<u32>(), |_, _, _| ());
    assert!(!run.scatter_into(|| 7, &sums));
    if all {
        assert!(!(**run).scatter(|| 7, count));
        let refused = (**run).try_scatter(|| 7, count).unwrap_err();
        assert!(matches!(refused.reason, RefusedReason::Closed));
        assert_eq!((refused.task.0)(), 7);
        assert!(!(**run).scatter_into(|| 7, &sums));
    }
}

#[test]
fn a_closed_run_refuses_its_body_and_takes_what_handlers_scatter() {
    watched(|| {
        on_every_pool(|pool| {
            for by_handle in [false, true] {
                let n = pool.gather(0, |run| {
                    run.scatter(
                        || (),
                        |n, run, ()| {
                            *n += 1;
                            assert!(run.scatter(|| (), |n, _, ()| *n += 10));
                        },
                    );
                    if by_handle {
                        run.handle().close();
                    } else {
                        run.close();
                    }
                    assert_refuses(run, false);
                    assert!(!run.is_cancelled());
                });
                assert_eq!(n, 11);
            }
        });
    });
}

#[test]
fn a_finished_run_refuses_everybody() {
    watched(|| {
        on_every_pool(|pool| {
            let n = pool.gather(0, |run| {
                run.scatter(|| (), |n, _, ()| *n += 1);
                run.finish().unwrap();
                assert_eq!(*run.state(), 1);
                assert_refuses(run, true);
                assert!(!run.is_cancelled());
                run.finish().unwrap();
            });
            assert_eq!(n, 1);
        });
    });
}

#[test]
fn a_cancelled_run_refuses_everybody() {
    watched(|| {
        on_every_pool(|pool| {
            for how in 0..4 {
                let n = pool.gather(0, |run| {
                    match how {
                        0 => run.cancel(),
                        1 => run.handle().cancel(),
                        2 => run.token().cancel(),
                        _ => run.token().clone().cancel(),
                    }
                    assert!(run.is_cancelled() && run.token().is_cancelled());
                    assert_refuses(run, true);
                });
                assert_eq!(n, 0);
            }
        });
    });
}

#[test]
fn a_body_that_fails_or_unwinds_waits_for_what_runs_and_drops_the_rest() {
    watched(|| {
        on_every_pool(|pool| {
            for unwind in [false, true] {
                let census = Census::default();
                let (gate, (started, start)) = (Gate::default(), channel());
                let borrowed = vec![1; 100];
                let body = || {
                    pool.gather(census.enter(), |run| {
                        let (inside, guard) = (gate.clone(), census.enter());
                        let borrowed = &borrowed;
                        let started = started.clone();
                        run.scatter(
                            move || {
                                started.send(()).unwrap();
                                inside.pass();
                                assert_eq!(borrowed.iter().sum::<i32>(), 100);
                                guard
                            },
                            |_, _, _| Ok(()),
                        );
                        start.recv().unwrap();
                        for _ in 0..100 {
                            let guards = (census.enter(), census.enter());
                            run.scatter(
                                || guards.0,
                                move |_, _, _| {
                                    drop(guards.1);
                                    Ok(())
                                },
                            );
                        }
                        gate.open();
                        assert!(!unwind, "body");
                        Err("body")
                    })
                };
                if unwind {
                    assert_eq!(text(&*panic_of(body)), "body");
                } else {
                    assert_eq!(body().map(drop), Err("body"));
                }
                assert_eq!(census.live(), 0);
            }
        });
    });
}

#[test]
fn what_is_forgotten_holds_nothing_up() {
    watched(|| {
        on_every_pool(|pool| {
            let limiter = Limiter::new(1);
            let n = pool.gather(0, |run| {
                mem::forget(run.handle());
                mem::forget(run.token().clone());
                let sums = run.combiner(combine::batch(9), |n, _, some: Vec<u8>| *n += some.len());
                mem::forget(sums.clone());
                run.scatter_into(|| 1, &sums);
                mem::forget(sums);
                run.via(&limiter)
                    .scatter(|| mem::forget(Box::new(1)), |n, _, ()| *n += 10);
            });
            assert_eq!((n, limiter.in_use()), (11, 0));
        });
    });
}

#[test]
fn a_run_works_on_a_pool_that_is_shut_down_and_for_a_lone_worker() {
    fn run_it() -> u32 {
        windrow::gather(0, |run| {
            run.max_outstanding(3);
            let limiter = Limiter::new(1);
            for n in 0..100 {
                run.scatter(move || n, |sum, _, n| *sum += n);
                let via = (**run).via(&limiter);
                via.scatter(move || n, |sum, _, n| *sum += n);
            }
        })
    }
    watched(|| {
        let lone = pool_without_spares(1);
        assert_eq!(on_a_worker(&lone, run_it), 9_900);
        for size in [1, 2] {
            let pool = pool(size);
            pool.shutdown();
            let sum = pool.gather(0, |run| {
                for n in 0..100 {
                    run.scatter(move || n, |sum, _, n| *sum += n);
                }
            });
            assert_eq!(sum, 4_950);
        }
    });
}

#[test]
fn a_bound_that_is_raised_while_tasks_run_lets_more_in() {
    watched(|| {
        let pool = pool(2);
        let gate = Gate::default();
        let n = pool.gather(0, |run| {
            run.max_outstanding(1);
            let inside = gate.clone();
            run.scatter(move || inside.pass(), |n, _, ()| *n += 1);
            assert!(run.try_scatter(|| (), |n, _, ()| *n += 10).is_err());
            run.max_outstanding(2);
            assert!(run.try_scatter(|| (), |n, _, ()| *n += 10).is_ok());
            // The second can be handled although the first still runs.
            yield_until(|| run.try_gather_one().unwrap());
            assert_eq!(*run.state(), 10);
            gate.open();
        });
        assert_eq!(n, 11);
    });
}
