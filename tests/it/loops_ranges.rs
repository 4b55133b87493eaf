//! Parallel loops over ranges: of all integers and of characters, with their end and without it, however long.

use std::collections::HashSet;
use std::fmt::Debug;
use std::ops::{Range, RangeInclusive};
use std::sync::Mutex;
use std::thread;

use windrow::CancelToken;
use windrow::prelude::*;

use crate::support::{SIZES, panic_of, pool, text, yield_until};

fn on_pools(test: impl Fn() + Sync) {
    for size in SIZES {
        pool(size).install(&test);
    }
}

/// In place, by pieces, and what adaptors see of the length.
fn same<T, R>(range: R)
where
    T: Ord + Copy + Debug + Send,
    R: IntoParallelIterator<Item = T> + Iterator<Item = T> + Clone,
{
    let range = || range.clone();
    let expected: Vec<T> = range().collect();
    assert_eq!(range().into_par_iter().collect::<Vec<_>>(), expected);
    let pieces: Vec<T> = range().into_par_iter().filter(|_| true).collect();
    assert_eq!(pieces, expected);
    assert_eq!(range().into_par_iter().count(), expected.len());
}

/// The same for ranges that are indexed.
fn same_indexed<T, R>(range: R)
where
    T: Ord + Copy + Debug + Send,
    R: IntoParallelIterator<Item = T, Iter: IndexedParallelIterator> + Iterator<Item = T> + Clone,
{
    same(range.clone());
    let expected: Vec<T> = range.clone().collect();
    let items = || range.clone().into_par_iter();
    assert_eq!(items().len(), expected.len());
    let mut mapped = Vec::new();
    items().map(|x| x).collect_into_vec(&mut mapped);
    assert_eq!(mapped, expected);
}

macro_rules! each {
    ($check:ident: $($range:expr),* $(,)?) => {
        $($check($range);)*
    };
}

macro_rules! edges {
    ($check:ident: $($int:ident)*) => {$(
        each!(
            $check: 0..0 as $int, 5..3 as $int, 0..1 as $int, 3..103 as $int, 0..127 as $int,
            0..=0 as $int, 0..=127 as $int, 7..=8 as $int,
            $int::MIN..$int::MIN, $int::MIN..$int::MIN + 100, $int::MAX - 100..$int::MAX,
            $int::MIN..=$int::MIN, $int::MIN..=$int::MIN + 99,
            $int::MAX - 99..=$int::MAX, $int::MAX..=$int::MAX,
        );
        // Written so that it is not seen to be empty.
        let (three, five): ($int, $int) = (3, 5);
        each!($check: five..=three);
    )*};
}

#[test]
fn ranges_of_all_integers_are_those_of_the_serial_iterators() {
    on_pools(|| {
        edges!(same_indexed: u8 u16 u32 u64 usize i8 i16 i32 i64 isize);
        edges!(same: u128 i128);
    });
}

#[test]
fn a_whole_type_is_a_range() {
    on_pools(|| {
        each!(same_indexed: u8::MIN..=u8::MAX, i8::MIN..=i8::MAX, i8::MIN..i8::MAX);
        each!(same_indexed: u16::MIN..=u16::MAX, i16::MIN..=i16::MAX);
        each!(same_indexed: -30_000..30_000_i16);
        each!(same: u128::MAX - 5_000..=u128::MAX, -5_000..5_000_i128);
    });
}

#[test]
fn ranges_of_characters_have_no_surrogates() {
    on_pools(|| {
        each!(same_indexed:
            'a'..'a',
            'a'..'w',
            'a'..='z',
            '\0'..char::MAX,
            '\0'..=char::MAX,
            '\u{D7FE}'..'\u{E000}',
            '\u{D7FE}'..='\u{E000}',
            '\u{D7FF}'..='\u{D7FF}',
            '\u{D700}'..='\u{E100}',
            '\u{E000}'..='\u{E001}',
            char::MAX..=char::MAX,
        );
    });
}

#[test]
fn an_exhausted_range_is_empty() {
    let mut range = 3..=4;
    assert_eq!((range.next(), range.next()), (Some(3), Some(4)));
    assert_eq!(range.clone().into_par_iter().len(), 0);
    assert_eq!(range.into_par_iter().collect::<Vec<i32>>(), []);
}

#[test]
fn types_of_literals_are_inferred() {
    assert_eq!((1..=9).into_par_iter().sum::<i32>(), 45);
    assert_eq!((0..2).into_par_iter().map(|x| x + 1).max(), Some(2));
    fn is_even(n: i64) -> bool {
        n % 2 == 0
    }
    let even: Vec<_> = (1..=4).into_par_iter().filter(|&x| is_even(x)).collect();
    assert_eq!(even, [2, 4]);
    let bytes: Vec<u8> = (1..3).into_par_iter().collect();
    assert_eq!(bytes, [1, 2]);
    assert_eq!(
        (0..=100).into_par_iter().find_any(|x| *x == 50_i16),
        Some(50)
    );
    fn takes_any<I: IntoParallelIterator<Item = u128>>(items: I) -> usize {
        items.into_par_iter().count()
    }
    assert_eq!(takes_any(0..10) + takes_any(0..=10), 21);
}

