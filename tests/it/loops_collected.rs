//! What parallel loops are collected into: the same as by one thread.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{OsStr, OsString};
use std::hint::spin_loop;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use windrow::iter::{Either, repeat};
use windrow::prelude::*;

use crate::random::Random;
use crate::support::{SIZES, panic_of, pool};

const LENS: [usize; 5] = [0, 1, 2, 100, 5000];

fn with_numbers(test: impl Fn(&[u64]) + Sync) {
    for size in SIZES {
        pool(size).install(|| {
            for len in LENS {
                let mut random = Random::new(len as u64);
                let numbers: Vec<_> = (0..len).map(|_| random.below(1000)).collect();
                test(&numbers);
            }
        });
    }
}

fn a_while() {
    for _ in 0..200 {
        spin_loop();
    }
}

/// The same from a loop whose length is known and from one whose length is not, new and added to what there
/// is, as from a serial iterator.
macro_rules! same {
    ($numbers:ident, |$x:ident| $item:expr, $($to:ty),+) => {$(
        let serial: $to = $numbers.iter().map(|$x| $item).collect();
        let known: $to = $numbers.par_iter().inspect(|_| a_while()).map(|$x| $item).collect();
        assert_eq!(known, serial, stringify!($to));
        let unknown: $to = $numbers.par_iter().filter(|_| true).map(|$x| $item).collect();
        assert_eq!(unknown, serial, stringify!($to));
    )+};
}

macro_rules! same_extended {
    ($numbers:ident, |$x:ident| $item:expr, $($to:ty),+) => {$(
        same!($numbers, |$x| $item, $to);
        let mut serial: $to = $numbers.iter().take(5).map(|$x| $item).collect();
        let mut parallel = serial.clone();
        serial.extend($numbers.iter().map(|$x| $item));
        parallel.par_extend($numbers.par_iter().inspect(|_| a_while()).map(|$x| $item));
        assert_eq!(parallel, serial, stringify!($to));
    )+};
}

#[test]
fn collections_of_items_are_the_same() {
    with_numbers(|numbers| {
        same_extended!(numbers, |x| *x, Vec<u64>, VecDeque<u64>, LinkedList<u64>);
        same_extended!(numbers, |x| *x, BTreeSet<u64>, HashSet<u64>);
        same!(
            numbers,
            |x| *x,
            Box<[u64]>,
            Rc<[u64]>,
            Arc<[u64]>,
            Cow<'_, [u64]>
        );

        let heap: BinaryHeap<u64> = numbers.par_iter().copied().collect();
        let serial: BinaryHeap<u64> = numbers.iter().copied().collect();
        assert_eq!(heap.into_sorted_vec(), serial.clone().into_sorted_vec());
        let mut heap = serial.clone();
        heap.par_extend(numbers.par_iter());
        assert_eq!(heap.len(), 2 * numbers.len());
        assert_eq!(heap.pop(), numbers.iter().max().copied());
    });
}

#[test]
fn of_the_same_keys_the_last_value_stays() {
    with_numbers(|numbers| {
        let places: Vec<(u64, usize)> = numbers.iter().copied().zip(0..).collect();
        same_extended!(places, |entry| *entry, HashMap<u64, usize>, BTreeMap<u64, usize>);
    });
}

#[test]
fn references_to_what_can_be_copied_are_copied() {
    with_numbers(|numbers| {
        macro_rules! copied {
            ($($to:ty),+) => {$(
                let mut serial = <$to>::default();
                let mut parallel = <$to>::default();
                serial.extend(numbers);
                parallel.par_extend(numbers);
                assert_eq!(parallel, serial);
            )+};
        }
        copied!(
            Vec<u64>,
            VecDeque<u64>,
            LinkedList<u64>,
            BTreeSet<u64>,
            HashSet<u64>
        );
        let map: BTreeMap<u64, u64> = numbers.iter().map(|&x| (x, x + 1)).collect();
        let (mut ordered, mut hashed) = (BTreeMap::new(), HashMap::new());
        ordered.par_extend(map.par_iter());
        hashed.par_extend(map.par_iter());
        assert_eq!(ordered, map);
        assert_eq!(hashed, map.into_iter().collect());
    });
}

