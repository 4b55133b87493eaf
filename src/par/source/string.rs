//! Loops over the characters of a string, which they take out of it.

use crate::par::iter::{ParallelDrainRange, ParallelIterator};
use crate::par::plumbing::Consumer;
use crate::par::source::bounds;
use crate::par::source::str_units::{Char, Chars};
use std::fmt;
use std::ops::{Range, RangeBounds};

/// An iterator over characters that are taken out of a string; made by
/// [`par_drain`](ParallelDrainRange::par_drain), with a range of bytes. They are gone when it is dropped.
///
/// ```
/// use windrow::prelude::*;
///
/// let mut text = String::from("rows of hay");
/// let middle: String = text.par_drain(4..7).collect::<Vec<_>>().into_iter().collect();
/// assert_eq!((text.as_str(), middle.as_str()), ("rows hay", " of"));
/// ```
#[must_use = "iterators do nothing until they are consumed"]
pub struct Drain<'a> {
    string: &'a mut String,
    range: Range<usize>,
}

impl<'a> ParallelDrainRange<usize> for &'a mut String {
    type Iter = Drain<'a>;
    type Item = char;

    #[track_caller]
    fn par_drain<R: RangeBounds<usize>>(self, range: R) -> Drain<'a> {
        let range = bounds(range, self.len());
        assert!(
            self.is_char_boundary(range.start) && self.is_char_boundary(range.end),
            "range {range:?} begins or ends within a character"
        );
        Drain {
            string: self,
            range,
        }
    }
}

impl ParallelIterator for Drain<'_> {
    type Item = char;

    fn drive<C: Consumer<char>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        Chars::new(&self.string[self.range.clone()], Char).drive(consumer, fold)
    }
}

impl Drop for Drain<'_> {
    fn drop(&mut self) {
        drop(self.string.drain(self.range.clone()));
    }
}

impl fmt::Debug for Drain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Drain")
            .field(&&self.string[self.range.clone()])
            .finish()
    }
}
