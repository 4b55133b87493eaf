//! loom's primitives: for models of parts of the library.

pub(crate) use super::lock::Mutex;
pub(crate) use loom::hint::spin_loop;
pub(crate) use loom::sync::atomic::fence;
pub(crate) use loom::sync::{Condvar, Mutex as SleepMutex};
pub(super) use loom::sync::{Mutex as CheckedMutex, MutexGuard as CheckedGuard};
pub(crate) use loom::thread::yield_now;
/// All threads of a model live on one thread of the system.
pub(crate) use loom::thread_local;
// Not loom's: it can be neither a receiver nor a trait object. Its counting is not what is checked
// here, and not modelling it is the stricter model: it synchronizes nothing by accident. The models
// check the counts themselves.
pub(crate) use std::sync::Arc;
pub(crate) use std::thread;
/// For what is no part of a model.
pub(crate) use std::thread_local as plain_thread_local;

use std::ops::Deref;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

macro_rules! atomics {
    ($($name:ident($value:ty)),*) => {$(
        /// loom's, with an end: dropping it needs exclusive access, and whoever touches it later is
        /// found out. So freeing too early fails a model, whatever the memory looks like by then.
        #[derive(Debug)]
        #[allow(unreachable_pub, reason = "part of hidden traits")]
        pub struct $name(loom::sync::atomic::$name);

        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }
        }

        impl Deref for $name {
            type Target = loom::sync::atomic::$name;
            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                if !std::thread::panicking() {
                    self.0.with_mut(|_| ());
                }
            }
        }
    )*};
}

atomics!(
    AtomicU8(u8),
    AtomicU32(u32),
    AtomicU64(u64),
    AtomicUsize(usize),
    AtomicIsize(isize)
);

/// loom's, which has no exclusive access.
pub(crate) use loom::sync::atomic::AtomicBool;

/// What time it is.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A wait on `condvar`; `true` if the timeout has passed.
pub(crate) fn wait_timeout<'a, T>(
    condvar: &Condvar,
    _lock: &'a SleepMutex<T>,
    guard: CheckedGuard<'a, T>,
    timeout: Duration,
) -> (CheckedGuard<'a, T>, bool) {
    let (guard, result) = condvar
        .wait_timeout(guard, timeout)
        .unwrap_or_else(PoisonError::into_inner);
    (guard, result.timed_out())
}
