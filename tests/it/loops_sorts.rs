//! Parallel sorts: the order, stability, and that no item is lost or doubled whatever the comparison does.

use crate::random::Random;
use crate::support::{Gate, SIZES, panic_of, pool, text};
use std::cell::Cell;
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use windrow::prelude::*;

/// Below, at and above what the sorts cut at.
const LENGTHS: [usize; 6] = [2048, 2049, 4097, 16384, 16385, 40_000];

/// Numbers in orders that sorts meet.
fn patterns(len: usize, random: &mut Random) -> Vec<Vec<u64>> {
    let n = len as u64;
    let up: Vec<u64> = (0..n).collect();
    let mut nearly = up.clone();
    for _ in 0..len / 50 {
        let (a, b) = (random.below(n) as usize, random.below(n) as usize);
        nearly.swap(a, b);
    }
    vec![
        (0..n).map(|_| random.next()).collect(),
        (0..n).map(|_| random.below(3)).collect(),
        (0..n).map(|_| random.below(n / 8 + 1)).collect(),
        up.iter().rev().copied().collect(),
        up.iter().map(|x| x / 7).rev().collect(),
        (0..n / 2).chain((0..n - n / 2).rev()).collect(),
        (0..n).map(|x| x % 1000).collect(),
        (0..n).map(|x| (x + n / 3) % n.max(1)).collect(),
        (0..n / 2).chain((0..n - n / 2).map(|_| n / 4)).collect(),
        vec![7; len],
        nearly,
        up,
    ]
}

/// Runs `test` on a worker of each of several pools, in one of which nobody can help.
fn in_pools(test: impl Fn() + Sync) {
    for size in SIZES {
        pool(size).install(&test);
    }
    let pool = pool(2);
    let busy = Gate::default();
    let (here, arrival) = channel();
    let gate = busy.clone();
    drop(pool.spawn(move || {
        here.send(()).unwrap();
        gate.pass();
    }));
    arrival.recv().unwrap();
    let outcome = catch_unwind(AssertUnwindSafe(|| pool.install(&test)));
    busy.open();
    outcome.unwrap_or_else(|payload| resume_unwind(payload));
}

/// A key, and where it was.
type Placed = (u64, usize);

/// All sorts give what the standard library's stable sort gives for keys with their places.
fn assert_all_sort(items: &[u64]) {
    let mut sorted = items.to_vec();
    sorted.sort_unstable();
    let placed: Vec<Placed> = items.iter().copied().zip(0..).collect();
    let mut stable = placed.clone();
    stable.sort_by_key(|item| item.0);

    let what = || {
        format!(
            "{} items like {:?}",
            items.len(),
            &items[..items.len().min(9)]
        )
    };
    let sort = |sort: &dyn Fn(&mut [u64])| {
        let mut items = items.to_vec();
        sort(&mut items);
        items
    };
    let place = |sort: fn(&mut [Placed])| {
        let mut placed = placed.clone();
        sort(&mut placed);
        placed
    };
    assert!(sort(&|v| v.par_sort()) == sorted, "{}", what());
    assert!(sort(&|v| v.par_sort_unstable()) == sorted, "{}", what());
    let down = sort(&|v| v.par_sort_unstable_by(|a, b| b.cmp(a)));
    assert!(down.iter().rev().eq(&sorted), "{}", what());
    let by_key = sort(&|v| v.par_sort_unstable_by_key(|a| *a));
    assert!(by_key == sorted, "{}", what());

    assert!(place(|v| v.par_sort_by(|a, b| a.0.cmp(&b.0))) == stable);
    assert!(place(|v| v.par_sort_by_key(|a| a.0)) == stable);
    assert!(place(|v| v.par_sort_by_cached_key(|a| a.0)) == stable);
}

#[test]
fn every_length_and_pattern_is_sorted_as_the_standard_library_does() {
    in_pools(|| {
        let mut random = Random::new(1);
        for len in (0..40).chain((40..300).step_by(23)) {
            for items in patterns(len, &mut random) {
                assert_all_sort(&items);
            }
        }
    });
}

