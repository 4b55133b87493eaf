//! Sorts records by a key, on all cores.
//!
//! ```text
//! cargo run --release --example sort -- --compare
//! cargo run --release --example sort -- --compare --unstable --records 10000000
//! ```
//!
//! `par_sort_by_key` is stable, as the standard library's `sort_by_key`: records of equal keys stay in the
//! order in which they were. It needs memory for a copy. `par_sort_unstable_by_key` sorts in place and
//! is faster, but may exchange equal records; so with `--unstable` the whole record is the key.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, value_parser};
use windrow::ThreadPool;
use windrow::prelude::*;

/// Prints a line, unless the reader has gone, as in `| head`.
macro_rules! say {
    ($($line:tt)*) => { drop(writeln!(io::stdout(), $($line)*)) };
}

/// Sort records by a key
#[derive(Parser)]
#[command(name = "sort")]
struct Cli {
    /// Number of records, 1 to 500000000
    #[arg(short = 'n', long, value_name = "N", default_value_t = 8_000_000)]
    #[arg(value_parser = value_parser!(u32).range(1..=500_000_000))]
    records: u32,
    /// Number of different keys, at least 1
    #[arg(short, long, value_name = "N", default_value_t = 1_000_000)]
    #[arg(value_parser = value_parser!(u32).range(1..))]
    keys: u32,
    /// Sort in place, by the whole record
    #[arg(short, long)]
    unstable: bool,
    /// Number of threads, 1 to 1024 [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Also sort on one thread, check that the orders are equal, and print both times
    #[arg(short, long)]
    compare: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    key: u32,
    /// Where it was at first.
    place: u32,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(io::stderr(), "error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), String> {
    let mut pool = ThreadPool::builder();
    if let Some(threads) = cli.threads {
        pool = pool.num_threads(threads.into());
    }
    let pool = pool.build().map_err(|error| error.to_string())?;

    let mut records = shuffled(cli.records, cli.keys);
    let start = Instant::now();
    // On a worker: as many threads take part as the pool has.
    pool.install(|| sort(&mut records, cli.unstable));
    let seconds = start.elapsed().as_secs_f64();
    say!("{} records, {} keys", cli.records, cli.keys);
    say!("{seconds:.3} s on {} threads", pool.current_num_threads());
    // Sorted by the key, and by the first place among equals: so a stable sort leaves them, too.
    if !records.is_sorted() {
        return Err("the records are not sorted".to_owned());
    }

    if cli.compare {
        let mut alone = shuffled(cli.records, cli.keys);
        let start = Instant::now();
        sort_alone(&mut alone, cli.unstable);
        let one = start.elapsed().as_secs_f64();
        say!("{one:.3} s on one, speed-up: {:.2}", one / seconds);
        if alone != records {
            return Err("the orders differ".to_owned());
        }
        say!("equal orders: true");
    }
    Ok(())
}

fn sort(records: &mut [Record], unstable: bool) {
    if unstable {
        records.par_sort_unstable();
    } else {
        records.par_sort_by_key(|record| record.key);
    }
}

/// The same on one thread.
fn sort_alone(records: &mut [Record], unstable: bool) {
    if unstable {
        records.sort_unstable();
    } else {
        records.sort_by_key(|record| record.key);
    }
}

/// Records with random keys, the same in each run. Each key is computed from its place alone, so this can
/// be a parallel loop as well.
fn shuffled(records: u32, keys: u32) -> Vec<Record> {
    let record = |place: u32| {
        let mut n = u64::from(place) + 1;
        for _ in 0..3 {
            n = (n ^ (n >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        let key = ((n >> 32) % u64::from(keys)) as u32;
        Record { key, place }
    };
    (0..records).into_par_iter().map(record).collect()
}

#[test]
fn records_are_sorted_and_none_is_lost() {
    for (records, keys) in [(1, 1), (1000, 1), (50_000, 100), (50_000, u32::MAX)] {
        let mut alone = shuffled(records, keys);
        sort_alone(&mut alone, false);
        for (threads, unstable) in [(1, false), (2, true), (2, false), (8, true), (8, false)] {
            let mut sorted = shuffled(records, keys);
            let pool = ThreadPool::new(threads).unwrap();
            pool.install(|| sort(&mut sorted, unstable));
            assert!(sorted == alone, "{records} records on {threads} threads");
        }
    }
}
