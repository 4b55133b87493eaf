//! A pool that grows and shrinks with its load.
//!
//! ```text
//! cargo run --release --example autoscale
//! ```
//!
//! Tasks come in waves. They do not compute, but wait, as for a disk or a network: that is when more
//! workers than processors make sense. The autoscaler looks ten times a second; it grows the pool to what
//! is needed at once, and shrinks it by one worker at a time.

use std::f64::consts::TAU;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, value_parser};
use windrow::{Autoscaler, ThreadPool};

/// Prints a line, unless the reader has gone, as in `| head`.
macro_rules! say {
    ($($line:tt)*) => { drop(writeln!(io::stdout(), $($line)*)) };
}

/// How long a task takes.
const TASK: Duration = Duration::from_millis(30);
/// Tasks come once a tick.
const TICK: Duration = Duration::from_millis(20);
/// So many ticks are a line of output, and so many are a wave.
const LINE: u32 = 8;
const WAVE: u32 = 100;

/// Watch the size of a pool follow waves of load
#[derive(Parser)]
#[command(name = "autoscale")]
struct Cli {
    /// Number of waves, of 2 s each, 1 to 30
    #[arg(short, long, value_name = "N", default_value_t = 2)]
    #[arg(value_parser = value_parser!(u32).range(1..=30))]
    waves: u32,
    /// The most workers that the pool may have, 1 to 40
    #[arg(short, long, value_name = "N", default_value_t = 16)]
    #[arg(value_parser = value_parser!(u16).range(1..=40))]
    max: u16,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cli = Cli::parse();
    let max = usize::from(cli.max);
    let pool = ThreadPool::new(1)?;
    let interval = Duration::from_millis(100);
    let scaler = Autoscaler::new(1..=max)?
        .interval(interval)
        .queued_per_worker(2)
        .start(&pool)?;

    say!("The number of workers (# busy, . idle) follows the tasks that come.\n");
    say!("  time  came  queued  running  workers");
    let start = Instant::now();
    let (mut came, mut sizes) = (0, Vec::new());
    let (load, calm) = (cli.waves * WAVE, WAVE / 2);
    for tick in 0..load + calm {
        let phase = f64::from(tick.min(load) % WAVE) / f64::from(WAVE);
        // From nothing to a little more than all the workers can do.
        let wanted = (1.0 - (TAU * phase).cos()) * 0.55 * max as f64;
        for _ in 0..(wanted * TICK.div_duration_f64(TASK)).round() as usize {
            drop(pool.task().spawn(|| thread::sleep(TASK)));
            came += 1;
        }
        thread::sleep((start + TICK * (tick + 1)).saturating_duration_since(Instant::now()));
        let stats = pool.stats();
        sizes.push(stats.workers);
        if tick % LINE == LINE - 1 {
            let (time, queued) = (start.elapsed().as_secs_f64(), stats.queued_total());
            let (workers, running) = (stats.workers, stats.running as usize);
            let bar =
                "#".repeat(running.min(workers)) + &".".repeat(workers.saturating_sub(running));
            say!("{time:4.1} s {came:5} {queued:7} {running:8} {workers:8}  {bar}");
            came = 0;
        }
    }
    drop(scaler);
    pool.wait_idle();

    let waits = pool.stats().queue_times;
    let mean = sizes.iter().sum::<usize>() as f64 / sizes.len() as f64;
    say!(
        "\n{} tasks, queued for {:.1?} on average and {:.1?} at most.",
        waits.count(),
        waits.mean(),
        waits.max()
    );
    say!("The pool had {mean:.1} workers on average, of {max} at most.");
    Ok(())
}
