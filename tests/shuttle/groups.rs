//! Groups, cancellation, deadlines, scatter and gather.

use std::time::Duration;

use windrow::{CancelToken, Limiter};

use crate::support::{Tally, pool};

pub(crate) fn a_group_fails_fast() {
    let pool = pool(2);
    let group = pool.group().fail_fast(true);
    for n in 0..3 {
        group.spawn(move || if n == 1 { Err(n) } else { Ok(n) });
    }
    let error = group.wait().expect_err("one of them fails");
    assert!(!error.is_panic());
}

pub(crate) fn a_group_hands_its_results_on() {
    let pool = pool(2);
    let mut group = pool.group::<u32, u32>();
    for n in 1..=3 {
        group.spawn(move || Ok(n));
    }
    let mut sum = 0;
    while let Some((index, result)) = group.join_next() {
        let n = result.unwrap();
        assert_eq!(index + 1, n as usize);
        sum += n;
    }
    assert_eq!(sum, 6);
}

pub(crate) fn a_token_cancels_or_comes_too_late() {
    let pool = pool(1);
    let token = CancelToken::new();
    let ran = Tally::default();
    let tally = ran.clone();
    let handle = pool
        .task()
        .cancel_token(&token.child())
        .spawn(move || tally.add());
    token.cancel();
    match handle.join() {
        Ok(()) => assert_eq!(ran.get(), 1),
        Err(error) => {
            assert!(error.is_cancelled());
            assert_eq!(ran.get(), 0);
        }
    }
}

pub(crate) fn tasks_with_a_timeout_end_in_one_way() {
    let pool = pool(1);
    let ran = Tally::default();
    let tally = ran.clone();
    let handle = pool
        .task()
        .timeout(Duration::from_micros(10))
        .spawn(move || tally.add());
    if handle.join().is_ok() {
        assert_eq!(ran.get(), 1);
    }
}

pub(crate) fn handlers_get_all_results() {
    let pool = pool(2);
    let sum = pool.gather(0, |run| {
        for n in 1..=2 {
            run.scatter(
                move || n,
                |sum, run, n: u32| {
                    *sum += n;
                    run.scatter(move || n * 10, |sum, _, n| *sum += n);
                },
            );
        }
    });
    assert_eq!(sum, 33);
}

pub(crate) fn a_limiter_bounds_what_runs() {
    let pool = pool(2);
    let limiter = Limiter::new(1);
    let (entered, left) = (Tally::default(), Tally::default());
    let count = pool.gather(0, |run| {
        for _ in 0..3 {
            run.via(&limiter).scatter(
                || {
                    assert_eq!(entered.get(), left.get(), "one at a time");
                    entered.add();
                    shuttle::thread::yield_now();
                    left.add();
                },
                |count, _, ()| *count += 1,
            );
        }
    });
    assert_eq!((count, left.get()), (3, 3));
}
