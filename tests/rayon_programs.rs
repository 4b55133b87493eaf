//! Programs in rayon's idiom, compiled twice: with rayon, and with windrow in its place. Nothing else differs, not a
//! character, and what they compute has to be the same, and what a sequential program computes.
//!
//! The modules `every_*` are no programs: they call each method and name each type once.

/// Expressions as texts, and their values.
type Results = Vec<(&'static str, String)>;

macro_rules! results {
    ($($value:expr),* $(,)?) => {
        vec![$((stringify!($value), format!("{:?}", $value))),*]
    };
}

#[path = "rayon_programs"]
mod with_rayon {
    use rayon as pool;

    pub(crate) mod every_indexed;
    pub(crate) mod every_iterator;
    pub(crate) mod every_sort;
    pub(crate) mod every_type;
    pub(crate) mod numbers;
    pub(crate) mod pictures;
    pub(crate) mod pools;
    pub(crate) mod sorting_by_join;
    pub(crate) mod words;
}

#[path = "rayon_programs"]
#[allow(clippy::duplicate_mod, reason = "that is what it is about")]
mod with_windrow {
    use windrow as pool;

    pub(crate) mod every_indexed;
    pub(crate) mod every_iterator;
    pub(crate) mod every_sort;
    pub(crate) mod every_type;
    pub(crate) mod numbers;
    pub(crate) mod pictures;
    pub(crate) mod pools;
    pub(crate) mod sorting_by_join;
    pub(crate) mod words;
}

#[path = "it/random.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod random;
#[path = "rayon_programs/tsp.rs"]
mod tsp;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use with_rayon as rayons;
use with_windrow as ours;

/// Runs windrow's program outside of any pool, and in pools of several sizes.
fn everywhere<T: PartialEq + Debug + Send>(expected: &T, windrow: impl Fn() -> T + Sync) {
    assert_eq!(windrow(), *expected, "in the global pool");
    for threads in [1, 2, 8] {
        let pool = windrow::ThreadPool::new(threads).unwrap();
        assert_eq!(pool.install(&windrow), *expected, "{threads} threads");
    }
}

/// The three programs agree.
fn agree<T: PartialEq + Debug + Send>(
    alone: T,
    rayon: impl FnOnce() -> T,
    windrow: impl Fn() -> T + Sync,
) {
    assert_eq!(rayon(), alone, "rayon");
    everywhere(&alone, windrow);
}

/// Value by value, so that a failure names the expression.
fn same(rayon: fn() -> Results, windrow: fn() -> Results) {
    let expected = rayon();
    let check = || {
        let found = windrow();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected);
        }
    };
    everywhere(&(), check);
}

#[test]
fn every_method_and_function_does_the_same() {
    same(
        rayons::every_iterator::adaptors,
        ours::every_iterator::adaptors,
    );
    same(
        rayons::every_iterator::consumers,
        ours::every_iterator::consumers,
    );
    same(
        rayons::every_iterator::into_collections,
        ours::every_iterator::into_collections,
    );
    same(
        rayons::every_iterator::sources,
        ours::every_iterator::sources,
    );
    same(rayons::every_indexed::indexed, ours::every_indexed::indexed);
    same(rayons::every_indexed::slices, ours::every_indexed::slices);
    same(rayons::every_indexed::strings, ours::every_indexed::strings);
}

#[test]
fn every_sort_does_the_same() {
    same(rayons::every_sort::sorts, ours::every_sort::sorts);
}

#[test]
fn every_type_has_its_name() {
    same(rayons::every_type::own_types, ours::every_type::own_types);
    same(rayons::every_type::iterators, ours::every_type::iterators);
    same(
        rayons::every_type::mutable_iterators,
        ours::every_type::mutable_iterators,
    );
    same(
        rayons::every_type::collections,
        ours::every_type::collections,
    );
}

fn random_numbers(n: usize) -> Vec<u64> {
    let mut random = random::Random::new(7);
    (0..n).map(|_| random.below(1000)).collect()
}

