//! Every item is given or dropped once, whatever happens: chains of adaptors over owned items, drawn at random, with a
//! panic, a cancelled token or a match at any call of a closure.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use windrow::iter::{
    IndexedParallelIterator, ParallelIterator, walk_tree, walk_tree_postfix, walk_tree_prefix,
};
use windrow::prelude::*;
use windrow::{CancelToken, ThreadPool};

use crate::loop_support::{Book, Deed, Item, linger};
use crate::random::Random;
use crate::support::{SIZES, pool};
use crate::watchdog::watched_as;

/// A loop: which source, adaptors and consumer.
#[derive(Clone, Copy, Debug)]
struct Chain {
    len: usize,
    source: u64,
    near: u64,
    far: u64,
    end: u64,
}

const SOURCES: u64 = 2;
const NEARS: u64 = 5;
const FARS: u64 = 10;
const ENDS: u64 = 8;

impl Chain {
    fn drawn(random: &mut Random, len: usize) -> Chain {
        Chain {
            len,
            source: random.below(SOURCES),
            near: random.below(NEARS),
            far: random.below(FARS),
            end: random.below(ENDS),
        }
    }

    fn run(self, book: &Arc<Book>) {
        let mut items = book.items(self.len + 2);
        if self.source == 0 {
            self.near(book, items.into_par_iter());
        } else {
            self.far(book, items.par_drain(1..=self.len));
        }
    }

    fn near<I: IndexedParallelIterator<Item = Item>>(self, book: &Arc<Book>, items: I) {
        let others = book.items(self.len);
        match self.near {
            0 => self.far(book, items),
            1 => self.few(
                book,
                items.zip(others).map(|(item, _other)| {
                    book.tick();
                    item
                }),
            ),
            2 => self.few(book, items.chain(others)),
            // Chunks that lie across the border.
            3 => self.few(book, items.chain(others).with_min_len(40)),
            _ => self.few(book, items.skip(1).take(self.len / 2).rev()),
        }
    }

    /// Two of what `far` has: each product of a shape, an adaptor and an end is compiled by itself.
    fn few<I: ParallelIterator<Item = Item>>(self, book: &Arc<Book>, items: I) {
        if self.far % 2 == 0 {
            self.end(book, items);
        } else {
            self.end(
                book,
                items.flat_map(|item| {
                    let mut all = book.items(9);
                    book.tick();
                    all.push(item);
                    all
                }),
            );
        }
    }

    fn far<I: ParallelIterator<Item = Item>>(self, book: &Arc<Book>, items: I) {
        let tick = |_: &Item| {
            book.tick();
        };
        match self.far {
            0 => self.end(book, items),
            1 => self.end(book, items.inspect(tick)),
            2 => self.end(
                book,
                items.filter(|item| {
                    book.tick();
                    item.number() % 3 > 0
                }),
            ),
            3 => self.end(book, items.flat_map_iter(|item| [item, book.item()])),
            4 => self.end(
                book,
                items.flat_map(|item| {
                    let mut all = book.items(9);
                    book.tick();
                    all.push(item);
                    all
                }),
            ),
            5 => self.end(book, items.intersperse(book.item())),
            6 => self.end(book, items.take_any(self.len / 2)),
            7 => self.end(
                book,
                items.map_with(book.item(), |_, item| {
                    book.tick();
                    item
                }),
            ),
            8 => self.end(
                book,
                items
                    .with_worker_state(|| {
                        book.tick();
                        book.item()
                    })
                    .map(|_, item| {
                        book.tick();
                        item
                    }),
            ),
            _ => self.end(
                book,
                items
                    .progress(|_| {
                        book.tick();
                    })
                    .panic_fuse()
                    .chain(book.items(3)),
            ),
        }
    }

