//! Groups: results and panics belong to the owner; those of a dropped group to the panic handler.

use std::mem;
use std::sync::Arc;

use windrow::{TaskError, TaskGroup};

use crate::case::{Case, Handle};
use crate::counting::Item;
use crate::place::Place;
use crate::spawn;
use crate::stage::{Expected, Stage, TASKS};

pub(crate) fn run(place: &Place<'_>, stage: &Arc<Stage>) {
    let mut group: TaskGroup<Item> = place.group();
    for index in 0..TASKS {
        let task = stage.task(index);
        match stage.callback(index) {
            Some(callback) => group.task().on_complete(callback).spawn(|| Ok(task())),
            None => group.spawn(|| Ok(task())),
        }
    }
    stage.go.open();
    match stage.case.handle {
        Handle::Joined => {
            let mut results = Vec::new();
            for _ in 0..TASKS / 2 {
                results.push(group.join_next().expect("there are more").1);
            }
            results.extend(group.wait_all());
            for result in results {
                stage.receive(result.map_err(|error| match error {
                    TaskError::Lost(error) => error,
                    TaskError::Failed(never) => match never {},
                }));
            }
        }
        Handle::Dropped | Handle::DroppedLate => stage.catch(|| drop(group)),
        Handle::Forgotten => mem::forget(group),
    }
}

/// As with handles of its own for each task.
pub(crate) fn expected(case: Case) -> Expected {
    spawn::expected(case)
}
