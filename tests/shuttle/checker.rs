//! Runs one program in its share of the schedules, or in one that has failed before.

use std::time::Instant;

use shuttle::scheduler::{
    PctScheduler, RandomScheduler, ReplayScheduler, Scheduler,
    UncontrolledNondeterminismCheckScheduler,
};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};

use crate::support::run_and_leave_nothing;

/// What is run without a word about it.
const SCHEDULES: usize = 100_000;

/// One schedule in so many is run twice, to see that it is the same again.
const REPEATED: usize = 100;

/// How many changes of priorities there are in a schedule, plus one.
const DEPTH: usize = 3;

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    config.max_steps = MaxSteps::FailAfter(100_000);
    config.silence_warnings = true;
    config.failure_persistence = FailurePersistence::File(Some(env!("CARGO_TARGET_TMPDIR").into()));
    config
}

fn run(scheduler: impl Scheduler + 'static, program: fn()) -> usize {
    Runner::new(scheduler, config()).run(move || run_and_leave_nothing(program))
}

pub(crate) fn check(name: &str, program: fn()) {
    if let Ok(file) = std::env::var("SHUTTLE_REPLAY") {
        let mut schedule = ReplayScheduler::new_from_file(file).expect("a file with a schedule");
        // Whoever unwinds after the failure goes on for a while.
        schedule.set_allow_incomplete();
        run(schedule, program);
        return;
    }
    let all = match std::env::var("SHUTTLE_SCHEDULES") {
        Ok(number) => number.parse().expect("a number of schedules"),
        Err(_) => SCHEDULES,
    };
    let half = all / crate::PROGRAMS / 2 + 1;
    let start = Instant::now();
    let repeated = RandomScheduler::new(half / REPEATED + 1);
    run(
        UncontrolledNondeterminismCheckScheduler::new(repeated),
        program,
    );
    let ran =
        run(RandomScheduler::new(half), program) + run(PctScheduler::new(DEPTH, half), program);
    let rate = ran as f64 / start.elapsed().as_secs_f64();
    println!("{name}: {ran} schedules, {rate:.0} a second");
}
