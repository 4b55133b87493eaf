//! A task whose result goes to the inbox of its run, with what receives it there: one allocation.
//!
//! It has no handle and nobody claims it in place, so there is exactly one way: from the queue to a thread that
//! runs it (or drops its closure, if the run has been cancelled), from there to the inbox, and from there to the owner of
//! the run, who frees it. What receives the result never leaves the owner's thread, so it need not be `Send`.
//!
//! # Who may touch what
//! `slot`: whoever makes it; the one who has popped the entry; after `Inbox::put` the owner. `receiver`: the owner.

use crate::error::Failure;
use crate::metrics::Ended;
use crate::priority::Priority;
use crate::task::blocks;
use crate::task::counter::Owner;
use crate::task::entry::Entry;
use crate::task::header::{Env, Header, Kind, VTable, end_of};
use crate::task::inbox::Inbox;
use crate::task::node::Node;
use crate::task::state::State;
use crate::unwind::{self, Payload};
use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

/// What has become of a task.
pub(crate) enum Outcome<T> {
    Value(T),
    Panicked(Payload),
    /// It was not run; its closure is gone, perhaps with a panic.
    Forfeited(Option<Payload>),
}

/// What an outcome is handed to, on the owner's thread.
pub(crate) trait Receiver<T> {
    /// `cx` is what the owner has given to [`receive`].
    ///
    /// # Safety
    /// `cx` points to what this receiver expects.
    unsafe fn receive(self, outcome: Outcome<T>, cx: *mut ());
}

/// The part of a gathered task that an inbox knows.
#[repr(C)]
pub(crate) struct Item {
    pub(super) header: Header,
    pub(super) next: Cell<*mut Item>,
}

/// The header's functions, and one more.
#[repr(C)]
pub(super) struct ItemVTable {
    pub(super) base: VTable,
    pub(super) receive: unsafe fn(NonNull<Item>, *mut ()),
}

impl Item {
    pub(super) fn new(
        state: State,
        vtable: &'static VTable,
        inbox: *const Inbox,
        level: Priority,
    ) -> Self {
        Self {
            header: Header {
                state,
                vtable,
                node: Node::new(inbox.cast()),
                level,
                kind: Kind::Gathered,
            },
            next: Cell::new(ptr::null_mut()),
        }
    }
}

enum Slot<F, T> {
    Pending(F),
    Value(T),
    /// Boxed, so that tasks need not be larger for it.
    Panicked(Box<Payload>),
    /// It was not run, and its closure has been dropped, perhaps with a panic.
    Forfeited(Option<Box<Payload>>),
    Empty,
}

#[repr(C)]
struct Gathered<F, T, R> {
    item: Item,
    slot: UnsafeCell<Slot<F, T>>,
    receiver: ManuallyDrop<R>,
}

/// Allocates a task of the run that `inbox` belongs to.
///
/// # Safety
/// `f`, `T` and `receiver` stay valid until the inbox's owner has received it.
pub(crate) unsafe fn new<F, T, R>(f: F, receiver: R, inbox: *const Inbox, level: Priority) -> Entry
where
    F: FnOnce() -> T + Send,
    T: Send,
    R: Receiver<T>,
{
    let state = State::unattended();
    let task = allocate(Slot::Pending(f), receiver, inbox, level, state);
    Entry::new(task.cast())
}

/// Brings a value to an inbox without a task.
///
/// # Safety
/// As for [`new`]; and the inbox does not have all of its items yet.
pub(crate) unsafe fn deliver<T, R>(value: T, receiver: R, inbox: *const Inbox, here: Owner)
where
    T: Send,
    R: Receiver<T> + Send,
{
    let slot = Slot::<fn() -> T, T>::Value(value);
    let item = allocate(
        slot,
        receiver,
        inbox,
        Priority::default(),
        State::promised(),
    );
    // SAFETY: handed on; just made.
    unsafe { Inbox::put(inbox, item, here) };
}

fn allocate<F, T, R>(
    slot: Slot<F, T>,
    receiver: R,
    inbox: *const Inbox,
    level: Priority,
    state: State,
) -> NonNull<Item>
where
    F: FnOnce() -> T + Send,
    T: Send,
    R: Receiver<T>,
{
    let task = blocks::allocate::<Gathered<F, T, R>>();
    let value = Gathered {
        item: Item::new(
            state,
            const { &Gathered::<F, T, R>::VTABLE.base },
            inbox,
            level,
        ),
        slot: UnsafeCell::new(slot),
        receiver: ManuallyDrop::new(receiver),
    };
    // SAFETY: memory for a task, just allocated.
    unsafe { task.write(value) };
    // The item is the first field of a `repr(C)` struct.
    task.cast()
}

/// Owner: hands an item over to its receiver and frees it. Unwinds if the receiver does.
///
/// # Safety
/// The item was taken out of its inbox by the caller, and `cx` is what its receiver expects.
pub(crate) unsafe fn receive(item: NonNull<Item>, cx: *mut ()) {
    // SAFETY: alive until it is received.
    let vtable = ptr::from_ref(unsafe { item.as_ref() }.header.vtable).cast::<ItemVTable>();
    // SAFETY: the vtable of a gathered task is the first field of this.
    let receive = unsafe { (*vtable).receive };
    // SAFETY: handed on.
    unsafe { receive(item, cx) };
}

