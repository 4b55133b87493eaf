//! How long pieces and chunks are to be.

use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Hints, Steps, forward_steps};

/// An iterator that is not cut into pieces with fewer items; made by
/// [`with_min_len`](IndexedParallelIterator::with_min_len).
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct MinLen<I> {
    base: I,
    min: usize,
}

impl<I> MinLen<I> {
    pub(crate) fn new(base: I, min: usize) -> Self {
        Self { base, min }
    }

    fn bound(&self, hints: Hints) -> Hints {
        Hints {
            min_len: hints.min_len.max(self.min),
            ..hints
        }
    }
}

/// An iterator of which no thread takes more items at a time; made by
/// [`with_max_len`](IndexedParallelIterator::with_max_len).
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct MaxLen<I> {
    base: I,
    max: usize,
}

impl<I> MaxLen<I> {
    pub(crate) fn new(base: I, max: usize) -> Self {
        let max = max.max(1);
        Self { base, max }
    }

    fn bound(&self, hints: Hints) -> Hints {
        Hints {
            max_len: hints.max_len.min(self.max),
            ..hints
        }
    }
}

macro_rules! with_hints {
    ($($name:ident)*) => {$(
        impl<I: IndexedParallelIterator> ParallelIterator for $name<I> {
            type Item = I::Item;
            $crate::par::plumbing::drive_by_item!();
        }

        impl<I: IndexedParallelIterator> Steps for $name<I> {
            type Local = I::Local;

            forward_steps!(base: steps engage local feed discard);

            fn hints(&self) -> Hints {
                self.bound(self.base.hints())
            }
        }

        impl<I: IndexedParallelIterator> IndexedParallelIterator for $name<I> {
            forward_steps!(base: item);
        }
    )*};
}
with_hints!(MinLen MaxLen);
