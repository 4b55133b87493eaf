//! The free functions: on the pool that the thread belongs to, else on the global one.

#[cfg(doc)]
use crate::pool::ThreadPool;
use crate::pool::submit::{self, Patience};
use crate::pool::task::{InPool, TaskBuilder};
use crate::pool::{JoinHandle, global};
use crate::priority::Priority;
use crate::scheduler::{self, Participant, Registry};
use crate::sim::Sim;
use crate::sync::{self, Arc};
use std::time::Duration;

/// The innermost pool that this thread works in, else the global one.
fn registry_here() -> &'static Registry {
    // SAFETY: a current participant is alive; the reference is used only while this thread is in the
    // pool, which the callers below make sure of by not keeping it.
    match unsafe { Participant::current().as_ref() } {
        Some(here) => here.registry(),
        None => global::get().registry(),
    }
}

/// The same, to be kept.
pub(crate) fn shared_registry_here() -> Arc<Registry> {
    registry_here().shared()
}

pub(crate) fn join3_on<A, B, C, RA, RB, RC>(here: &Participant, a: A, b: B, c: C) -> (RA, RB, RC)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    C: FnOnce() -> RC + Send,
    RB: Send,
    RC: Send,
{
    let (ra, (rb, rc)) = here.fork_join(a, || join(b, c));
    (ra, rb, rc)
}

pub(crate) fn join4_on<A, B, C, D, RA, RB, RC, RD>(
    here: &Participant,
    a: A,
    b: B,
    c: C,
    d: D,
) -> (RA, RB, RC, RD)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    C: FnOnce() -> RC + Send,
    D: FnOnce() -> RD + Send,
    RB: Send,
    RC: Send,
    RD: Send,
{
    // The caller keeps `a`; the first thief takes the other half and can share it.
    let ((ra, rb), (rc, rd)) = here.fork_join(|| here.fork_join(a, b), || join(c, d));
    (ra, rb, rc, rd)
}

/// Runs `a` and `b`, in parallel if a thread is free for it, and returns both results; see
/// [`ThreadPool::join`].
///
/// ```
/// fn sum(numbers: &[u64]) -> u64 {
///     match numbers {
///         [] => 0,
///         [one] => *one,
///         many => {
///             let (left, right) = many.split_at(many.len() / 2);
///             let (a, b) = windrow::join(|| sum(left), || sum(right));
///             a + b
///         }
///     }
/// }
/// assert_eq!(sum(&[1, 2, 3, 4, 5]), 15);
/// ```
///
/// # Panics
/// As [`ThreadPool::join`], and as [`ThreadPool::global`] where it has to build that pool.
#[inline]
pub fn join<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    RB: Send,
{
    // SAFETY: a current participant is alive as long as this thread is in its pool, which is longer
    // than this call.
    match unsafe { Participant::current().as_ref() } {
        Some(here) => here.fork_join(a, b),
        None => join_from_outside(a, b),
    }
}

#[cold]
#[inline(never)]
fn join_from_outside<A, B, RA, RB>(a: A, b: B) -> (RA, RB)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    RB: Send,
{
    global::get().join(a, b)
}

/// [`join`] for three closures.
///
/// ```
/// assert_eq!(windrow::join3(|| 1, || 2, || 3), (1, 2, 3));
/// ```
///
/// # Panics
/// As [`join`]: all closures run, then the first panic in their order goes on.
#[inline]
pub fn join3<A, B, C, RA, RB, RC>(a: A, b: B, c: C) -> (RA, RB, RC)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    C: FnOnce() -> RC + Send,
    RB: Send,
    RC: Send,
{
    let (ra, (rb, rc)) = join(a, || join(b, c));
    (ra, rb, rc)
}

/// [`join`] for four closures.
///
/// ```
/// assert_eq!(windrow::join4(|| 1, || 2, || 3, || 4), (1, 2, 3, 4));
/// ```
///
/// # Panics
/// As [`join3`].
#[inline]
pub fn join4<A, B, C, D, RA, RB, RC, RD>(a: A, b: B, c: C, d: D) -> (RA, RB, RC, RD)
where
    A: FnOnce() -> RA,
    B: FnOnce() -> RB + Send,
    C: FnOnce() -> RC + Send,
    D: FnOnce() -> RD + Send,
    RB: Send,
    RC: Send,
    RD: Send,
{
    let ((ra, rb), (rc, rd)) = join(|| join(a, b), || join(c, d));
    (ra, rb, rc, rd)
}

/// Queues `f` on the pool that this thread belongs to, else on the global one; see
/// [`ThreadPool::spawn`].
///
/// ```
/// let handle = windrow::spawn(|| 1 + 1);
/// assert_eq!(handle.join().unwrap(), 2);
/// ```
///
/// # Panics
/// As [`ThreadPool::spawn`], and as [`ThreadPool::global`] where it has to build that pool.
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    spawn_in(registry_here(), None, f)
}

/// Spawns, or returns a handle that says that the task was refused.
#[inline]
pub(crate) fn spawn_in<F, T>(registry: &Registry, level: Option<Priority>, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match registry.place_here() {
        // The usual case: a task of the pool spawns another, and nothing has to be minded.
        Some(here) if registry.is_plain() && submit::may_submit(registry, here) => {
            submit::spawn_here(registry, here, level, f)
        }
        _ => spawn_slowly(registry, level, f),
    }
}

