//! A queue with a capacity, from inside of the pool: nobody there waits for room, which might be their own; and what
//! counts and what does not. From outside: `backpressure`.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use windrow::{JoinHandle, QueueFull, RateLimit, RefusedReason, ThreadPool};

use crate::support::{Gate, Ledger, on_a_worker, pool, take, yield_until};
use crate::watchdog::watched;

const SECOND: Duration = Duration::from_secs(1);

const POLICIES: [QueueFull; 4] = [
    QueueFull::Block,
    QueueFull::BlockFor(Duration::MAX),
    QueueFull::Refuse,
    QueueFull::CallerRuns,
];

fn limited(num_threads: usize, capacity: usize, policy: QueueFull) -> ThreadPool {
    let builder = ThreadPool::builder().num_threads(num_threads);
    let builder = builder.queue_capacity(capacity).queue_full(policy);
    builder.build().unwrap()
}

/// Spawns tasks of all kinds, and joins them.
fn submit_many(pool: &ThreadPool, ledger: &Ledger) -> (usize, usize) {
    let handles: Vec<_> = (0..90)
        .map(|index| {
            let entry = ledger.entry(index);
            match index % 3 {
                0 => pool.spawn(move || entry.run()),
                1 => pool.task().name("optional").spawn(move || entry.run()),
                _ => {
                    let timeout = Duration::from_secs(3600);
                    match pool.spawn_timeout(timeout, move || entry.run()) {
                        Ok(handle) => handle,
                        Err(refused) => {
                            assert!(matches!(refused.reason, RefusedReason::Full { .. }));
                            drop(refused.task);
                            pool.task().timeout(Duration::ZERO).spawn(|| ())
                        }
                    }
                }
            }
        })
        .collect();
    outcomes(handles)
}

/// How many have run and how many were refused.
fn outcomes(handles: Vec<JoinHandle<()>>) -> (usize, usize) {
    let (ran, lost): (Vec<_>, Vec<_>) = handles
        .into_iter()
        .map(JoinHandle::join)
        .partition(Result::is_ok);
    let lost = lost.into_iter().map(Result::unwrap_err);
    (ran.len(), lost.filter(|error| error.is_refused()).count())
}

fn assert_book(ledger: &Ledger, ran: usize) {
    assert_eq!((0..90).map(|index| ledger.ran(index)).sum::<usize>(), ran);
    assert!((0..90).all(|index| ledger.dropped(index) == 1));
}

#[test]
fn a_worker_that_submits_to_its_own_full_pool_finishes_under_every_policy() {
    watched(|| {
        for size in [1, 2] {
            for spares in [0, 1] {
                for policy in POLICIES {
                    let builder = ThreadPool::builder().num_threads(size);
                    let builder = builder.spare_threads(spares).queue_capacity(1);
                    let pool = Arc::new(builder.queue_full(policy).build().unwrap());
                    let ledger = Ledger::new(90);
                    let (inside, book) = (pool.clone(), ledger.clone());
                    let (ran, refused) = on_a_worker(&pool, move || submit_many(&inside, &book));
                    assert_eq!(ran + refused, 90);
                    if policy != QueueFull::Refuse {
                        assert_eq!(refused, 0, "{policy:?}");
                    }
                    assert_book(&ledger, ran);
                    assert_eq!(pool.stats().refused as usize, refused);
                }
            }
        }
    });
}

#[test]
fn a_guest_that_submits_to_the_full_pool_finishes_under_every_policy() {
    watched(|| {
        for policy in POLICIES {
            let pool = limited(1, 1, policy);
            let ledger = Ledger::new(90);
            let (ran, refused) = pool.scope(|s| {
                // The only worker is not to be had meanwhile.
                let (gate, (started, start)) = (Gate::default(), channel());
                let inside = gate.clone();
                let busy = pool.spawn(move || {
                    started.send(()).unwrap();
                    inside.pass();
                });
                start.recv().unwrap();
                let outcomes = submit_many(&pool, &ledger);
                s.spawn(move || gate.open()).join().unwrap();
                busy.join().unwrap();
                outcomes
            });
            assert_eq!(ran + refused, 90);
            assert_eq!(refused > 0, policy == QueueFull::Refuse);
            assert_book(&ledger, ran);
        }
    });
}

#[test]
fn what_a_worker_spawns_into_its_full_pool_is_queued_and_never_nested_in_its_task() {
    watched(|| {
        for policy in POLICIES {
            let pool = Arc::new(limited(1, 1, policy));
            let inside = pool.clone();
            let finished = on_a_worker(&pool, move || {
                let queued = inside.spawn(|| ());
                let plain = inside.spawn(|| ());
                let optional = inside.task().spawn(|| ());
                [queued, plain, optional].map(|handle| handle.is_finished())
            });
            // Whoever was refused is done at once.
            let refused = policy == QueueFull::Refuse;
            assert_eq!(finished, [false, refused, refused], "{policy:?}");
        }
    });
}

