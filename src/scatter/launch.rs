//! How a task of a run gets on its way: at once, behind a limiter, or with others in a sheaf.

use crate::scatter::combiner::CombinerHandle;
use crate::scatter::core::Scatter;
use crate::scatter::limiter::{Admission, Limiter};
use crate::scatter::receive::{Harvest, Quiet};
use crate::scatter::shared::bump;
use crate::sync::{Arc, Ordering};
use crate::task::entry::Entry;
use crate::task::gathered::{self, Receiver};
use crate::task::header::Kind;
use crate::task::sheaf::{self, Barn, Sheaf};
use std::ptr::NonNull;

impl<'env, S, E> Scatter<'env, S, E> {
    /// Accepts a task, unless the run takes nothing any more or the limiter is closed.
    pub(super) fn submit<F, T, R>(
        &self,
        limiter: Option<&Limiter>,
        f: F,
        receiver: R,
    ) -> Result<(), (F, R)>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        R: Receiver<T>,
    {
        if !self.accepts() {
            return Err((f, receiver));
        }
        let Some(limiter) = limiter else {
            self.launch(f, receiver);
            return Ok(());
        };
        match limiter.take(None) {
            Admission::Closed => return Err((f, receiver)),
            admission => self.admit(limiter, &admission, in_slot(limiter, f), receiver),
        }
        Ok(())
    }

    /// The same for a task that is combined, where its slot is free again.
    ///
    /// # Panics
    /// If the combiner belongs to another run.
    pub(super) fn submit_into<F, T>(
        &self,
        limiter: Option<&Limiter>,
        f: F,
        combiner: &CombinerHandle<'env, T>,
    ) -> Result<(), F>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
    {
        self.check(combiner);
        if !self.accepts() {
            return Err(f);
        }
        let Some(limiter) = limiter else {
            self.launch_into(f, combiner);
            return Ok(());
        };
        match limiter.take(None) {
            Admission::Closed => return Err(f),
            admission => {
                let task = combiner.feed(in_slot(limiter, f));
                self.admit(limiter, &admission, task, Quiet::<S, E, false>::new());
            }
        }
        Ok(())
    }

    /// Queues a task that gives a slot back, or has it wait for one.
    fn admit<F, T, R>(&self, limiter: &Limiter, admission: &Admission, f: F, receiver: R)
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        R: Receiver<T>,
    {
        if *admission == Admission::Slot {
            self.launch(f, receiver);
            return;
        }
        self.know(limiter);
        self.outstanding.set(self.outstanding.get() + 1);
        bump(&self.shared.counts.scattered);
        // SAFETY: as in `queue`.
        let entry = unsafe { self.make(f, receiver) };
        limiter.hold(entry, Arc::as_ptr(&self.shared));
    }

    /// Whether handlers may scatter.
    fn accepts(&self) -> bool {
        !self.shared.is_cancelled() && !self.shared.finished.load(Ordering::Relaxed)
    }

    /// Queues a task that has been accepted.
    pub(super) fn launch<F, T, R>(&self, f: F, receiver: R)
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        R: Receiver<T>,
    {
        bump(&self.shared.counts.scattered);
        self.queue(f, receiver);
    }

    /// Queues a task for a combiner: with others in a sheaf, if it is small.
    pub(super) fn launch_into<F, T>(&self, task: F, combiner: &CombinerHandle<'env, T>)
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
    {
        if !sheaf::fits::<F>() {
            return self.launch(combiner.feed(task), Quiet::<S, E, false>::new());
        }
        bump(&self.shared.counts.scattered);
        self.outstanding.set(self.outstanding.get() + 1);
        let here = self.here();
        here.tally.enter(self.level, Kind::Gathered.passage());
        let combiners = self.combiners.borrow();
        let home = combiners[combiner.index].home();
        let task = match home.open.get() {
            Some(open) => {
                // SAFETY: the owner frees it, and has not.
                let open = unsafe { open.as_ref() };
                // SAFETY: it has not come back, or it would not be the open one; the run waits for it.
                match unsafe { open.append::<F, T>(task) } {
                    Ok(()) => return,
                    Err(task) => task,
                }
            }
            None => task,
        };
        let inbox = &raw const self.shared.inbox;
        let sheaf = home.take_free().unwrap_or_else(|| {
            let barn: *const (dyn Barn + '_) = combiner.barn();
            // SAFETY: only the lifetime changes; the run keeps the combiner as long as it has sheaves.
            let barn = unsafe {
                std::mem::transmute::<*const (dyn Barn + '_), *const (dyn Barn + 'static)>(barn)
            };
            let new = Sheaf::new::<Harvest<'env, S, E>>(inbox, self.level, barn, combiner.index);
            NonNull::from(Box::leak(new))
        });
        home.open.set(Some(sheaf));
        // SAFETY: it is new or has come back, and stays where it is; `'env` outlives the run, which waits for it.
        let entry = unsafe { Sheaf::begin::<F, T>(sheaf, task) };
        drop(combiners);
        here.push_task(entry);
    }

    /// Queues a task that comes back.
    pub(super) fn queue<F, T, R>(&self, f: F, receiver: R)
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        R: Receiver<T>,
    {
        self.outstanding.set(self.outstanding.get() + 1);
        let here = self.here();
        // SAFETY: `'env` outlives the run, which does not end before it has received everything.
        let entry = unsafe { self.make(f, receiver) };
        here.tally.enter(entry.level(), Kind::Gathered.passage());
        here.push_task(entry);
    }

    /// # Safety
    /// The task is outstanding, so that the run waits for it.
    unsafe fn make<F, T, R>(&self, f: F, receiver: R) -> Entry
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        R: Receiver<T>,
    {
        // SAFETY: handed on.
        unsafe { gathered::new(f, receiver, &raw const self.shared.inbox, self.level) }
    }
}

/// The task with its slot, which is given back when the task has run, or is dropped.
pub(super) fn in_slot<F, T>(limiter: &Limiter, f: F) -> impl FnOnce() -> T + Send + use<F, T>
where
    F: FnOnce() -> T + Send,
{
    let slot = limiter.slot();
    // What the closure owns goes before the slot, also where it is dropped.
    move || {
        let result = f();
        drop(slot);
        result
    }
}
