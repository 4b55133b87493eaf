//! Indexed adaptors over items that are owned: each is given or dropped, once, however the loop ends.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use windrow::ThreadPool;
use windrow::iter::{once, walk_tree_prefix};
use windrow::prelude::*;

use crate::support::{SIZES, panic_of, pool};

/// What an item does but count its drop.
#[derive(Clone, Copy, PartialEq)]
enum Trap {
    None,
    /// It panics when its source gives it.
    Given,
    /// It panics when it is dropped.
    Dropped,
}

struct Item {
    drops: Arc<Vec<AtomicUsize>>,
    number: usize,
    trap: Trap,
}

impl Drop for Item {
    fn drop(&mut self) {
        self.drops[self.number].fetch_add(1, Ordering::SeqCst);
        if self.trap == Trap::Dropped && !thread::panicking() {
            resume_unwind(Box::new("dropped"));
        }
    }
}

fn give(item: Item) -> Item {
    thread::yield_now();
    if item.trap == Trap::Given {
        resume_unwind(Box::new("given"));
    }
    item
}

type Source = windrow::iter::Map<windrow::vec::IntoIter<Item>, fn(Item) -> Item>;

/// Two sources; item `number` of both has the trap.
fn sources(
    lens: (usize, usize),
    number: usize,
    trap: Trap,
) -> (Source, Source, Arc<Vec<AtomicUsize>>) {
    let all = lens.0 + lens.1;
    let drops: Arc<Vec<_>> = Arc::new((0..all).map(|_| AtomicUsize::new(0)).collect());
    let item = |own| Item {
        drops: drops.clone(),
        number: own,
        trap: if own == number { trap } else { Trap::None },
    };
    let source = |range: std::ops::Range<usize>| {
        let items: Vec<Item> = range.map(item).collect();
        items.into_par_iter().map(give as fn(Item) -> Item)
    };
    (source(0..lens.0), source(lens.0..all), drops)
}

fn assert_dropped_once(drops: &[AtomicUsize], how: &str, lens: (usize, usize), at: usize) {
    let counts: Vec<usize> = drops.iter().map(|n| n.load(Ordering::SeqCst)).collect();
    assert!(
        counts.iter().all(|&n| n == 1),
        "{how}, lengths {lens:?}, at {at}: drops {counts:?}"
    );
}

/// Ends loops in every way that there is, at every item.
fn check<I>(shape: impl Fn(Source, Source) -> I + Sync)
where
    I: ParallelIterator,
{
    for size in SIZES {
        let pool = pool(size);
        for a in [0, 1, 2, 3, 5] {
            for b in [0, 1, 4] {
                check_ends(&pool, &shape, (a, b));
                check_panics(&pool, &shape, (a, b));
            }
        }
        check_ends(&pool, &shape, (700, 600));
    }
}

/// A way to consume a loop, and its name.
type End<I> = (&'static str, fn(I));

fn check_ends<I: ParallelIterator>(
    pool: &ThreadPool,
    shape: &(impl Fn(Source, Source) -> I + Sync),
    lens: (usize, usize),
) {
    let ends: [End<I>; 5] = [
        ("undriven", drop),
        ("driven", |all| all.for_each(drop)),
        ("collected", |all| drop(all.collect::<Vec<_>>())),
        ("any", |all| drop(all.find_any(|_| true))),
        ("first", |all| drop(all.find_first(|_| true))),
    ];
    for (how, end) in ends {
        let (a, b, drops) = sources(lens, 0, Trap::None);
        pool.install(|| end(shape(a, b)));
        assert_dropped_once(&drops, how, lens, 0);
    }
}

fn check_panics<I: ParallelIterator>(
    pool: &ThreadPool,
    shape: &(impl Fn(Source, Source) -> I + Sync),
    lens: (usize, usize),
) {
    for number in 0..lens.0 + lens.1 {
        for trap in [Trap::Given, Trap::Dropped] {
            let ends: [End<I>; 3] = [
                ("driven", |all| all.for_each(drop)),
                ("collected", |all| drop(all.collect::<Vec<_>>())),
                ("last", |all| drop(all.find_last(|_| true))),
            ];
            for (how, end) in ends {
                let (a, b, drops) = sources(lens, number, trap);
                // Some shapes never touch the item.
                let _ = pool.install(|| caught(|| end(shape(a, b))));
                assert_dropped_once(&drops, how, lens, number);
            }
        }
        let (a, b, drops) = sources(lens, number, Trap::Dropped);
        panic_of(|| pool.install(|| drop(shape(a, b))));
        assert_dropped_once(&drops, "undriven", lens, number);

        let (a, b, drops) = sources(lens, 0, Trap::None);
        let given = AtomicUsize::new(0);
        let _ = caught(|| {
            pool.install(|| {
                shape(a, b).for_each(|_item| {
                    if given.fetch_add(1, Ordering::SeqCst) == number {
                        resume_unwind(Box::new("taken"));
                    }
                });
            });
        });
        assert_dropped_once(&drops, "the closure panics", lens, number);
    }
}

fn caught(f: impl FnOnce()) -> thread::Result<()> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f))
}

