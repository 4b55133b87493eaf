//! Waits of tasks for others: the pool must not run out of threads for what they wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use windrow::{UnstartedTask, WaitGroup};

use crate::support::{Tally, pool, pool_without_spares};

pub(crate) fn a_wait_group_hears_of_all() {
    let pool = pool(2);
    let group = WaitGroup::new();
    let ran = Tally::default();
    for _ in 0..2 {
        let (group, tally) = (group.clone(), ran.clone());
        drop(pool.spawn(move || {
            tally.add();
            drop(group);
        }));
    }
    group.wait();
    assert_eq!(ran.get(), 2);
}

pub(crate) fn a_wait_group_is_waited_for_by_the_only_worker() {
    let pool = pool(1);
    let waiter = pool.spawn(|| {
        let group = WaitGroup::new();
        let other = group.clone();
        drop(windrow::spawn(move || drop(other)));
        group.wait();
        1
    });
    assert_eq!(waiter.join().unwrap(), 1);
}

pub(crate) fn a_broadcast_reaches_each_worker() {
    let pool = pool(2);
    let other = pool.spawn(|| 1);
    assert_eq!(pool.broadcast(|index| index * 10), [0, 10]);
    assert_eq!(other.join().unwrap(), 1);
}

pub(crate) fn a_broadcast_from_a_worker_reaches_each_worker() {
    let pool = Arc::new(pool(2));
    let own = Arc::clone(&pool);
    let handle = pool.spawn(move || own.broadcast(|index| index));
    assert_eq!(handle.join().unwrap(), [0, 1]);
    drop(pool);
}

pub(crate) fn a_broadcast_is_not_run_within_a_wait_for_something_else() {
    let pool = pool(2);
    let waits: Arc<[AtomicBool; 8]> = Arc::default();
    let waiting = Arc::clone(&waits);
    let waiter = pool.spawn(move || {
        // On the thread that joins it, in the end, there is no broadcast.
        let own = &waiting[windrow::current_thread_index().unwrap_or(7)];
        windrow::scope(|s| {
            for _ in 0..2 {
                drop(s.spawn(shuttle::thread::yield_now));
            }
            own.store(true, Ordering::SeqCst);
        });
        own.store(false, Ordering::SeqCst);
    });
    let within = pool.broadcast(|index| waits[index].load(Ordering::SeqCst));
    assert_eq!(within, [false, false]);
    waiter.join().unwrap();
}

pub(crate) fn workers_wait_for_each_others_tasks() {
    let pool = pool_without_spares(2);
    let handles = [1, 2].map(|n| {
        pool.spawn(move || {
            let inner = windrow::spawn(move || n);
            windrow::join(|| n, || inner.join().unwrap())
        })
    });
    let results = handles.map(|handle| handle.join().unwrap());
    assert_eq!(results, [(1, 1), (2, 2)]);
}

pub(crate) fn a_task_blocks_on_a_later_one() {
    let pool = pool(1);
    let (send, receive) = shuttle::sync::mpsc::channel();
    let first = pool.spawn(move || windrow::blocking(move || receive.recv().unwrap()));
    let second = pool.spawn(move || send.send(5).unwrap());
    assert_eq!(first.join().unwrap(), 5);
    second.join().unwrap();
}

/// The pool does not know that one of its two threads stands still, so the other must hear of the second task.
pub(crate) fn a_task_blocks_unseen_on_a_later_one() {
    let pool = pool_without_spares(2);
    let (send, receive) = shuttle::sync::mpsc::channel();
    let first = pool.spawn(move || receive.recv().unwrap());
    let second = pool.spawn(move || send.send(5).unwrap());
    assert_eq!(first.join().unwrap(), 5);
    second.join().unwrap();
}

/// The same, where both may be in the deque of the first, or on their way there.
pub(crate) fn tasks_of_a_batch_block_unseen_on_each_other() {
    let pool = pool_without_spares(2);
    let (send, receive) = shuttle::sync::mpsc::channel();
    let parent = pool.spawn(move || {
        for _ in 0..2 {
            drop(windrow::spawn(|| ()));
        }
        let second = windrow::spawn(move || send.send(5).unwrap());
        let first = windrow::spawn(move || receive.recv().unwrap());
        (first, second)
    });
    let (first, second) = parent.join().unwrap();
    assert_eq!(first.join().unwrap(), 5);
    second.join().unwrap();
}

/// The last task is run by a letter, which is no task and does not end before the waiter has gone.
fn the_last_task_is_run_in_a_broadcast(run: fn()) {
    let pool = Arc::new(pool_without_spares(1));
    let other = Arc::clone(&pool);
    pool.broadcast(move |_| {
        let idle = Arc::clone(&other);
        let waiter = shuttle::thread::spawn(move || idle.wait_idle());
        run();
        waiter.join().unwrap();
    });
}

pub(crate) fn a_broadcast_joins_the_last_task() {
    the_last_task_is_run_in_a_broadcast(|| windrow::spawn(|| ()).join().unwrap());
}

pub(crate) fn a_broadcast_joins_the_last_task_with_options() {
    the_last_task_is_run_in_a_broadcast(|| windrow::task().spawn(|| ()).join().unwrap());
}

pub(crate) fn a_broadcast_yields_to_the_last_task() {
    the_last_task_is_run_in_a_broadcast(|| {
        windrow::scope(|s| {
            let task = s.spawn(|| ());
            while !task.is_finished() {
                windrow::yield_now();
            }
        });
    });
}

/// The thread stays inside.
pub(crate) fn the_body_of_a_scope_joins_the_last_task() {
    let pool = Arc::new(pool(1));
    pool.pause();
    let tasks = [pool.spawn(|| ()), pool.task().spawn(|| ())];
    let other = Arc::clone(&pool);
    let waiter = shuttle::thread::spawn(move || other.wait_idle());
    pool.scope(|_| {
        for task in tasks {
            task.join().unwrap();
        }
        waiter.join().unwrap();
    });
}

/// A worker runs it at its own place while it waits for the other pool.
pub(crate) fn a_worker_runs_the_last_task_of_its_pool_from_inside_another() {
    let (pool, there) = (Arc::new(pool_without_spares(1)), pool(1));
    let other = Arc::clone(&pool);
    pool.broadcast(move |_| {
        let idle = Arc::clone(&other);
        let waiter = shuttle::thread::spawn(move || idle.wait_idle());
        let begun = Tally::default();
        there.scope(|s| {
            drop(s.spawn(|| {
                begun.add();
                other.install(|| ());
            }));
            // It is the other pool's worker that runs it.
            while begun.get() == 0 {
                shuttle::thread::yield_now();
            }
        });
        waiter.join().unwrap();
    });
}

/// The task that was given back is none of the pool's, and does not end before the waiter has gone.
pub(crate) fn what_was_given_back_runs_the_last_task() {
    let pool = Arc::new(pool_without_spares(1));
    let other = Arc::clone(&pool);
    pool.broadcast(move |_| {
        let idle = Arc::clone(&other);
        drop(other.task().spawn(move || {
            let waiter = shuttle::thread::spawn(move || idle.wait_idle());
            windrow::scope(|s| s.spawn(|| ()).join().unwrap());
            waiter.join().unwrap();
        }));
        other
            .shutdown_now()
            .into_iter()
            .for_each(UnstartedTask::run);
    });
}
