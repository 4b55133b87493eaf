//! Deterministic pools beside others: who is in the simulation, who is not, and who leaves it when.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use windrow::prelude::*;
use windrow::{ThreadPool, ThreadPoolBuilder, WaitGroup};

use crate::support::pool;
use crate::virtual_time::{MS, S, SEEDS, virtually, virtually_with};
use crate::watchdog::watched;

const HOUR: Duration = Duration::from_secs(3600);

fn deterministic(seed: u64) -> ThreadPool {
    let builder = ThreadPoolBuilder::new().deterministic(seed);
    builder.build().unwrap()
}

/// For a driver: an hour is over at once, which outside of a simulation would be one.
fn an_hour_passes(pool: &ThreadPool) {
    let before = pool.now();
    pool.sleep(HOUR);
    assert_eq!(pool.now() - before, HOUR);
}

/// Outside of every simulation: whoever waits with a timeout waits for others to come.
fn time_is_real() {
    for _ in 0..50 {
        let group = WaitGroup::new();
        let member = group.clone();
        let (go, gone) = channel();
        let other = thread::spawn(move || {
            gone.recv().unwrap();
            drop(member);
        });
        go.send(()).unwrap();
        assert!(
            group.wait_timeout(HOUR),
            "no time has passed, and all of it"
        );
        other.join().unwrap();
    }
}

#[test]
fn the_timer_of_a_plain_pool_keeps_real_time() {
    watched(|| {
        let plain = pool(1);
        for seed in SEEDS {
            let virtual_one = deterministic(seed);
            // From here on it has a timer.
            plain.task().delay(MS(1)).spawn(|| ()).join().unwrap();
            let later = plain.spawn_after(HOUR, || ());
            an_hour_passes(&virtual_one);
            an_hour_passes(&virtual_one);
            assert_eq!(plain.stats().waiting, 1);
            later.cancel();
        }
    });
}

#[test]
fn what_a_driver_hands_to_a_plain_pool_comes_in_that_ones_time() {
    watched(|| {
        let plain = pool(1);
        for seed in SEEDS {
            let virtual_one = deterministic(seed);
            // The virtual clock is now far ahead of the system's.
            an_hour_passes(&virtual_one);
            assert!(plain.now() < virtual_one.now());
            let delayed = plain.spawn_after(MS(1), || ());
            delayed.join().unwrap();
            let at = plain.now() + MS(1);
            plain.spawn_at(at, || ()).join().unwrap();
            let ticks = WaitGroup::new();
            let tick = Mutex::new(Some(ticks.clone()));
            let periodic = plain.spawn_every(MS(1), move || drop(tick.lock().unwrap().take()));
            ticks.wait();
            periodic.stop();
            periodic.join().unwrap();
            let late = plain.task().timeout(MS(1)).delay(HOUR).spawn(|| ());
            assert!(late.join().unwrap_err().is_expired());
        }
    });
}

#[test]
fn a_timeout_of_a_loop_keeps_to_the_time_in_which_it_began() {
    virtually(1, |_| {
        let plain = pool(1);
        // Virtual time stands still, and the system's does not.
        let within = (0..100).into_par_iter().timeout(Duration::from_nanos(1));
        assert_eq!(plain.install(|| within.count()).ok(), Some(100));
    });
}

#[test]
fn a_plain_pool_that_a_driver_builds_runs_by_itself() {
    virtually(1, |_| {
        let plain = pool(2);
        // The driver waits for the system, with the turn in hand.
        let (result, results) = channel();
        drop(plain.spawn(move || result.send(6 * 7).unwrap()));
        assert_eq!(results.recv(), Ok(42));
        // Two at a time.
        let (ball, balls) = channel();
        let catch = plain.spawn(move || balls.recv().unwrap());
        let throw = plain.spawn(move || ball.send(()).unwrap());
        catch.join().unwrap();
        throw.join().unwrap();
    });
}

#[test]
fn the_spares_of_a_plain_pool_run_by_themselves() {
    virtually(1, |_| {
        let plain = ThreadPool::builder().num_threads(1).spare_threads(1);
        let plain = plain.build().unwrap();
        let (ball, balls) = channel();
        let (ready, steady) = channel();
        let catch = plain.spawn(move || {
            windrow::blocking(|| {
                ready.send(()).unwrap();
                balls.recv().unwrap();
            })
        });
        steady.recv().unwrap();
        plain.spawn(move || ball.send(()).unwrap()).join().unwrap();
        catch.join().unwrap();
    });
}

/// Each waits for the next: the driver for a plain pool's task, that for a task of the simulation.
#[test]
fn members_and_others_wait_for_each_other() {
    virtually(1, |pool| {
        let plain = ThreadPool::new(1).unwrap();
        let start = pool.now();
        let inner = Arc::clone(pool);
        let outside = plain.spawn(move || inner.spawn(|| 6).join().unwrap() * 7);
        assert_eq!(outside.join().unwrap(), 42);
        let inner = Arc::clone(pool);
        assert_eq!(plain.install(move || inner.install(|| 42)), 42);
        let (a, b) = plain.join(|| pool.install(|| 6), || pool.spawn(|| 7).join().unwrap());
        assert_eq!(a * b, 42);
        drop(plain);
        assert_eq!(pool.now(), start, "nobody had an appointment");
    });
}

