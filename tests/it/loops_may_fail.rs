//! Loops whose closures return what may fail, of every kind: all goes well, or the first failure is the loop's.

use std::fmt::Debug;
use std::iter::repeat_n;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use windrow::iter::Try;
use windrow::prelude::*;

use crate::loop_support::{linger, on_workers};
use crate::support::pool;
use crate::watchdog::watched;

const LEN: usize = 1000;

/// Where the one bad item is.
const BAD: [Option<usize>; 5] = [None, Some(0), Some(1), Some(LEN / 2), Some(LEN - 1)];

/// What the loops do with a kind of outcome.
struct Kind<R, T> {
    /// The outcome of an item.
    item: fn(usize) -> R,
    /// That of the bad one.
    bad: fn(usize) -> R,
    /// What a loop begins with.
    none: T,
    add: fn(T, T) -> R,
    /// Adds an outcome, if it is a good one.
    step: fn(T, R) -> R,
    /// What comes out if all goes well.
    total: R,
}

impl<R, T> Kind<R, T>
where
    R: Try<Output = T> + Send + Sync + Clone + PartialEq + Debug,
    T: Clone + Send + Sync,
{
    /// Adds up with each of the loops that can.
    fn test(&self) {
        let none = || self.none.clone();
        on_workers(|| {
            for at in BAD {
                let outcome = |n: usize| {
                    linger(n);
                    if Some(n) == at {
                        (self.bad)(n)
                    } else {
                        (self.item)(n)
                    }
                };
                let expected = at.map_or_else(|| self.total.clone(), self.bad);
                let numbers = || (0..LEN).into_par_iter();

                let reduced = numbers().map(outcome).try_reduce(none, self.add);
                assert_eq!(reduced, expected, "reduced, {at:?}");
                let reduced = numbers().map(outcome).try_reduce_with(self.add);
                assert_eq!(reduced.as_ref(), Some(&expected), "{at:?}");

                let step = |sum, n| (self.step)(sum, outcome(n));
                let folded = numbers().try_fold(none, step).try_reduce(none, self.add);
                assert_eq!(folded, expected, "folded, {at:?}");
                let folds: Vec<R> = numbers().try_fold_with(none(), step).collect();
                let failed = at.map_or(0, |at| {
                    let bad = (self.bad)(at);
                    folds.iter().filter(|&fold| *fold == bad).count()
                });
                assert_eq!(failed, usize::from(at.is_some()), "{folds:?}");
            }
        });
    }
}

/// A third of the items have nothing to say yet.
fn is_pending(n: usize) -> bool {
    n % 3 == 0
}

/// The sum of the others.
fn sum_of_ready() -> usize {
    (0..LEN).filter(|&n| !is_pending(n)).sum()
}

#[test]
fn loops_end_at_the_first_err_that_is_ready() {
    type Outcome = Poll<Result<usize, usize>>;
    fn add(a: Poll<usize>, b: Poll<usize>) -> Outcome {
        match (a, b) {
            (Poll::Ready(a), Poll::Ready(b)) => Poll::Ready(Ok(a + b)),
            (Poll::Pending, other) | (other, Poll::Pending) => other.map(Ok),
        }
    }
    let kind = Kind::<Outcome, _> {
        item: |n| {
            if is_pending(n) {
                Poll::Pending
            } else {
                Poll::Ready(Ok(n))
            }
        },
        bad: |n| Poll::Ready(Err(n)),
        none: Poll::Pending,
        add,
        step: |sum, outcome| add(sum, outcome?),
        total: Poll::Ready(Ok(sum_of_ready())),
    };
    kind.test();
    // Nothing is ready, and nothing is wrong.
    let pending = (0..LEN).into_par_iter().map(|_| Outcome::Pending);
    assert_eq!(pending.try_reduce(|| Poll::Pending, add), Poll::Pending);
}

