//! Fork and join.

use crate::support::{Tally, blow_up, number_of_panic, pool, pool_without_spares};

fn tree(depth: u32) -> u32 {
    if depth == 0 {
        return 1;
    }
    let (a, b) = windrow::join(|| tree(depth - 1), || tree(depth - 1));
    a + b + 1
}

pub(crate) fn nested_joins_add_up() {
    let pool = pool(2);
    let leaves = Tally::default();
    let leaf = || {
        leaves.add();
        1
    };
    let inner = || windrow::join(leaf, leaf);
    let sums = pool.install(|| windrow::join(inner, inner));
    assert_eq!((sums, leaves.get()), (((1, 1), (1, 1)), 4));
}

pub(crate) fn joins_of_a_worker_and_a_guest_add_up() {
    let pool = pool(2);
    let inside = pool.spawn(|| tree(1));
    let (a, b) = pool.join(|| tree(1), || tree(1));
    assert_eq!((a, b), (3, 3));
    assert_eq!(inside.join().unwrap(), 3);
}

pub(crate) fn a_panic_of_the_forked_side_comes_back() {
    let pool = pool(2);
    let ran = Tally::default();
    let number = number_of_panic(|| pool.join(|| ran.add(), || blow_up(7)));
    assert_eq!((number, ran.get()), (7, 1));
}

pub(crate) fn a_panic_of_the_own_side_comes_back_after_the_other() {
    let pool = pool(2);
    // Written to by the other side, if it runs at all; gone when the panic has come back.
    let mut other = 0;
    let number = number_of_panic(|| pool.join(|| blow_up(8), || other = 1));
    assert_eq!(number, 8);
    assert!(other < 2);
}

pub(crate) fn joins_within_spawned_tasks_add_up() {
    let pool = pool_without_spares(2);
    let handles = [1, 2].map(|depth| pool.spawn(move || tree(depth)));
    let sums = handles.map(|handle| handle.join().unwrap());
    assert_eq!(sums, [3, 7]);
}
