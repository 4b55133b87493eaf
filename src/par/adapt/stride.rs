//! A source in another stride: backwards, or with gaps.

use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Held, Hints, Span, Steps, drive_by_item, feed_by_item, forward_steps};

/// An iterator from the last item to the first; made by [`rev`](IndexedParallelIterator::rev).
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Rev<I> {
    base: I,
    len: usize,
}

impl<I: IndexedParallelIterator> Rev<I> {
    pub(crate) fn new(base: I) -> Self {
        let len = base.steps();
        Self { base, len }
    }
}

impl<I: IndexedParallelIterator> ParallelIterator for Rev<I> {
    type Item = I::Item;
    drive_by_item!();
}

impl<I: IndexedParallelIterator> Steps for Rev<I> {
    type Local = I::Local;

    #[inline]
    fn steps(&self) -> usize {
        self.len
    }

    forward_steps!(base: engage hints local);

    feed_by_item!();

    #[inline]
    fn discard(&self, span: Span) {
        let mirrored = self.len - span.end()..self.len - span.start();
        // SAFETY: each step is one of the base's, counted from its end.
        self.base.discard(unsafe { Span::new(mirrored) });
    }
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for Rev<I> {
    #[inline(always)]
    unsafe fn item(&self, local: &mut I::Local, index: usize) -> I::Item {
        // SAFETY: `index` is below the length, and so is this; the caller's promise for the rest.
        unsafe { self.base.item(local, self.len - 1 - index) }
    }
}

/// An iterator over the first item of each group of so many; made by
/// [`step_by`](IndexedParallelIterator::step_by).
///
/// A step owns its item and the items behind it that it skips.
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct StepBy<I> {
    base: I,
    by: usize,
    base_len: usize,
}

impl<I: IndexedParallelIterator> StepBy<I> {
    pub(crate) fn new(base: I, by: usize) -> Self {
        let base_len = base.steps();
        Self { base, by, base_len }
    }
}

impl<I: IndexedParallelIterator> ParallelIterator for StepBy<I> {
    type Item = I::Item;
    drive_by_item!();
}

impl<I: IndexedParallelIterator> Steps for StepBy<I> {
    type Local = I::Local;

    #[inline]
    fn steps(&self) -> usize {
        self.base_len.div_ceil(self.by)
    }

    forward_steps!(base: engage local);

    fn hints(&self) -> Hints {
        self.base.hints().divided(self.by)
    }

    feed_by_item!();

    #[inline]
    fn discard(&self, span: Span) {
        if span.len() > 0 {
            let end = span.end().saturating_mul(self.by).min(self.base_len);
            // SAFETY: a step owns `by` of the base's, the last one what there is.
            self.base
                .discard(unsafe { Span::new(span.start() * self.by..end) });
        }
    }
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for StepBy<I> {
    #[inline(always)]
    unsafe fn item(&self, local: &mut I::Local, index: usize) -> I::Item {
        let at = index * self.by;
        let end = at.saturating_add(self.by).min(self.base_len);
        // SAFETY: the gap is this step's.
        let gap = unsafe { Held::new(&self.base, at + 1..end) };
        // SAFETY: `index` is below `steps()`, so this is below the base's length; the caller's promise for
        // the rest.
        let item = unsafe { self.base.item(local, at) };
        drop(gap);
        item
    }
}
