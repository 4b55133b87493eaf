//! How many tasks from outside a worker takes at a time.
//!
//! A batch saves a locked operation per task, which matters where tasks are short. Where they are long it
//! spoils their order: what lies in a worker's deque waits for that worker's tasks before it, and is
//! overtaken by what comes later. So the size of a batch starts at one, doubles as long as tasks turn out to
//! be short, and falls back to one when they do not. The clock is read once a batch.

use crate::clock;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Tasks that take less are short: taking one more of them along costs nobody much time.
const SHORT: Duration = Duration::from_micros(5);
/// The largest batch. It stays stealable.
const LARGEST: u32 = 32;

/// Owner-only memory of the last batch.
#[derive(Debug)]
pub(crate) struct Batching {
    size: Cell<u32>,
    last: Cell<Option<(Instant, u32)>>,
}

impl Batching {
    pub(crate) fn new() -> Self {
        Self {
            size: Cell::new(1),
            last: Cell::new(None),
        }
    }

    /// The last batch has been run: how large the next may be.
    pub(crate) fn next(&self) -> usize {
        if let Some((since, len)) = self.last.take() {
            let short = clock::now().saturating_duration_since(since) < SHORT * len;
            let size = if short { self.size.get() * 2 } else { 1 };
            self.size.set(size.min(LARGEST));
        }
        self.size.get() as usize
    }

    /// A batch of this many tasks has been taken and is about to be run.
    pub(crate) fn note(&self, len: usize) {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        self.last.set(Some((clock::now(), len)));
    }
}
