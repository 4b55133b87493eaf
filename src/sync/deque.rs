//! What stands in for crossbeam's deques under shuttle, which cannot look into them.
//!
//! Every operation is one step, except that a batch is out of sight between the two queues, as it is with crossbeam's.
//! Thieves are told to try again now and then, for no reason.

use super::imp::{AtomicBool, choose};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

/// One in so many thefts fails.
const UNLUCKY: u64 = 16;

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Steal<T> {
    Empty,
    Success(T),
    Retry,
}

/// Only the thread that runs touches it, and no thread stops running in the middle: the lock is never waited for.
struct Queue<T> {
    step: AtomicBool,
    items: Mutex<VecDeque<T>>,
}

impl<T> Queue<T> {
    fn new() -> Self {
        Self {
            step: AtomicBool::new(false),
            items: Mutex::new(VecDeque::new()),
        }
    }

    fn step<R>(&self, f: impl FnOnce(&mut VecDeque<T>) -> R) -> R {
        // Others may run before it.
        self.step.load(Ordering::SeqCst);
        f(&mut self.items.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn steal(&self) -> Steal<T> {
        if choose(UNLUCKY) == 0 {
            return Steal::Retry;
        }
        self.step(VecDeque::pop_front)
            .map_or(Steal::Empty, Steal::Success)
    }

    /// Takes `share` of what there is, at least one, at most `limit`. The oldest is returned, the next oldest will be
    /// the first that `to` pops.
    fn steal_batch(
        &self,
        to: &Worker<T>,
        limit: usize,
        share: impl FnOnce(usize) -> usize,
    ) -> Steal<T> {
        if choose(UNLUCKY) == 0 {
            return Steal::Retry;
        }
        let mut batch = self.step(|items| {
            let size = share(items.len()).min(limit);
            items.drain(..size).collect::<VecDeque<T>>()
        });
        let Some(oldest) = batch.pop_front() else {
            return Steal::Empty;
        };
        if !batch.is_empty() {
            to.0.step(|items| items.extend(batch.into_iter().rev()));
        }
        Steal::Success(oldest)
    }
}

/// The owner's end: last in, first out.
pub(crate) struct Worker<T>(Arc<Queue<T>>);

impl<T> Worker<T> {
    pub(crate) fn new_lifo() -> Self {
        Self(Arc::new(Queue::new()))
    }

    pub(crate) fn stealer(&self) -> Stealer<T> {
        Stealer(Arc::clone(&self.0))
    }

    pub(crate) fn push(&self, item: T) {
        self.0.step(|items| items.push_back(item));
    }

    pub(crate) fn pop(&self) -> Option<T> {
        self.0.step(VecDeque::pop_back)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.step(|items| items.len())
    }
}

/// The thieves' end.
pub(crate) struct Stealer<T>(Arc<Queue<T>>);

impl<T> Stealer<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.step(|items| items.is_empty())
    }

    pub(crate) fn steal(&self) -> Steal<T> {
        self.0.steal()
    }

    pub(crate) fn steal_batch_with_limit_and_pop(&self, to: &Worker<T>, limit: usize) -> Steal<T> {
        self.0.steal_batch(to, limit, |len| len.div_ceil(2))
    }
}

/// First in, first out, for everybody.
pub(crate) struct Injector<T>(Queue<T>);

impl<T> Injector<T> {
    pub(crate) fn new() -> Self {
        Self(Queue::new())
    }

    pub(crate) fn push(&self, item: T) {
        self.0.step(|items| items.push_back(item));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.step(|items| items.is_empty())
    }

    pub(crate) fn steal(&self) -> Steal<T> {
        self.0.steal()
    }

    pub(crate) fn steal_batch_with_limit_and_pop(&self, to: &Worker<T>, limit: usize) -> Steal<T> {
        self.0.steal_batch(to, limit, |len| len)
    }
}
