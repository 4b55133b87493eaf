//! Checks many inputs at once, with three ways to deal with errors.
//!
//! ```text
//! cargo run --release --example error_group
//! ```
//!
//! The inputs are IP addresses, and a check takes some time, as if it asked somebody. A group that fails
//! fast ends with the first error; another one finds all of them; and `join_next` gives the results as
//! they come, so that the caller decides when it is enough.

use std::io::{self, Write};
use std::net::{AddrParseError, IpAddr};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use thiserror::Error;
use windrow::{BuildError, Cancelled, TaskContext, TaskError, TaskGroup, ThreadPool};

/// Prints a line, unless the reader has gone, as in `| head`.
macro_rules! say {
    ($($line:tt)*) => { drop(writeln!(io::stdout(), $($line)*)) };
}

/// The fifth in each line is wrong.
const ADDRESSES: &str = "192.0.2.1 192.0.2.77 2001:db8::1 192.0.2.254 2001:db8:::2
    198.51.100.9 198.51.100.10 2001:db8::a1 198.51.100.17 198.51.100.256
    203.0.113.1 203.0.113.2 203.0.113.3 2001:db8::c0de 203.0.113
    ::1 127.0.0.1 ::ffff:192.0.2.5 0.0.0.0 255.255.255.O";

/// Check addresses at once: up to the first error, for all errors, and up to the second one
#[derive(Parser)]
#[command(name = "error_group")]
struct Cli {
    /// The addresses to check, IPv4 or IPv6 [default: 20 of them, 4 of which are wrong]
    addresses: Vec<String>,
}

/// Why a check has not come to a good end.
#[derive(Debug, Error)]
enum Fault {
    #[error("{0}: {1}")]
    Wrong(String, AddrParseError),
    #[error(transparent)]
    Stopped(#[from] Cancelled),
}

fn main() -> Result<(), BuildError> {
    let mut addresses = Cli::parse().addresses;
    if addresses.is_empty() {
        addresses = ADDRESSES.split_whitespace().map(str::to_owned).collect();
    }
    let pool = ThreadPool::new(4)?;
    let (start, count) = (Instant::now(), addresses.len());
    say!("{count} addresses to check, 4 workers, 0.1 s for each check");

    say!("\nUp to the first error: fail_fast and wait");
    match fill(pool.group().fail_fast(true), &addresses).wait() {
        Ok(_) => say!("  all are right"),
        Err(error) => say!("  {error}"),
    }
    let (cancelled, time) = (pool.stats().cancelled, start.elapsed());
    say!("{cancelled} of {count} were cancelled before they started; {time:.1?}");

    say!("\nAll errors: wait_all");
    let start = Instant::now();
    let results = fill(pool.group(), &addresses).wait_all();
    let errors = results.iter().filter_map(|result| result.as_ref().err());
    let wrong = errors.map(|error| say!("  {error}")).count();
    say!("{wrong} of {count} are wrong; {:.1?}", start.elapsed());

    say!("\nTwo at a time, up to the second error: max_concurrent, join_next and cancel");
    let start = Instant::now();
    let mut group = fill(pool.group().max_concurrent(2), &addresses);
    let (mut wrong, mut stopped, mut cancelled) = (0, 0, 0);
    while let Some((index, result)) = group.join_next() {
        match result {
            Ok(()) => {}
            Err(TaskError::Failed(Fault::Stopped(_))) => stopped += 1,
            Err(error) if error.is_cancelled() => cancelled += 1,
            Err(error) => {
                wrong += 1;
                say!(
                    "  after {:.1?}, number {}: {error}",
                    start.elapsed(),
                    index + 1
                );
            }
        }
        if wrong == 2 {
            group.cancel();
        }
    }
    say!(
        "{cancelled} of {count} were cancelled before they started, {stopped} at work; {:.1?}",
        start.elapsed()
    );
    Ok(())
}

/// Has the group check them all.
fn fill(group: TaskGroup<(), Fault>, addresses: &[String]) -> TaskGroup<(), Fault> {
    for address in addresses {
        let address = address.clone();
        group.spawn_with(move |cx| check(&address, cx));
    }
    group
}

/// Checks an address, slowly, unless it is told to stop.
fn check(address: &str, cx: &TaskContext<'_>) -> Result<(), Fault> {
    for _ in 0..10 {
        cx.check()?;
        thread::sleep(Duration::from_millis(10));
    }
    match address.parse::<IpAddr>() {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::Wrong(address.to_owned(), error)),
    }
}
