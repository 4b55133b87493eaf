//! Merging two sorted slices into a third place, by any number of threads.
//!
//! # Cutting
//! Half of the output comes from the first `i` items of the one slice and the first `j` of the other;
//! [`split`] finds them by a binary search along the merge path (Odeh, Green, Mwassi, Shmueli and Birk 2012).
//! The two halves are forked, down to pieces of [`LONGEST`] items: the parts of the slices and of the output
//! are borrowed for each piece, so whatever the comparison says, a piece has its own items and as much
//! room as they need.
//!
//! # One piece
//! The next item is the lesser one of the two heads: a comparison, then addresses that depend on its outcome,
//! then the next comparison. That chain takes much longer than the work in it, so a piece is cut again into
//! [`LANES`], which are merged in turns, an item each. Within a lane there are no branches, except for
//! what the comparison has, as long as neither of its sides can have run out.
//!
//! # Items and copies
//! A merge copies bytes; its sources stay as they are, and nobody looks at an item after it has been copied.
//! So until the whole merge is over the sources have the items, even if comparisons change them (in cells),
//! and whatever has been written counts for nothing if one panics.

use crate::pool::free::join;
use std::cmp::Ordering;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::{ptr, slice};

/// Items of a piece that is not cut any more.
const LONGEST: usize = 16 * 1024;

/// Merges at a time in a piece.
const LANES: usize = 4;

/// If not even so many turns are sure the lanes go on alone.
const FEW: usize = 8;

/// If a side has this many times the items of the other, the few are searched for in the many.
const LOPSIDED: usize = 16;

/// Pieces with fewer items for a lane than this have one lane.
const SHORT: usize = 16;

/// Copies the items of two sorted slices to `to`, sorted, and of equal ones those of `left` first.
///
/// If it returns, each item has been copied once, however inconsistent the comparison is.
///
/// # Panics
/// If `compare` does, or `to` has not the length of both together.
pub(super) fn merge<T, F>(left: &mut [T], right: &mut [T], to: &mut [MaybeUninit<T>], compare: &F)
where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    assert_eq!(left.len() + right.len(), to.len());
    if to.len() <= LONGEST {
        return merge_piece(left, right, to, compare);
    }
    let half = to.len() / 2;
    let (left_1, left_2, right_1, right_2) = halves(left, right, half, compare);
    let (to_1, to_2) = to.split_at_mut(half);
    join(
        || merge(left_1, right_1, to_1, compare),
        || merge(left_2, right_2, to_2, compare),
    );
}

/// Both slices, each cut in two, so that the first parts have the first `count` items of the output.
fn halves<'a, T, F>(
    left: &'a mut [T],
    right: &'a mut [T],
    count: usize,
    compare: &F,
) -> (&'a mut [T], &'a mut [T], &'a mut [T], &'a mut [T])
where
    F: Fn(&T, &T) -> Ordering,
{
    let from_left = split(left, right, count, compare);
    let (left_1, left_2) = left.split_at_mut(from_left);
    let (right_1, right_2) = right.split_at_mut(count - from_left);
    (left_1, left_2, right_1, right_2)
}

/// How many of the first `count` items of the output come from `left`.
fn split<T>(left: &[T], right: &[T], count: usize, compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let mut least = count.saturating_sub(right.len());
    let mut most = count.min(left.len());
    while least < most {
        let mid = least + (most - least) / 2;
        // Of the pair that would be next to the cut, which comes first? If equal, the left one.
        if compare(&right[count - mid - 1], &left[mid]) == Ordering::Less {
            most = mid;
        } else {
            least = mid + 1;
        }
    }
    least
}

fn merge_piece<T, F>(left: &mut [T], right: &mut [T], to: &mut [MaybeUninit<T>], compare: &F)
where
    F: Fn(&T, &T) -> Ordering,
{
    if to.len() < LANES * SHORT {
        return Lane::new(left, right, to).finish(compare);
    }
    let half = to.len() / 2;
    let (to_1, to_2) = to.split_at_mut(half);
    let (left_1, left_2, right_1, right_2) = halves(left, right, half, compare);
    let (to_11, to_12) = to_1.split_at_mut(half / 2);
    let (left_11, left_12, right_11, right_12) = halves(left_1, right_1, half / 2, compare);
    let (to_21, to_22) = to_2.split_at_mut(half / 2);
    let (left_21, left_22, right_21, right_22) = halves(left_2, right_2, half / 2, compare);
    let mut lanes: [_; LANES] = [
        Lane::new(left_11, right_11, to_11),
        Lane::new(left_12, right_12, to_12),
        Lane::new(left_21, right_21, to_21),
        Lane::new(left_22, right_22, to_22),
    ];
    loop {
        let [a, b, c, d] = &mut lanes;
        let turns = a.sure().min(b.sure()).min(c.sure()).min(d.sure());
        if turns < FEW {
            break;
        }
        for _ in 0..turns {
            // SAFETY: no lane has taken more items than its shorter side had.
            unsafe { a.step(compare) };
            // SAFETY: as above.
            unsafe { b.step(compare) };
            // SAFETY: as above.
            unsafe { c.step(compare) };
            // SAFETY: as above.
            unsafe { d.step(compare) };
        }
    }
    for lane in lanes {
        lane.finish(compare);
    }
}