#[test]
fn lengths_around_the_cuts_are_sorted_as_the_standard_library_does() {
    in_pools(|| {
        let mut random = Random::new(2);
        for len in LENGTHS {
            for items in patterns(len, &mut random) {
                assert_all_sort(&items);
            }
        }
    });
}

#[test]
fn strings_and_large_items_are_sorted() {
    in_pools(|| {
        let mut random = Random::new(3);
        let words: Vec<String> = (0..30_000)
            .map(|_| format!("{:x}", random.below(9999)))
            .collect();
        let mut expected = words.clone();
        expected.sort();
        let (mut stable, mut unstable, mut cached) = (words.clone(), words.clone(), words);
        stable.par_sort();
        unstable.par_sort_unstable();
        cached.par_sort_by_cached_key(String::clone);
        assert!(stable == expected && unstable == expected && cached == expected);

        let large: Vec<[u64; 16]> = (0..30_000)
            .map(|i| {
                [
                    random.below(500),
                    i,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    0,
                    i,
                ]
            })
            .collect();
        let mut expected = large.clone();
        expected.sort();
        let (mut stable, mut unstable) = (large.clone(), large);
        stable.par_sort_by_key(|item| item[0]);
        unstable.par_sort_unstable();
        assert!(stable == expected && unstable == expected);
    });
}

#[test]
fn items_without_a_size_can_be_sorted() {
    in_pools(|| {
        let mut nothing = [(); 100_000];
        nothing.par_sort();
        nothing.par_sort_unstable();
        let keys = AtomicUsize::new(0);
        nothing.par_sort_by_cached_key(|()| keys.fetch_add(1, SeqCst));
        assert_eq!((nothing.len(), keys.into_inner()), (100_000, 100_000));
    });
}

#[test]
fn a_cached_key_is_computed_once_an_item() {
    in_pools(|| {
        let mut random = Random::new(4);
        for len in [0, 1, 2, 3, 100, 70_000] {
            let mut items: Vec<(u64, AtomicUsize)> = (0..len)
                .map(|_| (random.below(1000), AtomicUsize::new(0)))
                .collect();
            items.par_sort_by_cached_key(|item| {
                item.1.fetch_add(1, SeqCst);
                format!("{:04}", item.0)
            });
            let once = usize::from(len > 1);
            assert!(items.iter().all(|item| item.1.load(SeqCst) == once));
            assert!(items.is_sorted_by_key(|item| item.0));
        }
    });
}

#[test]
fn items_that_cannot_be_shared_are_compared_by_one_thread_at_a_time() {
    // `Cell` is not `Sync`: a comparison may change both items.
    in_pools(|| {
        let mut random = Random::new(5);
        let make = |random: &mut Random| -> Vec<(Cell<Option<Box<usize>>>, u64)> {
            (0..60_000)
                .map(|_| (Cell::new(Some(Box::new(0))), random.below(30_000)))
                .collect()
        };
        let count = |item: &(Cell<Option<Box<usize>>>, u64)| {
            let seen = item.0.take().expect("nobody else has it now");
            item.0.set(Some(Box::new(*seen + 1)));
        };
        let total = AtomicUsize::new(0);
        let compare = |a: &(Cell<Option<Box<usize>>>, u64), b: &(Cell<Option<Box<usize>>>, u64)| {
            count(a);
            count(b);
            total.fetch_add(2, SeqCst);
            a.1.cmp(&b.1)
        };
        for stable in [true, false] {
            let mut items = make(&mut random);
            total.store(0, SeqCst);
            if stable {
                items.par_sort_by(compare);
            } else {
                items.par_sort_unstable_by(compare);
            }
            assert!(items.is_sorted_by_key(|item| item.1));
            let seen: usize = items.iter().map(|item| *item.0.take().unwrap()).sum();
            // A comparison that changed a copy which is forgotten would not be found here.
            assert_eq!(seen, total.load(SeqCst));
        }
    });
}

