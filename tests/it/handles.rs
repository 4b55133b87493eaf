//! What the handles of tasks do: join, try_join, join_timeout, join_deadline, is_finished, cancel, and being forgotten.

use std::collections::HashMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{
    Bomb, Gate, SIZES, from_outside_and_inside, on_a_worker, on_every_pool, panic_of, pool,
    pool_without_spares, stall, text,
};
use crate::watchdog::watched;

#[test]
fn join_gives_back_what_the_closure_returned() {
    watched(|| {
        from_outside_and_inside(|pool| {
            assert_eq!(pool.spawn(|| ()).join().unwrap(), ());
            assert_eq!(pool.spawn(|| Box::new(7)).join().unwrap(), Box::new(7));
            assert_eq!(pool.spawn(|| [9_u64; 512]).join().unwrap(), [9; 512]);
            let map = pool
                .spawn(|| HashMap::from([(1, "one".to_owned())]))
                .join()
                .unwrap();
            assert_eq!(map[&1], "one");
        });
    });
}

#[test]
fn try_join_of_a_running_task_gives_the_handle_back() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let (started, gate) = (Gate::default(), Gate::default());
            let (here, held) = (started.clone(), gate.clone());
            let handle = pool.spawn(move || {
                here.open();
                held.pass();
                1
            });
            started.pass();
            assert!(!handle.is_finished());
            let handle = handle.try_join().expect_err("it is still running");
            let handle = handle
                .join_timeout(Duration::ZERO)
                .expect_err("it is still running");
            let handle = handle
                .join_timeout(Duration::from_nanos(1))
                .expect_err("it is still running");
            let mut handle = handle
                .join_deadline(Instant::now())
                .expect_err("it is still running");
            assert!(!handle.cancel(), "it has started");
            gate.open();
            let result = loop {
                match handle.try_join() {
                    Ok(result) => break result,
                    Err(back) => handle = back,
                }
                thread::yield_now();
            };
            assert_eq!(result.unwrap(), 1);
        }
    });
}

#[test]
fn try_join_never_runs_the_task() {
    watched(|| {
        on_every_pool(|pool| {
            let stalled = stall(pool);
            let handle = pool
                .spawn(|| 1)
                .try_join()
                .expect_err("nobody could have run it");
            assert!(!handle.is_finished());
            drop(stalled);
            assert_eq!(handle.join().unwrap(), 1);
            pool.scope(|s| {
                let stalled = stall(pool);
                let handle = s
                    .spawn(|| 2)
                    .try_join()
                    .expect_err("nobody could have run it");
                drop(stalled);
                assert_eq!(handle.join().unwrap(), 2);
            });
        });
    });
}

#[test]
fn the_longest_of_timeouts_does_not_overflow() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let work = || (0..100).for_each(|_| thread::yield_now());
            assert!(
                pool.spawn(work)
                    .join_timeout(Duration::MAX)
                    .is_ok_and(|result| result.is_ok())
            );
            assert!(
                pool.spawn(work)
                    .join_timeout(Duration::from_secs(u64::MAX))
                    .is_ok_and(|result| result.is_ok())
            );
            let far = Instant::now() + Duration::from_secs(u32::MAX.into());
            assert!(
                pool.spawn(work)
                    .join_deadline(far)
                    .is_ok_and(|result| result.is_ok())
            );
            pool.scope(|s| {
                assert!(
                    s.spawn(work)
                        .join_timeout(Duration::MAX)
                        .is_ok_and(|result| result.is_ok())
                );
                assert!(
                    s.spawn(work)
                        .join_deadline(far)
                        .is_ok_and(|result| result.is_ok())
                );
            });
        });
    });
}

#[test]
fn a_timed_join_on_the_only_worker_comes_back() {
    watched(|| {
        for timeout in [Duration::ZERO, Duration::from_millis(1)] {
            for pool in [pool(1), pool_without_spares(1)] {
                let result = on_a_worker(&pool, move || {
                    let handle = windrow::spawn(|| 1);
                    handle
                        .join_timeout(timeout)
                        .unwrap_or_else(|handle| handle.join())
                });
                assert_eq!(result.unwrap(), 1);
            }
            // Whoever has waited has its place again.
            let pool = pool_without_spares(1);
            let waited = on_a_worker(&pool, move || {
                windrow::spawn(|| ()).join_timeout(timeout).is_ok()
            });
            assert!(!waited, "nobody else could have run it");
            let stalled = stall(&pool);
            assert_eq!(pool.stats().active, 1);
            drop(stalled);
        }
    });
}

#[test]
fn a_finished_task_is_finished_for_every_way_to_ask() {
    watched(|| {
        on_every_pool(|pool| {
            let finished = || {
                let handle = pool.spawn(|| 1);
                while !handle.is_finished() {
                    thread::yield_now();
                }
                handle
            };
            assert!(finished().try_join().is_ok());
            assert!(finished().join_timeout(Duration::ZERO).is_ok());
            assert!(finished().join_deadline(Instant::now()).is_ok());
            assert!(!finished().cancel());
            assert_eq!(finished().join().unwrap(), 1);
        });
    });
}

