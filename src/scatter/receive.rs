//! What comes back to a run's owner is received here: results by their handlers, the rest by the accounts.

use crate::scatter::Handled;
use crate::scatter::core::Scatter;
use crate::scatter::shared::{add, bump};
use crate::task::gathered::{Item, Outcome, Receiver};
use crate::task::sheaf::{Returns, Sheaf};
use crate::unwind;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// What an item is received with.
pub(super) struct Context<'a, 'env, S, E> {
    pub(super) state: &'a mut S,
    pub(super) scatter: &'a Scatter<'env, S, E>,
    /// What the handler has come to, if there was one to call.
    pub(super) handled: Option<Result<(), E>>,
}

impl<S, E> Scatter<'_, S, E> {
    /// A task has come back without a result that anybody may have.
    fn receive_lost<T>(&self, outcome: Outcome<T>) {
        let counts = &self.shared.counts;
        match outcome {
            Outcome::Panicked(payload) => {
                bump(&counts.panicked);
                self.keep_panic(payload);
            }
            Outcome::Forfeited(panic) => {
                bump(&counts.forfeited);
                panic
                    .into_iter()
                    .for_each(|payload| self.keep_panic(payload));
            }
            Outcome::Value(value) => {
                bump(&counts.forfeited);
                if let Some(payload) = unwind::drop_quietly(value) {
                    self.keep_panic(payload);
                }
            }
        }
    }
}

/// A handler, on its way with its task; it knows the types of its run.
pub(super) struct Handler<'env, S, E, H, R> {
    handler: H,
    marker: PhantomData<fn(&'env (), S, E) -> R>,
}

impl<H, S, E, R> Handler<'_, S, E, H, R> {
    pub(super) fn new(handler: H) -> Self {
        Self {
            handler,
            marker: PhantomData,
        }
    }

    pub(super) fn into_inner(self) -> H {
        self.handler
    }
}

impl<'env, S, E, T, H, R> Receiver<T> for Handler<'env, S, E, H, R>
where
    H: FnOnce(&mut S, &Scatter<'env, S, E>, T) -> R,
    R: Handled<E>,
{
    unsafe fn receive(self, outcome: Outcome<T>, cx: *mut ()) {
        // SAFETY: the run that it was scattered into has this context.
        let cx = unsafe { &mut *cx.cast::<Context<'_, 'env, S, E>>() };
        cx.scatter.received(true);
        match outcome {
            Outcome::Value(value) if !cx.scatter.is_cancelled() => {
                bump(&cx.scatter.shared.counts.gathered);
                let handled = (self.handler)(cx.state, cx.scatter, value);
                cx.handled = Some(handled.into_result());
            }
            lost => {
                cx.scatter.receive_lost(lost);
                // While the run is drained nothing may unwind.
                if let Some(payload) = unwind::drop_quietly(self.handler) {
                    cx.scatter.keep_panic(payload);
                }
            }
        }
    }
}

/// What receives a sheaf.
pub(super) struct Harvest<'env, S, E>(PhantomData<fn(&'env (), S, E)>);

impl<'env, S, E> Returns for Harvest<'env, S, E> {
    unsafe fn receive(item: NonNull<Item>, cx: *mut ()) {
        // SAFETY: the run that the sheaf belongs to has this context.
        let cx = unsafe { &mut *cx.cast::<Context<'_, 'env, S, E>>() };
        let scatter = cx.scatter;
        let sheaf = item.cast::<Sheaf<'static>>();
        // SAFETY: it has come back, and nobody else has it.
        let returned = unsafe { sheaf.as_ref() };
        let reaped = returned.account();
        scatter.combiners.borrow()[returned.tag()]
            .home()
            .put_back(sheaf);
        let outstanding = scatter.outstanding.get() - reaped.tasks;
        scatter.outstanding.set(outstanding);
        scatter.dirty.set(true);
        let counts = &scatter.shared.counts;
        let lost = reaped.panicked + reaped.forfeited;
        add(&counts.gathered, reaped.tasks - lost);
        add(&counts.panicked, reaped.panicked);
        add(&counts.forfeited, reaped.forfeited);
        reaped
            .panic
            .into_iter()
            .for_each(|payload| scatter.keep_panic(payload));
    }
}

/// What receives a task whose result has been combined, or (`FLUSH`) the flush of a combiner.
pub(super) struct Quiet<'env, S, E, const FLUSH: bool>(PhantomData<fn(&'env (), S, E)>);

impl<S, E, const FLUSH: bool> Quiet<'_, S, E, FLUSH> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<'env, S, E, const FLUSH: bool> Receiver<()> for Quiet<'env, S, E, FLUSH> {
    unsafe fn receive(self, outcome: Outcome<()>, cx: *mut ()) {
        // SAFETY: the run that it was scattered into has this context.
        let cx = unsafe { &mut *cx.cast::<Context<'_, 'env, S, E>>() };
        cx.scatter.received(!FLUSH);
        match outcome {
            Outcome::Value(()) if FLUSH => {}
            Outcome::Value(()) => bump(&cx.scatter.shared.counts.gathered),
            Outcome::Forfeited(_) if FLUSH => {}
            Outcome::Panicked(payload) if FLUSH => cx.scatter.keep_panic(payload),
            lost => cx.scatter.receive_lost(lost),
        }
    }
}
