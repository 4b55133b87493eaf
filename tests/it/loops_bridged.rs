//! Loops over sequential iterators, in any order and in theirs.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use windrow::prelude::*;

use crate::loop_support::{Book, Deed, LENS, linger, on_workers};
use crate::support::{Census, Loud, SIZES, blow_up, panic_of, pool, text, yield_until};
use crate::watchdog::watched;

/// Hides how many items there are.
fn unpromised<I: Iterator>(mut items: I) -> impl Iterator<Item = I::Item> {
    std::iter::from_fn(move || items.next())
}

#[test]
fn a_bridge_gives_every_item_once() {
    on_workers(|| {
        for n in LENS {
            for promised in [true, false] {
                let seen: Vec<_> = (0..n).map(|_| AtomicUsize::new(0)).collect();
                let mark = |x: usize| {
                    linger(x);
                    seen[x].fetch_add(1, Ordering::Relaxed);
                };
                if promised {
                    (0..n).par_bridge().for_each(mark);
                } else {
                    unpromised(0..n).par_bridge().for_each(mark);
                }
                assert!(seen.iter().all(|seen| seen.load(Ordering::Relaxed) == 1));
            }
        }
    });
}

#[test]
fn large_items_cross_a_bridge_on_a_small_stack() {
    struct Large([u8; 60_000]);
    on_workers(|| {
        let items = (0..20_u8).map(|x| Large([x; 60_000]));
        let sum: usize = items
            .par_bridge()
            .map(|large| usize::from(large.0[59_999]))
            .sum();
        assert_eq!(sum, 190);
    });
}

#[test]
fn an_iterator_that_has_ended_is_not_asked_again() {
    struct Revived(usize, bool);
    impl Iterator for Revived {
        type Item = usize;
        fn next(&mut self) -> Option<usize> {
            assert!(!self.1, "asked after its end");
            if self.0 == 0 {
                // Others come and wait for their turn.
                (0..100).for_each(|_| thread::yield_now());
                self.1 = true;
                return None;
            }
            self.0 -= 1;
            Some(self.0)
        }
    }
    on_workers(|| {
        for n in LENS {
            let items = Revived(n, false).par_bridge().map(|x| {
                linger(x);
                x
            });
            assert_eq!(items.count(), n);
        }
    });
}

#[test]
fn an_iterator_that_panics_ends_the_loop_and_is_not_asked_again() {
    on_workers(|| {
        for at in [0, 1, 2, 63, 64, 300] {
            for promised in [false, true] {
                let (book, over) = (Book::new(Deed::Nothing, 0), AtomicBool::new(false));
                let mut items = book
                    .items(500)
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| {
                        assert!(!over.load(Ordering::SeqCst), "asked after its panic");
                        if index == at {
                            over.store(true, Ordering::SeqCst);
                            resume_unwind(Box::new("next"));
                        }
                        item
                    });
                let ended = catch_unwind(AssertUnwindSafe(|| {
                    if promised {
                        items.by_ref().par_bridge().for_each(drop);
                    } else {
                        unpromised(items.by_ref()).par_bridge().for_each(drop);
                    }
                }));
                assert_eq!(text(&*ended.unwrap_err()), "next");
                drop(items);
                book.assert_balanced();
            }
        }
    });
}

#[test]
fn an_endless_bridge_ends_when_something_is_found() {
    on_workers(|| {
        assert!((0..).par_bridge().find_any(|&x: &u64| x > 1000).is_some());
        assert!((0..).par_bridge().any(|x: u64| x == 1000));
        assert_eq!(
            (0..)
                .par_bridge()
                .try_for_each(|x: u64| if x == 999 { Err(x) } else { Ok(()) }),
            Err(999)
        );
        let nested = (0..9).into_par_iter().flat_map(|_| (0..).par_bridge());
        assert!(nested.find_first(|&x: &u64| x == 77).is_some());
    });
}

#[test]
fn an_endless_iterator_inside_of_an_item_does_not_hold_up_a_match() {
    on_workers(|| {
        // A lone worker would stay with the first item, as in a sequential loop.
        let endless_first = windrow::current_num_threads() == 1;
        let items = if endless_first {
            vec![1, 0]
        } else {
            vec![0, 1]
        };
        let found = items
            .into_par_iter()
            .flat_map_iter(|x| std::iter::repeat_n(x, if x == 0 { usize::MAX } else { 1 }))
            .find_any(|&x| {
                thread::yield_now();
                x == 1
            });
        assert_eq!(found, Some(1));
    });
}

#[test]
fn items_that_a_loop_leaves_behind_are_dropped() {
    on_workers(|| {
        for at in [0, 1, 70, 499] {
            let book = Book::new(Deed::Say, at);
            let found = book
                .items(500)
                .into_iter()
                .par_bridge()
                .find_any(|_| book.tick());
            assert!(found.is_some());
            drop(found);
            book.assert_balanced();
        }
    });
}

#[test]
fn an_item_that_comes_of_the_one_before_it_is_waited_for() {
    on_workers(|| {
        let (send, items) = channel();
        send.send(0).unwrap();
        let send = Mutex::new(Some(send));
        let count = items.into_iter().par_bridge().map(|x: usize| {
            let mut send = send.lock().unwrap();
            if x == 200 {
                *send = None;
            } else {
                send.as_ref().unwrap().send(x + 1).unwrap();
            }
        });
        assert_eq!(count.count(), 201);
    });
}

