//! A deadline ends a call that scatters or gathers also while results keep coming.

use std::thread;
use std::time::{Duration, Instant};
use windrow::{RefusedReason, Scatter, ThreadPool};

/// How long results keep coming.
const STREAM: Duration = Duration::from_secs(5);

fn keep_coming(run: &Scatter<'_, Instant>) {
    run.scatter(
        || (),
        |start, run, ()| {
            thread::sleep(Duration::from_millis(1));
            if start.elapsed() < STREAM {
                keep_coming(run);
            }
        },
    );
}

#[test]
fn gather_all_deadline_ends_in_a_stream_of_results() {
    let pool = ThreadPool::new(2).unwrap();
    pool.gather(Instant::now(), |run| {
        (0..8).for_each(|_| keep_coming(run));
        let Ok(all) = run.gather_all_deadline(Instant::now() + Duration::from_millis(20));
        assert!(!all);
        assert!(run.state().elapsed() < STREAM);
        run.cancel();
    });
}

#[test]
fn scatter_deadline_ends_in_a_stream_of_results() {
    let pool = ThreadPool::new(2).unwrap();
    pool.gather(Instant::now(), |run| {
        run.max_outstanding(4);
        (0..8).for_each(|_| keep_coming(run));
        let at = Instant::now() + Duration::from_millis(20);
        let refused = run.scatter_deadline(at, || (), |_, _, ()| ()).unwrap_err();
        assert!(matches!(
            refused.reason,
            RefusedReason::Full { capacity: 4 }
        ));
        assert!(run.state().elapsed() < STREAM);
        run.cancel();
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