#[test]
fn loops_end_at_the_first_err_of_a_stream() {
    type Outcome = Poll<Option<Result<usize, usize>>>;
    /// Whoever is pending makes way for whoever has ended, and both for a number.
    fn add(a: Poll<Option<usize>>, b: Poll<Option<usize>>) -> Outcome {
        let sum = match (a, b) {
            (Poll::Ready(Some(a)), Poll::Ready(Some(b))) => Poll::Ready(Some(a + b)),
            (some @ Poll::Ready(Some(_)), _) | (_, some @ Poll::Ready(Some(_))) => some,
            (Poll::Ready(None), _) | (_, Poll::Ready(None)) => Poll::Ready(None),
            (Poll::Pending, Poll::Pending) => Poll::Pending,
        };
        sum.map(|number| number.map(Ok))
    }
    let kind = Kind::<Outcome, _> {
        item: |n| match n {
            n if is_pending(n) && n % 2 == 0 => Poll::Pending,
            n if is_pending(n) => Poll::Ready(None),
            n => Poll::Ready(Some(Ok(n))),
        },
        bad: |n| Poll::Ready(Some(Err(n))),
        none: Poll::Pending,
        add,
        step: |sum, outcome| add(sum, outcome?),
        total: Poll::Ready(Some(Ok(sum_of_ready()))),
    };
    kind.test();
    // All have ended, and nothing is wrong.
    let ended = (0..LEN).into_par_iter().map(|_| Outcome::Ready(None));
    assert_eq!(ended.try_reduce(|| Poll::Pending, add), Poll::Ready(None));
}

#[test]
fn loops_break_off_where_they_are_told_to() {
    type Outcome = ControlFlow<usize, usize>;
    let kind = Kind::<Outcome, _> {
        item: ControlFlow::Continue,
        bad: ControlFlow::Break,
        none: 0,
        add: |a, b| ControlFlow::Continue(a + b),
        step: |sum, outcome| ControlFlow::Continue(sum + outcome?),
        total: ControlFlow::Continue(LEN * (LEN - 1) / 2),
    };
    kind.test();
    // And where the sums themselves say so.
    on_workers(|| {
        let capped = (0..LEN).into_par_iter().map(Outcome::Continue);
        let sum = capped.try_reduce(
            || 0,
            |a, b| match a + b {
                sum if sum > 10_000 => ControlFlow::Break(sum),
                sum => ControlFlow::Continue(sum),
            },
        );
        assert!(matches!(sum, ControlFlow::Break(10_001..)), "{sum:?}");
    });
}

#[test]
fn try_for_each_breaks_off_and_says_with_what() {
    on_workers(|| {
        for at in BAD {
            let calls = AtomicUsize::new(0);
            let look = |n: usize| {
                linger(n);
                calls.fetch_add(1, Ordering::SeqCst);
                if Some(n) == at {
                    ControlFlow::Break(n)
                } else {
                    ControlFlow::Continue(())
                }
            };
            let expected = at.map_or(ControlFlow::Continue(()), ControlFlow::Break);
            let numbers = || (0..LEN).into_par_iter();
            assert_eq!(numbers().try_for_each(look), expected);
            assert_eq!(
                numbers().try_for_each_init(
                    || 0,
                    |count, n| {
                        *count += 1;
                        look(n)
                    }
                ),
                expected
            );
            assert_eq!(numbers().try_for_each_with((), |(), n| look(n)), expected);
            let calls = calls.into_inner();
            assert!(
                calls == 3 * LEN || at.is_some() && calls >= 3,
                "{calls} calls, {at:?}"
            );
        }
    });
}

#[test]
fn a_failure_to_join_two_parts_ends_the_others() {
    for size in [2, 8] {
        let pool = pool(size);
        watched(|| {
            // Zeros without end, and behind them, as steps of their own, two ones.
            let step = |step| repeat_n(u32::from(step > 0), if step > 0 { 1 } else { usize::MAX });
            let ends = (0..3).into_par_iter().flat_map_iter(step).map(Some);
            let sum = pool.install(|| {
                ends.try_reduce(|| 0, |a: u32, b| a.checked_add(b).filter(|&sum| sum < 2))
            });
            assert_eq!(sum, None);
        });
    }
}
