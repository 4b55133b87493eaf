//! Items with their indices.

use crate::par::debug::debug_fields;
use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{
    Consumer, Span, Steps, drive_by_item, forward_consumer_with, forward_steps,
};
use std::fmt;

/// An iterator over items with their indices; made by [`enumerate`](IndexedParallelIterator::enumerate).
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Enumerate<I> {
    base: I,
}

impl<I> Enumerate<I> {
    pub(crate) fn new(base: I) -> Self {
        Self { base }
    }
}

/// Counts from where a span begins. All items of a span go into one fold ([`Steps::feed`]).
struct Counting<'a, C> {
    inner: &'a C,
}

impl<T, C: Consumer<(usize, T)>> Consumer<T> for Counting<'_, C> {
    forward_consumer_with!((usize, T), usize, 0);

    #[inline(always)]
    fn take(&self, (fold, index): Self::Fold, item: T) -> Self::Fold {
        (self.inner.take(fold, (index, item)), index + 1)
    }

    #[inline(always)]
    fn take_iter<It: Iterator<Item = T>>(
        &self,
        (fold, mut next): Self::Fold,
        items: It,
    ) -> Self::Fold {
        let counted = items.map(|item| {
            let index = next;
            next += 1;
            (index, item)
        });
        (self.inner.take_iter(fold, counted), next)
    }
}

impl<I: IndexedParallelIterator> ParallelIterator for Enumerate<I> {
    type Item = (usize, I::Item);
    drive_by_item!();
}

impl<I: IndexedParallelIterator> Steps for Enumerate<I> {
    type Local = I::Local;

    forward_steps!(base: steps engage hints local discard);

    #[inline]
    fn feed<C: Consumer<Self::Item>>(
        &self,
        local: &mut I::Local,
        span: Span,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        let consumer = Counting { inner: consumer };
        let begin = (fold, span.start());
        self.base.feed(local, span, &consumer, begin).0
    }
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for Enumerate<I> {
    #[inline(always)]
    unsafe fn item(&self, local: &mut I::Local, index: usize) -> Self::Item {
        // SAFETY: the caller's promise, for the same index.
        (index, unsafe { self.base.item(local, index) })
    }
}

/// An iterator over the indices of items; made by [`positions`](IndexedParallelIterator::positions).
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Positions<I, P> {
    base: I,
    predicate: P,
}

impl<I, P> Positions<I, P> {
    pub(crate) fn new(base: I, predicate: P) -> Self {
        Self { base, predicate }
    }
}

impl<I, P> ParallelIterator for Positions<I, P>
where
    I: IndexedParallelIterator,
    P: Fn(I::Item) -> bool + Sync + Send,
{
    type Item = usize;

    fn drive<C: Consumer<usize>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let predicate = &self.predicate;
        Enumerate::new(self.base)
            .filter_map(|(index, item)| predicate(item).then_some(index))
            .drive(consumer, fold)
    }
}

debug_fields!([I: fmt::Debug, P] Positions<I, P> { base });
