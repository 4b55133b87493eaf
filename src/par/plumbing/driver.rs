//! Runs a source's steps: on the calling thread, chunk by chunk, and on whoever is free.
//!
//! # One piece
//! ```text
//!   fork:  b = "take half of what is left then, run it as a piece, come back"    (recorded, not begun)
//!   run:   claim a chunk, feed it; look around; claim the next ...
//!   join:  nobody came: b is taken back, there is nothing left for it.
//!          somebody came: wait for it, append its part.
//! ```
//! The job that is offered does not say which steps it will take: the thief decides when it comes
//! ([`share`](super::share)). So a piece is forked once, however long it is, and cut only where somebody was
//! free to take the other half: lazy splitting (Tzannes et al. 2014) with the split on the thief's side. A
//! loop that nobody joins in makes one fold, allocates nothing, and costs a fork, a compare-and-swap a chunk
//! and a clock now and then ([`grain`](super::grain)).
//!
//! The owner sees in its next claim that it has been robbed. It takes what is left out of the thief's reach and
//! begins anew with it, one frame deeper: a new fork, and so the board has an offer again, for everybody. A
//! theft takes half of what is left, so the depth is at most the logarithm of the length. If the owner is held up
//! by a long step meanwhile, the thief comes back, and takes half of the rest again.
//!
//! # Looking around
//! Between two chunks the owner asks whether the loop is to end ([`Consumer::is_stopped`]: found, failed,
//! cancelled, or a piece has panicked), and whether its board wants forks: then it promotes its oldest, as
//! the next fork would. So a long inner loop offers what the loops around it have left.
//!
//! # Panics
//! A chunk that unwinds has discarded what it did not give. The guard of the piece then tells the consumer,
//! so that other pieces stop at their next look, and discards the piece's own rest, so that there is nothing
//! left for `b`. The fork waits for a thief before the panic goes on, as `join` does. Whatever else may panic while
//! others are at their parts, on either side of a fork, is under a guard that tells them: a fold that begins, pauses or
//! is finished, and a part that is appended.

use crate::par::iter::ParallelIterator;
use crate::par::plumbing::grain::Grain;
use crate::par::plumbing::share::{Claim, LONGEST, Share};
use crate::par::plumbing::{Consumer, Fork, Held, Hints, Place, Span, Steps, forward};
use crate::pool::ThreadPool;
use crate::priority::Priority;
use crate::scheduler::{Participant, Registry, with_place};
use crate::sync::{AtomicBool, Ordering};
use crate::task::node::Node;
use crate::unwind;
use std::mem::forget;
use std::panic::resume_unwind;

/// Runs a whole loop.
pub(crate) fn consume<I, C>(items: I, consumer: C) -> C::Part
where
    I: ParallelIterator,
    C: Consumer<I::Item>,
{
    let watched = Watched {
        inner: consumer,
        stop: AtomicBool::new(false),
    };
    let fold = watched.begin(Place::at(0));
    let fold = items.drive(&watched, fold);
    watched.finish(fold)
}

/// Runs all steps of a source as a piece that `fold` has begun.
pub(crate) fn drive_steps<S, C>(mut source: S, consumer: &C, fold: C::Fold) -> C::Fold
where
    S: Steps,
    C: Consumer<S::Item>,
{
    let hints = source.hints();
    if source.steps() <= 1 && hints.pool.is_none() && hints.level.is_none() {
        // Nothing to share, so there is no need for a pool.
        return drive_alone(source, consumer, fold);
    }
    in_pool(hints.pool.as_deref(), hints.level, |here| {
        // Only now: entering a pool may panic, and the source still owns what its steps own.
        // SAFETY: once, and `piece` takes care of each step.
        unsafe { source.engage() };
        let piece = Piece {
            source: &source,
            consumer,
            hints: &hints,
        };
        let fold = piece.run(here, whole(&source), fold);
        source.ended();
        fold
    })
}

/// Runs a source of one step at most on the calling thread.
fn drive_alone<S, C>(mut source: S, consumer: &C, fold: C::Fold) -> C::Fold
where
    S: Steps,
    C: Consumer<S::Item>,
{
    let unwinding = OnUnwind(|| consumer.panicked());
    let mut local = source.local();
    // SAFETY: once, and the whole span is fed or discarded.
    unsafe { source.engage() };
    let span = whole(&source);
    let mut fold = if span.len() == 0 {
        // Not even an empty feed, which would make a state for no item.
        fold
    } else if consumer.is_stopped(&fold) {
        consumer.cut_short();
        source.discard(span);
        fold
    } else {
        source.feed(&mut local, span, consumer, fold)
    };
    consumer.pause(&mut fold);
    source.ended();
    forget(unwinding);
    fold
}

