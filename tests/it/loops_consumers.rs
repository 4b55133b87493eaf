//! Consumers come to what the sequential iterator comes to, for random items of every number.

use std::cmp::Reverse;
use std::collections::LinkedList;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use windrow::iter::{Either, once, split, walk_tree_prefix};
use windrow::prelude::*;

use crate::loop_support::{LENS, linger, on_workers};
use crate::random::Random;
use crate::support::yield_until;

/// Few different numbers, so that there are ties; with their places, to tell them apart.
type Numbered = (usize, u32);

fn drawn(n: usize) -> Vec<Numbered> {
    let mut random = Random::new(n as u64);
    (0..n).map(|at| (at, random.below(50) as u32)).collect()
}

/// Runs `test` for lists of every length.
fn for_drawn(test: impl Fn(&[Numbered]) + Sync) {
    on_workers(|| LENS.into_iter().for_each(|n| test(&drawn(n))));
}

/// The items, some of which take a while.
fn items(list: &[Numbered]) -> impl IndexedParallelIterator<Item = Numbered> {
    list.par_iter().map(|&item| {
        linger(item.0);
        item
    })
}

/// The same test for the items as they are, filtered, and out of loops in the loop.
macro_rules! in_every_shape {
    ($list:ident, |$par:ident, $seq:ident| $test:block) => {{
        let sparse = |item: &Numbered| item.1 % 3 != 0;
        let several = |item: Numbered| vec![item; item.1 as usize % 4];
        {
            let $par = || items($list);
            let $seq = || $list.iter().copied();
            $test
        }
        {
            let $par = || items($list).filter(sparse);
            let $seq = || $list.iter().copied().filter(sparse);
            $test
        }
        {
            let $par = || items($list).flat_map(several);
            let $seq = || $list.iter().copied().flat_map(several);
            $test
        }
        {
            let $par = || items($list).flat_map_iter(several);
            let $seq = || $list.iter().copied().flat_map(several);
            $test
        }
    }};
}

#[test]
fn every_item_is_given_to_for_each_once() {
    for_drawn(|list| {
        in_every_shape!(list, |par, seq| {
            let mut expected = vec![0; list.len()];
            seq().for_each(|item| expected[item.0] += 1);
            let counts: Vec<_> = list.iter().map(|_| AtomicUsize::new(0)).collect();
            let count = |item: Numbered| {
                counts[item.0].fetch_add(1, Ordering::Relaxed);
            };
            let counted = || counts.iter().map(|count| count.swap(0, Ordering::Relaxed));
            par().for_each(count);
            assert!(counted().eq(expected.iter().copied()));
            par().for_each_with(7, |seven, item| {
                assert_eq!(*seven, 7);
                count(item);
            });
            assert!(counted().eq(expected.iter().copied()));
            par().for_each_init(Vec::new, |seen, item| {
                // Items of a piece come in order.
                assert!(seen.last() <= Some(&item.0));
                seen.push(item.0);
                count(item);
            });
            assert!(counted().eq(expected.iter().copied()));
            let (send, receive) = channel();
            par()
                .map_with(send, |send, item| send.send(item).unwrap())
                .for_each(drop);
            let mut sent: Vec<_> = receive.iter().collect();
            sent.sort_unstable();
            assert_eq!(sent, seq().collect::<Vec<_>>());
        });
    });
}

#[test]
fn the_first_failure_ends_a_loop() {
    for_drawn(|list| {
        in_every_shape!(list, |par, seq| {
            for limit in [0, 10, 48, 50] {
                let check = |item: Numbered| if item.1 < limit { Ok(()) } else { Err(item.0) };
                let expected = seq().try_for_each(check);
                let failed = par().try_for_each(check);
                assert_eq!(failed.is_err(), expected.is_err());
                assert!(failed.err() >= expected.err(), "not before the first one");
                let with = par().try_for_each_with((), |(), item| check(item).ok());
                assert_eq!(with.is_none(), expected.is_err());
                let init = par().try_for_each_init(
                    || (),
                    |(), item| match check(item) {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(at) => ControlFlow::Break(at),
                    },
                );
                assert_eq!(init.is_break(), expected.is_err());
            }
        });
    });
}

#[test]
fn of_two_failures_at_a_time_the_first_in_order_counts() {
    on_workers(|| {
        let begun = AtomicUsize::new(0);
        let both = windrow::current_num_threads().min(2);
        let failed = (0..2).into_par_iter().try_for_each(|x| {
            begun.fetch_add(1, Ordering::SeqCst);
            yield_until(|| begun.load(Ordering::SeqCst) >= both);
            Err::<(), i32>(x)
        });
        assert_eq!(failed, Err(0));
    });
}

