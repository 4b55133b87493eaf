//! Iterators and collections by their names: what is written down in structs and signatures.

use super::pool;
use super::pool::prelude::*;
use crate::Results;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::fmt::Debug;

/// Says what it is: as in rayon, each can be cloned, sent, and printed.
fn known<I: ParallelIterator + Clone + Debug + Sync>(items: I) -> usize {
    assert!(!format!("{items:?}").is_empty());
    items.clone().count().max(items.count())
}

fn printed<I: ParallelIterator + Debug>(items: I) -> usize {
    assert!(!format!("{items:?}").is_empty());
    items.count()
}

type Doubled<'a> = pool::iter::Map<pool::slice::Iter<'a, i32>, fn(&i32) -> i32>;

fn doubled(numbers: &[i32]) -> Doubled<'_> {
    numbers.par_iter().map(|x| x * 2)
}

/// A collection of one's own is looped over, collected and extended through others.
#[derive(Debug, Default, PartialEq)]
struct Bales(Vec<u32>);

impl IntoParallelIterator for Bales {
    type Iter = pool::vec::IntoIter<u32>;
    type Item = u32;
    fn into_par_iter(self) -> Self::Iter {
        self.0.into_par_iter()
    }
}

impl<'data> IntoParallelIterator for &'data Bales {
    type Iter = pool::slice::Iter<'data, u32>;
    type Item = &'data u32;
    fn into_par_iter(self) -> Self::Iter {
        self.0.par_iter()
    }
}

impl<'data> IntoParallelIterator for &'data mut Bales {
    type Iter = pool::slice::IterMut<'data, u32>;
    type Item = &'data mut u32;
    fn into_par_iter(self) -> Self::Iter {
        self.0.par_iter_mut()
    }
}

impl FromParallelIterator<u32> for Bales {
    fn from_par_iter<I>(items: I) -> Self
    where
        I: IntoParallelIterator<Item = u32>,
    {
        Bales(items.into_par_iter().collect())
    }
}

impl ParallelExtend<u32> for Bales {
    fn par_extend<I>(&mut self, items: I)
    where
        I: IntoParallelIterator<Item = u32>,
    {
        self.0.par_extend(items);
    }
}

/// What libraries do: functions over any loop, and loops as results.
fn total<'a, I>(items: I) -> u64
where
    I: IntoParallelIterator<Item = &'a u32>,
    I::Iter: IndexedParallelIterator,
{
    items
        .into_par_iter()
        .enumerate()
        .map(|(i, &x)| i as u64 * u64::from(x))
        .sum()
}

fn even(numbers: &Bales) -> impl ParallelIterator<Item = u32> + '_ {
    numbers.par_iter().copied().filter(|x| x % 2 == 0)
}

fn squares(n: usize) -> impl IndexedParallelIterator<Item = usize> + Clone {
    (0..n).into_par_iter().map(|x| x * x)
}

fn pairs<T>(numbers: &[T]) -> impl ParallelIterator<Item = (&T, &T)>
where
    T: Sync,
{
    (0..numbers.len()).into_par_iter().flat_map(move |i| {
        (i..numbers.len())
            .into_par_iter()
            .map(move |j| (&numbers[i], &numbers[j]))
    })
}

pub(crate) fn own_types() -> Results {
    let mut bales: Bales = (0..100).into_par_iter().collect();
    bales.par_extend(vec![7, 8, 9]);
    bales.par_iter_mut().for_each(|x| *x += 1);
    results![
        total(&bales),
        total(&bales.0),
        even(&bales).count(),
        squares(30).rev().collect::<Vec<_>>(),
        pairs(&bales.0).filter(|(a, b)| a == b).count(),
        doubled(&[1, 2]).sum::<i32>(),
        bales
            .into_par_iter()
            .partition::<Bales, Bales, _>(|x| *x < 20),
    ]
}

