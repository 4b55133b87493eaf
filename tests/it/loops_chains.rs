//! Adaptors that see more than one item, or stop early: what they make of the items, in which order, however the loop is cut.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use windrow::prelude::*;

use crate::loop_support::{LENS, linger, on_workers};
use crate::support::{panic_of, text, yield_until};

/// `0..n`, of which some items take a while.
fn numbers(n: usize) -> impl IndexedParallelIterator<Item = usize> {
    (0..n).into_par_iter().map(|x| {
        linger(x);
        x
    })
}

fn all(n: usize) -> Vec<usize> {
    (0..n).collect()
}

#[test]
fn a_chain_has_the_items_of_both_in_order() {
    on_workers(|| {
        for a in LENS {
            for b in [0, 1, 9, 700] {
                let second = move || numbers(b).map(move |x| x + a);
                let indexed: Vec<_> = numbers(a).chain(second()).collect();
                assert_eq!(indexed, all(a + b));
                let sparse: Vec<_> = numbers(a)
                    .filter(|_| true)
                    .chain(second())
                    .chain(numbers(3).map(|x| x + a + b))
                    .collect();
                assert_eq!(sparse, all(a + b + 3));
                let behind: Vec<_> = numbers(a).chain(second().filter(|_| true)).collect();
                assert_eq!(behind, all(a + b));
                assert_eq!(
                    numbers(a).chain(second()).rev().max(),
                    (a + b).checked_sub(1)
                );
            }
        }
    });
}

#[test]
fn a_chain_of_chains_is_collected_in_place() {
    on_workers(|| {
        let from = |at: usize, n: usize| numbers(n).map(move |x| x + at);
        // Owned states keep these from being indexed: they are driven one after the other.
        let driven = |at, n| from(at, n).with_worker_state(|| ()).map(|(), x| x);
        let left = driven(0, 300).chain(driven(300, 0)).chain(driven(300, 1));
        let right = driven(301, 1).chain(driven(302, 500).chain(driven(802, 200)));
        let collected: Vec<usize> = left.chain(right).collect();
        assert_eq!(collected, all(1002));
    });
}

#[test]
fn a_chain_with_a_bridge_has_all_items() {
    on_workers(|| {
        let mut items: Vec<_> = (0..500)
            .par_bridge()
            .chain(numbers(500).map(|x| x + 500))
            .chain((1000..1003).par_bridge())
            .collect();
        assert_eq!(items[1000..].len(), 3);
        items[..500].sort_unstable();
        items[1000..].sort_unstable();
        assert_eq!(items, all(1003));
    });
}

#[test]
fn the_first_and_the_last_are_found_across_the_border_of_a_chain() {
    on_workers(|| {
        for (low, high) in [(3, 990), (499, 500), (510, 520), (0, 999), (20, 480)] {
            let hit = move |x: &usize| (low..=high).contains(x) && (x - low) % 10 == 0;
            let last = high - (high - low) % 10;
            let half = |at: usize| numbers(500).map(move |x| x + at);
            let known = || {
                half(0)
                    .with_worker_state(|| ())
                    .map(|(), x| x)
                    .chain(half(500))
            };
            let unknown = || half(0).filter(|_| true).chain(half(500));
            let nested = || (0..2_usize).into_par_iter().flat_map(|i| half(i * 500));
            assert_eq!(known().find_first(hit), Some(low));
            assert_eq!(known().find_last(hit), Some(last));
            assert_eq!(unknown().find_first(hit), Some(low));
            assert_eq!(unknown().find_last(hit), Some(last));
            assert_eq!(nested().find_first(hit), Some(low));
            assert_eq!(nested().find_last(hit), Some(last));
        }
    });
}

#[test]
fn a_chain_that_is_too_long_to_be_counted_ends_when_something_is_found() {
    on_workers(|| {
        let long = || {
            (0..u64::MAX)
                .into_par_iter()
                .with_worker_state(|| ())
                .map(|(), x| x)
        };
        assert!(long().chain(long()).find_any(|&x| x > 100).is_some());
        assert_eq!(long().chain(long()).find_first(|&x| x == 3), Some(3));
    });
}

