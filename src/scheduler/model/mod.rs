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

use crate::sync::{Arc, Ordering};
use std::sync::atomic::AtomicUsize as Tally;

fn explore(name: &str, model: impl Fn() + Send + Sync + 'static) {
    explore_to(3, name, model);
}

/// With so many preemptions unless `LOOM_MAX_PREEMPTIONS` asks for fewer.
fn explore_to(preemptions: usize, name: &str, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    let asked = builder.preemption_bound.unwrap_or(preemptions);
    builder.preemption_bound = Some(asked.min(preemptions));
    let rounds = Arc::new(Tally::new(0));
    let seen = Arc::clone(&rounds);
    builder.check(move || {
        seen.fetch_add(1, Ordering::Relaxed);
        model();
    });
    eprintln!(
        "model {name}: {} interleavings",
        rounds.load(Ordering::Relaxed)
    );
}
