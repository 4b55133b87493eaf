//! Lifecycle: `shutdown` drains, `shutdown_timeout` says what was left, `shutdown_now` gives back what has not started.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use windrow::{
    Backoff, JoinError, JoinHandle, QueueFull, RefusedReason, ResizeError, Retry, TaskError,
    ThreadPool, UnstartedTask,
};

use crate::support::{
    Gate, Ledger, SIZES, on_a_worker, on_every_pool, panic_of, pool, stall, text,
};
use crate::watchdog::watched;

const HOUR: Duration = Duration::from_secs(3600);

/// A task that says when it runs, and then stands still until the gate opens.
fn standing(pool: &ThreadPool) -> (JoinHandle<u32>, Gate) {
    let (gate, (here, started)) = (Gate::default(), channel());
    let wait = gate.clone();
    let handle = pool.spawn(move || {
        here.send(()).unwrap();
        wait.pass();
        7
    });
    started.recv().unwrap();
    (handle, gate)
}

#[test]
fn shutdown_finishes_what_was_accepted_and_what_that_spawns() {
    fn tree(depth: usize, ran: Arc<AtomicUsize>) {
        ran.fetch_add(1, Ordering::SeqCst);
        for _ in 0..if depth > 0 { 2 } else { 0 } {
            let ran = ran.clone();
            drop(windrow::spawn(move || tree(depth - 1, ran)));
        }
    }
    watched(|| {
        for size in SIZES {
            for _ in 0..20 {
                let pool = pool(size);
                let ran = Arc::new(AtomicUsize::new(0));
                let mine = ran.clone();
                drop(pool.spawn(move || tree(6, mine)));
                let delayed = pool.spawn_after(Duration::from_millis(1), || 1);
                pool.shutdown();
                assert_eq!(ran.load(Ordering::SeqCst), 127);
                assert!(delayed.is_finished());
                assert_eq!(delayed.join().unwrap(), 1);
                assert!(pool.is_shut_down());
                let stats = pool.stats();
                assert_eq!((stats.completed, stats.threads), (128, 0));
                pool.shutdown();
                pool.shutdown_timeout(Duration::ZERO).unwrap();
                assert!(pool.shutdown_now().is_empty());
            }
        }
    });
}

#[test]
fn many_may_shut_it_down_at_once() {
    watched(|| {
        for size in SIZES {
            for _ in 0..50 {
                let (pool, ledger, start) = (pool(size), Ledger::new(20), Barrier::new(4));
                for index in 0..20 {
                    let entry = ledger.entry(index);
                    drop(pool.spawn(move || entry.run()));
                }
                thread::scope(|threads| {
                    for _ in 0..4 {
                        threads.spawn(|| {
                            start.wait();
                            pool.shutdown();
                            ledger.assert_all_ran();
                            assert_eq!(pool.stats().threads, 0);
                        });
                    }
                });
            }
        }
    });
}

#[test]
fn from_inside_it_returns_at_once() {
    watched(|| {
        for size in SIZES {
            let outer = Arc::new(pool(size));
            let inner = outer.clone();
            let after = on_a_worker(&outer, move || {
                inner.shutdown();
                inner.shutdown_timeout(Duration::ZERO).unwrap();
                // The tasks of a draining pool may still spawn.
                windrow::spawn(|| 1).join().unwrap()
            });
            assert_eq!(after, 1);
            assert!(outer.try_spawn(|| ()).is_err());
            outer.shutdown();
        }
    });
}

/// A task of the pool may be run by whoever joins it.
#[test]
fn from_inside_a_task_that_a_thread_outside_runs_it_returns_at_once() {
    watched(|| {
        for size in SIZES {
            let outer = Arc::new(pool(size));
            let stalled = stall(&outer);
            let inner = outer.clone();
            let plain = outer.spawn(move || inner.shutdown());
            let inner = outer.clone();
            let managed = outer.task().spawn(move || {
                inner.shutdown_timeout(Duration::MAX).unwrap();
            });
            plain.join().unwrap();
            managed.join().unwrap();
            outer.scope(|_| outer.shutdown());
            drop(stalled);
            outer.shutdown();
            assert_eq!(outer.stats().threads, 0);
        }
    });
}

