//! Progress of loops beneath others, which count for themselves: it is told to the end, and the truth.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use windrow::iter::{Either, Progress, once, walk_tree};
use windrow::prelude::*;

use crate::loop_support::{Book, Deed, linger, on_workers};
use crate::support::panic_of;
use crate::virtual_time::{MS, virtually};

const LEN: usize = 700;

type Told = Mutex<Vec<(usize, Option<usize>)>>;

/// The first numbers, with reports.
fn numbers(told: &Told, n: usize) -> impl IndexedParallelIterator<Item = usize> {
    let report = |progress: Progress| told.lock().unwrap().push((progress.done, progress.len));
    (0..n).into_par_iter().progress(report)
}

/// The last report was of so many items, of so many; and none of more.
fn end(told: &Told, done: usize, len: usize, what: &str) {
    let told = std::mem::take(&mut *told.lock().unwrap());
    assert_eq!(told.last(), Some(&(done, Some(len))), "{what}");
    assert!(told.is_sorted(), "{what}: {told:?}");
}

#[test]
fn it_ends_with_all_items() {
    on_workers(|| {
        let told = Told::default();
        for n in [0, 1, 2, LEN] {
            let indexed = numbers(&told, n).enumerate();
            assert!(indexed.all(|(index, item)| item == index));
            end(&told, n, n, "enumerate");
            let reversed: Vec<_> = numbers(&told, n).rev().collect();
            assert!(reversed.into_iter().eq((0..n).rev()));
            end(&told, n, n, "rev");
            assert_eq!(numbers(&told, n).chunks(7).flatten().count(), n);
            end(&told, n, n, "chunks");
            let blocks = numbers(&told, n).by_uniform_blocks(64);
            assert_eq!(blocks.count(), n);
            end(&told, n, n, "by_uniform_blocks");
            let chained = numbers(&told, n).chain(0..n).rev();
            assert_eq!(chained.count(), 2 * n);
            end(&told, n, n, "chain");
            let between = (0..n).into_par_iter().interleave(numbers(&told, n));
            assert_eq!(between.count(), 2 * n);
            end(&told, n, n, "interleave");
            let side = if n < LEN {
                Either::Left(numbers(&told, n))
            } else {
                Either::Right(numbers(&told, n))
            };
            assert_eq!(side.rev().count(), n);
            end(&told, n, n, "either");
        }
    });
}

#[test]
fn it_ends_with_the_items_that_were_taken() {
    on_workers(|| {
        let told = Told::default();
        numbers(&told, LEN).zip(0..LEN - 1).for_each(drop);
        end(&told, LEN - 1, LEN, "zip");
        numbers(&told, LEN).zip(0..0).for_each(drop);
        end(&told, 0, LEN, "zip with nothing");
        (numbers(&told, LEN), 0..3).into_par_iter().for_each(drop);
        end(&told, 3, LEN, "tuple");
        numbers(&told, LEN).take(40).for_each(linger);
        end(&told, 40, LEN, "take");
        numbers(&told, LEN).skip(40).for_each(linger);
        end(&told, LEN - 40, LEN, "skip");
        numbers(&told, LEN).step_by(70).for_each(linger);
        end(&told, LEN / 70, LEN, "step_by");
    });
}

#[test]
fn it_ends_with_the_items_that_a_search_has_seen() {
    on_workers(|| {
        for wanted in [0, 5, 77, LEN - 1] {
            let (told, seen) = (Told::default(), AtomicUsize::new(0));
            let look = |&item: &usize| {
                seen.fetch_add(1, Ordering::Relaxed);
                linger(item);
                item == wanted
            };
            let found = numbers(&told, LEN).take(LEN).find_any(look);
            assert_eq!(found, Some(wanted));
            end(&told, seen.swap(0, Ordering::Relaxed), LEN, "fed by spans");
            let found = numbers(&told, LEN).rev().find_any(look);
            assert_eq!(found, Some(wanted));
            end(&told, seen.into_inner(), LEN, "item by item");
        }
    });
}

#[test]
fn there_is_one_last_report_and_none_of_a_loop_that_panics() {
    virtually(3, |pool| {
        let told = Told::default();
        let heard = || std::mem::take(&mut *told.lock().unwrap());
        // No time passes, so that no other is due.
        let run = |panics: bool| {
            let run = || {
                let numbers = numbers(&told, LEN).enumerate();
                numbers.for_each(|(index, _)| {
                    if panics && index == 50 {
                        std::panic::resume_unwind(Box::new("a number"));
                    }
                });
            };
            pool.install(run);
        };
        run(false);
        assert_eq!(heard(), [(LEN, Some(LEN))]);
        panic_of(|| run(true));
        assert_eq!(heard(), []);
    });
}

#[test]
fn a_last_report_that_panics_loses_no_item() {
    on_workers(|| {
        let book = Book::new(Deed::Nothing, 0);
        let items = book.items(100).into_par_iter();
        let items = items.progress(|_| std::panic::resume_unwind(Box::new("a report")));
        panic_of(|| items.zip(book.items(90)).collect::<Vec<_>>());
        book.assert_balanced();
    });
}

#[test]
fn there_are_reports_within_one_step_of_the_outermost_loop() {
    virtually(1, |pool| {
        let told = AtomicUsize::new(0);
        let report = |_: Progress| _ = told.fetch_add(1, Ordering::Relaxed);
        // A millisecond an item.
        let pass = |_: u32| pool.sleep(MS(1));
        let heard = |what| {
            let reports = told.swap(0, Ordering::Relaxed);
            assert!((20..=101).contains(&reports), "{what}: {reports}");
        };
        pool.install(|| {
            let nested = once(()).flat_map(|()| 0..1000_u32);
            nested.progress(report).for_each(pass);
        });
        heard("flat_map");
        let below = |&node: &u32| (2 * node..2 * node + 2).filter(|&n| n < 1000);
        pool.install(|| walk_tree(1, below).progress(report).for_each(pass));
        heard("walk_tree");
        pool.install(|| {
            // More than are taken without a look around.
            let nested = once(()).flat_map_iter(|()| (0..40_000_u32).filter(|_| true));
            let pass = |n| pool.sleep(MS(u64::from(n % 40 == 0)));
            nested.progress(report).for_each(pass);
        });
        heard("flat_map_iter");
    });
}
