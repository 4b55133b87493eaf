//! A lock under which the program's own code runs.

use crate::sim::Sim;
use crate::sync::Mutex;
use std::ops::DerefMut;
use std::time::Duration;

/// Takes a lock whose holder calls code of the program, which may reach a scheduling point: in a simulation
/// whoever finds it taken gives up the turn, without which the holder cannot go on.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> impl DerefMut<Target = T> {
    loop {
        if let Some(guard) = mutex.try_lock() {
            return guard;
        }
        if Sim::current().is_none() {
            return mutex.lock();
        }
        // The holder may wait for the clock, which stands still while anybody can run.
        Sim::spend(Duration::from_micros(1));
        Sim::yield_point();
    }
}