/// The last owner of a pool, and the thread outside that runs it.
#[test]
fn a_task_that_a_thread_outside_runs_may_drop_the_pool() {
    watched(|| {
        for size in SIZES {
            let (exit, exits) = channel();
            let pool = ThreadPool::builder()
                .num_threads(size)
                .exit_handler(move |index| exit.send(index).unwrap())
                .build();
            let pool = Arc::new(pool.unwrap());
            let stalled = stall(&pool);
            let last = pool.clone();
            let handle = pool.spawn(move || drop(last));
            drop(pool);
            handle.join().unwrap();
            drop(stalled);
            assert_eq!(exits.iter().count(), size);
        }
    });
}

#[test]
fn nothing_is_accepted_afterwards_and_the_caller_works_alone() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            pool.shutdown();
            let number = 3;
            let refused = pool.try_spawn(move || number + 1).unwrap_err();
            assert!(matches!(refused.reason, RefusedReason::Closed));
            assert_eq!((refused.task)(), 4);
            let refused = pool.spawn_timeout(HOUR, || 5).unwrap_err();
            assert_eq!((refused.task)(), 5);
            let refused = pool.task().delay(HOUR).try_spawn(|| 6).unwrap_err();
            assert_eq!((refused.task)(), 6);
            let is_refused =
                |error: JoinError| assert!(error.is_refused() && !error.is_cancelled());
            is_refused(pool.spawn(|| ()).join().unwrap_err());
            is_refused(pool.task().timeout(HOUR).spawn(|| ()).join().unwrap_err());
            is_refused(pool.spawn_after(HOUR, || ()).join().unwrap_err());
            let retry = Retry::attempts(2).unwrap();
            let retried = pool.task().retry(retry).spawn(|| Err::<(), _>(()));
            is_refused(retried.join().unwrap_err());
            assert!(pool.try_spawn_every(HOUR, || ()).is_err());
            let periodic = pool.spawn_every(HOUR, || ());
            assert!(periodic.is_finished());
            is_refused(periodic.join().unwrap_err());
            let group = pool.group::<u32, ()>();
            group.spawn(|| Ok(1));
            group.spawn(|| Ok(2));
            for result in group.wait_all() {
                let Err(TaskError::Lost(error)) = result else {
                    panic!("{result:?}");
                };
                is_refused(error);
            }
            assert_eq!(pool.stats().refused, 11);
            assert!(matches!(pool.resize(2), Err(ResizeError::Closed)));
            assert_eq!(pool.join(|| 1, || 2), (1, 2));
            let sum: u32 = pool.scope(|s| {
                let handles = [1, 2, 3].map(|n| s.spawn(move || n));
                let managed = s.task().spawn(|| 4);
                let sum: u32 = handles.into_iter().map(|h| h.join().unwrap()).sum();
                s.spawn(|| windrow::join(|| (), || ()));
                s.task().timeout(HOUR).spawn(|| ());
                sum + managed.join().unwrap()
            });
            assert_eq!(sum, 10);
            let said = panic_of(|| pool.install(|| ()));
            assert!(text(&*said).contains("shut down"), "{}", text(&*said));
            let said = panic_of(|| pool.broadcast(|_| ()));
            assert!(text(&*said).contains("shut down"), "{}", text(&*said));
            pool.wait_idle();
        }
    });
}

#[test]
fn shutdown_timeout_says_what_was_left_and_drop_does_not_wait() {
    watched(|| {
        for size in SIZES {
            let (exit, exits) = channel();
            let pool = ThreadPool::builder()
                .num_threads(size)
                .exit_handler(move |index| exit.send(index).unwrap());
            let pool = pool.build().unwrap();
            let tasks: Vec<_> = (0..size).map(|_| standing(&pool)).collect();
            let queued: Vec<_> = (0..3).map(|n| pool.spawn(move || n)).collect();
            let delayed = pool.spawn_after(Duration::from_millis(2), || 8);
            let retry = Retry::attempts(2).unwrap();
            let retry = retry.backoff(Backoff::fixed(Duration::from_millis(1)));
            let retried = pool
                .task()
                .retry(retry)
                .spawn_with(|cx| match cx.attempt() {
                    1 => Err(()),
                    n => Ok(n),
                });
            let error = pool
                .shutdown_timeout(Duration::from_micros(10))
                .unwrap_err();
            assert_eq!((error.queued, error.running), (5, size));
            assert!(error.to_string().contains("5 tasks were queued"));
            drop(pool);
            for (handle, gate) in tasks {
                assert!(!handle.is_finished());
                gate.open();
                assert_eq!(handle.join().unwrap(), 7);
            }
            let sum: i32 = queued
                .into_iter()
                .map(|handle| handle.join().unwrap())
                .sum();
            assert_eq!(sum, 3);
            assert_eq!(delayed.join().unwrap(), 8);
            assert_eq!(retried.join().unwrap(), Ok(2));
            assert_eq!(exits.iter().count(), size, "the threads end, and the pool");
        }
    });
}

