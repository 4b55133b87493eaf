//! `blocking`: another thread stands in for one that waits for something that the pool cannot see.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use windrow::{ThreadPool, blocking, current_thread_index};

use crate::support::{
    Gate, from_outside_and_inside, on_a_worker, on_every_pool, panic_of, pool, take, text,
    yield_until,
};
use crate::watchdog::watched;

fn with_spares(num_threads: usize, spares: usize) -> ThreadPool {
    let builder = ThreadPool::builder().num_threads(num_threads);
    builder.spare_threads(spares).build().unwrap()
}

/// Blocks, if `blocks`, until another task of the same pool, spawned here, has run.
fn wait_for_another_task(blocks: impl FnOnce(Receiver<u32>) -> u32) -> u32 {
    let (send, receive) = channel();
    drop(windrow::spawn(move || send.send(42).unwrap()));
    blocks(receive)
}

#[test]
fn another_task_runs_meanwhile_on_a_pool_of_one() {
    watched(|| {
        for size in [1, 2] {
            let pool = pool(size);
            for _ in 0..200 {
                let got = on_a_worker(&pool, || {
                    wait_for_another_task(|receive| blocking(|| receive.recv().unwrap()))
                });
                assert_eq!(got, 42);
            }
            // A worker that is on its way to bed is no help yet, so there may be a spare for each.
            assert!(pool.stats().spare <= size);
        }
    });
}

#[test]
fn a_blocking_section_in_another_is_a_plain_call() {
    watched(|| {
        let pool = pool(1);
        let got = on_a_worker(&pool, || {
            wait_for_another_task(|receive| {
                let inner = blocking(|| blocking(|| blocking(|| receive.recv().unwrap())));
                // The place is back: it can be lent again.
                let (send, receive) = channel();
                drop(windrow::spawn(move || send.send(inner).unwrap()));
                blocking(|| {
                    blocking(|| ());
                    receive.recv().unwrap()
                })
            })
        });
        assert_eq!(got, 42);
        yield_until(|| pool.stats().active == 0);
    });
}

#[test]
fn a_panic_inside_gives_the_place_back() {
    watched(|| {
        let pool = pool(1);
        for _ in 0..50 {
            let handle = pool.spawn(|| {
                let payload = panic_of(|| blocking(|| panic!("inside")));
                assert_eq!(text(&*payload), "inside");
                wait_for_another_task(|receive| blocking(|| receive.recv().unwrap()));
                blocking(|| -> () { panic!("and out") })
            });
            yield_until(|| handle.is_finished());
            let payload = handle.join().unwrap_err().into_panic();
            assert_eq!(text(&*payload), "and out");
        }
        yield_until(|| pool.stats().active == 0);
        // Exactly one place is there: two tasks do not overlap.
        assert_eq!(most_at_work(&pool, 50), 1);
    });
}

/// How many of many tasks are at work at the same time at most.
fn most_at_work(pool: &ThreadPool, tasks: usize) -> usize {
    let meter = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    for _ in 0..tasks {
        let meter = meter.clone();
        drop(pool.spawn(move || {
            let now = meter.0.fetch_add(1, Ordering::SeqCst) + 1;
            meter.1.fetch_max(now, Ordering::SeqCst);
            thread::yield_now();
            meter.0.fetch_sub(1, Ordering::SeqCst);
        }));
    }
    pool.wait_idle();
    meter.1.load(Ordering::SeqCst)
}

