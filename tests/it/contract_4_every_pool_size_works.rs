//! Contract line 4: one worker passes every test, with waits nested at any depth, and with no spare thread either.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use windrow::{JoinHandle, ScopedJoinHandle, ThreadPool};

use crate::support::{on_a_worker, on_every_pool, pool, pool_without_spares, yield_until};
use crate::watchdog::watched;

/// What the deep tests have for stack, wherever they run: the default of threads, stated.
const STACK: usize = 2 << 20;

fn fib(n: u32) -> u32 {
    if n < 2 {
        return n;
    }
    let (a, b) = windrow::join(|| fib(n - 1), || fib(n - 2));
    a + b
}

fn fib_by_scope(n: u32) -> u32 {
    if n < 2 {
        return n;
    }
    windrow::scope(|s| {
        let a = s.spawn(|| fib_by_scope(n - 1));
        let b = s.spawn(|| fib_by_scope(n - 2));
        a.join().unwrap() + b.join().unwrap()
    })
}

fn fib_by_handle(n: u32) -> u32 {
    if n < 2 {
        return n;
    }
    let a = windrow::spawn(move || fib_by_handle(n - 1));
    let b = windrow::spawn(move || fib_by_handle(n - 2));
    b.join().unwrap() + a.join().unwrap()
}

/// Each level waits in another way.
fn fib_by_turns(n: u32) -> u32 {
    if n < 2 {
        return n;
    }
    match n % 4 {
        0 => {
            let (a, b) = windrow::join(|| fib_by_turns(n - 1), || fib_by_turns(n - 2));
            a + b
        }
        1 => windrow::scope(|s| {
            let a = s.spawn(|| fib_by_turns(n - 1));
            fib_by_turns(n - 2) + a.join().unwrap()
        }),
        2 => {
            let a = windrow::spawn(move || fib_by_turns(n - 1));
            fib_by_turns(n - 2) + a.join().unwrap()
        }
        _ => {
            let sum = AtomicUsize::new(0);
            windrow::scope(|s| {
                for k in 1..=2 {
                    let sum = &sum;
                    s.spawn(move || sum.fetch_add(fib_by_turns(n - k) as usize, Ordering::SeqCst));
                }
            });
            sum.into_inner() as u32
        }
    }
}

#[test]
fn nested_waits_of_every_kind_finish_on_every_pool() {
    watched(|| {
        on_every_pool(|pool| {
            for fib in [fib, fib_by_scope, fib_by_handle, fib_by_turns] {
                assert_eq!(pool.join(|| fib(14), || fib(13)), (377, 233));
                assert_eq!(pool.install(|| fib(14)), 377);
                assert_eq!(on_a_worker(pool, move || fib(14)), 377);
            }
        });
    });
}

#[test]
fn one_sided_trees_finish_on_every_pool() {
    fn left(n: u32) -> u32 {
        if n == 0 {
            0
        } else {
            windrow::join(|| left(n - 1), || 1).0 + 1
        }
    }
    fn right(n: u32) -> u32 {
        if n == 0 {
            0
        } else {
            windrow::join(|| 1, || right(n - 1)).1 + 1
        }
    }
    watched(|| {
        on_every_pool(|pool| {
            for tree in [left, right] {
                assert_eq!(pool.join(|| tree(500), || tree(300)), (500, 300));
                assert_eq!(pool.install(|| tree(500)), 500);
            }
        });
    });
}

/// rayon PR#1311: waits that isolate themselves too much leave two joins waiting for each other.
#[test]
fn joins_that_were_stolen_from_each_other_finish() {
    watched(|| {
        on_every_pool(|pool| {
            let trees: Vec<JoinHandle<u32>> = (0..32)
                .map(|k| {
                    pool.spawn(move || {
                        if k % 2 == 0 {
                            fib(10)
                        } else {
                            fib_by_turns(10)
                        }
                    })
                })
                .collect();
            for tree in trees {
                assert_eq!(tree.join().unwrap(), 55);
            }
        });
    });
}

#[test]
fn a_long_chain_of_handles_is_joined_from_its_end() {
    watched(|| {
        on_every_pool(|pool| {
            let mut last = pool.spawn(|| 0);
            for _ in 0..200 {
                last = pool.spawn(move || last.join().unwrap() + 1);
            }
            assert_eq!(last.join().unwrap(), 200);
        });
    });
}

#[test]
fn siblings_of_a_scope_may_join_each_other() {
    watched(|| {
        on_every_pool(|pool| {
            let ends = pool.scope(|s| {
                let first = s.spawn(|| 1);
                let second = s.spawn(move || first.join().unwrap() + 1);
                let third = s.spawn(move || second.join().unwrap() + 1);
                third.join().unwrap()
            });
            assert_eq!(ends, 3);
        });
    });
}

/// Opens a scope in the task of a scope in the task of a scope.
fn nest_tasks(depth: usize, deepest: &AtomicUsize) {
    deepest.fetch_add(1, Ordering::SeqCst);
    if depth > 0 {
        windrow::scope(|s| {
            s.spawn(|| nest_tasks(depth - 1, deepest));
        });
    }
}

/// Opens a scope in the body of a scope, each with a task to wait for.
fn nest_bodies(depth: usize, deepest: &AtomicUsize) {
    deepest.fetch_add(1, Ordering::SeqCst);
    if depth > 0 {
        windrow::scope(|s| {
            s.spawn(|| ());
            nest_bodies(depth - 1, deepest);
        });
    }
}

