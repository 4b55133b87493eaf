//! One loop after the other, as one.

use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Behind, Consumer, Held, Hints, Span, Steps, drive_both};
use std::mem::forget;

/// An iterator over the items of one, then those of another; made by
/// [`chain`](ParallelIterator::chain).
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Chain<A, B> {
    first: A,
    second: B,
}

impl<A, B> Chain<A, B> {
    pub(crate) fn new(first: A, second: B) -> Self {
        Self { first, second }
    }
}

impl<A, B> ParallelIterator for Chain<A, B>
where
    A: ParallelIterator,
    B: ParallelIterator<Item = A::Item>,
{
    type Item = A::Item;

    fn drive<C: Consumer<A::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let Self { first, second } = self;
        let behind = Behind {
            inner: consumer,
            steps: first.opt_len(),
        };
        drive_both(
            consumer,
            fold,
            |fold| first.drive(consumer, fold),
            |at| behind.finish(second.drive(&behind, behind.begin(at))),
        )
    }

    fn opt_len(&self) -> Option<usize> {
        self.first.opt_len()?.checked_add(self.second.opt_len()?)
    }
}

impl<A, B> Steps for Chain<A, B>
where
    A: IndexedParallelIterator,
    B: IndexedParallelIterator<Item = A::Item>,
{
    type Local = (A::Local, B::Local);

    fn steps(&self) -> usize {
        let steps = self.first.steps().checked_add(self.second.steps());
        steps.expect("a chain no longer than a usize can count")
    }

    unsafe fn engage(&mut self) {
        // SAFETY: the caller's promise.
        unsafe { self.first.engage() };
        // SAFETY: just engaged.
        let first = unsafe { Held::new(&self.first, 0..self.first.steps()) };
        // SAFETY: the caller's promise.
        unsafe { self.second.engage() };
        forget(first);
    }

    fn ended(&self) {
        self.first.ended();
        self.second.ended();
    }

    fn hints(&self) -> Hints {
        self.first.hints().and(self.second.hints())
    }

    fn local(&self) -> Self::Local {
        (self.first.local(), self.second.local())
    }

    #[inline]
    fn feed<C: Consumer<A::Item>>(
        &self,
        (first, second): &mut Self::Local,
        span: Span,
        consumer: &C,
        mut fold: C::Fold,
    ) -> C::Fold {
        let [near, far] = self.parted(span);
        if let Some(near) = near {
            // If this unwinds, the far part is still to be discarded.
            let far = Rest {
                chain: self,
                far: far.map(|far| far.range()),
            };
            fold = self.first.feed(first, near, consumer, fold);
            return match far.take() {
                Some(span) if consumer.is_full(&fold) => {
                    self.second.discard(span);
                    fold
                }
                Some(span) => self.second.feed(second, span, consumer, fold),
                None => fold,
            };
        }
        match far {
            Some(far) => self.second.feed(second, far, consumer, fold),
            None => fold,
        }
    }

    fn discard(&self, span: Span) {
        let [near, far] = self.parted(span);
        let far = Rest {
            chain: self,
            far: far.map(|far| far.range()),
        };
        if let Some(near) = near {
            self.first.discard(near);
        }
        drop(far);
    }
}

impl<A, B> Chain<A, B>
where
    A: IndexedParallelIterator,
    B: IndexedParallelIterator<Item = A::Item>,
{
    /// The steps of a span that belong to the first, and those that belong to the second.
    fn parted(&self, span: Span) -> [Option<Span>; 2] {
        let border = self.first.steps();
        if span.end() <= border {
            return [Some(span), None];
        }
        if span.start() >= border {
            return [None, Some(behind(span, border))];
        }
        let near = border - span.start();
        let (near, far) = span.split_at(near);
        [Some(near), Some(behind(far, border))]
    }
}

/// The same steps, counted from the second iterator's first.
fn behind(span: Span, border: usize) -> Span {
    let steps = span.start() - border..span.end() - border;
    // SAFETY: takes the place of `span`, whose steps are these of the second iterator.
    unsafe { Span::new(steps) }
}

/// Steps of the second iterator that are discarded if nobody takes them.
struct Rest<'c, A, B>
where
    A: IndexedParallelIterator,
    B: IndexedParallelIterator<Item = A::Item>,
{
    chain: &'c Chain<A, B>,
    far: Option<std::ops::Range<usize>>,
}

impl<A, B> Rest<'_, A, B>
where
    A: IndexedParallelIterator,
    B: IndexedParallelIterator<Item = A::Item>,
{
    fn take(mut self) -> Option<Span> {
        // SAFETY: made from a span, which is given back.
        self.far.take().map(|far| unsafe { Span::new(far) })
    }
}

impl<A, B> Drop for Rest<'_, A, B>
where
    A: IndexedParallelIterator,
    B: IndexedParallelIterator<Item = A::Item>,
{
    fn drop(&mut self) {
        if let Some(far) = self.far.take() {
            // SAFETY: made from a span, and nobody has taken it.
            self.chain.second.discard(unsafe { Span::new(far) });
        }
    }
}

impl<A, B> IndexedParallelIterator for Chain<A, B>
where
    A: IndexedParallelIterator,
    B: IndexedParallelIterator<Item = A::Item>,
{
    #[inline(always)]
    unsafe fn item(&self, (first, second): &mut Self::Local, index: usize) -> A::Item {
        let border = self.first.steps();
        if index < border {
            // SAFETY: the caller's promise, for a step of the first.
            unsafe { self.first.item(first, index) }
        } else {
            // SAFETY: the caller's promise, for a step of the second.
            unsafe { self.second.item(second, index - border) }
        }
    }
}
