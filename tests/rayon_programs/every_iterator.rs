//! Each method of `ParallelIterator`, each function of `iter`, each way in and out, once.

use super::pool::iter::{
    Either, empty, once, repeat, repeat_n, split, walk_tree, walk_tree_postfix, walk_tree_prefix,
};
use super::pool::prelude::*;
use crate::Results;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::rc::Rc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

fn sum_of(visit: impl FnOnce(&AtomicI32)) -> i32 {
    let sum = AtomicI32::new(0);
    visit(&sum);
    sum.into_inner()
}

fn add(sum: &AtomicI32, x: i32) {
    sum.fetch_add(x, Relaxed);
}

pub(crate) fn adaptors() -> Results {
    let v: Vec<i32> = (0..500).collect();
    let words = ["rows", "of", "raked", "hay"];
    let seen = Mutex::new(BTreeSet::new());
    let (sender, receiver) = channel();
    results![
        v.par_iter().map(|x| x * 2).collect::<Vec<_>>(),
        v.par_iter()
            .map_with(sender, |s, x| s.send(*x).is_ok())
            .all(|sent| sent),
        receiver.iter().sum::<i32>(),
        v.par_iter()
            .map_init(String::new, |s, x| (s.clear(), x).1)
            .sum::<i32>(),
        words
            .map(String::from)
            .par_iter()
            .cloned()
            .collect::<Vec<_>>(),
        v.par_iter().copied().sum::<i32>(),
        v.par_iter()
            .inspect(|x| assert!(seen.lock().unwrap().insert(**x)))
            .count(),
        seen.lock().unwrap().len(),
        v.clone().into_par_iter().update(|x| *x += 1).max(),
        v.par_iter().filter(|x| *x % 7 == 0).collect::<Vec<_>>(),
        words
            .par_iter()
            .filter_map(|w| w.chars().nth(3))
            .collect::<String>(),
        (0..20)
            .into_par_iter()
            .flat_map(|i| (0..i).into_par_iter())
            .collect::<Vec<i32>>(),
        (0..20)
            .into_par_iter()
            .flat_map(|i| vec![i; 3])
            .collect::<Vec<_>>(),
        (0..20)
            .into_par_iter()
            .flat_map_iter(|i| 0..i)
            .collect::<Vec<i32>>(),
        vec![vec![1, 2], vec![], vec![3]]
            .into_par_iter()
            .flatten()
            .collect::<Vec<_>>(),
        vec![Some(1), None, Some(3)]
            .into_par_iter()
            .flatten()
            .collect::<Vec<_>>(),
        vec![Some(1), None, Some(3)]
            .into_par_iter()
            .flatten_iter()
            .collect::<Vec<_>>(),
        v.par_iter().fold(|| 0, |a, x| a + x).sum::<i32>(),
        v.par_iter()
            .fold_with(0_i64, |a, &x| a + i64::from(x))
            .reduce(|| 0, |a, b| a + b),
        v.par_iter()
            .try_fold(|| 0_i32, |a, &x| a.checked_add(x))
            .try_reduce(|| 0, i32::checked_add),
        v.par_iter()
            .try_fold_with(0_u8, |a, &x| a.checked_add(x as u8))
            .any(|sum| sum.is_none()),
        v.par_iter()
            .chain(&[7, 8])
            .chain([9].par_iter())
            .map(|x| x + 1)
            .collect::<Vec<_>>(),
        words
            .par_iter()
            .copied()
            .intersperse(" ")
            .collect::<String>(),
        words.par_iter().map(|w| w.find('y')).while_some().count() < 4,
        [Some(1), Some(2)]
            .into_par_iter()
            .while_some()
            .collect::<Vec<_>>(),
        v.par_iter().panic_fuse().count(),
        v.par_iter().take_any(30).count(),
        v.par_iter().skip_any(30).count(),
        v.par_iter().take_any_while(|x| **x >= 0).count(),
        v.par_iter().skip_any_while(|x| **x >= 0).count(),
        (0..10)
            .into_par_iter()
            .map(|i| if i % 2 == 0 {
                Either::Left(i)
            } else {
                Either::Right('x')
            })
            .collect::<(Vec<i32>, String)>(),
        [true, false].map(|left| {
            let all = if left {
                Either::Left(v.par_iter())
            } else {
                Either::Right(v.par_iter().rev())
            };
            all.enumerate().map(|(i, x)| i as i32 * x).sum::<i32>()
        }),
    ]
}

