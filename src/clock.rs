//! What time it is: virtual for the members of a simulation (see `sim`), the system's for everybody else.
//!
//! Whatever computes a deadline that the calling thread sleeps towards asks [`now`] and [`after`]. A thread that is no
//! member pays one look at a thread-local flag.
//!
//! Whatever belongs to a pool (the appointments of its timer, the times of its tasks and of what it holds) asks the
//! pool's [`Clock`], and a loop that other threads help with that of the thread where it began. A clock is the same on
//! all threads; a thread that uses several pools may be in the simulation of some of them only.

use crate::sim::Sim;
use crate::sync::{self, Arc};
use std::time::{Duration, Instant};

/// The calling thread's time.
#[inline]
pub(crate) fn now() -> Instant {
    Sim::now().unwrap_or_else(sync::now)
}

/// The time in `timeout` from now; `None` if that is beyond what the clock can tell.
#[inline]
pub(crate) fn after(timeout: Duration) -> Option<Instant> {
    now().checked_add(timeout)
}

/// A pool's time, or that of a thread for what it has others do. It never changes whose that is.
#[derive(Clone, Debug)]
pub(crate) struct Clock(Option<Arc<Sim>>);

impl Clock {
    /// That of the simulation, or the system's without one.
    pub(crate) fn of(sim: Option<Arc<Sim>>) -> Self {
        Self(sim)
    }

    /// That of the calling thread, for others.
    pub(crate) fn here() -> Self {
        Self(Sim::current())
    }

    pub(crate) fn now(&self) -> Instant {
        match &self.0 {
            Some(sim) => sim.time(),
            None => sync::now(),
        }
    }

    /// The time in `timeout` from now; `None` if that is beyond what the clock can tell.
    pub(crate) fn after(&self, timeout: Duration) -> Option<Instant> {
        self.now().checked_add(timeout)
    }
}

#[cfg(all(test, not(any(loom, windrow_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn without_a_simulation_it_is_the_systems_clock() {
        let before = Instant::now();
        let now = now();
        assert!(before <= now && now <= Instant::now());
    }

    #[test]
    fn too_far_ahead_is_no_time() {
        assert_eq!(after(Duration::MAX), None);
        assert!(after(Duration::from_secs(3600)).is_some());
    }
}
