//! Workers that leave: what their exit handlers may do, when nobody counts them any more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread;
use std::time::Duration;

use windrow::{ThreadPool, blocking, join, scope, spawn, task};

use crate::support::{Gate, SIZES, take, yield_until};
use crate::watchdog::watched;

#[test]
fn who_leaves_may_wait_for_those_that_stay() {
    watched(|| {
        let ((lend, lent), (go, gone)) = (channel(), channel());
        let gone = Mutex::new(gone);
        let asleep = Gate::default();
        let begin = asleep.clone();
        let pool = ThreadPool::builder()
            .num_threads(2)
            .spare_threads(0)
            .exit_handler(move |index| {
                if index == 1 {
                    begin.pass();
                    blocking(|| {
                        lend.send(()).unwrap();
                        gone.lock().unwrap().recv().unwrap();
                    });
                }
            })
            .build()
            .unwrap();
        pool.resize(1).unwrap();
        yield_until(|| pool.stats().threads == 1 && pool.stats().active == 0);
        asleep.open();
        lent.recv().unwrap();
        drop(pool.spawn(move || go.send(()).unwrap()));
        pool.wait_idle();
    });
}

#[test]
fn a_pool_that_has_ended_stays_so_whatever_its_last_workers_wait_for() {
    watched(|| {
        for size in [1, 2, 8] {
            let (seen, sights) = channel();
            let cell = Arc::new(OnceLock::<Weak<ThreadPool>>::new());
            let late = Arc::clone(&cell);
            let pool = ThreadPool::builder()
                .num_threads(size)
                .exit_handler(move |_| {
                    let pool = late.get().unwrap().upgrade().unwrap();
                    let still = blocking(|| pool.is_shut_down());
                    // There are no workers to be called.
                    let refused = catch_unwind(AssertUnwindSafe(|| pool.broadcast(|index| index)));
                    // What it does by itself goes on.
                    let sum = scope(|s| s.spawn(|| join(|| 1, || 2)).join().unwrap());
                    drop(spawn(|| 3).join());
                    seen.send((still, refused.is_err(), sum)).unwrap();
                })
                .build()
                .unwrap();
            let pool = Arc::new(pool);
            cell.set(Arc::downgrade(&pool)).unwrap();
            pool.shutdown();
            for _ in 0..size {
                assert_eq!(sights.recv().unwrap(), (true, true, (1, 2)));
            }
        }
    });
}

#[test]
fn what_a_worker_that_leaves_spawns_is_run_though_the_pool_is_closed() {
    watched(|| {
        let (say, said) = channel();
        let closed = Gate::default();
        let begin = closed.clone();
        let pool = ThreadPool::builder()
            .num_threads(2)
            .exit_handler(move |index| {
                if index == 1 {
                    begin.pass();
                    let handles = [spawn(|| spawn(|| 1).join().unwrap()), task().spawn(|| 2)];
                    let sum = handles
                        .into_iter()
                        .map(|handle| handle.join().unwrap())
                        .sum::<i32>();
                    say.send(sum).unwrap();
                }
            })
            .build()
            .unwrap();
        pool.resize(1).unwrap();
        yield_until(|| pool.stats().threads == 1 && pool.stats().active == 0);
        pool.close();
        closed.open();
        assert_eq!(said.recv(), Ok(3));
    });
}

#[test]
fn what_a_worker_that_leaves_has_run_itself_keeps_nothing() {
    watched(|| {
        for size in [1, 2, 8] {
            let token = Arc::new(());
            let kept = Arc::clone(&token);
            let pool = ThreadPool::builder()
                .num_threads(size)
                .exit_handler(move |_| {
                    let _kept = &kept;
                    scope(|s| s.task().spawn(|| ()).join().unwrap());
                })
                .build()
                .unwrap();
            drop(pool);
            assert_eq!(Arc::strong_count(&token), 1, "the pool is gone");
        }
    });
}

/// The timer ends with the last thread, but not before it has done what a guest has asked for meanwhile.
#[test]
fn a_guests_task_that_waits_for_its_time_is_not_forgotten_as_the_last_thread_leaves() {
    watched(|| {
        for size in SIZES {
            let (gate, (here, leaving)) = (Gate::default(), channel());
            let exit = gate.clone();
            let builder = ThreadPool::builder().num_threads(size);
            let builder = builder.exit_handler(move |_| {
                here.send(()).unwrap();
                exit.pass();
            });
            let pool = builder.build().unwrap();
            // So that there is a timer.
            pool.spawn_after(Duration::from_millis(1), || ())
                .join()
                .unwrap();
            pool.close();
            take(&leaving, size);
            pool.scope(|s| {
                let later = s.task().delay(Duration::from_millis(20));
                let later = later.spawn(|| 3);
                gate.open();
                while pool.stats().threads > 0 {
                    thread::yield_now();
                }
                assert_eq!(later.join().unwrap(), 3);
            });
        }
    });
}
