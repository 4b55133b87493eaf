//! What changes a pool, while something else does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use windrow::{ThreadPool, UnstartedTask};

use crate::support::{Tally, build, pool, pool_without_spares};

/// Runs `f` on a thread outside of the pool, beside `g`.
fn beside<T: Send + 'static, R>(
    pool: &Arc<ThreadPool>,
    f: impl FnOnce(&ThreadPool) -> T + Send + 'static,
    g: impl FnOnce() -> R,
) -> (T, R) {
    let other = Arc::clone(pool);
    let thread = shuttle::thread::spawn(move || f(&other));
    let own = g();
    (thread.join().unwrap(), own)
}

pub(crate) fn spawning_beside_shutdown_now() {
    let pool = Arc::new(pool(2));
    let ran = Tally::default();
    let tally = ran.clone();
    let submit = move |pool: &ThreadPool| {
        let spawned = [1, 2].map(|_| {
            let tally = tally.clone();
            pool.try_spawn(move || tally.add()).is_ok()
        });
        spawned.into_iter().filter(|accepted| *accepted).count()
    };
    let (accepted, unstarted) = beside(&pool, submit, || pool.shutdown_now());
    pool.shutdown();
    assert_eq!(ran.get() + unstarted.len(), accepted);
    unstarted.into_iter().for_each(UnstartedTask::run);
    assert_eq!(ran.get(), accepted);
}

pub(crate) fn shutdown_now_beside_tasks_that_spawn() {
    let pool = pool(2);
    let (ran, refused) = (Tally::default(), Tally::default());
    let (outer, no) = (ran.clone(), refused.clone());
    let handle = pool.spawn(move || {
        for _ in 0..2 {
            let inner = outer.clone();
            let handle = windrow::spawn(move || inner.add());
            if handle.join().is_err() {
                no.add();
            }
        }
    });
    let unstarted = pool.shutdown_now().len();
    pool.shutdown();
    match handle.join() {
        Ok(()) => assert_eq!(ran.get() + refused.get(), 2),
        Err(_) => assert_eq!((unstarted, ran.get()), (1, 0)),
    }
}

/// Nobody but who takes the task back can tell: the only worker does not begin before the waiter has gone.
pub(crate) fn shutdown_now_tells_who_waits_for_idleness() {
    let waited = Tally::default();
    let seen = waited.clone();
    let stay = move |_| {
        while seen.get() == 0 {
            shuttle::thread::yield_now();
        }
    };
    let builder = ThreadPool::builder().num_threads(1).spare_threads(0);
    let pool = Arc::new(builder.start_handler(stay).build().unwrap());
    drop(pool.spawn(|| ()));
    let wait = move |pool: &ThreadPool| {
        pool.wait_idle();
        waited.add();
    };
    let ((), unstarted) = beside(&pool, wait, || pool.shutdown_now());
    assert_eq!(unstarted.len(), 1);
    pool.shutdown();
}

/// The tasks are their scope's, and stay; the pool has nobody to run them, and the scope's thread does.
pub(crate) fn shutdown_now_of_an_ended_pool_beside_a_scope() {
    let pool = Arc::new(pool(1));
    pool.shutdown();
    let scope = |pool: &ThreadPool| {
        let ran = Tally::default();
        pool.scope(|s| {
            for _ in 0..2 {
                let tally = ran.clone();
                drop(s.task().name("mine").spawn(move || tally.add()));
            }
        });
        ran.get()
    };
    let (ran, unstarted) = beside(&pool, scope, || pool.shutdown_now());
    assert_eq!((ran, unstarted.len()), (2, 0));
}

pub(crate) fn pausing_beside_shutdown() {
    let pool = Arc::new(pool(2));
    let ran = Tally::default();
    let tally = ran.clone();
    let handle = pool.spawn(move || tally.add());
    let pause = |pool: &ThreadPool| {
        pool.pause();
        pool.resume();
    };
    beside(&pool, pause, || pool.shutdown());
    assert_eq!(ran.get(), 1);
    handle.join().unwrap();
}

/// Who runs a task in the pool is at work there: what it asks of the worker is done, unless the pool had ended before.
pub(crate) fn a_guest_asks_for_a_worker_beside_shutdown() {
    let pool = Arc::new(pool(1));
    pool.pause();
    let ask = |pool: &ThreadPool| {
        let install = || catch_unwind(AssertUnwindSafe(|| pool.install(|| 1))).unwrap_or(1);
        pool.scope(|s| s.spawn(install).join().unwrap())
    };
    let (one, ()) = beside(&pool, ask, || pool.shutdown());
    assert_eq!(one, 1);
}

pub(crate) fn resizing_beside_shutdown() {
    let pool = Arc::new(pool_without_spares(1));
    let handle = pool.spawn(|| 1);
    let resize = |pool: &ThreadPool| (pool.resize(2).is_ok(), pool.resize(1).is_ok());
    beside(&pool, resize, || pool.shutdown());
    assert_eq!(handle.join().unwrap(), 1);
}

