//! What to run next.

use crate::metrics::Event;
use crate::priority::Priority;
use crate::scheduler::forks::Promoted;
use crate::scheduler::idle::Kind;
use crate::scheduler::mail::Letter;
use crate::scheduler::participant::Participant;
use crate::sync::deque::Steal;
use crate::task::entry::{Claimed, Entry, Taken};
use crate::task::node::Node;
use crate::task::stack::StackHeader;

/// How deep `yield_now` looks into the own deques.
const YIELD_REACH: usize = 32;

/// Something that this thread now must run.
#[derive(Debug)]
#[must_use]
pub(crate) enum Work {
    Task(Claimed),
    Fork(Promoted),
    Mail(Letter),
}

/// The order in which an ordinary pick goes through the levels, and the two exceptions in 64 that keep
/// lower levels from starving: each lower level comes first once.
fn order(pick: u32) -> [Priority; Priority::COUNT] {
    use Priority::{High, Low, Normal};
    match pick % 64 {
        63 => [Low, Normal, High],
        31 => [Normal, High, Low],
        _ => Priority::DESCENDING,
    }
}

impl Participant {
    /// A worker's next work: the highest level that there is anywhere, oldest from outside first,
    /// newest of its own first.
    pub(crate) fn find_work(&self) -> Option<Work> {
        if let Some(letter) = self.mailbox.take() {
            return Some(Work::Mail(letter));
        }
        let registry = self.registry();
        for level in order(self.picks.get()) {
            if !registry.may_have(level) {
                continue;
            }
            if let Some(work) = self.find_at(level) {
                self.picks.set(self.picks.get().wrapping_add(1));
                return Some(work);
            }
            registry.clear_hint(level);
        }
        None
    }

    /// Own deque, then what came from outside, then others' forks (large) and tasks.
    fn find_at(&self, level: Priority) -> Option<Work> {
        self.seeded_task(level)
            .or_else(|| self.own_task(level))
            .or_else(|| self.injected_task(level))
            .or_else(|| {
                self.restraint.pause();
                self.stolen_work(level)
            })
    }

    fn own_task(&self, level: Priority) -> Option<Work> {
        while let Some(entry) = self.deques.pop(level) {
            self.count_net(-1);
            let entry = self.unless_paused(entry)?;
            if let Some(task) = self.take_entry(entry) {
                return Some(Work::Task(task));
            }
        }
        None
    }

    /// Puts `entry` back if the pool is paused. A worker may have begun to look before that; but what is
    /// queued after a pause has begun must stay there, and whoever takes it out sees the pause.
    fn unless_paused(&self, entry: Entry) -> Option<Entry> {
        if !self.registry().idle.counts().paused() {
            return Some(entry);
        }
        self.deques.push(entry);
        self.count_net(1);
        None
    }

    fn injected_task(&self, level: Priority) -> Option<Work> {
        let injectors = &self.registry().injectors;
        loop {
            if self.registry().idle.counts().paused() {
                return None;
            }
            let before = self.deques.len(level);
            let entry = match self.batching.next() {
                1 => injectors.steal(level)?,
                size => injectors.steal_batch(level, &self.deques, size)?,
            };
            let moved = self.account_for_batch(level, before);
            self.batching.note(moved + 1);
            let entry = self.unless_paused(entry)?;
            if let Some(task) = self.take_entry(entry) {
                return Some(Work::Task(task));
            }
            if let Some(work) = self.own_task(level) {
                return Some(work);
            }
        }
    }

    /// After a batch has been moved to the own deque, which held `before` entries. Entries on their way
    /// were out of sight: a worker that looked then has cleared the hint or gone to bed.
    fn account_for_batch(&self, level: Priority, before: usize) -> usize {
        let moved = self.deques.len(level).saturating_sub(before);
        if moved > 0 {
            self.count_net(moved as isize);
            let registry = self.registry();
            registry.act_on(registry.announce(level, Kind::Task));
        }
        moved
    }

    fn stolen_work(&self, level: Priority) -> Option<Work> {
        let registry = self.registry();
        let counts = registry.idle.counts();
        if counts.paused() {
            return None;
        }
        // This worker is among the active ones.
        let forks_too = counts.active() + counts.guests() <= registry.idle.size();
        loop {
            let mut contended = false;
            for victim in registry.others(self) {
                if forks_too && victim.forks.offers(level) && self.restraint.is_ripe(victim) {
                    if let Some(fork) = victim.forks.steal(level) {
                        self.tally.note(Event::Stolen);
                        return Some(Work::Fork(fork));
                    }
                }
                let before = self.deques.len(level);
                let stolen = victim.stealers.steal_batch(level, &self.deques);
                let moved = self.account_for_batch(level, before);
                self.restraint.note_batch(moved + 1);
                match stolen {
                    Steal::Success(entry) => {
                        self.tally.note_many(Event::Stolen, moved + 1);
                        let entry = self.unless_paused(entry)?;
                        if let Some(task) = self.take_entry(entry) {
                            return Some(Work::Task(task));
                        }
                        contended = true;
                    }
                    // Somebody else was faster here: look elsewhere first.
                    Steal::Retry => contended = true,
                    Steal::Empty => {}
                }
            }
            if !contended {
                return None;
            }
        }
    }

