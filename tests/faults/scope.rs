//! Scoped tasks: what no handle receives is resumed by the scope, after all tasks. Of several panics the first.

use std::sync::Arc;

use windrow::ScopedJoinHandle;

use crate::case::{Case, Deed, Handle};
use crate::place::Place;
use crate::stage::{AT_FAULT, Expected, Stage, TASKS, left_by_all, reports_of_callbacks, word_of};

pub(crate) fn run(place: &Place<'_>, stage: &Arc<Stage>) {
    stage.catch(|| {
        place.scope(|s| {
            let spawn = |index| match stage.callback(index) {
                Some(callback) => s.task().on_complete(callback).spawn(stage.task(index)),
                None => s.spawn(stage.task(index)),
            };
            let handles = (0..TASKS).map(spawn).collect();
            stage.deal_with(
                handles,
                ScopedJoinHandle::is_finished,
                ScopedJoinHandle::join,
            );
        });
    });
}

pub(crate) fn expected(case: Case) -> Expected {
    let mut expected = Expected {
        reported: reports_of_callbacks(case),
        all_run: true,
        ..Expected::default()
    };
    match (case.handle, word_of(case)) {
        (Handle::Joined, Some(word)) => expected.caught = vec![word; AT_FAULT.len()],
        (Handle::Dropped | Handle::DroppedLate, Some(word)) => expected.caught = vec![word],
        (Handle::Forgotten, _) => {
            expected.forgotten = left_by_all(case);
            if matches!(case.deed(), Deed::Throw | Deed::ThrowBomb) {
                expected.caught = vec!["a scoped task panicked, and its handle was forgotten"];
            }
        }
        (_, None) => {}
    }
    expected
}
