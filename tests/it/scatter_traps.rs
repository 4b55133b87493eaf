//! Runs in constellations in which a less careful design hangs, starves somebody or loses count.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use windrow::{Combiner, Emit, Limit, Limiter, Scatter, ThreadPool, combine};

use crate::support::{
    Census, Gate, from_outside_and_inside, on_a_worker, on_every_pool, pool, pool_without_spares,
    take, yield_until,
};
use crate::watchdog::watched;

#[test]
fn a_handler_scatters_into_the_full_limiter_that_its_task_came_from() {
    fn again<'env>(run: &Scatter<'env, u32>, limiter: &'env Limiter, left: u32) {
        run.via(limiter).scatter(
            || (),
            move |n, run, ()| {
                *n += 1;
                for _ in 0..left {
                    again(run, limiter, left - 1);
                }
            },
        );
    }
    watched(|| {
        on_every_pool(|pool| {
            let limiter = Limiter::new(1);
            // 1 + 5 + 5 * 4 + ... tasks, up to 5! on each of the last two levels.
            let n = pool.gather(0, |run| again(run, &limiter, 5));
            assert_eq!(n, 326);
            assert_eq!((limiter.in_use(), limiter.waiting()), (0, 0));
        });
    });
}

/// Combines only when a task that needs the slot has run.
struct Patient(Arc<AtomicBool>);

impl Combiner for Patient {
    type Input = u32;
    type Output = u32;

    fn combine(&mut self, input: u32, emit: &mut Emit<'_, u32>) {
        yield_until(|| self.0.load(Ordering::SeqCst));
        emit.emit(input);
    }

    fn flush(&mut self, _: &mut Emit<'_, u32>) {}
}

#[test]
fn a_combiner_shares_no_slot_with_tasks() {
    watched(|| {
        for by_body in [false, true] {
            let pool = pool(2);
            let (limiter, ran) = (Limiter::new(1), Arc::new(AtomicBool::new(false)));
            let sum = pool.gather(0, |run| {
                let proceed = Arc::clone(&ran);
                let patient = run.combiner(move || Patient(proceed.clone()), |sum, _, n| *sum += n);
                let (run_ran, go_on) =
                    (Arc::clone(&ran), move |sum: &mut u32, _: &_, ()| *sum += 1);
                if by_body {
                    run.via(&limiter).scatter_into(|| 10, &patient);
                } else {
                    (**run).via(&limiter).scatter_into(|| 10, &patient);
                }
                // The combiner waits for this task, and this task for the slot that the first has left.
                let task = move || run_ran.store(true, Ordering::SeqCst);
                (**run).via(&limiter).scatter(task, go_on);
                // Not by running the first task here, in which this thread would wait for itself.
                let never = crate::support::far_future();
                assert!(run.gather_all_deadline(never).unwrap());
            });
            assert_eq!((sum, limiter.in_use()), (11, 0));
        }
    });
}

#[test]
fn a_waiter_that_has_given_up_takes_nobodys_turn() {
    watched(|| {
        for round in 0..200 {
            let (pool, limiter) = (pool(2), Limiter::new(1));
            let (both, gate) = (Barrier::new(3), Gate::default());
            let (started, start) = channel();
            thread::scope(|s| {
                // Takes the slot.
                let inside = gate.clone();
                let (holder, pool, limiter, both) = (started, &pool, &limiter, &both);
                s.spawn(move || {
                    pool.gather((), |run| {
                        let task = move || {
                            holder.send(()).unwrap();
                            inside.pass();
                        };
                        run.via(limiter).scatter(task, |(), _, ()| ());
                    })
                });
                start.recv().unwrap();
                // Gives up about when the slot becomes free.
                s.spawn(move || {
                    pool.gather((), |run| {
                        both.wait();
                        let soon = Instant::now() + Duration::from_micros(round);
                        let via = run.via(limiter);
                        let _ = via.scatter_deadline(soon, || (), |(), _, ()| ());
                    })
                });
                s.spawn(move || {
                    let n = pool.gather(0, |run| {
                        both.wait();
                        assert!(run.via(limiter).scatter(|| (), |n, _, ()| *n += 1));
                    });
                    assert_eq!(n, 1);
                });
                both.wait();
                gate.open();
            });
            assert_eq!((limiter.in_use(), limiter.waiting()), (0, 0));
        }
    });
}

#[test]
fn all_that_wait_for_a_slot_are_woken_when_there_are_enough() {
    watched(|| {
        for _ in 0..20 {
            let (pool, limiter, both) = (pool(4), Limiter::new(0), Barrier::new(2));
            let (about_to, ready) = channel();
            thread::scope(|s| {
                for _ in 0..2 {
                    let (about_to, both) = (about_to.clone(), &both);
                    let (pool, limiter) = (&pool, &limiter);
                    s.spawn(move || {
                        pool.gather((), |run| {
                            about_to.send(()).unwrap();
                            // Neither ends without the other.
                            run.via(limiter).scatter(|| both.wait(), |(), _, _| ());
                        })
                    });
                }
                take(&ready, 2);
                (0..500).for_each(|_| thread::yield_now());
                limiter.set_limit(2);
            });
        }
    });
}

#[test]
fn a_limit_that_another_thread_raises_is_noticed_whenever_it_comes() {
    const ROUNDS: usize = 20_000;
    watched(|| {
        let (pool, limiter) = (pool(1), Limiter::new(Limit::Paused));
        let (asked, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|s| {
            s.spawn(|| {
                for round in 1..=ROUNDS {
                    while asked.load(Ordering::SeqCst) < round {
                        thread::yield_now();
                    }
                    // A little later every time.
                    (0..round % 64).for_each(|_| std::hint::spin_loop());
                    limiter.set_limit(1);
                    answered.store(round, Ordering::SeqCst);
                }
            });
            let n = pool.gather(0, |run| {
                for round in 1..=ROUNDS {
                    asked.store(round, Ordering::SeqCst);
                    assert!(run.via(&limiter).scatter(|| (), |n, _, ()| *n += 1));
                    run.gather_all().unwrap();
                    while answered.load(Ordering::SeqCst) < round {
                        thread::yield_now();
                    }
                    limiter.set_limit(Limit::Paused);
                }
            });
            assert_eq!(n, ROUNDS);
        });
    });
}

#[test]
fn a_fast_producer_with_a_slow_handler_stays_within_its_bound() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let census = Census::default();
            let n = pool.gather(0, |run| {
                run.max_outstanding(16);
                for _ in 0..2_000 {
                    let guard = census.enter();
                    run.scatter(
                        move || guard,
                        |n, _, _guard| {
                            // Others get on meanwhile.
                            (0..20).for_each(|_| thread::yield_now());
                            *n += 1;
                        },
                    );
                }
            });
            // And one that is about to be scattered.
            assert!(n == 2_000 && census.peak() <= 17, "{}", census.peak());
            assert_eq!(census.live(), 0);
        });
    });
}