pub(crate) fn iterators() -> Results {
    let v = [1, 2, 3];
    let nested = [vec![1], vec![2, 3]];
    let i = || v.par_iter();
    results![
        known::<pool::slice::Iter<'_, i32>>(i()),
        known::<pool::slice::Chunks<'_, i32>>(v.par_chunks(2)),
        known::<pool::slice::ChunksExact<'_, i32>>(v.par_chunks_exact(2)),
        known::<pool::slice::RChunks<'_, i32>>(v.par_rchunks(2)),
        known::<pool::slice::RChunksExact<'_, i32>>(v.par_rchunks_exact(2)),
        known::<pool::slice::Windows<'_, i32>>(v.par_windows(2)),
        known::<pool::slice::ArrayWindows<'_, i32, 2>>(v.par_array_windows()),
        known::<pool::slice::Split<'_, i32, fn(&i32) -> bool>>(v.par_split(|x| *x == 2)),
        known::<pool::slice::SplitInclusive<'_, i32, fn(&i32) -> bool>>(
            v.par_split_inclusive(|x| *x == 2)
        ),
        known::<pool::slice::ChunkBy<'_, i32, fn(&i32, &i32) -> bool>>(
            v.par_chunk_by(|a, b| a < b)
        ),
        known::<pool::vec::IntoIter<i32>>(v.to_vec().into_par_iter()),
        known::<pool::array::IntoIter<i32, 3>>(v.into_par_iter()),
        known::<pool::range::Iter<i32>>((0..3).into_par_iter()),
        known::<pool::range_inclusive::Iter<i32>>((0..=3).into_par_iter()),
        known::<pool::option::IntoIter<i32>>(Some(1).into_par_iter()),
        known::<pool::option::Iter<'_, i32>>(Some(1).par_iter()),
        known::<pool::result::IntoIter<i32>>(Ok::<_, ()>(1).into_par_iter()),
        known::<pool::result::Iter<'_, i32>>(Ok::<_, ()>(1).par_iter()),
        known::<pool::str::Chars<'_>>("hay".par_chars()),
        known::<pool::str::CharIndices<'_>>("hay".par_char_indices()),
        known::<pool::str::Bytes<'_>>("hay".par_bytes()),
        known::<pool::str::EncodeUtf16<'_>>("hay".par_encode_utf16()),
        known::<pool::str::Split<'_, char>>("hay".par_split('a')),
        known::<pool::str::SplitInclusive<'_, char>>("hay".par_split_inclusive('a')),
        known::<pool::str::SplitTerminator<'_, char>>("hay".par_split_terminator('a')),
        known::<pool::str::Lines<'_>>("hay".par_lines()),
        known::<pool::str::SplitWhitespace<'_>>("hay".par_split_whitespace()),
        known::<pool::str::SplitAsciiWhitespace<'_>>("hay".par_split_ascii_whitespace()),
        known::<pool::str::Matches<'_, char>>("hay".par_matches('a')),
        known::<pool::str::MatchIndices<'_, char>>("hay".par_match_indices('a')),
        known::<pool::iter::Empty<i32>>(pool::iter::empty()),
        known::<pool::iter::Once<i32>>(pool::iter::once(1)),
        known::<pool::iter::RepeatN<i32>>(pool::iter::repeat_n(1, 2)),
        known::<pool::iter::MultiZip<_>>((i(), i()).into_par_iter()),
        known::<pool::iter::Zip<_, pool::range::Iter<i32>>>(i().zip(0..3)),
        known::<pool::iter::ZipEq<_, pool::range::Iter<i32>>>(i().zip_eq(0..3)),
        known::<pool::iter::Zip<pool::iter::RepeatN<_>, _>>(pool::iter::repeat(1).zip(i())),
        known::<pool::iter::Chain<_, _>>(i().chain(i())),
        known::<pool::iter::Chunks<_>>(i().chunks(2)),
        known::<pool::iter::FoldChunks<_, fn() -> i32, fn(i32, &i32) -> i32>>(i().fold_chunks(
            2,
            || 0,
            |a, b| a + b
        )),
        known::<pool::iter::FoldChunksWith<_, i32, fn(i32, &i32) -> i32>>(i().fold_chunks_with(
            2,
            0,
            |a, b| a + b
        )),
        known::<pool::iter::Cloned<_>>(i().cloned()),
        known::<pool::iter::Copied<_>>(i().copied()),
        known::<pool::iter::Enumerate<_>>(i().enumerate()),
        known::<pool::iter::ExponentialBlocks<_>>(i().by_exponential_blocks()),
        known::<pool::iter::UniformBlocks<_>>(i().by_uniform_blocks(2)),
        known::<pool::iter::Filter<_, fn(&&i32) -> bool>>(i().filter(|_| true)),
        known::<pool::iter::FilterMap<_, fn(&i32) -> Option<i32>>>(i().filter_map(|x| Some(*x))),
        known::<pool::iter::FlatMap<_, fn(&Vec<i32>) -> &Vec<i32>>>(
            nested.par_iter().flat_map(|v| v)
        ),
        known::<pool::iter::FlatMapIter<_, fn(&Vec<i32>) -> &Vec<i32>>>(
            nested.par_iter().flat_map_iter(|v| v)
        ),
        known::<pool::iter::Flatten<_>>(nested.par_iter().flatten()),
        known::<pool::iter::FlattenIter<_>>(nested.par_iter().flatten_iter()),
        known::<pool::iter::Fold<_, fn() -> i32, fn(i32, &i32) -> i32>>(
            i().fold(|| 0, |a, b| a + b)
        ) > 0,
        known::<pool::iter::FoldWith<_, i32, fn(i32, &i32) -> i32>>(i().fold_with(0, |a, b| a + b))
            > 0,
        known::<pool::iter::TryFold<_, Option<i32>, fn() -> i32, fn(i32, &i32) -> Option<i32>>>(
            i().try_fold(|| 0, |a, b| Some(a + b))
        ) > 0,
        known::<pool::iter::TryFoldWith<_, Option<i32>, fn(i32, &i32) -> Option<i32>>>(
            i().try_fold_with(0, |a, b| Some(a + b))
        ) > 0,
        known::<pool::iter::Inspect<_, fn(&&i32)>>(i().inspect(|_| ())),
        known::<pool::iter::Interleave<_, _>>(i().interleave(i())),
        known::<pool::iter::InterleaveShortest<_, _>>(i().interleave_shortest(i())),
        known::<pool::iter::Intersperse<_>>(i().intersperse(&0)),
        known::<pool::iter::Map<_, fn(&i32) -> i32>>(i().map(|x| x + 1)),
        known::<pool::iter::MapInit<_, fn() -> i32, fn(&mut i32, &i32) -> i32>>(
            i().map_init(|| 0, |_, x| x + 1)
        ),
        known::<pool::iter::MapWith<_, i32, fn(&mut i32, &i32) -> i32>>(
            i().map_with(0, |_, x| x + 1)
        ),
        known::<pool::iter::MaxLen<_>>(i().with_max_len(1)),
        known::<pool::iter::MinLen<_>>(i().with_min_len(1)),
        known::<pool::iter::PanicFuse<_>>(i().panic_fuse()),
        known::<pool::iter::Positions<_, fn(&i32) -> bool>>(i().positions(|_| true)),
        known::<pool::iter::Rev<_>>(i().rev()),
        known::<pool::iter::Skip<_>>(i().skip(1)),
        known::<pool::iter::SkipAny<_>>(i().skip_any(1)),
        known::<pool::iter::SkipAnyWhile<_, fn(&&i32) -> bool>>(i().skip_any_while(|_| true)),
        known::<pool::iter::StepBy<_>>(i().step_by(2)),
        known::<pool::iter::Take<_>>(i().take(1)),
        known::<pool::iter::TakeAny<_>>(i().take_any(1)),
        known::<pool::iter::TakeAnyWhile<_, fn(&&i32) -> bool>>(i().take_any_while(|_| true)),
        known::<pool::iter::Update<_, fn(&mut &i32)>>(i().update(|_| ())),
        known::<pool::iter::WhileSome<_>>(i().map(Some as fn(_) -> _).while_some()),
        known::<pool::iter::Split<_, fn(i32) -> (i32, Option<i32>)>>(pool::iter::split(1, |x| (
            x, None
        ))),
        known::<pool::iter::IterBridge<_>>(v.iter().par_bridge()),
        printed::<pool::iter::WalkTree<_, _>>(pool::iter::walk_tree(
            1,
            (|_| None) as fn(&i32) -> Option<i32>
        )),
        printed::<pool::iter::WalkTreePrefix<_, _>>(pool::iter::walk_tree_prefix(
            1,
            (|_| None) as fn(&i32) -> Option<i32>
        )),
        printed::<pool::iter::WalkTreePostfix<_, _>>(pool::iter::walk_tree_postfix(
            1,
            (|_| None) as fn(&i32) -> Option<i32>
        )),
        pool::iter::repeat::<i32>(1).take_any(1).count(),
    ]
}

