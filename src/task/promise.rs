//! The outcome of a task with options, and the entries that dispatch it.
//!
//! A task that may be delayed, retried, postponed or timed out goes through the queues several times, or
//! never, and its handle may hear of its end while its closure still runs. So its parts are apart:
//!
//! * the **promise**, here: what its handle refers to. Never queued; born claimed, by the life.
//! * the **life** (`crate::life`), behind [`Living`]: its closure, its options, its phase.
//! * a **dispatch**: an ordinary queue entry for each time that an attempt is due. Those that come too
//!   late are stale and do nothing.
//!
//! # Who may touch what
//! The promise's outcome: the one party that has settled the life's phase, until it is done; then the
//! handle. `life` is written once, before the promise is shared.

use crate::error::Failure;
use crate::park::Parker;
use crate::priority::Priority;
use crate::report::{Report, TaskId};
use crate::sync::Arc;
use crate::task::blocks;
use crate::task::body::{self, Body};
use crate::task::header::{Env, Header, Kind, VTable};
use crate::task::heap::Run;
use crate::task::node::Node;
use crate::task::remote::Remote;
use crate::task::state::State;
use crate::unwind::{self, Payload};
use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// What a handle, and a queue, may ask of a task with options.
pub(crate) trait Living: Send + Sync {
    /// A dispatch of it has been popped, on a participant of its pool.
    fn dispatched(self: Arc<Self>);
    /// Runs an attempt on the calling thread, if one is queued; `false` if there was nothing to run.
    fn run_in_place(self: Arc<Self>) -> bool;
    /// Ends it if no attempt of it is running (`true`); else asks the attempt to stop.
    fn cancel(self: Arc<Self>) -> bool;
    fn id(&self) -> TaskId;
    /// Asks an attempt that runs to stop.
    fn interrupt(self: Arc<Self>);
    /// How it ended; none as long as it has not.
    fn report(&self) -> Option<Report>;
    /// The parent of its dispatches, and of what its attempts spawn.
    fn node(&self) -> *const Node;
    /// For `shutdown_now`: takes it from its pool before it starts. `None` if it is too late for that.
    fn evict(self: Arc<Self>) -> Option<Arc<dyn Evicted>>;
    /// Whether a scope waits for it.
    fn is_scoped(&self) -> bool;
    /// Whether a dispatch of it has something to do.
    fn is_queued(&self) -> bool;
    /// Queues another dispatch for one that was taken out of the queue and not run.
    fn requeue(self: Arc<Self>);
}

/// A task with options that `shutdown_now` has taken out of its pool.
pub(crate) trait Evicted: Send + Sync {
    fn run(self: Arc<Self>);
    fn discard(self: Arc<Self>);
    fn id(&self) -> TaskId;
    fn name(&self) -> Option<&str>;
    fn level(&self) -> Priority;
}

/// What is queued for an attempt.
pub(crate) struct Dispatch(pub(crate) Arc<dyn Living>);

impl Run for Dispatch {
    type Output = ();
    fn run(self) {
        self.0.dispatched();
    }
}

impl fmt::Debug for Dispatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dispatch")
    }
}

/// There is no closure in a promise.
enum Never {}

#[repr(C)]
struct Head {
    header: Header,
    life: Arc<dyn Living>,
}

#[repr(C)]
struct Promise<T> {
    head: Head,
    body: UnsafeCell<Body<Never, T>>,
}

/// The right to settle a promise, once.
pub(crate) struct Setter<T>(Unset, PhantomData<fn(T)>);

/// The same without its type: it can only be settled as a failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unset(NonNull<Header>);

// SAFETY: settling is exclusive (see `life`), and what it hands over is `Send`.
unsafe impl Send for Unset {}
// SAFETY: shared, it can only be copied.
unsafe impl Sync for Unset {}

/// Allocates a promise.
///
/// # Safety
/// `T` must stay valid until the promise is settled and its outcome taken or dropped. If `counted`, `parent`
/// is the node of a counter that counts the life until after the promise is settled.
pub(crate) unsafe fn new<T: Send>(
    parent: *const Node,
    counted: bool,
    pool: *const (),
    process: u32,
    make_life: impl FnOnce(Unset) -> Arc<dyn Living>,
) -> (Setter<T>, Remote<T>) {
    let place = blocks::allocate::<Promise<T>>();
    let task = place.cast::<Header>();
    let life = make_life(Unset(task));
    let value = Promise {
        head: Head {
            header: Header {
                state: State::promised(),
                vtable: const {
                    &VTable {
                        run: Promise::<T>::run,
                        free: Promise::<T>::free,
                        discard: Promise::<T>::discard,
                        take: Promise::<T>::take,
                        fail: Promise::<T>::fail,
                    }
                },
                node: Node::new(parent),
                level: Priority::Normal,
                kind: if counted {
                    Kind::ScopedPromise
                } else {
                    Kind::Promise
                },
            },
            life,
        },
        body: UnsafeCell::new(Body::Empty),
    };
    // SAFETY: memory for a promise, just allocated.
    unsafe { place.write(value) };
    (
        Setter(Unset(task), PhantomData),
        Remote::new(task, pool, process),
    )
}

