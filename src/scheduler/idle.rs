//! Who is awake, who sleeps, and how nobody sleeps beside work. The protocol and its proof sketch are
//! in this folder's `README.md`, section *Sleep*.
//!
//! # Who may touch what
//! `word` packs the counts and is read by everybody at each publication; the roster lists the same
//! sleepers with their beds and is changed together with the word, under its lock. Only `searching`,
//! `active` (by a lender) and `guests` change without the lock, by single additions.
//!
//! # Memory ordering
//! Publisher: publish; `fence(SeqCst)`; read the word. Sleeper (and lender): announce in the word;
//! `fence(SeqCst)`; look for work. One of the two fences comes first, so either the publisher sees the
//! sleeper or the sleeper sees the work. The operations on the word themselves need no order beyond
//! that and are Relaxed, except where they hand over what the lock hands over anyway.

use crate::clock;
use crate::gate::Gate;
use crate::park::Parker;
use crate::process;
use crate::scheduler::counts::{ACTIVE, Counts, LINGERING, MAX_THREADS, SEARCHING, SLEEPING};
use crate::scheduler::roster::{Bed, Roster};
use crate::sim::Sim;
use crate::sync::{Arc, AtomicBool, AtomicU64, AtomicUsize, CountU64, Mutex, Ordering, fence};
use std::ops::Deref;
use std::time::Duration;

/// One poll of the lingering worker. The kernel makes 0.1 ms of it (timer slack), a virtual machine
/// that has halted the processor up to 0.25 ms.
const LINGER_POLL: Duration = Duration::from_micros(50);
/// How long a worker lingers after the last sign of life before it sleeps for good.
// Under shuttle as long as two polls, so that both ends of it are seen.
const LINGER: Duration = Duration::from_micros(if cfg!(windrow_shuttle) { 100 } else { 2000 });

/// What has been published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A spawned task: somebody must run it, and its spawner may block on it in ways that the pool
    /// cannot see. Guests do not count as threads that will.
    Task,
    /// A promoted fork: its owner will run it if nobody else does. Waking is only worth it while
    /// fewer threads than the pool's size are at work, guests included.
    Fork,
    /// The same, and it is known to take long.
    LongFork,
}

/// What the publisher must do.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Wake {
    /// Nobody is needed.
    Nobody,
    /// A sleeper has been woken.
    Woken,
    /// The thread with this index is needed and may be started; it has been counted.
    StartThread(usize),
    /// Somebody is needed, but this is a forked child: the sleepers stayed with the parent, and their
    /// locks may be held for ever.
    Forked,
}

/// How a sleep ended.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Slept {
    /// There may be work; the worker is counted as searching.
    Searching,
    /// The pool has ended.
    Terminated,
    /// The pool has shrunk, and this thread is to leave it; see [`Idle::leave_for_good`].
    Retired,
}