    fn end<I: ParallelIterator<Item = Item>>(self, book: &Arc<Book>, items: I) {
        let step = |item: Item| {
            linger(0);
            book.tick();
            item
        };
        match self.end {
            0 => drop(items.cancel(&book.token).collect::<Vec<_>>()),
            1 => drop(items.map(step).cancel(&book.token).collect::<Vec<_>>()),
            2 => drop(items.find_any(|_| book.tick())),
            3 => drop(items.find_first(|_| book.tick())),
            4 => drop(items.find_last(|_| book.tick())),
            5 => drop(items.try_for_each(|item| if book.tick() { Err(item) } else { Ok(()) })),
            6 => drop(
                items
                    .fold(Vec::new, |mut all, item| {
                        all.push(step(item));
                        all
                    })
                    .reduce(Vec::new, |mut all, more| {
                        book.tick();
                        all.extend(more);
                        all
                    }),
            ),
            _ => drop(items.partition::<Vec<_>, Vec<_>, _>(|item| {
                book.tick();
                item.number() % 3 > 0
            })),
        }
    }

    /// Whether there were enough calls for the deed.
    fn holds(self, pool: &ThreadPool, deed: Deed, at: usize) -> bool {
        holds(pool, &format!("{self:?}"), deed, at, |book| self.run(book))
    }
}

/// Runs a loop that does `deed` at its call number `at`; whether there were enough calls for it.
fn holds(
    pool: &ThreadPool,
    what: &str,
    deed: Deed,
    at: usize,
    run: impl Fn(&Arc<Book>) + Sync,
) -> bool {
    let says = Says(format!("{what}, {deed:?} at call {at}"));
    let book = Book::new(deed, at);
    let ended = catch_unwind(AssertUnwindSafe(|| pool.install(|| run(&book))));
    let done = book.is_done();
    match deed {
        Deed::Panic => assert_eq!(ended.is_err(), done),
        Deed::PanicAnywhere => assert!(done || ended.is_ok()),
        _ => assert!(ended.is_ok()),
    }
    drop(ended);
    book.assert_balanced();
    drop(says);
    done
}

/// Says which loop it was, if the test fails.
struct Says(String);

