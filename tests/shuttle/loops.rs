//! Parallel loops, which fork where somebody is hungry.

use windrow::prelude::*;

use crate::support::pool;

pub(crate) fn a_loop_adds_up() {
    let pool = pool(2);
    let sum: u32 = (1..=8_u32).into_par_iter().on(&pool).sum();
    assert_eq!(sum, 36);
}

pub(crate) fn a_loop_in_a_worker_adds_up() {
    let pool = pool(2);
    let handle = pool.spawn(|| (1..=6_u32).into_par_iter().map(|n| n * n).sum::<u32>());
    assert_eq!(handle.join().unwrap(), 91);
}

pub(crate) fn a_loop_that_finds_stops() {
    let pool = pool(2);
    let found = (0..8_u32)
        .into_par_iter()
        .on(&pool)
        .find_first(|n| n % 4 == 3);
    assert_eq!(found, Some(3));
}

pub(crate) fn a_loop_collects_in_order() {
    let pool = pool(2);
    let doubled: Vec<u32> = (0..6_u32)
        .into_par_iter()
        .on(&pool)
        .map(|n| {
            shuttle::thread::yield_now();
            2 * n
        })
        .collect();
    assert_eq!(doubled, [0, 2, 4, 6, 8, 10]);
}
