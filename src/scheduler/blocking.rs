//! Sections that block on something else than the pool: the slot is lent meanwhile.

use crate::park::{self, Parker};
use crate::scheduler::counts::{ACTIVE, GUEST};
use crate::scheduler::participant::Participant;
use crate::sync::Arc;

/// The slot of a thread that blocks; dropping it takes the slot back.
struct Loan<'p> {
    place: &'p Participant,
    parker: Arc<Parker>,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.place.lent.set(false);
        self.place.take_slot_back(&self.parker);
    }
}

/// Calls `f`, which may block. Where the calling thread works in a pool, another one of that pool stands in
/// for it meanwhile (a spare, if need be and if there may be one).
pub(crate) fn blocking<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: a current participant is alive as long as this thread is in its pool.
    let Some(place) = (unsafe { Participant::current().as_ref() }) else {
        return f();
    };
    if place.lent.get() {
        return f();
    }
    let parker = park::current();
    let stalled = place.lend_slot(&parker);
    place.lent.set(true);
    let loan = Loan { place, parker };
    let registry = place.registry();
    registry.hand_on();
    if stalled {
        registry.idle.tell_other_waiters(&loan.parker);
    }
    f()
}

impl Participant {
    /// Lends the slot to whoever may take it, unless it is lent already; and with a guest's, the one that
    /// its thread has further out. Returns whether nobody can.
    pub(super) fn lend_slot(&self, parker: &Arc<Parker>) -> bool {
        let idle = &self.registry().idle;
        if self.lent.get() {
            return idle.is_stalled();
        }
        let stalled = idle.lend(parker, self.slot());
        if let Some(outer) = self.outer() {
            let outer_stalled = outer.lend_slot(parker);
            outer.registry().hand_on();
            if outer_stalled {
                outer.registry().idle.tell_other_waiters(parker);
            }
        }
        stalled
    }

    pub(super) fn take_slot_back(&self, parker: &Arc<Parker>) {
        if self.lent.get() {
            return;
        }
        if let Some(outer) = self.outer() {
            outer.take_slot_back(parker);
        }
        self.registry().idle.take_back(parker, self.slot());
    }

    /// What this thread counts as, in the word of `idle`.
    fn slot(&self) -> u64 {
        if self.off_duty.get() {
            0
        } else if self.is_guest() {
            GUEST
        } else {
            ACTIVE
        }
    }

    fn outer(&self) -> Option<&Participant> {
        // SAFETY: the thread is there as long as it is here.
        unsafe { self.outer_place().as_ref() }
    }
}
