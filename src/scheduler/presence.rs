//! Who comes and goes: guests and visitors, threads of a pool that grows or shrinks, and the end of it all.
//!
//! The same `Idle` as in `idle`, whose sleep protocol this is built on: whoever leaves (a worker that lies
//! down, a guest, a visitor) looks, after a fence, whether the pool is closing and settled; whoever closes it
//! sets the flag first and looks after a fence. So the last one to leave, or the closer, ends the pool.
//!
//! Whoever comes in is counted first, and then looks, after a fence, for the flag: the closer sees it, or it sees
//! the flag. A visitor turns back then. A guest stays, and takes the lock once, under which pools are ended: after
//! that the pool has ended, or will not before the guest has left. What is "at work in the pool" relies on that.
//!
//! # States of a pool
//! | state | flags | accepts from outside | from its own tasks |
//! |---|---|---|---|
//! | open | | yes | yes |
//! | paused | `PAUSED` | yes | yes |
//! | draining | `CLOSED` | no | yes |
//! | halted | `CLOSED`, `HALTED` | no | no |
//! | terminated | the same, and `terminated` | no | no; threads leave |
//!
//! It goes down this table only, except for `PAUSED`, which comes and goes. Once it is terminated there are
//! no threads, and none may be started; guests work alone.

use crate::scheduler::counts::{
    ACTIVE, CLOSED, GUEST, HALTED, LINGERING, PAUSED, SEARCHING, SLEEPING,
};
use crate::scheduler::idle::{Idle, View};
use crate::scheduler::roster::{Bed, Roster};
use crate::sync::{Arc, Ordering, fence};

impl Idle {
    /// A thread from outside comes in to work.
    pub(crate) fn enter(&self) {
        self.visits.fetch_add((1 << 32) + 1, Ordering::Relaxed);
        self.change(GUEST);
        // As in `stay`. Who is at work here relies on it: the pool does not end around it, or has ended.
        fence(Ordering::SeqCst);
        if self.is_closing() {
            // Somebody may be ending it who looked for guests before we came.
            drop(self.roster.lock());
        }
    }

    /// It leaves. The caller looks for work that its slot is now free for, after the fence here.
    pub(crate) fn leave(&self, view: &dyn View) {
        self.change(GUEST.wrapping_neg());
        self.end_visit(view);
        self.changed.notify_fenced();
    }

    /// A thread from outside wants the pool not to end for a while; `false` if it takes nothing more from
    /// outside.
    pub(crate) fn visit(&self, view: &dyn View) -> bool {
        self.stay();
        let open = !self.counts().closed();
        if !open {
            self.end_visit(view);
        }
        open
    }

    /// A visit, of a pool that may be closed.
    pub(crate) fn stay(&self) {
        self.visits.fetch_add(1, Ordering::Relaxed);
        // Pairs with the fence in `end_if_settled`: whoever ends the pool sees the visit, or we see the flag, and what it
        // has left.
        fence(Ordering::SeqCst);
    }

    pub(crate) fn end_visit(&self, view: &dyn View) {
        self.visits.fetch_sub(1, Ordering::Release);
        fence(Ordering::SeqCst);
        if self.is_closing() {
            self.end_if_settled(view);
        }
    }

    /// Whether anybody is at work in the pool.
    pub(crate) fn is_deserted(&self) -> bool {
        let counts = self.counts();
        counts.active() == 0 && counts.guests() == 0
    }

    fn guests_inside(&self) -> usize {
        (self.visits.load(Ordering::Acquire) & 0xFFFF_FFFF) as usize
    }

    #[inline]
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Nothing more is accepted from outside; once everything accepted is done and everybody sleeps, all
    /// end.
    pub(crate) fn close(&self, view: &dyn View) {
        {
            let _roster = self.roster.lock();
            self.closing.store(true, Ordering::Relaxed);
            self.word.fetch_or(CLOSED, Ordering::Relaxed);
        }
        self.end_if_settled(view);
    }

