//! Where forked jobs wait: a private stack, and a small public board onto which the oldest are
//! promoted.
//!
//! `join(a, b)` records `b` here while it runs `a`. The *private* part is touched by its owner alone:
//! recording and taking back are plain loads and stores. The *board* holds at most [`BOARD`] promoted
//! jobs, the oldest and so the largest, behind a short lock; thieves take from its old end, and a
//! waiting thread may look through it for a job that it is allowed to run.
//!
//! ```text
//!   slots:  [ stolen | promoted (= on the board) | private           ]
//!           0                          ^ bottom                ^ top
//! ```
//!
//! # Who may touch what
//! * `top`, `bottom`, `slots`, `capacity`: the owner.
//! * the board: whoever holds its lock.
//! * `limit`: written under the board's lock, read by the owner at each fork without it. It is either
//!   `capacity` (*satisfied*: enough is on the board) or 0 (*armed*: the next fork goes the slow way and
//!   promotes). A thief arms it with each theft, so there is no need for the owner to look at the board:
//!   promotion on demand costs one relaxed load of a line that is written only by thefts.
//!
//! # Why `join` pops its own job
//! Forks nest strictly: when `join` comes to take back slot `i`, all later slots have been taken back
//! or waited for. So its job is the newest on the private part, or the newest on the board, or stolen.
//! Thieves take the oldest first, or any job that they may run; a job that is missing from the board is
//! stolen, and its latch will be set.

use crate::priority::Priority;
use crate::sync::{AtomicU8, AtomicU32, AtomicUsize, Mutex, Ordering};
use crate::task::node::{self, Node};
use crate::task::stack::StackHeader;
use std::cell::{Cell, UnsafeCell};
use std::fmt;

/// The most jobs that are promoted at a time. Three are enough to feed the wake-up chain (each thief
/// promotes from what it took), see the table in the README.
pub(crate) const BOARD: usize = 3;

const FIRST_CAPACITY: usize = 256;

/// One participant's forked jobs.
#[repr(C)]
pub(crate) struct Forks {
    top: Cell<usize>,
    limit: AtomicUsize,
    bottom: Cell<usize>,
    slots: Cell<*mut *const StackHeader>,
    capacity: Cell<usize>,
    storage: UnsafeCell<Vec<*const StackHeader>>,
    board: Board,
}

/// The public part, on cache lines of its own.
#[repr(align(128))]
struct Board {
    /// The levels of the jobs on the board; written under the lock.
    levels: AtomicU8,
    /// How often something has come onto the empty board; written under the lock.
    tenure: AtomicU32,
    jobs: Mutex<Jobs>,
}

struct Jobs {
    entries: [Option<Promoted>; BOARD],
    len: usize,
}

/// A job on the board, or just taken from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promoted {
    slot: usize,
    pub(crate) job: *const StackHeader,
    pub(crate) level: Priority,
}

/// Where a job is when its owner comes back for it.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Reclaimed {
    /// It was still on the board and is the owner's again.
    Ours,
    /// A thief has it; its latch will be set.
    Stolen,
}

impl Jobs {
    fn remove(&mut self, at: usize) -> Promoted {
        let taken = self.entries[at].take().expect("within the length");
        self.entries[at..self.len].rotate_left(1);
        self.len -= 1;
        taken
    }

    fn iter(&self) -> impl Iterator<Item = &Promoted> {
        self.entries[..self.len].iter().flatten()
    }
}

impl Board {
    fn publish_levels(&self, jobs: &Jobs) {
        let levels = jobs.iter().fold(0, |bits, entry| bits | entry.level.bit());
        // Relaxed: a hint for thieves; the sleep protocol's fences order it where that matters.
        self.levels.store(levels, Ordering::Relaxed);
    }
}

impl Forks {
    pub(crate) fn new() -> Self {
        let mut storage = vec![std::ptr::null(); FIRST_CAPACITY];
        Self {
            top: Cell::new(0),
            limit: AtomicUsize::new(0),
            bottom: Cell::new(0),
            slots: Cell::new(storage.as_mut_ptr()),
            capacity: Cell::new(FIRST_CAPACITY),
            storage: UnsafeCell::new(storage),
            board: Board {
                levels: AtomicU8::new(0),
                tenure: AtomicU32::new(0),
                jobs: Mutex::new(Jobs {
                    entries: [None; BOARD],
                    len: 0,
                }),
            },
        }
    }

    /// Owner: how many forks are open.
    #[inline(always)]
    pub(crate) fn depth(&self) -> usize {
        self.top.get()
    }

    /// Owner: records a job. `None` if the slow way is due: then `push_slowly`.
    #[inline(always)]
    pub(crate) fn push(&self, job: *const StackHeader) -> Option<usize> {
        let top = self.top.get();
        // Relaxed: a request to promote may be seen one fork later; nothing else hangs on it.
        if top < self.limit.load(Ordering::Relaxed) {
            self.store(top, job);
            Some(top)
        } else {
            None
        }
    }

    /// Owner: the board has less than it should, and there are private forks for it.
    #[inline(always)]
    pub(crate) fn wants_promotion(&self) -> bool {
        // Relaxed: as in `push`.
        self.limit.load(Ordering::Relaxed) == 0 && self.bottom.get() < self.top.get()
    }

    /// Owner: the board has less than it should, and the next fork would be promoted at once.
    #[inline(always)]
    pub(crate) fn wants_fork(&self) -> bool {
        // Relaxed: as in `push`.
        self.limit.load(Ordering::Relaxed) == 0
    }

    /// Owner: the newest fork is known to nobody else.
    #[inline(always)]
    pub(crate) fn newest_is_private(&self) -> bool {
        self.bottom.get() < self.top.get()
    }

