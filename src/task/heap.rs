//! A spawned task: closure, outcome and claim word in one allocation, shared by a queue entry and a
//! handle.
//!
//! The claim word in `state` says who may do what; this file does it. Everything here is `unsafe` to
//! call only where the word's rules cannot be checked by types.

use crate::error::{Failure, PanicSink};
use crate::metrics::Ended;
use crate::park::Parker;
use crate::priority::Priority;
use crate::sync::Arc;
use crate::task::blocks;
use crate::task::body::{self, Body};
use crate::task::counter::Counter;
use crate::task::entry::{Claimed, Entry, Taken};
use crate::task::header::{Env, Header, Kind, VTable, end_of};
use crate::task::node::Node;
use crate::task::remote::Remote;
use crate::task::state::State;
use crate::unwind::{self, Payload};
use std::cell::UnsafeCell;
use std::ptr::NonNull;

/// What a task runs: a closure, or what the crate itself queues.
pub(crate) trait Run: Send {
    type Output;
    fn run(self) -> Self::Output;
}

/// A closure as something to run.
#[derive(Debug)]
pub(crate) struct Call<F>(pub(crate) F);

impl<F, T> Run for Call<F>
where
    F: FnOnce() -> T + Send,
{
    type Output = T;
    #[inline]
    fn run(self) -> T {
        (self.0)()
    }
}

#[repr(C)]
struct Task<F, T> {
    header: Header,
    body: UnsafeCell<Body<F, T>>,
}

/// How a new task is to be kept.
#[derive(Debug)]
pub(crate) struct Origin {
    /// If the kind is `Scoped`, the node of a counter that has already counted the task.
    pub(crate) parent: *const Node,
    pub(crate) kind: Kind,
    pub(crate) pool: *const (),
    pub(crate) process: u32,
    pub(crate) level: Priority,
}

/// Allocates a task.
///
/// # Safety
/// `run` and `T` must stay valid until the task is done and its outcome dropped: either they are
/// `'static`, or a counter or a waiting caller makes sure of it.
pub(crate) unsafe fn new<F, T>(run: F, origin: Origin) -> (Entry, Remote<T>)
where
    F: Run<Output = T>,
    T: Send,
{
    let task = blocks::allocate::<Task<F, T>>();
    let value = Task {
        header: Header {
            state: State::queued(),
            vtable: const {
                &VTable {
                    run: Task::<F, T>::run,
                    free: Task::<F, T>::free,
                    discard: Task::<F, T>::discard,
                    take: Task::<F, T>::take,
                    fail: Task::<F, T>::fail,
                }
            },
            node: Node::new(origin.parent),
            level: origin.level,
            kind: origin.kind,
        },
        body: UnsafeCell::new(Body::<F, T>::Pending(run)),
    };
    // SAFETY: memory for a task, just allocated.
    unsafe { task.write(value) };
    // `header` is the first field of a `repr(C)` struct.
    let task = task.cast::<Header>();
    (
        Entry::new(task),
        Remote::new(task, origin.pool, origin.process),
    )
}

/// A task that has ended before it began.
pub(crate) fn failed<T: Send>(
    pool: *const (),
    process: u32,
    failure: Failure,
    sink: &PanicSink,
) -> Remote<T> {
    let origin = Origin {
        parent: std::ptr::null(),
        kind: Kind::Spawned,
        pool,
        process,
        level: Priority::default(),
    };
    let never = || -> T { unreachable!("it has been refused") };
    // SAFETY: the closure holds nothing and never runs; the task is done at the end of this function.
    let (entry, remote) = unsafe { new(Call(never), origin) };
    let env = Env {
        here: std::ptr::null(),
        sink,
        tally: None,
    };
    if let Some(task) = remote.claim(false) {
        let panic = task.fail(failure, env);
        debug_assert!(panic.is_none(), "there is nothing to drop");
    }
    let taken = entry.take();
    debug_assert!(matches!(taken, Taken::Stale), "it is done");
    remote
}

