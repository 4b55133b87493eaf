//! Loops with a token or a deadline: they stop, say how far they came, and say nothing if they were through.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use windrow::CancelToken;
use windrow::iter::{once, split, walk_tree, walk_tree_postfix, walk_tree_prefix};
use windrow::prelude::*;

use crate::loop_support::{LENS, linger, on_workers};
use crate::support::far_future;
use crate::virtual_time::{MS, virtually};

fn cancelled() -> CancelToken {
    let token = CancelToken::new();
    token.cancel();
    token
}

#[test]
fn a_loop_that_is_cancelled_before_it_begins_does_nothing() {
    on_workers(|| {
        let token = cancelled();
        for n in LENS.into_iter().filter(|&n| n > 0) {
            let never = |_| panic!("no item is to be met");
            let items = || (0..n).into_par_iter().map(never);
            let known = items().cancel(&token).count().unwrap_err();
            assert_eq!((known.done(), known.len()), (0, Some(n)));
            assert!(known.is_cancelled() && !known.is_expired());
            let sparse = items().filter(|()| true).cancel(&token).collect::<Vec<_>>();
            assert_eq!(sparse.unwrap_err().len(), None);
            let nested = (0..n)
                .into_par_iter()
                .flat_map(move |n| (0..n + 1).into_par_iter().map(never));
            assert_eq!(nested.cancel(&token).count().unwrap_err().done(), 0);
            let bridged = (0..n).par_bridge().map(never).cancel(&token).count();
            assert_eq!(bridged.unwrap_err().done(), 0);
            let chained = items().chain(items()).cancel(&token).count().unwrap_err();
            assert_eq!((chained.done(), chained.len()), (0, Some(2 * n)));
            let unknown = (0..n)
                .par_bridge()
                .chain((0..n).par_bridge())
                .cancel(&token);
            assert!(unknown.count().is_err());
            let blocks = items().by_uniform_blocks(3).cancel(&token).count();
            assert!(blocks.is_err());
        }
    });
}

#[test]
fn a_loop_without_items_is_through_although_it_is_cancelled() {
    on_workers(|| {
        let token = cancelled();
        let none = || (0..0_usize).into_par_iter();
        assert_eq!(none().cancel(&token).count(), Ok(0));
        assert_eq!(none().chain(none()).cancel(&token).count(), Ok(0));
        assert_eq!(
            none().flat_map(|n| 0..n).cancel(&token).sum::<usize>(),
            Ok(0)
        );
        assert_eq!(none().cancel(&token).max(), Ok(None));
    });
}

#[test]
fn a_loop_that_is_cancelled_at_its_last_item_is_through() {
    on_workers(|| {
        for n in LENS.into_iter().filter(|&n| n > 0) {
            let (token, met) = (CancelToken::new(), AtomicUsize::new(0));
            let meet = |x: usize| {
                if met.fetch_add(1, Ordering::SeqCst) + 1 == n {
                    token.cancel();
                }
                x
            };
            let sum = (0..n)
                .into_par_iter()
                .map(meet)
                .cancel(&token)
                .sum::<usize>();
            assert_eq!(sum, Ok(n * (n - 1) / 2));
            let token = CancelToken::new();
            assert_eq!((0..n).into_par_iter().cancel(&token).count(), Ok(n));
            token.cancel();
        }
    });
}

#[test]
fn a_loop_that_is_cancelled_in_its_midst_says_how_many_items_were_done() {
    on_workers(|| {
        for others in 0..3 {
            let (token, met) = (CancelToken::new(), AtomicUsize::new(0));
            let meet = |x: u32| {
                linger(x as usize);
                if met.fetch_add(1, Ordering::SeqCst) == 300 {
                    token.cancel();
                }
            };
            let items = (0..u32::MAX).into_par_iter().map(meet);
            let mut loop_ = items.cancel(&CancelToken::new());
            for _ in 0..others {
                loop_ = loop_.cancel(&CancelToken::new());
            }
            let interrupted = loop_.cancel(&token).count().unwrap_err();
            assert_eq!(interrupted.done(), met.into_inner());
            assert!((301..u32::MAX as usize).contains(&interrupted.done()));
            assert_eq!(interrupted.len(), Some(u32::MAX as usize));
            let text = interrupted.to_string();
            let expected = format!(
                "the loop was cancelled after {} of 4294967295 items",
                interrupted.done()
            );
            assert_eq!(text, expected);
        }
    });
}

