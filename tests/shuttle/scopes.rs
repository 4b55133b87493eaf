//! Scopes: their end is after the end of all that they have spawned.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Tally, blow_up, number_of_panic, pool, pool_without_spares};

pub(crate) fn a_scope_counts_all_its_children() {
    let pool = pool(2);
    let count = AtomicUsize::new(0);
    pool.scope(|s| {
        for _ in 0..3 {
            drop(s.spawn(|| count.fetch_add(1, Ordering::SeqCst)));
        }
    });
    assert_eq!(count.into_inner(), 3);
}

pub(crate) fn children_spawn_children() {
    let pool = pool(2);
    let count = AtomicUsize::new(0);
    pool.scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                drop(s.spawn(|| count.fetch_add(1, Ordering::SeqCst)));
                count.fetch_add(1, Ordering::SeqCst);
            });
        }
    });
    assert_eq!(count.into_inner(), 4);
}

pub(crate) fn a_scope_on_a_worker_counts_its_children() {
    let pool = pool(2);
    let handle = pool.spawn(|| {
        let count = AtomicUsize::new(0);
        let last = windrow::scope(|s| {
            drop(s.spawn(|| count.fetch_add(1, Ordering::SeqCst)));
            let last = s.spawn(|| 5);
            last.join().unwrap()
        });
        (count.into_inner(), last)
    });
    assert_eq!(handle.join().unwrap(), (1, 5));
}

pub(crate) fn a_panic_of_a_child_comes_back() {
    let pool = pool(2);
    let ran = Tally::default();
    let number = number_of_panic(|| {
        pool.scope(|s| {
            drop(s.spawn(|| blow_up(3)));
            drop(s.spawn(|| ran.add()));
        });
    });
    assert_eq!((number, ran.get()), (3, 1));
}

pub(crate) fn two_scopes_share_one_worker() {
    let pool = pool_without_spares(1);
    let count = AtomicUsize::new(0);
    let elsewhere = pool.spawn(|| windrow::scope(|s| s.spawn(|| 1).join().unwrap()));
    pool.scope(|s| {
        drop(s.spawn(|| count.fetch_add(1, Ordering::SeqCst)));
        drop(s.spawn(|| count.fetch_add(1, Ordering::SeqCst)));
    });
    assert_eq!(count.into_inner(), 2);
    assert_eq!(elsewhere.join().unwrap(), 1);
}