pub(crate) fn mutable_iterators() -> Results {
    let mut v = vec![1, 2, 3, 4];
    let mut text = String::from("hay");
    results![
        printed::<pool::slice::IterMut<'_, i32>>(v.par_iter_mut()),
        printed::<pool::slice::ChunksMut<'_, i32>>(v.par_chunks_mut(3)),
        printed::<pool::slice::ChunksExactMut<'_, i32>>(v.par_chunks_exact_mut(3)),
        printed::<pool::slice::RChunksMut<'_, i32>>(v.par_rchunks_mut(3)),
        printed::<pool::slice::RChunksExactMut<'_, i32>>(v.par_rchunks_exact_mut(3)),
        printed::<pool::slice::SplitMut<'_, i32, fn(&i32) -> bool>>(v.par_split_mut(|x| *x == 2)),
        printed::<pool::slice::SplitInclusiveMut<'_, i32, fn(&i32) -> bool>>(
            v.par_split_inclusive_mut(|x| *x == 2)
        ),
        printed::<pool::slice::ChunkByMut<'_, i32, fn(&i32, &i32) -> bool>>(
            v.par_chunk_by_mut(|a, b| a < b)
        ),
        printed::<pool::option::IterMut<'_, i32>>(Some(1).par_iter_mut()),
        printed::<pool::result::IterMut<'_, i32>>(Ok::<_, ()>(1).par_iter_mut()),
        printed::<pool::vec::Drain<'_, i32>>(v.par_drain(1..)),
        printed::<pool::string::Drain<'_>>(text.par_drain(1..)),
        (v, text),
    ]
}

