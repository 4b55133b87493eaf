//! The stable sort: halves that are merged, and partitions, see [`sort`](super).

use crate::par::sort::run::{Order, Place, Run, order_of};
use crate::par::sort::sample::Sample;
use crate::par::sort::{SHORT, merge::merge, somebody_is_idle, spread::spread, worth_forking};
use crate::pool::free::join;
use std::cmp::Ordering;
use std::mem::MaybeUninit;

/// What is not longer than this is sorted in one go, unless somebody waits for work.
const LONGEST: usize = 16 * 1024;

/// What is not longer than this is sorted in one go in any case.
const LEAST: usize = 2 * SHORT;

/// Sorts `items`; equal ones stay in their order.
pub(crate) fn sort<T, F>(items: &mut [T], compare: F)
where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    if size_of::<T>() == 0 || !worth_forking(items) {
        items.sort_by(compare);
        return;
    }
    let mut buffer = Vec::with_capacity(items.len());
    let buffer = &mut buffer.spare_capacity_mut()[..items.len()];
    let levels = 2 * (items.len() / LONGEST).max(1).ilog2() + 2;
    let run = sort_part(items, buffer, levels, &compare);
    run.settle();
}

/// Sorts a part of the slice, with `levels` partitions at most on the way to each item.
fn sort_part<'t, T, F>(
    items: &'t mut [T],
    buffer: &'t mut [MaybeUninit<T>],
    levels: u32,
    compare: &F,
) -> Run<'t, T>
where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    let idle = items.len() > LEAST && somebody_is_idle();
    if items.len() <= if idle { LEAST } else { LONGEST } {
        let order = order_of(items, compare).unwrap_or_else(|| {
            items.sort_by(compare);
            Order::Ascending
        });
        return Run::at_home(items, buffer, order);
    }
    let sample = Sample::new(items);
    if levels == 0 || idle || sample.has_runs(items, compare) {
        sort_halves(items, buffer, levels, compare)
    } else {
        sort_sides(items, buffer, sample, levels - 1, compare)
    }
}

/// Partitions, and sorts both sides.
fn sort_sides<'t, T, F>(
    items: &'t mut [T],
    buffer: &'t mut [MaybeUninit<T>],
    mut sample: Sample,
    levels: u32,
    compare: &F,
) -> Run<'t, T>
where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    let (pivot, many) = sample.median_and_equals(items, compare);
    let (less, pivot) = spread(items, buffer, pivot, false, |item, pivot| {
        compare(item, pivot) == Ordering::Less
    });
    let equal = if many || less == 0 {
        let (items, buffer) = (&mut items[less..], &mut buffer[less..]);
        let not_greater = |item: &T, pivot: &T| compare(pivot, item) != Ordering::Less;
        spread(items, buffer, pivot - less, true, not_greater).0
    } else {
        0
    };
    let border = less + equal;
    let (items_1, items_2) = items.split_at_mut(border);
    let (buffer_1, buffer_2) = buffer.split_at_mut(border);
    let (items_1, buffer_1) = (&mut items_1[..less], &mut buffer_1[..less]);
    let (left, right) = join(
        || sort_part(items_1, buffer_1, levels, compare),
        || sort_part(items_2, buffer_2, levels, compare),
    );
    left.settle();
    right.settle();
    Run::at_home(items, buffer, Order::Ascending)
}

/// Sorts both halves, and merges them.
fn sort_halves<'t, T, F>(
    items: &'t mut [T],
    buffer: &'t mut [MaybeUninit<T>],
    levels: u32,
    compare: &F,
) -> Run<'t, T>
where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    let mid = items.len() / 2;
    let (left, right) = {
        let (items_1, items_2) = items.split_at_mut(mid);
        let (buffer_1, buffer_2) = buffer.split_at_mut(mid);
        join(
            || sort_part(items_1, buffer_1, levels, compare),
            || sort_part(items_2, buffer_2, levels, compare),
        )
    };
    match meet(left, right, compare) {
        Met::Descending => Run::at_home(items, buffer, Order::Descending),
        Met::Ordered(place) => {
            // SAFETY: both parts have just been released at that place.
            unsafe { Run::of_parts(items, buffer, place) }
        }
        Met::Swapped(place) => {
            // SAFETY: as above.
            let mut whole = unsafe { Run::of_parts(items, buffer, place) };
            whole.rotate(mid);
            whole
        }
        Met::Mixed(place) => {
            // SAFETY: as above.
            let mut whole = unsafe { Run::of_parts(items, buffer, place) };
            let (items, room) = whole.places();
            let (left, right) = items.split_at_mut(mid);
            merge(left, right, room, compare);
            // SAFETY: it has copied all items, and nobody has had a reference since.
            unsafe { whole.moved() };
            whole
        }
    }
}

/// How two neighbours lie to each other, and where both are; ascending each, except for the first case.
enum Met {
    /// Together they are a descending run.
    Descending,
    /// Together they are an ascending run.
    Ordered(Place),
    /// The other way round they are an ascending run.
    Swapped(Place),
    /// None of that.
    Mixed(Place),
}

fn meet<T, F>(mut left: Run<'_, T>, mut right: Run<'_, T>, compare: &F) -> Met
where
    T: Send,
    F: Fn(&T, &T) -> Ordering + Sync,
{
    let falls = |from: Option<&mut T>, to: Option<&mut T>| match (from, to) {
        (Some(from), Some(to)) => compare(to, from) == Ordering::Less,
        _ => false,
    };
    let descending = [left.order(), right.order()] == [Order::Descending; 2];
    if descending && falls(left.items().last_mut(), right.items().first_mut()) {
        left.release();
        right.release();
        return Met::Descending;
    }
    left.ascend();
    right.ascend();
    let met = if !falls(left.items().last_mut(), right.items().first_mut()) {
        Met::Ordered
    } else if falls(left.items().first_mut(), right.items().last_mut()) {
        Met::Swapped
    } else {
        Met::Mixed
    };
    if left.place() != right.place() {
        // One of them has been in order from the beginning. If nothing is to be done here either, home is
        // where they best are; else they go home from there.
        let place = match met(Place::Home) {
            Met::Ordered(_) => Place::Home,
            _ => Place::Away,
        };
        left.bring(place);
        right.bring(place);
    }
    let (place, _) = left.release();
    right.release();
    met(place)
}