#[test]
fn a_panic_before_a_loop_begins_ends_the_other_half_of_its_chain() {
    on_workers(|| {
        let endless = std::iter::repeat(1).par_bridge();
        let panic = panic_of(|| {
            numbers(3)
                .fold(|| panic!("no identity"), |a: usize, b| a + b)
                .chain(endless)
                .for_each(drop);
        });
        assert_eq!(text(&*panic), "no identity");
    });
}

#[test]
fn a_fold_has_an_accumulator_for_each_piece_in_order() {
    on_workers(|| {
        for n in LENS {
            let pieces: Vec<Vec<usize>> = numbers(n)
                .fold(Vec::new, |mut piece, x| {
                    piece.push(x);
                    piece
                })
                .collect();
            assert!(!pieces.is_empty(), "one at least");
            assert_eq!(pieces.concat(), all(n));
            let nested: Vec<Vec<usize>> = numbers(n)
                .flat_map(|x| vec![3 * x, 3 * x + 1, 3 * x + 2])
                .fold_with(Vec::new(), |mut piece, x| {
                    linger(x);
                    piece.push(x);
                    piece
                })
                .collect();
            assert_eq!(nested.concat(), all(3 * n));
        }
        assert_eq!(numbers(0).fold(|| 7, |a, b| a + b).collect::<Vec<_>>(), [7]);
    });
}

#[test]
fn a_fold_makes_as_many_identities_as_it_has_pieces() {
    on_workers(|| {
        let made = AtomicUsize::new(0);
        let identity = || made.fetch_add(1, Ordering::Relaxed);
        let pieces = numbers(3000).fold(identity, |id, _| id).count();
        assert_eq!(pieces, made.into_inner());
    });
}

#[test]
fn a_fold_that_fails_ends_its_piece_and_hands_the_failure_on() {
    on_workers(|| {
        let step = |sum: usize, x: usize| if x == 500 { Err(x) } else { Ok(sum + x) };
        let sums = |n| numbers(n).try_fold(|| 0, step).collect::<Vec<_>>();
        assert_eq!(sums(1000).iter().filter(|sum| sum.is_err()).count(), 1);
        assert_eq!(sums(400).into_iter().sum::<Result<usize, _>>(), Ok(79_800));
        let with = numbers(1000)
            .try_fold_with(0, step)
            .try_reduce(|| 0, |a, b| Ok(a + b));
        assert_eq!(with, Err(500));
        assert_eq!(sums(0), [Ok(0)]);
        let seen = AtomicUsize::new(0);
        let never = numbers(100_000).try_fold(
            || (),
            |(), _| {
                seen.fetch_add(1, Ordering::Relaxed);
                None
            },
        );
        let pieces = never.count();
        assert!(seen.into_inner() <= pieces, "one item a piece");
    });
}

/// The items with zeros between.
fn interspersed(items: &[usize]) -> Vec<usize> {
    let mut all: Vec<_> = items.iter().flat_map(|&x| [0, x]).collect();
    if !all.is_empty() {
        all.remove(0);
    }
    all
}

#[test]
fn an_element_is_between_every_two_items() {
    on_workers(|| {
        for n in LENS {
            let items: Vec<_> = (1..=n).collect();
            let whole = || numbers(n).map(|x| x + 1);
            assert_eq!(
                whole().intersperse(0).collect::<Vec<_>>(),
                interspersed(&items)
            );
            for part in [1, 2, 100, 1000, 10_000] {
                let few = |x: &usize| x % part == 0;
                let expected = interspersed(&items.iter().copied().filter(few).collect::<Vec<_>>());
                let sparse: Vec<_> = whole().filter(few).intersperse(0).collect();
                assert_eq!(sparse, expected, "every {part}th of {n}");
                let nested: Vec<_> = whole()
                    .flat_map(|x| few(&x).then_some(x).into_iter().collect::<Vec<_>>())
                    .intersperse(0)
                    .collect();
                assert_eq!(nested, expected, "every {part}th of {n}, nested");
            }
            let zipped: Vec<_> = whole().intersperse(0).zip(0..2 * n).collect();
            let expected: Vec<_> = interspersed(&items).into_iter().zip(0..).collect();
            assert_eq!(zipped, expected);
            let last = whole()
                .filter(|x| x % 3 == 1)
                .intersperse(0)
                .find_last(|&x| x == 0);
            assert_eq!(last, (n > 3).then_some(0));
        }
    });
}

