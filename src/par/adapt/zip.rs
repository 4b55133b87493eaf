//! Two sources step by step.

use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Held, Hints, Span, Steps, drive_by_item, feed_by_item};
use std::mem::forget;

/// An iterator over pairs; made by [`zip`](IndexedParallelIterator::zip) and
/// [`zip_eq`](IndexedParallelIterator::zip_eq).
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Zip<A, B> {
    a: A,
    b: B,
}

/// Made by [`zip_eq`](IndexedParallelIterator::zip_eq).
pub type ZipEq<A, B> = Zip<A, B>;

impl<A, B> Zip<A, B> {
    pub(crate) fn new(a: A, b: B) -> Self {
        Self { a, b }
    }
}

impl<A, B> ParallelIterator for Zip<A, B>
where
    A: IndexedParallelIterator,
    B: IndexedParallelIterator,
{
    type Item = (A::Item, B::Item);
    drive_by_item!();
}

impl<A, B> Steps for Zip<A, B>
where
    A: IndexedParallelIterator,
    B: IndexedParallelIterator,
{
    type Local = (A::Local, B::Local);

    #[inline]
    fn steps(&self) -> usize {
        self.a.steps().min(self.b.steps())
    }

    unsafe fn engage(&mut self) {
        let (a_len, b_len) = (self.a.steps(), self.b.steps());
        let len = a_len.min(b_len);
        // SAFETY: the caller's promise.
        unsafe { self.a.engage() };
        // SAFETY: just engaged.
        let all = unsafe { Held::new(&self.a, 0..a_len) };
        // SAFETY: the caller's promise.
        unsafe { self.b.engage() };
        forget(all);
        // SAFETY: held no more.
        let a = unsafe { Held::new(&self.a, 0..len) };
        // SAFETY: just engaged.
        let b = unsafe { Held::new(&self.b, 0..len) };
        // SAFETY: behind the pairs.
        let a_tail = unsafe { Held::new(&self.a, len..a_len) };
        // SAFETY: behind the pairs.
        drop(unsafe { Held::new(&self.b, len..b_len) });
        drop(a_tail);
        forget((a, b));
    }

    fn ended(&self) {
        self.a.ended();
        self.b.ended();
    }

    fn hints(&self) -> Hints {
        self.a.hints().and(self.b.hints())
    }

    fn local(&self) -> Self::Local {
        (self.a.local(), self.b.local())
    }

    feed_by_item!();

    #[inline]
    fn discard(&self, span: Span) {
        // SAFETY: the same steps of the other source; dropped also if a drop of the first's panics.
        let _b = unsafe { Held::new(&self.b, span.range()) };
        self.a.discard(span);
    }
}

impl<A, B> IndexedParallelIterator for Zip<A, B>
where
    A: IndexedParallelIterator,
    B: IndexedParallelIterator,
{
    #[inline(always)]
    unsafe fn item(&self, local: &mut Self::Local, index: usize) -> Self::Item {
        // SAFETY: the caller's promise, for both; held only while the first one is made.
        let held = unsafe { Held::new(&self.b, index..index + 1) };
        // SAFETY: the caller's promise.
        let a = unsafe { self.a.item(&mut local.0, index) };
        forget(held);
        // SAFETY: the caller's promise.
        let b = unsafe { self.b.item(&mut local.1, index) };
        (a, b)
    }
}
