//! Model checks of promotion and steal-back, of the sleep protocol, of who comes and goes,
//! and of the end of the pool.
//!
//! `LOOM_MAX_PREEMPTIONS=3 RUSTFLAGS="--cfg loom" cargo test --release --lib model`
//!
//! `Forks` and `Idle` are the real ones. The deques, which loom cannot see into, are replaced by a
//! count that is changed by Relaxed operations alone: all the order there is comes from the protocol's
//! fences, and a load may find an old value wherever they do not forbid it. What `Worker` and
//! `wait` do around `Idle` is repeated here, with a single round of searching. A lost wake-up leaves
//! a thread asleep for ever, which loom reports as a deadlock.

mod forks;
mod idle;
mod presence;
mod registry;
mod rest;

use crate::sync::model::{explore, explore_to};
