//! What time it is: virtual for the members of a simulation (see `sim`), the system's for everybody else.
//!
//! Whatever computes a deadline that a thread of the pool sleeps towards asks here. A thread that is no
//! member pays one look at a thread-local flag.

use crate::sim::Sim;
use crate::sync;
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
