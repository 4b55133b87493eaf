//! Tasks with options: delays, retries, periods, deadlines. Time passes as the schedule likes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use windrow::{Backoff, CancelToken, RateLimit, Retry};

use crate::support::{Tally, blow_up, pool};

const SOON: Duration = Duration::from_micros(20);

pub(crate) fn a_task_is_tried_again() {
    let pool = pool(1);
    let policy = Retry::attempts(3).unwrap().backoff(Backoff::fixed(SOON));
    let handle = pool
        .task()
        .retry(policy)
        .spawn_with(|cx| match cx.attempt() {
            2 => Ok(2),
            n => Err(n),
        });
    assert_eq!(handle.join().unwrap(), Ok(2));
}

pub(crate) fn a_retried_task_is_cancelled() {
    let pool = pool(1);
    let policy = Retry::attempts(3).unwrap().backoff(Backoff::fixed(SOON));
    let runs = Tally::default();
    let tally = runs.clone();
    let handle = pool.task().retry(policy).spawn(move || {
        tally.add();
        Err::<(), _>(())
    });
    // Between two attempts it can still be taken out, and while it runs it is told to stop.
    let _ = handle.cancel();
    match handle.join() {
        // One that was running has been told to stop: there may be fewer attempts.
        Ok(result) => assert!(result.is_err() && (1..=3).contains(&runs.get())),
        Err(error) => assert!(error.is_cancelled() && runs.get() < 3),
    }
    drop(pool);
    assert!(runs.get() <= 3);
}

pub(crate) fn a_retried_task_beside_shutdown_now() {
    let pool = pool(1);
    // At once: it is queued again by the worker that has tried it.
    let backoff = Backoff::fixed(Duration::ZERO);
    let policy = Retry::attempts(3).unwrap().backoff(backoff);
    let runs = Tally::default();
    let tally = runs.clone();
    let handle = pool.task().retry(policy).spawn(move || {
        tally.add();
        Err::<(), _>(())
    });
    let unstarted = pool.shutdown_now();
    let taken = unstarted.len();
    drop(unstarted);
    pool.shutdown();
    match handle.join() {
        Ok(result) => assert!(result.is_err() && taken == 0 && runs.get() > 0),
        Err(error) => assert!(error.is_cancelled() && taken <= 1 && runs.get() < 3),
    }
}

pub(crate) fn a_period_is_stopped() {
    let pool = pool(1);
    let runs = Tally::default();
    let tally = runs.clone();
    let periodic = pool.spawn_every(SOON, move || tally.add());
    while runs.get() == 0 {
        shuttle::thread::yield_now();
    }
    periodic.stop();
    periodic.join().unwrap();
}

pub(crate) fn a_period_ends_with_its_pool() {
    let pool = pool(1);
    let periodic = pool.spawn_every(SOON, || ());
    drop(pool);
    assert!(periodic.is_finished());
}

pub(crate) fn a_delayed_task_is_cancelled_or_runs() {
    let pool = pool(1);
    let ran = Tally::default();
    let tally = ran.clone();
    let handle = pool.spawn_after(SOON, move || tally.add());
    let cancelled = handle.cancel();
    assert_ne!(handle.join().is_ok(), cancelled);
    drop(pool);
    assert_eq!(ran.get(), usize::from(!cancelled));
}

/// It may have been run, and the pool have ended, before the timer has it in the queue.
pub(crate) fn a_delayed_task_is_run_by_who_waits_for_it() {
    let pool = pool(1);
    let handle = pool.spawn_after(SOON, || 9);
    assert_eq!(pool.install(move || handle.join().unwrap()), 9);
}

pub(crate) fn a_delayed_task_beside_shutdown_now() {
    let pool = pool(1);
    let ran = Tally::default();
    let tally = ran.clone();
    drop(pool.spawn_after(SOON, move || tally.add()));
    let unstarted = pool.shutdown_now().len();
    pool.shutdown();
    assert_eq!(ran.get() + unstarted, 1);
}

pub(crate) fn a_token_of_two_tasks_is_cancelled_by_a_third() {
    let pool = pool(2);
    let token = CancelToken::new();
    let ends = AtomicU32::new(0);
    pool.scope(|s| {
        for _ in 0..2 {
            let task = s.task().cancel_token(&token);
            drop(
                task.on_complete(|_| _ = ends.fetch_add(1, Ordering::SeqCst))
                    .spawn(|| ()),
            );
        }
        drop(s.spawn(|| token.cancel()));
    });
    assert_eq!(ends.into_inner(), 2);
}

pub(crate) fn what_panics_late_tells_its_handle() {
    let pool = pool(1);
    let handle = pool.task().timeout(SOON).spawn(|| blow_up(4));
    let error = handle.join().unwrap_err();
    assert!(error.is_panic() || !error.is_cancelled());
}

pub(crate) fn a_rate_holds_tasks_back_and_lets_them_go() {
    let pool = pool(2);
    let rate = RateLimit::new(1, SOON, 1).unwrap();
    let handles = [1, 2].map(|n| pool.task().rate_limit(&rate).spawn(move || n));
    assert_eq!(handles.map(|handle| handle.join().unwrap()), [1, 2]);
}

pub(crate) fn a_task_is_cancelled_as_its_limit_lets_it_go() {
    let pool = pool(1);
    let limit = RateLimit::new(1, SOON, 1).unwrap();
    assert!(limit.try_acquire());
    let first = pool.task().rate_limit(&limit).spawn(|| ());
    let _ = first.cancel();
    // Whatever has become of that one, the limit is not stuck.
    let next = pool.task().rate_limit(&limit).spawn(|| 1);
    assert_eq!(next.join().unwrap(), 1);
}
