//! What to do when a queue is full.

use std::time::Duration;

/// What [`spawn`](crate::ThreadPool::spawn) does when as many tasks are queued as the pool's
/// [`queue_capacity`](crate::ThreadPoolBuilder::queue_capacity) allows.
///
/// [`try_spawn`](crate::ThreadPool::try_spawn) refuses in any case. A thread that works in the pool never
/// blocks, nor nests one task in another: except under `Refuse`, what it spawns is queued beyond the
/// capacity, so that a worker that submits to its own full pool goes on.
///
/// ```
/// use windrow::{QueueFull, ThreadPoolBuilder};
///
/// let pool = ThreadPoolBuilder::new()
///     .num_threads(1)
///     .queue_capacity(2)
///     .queue_full(QueueFull::CallerRuns)
///     .build()?;
/// let sum: u32 = (0..100).map(|n| pool.spawn(move || n)).map(|h| h.join().unwrap()).sum();
/// assert_eq!(sum, 4950);
/// # Ok::<(), windrow::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QueueFull {
    /// The caller waits until there is room.
    #[default]
    Block,
    /// The caller waits so long at most; then the task is refused.
    BlockFor(Duration),
    /// The task is refused at once.
    Refuse,
    /// The caller runs the task itself.
    CallerRuns,
}