/// A pool whose workers have [`STACK`], with spare threads and without.
fn pools_with_small_stacks() -> Vec<ThreadPool> {
    let build = |size: usize, spares: usize| {
        let builder = ThreadPool::builder().num_threads(size).stack_size(STACK);
        builder.spare_threads(spares).build().unwrap()
    };
    [1, 2, 8]
        .into_iter()
        .flat_map(|size| [build(size, size), build(size, 0)])
        .collect()
}

#[test]
fn a_thousand_nested_scopes_fit_on_the_stack_of_a_caller() {
    watched(|| {
        for pool in pools_with_small_stacks() {
            for nest in [nest_tasks, nest_bodies] {
                let levels = AtomicUsize::new(0);
                thread::scope(|threads| {
                    let caller = thread::Builder::new().stack_size(STACK);
                    let caller =
                        caller.spawn_scoped(threads, || pool.scope(|_| nest(1_000, &levels)));
                    caller.unwrap().join().unwrap();
                });
                assert_eq!(levels.into_inner(), 1_001);
            }
        }
    });
}

#[test]
fn a_thousand_nested_scopes_fit_on_the_stack_of_a_worker() {
    watched(|| {
        for pool in pools_with_small_stacks() {
            for nest in [nest_tasks, nest_bodies] {
                let levels = Arc::new(AtomicUsize::new(0));
                let counter = levels.clone();
                on_a_worker(&pool, move || nest(1_000, &counter));
                assert_eq!(levels.load(Ordering::SeqCst), 1_001);
            }
        }
    });
}

#[test]
fn a_thousand_tasks_that_each_wait_in_a_scope_do_not_pile_up_on_one_stack() {
    watched(|| {
        for pool in pools_with_small_stacks() {
            let ran = Mutex::new(0);
            pool.scope(|s| {
                for _ in 0..1_000 {
                    s.spawn(|| {
                        windrow::scope(|s| drop(s.spawn(|| *ran.lock().unwrap() += 1)));
                        windrow::join(thread::yield_now, || *ran.lock().unwrap() += 1);
                    });
                }
            });
            assert_eq!(ran.into_inner().unwrap(), 2_000);
        }
    });
}

/// The only thread of a pool waits, as a guest of another one, for a task there that needs the first pool.
#[test]
fn a_waiter_in_another_pool_runs_what_only_its_own_pool_holds() {
    watched(|| {
        let (here, there) = (Arc::new(pool_without_spares(1)), Arc::new(pool(1)));
        let inner = here.clone();
        on_a_worker(&here, move || {
            let (started, start) = channel();
            let thread = there.scope(|s| {
                let task = s.spawn(|| {
                    started.send(()).unwrap();
                    inner.install(|| (windrow::current_thread_index(), thread::current().id()))
                });
                // A worker of the other pool has it; who spawned it only waits for it, here or at the end.
                start.recv().unwrap();
                task.join().unwrap()
            });
            assert_eq!(thread, (Some(0), thread::current().id()));
            let ran = there.scope(|_| inner.task().delay(Duration::from_millis(1)).spawn(|| 1));
            assert_eq!(there.join(|| ran.join().unwrap(), || 2), (1, 2));
        });
    });
}

/// The same with spare threads, all of which do the same.
#[test]
fn waiters_in_another_pool_run_what_only_their_own_pool_holds() {
    watched(|| {
        for size in [1, 2] {
            let (here, there) = (Arc::new(pool(size)), Arc::new(pool(8)));
            let all = Arc::new(Barrier::new(2 * size));
            let tasks: Vec<_> = (0..2 * size)
                .map(|_| {
                    let (inner, there, all) = (here.clone(), there.clone(), all.clone());
                    here.spawn(move || {
                        // All threads that the pool may have are here at once.
                        windrow::blocking(|| all.wait());
                        let (started, start) = channel();
                        there.scope(|s| {
                            let task = s.spawn(|| {
                                started.send(()).unwrap();
                                inner.install(|| inner.join(|| 1, || 2))
                            });
                            start.recv().unwrap();
                            task.join().unwrap()
                        })
                    })
                })
                .collect();
            yield_until(|| tasks.iter().all(|task| task.is_finished()));
            for task in tasks {
                assert_eq!(task.join().unwrap(), (1, 2));
            }
        }
    });
}

/// What a task needs of its own pool by way of another one lies beneath it: who waits for the task may run that.
#[test]
fn a_waiter_runs_what_a_guest_needs_by_way_of_another_pool() {
    watched(|| {
        let (here, there) = (pool_without_spares(1), pool(1));
        let ran = Mutex::new(Vec::new());
        let work = || ran.lock().unwrap().push(thread::current().id());
        let worker = here.install(|| thread::current().id());
        here.scope(|s| {
            let (waits, waiting) = channel();
            let (give, given) = channel::<ScopedJoinHandle<'_, ()>>();
            let (began, begun) = channel();
            s.spawn(move || {
                waits.send(()).unwrap();
                let awaited = given.recv().unwrap();
                begun.recv().unwrap();
                awaited.join().unwrap();
            });
            // The pool's only worker has that; what comes now is left to this thread, at the end of the scope.
            waiting.recv().unwrap();
            let (there, here) = (&there, &here);
            let awaited = s.spawn(move || {
                began.send(()).unwrap();
                there.scope(|t| {
                    let (started, start) = channel();
                    t.spawn(move || {
                        started.send(()).unwrap();
                        here.install(work);
                    });
                    start.recv().unwrap();
                });
            });
            give.send(awaited).unwrap();
        });
        assert_eq!(ran.into_inner().unwrap(), [worker]);
    });
}