#[test]
fn what_was_found_is_dropped_when_the_drop_of_what_is_left_panics() {
    for size in SIZES {
        let pool = pool(size);
        for found in [0, 1, 30, 500] {
            let (lens, trap) = ((1000, 0), found + 1);
            for how in ["any", "first", "folded"] {
                let (all, none, drops) = sources(lens, trap, Trap::Dropped);
                drop(none);
                // As one chunk.
                let all = all.with_min_len(1000);
                let it = |item: &Item| item.number == found;
                let end = || match how {
                    "any" => drop(all.find_any(it)),
                    "first" => drop(all.find_first(it)),
                    _ => all
                        .try_fold(|| (), |(), item| if it(&item) { Err(item) } else { Ok(()) })
                        .for_each(drop),
                };
                panic_of(|| pool.install(end));
                assert_dropped_once(&drops, how, lens, trap);
            }
        }
    }
}

#[test]
fn what_was_collected_is_dropped_when_the_drop_of_what_is_left_panics() {
    /// Its drop panics, as that of an iterator may.
    struct Fuse(std::ops::Range<usize>);
    impl Drop for Fuse {
        fn drop(&mut self) {
            resume_unwind(Box::new("dropped"));
        }
    }
    for size in SIZES {
        let pool = pool(size);
        for found in [0, 1, 30, 500] {
            let (lens, trap) = ((1000, 0), found + 1);
            let (all, none, drops) = sources(lens, trap, Trap::Dropped);
            drop(none);
            let checked = all.with_min_len(1000).map(|item| match item.number {
                n if n == found => Err(item),
                _ => Ok(item),
            });
            panic_of(|| pool.install(|| checked.collect::<Result<Vec<_>, _>>()));
            assert_dropped_once(&drops, "failed", lens, found);
        }
        for how in ["collected", "any of a bridge", "any of a long one"] {
            let (all, none, drops) = sources((2000, 0), 0, Trap::None);
            drop(none);
            let items: Vec<_> = pool.install(|| all.collect());
            let mut items = items.into_iter();
            let mut fuse = Fuse(0..2000);
            let given = std::iter::from_fn(move || {
                fuse.0.next();
                items.next()
            });
            let is = |item: &Item| item.number == 700;
            let end = || match how {
                "collected" => drop(given.par_bridge().collect::<Vec<_>>()),
                "any of a bridge" => drop(given.par_bridge().find_any(is)),
                _ => drop(
                    once(std::sync::Mutex::new(given))
                        .flat_map_iter(|given| given.into_inner().unwrap())
                        .find_any(is),
                ),
            };
            panic_of(|| pool.install(end));
            assert_dropped_once(&drops, how, (2000, 0), 700);
        }
    }
}

#[test]
fn what_was_found_in_a_tree_is_dropped_when_the_drop_of_a_node_panics() {
    for size in SIZES {
        let pool = pool(size);
        let drops: Arc<Vec<_>> = Arc::new((0..20).map(|_| AtomicUsize::new(0)).collect());
        let node = |number| Item {
            drops: drops.clone(),
            number,
            trap: if number == 5 {
                Trap::Dropped
            } else {
                Trap::None
            },
        };
        let tree = walk_tree_prefix(node(0), |parent| {
            (1..if parent.number == 0 { 20 } else { 0 }).map(node)
        });
        let _ = caught(|| pool.install(|| drop(tree.find_any(|node| node.number == 0))));
        let counts: Vec<usize> = drops.iter().map(|n| n.load(Ordering::SeqCst)).collect();
        assert_eq!(counts[0], 1, "{counts:?}");
    }
}

macro_rules! shapes {
    ($($name:ident: |$a:ident, $b:ident| $shape:expr;)*) => {$(
        #[test]
        fn $name() {
            check(|$a: Source, $b: Source| $shape);
        }
    )*};
}

