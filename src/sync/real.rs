//! The primitives of the library itself.

pub(crate) use parking_lot::Mutex;
pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicIsize, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, fence,
};
pub(crate) use std::sync::{Condvar, Mutex as SleepMutex};
pub(crate) use std::thread;
pub(crate) use std::thread::yield_now;
pub(crate) use std::thread_local;
/// For what is no part of a model.
pub(crate) use std::thread_local as plain_thread_local;

use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What time it is.
#[inline]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A wait on `condvar`; `true` if the timeout has passed.
pub(crate) fn wait_timeout<'a, T>(
    condvar: &Condvar,
    _lock: &'a SleepMutex<T>,
    guard: MutexGuard<'a, T>,
    timeout: Duration,
) -> (MutexGuard<'a, T>, bool) {
    let (guard, result) = condvar
        .wait_timeout(guard, timeout)
        .unwrap_or_else(PoisonError::into_inner);
    (guard, result.timed_out())
}
