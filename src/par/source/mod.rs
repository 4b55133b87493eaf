//! What loops run over.

use std::ops::{Bound, Range, RangeBounds};

pub(crate) mod array;
mod boxed;
pub(crate) mod bridge;
pub(crate) mod chunks;
pub(crate) mod collections;
pub(crate) mod cut_in_two;
pub(crate) mod cuts;
pub(crate) mod delegate;
mod either;
pub(crate) mod empty;
pub(crate) mod ground;
pub(crate) mod inline;
pub(crate) mod multi_zip;
pub(crate) mod once;
pub(crate) mod option;
pub(crate) mod ordered;
pub(crate) mod owned;
pub(crate) mod range;
pub(crate) mod range_inclusive;
pub(crate) mod range_item;
pub(crate) mod range_long;
pub(crate) mod repeat;
pub(crate) mod result;
pub(crate) mod slice;
pub(crate) mod split;
pub(crate) mod split_slice;
pub(crate) mod str;
pub(crate) mod str_pattern;
pub(crate) mod str_split;
pub(crate) mod str_units;
pub(crate) mod string;
pub(crate) mod vec;
pub(crate) mod walk_tree;

/// The places of a range in something of length `len`.
///
/// # Panics
/// As indexing a slice: if the range is not within it.
#[track_caller]
pub(crate) fn bounds(range: impl RangeBounds<usize>, len: usize) -> Range<usize> {
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => before.checked_add(1).expect("the range begins too late"),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.checked_add(1).expect("the range ends too late"),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => len,
    };
    assert!(start <= end, "range begins at {start} but ends at {end}");
    assert!(end <= len, "range ends at {end}, beyond the length {len}");
    start..end
}
