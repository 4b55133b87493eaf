//! The three levels of urgency.

/// How urgent a task is.
///
/// A worker takes the highest level that has work anywhere in the pool. So that a flood of urgent
/// work cannot starve the rest, each lower level is served at least once in 64 picks. A task that is
/// spawned or forked inside another inherits its parent's level unless told otherwise.
///
/// Levels are ordered: `Low < Normal < High`.
///
/// ```
/// use windrow::{Priority, ThreadPool};
///
/// let pool = ThreadPool::new(2)?;
/// let report = pool.spawn_with_priority(Priority::High, || "sent");
/// assert_eq!(report.join().unwrap(), "sent");
/// # Ok::<(), windrow::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Priority {
    /// Runs when nothing else is waiting, and once in 64 picks in any case.
    Low = 0,
    /// The default.
    #[default]
    Normal = 1,
    /// Is taken before everything else that is queued.
    High = 2,
}

impl Priority {
    /// How many levels there are.
    pub(crate) const COUNT: usize = 3;

    /// The levels from the most to the least urgent.
    pub(crate) const DESCENDING: [Priority; Self::COUNT] =
        [Priority::High, Priority::Normal, Priority::Low];

    /// This level's place in an array of levels.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// This level's bit in a set of levels.
    pub(crate) const fn bit(self) -> u8 {
        1 << self as u8
    }
}
