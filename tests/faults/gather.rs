//! Runs: everything that was scattered ends, then the first panic goes on.

use std::mem::forget;
use std::panic::panic_any;
use std::sync::Arc;

use windrow::{Combiner, Emit};

use crate::case::{Case, Fault, Handle};
use crate::counting::{Item, Kind, attempt};
use crate::place::Place;
use crate::stage::{AT_FAULT, Expected, Stage, TASKS};

/// What of a combiner is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Nothing,
    Factory,
    Combine,
    Flush,
    /// The drop of an instance.
    Instance,
    /// The drop of an instance that has to go as `combine` has panicked.
    CombineAndInstance,
    /// What gets the emissions.
    Handler,
}

const AT_FAULT_IN_TURN: [Part; 6] = [
    Part::Factory,
    Part::Combine,
    Part::Flush,
    Part::Instance,
    Part::CombineAndInstance,
    Part::Handler,
];

struct Touchy {
    stage: Arc<Stage>,
    part: Part,
    _owned: Item,
}

impl Touchy {
    fn new(stage: &Arc<Stage>, part: Part) -> Self {
        let owned = match part {
            Part::Instance | Part::CombineAndInstance => stage.book.bomb(Kind::Instance),
            _ => stage.book.item(Kind::Instance),
        };
        let touchy = Touchy {
            stage: Arc::clone(stage),
            part,
            _owned: owned,
        };
        touchy.fail_if(part == Part::Factory);
        touchy
    }

    fn fail_if(&self, at_fault: bool) {
        if at_fault {
            self.stage.moment();
            throw(&self.stage);
        }
    }
}

impl Combiner for Touchy {
    type Input = Item;
    type Output = Item;

    fn combine(&mut self, input: Item, emit: &mut Emit<'_, Item>) {
        self.fail_if(matches!(
            self.part,
            Part::Combine | Part::CombineAndInstance
        ));
        emit.emit(input);
    }

    fn flush(&mut self, _: &mut Emit<'_, Item>) {
        self.fail_if(self.part == Part::Flush);
    }
}

fn throw(stage: &Stage) {
    panic_any(stage.book.item(Kind::Payload));
}

pub(crate) fn run(place: &Place<'_>, stage: &Arc<Stage>) {
    stage.go.open();
    match stage.case.fault {
        Fault::Combiner => {
            for part in AT_FAULT_IN_TURN {
                stage.catch(|| pass(place, stage, part, false));
            }
        }
        Fault::Result => {
            stage.catch(|| pass(place, stage, Part::Nothing, false));
            // Results that no handler gets are dropped by the run, and it depends which those are.
            let before = stage.book.blasts();
            let blast = attempt(|| pass(place, stage, Part::Nothing, true)).err();
            let went_off = stage.book.blasts() > before;
            assert_eq!(blast.as_deref(), went_off.then_some("blast"));
        }
        _ => stage.catch(|| pass(place, stage, Part::Nothing, false)),
    }
}

/// A run, with tasks that have handlers or, where a combiner is at fault, scatter into it.
fn pass(place: &Place<'_>, stage: &Arc<Stage>, part: Part, cancels: bool) {
    place.gather(|run| {
        let (in_factory, owned) = (Arc::clone(stage), stage.book.item(Kind::Factory));
        let factory = move || {
            let _owned = &owned;
            Touchy::new(&in_factory, part)
        };
        let combiner = run.combiner(factory, move |(), _, item| {
            drop(item);
            if part == Part::Handler {
                throw(stage);
            }
        });
        let handle = run.handle();
        if stage.case.handle == Handle::Forgotten {
            // At once: what is scattered calls handlers, which may panic.
            forget((handle.clone(), combiner.clone()));
        }
        for index in 0..TASKS {
            if part != Part::Nothing {
                run.scatter_into(stage.task(index), &combiner);
                continue;
            }
            let owned = stage.book.item(Kind::Closure);
            run.scatter(stage.task(index), move |(), run, result| {
                owned.note_use();
                let at_fault = AT_FAULT.contains(&index);
                if at_fault && stage.case.fault == Fault::Gatherer {
                    throw(stage);
                }
                if cancels && !at_fault {
                    run.cancel();
                }
                drop(result);
            });
        }
        if stage.case.handle == Handle::Joined {
            let Ok(()) = run.gather_all();
            let stats = handle.stats();
            let back = stats.gathered + stats.panicked + stats.forfeited;
            assert_eq!(back, stats.scattered, "{stats:?}");
        }
    });
}

pub(crate) fn expected(case: Case) -> Expected {
    let mut passes = 1;
    let caught = match case.fault {
        Fault::Combiner => {
            passes = AT_FAULT_IN_TURN.len();
            [vec!["blast"], vec!["payload"; passes - 1]].concat()
        }
        Fault::Result => {
            passes = 2;
            vec!["blast"]
        }
        _ => vec!["payload"],
    };
    let mut expected = Expected {
        caught,
        ..Expected::default()
    };
    if case.handle == Handle::Forgotten {
        // The handle of a combiner shares its factory.
        expected.forgotten = vec![(Kind::Factory, passes)];
    }
    expected
}
