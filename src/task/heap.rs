//! A spawned task: closure, outcome and claim word in one allocation, shared by a queue entry and a
//! handle.
//!
//! The claim word in `state` says who may do what; this file does it. Everything here is `unsafe` to
//! call only where the word's rules cannot be checked by types.

use crate::error::{JoinError, PanicSink};
use crate::priority::Priority;
use crate::task::blocks;
use crate::task::counter::{Counter, Owner};
use crate::task::node::{self, Node};
use crate::task::state::{Completed, Dropped, Popped, Released, State};
use crate::unwind::{self, Payload};
use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::{self, NonNull};

/// What all spawned tasks have in common; the first field of each.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) state: State,
    vtable: &'static VTable,
    pub(crate) node: Node,
    pub(crate) level: Priority,
    /// The parent is the node of a scope's counter, which counts this task. It outlives the task until
    /// it has been counted down.
    counted: bool,
    /// Not to be run by guests.
    workers_only: bool,
}

#[derive(Debug)]
struct VTable {
    run: unsafe fn(NonNull<Header>, Env<'_>),
    free: unsafe fn(NonNull<Header>),
    /// Drops a closure or an outcome; gives back a panic that came of it.
    discard: unsafe fn(NonNull<Header>) -> Option<Payload>,
    /// Writes the outcome, a `Result<T, Option<Payload>>`, to the place given.
    take: unsafe fn(NonNull<Header>, *mut ()),
}

/// What a task needs to know of where it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Env<'a> {
    /// The participant that runs it.
    pub(crate) here: Owner,
    /// Where a panic goes that nobody receives.
    pub(crate) sink: &'a PanicSink,
}

#[repr(C)]
struct Task<F, T> {
    header: Header,
    body: UnsafeCell<Body<F, T>>,
}

enum Body<F, T> {
    Pending(F),
    Finished(T),
    /// Boxed, so that tasks need not be larger for it.
    Panicked(Box<(Payload, PanicSink)>),
    Empty,
}

impl Header {
    fn counter(&self) -> *const Counter {
        if self.counted {
            Counter::of_node(self.node.parent())
        } else {
            ptr::null()
        }
    }
}

/// A queue's reference to a task (the `QUEUED` bit).
///
/// Dropping it without `pop` leaks the reference; queues are drained, not dropped.
#[derive(Debug)]
pub(crate) struct Entry(NonNull<Header>);

// SAFETY: a task's closure and result are `Send`, and the claim word hands them on properly.
unsafe impl Send for Entry {}

/// A task that the holder has claimed and must run.
#[derive(Debug)]
#[must_use]
pub(crate) struct Claimed(NonNull<Header>);

/// What an entry turned out to be.
#[derive(Debug)]
#[must_use]
pub(crate) enum Taken {
    Run(Claimed),
    /// Done or running elsewhere; the entry is gone.
    Stale,
    /// A thread outside the pool runs it; the entry must be kept until it is done.
    Foreign(Entry),
}

impl Entry {
    fn header(&self) -> &Header {
        // SAFETY: the `QUEUED` reference keeps it alive.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn level(&self) -> Priority {
        self.header().level
    }

    /// Claims the task, or finds that somebody has.
    pub(crate) fn take(self) -> Taken {
        match self.header().state.pop() {
            Popped::Claimed => Taken::Run(Claimed(self.0)),
            Popped::Stale => Taken::Stale,
            Popped::StaleLast => {
                // SAFETY: ours was the last reference.
                unsafe { free(self.0) };
                Taken::Stale
            }
            Popped::Foreign => Taken::Foreign(self),
        }
    }

    /// Whether a kept foreign entry can be let go: the task is done.
    pub(crate) fn is_done(&self) -> bool {
        self.header().state.is_done()
    }

    /// Lets a kept foreign entry go.
    pub(crate) fn release(self) {
        if self.header().state.release_entry() == Released::Last {
            // SAFETY: ours was the last reference.
            unsafe { free(self.0) };
        }
    }

