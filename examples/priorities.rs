//! How long tasks wait for a worker, by level, in a pool that is never out of work.
//!
//! ```text
//! cargo run --release --example priorities
//! ```
//!
//! The same load runs twice: a flood that always has 200 tasks queued, some background tasks behind it,
//! and now and then an urgent one. At first each of the three has a level of its own, then they have
//! none. The times are from the tasks' reports. What is still queued at the end of a run is taken back
//! with `shutdown_now`.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, value_parser};
use windrow::{BuildError, Priority, ThreadPool};

/// Prints a line, unless the reader has gone, as in `| head`.
macro_rules! say {
    ($($line:tt)*) => { drop(writeln!(io::stdout(), $($line)*)) };
}

/// How long a task works.
const WORK: Duration = Duration::from_micros(200);
/// What comes, at which level, and how many of them are queued at any time.
const LOAD: [(&str, Priority, usize); 3] = [
    ("urgent", Priority::High, 1),
    ("flood", Priority::Normal, 200),
    ("background", Priority::Low, 10),
];

/// Show how long tasks of each level wait in a pool that is never out of work
#[derive(Parser)]
#[command(name = "priorities")]
struct Cli {
    /// Number of worker threads, 1 to 64
    #[arg(short, long, value_name = "N", default_value_t = 2)]
    #[arg(value_parser = value_parser!(u16).range(1..=64))]
    threads: u16,
    /// How long each of the two runs takes, in seconds, 1 to 60
    #[arg(short, long, value_name = "S", default_value_t = 2)]
    #[arg(value_parser = value_parser!(u64).range(1..=60))]
    seconds: u64,
}

/// The tasks of a kind: how many are queued, and how long those waited that have run.
#[derive(Default)]
struct Kind {
    queued: AtomicUsize,
    waits: Mutex<Vec<Duration>>,
}

fn main() -> Result<(), BuildError> {
    let cli = Cli::parse();
    say!("How long tasks waited for a worker, in milliseconds; `queued` is how");
    say!("many of them still did so at the end.");
    for levels in [true, false] {
        say!("{}", if levels { "\nwith levels" } else { "\nwithout" });
        say!("level   task          ran     mean      p50      p99      max  queued");
        for ((name, level, _), kind) in LOAD.into_iter().zip(run(&cli, levels)?) {
            let level = format!("{:?}", if levels { level } else { Priority::Normal });
            let mut waits = kind.waits.lock().unwrap();
            waits.sort_unstable();
            let (ran, left) = (waits.len(), kind.queued.load(Relaxed));
            let mean = waits.iter().sum::<Duration>() / ran.max(1) as u32;
            let [p50, p99, max] = [0.5, 0.99, 1.0].map(|share| quantile(&waits, share));
            let times = [mean, p50, p99, max].map(|t| format!("{:9.2}", t.as_secs_f64() * 1e3));
            say!("{level:<7} {name:<10} {ran:>6}{}{left:>8}", times.concat());
        }
    }
    say!("\nWith levels, the urgent tasks pass the flood, and the background is not");
    say!("starved: it gets one pick in 64.");
    Ok(())
}

/// Keeps a pool busy for a while.
fn run(cli: &Cli, levels: bool) -> Result<[Arc<Kind>; 3], BuildError> {
    let pool = ThreadPool::new(cli.threads.into())?;
    let kinds = LOAD.map(|_| Arc::new(Kind::default()));
    let end = Instant::now() + Duration::from_secs(cli.seconds);
    while Instant::now() < end {
        for ((name, level, target), kind) in LOAD.into_iter().zip(&kinds) {
            for _ in kind.queued.load(Relaxed)..target {
                let level = if levels { level } else { Priority::Normal };
                let (here, there) = (Arc::clone(kind), Arc::clone(kind));
                let task = pool.task().name(name).priority(level);
                let task = task.on_complete(move |report| {
                    // Those that were taken back have a report as well.
                    if report.started_at.is_some() {
                        there.waits.lock().unwrap().push(report.queue_time);
                    }
                });
                kind.queued.fetch_add(1, Relaxed);
                drop(task.spawn(move || {
                    here.queued.fetch_sub(1, Relaxed);
                    let start = Instant::now();
                    while start.elapsed() < WORK {}
                }));
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
    drop(pool.shutdown_now());
    pool.shutdown();
    Ok(kinds)
}

/// What a share of the sorted times does not exceed.
fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or_default()
}

#[test]
fn a_quantile_is_one_of_the_times() {
    let times = [1, 2, 3, 4].map(Duration::from_secs);
    let found = [0.0, 0.5, 0.51, 1.0].map(|share| quantile(&times, share).as_secs());
    assert_eq!((found, quantile(&[], 0.5)), ([1, 2, 3, 4], Duration::ZERO));
}