#[test]
fn a_cancelled_task_is_over_at_once() {
    watched(|| {
        on_every_pool(|pool| {
            // The workers stand still all the while: nothing here needs one.
            let stalled = stall(pool);
            let [join, try_join, timed, dropped] =
                [1, 2, 3, 4].map(|number| pool.spawn(move || number));
            for handle in [&join, &try_join, &timed, &dropped] {
                assert!(handle.cancel());
                assert!(handle.is_finished());
            }
            drop(dropped);
            let error = join.join().unwrap_err();
            assert!(error.is_cancelled() && !error.is_panic());
            assert!(
                try_join
                    .try_join()
                    .is_ok_and(|result| result.is_err_and(|error| error.is_cancelled()))
            );
            assert!(
                timed
                    .join_timeout(Duration::MAX)
                    .is_ok_and(|result| result.is_err_and(|error| error.is_cancelled()))
            );
            pool.scope(|s| {
                let handle = s.spawn(|| ());
                assert!(handle.cancel() && handle.is_finished());
                assert!(handle.join().unwrap_err().is_cancelled());
            });
            drop(stalled);
        });
    });
}

#[test]
fn a_task_may_cancel_a_sibling() {
    watched(|| {
        on_every_pool(|pool| {
            for _ in 0..50 {
                let ran = AtomicUsize::new(0);
                let told = pool.scope(|s| {
                    let victim = s.spawn(|| ran.fetch_add(1, Ordering::SeqCst));
                    let canceller = s.spawn(move || (victim.cancel(), victim.join().is_err()));
                    canceller.join().unwrap()
                });
                assert_eq!(told.0, told.1);
                assert_eq!(ran.into_inner(), usize::from(!told.0));
            }
        });
    });
}

#[test]
fn a_forgotten_handle_is_a_detached_task() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let ran = Arc::new(AtomicUsize::new(0));
            for _ in 0..100 {
                let ran = ran.clone();
                std::mem::forget(pool.spawn(move || ran.fetch_add(1, Ordering::SeqCst)));
            }
            drop(pool);
            assert_eq!(ran.load(Ordering::SeqCst), 100);
        }
    });
}

#[test]
fn a_handle_is_joined_on_any_thread() {
    watched(|| {
        for size in SIZES {
            let (pool, other) = (pool(size), pool(1));
            let handles = [(); 3].map(|()| pool.spawn(|| 1));
            let [on_a_thread, on_another_pool, on_its_own] = handles;
            assert_eq!(
                thread::spawn(|| on_a_thread.join().unwrap())
                    .join()
                    .unwrap(),
                1
            );
            assert_eq!(other.install(|| on_another_pool.join().unwrap()), 1);
            assert_eq!(pool.install(|| on_its_own.join().unwrap()), 1);
        }
    });
}

#[test]
fn a_task_that_is_claimed_by_a_thread_outside_still_belongs_to_its_pool() {
    watched(|| {
        let pool = pool(5);
        let stalled = stall(&pool);
        let handle = pool.spawn(windrow::current_num_threads);
        assert_eq!(handle.join().unwrap(), 5);
        drop(stalled);
    });
}

#[test]
fn errors_of_join_say_what_happened() {
    watched(|| {
        let pool = pool(1);
        let stalled = stall(&pool);
        let handle = pool.spawn(|| ());
        handle.cancel();
        let cancelled: Box<dyn Error> = Box::new(handle.join().unwrap_err());
        drop(stalled);
        let panicked: Box<dyn Error> = Box::new(
            pool.spawn(|| assert!(pool_is_missing()))
                .join()
                .unwrap_err(),
        );
        assert!(cancelled.to_string().contains("cancel"), "{cancelled}");
        assert!(panicked.to_string().contains("panic"), "{panicked}");
        assert_ne!(format!("{cancelled:?}"), format!("{panicked:?}"));
    });
}

#[test]
fn the_panic_of_a_result_that_is_dropped_with_its_handle_is_the_droppers() {
    watched(|| {
        let pool = pool(1);
        let plain = pool.spawn(|| Bomb("plain"));
        let managed = pool.task().name("managed").spawn(|| Bomb("managed"));
        while !plain.is_finished() || !managed.is_finished() {
            thread::yield_now();
        }
        assert_eq!(text(&*panic_of(|| drop(plain))), "plain");
        assert_eq!(text(&*panic_of(|| drop(managed))), "managed");
    });
}

#[test]
fn a_cancelled_closure_may_be_the_last_to_own_its_pool() {
    watched(|| {
        for size in SIZES {
            let pool = Arc::new(pool(size));
            pool.pause();
            let owner = Arc::clone(&pool);
            let handle = pool.spawn(move || owner.current_num_threads());
            drop(pool);
            // Drops the closure, and so the pool, whose end waits for all of its tasks.
            assert!(handle.cancel());
            assert!(handle.join().unwrap_err().is_cancelled());
        }
    });
}

fn pool_is_missing() -> bool {
    false
}