    /// Claims what an entry refers to, if it is still to be run.
    pub(super) fn take_entry(&self, entry: Entry) -> Option<Claimed> {
        match entry.take() {
            Taken::Run(task) => Some(task),
            Taken::Stale => None,
            Taken::Foreign(entry) => {
                self.registry().injectors.keep_foreign(entry);
                None
            }
        }
    }

    /// A waiter's next work after its own tasks: only what lies beneath `awaited`. `up_to` is for broadcasts; `stir` asks
    /// to look into others' deques as well.
    pub(crate) fn find_awaited(
        &self,
        awaited: *const Node,
        up_to: u64,
        stir: bool,
    ) -> Option<Work> {
        if let Some(letter) = self.mailbox.take_awaited(awaited, up_to) {
            return Some(Work::Mail(letter));
        }
        let registry = self.registry();
        for victim in registry.others(self) {
            if let Some(fork) = victim.forks.steal_beneath(awaited) {
                return Some(Work::Fork(fork));
            }
        }
        let stolen = if stir {
            self.stolen_task_beneath(awaited)
        } else {
            None
        };
        stolen.map(Work::Task)
    }

    /// A waiter's next task from its own deques: the newest beneath `awaited`. `mark` is the point in
    /// their history before which there can be none. Looks at the newest of each level, or if `deep` at
    /// all that can be newer than the mark; what it may not run it puts back.
    pub(crate) fn own_task_beneath(
        &self,
        awaited: *const Node,
        mark: usize,
        deep: bool,
    ) -> Option<Claimed> {
        let newer = self.newer_than(mark);
        if newer == 0 {
            return None;
        }
        for level in Priority::DESCENDING {
            while let Some(entry) = self.deques.pop(level) {
                // The usual case: the newest is a child of what is waited for.
                if !entry.is_beneath(awaited, self.is_guest()) {
                    let reach = if deep { newer } else { 1 };
                    match self.dig(level, entry, awaited, reach) {
                        Some(task) => return Some(task),
                        None => break,
                    }
                }
                self.count_net(-1);
                if let Some(task) = self.take_entry(entry) {
                    return Some(task);
                }
            }
        }
        None
    }

    /// Looks beneath the newest entry, which is not for this waiter: at `reach` entries in all.
    #[cold]
    fn dig(
        &self,
        level: Priority,
        newest: Entry,
        awaited: *const Node,
        reach: usize,
    ) -> Option<Claimed> {
        let mut aside = vec![newest];
        let mut found = None;
        while found.is_none() && aside.len() < reach {
            let Some(entry) = self.deques.pop(level) else {
                break;
            };
            if entry.is_beneath(awaited, self.is_guest()) {
                self.count_net(-1);
                found = self.take_entry(entry);
            } else {
                aside.push(entry);
            }
        }
        // Out of sight for a moment: whoever went to sleep meanwhile must hear of it.
        self.put_back(level, aside);
        found
    }

    #[cold]
    fn put_back(&self, level: Priority, aside: Vec<Entry>) {
        for entry in aside.into_iter().rev() {
            self.deques.push(entry);
        }
        let registry = self.registry();
        registry.act_on(registry.announce(level, Kind::Task));
    }

    /// Looks at the oldest task of each other deque. One that it may not run moves to the own deque,
    /// where others find it as before; at most one per call, so that waiting does not stir the pool.
    fn stolen_task_beneath(&self, awaited: *const Node) -> Option<Claimed> {
        let registry = self.registry();
        for level in Priority::DESCENDING {
            if !registry.may_have(level) {
                continue;
            }
            for victim in registry.others(self) {
                if let Steal::Success(entry) = victim.stealers.steal(level) {
                    return self.take_or_adopt(entry, awaited);
                }
            }
        }
        None
    }

    fn take_or_adopt(&self, entry: Entry, awaited: *const Node) -> Option<Claimed> {
        if entry.is_beneath(awaited, self.is_guest()) {
            return self.take_entry(entry);
        }
        self.push_task(entry);
        None
    }

