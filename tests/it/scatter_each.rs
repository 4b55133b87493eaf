//! The iterator form of a run.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use windrow::{Limit, Limiter, RefusedReason, Results};

use crate::support::{
    Bomb, Census, Gate, Loud, blow_up, far_future, from_outside_and_inside, on_every_pool,
    panic_of, pool, text, yield_until,
};
use crate::watchdog::watched;

#[test]
fn next_gives_each_result_once_and_goes_on_if_more_is_scattered() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let rounds = pool.gather_each(|results| {
                let mut rounds = Vec::new();
                assert_eq!(results.next(), None);
                for round in 1..=3_u32 {
                    for n in 0..500 {
                        assert!(results.scatter(move || round * n));
                    }
                    rounds.push(results.by_ref().sum::<u32>());
                    assert_eq!((results.next(), results.outstanding()), (None, 0));
                }
                rounds
            });
            assert_eq!(rounds, [124_750, 249_500, 374_250]);
        });
    });
}

#[test]
fn try_next_and_next_deadline_do_not_wait_for_what_runs() {
    watched(|| {
        on_every_pool(|pool| {
            let gate = Gate::default();
            let (started, start) = channel();
            pool.gather_each(|results| {
                let inside = gate.clone();
                results.scatter(move || {
                    started.send(()).unwrap();
                    inside.pass();
                    5
                });
                start.recv().unwrap();
                assert_eq!(results.try_next(), None);
                let now = Instant::now();
                assert_eq!(results.next_deadline(now), None);
                let past = now.checked_sub(Duration::from_secs(1)).unwrap_or(now);
                assert_eq!(results.next_deadline(past), None);
                gate.open();
                assert_eq!(results.next_deadline(far_future()), Some(5));
                assert_eq!(results.next_deadline(far_future()), None, "nothing is left");
            });
        });
    });
}

#[test]
fn try_next_gives_what_is_there() {
    watched(|| {
        let pool = pool(2);
        let found = pool.gather_each(|results| {
            for n in 0..10 {
                results.scatter(move || n);
            }
            let mut found = Vec::new();
            yield_until(|| {
                found.extend(results.try_next());
                found.len() == 10
            });
            found
        });
        assert_eq!(found.into_iter().sum::<u32>(), 45);
    });
}

#[test]
fn an_early_return_cancels_and_drops_what_was_not_taken() {
    watched(|| {
        on_every_pool(|pool| {
            let census = Census::default();
            let mut handle = None;
            let first = pool.gather_each(|results| {
                handle = Some(results.handle());
                for n in 0..500 {
                    let guard = census.enter();
                    results.scatter(move || (n, guard));
                }
                results.next().unwrap().0
            });
            assert!(first < 500);
            assert_eq!(census.live(), 0);
            let handle = handle.unwrap();
            assert!(handle.is_cancelled());
            let stats = handle.stats();
            assert_eq!(stats.scattered, 500);
            assert_eq!(stats.gathered + stats.forfeited, 500);
        });
    });
}

#[test]
fn scatter_via_waits_for_a_slot() {
    watched(|| {
        on_every_pool(|pool| {
            let (limiter, census) = (Limiter::new(2), Census::default());
            let total = pool.gather_each(|results| {
                for n in 0..200 {
                    let census = census.clone();
                    assert!(results.scatter_via(&limiter, move || {
                        let _guard = census.enter();
                        n
                    }));
                }
                results.sum::<u32>()
            });
            assert_eq!(total, 19_900);
            assert!(census.peak() <= 2, "{}", census.peak());
            assert_eq!((limiter.in_use(), limiter.waiting()), (0, 0));
            limiter.close();
            assert!(!pool.gather_each(|results| results.scatter_via(&limiter, || ())));
        });
    });
}

#[test]
fn try_scatter_gives_the_task_back() {
    watched(|| {
        on_every_pool(|pool| {
            let gate = Gate::default();
            pool.gather_each(|results| {
                results.max_outstanding(1);
                let inside = gate.clone();
                results.scatter(move || {
                    inside.pass();
                    1
                });
                let refused = results.try_scatter(|| 2).unwrap_err();
                assert!(matches!(
                    refused.reason,
                    RefusedReason::Full { capacity: 1 }
                ));
                assert_eq!((refused.task)(), 2);
                gate.open();
                assert_eq!(results.next(), Some(1));
                assert!(results.try_scatter(|| 3).is_ok());
                results.close();
                let refused = results.try_scatter(|| 4).unwrap_err();
                assert!(matches!(refused.reason, RefusedReason::Closed));
                assert!(!results.scatter(|| 5));
                assert_eq!((results.next(), results.next()), (Some(3), None));
            });
        });
    });
}