#[test]
fn tasks_that_spawn_tasks_fill_the_queue_from_inside_and_all_run() {
    fn tree(pool: &Arc<ThreadPool>, depth: u32, leaf: &(impl Fn() + Clone + Send + 'static)) {
        if depth == 0 {
            return leaf();
        }
        for with_options in [false, true] {
            let (inside, leaf) = (pool.clone(), leaf.clone());
            let task = move || tree(&inside, depth - 1, &leaf);
            drop(if with_options {
                pool.task().spawn(task)
            } else {
                pool.spawn(task)
            });
        }
    }
    watched(|| {
        for size in [1, 2] {
            for policy in POLICIES {
                if policy == QueueFull::Refuse {
                    continue;
                }
                let pool = Arc::new(limited(size, 2, policy));
                let (leaf, leaves) = channel();
                tree(&pool, 7, &move || leaf.send(()).unwrap());
                assert_eq!(leaves.iter().count(), 128);
                yield_until(|| Arc::strong_count(&pool) == 1);
            }
        }
    });
}

/// A worker of one pool that is inside of another one is still a thread of the first.
#[test]
fn a_worker_that_is_a_guest_elsewhere_does_not_wait_for_room_in_its_own_pool() {
    watched(|| {
        for policy in POLICIES {
            for how in 0..2 {
                let own = Arc::new(limited(1, 1, policy));
                let other = pool(1);
                let (inside, ledger) = (own.clone(), Ledger::new(90));
                let book = ledger.clone();
                let (ran, refused) = on_a_worker(&own, move || {
                    if how == 0 {
                        other.scope(|_| submit_many(&inside, &book))
                    } else {
                        // A task of the other pool, claimed and run in place by this worker.
                        other.pause();
                        let task = other.spawn(move || submit_many(&inside, &book));
                        let outcome = task.join().unwrap();
                        other.resume();
                        outcome
                    }
                });
                assert_eq!(ran + refused, 90);
                assert_eq!(refused > 0, policy == QueueFull::Refuse);
                assert_book(&ledger, ran);
            }
        }
    });
}

/// As `a_worker_that_is_a_guest_elsewhere...`, about the other thing that threads of a pool may do.
#[test]
fn a_worker_that_is_a_guest_elsewhere_may_spawn_while_its_own_pool_drains() {
    watched(|| {
        for builder in [
            ThreadPool::builder().num_threads(1),
            ThreadPool::builder().num_threads(1).queue_capacity(10),
        ] {
            let (own, other) = (Arc::new(builder.build().unwrap()), pool(1));
            let (gate, (started, start)) = (Gate::default(), channel());
            let (inside, held) = (own.clone(), gate.clone());
            let task = own.spawn(move || {
                other.scope(|_| {
                    started.send(()).unwrap();
                    held.pass();
                    let handles = [inside.spawn(|| 1), inside.task().spawn(|| 2)];
                    drop(inside);
                    handles
                })
            });
            start.recv().unwrap();
            thread::scope(|threads| {
                threads.spawn(|| own.shutdown());
                yield_until(|| own.is_shut_down());
                gate.open();
                let handles = task.join().unwrap();
                assert_eq!(handles.map(|handle| handle.join().ok()), [Some(1), Some(2)]);
            });
        }
    });
}

#[test]
fn scoped_and_installed_tasks_and_forks_do_not_count() {
    watched(|| {
        for policy in POLICIES {
            let pool = limited(1, 1, policy);
            let (gate, (started, start)) = (Gate::default(), channel());
            let inside = gate.clone();
            let busy = pool.spawn(move || {
                started.send(()).unwrap();
                inside.pass();
            });
            start.recv().unwrap();
            let queued = pool.spawn(|| ());
            assert!(pool.try_spawn(|| ()).is_err(), "it is full");
            let ran = pool.scope(|s| {
                let plain: Vec<_> = (0..50).map(|n| s.spawn(move || n)).collect();
                let optional: Vec<_> = (0..50).map(|n| s.task().spawn(move || n)).collect();
                let all = plain.into_iter().chain(optional);
                all.map(|handle| handle.join().unwrap()).sum::<u32>()
            });
            assert_eq!((ran, pool.join(|| 1, || 2)), (2 * 1225, (1, 2)));
            thread::scope(|threads| {
                let installing = threads.spawn(|| pool.install(|| 5));
                gate.open();
                assert_eq!(installing.join().unwrap(), 5);
            });
            for handle in [busy, queued] {
                handle.join().unwrap();
            }
            assert_eq!(pool.stats().refused, 1);
        }
    });
}

#[test]
fn what_has_started_does_not_count_even_while_it_waits_for_another_attempt() {
    watched(|| {
        let builder = ThreadPool::builder().deterministic(4).queue_capacity(1);
        let pool = builder.queue_full(QueueFull::Refuse).build().unwrap();
        let delayed = pool.spawn_after(SECOND, || ());
        assert!(pool.try_spawn(|| ()).is_err(), "a delayed task counts");
        assert!(
            pool.spawn_after(SECOND, || ())
                .join()
                .unwrap_err()
                .is_refused()
        );
        delayed.join().unwrap();
        let retry = windrow::Retry::attempts(2).unwrap();
        let retry = retry.backoff(windrow::Backoff::fixed(SECOND * 5));
        let again = pool.task().retry(retry);
        let again = again.spawn_with(|cx| if cx.attempt() == 1 { Err(()) } else { Ok(()) });
        pool.sleep(SECOND);
        assert_eq!(pool.stats().retried, 1);
        pool.try_spawn(|| ()).unwrap().join().unwrap();
        again.join().unwrap().unwrap();
    });
}

#[test]
fn tasks_that_wait_for_a_rate_limit_count() {
    watched(|| {
        let builder = ThreadPool::builder().deterministic(5).queue_capacity(2);
        let pool = builder.queue_full(QueueFull::Refuse).build().unwrap();
        let rate = RateLimit::new(1, SECOND, 1).unwrap();
        let spawn = || pool.task().rate_limit(&rate).try_spawn(|| ()).ok();
        let mut handles = Vec::from([spawn().unwrap()]);
        // In the time of a moment the first has run, and has used up the burst.
        pool.sleep(Duration::from_millis(1));
        handles.extend([spawn().unwrap(), spawn().unwrap()]);
        pool.sleep(Duration::from_millis(1));
        assert_eq!(pool.stats().waiting, 2);
        assert!(spawn().is_none(), "two are waiting already");
        pool.sleep(SECOND);
        handles.push(spawn().unwrap());
        handles.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn room_is_never_lost() {
    watched(|| {
        let pool = limited(2, 4, QueueFull::Refuse);
        let gate = Gate::default();
        for round in 0..200 {
            // Some run, some are cancelled, some panic, some come to nothing.
            let handles: Vec<_> = (0..8)
                .map(|index| match (round + index) % 4 {
                    0 => pool.spawn(|| ()),
                    1 => pool.task().spawn(|| ()),
                    2 => pool.task().timeout(Duration::ZERO).spawn(|| ()),
                    _ => pool.task().delay(Duration::from_micros(1)).spawn(|| ()),
                })
                .collect();
            for (index, handle) in handles.into_iter().enumerate() {
                if index % 2 == 0 {
                    handle.cancel();
                }
                drop(handle);
            }
            pool.wait_idle();
        }
        let (started, starts) = channel();
        for _ in 0..2 {
            let (started, gate) = (started.clone(), gate.clone());
            drop(pool.spawn(move || {
                started.send(()).unwrap();
                gate.pass();
            }));
        }
        take(&starts, 2);
        let accepted = (0..10).map(|_| pool.spawn(|| ()));
        let refused = accepted.filter(JoinHandle::is_finished).count();
        gate.open();
        assert_eq!(refused, 6, "exactly four fit");
    });
}

/// What other tests rely on.
#[test]
fn what_is_queued_after_a_pause_stays_queued_from_the_first_moment_of_a_pool() {
    watched(|| {
        for round in 0..500 {
            let pool = ThreadPool::new(1 + round % 3).unwrap();
            pool.pause();
            let handles: Vec<_> = (0..5)
                .map(|n| {
                    if n % 2 == 0 {
                        pool.spawn(|| ())
                    } else {
                        pool.task().spawn(|| ())
                    }
                })
                .collect();
            assert_eq!(pool.stats().queued_total(), 5);
            assert!(!handles.iter().any(JoinHandle::is_finished));
        }
    });
}

#[test]
fn a_deadline_that_passes_in_the_queue_makes_room() {
    watched(|| {
        let builder = ThreadPool::builder().deterministic(1).queue_capacity(1);
        let pool = builder.build().unwrap();
        let start = pool.now();
        let late = pool.task().delay(SECOND * 10).timeout(SECOND * 2);
        let late = late.spawn(|| unreachable!());
        let handle = pool.spawn(|| ());
        assert_eq!(pool.now() - start, SECOND * 2);
        handle.join().unwrap();
        assert!(late.join().unwrap_err().is_expired());
    });
}