#[test]
fn reductions_keep_the_order() {
    for_drawn(|list| {
        in_every_shape!(list, |par, seq| {
            let joined: String = seq().map(|item| format!("{item:?}")).collect();
            let words = || par().map(|item| format!("{item:?}"));
            assert_eq!(words().reduce(String::new, |a, b| a + &b), joined);
            let any = seq().next().is_some();
            assert_eq!(
                words().reduce_with(|a, b| a + &b),
                any.then(|| joined.clone())
            );
            let all = words()
                .map(Ok::<_, usize>)
                .try_reduce(String::new, |a, b| Ok(a + &b));
            assert_eq!(all, Ok(joined.clone()));
            let all = words().map(Some).try_reduce_with(|a, b| Some(a + &b));
            assert_eq!(all, any.then_some(Some(joined)));

            let checked = || par().map(|item| if item.1 == 9 { Err(item.0) } else { Ok(1) });
            let first = seq().find(|item| item.1 == 9).map(|item| item.0);
            let count = seq().count();
            let add = |a: usize, b: usize| Ok(a + b);
            match (checked().try_reduce(|| 0, add), first) {
                (Ok(all), None) => assert_eq!(all, count),
                (Err(at), Some(first)) => assert!(at >= first && list[at].1 == 9),
                (other, _) => panic!("{other:?}, {first:?}"),
            }
            assert_eq!(checked().try_reduce_with(add).is_some(), any);
            assert_eq!(
                checked().try_reduce_with(add).unwrap_or(Ok(0)).is_err(),
                first.is_some()
            );
            // The closure may fail as well.
            let few = par()
                .map(|_| Some(1))
                .try_reduce(|| 0, |a, b| (a + b < 30).then_some(a + b));
            assert_eq!(few.is_none(), count >= 30);
        });
    });
}

#[test]
fn sums_products_and_counts_are_those_of_the_iterator() {
    for_drawn(|list| {
        in_every_shape!(list, |par, seq| {
            let values = || seq().map(|item| u64::from(item.1));
            assert_eq!(
                par().map(|item| u64::from(item.1)).sum::<u64>(),
                values().sum()
            );
            let wrapping = |item: Numbered| std::num::Wrapping(item.1 * 2 + 1);
            let product: std::num::Wrapping<u32> = par().map(wrapping).product();
            assert_eq!(product, seq().map(wrapping).product());
            assert_eq!(par().count(), seq().count());
            let checked = |item: Numbered| (item.1 < 49).then_some(item.1);
            assert_eq!(
                par().map(checked).sum::<Option<u32>>(),
                seq().map(checked).sum()
            );
        });
    });
}

#[test]
fn of_equal_items_the_first_is_the_least_and_the_last_the_greatest() {
    for_drawn(|list| {
        in_every_shape!(list, |par, seq| {
            let by = |a: &Numbered, b: &Numbered| a.1.cmp(&b.1);
            let key = |item: &Numbered| Reverse(item.1);
            assert_eq!(par().min_by(by), seq().min_by(by));
            assert_eq!(par().max_by(by), seq().max_by(by));
            assert_eq!(par().min_by_key(key), seq().min_by_key(key));
            assert_eq!(par().max_by_key(key), seq().max_by_key(key));
            assert_eq!(par().min(), seq().min());
            assert_eq!(par().max(), seq().max());

            /// Equal whatever its place is.
            #[derive(Clone, Copy, Debug)]
            struct Tied(Numbered);
            impl PartialEq for Tied {
                fn eq(&self, other: &Self) -> bool {
                    self.0.1 == other.0.1
                }
            }
            impl Eq for Tied {}
            impl PartialOrd for Tied {
                fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                    Some(self.cmp(other))
                }
            }
            impl Ord for Tied {
                fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                    self.0.1.cmp(&other.0.1)
                }
            }
            let place = |tied: Tied| tied.0.0;
            assert_eq!(
                par().map(Tied).min().map(place),
                seq().map(Tied).min().map(place)
            );
            assert_eq!(
                par().map(Tied).max().map(place),
                seq().map(Tied).max().map(place)
            );
        });
    });
}

#[test]
fn searches_find_what_there_is() {
    for_drawn(|list| {
        in_every_shape!(list, |par, seq| {
            for value in [0, 4, 25, 49, 50] {
                let is = |item: &Numbered| item.1 == value;
                let of = |item: Numbered| (item.1 == value).then_some(item.0);
                let (first, last) = (seq().find(is), seq().rfind(is));
                assert_eq!(par().find_first(is), first);
                assert_eq!(par().find_last(is), last);
                assert_eq!(par().find_map_first(of), seq().find_map(of));
                assert_eq!(par().find_map_last(of), seq().rev().find_map(of));
                let any = par().find_any(is);
                assert_eq!(any.is_some(), first.is_some());
                assert!(any.is_none_or(|item| is(&item) && list.contains(&item)));
                let any = par().find_map_any(of);
                assert_eq!(any.is_some(), first.is_some());
                assert!(any.is_none_or(|at| list[at].1 == value));
                assert_eq!(
                    par().any(|item| item.1 == value),
                    seq().any(|item| item.1 == value)
                );
                assert_eq!(
                    par().all(|item| item.1 != value),
                    seq().all(|item| item.1 != value)
                );
            }
        });
    });
}

