//! What a loop runs over.

use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Hints};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::Range;

/// A stretch of a source's steps, and the right to take each of them once.
///
/// Whoever holds one feeds it, discards it, or splits it; there is no copy of it. Dropping it leaks what its
/// steps own.
pub struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// # Safety
    /// There is no other span with any of these steps, of the source for which it is used.
    pub(crate) unsafe fn new(steps: Range<usize>) -> Self {
        debug_assert!(steps.start <= steps.end);
        Self {
            start: steps.start,
            end: steps.end,
        }
    }

    #[inline(always)]
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    #[inline(always)]
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    #[inline(always)]
    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The first `len` steps, and the others.
    pub(crate) fn split_at(self, len: usize) -> (Self, Self) {
        assert!(len <= self.len());
        let mid = self.start + len;
        let (left, right) = (self.start..mid, mid..self.end);
        (
            Self {
                start: left.start,
                end: left.end,
            },
            Self {
                start: right.start,
                end: right.end,
            },
        )
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.range(), f)
    }
}

/// A source whose steps can be taken in any order, by several threads at a time: what the driver cuts into
/// pieces. A step gives any number of items; in an indexed source, exactly one.
pub trait Steps: ParallelIterator + Sync {
    /// What the thread that runs a piece keeps between two chunks of it.
    type Local;

    /// How many steps there are.
    fn steps(&self) -> usize;

    /// From now on each step is fed or discarded once, and dropping the source does not drop what they
    /// own any more. Steps of what it is made of that belong to none of `0..steps()` are discarded by this,
    /// and all steps if that panics.
    ///
    /// # Safety
    /// Called once, by who then drives the source: who sees to it that each of `0..steps()` is fed, discarded or
    /// taken as an item once at most.
    ///
    /// It can be seen where [`IndexedParallelIterator`] is, and so nobody calls it by mistake:
    ///
    /// ```compile_fail,E0133
    /// use windrow::prelude::*;
    ///
    /// fn engage<I: IndexedParallelIterator>(mut items: I) {
    ///     items.engage();
    /// }
    /// ```
    unsafe fn engage(&mut self);

    fn hints(&self) -> Hints {
        Hints::default()
    }

    fn local(&self) -> Self::Local;

    /// Gives the items of these steps, in order, until the consumer is full. The steps are taken in any
    /// case: what has not been given is discarded, also on unwinding. An indexed source runs no loop of its
    /// own for this: the items go into this fold, one for each step.
    fn feed<C: Consumer<Self::Item>>(
        &self,
        local: &mut Self::Local,
        span: Span,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold;

    /// Drops what these steps own.
    fn discard(&self, span: Span);

    /// All steps have been fed or discarded, and nothing has panicked.
    fn ended(&self) {}
}

/// Steps that are discarded when this is dropped, also on unwinding, unless it is forgotten.
pub struct Held<'s, S: Steps> {
    source: &'s S,
    steps: Range<usize>,
}

impl<'s, S: Steps> Held<'s, S> {
    /// # Safety
    /// As for [`Span::new`]; another span with these steps may be made when this has been forgotten.
    #[inline(always)]
    pub(crate) unsafe fn new(source: &'s S, steps: Range<usize>) -> Self {
        Self { source, steps }
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Feeds them after all.
    #[inline(always)]
    pub(crate) fn feed<C: Consumer<S::Item>>(
        self,
        local: &mut S::Local,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        let this = ManuallyDrop::new(self);
        // SAFETY: the right to them is that value, which is not dropped.
        let span = unsafe { Span::new(this.steps.clone()) };
        this.source.feed(local, span, consumer, fold)
    }
}

impl<S: Steps> Drop for Held<'_, S> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.steps.is_empty() {
            // SAFETY: the right to them is this value.
            self.source
                .discard(unsafe { Span::new(self.steps.clone()) });
        }
    }
}

impl<S: Steps> fmt::Debug for Held<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Held").field(&self.steps).finish()
    }
}

/// The items of a span of an indexed source; drops those that are left.
pub(crate) struct Items<'s, S: IndexedParallelIterator> {
    source: &'s S,
    local: &'s mut S::Local,
    span: Range<usize>,
}

impl<'s, S: IndexedParallelIterator> Items<'s, S> {
    #[inline(always)]
    pub(crate) fn new(source: &'s S, local: &'s mut S::Local, span: Span) -> Self {
        Self {
            source,
            local,
            span: span.range(),
        }
    }
}

