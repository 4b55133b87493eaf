//! The matrix of faults: what may panic, times where, times what becomes of the handles, times what happens to the pool
//! meanwhile, times the number of workers. Each case has a process and a minute of its own, so that one that hangs or
//! aborts is one that fails.
//!
//! In each, every closure and result is dropped exactly once (or never, if it was forgotten), every panic comes out where
//! the documentation says, a pool that runs is as good as before, and the pool ends.
//!
//! | file | one idea |
//! |---|---|
//! | `case` | the matrix, and which combinations mean nothing |
//! | `counting` | items that count their drops, and may panic there |
//! | `stage` | the pool of a case, its tasks, its end |
//! | `place` | the same calls from outside and from inside of the pool |
//! | `spawn`, `scope`, `join`, `group`, `gather`, `loops` | how each is used, and what is to come of it |
//! | `forgotten` | what else may be forgotten |
//! | `runner` | processes |

#[path = "it/alone.rs"]
#[allow(dead_code, reason = "other binaries use the rest")]
mod alone;
#[path = "it/support.rs"]
#[allow(dead_code, reason = "other binaries use the rest")]
mod support;
#[path = "it/watchdog.rs"]
#[allow(dead_code, reason = "other binaries use the rest")]
mod watchdog;

#[path = "faults/case.rs"]
mod case;
#[path = "faults/counting.rs"]
mod counting;
#[path = "faults/forgotten.rs"]
mod forgotten;
#[path = "faults/gather.rs"]
mod gather;
#[path = "faults/group.rs"]
mod group;
#[path = "faults/join.rs"]
mod join;
#[path = "faults/loops.rs"]
mod loops;
#[path = "faults/place.rs"]
mod place;
#[path = "faults/runner.rs"]
mod runner;
#[path = "faults/scope.rs"]
mod scope;
#[path = "faults/spawn.rs"]
mod spawn;
#[path = "faults/stage.rs"]
mod stage;

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Mutex;

use case::{Case, Construct};

/// How often a case is played in its process: what threads do in between is not always the same.
const ROUNDS: usize = 10;

/// What was said of each panic in this process: most of them are meant.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[test]
fn every_fault_ends_as_documented() {
    let matrix = case::all()
        .into_iter()
        .filter(|&case| case::applies(case).is_ok());
    let mut cases: Vec<(String, Box<dyn Fn() + Send>)> = matrix
        .map(|case| (case.name(), Box::new(move || play(case)) as _))
        .collect();
    cases.extend(forgotten::all());
    let Some(own) = alone::own_case() else {
        let names: Vec<String> = cases.into_iter().map(|(name, _)| name).collect();
        return runner::run_all("every_fault_ends_as_documented", &names);
    };
    let found = cases.into_iter().find(|(name, _)| *name == own);
    let (name, case) = found.expect("there is a case of this name");
    set_hook(Box::new(|panic| {
        PANICS.lock().unwrap().push(panic.to_string())
    }));
    let outcome = catch_unwind(AssertUnwindSafe(|| watchdog::watched_as(name, case)));
    drop(take_hook());
    if let Err(failure) = outcome {
        println!("{}", PANICS.lock().unwrap().join("\n"));
        panic!("{}", support::text(&*failure));
    }
}

fn play(case: Case) {
    let (construct, expected): (stage::Use, fn(Case) -> _) = match case.construct {
        Construct::Spawn => (spawn::run, spawn::expected),
        Construct::Scope => (scope::run, scope::expected),
        Construct::Join => (join::run, join::expected),
        Construct::Group => (group::run, group::expected),
        Construct::Gather => (gather::run, gather::expected),
        Construct::Loop => (loops::run, loops::expected),
    };
    for _ in 0..ROUNDS {
        stage::play(case, construct, &expected(case));
    }
}
