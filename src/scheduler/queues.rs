//! The queues of spawned tasks: a deque per worker and level, an injector per level.
//!
//! Thin: crossbeam's deque (Chase & Lev 2005, Lê et al. 2013) and injector do the work. Entries are
//! references that may be stale; whoever pops one asks the task's claim word.

use crate::priority::Priority;
use crate::sync::Mutex;
use crate::sync::deque::{Injector, Steal, Stealer, Worker};
use crate::task::entry::Entry;
use std::cell::Cell;
use std::fmt;

/// How many entries a worker moves from another deque to its own at a time. They stay stealable there.
const BATCH: usize = 32;

/// The owner's ends of its deques.
pub(crate) struct Deques {
    levels: [Worker<Entry>; Priority::COUNT],
    /// The levels that may have entries, as bits: so that the others cost nothing.
    filled: Cell<u8>,
}

/// The thieves' ends.
pub(crate) struct Stealers([Stealer<Entry>; Priority::COUNT]);

impl Deques {
    pub(crate) fn new() -> (Self, Stealers) {
        let deques = Priority::DESCENDING.map(|_| Worker::new_lifo());
        let stealers = std::array::from_fn(|level| deques[level].stealer());
        let deques = Self {
            levels: deques,
            filled: Cell::new(0),
        };
        (deques, Stealers(stealers))
    }

    #[inline]
    pub(crate) fn push(&self, entry: Entry) {
        let level = entry.level();
        self.filled.set(self.filled.get() | level.bit());
        self.levels[level.index()].push(entry);
    }

    #[inline]
    pub(crate) fn pop(&self, level: Priority) -> Option<Entry> {
        if self.filled.get() & level.bit() == 0 {
            return None;
        }
        let entry = self.levels[level.index()].pop();
        if entry.is_none() {
            self.filled.set(self.filled.get() & !level.bit());
        }
        entry
    }

    pub(crate) fn len(&self, level: Priority) -> usize {
        self.levels[level.index()].len()
    }

    /// The deque that a batch of `level` is about to be moved to.
    fn batch_goes_to(&self, level: Priority) -> &Worker<Entry> {
        self.filled.set(self.filled.get() | level.bit());
        &self.levels[level.index()]
    }
}

impl Stealers {
    pub(crate) fn is_empty(&self, level: Priority) -> bool {
        self.0[level.index()].is_empty()
    }

    /// Takes the oldest entry of a level.
    pub(crate) fn steal(&self, level: Priority) -> Steal<Entry> {
        let stealer = &self.0[level.index()];
        if stealer.is_empty() {
            Steal::Empty
        } else {
            stealer.steal()
        }
    }

    /// Takes the oldest entry of a level, and moves some more to `deques`.
    pub(crate) fn steal_batch(&self, level: Priority, deques: &Deques) -> Steal<Entry> {
        let stealer = &self.0[level.index()];
        if stealer.is_empty() {
            Steal::Empty
        } else {
            stealer.steal_batch_with_limit_and_pop(deques.batch_goes_to(level), BATCH)
        }
    }
}

/// Where tasks from outside arrive.
pub(crate) struct Injectors {
    levels: [Injector<Entry>; Priority::COUNT],
    /// Entries of tasks that threads outside run; see `task::state`.
    foreign: Mutex<Vec<Entry>>,
}

impl Injectors {
    pub(crate) fn new() -> Self {
        Self {
            levels: Priority::DESCENDING.map(|_| Injector::new()),
            foreign: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn push(&self, entry: Entry) {
        self.levels[entry.level().index()].push(entry);
    }

    pub(crate) fn is_empty(&self, level: Priority) -> bool {
        self.levels[level.index()].is_empty()
    }

    /// Takes one entry, and moves some more to `deques`, at most `size` in all.
    pub(crate) fn steal_batch(
        &self,
        level: Priority,
        deques: &Deques,
        size: usize,
    ) -> Option<Entry> {
        let injector = &self.levels[level.index()];
        while !injector.is_empty() {
            match injector.steal_batch_with_limit_and_pop(deques.batch_goes_to(level), size) {
                Steal::Success(entry) => return Some(entry),
                Steal::Empty => return None,
                Steal::Retry => {}
            }
        }
        None
    }

    /// Takes one entry.
    pub(crate) fn steal(&self, level: Priority) -> Option<Entry> {
        let injector = &self.levels[level.index()];
        while !injector.is_empty() {
            match injector.steal() {
                Steal::Success(entry) => return Some(entry),
                Steal::Empty => return None,
                Steal::Retry => {}
            }
        }
        None
    }

    /// Keeps the entry of a task that a thread outside runs.
    pub(crate) fn keep_foreign(&self, entry: Entry) {
        let mut kept = self.foreign.lock();
        // Those that are done by now go, so that the list stays as short as there are such threads.
        Self::release_done(&mut kept);
        kept.push(entry);
    }

    /// Whether all tasks that threads outside ran are done.
    pub(crate) fn foreign_settled(&self) -> bool {
        let mut kept = self.foreign.lock();
        Self::release_done(&mut kept);
        kept.is_empty()
    }

    fn release_done(kept: &mut Vec<Entry>) {
        let mut at = 0;
        while at < kept.len() {
            if kept[at].is_done() {
                kept.swap_remove(at).release();
            } else {
                at += 1;
            }
        }
    }
}

impl fmt::Debug for Deques {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deques")
    }
}

impl fmt::Debug for Stealers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stealers")
    }
}

impl fmt::Debug for Injectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Injectors")
    }
}