impl<S: IndexedParallelIterator> Iterator for Items<'_, S> {
    type Item = S::Item;

    #[inline(always)]
    fn next(&mut self) -> Option<S::Item> {
        let at = self.span.next()?;
        // SAFETY: the span was the right to it, and it is counted as taken.
        Some(unsafe { self.source.item(self.local, at) })
    }

    #[inline(always)]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.span.size_hint()
    }
}

impl<S: IndexedParallelIterator> ExactSizeIterator for Items<'_, S> {}

impl<S: IndexedParallelIterator> Drop for Items<'_, S> {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.span.is_empty() {
            // SAFETY: these have not been taken.
            self.source.discard(unsafe { Span::new(self.span.clone()) });
        }
    }
}

impl<S: IndexedParallelIterator> fmt::Debug for Items<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Items").field(&self.span).finish()
    }
}

/// [`Steps::feed`] for indexed sources that know nothing better than one item after the other.
///
/// Not inlined: as a function's argument `self` is known not to change while items are written elsewhere, so
/// that the pointers in it stay in registers and loops vectorize.
macro_rules! feed_by_item {
    () => {
        #[inline(never)]
        fn feed<C: $crate::par::plumbing::Consumer<Self::Item>>(
            &self,
            local: &mut Self::Local,
            span: $crate::par::plumbing::Span,
            consumer: &C,
            fold: C::Fold,
        ) -> C::Fold {
            consumer.take_iter(fold, $crate::par::plumbing::Items::new(self, local, span))
        }
    };
}

/// [`ParallelIterator::drive`] and `opt_len` of indexed sources: over their steps.
macro_rules! drive_by_item {
    () => {
        fn drive<C: $crate::par::plumbing::Consumer<Self::Item>>(
            self,
            consumer: &C,
            fold: C::Fold,
        ) -> C::Fold {
            $crate::par::plumbing::drive_steps(self, consumer, fold)
        }
        fn opt_len(&self) -> Option<usize> {
            Some($crate::par::plumbing::Steps::steps(self))
        }
    };
}

/// Methods that an iterator hands on to the one that it is made of, its field `$base`: those that are named, of
/// [`Steps`] (`ended` goes with `engage`), and `opt_len` and `item` of the traits around it.
macro_rules! forward_steps {
    ($base:ident: $($method:ident)*) => {
        $($crate::par::plumbing::forward_steps!(@ $method $base);)*
    };
    (@ opt_len $base:ident) => {
        fn opt_len(&self) -> Option<usize> {
            self.$base.opt_len()
        }
    };
    (@ steps $base:ident) => {
        #[inline]
        fn steps(&self) -> usize {
            self.$base.steps()
        }
    };
    (@ engage $base:ident) => {
        unsafe fn engage(&mut self) {
            // SAFETY: the caller's promise.
            unsafe { self.$base.engage() };
        }
        #[inline]
        fn ended(&self) {
            self.$base.ended();
        }
    };
    (@ hints $base:ident) => {
        fn hints(&self) -> $crate::par::plumbing::Hints {
            self.$base.hints()
        }
    };
    (@ local $base:ident) => {
        fn local(&self) -> Self::Local {
            self.$base.local()
        }
    };
    (@ feed $base:ident) => {
        #[inline]
        fn feed<C: $crate::par::plumbing::Consumer<Self::Item>>(
            &self,
            local: &mut Self::Local,
            span: $crate::par::plumbing::Span,
            consumer: &C,
            fold: C::Fold,
        ) -> C::Fold {
            self.$base.feed(local, span, consumer, fold)
        }
    };
    (@ discard $base:ident) => {
        #[inline]
        fn discard(&self, span: $crate::par::plumbing::Span) {
            self.$base.discard(span);
        }
    };
    (@ item $base:ident) => {
        #[inline(always)]
        unsafe fn item(&self, local: &mut Self::Local, index: usize) -> Self::Item {
            // SAFETY: the caller's promise, for the same index.
            unsafe { self.$base.item(local, index) }
        }
    };
}

/// [`Steps`] of a source that has nothing to engage, to keep between chunks, or to discard.
macro_rules! owns_nothing {
    () => {
        type Local = ();
        unsafe fn engage(&mut self) {}
        fn local(&self) {}
        #[inline]
        fn discard(&self, _span: $crate::par::plumbing::Span) {}
    };
}

pub(crate) use {drive_by_item, feed_by_item, forward_steps, owns_nothing};
