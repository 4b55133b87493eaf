//! Scopes: borrow, mutate, return, spawn siblings from tasks, nest, and carry many tasks.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use windrow::{Priority, Scope};

use crate::support::{
    from_outside_and_inside, on_a_worker, on_every_pool, pool_without_spares, stall,
};
use crate::watchdog::watched;

#[test]
fn tasks_borrow_mutably_what_the_caller_owns() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let mut numbers: Vec<usize> = (0..1_000).collect();
            let mut total = 0;
            pool.scope(|s| {
                let (left, right) = numbers.split_at_mut(500);
                s.spawn(|| left.iter_mut().for_each(|n| *n *= 2));
                s.spawn(|| right.iter_mut().for_each(|n| *n *= 2));
                s.spawn(|| total = 7);
            });
            assert_eq!(total, 7);
            assert!(numbers.into_iter().eq((0..1_000).map(|n| 2 * n)));
        });
    });
}

#[test]
fn results_that_borrow_come_out_of_the_scope() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let text = String::from("rows of raked hay");
            let words: Vec<&str> = pool.scope(|s| {
                let handles: Vec<_> = text.split(' ').map(|word| s.spawn(move || word)).collect();
                handles
                    .into_iter()
                    .map(|handle| handle.join().unwrap())
                    .collect()
            });
            assert_eq!(words.join(" "), text);
        });
    });
}

#[test]
fn tasks_spawn_siblings_to_any_depth() {
    fn grow<'scope>(s: &'scope Scope<'scope, '_>, count: &'scope AtomicUsize, depth: usize) {
        count.fetch_add(1, Ordering::SeqCst);
        if depth > 0 {
            s.spawn(move || grow(s, count, depth - 1));
            s.spawn(move || grow(s, count, depth - 1));
        }
    }
    watched(|| {
        on_every_pool(|pool| {
            let count = AtomicUsize::new(0);
            pool.scope(|s| grow(s, &count, 10));
            pool.install(|| windrow::scope(|s| grow(s, &count, 10)));
            assert_eq!(count.into_inner(), 2 * 2_047);
        });
    });
}

#[test]
fn a_chain_of_siblings_does_not_grow_the_stack() {
    fn next<'scope>(s: &'scope Scope<'scope, '_>, count: &'scope AtomicUsize, left: usize) {
        count.fetch_add(1, Ordering::SeqCst);
        if left > 0 {
            s.spawn(move || next(s, count, left - 1));
        }
    }
    watched(|| {
        on_every_pool(|pool| {
            let count = AtomicUsize::new(0);
            pool.scope(|s| next(s, &count, 20_000));
            assert_eq!(count.into_inner(), 20_001);
        });
    });
}

#[test]
fn a_scope_holds_100_000_tasks() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let count = AtomicUsize::new(0);
            pool.scope(|s| {
                (0..100_000).for_each(|_| drop(s.spawn(|| count.fetch_add(1, Ordering::SeqCst))))
            });
            assert_eq!(count.into_inner(), 100_000);
        });
    });
}

#[test]
fn scopes_nest_and_borrow_from_each_other() {
    watched(|| {
        on_every_pool(|pool| {
            let outer = AtomicUsize::new(0);
            pool.scope(|s| {
                for _ in 0..10 {
                    s.spawn(|| {
                        let middle = AtomicUsize::new(0);
                        windrow::scope(|t| {
                            for _ in 0..10 {
                                t.spawn(|| {
                                    middle.fetch_add(1, Ordering::SeqCst);
                                    // A task of the inner scope may spawn into the outer one.
                                    s.spawn(|| outer.fetch_add(1, Ordering::SeqCst));
                                });
                            }
                        });
                        assert_eq!(middle.into_inner(), 10);
                    });
                }
            });
            assert_eq!(outer.into_inner(), 100);
        });
    });
}

#[test]
fn a_scope_with_nothing_in_it_returns_what_its_body_returns() {
    watched(|| {
        from_outside_and_inside(|pool| {
            assert_eq!(pool.scope(|_| "body"), "body");
            let text = pool.scope(|s| {
                s.spawn(|| ());
                String::from("body")
            });
            assert_eq!(text, "body");
        });
    });
}

#[test]
fn scoped_handles_answer_like_the_others() {
    watched(|| {
        on_every_pool(|pool| {
            let cancelled = pool.scope(|s| {
                let stalled = stall(pool);
                let queued = s.spawn(|| 1);
                assert!(!queued.is_finished());
                let queued = queued.try_join().expect_err("nobody could have run it");
                assert!(queued.cancel());
                drop(stalled);
                queued.join().unwrap_err().is_cancelled()
            });
            assert!(cancelled);
        });
    });
}

#[test]
fn a_scope_on_a_worker_waits_for_what_others_took() {
    watched(|| {
        on_every_pool(|pool| {
            let sums = on_a_worker(pool, || {
                let sums = Mutex::new(BTreeMap::new());
                windrow::scope(|s| {
                    for row in 0..50_u64 {
                        let sums = &sums;
                        s.spawn_with_priority(Priority::High, move || {
                            let sum: u64 = (0..1_000).map(|column| row * column).sum();
                            sums.lock().unwrap().insert(row, sum);
                        });
                    }
                });
                sums.into_inner().unwrap()
            });
            assert!(sums.into_values().eq((0..50).map(|row| 499_500 * row)));
        });
    });
}

#[test]
fn threads_of_no_pool_may_spawn_into_it() {
    watched(|| {
        on_every_pool(|pool| {
            let count = AtomicUsize::new(0);
            let add = || {
                count.fetch_add(1, Ordering::SeqCst);
            };
            pool.scope(|s| {
                thread::scope(|threads| {
                    for _ in 0..4 {
                        threads.spawn(|| {
                            (0..100).for_each(|_| drop(s.spawn(add)));
                            assert_eq!(
                                s.spawn_with_priority(Priority::High, || 7).join().unwrap(),
                                7
                            );
                        });
                    }
                });
            });
            assert_eq!(count.into_inner(), 400);
            assert_eq!(pool.stats().queued_total(), 0);
            // They are counted as long as they wait.
            let stalled = stall(pool);
            pool.scope(|s| {
                thread::scope(|threads| {
                    threads.spawn(|| (0..10).for_each(|_| drop(s.spawn(|| ()))));
                });
                assert_eq!(pool.stats().queued_total(), 10);
                drop(stalled);
            });
        });
    });
}

#[test]
fn a_yield_after_an_inner_scope_is_again_the_outer_ones() {
    watched(|| {
        let pool = pool_without_spares(1);
        pool.install(|| {
            windrow::scope(|s| {
                windrow::scope(|inner| drop(inner.spawn(|| ())));
                let handle = s.spawn(|| ());
                while !handle.is_finished() {
                    windrow::yield_now();
                }
            });
        });
    });
}