    /// Whether a thread that waits for `awaited` may run this task.
    ///
    /// A direct child is known by its parent pointer alone. For deeper descent the chain is walked,
    /// which is safe only while nobody else can claim the task and end it, and with it its ancestors'
    /// wait: when it has no handle, so that holding the entry is holding the task. A deeper task with
    /// a handle is left to whoever holds that handle.
    pub(crate) fn is_beneath(&self, awaited: *const Node, guest: bool) -> bool {
        let header = self.header();
        if guest && header.workers_only {
            return false;
        }
        if ptr::eq(header.node.parent(), awaited) {
            return !header.state.is_claimed();
        }
        // SAFETY: exclusive hold of an unfinished task keeps its ancestors alive.
        header.state.is_popper_exclusive()
            && unsafe { node::descends_from(header.node.parent(), awaited) }
    }
}

impl Claimed {
    pub(crate) fn node(&self) -> *const Node {
        // SAFETY: claimed and not yet run, so alive.
        unsafe { &raw const (*self.0.as_ptr()).node }
    }

    pub(crate) fn level(&self) -> Priority {
        // SAFETY: claimed and not yet run, so alive.
        unsafe { self.0.as_ref() }.level
    }

    /// Runs the task to its end. Never unwinds.
    pub(crate) fn run(self, env: Env<'_>) {
        // SAFETY: claimed and not yet run, so alive.
        let run = unsafe { self.0.as_ref() }.vtable.run;
        // SAFETY: the claim is exclusive and used up here.
        unsafe { run(self.0, env) }
    }
}

/// Frees the task's memory.
///
/// # Safety
/// The caller has seen the last reference end.
unsafe fn free(task: NonNull<Header>) {
    // SAFETY: alive, by contract.
    let free = unsafe { task.as_ref() }.vtable.free;
    // SAFETY: handed on.
    unsafe { free(task) }
}

/// The handle's reference to a task (the `HANDLE` bit). Dropping it detaches.
pub(crate) struct Remote<T> {
    task: NonNull<Header>,
    /// Valid as `state` says.
    pool: *const (),
    /// The process that the pool's threads live in.
    process: u32,
    marker: PhantomData<T>,
}

// SAFETY: through the handle goes a `T`, which must be `Send`; everything else is behind the claim word.
unsafe impl<T: Send> Send for Remote<T> {}
// SAFETY: shared access only looks at the claim word, or cancels, which drops a `Send` closure.
unsafe impl<T: Send> Sync for Remote<T> {}

/// How a new task is to be kept.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) parent: *const Node,
    /// The parent is the node of a scope's counter, which has already counted the task.
    pub(crate) counted: bool,
    pub(crate) pool: *const (),
    pub(crate) process: u32,
    pub(crate) level: Priority,
    /// Not to be run by guests.
    pub(crate) workers_only: bool,
}

/// Allocates a task.
///
/// # Safety
/// `f` and `T` must stay valid until the task is done and its outcome dropped: either they are
/// `'static`, or a counter or a waiting caller makes sure of it.
pub(crate) unsafe fn new<F, T>(f: F, origin: Origin) -> (Entry, Remote<T>)
where
    F: FnOnce() -> T + Send,
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
                    discard: Task::<F, T>::drop_outcome,
                    take: Task::<F, T>::take_outcome,
                }
            },
            node: Node::new(origin.parent),
            level: origin.level,
            counted: origin.counted,
            workers_only: origin.workers_only,
        },
        body: UnsafeCell::new(Body::<F, T>::Pending(f)),
    };
    // SAFETY: memory for a task, just allocated.
    unsafe { task.write(value) };
    // `header` is the first field of a `repr(C)` struct.
    let task = task.cast::<Header>();
    let remote = Remote {
        task,
        pool: origin.pool,
        process: origin.process,
        marker: PhantomData,
    };
    (Entry(task), remote)
}

