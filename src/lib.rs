//! A synchronous work-stealing thread pool for plain Rust: parallel loops, fork and join, scoped tasks with
//! results, scatter and gather, priorities, and tasks with deadlines, retries, rates and groups, without an
//! async runtime.
//!
//! ```
//! use windrow::prelude::*;
//!
//! // Loops: iterators with the names that rayon has made known.
//! let sum_of_squares: u64 = (1..=1000_u64).into_par_iter().map(|x| x * x).sum();
//! assert_eq!(sum_of_squares, 333_833_500);
//!
//! // Fork and join on borrowed data, as deep as you like: a fork costs a nanosecond or two.
//! fn sum(numbers: &[u64]) -> u64 {
//!     if numbers.len() <= 1 {
//!         return numbers.iter().sum();
//!     }
//!     let (left, right) = numbers.split_at(numbers.len() / 2);
//!     let (a, b) = windrow::join(|| sum(left), || sum(right));
//!     a + b
//! }
//! let numbers: Vec<u64> = (1..=1000).collect();
//! assert_eq!(sum(&numbers), 500_500);
//!
//! // Any number of tasks that borrow, each with a result.
//! let words = ["rows", "of", "raked", "hay"];
//! let total: usize = windrow::scope(|s| {
//!     let handles: Vec<_> = words.iter().map(|word| s.spawn(|| word.len())).collect();
//!     handles.into_iter().map(|handle| handle.join().unwrap()).sum()
//! });
//! assert_eq!(total, 14);
//! ```
//!
//! # Loops
//!
//! `use windrow::prelude::*`, and slices, vectors, ranges, strings and collections have `par_iter` and its like. What
//! they return has the methods of the standard library's iterators and more ([`iter::ParallelIterator`]):
//!
//! ```
//! use std::time::Duration;
//! use windrow::prelude::*;
//!
//! let text = "make hay\nwhile the sun\nshines";
//! let longest = text.par_lines().max_by_key(|line| line.len());
//! assert_eq!(longest, Some("while the sun"));
//!
//! let mut field = vec![0_u32; 90];
//! field.par_chunks_mut(30).enumerate().for_each(|(row, places)| places.fill(row as u32));
//!
//! // One that stops in time, or says how far it has come.
//! let total: u32 = field.par_iter().timeout(Duration::from_secs(60)).sum()?;
//! assert_eq!(total, 90);
//! # Ok::<(), windrow::iter::Interrupted>(())
//! ```
//!
//! A loop begins on the calling thread and is cut only where another thread is free to take half of what is left, so
//! a small one costs next to nothing and needs no cut-off, and one in a loop is shared like the outer one. Results
//! are in the order of the items. [`on`](iter::ParallelIterator::on) runs a loop in a given pool,
//! [`with_priority`](iter::ParallelIterator::with_priority) behind or before other work;
//! [`cancel`](iter::ParallelIterator::cancel), [`deadline`](iter::ParallelIterator::deadline) and
//! [`progress`](iter::ParallelIterator::progress) are for long ones. Without traits, there are [`ThreadPool::for_each`],
//! [`ThreadPool::map`] and [`ThreadPool::map_reduce`], on scopes as well.
//!
//! If you come from rayon: the page [`migration`] says what is the same, what is not, and why. What all of it promises,
//! and how that is tested: [`guarantees`].
//!
//! # The model
//!
//! A **pool** ([`ThreadPool`]) is a number of worker threads. Build as many as you need and pass them
//! around; the free functions use the pool that the thread works in, and otherwise a global one that is
//! built at its first use, with a thread for each processor (or as many as `WINDROW_NUM_THREADS` says).
//!
//! A **task** is a closure that the pool runs. [`spawn`] makes one that owns what it uses and returns a
//! [`JoinHandle`] to its result; dropping the handle lets the task go on alone. A **scope** ([`scope()`])
//! is a block at whose end all tasks spawned in it are over, so that they may borrow from outside of it.
//! [`join`] runs two closures, in parallel if anybody is free.
//!
//! **The caller works too.** `join` and `scope` begin on the calling thread at once, whether or not it is
//! one of the pool's; the workers come to help when there is something to share. Nobody is woken for work
//! too small to share. [`ThreadPool::install`] is for closures that must be on a pool thread.
//!
//! **A wait only runs what it waits for.** While a task waits (in `join`, for a handle, at the end of a
//! scope) its thread may run the awaited task itself if nobody has started it, and tasks beneath it:
//! those that the awaited task has forked or scoped. Never a stranger's task, and never a sibling that it
//! does not wait for. So a lock that is held across a wait cannot meet a task that wants the same lock on
//! the same thread; thread-locals set up around a task stay its own; and the stack grows only as deep as
//! the program nests. When nothing of that kind is left to run, the thread parks and lends its place to
//! another, so that the processor is not idle. [`ThreadPool::broadcast`] keeps to it as well.
//!
//! **Priorities** ([`Priority`]) are `High`, `Normal` and `Low`. A worker takes the highest level that is
//! queued anywhere in the pool; a lower level is served at least once in 64 picks. What a task spawns or
//! forks inherits its level.
//!
//! **Panics are values.** They never kill a worker. A handle's `join` returns the panic of its task;
//! `join`, `scope` and `gather` let all siblings finish and then resume the first. What nobody receives goes
//! to the pool's panic handler.
//!
//! **Nothing is lost.** An accepted task runs exactly once, unless it is cancelled before it has started, its
//! deadline passes, or [`ThreadPool::shutdown_now`] gives it back. A task that is not accepted comes back to
//! the caller ([`ThreadPool::try_spawn`]). Dropping a pool finishes everything that it has accepted, and
//! joins its threads.
//!
//! **Tasks with options** begin with [`ThreadPool::task`] (or a scope's, or a group's): a name, a level, a
//! deadline, a [`CancelToken`], [retries](Retry), a [`RateLimit`], a callback. While such a task waits for
//! its time, a retry or a permit, it holds no worker. A library cannot kill a thread: a task that runs is
//! *told* to stop, by its [`TaskContext`]; its handle reports a passed deadline at once.
//!
//! **Runs** scatter and gather ([`gather()`]). A task's result goes to its handler, on the calling thread,
//! one at a time, with the state of the run; handlers may scatter more, so that a crawl needs no queue and
//! no lock of its own. What handlers scatter is accepted at once; the body of the run waits, and gathers
//! meanwhile, where too many tasks are under way. A [`Limiter`] bounds how many tasks of a kind run, and a
//! [`Combiner`] reduces results where they were computed. The page of [`gather()`] has ten programs.
//!
//! **Time** is the pool's: real, or virtual in a [deterministic](ThreadPoolBuilder::deterministic) pool, in
//! which a test of an hour takes none, and the same seed gives the same order of events.
//!
//! # Which tool when
//!
//! | you have | use |
//! |---|---|
//! | the same to do for each item of a slice, a vector, a range, a string, a collection | [`par_iter`](iter::IntoParallelRefIterator::par_iter), [`into_par_iter`](iter::IntoParallelIterator::into_par_iter), and what follows them |
//! | parts of a slice: chunks, windows | [`slice::ParallelSlice`], [`slice::ParallelSliceMut`] |
//! | lines, words, characters | [`str::ParallelString`] |
//! | items of a sequential iterator, in any order | [`par_bridge`](iter::ParallelBridge::par_bridge) |
//! | a stream: items of a sequential iterator, results in order as they come | [`ordered`](iter::IterBridge::ordered) |
//! | a tree to walk, or something of your own that can be cut in two | [`iter::walk_tree`], [`iter::split`] |
//! | a buffer or a table for each thread of a loop | [`with_worker_state`](iter::ParallelIterator::with_worker_state) |
//! | a loop that somebody may stop, or that must end in time | [`cancel`](iter::ParallelIterator::cancel), [`timeout`](iter::ParallelIterator::timeout) |
//! | two to four closures, results needed here | [`join`], [`join3`], [`join4`] |
//! | divide and conquer | [`join`], recursively, without a cut-off of your own |
//! | many tasks that borrow | [`scope()`] and [`Scope::spawn`] |
//! | tasks whose results lead to more tasks, as in a crawl | [`gather()`] |
//! | results of many types, handled as they come, without a lock | [`gather()`] |
//! | stages, of which each may run so many tasks | [`gather()`], and [`Run::via`] with a [`Limiter`] for each |
//! | many small results, reduced to few | [`gather()`], and [`Run::combiner`] |
//! | results of one type, as an iterator | [`gather_each`] |
//! | a search that ends with the first match, or with what a deadline leaves | [`gather()`], and [`Scatter::cancel`] |
//! | a task that outlives this function | [`spawn`] |
//! | something urgent, or something that can wait | [`spawn_with_priority`], [`Scope::spawn_with_priority`] |
//! | a task with a deadline, retries, a rate, a name | [`ThreadPool::task`] |
//! | a task for later, or again and again | [`ThreadPool::spawn_after`], [`ThreadPool::spawn_every`] |
//! | many tasks, and the first error ends it | [`TaskGroup`] |
//! | several ways to one answer | [`ThreadPool::any`], [`ThreadPool::race`] |
//! | a producer that must not run ahead | [`ThreadPoolBuilder::queue_capacity`] |
//! | a call that blocks on something else than the pool | [`blocking`] |
//! | a closure that must run on a pool thread | [`ThreadPool::install`] |
//! | a call on each worker, say to fill thread-locals | [`ThreadPool::broadcast`] |
//! | a part of the program kept apart from the rest | a [`ThreadPool`] of its own |
//! | tasks that block on each other through channels, as many at a time as there are tasks | `std::thread::scope` |
//! | thousands of sockets | an async runtime |
//!
//! # What may go wrong
//!
//! * A task that blocks on something other than the pool (a channel, a lock, a file) keeps its worker
//!   busy, unless it says so with [`blocking`]. A pool of `n` workers runs `n` such tasks at a time.
//! * A task that waits for its own ancestor, or two that wait for each other, never end, as threads would
//!   not.
//! * A task that holds a slot of a [`Limiter`] and waits for a nested run that needs one of the same limiter
//!   may wait for itself.
//! * Handlers of a run that take long hold up the other handlers. What takes long is better scattered.
//! * A handle's `join` may run the task on the calling thread, with that thread's stack and thread-locals.
//! * `fork`: a child process has none of the pool's threads. What needs one panics and says so (a thread
//!   that was inside the pool and has to wait there ends the process); what the caller can do itself works.
//! * In a loop's closures the thread may be the caller, which has no index, or stand in for another; a table
//!   by thread is [`with_worker_state`](iter::ParallelIterator::with_worker_state).
//!
//! # Optional features
//!
//! `indicatif`: progress bars for loops, `progress_bar`. None is on by default.
//!
//! # Layers of the crate
//!
//! Imports point down only; a test of the tree holds the sources against this table.
//!
//! | level | modules |
//! |---|---|
//! | 0 | `sync`, `unwind`, `rng`, `priority`; above them `process`, `sim`, `report`; then `clock`, `observe`, `error`; then `park` |
//! | 1 | `latch`, `metrics`, `policy`; above them `cancel`, `gate`, `task` |
//! | 2 | `scheduler` (its `README.md` has the protocols and the measurements) |
//! | 3 | `rate_limit`; above it `life`; above that `pool` |
//! | 4 | `scope`, `group`, `scatter`, `wait_group`, `autoscale`; above them `par` |

