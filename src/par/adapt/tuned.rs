//! Where, and how urgently, a loop is run.

use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Hints, Steps, forward_steps, in_pool};
use crate::priority::Priority;
use crate::scheduler::Registry;
use crate::sync::Arc;

/// An iterator with a pool or a level of its own; made by [`on`](ParallelIterator::on) and
/// [`with_priority`](ParallelIterator::with_priority).
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Tuned<I> {
    base: I,
    own: Hints,
}

impl<I> Tuned<I> {
    pub(crate) fn on(base: I, pool: Arc<Registry>) -> Self {
        let own = Hints {
            pool: Some(pool),
            ..Hints::default()
        };
        Self { base, own }
    }

    pub(crate) fn at(base: I, level: Priority) -> Self {
        let own = Hints {
            level: Some(level),
            ..Hints::default()
        };
        Self { base, own }
    }
}

impl<I: ParallelIterator> ParallelIterator for Tuned<I> {
    type Item = I::Item;

    fn drive<C: Consumer<I::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let Self { base, own } = self;
        in_pool(own.pool.as_deref(), own.level, |_| {
            base.drive(consumer, fold)
        })
    }

    forward_steps!(base: opt_len);
}

impl<I: IndexedParallelIterator> Steps for Tuned<I> {
    type Local = I::Local;

    forward_steps!(base: steps engage local feed discard);

    fn hints(&self) -> Hints {
        self.own.clone().and(self.base.hints())
    }
}

impl<I: IndexedParallelIterator> IndexedParallelIterator for Tuned<I> {
    forward_steps!(base: item);
}