#[test]
fn divide_and_conquer() {
    let numbers = random_numbers(5000);
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    let quick = |sort: fn(&mut [u64])| {
        let mut numbers = numbers.clone();
        sort(&mut numbers);
        numbers
    };
    agree(
        sorted.clone(),
        || quick(rayons::sorting_by_join::quick_sort),
        || quick(ours::sorting_by_join::quick_sort),
    );
    let merge = |sort: fn(&mut [u64], &mut [u64])| {
        let mut numbers = numbers.clone();
        sort(&mut numbers, &mut vec![0; 5000]);
        numbers
    };
    agree(
        sorted,
        || merge(rayons::sorting_by_join::merge_sort),
        || merge(ours::sorting_by_join::merge_sort),
    );
}

#[test]
fn products_of_matrices() {
    const SIDE: usize = 32;
    let at = |row: usize, column: usize| (row * 7 + column * 3) as i64 % 11 - 5;
    let all: Vec<(usize, usize)> = (0..SIDE)
        .flat_map(|r| (0..SIDE).map(move |c| (r, c)))
        .collect();
    let entry = |&(row, column): &(usize, usize)| {
        (0..SIDE).map(|i| at(row, i) * at(i, column)).sum::<i64>()
    };
    let product: Vec<f64> = all.iter().map(|place| entry(place) as f64).collect();
    let matrix: Vec<f64> = all
        .iter()
        .map(|&(row, column)| at(row, column) as f64)
        .collect();
    let rows = |multiply: fn(&[f64], &[f64], &mut [f64], usize)| {
        let mut product = vec![0.0; SIDE * SIDE];
        multiply(&matrix, &matrix, &mut product, SIDE);
        product
    };
    agree(
        product,
        || rows(rayons::sorting_by_join::multiply),
        || rows(ours::sorting_by_join::multiply),
    );
    let trace = (0..SIDE).map(|i| entry(&(i, i))).sum();
    agree(
        trace,
        || {
            let matrix = rayons::sorting_by_join::Quarters::new(SIDE, &at);
            matrix.times(&matrix).trace()
        },
        || {
            let matrix = ours::sorting_by_join::Quarters::new(SIDE, &at);
            matrix.times(&matrix).trace()
        },
    );
}

#[test]
fn numbers() {
    let is_prime = |n: &usize| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0);
    let primes: Vec<usize> = (2..20_000).filter(is_prime).collect();
    agree(
        primes.len(),
        || rayons::numbers::count_primes(20_000),
        || ours::numbers::count_primes(20_000),
    );
    agree(
        primes,
        || rayons::numbers::primes(20_000),
        || ours::numbers::primes(20_000),
    );
    agree(
        Some((2919, 216)),
        || rayons::numbers::longest_collatz(3000),
        || ours::numbers::longest_collatz(3000),
    );
    agree(
        92,
        || rayons::numbers::queens(8, 0, 0, 0, 0),
        || ours::numbers::queens(8, 0, 0, 0, 0),
    );
    let samples: Vec<i64> = random_numbers(3000).iter().map(|&x| x as i64).collect();
    let mean = samples.iter().sum::<i64>() as f64 / 3000.0;
    let variance = samples.iter().map(|x| x * x).sum::<i64>() as f64 / 3000.0 - mean * mean;
    agree(
        (mean, variance),
        || rayons::numbers::moments(&samples),
        || ours::numbers::moments(&samples),
    );
    let lines: String = (0..500).map(|i| format!("{i}\n")).collect();
    agree(
        Ok(124_750),
        || rayons::numbers::parse(&lines),
        || ours::numbers::parse(&lines),
    );
    let lines = lines.replace("\n77\n", "\nhay\n");
    let error = Err("hay: invalid digit found in string".to_owned());
    agree(
        error,
        || rayons::numbers::parse(&lines),
        || ours::numbers::parse(&lines),
    );
}

#[test]
fn pictures() {
    let escape = |i: usize| {
        rayons::pictures::escape(
            (i % 60) as f64 / 60.0 * 3.0 - 2.0,
            (i / 60) as f64 / 40.0 * 2.0 - 1.0,
        )
    };
    agree(
        (0..60 * 40).map(escape).collect(),
        || rayons::pictures::mandelbrot(60, 40),
        || ours::pictures::mandelbrot(60, 40),
    );
}

