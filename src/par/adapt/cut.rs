//! A source without its beginning, or without its end.

use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Held, Span, Steps, drive_by_item, forward_steps};
use std::mem::forget;

/// An iterator over what follows the first items; made by [`skip`](IndexedParallelIterator::skip).
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Skip<I> {
    base: I,
    n: usize,
}

impl<I: IndexedParallelIterator> Skip<I> {
    pub(crate) fn new(base: I, n: usize) -> Self {
        let n = n.min(base.steps());
        Self { base, n }
    }

    fn shifted(&self, span: &Span) -> Span {
        // SAFETY: the base's steps from `n` on are this source's, one by one.
        unsafe { Span::new(span.start() + self.n..span.end() + self.n) }
    }
}

impl<I: IndexedParallelIterator> ParallelIterator for Skip<I> {
    type Item = I::Item;
    drive_by_item!();
}

impl<I: IndexedParallelIterator> Steps for Skip<I> {
    type Local = I::Local;

    #[inline]
    fn steps(&self) -> usize {
        self.base.steps() - self.n
    }

    unsafe fn engage(&mut self) {
        let len = self.base.steps();
        // SAFETY: the caller's promise.
        unsafe { self.base.engage() };
        // SAFETY: just engaged.
        let rest = unsafe { Held::new(&self.base, self.n..len) };
        // SAFETY: none of this source's.
        drop(unsafe { Held::new(&self.base, 0..self.n) });
        forget(rest);
    }

    fn ended(&self) {
        self.base.ended();
    }

    forward_steps!(base: hints local);

    #[inline]
    fn feed<C: Consumer<I::Item>>(
        &self,
        local: &mut I::Local,
        span: Span,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        self.base.feed(local, self.shifted(&span), consumer, fold)
    }

    #[inline]
    fn discard(&self, span: Span) {
        self.base.discard(self.shifted(&span));
    }
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for Skip<I> {
    #[inline(always)]
    unsafe fn item(&self, local: &mut I::Local, index: usize) -> I::Item {
        // SAFETY: `index` is below `steps()`, so this is below the base's; the caller's promise for the rest.
        unsafe { self.base.item(local, index + self.n) }
    }
}

/// An iterator over the first items; made by [`take`](IndexedParallelIterator::take).
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Take<I> {
    base: I,
    n: usize,
}

impl<I: IndexedParallelIterator> Take<I> {
    pub(crate) fn new(base: I, n: usize) -> Self {
        let n = n.min(base.steps());
        Self { base, n }
    }
}

impl<I: IndexedParallelIterator> ParallelIterator for Take<I> {
    type Item = I::Item;
    drive_by_item!();
}

impl<I: IndexedParallelIterator> Steps for Take<I> {
    type Local = I::Local;

    #[inline]
    fn steps(&self) -> usize {
        self.n
    }

    unsafe fn engage(&mut self) {
        let len = self.base.steps();
        // SAFETY: the caller's promise.
        unsafe { self.base.engage() };
        // SAFETY: just engaged.
        let first = unsafe { Held::new(&self.base, 0..self.n) };
        // SAFETY: none of this source's.
        drop(unsafe { Held::new(&self.base, self.n..len) });
        forget(first);
    }

    fn ended(&self) {
        self.base.ended();
    }

    forward_steps!(base: hints local feed discard);
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for Take<I> {
    forward_steps!(base: item);
}
