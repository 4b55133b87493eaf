//! Scopes: any number of tasks that may borrow, all of them over when the scope ends.

use crate::error::{JoinError, RefusedReason};
use crate::life::{self, Attempt, Options};
use crate::pool::ThreadPool;
use crate::pool::handle::{
    cancel_remote, deadline_in, handle_methods, join_remote, join_remote_report, join_remote_until,
    refused_remote,
};
use crate::pool::submit::Patience;
use crate::pool::task::{Target, TaskBuilder, sealed};
use crate::priority::Priority;
use crate::report::{Report, TaskId};
use crate::scheduler::{Help, Participant, Registry, with_place};
use crate::sync::Arc;
use crate::task::counter::Counter;
use crate::task::header::Kind;
use crate::task::heap::{self, Call, Origin};
use crate::task::promise::Setter;
use crate::task::remote::Remote;
use crate::unwind::{self, Payload};
use std::fmt;
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::ptr;
use std::time::{Duration, Instant};

/// Where tasks that borrow are spawned; see [`ThreadPool::scope`].
///
/// The two lifetimes are those of [`std::thread::Scope`]. `'scope` is the scope's own: it begins before
/// the body runs and ends after the last task, so tasks may borrow the `Scope` and spawn siblings.
/// `'env` is everything outside: tasks may borrow what outlives the scope, and cannot borrow what the
/// body itself owns:
///
/// ```compile_fail,E0373
/// windrow::scope(|s| {
///     let local = 1;
///     s.spawn(|| local + 1); // may outlive the body, in which `local` lives
/// });
/// ```
///
/// Nor can the results be smuggled out of the scope inside a handle:
///
/// ```compile_fail,E0521
/// let mut kept = None;
/// windrow::scope(|s| kept = Some(s.spawn(|| 1)));
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    counter: Counter,
    registry: *const Registry,
    level: Priority,
    /// Invariant, as in `std::thread::Scope`: a longer or shorter `'scope` would let tasks borrow
    /// from each other's stacks, or `'env` from the body.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

// SAFETY: the counter is made for sharing, and the registry is alive as long as the scope.
unsafe impl Sync for Scope<'_, '_> {}

impl ThreadPool {
    /// Runs `f` on the calling thread with a [`Scope`], on which it can spawn tasks that borrow; returns
    /// when `f` and all tasks have ended.
    ///
    /// At the end of the body the caller runs the scope's queued tasks itself, together with the pool's
    /// workers. While the last ones run elsewhere it helps with what they have forked, or parks. It never
    /// runs a task that is not of this scope.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(2)?;
    /// let text = String::from("the quick brown fox");
    /// let mut lengths = vec![0; 4];
    ///
    /// let longest = pool.scope(|s| {
    ///     for (word, len) in text.split(' ').zip(&mut lengths) {
    ///         s.spawn(move || *len = word.len());
    ///     }
    ///     s.spawn(|| text.split(' ').max_by_key(|w| w.len())).join().unwrap()
    /// });
    /// assert_eq!(lengths, [3, 5, 5, 3]);
    /// assert_eq!(longest, Some("brown"));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// If `f` panics, with its panic; else if a task panicked whose handle was dropped without joining
    /// it, with the first such panic. In both cases after all tasks have ended. A panic that a handle's
    /// `join` returned is not resumed. In a child process after `fork`.
    pub fn scope<'env, F, T>(&self, f: F) -> T
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    {
        with_place(self.registry(), |here| scope_on(here, f))
    }
}

/// A [`Scope`] on the pool that this thread belongs to, else on the global one; see
/// [`ThreadPool::scope`].
///
/// ```
/// let mut squares = [1, 2, 3];
/// windrow::scope(|s| {
///     for x in &mut squares {
///         s.spawn(move || *x *= *x);
///     }
/// });
/// assert_eq!(squares, [1, 4, 9]);
/// ```
///
/// # Panics
/// As [`ThreadPool::scope`], and as [`ThreadPool::global`] where it has to build that pool.
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    // SAFETY: a current participant is alive as long as this thread is in its pool, which is longer
    // than this call.
    match unsafe { Participant::current().as_ref() } {
        Some(here) => scope_on(here, f),
        None => ThreadPool::global().scope(f),
    }
}

