//! The body of a spawned task: first its closure, then its outcome. `state` says who may touch it when.

use crate::error::{Failure, PanicSink};
use crate::park::Parker;
use crate::sync::Arc;
use crate::task::header::{Header, Lost, free};
use crate::task::state::{Completed, Released};
use crate::unwind::{self, Payload};
use std::ptr::NonNull;

pub(super) enum Body<F, T> {
    Pending(F),
    Finished(T),
    /// Boxed, so that tasks need not be larger for it.
    Panicked(Box<(Payload, PanicSink)>),
    /// It never ran, or its result was not waited for.
    Unrun(Failure),
    Empty,
}

impl<F, T> Body<F, T> {
    /// What a run has come to. A scope's counter hears of a panic before anybody else does.
    ///
    /// # Safety
    /// The task's scope, if any, has not ended.
    #[inline(always)]
    pub(super) unsafe fn of(
        outcome: Result<T, Payload>,
        header: &Header,
        sink: &PanicSink,
    ) -> Self {
        match outcome {
            Ok(value) => Body::Finished(value),
            Err(payload) => {
                // SAFETY: the scope has not ended, by contract.
                if let Some(counter) = unsafe { header.counter().as_ref() } {
                    counter.note_panic();
                }
                Body::Panicked(Box::new((payload, sink.clone())))
            }
        }
    }
}

/// Puts the outcome into its place and hands it to the task's handle; drops it where there is none.
/// Returns whom to wake. The task may be gone afterwards.
///
/// # Safety
/// The caller has the outcome, `cell` is the task's body, and the task's scope, if any, has not ended.
#[inline(always)]
pub(super) unsafe fn settle<F, T>(
    task: NonNull<Header>,
    cell: *mut Body<F, T>,
    outcome: Body<F, T>,
    sink: &PanicSink,
) -> Option<Arc<Parker>> {
    // SAFETY: alive until `complete` or `finish_orphan` below; not used after.
    let header = unsafe { task.as_ref() };
    // SAFETY: ours until it is complete. What was there is empty.
    drop(unsafe { cell.replace(outcome) });
    match header.state.complete() {
        Completed::HandedOver(parker) => parker,
        Completed::Orphan => {
            // SAFETY: without a handle the outcome is still the claimant's.
            if let Some(payload) = unsafe { discard(header, cell) } {
                sink.report(payload);
            }
            if header.state.finish_orphan() == Released::Last {
                // SAFETY: ours was the last reference.
                unsafe { free(task) };
            }
            None
        }
    }
}

/// Drops an outcome (or a closure) that nobody takes. A panic of the task, and one from the drop,
/// go to the scope; outside of a scope the task's own goes to the pool's handler, and one from the
/// drop comes back.
///
/// # Safety
/// The caller may touch the body, and the task's scope, if any, has not ended.
pub(super) unsafe fn discard<F, T>(header: &Header, cell: *mut Body<F, T>) -> Option<Payload> {
    // Only looked at where there is something to tell it: a task that is settled from elsewhere without a
    // result may outlive its scope by that moment.
    // SAFETY: the scope has not ended, by contract.
    let counter = || unsafe { header.counter().as_ref() };
    // SAFETY: ours by contract.
    match unsafe { cell.replace(Body::Empty) } {
        Body::Panicked(panic) => {
            let (payload, sink) = *panic;
            match counter() {
                Some(counter) => {
                    counter.panic_received();
                    counter.keep_panic(payload);
                }
                None => sink.report(payload),
            }
            None
        }
        _ if !std::mem::needs_drop::<F>() && !std::mem::needs_drop::<T>() => None,
        body => {
            let payload = unwind::drop_quietly(body)?;
            match counter() {
                Some(counter) => {
                    counter.keep_panic(payload);
                    None
                }
                None => Some(payload),
            }
        }
    }
}

/// Writes the outcome of a task that is done to `out`.
///
/// # Safety
/// The handle has the outcome, and `out` is a place for a `Result<T, Lost>`.
#[inline(always)]
pub(super) unsafe fn take<F, T>(header: &Header, cell: *mut Body<F, T>, out: *mut ()) {
    // SAFETY: the handle has the outcome of a done task.
    let outcome = match unsafe { cell.replace(Body::Empty) } {
        Body::Finished(value) => Ok(value),
        Body::Panicked(panic) => {
            // SAFETY: a scoped task's handle does not outlive its scope.
            if let Some(counter) = unsafe { header.counter().as_ref() } {
                counter.panic_received();
            }
            Err(Lost::Panicked(panic.0))
        }
        Body::Unrun(failure) => Err(Lost::Unrun(failure)),
        Body::Pending(_) | Body::Empty => unreachable!("the outcome is taken once, when done"),
    };
    // SAFETY: a place of this type, by contract.
    unsafe { out.cast::<Result<T, Lost>>().write(outcome) };
}