#[test]
fn results_that_are_kept_are_not_outstanding_any_more() {
    watched(|| {
        on_every_pool(|pool| {
            let all = pool.gather_each(|results| {
                results.max_outstanding(1);
                for n in 0..100 {
                    assert!(results.scatter(move || n));
                    assert!(results.outstanding() <= 1);
                }
                results.collect::<Vec<u32>>()
            });
            // One at a time, so in their order.
            assert!(all.into_iter().eq(0..100));
        });
    });
}

#[test]
fn the_free_function_works_in_a_pool_and_outside() {
    watched(|| {
        let sum = || {
            windrow::gather_each(|results| {
                for n in 0..100_u32 {
                    results.scatter(move || n);
                }
                results.sum::<u32>()
            })
        };
        assert_eq!((sum(), pool(2).install(sum)), (4_950, 4_950));
    });
}

#[test]
fn a_panic_of_a_task_resumes_after_the_body_has_taken_the_rest() {
    watched(|| {
        on_every_pool(|pool| {
            let mut taken = 0;
            let payload = panic_of(|| {
                pool.gather_each(|results| {
                    for n in 0..50 {
                        results.scatter(move || assert!(n != 20, "twenty"));
                    }
                    taken = results.count();
                })
            });
            assert_eq!((text(&*payload), taken), ("twenty", 49));
            assert_eq!(pool.spawn(|| 1).join().unwrap(), 1);
        });
    });
}

#[test]
fn a_result_that_is_left_over_may_panic_in_its_drop() {
    watched(|| {
        on_every_pool(|pool| {
            let payload = panic_of(|| {
                pool.gather_each(|results| {
                    results.scatter(|| Bomb("left over"));
                    std::mem::forget(results.next());
                    results.scatter(|| Bomb("left over"));
                    results.max_outstanding(1);
                    assert!(results.scatter(|| Bomb("left over")));
                })
            });
            assert_eq!(text(&*payload), "left over");
            let several = |end: fn() -> Loud| {
                let payload = panic_of(|| {
                    pool.gather_each(|results| {
                        results.max_outstanding(1);
                        for _ in 0..5 {
                            // Waits for room, and keeps what has come meanwhile.
                            assert!(results.scatter(|| Loud));
                        }
                        end()
                    })
                });
                text(&*payload).to_owned()
            };
            assert_eq!(several(|| Loud), "loud");
            assert_eq!(several(|| panic!("body")), "body");
        });
    });
}

#[test]
fn a_paused_limiter_holds_the_body_until_another_thread_raises_it() {
    watched(|| {
        let pool = pool(2);
        let limiter = Limiter::new(Limit::Paused);
        let (ready, go) = channel();
        std::thread::scope(|s| {
            let raised = limiter.clone();
            s.spawn(move || {
                go.recv().unwrap();
                raised.set_limit(1);
            });
            let results = pool.gather_each(|results| {
                ready.send(()).unwrap();
                for n in 0..3 {
                    assert!(results.scatter_via(&limiter, move || n));
                }
                results.collect::<Vec<_>>()
            });
            assert_eq!(results, [0, 1, 2]);
        });
    });
}

#[test]
fn a_tasks_panic_goes_on_although_what_the_body_returns_panics_as_it_is_dropped() {
    fn body(run: &mut Results<'_, '_, '_, ()>) -> Loud {
        run.scatter(|| blow_up("first"));
        assert_eq!(run.next(), None);
        Loud
    }

    watched(|| {
        from_outside_and_inside(|pool| {
            let on_it = panic_of(|| pool.gather_each(body));
            let in_it = panic_of(|| pool.install(|| drop(windrow::gather_each(body))));
            assert_eq!([text(&*on_it), text(&*in_it)], ["first"; 2]);
        });
    });
}
