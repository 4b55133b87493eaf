//! Tasks and the handles to their results.

use std::time::Duration;

use windrow::Priority;

use crate::support::{Tally, pool, pool_without_spares};

pub(crate) fn a_result_comes_back_to_a_thread_outside() {
    let pool = pool(1);
    assert_eq!(pool.spawn(|| 6 * 7).join().unwrap(), 42);
}

pub(crate) fn a_result_is_asked_for_until_it_is_there() {
    let pool = pool(1);
    let mut handle = pool.spawn(|| 6 * 7);
    let answer = loop {
        match handle.try_join() {
            Ok(result) => break result.unwrap(),
            Err(unfinished) => handle = unfinished,
        }
        shuttle::thread::yield_now();
    };
    assert_eq!(answer, 42);
}

pub(crate) fn a_result_comes_back_to_another_task() {
    let pool = pool(2);
    let outer = pool.spawn(|| {
        let inner = windrow::spawn(|| 20);
        inner.join().unwrap() + 1
    });
    assert_eq!(outer.join().unwrap(), 21);
}

pub(crate) fn a_task_is_cancelled_or_runs() {
    let pool = pool(1);
    let (first, second) = (Tally::default(), Tally::default());
    let handles = [&first, &second].map(|tally| {
        let tally = tally.clone();
        pool.spawn(move || tally.add())
    });
    let cancelled = handles[1].cancel();
    let results = handles.map(|handle| handle.join());
    assert!(results[0].is_ok());
    assert_eq!(first.get(), 1);
    match &results[1] {
        Ok(()) => assert_eq!((cancelled, second.get()), (false, 1)),
        Err(error) => {
            assert!(error.is_cancelled());
            assert_eq!((cancelled, second.get()), (true, 0));
        }
    }
}

pub(crate) fn a_task_is_cancelled_from_inside_or_runs() {
    let pool = pool(2);
    let ran = Tally::default();
    let tally = ran.clone();
    let victim = pool.spawn(move || tally.add());
    let killer = pool.spawn(move || {
        let cancelled = victim.cancel();
        (cancelled, victim.join().is_ok())
    });
    let (cancelled, ended_well) = killer.join().unwrap();
    assert_ne!(cancelled, ended_well);
    assert_eq!(ran.get(), usize::from(ended_well));
}

pub(crate) fn a_handle_is_dropped_while_its_task_runs() {
    let pool = pool(2);
    let ran = Tally::default();
    for _ in 0..2 {
        let tally = ran.clone();
        drop(pool.spawn(move || {
            tally.add();
            Box::new(1)
        }));
    }
    drop(pool);
    assert_eq!(ran.get(), 2);
}

pub(crate) fn a_wait_with_a_timeout_gives_the_handle_back() {
    let pool = pool(1);
    let result = match pool.spawn(|| 1).join_timeout(Duration::from_micros(20)) {
        Ok(result) => result,
        Err(handle) => handle.join(),
    };
    assert_eq!(result.unwrap(), 1);
}

pub(crate) fn install_returns_what_the_worker_made() {
    let pool = pool(1);
    let text = String::from("hay");
    let other = pool.spawn(|| 1);
    assert_eq!(pool.install(|| text.len()), 3);
    assert_eq!(other.join().unwrap(), 1);
}

pub(crate) fn tasks_of_all_levels_run_once() {
    let pool = pool_without_spares(2);
    let ran = Tally::default();
    for level in [Priority::Low, Priority::Normal, Priority::High] {
        let tally = ran.clone();
        drop(pool.spawn_with_priority(level, move || {
            let inner = tally.clone();
            drop(windrow::spawn(move || inner.add()));
            tally.add();
        }));
    }
    drop(pool);
    assert_eq!(ran.get(), 6);
}

pub(crate) fn two_threads_submit() {
    let pool = std::sync::Arc::new(pool(1));
    let other = std::sync::Arc::clone(&pool);
    let thread = shuttle::thread::spawn(move || other.spawn(|| 2).join().unwrap());
    assert_eq!(pool.spawn(|| 1).join().unwrap(), 1);
    assert_eq!(thread.join().unwrap(), 2);
}