#[test]
fn waits_of_all_kinds_work_inside() {
    fn all_kinds() -> u32 {
        blocking(|| {
            let (a, b) = windrow::join(|| 1, || 2);
            let c = windrow::spawn(|| 4).join().unwrap();
            let d = windrow::scope(|s| {
                let plain = s.spawn(|| 8);
                let nested = s.spawn(|| blocking(|| windrow::join(|| 16, || 32)));
                let (e, f) = nested.join().unwrap();
                plain.join().unwrap() + e + f
            });
            let group = windrow::TaskGroup::<u32>::new();
            group.spawn(|| Ok(blocking(|| windrow::spawn(|| 64).join().unwrap())));
            a + b + c + d + group.wait().unwrap()[0]
        })
    }
    watched(|| {
        from_outside_and_inside(|pool| {
            assert_eq!(pool.install(all_kinds), 127);
            assert_eq!(pool.scope(|_| all_kinds()), 127);
        });
        // Without spares nobody stands in; what is waited for is run by who waits.
        on_every_pool(|pool| {
            assert_eq!(on_a_worker(pool, all_kinds), 127);
            let handles: Vec<_> = (0..20).map(|_| pool.spawn(all_kinds)).collect();
            yield_until(|| handles.iter().all(|handle| handle.is_finished()));
            assert!(handles.into_iter().all(|h| h.join().unwrap() == 127));
        });
    });
}

/// Spawns tasks that all block at once; says how many have come so far when nobody else can.
fn blocked(pool: &ThreadPool, tasks: usize, can: usize) -> (Gate, Receiver<Option<usize>>) {
    let (gate, (here, arrivals)) = (Gate::default(), channel());
    for _ in 0..tasks {
        let (gate, here) = (gate.clone(), here.clone());
        drop(pool.spawn(move || {
            here.send(current_thread_index()).unwrap();
            blocking(|| gate.pass());
        }));
    }
    let indices = take(&arrivals, can);
    assert!(
        indices
            .iter()
            .all(|index| index.is_some_and(|index| index < can))
    );
    let distinct: HashSet<_> = indices.into_iter().collect();
    assert_eq!(distinct.len(), can, "each on a thread of its own");
    (gate, arrivals)
}

#[test]
fn no_more_spares_stand_in_than_there_may_be() {
    watched(|| {
        for (size, spares) in [(1, 0), (1, 1), (2, 3), (1, 7)] {
            let pool = with_spares(size, spares);
            let can = size + spares;
            let (gate, arrivals) = blocked(&pool, can + 5, can);
            let stats = pool.stats();
            assert_eq!((stats.threads, stats.spare), (can, spares));
            assert_eq!(stats.queued_total(), 5);
            assert!(arrivals.try_recv().is_err(), "there is nobody else");
            gate.open();
            take(&arrivals, 5);
            pool.wait_idle();
            assert_eq!(pool.stats().threads, can);
            assert_eq!(pool.stats().completed as usize, can + 5);
        }
    });
}

#[test]
fn many_block_at_once_on_small_pools() {
    watched(|| {
        for size in [1, 2, 8] {
            // All of them have to be there for any of them to go on.
            let pool = with_spares(size, 64 - size);
            let barrier = Arc::new(Barrier::new(64));
            for _ in 0..3 {
                let handles: Vec<_> = (0..64)
                    .map(|_| {
                        let barrier = barrier.clone();
                        pool.spawn(move || blocking(|| barrier.wait().is_leader()))
                    })
                    .collect();
                yield_until(|| handles.iter().all(|handle| handle.is_finished()));
                let leaders = handles.into_iter().map(|handle| handle.join().unwrap());
                assert_eq!(leaders.filter(|leads| *leads).count(), 1);
            }
            assert_eq!(pool.stats().threads, 64);
            // Afterwards the pool is as large as it says.
            yield_until(|| pool.stats().active == 0);
        }
    });
}

#[test]
fn outside_of_a_pool_it_is_a_plain_call() {
    watched(|| {
        let here = thread::current().id();
        assert_eq!(blocking(|| thread::current().id()), here);
        assert_eq!(text(&*panic_of(|| blocking(|| panic!("out")))), "out");
    });
}

#[test]
fn a_guest_blocks_in_a_scope_while_its_tasks_are_run_by_others() {
    watched(|| {
        for size in [1, 2] {
            let pool = pool(size);
            for _ in 0..50 {
                let got = pool.scope(|s| {
                    let (send, receive) = channel();
                    drop(s.spawn(move || send.send(7).unwrap()));
                    blocking(|| receive.recv().unwrap())
                });
                assert_eq!(got, 7);
                let (got, ()) = pool.join(
                    || wait_for_another_task(|receive| blocking(|| receive.recv().unwrap())),
                    || (),
                );
                assert_eq!(got, 42);
            }
        }
    });
}