#[test]
fn a_spawn_that_races_with_the_end_runs_or_comes_back() {
    watched(|| {
        let seen = [const { AtomicUsize::new(0) }; 3];
        let mut round = 0;
        while round < 300 || (round < 20_000 && seen.iter().any(|n| n.load(Ordering::SeqCst) == 0))
        {
            let (pool, ledger, start) = (pool(1 + round % 3), Ledger::new(8), Barrier::new(3));
            let handles = Mutex::new(Vec::new());
            let given_back = thread::scope(|threads| {
                for half in 0..2 {
                    let (pool, ledger, start, seen) = (&pool, &ledger, &start, &seen);
                    let handles = &handles;
                    threads.spawn(move || {
                        start.wait();
                        for index in 4 * half..4 * half + 4 {
                            let entry = ledger.entry(index);
                            let task = move || entry.run();
                            let result = if index % 2 == 0 {
                                pool.try_spawn(task)
                            } else {
                                pool.task().try_spawn(task)
                            };
                            match result {
                                Ok(handle) => handles.lock().unwrap().push((index, handle)),
                                Err(refused) => {
                                    seen[0].fetch_add(1, Ordering::SeqCst);
                                    assert_eq!(ledger.ran(index), 0);
                                    (refused.task)();
                                }
                            }
                        }
                    });
                }
                start.wait();
                match round % 3 {
                    0 => pool.shutdown_now(),
                    1 => {
                        pool.shutdown();
                        Vec::new()
                    }
                    _ => {
                        let _ = pool.shutdown_timeout(Duration::ZERO);
                        pool.shutdown_now()
                    }
                }
            });
            seen[1].fetch_add(given_back.len(), Ordering::SeqCst);
            given_back.into_iter().for_each(UnstartedTask::run);
            pool.shutdown();
            seen[2].fetch_add(pool.stats().completed as usize, Ordering::SeqCst);
            let mut ran = [1; 8];
            for (index, handle) in handles.into_inner().unwrap() {
                if let Err(error) = handle.join() {
                    // A worker had it in hand when it was told to stop.
                    assert!(error.is_cancelled() && index % 2 == 1 && round % 3 != 1);
                    ran[index] = 0;
                }
            }
            for (index, ran) in ran.into_iter().enumerate() {
                assert_eq!((ledger.ran(index), ledger.dropped(index)), (ran, 1));
            }
            round += 1;
        }
        assert!(
            seen.iter().all(|n| n.load(Ordering::SeqCst) > 0),
            "{seen:?}"
        );
    });
}

#[test]
fn a_paused_pool_is_shut_down_all_the_same() {
    watched(|| {
        for size in SIZES {
            for way in 0..3 {
                let (pool, ledger) = (pool(size), Ledger::new(10));
                pool.pause();
                for index in 0..10 {
                    let entry = ledger.entry(index);
                    drop(pool.spawn(move || entry.run()));
                }
                match way {
                    0 => pool.shutdown(),
                    1 => drop(pool),
                    _ => pool.shutdown_now().into_iter().for_each(UnstartedTask::run),
                }
                ledger.assert_all_ran();
            }
        }
    });
}

