//! What is to happen at a certain time: one thread a pool, started when it is first needed.
//!
//! # Who may touch what
//! The queue: whoever holds its lock. An entry is fired by the timer's thread, outside of the lock, or
//! taken out by `remove`; whichever takes it out of the queue first. What is fired must be short: it runs
//! on the timer's thread and holds up the others.
//!
//! The thread parks until the first entry is due; adding an earlier one wakes it. When the pool has ended it is
//! *retired*: what only the pool needed is dropped, and the thread ends as soon as nothing is left. Who works in a
//! pool that has ended, as a guest, and adds something starts another thread, with a parker of its own; should that
//! fail, the entry waits for the next who does.
//!
//! In a deterministic pool the thread belongs to the pool's simulation, whoever starts it; else to none. Entries are
//! at times of the pool's clock.

use crate::clock;
use crate::park::Parker;
use crate::scheduler::registry::Thread;
use crate::sim::{Sim, Ticket};
use crate::sync::{Arc, Mutex, Weak, thread};
use crate::unwind;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

/// Something with an appointment.
pub(crate) trait Timed: Send + Sync {
    /// Its time has come. Called on the timer's thread.
    fn fire(self: Arc<Self>);
    /// Whether guests of a pool that has ended may still need it.
    fn outlives_pool(&self) -> bool {
        true
    }
}

/// Names an entry: its time, and a number.
pub(crate) type Key = (Instant, u64);

/// See the module.
pub(crate) struct Timer {
    shared: Arc<Shared>,
    sim: Option<Arc<Sim>>,
    thread: Mutex<Option<Thread>>,
}

struct Shared {
    queue: Mutex<Queue>,
}

struct Queue {
    /// Of the thread that was started last.
    parker: Arc<Parker>,
    entries: BTreeMap<Key, Arc<dyn Timed>>,
    last: u64,
    /// Nobody fires what is added, until a thread is started again.
    stopped: bool,
    /// How often it has been stopped: a thread ends when this is not what it was when it was started.
    stops: u64,
    /// Threads end when there are no entries.
    retired: bool,
}

impl Timer {
    pub(crate) fn new(sim: Option<Arc<Sim>>) -> Self {
        Self {
            sim,
            shared: Arc::new(Shared {
                queue: Mutex::new(Queue {
                    parker: Arc::new(Parker::new()),
                    entries: BTreeMap::new(),
                    last: 0,
                    stopped: false,
                    stops: 0,
                    retired: false,
                }),
            }),
            thread: Mutex::new(None),
        }
    }

    /// Makes sure that the thread is there.
    pub(crate) fn ensure_started(&self) -> std::io::Result<()> {
        let mut thread = self.thread.lock();
        let (parker, stops) = {
            let mut queue = self.shared.queue.lock();
            if thread.is_some() && !queue.stopped {
                return Ok(());
            }
            queue.parker = Arc::new(Parker::new());
            (Arc::clone(&queue.parker), queue.stops)
        };
        let shared = Arc::clone(&self.shared);
        let ticket = self.sim.as_ref().map(|sim| sim.announce());
        let builder = thread::Builder::new().name("windrow-timer".to_owned());
        let turn = ticket.as_ref().and_then(Ticket::seat);
        let handle = builder.spawn(move || {
            if let Some(ticket) = ticket {
                ticket.begin();
            }
            shared.run(&parker, stops);
        })?;
        let here = Weak::new();
        *thread = Some(Thread { handle, turn, here });
        let mut queue = self.shared.queue.lock();
        queue.stopped &= queue.stops != stops;
        Ok(())
    }

    /// Has `timed` fired at `at`.
    pub(crate) fn add(&self, at: Instant, timed: Arc<dyn Timed>) -> Key {
        let mut queue = self.shared.queue.lock();
        queue.last += 1;
        let key = (at, queue.last);
        let first = queue.entries.keys().next().is_none_or(|first| key < *first);
        queue.entries.insert(key, timed);
        let (stopped, parker) = (queue.stopped, Arc::clone(&queue.parker));
        drop(queue);
        if stopped {
            let _ = self.ensure_started();
        }
        // Also then: another thread may have started the timer's, which had parked before this was added.
        if first {
            parker.unpark();
        }
        key
    }

    /// Takes an entry out, if it has not been fired.
    pub(crate) fn remove(&self, key: Key) {
        let mut queue = self.shared.queue.lock();
        let removed = queue.entries.remove(&key);
        let last = queue.retired && queue.entries.is_empty();
        let parker = last.then(|| Arc::clone(&queue.parker));
        drop(queue);
        if let Some(parker) = parker {
            parker.unpark();
        }
        drop(removed);
    }

    /// Ends the thread; what has not been fired is dropped: the pool is gone.
    pub(crate) fn stop(&self) {
        let mut queue = self.shared.queue.lock();
        queue.stop();
        let entries = std::mem::take(&mut queue.entries);
        drop(queue);
        drop(entries);
    }

    /// The pool has ended.
    pub(crate) fn retire(&self) {
        let needless = self.shared.queue.lock().retire();
        drop(needless);
    }

    /// In a forked child, where the thread does not exist, nor does another one that may have held the lock.
    pub(crate) fn forget(&self) {
        if let Some(mut thread) = self.thread.try_lock() {
            std::mem::forget(thread.take());
        }
    }

    /// Whether the calling thread is the timer's.
    pub(crate) fn is_here(&self) -> bool {
        let thread = self.thread.lock();
        let id = thread.as_ref().map(|thread| thread.handle.thread().id());
        id == Some(thread::current().id())
    }

    /// Retires it, and waits for the thread to end, unless guests need it.
    pub(crate) fn join(&self) {
        let mut thread = self.thread.lock();
        let mut queue = self.shared.queue.lock();
        let needless = queue.retire();
        let ended = thread.take_if(|_| queue.stopped);
        drop(queue);
        drop(thread);
        // Not under a lock: it may come back here.
        drop(needless);
        if let Some(thread) = ended {
            thread.join();
        }
    }
}

impl Queue {
    /// Ends the thread that there is.
    fn stop(&mut self) {
        self.stopped = true;
        self.stops += 1;
        self.parker.unpark();
    }

    /// From now on threads end when there are no entries. Returns those that nobody needs any more.
    fn retire(&mut self) -> BTreeMap<Key, Arc<dyn Timed>> {
        self.retired = true;
        let (kept, needless) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|(_, timed)| timed.outlives_pool());
        self.entries = kept;
        if self.entries.is_empty() && !self.stopped {
            self.stop();
        }
        needless
    }
}

impl Shared {
    fn run(&self, parker: &Parker, stops: u64) {
        loop {
            let now = clock::now();
            let mut due = Vec::new();
            let mut queue = self.queue.lock();
            if queue.stops != stops {
                return;
            }
            if queue.retired && queue.entries.is_empty() {
                return queue.stop();
            }
            while let Some(first) = queue.entries.first_entry() {
                if first.key().0 > now {
                    break;
                }
                due.push(first.remove());
            }
            let next = queue.entries.keys().next().map(|key| key.0);
            drop(queue);
            if due.is_empty() {
                match next {
                    Some(at) => {
                        let left = at.saturating_duration_since(clock::now());
                        if left > Duration::ZERO {
                            parker.park_timeout(left);
                        }
                    }
                    None => parker.park(),
                }
            }
            for timed in due {
                if let Err(payload) = unwind::catch(|| timed.fire()) {
                    unwind::discard(payload);
                }
            }
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("entries", &self.shared.queue.lock().entries.len())
            .finish_non_exhaustive()
    }
}