#[test]
fn a_hundred_thousand_results_take_no_more_memory_than_the_bound() {
    watched(|| {
        for size in [1, 2, 8] {
            let (pool, census) = (pool(size), Census::default());
            let sum = pool.gather(0_u64, |run| {
                run.max_outstanding(64);
                for n in 0..100_000 {
                    let guards = (census.enter(), census.enter());
                    run.scatter(
                        move || (n, guards.0),
                        move |sum, _, (n, _guard)| {
                            let _handler = guards.1;
                            *sum += n;
                        },
                    );
                }
            });
            assert_eq!(sum, 4_999_950_000);
            assert!(census.peak() <= 2 * 65, "{}", census.peak());
            assert_eq!(census.live(), 0);
        }
    });
}

#[test]
fn runs_nest_in_tasks_and_handlers_of_the_same_pool() {
    fn nest(depth: u32) -> u32 {
        windrow::gather(0, |run| {
            for _ in 0..4 {
                let inner = move || if depth > 0 { nest(depth - 1) } else { 1 };
                run.scatter(inner, |sum, _, n| *sum += n);
            }
            let leaf = |sum: &mut u32, _: &Scatter<'_, u32>, ()| {
                *sum += windrow::gather(0, |run| {
                    run.scatter(|| 1, |n, _, one| *n += one);
                });
            };
            run.scatter(|| (), leaf);
        })
    }
    watched(|| {
        for size in [1, 2, 8] {
            let nested = pool_without_spares(size).install(|| nest(3));
            // a(0) = 5, a(n) = 4 a(n - 1) + 1.
            assert_eq!(nested, 4 * (4 * (4 * 5 + 1) + 1) + 1);
            assert_eq!(on_a_worker(&pool_without_spares(size), || nest(1)), 21);
        }
    });
}

