//! What a loop's author says about how it is to be run.

use crate::priority::Priority;
use crate::scheduler::Registry;
use crate::sync::Arc;

/// See the module. Where two iterators become one, the first that says something decides.
#[derive(Clone)]
pub struct Hints {
    pub(crate) pool: Option<Arc<Registry>>,
    pub(crate) level: Option<Priority>,
    /// The fewest steps that are worth a piece of their own.
    pub(crate) min_len: usize,
    /// With how many steps a piece may begin, before it is known how long they take.
    pub(crate) first_len: usize,
    /// The most steps that are run without a look around.
    pub(crate) max_len: usize,
}

impl Default for Hints {
    fn default() -> Self {
        Self {
            pool: None,
            level: None,
            min_len: 1,
            first_len: 8,
            max_len: usize::MAX,
        }
    }
}

impl std::fmt::Debug for Hints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hints")
            .field("level", &self.level)
            .field("min_len", &self.min_len)
            .field("max_len", &self.max_len)
            .finish_non_exhaustive()
    }
}

impl Hints {
    /// Those of two sources that are run step by step together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            pool: self.pool.or(other.pool),
            level: self.level.or(other.level),
            min_len: self.min_len.max(other.min_len),
            first_len: self.first_len.min(other.first_len),
            max_len: self.max_len.min(other.max_len),
        }
    }

    /// Those of a source of which each step takes `by` of this one's.
    pub(crate) fn divided(self, by: usize) -> Self {
        Self {
            min_len: self.min_len.div_ceil(by).max(1),
            max_len: (self.max_len / by).max(1),
            ..self
        }
    }
}
