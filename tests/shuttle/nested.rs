//! Pools within pools, three workers, and waits deep inside.

use std::sync::Arc;

use crate::support::{Tally, pool, pool_without_spares};

pub(crate) fn a_worker_waits_in_another_pool() {
    let (outer, inner) = (pool(1), Arc::new(pool(1)));
    let there = Arc::clone(&inner);
    let handle = outer.spawn(move || there.install(|| windrow::join(|| 1, || 2)));
    let beside = outer.spawn(|| 3);
    assert_eq!(handle.join().unwrap(), (1, 2));
    assert_eq!(beside.join().unwrap(), 3);
}

pub(crate) fn a_scope_on_another_pool_calls_back() {
    let (one, other) = (Arc::new(pool_without_spares(1)), pool_without_spares(1));
    let back = Arc::clone(&one);
    let sum = one.scope(|s| {
        let there = s.spawn(|| other.scope(|t| t.spawn(|| back.join(|| 1, || 2)).join().unwrap()));
        let here = s.spawn(|| 10);
        let (a, b) = there.join().unwrap();
        a + b + here.join().unwrap()
    });
    assert_eq!(sum, 13);
}

pub(crate) fn three_workers_share_a_tree() {
    let pool = pool_without_spares(3);
    let leaves = Tally::default();
    let leaf = || leaves.add();
    pool.join(
        || windrow::join(leaf, leaf),
        || windrow::join(leaf, || windrow::join(leaf, leaf)),
    );
    assert_eq!(leaves.get(), 5);
}

pub(crate) fn forks_within_a_scope_within_a_fork() {
    let pool = pool(2);
    let leaves = Tally::default();
    let leaf = || leaves.add();
    pool.join(
        || windrow::scope(|s| drop(s.spawn(|| windrow::join(leaf, leaf)))),
        || windrow::scope(|s| s.spawn(leaf).join().unwrap()),
    );
    assert_eq!(leaves.get(), 3);
}

/// While one side of a fork blocks in a way that the pool cannot see, the other is run by somebody.
pub(crate) fn a_forked_side_is_taken_from_a_task_that_blocks() {
    let pool = pool_without_spares(2);
    let (send, receive) = shuttle::sync::mpsc::channel();
    let sender = pool.spawn(move || send.send(1).unwrap());
    let (got, other) = pool.join(|| receive.recv().unwrap(), || 2);
    assert_eq!((got, other), (1, 2));
    sender.join().unwrap();
}

pub(crate) fn a_waiter_runs_its_own_while_it_waits() {
    let pool = pool_without_spares(1);
    let handle = pool.spawn(|| {
        let handles = [1, 2, 3].map(|n| windrow::spawn(move || n));
        handles.map(|handle| handle.join().unwrap())
    });
    assert_eq!(handle.join().unwrap(), [1, 2, 3]);
}

pub(crate) fn a_yielding_task_runs_what_its_scope_has() {
    let pool = pool_without_spares(1);
    let ran = Tally::default();
    pool.install(|| {
        windrow::scope(|s| {
            drop(s.spawn(|| ran.add()));
            while ran.get() == 0 {
                windrow::yield_now();
            }
        });
    });
    assert_eq!(ran.get(), 1);
}

pub(crate) fn four_sides_run_once() {
    let pool = pool(2);
    let ran = Tally::default();
    let side = || ran.add();
    pool.install(|| windrow::join4(side, side, side, side));
    assert_eq!(ran.get(), 4);
}
