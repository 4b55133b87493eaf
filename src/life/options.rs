//! What can be asked of a task.

use crate::cancel::CancelToken;
use crate::priority::Priority;
use crate::rate_limit::RateLimit;
use crate::report::Report;
use crate::sync::Arc;
use std::any::Any;
use std::time::{Duration, Instant};

/// Hears of a task's end; `tag` tells which.
pub(crate) trait Hook: Send + Sync {
    /// Its outcome is in its place.
    fn settled(&self, tag: usize);
    /// Nothing is left of it.
    fn retired(&self, tag: usize);
}

/// What is called when a task has ended.
pub(crate) type Callback = Box<dyn FnOnce(&Report) + Send>;

/// When a task may be queued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Start {
    /// At once.
    #[default]
    Now,
    /// Not before.
    At(Instant),
    /// Beyond what the clock can tell: not at all, until somebody ends it.
    Never,
}

impl Start {
    /// At `at`, or never if there is no such time.
    pub(crate) fn at(at: Option<Instant>) -> Self {
        at.map_or(Start::Never, Start::At)
    }
}

/// See the module. `None` is the pool's default.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) level: Option<Priority>,
    pub(crate) start: Start,
    pub(crate) deadline: Option<Instant>,
    pub(crate) tokens: Vec<CancelToken>,
    pub(crate) rate: Option<RateLimit>,
    pub(crate) attachment: Option<Arc<dyn Any + Send + Sync>>,
    pub(crate) grace: Option<Duration>,
    pub(crate) callback: Option<Callback>,
    pub(crate) hook: Option<(Arc<dyn Hook>, usize)>,
    pub(crate) periodic: bool,
    /// Whoever submits it lets it go later, see `Life::let_go`.
    pub(crate) held: bool,
    /// It holds a slot of the queue's capacity.
    pub(crate) holds_slot: bool,
}

impl Options {
    /// Whether the timer may be needed, apart from retries.
    pub(crate) fn need_timer(&self) -> bool {
        self.start != Start::Now || self.deadline.is_some() || self.rate.is_some() || self.periodic
    }
}
