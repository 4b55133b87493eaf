//! Each sort, once.

use super::pool::prelude::*;
use crate::Results;

fn sorted<T>(v: &[T], sort: impl FnOnce(&mut [T])) -> Vec<T>
where
    T: Clone,
{
    let mut v = v.to_vec();
    sort(&mut v);
    v
}

/// Pairs of few different keys and of places, so that it shows whether a sort is stable.
pub(crate) fn sorts() -> Results {
    let v: Vec<(u64, usize)> = (0..5000)
        .map(|i| ((i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56, i))
        .collect();
    let key = |pair: &(u64, usize)| pair.0 % 10;
    results![
        sorted(&v, |v| v.par_sort()),
        sorted(&v, |v| v.par_sort_by(|a, b| b.0.cmp(&a.0))),
        sorted(&v, |v| v.par_sort_by_key(key)),
        sorted(&v, |v| v
            .par_sort_by_cached_key(|pair| key(pair).to_string())),
        sorted(&v, |v| v.par_sort_unstable()),
        sorted(&v, |v| v.par_sort_unstable_by(|a, b| b.cmp(a))),
        sorted(&v, |v| v
            .par_sort_unstable_by_key(|pair| (key(pair), pair.1))),
        sorted(&v, |v| v[..4000].as_parallel_slice_mut().par_sort()),
    ]
}
