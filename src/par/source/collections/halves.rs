//! Two borrowed slices, run as one.

use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Span, Steps, drive_by_item};

/// The two halves of a deque, one after the other. Their items are references, so that there is nothing to
/// discard.
#[derive(Clone, Debug)]
pub struct Halves<S> {
    front: S,
    back: S,
}

impl<S> Halves<S> {
    pub(super) fn new(front: S, back: S) -> Self {
        Self { front, back }
    }
}

impl<S: IndexedParallelIterator<Local = ()>> ParallelIterator for Halves<S> {
    type Item = S::Item;
    drive_by_item!();
}

impl<S: IndexedParallelIterator<Local = ()>> Steps for Halves<S> {
    type Local = ();

    fn steps(&self) -> usize {
        self.front.steps() + self.back.steps()
    }

    unsafe fn engage(&mut self) {
        // SAFETY: the caller's promise.
        unsafe { self.front.engage() };
        // SAFETY: the caller's promise.
        unsafe { self.back.engage() };
    }

    fn ended(&self) {
        self.front.ended();
        self.back.ended();
    }

    fn local(&self) {}

    #[inline]
    fn feed<C: Consumer<S::Item>>(
        &self,
        (): &mut (),
        span: Span,
        consumer: &C,
        mut fold: C::Fold,
    ) -> C::Fold {
        let mid = self.front.steps();
        let (start, end) = (span.start(), span.end());
        if start < mid {
            // SAFETY: a part of the span, which is used up by this call.
            let span = unsafe { Span::new(start..end.min(mid)) };
            fold = self.front.feed(&mut (), span, consumer, fold);
        }
        if end > mid && (start >= mid || !consumer.is_full(&fold)) {
            // SAFETY: the rest of it, as the back counts.
            let span = unsafe { Span::new(start.max(mid) - mid..end - mid) };
            fold = self.back.feed(&mut (), span, consumer, fold);
        }
        fold
    }

    fn discard(&self, _span: Span) {}
}

impl<S: IndexedParallelIterator<Local = ()>> IndexedParallelIterator for Halves<S> {
    #[inline(always)]
    unsafe fn item(&self, (): &mut (), index: usize) -> S::Item {
        let mid = self.front.steps();
        if index < mid {
            // SAFETY: below the front's length, and the caller's.
            unsafe { self.front.item(&mut (), index) }
        } else {
            // SAFETY: the caller's, as the back counts.
            unsafe { self.back.item(&mut (), index - mid) }
        }
    }
}
