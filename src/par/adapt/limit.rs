//! Loops that end early, or let the first items fall away, by what all threads have seen so far.

use crate::par::debug::{debug_fields, debug_name};
use crate::par::iter::ParallelIterator;
use crate::par::plumbing::{Consumer, forward};
use crate::sync::{AtomicBool, AtomicUsize, Ordering};
use std::fmt;
use std::mem::forget;

/// A thread's decision about an item, from what all threads share.
pub trait Gauge<T>: Send + Sync {
    /// What comes out.
    type Output: Send;
    #[doc(hidden)]
    type Shared: Sync;
    #[doc(hidden)]
    fn begin(&self) -> Self::Shared;
    #[doc(hidden)]
    fn pass(&self, shared: &Self::Shared, item: T) -> Option<Self::Output>;
    #[doc(hidden)]
    fn is_over(&self, shared: &Self::Shared) -> bool;
}

/// An iterator whose items pass a gauge; made by [`while_some`](ParallelIterator::while_some),
/// [`take_any`](ParallelIterator::take_any), [`skip_any`](ParallelIterator::skip_any),
/// [`take_any_while`](ParallelIterator::take_any_while) and
/// [`skip_any_while`](ParallelIterator::skip_any_while).
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Gauged<I, G> {
    base: I,
    gauge: G,
}

impl<I, G> Gauged<I, G> {
    pub(crate) fn new(base: I, gauge: G) -> Self {
        Self { base, gauge }
    }
}

/// Made by [`while_some`](ParallelIterator::while_some).
pub type WhileSome<I> = Gauged<I, UntilNone>;
/// Made by [`take_any`](ParallelIterator::take_any).
pub type TakeAny<I> = Gauged<I, FirstFew>;
/// Made by [`skip_any`](ParallelIterator::skip_any).
pub type SkipAny<I> = Gauged<I, AfterFew>;
/// Made by [`take_any_while`](ParallelIterator::take_any_while).
pub type TakeAnyWhile<I, P> = Gauged<I, UntilNot<P>>;
/// Made by [`skip_any_while`](ParallelIterator::skip_any_while).
pub type SkipAnyWhile<I, P> = Gauged<I, OnceNot<P>>;

/// Until somebody has met `None`.
#[derive(Clone, Debug)]
pub struct UntilNone;
/// So many items, of all threads together.
#[derive(Clone, Debug)]
pub struct FirstFew(pub(crate) usize);
/// All but so many items, of all threads together.
#[derive(Clone, Debug)]
pub struct AfterFew(pub(crate) usize);
/// Until the predicate has failed somewhere.
#[derive(Clone)]
pub struct UntilNot<P>(pub(crate) P);
/// As soon as the predicate has failed somewhere.
#[derive(Clone)]
pub struct OnceNot<P>(pub(crate) P);

// Relaxed throughout: these are counts and flags that decide about items; nothing is published through them.

impl<T: Send> Gauge<Option<T>> for UntilNone {
    type Output = T;
    type Shared = AtomicBool;
    fn begin(&self) -> AtomicBool {
        AtomicBool::new(false)
    }
    #[inline(always)]
    fn pass(&self, over: &AtomicBool, item: Option<T>) -> Option<T> {
        if item.is_none() {
            over.store(true, Ordering::Relaxed);
        }
        item
    }
    #[inline(always)]
    fn is_over(&self, over: &AtomicBool) -> bool {
        over.load(Ordering::Relaxed)
    }
}

/// Takes one of what is left.
fn take_one(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
        left.checked_sub(1)
    })
    .is_ok()
}

impl<T: Send> Gauge<T> for FirstFew {
    type Output = T;
    type Shared = AtomicUsize;
    fn begin(&self) -> AtomicUsize {
        AtomicUsize::new(self.0)
    }
    #[inline]
    fn pass(&self, left: &AtomicUsize, item: T) -> Option<T> {
        take_one(left).then_some(item)
    }
    #[inline(always)]
    fn is_over(&self, left: &AtomicUsize) -> bool {
        left.load(Ordering::Relaxed) == 0
    }
}

impl<T: Send> Gauge<T> for AfterFew {
    type Output = T;
    type Shared = AtomicUsize;
    fn begin(&self) -> AtomicUsize {
        AtomicUsize::new(self.0)
    }
    #[inline]
    fn pass(&self, left: &AtomicUsize, item: T) -> Option<T> {
        let skipped = left.load(Ordering::Relaxed) > 0 && take_one(left);
        (!skipped).then_some(item)
    }
    #[inline(always)]
    fn is_over(&self, _: &AtomicUsize) -> bool {
        false
    }
}