    /// Nothing more is accepted from anybody.
    pub(crate) fn halt(&self) {
        self.word.fetch_or(HALTED, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Workers take up nothing new.
    pub(crate) fn pause(&self) {
        self.word.fetch_or(PAUSED, Ordering::Relaxed);
    }

    /// They do again; the caller wakes them, after the fence here.
    pub(crate) fn resume(&self) {
        self.word.fetch_and(!PAUSED, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// After something has ended that was not a worker's: the last worker in bed may have waited for it.
    pub(crate) fn look_after(&self, view: &dyn View) {
        self.changed.notify();
        if self.is_closing() {
            self.end_if_settled(view);
        }
    }

    /// Ends the pool if it is closing, all threads are in bed and nothing is left to do.
    pub(super) fn end_if_settled(&self, view: &dyn View) -> bool {
        let mut roster = self.roster.lock();
        // Pairs with the fence of whoever lies down, leaves, visits or submits: it sees that the pool is
        // closed, or we see what it did. Done here, under the lock that the flags were set under: a fence
        // from before they were does not help whoever has just seen one of them.
        fence(Ordering::SeqCst);
        let settled =
            roster.sleepers.len() == roster.threads && self.guests_inside() == 0 && view.settled();
        if settled {
            self.terminate(&mut roster);
        }
        settled
    }

    fn terminate(&self, roster: &mut Roster) {
        self.terminated.store(true, Ordering::Release);
        self.word.fetch_or(CLOSED | HALTED, Ordering::Relaxed);
        // Whoever works here from now on works alone.
        self.max_threads.store(0, Ordering::Relaxed);
        let mut delta = (roster.sleepers.len() as u64 * SLEEPING).wrapping_neg();
        if roster.lingerer.take().is_some() {
            delta = delta.wrapping_sub(LINGERING);
        }
        self.change(delta);
        for bed in roster.sleepers.drain(..) {
            bed.parker.unpark();
        }
        self.changed.notify();
    }

    /// Ends the pool at once, whatever is queued: for a pool that could not be built.
    pub(crate) fn abandon(&self) {
        let mut roster = self.roster.lock();
        self.terminate(&mut roster);
    }

    pub(crate) fn is_terminated(&self) -> bool {
        self.terminated.load(Ordering::Acquire)
    }

    /// A thread has run its exit handler in a pool that has ended.
    pub(crate) fn gone(&self, index: usize) {
        self.roster.lock().dismiss(index);
        self.changed.notify();
    }

    /// The pool's size, its threads, and how many of them are active.
    pub(crate) fn population(&self) -> (usize, usize, usize) {
        let threads = self.alive.load(Ordering::Relaxed) as usize;
        (self.size(), threads, self.counts().active())
    }

    /// Whether the pool has ended and no thread of it is left.
    pub(crate) fn is_over(&self) -> bool {
        self.is_terminated() && self.roster.lock().threads == 0
    }

    /// A thread that was started late begins.
    pub(crate) fn arrive(&self, index: usize) {
        self.roster.lock().arrive(index);
        self.changed.notify();
    }

    /// Waits for spares that are being started and whose index is below `size`: until they have begun, or
    /// have failed.
    pub(crate) fn await_starting(&self, size: usize) {
        let begun = || !self.roster.lock().is_starting_below(size);
        self.changed.wait(None, begun);
    }

    /// Changes the pool's size. Returns the indices of the threads that are to be started (they are
    /// counted as searching); `None`, and nothing is changed, if one of them is being started as a spare.
    pub(crate) fn resize(&self, size: usize, spares: usize) -> Option<Vec<usize>> {
        let mut roster = self.roster.lock();
        if self.is_terminated() {
            return Some(Vec::new());
        }
        if roster.is_starting_below(size) {
            return None;
        }
        let before = self.size();
        self.size.store(size, Ordering::Relaxed);
        self.max_threads.store(size + spares, Ordering::Relaxed);
        let (start, rejoin) = roster.resize(before, size);
        self.change(start.len() as u64 * (ACTIVE + SEARCHING));
        debug_assert!(rejoin <= size, "only indices below the size");
        for bed in &roster.sleepers {
            bed.parker.unpark();
        }
        Some(start)
    }

    /// Whether the worker, in bed, is to leave a pool that has shrunk.
    pub(super) fn retires(&self, bed: &Arc<Bed>, view: &dyn View) -> bool {
        if bed.index < self.size() {
            return false;
        }
        let mut roster = self.roster.lock();
        if !bed.asleep.load(Ordering::Relaxed)
            || self.is_terminated()
            || !view.may_leave()
            || !roster.lets_go(bed.index, self.size())
        {
            return false;
        }
        roster.sleepers.retain(|b| !Arc::ptr_eq(b, bed));
        let mut delta = SLEEPING.wrapping_neg();
        if roster.lingerer.take_if(|l| Arc::ptr_eq(l, bed)).is_some() {
            delta = delta.wrapping_sub(LINGERING);
        }
        self.change(delta);
        // Its exit handler may still submit: the pool does not end before it is gone.
        self.visits.fetch_add(1, Ordering::Relaxed);
        if self.stalls(&roster) {
            // Who has just lent its slot has relied on this sleeper.
            for waiter in &roster.waiters {
                waiter.unpark_stalled();
            }
        }
        true
    }

    /// The last act of a thread that retires, after its exit handler: `true` if it is needed again (the
    /// pool has grown meanwhile) and goes on as a new one, counted as searching.
    pub(crate) fn leave_for_good(&self, index: usize, view: &dyn View) -> bool {
        let rejoins = {
            let mut roster = self.roster.lock();
            let rejoins = roster.part(index);
            if rejoins {
                self.change(ACTIVE + SEARCHING);
            }
            rejoins
        };
        self.end_visit(view);
        self.changed.notify();
        rejoins
    }
}
