//! Sections that block on something else than the pool: the slot is lent meanwhile.

use crate::park::{self, Parker};
use crate::scheduler::counts::{ACTIVE, GUEST};
use crate::scheduler::participant::Participant;
use crate::sync::Arc;

/// The slots of a thread that blocks; dropping it takes them back.
struct Loan<'p> {
    place: &'p Participant,
    /// How many places are lent by this, from there outwards.
    count: usize,
    parker: Arc<Parker>,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        for place in self.place.and_outer().take(self.count) {
            place.lent.set(false);
        }
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
    // Those further out as well: the thread may go back there without passing this one.
    let newly_lent = place.and_outer().take_while(|p| !p.lent.replace(true));
    let loan = Loan {
        place,
        count: newly_lent.count(),
        parker,
    };
    place.hand_slot_on(stalled, &loan.parker);
    f()
}

impl Participant {
    /// Lends the slot to whoever may take it, and those that its thread has further out, unless they are lent
    /// already. Returns whether in one of the pools nobody can. `hand_slot_on` must follow.
    pub(super) fn lend_slot(&self, parker: &Arc<Parker>) -> bool {
        let mut stalled = false;
        for place in self.and_outer() {
            let idle = &place.registry().idle;
            stalled |= if place.lent.get() {
                idle.is_stalled()
            } else {
                idle.lend(parker, place.slot())
            };
        }
        stalled
    }

    /// The slots are free: wakes whoever has a use for one, and the waiters of a pool in which nobody can take it.
    pub(super) fn hand_slot_on(&self, stalled: bool, parker: &Arc<Parker>) {
        for registry in self.and_outer().map(Participant::registry) {
            registry.hand_on();
            if stalled && registry.idle.is_stalled() {
                registry.idle.tell_other_waiters(parker);
            }
        }
    }

    pub(super) fn take_slot_back(&self, parker: &Arc<Parker>) {
        for place in self.and_outer().take_while(|place| !place.lent.get()) {
            place.registry().idle.take_back(parker, place.slot());
        }
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
}
