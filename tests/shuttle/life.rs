//! The life of a pool: its end, pauses, sizes, what waits for its time.

use std::sync::Arc;
use std::time::Duration;

use windrow::{ThreadPool, UnstartedTask};

use crate::support::{Tally, build, pool, pool_without_spares};

fn spawn(pool: &ThreadPool, ran: &Tally) {
    let tally = ran.clone();
    drop(pool.spawn(move || tally.add()));
}

pub(crate) fn a_pool_is_dropped_with_tasks_in_its_queue() {
    let pool = pool(2);
    let ran = Tally::default();
    for _ in 0..3 {
        spawn(&pool, &ran);
    }
    drop(pool);
    assert_eq!(ran.get(), 3);
}

pub(crate) fn a_pool_without_work_ends() {
    drop(pool(3));
}

pub(crate) fn tasks_spawn_tasks_while_the_pool_ends() {
    let pool = pool(2);
    let ran = Tally::default();
    let tally = ran.clone();
    drop(pool.spawn(move || {
        for _ in 0..2 {
            let tally = tally.clone();
            drop(windrow::spawn(move || {
                let inner = tally.clone();
                drop(windrow::spawn(move || inner.add()));
                tally.add();
            }));
        }
        tally.add();
    }));
    drop(pool);
    assert_eq!(ran.get(), 5);
}

pub(crate) fn a_task_is_accepted_or_refused_by_a_closing_pool() {
    let pool = Arc::new(pool(1));
    let other = Arc::clone(&pool);
    let ran = Tally::default();
    let tally = ran.clone();
    let submitter = shuttle::thread::spawn(move || other.try_spawn(move || tally.add()).is_ok());
    pool.close();
    let accepted = submitter.join().unwrap();
    pool.shutdown();
    assert_eq!(ran.get(), usize::from(accepted));
}

pub(crate) fn a_task_that_a_thread_outside_runs_is_waited_for() {
    let pool = pool(1);
    let ran = Tally::default();
    let tally = ran.clone();
    let handle = pool.spawn(move || {
        for _ in 0..3 {
            shuttle::thread::yield_now();
        }
        tally.add();
    });
    // It runs the task itself, if the worker is not faster.
    let joiner = shuttle::thread::spawn(move || handle.join());
    drop(pool);
    assert_eq!(ran.get(), 1);
    joiner.join().unwrap().unwrap();
}

pub(crate) fn a_pool_is_shut_down_by_two() {
    let (ran, gone) = (Tally::default(), Tally::default());
    let exits = gone.clone();
    let builder = ThreadPool::builder().num_threads(2).spare_threads(0);
    let pool = Arc::new(build(builder.exit_handler(move |_| exits.add())));
    spawn(&pool, &ran);
    let other = Arc::clone(&pool);
    let (tally, seen, other_gone) = (ran.clone(), ran.clone(), gone.clone());
    let thread = shuttle::thread::spawn(move || {
        let handle = other.spawn(move || tally.add());
        other.shutdown();
        assert_eq!(other_gone.get(), 2, "it has waited for the threads");
        (handle.join().is_ok(), seen.get())
    });
    pool.shutdown();
    assert_eq!(gone.get(), 2, "so has this one");
    let (accepted, seen) = thread.join().unwrap();
    assert_eq!(seen, 1 + usize::from(accepted));
    assert_eq!(ran.get(), seen);
}

/// The spare has no time to go to bed: it waits for the pool to have grown.
pub(crate) fn a_pool_grows_over_a_spare_that_starts() {
    let pool = Arc::new(pool(1));
    let (grown, other) = (Tally::default(), Arc::clone(&pool));
    let stay = {
        let grown = grown.clone();
        move || {
            while grown.get() == 0 {
                shuttle::thread::yield_now();
            }
        }
    };
    let again = stay.clone();
    drop(pool.spawn(move || windrow::blocking(stay)));
    drop(pool.spawn(again));
    other.resize(2).unwrap();
    grown.add();
    drop((pool, other));
}

pub(crate) fn shutdown_now_takes_back_or_leaves() {
    let pool = pool(2);
    let ran = Tally::default();
    for _ in 0..3 {
        spawn(&pool, &ran);
    }
    let unstarted = pool.shutdown_now();
    let returned = unstarted.len();
    pool.shutdown();
    assert_eq!(ran.get() + returned, 3);
    unstarted.into_iter().for_each(UnstartedTask::run);
    assert_eq!(ran.get(), 3);
}

pub(crate) fn a_pool_is_dropped_by_its_own_worker() {
    let pool = Arc::new(pool(2));
    let ran = Tally::default();
    let (own, tally) = (Arc::clone(&pool), ran.clone());
    let handle = pool.spawn(move || {
        spawn(&own, &tally);
        drop(own);
    });
    drop(pool);
    handle.join().unwrap();
    // The schedule ends when all threads have, and the last task with them.
    while ran.get() == 0 {
        shuttle::thread::yield_now();
    }
}

pub(crate) fn a_pool_that_is_idle_has_run_everything() {
    let pool = pool(2);
    let ran = Tally::default();
    for round in 1..=2 {
        let tally = ran.clone();
        drop(pool.spawn(move || {
            let inner = tally.clone();
            drop(windrow::spawn(move || inner.add()));
            tally.add();
        }));
        pool.wait_idle();
        assert_eq!(ran.get(), 2 * round);
    }
}

pub(crate) fn a_paused_pool_runs_nothing_until_it_resumes() {
    let pool = pool(2);
    let ran = Tally::default();
    pool.pause();
    spawn(&pool, &ran);
    spawn(&pool, &ran);
    assert_eq!(ran.get(), 0);
    pool.resume();
    pool.wait_idle();
    assert_eq!(ran.get(), 2);
}

pub(crate) fn a_pool_grows_while_it_works() {
    let pool = pool_without_spares(1);
    let ran = Tally::default();
    spawn(&pool, &ran);
    pool.resize(2).unwrap();
    spawn(&pool, &ran);
    drop(pool);
    assert_eq!(ran.get(), 2);
}

pub(crate) fn a_pool_shrinks_while_it_works() {
    let pool = pool_without_spares(2);
    let ran = Tally::default();
    spawn(&pool, &ran);
    spawn(&pool, &ran);
    pool.resize(1).unwrap();
    pool.wait_idle();
    assert_eq!(ran.get(), 2);
    spawn(&pool, &ran);
    drop(pool);
    assert_eq!(ran.get(), 3);
}

pub(crate) fn a_pool_is_resized_to_and_fro() {
    let pool = Arc::new(pool_without_spares(2));
    let other = Arc::clone(&pool);
    let thread = shuttle::thread::spawn(move || {
        other.resize(1).unwrap();
        other.resize(2).unwrap();
    });
    let handles = [1, 2].map(|n| pool.spawn(move || n));
    let results = handles.map(|handle| handle.join().unwrap());
    assert_eq!(results, [1, 2]);
    thread.join().unwrap();
}

pub(crate) fn a_full_queue_makes_room() {
    let pool = build(ThreadPool::builder().num_threads(1).queue_capacity(1));
    let ran = Tally::default();
    for _ in 0..3 {
        spawn(&pool, &ran);
    }
    drop(pool);
    assert_eq!(ran.get(), 3);
}

pub(crate) fn a_delayed_task_runs() {
    let pool = pool(1);
    let handle = pool.spawn_after(Duration::from_millis(1), || 9);
    assert_eq!(handle.join().unwrap(), 9);
}
