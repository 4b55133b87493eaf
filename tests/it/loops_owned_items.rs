//! Parallel loops that own their items: each is dropped once, however the loop ends.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use windrow::iter::{once, repeat_n};
use windrow::prelude::*;

use crate::support::{SIZES, panic_of, pool, text};

/// Long enough for others to come.
fn a_while() {
    for _ in 0..200 {
        spin_loop();
    }
}

/// Counts how often each item is dropped.
#[derive(Clone)]
struct Drops(Arc<Vec<AtomicUsize>>);

/// An owned item; ordered and hashed by its number.
struct Item(usize, Drops);

impl Drop for Item {
    fn drop(&mut self) {
        self.1.0[self.0].fetch_add(1, Ordering::SeqCst);
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl Eq for Item {}
impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Item {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl std::hash::Hash for Item {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Drops {
    fn items(n: usize) -> (Drops, impl Iterator<Item = Item>) {
        let drops = Drops(Arc::new((0..n).map(|_| AtomicUsize::new(0)).collect()));
        (drops.clone(), (0..n).map(move |at| Item(at, drops.clone())))
    }

    fn assert_each_once(&self, what: &str) {
        for (at, drops) in self.0.iter().enumerate() {
            assert_eq!(drops.load(Ordering::SeqCst), 1, "{what}: item {at}");
        }
    }
}

/// Runs loops over what `make` makes of items, to all ends that loops have.
fn each_once<C: Send, I: ParallelIterator<Item: Send>>(
    what: &str,
    n: usize,
    make: impl Fn(&mut dyn Iterator<Item = Item>) -> C + Sync,
    run: impl Fn(&mut C) -> I + Sync,
    number: impl Fn(&I::Item) -> usize + Send + Sync,
) {
    let ends: [(&str, &(dyn Fn(I) + Sync)); 5] = [
        ("driven", &|items| {
            assert_eq!(items.inspect(|_| a_while()).count(), n);
        }),
        ("not driven", &|items| drop(items)),
        ("found", &|items| {
            let found = items
                .inspect(|_| a_while())
                .find_any(|item| number(item) == n / 2);
            assert_eq!(found.is_some(), n > 0);
        }),
        ("panicking", &|items| {
            let ended = catch_unwind(AssertUnwindSafe(|| {
                items.for_each(|item| {
                    a_while();
                    assert!(number(&item) != n / 3, "here");
                });
            }));
            assert_eq!(ended.is_err(), n > 0);
            if let Err(payload) = ended {
                assert_eq!(text(&*payload), "here");
            }
        }),
        ("collected", &|items| drop(items.collect::<Vec<_>>())),
    ];
    for size in SIZES {
        pool(size).install(|| {
            for (how, end) in ends {
                let (drops, mut items) = Drops::items(n);
                let mut collection = make(&mut items);
                end(run(&mut collection));
                drop(collection);
                drops.assert_each_once(&format!("{what} of {n}, {how}, {size} threads"));
            }
        });
    }
}

#[test]
fn each_owned_item_is_dropped_once_however_a_loop_ends() {
    fn of(item: &Item) -> usize {
        item.0
    }
    fn of_entry(entry: &(Item, ())) -> usize {
        entry.0.0
    }
    macro_rules! into {
        ($what:literal, $n:expr, $type:ty) => {
            each_once(
                $what,
                $n,
                |items| Some(items.collect::<$type>()),
                |collection| collection.take().unwrap().into_par_iter(),
                of,
            );
        };
    }
    for n in [0, 1, 2, 300, 3000] {
        into!("vec", n, Vec<Item>);
        into!("box", n, Box<[Item]>);
        into!("deque", n, VecDeque<Item>);
        into!("heap", n, BinaryHeap<Item>);
        into!("list", n, LinkedList<Item>);
        into!("set", n, BTreeSet<Item>);
        into!("hash set", n, HashSet<Item>);
        each_once(
            "map",
            n,
            |items| Some(items.map(|item| (item, ())).collect::<BTreeMap<_, _>>()),
            |map| map.take().unwrap().into_par_iter(),
            of_entry,
        );
        each_once(
            "hash map",
            n,
            |items| Some(items.map(|item| (item, ())).collect::<HashMap<_, _>>()),
            |map| map.take().unwrap().into_par_iter(),
            of_entry,
        );
    }
    each_once(
        "array",
        300,
        |items| Some(std::array::from_fn::<_, 300, _>(|_| items.next().unwrap())),
        |array| array.take().unwrap().into_par_iter(),
        of,
    );
    each_once(
        "option",
        1,
        |items| items.next(),
        |option| option.take().into_par_iter(),
        of,
    );
    each_once(
        "once",
        1,
        |items| items.next(),
        |item| once(item.take().unwrap()),
        of,
    );
}

#[test]
#[allow(clippy::mutable_key_type, reason = "the hash is of the number alone")]
fn each_drained_item_is_dropped_once_however_a_loop_ends() {
    macro_rules! drained {
        ($what:literal, $type:ty, $($range:expr)?) => {
            for size in SIZES {
                pool(size).install(|| {
                    for end in 0..4 {
                        let (drops, items) = Drops::items(1000);
                        let mut collection: $type = items.collect();
                        let drain = collection.par_drain($($range)?);
                        match end {
                            0 => drain.for_each(|item| drop((a_while(), item))),
                            1 => drop(drain),
                            2 => drop(drain.find_any(|item| item.0 == 500)),
                            _ => drop(panic_of(|| drain.for_each(|item| assert!(item.0 != 400)))),
                        }
                        let left = collection.len();
                        let dropped = drops.0.iter().filter(|n| n.load(Ordering::SeqCst) == 1);
                        assert_eq!(dropped.count(), 1000 - left, "{}", $what);
                        drop(collection);
                        drops.assert_each_once($what);
                    }
                });
            }
        };
    }
    drained!("vec", Vec<Item>, 300..600);
    drained!("deque", VecDeque<Item>, 300..600);
    drained!("heap", BinaryHeap<Item>,);
    drained!("hash set", HashSet<Item>,);
}

#[test]
fn each_item_of_a_tuple_is_dropped_once_however_a_loop_ends() {
    for lens in [(500, 500, 500), (500, 700, 600), (700, 500, 501), (3, 0, 2)] {
        let shortest = lens.0.min(lens.1).min(lens.2);
        for size in SIZES {
            pool(size).install(|| {
                for end in 0..6 {
                    let (drops_a, a) = Drops::items(lens.0);
                    let (drops_b, b) = Drops::items(lens.1);
                    let (drops_c, c) = Drops::items(lens.2);
                    let (a, b, c): (Vec<_>, VecDeque<_>, Vec<_>) =
                        (a.collect(), b.collect(), c.collect());
                    let bad = |at: usize| {
                        move |item: Item| {
                            a_while();
                            assert!(item.0 != at);
                            item
                        }
                    };
                    let never = usize::MAX;
                    // A panic while one part of the tuple is taken, with others before and behind it.
                    let (in_b, in_c) = match end {
                        4 => (250, never),
                        5 => (never, 250),
                        _ => (never, never),
                    };
                    let zipped = (
                        a,
                        b.into_par_iter().map(bad(in_b)),
                        c.into_par_iter().map(bad(in_c)),
                    )
                        .into_par_iter();
                    assert_eq!(zipped.len(), shortest);
                    let wanted = shortest / 2;
                    match end {
                        0 => {
                            zipped.for_each(|(a, b, c)| assert!(a.0 == b.0 && b.0 == c.0));
                        }
                        1 => drop(zipped),
                        2 => drop(zipped.find_any(|(a, ..)| a.0 == wanted)),
                        3 if shortest > 0 => {
                            panic_of(|| zipped.for_each(|(a, ..)| assert!(a.0 != wanted)));
                        }
                        _ => drop(catch_unwind(AssertUnwindSafe(|| zipped.count()))),
                    }
                    drops_a.assert_each_once(&format!("a, {end}"));
                    drops_b.assert_each_once(&format!("b, {end}"));
                    drops_c.assert_each_once(&format!("c, {end}"));
                }
            });
        }
    }
}

/// Panics when it is cloned for the `n`th time.
struct Fragile(Arc<AtomicUsize>);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert!(self.0.fetch_sub(1, Ordering::SeqCst) != 1, "too often");
        Self(self.0.clone())
    }
}

#[test]
fn items_beside_a_clone_that_panics_are_dropped_once() {
    for clones in [1, 2, 50, 400] {
        for n in [1, 2, 300] {
            for size in SIZES {
                pool(size).install(|| {
                    let (drops, items) = Drops::items(n);
                    let items: Vec<_> = items.collect();
                    let item = Fragile(Arc::new(AtomicUsize::new(clones)));
                    let zipped = (repeat_n(item, n), items).into_par_iter();
                    let ended = catch_unwind(AssertUnwindSafe(|| zipped.for_each(|_| a_while())));
                    // One for each item, and one for each piece: there is one at least.
                    assert!(ended.is_err() || clones > n + 1);
                    assert!(ended.is_ok() || clones <= 2 * n);
                    drops.assert_each_once("beside a clone");
                });
            }
        }
    }
}