/// Counts how many are alive, and owns something that would be freed twice.
struct Counted<'c> {
    key: u64,
    id: Box<usize>,
    alive: &'c AtomicIsize,
}

impl<'c> Counted<'c> {
    fn many(keys: &[u64], alive: &'c AtomicIsize) -> Vec<Self> {
        alive.fetch_add(keys.len() as isize, SeqCst);
        let new = |(id, &key)| Self {
            key,
            id: Box::new(id),
            alive,
        };
        keys.iter().enumerate().map(new).collect()
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, SeqCst);
    }
}

/// Each item is there once, and dropping the slice drops them all.
fn assert_complete(items: Vec<Counted<'_>>, alive: &AtomicIsize) {
    let len = items.len();
    let mut ids: Vec<usize> = items.iter().map(|item| *item.id).collect();
    ids.sort_unstable();
    assert!(ids.into_iter().eq(0..len), "each item once");
    assert_eq!(alive.load(SeqCst), len as isize);
    drop(items);
    assert_eq!(alive.load(SeqCst), 0);
}

type Compare<'c, 'f> = &'f (dyn Fn(&Counted<'c>, &Counted<'c>) -> Ordering + Sync);

fn sorts<'c>() -> [fn(&mut [Counted<'c>], Compare<'c, '_>); 2] {
    [
        |items, compare| items.par_sort_by(compare),
        |items, compare| items.par_sort_unstable_by(compare),
    ]
}

/// Sorts with a panic in each `step`th comparison; returns how often that was tried.
fn panic_at_each(keys: &[u64], step: impl Fn(usize) -> usize, sort: usize) -> usize {
    let mut tried = 0;
    let mut at = 0;
    loop {
        let alive = AtomicIsize::new(0);
        let mut items = Counted::many(keys, &alive);
        let comparisons = AtomicUsize::new(0);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            sorts()[sort](&mut items, &|a, b| {
                assert!(comparisons.fetch_add(1, SeqCst) != at, "comparison");
                a.key.cmp(&b.key)
            });
        }));
        assert_complete(items, &alive);
        match outcome {
            Err(payload) => assert!(text(&*payload).contains("comparison")),
            Ok(()) => return tried,
        }
        tried += 1;
        at += step(at);
    }
}

#[test]
fn a_panic_in_any_comparison_leaves_each_item_once() {
    in_pools(|| {
        let mut random = Random::new(6);
        for len in [2, 20, 33] {
            for keys in patterns(len, &mut random) {
                for sort in 0..2 {
                    panic_at_each(&keys, |_| 1, sort);
                }
            }
        }
        for keys in patterns(17_000, &mut random).into_iter().step_by(3) {
            for sort in 0..2 {
                let tried = panic_at_each(&keys, |at| 1 + at + at % 89, sort);
                assert!(tried > 10);
            }
        }
        let keys: Vec<u64> = (0..40_000).map(|_| random.next()).collect();
        for sort in 0..2 {
            panic_at_each(&keys, |at| 1 + at / 2 + at % 89, sort);
        }
    });
}

#[test]
fn a_panic_in_every_comparison_from_one_on_leaves_each_item_once() {
    in_pools(|| {
        let mut random = Random::new(7);
        let keys: Vec<u64> = (0..40_000).map(|_| random.next()).collect();
        for sort in 0..2 {
            for first in [0, 1, 1000, 100_000, 300_000, 500_000, 1_000_000] {
                let alive = AtomicIsize::new(0);
                let mut items = Counted::many(&keys, &alive);
                let comparisons = AtomicUsize::new(0);
                let payload = catch_unwind(AssertUnwindSafe(|| {
                    sorts()[sort](&mut items, &|a, b| {
                        assert!(comparisons.fetch_add(1, SeqCst) < first, "from here");
                        a.key.cmp(&b.key)
                    });
                }));
                assert_eq!(payload.is_err(), comparisons.into_inner() > first);
                assert_complete(items, &alive);
            }
        }
    });
}