fn halves(range: Range<u64>) -> (Range<u64>, Option<Range<u64>>) {
    if range.end - range.start < 2 {
        return (range, None);
    }
    let mid = range.start + (range.end - range.start) / 2;
    (range.start..mid, Some(mid..range.end))
}

#[test]
fn the_first_item_ends_what_is_behind_it_within_one_step() {
    on_workers(|| {
        let is = |&x: &u64| x == 5;
        let endless = || once(()).flat_map(|()| 0..u64::MAX);
        assert_eq!(endless().find_first(is), Some(5));
        assert_eq!(endless().find_map_first(|x| is(&x).then_some(x)), Some(5));
        let none = || (0..10).into_par_iter().filter(|_| false);
        assert_eq!(none().chain(0..u64::MAX).find_first(is), Some(5));
        let third = none().chain(none()).chain(endless());
        assert_eq!(third.find_first(is), Some(5));
        let pieces = split(0..u64::MAX, halves).flat_map_iter(|range| range);
        assert_eq!(pieces.find_first(is), Some(5));
        let twice = endless().flat_map(|_| 0..u64::MAX);
        assert_eq!(twice.find_first(is), Some(5));
        let inner = once(()).flat_map(|()| endless().flat_map(|_| 0..u64::MAX));
        assert_eq!(inner.find_first(is), Some(5));
        let told = endless().map(Some).while_some().timeout(Duration::MAX);
        assert_eq!(told.find_first(is), Ok(Some(5)));
    });
}

#[test]
fn searches_in_nested_loops_find_what_the_iterator_finds() {
    let below = |&n: &u64| (n * 3 + 1..n * 3 + 4).filter(|&n| n < 60);
    let items = || {
        let few = (200..204_u64).into_par_iter().filter(|n| n % 3 != 0);
        let nodes = few.chain(walk_tree_prefix(0, below));
        let rows = nodes.chain(split(100..130, halves).flat_map_iter(|range| range));
        rows.flat_map(|n| (0..n % 5).into_par_iter().map(move |m| 5 * n + m))
            .flat_map_iter(|n| (0..n % 7).map(move |m| 7 * n + m))
    };
    let all: Vec<_> = items().collect();
    on_workers(|| {
        assert_eq!(items().collect::<Vec<_>>(), all);
        let mut random = Random::new(7);
        for _ in 0..50 {
            let rare = 2 + random.below(300);
            let offset = random.below(1000);
            let is = |&x: &u64| {
                linger(x as usize);
                (x * 7919 + offset) % rare == 0
            };
            let first = all.iter().copied().find(is);
            assert_eq!(items().find_first(is), first);
            let last = all.iter().copied().rfind(is);
            assert_eq!(items().find_last(is), last);
        }
    });
}

#[test]
fn searches_in_nested_loops_behind_others_find_what_the_iterator_finds() {
    let items = || {
        let nested = (0..30_u64).into_par_iter().flat_map(|k| {
            let inner = (0..400_u64).into_par_iter();
            inner.map(move |i| 1000 + 400 * k + i)
        });
        (0..50_u64).into_par_iter().chain(nested)
    };
    on_workers(|| {
        for round in 0..40 {
            let is = |&n: &u64| {
                linger(n as usize);
                n >= 1000 && n % 100 == round
            };
            assert_eq!(items().find_first(is), Some(1000 + round));
            assert_eq!(items().find_last(is), Some(12_900 + round));
        }
    });
}

#[test]
fn collections_are_in_order() {
    for_drawn(|list| {
        in_every_shape!(list, |par, seq| {
            let expected: Vec<_> = seq().collect();
            assert_eq!(par().collect::<Vec<_>>(), expected);
            let mut extended = vec![(7, 7)];
            extended.par_extend(par());
            assert_eq!(extended[1..], expected);
            let list: LinkedList<Vec<_>> = par().collect_vec_list();
            assert!(list.iter().all(|piece| !piece.is_empty()));
            assert_eq!(list.into_iter().flatten().collect::<Vec<_>>(), expected);

            let unzipped: (Vec<_>, Vec<_>) = par().unzip();
            assert_eq!(unzipped, seq().unzip());
            let even = |item: &Numbered| item.1 % 2 == 0;
            let parted: (Vec<_>, Vec<_>) = par().partition(even);
            assert_eq!(parted, seq().partition(even));
            let mapped: (Vec<usize>, Vec<u32>) = par().partition_map(|item| {
                if even(&item) {
                    Either::Left(item.0)
                } else {
                    Either::Right(item.1)
                }
            });
            let places = parted.0.iter().map(|item| item.0).collect();
            let values = parted.1.iter().map(|item| item.1).collect();
            assert_eq!(mapped, (places, values));
        });
    });
}
