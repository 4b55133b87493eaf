//! Runs each case in a process of its own, two at a time, and says at the end which have failed.

use std::io::{Write, stderr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, thread};

use crate::{alone, case};

/// A part of the names of the cases that are to be run.
const FILTER: &str = "WINDROW_FAULTS";

const AT_A_TIME: usize = 2;

/// Where many cases fail, these take most of the time.
const NO_TRACES: [(&str, &str); 1] = [("RUST_BACKTRACE", "0")];

/// Runs the cases of these names in test function `test`.
pub(crate) fn run_all(test: &str, names: &[String]) {
    let filter = env::var(FILTER).unwrap_or_default();
    let names: Vec<&String> = names.iter().filter(|name| name.contains(&filter)).collect();
    assert!(!names.is_empty(), "no case has a name with {filter}");
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|threads| {
        for _ in 0..AT_A_TIME {
            threads.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(output) = alone::attempt(test, name, &NO_TRACES) {
                        failures.lock().unwrap().push((*name, output));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    for (name, output) in &failures {
        print!("\n--- {name}\n{output}");
    }
    // Not by a macro: what those print is not shown where a test passes.
    let _ = writeln!(stderr(), "\n{} cases were run. Left out:", names.len());
    for (reason, combinations) in case::left_out() {
        let _ = writeln!(stderr(), "    {combinations}: {reason}");
    }
    if failures.is_empty() {
        return;
    }
    println!("\nfailed; run one again with the command behind it:");
    for (name, _) in &failures {
        println!(
            "    {}={name} cargo test --test faults -- --nocapture",
            alone::CASE
        );
    }
    panic!("{} of {} cases failed", failures.len(), names.len());
}