#[test]
fn strings_are_the_same_from_whatever_they_are_made_of() {
    with_numbers(|numbers| {
        let words: Vec<String> = numbers.iter().map(|x| format!("{x}ä")).collect();
        let chars: Vec<char> = words.concat().chars().collect();
        same_extended!(chars, |c| *c, String);
        same_extended!(chars, |c| c, String);
        same!(chars, |c| c, Box<str>);
        same!(chars, |c| *c, Box<str>, Cow<'_, str>);
        same_extended!(words, |word| word.clone(), String);
        same_extended!(words, |word| word.as_str(), String);
        same_extended!(words, |word| Cow::Borrowed(word.as_str()), String);
        same_extended!(words, |word| word.clone().into_boxed_str(), String);
        same!(words, |word| word.as_str(), Box<str>);
        same_extended!(words, |word| OsString::from(word), OsString);
        same_extended!(words, |word| OsStr::new(word), OsString);
        same_extended!(words, |word| Cow::Borrowed(OsStr::new(word)), OsString);
    });
}

#[test]
fn nothing_is_collected_but_the_loop_runs() {
    let ran = AtomicUsize::new(0);
    let count = |_| {
        ran.fetch_add(1, Ordering::Relaxed);
    };
    let () = (0..1000).into_par_iter().map(count).collect();
    ().par_extend((0..1000).into_par_iter().map(count));
    let all: Result<(), String> = (0..1000)
        .into_par_iter()
        .map(|x| {
            count(x);
            Ok(())
        })
        .collect();
    assert_eq!(all, Ok(()));
    assert_eq!(ran.into_inner(), 3000);
}

/// Three collections of the parts of `(a, (b, c))`.
type Nested = (Vec<u64>, (VecDeque<u64>, Box<[u64]>));

#[test]
fn pairs_are_taken_apart_into_any_two_collections() {
    with_numbers(|numbers| {
        let pairs = || {
            numbers
                .par_iter()
                .inspect(|_| a_while())
                .map(|x| (*x, x.to_string()))
        };
        let words: Vec<String> = numbers.iter().map(u64::to_string).collect();
        let two: (Vec<u64>, Vec<String>) = pairs().collect();
        assert_eq!(two, (numbers.to_vec(), words.clone()));
        let two: (BTreeSet<u64>, String) = pairs().filter(|_| true).collect();
        assert_eq!(two, (numbers.iter().copied().collect(), words.concat()));

        let nested: Nested = numbers.par_iter().map(|x| (*x, (x + 1, x + 2))).collect();
        assert!(nested.0.iter().zip(&nested.1.0).all(|(a, b)| a + 1 == *b));
        assert!(nested.0.iter().zip(&nested.1.1).all(|(a, b)| a + 2 == *b));
        assert_eq!(nested.0, numbers);

        let mut two = (vec![1], String::from("1"));
        two.par_extend(pairs());
        assert_eq!(two.0[1..], *numbers);
        assert_eq!(two.1[1..], words.concat());

        let (first, (second, third)): (Vec<u64>, (Vec<u64>, Vec<u64>)) =
            numbers.par_iter().map(|x| (*x, (x + 1, x + 2))).unzip();
        assert_eq!(first.len() + second.len() + third.len(), 3 * numbers.len());
    });
}

#[test]
fn what_is_one_of_two_goes_to_its_side() {
    with_numbers(|numbers| {
        let sort = |&x: &u64| {
            a_while();
            if x % 3 == 0 {
                Either::Left(x)
            } else {
                Either::Right(x.to_string())
            }
        };
        let (threes, others): (Vec<u64>, Vec<String>) = numbers.par_iter().map(sort).collect();
        assert!(threes.iter().eq(numbers.iter().filter(|x| *x % 3 == 0)));
        let words = numbers.iter().filter(|x| *x % 3 != 0).map(u64::to_string);
        assert!(others.into_iter().eq(words));
        let mut two = (LinkedList::new(), String::new());
        two.par_extend(numbers.par_iter().map(sort));
        assert!(two.0.into_iter().eq(threes));

        let mut either: Either<Vec<u64>, VecDeque<u64>> = Either::Right(VecDeque::new());
        either.par_extend(numbers.to_vec());
        assert_eq!(either, Either::Right(numbers.to_vec().into()));
    });
}

#[test]
fn one_failure_is_the_result_and_the_loop_ends_early() {
    for size in SIZES {
        pool(size).install(|| {
            let begun = AtomicUsize::new(0);
            let failing: Result<Vec<usize>, usize> = (0..10_000_000_usize)
                .into_par_iter()
                .map(|x| {
                    begun.fetch_add(1, Ordering::Relaxed);
                    if x == 1000 { Err(x) } else { Ok(x) }
                })
                .collect();
            assert_eq!(failing, Err(1000));
            assert!(begun.into_inner() < 10_000_000);

            let none: Option<String> = (0..1000)
                .into_par_iter()
                .map(|x| (x != 999).then_some('x'))
                .collect();
            assert_eq!(none, None);
            let all: Option<String> = (0..1000).into_par_iter().map(|_| Some('x')).collect();
            assert_eq!(all.map(|all| all.len()), Some(1000));
            let all: Result<VecDeque<u32>, ()> = (0..5000)
                .into_par_iter()
                .filter(|x| x % 2 == 0)
                .map(Ok)
                .collect();
            assert!(all.unwrap().into_iter().eq((0..5000).step_by(2)));
        });
    }
}

#[test]
fn a_failure_ends_an_endless_loop_on_all_threads() {
    for size in SIZES {
        pool(size).install(|| {
            let begun = AtomicUsize::new(0);
            let failing: Result<(), usize> = repeat(())
                .map(|()| match begun.fetch_add(1, Ordering::Relaxed) {
                    1000 => Err(1000),
                    _ => Ok(()),
                })
                .collect();
            assert_eq!(failing, Err(1000));
        });
    }
}

#[test]
fn on_one_thread_the_first_failure_is_the_result() {
    pool(1).install(|| {
        let result: Result<HashSet<u32>, u32> = (0..1000_u32)
            .into_par_iter()
            .map(|x| if x % 100 == 99 { Err(x) } else { Ok(x) })
            .collect();
        assert_eq!(result, Err(99));
    });
}

#[test]
fn of_two_fallible_collections_each_has_its_own_failure() {
    for size in SIZES {
        pool(size).install(|| {
            let item = |x: u32| {
                a_while();
                (
                    (x != 700).then_some(x),
                    if x == 2100 { Err(x) } else { Ok(x) },
                )
            };
            let (none, failed): (Option<Vec<u32>>, Result<Vec<u32>, u32>) =
                (0..3000).into_par_iter().map(item).collect();
            assert_eq!((none, failed), (None, Err(2100)));
            let (none, all): (Option<Vec<u32>>, Vec<u32>) =
                (0..3000).into_par_iter().map(|x| (item(x).0, x)).collect();
            assert_eq!(none, None);
            assert!(all.into_iter().eq(0..3000));
        });
    }
}

/// Says when it is dropped.
struct Tally<'c>(&'c AtomicUsize);

