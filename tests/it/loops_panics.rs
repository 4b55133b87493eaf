//! A panic on one thread ends the loop on all others, wherever in the loop it is. Each of these has a part without end.

use std::iter::repeat_n;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use windrow::iter::walk_tree_prefix;
use windrow::prelude::*;

use crate::support::{panic_of, pool, text, yield_until};
use crate::watchdog::watched;

/// The text of the panic that ends `test`, on a pool of two and of eight.
fn ends(said: &str, test: impl Fn() + Sync) {
    for size in [2, 8] {
        let pool = pool(size);
        watched(|| {
            let panic = panic_of(|| pool.install(&test));
            assert_eq!(text(&*panic), said);
        });
    }
}

/// Without the hook that prints.
fn give_up(why: &'static str) -> ! {
    resume_unwind(Box::new(why))
}

/// Zeros without end, and behind them, as steps of their own, two ones.
fn zeros_and_two_ones() -> impl ParallelIterator<Item = u32> {
    let step = |step| repeat_n(u32::from(step > 0), if step > 0 { 1 } else { usize::MAX });
    (0..3).into_par_iter().flat_map_iter(step)
}

#[test]
fn when_what_two_parts_come_to_cannot_be_joined() {
    ends("joined", || {
        zeros_and_two_ones().reduce(
            || 0,
            |a, b| {
                if a + b > 1 {
                    give_up("joined");
                }
                a + b
            },
        );
    });
}

#[test]
fn when_a_part_cannot_be_finished() {
    ends("finished", || {
        zeros_and_two_ones()
            .fold(|| 0, |a: u32, b| a.max(b))
            .for_each(|max| {
                if max == 1 {
                    give_up("finished");
                }
            });
    });
}

#[test]
fn when_a_part_cannot_pause() {
    ends("paused", || {
        let begun = AtomicUsize::new(0);
        let item = |step| {
            begun.fetch_add(1, Ordering::SeqCst);
            repeat_n(step, if step == 0 { 1 } else { usize::MAX })
        };
        (0..2)
            .into_par_iter()
            .flat_map_iter(item)
            // The first report is due when an interval has passed.
            .progress(|_| give_up("paused"))
            .for_each(|step| {
                if step == 0 {
                    yield_until(|| begun.load(Ordering::SeqCst) == 2);
                    let since = Instant::now();
                    yield_until(|| since.elapsed() > Duration::from_millis(10));
                }
            });
    });
}

#[test]
fn when_a_part_of_a_tree_cannot_begin() {
    ends("begun", || {
        let parts = AtomicUsize::new(0);
        let identity = || {
            if parts.fetch_add(1, Ordering::SeqCst) == 1 {
                give_up("begun");
            }
            0
        };
        let tree = walk_tree_prefix(0_u64, |&node| [node + 1, node + 1]);
        tree.fold(identity, |a: u64, b| a.max(b)).max();
    });
}

#[test]
fn when_a_part_of_a_tree_cannot_be_finished() {
    ends("finished", || {
        // Nodes without end, one beneath the other, and one next to them.
        let tree = walk_tree_prefix(2_u64, |&node| match node {
            0 => vec![0],
            1 => vec![],
            _ => vec![0, 1],
        });
        tree.fold(|| 0, |a: u64, b| a.max(b)).for_each(|max| {
            if max == 1 {
                give_up("finished");
            }
        });
    });
}
