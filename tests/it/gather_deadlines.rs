//! What never waits, and what waits until a deadline, comes back also while results keep coming.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use windrow::{RefusedReason, Scatter, ThreadPool, combine};

use crate::virtual_time::virtually;
use crate::watchdog::watched;

const MS: Duration = Duration::from_millis(1);

/// Results without end, each a (virtual) millisecond after another.
fn keep_coming<'p>(run: &Scatter<'p, u64>, pool: &'p ThreadPool) {
    run.scatter(
        || pool.sleep(MS),
        |seen, run, ()| {
            *seen += 1;
            keep_coming(run, pool);
        },
    );
}

#[test]
fn gather_all_deadline_ends_in_a_stream_of_results() {
    virtually(2, |pool: &Arc<ThreadPool>| {
        pool.gather(0, |run| {
            (0..8).for_each(|_| keep_coming(run, pool));
            let Ok(all) = run.gather_all_deadline(pool.now() + 20 * MS);
            assert!(!all && *run.state() > 0);
            run.cancel();
        });
    });
}

#[test]
fn scatter_deadline_ends_in_a_stream_of_results() {
    virtually(2, |pool: &Arc<ThreadPool>| {
        pool.gather(0, |run| {
            run.max_outstanding(4);
            (0..8).for_each(|_| keep_coming(run, pool));
            let at = pool.now() + 20 * MS;
            let refused = run.scatter_deadline(at, || (), |_, _, ()| ()).unwrap_err();
            assert!(matches!(
                refused.reason,
                RefusedReason::Full { capacity: 4 }
            ));
            run.cancel();
        });
    });
}

#[test]
fn a_deadline_that_has_passed_says_whether_anything_is_left() {
    let pool = ThreadPool::new(1).unwrap();
    let (past, mut flushed) = (Instant::now(), 0);
    let sum = pool.gather(0, |run| {
        run.on_flush(|_, _, _| flushed += 1);
        run.scatter(|| 1, |sum, _, n| *sum += n);
        // The last result is handled, but the listener is to be called.
        let mut calls = 0;
        while run.gather_all_deadline(past) == Ok(false) {
            calls += 1;
            thread::yield_now();
        }
        assert!(calls > 0);
        assert_eq!(*run.state(), 1);
    });
    assert_eq!((sum, flushed), (1, 1));
}

/// Handlers that scatter without end keep neither from returning.
#[test]
fn what_never_waits_returns_while_results_keep_coming() {
    fn again(run: &Scatter<'_, u64>) {
        run.scatter(
            || (),
            |seen, run, ()| {
                *seen += 1;
                again(run);
            },
        );
    }
    watched(|| {
        for size in [1, 2] {
            let pool = ThreadPool::new(size).unwrap();
            pool.gather(0, |run| {
                for _ in 0..4 {
                    again(run);
                }
                for _ in 0..100 {
                    run.try_gather_all().unwrap();
                }
                run.max_outstanding(2);
                for _ in 0..100 {
                    let refused = run.try_scatter(|| (), |_, _, ()| ()).unwrap_err();
                    assert!(matches!(
                        refused.reason,
                        RefusedReason::Full { capacity: 2 }
                    ));
                }
                run.cancel();
            });
        }
    });
}

/// What has come back and not been flushed is not handled.
#[test]
fn gather_all_deadline_is_not_done_before_combiners_have_flushed() {
    virtually(2, |pool: &Arc<ThreadPool>| {
        let total = pool.gather(0, |run| {
            let sums = combine::fold(|| 0, |sum: &mut u64, n: u64| *sum += n);
            let sums = run.combiner(sums, |total, _, sum| *total += sum);
            run.scatter_into(|| 7, &sums);
            pool.sleep(MS);
            let Ok(all) = run.gather_all_deadline(pool.now());
            assert!(!all && *run.state() == 0);
            let Ok(all) = run.gather_all_deadline(pool.now() + MS);
            assert!(all && *run.state() == 7);
        });
        assert_eq!(total, 7);
    });
}
