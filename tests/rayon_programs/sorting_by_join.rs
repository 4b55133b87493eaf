//! Divide and conquer: quicksort, merge sort, and the product of matrices, by `join`.

use super::pool;
use super::pool::prelude::*;

pub(crate) fn quick_sort<T: PartialOrd + Send>(v: &mut [T]) {
    if v.len() > 1 {
        let mid = partition(v);
        let (low, high) = v.split_at_mut(mid);
        pool::join(|| quick_sort(low), || quick_sort(&mut high[1..]));
    }
}

fn partition<T: PartialOrd>(v: &mut [T]) -> usize {
    let pivot = v.len() - 1;
    v.swap(pivot / 2, pivot);
    let mut i = 0;
    for j in 0..pivot {
        if v[j] <= v[pivot] {
            v.swap(i, j);
            i += 1;
        }
    }
    v.swap(i, pivot);
    i
}

pub(crate) fn merge_sort<T: Ord + Copy + Send>(v: &mut [T], buffer: &mut [T]) {
    if v.len() < 2 {
        return;
    }
    let mid = v.len() / 2;
    let (left, right) = v.split_at_mut(mid);
    let (left_buffer, right_buffer) = buffer.split_at_mut(mid);
    pool::join(
        || merge_sort(left, left_buffer),
        || merge_sort(right, right_buffer),
    );
    buffer.copy_from_slice(v);
    let (mut left, mut right) = (
        buffer[..mid].iter().peekable(),
        buffer[mid..].iter().peekable(),
    );
    for x in v {
        let first = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if a <= b => left.next(),
            (_, Some(_)) => right.next(),
            _ => left.next(),
        };
        *x = *first.expect("as many as before");
    }
}

/// `c += a * b`, for square matrices whose side is a power of two, row by row.
pub(crate) fn multiply(a: &[f64], b: &[f64], c: &mut [f64], side: usize) {
    c.par_chunks_mut(side)
        .zip(a.par_chunks(side))
        .for_each(|(c_row, a_row)| {
            for (x, b_row) in a_row.iter().zip(b.chunks(side)) {
                for (sum, y) in c_row.iter_mut().zip(b_row) {
                    *sum += x * y;
                }
            }
        });
}

/// A matrix as a tree of quarters.
pub(crate) enum Quarters {
    One(i64),
    Four(Box<[Quarters; 4]>),
}

impl Quarters {
    pub(crate) fn new(side: usize, at: &(impl Fn(usize, usize) -> i64 + Sync)) -> Self {
        Self::part(side, (0, 0), at)
    }

    fn part(
        side: usize,
        (row, column): (usize, usize),
        at: &(impl Fn(usize, usize) -> i64 + Sync),
    ) -> Self {
        if side == 1 {
            return Self::One(at(row, column));
        }
        let half = side / 2;
        let quarter =
            |down, right| Self::part(half, (row + down * half, column + right * half), at);
        let ((a, b), (c, d)) = pool::join(
            || pool::join(|| quarter(0, 0), || quarter(0, 1)),
            || pool::join(|| quarter(1, 0), || quarter(1, 1)),
        );
        Self::Four(Box::new([a, b, c, d]))
    }

    pub(crate) fn times(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::One(a), Self::One(b)) => Self::One(a * b),
            (Self::Four(a), Self::Four(b)) => {
                let entry = |row: usize, column: usize| {
                    let (x, y) = pool::join(
                        || a[2 * row].times(&b[column]),
                        || a[2 * row + 1].times(&b[2 + column]),
                    );
                    x.plus(y)
                };
                let ((a, b), (c, d)) = pool::join(
                    || pool::join(|| entry(0, 0), || entry(0, 1)),
                    || pool::join(|| entry(1, 0), || entry(1, 1)),
                );
                Self::Four(Box::new([a, b, c, d]))
            }
            _ => panic!("matrices of different sizes"),
        }
    }

    fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::One(a), Self::One(b)) => Self::One(a + b),
            (Self::Four(a), Self::Four(b)) => {
                let sums: Vec<_> = a.into_par_iter().zip(*b).map(|(a, b)| a.plus(b)).collect();
                Self::Four(Box::new(sums.try_into().ok().expect("four")))
            }
            _ => panic!("matrices of different sizes"),
        }
    }

    pub(crate) fn trace(&self) -> i64 {
        match self {
            Self::One(x) => *x,
            Self::Four(parts) => {
                let (a, b) = pool::join(|| parts[0].trace(), || parts[3].trace());
                a + b
            }
        }
    }
}
