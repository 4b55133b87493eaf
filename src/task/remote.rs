//! A handle's reference to a task.

use crate::error::JoinError;
use crate::sync::Arc;
use crate::task::entry::Claimed;
use crate::task::header::{Header, Kind, Lost, free};
use crate::task::node::Node;
use crate::task::promise::{self, Living};
use crate::task::state::{Dropped, Released};
use crate::unwind::{self, Payload};
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

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

impl<T> Remote<T> {
    pub(super) fn new(task: NonNull<Header>, pool: *const (), process: u32) -> Self {
        Self {
            task,
            pool,
            process,
            marker: PhantomData,
        }
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the `HANDLE` reference keeps it alive.
        unsafe { self.task.as_ref() }
    }

    /// The life of a task with options.
    pub(crate) fn living(&self) -> Option<&Arc<dyn Living>> {
        match self.header().kind {
            // SAFETY: a promise, which the handle keeps alive.
            Kind::Promise | Kind::ScopedPromise => Some(unsafe { promise::living(self.task) }),
            _ => None,
        }
    }

    /// What lies beneath this may be run by whoever waits for the task.
    pub(crate) fn node(&self) -> *const Node {
        match self.living() {
            Some(life) => life.node(),
            None => &raw const self.header().node,
        }
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
            .then_some(Claimed::new(self.task))
    }

    /// The outcome; the task must be done.
    pub(crate) fn into_result(self) -> Result<T, JoinError> {
        debug_assert!(self.header().state.is_done());
        let mut out = MaybeUninit::<Result<T, Lost>>::uninit();
        // SAFETY: done, so the outcome is the handle's. `self` is dropped at the end, which finds the
        // body empty. The place is of the type that the task was made with.
        unsafe { (self.header().vtable.take)(self.task, out.as_mut_ptr().cast()) };
        // SAFETY: it has just been written.
        match unsafe { out.assume_init() } {
            Ok(value) => Ok(value),
            Err(Lost::Panicked(payload)) => Err(JoinError::panic(payload)),
            Err(Lost::Unrun(failure)) => Err(JoinError::failure(failure)),
        }
    }
}

/// Goes on with a panic from dropping a user's value, unless the thread is panicking already.
pub(crate) fn resume(panic: Option<Payload>) {
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
