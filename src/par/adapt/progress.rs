//! Telling how far a loop has come.

use crate::clock::Clock;
use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Place, Span, Steps, forward, forward_steps};
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, fence};
use std::fmt;
use std::time::{Duration, Instant};

/// How far a loop has come; see [`progress`](ParallelIterator::progress).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// How many items have been given to what comes behind in the chain, and come back.
    pub done: usize,
    /// How many there are, if that is known.
    pub len: Option<usize>,
}

/// An iterator that tells how far it has come; made by [`progress`](ParallelIterator::progress).
#[must_use = "iterators do nothing until they are consumed"]
pub struct WithProgress<I, F> {
    base: I,
    meter: Meter<F>,
}

/// The closure is not called more often than this.
const INTERVAL: Duration = Duration::from_millis(10);

struct Meter<F> {
    report: F,
    len: Option<usize>,
    done: AtomicUsize,
    clock: Clock,
    begun: Instant,
    /// When it is time for the next report, in nanoseconds from the begin.
    due: AtomicU64,
    /// Held while the closure runs, so that it never hears of less than before. Nobody waits for it: the closure may wait
    /// for whoever would.
    reporting: Mutex<()>,
    /// The loop is over, and the last report is to come. Who finds `reporting` taken leaves it to the holder,
    /// who looks when it has let go: each of the two changes its part, then passes a fence, then looks at the other's.
    last: AtomicBool,
}

impl<F: Fn(Progress) + Send + Sync> Meter<F> {
    /// Counts items, and reports if it is time.
    fn add(&self, items: usize) {
        // Relaxed: a count.
        self.done.fetch_add(items, Ordering::Relaxed);
        let time = self.clock.now().saturating_duration_since(self.begun);
        let now = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        if now < self.due.load(Ordering::Relaxed) {
            return;
        }
        if let Some(reporting) = self.reporting.try_lock() {
            if now >= self.due.load(Ordering::Relaxed) {
                self.due.store(
                    now.saturating_add(INTERVAL.as_nanos() as u64),
                    Ordering::Relaxed,
                );
                self.report();
            }
            drop(reporting);
            self.report_last();
        }
    }

    fn report(&self) {
        (self.report)(Progress {
            done: self.done.load(Ordering::Relaxed),
            len: self.len,
        });
    }

    /// The loop is over.
    fn end(&self, items: usize) {
        self.done.fetch_add(items, Ordering::Relaxed);
        self.last.store(true, Ordering::Relaxed);
        self.report_last();
    }

    /// The last report, if it is time for it and nobody else is at one.
    fn report_last(&self) {
        loop {
            fence(Ordering::SeqCst);
            if !self.last.load(Ordering::Relaxed) {
                return;
            }
            let Some(_reporting) = self.reporting.try_lock() else {
                return;
            };
            if self.last.swap(false, Ordering::Relaxed) {
                self.report();
            }
        }
    }
}

impl<I: ParallelIterator, F> WithProgress<I, F> {
    pub(crate) fn new(base: I, report: F) -> Self {
        let (len, clock) = (base.opt_len(), Clock::here());
        Self {
            base,
            meter: Meter {
                report,
                len,
                done: AtomicUsize::new(0),
                begun: clock.now(),
                clock,
                due: AtomicU64::new(INTERVAL.as_nanos() as u64),
                reporting: Mutex::new(()),
                last: AtomicBool::new(false),
            },
        }
    }
}

struct ProgressConsumer<'a, C, F> {
    inner: &'a C,
    meter: &'a Meter<F>,
}

impl<T, C, F> Consumer<T> for ProgressConsumer<'_, C, F>
where
    C: Consumer<T>,
    F: Fn(Progress) + Send + Sync,
{
    /// How many items have passed since the last chunk began.
    type Fold = (C::Fold, usize);
    type Part = C::Part;
    forward!([.0] is_full is_stopped is_settled at panicked cut_short append);

    fn begin(&self, at: Place) -> Self::Fold {
        (self.inner.begin(at), 0)
    }

    #[inline(always)]
    fn take(&self, (fold, count): Self::Fold, item: T) -> Self::Fold {
        (self.inner.take(fold, item), count + 1)
    }

    #[inline(always)]
    fn take_iter<It: Iterator<Item = T>>(
        &self,
        (fold, mut count): Self::Fold,
        items: It,
    ) -> Self::Fold {
        let fold = self.inner.take_iter(fold, items.inspect(|_| count += 1));
        (fold, count)
    }

    fn reach(&self, (fold, count): &mut Self::Fold, at: usize) {
        if *count > 0 {
            self.meter.add(std::mem::take(count));
        }
        self.inner.reach(fold, at);
    }

    fn pause(&self, (fold, count): &mut Self::Fold) {
        if *count > 0 {
            self.meter.add(std::mem::take(count));
        }
        self.inner.pause(fold);
    }

    fn finish(&self, (fold, count): Self::Fold) -> C::Part {
        if count > 0 {
            self.meter.add(count);
        }
        self.inner.finish(fold)
    }
}

impl<I, F> ParallelIterator for WithProgress<I, F>
where
    I: ParallelIterator,
    F: Fn(Progress) + Send + Sync,
{
    type Item = I::Item;

    fn drive<C: Consumer<I::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let consumer = ProgressConsumer {
            inner: consumer,
            meter: &self.meter,
        };
        let (fold, count) = self.base.drive(&consumer, (fold, 0));
        self.meter.end(count);
        fold
    }

    forward_steps!(base: opt_len);
}

/// As part of an indexed loop (zipped, reversed, ...): it has no fold there to count in, and counts chunk by chunk, or
/// item by item.
impl<I, F> Steps for WithProgress<I, F>
where
    I: IndexedParallelIterator,
    F: Fn(Progress) + Send + Sync,
{
    type Local = I::Local;

    unsafe fn engage(&mut self) {
        self.meter.len = Some(self.base.steps());
        // SAFETY: the caller's promise.
        unsafe { self.base.engage() };
    }

    fn ended(&self) {
        self.base.ended();
        self.meter.end(0);
    }

    forward_steps!(base: steps hints local discard);

    fn feed<C: Consumer<I::Item>>(
        &self,
        local: &mut I::Local,
        span: Span,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        let consumer = ProgressConsumer {
            inner: consumer,
            meter: &self.meter,
        };
        // Not how many there are in the span: it may be full before.
        let (fold, count) = self.base.feed(local, span, &consumer, (fold, 0));
        self.meter.add(count);
        fold
    }
}

impl<I, F> IndexedParallelIterator for WithProgress<I, F>
where
    I: IndexedParallelIterator,
    F: Fn(Progress) + Send + Sync,
{
    unsafe fn item(&self, local: &mut I::Local, index: usize) -> I::Item {
        // SAFETY: the caller's promise.
        let item = unsafe { self.base.item(local, index) };
        self.meter.add(1);
        item
    }
}

impl<I: fmt::Debug, F> fmt::Debug for WithProgress<I, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithProgress")
            .field("base", &self.base)
            .field("done", &self.meter.done.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}
