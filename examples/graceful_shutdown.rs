//! Ends a busy pool in two steps: Ctrl-C finishes what was accepted, a second Ctrl-C stops now.
//!
//! ```text
//! cargo run --release --example graceful_shutdown
//! ```
//!
//! `shutdown_timeout` in a loop is a shutdown that shows its progress. `shutdown_now` hands back the
//! tasks that have not started, and tells the others to stop; they ask their context in between steps.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use clap::{Parser, value_parser};
use indicatif::{ProgressBar, ProgressStyle};
use windrow::{TaskContext, ThreadPool};

/// The steps of a task.
const STEPS: u32 = 8;
/// How long a step takes; and after so much time comes the next task.
const STEP: Duration = Duration::from_millis(50);
/// How often there was a Ctrl-C.
static SIGNALS: AtomicUsize = AtomicUsize::new(0);

/// Run a stream of tasks that Ctrl-C ends: once to finish what was accepted, twice to stop now
#[derive(Parser)]
#[command(name = "graceful_shutdown")]
#[command(after_help = "Exit status: 0 all done or drained, 2 bad arguments, 130 stopped.")]
struct Cli {
    /// Number of tasks, 1 to 9999: one comes every 50 ms, and takes 400 ms
    #[arg(default_value_t = 60, value_parser = value_parser!(u16).range(1..=9999))]
    tasks: u16,
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let cli = Cli::parse();
    let pool = ThreadPool::new(4)?;
    let style = ProgressStyle::with_template("[{wide_bar}] {pos} of {len}, {msg}")?;
    let bar = ProgressBar::new(0).with_style(style);
    say(
        &bar,
        "Ctrl-C finishes what was accepted, a second one stops now.",
    );
    let asked = bar.clone();
    ctrlc::set_handler(move || {
        if SIGNALS.fetch_add(1, Relaxed) == 0 {
            say(
                &asked,
                "Ctrl-C: finishing what was accepted, and nothing else",
            );
        }
    })?;

    let mut handles = Vec::new();
    for n in 1..=cli.tasks {
        let progress = bar.clone();
        let task = pool.task().name(format!("job-{n:02}"));
        // One that was taken back has had no attempt.
        let task = task.on_complete(move |report| progress.inc(report.attempts.into()));
        handles.push(task.spawn_with(work));
        bar.inc_length(1);
        bar.set_message(format!("{} queued", pool.stats().queued_total()));
        thread::sleep(STEP);
        if SIGNALS.load(Relaxed) > 0 {
            break;
        }
    }

    let mut stopped = false;
    while let Err(left) = pool.shutdown_timeout(STEP * 4) {
        let state = format!("{} queued, {} running", left.queued, left.running);
        if SIGNALS.load(Relaxed) > 1 && !stopped {
            stopped = true;
            let mut unstarted = pool.shutdown_now();
            unstarted.sort_by_key(|task| task.id());
            let names: Vec<_> = unstarted.iter().filter_map(|task| task.name()).collect();
            let names = if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(" ")
            };
            say(
                &bar,
                format!("Ctrl-C again, with {state}; not run: {names}"),
            );
        } else if bar.is_hidden() {
            say(&bar, format!("draining: {state}"));
        }
        bar.set_message(state);
    }
    bar.finish_and_clear();

    let (accepted, mut done, mut cut) = (handles.len(), 0, 0);
    for result in windrow::join_all(handles) {
        done += usize::from(matches!(result, Ok(Ok(()))));
        cut += usize::from(matches!(result, Ok(Err(_))));
    }
    let (unrun, unsent) = (accepted - done - cut, usize::from(cli.tasks) - accepted);
    say(
        &bar,
        format!("{done:5} done\n{cut:5} told to stop, and did"),
    );
    say(
        &bar,
        format!("{unrun:5} accepted, not run\n{unsent:5} not submitted"),
    );
    Ok(ExitCode::from(if stopped { 130 } else { 0 }))
}

/// Works, unless it is told to stop; then the error is the step that it has come to.
fn work(cx: &TaskContext<'_>) -> Result<(), u32> {
    for step in 0..STEPS {
        cx.check().map_err(|_| step)?;
        thread::sleep(STEP);
    }
    Ok(())
}

/// Prints a line above the bar, unless the reader has gone.
fn say(bar: &ProgressBar, line: impl Display) {
    bar.suspend(|| drop(writeln!(io::stdout(), "{line}")));
}