impl<F, T, R> Gathered<F, T, R>
where
    F: FnOnce() -> T + Send,
    T: Send,
    R: Receiver<T>,
{
    const VTABLE: &'static ItemVTable = &ItemVTable {
        base: VTable {
            run: Self::run,
            free: Self::never,
            discard: Self::never_discard,
            take: Self::never_take,
            fail: Self::fail,
        },
        receive: Self::receive,
    };

    unsafe fn slot(task: NonNull<Header>) -> *mut Slot<F, T> {
        // SAFETY: the header is the first field of the item, and that of the task.
        let cell = unsafe { &raw const (*task.cast::<Self>().as_ptr()).slot };
        UnsafeCell::raw_get(cell)
    }

    unsafe fn put(task: NonNull<Header>, how: Ended, env: Env<'_>) {
        // SAFETY: the claimant's until it is put.
        let header = unsafe { task.as_ref() };
        header.count_end(how, env);
        let inbox = Inbox::of_node(header.node.parent());
        // SAFETY: the run waits for this item.
        unsafe { Inbox::put(inbox, task.cast(), env.here) };
    }

    /// Split in three so that only little of it is on the stack while the task runs.
    unsafe fn run(task: NonNull<Header>, env: Env<'_>) {
        // SAFETY: the claimant's until it is put.
        let parent = unsafe { task.as_ref() }.node.parent();
        // SAFETY: alive; the run waits for this item.
        let inbox = unsafe { &*Inbox::of_node(parent) };
        if inbox.is_cancelled() {
            // Here and now: the closure may hold what others wait for, and the owner may be one of them.
            // SAFETY: handed on.
            unsafe { Self::forfeit(task, Ended::Cancelled, env) };
            return;
        }
        // SAFETY: the claimant has the slot.
        let f = unsafe { Self::take_closure(task) };
        let result = unwind::catch(f);
        // SAFETY: as above.
        unsafe { Self::conclude(task, result, env) }
    }

    /// Ends it without running it. A panic from dropping its closure goes to the run.
    unsafe fn forfeit(task: NonNull<Header>, how: Ended, env: Env<'_>) {
        // SAFETY: the claimant has the slot.
        let panic = unwind::drop_quietly(unsafe { Self::take_closure(task) });
        // SAFETY: handed on.
        let slot = unsafe { Self::slot(task) };
        // SAFETY: the claimant has the slot, which is empty.
        unsafe { slot.write(Slot::Forfeited(panic.map(Box::new))) };
        // SAFETY: the claimant has it.
        unsafe { Self::put(task, how, env) };
    }

    unsafe fn take_closure(task: NonNull<Header>) -> F {
        // SAFETY: handed on.
        let slot = unsafe { Self::slot(task) };
        // SAFETY: exclusive by contract.
        match unsafe { slot.replace(Slot::Empty) } {
            Slot::Pending(f) => f,
            _ => unreachable!("a task is run once"),
        }
    }

    unsafe fn conclude(task: NonNull<Header>, result: Result<T, Payload>, env: Env<'_>) {
        let (outcome, how) = match result {
            Ok(value) => (Slot::Value(value), Ended::Completed),
            Err(payload) => (Slot::Panicked(Box::new(payload)), Ended::Panicked),
        };
        // SAFETY: handed on.
        let slot = unsafe { Self::slot(task) };
        // SAFETY: the claimant has the slot, which is empty.
        unsafe { slot.write(outcome) };
        // SAFETY: handed on.
        unsafe { Self::put(task, how, env) };
    }

    unsafe fn fail(task: NonNull<Header>, failure: Failure, env: Env<'_>) -> Option<Payload> {
        // Not only when the owner receives it: the closure may hold what others wait for, as the slot of a limiter.
        // SAFETY: handed on.
        unsafe { Self::forfeit(task, end_of(failure), env) };
        None
    }

    unsafe fn receive(item: NonNull<Item>, cx: *mut ()) {
        let task = item.cast::<Self>();
        // SAFETY: the owner has all of it, and moves it out once; what stays behind needs no drop.
        let whole = unsafe { task.read() };
        let (slot, receiver) = (whole.slot.into_inner(), whole.receiver);
        // SAFETY: it came from `allocate`, and nothing in it is used any more: what is left needs no drop.
        unsafe { blocks::deallocate(task) };
        let outcome = match slot {
            Slot::Value(value) => Outcome::Value(value),
            Slot::Panicked(payload) => Outcome::Panicked(*payload),
            Slot::Forfeited(panic) => Outcome::Forfeited(panic.map(|payload| *payload)),
            Slot::Pending(_) | Slot::Empty => unreachable!("an item comes with its outcome"),
        };
        // SAFETY: handed on.
        unsafe { ManuallyDrop::into_inner(receiver).receive(outcome, cx) };
    }

    unsafe fn never(_: NonNull<Header>) {
        unreachable!("its run frees it");
    }

    unsafe fn never_discard(_: NonNull<Header>) -> Option<Payload> {
        unreachable!("it has no handle");
    }

    unsafe fn never_take(_: NonNull<Header>, _: *mut ()) {
        unreachable!("it has no handle");
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item").finish_non_exhaustive()
    }
}