impl<'c> Tally<'c> {
    fn new(alive: &'c AtomicUsize) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self(alive)
    }
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn nothing_that_was_collected_survives_a_failure_or_a_panic() {
    for size in SIZES {
        pool(size).install(|| {
            let alive = AtomicUsize::new(0);
            for bad in [0, 1, 1500, 2999] {
                let item = |x: u32| {
                    a_while();
                    if x == bad {
                        None
                    } else {
                        Some(Tally::new(&alive))
                    }
                };
                let none: Option<Vec<Tally>> = (0..3000).into_par_iter().map(item).collect();
                assert!(none.is_none());
                assert_eq!(alive.load(Ordering::SeqCst), 0);
                let none: Option<LinkedList<Tally>> = (0..3000)
                    .into_par_iter()
                    .filter(|_| true)
                    .map(item)
                    .collect();
                assert!(none.is_none());
                assert_eq!(alive.load(Ordering::SeqCst), 0);
                type Two<'c> = (Vec<Tally<'c>>, VecDeque<Tally<'c>>);
                panic_of(|| {
                    let pairs = (0..3000)
                        .into_par_iter()
                        .map(|x| (Tally::new(&alive), item(x).expect("a panic")));
                    pairs.collect::<Two>().0.len()
                });
                assert_eq!(alive.load(Ordering::SeqCst), 0);
            }
        });
    }
}

/// The last of its items.
struct Last<T>(Option<T>);

impl<T: Send> FromParallelIterator<T> for Last<T> {
    fn from_par_iter<I: IntoParallelIterator<Item = T>>(items: I) -> Self {
        Self(items.into_par_iter().find_last(|_| true))
    }
}

/// The first of its items.
struct First<T>(Option<T>);

impl<T: Send> FromParallelIterator<T> for First<T> {
    fn from_par_iter<I: IntoParallelIterator<Item = T>>(items: I) -> Self {
        Self(items.into_par_iter().find_first(|_| true))
    }
}

#[test]
fn a_collection_finds_its_ends_next_to_one_that_does_not_look_for_any() {
    for size in SIZES {
        pool(size).install(|| {
            for _ in 0..20 {
                let pairs = (0..64_u32).into_par_iter().flat_map(|x| {
                    (0..20).into_par_iter().map(move |y| {
                        a_while();
                        ((x, y), (x, y))
                    })
                });
                let (all, last): (Vec<_>, Last<_>) = pairs.clone().collect();
                assert_eq!((all.len(), last.0), (1280, Some((63, 19))));
                let (all, first): (Vec<_>, First<_>) = pairs.clone().collect();
                assert_eq!((all.len(), first.0), (1280, Some((0, 0))));
                let (last, first): (Last<_>, First<_>) = pairs.collect();
                assert_eq!((first.0, last.0), (Some((0, 0)), Some((63, 19))));
            }
        });
    }
}

/// What becomes of items that it does not want.
#[derive(Debug, Default, PartialEq)]
struct Nothing<const DRIVES: bool>;

impl<T: Send, const DRIVES: bool> FromParallelIterator<T> for Nothing<DRIVES> {
    fn from_par_iter<I: IntoParallelIterator<Item = T>>(items: I) -> Self {
        let mut nothing = Self;
        nothing.par_extend(items);
        nothing
    }
}

impl<T: Send, const DRIVES: bool> ParallelExtend<T> for Nothing<DRIVES> {
    fn par_extend<I: IntoParallelIterator<Item = T>>(&mut self, items: I) {
        if DRIVES {
            assert_eq!(items.into_par_iter().take_any(0).count(), 0);
        }
    }
}

#[test]
fn a_collection_gets_its_items_next_to_one_that_wants_none() {
    fn check<const DRIVES: bool>(numbers: &[u64]) {
        let n = numbers.len();
        let all = || numbers.par_iter().map(|&x| (x, x));
        let mut both: (Nothing<DRIVES>, Vec<u64>) = all().collect();
        assert_eq!(both.1, numbers);
        both.par_extend(all().filter(|_| true));
        assert_eq!(both.1[n..], *numbers);
        let mut both: (Vec<u64>, Nothing<DRIVES>) = all().filter(|_| true).collect();
        assert_eq!(both.0, numbers);
        both.par_extend(all());
        assert_eq!(both.0[n..], *numbers);

        let items = || numbers.par_iter().copied();
        let (_, right): (Nothing<DRIVES>, Vec<_>) = items().partition_map(Either::<u64, _>::Right);
        assert_eq!(right, numbers);
        let (left, _): (Vec<_>, Nothing<DRIVES>) = items().partition_map(Either::<_, u64>::Left);
        assert_eq!(left, numbers);
        let none: (Nothing<DRIVES>, Nothing<DRIVES>) = all().collect();
        assert_eq!(none, Default::default());
    }
    with_numbers(|numbers| {
        check::<false>(numbers);
        check::<true>(numbers);
    });
}
