//! Spawned tasks: their panics belong to their handles, and without one to the panic handler.

use std::sync::Arc;

use windrow::JoinHandle;

use crate::case::{Case, Deed, Handle};
use crate::place::Place;
use crate::stage::{AT_FAULT, Expected, Stage, TASKS, left_by_all, reports_of_callbacks, word_of};

pub(crate) fn run(place: &Place<'_>, stage: &Arc<Stage>) {
    let spawn = |index| match stage.callback(index) {
        Some(callback) => place.task().on_complete(callback).spawn(stage.task(index)),
        None => place.spawn(stage.task(index)),
    };
    let handles = (0..TASKS).map(spawn).collect();
    stage.deal_with(handles, JoinHandle::is_finished, JoinHandle::join);
}

pub(crate) fn expected(case: Case) -> Expected {
    let mut expected = Expected {
        reported: reports_of_callbacks(case),
        all_run: true,
        ..Expected::default()
    };
    let each = word_of(case).map_or(Vec::new(), |word| vec![word; AT_FAULT.len()]);
    match case.handle {
        Handle::Joined => expected.caught = each,
        // What is dropped by the handle panics where that is dropped.
        Handle::DroppedLate if case.deed() == Deed::ReturnBomb => expected.caught = each,
        Handle::Dropped | Handle::DroppedLate => expected.reported.extend(each),
        Handle::Forgotten => expected.forgotten = left_by_all(case),
    }
    expected
}
