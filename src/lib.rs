//! windrow
#![warn(missing_docs)]

mod error;
mod latch;
mod park;
mod pool;
mod priority;
mod rng;
mod scheduler;
mod scope;
mod sync;
mod task;
mod unwind;

pub use error::{BuildError, JoinError};
pub use pool::free::{
    current_num_threads, current_thread_index, join, join3, join4, spawn, spawn_with_priority,
    yield_now,
};
pub use pool::{JoinHandle, ThreadPool, ThreadPoolBuilder};
pub use priority::Priority;
pub use scope::{Scope, ScopedJoinHandle, scope};
