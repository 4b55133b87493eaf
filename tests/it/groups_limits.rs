//! Groups within limits: their own, and that of the pool's queue; and what the options of a task do to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use windrow::{
    Backoff, Outcome, Priority, QueueFull, Retry, TaskError, TaskGroup, ThreadPool,
    ThreadPoolBuilder,
};

use crate::support::{
    Gate, Ledger, on_a_worker, on_every_pool, pool, pool_that_reports, pool_without_spares, take,
    yield_until,
};
use crate::watchdog::watched;

const SECOND: Duration = Duration::from_secs(1);

/// How many are at work, and the most there have been.
#[derive(Clone, Default)]
struct Meter(Arc<(AtomicUsize, AtomicUsize)>);

impl Meter {
    fn pass<T>(&self, work: impl FnOnce() -> T) -> T {
        /// Leaves by unwinding, too.
        struct Inside<'m>(&'m AtomicUsize);
        impl Drop for Inside<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        let now = self.0.0.fetch_add(1, Ordering::SeqCst) + 1;
        let _inside = Inside(&self.0.0);
        self.0.1.fetch_max(now, Ordering::SeqCst);
        work()
    }

    fn most(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

#[test]
fn never_more_than_the_limit_are_at_work() {
    watched(|| {
        for size in [1, 2, 8] {
            for limit in [1, 2, 3, 100] {
                for pool in [pool(size), pool_without_spares(size)] {
                    let (meter, ledger) = (Meter::default(), Ledger::new(300));
                    let group = pool.group::<(), ()>().max_concurrent(limit);
                    for index in 0..300 {
                        let (meter, entry) = (meter.clone(), ledger.entry(index));
                        group.spawn(move || {
                            meter.pass(|| {
                                thread::yield_now();
                                entry.run();
                                assert!(index % 5 != 0, "now and then");
                                if index % 7 == 0 { Err(()) } else { Ok(()) }
                            })
                        });
                    }
                    assert_eq!(group.wait_all().len(), 300);
                    ledger.assert_all_ran();
                    assert!(meter.most() <= limit, "{} > {limit}", meter.most());
                }
            }
        }
    });
}

#[test]
fn as_many_as_the_limit_are_at_work_at_a_time_and_all_of_them_without_one() {
    watched(|| {
        for (limit, tasks) in [(2, 2), (3, 3), (0, 8)] {
            let pool = pool(8);
            let group = pool.group::<(), ()>().max_concurrent(limit);
            let (arrived, arrivals) = channel();
            let gate = Gate::default();
            for _ in 0..8 {
                let (arrived, gate) = (arrived.clone(), gate.clone());
                group.spawn(move || {
                    arrived.send(()).unwrap();
                    gate.pass();
                    Ok(())
                });
            }
            take(&arrivals, tasks);
            let queued = pool.stats().queued_total();
            assert_eq!(queued, 0, "the others wait in the group");
            assert_eq!(pool.stats().waiting as usize, 8 - tasks);
            assert!(arrivals.try_recv().is_err());
            gate.open();
            group.wait().unwrap();
        }
    });
}

#[test]
fn a_group_of_one_runs_in_the_order_of_spawning() {
    watched(|| {
        on_every_pool(|pool| {
            let (ran, order) = channel();
            let group = pool.group::<(), ()>().max_concurrent(1);
            for index in 0..500 {
                let ran = ran.clone();
                group.spawn(move || {
                    ran.send(index).unwrap();
                    Ok(())
                });
            }
            group.wait().unwrap();
            assert_eq!(take(&order, 500), (0..500).collect::<Vec<_>>());
        });
    });
}

#[test]
fn limited_groups_nest_and_wait_in_tasks_on_every_pool() {
    fn nest(depth: u32) -> usize {
        if depth == 0 {
            return 1;
        }
        let group = TaskGroup::<usize>::new().max_concurrent(1);
        for _ in 0..3 {
            group.spawn(move || Ok(nest(depth - 1)));
        }
        group.wait().unwrap().into_iter().sum()
    }
    watched(|| {
        on_every_pool(|pool| {
            assert_eq!(on_a_worker(pool, || nest(4)), 81);
            assert_eq!(pool.scope(|_| nest(4)), 81);
        });
    });
}

#[test]
fn held_tasks_are_cancelled_without_a_place_and_the_place_is_given_back() {
    watched(|| {
        on_every_pool(|pool| {
            let (ledger, gate) = (Ledger::new(100), Gate::default());
            let group = pool.group::<(), ()>().max_concurrent(1).fail_fast(true);
            let (inside, (started, start)) = (gate.clone(), channel());
            group.spawn(move || {
                started.send(()).unwrap();
                inside.pass();
                Err(())
            });
            start.recv().unwrap();
            for index in 0..100 {
                let entry = ledger.entry(index);
                group.spawn(move || {
                    entry.run();
                    Ok(())
                });
            }
            gate.open();
            let error = group.wait().unwrap_err();
            assert!(matches!(error, TaskError::Failed(())), "{error:?}");
            for index in 0..100 {
                assert_eq!((ledger.ran(index), ledger.dropped(index)), (0, 1));
            }
        });
    });
}

fn capacity(num_threads: usize, capacity: usize, policy: QueueFull) -> ThreadPool {
    let builder = ThreadPool::builder().num_threads(num_threads);
    let builder = builder.queue_capacity(capacity).queue_full(policy);
    builder.build().unwrap()
}

const POLICIES: [QueueFull; 3] = [
    QueueFull::Block,
    QueueFull::BlockFor(Duration::MAX),
    QueueFull::CallerRuns,
];

#[test]
fn a_group_with_a_full_queue_is_filled_from_outside_and_inside() {
    fn fill(group: TaskGroup<usize>, ledger: &Ledger) -> Vec<usize> {
        for index in 0..200 {
            let entry = ledger.entry(index);
            group.spawn(move || {
                entry.run();
                Ok(index)
            });
        }
        group.wait().unwrap()
    }
    watched(|| {
        let all: Vec<usize> = (0..200).collect();
        for size in [1, 2] {
            for policy in POLICIES {
                for limit in [0, 1, 3] {
                    let pool = Arc::new(capacity(size, 1, policy));
                    let ledger = Ledger::new(200);
                    assert_eq!(fill(pool.group().max_concurrent(limit), &ledger), all);
                    ledger.assert_all_ran();
                    let ledger = Ledger::new(200);
                    let (inside, line) = (pool.clone(), ledger.clone());
                    let filled = on_a_worker(&pool, move || {
                        fill(inside.group().max_concurrent(limit), &line)
                    });
                    assert_eq!(filled, all);
                    ledger.assert_all_ran();
                    let ledger = Ledger::new(200);
                    let guest = pool.scope(|_| fill(pool.group().max_concurrent(limit), &ledger));
                    assert_eq!(guest, all);
                    ledger.assert_all_ran();
                }
            }
        }
    });
}

#[test]
fn tasks_that_a_full_queue_refuses_say_so_in_their_results() {
    watched(|| {
        let pool = capacity(1, 3, QueueFull::Refuse);
        pool.pause();
        let ledger = Ledger::new(10);
        let group = pool.group::<(), ()>().max_concurrent(2);
        for index in 0..10 {
            let entry = ledger.entry(index);
            group.spawn(move || {
                entry.run();
                Ok(())
            });
        }
        assert_eq!(pool.stats().refused, 7);
        pool.resume();
        for (index, result) in group.wait_all().into_iter().enumerate() {
            let accepted = index < 3;
            assert_eq!(ledger.ran(index), usize::from(accepted));
            assert_eq!(ledger.dropped(index), 1);
            match result {
                Ok(()) => assert!(accepted),
                Err(TaskError::Lost(error)) => assert!(!accepted && error.is_refused()),
                Err(error) => panic!("{error:?}"),
            }
        }
    });
}

/// pond a2e34e8: a task group that was stopped while its pool's queue was full never ended.
#[test]
fn a_group_that_is_cancelled_while_somebody_waits_for_room_ends() {
    watched(|| {
        for size in [1, 2] {
            for limit in [0, 1] {
                let pool = capacity(size, 2, QueueFull::Block);
                pool.pause();
                let group = pool.group::<(), ()>().max_concurrent(limit);
                let ledger = Ledger::new(50);
                let (blocked, blocks) = channel();
                thread::scope(|threads| {
                    let (group, ledger) = (&group, &ledger);
                    threads.spawn(move || {
                        for index in 0..50 {
                            blocked.send(index).unwrap();
                            let entry = ledger.entry(index);
                            group.spawn(move || {
                                entry.run();
                                Ok(())
                            });
                        }
                    });
                    // The third finds no room: nobody works here.
                    take(&blocks, 3);
                    group.cancel();
                });
                pool.resume();
                let results = group.wait_all();
                assert_eq!(results.len(), 50);
                assert!(results.into_iter().all(|r| r.unwrap_err().is_cancelled()));
                for index in 0..50 {
                    assert_eq!((ledger.ran(index), ledger.dropped(index)), (0, 1));
                }
            }
        }
    });
}

fn in_order(seed: u64) -> ThreadPool {
    let builder = ThreadPoolBuilder::new().deterministic(seed);
    builder.build().unwrap()
}

#[test]
fn tasks_of_a_group_may_be_delayed_and_have_deadlines() {
    watched(|| {
        for seed in 0..10 {
            let pool = in_order(seed);
            let start = pool.now();
            let mut group = pool.group::<(), ()>();
            group.task().delay(2 * SECOND).spawn(|| Ok(()));
            group.task().delay(SECOND).spawn(|| Ok(()));
            let late = group.task().delay(5 * SECOND).timeout(3 * SECOND);
            late.spawn(|| unreachable!());
            let mut next = || {
                let (index, result) = group.join_next().unwrap();
                (index, pool.now() - start, result.is_ok())
            };
            assert_eq!(next(), (1, SECOND, true));
            assert_eq!(next(), (0, 2 * SECOND, true));
            assert_eq!(next(), (2, 3 * SECOND, false));
            assert!(group.join_next().is_none());
        }
    });
}

#[test]
fn a_task_that_is_late_keeps_its_place_in_the_group_until_it_stops() {
    watched(|| {
        let pool = Arc::new(in_order(1));
        let (meter, start) = (Meter::default(), pool.now());
        let mut group = pool.group::<u32, ()>().max_concurrent(1);
        let (inside, late) = (pool.clone(), meter.clone());
        group.task().timeout(SECOND).spawn(move || {
            late.pass(|| inside.sleep(3 * SECOND));
            Ok(0)
        });
        let next = meter.clone();
        group.spawn(move || next.pass(|| Ok(1)));
        let (index, result) = group.join_next().unwrap();
        let Err(TaskError::Lost(error)) = result else {
            panic!("it was late")
        };
        assert!(index == 0 && error.is_expired());
        assert_eq!(pool.now() - start, SECOND);
        assert_eq!(group.join_next().unwrap().1.unwrap(), 1);
        assert_eq!(pool.now() - start, 3 * SECOND);
        assert!(group.join_next().is_none());
        assert_eq!((meter.most(), pool.stats().late), (1, 1));
    });
}

#[test]
fn tasks_of_a_group_are_tried_again_and_report_when_they_have_ended() {
    fn tried_again(seed: u64) {
        let pool = in_order(seed);
        let start = pool.now();
        let group = pool.group::<u32, String>();
        let (report, reports) = channel();
        for (name, needed) in [("second time", 2), ("never", 4)] {
            let report = report.clone();
            let retry = Retry::attempts(3).unwrap();
            let task = group.task().name(name).on_complete(move |done| {
                report
                    .send((done.name.clone().unwrap(), done.outcome, done.attempts))
                    .unwrap();
            });
            let task = task.retry(retry.backoff(Backoff::fixed(SECOND)));
            task.spawn_with(move |cx| match cx.attempt() {
                n if n == needed => Ok(n),
                n => Err(format!("{name} {n}")),
            });
        }
        let results = group.wait_all();
        // The other one fails for good only after that: what is tried again has not failed.
        assert_eq!(*results[0].as_ref().unwrap(), 2);
        let error = results[1].as_ref().unwrap_err();
        assert_eq!(error.to_string(), "never 3");
        assert_eq!(pool.now() - start, 2 * SECOND);
        let mut reports: Vec<_> = reports.try_iter().collect();
        reports.sort_by_key(|(name, ..)| name.clone());
        let expected = [
            ("never".into(), Outcome::Failed, 3),
            ("second time".into(), Outcome::Completed, 2),
        ];
        assert_eq!(reports, expected);
    }
    watched(|| (0..20).for_each(tried_again));
}

#[test]
fn a_panic_of_a_callback_is_reported_and_the_group_ends() {
    watched(|| {
        let (pool, reports) = pool_that_reports(1);
        let group = pool.group::<u32, ()>();
        let task = group.task().on_complete(|_| panic!("the callback"));
        task.priority(Priority::High).spawn(|| Ok(1));
        assert_eq!(group.wait().unwrap(), [1]);
        yield_until(|| reports.try_iter().any(|text| text == "the callback"));
    });
}
