//! A queue with a capacity, from outside: who waits, who is refused, who runs the task itself, and what lets them go.
//! From inside of the pool: `backpressure_inside`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, ThreadId};
use std::time::Duration;

use windrow::{JoinHandle, QueueFull, RefusedReason, ThreadPool};

use crate::support::{Entry, Gate, Ledger, text};
use crate::watchdog::watched;

const SECOND: Duration = Duration::from_secs(1);

fn limited(num_threads: usize, capacity: usize, policy: QueueFull) -> ThreadPool {
    let builder = ThreadPool::builder().num_threads(num_threads);
    let builder = builder.queue_capacity(capacity).queue_full(policy);
    builder.build().unwrap()
}

/// Paused, with a full queue: the handles are those of what is queued.
fn full(capacity: usize, policy: QueueFull) -> (ThreadPool, Vec<JoinHandle<()>>) {
    let pool = limited(1, capacity, policy);
    pool.pause();
    let queued = (0..capacity).map(|_| pool.spawn(|| ())).collect();
    (pool, queued)
}

/// Without options and with.
const WAYS: [bool; 2] = [false, true];

fn spawn<T: Send + 'static>(
    pool: &ThreadPool,
    with_options: bool,
    f: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    if with_options {
        pool.task().name("optional").spawn(f)
    } else {
        pool.spawn(f)
    }
}

fn queued_and_waiting(pool: &ThreadPool) -> u64 {
    let stats = pool.stats();
    stats.queued_total() + stats.waiting
}

#[test]
fn never_more_than_the_capacity_are_queued_from_outside() {
    watched(|| {
        for size in [1, 2] {
            for capacity in [1, 2, 10] {
                let pool = limited(size, capacity, QueueFull::Block);
                let (ledger, accepted) = (Ledger::new(600), AtomicUsize::new(0));
                let started = Arc::new(AtomicUsize::new(0));
                thread::scope(|threads| {
                    for caller in 0..3 {
                        let (pool, ledger) = (&pool, &ledger);
                        let (accepted, started) = (&accepted, &started);
                        threads.spawn(move || {
                            for index in 0..200 {
                                let entry = ledger.entry(caller * 200 + index);
                                let starting = started.clone();
                                let task = move || {
                                    starting.fetch_add(1, Ordering::SeqCst);
                                    entry.run();
                                };
                                drop(spawn(pool, index % 2 == 0, task));
                                let accepted = accepted.fetch_add(1, Ordering::SeqCst) + 1;
                                let started = started.load(Ordering::SeqCst);
                                // Each worker may have one that has not said so yet.
                                let queued = accepted.saturating_sub(started);
                                assert!(queued <= capacity + size, "{queued} > {capacity}");
                            }
                        });
                    }
                });
                pool.wait_idle();
                ledger.assert_all_ran();
                assert_eq!(pool.stats().refused, 0);
            }
        }
    });
}

#[test]
fn exactly_the_capacity_is_accepted_of_a_crowd() {
    watched(|| {
        let pool = limited(2, 7, QueueFull::Refuse);
        pool.pause();
        let ledger = Ledger::new(400);
        thread::scope(|threads| {
            for caller in 0..4 {
                let (pool, ledger) = (&pool, &ledger);
                threads.spawn(move || {
                    for index in 0..100 {
                        let entry = ledger.entry(caller * 100 + index);
                        drop(spawn(pool, index % 2 == 0, move || entry.run()));
                    }
                });
            }
        });
        assert_eq!(queued_and_waiting(&pool), 7);
        assert_eq!(pool.stats().refused, 393);
        pool.resume();
        pool.wait_idle();
        let ran: usize = (0..400).map(|index| ledger.ran(index)).sum();
        assert_eq!((ran, pool.stats().submitted), (7, 7));
        assert!((0..400).all(|index| ledger.dropped(index) == 1));
    });
}

#[test]
fn a_capacity_of_zero_is_none() {
    watched(|| {
        let pool = limited(1, 0, QueueFull::Refuse);
        pool.pause();
        let handles: Vec<_> = (0..1_000)
            .map(|n| spawn(&pool, n % 2 == 0, move || n))
            .collect();
        assert_eq!(queued_and_waiting(&pool), 1_000);
        pool.resume();
        for (n, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.join().unwrap(), n);
        }
    });
}

#[test]
fn a_refused_task_says_so_and_is_dropped_once() {
    watched(|| {
        let (pool, queued) = full(3, QueueFull::Refuse);
        let ledger = Ledger::new(2);
        for (index, with_options) in WAYS.into_iter().enumerate() {
            let entry = ledger.entry(index);
            let handle = spawn(&pool, with_options, move || entry.run());
            assert!(handle.is_finished());
            let error = handle.join().unwrap_err();
            assert!(error.is_refused() && !error.is_cancelled() && !error.is_panic());
            let expected = "the task was refused: the pool's queue was full";
            assert_eq!(error.to_string(), expected);
            assert_eq!((ledger.ran(index), ledger.dropped(index)), (0, 1));
        }
        assert_eq!((pool.stats().refused, pool.stats().submitted), (2, 3));
        drop(queued);
        pool.resume();
    });
}

