//! Adaptors that have a state or make chunks, on sources of every kind: those that have no index, those that are fed by
//! spans, and those that are taken item by item because of what is above them.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use windrow::iter::{Progress, repeat_n, walk_tree};
use windrow::prelude::*;

use crate::loop_support::{Book, Deed, linger, on_workers};

const LEN: usize = 700;

/// A state that says, when it is dropped, how many items it has met.
struct Tally<'t> {
    met: usize,
    total: &'t AtomicUsize,
}

impl<'t> Tally<'t> {
    fn new(total: &'t AtomicUsize) -> Self {
        Tally { met: 0, total }
    }

    fn meet(&mut self, n: usize) -> usize {
        linger(n);
        self.met += 1;
        n + 1
    }
}

impl Clone for Tally<'_> {
    fn clone(&self) -> Self {
        Tally::new(self.total)
    }
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        self.total.fetch_add(self.met, Ordering::SeqCst);
    }
}

/// Puts states into a loop over the numbers that `make` gives, and asks whether each item has met one of them.
fn with_states<I>(make: impl Fn() -> I, ordered: bool)
where
    I: ParallelIterator<Item = usize>,
{
    let mut expected: Vec<usize> = make().map(|n| n + 1).collect();
    let tidy = |mut numbers: Vec<usize>| {
        if !ordered {
            numbers.sort_unstable();
        }
        numbers
    };
    expected = tidy(expected);
    let (total, made) = (&AtomicUsize::new(0), AtomicUsize::new(0));
    let init = || {
        made.fetch_add(1, Ordering::SeqCst);
        Tally::new(total)
    };
    let mut met = 0;
    let mut all_met = || {
        met += expected.len();
        assert_eq!(total.load(Ordering::SeqCst), met, "items that met a state");
    };

    let mapped = make().map_with(Tally::new(total), Tally::meet);
    assert_eq!(tidy(mapped.collect()), expected);
    all_met();
    assert_eq!(tidy(make().map_init(init, Tally::meet).collect()), expected);
    all_met();
    let seen = Mutex::new(Vec::new());
    let see = |tally: &mut Tally<'_>, n| seen.lock().unwrap().push(tally.meet(n));
    make().for_each_with(Tally::new(total), see);
    all_met();
    make().for_each_init(init, see);
    all_met();
    let twice: Vec<_> = expected.iter().flat_map(|&n| [n, n]).collect();
    let mut seen = seen.into_inner().unwrap();
    seen.sort_unstable();
    let mut twice = twice;
    twice.sort_unstable();
    assert_eq!(seen, twice);
    let made = made.into_inner();
    assert!(made <= 2 * expected.len(), "{made} states");
}

#[test]
fn each_item_meets_a_state_whatever_gives_it() {
    on_workers(|| {
        let table: HashMap<usize, usize> = (0..LEN).map(|n| (n, 2 * n)).collect();
        with_states(|| (0..LEN).into_par_iter().filter(|n| n % 3 > 0), true);
        with_states(|| table.par_iter().map(|(&a, &b)| a + b), false);
        with_states(|| table.clone().into_par_iter().map(|(a, _)| a), false);
        with_states(|| (0..LEN).filter(|n| n % 2 == 0).par_bridge(), false);
        with_states(|| (0..30).into_par_iter().flat_map_iter(|n| n..2 * n), true);
        with_states(
            || {
                walk_tree(1, |&n: &usize| {
                    (2 * n..=2 * n + 1).filter(|&n| n < LEN).collect::<Vec<_>>()
                })
            },
            false,
        );
        with_states(
            || (0..LEN as u128).into_par_iter().map(|n| n as usize),
            true,
        );
        // The last one has nothing behind it.
        with_states(|| (200..=u8::MAX).into_par_iter().map(usize::from), true);
        with_states(|| repeat_n(3, LEN), true);
    });
}

/// What comes out of other adaptors on top of `make()`.
fn shapes<I>(make: impl Fn() -> I) -> Vec<Vec<I::Item>>
where
    I: IndexedParallelIterator<Item: Clone>,
{
    vec![
        make().collect(),
        make().rev().collect(),
        make().zip(0..LEN).map(|(item, _)| item).collect(),
        (3..LEN)
            .into_par_iter()
            .zip(make().rev())
            .map(|(_, item)| item)
            .collect(),
        make().step_by(3).collect(),
        make().skip(2).take(9).collect(),
        make().chain(make()).collect(),
        make().chain(make()).rev().collect(),
        make().interleave(make().skip(5)).collect(),
        make().enumerate().rev().map(|(_, item)| item).collect(),
        make().chunks(4).flat_map_iter(|chunk| chunk).collect(),
        make()
            .chunks(4)
            .rev()
            .flat_map_iter(|chunk| chunk)
            .collect(),
        make()
            .fold_chunks(5, Vec::new, pushed)
            .flatten_iter()
            .collect(),
        make()
            .rev()
            .fold_chunks_with(5, Vec::new(), pushed)
            .rev()
            .flatten_iter()
            .collect(),
        make().map_init(|| (), |(), item| item).rev().collect(),
        make()
            .progress(|_| ())
            .zip(0..LEN)
            .map(|(item, _)| item)
            .collect(),
        make()
            .update(|_| ())
            .find_first(|_| true)
            .into_iter()
            .collect(),
        make().filter(|_| true).collect(),
    ]
}

