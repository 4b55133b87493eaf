//! Waiting for a condition that others bring about, by any number of threads.
//!
//! For waits that are about a pool as a whole (idle, ended, room in its queue) or about nothing of a pool at
//! all ([`WaitGroup`](crate::WaitGroup)). Whoever changes something that such a condition depends on
//! calls [`Gate::notify`], which costs a fence and a load while nobody waits.
//!
//! # Memory ordering
//! Waiter: register; `fence(SeqCst)`; evaluate the condition; park. Notifier: change; `fence(SeqCst)`; look
//! for waiters. One of the two fences comes first, so either the notifier sees the waiter or the waiter
//! sees the change. A waiter evaluates its condition anew after each token.

use crate::clock;
use crate::park::{self, Parker};
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, fence};
use std::time::{Duration, Instant};

/// See the module.
#[derive(Debug)]
pub(crate) struct Gate {
    waiting: AtomicUsize,
    parkers: Mutex<Vec<Arc<Parker>>>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            parkers: Mutex::new(Vec::new()),
        }
    }

    /// Something that a condition depends on has changed.
    #[inline]
    pub(crate) fn notify(&self) {
        fence(Ordering::SeqCst);
        self.notify_fenced();
    }

    /// The same, where the caller has done the fence.
    #[inline]
    pub(crate) fn notify_fenced(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.wake_all();
        }
    }

    #[cold]
    fn wake_all(&self) {
        for parker in self.parkers.lock().iter() {
            parker.unpark();
        }
    }

    /// Blocks until `done()`, but no longer than until `deadline`; returns the last `done()`.
    pub(crate) fn wait(&self, deadline: Option<Instant>, done: impl Fn() -> bool) -> bool {
        if done() {
            return true;
        }
        let parker = park::current();
        self.parkers.lock().push(Arc::clone(&parker));
        self.waiting.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let is_done = loop {
            if done() {
                break true;
            }
            match deadline {
                None => parker.park(),
                Some(at) => {
                    let left = at.saturating_duration_since(clock::now());
                    if left == Duration::ZERO {
                        break false;
                    }
                    parker.park_timeout(left);
                }
            }
        };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let mut parkers = self.parkers.lock();
        let at = parkers.iter().position(|p| Arc::ptr_eq(p, &parker));
        parkers.swap_remove(at.expect("a waiter is on the list"));
        is_done
    }
}

#[cfg(all(test, loom))]
mod model;