pub(crate) fn collections() -> Results {
    use pool::collections::*;
    let mut map = HashMap::from([(1, 2)]);
    let mut tree = BTreeMap::from([(1, 2)]);
    let mut set = HashSet::from([1]);
    let mut heap = BinaryHeap::from([1, 2]);
    let mut deque = VecDeque::from([1, 2, 3]);
    let mut list = LinkedList::from([1, 2, 3]);
    let ordered = BTreeSet::from([1]);
    results![
        known::<hash_map::Iter<'_, i32, i32>>(map.par_iter()),
        printed::<hash_map::IterMut<'_, i32, i32>>(map.par_iter_mut()),
        printed::<hash_map::IntoIter<i32, i32>>(map.clone().into_par_iter()),
        printed::<hash_map::Drain<'_, i32, i32>>(map.par_drain()),
        known::<btree_map::Iter<'_, i32, i32>>(tree.par_iter()),
        printed::<btree_map::IterMut<'_, i32, i32>>(tree.par_iter_mut()),
        printed::<btree_map::IntoIter<i32, i32>>(tree.into_par_iter()),
        known::<hash_set::Iter<'_, i32>>(set.par_iter()),
        printed::<hash_set::IntoIter<i32>>(set.clone().into_par_iter()),
        printed::<hash_set::Drain<'_, i32>>(set.par_drain()),
        known::<btree_set::Iter<'_, i32>>(ordered.par_iter()),
        printed::<btree_set::IntoIter<i32>>(ordered.into_par_iter()),
        known::<binary_heap::Iter<'_, i32>>(heap.par_iter()),
        printed::<binary_heap::IntoIter<i32>>(heap.clone().into_par_iter()),
        printed::<binary_heap::Drain<'_, i32>>(heap.par_drain()),
        known::<vec_deque::Iter<'_, i32>>(deque.par_iter()),
        printed::<vec_deque::IterMut<'_, i32>>(deque.par_iter_mut()),
        printed::<vec_deque::IntoIter<i32>>(deque.clone().into_par_iter()),
        printed::<vec_deque::Drain<'_, i32>>(deque.par_drain(1..2)),
        known::<linked_list::Iter<'_, i32>>(list.par_iter()),
        printed::<linked_list::IterMut<'_, i32>>(list.par_iter_mut()),
        printed::<linked_list::IntoIter<i32>>(list.into_par_iter()),
        deque.par_iter().rev().collect::<Vec<_>>(),
    ]
}