#[test]
fn an_outsider_may_be_the_first_to_need_the_timer() {
    virtually(1, |pool| {
        let start = pool.now();
        thread::scope(|s| {
            // While the driver has the turn.
            let handle = s.spawn(|| pool.spawn_after(HOUR, || ())).join().unwrap();
            handle.join().unwrap();
        });
        assert_eq!(pool.now() - start, HOUR);
    });
}

#[test]
fn an_outsider_may_need_the_timer_while_nobody_can_run() {
    virtually(1, |pool| {
        let start = pool.now();
        let group = WaitGroup::new();
        let member = group.clone();
        let inner = Arc::clone(pool);
        let outsider = thread::spawn(move || {
            drop(inner.spawn_after(HOUR, || drop(member)));
        });
        group.wait();
        assert_eq!(pool.now() - start, HOUR);
        outsider.join().unwrap();
    });
}

#[test]
fn an_outsider_may_be_the_first_to_need_a_spare() {
    let settings = |builder: ThreadPoolBuilder| builder.num_threads(1).spare_threads(1);
    virtually_with(settings, |pool| {
        let group = WaitGroup::new();
        let member = group.clone();
        let blocked = pool.spawn(move || group.wait());
        // The worker waits from now on.
        pool.sleep(MS(1));
        let start = pool.now();
        thread::scope(|s| {
            let task = || {
                pool.spawn({
                    let pool = Arc::clone(pool);
                    move || {
                        pool.sleep(HOUR);
                        drop(member);
                    }
                })
            };
            s.spawn(task).join().unwrap().join().unwrap();
        });
        blocked.join().unwrap();
        assert_eq!(pool.now() - start, HOUR);
    });
}

#[test]
fn a_driver_stays_for_the_last_of_its_pools() {
    watched(|| {
        for seed in SEEDS {
            let first = deterministic(seed);
            let second = deterministic(seed);
            drop(first);
            an_hour_passes(&second);
            let delayed = second.spawn_after(HOUR, || ());
            delayed.join().unwrap();
            let third = deterministic(seed);
            assert_eq!(third.now(), second.now());
            drop(second);
            an_hour_passes(&third);
            drop(third);
            time_is_real();
        }
    });
}

#[test]
fn a_driver_that_drops_a_pool_of_somebody_else_stays_in_its_own_simulation() {
    watched(|| {
        for seed in SEEDS {
            let own = deterministic(seed);
            let foreign = thread::spawn(move || deterministic(seed)).join().unwrap();
            drop(foreign);
            an_hour_passes(&own);
        }
    });
}

#[test]
fn a_task_that_drops_the_last_pool_stays_in_the_simulation() {
    watched(|| {
        for seed in SEEDS {
            let pools = [deterministic(seed), deterministic(seed)].map(Arc::new);
            let inner = Arc::clone(&pools[0]);
            let mine = pools.clone();
            let task = inner.spawn(move || {
                for pool in mine {
                    drop(pool);
                }
                let never = WaitGroup::new();
                let _member = never.clone();
                assert!(!never.wait_timeout(HOUR));
            });
            // It starts when the driver waits.
            drop((pools, inner));
            task.join().unwrap();
        }
    });
}

#[test]
fn a_driver_whose_pool_has_gone_elsewhere_begins_anew() {
    watched(|| {
        for seed in SEEDS {
            let pool = deterministic(seed);
            an_hour_passes(&pool);
            let then = pool.now();
            let group = WaitGroup::new();
            let member = group.clone();
            let elsewhere = thread::spawn(move || {
                drop(pool);
                drop(member);
            });
            group.wait();
            elsewhere.join().unwrap();
            let fresh = deterministic(seed);
            assert!(fresh.now() < then, "another simulation has another clock");
            drop(fresh);
            time_is_real();
        }
    });
}

#[test]
fn a_pool_that_cannot_be_built_leaves_nobody_in_a_simulation() {
    watched(|| {
        for panics_at in 0..2 {
            let named = move |index: usize| {
                assert_ne!(index, panics_at, "no name");
                format!("thread {index}")
            };
            let builder = || ThreadPoolBuilder::new().num_threads(2).deterministic(1);
            let build = || drop(builder().thread_name(named).build());
            assert!(catch_unwind(AssertUnwindSafe(build)).is_err());
            time_is_real();
            let nul = move |index| if index < panics_at { "a" } else { "\0" }.to_owned();
            assert!(builder().thread_name(nul).build().is_err());
            time_is_real();
            // Where a pool lives, the driver stays.
            let pool = deterministic(1);
            assert!(catch_unwind(AssertUnwindSafe(build)).is_err());
            an_hour_passes(&pool);
            assert!(builder().thread_name(nul).build().is_err());
            an_hour_passes(&pool);
            pool.spawn_after(S(1), || ()).join().unwrap();
        }
    });
}