/// Its own pool has lost a worker as well.
#[test]
fn a_worker_that_blocks_as_the_guest_of_another_pool_lends_its_own_place() {
    watched(|| {
        let (own, other) = (Arc::new(pool(1)), pool(1));
        let inside = own.clone();
        let got = on_a_worker(&own, move || {
            let (send, receive) = channel();
            drop(inside.spawn(move || send.send(5).unwrap()));
            other.scope(|_| blocking(|| receive.recv().unwrap()))
        });
        assert_eq!(got, 5);
    });
}

#[test]
fn a_pool_that_ends_waits_for_those_that_block() {
    watched(|| {
        let pool = pool(1);
        let (gate, ran) = (Gate::default(), Arc::new(AtomicUsize::new(0)));
        let (here, arrivals) = channel();
        for _ in 0..2 {
            let (gate, ran, here) = (gate.clone(), ran.clone(), here.clone());
            drop(pool.spawn(move || {
                here.send(()).unwrap();
                blocking(|| gate.pass());
                // Still a task of the pool: it may go on with it.
                ran.fetch_add(windrow::spawn(|| 1).join().unwrap(), Ordering::SeqCst);
            }));
        }
        take(&arrivals, 2);
        thread::scope(|threads| {
            threads.spawn(|| pool.shutdown());
            yield_until(|| pool.is_shut_down());
            gate.open();
        });
        assert_eq!(ran.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn what_was_left_to_a_spare_that_does_not_start_is_run() {
    watched(|| {
        let ((name, named), nameless) = (channel(), Gate::default());
        let hold = nameless.clone();
        let pool = ThreadPool::builder()
            .num_threads(1)
            .spare_threads(1)
            .panic_handler(drop)
            .thread_name(move |index| {
                if index == 1 {
                    name.send(()).unwrap();
                    hold.pass();
                    panic!("there is no name for it");
                }
                String::new()
            })
            .build()
            .unwrap();
        let ((block, blocks), free) = (channel(), Gate::default());
        let go_on = free.clone();
        let handle = pool.spawn(move || {
            blocking(|| {
                block.send(()).unwrap();
                go_on.pass();
            });
        });
        blocks.recv().unwrap();
        thread::scope(|s| {
            s.spawn(|| drop(pool.spawn(|| ())));
            named.recv().unwrap();
            // The worker comes back and goes to bed, as the spare is thought to be at work.
            free.open();
            handle.join().unwrap();
            yield_until(|| pool.stats().active == 1);
            nameless.open();
            pool.wait_idle();
        });
    });
}

#[test]
fn a_wait_with_a_deadline_tells_the_others_of_a_stall() {
    watched(|| {
        let (pool, elsewhere) = (Arc::new(with_spares(2, 0)), pool(1));
        let (ran, has_run) = channel::<()>();
        let awaited = elsewhere.spawn(move || has_run.recv().unwrap());
        let patience = Gate::default();
        let begin = patience.clone();
        let (busy, is_busy) = channel();
        let waiter = pool.spawn(move || {
            busy.send(()).unwrap();
            begin.pass();
            awaited
                .join_timeout(Duration::from_secs(3600))
                .unwrap()
                .unwrap();
        });
        is_busy.recv().unwrap();
        let inner = Arc::clone(&pool);
        let scope = pool.spawn(move || {
            inner.scope(|s| {
                // From a thread of no pool, so that it waits in the pool's own queue.
                thread::scope(|threads| {
                    threads.spawn(|| drop(s.spawn(move || ran.send(()).unwrap())));
                });
            });
        });
        yield_until(|| pool.stats().active == 1);
        patience.open();
        scope.join().unwrap();
        waiter.join().unwrap();
    });
}
