//! Parallel sorts.

mod cached;
mod merge;
mod methods;
mod partition;
mod pieces;
mod run;
mod sample;
mod spread;
mod stable;
mod unstable;

pub(crate) use methods::methods;

pub(crate) use cached::sort as by_cached_key;
pub(crate) use stable::sort as stable;
pub(crate) use unstable::sort as unstable;

use crate::pool::free::current_num_threads;
use crate::scheduler::Participant;

/// Slices that are not longer are sorted on the spot: some 20 µs.
const SHORT: usize = 2048;

/// Somebody could help, and would find enough to do.
fn worth_forking<T>(items: &[T]) -> bool {
    items.len() > SHORT && current_num_threads() > 1
}

/// A thread of this pool has nothing to do, and a processor for it.
fn somebody_is_idle() -> bool {
    // SAFETY: a current participant is alive as long as this thread is in its pool.
    unsafe { Participant::current().as_ref() }.is_none_or(|here| here.registry().has_idle_thread())
}
