//! Loops over what comes out of a sequential iterator.
//!
//! The iterator is behind a lock; whoever has nothing left takes the next items from it. Its number of items is
//! not known, so the driver is given more steps than there will be, and the loop ends when the iterator does.
//! A thread takes several items at a time only if the iterator promises them (`size_hint`): a thread that held an
//! item back while it waits for the next one could wait for ever, if that one comes of the first.

use crate::par::debug::debug_fields;
use crate::par::iter::{ParallelBridge, ParallelIterator};
use crate::par::plumbing::{Consumer, Hints, Span, Steps, drive_steps, forward, lock};
use crate::sync::{AtomicBool, Mutex, Ordering};
use std::mem::{MaybeUninit, forget};

/// An iterator over the items of a sequential iterator, in any order; made by
/// [`par_bridge`](ParallelBridge::par_bridge).
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct IterBridge<I> {
    items: I,
}

impl<I> IterBridge<I> {
    pub(crate) fn new(items: I) -> Self {
        Self { items }
    }

    pub(crate) fn into_inner(self) -> I {
        self.items
    }
}

impl<I> ParallelBridge for I
where
    I: Iterator<Item: Send> + Send,
{
    fn par_bridge(self) -> IterBridge<I> {
        IterBridge::new(self)
    }
}

/// So many steps are offered at a time.
const ROUND: usize = u32::MAX as usize;

/// The most items that are taken at a time, if they are small; an eighth of it if they are not, and one if they
/// are so large that several are too much for a stack.
const BATCH: usize = 64;

/// From this size on items are taken one by one.
const LARGE: usize = 1024;

/// The iterator among the threads.
struct Tap<'b, I> {
    items: &'b Mutex<I>,
    dry: &'b AtomicBool,
}

impl<I> ParallelIterator for IterBridge<I>
where
    I: Iterator<Item: Send> + Send,
{
    type Item = I::Item;

    fn drive<C: Consumer<I::Item>>(self, consumer: &C, mut fold: C::Fold) -> C::Fold {
        let items = Mutex::new(self.items);
        let dry = AtomicBool::new(false);
        let until_dry = UntilDry {
            inner: consumer,
            dry: &dry,
        };
        while !until_dry.is_stopped(&fold) {
            let tap = Tap {
                items: &items,
                dry: &dry,
            };
            fold = drive_steps(tap, &until_dry, fold);
        }
        // There may be items left that no step has asked for.
        until_dry.cut_short();
        // Before anything is returned, see `Consumer::take_iter`.
        drop(items);
        fold
    }
}

struct UntilDry<'b, C> {
    inner: &'b C,
    dry: &'b AtomicBool,
}

impl<T, C: Consumer<T>> Consumer<T> for UntilDry<'_, C> {
    type Fold = C::Fold;
    type Part = C::Part;
    // `cut_short` stays here: steps that are left over when the iterator has ended are no loss.
    forward!([] begin is_full is_settled reach pause at panicked finish append);

    #[inline(always)]
    fn take(&self, fold: C::Fold, item: T) -> C::Fold {
        self.inner.take(fold, item)
    }
    #[inline(always)]
    fn take_iter<It: Iterator<Item = T>>(&self, fold: C::Fold, items: It) -> C::Fold {
        self.inner.take_iter(fold, items)
    }
    #[inline(always)]
    fn is_stopped(&self, fold: &C::Fold) -> bool {
        // Relaxed: a hint; the lock decides.
        self.dry.load(Ordering::Relaxed) || self.inner.is_stopped(fold)
    }
    fn cut_short(&self) {
        if !self.dry.load(Ordering::Relaxed) {
            self.inner.cut_short();
        }
    }
}

impl<I> ParallelIterator for Tap<'_, I>
where
    I: Iterator<Item: Send> + Send,
{
    type Item = I::Item;

    fn drive<C: Consumer<I::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        drive_steps(self, consumer, fold)
    }
}