impl<T: Send, P: Fn(&T) -> bool + Send + Sync> Gauge<T> for UntilNot<P> {
    type Output = T;
    type Shared = AtomicBool;
    fn begin(&self) -> AtomicBool {
        AtomicBool::new(false)
    }
    #[inline]
    fn pass(&self, over: &AtomicBool, item: T) -> Option<T> {
        if over.load(Ordering::Relaxed) {
            None
        } else if (self.0)(&item) {
            Some(item)
        } else {
            over.store(true, Ordering::Relaxed);
            None
        }
    }
    #[inline(always)]
    fn is_over(&self, over: &AtomicBool) -> bool {
        over.load(Ordering::Relaxed)
    }
}

impl<T: Send, P: Fn(&T) -> bool + Send + Sync> Gauge<T> for OnceNot<P> {
    type Output = T;
    type Shared = AtomicBool;
    fn begin(&self) -> AtomicBool {
        AtomicBool::new(true)
    }
    #[inline]
    fn pass(&self, skipping: &AtomicBool, item: T) -> Option<T> {
        if skipping.load(Ordering::Relaxed) && (self.0)(&item) {
            None
        } else {
            skipping.store(false, Ordering::Relaxed);
            Some(item)
        }
    }
    #[inline(always)]
    fn is_over(&self, _: &AtomicBool) -> bool {
        false
    }
}

struct GaugeConsumer<'a, C, G, S> {
    inner: &'a C,
    gauge: &'a G,
    shared: S,
}

impl<T, C, G> Consumer<T> for GaugeConsumer<'_, C, G, G::Shared>
where
    G: Gauge<T>,
    C: Consumer<G::Output>,
{
    type Fold = C::Fold;
    type Part = C::Part;
    forward!([] begin is_settled reach pause at panicked cut_short finish append);

    #[inline(always)]
    fn take(&self, fold: C::Fold, item: T) -> C::Fold {
        match self.gauge.pass(&self.shared, item) {
            Some(item) => self.inner.take(fold, item),
            None => fold,
        }
    }

    #[inline(always)]
    fn is_full(&self, fold: &C::Fold) -> bool {
        self.gauge.is_over(&self.shared) || self.inner.is_full(fold)
    }

    #[inline(always)]
    fn is_stopped(&self, fold: &C::Fold) -> bool {
        self.gauge.is_over(&self.shared) || self.inner.is_stopped(fold)
    }
}

impl<I, G> ParallelIterator for Gauged<I, G>
where
    I: ParallelIterator,
    G: Gauge<I::Item>,
{
    type Item = G::Output;

    fn drive<C: Consumer<G::Output>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let consumer = GaugeConsumer {
            inner: consumer,
            gauge: &self.gauge,
            shared: self.gauge.begin(),
        };
        // Also where nothing will pass: what drives the base may have more to do than this.
        self.base.drive(&consumer, fold)
    }
}

/// An iterator that ends as soon as a closure before it has panicked; made by
/// [`panic_fuse`](ParallelIterator::panic_fuse).
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct PanicFuse<I> {
    base: I,
}

impl<I> PanicFuse<I> {
    pub(crate) fn new(base: I) -> Self {
        Self { base }
    }
}

struct FuseConsumer<'a, C> {
    inner: &'a C,
    blown: AtomicBool,
}

/// Blows the fuse if it is dropped: on unwinding.
struct Blow<'f>(&'f AtomicBool);

impl Drop for Blow<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<T, C: Consumer<T>> Consumer<T> for FuseConsumer<'_, C> {
    type Fold = C::Fold;
    type Part = C::Part;
    forward!([] begin is_settled reach pause at cut_short finish append);

    #[inline(always)]
    fn take(&self, fold: C::Fold, item: T) -> C::Fold {
        let fuse = Blow(&self.blown);
        let fold = self.inner.take(fold, item);
        forget(fuse);
        fold
    }

    #[inline(always)]
    fn is_full(&self, fold: &C::Fold) -> bool {
        self.blown.load(Ordering::Relaxed) || self.inner.is_full(fold)
    }

    #[inline(always)]
    fn is_stopped(&self, fold: &C::Fold) -> bool {
        self.blown.load(Ordering::Relaxed) || self.inner.is_stopped(fold)
    }

    fn panicked(&self) {
        self.blown.store(true, Ordering::Relaxed);
        self.inner.panicked();
    }
}

impl<I: ParallelIterator> ParallelIterator for PanicFuse<I> {
    type Item = I::Item;

    fn drive<C: Consumer<I::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let consumer = FuseConsumer {
            inner: consumer,
            blown: AtomicBool::new(false),
        };
        self.base.drive(&consumer, fold)
    }
}

debug_fields!([I: fmt::Debug, G] Gauged<I, G> { base });

debug_name!(UntilNot<F> OnceNot<F>);
