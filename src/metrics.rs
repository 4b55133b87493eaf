//! Counters of what becomes of tasks.
//!
//! Each participant of a pool has a [`Tally`] that only it writes, with plain loads and stores, on cache
//! lines of its own; what happens elsewhere (the timer, a cancelling thread outside) is counted in one
//! more that is shared. A reader sums them up and stops nobody.
//!
//! # Memory ordering
//! A count is stored with Release before the act that it counts becomes visible (a task is counted as
//! entered before it is queued, as left before it runs, as ended before its handle hears of it), and read
//! with Acquire. So whoever reads the later stages first (ended, then left, then entered) never sees a
//! task end that has not begun, and whoever has joined a task sees it counted.

use crate::priority::Priority;
use crate::sync::{CountU64, Ordering};

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Completed,
    Failed,
    Panicked,
    Cancelled,
    Expired,
    /// Handed back by `shutdown_now`, not started.
    Returned,
}

impl Ended {
    pub(crate) const COUNT: usize = 6;
}

/// What kind of entry passes through a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// A spawned task.
    Spawned,
    /// A task that its scope (or `install`) waits for.
    Structured,
    /// One dispatch of a task with options, of which there may be several.
    Dispatch,
}

impl Passage {
    const COUNT: usize = 3;
}

/// Other things worth counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A task with options was accepted.
    Accepted,
    /// Another attempt was scheduled after a failed one.
    Retried,
    /// An outcome came after the deadline had already been reported.
    Late,
    /// A task ignored its token for longer than its grace period.
    Stuck,
    /// A submission was refused.
    Refused,
    /// Entries taken from another participant.
    Stolen,
    /// A worker went to bed.
    Parked,
}

impl Event {
    const COUNT: usize = 7;
}

type Passages = [[CountU64; Passage::COUNT]; Priority::COUNT];

/// See the module.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Tally {
    entered: Passages,
    left: Passages,
    /// Tasks without options, and those with.
    ended_plain: [CountU64; Ended::COUNT],
    ended_managed: [CountU64; Ended::COUNT],
    events: [CountU64; Event::COUNT],
    /// Written by many threads.
    shared: bool,
}

impl Tally {
    /// One that a single thread writes at a time.
    pub(crate) fn own() -> Self {
        Self::default()
    }

    /// One that anybody writes.
    pub(crate) fn shared() -> Self {
        Self {
            shared: true,
            ..Self::default()
        }
    }

    #[inline]
    fn bump(&self, count: &CountU64, by: u64) {
        if self.shared {
            count.fetch_add(by, Ordering::Release);
        } else {
            count.store(count.load(Ordering::Relaxed) + by, Ordering::Release);
        }
    }

    /// A task is about to be queued.
    #[inline]
    pub(crate) fn enter(&self, level: Priority, passage: Passage) {
        self.bump(&self.entered[level.index()][passage as usize], 1);
    }

    /// A task has been claimed, whatever for.
    #[inline]
    pub(crate) fn leave(&self, level: Priority, passage: Passage) {
        self.bump(&self.left[level.index()][passage as usize], 1);
    }

    /// Several tasks have been claimed at once.
    pub(crate) fn leave_many(&self, level: Priority, passage: Passage, count: usize) {
        self.bump(&self.left[level.index()][passage as usize], count as u64);
    }

    /// Several tasks without options have ended.
    pub(crate) fn end_many(&self, how: Ended, count: usize) {
        self.bump(&self.ended_plain[how as usize], count as u64);
    }

    /// A task without options has ended.
    #[inline]
    pub(crate) fn end(&self, how: Ended) {
        self.bump(&self.ended_plain[how as usize], 1);
    }

    /// A task with options has ended.
    pub(crate) fn end_managed(&self, how: Ended) {
        self.bump(&self.ended_managed[how as usize], 1);
    }

    pub(crate) fn note(&self, event: Event) {
        self.bump(&self.events[event as usize], 1);
    }

    pub(crate) fn note_many(&self, event: Event, count: usize) {
        self.bump(&self.events[event as usize], count as u64);
    }
}