shapes! {
    zip_drops_each_item_once: |a, b| a.zip(b);
    zip_the_other_way_round_drops_each_item_once: |a, b| b.zip(a);
    zip_of_zip_drops_each_item_once: |a, b| a.zip(b.skip(1).rev()).rev();
    enumerate_drops_each_item_once: |a, b| a.enumerate().zip(b.enumerate());
    rev_drops_each_item_once: |a, b| a.rev().zip(b);
    skip_drops_each_item_once: |a, b| a.skip(2).interleave(b.skip(1));
    take_drops_each_item_once: |a, b| a.take(2).interleave(b.take(1));
    step_by_drops_each_item_once: |a, b| a.step_by(2).zip(b.rev().step_by(3));
    step_by_of_step_by_drops_each_item_once: |a, b| a.interleave(b).step_by(2).rev().step_by(2);
    chunks_drop_each_item_once: |a, b| a.chunks(2).zip(b.rev().chunks(3)).rev();
    fold_chunks_drops_each_item_once: |a, b| {
        a.fold_chunks(2, Vec::new, |mut all, item| {
            all.push(item);
            all
        })
        .interleave(b.fold_chunks(3, Vec::new, |mut all, item| {
            all.insert(0, item);
            all
        }))
    };
    fold_chunks_with_drops_each_item_once: |a, b| {
        a.zip(b).fold_chunks_with(2, 0, |sum, pair| sum + pair.0.number)
    };
    interleave_drops_each_item_once: |a, b| a.interleave(b);
    interleave_shortest_drops_each_item_once: |a, b| a.interleave_shortest(b);
    interleave_shortest_backwards_drops_each_item_once: |a, b| b.interleave_shortest(a).rev();
    lengths_drop_each_item_once: |a, b| a.with_max_len(1).interleave(b.with_min_len(2));
    uniform_blocks_drop_each_item_once: |a, b| a.interleave(b).by_uniform_blocks(2);
    exponential_blocks_drop_each_item_once: |a, b| a.zip(b).by_exponential_blocks();
    positions_drop_each_item_once: |a, b| a.interleave(b).positions(|item| item.number % 2 == 0);
    deep_nests_drop_each_item_once: |a, b| {
        a.enumerate().skip(1).step_by(2).zip(b.chunks(2).take(2)).rev().skip(1)
    };
}

#[test]
fn a_seed_that_panics_drops_each_item_once() {
    for size in SIZES {
        let pool = pool(size);
        for at in 0..4 {
            let (a, b, drops) = sources((7, 3), 0, Trap::None);
            let begun = AtomicUsize::new(0);
            let seed = || {
                if begun.fetch_add(1, Ordering::SeqCst) == at {
                    resume_unwind(Box::new("seed"));
                }
            };
            panic_of(|| {
                pool.install(|| {
                    a.interleave(b)
                        .fold_chunks(2, seed, |(), _| ())
                        .for_each(drop)
                })
            });
            assert_dropped_once(&drops, "seed", (7, 3), at);
        }
    }
}

#[test]
fn a_piece_whose_identity_panics_drops_each_item_once() {
    let pool = pool(2);
    for _ in 0..50 {
        let (a, b, drops) = sources((600, 0), 0, Trap::None);
        drop(b);
        let begun = AtomicUsize::new(0);
        let identity = || {
            if begun.fetch_add(1, Ordering::SeqCst) == 1 {
                resume_unwind(Box::new("identity"));
            }
        };
        let _ = caught(|| pool.install(|| a.map(drop).reduce(identity, |(), ()| ())));
        assert_dropped_once(&drops, "identity", (600, 0), 1);
    }
}

#[test]
fn unzipping_drops_what_was_written_once_if_something_panics() {
    for size in SIZES {
        let pool = pool(size);
        for number in 0..9 {
            let (a, b, drops) = sources((5, 4), number, Trap::Given);
            let (mut left, mut right) = (Vec::new(), Vec::new());
            let all = a.zip(b);
            let ended = caught(|| pool.install(|| all.unzip_into_vecs(&mut left, &mut right)));
            // The fifth of the first has no partner.
            assert_eq!(ended.is_ok(), number == 4);
            assert_eq!(left.len(), if number == 4 { 4 } else { 0 });
            drop((left, right));
            assert_dropped_once(&drops, "unzip", (5, 4), number);
        }
    }
}

#[test]
fn a_drop_that_panics_before_a_chain_begins_leaves_none_of_its_items() {
    for size in SIZES {
        let pool = pool(size);
        let drops: Arc<Vec<_>> = Arc::new((0..5).map(|_| AtomicUsize::new(0)).collect());
        let item = |number| Item {
            drops: drops.clone(),
            number,
            trap: if number == 3 {
                Trap::Dropped
            } else {
                Trap::None
            },
        };
        let first: Vec<_> = (0..3).map(item).collect();
        let second: Vec<_> = (3..5).map(item).collect();
        // What is skipped is dropped when the loop begins.
        let items = first.into_par_iter().chain(second.into_par_iter().skip(1));
        assert!(caught(|| pool.install(|| items.enumerate().for_each(drop))).is_err());
        for (number, drops) in drops.iter().enumerate() {
            assert_eq!(drops.load(Ordering::SeqCst), 1, "item {number}");
        }
    }
}