/// Runs two loops of which the second is open to a thief while the first runs. The second is given the place
/// of its first piece, which it is to finish.
pub(crate) fn drive_both<T, C>(
    consumer: &C,
    fold: C::Fold,
    first: impl FnOnce(C::Fold) -> C::Fold,
    second: impl FnOnce(Place) -> C::Part + Send,
) -> C::Fold
where
    C: Consumer<T>,
{
    in_pool(None, None, |here| {
        let fork = Fork::new(consumer.at(&fold));
        // The second runs even if the first has panicked, and might not end if it is not told.
        let (fold, part) = here.fork_join(
            || {
                let unwinding = OnUnwind(|| consumer.panicked());
                let fold = first(fold);
                forget(unwinding);
                fork.left_is_over(consumer.is_settled(&fold));
                fold
            },
            || {
                let unwinding = OnUnwind(|| consumer.panicked());
                // SAFETY: in the fork, as is the piece.
                let part = second(unsafe { fork.right(0) });
                forget(unwinding);
                part
            },
        );
        consumer.append(fold, part)
    })
}

/// Runs all steps of a source block by block: a block begins when the one before is over. `sizes` is called in
/// the pool of the loop; when it has no more to say, the rest is one block.
pub(crate) fn drive_blocks<S, C, Z>(
    mut source: S,
    sizes: impl FnOnce() -> Z,
    consumer: &C,
    mut fold: C::Fold,
) -> C::Fold
where
    S: Steps,
    C: Consumer<S::Item>,
    Z: Iterator<Item = usize>,
{
    let hints = source.hints();
    in_pool(hints.pool.as_deref(), hints.level, |here| {
        let mut sizes = sizes();
        // SAFETY: once, and `piece` takes care of each step.
        unsafe { source.engage() };
        let source = &source;
        let piece = Piece {
            source,
            consumer,
            hints: &hints,
        };
        let mut left = whole(source).range();
        while !left.is_empty() {
            // Before the question: the fold is still where the block before has left it.
            consumer.reach(&mut fold, left.start);
            if consumer.is_stopped(&fold) {
                break;
            }
            let size = sizes.next().unwrap_or(usize::MAX).clamp(1, left.len());
            let block = left.start..left.start + size;
            left.start += size;
            // SAFETY: `left` is what no block has had.
            let behind = unsafe { Held::new(source, left.clone()) };
            // SAFETY: as above.
            fold = piece.run(here, unsafe { Span::new(block) }, fold);
            forget(behind);
        }
        if !left.is_empty() {
            consumer.cut_short();
            // SAFETY: as above.
            source.discard(unsafe { Span::new(left) });
        }
        source.ended();
        fold
    })
}

/// All steps of a source that has just been engaged.
fn whole<S: Steps>(source: &S) -> Span {
    // SAFETY: called once a source.
    unsafe { Span::new(0..source.steps()) }
}

/// Calls `f` with the calling thread's place in the pool: the named one, else the innermost that it works
/// in, else the global one. What is forked in `f` has the given level.
pub(crate) fn in_pool<R>(
    pool: Option<&Registry>,
    level: Option<Priority>,
    f: impl FnOnce(&Participant) -> R,
) -> R {
    let f = |here: &Participant| match level {
        Some(level) if level != here.level() => at_level(here, level, f),
        _ => f(here),
    };
    if let Some(pool) = pool {
        return with_place(pool, f);
    }
    // SAFETY: a current participant is alive as long as this thread is in its pool, which is longer than
    // this call.
    match unsafe { Participant::current().as_ref() } {
        Some(here) => f(here),
        None => with_place(ThreadPool::global().registry(), f),
    }
}

fn at_level<R>(here: &Participant, level: Priority, f: impl FnOnce(&Participant) -> R) -> R {
    let node = Node::new(here.node());
    let mut outcome = None;
    here.run_uncounted(&raw const node, level, || {
        outcome = Some(unwind::catch(|| f(here)));
    });
    match outcome.expect("run_uncounted has called it") {
        Ok(value) => value,
        Err(payload) => resume_unwind(payload),
    }
}

/// What all pieces of a loop have in common.
struct Piece<'l, S, C> {
    source: &'l S,
    consumer: &'l C,
    hints: &'l Hints,
}