#[test]
fn try_spawn_gives_the_closure_back_under_every_policy() {
    watched(|| {
        for policy in [
            QueueFull::Block,
            QueueFull::BlockFor(Duration::MAX),
            QueueFull::Refuse,
            QueueFull::CallerRuns,
        ] {
            let (pool, queued) = full(2, policy);
            let ledger = Ledger::new(3);
            let entries = [0, 1, 2].map(|index| ledger.entry(index));
            let [first, second, third] = entries.map(|entry: Entry| {
                move || {
                    entry.run();
                    drop(entry);
                    "run after all"
                }
            });
            let is_full = |reason| matches!(reason, RefusedReason::Full { capacity: 2 });
            let refused = pool.try_spawn(first).unwrap_err();
            assert!(is_full(refused.reason));
            assert_eq!((refused.task)(), "run after all");
            let refused = pool.task().try_spawn(second).unwrap_err();
            assert!(is_full(refused.reason));
            assert_eq!((refused.task)(), "run after all");
            let refused = pool.spawn_timeout(Duration::ZERO, third).unwrap_err();
            assert!(is_full(refused.reason));
            // It is for the caller to drop as well.
            drop(refused.task);
            assert_eq!([0, 1, 2].map(|index| ledger.ran(index)), [1, 1, 0]);
            assert_eq!([0, 1, 2].map(|index| ledger.dropped(index)), [1, 1, 1]);
            assert_eq!(pool.stats().refused, 3);
            // There is room for one as soon as one has gone.
            assert!(queued[0].cancel());
            let accepted = pool.try_spawn(|| 1).unwrap();
            assert!(pool.try_spawn(|| 2).is_err());
            pool.resume();
            assert_eq!(accepted.join().unwrap(), 1);
        }
    });
}

#[test]
fn the_caller_runs_what_does_not_fit_itself() {
    watched(|| {
        let (pool, queued) = full(1, QueueFull::CallerRuns);
        for with_options in WAYS {
            let here = thread::current().id();
            let handle = spawn(&pool, with_options, || thread::current().id());
            assert!(handle.is_finished());
            assert_eq!(handle.join().unwrap(), here);
            // A panic is the task's, also here.
            let handle = spawn(&pool, with_options, || -> ThreadId { panic!("at home") });
            assert_eq!(text(&*handle.join().unwrap_err().into_panic()), "at home");
        }
        let (result, report) = pool.task().spawn(|| 1).join_report();
        assert_eq!((result.unwrap(), report.unwrap().worker), (1, None));
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.panicked, stats.refused), (3, 2, 0));
        assert_eq!(stats.queued_total(), 1);
        assert!(queued.into_iter().all(|handle| handle.cancel()));
        // There is room again: what comes now waits for a worker.
        let handle = pool.spawn(|| ());
        assert!(!handle.is_finished());
        pool.resume();
        handle.join().unwrap();
    });
}

/// Spawns from a thread of its own into a pool that is full; the outcome arrives when the spawn has come back.
fn blocked_submitter<'s>(
    threads: &'s thread::Scope<'s, '_>,
    pool: &'s ThreadPool,
    with_options: bool,
    entry: Entry,
) -> Receiver<JoinHandle<()>> {
    let (done, outcome) = channel();
    let (about_to, started) = channel();
    threads.spawn(move || {
        about_to.send(()).unwrap();
        let handle = spawn(pool, with_options, move || entry.run());
        done.send(handle).unwrap();
    });
    started.recv().unwrap();
    for _ in 0..100 {
        assert!(outcome.try_recv().is_err(), "there was no room");
        thread::yield_now();
    }
    outcome
}

#[test]
fn blocked_submitters_are_let_go_by_a_task_that_starts_or_is_cancelled() {
    watched(|| {
        type Release = fn(&ThreadPool, &[JoinHandle<()>]);
        let releases: [Release; 3] = [
            |pool, _| pool.resume(),
            |_, queued| assert!(queued[1].cancel()),
            |pool, queued| {
                assert!(queued[0].cancel());
                pool.resume();
            },
        ];
        for policy in [QueueFull::Block, QueueFull::BlockFor(Duration::MAX)] {
            for with_options in WAYS {
                for release in releases {
                    let (pool, queued) = full(2, policy);
                    let ledger = Ledger::new(1);
                    thread::scope(|threads| {
                        let entry = ledger.entry(0);
                        let outcome = blocked_submitter(threads, &pool, with_options, entry);
                        release(&pool, &queued);
                        let handle = outcome.recv().unwrap();
                        pool.resume();
                        handle.join().unwrap();
                    });
                    ledger.assert_all_ran();
                    assert_eq!(pool.stats().refused, 0);
                }
            }
        }
    });
}

