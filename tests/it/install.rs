//! `install`: the closure runs on a thread of the pool, and its caller waits.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use windrow::ThreadPool;

use crate::support::{
    Gate, SIZES, blow_up, on_a_worker, on_every_pool, panic_of, pool, pool_without_spares, stall,
    text, yield_until,
};
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

/// Four tasks of a pool of one, and each asks for the pool from within another one. Nobody else is left to run it.
#[test]
fn a_worker_that_is_a_guest_of_another_pool_runs_it_itself() {
    watched(|| {
        for here in [pool(1), pool_without_spares(1)] {
            let (here, there, third) = (Arc::new(here), Arc::new(pool(1)), Arc::new(pool(3)));
            let tasks: Vec<_> = (0..4)
                .map(|_| {
                    let (inner, there, third) = (here.clone(), there.clone(), third.clone());
                    here.spawn(move || {
                        let work = || {
                            let index = windrow::current_thread_index();
                            assert!(index.is_some());
                            assert_eq!(windrow::current_num_threads(), 1);
                            let (left, right) = windrow::join(|| 1, || 2);
                            let scoped = windrow::scope(|s| s.spawn(|| 3).join().unwrap());
                            (thread::current().id(), index, left + right + scoped)
                        };
                        let own = (thread::current().id(), windrow::current_thread_index(), 6);
                        assert_eq!(there.join(|| inner.install(work), || ()).0, own);
                        let deeper = || third.join(|| inner.install(work), || ()).0;
                        assert_eq!(there.scope(|_| deeper()), own);
                    })
                })
                .collect();
            // Not by joining them: this thread would run them as a guest.
            yield_until(|| tasks.iter().all(|task| task.is_finished()));
            for task in tasks {
                task.join().unwrap();
            }
        }
    });
}

#[test]
fn after_it_has_panicked_the_thread_is_in_the_other_pool_again() {
    watched(|| {
        let (here, there) = (pool_without_spares(1), pool(3));
        here.install(|| {
            there.scope(|s| {
                let payload = panic_of(|| here.install(|| blow_up("from home")));
                assert_eq!(text(&*payload), "from home");
                assert_eq!(windrow::current_num_threads(), 3);
                assert_eq!(s.spawn(|| 1).join().unwrap(), 1);
            });
            assert_eq!(windrow::current_num_threads(), 1);
            assert_eq!(windrow::join(|| 1, || 2), (1, 2));
        });
    });
}

/// The thread's slot is lent once, though it waits at a place from which it was not lent.
#[test]
fn it_may_wait_in_a_section_that_blocks_within_another_pool() {
    watched(|| {
        for _ in 0..50 {
            let (here, there, third) = (Arc::new(pool(1)), pool(1), pool(1));
            let inner = here.clone();
            on_a_worker(&here, move || {
                let home = inner.clone();
                let wait = || {
                    let (began, begun) = channel();
                    let handle = third.spawn(move || {
                        began.send(()).unwrap();
                        for _ in 0..1_000 {
                            thread::yield_now();
                        }
                        // Only another thread of that pool can run it.
                        on_a_worker(&home, || thread::current().id())
                    });
                    begun.recv().unwrap();
                    handle.join().unwrap()
                };
                let runner = there.scope(|_| windrow::blocking(|| inner.install(wait)));
                assert_ne!(runner, thread::current().id());
            });
        }
    });
}

#[test]
fn a_thread_that_is_back_in_its_own_pool_still_runs_the_task_of_the_other() {
    watched(|| {
        let (here, there) = (Arc::new(pool_without_spares(1)), Arc::new(pool(1)));
        let inner = here.clone();
        let message = on_a_worker(&here, move || {
            // So that nobody else takes the task: it is run where it is joined.
            there.pause();
            let other = there.clone();
            let task = there.spawn(move || inner.install(|| panic_of(|| other.wait_idle())));
            text(&*task.join().unwrap()).to_owned()
        });
        assert!(message.contains("from a task of the pool"), "{message}");
    });
}

/// What is made there is beneath the task that called it: who waits for that may run it.
#[test]
fn what_is_made_back_in_the_own_pool_is_run_by_who_waits_for_the_task() {
    watched(|| {
        for _ in 0..20 {
            let (here, there) = (pool_without_spares(1), pool(1));
            let (begun, begin) = channel();
            let task = || {
                begun.send(()).unwrap();
                there.scope(|_| {
                    here.install(|| {
                        let (ran, run) = channel();
                        windrow::scope(|inner| {
                            drop(inner.spawn(move || ran.send(())));
                            // The only worker blocks, and no other thread stands in for it.
                            windrow::blocking(|| run.recv().unwrap());
                        });
                    });
                });
            };
            here.scope(|s| {
                drop(s.spawn(task));
                // It is the worker that runs it.
                begin.recv().unwrap();
            });
        }
    });
}