impl<I> Steps for Tap<'_, I>
where
    I: Iterator<Item: Send> + Send,
{
    type Local = ();

    fn steps(&self) -> usize {
        ROUND
    }

    unsafe fn engage(&mut self) {}

    fn hints(&self) -> Hints {
        Hints {
            first_len: 1,
            ..Hints::default()
        }
    }

    fn local(&self) {}

    fn feed<C: Consumer<I::Item>>(
        &self,
        (): &mut (),
        span: Span,
        consumer: &C,
        mut fold: C::Fold,
    ) -> C::Fold {
        let mut left = span.len();
        while left > 0 {
            let taken;
            (taken, fold) = match self.next_alone(left) {
                Next::Item(item) => (1, consumer.take(fold, item)),
                Next::End => break,
                Next::Several if size_of::<I::Item>() <= BATCH => {
                    self.pass::<BATCH, C>(left, consumer, fold)
                }
                Next::Several => self.pass::<{ BATCH / 8 }, C>(left, consumer, fold),
            };
            left -= taken;
            // The next item may be long in coming, so this is asked more often than once a chunk.
            if consumer.is_stopped(&fold) {
                break;
            }
        }
        fold
    }

    fn discard(&self, _span: Span) {}
}

/// What the iterator has.
enum Next<T> {
    /// One item, and no promise of more.
    Item(T),
    /// Several items can be taken at a time; none has been.
    Several,
    End,
}

/// The iterator has ended, or panicked and is not asked again, if this is dropped.
struct Dry<'d>(&'d AtomicBool);

impl Drop for Dry<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<I: Iterator> Tap<'_, I> {
    /// Takes an item, unless it is better to take several.
    #[inline]
    fn next_alone(&self, most: usize) -> Next<I::Item> {
        let mut items = lock(self.items);
        // Asked under the lock, which orders it: an iterator that has ended is left alone.
        if self.dry.load(Ordering::Relaxed) {
            return Next::End;
        }
        if size_of::<I::Item>() < LARGE && items.size_hint().0.min(most) > 1 {
            return Next::Several;
        }
        let dry = Dry(self.dry);
        let Some(item) = items.next() else {
            return Next::End;
        };
        forget(dry);
        Next::Item(item)
    }

    /// Takes up to `most` items, `N` at most, out of the iterator and gives them to the consumer. Apart from
    /// `feed`, so that only one of the two buffers is ever on the stack.
    #[inline(never)]
    fn pass<const N: usize, C: Consumer<I::Item>>(
        &self,
        most: usize,
        consumer: &C,
        fold: C::Fold,
    ) -> (usize, C::Fold) {
        let mut batch = Batch::<I::Item, N>::new();
        self.fill(&mut batch, most.min(N));
        let taken = batch.filled;
        (taken, consumer.take_iter(fold, batch))
    }

    fn fill<const N: usize>(&self, batch: &mut Batch<I::Item, N>, most: usize) {
        let mut items = lock(self.items);
        if self.dry.load(Ordering::Relaxed) {
            return;
        }
        let dry = Dry(self.dry);
        for _ in 0..items.size_hint().0.min(most) {
            match items.next() {
                Some(item) => batch.push(item),
                None => return,
            }
        }
        forget(dry);
    }
}

/// A few items in a row, on the stack.
struct Batch<T, const N: usize> {
    items: [MaybeUninit<T>; N],
    filled: usize,
    given: usize,
}

impl<T, const N: usize> Batch<T, N> {
    fn new() -> Self {
        Self {
            items: [const { MaybeUninit::uninit() }; N],
            filled: 0,
            given: 0,
        }
    }

    fn push(&mut self, item: T) {
        self.items[self.filled].write(item);
        self.filled += 1;
    }
}

impl<T, const N: usize> Iterator for Batch<T, N> {
    type Item = T;

    #[inline(always)]
    fn next(&mut self) -> Option<T> {
        if self.given == self.filled {
            return None;
        }
        let place = &self.items[self.given];
        self.given += 1;
        // SAFETY: filled, and counted as given.
        Some(unsafe { place.assume_init_read() })
    }
}

impl<T, const N: usize> Drop for Batch<T, N> {
    fn drop(&mut self) {
        let left = std::ptr::from_mut(&mut self.items[self.given..self.filled]) as *mut [T];
        // SAFETY: filled, and not given.
        unsafe { left.drop_in_place() };
    }
}

debug_fields!([I] IterBridge<I> {});
