//! Loops over ranges that are longer than an `usize` can count.
//!
//! Nobody ever gets to the end of such a range; what is wanted is to look at many places in it until something
//! is found. Its steps are blocks of equal length, as many as there can be, so that each thread that joins in
//! begins far away from the others. A block may be endless in practice. So the thread that runs it looks
//! around in its midst: whether the loop is to end, and whether somebody wants to have what it has left.

use crate::par::iter::ParallelIterator;
use crate::par::plumbing::{Consumer, Hints, Span, Steps, drive_steps, owns_nothing};
use crate::par::source::range_item::RangeItem;
use crate::scheduler::Participant;

/// So many items are taken without a look around.
const LOOK: u128 = 32;

/// Gives all items from `first` to `last`, with both.
#[inline]
pub(crate) fn feed_inclusive<T: RangeItem, C: Consumer<T>>(
    first: T,
    last: T,
    consumer: &C,
    fold: C::Fold,
) -> C::Fold {
    if let Some(end) = last.next() {
        return consumer.take_iter(fold, T::serial(first..end));
    }
    // There is nothing behind the last one that would end a range.
    let fold = consumer.take_iter(fold, T::serial(first..last));
    if consumer.is_full(&fold) {
        return fold;
    }
    consumer.take(fold, last)
}

/// A range, cut into blocks.
#[derive(Debug)]
pub(crate) struct Blocks<T> {
    first: T,
    /// How far the last item is from the first.
    end: u128,
    /// How long a block is; the last may be shorter.
    block: u128,
}

impl<T: RangeItem> Blocks<T> {
    /// From `first` to `last`, with both.
    pub(crate) fn new(first: T, last: T) -> Self {
        const MOST: u128 = isize::MAX as u128;
        let end = first.distance(last);
        Self {
            first,
            end,
            block: end / MOST + 1,
        }
    }
}

impl<T: RangeItem> ParallelIterator for Blocks<T> {
    type Item = T;

    fn drive<C: Consumer<T>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        drive_steps(self, consumer, fold)
    }
}

impl<T: RangeItem> Steps for Blocks<T> {
    owns_nothing!();

    fn steps(&self) -> usize {
        usize::try_from(self.end / self.block + 1).expect("not more than MOST + 1")
    }

    fn hints(&self) -> Hints {
        Hints {
            max_len: if self.block > LOOK { 1 } else { usize::MAX },
            ..Hints::default()
        }
    }

    fn feed<C: Consumer<T>>(
        &self,
        (): &mut (),
        span: Span,
        consumer: &C,
        mut fold: C::Fold,
    ) -> C::Fold {
        let mut at = span.start() as u128 * self.block;
        let end = if span.end() == self.steps() {
            self.end
        } else {
            span.end() as u128 * self.block - 1
        };
        loop {
            let last = if end - at < LOOK {
                end
            } else {
                at + (LOOK - 1)
            };
            let (from, to) = (self.first.far(at), self.first.far(last));
            fold = feed_inclusive(from, to, consumer, fold);
            if last == end {
                return fold;
            }
            if consumer.is_stopped(&fold) {
                consumer.cut_short();
                return fold;
            }
            // SAFETY: a current participant is alive as long as this thread is in its pool.
            if let Some(here) = unsafe { Participant::current().as_ref() } {
                here.promote_if_wanted();
            }
            at = last + 1;
        }
    }
}
