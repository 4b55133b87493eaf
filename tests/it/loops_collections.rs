//! Parallel loops over collections: the same items as one after the other, and each owned item dropped once.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hint::spin_loop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use windrow::iter::{once, repeat_n};
use windrow::prelude::*;

use crate::random::Random;
use crate::support::{SIZES, panic_of, pool, text};

const LENS: [usize; 5] = [0, 1, 2, 100, 5000];

/// Runs a test inside of pools of all sizes, for all lengths, with numbers drawn for each.
fn with_numbers(test: impl Fn(Vec<u64>) + Sync) {
    for size in SIZES {
        pool(size).install(|| {
            for len in LENS {
                let mut random = Random::new(len as u64);
                test((0..len).map(|_| random.below(1 << 40)).collect());
            }
        });
    }
}

/// Long enough for others to come.
fn a_while() {
    for _ in 0..200 {
        spin_loop();
    }
}

fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort();
    items
}

/// The same items from a loop over a collection as from the collection itself, in the same order.
macro_rules! same {
    ($parallel:expr, $serial:expr) => {
        assert_eq!(
            $parallel.inspect(|_| a_while()).collect::<Vec<_>>(),
            $serial.collect::<Vec<_>>()
        );
    };
}

#[test]
fn deques_give_their_items_in_order_wherever_they_begin() {
    with_numbers(|numbers| {
        let mut deque: VecDeque<u64> = numbers.iter().copied().collect();
        for turned in [0, numbers.len() / 3, numbers.len()] {
            deque.rotate_left(turned);
            let mut wrapped: VecDeque<u64> = deque.iter().skip(turned).copied().collect();
            (0..turned)
                .rev()
                .for_each(|at| wrapped.push_front(deque[at]));
            assert_eq!(wrapped, deque);
            same!(wrapped.par_iter(), deque.iter());
            assert!(
                wrapped
                    .par_iter()
                    .zip_with_index()
                    .all(|(at, x)| deque[at] == *x)
            );
            wrapped.par_iter_mut().for_each(|x| *x += 1);
            assert!(wrapped.iter().zip(&deque).all(|(new, old)| *new == old + 1));
            same!(wrapped.clone().into_par_iter(), wrapped.clone().into_iter());
        }
    });
}

/// Items by their index, through the indexed way.
trait ZipWithIndex: IndexedParallelIterator {
    fn zip_with_index(self) -> impl ParallelIterator<Item = (usize, Self::Item)> {
        let len = self.len();
        (0..len, self).into_par_iter()
    }
}

impl<I: IndexedParallelIterator> ZipWithIndex for I {}

#[test]
fn a_range_is_drained_from_a_deque_and_the_rest_stays() {
    with_numbers(|numbers| {
        let len = numbers.len();
        for range in [
            0..len,
            0..0,
            len..len,
            len / 3..len / 2,
            0..len / 2,
            len / 2..len,
        ] {
            let mut deque: VecDeque<u64> = numbers.iter().copied().collect();
            deque.rotate_left(len / 4);
            let mut other = deque.clone();
            same!(deque.par_drain(range.clone()), other.drain(range.clone()));
            assert_eq!(deque, other);

            let mut deque: VecDeque<u64> = numbers.iter().copied().collect();
            let mut other = deque.clone();
            drop(deque.par_drain(range.clone()));
            other.drain(range);
            assert_eq!(deque, other);
        }
    });
}

#[test]
fn a_drain_beyond_the_end_of_a_deque_panics() {
    let mut deque = VecDeque::from([1, 2]);
    panic_of(|| drop(deque.par_drain(..3)));
    assert_eq!(deque, [1, 2]);
}

#[test]
fn heaps_give_all_items() {
    with_numbers(|numbers| {
        let mut heap: BinaryHeap<u64> = numbers.iter().copied().collect();
        same!(heap.par_iter(), heap.iter());
        let all: Vec<u64> = heap.clone().into_par_iter().collect();
        assert_eq!(sorted(all), sorted(numbers.clone()));
        let capacity = heap.capacity();
        let drained: Vec<u64> = heap.par_drain().inspect(|_| a_while()).collect();
        assert_eq!(sorted(drained), sorted(numbers));
        assert!(heap.is_empty());
        assert_eq!(heap.capacity(), capacity);
        heap.push(1);
        drop(heap.par_drain());
        assert!(heap.is_empty());
    });
}

#[test]
fn ordered_collections_give_their_items_in_order() {
    with_numbers(|numbers| {
        let set: BTreeSet<u64> = numbers.iter().copied().collect();
        same!(set.par_iter(), set.iter());
        same!(set.clone().into_par_iter(), set.clone().into_iter());

        let mut map: BTreeMap<u64, u64> = numbers.iter().map(|&x| (x, x)).collect();
        same!(map.par_iter(), map.iter());
        map.par_iter_mut().for_each(|(_, value)| *value += 1);
        assert!(map.iter().all(|(key, value)| key + 1 == *value));
        same!(map.clone().into_par_iter(), map.clone().into_iter());

        let mut list: LinkedList<u64> = numbers.iter().copied().collect();
        same!(list.par_iter(), list.iter());
        list.par_iter_mut().for_each(|x| *x += 1);
        assert!(list.iter().zip(&numbers).all(|(new, old)| *new == old + 1));
        same!(list.clone().into_par_iter(), list.clone().into_iter());
    });
}

