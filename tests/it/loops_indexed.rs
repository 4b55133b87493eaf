//! Indexed adaptors give what their sequential counterparts give.

use std::cmp::Ordering;
use std::hint::black_box;

use windrow::ThreadPool;
use windrow::prelude::*;

use crate::random::Random;
use crate::support::{SIZES, on_every_pool, panic_of, pool, text};

/// Long enough to be cut, in a debug build.
const LENGTHS: [usize; 12] = [0, 1, 2, 3, 7, 8, 9, 64, 65, 511, 513, 6000];

fn numbers(len: usize) -> Vec<u64> {
    let mut random = Random::new(7).part();
    (0..len).map(|_| random.below(1000)).collect()
}

/// Takes some time, so that others come and take a part.
fn slow<T>(item: T) -> T {
    for i in 0..40 {
        black_box(i);
    }
    item
}

fn on_all(test: impl Fn(&[u64]) + Sync) {
    for size in SIZES {
        let pool = pool(size);
        for len in LENGTHS {
            pool.install(|| test(&numbers(len)));
        }
    }
}

/// The same expression over a sequential and a parallel iterator of owned, borrowed, and borrowed mutable
/// items.
macro_rules! agree {
    ($($name:ident: |$all:ident, $data:ident, $n:ident| $shape:expr;)*) => {$(
        #[test]
        #[allow(unused_variables, reason = "not all look at the length")]
        fn $name() {
            on_all(|numbers| {
                let ($data, $n) = (numbers, numbers.len());
                let $all = numbers.to_vec().into_iter();
                let expected: Vec<_> = $shape.collect();
                let $all = numbers.to_vec().into_par_iter();
                let found: Vec<_> = $shape.map(slow).collect();
                assert_eq!(found, expected, "owned");
                let $all = numbers.to_vec().into_par_iter();
                assert_eq!($shape.len(), expected.len());

                let $all = numbers.iter();
                let expected: Vec<_> = $shape.collect();
                let $all = numbers.par_iter();
                let found: Vec<_> = $shape.map(slow).collect();
                assert_eq!(found, expected, "borrowed");

                let mut own = numbers.to_vec();
                let $all = own.iter_mut();
                let expected: Vec<_> = $shape.map(change!()).collect();
                let mut other = numbers.to_vec();
                let $all = other.par_iter_mut();
                let found: Vec<_> = $shape.map(change!()).collect();
                assert_eq!(found, expected, "mutable");
                assert_eq!(other, own, "changed");
            });
        }
    )*};
}

/// Changes an item, or a pair's, and says what it is.
trait Change {
    fn change(self) -> String;
}

impl Change for &mut u64 {
    fn change(self) -> String {
        *self = *self * 3 + 1;
        self.to_string()
    }
}

impl Change for usize {
    fn change(self) -> String {
        self.to_string()
    }
}

impl Change for &u64 {
    fn change(self) -> String {
        self.to_string()
    }
}

impl<A: Change, B: Change> Change for (A, B) {
    fn change(self) -> String {
        self.0.change() + " " + &self.1.change()
    }
}

macro_rules! change {
    () => {
        |item| Change::change(slow(item))
    };
}

agree! {
    zip_agrees: |all, data, n| all.zip(data);
    zip_with_a_shorter_one_agrees: |all, data, n| all.zip(&data[n / 3..]);
    enumerate_agrees: |all, data, n| all.enumerate();
    rev_agrees: |all, data, n| all.rev();
    rev_of_enumerate_agrees: |all, data, n| all.enumerate().rev();
    skip_agrees: |all, data, n| all.skip(n / 3);
    skip_of_all_agrees: |all, data, n| all.skip(n + 1);
    skip_of_nothing_agrees: |all, data, n| all.skip(usize::from(n == 3) - usize::from(n == 3));
    take_agrees: |all, data, n| all.take(n / 3);
    take_of_more_than_there_is_agrees: |all, data, n| all.take(n + 1);
    step_by_one_agrees: |all, data, n| all.step_by(1);
    step_by_three_agrees: |all, data, n| all.step_by(3);
    step_by_far_agrees: |all, data, n| all.step_by(n + 1);
    step_by_max_agrees: |all, data, n| all.step_by(usize::MAX);
    a_nest_of_cuts_agrees: |all, data, n| all.skip(2).take(n / 2).rev().skip(1).take(n / 3).rev();
    a_nest_of_strides_agrees: |all, data, n| all.rev().step_by(3).rev().step_by(2);
    a_nest_of_all_agrees: |all, data, n| {
        all.skip(1).step_by(2).zip(&data[n / 7..]).rev().enumerate().skip(1).take(n / 2 + 1).rev()
    };
}

