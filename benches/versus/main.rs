//! windrow beside rayon, chili, threadpool, rusty_pool and orx-parallel: one process, interleaved
//! round by round.
//!
//! ```text
//! cargo bench --bench versus                              every row on 1, 2 and 64 threads
//! cargo bench --bench versus -- --rows 1,4 --threads 2    some rows, some pool sizes
//! cargo bench --bench versus -- --save                    and writes benches/RESULTS.md and its chart
//! cargo bench --bench versus -- --quick                   everything once, tiny: does it still run?
//! ```
//!
//! Every contestant of a row takes one sample a round, in an order that changes from round to round, so that a
//! slow minute of the machine meets all of them alike. A table shows the
//! smallest, the median and the largest of the samples. Ratios are ratios of medians: figures move
//! from machine to machine, ratios of one run much less. The targets are stated for two threads on
//! a machine with two cores. A missed target is a line of text; it never fails the run.
//!
//! The pools of all contestants live through the whole run and sleep while it is not their turn;
//! chili's heartbeat thread runs while there is a chili scope, so its scopes live for one sample.

mod args;
mod chart;
mod forkjoin;
mod idle;
mod latency;
mod loop_bodies;
mod loop_data;
mod loop_peers;
mod loops;
mod machine;
mod measure;
mod peers;
mod report;
mod saved;
mod scatter;
mod tasks;
mod verdict;

use std::process::ExitCode;

use args::{Command, Plan};
use measure::Table;
use peers::Pools;
use verdict::Verdict;

fn main() -> ExitCode {
    match Command::from_args(std::env::args().skip(1)) {
        Ok(Command::Run(plan)) => {
            report::heading(&plan);
            let (tables, verdicts) = run(&plan);
            report::summary(&verdicts, plan.quick);
            if plan.save {
                if let Err(error) = saved::save(&tables) {
                    eprintln!("versus: nothing saved: {error}");
                    return ExitCode::FAILURE;
                }
            }
            ExitCode::SUCCESS
        }
        Ok(Command::Help) => {
            print!("{}", args::USAGE);
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("versus: {message}\n\n{}", args::USAGE);
            ExitCode::from(2)
        }
    }
}

fn run(plan: &Plan) -> (Vec<Table>, Vec<Verdict>) {
    let mut verdicts = Vec::new();
    let mut tables = Vec::new();
    if plan.compares() {
        let pools: Vec<Pools> = plan.threads.iter().map(|&n| Pools::new(n)).collect();
        let mut rows: Vec<_> = forkjoin::rows(plan, &pools)
            .into_iter()
            .chain(tasks::rows(plan, &pools))
            .chain(latency::rows(plan, &pools))
            .chain(scatter::rows(plan, &pools))
            .chain(loops::rows(plan, &pools))
            .chain(loop_data::rows(plan, &pools))
            .filter(|row| plan.wants(row.number))
            .collect();
        rows.sort_by_key(|row| row.number);
        for row in rows {
            report::title(&row.key(), &row.title, row.unit, row.note);
            let table = row.measure(plan.rounds, plan.sizes.settle);
            let judged = verdict::judge(&table);
            report::table(&table);
            report::verdicts(&judged, plan.quick);
            verdicts.extend(judged);
            tables.push(table);
        }
    }
    // The pools are gone by now: nothing but windrow's own threads can be seen to wake up.
    if plan.wants(idle::NUMBER) {
        let judged = idle::measure(plan);
        report::verdicts(&judged, plan.quick);
        verdicts.extend(judged);
    }
    (tables, verdicts)
}
