//! Joins: both halves end, then the panic of the first goes on, or that of the second.

use std::ops::Range;
use std::sync::Arc;
use std::thread;

use crate::case::{Case, Deed, Fault};
use crate::counting::Item;
use crate::place::Place;
use crate::stage::{AT_FAULT, Expected, Stage, TASKS};

use Deed::{Return, ReturnBomb, Throw, ThrowBomb};

/// What the two halves of a join do.
fn pairs(fault: Fault) -> &'static [(Deed, Deed)] {
    match fault {
        Fault::Result => &[
            (ReturnBomb, Return),
            (Return, ReturnBomb),
            (ReturnBomb, Throw),
            (Throw, ReturnBomb),
        ],
        Fault::Payload => &[
            (ThrowBomb, Return),
            (Return, ThrowBomb),
            (ThrowBomb, ThrowBomb),
        ],
        _ => &[(Throw, Return), (Return, Throw), (Throw, Throw)],
    }
}

pub(crate) fn run(place: &Place<'_>, stage: &Arc<Stage>) {
    stage.go.open();
    for &(a, b) in pairs(stage.case.fault) {
        let (a, b) = (stage.body(a), stage.body(b));
        stage.catch(|| {
            let first = || {
                stage.moment();
                a()
            };
            let (a, b) = place.join(first, b);
            stage.receive(Ok(a));
            stage.receive(Ok(b));
        });
    }
    stage.catch(|| {
        let (left, right) = (0..TASKS / 2, TASKS / 2..TASKS);
        let (left, right) = place.join(|| tree(stage, left), || tree(stage, right));
        for item in left.into_iter().chain(right) {
            stage.receive(Ok(item));
        }
    });
}

/// The tasks of a case as leaves of a tree of joins. There is one at fault in each half, so that what a join has in hand
/// is never two bombs, which would be too many for the vector that they are in.
fn tree(stage: &Arc<Stage>, tasks: Range<usize>) -> Vec<Item> {
    if tasks.len() == 1 {
        // For other threads to come and help.
        (0..10).for_each(|_| thread::yield_now());
        return vec![stage.task(tasks.start)()];
    }
    let middle = tasks.start + tasks.len() / 2;
    let (left, right) = (tasks.start..middle, middle..tasks.end);
    let (mut left, right) = windrow::join(|| tree(stage, left), || tree(stage, right));
    left.extend(right);
    left
}

pub(crate) fn expected(case: Case) -> Expected {
    let caught = match case.fault {
        // Each of the pairs; then one or both of those in the tree.
        Fault::Result => [vec!["blast"; 2 + AT_FAULT.len()], vec!["payload"; 2]].concat(),
        _ => vec!["payload"; 3 + 1],
    };
    Expected {
        caught,
        all_run: true,
        ..Expected::default()
    }
}