#[inline(never)]
fn spawn_slowly<F, T>(registry: &Registry, level: Option<Priority>, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match submit::spawn_on(registry, level, Patience::Policy, f) {
        Ok(handle) => handle,
        Err(refused) => {
            let pool: *const Registry = registry;
            JoinHandle::refused(pool.cast(), &refused.reason)
        }
    }
}

/// [`ThreadPool::task`] on the pool that this thread belongs to, else on the global one.
///
/// ```
/// use std::time::Duration;
///
/// let handle = windrow::task().name("sum").timeout(Duration::from_secs(60)).spawn(|| 1 + 1);
/// assert_eq!(handle.join().unwrap(), 2);
/// ```
///
/// # Panics
/// As [`ThreadPool::global`] where it has to build that pool.
pub fn task() -> TaskBuilder<'static, InPool> {
    let registry = shared_registry_here();
    let clock = registry.clock.clone();
    TaskBuilder::new(InPool(registry), clock)
}

/// Calls `f`, which may block on something that the pool cannot see (a channel, a lock, a file). Called on
/// a thread that works in a pool, it lends that thread's place to another one meanwhile, so that the
/// pool keeps as many at work as its size says: a worker that sleeps, or a spare thread, of which there are
/// [`spare_threads`](crate::ThreadPoolBuilder::spare_threads) at most. Elsewhere it is a plain call.
///
/// When `f` returns the thread goes on at once; for a short while there may be one more at work.
///
/// ```
/// let pool = windrow::ThreadPool::new(1)?;
/// let (send, receive) = std::sync::mpsc::channel();
/// // On a pool of one, this would wait for ever without `blocking`.
/// let waiting = pool.spawn(move || windrow::blocking(|| receive.recv().unwrap()));
/// let sending = pool.spawn(move || send.send(42).unwrap());
/// while !waiting.is_finished() {
///     std::thread::yield_now();
/// }
/// assert_eq!(waiting.join().unwrap(), 42);
/// sending.join().unwrap();
/// # Ok::<(), windrow::BuildError>(())
/// ```
///
/// # Panics
/// If `f` does.
pub fn blocking<R>(f: impl FnOnce() -> R) -> R {
    scheduler::blocking(f)
}

/// [`spawn`] with a level of its own.
///
/// ```
/// use windrow::Priority;
///
/// let handle = windrow::spawn_with_priority(Priority::High, || 1 + 1);
/// assert_eq!(handle.join().unwrap(), 2);
/// ```
///
/// # Panics
/// As [`spawn`].
pub fn spawn_with_priority<F, T>(priority: Priority, f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    spawn_in(registry_here(), Some(priority), f)
}

/// The size of the pool that this thread belongs to, else of the global one (which is built for it if
/// need be).
///
/// ```
/// let pool = windrow::ThreadPool::new(3)?;
/// assert_eq!(pool.install(windrow::current_num_threads), 3);
/// # Ok::<(), windrow::BuildError>(())
/// ```
///
/// # Panics
/// As [`ThreadPool::global`] where it has to build that pool.
#[must_use]
pub fn current_num_threads() -> usize {
    registry_here().idle.size()
}

/// The index of the pool's worker that this thread is; `None` on every other thread, also while it
/// works inside a pool.
///
/// Indices of workers are below the pool's size. A spare thread that stands in for a waiting worker has
/// an index of its own, from the size up: index arrays that are sized by
/// [`current_num_threads`] with care, or use thread-locals.
///
/// ```
/// let pool = windrow::ThreadPool::new(1)?;
/// assert_eq!(pool.install(windrow::current_thread_index), Some(0));
/// assert_eq!(windrow::current_thread_index(), None);
/// # Ok::<(), windrow::BuildError>(())
/// ```
#[must_use]
pub fn current_thread_index() -> Option<usize> {
    // SAFETY: a current participant is alive.
    unsafe { Participant::current().as_ref() }.and_then(Participant::index)
}

/// Runs one task of the innermost scope that is open on this thread, if one is queued: one that the end
/// of the scope would wait for. Returns whether it did.
///
/// Nothing else is ever run, so that a loop that yields cannot nest strangers on its stack. Where there
/// is nothing to run, it gives the processor to another thread of the system, as
/// [`std::thread::yield_now`] does.
///
/// ```
/// let pool = windrow::ThreadPool::new(1)?;
/// assert!(!windrow::yield_now());
/// pool.scope(|s| {
///     let task = s.spawn(|| ());
///     while !task.is_finished() {
///         windrow::yield_now();
///     }
/// });
/// # Ok::<(), windrow::BuildError>(())
/// ```
pub fn yield_now() -> bool {
    // SAFETY: a current participant is alive.
    let ran = unsafe { Participant::current().as_ref() }.is_some_and(Participant::run_one_of_scope);
    if !ran {
        // In a simulation whoever yields may wait for the clock, which stands still while anybody can run.
        Sim::spend(Duration::from_micros(1));
        Sim::yield_point();
        sync::yield_now();
    }
    ran
}