/// Sums over tallies, each stage read after the stages that follow it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sums {
    ended_plain: [u64; Ended::COUNT],
    ended_managed: [u64; Ended::COUNT],
    left: [[u64; Passage::COUNT]; Priority::COUNT],
    entered: [[u64; Passage::COUNT]; Priority::COUNT],
    events: [u64; Event::COUNT],
}

fn add_all<const N: usize>(to: &mut [u64; N], from: &[CountU64; N]) {
    for (sum, count) in to.iter_mut().zip(from) {
        *sum += count.load(Ordering::Acquire);
    }
}

impl Sums {
    /// `tallies` is walked once for each stage.
    pub(crate) fn of<'t, I: Iterator<Item = &'t Tally>>(tallies: impl Fn() -> I) -> Self {
        let mut sums = Self::default();
        for tally in tallies() {
            add_all(&mut sums.ended_plain, &tally.ended_plain);
            add_all(&mut sums.ended_managed, &tally.ended_managed);
        }
        for tally in tallies() {
            for (to, from) in sums.left.iter_mut().zip(&tally.left) {
                add_all(to, from);
            }
        }
        for tally in tallies() {
            for (to, from) in sums.entered.iter_mut().zip(&tally.entered) {
                add_all(to, from);
            }
            add_all(&mut sums.events, &tally.events);
        }
        sums
    }

    pub(crate) fn ended(&self, how: Ended) -> u64 {
        self.ended_plain[how as usize] + self.ended_managed[how as usize]
    }

    pub(crate) fn all_ended(&self) -> u64 {
        self.plain_ended() + self.ended_managed.iter().sum::<u64>()
    }

    fn plain_ended(&self) -> u64 {
        self.ended_plain.iter().sum()
    }

    pub(crate) fn event(&self, event: Event) -> u64 {
        self.events[event as usize]
    }

    /// Tasks accepted so far.
    pub(crate) fn submitted(&self) -> u64 {
        let plain = |level: &[u64; Passage::COUNT]| {
            level[Passage::Spawned as usize] + level[Passage::Structured as usize]
        };
        self.entered.iter().map(plain).sum::<u64>() + self.event(Event::Accepted)
    }

    /// Entries that are queued at a level.
    pub(crate) fn queued(&self, level: Priority) -> u64 {
        let entered: u64 = self.entered[level.index()].iter().sum();
        let left: u64 = self.left[level.index()].iter().sum();
        entered.saturating_sub(left)
    }

    /// Entries of one kind that are queued.
    pub(crate) fn queued_as(&self, passage: Passage) -> u64 {
        let sum = |stages: &[[u64; Passage::COUNT]; Priority::COUNT]| -> u64 {
            stages.iter().map(|level| level[passage as usize]).sum()
        };
        sum(&self.entered).saturating_sub(sum(&self.left))
    }

    /// Tasks without options that are being run.
    pub(crate) fn running_plain(&self) -> u64 {
        let left: u64 = self
            .left
            .iter()
            .map(|l| l[Passage::Spawned as usize] + l[Passage::Structured as usize])
            .sum();
        left.saturating_sub(self.plain_ended())
    }
}

#[cfg(all(test, not(any(loom, windrow_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn sums_follow_tasks_through_their_stages() {
        let (own, shared) = (Tally::own(), Tally::shared());
        let sums = || Sums::of(|| [&own, &shared].into_iter());
        own.enter(Priority::High, Passage::Spawned);
        own.enter(Priority::Low, Passage::Structured);
        shared.enter(Priority::Low, Passage::Dispatch);
        shared.note(Event::Accepted);
        assert_eq!(sums().submitted(), 3);
        assert_eq!(sums().queued(Priority::Low), 2);
        assert_eq!(sums().queued(Priority::Normal), 0);
        own.leave(Priority::Low, Passage::Structured);
        assert_eq!(sums().running_plain(), 1);
        assert_eq!(sums().queued_as(Passage::Structured), 0);
        shared.end(Ended::Panicked);
        own.end_managed(Ended::Expired);
        assert_eq!(sums().running_plain(), 0);
        assert_eq!(sums().all_ended(), 2);
        assert_eq!(sums().ended(Ended::Expired), 1);
    }
}