type Inconsistent<'f> = &'f (dyn Fn(&Counted<'_>, &Counted<'_>) -> Ordering + Sync);

#[test]
fn an_inconsistent_comparison_neither_hangs_nor_loses_an_item() {
    in_pools(|| {
        let mut random = Random::new(8);
        for len in [5, 50, 300, 5000, 40_000] {
            let keys: Vec<u64> = (0..len).map(|_| random.below(len)).collect();
            let draws = AtomicUsize::new(0);
            let dice = |_: &Counted<'_>, _: &Counted<'_>| {
                let draw = Random::new(draws.fetch_add(1, SeqCst) as u64).below(3);
                [Ordering::Less, Ordering::Equal, Ordering::Greater][draw as usize]
            };
            let always = |_: &Counted<'_>, _: &Counted<'_>| Ordering::Less;
            let never = |_: &Counted<'_>, _: &Counted<'_>| Ordering::Greater;
            let circle = |a: &Counted<'_>, b: &Counted<'_>| (a.key % 3).cmp(&((b.key + 1) % 3));
            let parity = |a: &Counted<'_>, b: &Counted<'_>| match (a.key ^ b.key) % 2 {
                0 => a.key.cmp(&b.key),
                _ => b.key.cmp(&a.key),
            };
            let compares: [Inconsistent<'_>; 5] = [&dice, &always, &never, &circle, &parity];
            for compare in compares {
                for sort in 0..2 {
                    let alive = AtomicIsize::new(0);
                    let mut items = Counted::many(&keys, &alive);
                    // The standard library's sorts, which have a part in it, may panic.
                    let _ = catch_unwind(AssertUnwindSafe(|| {
                        sorts()[sort](&mut items, &|a, b| compare(a, b))
                    }));
                    assert_complete(items, &alive);
                }
            }
        }
    });
}

#[test]
fn a_panic_in_a_cached_key_or_its_comparison_leaves_the_slice_as_it_was() {
    struct Key(u64, bool);
    impl PartialEq for Key {
        fn eq(&self, other: &Self) -> bool {
            self.cmp(other) == Ordering::Equal
        }
    }
    impl Eq for Key {}
    impl PartialOrd for Key {
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Key {
        fn cmp(&self, other: &Self) -> Ordering {
            assert!(!self.1 && !other.1, "a key that cannot be compared");
            self.0.cmp(&other.0)
        }
    }
    in_pools(|| {
        let keys: Vec<u64> = (0..50_000).rev().collect();
        let alive = AtomicIsize::new(0);
        let mut items = Counted::many(&keys, &alive);
        for bad in [0, 777, 49_999] {
            let payload = panic_of(|| {
                items.par_sort_by_cached_key(|item| {
                    assert!(item.key != bad, "no key");
                    item.key
                });
            });
            assert!(text(&*payload).contains("no key"));
            let payload = panic_of(|| {
                items.par_sort_by_cached_key(|item| Key(item.key, item.key == bad));
            });
            assert!(text(&*payload).contains("cannot be compared"));
            assert!(items.iter().map(|item| item.key).eq(keys.iter().copied()));
        }
        assert_complete(items, &alive);
    });
}

#[test]
fn a_sort_works_outside_of_any_pool_and_within_a_fork() {
    let mut random = Random::new(9);
    let items: Vec<u64> = (0..50_000).map(|_| random.next()).collect();
    let mut sorted = items.clone();
    sorted.sort_unstable();
    let (mut a, mut b) = (items.clone(), items);
    a.par_sort();
    b.par_sort_unstable();
    assert!(a == sorted && b == sorted);
    let mut random = Random::new(10);
    let mut rows: Vec<Vec<u64>> = (0..8)
        .map(|_| (0..20_000).map(|_| random.next()).collect())
        .collect();
    rows.par_iter_mut().for_each(|row| row.par_sort());
    assert!(rows.iter().all(|row| row.is_sorted()));
}