/// What a sleeper can see of the pool; implemented by the registry, and by the models.
pub(crate) trait View {
    /// Whether there is work that one more worker should take, given who is at work. Forks count only if
    /// `forks` is set.
    fn wanted(&self, counts: Counts, forks: bool) -> bool;
    /// Whether nothing is left of what was accepted, once all workers sleep.
    fn settled(&self) -> bool;
    /// Whether this worker has nothing to do that only it can.
    fn may_leave(&self) -> bool {
        true
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Idle {
    /// On cache lines of its own: workers change it all the time, the rest hardly ever changes.
    pub(super) word: Apart<AtomicU64>,
    /// The pool's size: how many should be active.
    pub(super) size: AtomicUsize,
    /// Size and spares: how many threads there may be.
    pub(super) max_threads: AtomicUsize,
    /// Low half: guests inside, parked ones included. High half: how many have entered, wrapping.
    pub(super) visits: AtomicU64,
    /// Written under the roster's lock, once.
    pub(super) closing: AtomicBool,
    pub(super) terminated: AtomicBool,
    /// The process that the threads live in.
    process: u32,
    pub(super) roster: Mutex<Roster>,
    /// How many threads there are.
    pub(super) alive: Arc<CountU64>,
    /// For those who wait until the pool is idle, or has ended.
    pub(crate) changed: Gate,
}

/// Shares its cache lines (two, as they come in pairs) with nothing.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Apart<T>(T);

impl<T> Deref for Apart<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl Idle {
    /// A pool whose `size` workers are about to start, active.
    pub(crate) fn new(size: usize, max_threads: usize) -> Self {
        debug_assert!(max_threads <= MAX_THREADS);
        let roster = Roster::new(size);
        Self {
            word: Apart(AtomicU64::new(size as u64 * ACTIVE)),
            size: AtomicUsize::new(size),
            max_threads: AtomicUsize::new(max_threads),
            visits: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            terminated: AtomicBool::new(false),
            process: process::current(),
            alive: roster.alive(),
            roster: Mutex::new(roster),
            changed: Gate::new(),
        }
    }

    #[inline]
    pub(crate) fn counts(&self) -> Counts {
        Counts::of(self.word.load(Ordering::Relaxed))
    }

    pub(crate) fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    pub(super) fn change(&self, delta: u64) {
        self.word.fetch_add(delta, Ordering::Relaxed);
    }

    /// Whether one more thread should take up work of this kind.
    pub(crate) fn has_room(&self, counts: Counts, kind: Kind) -> bool {
        let busy = match kind {
            Kind::Task => counts.active(),
            Kind::Fork | Kind::LongFork => counts.active() + counts.guests(),
        };
        busy < self.size() && !counts.paused()
    }

    /// After publishing and a full fence: wakes somebody if nobody is looking and somebody should.
    #[inline]
    pub(crate) fn notify(&self, kind: Kind) -> Wake {
        self.notify_of(kind, true)
    }

    /// The same for work that is not new, only unattended: waiters in a stalled pool have looked at it.
    pub(crate) fn notify_again(&self, kind: Kind) -> Wake {
        self.notify_of(kind, false)
    }

    #[inline]
    fn notify_of(&self, kind: Kind, new: bool) -> Wake {
        let counts = self.counts();
        if self.should_wake(counts, kind) {
            self.wake_one(kind, new)
        } else {
            Wake::Nobody
        }
    }

    #[inline]
    fn should_wake(&self, counts: Counts, kind: Kind) -> bool {
        // A searcher that finds other work wakes the next one itself, see `stop_searching`. A
        // lingering worker will see a fork by itself, soon enough and for free.
        counts.searching() == 0
            && self.has_room(counts, kind)
            && !(kind == Kind::Fork && counts.lingering())
    }

    #[cold]
    #[inline(never)]
    fn wake_one(&self, kind: Kind, new: bool) -> Wake {
        if process::current() != self.process {
            return Wake::Forked;
        }
        let mut roster = self.roster.lock();
        let counts = self.counts();
        if !self.should_wake(counts, kind) {
            return Wake::Nobody;
        }
        if let Some(bed) = roster.sleepers.pop() {
            self.rouse(&mut roster, &bed);
            drop(roster);
            bed.parker.unpark();
            return Wake::Woken;
        }
        if roster.has_room(self.max_threads.load(Ordering::Relaxed)) {
            let index = roster.admit();
            self.change(ACTIVE + SEARCHING);
            return Wake::StartThread(index);
        }
        if new && counts.active() == 0 {
            // Everybody waits and nobody may be started: the waiters themselves must look for what
            // they wait for.
            for waiter in &roster.waiters {
                waiter.unpark_stalled();
            }
        }
        Wake::Nobody
    }

    /// Under the lock: `bed` has been taken off the list; count it as awake and searching.
    fn rouse(&self, roster: &mut Roster, bed: &Arc<Bed>) {
        let mut delta = (ACTIVE + SEARCHING).wrapping_sub(SLEEPING);
        if roster
            .lingerer
            .as_ref()
            .is_some_and(|l| Arc::ptr_eq(l, bed))
        {
            roster.lingerer = None;
            delta = delta.wrapping_sub(LINGERING);
        }
        self.change(delta);
        bed.asleep.store(false, Ordering::Release);
    }

    /// A thread that `Wake::StartThread` asked for could not be started. No further one will be tried:
    /// a pool that waits for threads which the system refuses would try for ever.
    ///
    /// Returns whether somebody may have relied on it: it has been counted as searching since it was asked for. The caller
    /// looks for a successor then, after a fence that is done here.
    #[must_use]
    pub(crate) fn start_failed(&self, index: usize) -> bool {
        let mut roster = self.roster.lock();
        roster.dismiss(index);
        self.max_threads.store(roster.threads, Ordering::Relaxed);
        self.change(ACTIVE.wrapping_neg());
        let relied_on = self.stop_searching();
        for waiter in &roster.waiters {
            waiter.unpark_stalled();
        }
        relied_on
    }

    /// The pool has just stalled: the other waiters must look for what they wait for, too.
    pub(crate) fn tell_other_waiters(&self, own: &Arc<Parker>) {
        let roster = self.roster.lock();
        for waiter in roster.waiters.iter().filter(|w| !Arc::ptr_eq(w, own)) {
            waiter.unpark_stalled();
        }
    }

    /// A worker without work asks to look for some. Refused when enough others do.
    pub(crate) fn start_searching(&self) -> bool {
        let counts = self.counts();
        if 2 * counts.searching() >= counts.active().max(1) {
            return false;
        }
        self.change(SEARCHING);
        true
    }

    /// A searcher has found work. If it was the last one, work published meanwhile may have relied on
    /// it: it must look again and wake its successor, after a fence that is done here.
    #[must_use]
    pub(crate) fn stop_searching(&self) -> bool {
        let old = Counts::of(self.word.fetch_sub(SEARCHING, Ordering::Relaxed));
        let last = old.searching() == 1;
        if last {
            fence(Ordering::SeqCst);
        }
        last
    }

    /// A worker without work goes to bed. `searching` tells how it is counted now.
    pub(crate) fn sleep(&self, bed: &Arc<Bed>, searching: bool, view: &dyn View) -> Slept {
        let mut lingering = self.lie_down(bed, searching);
        // Announced; now the fence and the second look.
        fence(Ordering::SeqCst);
        self.changed.notify_fenced();
        let mut visits = self.visits.load(Ordering::Relaxed);
        let mut since = clock::now();
        let mut polled = false;
        loop {
            if self.terminated.load(Ordering::Acquire) {
                return Slept::Terminated;
            }
            // Whoever lingers looks after forks, and not at once: one that has only just been offered is
            // not worth getting up for.
            let counts = self.counts();
            if view.wanted(counts, polled || !counts.lingering()) {
                return self.get_up(bed);
            }
            if self.is_closing() && self.end_if_settled(view) {
                return Slept::Terminated;
            }
            if self.retires(bed, view) {
                return Slept::Retired;
            }
            if lingering {
                let notified = bed.parker.park_timeout(LINGER_POLL);
                polled = true;
                let now = self.visits.load(Ordering::Relaxed);
                if now != visits {
                    visits = now;
                    since = clock::now();
                }
                if !notified && clock::now().saturating_duration_since(since) >= LINGER {
                    lingering = false;
                    self.stop_lingering(bed);
                    fence(Ordering::SeqCst);
                }
            } else {
                bed.parker.park();
            }
            if !bed.asleep.load(Ordering::Acquire) {
                return Slept::Searching;
            }
        }
    }

    /// Puts the worker on the list; `true` if it is to linger.
    fn lie_down(&self, bed: &Arc<Bed>, searching: bool) -> bool {
        let mut roster = self.roster.lock();
        bed.asleep.store(true, Ordering::Relaxed);
        roster.sleepers.push(Arc::clone(bed));
        let mut delta = SLEEPING.wrapping_sub(ACTIVE);
        if searching {
            delta = delta.wrapping_sub(SEARCHING);
        }
        let lingers = roster.lingerer.is_none()
            && !self.is_closing()
            && self.size() > 1
            && Sim::current().is_none();
        if lingers {
            roster.lingerer = Some(Arc::clone(bed));
            delta = delta.wrapping_add(LINGERING);
        }
        self.change(delta);
        lingers
    }

    fn stop_lingering(&self, bed: &Arc<Bed>) {
        let mut roster = self.roster.lock();
        if roster
            .lingerer
            .as_ref()
            .is_some_and(|l| Arc::ptr_eq(l, bed))
        {
            roster.lingerer = None;
            self.change(LINGERING.wrapping_neg());
        }
    }

    /// The sleeper itself ends its sleep, unless somebody has just done so, or ended the pool: what was
    /// wanted may be done by now.
    fn get_up(&self, bed: &Arc<Bed>) -> Slept {
        let mut roster = self.roster.lock();
        if self.is_terminated() {
            return Slept::Terminated;
        }
        if bed.asleep.load(Ordering::Relaxed) {
            let at = roster.sleepers.iter().position(|b| Arc::ptr_eq(b, bed));
            roster
                .sleepers
                .swap_remove(at.expect("who is asleep is on the list"));
            self.rouse(&mut roster, bed);
        }
        Slept::Searching
    }

    /// A thread parks in a wait and lends its slot, which is what it counts as: `ACTIVE`, `GUEST` or nothing. Returns
    /// whether the pool is stalled by it: nobody is active, and no thread may be started, so that the waiters must look
    /// themselves. The caller looks for work afterwards (the fence is done here).
    pub(crate) fn lend(&self, parker: &Arc<Parker>, slot: u64) -> bool {
        let mut roster = self.roster.lock();
        roster.waiters.push(Arc::clone(parker));
        self.change(slot.wrapping_neg());
        let stalled = self.stalls(&roster);
        drop(roster);
        fence(Ordering::SeqCst);
        stalled
    }

    /// Whether nobody is active and nobody can be: the waiters must look for what they wait for.
    pub(crate) fn is_stalled(&self) -> bool {
        self.stalls(&self.roster.lock())
    }

    pub(super) fn stalls(&self, roster: &Roster) -> bool {
        self.counts().active() == 0
            && roster.sleepers.is_empty()
            && !roster.has_room(self.max_threads.load(Ordering::Relaxed))
    }

    /// The waiter is back. It waits for no one: for a while there may be one active thread too many.
    pub(crate) fn take_back(&self, parker: &Arc<Parker>, slot: u64) {
        let mut roster = self.roster.lock();
        let at = roster.waiters.iter().position(|p| Arc::ptr_eq(p, parker));
        roster
            .waiters
            .swap_remove(at.expect("a lender is on the list"));
        self.change(slot);
    }

    /// Makes all sleepers and waiters look again: there is mail. (In a forked child there is nobody, and the lock may be held
    /// for ever.)
    pub(crate) fn wake_everybody(&self) {
        if process::current() != self.process {
            return;
        }
        let roster = self.roster.lock();
        for bed in &roster.sleepers {
            bed.parker.unpark();
        }
        for waiter in &roster.waiters {
            waiter.unpark();
        }
    }
}
