//! Parallel loops over collections and tuples: the same items as one after the other.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::hint::spin_loop;

use windrow::prelude::*;

use crate::random::Random;
use crate::support::{SIZES, panic_of, pool};

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