    /// This thread leaves: what is in its deques goes to the injectors.
    pub(crate) fn empty_deques(&self) {
        for level in Priority::DESCENDING {
            while let Some(entry) = self.deques.pop(level) {
                self.count_net(-1);
                self.registry().inject(entry);
            }
        }
    }

    /// Queues a task on the own deque and lets the pool know.
    pub(crate) fn push_task(&self, entry: Entry) {
        let level = entry.level();
        self.deques.push(entry);
        self.count_net(1);
        let registry = self.registry();
        registry.act_on(registry.announce(level, Kind::Task));
    }

    /// The last resort of a waiter in a stalled pool (everybody waits, no thread may be started):
    /// goes through every queue for something that it may run. What it may not run stays findable.
    pub(crate) fn find_awaited_anywhere(&self, awaited: *const Node) -> Option<Claimed> {
        let registry = self.registry();
        let _one_at_a_time = registry.stall.lock();
        let mut found = None;
        for level in Priority::DESCENDING {
            let mut aside = Vec::new();
            let mut look = |entry: Entry| {
                if entry.is_beneath(awaited, self.is_guest()) {
                    found = self.take_entry(entry);
                } else {
                    aside.push(entry);
                }
                found.is_some()
            };
            'level: {
                while let Some(entry) = self.deques.pop(level) {
                    self.count_net(-1);
                    if look(entry) {
                        break 'level;
                    }
                }
                while let Some(entry) = registry.injectors.steal(level) {
                    if look(entry) {
                        break 'level;
                    }
                }
                for victim in registry.others(self) {
                    loop {
                        match victim.stealers.steal(level) {
                            Steal::Success(entry) => {
                                if look(entry) {
                                    break 'level;
                                }
                            }
                            Steal::Retry => {}
                            Steal::Empty => break,
                        }
                    }
                }
            }
            for entry in aside {
                registry.injectors.push(entry);
            }
            // Whoever went to bed while they were out of sight must hear of it. The waiters need not:
            // they come here one at a time and see everything.
            registry.remind_sleepers(level);
            if found.is_some() {
                break;
            }
        }
        found
    }

    /// Runs one queued task of the innermost open scope, if one is in reach.
    pub(crate) fn run_one_of_scope(&self) -> bool {
        // SAFETY: an open scope is alive.
        let Some(counter) = (unsafe { self.scope().as_ref() }) else {
            return false;
        };
        // The scope's own mark is not known here; look through the newest part only.
        let mark = self.mark().wrapping_sub(YIELD_REACH);
        let awaited = &raw const counter.node;
        let work = self
            .own_task_beneath(awaited, mark, true)
            .map(Work::Task)
            .or_else(|| self.find_awaited(awaited, 0, true));
        match work {
            Some(work) => {
                self.run(work);
                self.tell_if_idle();
                true
            }
            None => false,
        }
    }

    /// Runs a claimed task. Never unwinds.
    pub(crate) fn run_task(&self, task: Claimed) {
        let (node, level) = (task.node(), task.level());
        self.registry().note_left(level, task.kind(), &self.tally);
        let env = self.registry().env(self);
        self.run_framed(node, level, || task.run(env));
        if self.is_guest() {
            // A worker says so when it goes to bed.
            self.registry().idle.changed.notify();
        }
    }

    /// Runs what was found. Never unwinds.
    pub(crate) fn run(&self, work: Work) {
        if !matches!(work, Work::Task(_)) {
            // It is no task, and may take long: the one before may have been the last.
            self.registry().idle.changed.notify();
        }
        match work {
            Work::Task(task) => self.run_task(task),
            Work::Fork(fork) => {
                // SAFETY: taken from a board, so ours and alive until its latch is set.
                let node = unsafe { &raw const (*fork.job).node };
                // SAFETY: as above, and used once.
                self.run_uncounted(node, fork.level, || unsafe { StackHeader::run(fork.job) });
            }
            Work::Mail(letter) => {
                // SAFETY: taken from the mailbox, so ours and alive until its latch is set.
                let node = unsafe { &raw const (*letter.job).node };
                let level = self.registry().default_level();
                // SAFETY: as above, and used once.
                self.run_uncounted(node, level, || unsafe { StackHeader::run(letter.job) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_comes_first_once_in_64_picks() {
        for start in 0..64u32 {
            let firsts: Vec<_> = (start..start + 64).map(|pick| order(pick)[0]).collect();
            for level in Priority::DESCENDING {
                assert!(firsts.contains(&level), "{level:?} from {start}");
            }
        }
    }
}