fn scope_on<'env, F, T>(here: &Participant, f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope {
        counter: Counter::new(here.node(), here.id()),
        registry: here.registry(),
        level: here.level(),
        scope: PhantomData,
        env: PhantomData,
    };
    let mark = here.mark();
    let outer = here.set_scope(&raw const scope.counter);
    let body = unwind::catch(|| f(&scope));
    here.wait(&scope.counter, Help { mark, up_to: 0 });
    here.set_scope(outer);
    conclude(&scope.counter, body)
}

/// What the scope comes to: the body's panic, else a task's, else the body's value. Apart from `scope_on`,
/// whose frame is on the stack while the scope runs.
fn conclude<T>(counter: &Counter, body: Result<T, Payload>) -> T {
    let (first, forgotten) = counter.take_panic();
    match (body, first) {
        (Err(payload), first) => {
            if let Some(first) = first {
                unwind::discard(first);
            }
            resume_unwind(payload)
        }
        (Ok(value), Some(payload)) => {
            if let Some(second) = unwind::drop_quietly(value) {
                unwind::discard(second);
            }
            resume_unwind(payload)
        }
        (Ok(value), None) if forgotten => {
            unwind::discard_each([value]);
            panic!("a scoped task panicked, and its handle was forgotten")
        }
        (Ok(value), None) => value,
    }
}

impl<'scope> Scope<'scope, '_> {
    /// The pool, to be kept.
    pub(crate) fn shared_registry(&self) -> Arc<Registry> {
        // SAFETY: the pool outlives the scope.
        unsafe { &*self.registry }.shared()
    }

    /// Queues a task that may borrow, and returns a handle to its result. Dropping the handle leaves the
    /// task to the end of the scope.
    ///
    /// The level is that of the task that spawns it. Tasks may spawn further ones:
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    ///
    /// let count = AtomicU32::new(0);
    /// windrow::scope(|s| {
    ///     s.spawn(|| {
    ///         s.spawn(|| count.fetch_add(1, Ordering::Relaxed));
    ///         count.fetch_add(1, Ordering::Relaxed);
    ///     });
    /// });
    /// assert_eq!(count.into_inner(), 2);
    /// ```
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn_at(None, f)
    }

    /// [`spawn`](Self::spawn) with a level of its own.
    ///
    /// ```
    /// use windrow::Priority;
    ///
    /// windrow::scope(|s| {
    ///     s.spawn_with_priority(Priority::Low, || println!("whenever there is time"));
    ///     s.spawn_with_priority(Priority::High, || println!("as soon as possible"));
    /// });
    /// ```
    pub fn spawn_with_priority<F, T>(
        &'scope self,
        priority: Priority,
        f: F,
    ) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn_at(Some(priority), f)
    }

    fn spawn_at<F, T>(&'scope self, level: Option<Priority>, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        // SAFETY: the pool outlives the scope.
        let registry = unsafe { &*self.registry };
        let here = registry.place_here();
        self.counter.add(here.map_or(ptr::null(), Participant::id));
        let level = level.unwrap_or_else(|| here.map_or(self.level, Participant::level));
        let origin = Origin {
            parent: &raw const self.counter.node,
            kind: Kind::Scoped,
            pool: self.registry.cast(),
            process: registry.process(),
            level,
        };
        // SAFETY: the scope ends only after the counter has seen the task end, and `'scope` after it.
        let (entry, remote) = unsafe { heap::new(Call(f), origin) };
        match here {
            Some(here) => {
                here.tally.enter(level, Kind::Scoped.passage());
                here.push_task(entry);
            }
            None => {
                let tally = &registry.ledger.elsewhere;
                tally.enter(level, Kind::Scoped.passage());
                registry.inject(entry);
            }
        }
        ScopedJoinHandle {
            remote,
            scope: PhantomData,
        }
    }
}

