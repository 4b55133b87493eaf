//! What the owner of a run does: receiving, flushing, waiting, making room.

use crate::clock;
use crate::error::RefusedReason;
use crate::scatter::combiner::Flushable;
use crate::scatter::core::Scatter;
use crate::scatter::limiter::{Admission, Limiter};
use crate::scatter::receive::{Context, Quiet};
use crate::scatter::shared::Shared;
use crate::scheduler::{Help, Participant, wait_until};
use crate::sync::{Arc, Ordering};
use crate::task::gathered;
use crate::unwind::{self, Payload};
use std::collections::VecDeque;
use std::ptr;
use std::time::Instant;

/// How many tasks a run has outstanding at most, unless it says otherwise: enough to keep any number of threads
/// busy, and few enough that their memory stays in a processor's cache.
const MAX_OUTSTANDING: usize = 1024;

/// Results that are handled before each scatter, if they are there.
const FIRST: usize = 2;

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    None,
    Until(Instant),
    Forever,
}

impl Patience {
    /// The time has come. Results may be ready all the same, and go on coming as handlers scatter more.
    fn is_late(self) -> bool {
        matches!(self, Patience::Until(at) if clock::now() >= at)
    }
}

/// What is called when no task is left.
pub(super) type Listener<'env, S, E> =
    Box<dyn FnMut(&mut S, &Scatter<'env, S, E>, u64) -> Result<(), E> + 'env>;

/// Everything about a run that is its owner's.
pub(super) struct Inner<'env, S, E> {
    pub(super) scatter: Scatter<'env, S, E>,
    pub(super) state: S,
    /// Of handlers that were called where no error can be returned.
    pub(super) errors: VecDeque<E>,
    max_outstanding: usize,
    /// Older entries in the own deques are not of this run.
    mark: usize,
    /// How often it has come to its end and been flushed.
    epoch: u64,
    listener: Option<Listener<'env, S, E>>,
}

/// A run that may wait at a limiter; not any more when this is dropped, be it by a handler's panic.
struct Waiting<'l> {
    limiter: &'l Limiter,
    run: Arc<Shared>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.limiter.forget(&self.run);
    }
}

impl<'env, S, E> Inner<'env, S, E> {
    pub(super) fn new(scatter: Scatter<'env, S, E>, state: S) -> Self {
        Self {
            mark: scatter.here().mark(),
            scatter,
            state,
            errors: VecDeque::new(),
            max_outstanding: MAX_OUTSTANDING,
            epoch: 0,
            listener: None,
        }
    }

    pub(super) fn set_max_outstanding(&mut self, tasks: usize) {
        self.max_outstanding = tasks;
    }

    pub(super) fn set_listener(&mut self, listener: Listener<'env, S, E>) {
        self.listener = Some(listener);
    }

    /// The body is inside another pool just now, and what the run does is to be done in its own.
    #[inline]
    fn is_elsewhere(&self) -> bool {
        !ptr::eq(Participant::current(), self.scatter.here)
    }