#[test]
fn chunks_agree() {
    on_all(|data| {
        for size in [1, 2, 3, 64, data.len() + 1, usize::MAX] {
            let expected: Vec<Vec<u64>> = data.chunks(size).map(<[u64]>::to_vec).collect();
            let owned: Vec<_> = data.to_vec().into_par_iter().chunks(size).collect();
            assert_eq!(owned, expected);
            let mapped: Vec<_> = data
                .par_iter()
                .map(|x| *x)
                .rev()
                .rev()
                .chunks(size)
                .collect();
            assert_eq!(mapped, expected);
            let expected: Vec<Vec<u64>> = expected.into_iter().rev().collect();
            let reversed: Vec<_> = data.par_iter().copied().chunks(size).rev().collect();
            assert_eq!(reversed, expected);
            assert_eq!(data.par_iter().chunks(size).len(), expected.len());
        }
    });
}

#[test]
fn fold_chunks_agrees() {
    on_all(|data| {
        for size in [1, 2, 3, 64, data.len() + 1] {
            let digits = |text: String, x: &u64| text + &x.to_string();
            let expected: Vec<String> = data
                .chunks(size)
                .map(|chunk| chunk.iter().fold("+".to_owned(), digits))
                .collect();
            let found: Vec<_> = data
                .par_iter()
                .fold_chunks(size, || "+".to_owned(), digits)
                .collect();
            assert_eq!(found, expected);
            let found: Vec<_> = data
                .par_iter()
                .fold_chunks_with(size, "+".to_owned(), digits)
                .collect();
            assert_eq!(found, expected);
        }
    });
}

#[test]
fn the_seed_of_chunks_need_not_be_shared_between_threads() {
    let found: Vec<_> = (0..4)
        .into_par_iter()
        .fold_chunks_with(2, std::cell::Cell::new(1), |sum, x| {
            sum.set(sum.get() + x);
            sum
        })
        .map(|sum| sum.get())
        .collect();
    assert_eq!(found, [2, 6]);
}

/// `shortest`: until the one whose turn it is has no more.
fn in_turn(a: &[u64], b: &[u64], shortest: bool) -> Vec<u64> {
    let (mut a, mut b) = (a.iter(), b.iter());
    let mut all = Vec::new();
    loop {
        match a.next() {
            Some(x) => all.push(*x),
            None if shortest => return all,
            None => break all.extend(b),
        }
        match b.next() {
            Some(x) => all.push(*x),
            None if shortest => return all,
            None => break all.extend(a),
        }
    }
    all
}

#[test]
fn interleaving_agrees() {
    on_all(|data| {
        let n = data.len();
        for other in [0, 1, n / 2, n.saturating_sub(1), n, n + 1, n + 2, 2 * n] {
            let other = numbers(other);
            for (a, b) in [(data, &other[..]), (&other[..], data)] {
                let expected = in_turn(a, b, false);
                let all = a.par_iter().interleave(b);
                assert_eq!(all.len(), expected.len());
                assert_eq!(all.map(slow).copied().collect::<Vec<_>>(), expected);
                let all = a
                    .to_vec()
                    .into_par_iter()
                    .interleave(b.to_vec())
                    .skip(2)
                    .rev();
                let backwards: Vec<u64> = expected.into_iter().skip(2).rev().collect();
                assert_eq!(all.map(slow).collect::<Vec<_>>(), backwards);

                let expected = in_turn(a, b, true);
                let all = a.to_vec().into_par_iter().interleave_shortest(b.to_vec());
                assert_eq!(all.len(), expected.len());
                assert_eq!(all.map(slow).collect::<Vec<_>>(), expected);
            }
        }
    });
}

