//! The simulation in builds for the model checker, which schedules by itself: there are no members.

use crate::sync::{self, Arc};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Sim;

#[derive(Debug)]
#[must_use]
pub(crate) struct Ticket;

/// There is none, so that nothing of this is ever called. Not an enum without variants: the compiler would
/// warn of all code beyond.
#[derive(Clone, Debug)]
pub(crate) struct Seat(());

impl Seat {
    pub(crate) fn after(&self, _timeout: Duration) -> Option<Instant> {
        unreachable!()
    }

    pub(crate) fn block(&self, _deadline: Option<Instant>) {
        unreachable!()
    }

    pub(crate) fn wait(&self) -> bool {
        unreachable!()
    }

    pub(crate) fn wake(&self) {
        unreachable!()
    }

    pub(crate) fn wait_gone(&self) {
        unreachable!()
    }
}

pub(crate) fn seat() -> Option<Seat> {
    None
}

impl Ticket {
    pub(crate) fn seat(&self) -> Option<Seat> {
        None
    }

    pub(crate) fn begin(self) {}
}

#[derive(Debug)]
pub(crate) struct Stake(Arc<Sim>);

impl Stake {
    pub(crate) fn sim(&self) -> &Arc<Sim> {
        &self.0
    }

    pub(crate) fn drop_and_stay(self) {}
}

impl Sim {
    pub(crate) fn new(_seed: u64) -> Arc<Self> {
        Arc::new(Self)
    }

    pub(crate) fn current() -> Option<Arc<Self>> {
        None
    }

    pub(crate) fn adopt_current(self: &Arc<Self>) {}

    pub(crate) fn announce(self: &Arc<Self>) -> Ticket {
        Ticket
    }

    pub(crate) fn add_pool(self: &Arc<Self>) -> Stake {
        Stake(Arc::clone(self))
    }

    pub(crate) fn is_left_over() -> bool {
        false
    }

    pub(crate) fn time(&self) -> Instant {
        sync::now()
    }

    pub(crate) fn leave_current() {}

    pub(crate) fn yield_point() {}

    pub(crate) fn random() -> Option<u64> {
        None
    }

    pub(crate) fn now() -> Option<Instant> {
        None
    }

    pub(crate) fn spend(_time: Duration) {}
}
