//! Fork and join on a participant: the fast path of the whole crate.
//!
//! `b` is recorded, `a` runs, `b` is taken back and runs. As long as nobody is hungry that is all: no
//! atomic read-modify-write, no fence, no allocation. The slow ways (promotion, stolen jobs) are out of
//! line and shared by all closures.

use crate::priority::Priority;
use crate::scheduler::forks::Reclaimed;
use crate::scheduler::idle::Kind;
use crate::scheduler::participant::Participant;
use crate::scheduler::wait::Help;
use crate::task::stack::{StackHeader, StackJob};
use crate::unwind;
use std::mem::ManuallyDrop;
use std::panic::resume_unwind;

/// Where a forked job turned out to be.
#[derive(Debug, PartialEq, Eq)]
enum Settled {
    /// Back with its owner, not started.
    Ours,
    /// Run to its end by a thief.
    Done,
}

impl Participant {
    /// Runs `a` here, and `b` here or on whoever takes it.
    #[inline(always)]
    pub(crate) fn fork_join<A, B, RA, RB>(&self, a: A, b: B) -> (RA, RB)
    where
        A: FnOnce() -> RA,
        B: FnOnce() -> RB + Send,
        RB: Send,
    {
        let job = StackJob::new(b);
        let slot = match self.forks.push(job.as_ptr()) {
            Some(slot) => slot,
            None => self.fork_slowly(job.as_ptr()),
        };
        let unwinding = Unwinding {
            here: self,
            slot,
            job: &job,
        };
        let ra = Held::new(a());
        std::mem::forget(unwinding);
        if self.forks.pop(slot) || self.settle(slot, job.header()) == Settled::Ours {
            // SAFETY: it is private again (or still), and taken only here.
            let b = unsafe { job.take() };
            let rb = b();
            (ra.take(), rb)
        } else {
            // SAFETY: the latch is set, and the result is taken only here.
            match unsafe { job.take_result() } {
                Ok(rb) => (ra.take(), rb),
                Err(payload) => resume_unwind(payload),
            }
        }
    }

    /// Records a job when the stack is armed or full, and promotes what is due.
    #[cold]
    #[inline(never)]
    fn fork_slowly(&self, job: *const StackHeader) -> usize {
        let slot = self.forks.push_slowly(job);
        self.promote();
        slot
    }

    /// Promotes what is due, as a fork would: for code that runs long without forking.
    #[inline]
    pub(crate) fn promote_if_wanted(&self) {
        if self.forks.wants_promotion() {
            self.promote();
        }
    }

    /// A fork would be offered to other threads at once: for code that forks only then. It may say so in vain
    /// before the first fork, and once after each that was not taken.
    #[inline]
    pub(crate) fn wants_fork(&self) -> bool {
        self.forks.wants_fork()
    }

    /// The newest fork is not on the board: older ones are, which are larger, or nobody could take any.
    #[inline]
    pub(crate) fn newest_is_private(&self) -> bool {
        self.forks.newest_is_private()
    }

    /// What is forked here will take long: wakes even a worker that would notice it by itself, in its time.
    #[cold]
    pub(crate) fn call_for_help(&self) {
        if self.forks.levels() != 0 {
            let registry = self.registry();
            registry.act_on(registry.idle.notify_again(Kind::LongFork));
        }
    }

    #[cold]
    #[inline(never)]
    fn promote(&self) {
        let registry = self.registry();
        let promoted = self
            .forks
            .promote(registry.fork_target(), |slot| self.describe_fork(slot));
        for level in Priority::DESCENDING {
            if promoted & level.bit() != 0 {
                registry.act_on(registry.announce(level, Kind::Fork));
            }
        }
    }

    /// Comes back for a job that has been promoted.
    #[cold]
    #[inline(never)]
    fn settle(&self, slot: usize, job: &StackHeader) -> Settled {
        match self.forks.reclaim(slot) {
            Reclaimed::Ours => Settled::Ours,
            Reclaimed::Stolen => {
                let mark = self.mark();
                self.wait(job, Help { mark, up_to: 0 });
                Settled::Done
            }
        }
    }
}

/// `a`'s result while `b` may still panic: then it is dropped, and a panic from its drop is contained,
/// which would end the process in the midst of unwinding.
struct Held<T>(ManuallyDrop<T>);

impl<T> Held<T> {
    #[inline(always)]
    fn new(value: T) -> Self {
        Self(ManuallyDrop::new(value))
    }

    #[inline(always)]
    fn take(self) -> T {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped nor used again.
        unsafe { ManuallyDrop::take(&mut this.0) }
    }
}

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        // SAFETY: dropped once, here.
        let value = unsafe { ManuallyDrop::take(&mut self.0) };
        if let Some(second) = unwind::drop_quietly(value) {
            unwind::discard(second);
        }
    }
}

/// `a` has panicked: `b` runs all the same, here or where it has been taken to, as it would in two
/// threads; then `a`'s panic goes on. What `b` gives is dropped.
struct Unwinding<'a, B, RB>
where
    B: FnOnce() -> RB,
{
    here: &'a Participant,
    slot: usize,
    job: &'a StackJob<B, RB>,
}

impl<B, RB> Drop for Unwinding<'_, B, RB>
where
    B: FnOnce() -> RB,
{
    #[cold]
    fn drop(&mut self) {
        let outcome = if self.here.forks.pop(self.slot)
            || self.here.settle(self.slot, self.job.header()) == Settled::Ours
        {
            // SAFETY: it is private again (or still), and taken only here.
            unwind::catch(unsafe { self.job.take() })
        } else {
            // SAFETY: the latch is set, and the result is taken only here.
            unsafe { self.job.take_result() }
        };
        // `a`'s panic is the one that goes on.
        let second = match outcome {
            Ok(rb) => unwind::drop_quietly(rb),
            Err(payload) => Some(payload),
        };
        if let Some(payload) = second {
            unwind::discard(payload);
        }
    }
}