/// The life that a promise belongs to.
///
/// # Safety
/// `task` is a promise, alive for `'a`.
pub(super) unsafe fn living<'a>(task: NonNull<Header>) -> &'a Arc<dyn Living> {
    // SAFETY: the head is the first field of every promise.
    unsafe { &(*task.cast::<Head>().as_ptr()).life }
}

impl Unset {
    /// Settles the promise without a result.
    ///
    /// # Safety
    /// The caller alone may settle it, once; and the scope, if any, still counts the life.
    pub(crate) unsafe fn fail(self, failure: Failure, env: Env<'_>) {
        // SAFETY: not settled, so alive.
        let fail = unsafe { self.0.as_ref() }.vtable.fail;
        // SAFETY: handed on.
        let panic = unsafe { fail(self.0, failure, env) };
        debug_assert!(panic.is_none(), "there was nothing to drop");
    }
}

impl<T> Setter<T> {
    /// The same right, without the type.
    pub(crate) fn unset(self) -> Unset {
        self.0
    }

    /// Settles the promise.
    ///
    /// # Safety
    /// As for [`Unset::fail`].
    pub(crate) unsafe fn settle(&self, outcome: Result<T, Payload>, env: Env<'_>) {
        let task = self.0.0;
        // SAFETY: not settled, so alive.
        let header = unsafe { task.as_ref() };
        // SAFETY: the scope still counts the life.
        let outcome = unsafe { Body::of(outcome, header, env.sink) };
        // SAFETY: handed on.
        unsafe { Promise::<T>::settle(task, outcome, env) };
    }
}

impl<T> fmt::Debug for Setter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Setter")
    }
}

impl<T> Promise<T> {
    unsafe fn body(task: NonNull<Header>) -> *mut Body<Never, T> {
        // SAFETY: the header is the first field of a promise.
        let cell = unsafe { &raw const (*task.cast::<Self>().as_ptr()).body };
        UnsafeCell::raw_get(cell)
    }

    unsafe fn settle(task: NonNull<Header>, outcome: Body<Never, T>, env: Env<'_>) {
        // SAFETY: not settled, so alive.
        let body = unsafe { Self::body(task) };
        // SAFETY: the caller alone may settle it.
        let waiter: Option<Arc<Parker>> = unsafe { body::settle(task, body, outcome, env.sink) };
        if let Some(parker) = waiter {
            parker.unpark();
        }
    }

    unsafe fn run(_: NonNull<Header>, _: Env<'_>) {
        unreachable!("a promise is never queued");
    }

    unsafe fn fail(task: NonNull<Header>, failure: Failure, env: Env<'_>) -> Option<Payload> {
        // SAFETY: handed on.
        unsafe { Self::settle(task, Body::Unrun(failure), env) };
        None
    }

    unsafe fn discard(task: NonNull<Header>) -> Option<Payload> {
        // SAFETY: the caller may touch the body, so the promise is alive.
        let header = unsafe { task.as_ref() };
        // SAFETY: as above.
        let body = unsafe { Self::body(task) };
        // SAFETY: handed on.
        unsafe { body::discard(header, body) }
    }

    unsafe fn take(task: NonNull<Header>, out: *mut ()) {
        // SAFETY: alive through the handle.
        let header = unsafe { task.as_ref() };
        // SAFETY: as above.
        let body = unsafe { Self::body(task) };
        // SAFETY: handed on.
        unsafe { body::take(header, body, out) }
    }

    unsafe fn free(task: NonNull<Header>) {
        let task = task.cast::<Self>();
        // SAFETY: the last reference has ended, so this is the only one.
        let panic = unwind::catch(|| unsafe { task.drop_in_place() });
        // SAFETY: it came from `allocate` in `new`, and is dropped.
        unsafe { blocks::deallocate(task) };
        if let Err(payload) = panic {
            unwind::discard(payload);
        }
    }
}