    #[inline(always)]
    fn store(&self, top: usize, job: *const StackHeader) {
        // SAFETY: `top` is below the capacity: below the limit, or after `grow`.
        let slot = unsafe { self.slots.get().add(top) };
        // SAFETY: within the storage, which only the owner touches.
        unsafe { slot.write(job) };
        self.top.set(top + 1);
    }

    /// Owner: takes the newest job back. `true` if it was private (and so nobody else has seen it);
    /// else `reclaim`.
    #[inline(always)]
    pub(crate) fn pop(&self, slot: usize) -> bool {
        debug_assert_eq!(self.top.get(), slot + 1, "forks nest");
        self.top.set(slot);
        self.bottom.get() <= slot
    }

    /// Owner: records a job where `push` would not, growing the stack if need be.
    pub(crate) fn push_slowly(&self, job: *const StackHeader) -> usize {
        let top = self.top.get();
        if top == self.capacity.get() {
            self.grow();
        }
        self.store(top, job);
        top
    }

    #[cold]
    fn grow(&self) {
        // SAFETY: the owner is here and nowhere else.
        let storage = unsafe { &mut *self.storage.get() };
        storage.resize(storage.len() * 2, std::ptr::null());
        self.slots.set(storage.as_mut_ptr());
        self.capacity.set(storage.len());
    }

    /// Owner: promotes the oldest private jobs until `target` are on the board. `describe` gives the
    /// parent and the level of a slot. Returns the levels of what was promoted, as bits.
    pub(crate) fn promote(
        &self,
        target: usize,
        describe: impl Fn(usize) -> (*const Node, Priority),
    ) -> u8 {
        let target = target.min(BOARD);
        let mut promoted = 0;
        let mut jobs = self.board.jobs.lock();
        let (mut bottom, top) = (self.bottom.get(), self.top.get());
        let was_empty = jobs.len == 0;
        while jobs.len < target && bottom < top {
            // SAFETY: `bottom < top`, so within the storage.
            let slot = unsafe { self.slots.get().add(bottom) };
            // SAFETY: as above, and filled by `store`.
            let job = unsafe { slot.read() };
            let (parent, level) = describe(bottom);
            // SAFETY: an open fork's job is alive, and only its owner knows it yet.
            unsafe { &(*job).node }.set_parent(parent);
            let len = jobs.len;
            jobs.entries[len] = Some(Promoted {
                slot: bottom,
                job,
                level,
            });
            jobs.len += 1;
            promoted |= level.bit();
            bottom += 1;
        }
        self.bottom.set(bottom);
        if promoted != 0 {
            if was_empty {
                let tenure = self.board.tenure.load(Ordering::Relaxed);
                let next = tenure.wrapping_add(1);
                self.board.tenure.store(next, Ordering::Relaxed);
            }
            self.board.publish_levels(&jobs);
        }
        self.set_limit(jobs.len >= target);
        promoted
    }

    /// Owner: takes back a job that has been promoted.
    pub(crate) fn reclaim(&self, slot: usize) -> Reclaimed {
        let mut jobs = self.board.jobs.lock();
        self.bottom.set(slot);
        let newest = jobs.len.checked_sub(1);
        match newest.map(|at| (at, jobs.entries[at])) {
            Some((at, Some(entry))) if entry.slot == slot => {
                jobs.remove(at);
                self.board.publish_levels(&jobs);
                self.set_limit(false);
                Reclaimed::Ours
            }
            _ => Reclaimed::Stolen,
        }
    }

    /// Under the board's lock.
    fn set_limit(&self, satisfied: bool) {
        let limit = if satisfied { self.capacity.get() } else { 0 };
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Anybody: makes the owner promote at its next fork: the pool has grown.
    pub(crate) fn arm(&self) {
        let _jobs = self.board.jobs.lock();
        self.limit.store(0, Ordering::Relaxed);
    }

    /// Anybody: the levels of the jobs on the board, as bits. A hint.
    pub(crate) fn levels(&self) -> u8 {
        self.board.levels.load(Ordering::Relaxed)
    }

    /// Anybody: as long as this stays the same, what is oldest on the board has not been taken back. A hint.
    pub(crate) fn tenure(&self) -> u32 {
        self.board.tenure.load(Ordering::Relaxed)
    }

    /// Anybody: there is something of `level` on the board. A hint.
    pub(crate) fn offers(&self, level: Priority) -> bool {
        self.levels() & level.bit() != 0
    }

    /// Thief: takes the oldest job of `level`, which is then the thief's to run.
    pub(crate) fn steal(&self, level: Priority) -> Option<Promoted> {
        if !self.offers(level) {
            return None;
        }
        self.take(|entry| entry.level == level)
    }

    /// Waiter: takes the oldest job beneath `awaited`, which is then the waiter's to run.
    pub(crate) fn steal_beneath(&self, awaited: *const Node) -> Option<Promoted> {
        if self.levels() == 0 {
            return None;
        }
        self.take(|entry| {
            // SAFETY: an entry on the board is an unfinished fork, and its owner cannot take it back while
            // we hold the lock.
            let node = unsafe { StackHeader::node_of(entry.job) };
            // SAFETY: so its ancestors are alive, too.
            unsafe { node::descends_from(node, awaited) }
        })
    }

    fn take(&self, wanted: impl Fn(&Promoted) -> bool) -> Option<Promoted> {
        let mut jobs = self.board.jobs.lock();
        let at = jobs.iter().position(wanted)?;
        let taken = jobs.remove(at);
        self.board.publish_levels(&jobs);
        // Armed: whoever was robbed has somebody hungry around.
        self.limit.store(0, Ordering::Relaxed);
        Some(taken)
    }
}

impl fmt::Debug for Forks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forks")
            .field("levels", &self.levels())
            .finish_non_exhaustive()
    }
}
