//! Parallel sorts.
//!
//! # The stable sort
//! A part of the slice is sorted in one of three ways ([`mod@stable`]):
//!
//! | when | how |
//! |---|---|
//! | it is short (16 Ki items, or 4 Ki if a thread of the pool is idle) | if it is a run it stays, even a descending one; else the standard library's sort |
//! | a thread is idle, or the part seems to have runs | both halves, forked, then a merge ([`merge`]) |
//! | else | a partition by way of the buffer ([`spread`]), then both sides, forked |
//!
//! A partition costs a thread less than a merge, and what it gives need not be merged; but a second thread has
//! nothing to do until it is over. So a slice is halved where a thread waits for work, and where it has an
//! order that a partition would destroy; otherwise it is sorted as the standard library does it
//! (driftsort, Bergdoll and Peters 2024), with places in between where somebody can take a side. Neighbours
//! that are in order, or in order the other way round, are not merged, see [`run`].
//!
//! # The sort in place
//! A quicksort ([`mod@unstable`]) with the median of 63 items as pivot, of which each side is forked; parts of up
//! to 4 Ki items go to the standard library's sort (ipnsort, same authors), or, if the slice looks nearly
//! sorted, to one with branches ([`nearly`]). Items equal to the pivot are set aside where it is a least one.
//! The first partition is one thread's work, a level of twenty: with two threads it is not what they wait for.
//! It could not be shared in any case: items need not be `Sync`, so the pivot is one thread's.
//!
//! # The sort by cached keys
//! Keys with indices, sorted in place; then items are copied to where they belong, and back ([`cached`]).
//!
//! # Memory
//! | sort | allocates |
//! |---|---|
//! | stable | a buffer of as many bytes as the slice has, and in each thread what the standard library's takes for 16 Ki items |
//! | in place | nothing |
//! | cached keys | keys with their indices (of four bytes if that makes a difference), and as many bytes as the slice has |
//!
//! The depth of recursion is limited by about twice the logarithm of the length; then the stable sort goes on
//! with halves, and the other one with the standard library's.
//!
//! # Panics, and comparisons that contradict themselves
//! Whatever a comparison does, each item is there once. In place: items are swapped, or one of them is out of
//! the slice while a hole is kept for it, which is filled on unwinding. With a buffer: items are copied as
//! a whole from one place to the other, and count as moved only when that is over ([`run`]); what
//! has been copied is not compared any more, so comparisons that change items (in cells) do not change stale
//! copies. Where the parts of a merge begin is searched for once, by whoever forks them. The depth limit holds
//! for any comparison, so none makes a sort hang.
//!
//! # Measured
//! Processor time of 4 million random `u64` and others, in ms, against rayon 1.12 in the same process, medians of 5, on
//! two cores that other programs used as well (so these are not wall-clock times; a pool of 2, then one of 2 of
//! which one thread is blocked, against the standard library).
//!
//! | stable | windrow, 2 | rayon, 2 | windrow, alone | std |
//! |---|---|---|---|---|
//! | random | 97 | 206 | 113 | 111 |
//! | 8 values | 21 | 153 | 17 | 25 |
//! | 2000 values | 46 | 208 | 47 | 47 |
//! | ascending, descending | 1.7, 2.6 | 1.8, 2.5 | 3.2, 4.5 | 1.8, 2.3 |
//! | up and down again | 10 | 13 | 10 | 13 |
//! | 1 % swapped | 92 | 108 | 108 | 80 |
//! | 1 % random at the end | 11 | 32 | 11 | 11 |
//! | 500 000 strings | 135 | 542 | 102 | 165 |
//! | 1 M of 64 bytes | 154 | 171 | 159 | 119 |
//!
//! | in place | windrow, 2 | rayon, 2 | windrow, alone | std |
//! |---|---|---|---|---|
//! | random | 60 | 97 | 69 | 70 |
//! | 8 values | 9.5 | 11 | 8.2 | 9.5 |
//! | 2000 values | 29 | 33 | 25 | 28 |
//! | ascending, descending | 1.4, 2.4 | 1.3, 2.5 | 1.6, 2.3 | 1.4, 2.1 |
//! | up and down again | 62 | 84 | 66 | 76 |
//! | 1 % swapped | 35 | 33 | 35 | 67 |
//! | 1 % random at the end | 65 | 92 | 75 | 71 |
//! | 500 000 strings | 101 | 115 | 106 | 90 |
//! | 1 M of 64 bytes | 52 | 73 | 53 | 57 |
//!
//! With 64 threads it took 0.8 to 1.3 times as long as with 2, except for few values with the stable sort (1.7).
//! Large items cost more than in the standard library because its buffer is half as long. On a pool of one the
//! stable sort is the standard library's.

mod cached;
mod merge;
mod methods;
mod nearly;
mod partition;
mod pieces;
mod run;
mod sample;
mod spread;
mod stable;
mod unstable;

pub(crate) use methods::methods;

pub(crate) use cached::sort as by_cached_key;
pub(crate) use stable::sort as stable;
pub(crate) use unstable::sort as unstable;

use crate::pool::free::current_num_threads;
use crate::scheduler::Participant;

/// Slices that are not longer are sorted on the spot: some 20 µs.
const SHORT: usize = 2048;

/// Somebody could help, and would find enough to do.
fn worth_forking<T>(items: &[T]) -> bool {
    items.len() > SHORT && current_num_threads() > 1
}

/// A thread of this pool has nothing to do, and a processor for it.
fn somebody_is_idle() -> bool {
    // SAFETY: a current participant is alive as long as this thread is in its pool.
    unsafe { Participant::current().as_ref() }.is_none_or(|here| here.registry().has_idle_thread())
}