fn pushed<T>(mut items: Vec<T>, item: T) -> Vec<T> {
    items.push(item);
    items
}

/// `make()` gives these items, and beneath other adaptors what a vector of them gives.
fn gives<I>(what: &str, expected: Vec<I::Item>, make: impl Fn() -> I)
where
    I: IndexedParallelIterator<Item: Clone + Debug + PartialEq + Sync>,
{
    assert_eq!(make().len(), expected.len(), "{what}");
    let all = shapes(|| expected.clone().into_par_iter());
    for (at, (got, expected)) in shapes(make).into_iter().zip(all).enumerate() {
        assert_eq!(got, expected, "{what}, shape {at}");
    }
}

#[test]
fn adaptors_beneath_others_give_what_they_give_alone() {
    on_workers(|| {
        let numbers = || (0..LEN).into_par_iter();
        let in_chunks = || {
            (0..LEN)
                .collect::<Vec<_>>()
                .chunks(3)
                .map(<[usize]>::to_vec)
                .collect()
        };
        let sums = || {
            (0..LEN)
                .collect::<Vec<_>>()
                .chunks(3)
                .map(|c| c.iter().sum())
                .collect()
        };
        let plus_one = || (1..=LEN).collect::<Vec<_>>();
        let step = |state: &mut Vec<usize>, n| {
            linger(n);
            state.push(n);
            state.pop().unwrap() + 1
        };
        gives("map_with", plus_one(), || {
            numbers().map_with(Vec::new(), step)
        });
        gives("map_init", plus_one(), || {
            numbers().map_init(Vec::new, step)
        });
        gives("chunks", in_chunks(), || numbers().chunks(3));
        gives("fold_chunks", sums(), || {
            numbers().fold_chunks(3, || 0, |a, b| a + b)
        });
        gives("fold_chunks_with", sums(), || {
            numbers().fold_chunks_with(3, 0, |a, b| a + b)
        });
        gives("progress", plus_one(), || {
            numbers().map(|n| n + 1).progress(|_| ())
        });
        gives("enumerate", plus_one(), || {
            numbers().rev().enumerate().map(|(n, _)| n + 1)
        });
        gives("repeat_n", vec![7; LEN], || repeat_n(7, LEN));
        let spaced = (0..2 * LEN - 1)
            .map(|n| if n % 2 == 0 { n / 2 } else { LEN })
            .collect();
        gives("intersperse", spaced, || numbers().intersperse(LEN));
        // The last number of a type has no end behind it, and so comes alone.
        gives("u8", (250..=u8::MAX).collect(), || {
            (250..=u8::MAX).into_par_iter()
        });
        let chars: Vec<char> = ('\u{10fff0}'..=char::MAX).collect();
        gives("char", chars, || ('\u{10fff0}'..=char::MAX).into_par_iter());
        gives("range", (1..=LEN).collect(), || (1..=LEN).into_par_iter());
    });
}

/// What was made of chunks that came with the last number of its type.
#[test]
fn the_last_number_is_in_its_chunk_and_has_its_index() {
    on_workers(|| {
        let last = || (i8::MAX - 6..=i8::MAX).into_par_iter();
        let counted: Vec<_> = last().enumerate().collect();
        assert!(counted.into_iter().eq((121..=127).enumerate()));
        let chunks: Vec<_> = last().chunks(4).collect();
        assert_eq!(chunks, [vec![121, 122, 123, 124], vec![125, 126, 127]]);
        let sums = last().fold_chunks(4, || 0, |sum, n| sum + i32::from(n));
        assert_eq!(sums.collect::<Vec<_>>(), [490, 378]);
        let mut reports = Vec::new();
        let told = Mutex::new(&mut reports);
        let sum: i32 = last()
            .progress(|progress| told.lock().unwrap().push(progress))
            .map(i32::from)
            .sum();
        assert_eq!(sum, 868);
        assert_eq!(reports.last().map(|last: &Progress| last.done), Some(7));
    });
}

/// Owned items that nobody takes, of sources that are cut off by what is above them.
#[test]
fn items_that_are_cut_off_are_dropped_once() {
    on_workers(|| {
        for taken in [0, 1, 2, 5, 39, 78, 79] {
            let book = Book::new(Deed::Nothing, 0);
            let between = book.item();
            let items = book.items(40).into_par_iter().intersperse(between);
            assert_eq!(items.zip(0..taken).count(), taken);
            book.assert_balanced();

            let book = Book::new(Deed::Nothing, 0);
            let items = book.items(40).into_par_iter().chunks(3);
            let taken = taken.min(14);
            assert_eq!(
                items.map_init(|| (), |(), chunk| chunk).take(taken).count(),
                taken
            );
            book.assert_balanced();

            let book = Book::new(Deed::Nothing, 0);
            let between = book.item();
            let found = book
                .items(40)
                .into_par_iter()
                .intersperse(between)
                .rev()
                .find_any(|item| item.number() == taken + 1);
            assert!(found.is_some());
            drop(found);
            book.assert_balanced();
        }
    });
}