#[test]
fn ranges_that_cannot_be_counted_say_so() {
    let lens = [
        panic_of(|| (0..=u64::MAX).into_par_iter().len()),
        panic_of(|| (i64::MIN..=i64::MAX).into_par_iter().len()),
        panic_of(|| (0..=usize::MAX).into_par_iter().map(|x| x).len()),
    ];
    for payload in lens {
        assert!(text(&*payload).contains("longer than a usize can count"));
    }
    assert_eq!((0..u64::MAX).into_par_iter().len() as u64, u64::MAX);
    assert_eq!((i64::MIN..i64::MAX).into_par_iter().len(), usize::MAX);
    assert_eq!((1..=u64::MAX).into_par_iter().len() as u64, u64::MAX);
}

#[test]
fn what_adds_up_to_too_many_items_says_so() {
    let most = || (0..usize::MAX).into_par_iter();
    let all = [
        panic_of(|| most().chain(0..1).len()),
        panic_of(|| most().interleave(0..1).len()),
        panic_of(|| most().interleave_shortest(most()).len()),
        panic_of(|| most().intersperse(7).len()),
    ];
    for payload in all {
        assert!(text(&*payload).contains("a usize can count"));
    }
    // What needs no index does not count them.
    assert_eq!(most().chain(0..1).find_any(|&x| x == 5), Some(5));
    assert_eq!(
        (0..usize::MAX / 2).into_par_iter().intersperse(7).len(),
        usize::MAX - 2
    );
}

/// Nobody gets to the end of these.
fn stops<T, R>(range: R, wanted: T)
where
    T: Copy + PartialOrd + Debug + Send + Sync,
    R: IntoParallelIterator<Item = T> + Clone,
{
    let range = || range.clone().into_par_iter();
    assert_eq!(range().find_any(|x| *x == wanted), Some(wanted));
    assert_eq!(range().find_first(|x| *x >= wanted), Some(wanted));
    assert!(range().any(|x| x == wanted));
    assert!(!range().all(|x| x != wanted));
    let failed = range().try_for_each(|x| if x == wanted { Err(x) } else { Ok(()) });
    assert_eq!(failed, Err(wanted));
    let payload = panic_of(|| range().for_each(|x| assert!(x != wanted, "met it")));
    assert!(text(&*payload).contains("met it"));
}

#[test]
fn endless_ranges_end_when_it_is_found() {
    on_pools(|| {
        stops(0..u128::MAX, 5_000);
        stops(0..=u128::MAX, 5_000);
        stops(i128::MIN..i128::MAX, i128::MIN + 700);
        stops(i128::MIN..=i128::MAX, i128::MIN);
        stops(0..u128::from(u64::MAX) + 5, 5_000);
        stops(0..=u64::MAX, 5_000);
        stops(i64::MIN..=i64::MAX, i64::MIN + 5_000);
        stops(0..u64::MAX, 5_000);
    });
}

#[test]
fn a_cancelled_endless_range_says_so() {
    on_pools(|| {
        let token = CancelToken::new();
        let found = (0..u128::MAX)
            .into_par_iter()
            .inspect(|&x| {
                if x == 5_000 {
                    token.cancel();
                }
            })
            .cancel(&token)
            .find_any(|_| false);
        assert!(found.is_err());
    });
}

/// Waits until a second thread is here.
fn wait_for_company(here: &Mutex<HashSet<thread::ThreadId>>) {
    here.lock().unwrap().insert(thread::current().id());
    yield_until(|| here.lock().unwrap().len() > 1);
}

#[test]
fn several_threads_run_an_endless_range() {
    for size in [2, 8] {
        pool(size).install(|| {
            let here = Mutex::default();
            // The company may come when this one has gone through many items already.
            let found = (0..u128::MAX).into_par_iter().find_any(|&x| {
                if x > 10_000 {
                    wait_for_company(&here);
                }
                x > 10_000
            });
            assert!(found.is_some());
            // Those that join in begin far away.
            let found = (0..=u128::MAX).into_par_iter().find_any(|&x| x > 1 << 100);
            assert!(found.is_some());
        });
    }
}

/// Every item once, and the last one, also if blocks are not all of the same length.
#[test]
fn long_ranges_are_cut_without_gaps() {
    /// Sees only the first and the last items of a range that is too long to be run.
    fn ends(range: RangeInclusive<u128>, seen: usize) -> (Vec<u128>, Vec<u128>) {
        let (first, last) = (*range.start(), *range.end());
        let front = Mutex::new(Vec::new());
        range.into_par_iter().find_any(|&x| {
            let mut front = front.lock().unwrap();
            if x - first < seen as u128 {
                front.push(x);
            }
            front.len() == seen
        });
        let mut front = front.into_inner().unwrap();
        front.sort_unstable();
        let expected = (first..=last).take(seen).collect();
        (front, expected)
    }
    on_pools(|| {
        for over in [0, 1, 2, 3, 1 << 20, 1 << 63, 1 << 64] {
            let (front, expected) = ends(7..=7 + u128::from(u64::MAX) + over, 3_000);
            assert_eq!(front, expected);
        }
    });
}

#[test]
fn ranges_can_be_cloned_and_shown() {
    let range: Range<i32> = 0..3;
    let iter = range.into_par_iter();
    assert_eq!(iter.clone().sum::<i32>(), iter.sum::<i32>());
    assert!(format!("{:?}", (0..=3).into_par_iter()).contains("0..=3"));
}