impl<F, T> Task<F, T>
where
    F: FnOnce() -> T,
{
    /// # Safety
    /// The caller may touch the body now (see `state`).
    unsafe fn swap_body(task: NonNull<Header>, body: Body<F, T>) -> Body<F, T> {
        // SAFETY: the header is the first field of its task.
        let cell = unsafe { (*task.cast::<Self>().as_ptr()).body.get() };
        // SAFETY: exclusive by contract.
        unsafe { cell.replace(body) }
    }

    /// Split in three so that only little of it is on the stack while the task runs: nesting is deep.
    unsafe fn run(task: NonNull<Header>, env: Env<'_>) {
        // SAFETY: the claimant has the closure.
        let f = unsafe { Self::take_closure(task) };
        let outcome = unwind::catch(f);
        // SAFETY: the claimant has the outcome.
        unsafe { Self::conclude(task, outcome, env) }
    }

    unsafe fn take_closure(task: NonNull<Header>) -> F {
        // SAFETY: handed on.
        match unsafe { Self::swap_body(task, Body::Empty) } {
            Body::Pending(f) => f,
            _ => unreachable!("a task is claimed once"),
        }
    }

    unsafe fn conclude(task: NonNull<Header>, outcome: Result<T, Payload>, env: Env<'_>) {
        // SAFETY: alive until `complete` or `finish_orphan` below; the reference is not used after.
        let header = unsafe { task.as_ref() };
        let counter = header.counter();
        let body = match outcome {
            Ok(value) => Body::Finished(value),
            Err(payload) => {
                // SAFETY: the counter outlives an unfinished child.
                if let Some(counter) = unsafe { counter.as_ref() } {
                    counter.note_panic();
                }
                Body::Panicked(Box::new((payload, env.sink.clone())))
            }
        };
        // SAFETY: the claimant has the outcome until it is complete.
        drop(unsafe { Self::swap_body(task, body) });
        let mut waiter = None;
        match header.state.complete() {
            Completed::HandedOver(parker) => waiter = parker,
            Completed::Orphan => {
                // SAFETY: without a handle the outcome is still the claimant's.
                if let Some(payload) = unsafe { Self::drop_outcome(task) } {
                    env.sink.report(payload);
                }
                if header.state.finish_orphan() == Released::Last {
                    // SAFETY: ours was the last reference.
                    unsafe { Self::free(task) };
                }
            }
        }
        if !counter.is_null() {
            // SAFETY: the child was counted, nothing is left of it but what its handle took.
            unsafe { Counter::complete(counter, env.here) };
        }
        if let Some(parker) = waiter {
            parker.unpark();
        }
    }

    /// Drops an outcome (or a closure) that nobody takes. A panic of the task, and one from the drop,
    /// go to the scope; outside of a scope the task's own goes to the pool's handler, and one from the
    /// drop comes back.
    ///
    /// # Safety
    /// The caller may touch the body, and the task's scope, if any, has not ended.
    unsafe fn drop_outcome(task: NonNull<Header>) -> Option<Payload> {
        // SAFETY: alive and ours by contract.
        let counter = unsafe { task.as_ref() }.counter();
        // SAFETY: the scope has not ended, by contract.
        let counter = unsafe { counter.as_ref() };
        // SAFETY: ours by contract.
        match unsafe { Self::swap_body(task, Body::Empty) } {
            Body::Panicked(panic) => {
                let (payload, sink) = *panic;
                match counter {
                    Some(counter) => {
                        counter.panic_received();
                        counter.keep_panic(payload);
                    }
                    None => sink.report(payload),
                }
                None
            }
            _ if !std::mem::needs_drop::<F>() && !std::mem::needs_drop::<T>() => None,
            body => match (unwind::drop_quietly(body), counter) {
                (Some(payload), Some(counter)) => {
                    counter.keep_panic(payload);
                    None
                }
                (payload, _) => payload,
            },
        }
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

    /// The outcome of a task that is done: its result, its panic, or `None` if it was cancelled.
    ///
    /// # Safety
    /// The handle has the outcome, and `out` is a place for a `Result<T, Option<Payload>>`.
    unsafe fn take_outcome(task: NonNull<Header>, out: *mut ()) {
        // SAFETY: alive through the handle.
        let counter = unsafe { task.as_ref() }.counter();
        // SAFETY: the handle has the outcome of a done task.
        let outcome = match unsafe { Self::swap_body(task, Body::Empty) } {
            Body::Finished(value) => Ok(value),
            Body::Panicked(panic) => {
                // SAFETY: a scoped task's handle does not outlive its scope.
                if let Some(counter) = unsafe { counter.as_ref() } {
                    counter.panic_received();
                }
                Err(Some(panic.0))
            }
            Body::Pending(_) | Body::Empty => Err(None),
        };
        // SAFETY: a place of this type, by contract.
        unsafe { out.cast::<Result<T, Option<Payload>>>().write(outcome) };
    }
}

impl<T> Remote<T> {
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the `HANDLE` reference keeps it alive.
        unsafe { self.task.as_ref() }
    }

    pub(crate) fn node(&self) -> *const Node {
        &raw const self.header().node
    }

    pub(crate) fn pool(&self) -> *const () {
        self.pool
    }

    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    /// Claims the task for the calling thread, if nobody has.
    pub(crate) fn claim(&self, foreign: bool) -> Option<Claimed> {
        self.header()
            .state
            .claim(foreign)
            .then_some(Claimed(self.task))
    }

    /// Makes sure that the task never runs, if nobody has claimed it; drops its closure.
    pub(crate) fn cancel(&self, here: Owner) -> bool {
        let header = self.header();
        if !header.state.cancel() {
            return false;
        }
        let counter = header.counter();
        // SAFETY: cancelled is claimed, so the closure is ours.
        let panic = unsafe { (self.header().vtable.discard)(self.task) };
        if !counter.is_null() {
            // SAFETY: the child was counted, and its closure is gone.
            unsafe { Counter::complete(counter, here) };
        }
        resume(panic);
        true
    }

    /// The outcome; the task must be done.
    pub(crate) fn into_result(self) -> Result<T, JoinError> {
        debug_assert!(self.header().state.is_done());
        let mut out = MaybeUninit::<Result<T, Option<Payload>>>::uninit();
        // SAFETY: done, so the outcome is the handle's. `self` is dropped at the end, which finds the
        // body empty. The place is of the type that the task was made with.
        unsafe { (self.header().vtable.take)(self.task, out.as_mut_ptr().cast()) };
        // SAFETY: it has just been written.
        match unsafe { out.assume_init() } {
            Ok(value) => Ok(value),
            Err(Some(payload)) => Err(JoinError::panic(payload)),
            Err(None) => Err(JoinError::cancelled()),
        }
    }
}

/// Goes on with a panic from dropping a user's value, unless the thread is panicking already.
fn resume(panic: Option<Payload>) {
    match panic {
        Some(payload) if !std::thread::panicking() => std::panic::resume_unwind(payload),
        Some(payload) => unwind::discard(payload),
        None => {}
    }
}

impl<T> Drop for Remote<T> {
    fn drop(&mut self) {
        let state = &self.header().state;
        match state.drop_handle() {
            Dropped::Detached => {}
            Dropped::Done => {
                // SAFETY: done, so the outcome is the handle's; a scoped handle does not outlive its
                // scope.
                let panic = unsafe { (self.header().vtable.discard)(self.task) };
                if state.release_done_handle() == Released::Last {
                    // SAFETY: ours was the last reference.
                    unsafe { free(self.task) };
                }
                resume(panic);
            }
        }
    }
}

impl<T> fmt::Debug for Remote<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("state", &self.header().state)
            .finish_non_exhaustive()
    }
}
