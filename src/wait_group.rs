//! Waiting for any number of threads or tasks to signal.

use crate::clock;
use crate::gate::Gate;
use crate::scheduler::blocking;
use crate::sync::{Arc, AtomicUsize, Ordering};
use std::fmt;
use std::time::{Duration, Instant};

/// Lets one thread wait for others: cloning registers, dropping signals.
///
/// Unlike a [`TaskGroup`](crate::TaskGroup) it does not know tasks, their results or their panics; it works
/// with anything that can own a value. A task that panics drops its clone, and so signals.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::sync::Arc;
/// use windrow::WaitGroup;
///
/// let pool = windrow::ThreadPool::new(2)?;
/// let (group, count) = (WaitGroup::new(), Arc::new(AtomicU32::new(0)));
/// for _ in 0..10 {
///     let (group, count) = (group.clone(), Arc::clone(&count));
///     drop(pool.spawn(move || {
///         count.fetch_add(1, Ordering::Relaxed);
///         drop(group);
///     }));
/// }
/// group.wait();
/// assert_eq!(count.load(Ordering::Relaxed), 10);
/// # Ok::<(), windrow::BuildError>(())
/// ```
pub struct WaitGroup {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// Clones that have not been dropped.
    registered: AtomicUsize,
    gate: Gate,
}

impl WaitGroup {
    /// A group with one member: what is returned.
    ///
    /// ```
    /// let group = windrow::WaitGroup::new();
    /// let other = group.clone();
    /// std::thread::spawn(move || drop(other));
    /// group.wait();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                registered: AtomicUsize::new(1),
                gate: Gate::new(),
            }),
        }
    }

    /// Signals for this one, and waits until all others have been dropped.
    ///
    /// A thread of a pool lends its place meanwhile, as in [`blocking`](crate::blocking).
    ///
    /// ```
    /// use windrow::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// for _ in 0..4 {
    ///     let member = group.clone();
    ///     std::thread::spawn(move || drop(member));
    /// }
    /// group.wait();
    /// ```
    pub fn wait(self) {
        self.wait_until(None);
    }

    /// [`wait`](Self::wait), but no longer than `timeout`; returns whether all have been dropped.
    ///
    /// ```
    /// use std::time::Duration;
    /// use windrow::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// let other = group.clone();
    /// assert!(!group.wait_timeout(Duration::from_millis(1)), "the other is still there");
    /// drop(other);
    /// ```
    #[must_use]
    pub fn wait_timeout(self, timeout: Duration) -> bool {
        self.wait_until(clock::after(timeout))
    }

    /// [`wait`](Self::wait), but no longer than until `deadline`; returns whether all have been dropped.
    ///
    /// ```
    /// use std::time::Instant;
    /// use windrow::WaitGroup;
    ///
    /// let group = WaitGroup::new();
    /// let member = group.clone();
    /// assert!(!group.wait_deadline(Instant::now()), "there is still a member");
    /// drop(member);
    /// ```
    #[must_use]
    pub fn wait_deadline(self, deadline: Instant) -> bool {
        self.wait_until(Some(deadline))
    }

    fn wait_until(self, deadline: Option<Instant>) -> bool {
        let shared = Arc::clone(&self.shared);
        drop(self);
        // Acquire: what the others did before they signalled has happened.
        let done = || shared.registered.load(Ordering::Acquire) == 0;
        done() || blocking(|| shared.gate.wait(deadline, done))
    }
}

impl Clone for WaitGroup {
    fn clone(&self) -> Self {
        // Relaxed: this one keeps the count from being zero.
        self.shared.registered.fetch_add(1, Ordering::Relaxed);
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl Drop for WaitGroup {
    fn drop(&mut self) {
        if self.shared.registered.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.gate.notify();
        }
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registered = self.shared.registered.load(Ordering::Relaxed);
        f.debug_struct("WaitGroup")
            .field("registered", &registered)
            .finish()
    }
}

crate::unwind::unwind_safe!([] WaitGroup;);
