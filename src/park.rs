//! Blocking one thread until another lets it go.
//!
//! A [`Parker`] belongs to one OS thread and carries at most one token. It is not the thread's own
//! `std::thread::park` token, which user code may consume (futures-rs#2010). Every wait in the crate
//! sleeps here and re-checks its own condition after waking, so a token that arrives late only costs
//! a spurious wake-up.
//!
//! The lock and the condition variable are std's, which on Linux are a futex each. parking_lot's would keep
//! all sleepers in a table of the process, and a forked child inherits that table with entries of threads
//! that do not exist there and whose memory is soon reused: new pools in the child then lost wake-ups.
//!
//! A member of a simulation (see `sim`) blocks there instead of on the condition variable. While it does,
//! its place is under the lock, for whoever unparks it.
//!
//! # Memory ordering
//! `unpark` swaps with Release, `park` takes the token with Acquire: what happened before `unpark` is
//! visible after the `park` that it ends. The lock around the PARKED state closes the window between
//! the check and the sleep.

use crate::sim::{self, Seat};
use crate::sync::{self, Arc, AtomicBool, AtomicU32, Condvar, Ordering, SleepMutex, thread_local};
use std::cell::RefCell;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

const EMPTY: u32 = 0;
const PARKED: u32 = 1;
const NOTIFIED: u32 = 2;

/// One thread's place to sleep. The alignment leaves six low bits of its address for flags, see
/// `task::state` and `latch`.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Parker {
    state: AtomicU32,
    /// A message that comes with a token: the pool has stalled, look everywhere. See `Idle::lend`.
    stalled: AtomicBool,
    /// The owner's place, while it is PARKED in a simulation.
    lock: SleepMutex<Option<Seat>>,
    wake: Condvar,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU32::new(EMPTY),
            stalled: AtomicBool::new(false),
            lock: SleepMutex::new(None),
            wake: Condvar::new(),
        }
    }

    fn take_token(&self) -> bool {
        self.state
            .compare_exchange(NOTIFIED, EMPTY, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Sleeps until there is a token and consumes it.
    pub(crate) fn park(&self) {
        if self.take_token() {
            return;
        }
        if let Some(seat) = sim::seat() {
            self.park_simulated(&seat, None);
            return;
        }
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if self
            .state
            .compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed)
            .is_err()
        {
            let taken = self.take_token();
            debug_assert!(taken, "only the owner parks");
            return;
        }
        loop {
            guard = self
                .wake
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
            if self.take_token() {
                return;
            }
        }
    }

    /// Sleeps until there is a token or `timeout` has passed; `true` if it consumed a token.
    pub(crate) fn park_timeout(&self, timeout: Duration) -> bool {
        if self.take_token() {
            return true;
        }
        // A timeout too large for the clock is no timeout.
        if let Some(seat) = sim::seat() {
            return self.park_simulated(&seat, seat.after(timeout));
        }
        let deadline = sync::now().checked_add(timeout);
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if self
            .state
            .compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed)
            .is_err()
        {
            return self.take_token();
        }
        loop {
            let left = match deadline {
                Some(at) => at.saturating_duration_since(sync::now()),
                None => Duration::from_secs(3600),
            };
            let (still, timed_out) = sync::wait_timeout(&self.wake, &self.lock, guard, left);
            guard = still;
            if self.take_token() {
                return true;
            }
            if timed_out && deadline.is_some() {
                // Still under the lock: either withdraw PARKED, or a token has just arrived.
                let old = self.state.swap(EMPTY, Ordering::Acquire);
                return old == NOTIFIED;
            }
        }
    }

    /// The same for a member of a simulation, which blocks there; `true` if it consumed a token.
    #[cold]
    #[inline(never)]
    fn park_simulated(&self, seat: &Seat, deadline: Option<Instant>) -> bool {
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if self
            .state
            .compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed)
            .is_err()
        {
            return self.take_token();
        }
        loop {
            // Under the lock: whoever unparks finds the place, and the member blocked.
            *guard = Some(seat.clone());
            seat.block(deadline);
            drop(guard);
            let timed_out = seat.wait();
            guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            *guard = None;
            if self.take_token() {
                return true;
            }
            if timed_out {
                let old = self.state.swap(EMPTY, Ordering::Acquire);
                return old == NOTIFIED;
            }
        }
    }

    /// Leaves the message that the pool has stalled, and a token.
    pub(crate) fn unpark_stalled(&self) {
        // Release, for `take_stalled`: the message may be taken before its token.
        self.stalled.store(true, Ordering::Release);
        self.unpark();
    }

    /// Takes the message.
    pub(crate) fn take_stalled(&self) -> bool {
        // Acquire: the look that follows sees what was published before the message.
        self.stalled.load(Ordering::Relaxed) && self.stalled.swap(false, Ordering::Acquire)
    }

    /// Leaves a token and wakes the owner if it sleeps.
    pub(crate) fn unpark(&self) {
        if self.state.swap(NOTIFIED, Ordering::Release) == PARKED {
            // The owner holds the lock from setting PARKED until it waits; passing through the lock
            // makes sure that it does wait by now.
            let place = self
                .lock
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            match place {
                Some(seat) => seat.wake(),
                None => self.wake.notify_one(),
            }
        }
    }
}

thread_local! {
    static OWN: RefCell<Arc<Parker>> = RefCell::new(Arc::new(Parker::new()));
}

/// The calling thread's parker. While the thread's locals are being destroyed, a fresh one.
pub(crate) fn current() -> Arc<Parker> {
    OWN.try_with(|own| Arc::clone(&own.borrow()))
        .unwrap_or_else(|_| Arc::new(Parker::new()))
}

/// From now on the calling thread has another one: what is on its way to the old one does not concern it. Waits that
/// are open further out still hold the old one.
pub(crate) fn renew() {
    // Without its locals the thread has a fresh one each time.
    let _ = OWN.try_with(|own| own.replace(Arc::new(Parker::new())));
}

#[cfg(all(test, not(any(loom, windrow_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_renewed_parker_has_no_token_of_the_old_one() {
        let old = current();
        old.unpark();
        renew();
        let new = current();
        old.unpark();
        assert!(!new.park_timeout(Duration::ZERO));
        assert!(old.park_timeout(Duration::ZERO), "whoever holds it has it");
    }
}