#[test]
fn hashed_collections_give_all_items() {
    with_numbers(|numbers| {
        let mut set: HashSet<u64> = numbers.iter().copied().collect();
        same!(set.par_iter(), set.iter());
        let all: Vec<u64> = set.clone().into_par_iter().collect();
        assert_eq!(sorted(all), sorted(set.iter().copied()));
        let all: Vec<u64> = set.par_drain().collect();
        assert!(set.is_empty());
        assert_eq!(
            sorted(all),
            sorted(numbers.iter().copied().collect::<BTreeSet<_>>())
        );

        let mut map: HashMap<u64, u64> = numbers.iter().map(|&x| (x, x)).collect();
        same!(map.par_iter(), map.iter());
        map.par_iter_mut().for_each(|(_, value)| *value += 1);
        assert!(map.iter().all(|(key, value)| key + 1 == *value));
        let all: Vec<(u64, u64)> = map.clone().into_par_iter().collect();
        assert_eq!(sorted(all), sorted(map.clone()));
        let all: Vec<(u64, u64)> = map.par_drain().collect();
        assert!(map.is_empty());
        assert_eq!(
            all.len(),
            set.union(&numbers.iter().copied().collect()).count()
        );
    });
}

#[test]
fn arrays_and_boxes_give_their_items() {
    for size in SIZES {
        pool(size).install(|| {
            let array: [String; 300] = std::array::from_fn(|x| x.to_string());
            same!(array.clone().into_par_iter(), array.iter().cloned());
            same!(array.par_iter(), array.iter());
            let copy = array.clone().into_par_iter().clone();
            same!(copy, array.iter().cloned());
            assert_eq!([(); 0].into_par_iter().count(), 0);

            let mut boxed: Box<[String]> = array.to_vec().into();
            boxed.par_iter_mut().for_each(|word| word.push('!'));
            same!(boxed.par_iter(), boxed.iter());
            same!(
                boxed.clone().into_par_iter(),
                boxed.clone().into_vec().into_iter()
            );
        });
    }
}

#[test]
fn options_and_results_give_one_item_or_none() {
    assert_eq!(Some(7).into_par_iter().collect::<Vec<_>>(), [7]);
    assert_eq!(None::<i32>.into_par_iter().len(), 0);
    assert_eq!(Some(7).par_iter().copied().sum::<i32>(), 7);
    let mut option = Some(7);
    option.par_iter_mut().for_each(|x| *x += 1);
    assert_eq!(option, Some(8));
    let mut result: Result<i32, String> = Ok(1);
    result.par_iter_mut().for_each(|x| *x += 1);
    assert_eq!(result.par_iter().clone().count(), 1);
    assert_eq!(result.into_par_iter().collect::<Vec<_>>(), [2]);
    let result: Result<i32, String> = Err("none".into());
    assert_eq!(result.into_par_iter().count(), 0);

    let options: Vec<Option<usize>> = (0..3000).map(|x| (x % 3 > 0).then_some(x)).collect();
    for size in SIZES {
        pool(size).install(|| {
            same!(options.par_iter().flatten(), options.iter().flatten());
            same!(
                options.clone().into_par_iter().flatten(),
                options.iter().flatten().copied()
            );
        });
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
                    assert_eq!(
                        ended.is_err(),
                        clones <= n + 1 || (clones <= 2 * n && ended.is_err())
                    );
                    drops.assert_each_once("beside a clone");
                });
            }
        }
    }
}

#[test]
fn tuples_of_all_lengths_and_by_reference() {
    let shortest = |n: usize| n.min(5);
    let a = vec![0, 1, 2, 3, 4, 5, 6];
    assert_eq!((&a,).into_par_iter().map(|(x,)| x).sum::<i32>(), 21);
    let twelve = (
        0..7,
        &a,
        2..9,
        3..10,
        4..11,
        5..12,
        6..13,
        7..14,
        8..15,
        9..16,
        [10, 11, 12, 13, 14],
        11..18,
    );
    let sums: Vec<i32> = twelve
        .into_par_iter()
        .map(|(a, b, c, d, e, f, g, h, i, j, k, l)| a + b + c + d + e + f + g + h + i + j + k + l)
        .collect();
    assert_eq!(sums.len(), shortest(7));
    assert_eq!(sums, [65, 77, 89, 101, 113]);

    let mut columns = (vec![1, 2, 3], vec!["a", "b", "c", "d"]);
    let pairs: Vec<_> = columns.par_iter().collect();
    assert_eq!(pairs, [(&1, &"a"), (&2, &"b"), (&3, &"c")]);
    columns.par_iter_mut().for_each(|(number, _)| *number += 1);
    assert_eq!(columns.0, [2, 3, 4]);
    let untyped: Vec<_> = (0..3, 0..4).into_par_iter().collect();
    assert_eq!(untyped, [(0, 0), (1, 1), (2, 2)]);
}