/// A scope as a place for tasks.
#[derive(Debug)]
pub struct InScope<'s, 'scope, 'env: 'scope>(&'s Scope<'scope, 'env>);

impl<'scope> Target<'scope> for InScope<'scope, 'scope, '_> {}

#[allow(
    private_interfaces,
    private_bounds,
    reason = "sealed: nobody else implements or calls it"
)]
impl<'scope> sealed::Place<'scope> for InScope<'scope, 'scope, '_> {
    type Handle<T: Send + 'scope> = ScopedJoinHandle<'scope, T>;

    fn registry(&self) -> &Registry {
        // SAFETY: the pool outlives the scope.
        unsafe { &*self.0.registry }
    }

    fn begin<T, F>(
        self,
        options: Options,
        _: Patience,
        f: F,
        make: impl FnOnce(F, Setter<T>) -> Box<dyn Attempt + 'scope>,
    ) -> Result<ScopedJoinHandle<'scope, T>, (RefusedReason, F)>
    where
        T: Send + 'scope,
    {
        let scope = self.0;
        // SAFETY: the pool outlives the scope.
        let registry = unsafe { &*scope.registry };
        registry.check_process();
        let here = registry.place_here();
        scope.counter.add(here.map_or(ptr::null(), Participant::id));
        let inherited = || here.map_or(scope.level, Participant::level);
        let origin = life::Origin {
            parent: &raw const scope.counter.node,
            counter: &raw const scope.counter,
            level: options.level.unwrap_or_else(inherited),
            queue: true,
        };
        // SAFETY: the life drops it before it counts the scope down, and the scope ends after that.
        let make = |setter| unsafe {
            std::mem::transmute::<Box<dyn Attempt + 'scope>, Box<dyn Attempt + 'static>>(make(
                f, setter,
            ))
        };
        // SAFETY: the counter has counted it.
        let (_, remote) = unsafe { life::begin(&registry.shared(), options, origin, make) };
        Ok(ScopedJoinHandle::from_remote(remote))
    }

    fn refused<T: Send + 'scope>(
        registry: *const (),
        reason: &RefusedReason,
    ) -> ScopedJoinHandle<'scope, T> {
        ScopedJoinHandle::from_remote(refused_remote(registry, reason))
    }
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// A task with options, in this scope; see [`TaskBuilder`]. The scope waits until it has ended,
    /// through delays and retries, and until the closure of a task whose deadline has passed has returned.
    /// It is refused only if it needs the pool's timer and that cannot be started.
    ///
    /// ```
    /// use windrow::Priority;
    ///
    /// let words = ["red", "green"];
    /// windrow::scope(|s| {
    ///     let length = s.task().priority(Priority::High).spawn(|| words.concat().len());
    ///     assert_eq!(length.join().unwrap(), 8);
    /// });
    /// ```
    pub fn task(&'scope self) -> TaskBuilder<'scope, InScope<'scope, 'scope, 'env>> {
        // SAFETY: the pool outlives the scope.
        let clock = unsafe { &*self.registry }.clock.clone();
        TaskBuilder::new(InScope(self), clock)
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// The handle to a task that was started with [`Scope::spawn`].
///
/// Dropping it leaves the task to the end of the scope, which then resumes a panic of the task.
///
/// ```
/// windrow::scope(|s| {
///     let handle = s.spawn(|| -> u32 { panic!("caught by the handle") });
///     assert!(handle.join().unwrap_err().is_panic());
/// });
/// ```
pub struct ScopedJoinHandle<'scope, T> {
    remote: Remote<T>,
    scope: PhantomData<&'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    fn from_remote(remote: Remote<T>) -> Self {
        Self {
            remote,
            scope: PhantomData,
        }
    }

    handle_methods!();
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle")
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

crate::unwind::unwind_safe!([] Scope<'_, '_>; [T] ScopedJoinHandle<'_, T>;);
