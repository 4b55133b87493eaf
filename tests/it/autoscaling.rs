//! Lifecycle: the autoscaler, on a virtual clock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use windrow::{AutoscaleError, Autoscaler, ThreadPool, ThreadPoolBuilder};

use crate::support::{Gate, pool};
use crate::watchdog::watched;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn deterministic(seed: u64) -> ThreadPoolBuilder {
    ThreadPoolBuilder::new()
        .deterministic(seed)
        .spare_threads(0)
}

fn sleepers(pool: &Arc<ThreadPool>, tasks: usize, time: Duration) {
    for _ in 0..tasks {
        let sleeper = pool.clone();
        drop(pool.spawn(move || sleeper.sleep(time)));
    }
}

#[test]
fn what_cannot_work_is_an_error() {
    watched(|| {
        for (min, max) in [(0, 1), (0, 0), (3, 2)] {
            match Autoscaler::new(min..=max).unwrap_err() {
                AutoscaleError::Bounds { min: a, max: b } => assert_eq!((a, b), (min, max)),
                error => panic!("{error}"),
            }
        }
        let pool = pool(1);
        let scaler = || Autoscaler::new(1..=2).unwrap();
        let error = scaler().interval(Duration::ZERO).start(&pool).unwrap_err();
        assert!(matches!(error, AutoscaleError::ZeroInterval));
        let error = scaler().queued_per_worker(0).start(&pool).unwrap_err();
        assert!(matches!(error, AutoscaleError::ZeroTasks));
        // Beyond what the clock can tell: never.
        drop(scaler().interval(Duration::MAX).start(&pool).unwrap());
        assert_eq!(pool.current_num_threads(), 1);
    });
}

#[test]
fn it_grows_with_the_queue_and_shrinks_when_idle() {
    watched(|| {
        for seed in 0..10 {
            let pool = Arc::new(deterministic(seed).build().unwrap());
            let start = pool.now();
            let scaler = Autoscaler::new(1..=4).unwrap();
            let scaler = scaler.interval(MS(10)).queued_per_worker(2).start(&pool);
            let _scaler = scaler.unwrap();
            pool.sleep(MS(25));
            assert_eq!(pool.current_num_threads(), 1, "there is nothing to do");
            // One runs, and three wait: two more are wanted.
            sleepers(&pool, 4, MS(100));
            pool.sleep(MS(1));
            assert_eq!((pool.stats().running, pool.stats().queued_total()), (1, 3));
            pool.sleep(MS(5));
            assert_eq!(pool.current_num_threads(), 3);
            assert_eq!((pool.stats().running, pool.stats().queued_total()), (3, 1));
            // Three run, and one waits: one more, which is the upper bound as well.
            pool.sleep(MS(10));
            assert_eq!((pool.current_num_threads(), pool.stats().running), (4, 4));
            sleepers(&pool, 50, MS(1));
            pool.sleep(MS(10));
            assert_eq!(pool.current_num_threads(), 4);
            pool.wait_idle();
            // Between two looks.
            let since = (pool.now() - start).as_nanos() as u64 % 10_000_000;
            pool.sleep(Duration::from_nanos(15_000_000 - since));
            pool.resize(4).unwrap();
            let sizes = [(); 5].map(|()| {
                pool.sleep(MS(10));
                pool.current_num_threads()
            });
            assert_eq!(sizes, [3, 2, 1, 1, 1]);
            assert_eq!(pool.stats().threads, 1);
        }
    });
}

#[test]
fn the_lower_bound_holds_from_the_first_look() {
    watched(|| {
        let pool = deterministic(1).build().unwrap();
        let scaler = Autoscaler::new(3..=5).unwrap().interval(MS(10));
        let scaler = scaler.start(&pool).unwrap();
        assert_eq!(pool.current_num_threads(), 1);
        pool.sleep(MS(10));
        assert_eq!(pool.current_num_threads(), 3);
        drop(scaler);
        pool.resize(8).unwrap();
        pool.sleep(MS(50));
        assert_eq!(pool.current_num_threads(), 8, "nobody looks any more");
    });
}

#[test]
fn a_rule_decides_within_the_bounds() {
    watched(|| {
        let pool = deterministic(1).build().unwrap();
        let wishes = [2, 0, 5, 100, 3];
        let (asked, seen) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(Mutex::new(Vec::new())),
        );
        let (count, sizes) = (asked.clone(), seen.clone());
        let scaler = Autoscaler::new(1..=6)
            .unwrap()
            .interval(MS(10))
            .rule(move |stats| {
                sizes.lock().unwrap().push(stats.workers);
                wishes[count.fetch_add(1, Ordering::SeqCst) % wishes.len()]
            });
        let _scaler = scaler.start(&pool).unwrap();
        // Never at the moment of a look.
        pool.sleep(MS(5));
        let sizes = wishes.map(|_| {
            pool.sleep(MS(10));
            pool.current_num_threads()
        });
        assert_eq!(sizes, [2, 1, 5, 6, 3]);
        assert_eq!(*seen.lock().unwrap(), [1, 2, 1, 5, 6]);
    });
}