#[test]
fn the_body_of_an_inner_run_scatters_into_the_outer_one() {
    watched(|| {
        on_every_pool(|pool| {
            let elsewhere = self::pool(1);
            for inner_pool in [pool, &elsewhere] {
                let limiter = Limiter::new(1);
                let total = pool.gather(0, |outer| {
                    outer.max_outstanding(3);
                    let sums = outer.combiner(combine::batch(3), |n, _, some: Vec<u32>| {
                        *n += some.into_iter().sum::<u32>();
                    });
                    let inner = inner_pool.gather(0, |inner| {
                        inner.max_outstanding(3);
                        for _ in 0..50 {
                            inner.scatter(|| 1, |n, _, one| *n += one);
                            outer.scatter(|| 1, |n, _, one| *n += one);
                            outer.via(&limiter).scatter(|| 1, |n, _, one| *n += one);
                            (**outer).via(&limiter).scatter(|| 1, |n, _, one| *n += one);
                            outer.scatter_into(|| 1, &sums);
                            inner.gather_one().unwrap();
                            outer.gather_one().unwrap();
                        }
                        outer.gather_all().unwrap();
                        assert_eq!(*outer.state(), 200);
                        let here = windrow::current_num_threads();
                        assert_eq!(here, inner_pool.current_num_threads());
                    });
                    assert_eq!(inner, 50);
                });
                assert_eq!(total, 200);
            }
        });
    });
}

#[test]
fn tasks_run_in_the_pool_of_their_run_wherever_they_were_scattered() {
    watched(|| {
        let (outer_pool, inner_pool) = (pool(3), pool(1));
        let sizes = outer_pool.gather(Vec::new(), |outer| {
            inner_pool.gather((), |_| {
                for _ in 0..50 {
                    outer.scatter(
                        windrow::current_num_threads,
                        |sizes: &mut Vec<_>, _, size| {
                            sizes.extend([size, windrow::current_num_threads()]);
                        },
                    );
                }
                outer.gather_all().unwrap();
            });
        });
        assert_eq!(sizes, [3; 100]);
    });
}

/// The thread is inside of both pools: neither can end, nor have room, as long as it waits for that.
#[test]
fn a_handler_does_not_wait_for_the_pool_that_its_body_is_in() {
    watched(|| {
        on_every_pool(|pool| {
            let builder = ThreadPool::builder().num_threads(1).queue_capacity(1);
            let other = &builder.build().unwrap();
            other.pause();
            let ran = pool.gather(0, |run| {
                for _ in 0..3 {
                    run.scatter(|| (), |_, _, ()| drop(other.spawn(|| ())));
                }
                run.scatter(
                    || (),
                    |n: &mut usize, _, ()| {
                        *n = other.stats().queued_total() as usize;
                        other.shutdown();
                    },
                );
                other.scope(|_| run.gather_all().unwrap());
            });
            assert!(ran <= 3);
            assert!(other.is_shut_down());
        });
    });
}

#[test]
fn tasks_held_by_a_limiter_run_on_a_pool_that_has_been_shut_down() {
    watched(|| {
        let (pool, limiter) = (pool(1), Limiter::new(Limit::Paused));
        pool.shutdown();
        let raised = limiter.clone();
        let n = thread::scope(|s| {
            s.spawn(move || {
                yield_until(|| raised.waiting() == 3);
                raised.set_limit(1);
            });
            pool.gather(0, |run| {
                for _ in 0..3 {
                    (**run).via(&limiter).scatter(|| (), |n, _, ()| *n += 1);
                }
            })
        });
        assert_eq!(n, 3);
    });
}

#[test]
fn a_state_that_cannot_be_sent_goes_in_and_out() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let state = Rc::new(RefCell::new(Vec::new()));
            let seen = pool.gather(Rc::clone(&state), |run| {
                for n in 0..10 {
                    let state = Rc::clone(&state);
                    run.scatter(
                        move || n,
                        move |own, _, n| {
                            assert!(Rc::ptr_eq(own, &state));
                            own.borrow_mut().push(n);
                        },
                    );
                }
            });
            assert_eq!((Rc::strong_count(&seen), seen.borrow().len()), (2, 10));
        });
    });
}

#[test]
fn pausing_the_pool_and_shutting_it_down_now_loses_nothing_of_a_run() {
    watched(|| {
        let pool = pool(2);
        pool.pause();
        let (mut ended, mut unstarted) = (None, 0);
        let n = pool.gather(0_u64, |run| {
            for _ in 0..50 {
                run.scatter(|| (), |n, _, ()| *n += 1);
            }
            unstarted = pool.shutdown_now().len();
            run.gather_all().unwrap();
            ended = Some(run.stats());
        });
        let stats = ended.unwrap();
        assert_eq!((stats.scattered, stats.gathered, n), (50, n, n));
        assert_eq!(stats.gathered + stats.forfeited, 50);
        assert_eq!(unstarted, 0, "a borrowed task is nobody else's");
    });
}