#[test]
fn cancelling_tasks_with_options_lets_submitters_go() {
    watched(|| {
        let pool = limited(1, 2, QueueFull::Block);
        pool.pause();
        let token = windrow::CancelToken::new();
        let delayed = pool.task().cancel_token(&token).delay(Duration::MAX);
        let handles = [
            delayed.spawn(|| unreachable!()),
            pool.task().cancel_token(&token).spawn(|| unreachable!()),
        ];
        let ledger = Ledger::new(2);
        thread::scope(|threads| {
            let outcomes =
                [0, 1].map(|n| blocked_submitter(threads, &pool, n == 0, ledger.entry(n)));
            token.cancel();
            for outcome in outcomes {
                drop(outcome.recv().unwrap());
            }
        });
        pool.resume();
        pool.wait_idle();
        ledger.assert_all_ran();
        assert!(
            handles
                .into_iter()
                .all(|h| h.join().is_err_and(|e| e.is_cancelled()))
        );
    });
}

#[test]
fn shutting_the_pool_down_refuses_blocked_submitters() {
    watched(|| {
        for with_options in WAYS {
            for now in [false, true] {
                // The worker is busy, so that a shutdown cannot make room.
                let pool = limited(1, 1, QueueFull::Block);
                let (gate, (started, start)) = (Gate::default(), channel());
                let inside = gate.clone();
                let busy = pool.spawn(move || {
                    started.send(()).unwrap();
                    inside.pass();
                });
                start.recv().unwrap();
                let queued = pool.spawn(|| ());
                let ledger = Ledger::new(1);
                thread::scope(|threads| {
                    let outcome = blocked_submitter(threads, &pool, with_options, ledger.entry(0));
                    let pool = &pool;
                    threads.spawn(move || {
                        if now {
                            assert_eq!(pool.shutdown_now().len(), 1);
                        } else {
                            pool.shutdown();
                        }
                    });
                    let error = outcome.recv().unwrap().join().unwrap_err();
                    let expected = "the task was refused: the pool had been shut down";
                    assert_eq!(error.to_string(), expected);
                    gate.open();
                });
                assert_eq!((ledger.ran(0), ledger.dropped(0)), (0, 1));
                busy.join().unwrap();
                assert_eq!(queued.join().is_err_and(|e| e.is_cancelled()), now);
            }
        }
    });
}

#[test]
fn a_submitter_that_waits_for_a_time_gets_its_task_back_when_the_pool_ends() {
    watched(|| {
        let (pool, _queued) = full(1, QueueFull::Refuse);
        let ledger = Ledger::new(1);
        thread::scope(|threads| {
            let entry = ledger.entry(0);
            let (waits, pool) = (channel(), &pool);
            let waiting = threads.spawn(move || {
                waits.0.send(()).unwrap();
                pool.spawn_timeout(Duration::MAX, move || entry.run())
            });
            waits.1.recv().unwrap();
            // Before or after it has begun to wait.
            drop(pool.shutdown_now());
            let refused = waiting.join().unwrap().unwrap_err();
            assert!(matches!(refused.reason, RefusedReason::Closed));
            (refused.task)();
        });
        ledger.assert_all_ran();
    });
}

/// In order: a submitter's wait is the time that passes.
#[test]
fn blocking_lasts_until_there_is_room_or_as_long_as_the_policy_says() {
    watched(|| {
        for (policy, expected) in [
            (QueueFull::Block, (10, true)),
            (QueueFull::BlockFor(SECOND * 20), (10, true)),
            (QueueFull::BlockFor(SECOND * 3), (3, false)),
            (QueueFull::Refuse, (0, false)),
        ] {
            let builder = ThreadPool::builder().deterministic(1).queue_full(policy);
            let pool = builder.queue_capacity(1).build().unwrap();
            let delayed = pool.spawn_after(SECOND * 10, || "it counts while it is delayed");
            let start = pool.now();
            let handle = pool.spawn(|| ());
            assert_eq!(pool.now() - start, SECOND * expected.0, "{policy:?}");
            assert_eq!(handle.join().is_ok(), expected.1);
            delayed.join().unwrap();
            // A time of the caller's own counts more than the policy.
            let delayed = pool.spawn_after(SECOND * 10, || ());
            let start = pool.now();
            assert!(pool.spawn_timeout(SECOND * 4, || ()).is_err());
            assert_eq!(pool.now() - start, SECOND * 4);
            let accepted = pool.spawn_timeout(Duration::MAX, || 5).unwrap();
            assert_eq!(pool.now() - start, SECOND * 10);
            assert_eq!(accepted.join().unwrap(), 5);
            delayed.join().unwrap();
        }
    });
}
