//! The one place that imports atomics, locks and threads.
//!
//! Everything above takes its primitives from here, so that a build with `--cfg loom` (models of parts, in every
//! interleaving and with weak memory) or `--cfg windrow_shuttle` (the whole pool, in very many schedules) swaps all of
//! them for those of the checker. Locks have parking_lot's shape (no poisoning, guards without `unwrap`) in all builds,
//! except for the pair that threads sleep on, see `park`.

#[cfg(not(any(loom, windrow_shuttle)))]
#[path = "real.rs"]
mod imp;

#[cfg(loom)]
#[path = "loom.rs"]
mod imp;

#[cfg(all(windrow_shuttle, not(loom)))]
#[path = "shuttle.rs"]
mod imp;

#[cfg(all(windrow_shuttle, not(loom)))]
pub(crate) mod deque;
#[cfg(any(loom, windrow_shuttle))]
mod lock;

#[cfg(not(all(windrow_shuttle, not(loom))))]
pub(crate) use crossbeam_deque as deque;
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

#[cfg(all(test, loom))]
pub(crate) mod model;
