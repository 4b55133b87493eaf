//! shuttle's primitives: for the whole pool, in very many schedules. Memory is sequentially consistent there, so fences
//! do nothing; orderings are loom's part.
//!
//! All threads of a schedule live on one thread of the system and change places where one of these primitives is used.
//! So whatever the library keeps in statics must hold none of them; those are for what is outside of every schedule.
//!
//! # Time
//! A step of any thread takes [`STEP`]. A wait with a timeout goes on for as many looks as the schedule likes, and
//! when it ends without a token the clock is moved to its end: threads may be late by any amount of time, and a
//! program that relies on more is wrong.

pub(crate) use super::lock::Mutex;
pub(crate) use shuttle::hint::spin_loop;
use shuttle::rand::RngCore;
pub(crate) use shuttle::sync::atomic::{
    AtomicBool, AtomicIsize, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, fence,
};
pub(crate) use shuttle::sync::{Condvar, Mutex as SleepMutex};
pub(super) use shuttle::sync::{Mutex as CheckedMutex, MutexGuard as CheckedGuard};
pub(crate) use shuttle::thread::yield_now;
pub(crate) use shuttle::thread_local;
pub(crate) use shuttle::thread_local as plain_thread_local;
// Its counts are not what is checked here, and shuttle's cannot be a trait object.
pub(crate) use std::sync::Arc;

use std::cell::Cell;
use std::sync::{OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long a step takes. So some tasks are short and some long, for all that looks at the clock to find out.
const STEP: Duration = Duration::from_nanos(200);

/// One look in so many is the last of a wait with a timeout.
const PATIENCE: u64 = 4;

std::thread_local! {
    /// How far timeouts have moved the clock. It is never put back: only differences of times mean anything.
    static MOVED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// What time it is in this schedule.
pub(crate) fn now() -> Instant {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    *BEGIN.get_or_init(Instant::now) + passed()
}

fn passed() -> Duration {
    let steps = u32::try_from(shuttle::current::context_switches()).unwrap_or(u32::MAX);
    MOVED.get() + STEP * steps
}

/// The same as a number, for the rough clock of loops.
pub(crate) mod ticks {
    pub(crate) fn now() -> u64 {
        u64::try_from(super::passed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// One of `n` ways to go on, by the schedule's choice.
pub(super) fn choose(n: u64) -> u64 {
    shuttle::rand::thread_rng().next_u64() % n
}

/// A wait on `condvar` that comes back soon, whether or not there is a reason; `true` if it is because of the timeout.
pub(crate) fn wait_timeout<'a, T>(
    _condvar: &Condvar,
    lock: &'a SleepMutex<T>,
    guard: CheckedGuard<'a, T>,
    timeout: Duration,
) -> (CheckedGuard<'a, T>, bool) {
    let end = now() + timeout;
    drop(guard);
    yield_now();
    let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
    let timed_out = choose(PATIENCE) == 0;
    if timed_out {
        let left = end.saturating_duration_since(now());
        MOVED.set(MOVED.get() + left);
    }
    (guard, timed_out)
}

/// Threads, with what shuttle's cannot tell.
pub(crate) mod thread {
    use shuttle::thread::Thread;
    pub(crate) use shuttle::thread::current;
    use std::io;
    use std::mem::ManuallyDrop;

    #[derive(Debug)]
    pub(crate) struct Builder(shuttle::thread::Builder);

    /// Dropped, it leaves the thread alone, and the schedule still lasts until that ends: shuttle would cut it off.
    #[derive(Debug)]
    pub(crate) struct JoinHandle<T>(ManuallyDrop<shuttle::thread::JoinHandle<T>>);

    impl Builder {
        pub(crate) fn new() -> Self {
            Self(shuttle::thread::Builder::new())
        }

        pub(crate) fn name(self, name: String) -> Self {
            Self(self.0.name(name))
        }

        pub(crate) fn stack_size(self, bytes: usize) -> Self {
            Self(self.0.stack_size(bytes))
        }

        pub(crate) fn spawn<T: Send + 'static>(
            self,
            f: impl FnOnce() -> T + Send + 'static,
        ) -> io::Result<JoinHandle<T>> {
            let handle = self.0.spawn(f)?;
            Ok(JoinHandle(ManuallyDrop::new(handle)))
        }
    }

    impl<T> JoinHandle<T> {
        pub(crate) fn thread(&self) -> &Thread {
            self.0.thread()
        }

        pub(crate) fn join(self) -> std::thread::Result<T> {
            ManuallyDrop::into_inner(self.0).join()
        }
    }
}