pub(crate) fn resizing_beside_resizing() {
    let pool = Arc::new(pool(1));
    let handle = pool.spawn(|| windrow::spawn(|| 1).join().unwrap());
    let shrink = |pool: &ThreadPool| pool.resize(1).unwrap();
    beside(&pool, shrink, || pool.resize(2).unwrap());
    assert_eq!(handle.join().unwrap(), 1);
    assert_eq!(pool.broadcast(|_| ()).len(), pool.current_num_threads());
}

pub(crate) fn shrinking_beside_a_broadcast() {
    let pool = Arc::new(pool_without_spares(2));
    let shrink = |pool: &ThreadPool| pool.resize(1).unwrap();
    let ((), reached) = beside(&pool, shrink, || pool.broadcast(|index| index));
    assert!(reached == [0] || reached == [0, 1]);
}

pub(crate) fn a_broadcast_beside_shutdown() {
    let pool = Arc::new(pool(2));
    let close = |pool: &ThreadPool| {
        let handle = pool.spawn(|| 1);
        let result = handle.join();
        pool.close();
        result.unwrap()
    };
    // As a guest it keeps the pool open until it has what it wants.
    let scoped = || pool.scope(|s| s.spawn(|| 2).join().unwrap());
    assert_eq!(beside(&pool, close, scoped), (1, 2));
    pool.shutdown();
}

pub(crate) fn a_scope_beside_a_pause() {
    let pool = Arc::new(pool(2));
    let pause = |pool: &ThreadPool| pool.pause();
    let scoped = || pool.scope(|s| s.spawn(|| s.spawn(|| 3).join().unwrap()).join().unwrap());
    assert_eq!(beside(&pool, pause, scoped).1, 3);
    pool.resume();
}

pub(crate) fn tasks_in_a_paused_pool_beside_the_end_of_the_pause() {
    let pool = Arc::new(pool_without_spares(1));
    pool.pause();
    let resume = |pool: &ThreadPool| pool.resume();
    let spawn = || pool.spawn(|| windrow::spawn(|| 4).join().unwrap());
    let ((), handle) = beside(&pool, resume, spawn);
    assert_eq!(handle.join().unwrap(), 4);
}

pub(crate) fn two_fill_a_queue_with_one_place() {
    let pool = build(ThreadPool::builder().num_threads(1).queue_capacity(1));
    let pool = Arc::new(pool);
    let ran = Tally::default();
    let (mine, tally) = (ran.clone(), ran.clone());
    let fill = move |pool: &ThreadPool| {
        for _ in 0..2 {
            let tally = tally.clone();
            drop(pool.spawn(move || tally.add()));
        }
    };
    beside(&pool, fill, || {
        let handle = pool.spawn(move || mine.add());
        handle.cancel() || handle.join().is_ok()
    });
    pool.wait_idle();
    assert!((2..=3).contains(&ran.get()));
}

pub(crate) fn a_full_queue_beside_shutdown() {
    let pool = build(ThreadPool::builder().num_threads(1).queue_capacity(1));
    let pool = Arc::new(pool);
    let ran = Tally::default();
    let tally = ran.clone();
    let fill = move |pool: &ThreadPool| {
        let spawned = [1, 2, 3].map(|_| {
            let tally = tally.clone();
            let timeout = Duration::from_micros(50);
            pool.spawn_timeout(timeout, move || tally.add()).is_ok()
        });
        spawned.into_iter().filter(|accepted| *accepted).count()
    };
    let (accepted, ()) = beside(&pool, fill, || pool.shutdown());
    assert_eq!(ran.get(), accepted);
}

pub(crate) fn waiting_for_idleness_beside_the_end() {
    let pool = Arc::new(pool(2));
    let ran = Tally::default();
    let tally = ran.clone();
    drop(pool.spawn(move || tally.add()));
    let seen = ran.clone();
    let wait = move |pool: &ThreadPool| {
        pool.wait_idle();
        seen.get()
    };
    let (seen, ()) = beside(&pool, wait, || pool.shutdown());
    assert_eq!((seen, ran.get()), (1, 1));
}

pub(crate) fn handlers_of_threads_are_called_in_pairs() {
    let (started, stopped) = (Tally::default(), Tally::default());
    let (start, stop) = (started.clone(), stopped.clone());
    let builder = ThreadPool::builder()
        .num_threads(2)
        .start_handler(move |_| start.add())
        .exit_handler(move |_| stop.add());
    let pool = build(builder);
    pool.resize(1).unwrap();
    let waiter = pool.spawn(|| windrow::blocking(|| windrow::spawn(|| 1).join().unwrap()));
    assert_eq!(waiter.join().unwrap(), 1);
    drop(pool);
    assert!(started.get() >= 2);
    assert_eq!(started.get(), stopped.get());
}
