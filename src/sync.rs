//! The one place that imports atomics, locks and threads.
//!
//! Everything above takes its primitives from here, so that a build with `--cfg loom` swaps all of
//! them for model-checked ones. Locks have parking_lot's shape (no poisoning, guards without
//! `unwrap`) in both builds, except for the pair that threads sleep on, see `park`.

#[cfg(not(loom))]
mod imp {
    pub(crate) use parking_lot::Mutex;
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::Arc;
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicIsize, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, fence,
    };
    pub(crate) use std::sync::{Condvar, Mutex as SleepMutex};
    pub(crate) use std::thread::yield_now;
    pub(crate) use std::thread_local;
}

#[cfg(loom)]
mod imp {
    pub(crate) use loom::hint::spin_loop;
    pub(crate) use loom::sync::atomic::fence;
    pub(crate) use loom::sync::{Condvar, Mutex as SleepMutex};
    pub(crate) use loom::thread::yield_now;
    /// All threads of a model live on one thread of the system.
    pub(crate) use loom::thread_local;
    use std::ops::{Deref, DerefMut};
    // Not loom's: it can be neither a receiver nor a trait object. Its counting is not what is checked
    // here, and not modelling it is the stricter model: it synchronizes nothing by accident. The models
    // check the counts themselves.
    pub(crate) use std::sync::Arc;

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

    /// loom's mutex with parking_lot's interface.
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    #[derive(Debug)]
    pub(crate) struct MutexGuard<'a, T>(Option<loom::sync::MutexGuard<'a, T>>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok().map(|guard| MutexGuard(Some(guard)))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(self.0.lock().ok())
        }

        pub(crate) fn into_inner(self) -> T {
            self.0.into_inner().expect("loom's mutex is not poisoned")
        }
    }

    impl<T: Default> Default for Mutex<T> {
        fn default() -> Self {
            Self::new(T::default())
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            self.0
                .as_ref()
                .expect("the guard is whole outside of a wait")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0
                .as_mut()
                .expect("the guard is whole outside of a wait")
        }
    }
}

pub(crate) use imp::*;
/// For statics, which no model reaches.
pub(crate) use parking_lot::Mutex as StaticMutex;
pub(crate) use std::sync::OnceLock;
/// As `Arc`.
pub(crate) use std::sync::Weak;
/// For counts: models see them change in every interleaving, but not out of order.
pub(crate) use std::sync::atomic::AtomicU64 as CountU64;
pub(crate) use std::sync::atomic::{
    AtomicU32 as StaticAtomicU32, AtomicU64 as StaticAtomicU64, AtomicUsize as StaticAtomicUsize,
    Ordering,
};
pub(crate) use std::thread;

#[cfg(all(test, loom))]
pub(crate) mod model;