#[test]
fn periodic_tasks_end_with_the_pool() {
    watched(|| {
        for size in SIZES {
            for way in 0..3 {
                let pool = pool(size);
                let runs = Arc::new(AtomicUsize::new(0));
                let count = runs.clone();
                let often = pool.spawn_every(Duration::from_micros(50), move || {
                    count.fetch_add(1, Ordering::SeqCst);
                });
                let never = pool.spawn_every(HOUR, || unreachable!("not for an hour"));
                while runs.load(Ordering::SeqCst) < 3 {
                    thread::yield_now();
                }
                match way {
                    0 => pool.shutdown(),
                    1 => drop(pool),
                    _ => {
                        assert!(pool.shutdown_now().is_empty());
                        pool.shutdown();
                        assert_eq!(pool.stats().cancelled, 2);
                    }
                }
                assert!(often.is_finished() && never.is_finished());
                often.join().unwrap();
                never.join().unwrap();
            }
        }
    });
}

#[test]
fn submitters_who_wait_for_room_are_let_go() {
    watched(|| {
        for size in SIZES {
            let builder = ThreadPool::builder().num_threads(size);
            let builder = builder.queue_capacity(1).queue_full(QueueFull::Block);
            let pool = builder.build().unwrap();
            let tasks: Vec<_> = (0..size).map(|_| standing(&pool)).collect();
            drop(pool.spawn(|| ()));
            let (came, gone) = (AtomicUsize::new(0), AtomicBool::new(false));
            thread::scope(|threads| {
                let blocked: Vec<_> = (0..3)
                    .map(|n| {
                        let (pool, came) = (&pool, &came);
                        threads.spawn(move || {
                            came.fetch_add(1, Ordering::SeqCst);
                            match n {
                                0 => pool.spawn(|| ()).join().unwrap_err().is_refused(),
                                1 => pool.task().spawn(|| ()).join().unwrap_err().is_refused(),
                                _ => pool.spawn_timeout(HOUR, || ()).is_err(),
                            }
                        })
                    })
                    .collect();
                while came.load(Ordering::SeqCst) < 3 {
                    thread::yield_now();
                }
                let (pool, gone) = (&pool, &gone);
                let ending = threads.spawn(move || {
                    pool.shutdown();
                    assert!(gone.load(Ordering::SeqCst), "it has tasks that run");
                });
                for submitter in blocked {
                    assert!(submitter.join().unwrap());
                }
                gone.store(true, Ordering::SeqCst);
                tasks.iter().for_each(|(_, gate)| gate.open());
                ending.join().unwrap();
            });
            assert_eq!(pool.stats().refused, 3);
        }
    });
}

#[test]
fn tasks_run_in_a_pool_that_has_ended_do_not_keep_it() {
    watched(|| {
        let held = Arc::new(());
        let name = Arc::clone(&held);
        let pool = ThreadPool::builder()
            .num_threads(2)
            .thread_name(move |index| format!("{index} of {}", Arc::strong_count(&name)))
            .build()
            .unwrap();
        pool.shutdown();
        pool.scope(|s| {
            let handles: Vec<_> = (0..3)
                .map(|n| s.task().timeout(HOUR).spawn(move || n))
                .collect();
            // In the order in which they were spawned: the last ones are in the way of the first.
            for (n, handle) in handles.into_iter().enumerate() {
                assert_eq!(handle.join().unwrap(), n);
            }
        });
        drop(pool);
        assert_eq!(Arc::strong_count(&held), 1);
    });
}

#[test]
fn a_task_may_spawn_into_a_pool_that_drains_whoever_runs_it() {
    watched(|| {
        for size in SIZES {
            let pool = Arc::new(pool(size));
            let stalled = stall(&pool);
            let inner = Arc::clone(&pool);
            let handle = pool.spawn(move || {
                let plain = windrow::spawn(|| 1);
                let options = inner.task().spawn(|| 2);
                (plain.join().is_ok(), options.join().is_ok())
            });
            pool.close();
            // No worker is free: this thread runs it.
            assert_eq!(handle.join().unwrap(), (true, true));
            drop(stalled);
        }
    });
}

/// The body of a scope is no task: it is outside, though the pool does not end around it.
#[test]
fn the_body_of_a_scope_spawns_nothing_into_a_pool_that_drains() {
    watched(|| {
        on_every_pool(|pool| {
            pool.scope(|_| {
                pool.wait_idle();
                pool.close();
                assert!(pool.try_spawn(|| ()).is_err());
                assert!(pool.task().try_spawn(|| ()).is_err());
            });
        });
    });
}