/// Takes what a claimed task would have run out of it, and ends it as never run.
///
/// # Safety
/// The task was made by `new` with just these types.
pub(crate) unsafe fn reclaim<F, T>(task: Claimed, failure: Failure, env: Env<'_>) -> F
where
    F: Run<Output = T>,
{
    let task = task.into_raw();
    // SAFETY: the claimant has the closure; the types are right by contract.
    let run = unsafe { Task::<F, T>::take_closure(task) };
    // SAFETY: claimed and not yet done.
    let panic = unsafe { Task::<F, T>::fail(task, failure, env) };
    debug_assert!(panic.is_none(), "there was nothing left to drop");
    run
}

impl<F, T> Task<F, T>
where
    F: Run<Output = T>,
{
    /// # Safety
    /// `task` is a live task of this type.
    unsafe fn body(task: NonNull<Header>) -> *mut Body<F, T> {
        // SAFETY: the header is the first field of its task.
        let cell = unsafe { &raw const (*task.cast::<Self>().as_ptr()).body };
        UnsafeCell::raw_get(cell)
    }

    /// Split in three so that only little of it is on the stack while the task runs: nesting is deep.
    unsafe fn run(task: NonNull<Header>, env: Env<'_>) {
        // SAFETY: the claimant has the closure.
        let f = unsafe { Self::take_closure(task) };
        let outcome = unwind::catch(|| f.run());
        // SAFETY: the claimant has the outcome.
        unsafe { Self::conclude(task, outcome, env) }
    }

    unsafe fn take_closure(task: NonNull<Header>) -> F {
        // SAFETY: handed on.
        let body = unsafe { Self::body(task) };
        // SAFETY: exclusive by contract.
        match unsafe { body.replace(Body::Empty) } {
            Body::Pending(f) => f,
            _ => unreachable!("a task is claimed once"),
        }
    }

    unsafe fn conclude(task: NonNull<Header>, outcome: Result<T, Payload>, env: Env<'_>) {
        // SAFETY: alive until it is settled; the reference is not used after.
        let header = unsafe { task.as_ref() };
        header.count_end(
            if outcome.is_ok() {
                Ended::Completed
            } else {
                Ended::Panicked
            },
            env,
        );
        // SAFETY: the counter outlives an unfinished child.
        let outcome = unsafe { Body::of(outcome, header, env.sink) };
        // SAFETY: the claimant has the outcome.
        unsafe { Self::finish(task, outcome, env) };
    }

    /// The claimant's last act.
    #[inline(always)]
    unsafe fn finish(task: NonNull<Header>, outcome: Body<F, T>, env: Env<'_>) {
        // SAFETY: not yet settled, so alive.
        let counter = unsafe { task.as_ref() }.counter();
        // SAFETY: alive, as above.
        let body = unsafe { Self::body(task) };
        // SAFETY: the claimant has the outcome, and the counter outlives an unfinished child.
        let waiter: Option<Arc<Parker>> = unsafe { body::settle(task, body, outcome, env.sink) };
        if !counter.is_null() {
            // SAFETY: the child was counted, nothing is left of it but what its handle took.
            unsafe { Counter::complete(counter, env.here) };
        }
        if let Some(parker) = waiter {
            parker.unpark();
        }
    }

    unsafe fn fail(task: NonNull<Header>, failure: Failure, env: Env<'_>) -> Option<Payload> {
        // SAFETY: claimed and not done, so alive until `finish`.
        let header = unsafe { task.as_ref() };
        // SAFETY: as above.
        let body = unsafe { Self::body(task) };
        header.count_end(end_of(failure), env);
        if header.counter().is_null() {
            // The closure may own the pool, whose end waits for this task: so the task ends first.
            // SAFETY: the claimant has the closure.
            let closure = unsafe { body.replace(Body::Empty) };
            // SAFETY: the claimant has the outcome.
            unsafe { Self::finish(task, Body::Unrun(failure), env) };
            return unwind::drop_quietly(closure);
        }
        // SAFETY: the claimant has the closure, and the counter outlives an unfinished child.
        let panic = unsafe { body::discard(header, body) };
        // SAFETY: the claimant has the outcome.
        unsafe { Self::finish(task, Body::Unrun(failure), env) };
        panic
    }

    unsafe fn discard(task: NonNull<Header>) -> Option<Payload> {
        // SAFETY: the caller may touch the body, so the task is alive.
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
        // The body is empty, except for a closure that was never run: its drop is user code.
        // SAFETY: the last reference has ended, so this is the only one.
        let panic = unwind::catch(|| unsafe { task.drop_in_place() });
        // SAFETY: it came from `allocate` in `new`, and is dropped.
        unsafe { blocks::deallocate(task) };
        if let Err(payload) = panic {
            unwind::discard(payload);
        }
    }
}