mod autoscale;
mod cancel;
mod clock;
mod error;
mod gate;
mod group;
mod latch;
mod life;
mod metrics;
mod observe;
mod par;
mod park;
mod policy;
mod pool;
mod priority;
mod process;
mod rate_limit;
mod report;
mod rng;
mod scatter;
mod scheduler;
mod scope;
#[cfg_attr(loom, path = "sim/inert.rs")]
mod sim;
mod sync;
mod task;
mod unwind;
mod wait_group;

#[doc = include_str!("guarantees.md")]
pub mod guarantees {}

/// What parallel loops need: `use windrow::prelude::*;`.
pub mod prelude {
    pub use crate::par::iter::{
        FromParallelIterator, IndexedParallelIterator, IntoParallelIterator,
        IntoParallelRefIterator, IntoParallelRefMutIterator, ParallelBridge, ParallelDrainFull,
        ParallelDrainRange, ParallelExtend, ParallelIterator,
    };
    pub use crate::par::slice::{ParallelSlice, ParallelSliceMut};
    pub use crate::par::str::ParallelString;
}

pub use par::{
    array, collections, iter, migration, option, range, range_inclusive, result, slice, str,
    string, vec,
};

pub use autoscale::{AutoscaleError, Autoscaler, AutoscalerHandle};
pub use cancel::{CancelToken, Cancelled};
pub use error::{BuildError, JoinError, Refused, RefusedReason, ResizeError, ShutdownError};
pub use group::{InGroup, TaskError, TaskGroup, join_all};
pub use life::{Every, TaskContext};
pub use observe::{Observer, TaskInfo};
pub use policy::{Advice, Backoff, PolicyError, QueueFull, Retry};
pub use pool::config::Config;
pub use pool::free::{
    blocking, current_num_threads, current_thread_index, join, join3, join4, spawn,
    spawn_with_priority, task, yield_now,
};
pub use pool::lifecycle::UnstartedTask;
pub use pool::retry::{Advise, AnyError, AskFor, RetryBuilder};
pub use pool::stats::{Histogram, Stats};
pub use pool::task::{InPool, Target, TaskBuilder};
pub use pool::timed::PeriodicTask;
pub use pool::{JoinHandle, ThreadPool, ThreadPoolBuilder};
pub use priority::Priority;
pub use rate_limit::RateLimit;
pub use report::{Outcome, Report, TaskId};
pub use scatter::{
    Combiner, CombinerHandle, CombinerStats, Emit, Finish, Handled, Limit, Limiter, Results, Run,
    RunHandle, RunStats, Scatter, Via, combine, gather, gather_each,
};
pub use scope::{InScope, Scope, ScopedJoinHandle, scope};
pub use wait_group::WaitGroup;