impl<S, C> Piece<'_, S, C>
where
    S: Steps,
    C: Consumer<S::Item>,
{
    /// A piece, from its begin.
    fn run(&self, here: &Participant, span: Span, fold: C::Fold) -> C::Fold {
        if span.len() > LONGEST {
            if self.consumer.is_stopped(&fold) {
                // There may be very many pieces to come.
                self.consumer.cut_short();
                self.source.discard(span);
                return fold;
            }
            let half = span.len() / 2;
            let (near, far) = span.split_at(half);
            let fork = Fork::new(self.consumer.at(&fold));
            let (fold, part) = here.fork_join(
                || {
                    let unwinding = OnUnwind(|| self.consumer.panicked());
                    let fold = self.run(here, near, fold);
                    forget(unwinding);
                    fork.left_is_over(self.consumer.is_settled(&fold));
                    fold
                },
                || self.run_elsewhere(&fork, far, None),
            );
            return self.consumer.append(fold, part);
        }
        let mut local = self.before(&span, || self.source.local());
        let mut grain = Grain::new(span.len(), self.hints);
        self.go_on(here, &mut local, &mut grain, span, fold)
    }

    /// Shares what is left, and runs it.
    fn go_on(
        &self,
        here: &Participant,
        local: &mut S::Local,
        grain: &mut Grain,
        span: Span,
        fold: C::Fold,
    ) -> C::Fold {
        let share = Share::new(span);
        let fork = Fork::new(self.consumer.at(&fold));
        let (fold, right) = here.fork_join(
            || {
                let fold = self.own(here, local, grain, &share, fold);
                fork.left_is_over(self.consumer.is_settled(&fold));
                fold
            },
            || {
                let mut taken = None;
                // Again and again: the owner may be held up by a long step.
                while let Some(span) = share.take_half(self.hints.min_len) {
                    taken = Some(self.run_elsewhere(&fork, span, taken));
                }
                taken
            },
        );
        match right {
            Some(part) => self.consumer.append(fold, part),
            None => fold,
        }
    }

    /// A piece of its own on the right of a fork, on whichever thread this is, followed by the part of what
    /// lies behind it.
    fn run_elsewhere(&self, fork: &Fork, span: Span, behind: Option<C::Part>) -> C::Part {
        // Also if what is appended panics, or the end: nobody else would tell who is on the left.
        let unwinding = OnUnwind(|| self.consumer.panicked());
        // SAFETY: a forked job runs on a participant of its pool.
        let here = unsafe { &*Participant::current() };
        // SAFETY: the piece is finished here, in the fork.
        let place = unsafe { fork.right(span.start()) };
        let fold = self.before(&span, || self.consumer.begin(place));
        let mut fold = self.run(here, span, fold);
        if let Some(part) = behind {
            fold = self.consumer.append(fold, part);
        }
        let part = self.consumer.finish(fold);
        forget(unwinding);
        part
    }

    /// Calls a closure before any of a span's steps is begun. If it panics they are discarded.
    fn before<R>(&self, span: &Span, f: impl FnOnce() -> R) -> R {
        let unwinding = OnUnwind(|| {
            self.consumer.panicked();
            // SAFETY: its holder, which is unwinding, has taken none of its steps, and will not.
            self.source.discard(unsafe { Span::new(span.range()) });
        });
        let result = f();
        forget(unwinding);
        result
    }

    /// Runs what no thief takes.
    fn own(
        &self,
        here: &Participant,
        local: &mut S::Local,
        grain: &mut Grain,
        share: &Share,
        mut fold: C::Fold,
    ) -> C::Fold {
        let unwinding = OnUnwind(|| {
            self.consumer.panicked();
            self.discard_rest(share);
        });
        loop {
            if self.consumer.is_stopped(&fold) {
                self.discard_rest(share);
                break;
            }
            match share.claim(grain.size()) {
                Claim::Chunk(span, left) => {
                    // SAFETY: the same steps; either this or the span is used.
                    let held = unsafe { Held::new(self.source, span.range()) };
                    // It may call a closure that reports progress.
                    self.consumer.reach(&mut fold, span.start());
                    forget(held);
                    fold = self.source.feed(local, span, self.consumer, fold);
                    if left == 0 {
                        break;
                    }
                    grain.done(left, here.newest_is_private());
                    if grain.takes_long() {
                        here.call_for_help();
                    }
                }
                Claim::Robbed(rest) => {
                    fold = self.go_on(here, local, grain, rest, fold);
                    break;
                }
                Claim::Empty => break,
            }
            here.promote_if_wanted();
        }
        // Nothing is left for `discard_rest` by now, but a thief may be at its part.
        self.consumer.pause(&mut fold);
        forget(unwinding);
        fold
    }

    fn discard_rest(&self, share: &Share) {
        if let Some(rest) = share.close() {
            self.consumer.cut_short();
            self.source.discard(rest);
        }
    }
}

/// Calls a closure if it is dropped: that is, on unwinding.
pub(super) struct OnUnwind<F: Fn()>(pub(super) F);

impl<F: Fn()> Drop for OnUnwind<F> {
    #[cold]
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A loop's consumer, with the flag that a panic in one piece raises for the others.
struct Watched<C> {
    inner: C,
    stop: AtomicBool,
}

impl<T, C: Consumer<T>> Consumer<T> for Watched<C> {
    type Fold = C::Fold;
    type Part = C::Part;
    forward!([] begin is_full is_settled reach pause at cut_short finish append);

    #[inline(always)]
    fn take(&self, fold: C::Fold, item: T) -> C::Fold {
        self.inner.take(fold, item)
    }
    #[inline(always)]
    fn take_iter<I: Iterator<Item = T>>(&self, fold: C::Fold, items: I) -> C::Fold {
        self.inner.take_iter(fold, items)
    }
    #[inline(always)]
    fn is_stopped(&self, fold: &C::Fold) -> bool {
        // Relaxed: a request; what the panic leaves behind travels with the job's latch.
        self.stop.load(Ordering::Relaxed) || self.inner.is_stopped(fold)
    }
    fn panicked(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
