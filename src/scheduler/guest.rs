//! Threads from outside that work in a pool for a while: inside a scope, a join, or a task that they
//! claimed.

use crate::priority::Priority;
use crate::scheduler::participant::Participant;
use crate::scheduler::registry::Registry;
use crate::sync::Arc;
use crate::task::heap::Claimed;

/// The calling thread's stay in a pool; leaving is dropping.
#[derive(Debug)]
pub(crate) struct Guest<'r> {
    registry: &'r Registry,
    place: &'r Participant,
    before: *const Participant,
}

impl<'r> Guest<'r> {
    /// The calling thread comes in. It must not already be in this pool as its innermost.
    ///
    /// # Panics
    /// In a forked child of the process that built the pool.
    pub(crate) fn enter(registry: &'r Registry) -> Self {
        registry.check_process();
        let place = registry.guest_place();
        registry.idle.enter();
        Self {
            registry,
            place,
            before: Participant::set_current(place),
        }
    }

    pub(crate) fn place(&self) -> &'r Participant {
        self.place
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        // What it spawned and nobody has taken yet is the pool's now.
        for level in Priority::DESCENDING {
            while let Some(entry) = self.place.deques.pop(level) {
                self.place.count_net(-1);
                self.registry.inject(entry);
            }
        }
        Participant::set_current(self.before);
        self.registry.return_guest_place(self.place);
        self.registry.idle.leave(self.registry);
        if !self.registry.idle.is_deserted() {
            self.registry.hand_on();
        }
    }
}

/// Calls `f` with the calling thread's place in the pool, entering it if need be.
pub(crate) fn with_place<R>(registry: &Registry, f: impl FnOnce(&Participant) -> R) -> R {
    let current = Participant::current();
    // SAFETY: a current participant is alive.
    match unsafe { current.as_ref() } {
        Some(here) if std::ptr::eq(here.registry(), registry) => f(here),
        _ => f(Guest::enter(registry).place()),
    }
}

/// Runs a claimed task of `registry` on a thread that need not be in that pool.
///
/// # Safety
/// `registry` points to the task's pool, and the claim was made with the `FOREIGN` bit if the thread is
/// not in that pool (see `task::state`).
pub(crate) unsafe fn run_claimed(registry: *const Registry, task: Claimed) {
    // SAFETY: the pool outlives the unfinished task.
    unsafe { Arc::increment_strong_count(registry) };
    // SAFETY: the count has just been taken for this. It keeps the pool beyond the task's end, until
    // this thread has left it.
    let registry = unsafe { Arc::from_raw(registry) };
    with_place(&registry, |here| here.run_task(task));
}