impl Drop for Says {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

const DEEDS: [Deed; 5] = [
    Deed::Nothing,
    Deed::Panic,
    Deed::PanicAnywhere,
    Deed::Cancel,
    Deed::Say,
];

fn drawn(size: usize, deed: Deed, seeds: std::ops::Range<u64>, longest: u64) {
    watched_as(format!("pool of {size}, {deed:?}"), || {
        let pool = pool(size);
        for seed in seeds {
            let seeded = Says(format!("seed {seed}"));
            let mut random = Random::new(seed);
            let len = random.below(longest) as usize;
            let chain = Chain::drawn(&mut random, len);
            chain.holds(&pool, deed, random.below(2 * len as u64 + 3) as usize);
            drop(seeded);
        }
    });
}

#[test]
fn a_small_loop_survives_a_deed_at_every_call() {
    for size in SIZES {
        for deed in DEEDS {
            watched_as(format!("pool of {size}, {deed:?}"), || {
                let pool = pool(size);
                let mut random = Random::new(size as u64);
                for len in [0, 1, 2, 5] {
                    for _ in 0..12 {
                        let chain = Chain::drawn(&mut random, len);
                        let mut at = 0;
                        while chain.holds(&pool, deed, at) && at < 200 {
                            at += 1;
                        }
                    }
                }
            });
        }
    }
}

#[test]
fn a_large_loop_survives_a_deed_at_any_call() {
    for size in SIZES {
        for deed in DEEDS {
            drawn(size, deed, 0..40, 1500);
        }
    }
}

#[test]
fn every_kind_of_chain_survives_a_panic_in_its_midst() {
    for size in SIZES {
        watched_as(format!("pool of {size}"), || {
            let pool = pool(size);
            for near in 0..NEARS {
                for far in 0..FARS {
                    for end in 0..ENDS {
                        let chain = Chain {
                            len: 150,
                            source: (near + far + end) % SOURCES,
                            near,
                            far,
                            end,
                        };
                        chain.holds(&pool, Deed::Panic, 70);
                    }
                }
            }
        });
    }
}

/// Binary trees, whose nodes below the root are made by the closure; 31 of them.
fn tree(book: &Arc<Book>, kind: u64, end: u64) {
    let chain = Chain {
        len: 0,
        source: 0,
        near: 0,
        far: 0,
        end,
    };
    let children = |&(_, depth): &(Item, u32)| {
        book.tick();
        let node = move |_| (book.item(), depth - 1);
        (0..if depth > 0 { 2 } else { 0 }).map(node)
    };
    let root = (book.item(), 4);
    let item = |(item, _)| item;
    match kind {
        0 => chain.end(book, walk_tree(root, children).map(item)),
        1 => chain.end(book, walk_tree_prefix(root, children).map(item)),
        _ => chain.end(book, walk_tree_postfix(root, children).map(item)),
    }
}

#[test]
fn a_tree_survives_a_deed_at_every_call() {
    for size in SIZES {
        for deed in DEEDS {
            watched_as(format!("pool of {size}, {deed:?}"), || {
                let pool = pool(size);
                for (kind, end) in (0..3).flat_map(|kind| (0..ENDS).map(move |end| (kind, end))) {
                    let run = |book: &_| tree(book, kind, end);
                    let says = format!("tree of kind {kind}, end {end}");
                    (0..200).find(|&at| !holds(&pool, &says, deed, at, run));
                }
            });
        }
    }
}

#[test]
fn an_iterator_that_is_not_driven_drops_its_items() {
    let book = Book::new(Deed::Nothing, 0);
    let mut drained = book.items(7);
    let undriven = (
        book.items(5).into_par_iter().zip(book.items(3)).skip(1),
        drained.par_drain(2..4).intersperse(book.item()),
        book.items(2).into_iter().par_bridge(),
    );
    drop(undriven);
    assert_eq!(drained.len(), 5);
    drop(drained);
    book.assert_balanced();
}

#[test]
fn a_report_of_progress_that_panics_at_the_begin_of_a_chunk_loses_no_item() {
    for size in SIZES {
        watched_as(format!("pool of {size}"), || {
            let pool = pool(size);
            let book = Book::new(Deed::Nothing, 0);
            let items = book.items(300);
            let ended = catch_unwind(AssertUnwindSafe(|| {
                pool.install(|| {
                    items
                        .into_par_iter()
                        // Long enough that a report is due before the end.
                        .map(|item| {
                            let since = std::time::Instant::now();
                            while since.elapsed() < std::time::Duration::from_micros(500) {}
                            item
                        })
                        .progress(|progress| {
                            if progress.done < 300 {
                                std::panic::resume_unwind(Box::new("a report"));
                            }
                        })
                        .for_each(drop);
                });
            }));
            assert!(ended.is_err());
            book.assert_balanced();
        });
    }
}

#[test]
fn results_that_are_cut_off_are_dropped_with_the_loop() {
    for size in SIZES {
        let pool = pool(size);
        let (book, token) = (Book::new(Deed::Nothing, 0), CancelToken::new());
        let collected = pool.install(|| {
            (0..2000_usize)
                .into_par_iter()
                .map(|x| {
                    linger(x);
                    if x == 777 {
                        token.cancel();
                    }
                    book.item()
                })
                .cancel(&token)
                .collect::<Vec<_>>()
        });
        assert!(collected.map_or(true, |all| all.len() == 2000));
        book.assert_balanced();
    }
}

#[test]
fn a_piece_that_cannot_begin_drops_its_items() {
    for size in SIZES {
        let pool = pool(size);
        watched_as(format!("pool of {size}"), || {
            for at in 0..8 {
                let book = Book::new(Deed::Panic, at);
                let items = book.items(800);
                let ended = catch_unwind(AssertUnwindSafe(|| {
                    pool.install(|| {
                        let identity = || {
                            book.tick();
                            0
                        };
                        let pieces = items.into_par_iter().fold(identity, |count, _| {
                            linger(count);
                            count + 1
                        });
                        pieces.sum::<usize>()
                    })
                }));
                assert!(ended.map_or(book.is_done(), |count| count == 800));
                book.assert_balanced();
            }
        });
    }
}