#[test]
fn a_rule_that_panics_is_told_and_ends_the_scaler() {
    watched(|| {
        let told = Arc::new(AtomicUsize::new(0));
        let count = told.clone();
        let builder = deterministic(1).panic_handler(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let pool = builder.build().unwrap();
        let mut looks = 0;
        let scaler = Autoscaler::new(1..=6)
            .unwrap()
            .interval(MS(10))
            .rule(move |_| {
                looks += 1;
                if looks > 1 {
                    std::panic::resume_unwind(Box::new("a rule"));
                }
                4
            });
        let _scaler = scaler.start(&pool).unwrap();
        pool.sleep(MS(100));
        assert_eq!(
            (pool.current_num_threads(), told.load(Ordering::SeqCst)),
            (4, 1)
        );
        // The pool and its timer go on.
        assert_eq!(pool.spawn_after(MS(5), || 1).join().unwrap(), 1);
    });
}

#[test]
fn the_pool_may_end_first() {
    watched(|| {
        let pool = deterministic(1).build().unwrap();
        let scaler = Autoscaler::new(1..=6).unwrap().interval(MS(10));
        let scaler = scaler.rule(|_| 2).start(&pool).unwrap();
        drop(pool);
        drop(scaler);
        let pool = deterministic(1).build().unwrap();
        let scaler = Autoscaler::new(1..=6).unwrap().interval(MS(10));
        let _scaler = scaler.rule(|_| 2).start(&pool).unwrap();
        pool.shutdown();
        pool.sleep(MS(50));
        assert_eq!(pool.current_num_threads(), 1);
        // A real one, with a real clock, many times.
        for _ in 0..50 {
            let pool = self::pool(1);
            let scaler = Autoscaler::new(1..=3)
                .unwrap()
                .interval(Duration::from_micros(10));
            let flips = AtomicUsize::new(0);
            let rule = move |_: &windrow::Stats| 1 + flips.fetch_add(1, Ordering::SeqCst) % 3;
            let scaler = scaler.rule(rule).start(&pool).unwrap();
            for _ in 0..20 {
                pool.install(|| ());
            }
            drop(pool);
            drop(scaler);
        }
    });
}

#[test]
fn one_that_is_stopped_is_forgotten_at_once() {
    watched(|| {
        let pool = pool(1);
        let held = Arc::new(());
        let rule = Arc::clone(&held);
        let scaler = Autoscaler::new(1..=2).unwrap();
        let scaler = scaler
            .interval(Duration::from_secs(3600))
            .rule(move |_| Arc::strong_count(&rule));
        drop(scaler.start(&pool).unwrap());
        assert_eq!(Arc::strong_count(&held), 1);
    });
}

#[test]
fn the_last_owner_of_a_pool_may_be_a_rule() {
    watched(|| {
        let pool = Arc::new(pool(1));
        let (mut last, dropped) = (Some(Arc::clone(&pool)), Gate::default());
        let begin = dropped.clone();
        let scaler = Autoscaler::new(1..=2).unwrap().interval(MS(1));
        let running = scaler.rule(move |_| {
            begin.pass();
            drop(last.take());
            1
        });
        let running = running.start(&pool).unwrap();
        let handle = pool.spawn_after(MS(20), || "in its time");
        drop(pool);
        dropped.open();
        assert_eq!(handle.join().unwrap(), "in its time");
        drop(running);
    });
}

#[test]
fn a_rule_that_runs_while_its_handle_is_dropped_changes_nothing_any_more() {
    watched(|| {
        let (pool, (here, asks)) = (pool(1), channel());
        let (dropped, over) = (Gate::default(), channel::<()>());
        let (gate, end) = (dropped.clone(), over.0);
        let scaler = Autoscaler::new(1..=3).unwrap().interval(MS(1));
        let scaler = scaler.rule(move |_| {
            // Both are gone when it has run, and been dropped, for the last time.
            let _end = &end;
            here.send(()).unwrap();
            gate.pass();
            3
        });
        let scaler = scaler.start(&pool).unwrap();
        asks.recv().unwrap();
        drop(scaler);
        dropped.open();
        assert!(over.1.recv().is_err());
        assert_eq!(pool.current_num_threads(), 1);
    });
}

/// A rule that panics is dropped; the panic of that drop is reported as well.
#[test]
fn both_panics_of_a_rule_are_reported() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("in its drop"));
        }
    }
    watched(|| {
        let (report, reports) = channel();
        let builder = ThreadPool::builder().num_threads(1);
        let builder = builder.panic_handler(move |payload| {
            report.send(*payload.downcast::<&str>().unwrap()).unwrap();
        });
        let pool = builder.build().unwrap();
        let bomb = Bomb;
        let scaler = Autoscaler::new(1..=3).unwrap().interval(MS(1));
        let scaler = scaler.rule(move |_| {
            let _bomb = &bomb;
            std::panic::resume_unwind(Box::new("in the rule"))
        });
        let _scaler = scaler.start(&pool).unwrap();
        assert_eq!(reports.recv().unwrap(), "in the rule");
        assert_eq!(reports.recv().unwrap(), "in its drop");
    });
}

/// Beyond what a pool may have it grows as far as it may.
#[test]
fn bounds_without_end_are_those_of_a_pool() {
    watched(|| {
        let builder = ThreadPool::builder().num_threads(1);
        // There are 4095 threads at most.
        let pool = builder.spare_threads(4095 - 3).build().unwrap();
        let scaler = Autoscaler::new(1..=usize::MAX).unwrap().interval(MS(1));
        let _scaler = scaler.rule(|_| 1_000_000).start(&pool).unwrap();
        while pool.current_num_threads() != 3 {
            std::thread::yield_now();
        }
    });
}
