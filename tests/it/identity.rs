//! Who am I: thread indices, sizes, names, and the handlers at the start and the end of a worker.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use windrow::{BuildError, ThreadPool};

use crate::support::{SIZES, on_a_spare, on_a_worker, pool, stall};
use crate::watchdog::watched;

fn name() -> String {
    thread::current().name().unwrap_or("(none)").to_owned()
}

#[test]
fn workers_have_the_indices_from_zero_and_nobody_else_has_one() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let indices = pool.broadcast(|_| windrow::current_thread_index());
            assert!(indices.into_iter().eq((0..size).map(Some)));
            assert_eq!(windrow::current_thread_index(), None);
            assert_eq!(pool.scope(|_| windrow::current_thread_index()), None);
            assert_eq!(pool.join(windrow::current_thread_index, || ()).0, None);
        }
    });
}

#[test]
fn a_task_that_is_claimed_by_a_thread_outside_has_no_index() {
    watched(|| {
        let pool = pool(1);
        let stalled = stall(&pool);
        assert_eq!(
            pool.spawn(windrow::current_thread_index).join().unwrap(),
            None
        );
        drop(stalled);
    });
}

#[test]
fn a_worker_keeps_its_index_through_waits() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            pool.broadcast(|worker| {
                for _ in 0..50 {
                    windrow::join(thread::yield_now, thread::yield_now);
                    windrow::scope(|s| drop(s.spawn(thread::yield_now)));
                    assert_eq!(windrow::current_thread_index(), Some(worker));
                }
            });
        }
    });
}

#[test]
fn the_size_of_the_pool_is_known_inside_and_outside() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            assert_eq!(pool.current_num_threads(), size);
            assert_eq!(pool.install(windrow::current_num_threads), size);
            assert_eq!(pool.scope(|_| windrow::current_num_threads()), size);
            assert_eq!(on_a_worker(&pool, windrow::current_num_threads), size);
        }
    });
}

#[test]
fn a_pool_of_no_threads_is_an_error() {
    assert!(matches!(ThreadPool::new(0), Err(BuildError::ZeroThreads)));
    let error = ThreadPool::builder().num_threads(0).build().unwrap_err();
    assert!(matches!(error, BuildError::ZeroThreads));
    assert!(!error.to_string().is_empty());
}

#[test]
fn a_pool_of_too_many_threads_is_an_error() {
    watched(|| {
        assert!(ThreadPool::new(usize::MAX).is_err());
        let spares = ThreadPool::builder()
            .num_threads(1)
            .spare_threads(usize::MAX);
        // Whether that is refused or never used up: it does not overflow.
        if let Ok(pool) = spares.build() {
            assert_eq!(pool.install(windrow::current_num_threads), 1);
        }
    });
}

#[test]
fn a_pool_has_a_worker_per_core_unless_told_otherwise() {
    watched(|| {
        let pool = ThreadPool::builder().build().unwrap();
        let cores = thread::available_parallelism().unwrap().get();
        assert_eq!(pool.current_num_threads(), cores);
        assert_eq!(pool.broadcast(|_| ()).len(), cores);
    });
}

#[test]
fn workers_are_named_after_their_index() {
    watched(|| {
        let expected = ["windrow-0", "windrow-1", "windrow-2"];
        assert_eq!(pool(3).broadcast(|_| name()), expected);
    });
}

#[test]
fn workers_are_named_as_the_program_wants() {
    watched(|| {
        let mut asked = 0;
        let pool = ThreadPool::builder()
            .num_threads(3)
            .thread_name(move |worker| {
                asked += 1;
                format!("mill {worker} of {asked}")
            })
            .build()
            .unwrap();
        assert_eq!(
            pool.broadcast(|_| name()),
            ["mill 0 of 1", "mill 1 of 2", "mill 2 of 3"]
        );
    });
}

#[test]
fn handlers_run_on_the_worker_once_each_before_and_after_its_tasks() {
    watched(|| {
        for size in SIZES {
            let log = Arc::new(Mutex::new(Vec::new()));
            let (start, exit) = (log.clone(), log.clone());
            let pool = ThreadPool::builder()
                .num_threads(size)
                .start_handler(move |worker| {
                    start
                        .lock()
                        .unwrap()
                        .push(("start", worker, thread::current().id()))
                })
                .exit_handler(move |worker| {
                    exit.lock()
                        .unwrap()
                        .push(("exit", worker, thread::current().id()))
                })
                .build()
                .unwrap();
            pool.broadcast(|worker| {
                log.lock()
                    .unwrap()
                    .push(("task", worker, thread::current().id()))
            });
            drop(pool);
            let log = log.lock().unwrap();
            for index in 0..size {
                let of_worker: Vec<_> = log
                    .iter()
                    .filter(|&&(_, worker, _)| worker == index)
                    .collect();
                let steps: Vec<_> = of_worker.iter().map(|&&(step, ..)| step).collect();
                assert_eq!(steps, ["start", "task", "exit"], "worker {index}");
                let threads: HashSet<_> = of_worker.iter().map(|&&(.., thread)| thread).collect();
                assert_eq!(threads.len(), 1, "threads of worker {index}");
            }
        }
    });
}

#[test]
fn a_worker_is_one_already_in_its_start_handler() {
    watched(|| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let start = seen.clone();
        let pool = ThreadPool::builder()
            .num_threads(2)
            .start_handler(move |worker| {
                let index = windrow::current_thread_index();
                start
                    .lock()
                    .unwrap()
                    .push((worker, index, windrow::current_num_threads(), name()));
            })
            .build()
            .unwrap();
        drop(pool);
        let mut seen = seen.lock().unwrap().clone();
        seen.sort();
        assert_eq!(
            seen,
            [
                (0, Some(0), 2, "windrow-0".to_owned()),
                (1, Some(1), 2, "windrow-1".to_owned())
            ]
        );
    });
}

#[test]
fn handlers_may_use_the_pool() {
    watched(|| {
        for size in SIZES {
            let ran = Arc::new(AtomicUsize::new(0));
            let (start, exit) = (ran.clone(), ran.clone());
            let use_it = |ran: &Arc<AtomicUsize>| {
                let inside = ran.clone();
                windrow::scope(|s| drop(s.spawn(|| inside.fetch_add(1, Ordering::SeqCst))));
                windrow::join(|| (), || ran.fetch_add(1, Ordering::SeqCst));
            };
            let pool = ThreadPool::builder()
                .num_threads(size)
                .start_handler(move |_| use_it(&start))
                .exit_handler(move |_| use_it(&exit))
                .build()
                .unwrap();
            drop(pool);
            assert_eq!(ran.load(Ordering::SeqCst), 4 * size);
        }
    });
}

/// A stand-in is a worker for the tasks that it runs: they must not see another size, or no index.
#[test]
fn a_task_on_a_spare_thread_is_on_a_worker() {
    watched(|| {
        let pool = pool(1);
        let seen = || {
            (
                windrow::current_thread_index().is_some(),
                windrow::current_num_threads(),
            )
        };
        let (_, on_spare) = on_a_spare(&pool, seen);
        assert_eq!(on_spare, [(true, 1); 5]);
    });
}
