//! The loops of rows 15 to 24 in the words of each library. Those of windrow and of rayon are the same text.

use crate::loop_bodies::{Mandelbrot, Mixture, NS_10, cheap, churn};

/// Puts the functions into a module for each of the two, under its traits.
macro_rules! in_words_of_both {
    ($($function:item)*) => {
        pub(crate) mod by_windrow {
            use super::*;
            use windrow::prelude::*;
            $($function)*
        }
        pub(crate) mod by_rayon {
            use super::*;
            use rayon::prelude::*;
            $($function)*
        }
    };
}

in_words_of_both! {
    pub(crate) fn mandelbrot(view: Mandelbrot) -> u64 {
        (0..view.height).into_par_iter().map(|y| view.row(y)).sum()
    }

    pub(crate) fn cheap_sum(numbers: &[u64]) -> u64 {
        numbers.par_iter().map(|&n| cheap(n)).sum()
    }

    pub(crate) fn churned_sum(numbers: &[u64], rounds: u32) -> u64 {
        numbers.par_iter().map(|&n| churn(n, rounds) >> 32).sum()
    }

    pub(crate) fn each(items: usize, work: impl Fn(usize) + Sync + Send) {
        (0..items).into_par_iter().for_each(work);
    }

    pub(crate) fn mixture(all: Mixture) -> u64 {
        (0..all.items).into_par_iter().map(|i| all.item(i) >> 32).sum()
    }

    pub(crate) fn collected(numbers: &[u64]) -> Vec<u64> {
        numbers.par_iter().map(|&n| cheap(n)).collect()
    }

    pub(crate) fn float_sum(numbers: &[f64]) -> f64 {
        numbers.par_iter().map(|&x| x * 0.5 + 1.0).sum()
    }

    pub(crate) fn nested([outer, inner]: [usize; 2]) -> u64 {
        let row = |i: usize| -> u64 {
            let items = (0..inner).into_par_iter();
            items.map(|j| churn((i * inner + j) as u64, NS_10) >> 32).sum()
        };
        (0..outer).into_par_iter().map(row).sum()
    }

    pub(crate) fn flat(items: usize) -> u64 {
        (0..items).into_par_iter().map(|i| churn(i as u64, NS_10) >> 32).sum()
    }

    pub(crate) fn bridged(items: impl Iterator<Item = u64> + Send, rounds: u32) -> u64 {
        items.par_bridge().map(|n| churn(n, rounds) >> 32).sum()
    }

    pub(crate) fn sort(numbers: &mut [u64]) {
        numbers.par_sort();
    }

    pub(crate) fn sort_unstable(numbers: &mut [u64]) {
        numbers.par_sort_unstable();
    }
}

/// orx-parallel lets each loop name its pool.
pub(crate) mod by_orx {
    use super::*;
    use orx_parallel::*;

    pub(crate) fn mandelbrot(pool: &BasicPool, view: Mandelbrot) -> u64 {
        let rows = (0..view.height).par().runner(runner(pool));
        rows.map(move |y| view.row(y)).sum()
    }

    pub(crate) fn cheap_sum(pool: &BasicPool, numbers: &[u64]) -> u64 {
        let numbers = numbers.par().runner(runner(pool));
        numbers.map(|&n| cheap(n)).sum()
    }

    pub(crate) fn churned_sum(pool: &BasicPool, numbers: &[u64], rounds: u32) -> u64 {
        let numbers = numbers.par().runner(runner(pool));
        numbers.map(move |&n| churn(n, rounds) >> 32).sum()
    }

    pub(crate) fn each(pool: &BasicPool, items: usize, work: impl Fn(usize) + Sync + Send + Copy) {
        (0..items).par().runner(runner(pool)).for_each(work);
    }

    pub(crate) fn mixture(pool: &BasicPool, all: Mixture) -> u64 {
        let items = (0..all.items).par().runner(runner(pool));
        items.map(move |i| all.item(i) >> 32).sum()
    }

    pub(crate) fn collected(pool: &BasicPool, numbers: &[u64]) -> Vec<u64> {
        let numbers = numbers.par().runner(runner(pool));
        numbers.map(|&n| cheap(n)).collect()
    }

    pub(crate) fn float_sum(pool: &BasicPool, numbers: &[f64]) -> f64 {
        let numbers = numbers.par().runner(runner(pool));
        numbers.map(|&x| x * 0.5 + 1.0).sum()
    }

    pub(crate) fn flat(pool: &BasicPool, items: usize) -> u64 {
        let items = (0..items).par().runner(runner(pool));
        items.map(|i| churn(i as u64, NS_10) >> 32).sum()
    }

    pub(crate) fn bridged(
        pool: &BasicPool,
        items: impl Iterator<Item = u64> + Send,
        rounds: u32,
    ) -> u64 {
        let items = items.iter_into_par().runner(runner(pool));
        items.map(move |n| churn(n, rounds) >> 32).sum()
    }

    fn runner(pool: &BasicPool) -> impl ParRunner {
        Runner::adaptive_with_pool(pool)
    }
}