#[test]
fn lives() {
    let cells: Vec<bool> = random_numbers(30 * 30).iter().map(|x| x % 3 == 0).collect();
    macro_rules! live {
        ($pictures:path, $step:ident) => {{
            use $pictures as pictures;
            let mut world = pictures::World {
                side: 30,
                cells: cells.clone(),
            };
            for _ in 0..20 {
                world = world.$step();
            }
            (world.alive(), world.cells)
        }};
    }
    let alone = || live!(ours::pictures, step_alone);
    agree(
        alone(),
        || live!(rayons::pictures, step),
        || live!(ours::pictures, step),
    );
    agree(
        alone(),
        || live!(rayons::pictures, step_by_bridge),
        || live!(ours::pictures, step_by_bridge),
    );
    agree(
        alone(),
        || live!(rayons::pictures, step_alone),
        || live!(ours::pictures, step),
    );
}

#[test]
fn stars() {
    let numbers = random_numbers(7 * 60);
    macro_rules! ticks {
        ($pictures:path, $tick:expr) => {{
            use $pictures as pictures;
            let star = |x: &[u64]| pictures::Star {
                place: [x[0], x[1], x[2]].map(|x| x as f64),
                speed: [x[3], x[4], x[5]].map(|x| x as f64 - 500.0),
                mass: x[6] as f64,
            };
            let mut stars: Vec<pictures::Star> = numbers.chunks(7).map(star).collect();
            for _ in 0..5 {
                $tick(&mut stars);
            }
            stars
                .iter()
                .map(|star| (star.place, star.speed))
                .collect::<Vec<_>>()
        }};
    }
    let alone = |stars: &mut Vec<rayons::pictures::Star>| {
        let pulls: Vec<_> = stars.iter().map(|star| star.pull(stars)).collect();
        stars
            .iter_mut()
            .zip(&pulls)
            .for_each(|(star, pull)| star.go(pull));
    };
    agree(
        ticks!(rayons::pictures, alone),
        || ticks!(rayons::pictures, pictures::tick),
        || ticks!(ours::pictures, pictures::tick),
    );
}

#[test]
fn words() {
    let text = include_str!("../README.md");
    let mut counts = BTreeMap::new();
    let mut index = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        for word in line.split_whitespace() {
            *counts.entry(word).or_insert(0) += 1;
            index
                .entry(word)
                .or_insert_with(BTreeSet::new)
                .insert(number);
        }
    }
    let mut histogram = vec![0; 256];
    text.bytes()
        .for_each(|byte| histogram[usize::from(byte)] += 1);
    let longest = text
        .split(|c: char| !c.is_alphanumeric())
        .max_by_key(|word| (word.len(), *word));
    let capital = |line: &str| match line.chars().next() {
        Some(c) => c.to_uppercase().to_string() + &line[c.len_utf8()..],
        None => String::new(),
    };
    let capitals = text.lines().map(capital).collect::<Vec<_>>().join("\n");
    agree(
        counts,
        || rayons::words::count(text),
        || ours::words::count(text),
    );
    agree(
        index,
        || rayons::words::index(text),
        || ours::words::index(text),
    );
    agree(
        histogram,
        || rayons::words::histogram(text),
        || ours::words::histogram(text),
    );
    agree(
        longest,
        || rayons::words::longest(text),
        || ours::words::longest(text),
    );
    agree(
        capitals,
        || rayons::words::capitalized(text),
        || ours::words::capitalized(text),
    );
}

#[test]
fn pools() {
    for threads in [1, 2, 8] {
        assert_eq!(rayons::pools::facts(threads), ours::pools::facts(threads));
        let panicked = ("item 100".to_owned(), 300);
        assert_eq!(rayons::pools::panics(threads), panicked);
        assert_eq!(ours::pools::panics(threads), panicked);
    }
    everywhere(&rayons::pools::nested(), ours::pools::nested);
}

#[test]
fn a_salesman() {
    let numbers = random_numbers(64);
    let ways = numbers
        .chunks(8)
        .map(|row| row.iter().map(|&x| x as u32 + 1).collect());
    let map = tsp::Map {
        ways: ways.collect(),
    };
    agree(map.alone(), || map.with_rayon(), || map.with_windrow());
}