pub(crate) fn consumers() -> Results {
    let v: Vec<i32> = (0..500).collect();
    let floats: Vec<f64> = v.iter().map(|&x| f64::from(x) * 0.5).collect();
    let (sender, receiver) = channel();
    let parse = |word: &&str| word.parse::<i32>().map_err(|_| word.len());
    results![
        sum_of(|sum| v.par_iter().for_each(|x| add(sum, *x))),
        v.par_iter()
            .for_each_with(sender, |s, x| s.send(*x).unwrap()),
        receiver.iter().sum::<i32>(),
        sum_of(|sum| v
            .par_iter()
            .for_each_init(|| 1, |one, x| add(sum, x * *one))),
        v.par_iter()
            .try_for_each(|&x| if x == 77 { Err(x) } else { Ok(()) }),
        v.par_iter().try_for_each(|&x| (x < 500).then_some(())),
        v.par_iter()
            .try_for_each_with((), |(), &x| if x == 77 { Err(x) } else { Ok(()) }),
        v.par_iter()
            .try_for_each_init(|| 5, |_, &x| if x == -1 { Err(x) } else { Ok(()) }),
        v.par_iter().count(),
        v.par_iter().copied().reduce(|| 0, |a, b| a + b),
        v.par_iter().reduce_with(|a, b| a.max(b)),
        empty::<i32>().reduce_with(|a, _| a),
        v.par_iter()
            .map(|&x| Some(x))
            .try_reduce(|| 0, |a, b| a.checked_add(b)),
        v.par_iter()
            .map(|&x| Ok::<_, ()>(x))
            .try_reduce_with(|a, b| Ok(a + b)),
        empty::<Option<i32>>().try_reduce_with(|a, _| Some(a)),
        v.par_iter().sum::<i32>(),
        floats.par_iter().map(|x| x * 2.0).sum::<f64>(),
        (1..=10).into_par_iter().product::<u64>(),
        v.par_iter().min(),
        floats.par_iter().min_by(|a, b| a.total_cmp(b)),
        v.par_iter().min_by_key(|x| (*x - 300).abs()),
        v.par_iter().max(),
        floats
            .par_iter()
            .copied()
            .max_by(|a, b| a.partial_cmp(b).unwrap()),
        v.par_iter().max_by_key(|x| -(*x - 300).abs()),
        v.par_iter().find_any(|x| **x == 9),
        v.par_iter().find_first(|x| *x % 9 == 8),
        v.par_iter().find_last(|x| *x % 9 == 8),
        v.par_iter().find_map_any(|x| (*x == 9).then_some("nine")),
        v.par_iter().find_map_first(|x| (*x > 9).then(|| x * x)),
        v.par_iter().find_map_last(|x| (*x < 9).then(|| x * x)),
        v.par_iter().any(|x| *x == 499),
        v.par_iter().all(|x| *x < 499),
        v.par_iter()
            .map(|x| (x % 3, *x))
            .unzip::<_, _, HashSet<_>, Vec<_>>()
            .0
            .len(),
        v.par_iter()
            .map(|x| (*x, (x + 1, x + 2)))
            .unzip::<_, _, Vec<_>, (Vec<_>, Vec<_>)>(),
        v.par_iter()
            .partition::<Vec<&i32>, Vec<&i32>, _>(|x| **x < 50),
        v.par_iter()
            .partition_map::<Vec<_>, Vec<_>, _, _, _>(|x| match x % 2 {
                0 => Either::Left(*x),
                _ => Either::Right(x.to_string()),
            }),
        v.par_iter()
            .collect_vec_list()
            .into_iter()
            .flatten()
            .collect::<Vec<_>>(),
        ["1", "2"]
            .par_iter()
            .map(parse)
            .collect::<Result<Vec<_>, _>>(),
        ["1", "two"]
            .par_iter()
            .map(parse)
            .collect::<Result<Vec<_>, _>>(),
        ["1", "two"]
            .par_iter()
            .map(|word| word.parse::<i32>().ok())
            .collect::<Option<Vec<_>>>(),
        ["1", "2"].par_iter().map(parse).sum::<Result<i32, _>>(),
        [Some(2), Some(3)].into_par_iter().product::<Option<i32>>(),
        v.par_iter().opt_len(),
    ]
}