#[test]
fn loops_inside_of_a_loop_are_cancelled_with_it() {
    on_workers(|| {
        let (token, met) = (CancelToken::new(), AtomicUsize::new(0));
        let nested = (0..3_u64)
            .into_par_iter()
            .flat_map(|_| 0..u64::MAX)
            .map(|x| {
                linger(x as usize);
                if met.fetch_add(1, Ordering::SeqCst) == 100 {
                    token.cancel();
                }
            });
        let interrupted = nested.cancel(&token).count().unwrap_err();
        assert_eq!(interrupted.done(), met.into_inner());
        assert_eq!(interrupted.len(), None);
        let done = interrupted.done();
        assert_eq!(
            interrupted.to_string(),
            format!("the loop was cancelled after {done} items")
        );
    });
}

#[test]
fn endless_iterators_are_cancelled() {
    on_workers(|| {
        let cancel_at = |token: &CancelToken, x: u64| {
            if x == 5000 {
                token.cancel();
            }
        };
        let token = CancelToken::new();
        let bridged = (0..)
            .par_bridge()
            .map(|x| cancel_at(&token, x))
            .cancel(&token);
        assert!(bridged.count().unwrap_err().done() > 0);
        let token = CancelToken::new();
        let flat = (0..2)
            .into_par_iter()
            .flat_map_iter(|_| 0..)
            .map(|x| cancel_at(&token, x));
        assert!(flat.cancel(&token).count().unwrap_err().is_cancelled());
        let token = CancelToken::new();
        let twice = (0..2)
            .into_par_iter()
            .flat_map(|_| (0..).par_bridge())
            .map(|x| cancel_at(&token, x));
        assert!(twice.cancel(&token).count().unwrap_err().is_cancelled());
    });
}

/// A heap's nodes below one, by their numbers; there are `n` in all.
fn below(n: usize) -> impl Fn(&usize) -> Vec<usize> + Copy {
    move |&node| {
        [2 * node, 2 * node + 1]
            .into_iter()
            .filter(|&node| node <= n)
            .collect()
    }
}

#[test]
fn trees_and_pieces_that_are_left_over_are_an_interruption() {
    on_workers(|| {
        let token = cancelled();
        assert!(
            walk_tree(1, below(1000))
                .cancel(&token)
                .count()
                .unwrap_err()
                .is_cancelled()
        );
        assert!(
            walk_tree_prefix(1, below(1000))
                .cancel(&token)
                .count()
                .is_err()
        );
        assert!(
            walk_tree_postfix(1, below(1000))
                .cancel(&token)
                .count()
                .is_err()
        );
        let late = walk_tree(1, below(1000)).deadline(Instant::now()).count();
        assert!(late.unwrap_err().is_expired());
        let piece = |n: usize| (n / 2, (n > 1).then_some(n - n / 2));
        let late = split(1000, piece).timeout(Duration::ZERO).sum::<usize>();
        assert!(late.unwrap_err().is_expired());
        // With the stop when the last outer item has been met.
        for last in 1..4 {
            let token = CancelToken::new();
            let nested = (1..=last).into_par_iter().flat_map(|n| {
                if n == last {
                    token.cancel();
                }
                walk_tree_prefix(1, below(1000))
            });
            assert!(nested.cancel(&token).count().is_err());
        }
    });
}

#[test]
fn a_walk_that_is_cancelled_says_whether_it_was_through() {
    on_workers(|| {
        for at in (1..200).step_by(9).chain([199, 200]) {
            let (token, met) = (CancelToken::new(), AtomicUsize::new(0));
            let meet = |node: usize| {
                linger(node);
                if met.fetch_add(1, Ordering::SeqCst) + 1 == at {
                    token.cancel();
                }
            };
            let walked = match at % 3 {
                0 => walk_tree_prefix(1, below(200))
                    .map(meet)
                    .cancel(&token)
                    .count(),
                1 => walk_tree_postfix(1, below(200))
                    .map(meet)
                    .cancel(&token)
                    .count(),
                _ => {
                    let nested = once(1).flat_map(|root| walk_tree(root, below(200)));
                    nested.map(meet).cancel(&token).count()
                }
            };
            let done = met.load(Ordering::SeqCst);
            match walked {
                Ok(nodes) => assert_eq!((nodes, done), (200, 200)),
                Err(interrupted) => assert!(interrupted.done() == done && done < 200),
            }
        }
    });
}

