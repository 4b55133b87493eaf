//! Loops that can be told to stop, by a token or a clock, and say so.

use crate::cancel::CancelToken;
use crate::clock::Clock;
use crate::par::iter::ParallelIterator;
use crate::par::plumbing::{Consumer, Place, forward, forward_steps};
use crate::sync::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use thiserror::Error;

/// A loop that was told to stop before it was through. What its closures have done until then is done; the
/// items that they were not given have been dropped.
///
/// ```
/// use windrow::CancelToken;
/// use windrow::prelude::*;
///
/// let token = CancelToken::new();
/// token.cancel();
/// let interrupted = (0..100).into_par_iter().cancel(&token).sum::<i32>().unwrap_err();
/// assert!(interrupted.is_cancelled());
/// assert_eq!((interrupted.done(), interrupted.len()), (0, Some(100)));
/// assert_eq!(interrupted.to_string(), "the loop was cancelled after 0 of 100 items");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "the loop {} after {done}{} items",
    if *.expired { "passed its deadline" } else { "was cancelled" },
    Of(*.len)
)]
pub struct Interrupted {
    done: usize,
    len: Option<usize>,
    expired: bool,
}

/// " of 100", or nothing.
struct Of(Option<usize>);

impl std::fmt::Display for Of {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |len| write!(f, " of {len}"))
    }
}

impl Interrupted {
    /// How many items had passed the place in the chain where it can be interrupted. Not always the first ones.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done
    }

    /// How many there would have been, if that is known.
    #[allow(clippy::len_without_is_empty, reason = "it is not a collection")]
    #[must_use]
    pub fn len(&self) -> Option<usize> {
        self.len
    }

    /// A token was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        !self.expired
    }

    /// The deadline passed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use windrow::prelude::*;
    ///
    /// let late = (0..100).into_par_iter().timeout(Duration::ZERO).sum::<i32>().unwrap_err();
    /// assert!(late.is_expired() && !late.is_cancelled());
    /// ```
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.expired
    }
}

/// When a loop is to stop, and how far it has come.
#[derive(Debug)]
pub(crate) struct Watch {
    token: Option<CancelToken>,
    /// Rarely, there are several.
    others: Vec<CancelToken>,
    deadline: Option<Instant>,
    /// What the deadline is a time of.
    clock: Clock,
    cancelled: AtomicBool,
    expired: AtomicBool,
    cut: AtomicBool,
    done: AtomicUsize,
}

// Relaxed throughout: requests and counts. What the loop's end reads of them came with its pieces.
impl Watch {
    pub(crate) fn new() -> Self {
        Self {
            token: None,
            others: Vec::new(),
            deadline: None,
            clock: Clock::here(),
            cancelled: AtomicBool::new(false),
            expired: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            done: AtomicUsize::new(0),
        }
    }

    pub(crate) fn add_token(&mut self, token: CancelToken) {
        match self.token {
            None => self.token = Some(token),
            Some(_) => self.others.push(token),
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn set_deadline(&mut self, at: Instant) {
        self.deadline = Some(self.deadline.map_or(at, |earlier| earlier.min(at)));
    }

    fn wants_stop(&self) -> bool {
        if self
            .token
            .iter()
            .chain(&self.others)
            .any(CancelToken::is_cancelled)
        {
            self.cancelled.store(true, Ordering::Relaxed);
            return true;
        }
        if self.deadline.is_some_and(|at| self.clock.now() >= at) {
            self.expired.store(true, Ordering::Relaxed);
            return true;
        }
        false
    }

    /// Whether the loop was cut short because of this.
    pub(crate) fn interrupted(&self, len: Option<usize>) -> Option<Interrupted> {
        let cancelled = self.cancelled.load(Ordering::Relaxed);
        let expired = self.expired.load(Ordering::Relaxed);
        if self.cut.load(Ordering::Relaxed) && (cancelled || expired) {
            Some(Interrupted {
                done: self.done.load(Ordering::Relaxed),
                len,
                expired: !cancelled,
            })
        } else {
            None
        }
    }
}

/// A loop that asks a token or a clock whether to go on: see [`Interruptible::run`](crate::iter::Interruptible::run).
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Watched<'w, I> {
    base: I,
    watch: &'w Watch,
}

impl<'w, I> Watched<'w, I> {
    pub(crate) fn new(base: I, watch: &'w Watch) -> Self {
        Self { base, watch }
    }
}

struct WatchConsumer<'a, C> {
    inner: &'a C,
    watch: &'a Watch,
}

impl<T, C: Consumer<T>> Consumer<T> for WatchConsumer<'_, C> {
    /// How many items have passed and are not counted yet.
    type Fold = (C::Fold, usize);
    type Part = C::Part;
    forward!([.0] is_full is_settled reach at panicked append);

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

    #[inline(always)]
    fn is_stopped(&self, fold: &Self::Fold) -> bool {
        self.inner.is_stopped(&fold.0) || self.watch.wants_stop()
    }

    fn pause(&self, (fold, count): &mut Self::Fold) {
        self.watch
            .done
            .fetch_add(std::mem::take(count), Ordering::Relaxed);
        self.inner.pause(fold);
    }

    fn cut_short(&self) {
        self.watch.cut.store(true, Ordering::Relaxed);
        self.inner.cut_short();
    }

    fn finish(&self, (fold, count): Self::Fold) -> C::Part {
        self.watch.done.fetch_add(count, Ordering::Relaxed);
        self.inner.finish(fold)
    }
}

impl<I: ParallelIterator> ParallelIterator for Watched<'_, I> {
    type Item = I::Item;

    fn drive<C: Consumer<I::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let consumer = WatchConsumer {
            inner: consumer,
            watch: self.watch,
        };
        let (fold, count) = self.base.drive(&consumer, (fold, 0));
        self.watch.done.fetch_add(count, Ordering::Relaxed);
        fold
    }

    forward_steps!(base: opt_len);
}
