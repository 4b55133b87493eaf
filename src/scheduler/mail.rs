//! Mail: jobs addressed to one particular worker, for `broadcast`.
//!
//! Only the addressee runs its mail: in its idle loop, or in a wait that waits for it. All broadcasts
//! of a pool are put into the mailboxes under one lock, so that they lie in the same order in each; a
//! worker that waits for its own broadcast runs the mail of the earlier ones first, because its own
//! comes after them. So two workers that broadcast at the same time cannot wait for each other for ever.

use crate::sync::{AtomicUsize, Mutex, Ordering};
use crate::task::node::{self, Node};
use crate::task::stack::StackHeader;
use std::collections::VecDeque;

/// A job for one worker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letter {
    pub(crate) job: *const StackHeader,
    /// Which broadcast of the pool it belongs to.
    pub(crate) number: u64,
}

// SAFETY: a letter's job belongs to whoever takes it out of the box; its sender waits for it.
unsafe impl Send for Letter {}

/// One worker's mail, oldest first.
#[derive(Debug)]
pub(crate) struct Mailbox {
    len: AtomicUsize,
    letters: Mutex<VecDeque<Letter>>,
}

impl Mailbox {
    pub(crate) fn new() -> Self {
        Self {
            len: AtomicUsize::new(0),
            letters: Mutex::new(VecDeque::new()),
        }
    }

    /// A hint, ordered by the sleep protocol's fences.
    pub(crate) fn is_empty(&self) -> bool {
        self.len.load(Ordering::Relaxed) == 0
    }

    pub(crate) fn put(&self, letter: Letter) {
        let mut letters = self.letters.lock();
        letters.push_back(letter);
        self.len.store(letters.len(), Ordering::Relaxed);
    }

    /// The addressee, idle: the oldest letter.
    pub(crate) fn take(&self) -> Option<Letter> {
        self.take_where(|_| true)
    }

    /// The addressee, waiting: a letter that belongs to what it waits for. `up_to` is the number of
    /// the broadcast that it waits for itself, or 0.
    pub(crate) fn take_awaited(&self, awaited: *const Node, up_to: u64) -> Option<Letter> {
        self.take_where(|letter| {
            // SAFETY: the sender waits for an untaken letter, which nobody can take without the lock.
            let node = unsafe { StackHeader::node_of(letter.job) };
            // SAFETY: so do all of its ancestors.
            letter.number <= up_to || unsafe { node::descends_from(node, awaited) }
        })
    }

    fn take_where(&self, wanted: impl Fn(&Letter) -> bool) -> Option<Letter> {
        if self.is_empty() {
            return None;
        }
        let mut letters = self.letters.lock();
        let at = letters.iter().position(wanted)?;
        let letter = letters.remove(at);
        self.len.store(letters.len(), Ordering::Relaxed);
        letter
    }
}