    #[cold]
    #[inline(never)]
    fn back_inside<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        // SAFETY: alive as long as the run.
        unsafe { &*self.scatter.here }.at(|| f(self))
    }

    /// Receives one item, if there is one. Says whether a handler was called.
    fn receive_one(&mut self) -> Option<bool> {
        let item = self.scatter.shared.inbox.take()?;
        let mut cx = Context {
            state: &mut self.state,
            scatter: &self.scatter,
            handled: None,
        };
        // SAFETY: taken out of the inbox just now, and everything in it is of this run and its types.
        unsafe { gathered::receive(item, (&raw mut cx).cast()) };
        let handled = cx.handled.is_some();
        if let Some(Err(error)) = cx.handled {
            self.errors.push_back(error);
        }
        Some(handled)
    }

    /// Does what others have asked for: to cancel, to flush combiners whose time has come.
    fn tend(&self) {
        let shared = &self.scatter.shared;
        shared.inbox.hear();
        if shared.is_cancelled() {
            for limiter in self.scatter.limiters.take() {
                limiter.forfeit(shared);
            }
        }
        if shared.due.load(Ordering::Relaxed) && shared.due.swap(false, Ordering::Acquire) {
            for combiner in self.scatter.combiners.borrow().iter() {
                for (index, drop_it) in combiner.due() {
                    self.queue_flush(&**combiner, index, drop_it);
                }
            }
        }
    }

    fn queue_flush(&self, combiner: &dyn Flushable, index: usize, drop_it: bool) {
        let flusher = combiner.flusher(index, drop_it);
        let receiver = Quiet::<S, E, true>::new();
        self.scatter.queue(move || flusher.flush(), receiver);
    }

    /// No task is left: calls the listener and has the combiners flush. `false` if there was nothing to do.
    fn flush(&mut self) -> bool {
        if !self.scatter.dirty.take() || self.scatter.is_cancelled() {
            return false;
        }
        self.epoch += 1;
        if let Some(listener) = &mut self.listener {
            // Until the combiners flush: the listener may panic, and the body may catch that and gather again.
            self.scatter.dirty.set(true);
            if let Err(error) = listener(&mut self.state, &self.scatter, self.epoch) {
                self.errors.push_back(error);
            }
            if self.scatter.outstanding() > 0 {
                // It has thought of something; the combiners flush when that is done.
                return true;
            }
            self.scatter.dirty.set(false);
        }
        for combiner in self.scatter.combiners.borrow().iter() {
            for index in combiner.unflushed() {
                self.queue_flush(&**combiner, index, false);
            }
        }
        self.scatter.outstanding() > 0 || !self.errors.is_empty()
    }

    /// Waits for news, and runs tasks of the run meanwhile (not towards a time). `false` if there is none in time.
    fn wait(&self, patience: Patience) -> bool {
        let inbox = &self.scatter.shared.inbox;
        match patience {
            Patience::None => inbox.has_news(),
            Patience::Until(at) => wait_until(inbox, at),
            Patience::Forever => {
                let help = Help {
                    mark: self.mark,
                    up_to: 0,
                };
                self.scatter.here().wait(inbox, help);
                true
            }
        }
    }

    /// Handles one result. `false` if there is none: not in time, or not any more.
    pub(super) fn gather_one(&mut self, patience: Patience) -> Result<bool, E> {
        if self.is_elsewhere() {
            return self.back_inside(move |run| run.gather_next(patience));
        }
        self.gather_next(patience)
    }

    #[inline]
    fn gather_next(&mut self, patience: Patience) -> Result<bool, E> {
        loop {
            if let Some(error) = self.errors.pop_front() {
                return Err(error);
            }
            self.tend();
            match self.receive_one() {
                Some(true) if self.errors.is_empty() => return Ok(true),
                Some(false) if patience.is_late() => return Ok(false),
                Some(_) => {}
                None if self.scatter.outstanding() > 0 => {
                    if !self.wait(patience) {
                        return Ok(false);
                    }
                }
                None => {
                    if !self.flush() {
                        return Ok(false);
                    }
                }
            }
        }
    }

    /// Handles all results. `false` if not all have come in time.
    pub(super) fn gather_all(&mut self, patience: Patience) -> Result<bool, E> {
        if self.is_elsewhere() {
            return self.back_inside(move |run| run.gather_all(patience));
        }
        // Without waiting only for tasks that are under way by now: handlers may scatter more without end.
        let (under_way, before) = (self.scatter.outstanding(), self.come_back());
        let enough = |run: &Self| {
            matches!(patience, Patience::None) && run.come_back() - before >= under_way as u64
        };
        while self.gather_next(patience)? {
            if patience.is_late() || enough(self) {
                return Ok(self.is_done());
            }
        }
        Ok(self.is_flushed())
    }

    /// How many tasks have come back so far.
    fn come_back(&self) -> u64 {
        let stats = self.scatter.stats();
        stats.gathered + stats.panicked + stats.forfeited
    }

    /// Nothing has come, is to come or is to be flushed.
    fn is_done(&self) -> bool {
        self.is_flushed() && !self.scatter.shared.inbox.has_news()
    }

    /// Nothing is to come, nor to be flushed.
    fn is_flushed(&self) -> bool {
        let scatter = &self.scatter;
        let flushes = self.listener.is_some() || !scatter.combiners.borrow().is_empty();
        scatter.outstanding() == 0 && self.errors.is_empty() && !(flushes && scatter.dirty.get())
    }

    /// After the run has been cancelled: receives what there is, without calling handlers. Never unwinds.
    pub(super) fn drain(&mut self) {
        if self.is_elsewhere() {
            return self.back_inside(Self::drain);
        }
        loop {
            self.tend();
            if self.receive_one().is_some() {
                continue;
            }
            if self.scatter.outstanding() == 0 {
                return;
            }
            self.wait(Patience::Forever);
        }
    }

    /// Ends the combiners; gives back panics of the user's code in that.
    pub(super) fn end_combiners(&mut self) -> Vec<Payload> {
        let combiners = self.scatter.combiners.take();
        let mut panics = Vec::new();
        for combiner in &combiners {
            panics.extend(combiner.end());
        }
        // One at a time, and each in parts: two panics in one drop would end the process.
        for combiner in combiners {
            panics.extend(combiner.release());
            panics.extend(unwind::drop_quietly(combiner));
        }
        panics.extend(unwind::drop_quietly(self.listener.take()));
        panics
    }

    /// Whether a task may be accepted at once, and there is nothing to gather first: the usual case.
    #[inline]
    pub(super) fn is_clear(&self) -> bool {
        let shared = &self.scatter.shared;
        !shared.inbox.has_news()
            && self.scatter.outstanding.get() < self.max_outstanding
            && !shared.is_closed()
    }

    /// Before the body scatters: handles what is ready, and waits for room (and for a slot, which it takes).
    #[inline(never)]
    pub(super) fn make_room(
        &mut self,
        limiter: Option<&Limiter>,
        patience: Patience,
    ) -> Result<(), RefusedReason> {
        if self.is_elsewhere() {
            return self.back_inside(move |run| run.make_room_here(limiter, patience));
        }
        self.make_room_here(limiter, patience)
    }

    #[inline(always)]
    fn make_room_here(
        &mut self,
        limiter: Option<&Limiter>,
        patience: Patience,
    ) -> Result<(), RefusedReason> {
        for _ in 0..FIRST {
            if self.receive_one().is_none() {
                break;
            }
        }
        let waits = !matches!(patience, Patience::None);
        let _waiting = limiter.filter(|_| waits).map(|limiter| Waiting {
            limiter,
            run: Arc::clone(&self.scatter.shared),
        });
        loop {
            self.tend();
            let shared = &self.scatter.shared;
            if shared.is_closed() {
                break Err(RefusedReason::Closed);
            }
            let full = if self.scatter.outstanding() >= self.max_outstanding {
                self.max_outstanding
            } else {
                let Some(limiter) = limiter else {
                    return Ok(());
                };
                match limiter.take(waits.then_some(shared)) {
                    Admission::Slot => break Ok(()),
                    Admission::Closed => break Err(RefusedReason::Closed),
                    Admission::Full => limiter.slots(),
                }
            };
            let late = !waits || patience.is_late();
            if late || (self.receive_one().is_none() && !self.wait(patience)) {
                break Err(RefusedReason::Full { capacity: full });
            }
        }
    }
}