#[test]
fn a_loop_goes_on_while_there_is_something() {
    on_workers(|| {
        assert_eq!(
            numbers(3000).map(Some).while_some().collect::<Vec<_>>(),
            all(3000)
        );
        for none in [0, 1, 1234, 2999] {
            let some: Vec<_> = numbers(3000)
                .map(|x| (x != none).then_some(x))
                .while_some()
                .collect();
            assert!(some.is_sorted() && !some.contains(&none) && some.len() < 3000);
        }
        let seen = AtomicUsize::new(0);
        let endless = std::iter::repeat_with(|| seen.fetch_add(1, Ordering::Relaxed));
        endless
            .par_bridge()
            .map(|x| (x < 1000).then_some(x))
            .while_some()
            .for_each(drop);
    });
}

#[test]
fn so_many_items_are_taken_or_skipped() {
    on_workers(|| {
        for n in LENS {
            for few in [0, 1, 5, 64, 600, usize::MAX] {
                let taken: Vec<_> = numbers(n).take_any(few).collect();
                assert_eq!(taken.len(), few.min(n));
                assert!(taken.is_sorted_by(|a, b| a < b));
                let rest: Vec<_> = numbers(n).skip_any(few).collect();
                assert_eq!(rest.len(), n - few.min(n));
                assert!(rest.is_sorted_by(|a, b| a < b));
                let flat = numbers(n).flat_map_iter(|x| [x, x]).take_any(few).count();
                assert_eq!(flat, few.min(2 * n));
            }
        }
        assert_eq!((0..).par_bridge().take_any(100).count(), 100);
        assert_eq!(numbers(3).flat_map_iter(|_| 0..).take_any(100).count(), 100);
        assert_eq!(numbers(100).skip_any(20).take_any(30).count(), 30);
    });
}

#[test]
fn items_are_taken_or_skipped_while_a_predicate_holds() {
    on_workers(|| {
        for n in LENS {
            assert_eq!(numbers(n).take_any_while(|_| true).count(), n);
            assert_eq!(numbers(n).take_any_while(|_| false).count(), 0);
            assert_eq!(numbers(n).skip_any_while(|_| true).count(), 0);
            assert_eq!(numbers(n).skip_any_while(|_| false).count(), n);
            let taken: Vec<_> = numbers(n).take_any_while(|&x| x != 60).collect();
            assert!(taken.is_sorted() && !taken.contains(&60));
            assert!(n <= 60 || taken.len() < n);
            let rest: Vec<_> = numbers(n).skip_any_while(|&x| x != 60).collect();
            assert_eq!(rest.contains(&60), n > 60);
            assert!(rest.is_sorted());
        }
        // Nobody can have met what comes before only from another thread.
        let behind = (0..1000).par_bridge().skip_any_while(|&x| x < 900).count();
        assert!((1..=1000).contains(&behind));
    });
}

/// Says when it is dropped: in a loop that panics, after the fuse behind it has blown.
struct Row<'r> {
    left: usize,
    gone: &'r AtomicBool,
}

impl Iterator for Row<'_> {
    type Item = ();

    fn next(&mut self) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        Some(())
    }

    /// Short enough not to be asked about in its midst.
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_fuse_ends_the_loop_of_another_thread_before_its_next_item() {
    on_workers(|| {
        let (begun, after) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (chosen, gone) = (AtomicBool::new(false), AtomicBool::new(false));
        let rows = windrow::current_num_threads().min(2);
        let panic = catch_unwind(AssertUnwindSafe(|| {
            (0..rows)
                .into_par_iter()
                .flat_map_iter(|_| {
                    begun.fetch_add(1, Ordering::SeqCst);
                    let gone = &gone;
                    Row { left: 500, gone }
                })
                .panic_fuse()
                .for_each(|()| {
                    yield_until(|| begun.load(Ordering::SeqCst) == rows);
                    if !chosen.swap(true, Ordering::SeqCst) {
                        resume_unwind(Box::new("blown"));
                    }
                    yield_until(|| gone.load(Ordering::SeqCst));
                    after.fetch_add(1, Ordering::SeqCst);
                });
        }));
        assert_eq!(text(&*panic.unwrap_err()), "blown");
        assert!(after.into_inner() <= 1);
    });
}