#[test]
fn a_result_that_ends_a_loop_is_no_interruption() {
    on_workers(|| {
        let token = CancelToken::new();
        let items = || (0..100_000).into_par_iter();
        assert_eq!(items().cancel(&token).find_any(|&x| x == 7), Ok(Some(7)));
        assert_eq!(items().cancel(&token).find_first(|&x| x > 7), Ok(Some(8)));
        assert_eq!(items().cancel(&token).any(|x| x == 77), Ok(true));
        let failed = items()
            .cancel(&token)
            .try_for_each(|x| if x == 9 { Err(x) } else { Ok(()) });
        assert_eq!(failed, Ok(Err(9)));
        assert_eq!(items().take_any(10).cancel(&token).count(), Ok(10));
        let nodes = || walk_tree_prefix(1, below(1000)).cancel(&token);
        assert_eq!(nodes().find_any(|&node| node == 77), Ok(Some(77)));
        assert_eq!(nodes().find_first(|&node| node > 7), Ok(Some(8)));
    });
}

#[test]
fn a_deadline_that_has_passed_stops_a_loop_and_a_far_one_does_not() {
    on_workers(|| {
        let items = || (0..100).into_par_iter();
        let late = items().deadline(Instant::now()).count().unwrap_err();
        assert!(late.is_expired() && !late.is_cancelled());
        assert_eq!(
            late.to_string(),
            "the loop passed its deadline after 0 of 100 items"
        );
        let one = (0..1).into_par_iter().timeout(Duration::ZERO).count();
        assert_eq!(one.unwrap_err().done(), 0);
        assert_eq!(items().timeout(Duration::MAX).count(), Ok(100));
        assert_eq!(items().deadline(far_future()).count(), Ok(100));
        // The earliest counts.
        let both = items().timeout(Duration::ZERO).deadline(far_future());
        assert!(both.count().unwrap_err().is_expired());
        // A token that was cancelled is what is said if it was seen.
        let both = items().timeout(Duration::ZERO).cancel(&cancelled()).count();
        assert!(both.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_deadline_stops_a_loop_between_two_items() {
    virtually(1, |pool| {
        let count = |timeout| {
            pool.install(|| {
                let items = (0..10).into_par_iter().map(|_| pool.sleep(MS(10)));
                items
                    .timeout(timeout)
                    .count()
                    .map_err(|late| (late.done(), late.len()))
            })
        };
        assert_eq!(count(MS(35)), Err((4, Some(10))));
        assert_eq!(count(MS(90)), Err((9, Some(10))));
        assert_eq!(count(MS(91)), Ok(10));
        let nested = pool.install(|| {
            let rows = (0..4).into_par_iter().flat_map(|_| 0..4);
            rows.map(|_| pool.sleep(MS(10))).timeout(MS(55)).count()
        });
        assert_eq!(nested.unwrap_err().done(), 6);
        let bridged = pool.install(|| {
            // Without a promise, so that items are taken one by one.
            let endless = std::iter::from_fn(|| Some(())).par_bridge();
            endless.map(|()| pool.sleep(MS(10))).timeout(MS(75)).count()
        });
        assert_eq!(bridged.unwrap_err().done(), 8);
    });
}

#[test]
fn a_loop_on_several_threads_meets_its_deadline() {
    virtually(3, |pool| {
        let met = AtomicUsize::new(0);
        let late = pool.install(|| {
            let items = (0..1000).into_par_iter().map(|_| {
                met.fetch_add(1, Ordering::SeqCst);
                pool.sleep(MS(10));
            });
            items.timeout(MS(100)).count().unwrap_err()
        });
        assert!(late.is_expired());
        assert_eq!(late.done(), met.into_inner());
        assert!((10..900).contains(&late.done()), "{late}");
    });
}
