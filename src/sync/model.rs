//! How the model checks of the crate run: every interleaving of a small program, up to a number of preemptions.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// With three preemptions unless `LOOM_MAX_PREEMPTIONS` asks for fewer.
pub(crate) fn explore(name: &str, model: impl Fn() + Send + Sync + 'static) {
    explore_to(3, name, model);
}

/// With so many preemptions unless `LOOM_MAX_PREEMPTIONS` asks for fewer.
pub(crate) fn explore_to(preemptions: usize, name: &str, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    let asked = builder.preemption_bound.unwrap_or(preemptions);
    builder.preemption_bound = Some(asked.min(preemptions));
    // Not modelled: it outlives the interleavings that it counts.
    let rounds = Arc::new(AtomicUsize::new(0));
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