#[test]
fn an_iterator_may_run_loops_of_its_own() {
    on_workers(|| {
        let sums = (0..50_u64).map(|n| (0..n * 20).into_par_iter().sum::<u64>());
        let expected: u64 = (0..50_u64).map(|n| (0..n * 20).sum::<u64>()).sum();
        assert_eq!(sums.par_bridge().sum::<u64>(), expected);
    });
}

#[test]
fn an_ordered_stream_keeps_its_order_and_its_bound() {
    on_workers(|| {
        for ahead in [1, 2, 7, 1000] {
            for n in [0, 1, 2, 8, 500] {
                let (under_way, mut results) = (Census::default(), Vec::new());
                let items = (0..n).map(|x| (x, under_way.enter()));
                items
                    .par_bridge()
                    .ordered(ahead)
                    .map(|(x, present)| {
                        linger(x * 3);
                        (x, present)
                    })
                    .for_each(|(x, _present)| results.push(x));
                assert_eq!(results, (0..n).collect::<Vec<_>>());
                assert!(under_way.peak() <= ahead, "{} of {ahead}", under_way.peak());
                assert_eq!(under_way.live(), 0);
            }
        }
    });
}

#[test]
fn an_error_of_the_consumer_ends_an_ordered_stream() {
    on_workers(|| {
        let book = Book::new(Deed::Nothing, 0);
        let mut seen = 0;
        let ended = std::iter::repeat_with(|| book.item())
            .enumerate()
            .par_bridge()
            .ordered(9)
            .map(|item| item)
            .try_for_each(|(index, item)| {
                assert_eq!(index, seen);
                seen += 1;
                if seen == 100 { Err(item) } else { Ok(()) }
            });
        assert!(ended.is_err());
        drop(ended);
        assert_eq!(seen, 100);
        book.assert_balanced();
    });
}

#[test]
fn a_panic_in_an_ordered_stream_surfaces_and_loses_nothing() {
    on_workers(|| {
        for place in ["iterator", "op", "consumer"] {
            for at in [0, 1, 30] {
                for ahead in [1, 8] {
                    let book = Book::new(Deed::Nothing, 0);
                    let blow = |here: &str, index: usize| {
                        if here == place && index == at {
                            resume_unwind(Box::new(place));
                        }
                    };
                    let mut given = 0;
                    let ended = catch_unwind(AssertUnwindSafe(|| {
                        book.items(60)
                            .into_iter()
                            .enumerate()
                            .inspect(|(index, _)| blow("iterator", *index))
                            .par_bridge()
                            .ordered(ahead)
                            .map(|(index, item)| {
                                blow("op", index);
                                (index, item)
                            })
                            .for_each(|(index, _item)| {
                                blow("consumer", index);
                                given = index + 1;
                            });
                    }));
                    assert_eq!(text(&*ended.unwrap_err()), place);
                    assert!(given <= at, "nothing is handed over after it");
                    assert!(
                        place == "iterator" || given == at,
                        "{place}: {given} of {at}"
                    );
                    book.assert_balanced();
                }
            }
        }
    });
}

#[test]
fn an_ordered_stream_runs_in_the_pool_that_it_is_given() {
    for size in SIZES {
        watched(|| {
            let pool = pool(size);
            let (caller, sizes) = (thread::current().id(), Mutex::new(HashSet::new()));
            let squares: Vec<usize> = (0..100)
                .par_bridge()
                .ordered(5)
                .on(&pool)
                .map(|x| {
                    sizes.lock().unwrap().insert(windrow::current_num_threads());
                    x * x
                })
                .collect();
            assert_eq!(squares, (0..100).map(|x| x * x).collect::<Vec<_>>());
            assert_eq!(*sizes.lock().unwrap(), HashSet::from([size]));
            let mut consumers = HashSet::new();
            (0..9)
                .par_bridge()
                .ordered(2)
                .on(&pool)
                .map(drop)
                .for_each(|()| {
                    consumers.insert(thread::current().id());
                });
            assert_eq!(consumers, HashSet::from([caller]));
        });
    }
}

#[test]
fn a_panic_in_an_ordered_stream_goes_on_although_what_is_left_panics_as_it_is_dropped() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let behind = AtomicUsize::new(0);
            let op = |n| {
                if n == 1 {
                    // The results behind it are there first, if anybody can make them.
                    yield_until(|| size == 1 || behind.load(Ordering::SeqCst) == 2);
                    blow_up("first");
                }
                behind.fetch_add(usize::from(n > 1), Ordering::SeqCst);
                Loud
            };
            let stream = || (0..4).par_bridge().ordered(4).on(&pool).map(op);
            let consumers = Loud;
            let consumed = panic_of(|| {
                stream().for_each(move |result| {
                    let _ = &consumers;
                    std::mem::forget(result);
                });
            });
            behind.store(0, Ordering::SeqCst);
            let collected = panic_of(|| stream().collect::<Vec<_>>());
            assert_eq!([text(&*consumed), text(&*collected)], ["first"; 2]);
        }
    });
}
