//! Numbers: primes, collatz sequences, sums of samples, queens.

use super::pool::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// The primes below `n`: a sieve in chunks, each crossed out by what a small sieve has found.
pub(crate) fn primes(n: usize) -> Vec<usize> {
    const CHUNK: usize = 1000;
    let root = (n as f64).sqrt() as usize + 1;
    let small = small_primes(root);
    let mut is_prime = vec![true; n];
    is_prime
        .par_chunks_mut(CHUNK)
        .enumerate()
        .for_each(|(index, chunk)| {
            let base = index * CHUNK;
            for &p in &small {
                let first = (p * p).max(base.div_ceil(p) * p);
                for multiple in (first..base + chunk.len()).step_by(p) {
                    chunk[multiple - base] = false;
                }
            }
        });
    is_prime
        .par_iter()
        .enumerate()
        .skip(2)
        .filter(|(_, is_prime)| **is_prime)
        .map(|(n, _)| n)
        .collect()
}

fn small_primes(n: usize) -> Vec<usize> {
    (2..=n)
        .into_par_iter()
        .filter(|&p| (2..p).take_while(|d| d * d <= p).all(|d| p % d != 0))
        .collect()
}

/// The same with one sieve that threads share.
pub(crate) fn count_primes(n: usize) -> usize {
    let crossed_out: Vec<AtomicBool> = (0..n)
        .into_par_iter()
        .map(|_| AtomicBool::new(false))
        .collect();
    let root = (n as f64).sqrt() as usize + 1;
    (2..root).into_par_iter().for_each(|p| {
        (p * p..n)
            .into_par_iter()
            .step_by(p)
            .for_each(|multiple| crossed_out[multiple].store(true, Ordering::Relaxed));
    });
    crossed_out
        .into_par_iter()
        .skip(2)
        .filter(|crossed_out| !crossed_out.load(Ordering::Relaxed))
        .count()
}

/// The number below `n` from which it takes longest to come to 1, and how long.
pub(crate) fn longest_collatz(n: u64) -> Option<(u64, u32)> {
    let steps = |mut x: u64| {
        let mut steps = 0_u32;
        while x != 1 {
            x = if x % 2 == 0 { x / 2 } else { 3 * x + 1 };
            steps += 1;
        }
        steps
    };
    (1..n)
        .into_par_iter()
        .map(|x| (x, steps(x)))
        .reduce_with(|a, b| if b.1 > a.1 { b } else { a })
}

/// Mean and variance, in one pass.
pub(crate) fn moments(samples: &[i64]) -> (f64, f64) {
    let (n, sum, squares) = samples
        .par_iter()
        .fold(
            || (0, 0, 0),
            |(n, sum, squares), x| (n + 1, sum + x, squares + x * x),
        )
        .reduce(|| (0, 0, 0), |a, b| (a.0 + b.0, a.1 + b.1, a.2 + b.2));
    let mean = sum as f64 / n as f64;
    (mean, squares as f64 / n as f64 - mean * mean)
}

/// In how many ways queens can stand so that none attacks another.
pub(crate) fn queens(side: u32, row: u32, columns: u32, down: u32, up: u32) -> u32 {
    if row == side {
        return 1;
    }
    (0..side)
        .into_par_iter()
        .map(|column| 1 << column)
        .filter(|bit| (columns | down | up) & bit == 0)
        .map(|bit| {
            queens(
                side,
                row + 1,
                columns | bit,
                (down | bit) << 1,
                (up | bit) >> 1,
            )
        })
        .sum()
}

/// Which of the numbers is no number.
pub(crate) fn parse(lines: &str) -> Result<i64, String> {
    lines
        .par_lines()
        .map(|line| {
            line.trim()
                .parse::<i64>()
                .map_err(|error| format!("{line}: {error}"))
        })
        .try_reduce(
            || 0,
            |a, b| a.checked_add(b).ok_or_else(|| "too much".to_owned()),
        )
}