#[test]
fn zip_eq_gives_pairs_of_equal_lengths() {
    on_all(|data| {
        let expected: Vec<_> = data.iter().zip(data).collect();
        assert_eq!(data.par_iter().zip_eq(data).collect::<Vec<_>>(), expected);
    });
}

#[test]
fn zip_eq_of_unequal_lengths_panics_before_anything_runs() {
    let panic = panic_of(|| {
        let watched = (0..3)
            .into_par_iter()
            .map(|_| unreachable!("it does not run"));
        let _: Vec<((), i32)> = watched.zip_eq(0..4).collect();
    });
    assert!(text(&*panic).contains("the same length"));
}

#[test]
fn nothing_of_length_zero_is_allowed() {
    for (what, panic) in [
        ("chunk_size", panic_of(|| (0..3).into_par_iter().chunks(0))),
        (
            "chunk_size",
            panic_of(|| (0..3).into_par_iter().fold_chunks(0, || 0, |a, b| a + b)),
        ),
        (
            "chunk_size",
            panic_of(|| (0..3).into_par_iter().fold_chunks_with(0, 0, |a, b| a + b)),
        ),
        ("step", panic_of(|| (0..3).into_par_iter().step_by(0))),
        (
            "block_size",
            panic_of(|| (0..3).into_par_iter().by_uniform_blocks(0)),
        ),
    ] {
        assert_eq!(text(&*panic), format!("{what} must not be zero"));
    }
}

#[test]
fn comparisons_agree() {
    on_all(|data| {
        let mut random = Random::new(7);
        let n = data.len();
        let mut others = vec![data.to_vec(), data[..n / 2].to_vec(), [data, &[5]].concat()];
        for _ in 0..4 {
            if n > 0 {
                let mut other = data.to_vec();
                let at = usize::try_from(random.below(n as u64)).unwrap();
                other[at] = if random.one_in(2) { 0 } else { 1000 };
                others.push(other);
            }
        }
        for other in &others {
            compare(data, other);
            compare(other, data);
        }
    });
}

fn compare(a: &[u64], b: &[u64]) {
    assert_eq!(a.par_iter().map(slow).cmp(b), a.iter().cmp(b));
    assert_eq!(a.par_iter().partial_cmp(b), a.iter().partial_cmp(b));
    assert_eq!(a.par_iter().eq(b), a.iter().eq(b));
    assert_eq!(a.par_iter().ne(b), a.iter().ne(b));
    assert_eq!(a.par_iter().lt(b), a.iter().lt(b));
    assert_eq!(a.par_iter().le(b), a.iter().le(b));
    assert_eq!(a.par_iter().gt(b), a.iter().gt(b));
    assert_eq!(a.par_iter().ge(b), a.iter().ge(b));
}

#[test]
fn the_first_incomparable_pair_decides() {
    let nan = f64::NAN;
    for (a, b) in [
        (vec![1.0, nan], vec![1.0, 2.0]),
        (vec![0.0, nan], vec![1.0, 2.0]),
        (vec![nan], vec![]),
        (vec![2.0, nan], vec![1.0, nan]),
    ] {
        let expected = a.iter().partial_cmp(&b);
        assert_eq!(a.par_iter().partial_cmp(&b), expected);
        assert_eq!(
            a.par_iter().le(&b),
            matches!(expected, Some(Ordering::Less | Ordering::Equal))
        );
        assert_eq!(a.par_iter().ge(&b), a.iter().ge(&b));
        assert_eq!(a.par_iter().ne(&b), a.iter().ne(&b));
    }
}

#[test]
fn positions_agree() {
    on_all(|data| {
        let wanted = |x: &u64| x % 97 == 3;
        let all: Vec<usize> = (0..data.len()).filter(|&i| wanted(&data[i])).collect();
        let slowly = || data.par_iter().map(slow);
        assert_eq!(slowly().positions(wanted).collect::<Vec<_>>(), all);
        assert_eq!(slowly().position_first(wanted), all.first().copied());
        assert_eq!(slowly().position_last(wanted), all.last().copied());
        match slowly().position_any(wanted) {
            Some(index) => assert!(all.contains(&index)),
            None => assert!(all.is_empty()),
        }
        #[expect(deprecated, reason = "rayon has it too")]
        let any = slowly().position(wanted);
        assert_eq!(any.is_some(), !all.is_empty());
    });
}