/// A merge that has come so far.
struct Lane<'m, T> {
    left: *const T,
    left_end: *const T,
    right: *const T,
    right_end: *const T,
    /// Room for what is left on both sides.
    to: *mut T,
    borrowed: PhantomData<&'m mut [T]>,
}

impl<'m, T> Lane<'m, T> {
    fn new(left: &'m mut [T], right: &'m mut [T], to: &'m mut [MaybeUninit<T>]) -> Self {
        assert_eq!(left.len() + right.len(), to.len());
        let (left, right) = (left.as_ptr_range(), right.as_ptr_range());
        Self {
            left: left.start,
            left_end: left.end,
            right: right.start,
            right_end: right.end,
            to: to.as_mut_ptr().cast(),
            borrowed: PhantomData,
        }
    }

    fn lens(&self) -> (usize, usize) {
        let count = |from: *const T, end: *const T| (end.addr() - from.addr()) / size_of::<T>();
        (
            count(self.left, self.left_end),
            count(self.right, self.right_end),
        )
    }

    /// So many steps can be made without a side running out.
    #[inline(always)]
    fn sure(&self) -> usize {
        let (left, right) = self.lens();
        left.min(right)
    }

    /// Copies the next item.
    ///
    /// # Safety
    /// Neither side has run out.
    #[inline(always)]
    unsafe fn step(&mut self, compare: &impl Fn(&T, &T) -> Ordering) {
        // SAFETY: there is one left on this side.
        let left = unsafe { &*self.left };
        // SAFETY: as above.
        let right = unsafe { &*self.right };
        let from_right = compare(right, left) == Ordering::Less;
        let next = if from_right { self.right } else { self.left };
        // SAFETY: there is room for what is left on both sides, which is apart from them.
        unsafe { ptr::copy_nonoverlapping(next, self.to, 1) };
        // SAFETY: the side that it was taken from had one.
        self.left = unsafe { self.left.add(usize::from(!from_right)) };
        // SAFETY: as above.
        self.right = unsafe { self.right.add(usize::from(from_right)) };
        // SAFETY: one item less, one place less.
        self.to = unsafe { self.to.add(1) };
    }

    /// Copies what is left.
    fn finish(mut self, compare: &impl Fn(&T, &T) -> Ordering) {
        loop {
            let (left, right) = self.lens();
            if left == 0 || right == 0 {
                break;
            }
            if left.max(right) / LOPSIDED >= left.min(right) {
                self.leap(left, right, compare);
                continue;
            }
            for _ in 0..left.min(right) {
                // SAFETY: no more steps than the shorter side has items.
                unsafe { self.step(compare) };
            }
        }
        let (left, right) = self.lens();
        self.copy_left(left);
        self.copy_right(right);
    }

    /// Copies what the longer side has before the head of the shorter one, then that head. Both have
    /// items.
    fn leap(&mut self, left: usize, right: usize, compare: &impl Fn(&T, &T) -> Ordering) {
        // SAFETY: so many are left on this side, and they are borrowed for the merge.
        let lefts = unsafe { slice::from_raw_parts(self.left, left) };
        // SAFETY: as above.
        let rights = unsafe { slice::from_raw_parts(self.right, right) };
        if left < right {
            let before = gallop(rights, |item| compare(item, &lefts[0]) == Ordering::Less);
            self.copy_right(before);
            self.copy_left(1);
        } else {
            let before = gallop(lefts, |item| compare(&rights[0], item) != Ordering::Less);
            self.copy_left(before);
            self.copy_right(1);
        }
    }

    /// Copies so many from the left side, which has them.
    fn copy_left(&mut self, count: usize) {
        self.copy(self.left, count);
        // SAFETY: the side has so many.
        self.left = unsafe { self.left.add(count) };
    }

    /// As [`copy_left`](Self::copy_left), from the right.
    fn copy_right(&mut self, count: usize) {
        self.copy(self.right, count);
        // SAFETY: the side has so many.
        self.right = unsafe { self.right.add(count) };
    }

    fn copy(&mut self, from: *const T, count: usize) {
        // SAFETY: there is room for what is left on both sides, which is apart from them.
        unsafe { ptr::copy_nonoverlapping(from, self.to, count) };
        // SAFETY: as above.
        self.to = unsafe { self.to.add(count) };
    }
}

/// How many items there are before the first for which `comes_first` does not hold; fast if they are few.
fn gallop<T>(items: &[T], comes_first: impl Fn(&T) -> bool) -> usize {
    let mut known = 0;
    let mut step = 1;
    while known + step <= items.len() && comes_first(&items[known + step - 1]) {
        known += step;
        step *= 2;
    }
    let end = items.len().min(known + step - 1);
    known + items[known..end].partition_point(comes_first)
}
