//! Calls to a flaky service: retries with back-off, under a rate limit, each call with a deadline.
//!
//! ```text
//! cargo run --release --example retry_and_rate_limit
//! ```
//!
//! The service is simulated; the same seed gives the same answers. Each attempt needs a permit of the
//! rate limit. A call that waits, for a permit or for its next attempt, holds no worker: two are enough.

use std::error::Error;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, value_parser};
use indicatif::ProgressBar;
use windrow::{Advice, Backoff, RateLimit, Retry, ThreadPool};

/// Prints a line, unless the reader has gone, as in `| head`.
macro_rules! say {
    ($($line:tt)*) => { drop(writeln!(io::stdout(), $($line)*)) };
}

/// How many attempts a second, and how many at once after a rest.
const RATE: u32 = 12;
const BURST: u32 = 4;
/// How long a call may take, and how much of that a column of the chart is.
const TIMEOUT: Duration = Duration::from_millis(3000);
const COLUMN: Duration = Duration::from_millis(100);

/// Call a flaky service under a rate limit, and chart all attempts
#[derive(Parser)]
#[command(name = "retry_and_rate_limit")]
struct Cli {
    /// Number of calls, 1 to 99
    #[arg(short = 'n', long, value_name = "N", default_value_t = 24)]
    #[arg(value_parser = value_parser!(u32).range(1..=99))]
    calls: u32,
    /// Decides what the service answers
    #[arg(short, long, value_name = "N", default_value_t = 3)]
    seed: u32,
}

/// What the service says when it does not do what it is asked for.
enum Fault {
    Broken,
    Busy { retry_after: Duration },
    NotFound,
}

fn main() -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    let pool = ThreadPool::new(2)?;
    let limit = RateLimit::new(RATE, Duration::from_secs(1), BURST)?;
    let backoff = Backoff::exponential(Duration::from_millis(200), 2.0)?.jitter(0.3)?;
    let retry = Retry::attempts(4)?.backoff(backoff);
    // Which attempts there were: the call, the time, and a mark.
    let log = Arc::new(Mutex::new(Vec::new()));
    let bar = ProgressBar::new(cli.calls.into());
    let start = Instant::now();
    let submit = |call| {
        let (log, done) = (Arc::clone(&log), bar.clone());
        let task = pool.task().timeout(TIMEOUT).rate_limit(&limit);
        let task = task.on_complete(move |_| done.inc(1)).retry(retry.clone());
        let task = task.advice(|fault| match fault {
            Fault::Broken => Advice::Backoff,
            Fault::Busy { retry_after } => Advice::After(*retry_after),
            Fault::NotFound => Advice::Never,
        });
        task.spawn_with(move |cx| {
            let time = start.elapsed();
            let (answer, mark) = ask(cli.seed, call, cx.attempt());
            log.lock().unwrap().push((call, time, mark));
            answer
        })
    };
    let results = windrow::join_all((0..cli.calls).map(submit));
    bar.finish_and_clear();

    let mut log = log.lock().unwrap();
    log.sort_unstable_by_key(|(_, time, _)| *time);
    say!("+ done, x broken (again after the back-off), b busy (again after the time");
    say!("that it asked for), ? not found (never again)\n");
    say!("call  0 s       1 s       2 s       3 s");
    let mut done = 0;
    for (call, result) in (0..).zip(&results) {
        let end = match result {
            Ok(Ok(())) => "done",
            Ok(Err(Fault::NotFound)) => "gave up at once",
            Ok(Err(_)) => "gave up after 4",
            Err(error) if error.is_expired() => "deadline",
            Err(_) => "lost",
        };
        done += u32::from(end == "done");
        let mut line = [' '; 31];
        for (_, time, mark) in log.iter().filter(|(of, ..)| *of == call) {
            line[time.div_duration_f64(COLUMN).min(30.0) as usize] = *mark;
        }
        say!("{call:4}  {} {end}", String::from_iter(line));
    }
    let (calls, n) = (cli.calls, log.len());
    let took = log.last().map_or(0.0, |last| last.1.as_secs_f64());
    let rate = n.saturating_sub(BURST as usize) as f64 / took.max(1e-3);
    say!("\n{done} of {calls} calls done, with {n} attempts in {took:.1} s:");
    say!("{BURST} at once and then {rate:.1} a second (the limit is {RATE})");
    Ok(())
}

/// The service: what it answers, and a mark for that.
fn ask(seed: u32, call: u32, attempt: u32) -> (Result<(), Fault>, char) {
    thread::sleep(Duration::from_millis(15));
    let mix = u64::from(seed) << 32 | u64::from(call << 8 | attempt);
    let dice = mix.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let retry_after = Duration::from_millis(600);
    match dice % 10 {
        0..5 => (Ok(()), '+'),
        5..8 => (Err(Fault::Broken), 'x'),
        8 => (Err(Fault::Busy { retry_after }), 'b'),
        _ => (Err(Fault::NotFound), '?'),
    }
}