#[test]
fn unzipping_into_vectors_agrees_and_uses_their_memory_again() {
    on_all(|data| {
        let (mut squares, mut texts) = (vec![1; 6001], vec!["old".to_owned()]);
        let memory = squares.as_ptr();
        let pairs = data.par_iter().map(|x| slow((x * x, x.to_string())));
        pairs.unzip_into_vecs(&mut squares, &mut texts);
        assert_eq!(squares, data.iter().map(|x| x * x).collect::<Vec<_>>());
        assert_eq!(texts, data.iter().map(u64::to_string).collect::<Vec<_>>());
        assert_eq!(squares.as_ptr(), memory);
    });
}

#[test]
fn lengths_change_nothing() {
    on_all(|data| {
        let expected: Vec<_> = data.iter().enumerate().collect();
        for len in [0, 1, 3, 100, usize::MAX] {
            let found: Vec<_> = data
                .par_iter()
                .with_min_len(len)
                .map(slow)
                .enumerate()
                .collect();
            assert_eq!(found, expected);
            let found: Vec<_> = data
                .par_iter()
                .enumerate()
                .with_max_len(len)
                .map(slow)
                .collect();
            assert_eq!(found, expected);
            let both = data.par_iter().with_min_len(len).with_max_len(2).chunks(3);
            assert_eq!(
                both.flatten().collect::<Vec<_>>(),
                data.iter().collect::<Vec<_>>()
            );
        }
    });
}

#[test]
fn blocks_agree() {
    on_all(|data| {
        for size in [1, 3, 100, usize::MAX] {
            let all: Vec<_> = data.par_iter().map(slow).by_uniform_blocks(size).collect();
            assert_eq!(all, data.iter().collect::<Vec<_>>());
            let found = data
                .par_iter()
                .by_uniform_blocks(size)
                .find_last(|x| *x % 97 == 3);
            assert_eq!(found, data.iter().rfind(|x| *x % 97 == 3));
        }
        let all: Vec<_> = data.par_iter().map(slow).by_exponential_blocks().collect();
        assert_eq!(all, data.iter().collect::<Vec<_>>());
        let found = data
            .par_iter()
            .by_exponential_blocks()
            .find_first(|x| *x % 97 == 3);
        assert_eq!(found, data.iter().find(|x| *x % 97 == 3));
        let nested = (0..2)
            .into_par_iter()
            .flat_map(|_| data.par_iter().by_uniform_blocks(100));
        let twice: Vec<_> = data.iter().chain(data).collect();
        assert_eq!(nested.collect::<Vec<_>>(), twice);
    });
}

#[test]
fn a_block_begins_when_the_one_before_is_over() {
    on_every_pool(|pool: &ThreadPool| {
        use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
        let over = AtomicUsize::new(0);
        pool.install(|| {
            (0..300_usize)
                .into_par_iter()
                .by_uniform_blocks(7)
                .for_each(|i| {
                    assert!(over.load(SeqCst) >= i / 7 * 7);
                    std::thread::yield_now();
                    over.fetch_add(1, SeqCst);
                });
        });
        assert_eq!(over.into_inner(), 300);
    });
}

#[test]
fn a_search_in_blocks_leaves_later_blocks_alone() {
    on_every_pool(|pool| {
        let found = pool.install(|| {
            (0..1_000_usize)
                .into_par_iter()
                .map(|i| {
                    assert!(i < 20, "block of {i}");
                    i
                })
                .by_uniform_blocks(10)
                .find_first(|&i| i == 12)
        });
        assert_eq!(found, Some(12));
    });
}

#[test]
fn chunks_flatten_to_the_whole_from_a_stage_to_the_next() {
    on_all(|data| {
        let again: Vec<u64> = data.to_vec().into_par_iter().chunks(5).flatten().collect();
        assert_eq!(again, data);
    });
}