pub(crate) fn into_collections() -> Results {
    let pairs = || (0..50).into_par_iter().map(|i| (i, i * i));
    let words = ["b", "a", "c"];
    let mut vec = vec![1];
    let (mut heap, mut list) = (BinaryHeap::from([1]), LinkedList::from([1]));
    let (mut set, mut tree_set) = (HashSet::from([1]), BTreeSet::from([1]));
    let (mut map, mut tree_map) = (HashMap::from([(1, 1)]), BTreeMap::from([(1, 1)]));
    let (mut deque, mut text, mut os) = (VecDeque::from([1]), String::from("x"), OsString::new());
    let mut both = (vec![0], vec!['z']);
    let mut either: Either<Vec<i32>, VecDeque<i32>> = Either::Left(vec![]);
    vec.par_extend(2..5);
    vec.par_extend(&[5, 6]);
    heap.par_extend(2..5);
    heap.par_extend(&[5, 6]);
    list.par_extend(2..5);
    list.par_extend(&[5, 6]);
    set.par_extend(2..5);
    set.par_extend(&[5, 6]);
    tree_set.par_extend(2..5);
    tree_set.par_extend(&[5, 6]);
    map.par_extend(pairs());
    map.par_extend(&HashMap::from([(77, 7)]));
    tree_map.par_extend(pairs());
    tree_map.par_extend(&BTreeMap::from([(77, 7)]));
    deque.par_extend(2..5);
    deque.par_extend(&[5, 6]);
    text.par_extend(['a', 'b']);
    text.par_extend(&['c']);
    text.par_extend(words);
    text.par_extend(words.map(String::from));
    text.par_extend(words.map(Box::from));
    text.par_extend(words.map(Cow::from));
    os.par_extend(words.map(OsString::from));
    os.par_extend(words.map(OsStr::new));
    os.par_extend(words.map(|word| Cow::from(OsStr::new(word))));
    both.par_extend([(1, 'a'), (2, 'b')]);
    both.par_extend([Either::Left(3), Either::Right('c')]);
    either.par_extend(0..3);
    ().par_extend([(), ()]);
    results![
        (vec, heap.into_sorted_vec(), list),
        (set.len(), tree_set, map.len(), tree_map),
        (deque, text, os, both, either),
        words.into_par_iter().collect::<Box<[_]>>(),
        words.into_par_iter().collect::<Rc<[_]>>(),
        words.into_par_iter().collect::<Arc<[_]>>(),
        words.into_par_iter().collect::<Cow<'_, [_]>>(),
        words.into_par_iter().collect::<Cow<'_, str>>(),
        words.into_par_iter().collect::<VecDeque<_>>(),
        words
            .into_par_iter()
            .collect::<BinaryHeap<_>>()
            .into_sorted_vec(),
        words.into_par_iter().collect::<LinkedList<_>>(),
        pairs().collect::<HashMap<_, _>>()[&7],
        pairs().collect::<BTreeMap<_, _>>(),
        words.into_par_iter().collect::<HashSet<_>>().len(),
        words.into_par_iter().collect::<BTreeSet<_>>(),
        words.into_par_iter().collect::<String>(),
        words.into_par_iter().map(Cow::from).collect::<String>(),
        words.into_par_iter().map(String::from).collect::<String>(),
        words.into_par_iter().map(Box::from).collect::<String>(),
        ['a', 'b'].into_par_iter().collect::<String>(),
        ['a', 'b'].par_iter().collect::<String>(),
        words.into_par_iter().collect::<Box<str>>(),
        words
            .into_par_iter()
            .map(String::from)
            .collect::<Box<str>>(),
        words.into_par_iter().map(OsStr::new).collect::<OsString>(),
        words
            .into_par_iter()
            .map(OsString::from)
            .collect::<OsString>(),
        words
            .into_par_iter()
            .map(|word| Cow::from(OsStr::new(word)))
            .collect::<OsString>(),
        [(), ()].into_par_iter().collect::<()>(),
        pairs().collect::<(Vec<_>, HashSet<_>)>().0,
        pairs()
            .map(|(a, b)| if a < 9 { Ok((a, b)) } else { Err(0) })
            .collect::<Result<(Vec<_>, Vec<_>), _>>(),
        Vec::from_par_iter(pairs()).len(),
    ]
}

