//! `install`: the closure runs on a thread of the pool, and its caller waits.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use windrow::ThreadPool;

use crate::support::{Gate, SIZES, on_every_pool, pool, pool_without_spares, stall};
use crate::watchdog::watched;

#[test]
fn the_closure_runs_on_a_worker() {
    watched(|| {
        on_every_pool(|pool| {
            let caller = thread::current().id();
            let (thread, index, size) = pool.install(|| {
                (
                    thread::current().id(),
                    windrow::current_thread_index(),
                    windrow::current_num_threads(),
                )
            });
            assert_ne!(thread, caller);
            assert!(index.unwrap() < pool.current_num_threads());
            assert_eq!(size, pool.current_num_threads());
        });
    });
}

#[test]
fn its_caller_never_runs_it_even_if_all_workers_are_busy() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let stalled = stall(&pool);
            thread::scope(|threads| {
                let caller = threads.spawn(|| {
                    (
                        thread::current().id(),
                        pool.install(|| thread::current().id()),
                    )
                });
                drop(stalled);
                let (caller, runner) = caller.join().unwrap();
                assert_ne!(caller, runner);
            });
        }
    });
}

/// A caller that helps with its scope may run much of what is beneath it, but not this.
#[test]
fn a_caller_inside_a_scope_never_runs_it_either() {
    watched(|| {
        for size in SIZES {
            let (here, there) = (pool(size), pool(1));
            let caller = thread::current().id();
            for _ in 0..50 {
                let (started, start) = channel();
                let threads = here.scope(|s| {
                    let direct = here.install(|| thread::current().id());
                    let beneath = s.spawn(|| {
                        started.send(thread::current().id()).unwrap();
                        there.install(|| here.install(|| thread::current().id()))
                    });
                    // A worker has it, so that the caller can only wait.
                    assert_ne!(start.recv().unwrap(), caller);
                    [direct, beneath.join().unwrap()]
                });
                assert!(!threads.contains(&caller));
            }
        }
    });
}

#[test]
fn it_borrows_and_returns() {
    watched(|| {
        on_every_pool(|pool| {
            let mut list = vec![1, 2];
            let text = String::from("kept");
            let borrowed: &str = pool.install(|| {
                list.push(3);
                &text
            });
            assert_eq!((borrowed, list), ("kept", vec![1, 2, 3]));
        });
    });
}

#[test]
fn nested_in_its_own_pool_it_stays_on_the_thread() {
    watched(|| {
        on_every_pool(|pool| {
            let (outer, inner) = pool.install(|| {
                let inner = pool.install(|| pool.install(|| thread::current().id()));
                (thread::current().id(), inner)
            });
            assert_eq!(outer, inner);
        });
    });
}

/// Goes to and fro between two pools; says how deep it came.
fn to_and_fro(here: &ThreadPool, there: &ThreadPool, depth: usize) -> usize {
    if depth == 0 {
        return 0;
    }
    here.install(|| to_and_fro(there, here, depth - 1)) + 1
}

/// rayon 36577d60.
#[test]
fn two_pools_may_install_into_each_other() {
    watched(|| {
        let pairs = SIZES.map(|size| (pool(size), pool(size)));
        for (here, there) in pairs
            .into_iter()
            .chain([(pool_without_spares(1), pool_without_spares(1))])
        {
            for depth in [1, 2, 3, 4, 20] {
                assert_eq!(to_and_fro(&here, &there, depth), depth);
            }
        }
    });
}

/// Each worker is parked for one caller and has to lend its slot for the other.
#[test]
fn two_pools_may_install_into_each_other_from_both_ends_at_once() {
    watched(|| {
        for size in SIZES {
            let (here, there) = (pool(size), pool(size));
            for _ in 0..20 {
                thread::scope(|threads| {
                    threads.spawn(|| assert_eq!(to_and_fro(&here, &there, 10), 10));
                    threads.spawn(|| assert_eq!(to_and_fro(&there, &here, 10), 10));
                });
            }
        }
    });
}

#[test]
fn scopes_and_joins_of_two_pools_may_be_nested_in_each_other() {
    fn tree(here: &ThreadPool, there: &ThreadPool, depth: usize) -> usize {
        if depth == 0 {
            return 1;
        }
        let branch = || tree(there, here, depth - 1);
        let (left, right) = if depth % 4 < 2 {
            here.join(branch, branch)
        } else {
            here.scope(|s| {
                let (left, right) = (s.spawn(branch), s.spawn(branch));
                (left.join().unwrap(), right.join().unwrap())
            })
        };
        left + right
    }
    watched(|| {
        let pairs = SIZES.map(|size| (pool(size), pool(size)));
        for (here, there) in pairs
            .into_iter()
            .chain([(pool_without_spares(1), pool_without_spares(1))])
        {
            assert_eq!(tree(&here, &there, 8), 256);
            assert_eq!(here.install(|| tree(&there, &here, 8)), 256);
        }
    });
}

#[test]
fn many_callers_install_into_one_pool_at_once() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let sum: usize = thread::scope(|threads| {
                let callers: Vec<_> = (0..8)
                    .map(|caller| {
                        let pool = &pool;
                        threads.spawn(move || {
                            (0..200)
                                .map(|round| pool.install(|| caller + round))
                                .sum::<usize>()
                        })
                    })
                    .collect();
                callers
                    .into_iter()
                    .map(|caller| caller.join().unwrap())
                    .sum()
            });
            assert_eq!(sum, (0..8).map(|caller| 200 * caller + 19_900).sum());
        }
    });
}

#[test]
fn a_worker_of_a_closed_pool_may_install_from_within_another() {
    watched(|| {
        for size in SIZES {
            let (first, second) = (Arc::new(pool(size)), pool(size));
            let closed = Gate::default();
            let (inner, begin) = (Arc::clone(&first), closed.clone());
            let handle = first.spawn(move || {
                begin.pass();
                second.scope(|_| inner.install(|| 6 * 7))
            });
            first.close();
            closed.open();
            assert_eq!(handle.join().unwrap(), 42);
        }
    });
}