fn halves(range: Range<u64>) -> (Range<u64>, Option<Range<u64>>) {
    if range.end - range.start < 2 {
        return (range, None);
    }
    let mid = range.start + (range.end - range.start) / 2;
    (range.start..mid, Some(mid..range.end))
}

pub(crate) fn sources() -> Results {
    let children = |&node: &u32| (2 * node + 1..2 * node + 3).filter(|&child| child < 40);
    let mut option = Some(1);
    let mut result: Result<i32, ()> = Ok(1);
    option.par_iter_mut().for_each(|x| *x += 1);
    result.par_iter_mut().for_each(|x| *x += 1);
    let mut boxed: Box<[i32]> = Box::from([1, 2]);
    boxed.par_iter_mut().for_each(|x| *x += 1);
    let mut bridged: Vec<_> = (0..100)
        .filter(|x| x % 3 == 0)
        .par_bridge()
        .map(|x| x * 2)
        .collect();
    bridged.sort_unstable();
    let mut columns = (vec![1, 2], [3, 4]);
    columns
        .par_iter_mut()
        .for_each(|(a, b)| std::mem::swap(a, b));
    results![
        empty::<i32>().count(),
        once(7).collect::<Vec<_>>(),
        repeat(7).take_any(5).count(),
        repeat(7).take(5).len(),
        repeat(7).zip(0..3).collect::<Vec<(i32, i32)>>(),
        repeat_n("hay", 3).collect::<String>(),
        split(0..1000, halves)
            .map(|range| range.sum::<u64>())
            .sum::<u64>(),
        walk_tree_prefix(0, |node| children(node).rev()).collect::<Vec<_>>(),
        walk_tree_postfix(0, |node| children(node).rev()).collect::<Vec<_>>(),
        walk_tree(0, |node| children(node).rev()).sum::<u32>(),
        (option, result, boxed, bridged, columns),
        option.par_iter().copied().chain(option).sum::<i32>(),
        (
            result.par_iter().count(),
            result.into_par_iter().count(),
            Err::<(), _>(0).into_par_iter().count()
        ),
        [1, 2, 3].into_par_iter().rev().collect::<Vec<_>>(),
        [1, 2, 3].par_iter_mut().map(|x| *x).sum::<i32>(),
        (Box::from([1, 2]) as Box<[i32]>)
            .into_par_iter()
            .sum::<i32>(),
        (0..100_u64).into_par_iter().map(|x| x * x).sum::<u64>(),
        (0..100_u128).into_par_iter().max(),
        (-5..=5_i8).into_par_iter().collect::<Vec<_>>(),
        (0..=u16::MAX).into_par_iter().count(),
        ('a'..='e').into_par_iter().collect::<String>(),
        ('a'..'e').into_par_iter().rev().collect::<String>(),
        (vec![1, 2, 3], 0..2, ["x"; 9])
            .into_par_iter()
            .collect::<Vec<_>>(),
        (&[1, 2], &vec![3, 4])
            .into_par_iter()
            .map(|(a, b)| a * b)
            .sum::<i32>(),
        (1..2,).into_par_iter().collect::<Vec<(i32,)>>(),
        (
            0..3,
            0..3,
            0..3,
            0..3,
            0..3,
            0..3,
            0..3,
            0..3,
            0..3,
            0..3,
            0..3,
            0..3
        )
            .into_par_iter()
            .map(|(a, .., z)| a + z)
            .sum::<i32>(),
        [3, 1].par_iter().cmp(&[3, 1]) == Ordering::Equal,
    ]
}
