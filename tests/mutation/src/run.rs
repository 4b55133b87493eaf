//! Runs the tests that reach a mutant, until one of them fails.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How many mutants are tried at a time: more than there are processors, since many tests wait.
fn width() -> usize {
    2 * thread::available_parallelism().map_or(1, usize::from)
}

struct Mutant {
    number: usize,
    line: String,
}

/// The tests that reach each mutant, the quickest first.
type Reach = BTreeMap<usize, Vec<(Duration, String)>>;

fn tests(binary: &str, prefixes: &[&str]) -> Result<Vec<String>, Box<dyn Error>> {
    let output = Command::new(binary).arg("--list").output()?;
    let output = String::from_utf8(output.stdout)?;
    let names = output
        .lines()
        .filter_map(|line| line.strip_suffix(": test"));
    let wanted = names.filter(|name| {
        let (without, with): (Vec<&str>, Vec<&str>) =
            prefixes.iter().partition(|prefix| prefix.starts_with('-'));
        !without.iter().any(|prefix| name.starts_with(&prefix[1..]))
            && (with.is_empty() || with.iter().any(|prefix| name.starts_with(prefix)))
    });
    Ok(wanted.map(str::to_owned).collect())
}

/// Waits for at most so long; whether it ended well.
fn ends_well(mut child: Child, limit: Duration) -> bool {
    let end = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(2)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

fn command(binary: &str, tests: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(["--exact", "--test-threads", "1"]).args(tests);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .env("RUST_BACKTRACE", "0");
    command
}

fn reach(binary: &str, names: Vec<String>, limit: Duration) -> Result<Reach, Box<dyn Error>> {
    let reach = Mutex::new(Reach::new());
    let next = AtomicUsize::new(0);
    thread::scope(|s| {
        for width in 0..width() {
            let (reach, next, names) = (&reach, &next, &names);
            s.spawn(move || {
                let file =
                    std::env::temp_dir().join(format!("reached-{}-{width}", std::process::id()));
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let _ = fs::remove_file(&file);
                    let start = Instant::now();
                    let child = command(binary, &[name])
                        .env("MUTANTS_REACHED", &file)
                        .spawn();
                    if !child.is_ok_and(|child| ends_well(child, limit)) {
                        eprintln!("fails without a mutant, and is left out: {name}");
                        continue;
                    }
                    let took = start.elapsed();
                    let reached = fs::read_to_string(&file).unwrap_or_default();
                    let numbers: BTreeSet<usize> =
                        reached.lines().filter_map(|n| n.parse().ok()).collect();
                    let mut reach = reach.lock().unwrap();
                    for number in numbers {
                        reach.entry(number).or_default().push((took, name.clone()));
                    }
                }
                let _ = fs::remove_file(&file);
            });
        }
    });
    let mut reach = reach.into_inner()?;
    reach.values_mut().for_each(|tests| tests.sort());
    Ok(reach)
}

/// Whether some test fails with it. Quick tests go first, in batches that grow.
fn is_caught(binary: &str, number: usize, tests: &[(Duration, String)], limit: Duration) -> bool {
    let mut rest = tests;
    let mut size = 4;
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(size.min(rest.len()));
        let usual: Duration = batch.iter().map(|(took, _)| *took).sum();
        let names: Vec<&str> = batch.iter().map(|(_, name)| name.as_str()).collect();
        let child = command(binary, &names)
            .env("MUTANT", number.to_string())
            .spawn();
        if !child.is_ok_and(|child| ends_well(child, limit + 4 * usual)) {
            return true;
        }
        rest = later;
        size *= 2;
    }
    false
}

pub fn run(
    list: &str,
    out: &str,
    seconds: u64,
    prefixes: &[&str],
    binary: &str,
) -> Result<(), Box<dyn Error>> {
    let limit = Duration::from_secs(seconds);
    let reach = reach(binary, tests(binary, prefixes)?, limit)?;
    let mut mutants = Vec::new();
    for line in fs::read_to_string(list)?.lines() {
        let number = line.split('\t').next().unwrap_or_default().parse()?;
        mutants.push(Mutant {
            number,
            line: line.to_owned(),
        });
    }
    let next = AtomicUsize::new(0);
    let survivors = Mutex::new(BTreeMap::new());
    thread::scope(|s| {
        for _ in 0..width() {
            s.spawn(|| {
                while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let tests = reach.get(&mutant.number).map_or(&[][..], Vec::as_slice);
                    if !is_caught(binary, mutant.number, tests, limit) {
                        let reached = if tests.is_empty() {
                            "not reached"
                        } else {
                            "survives"
                        };
                        println!("{reached}\t{}", mutant.line);
                        survivors
                            .lock()
                            .unwrap()
                            .insert(mutant.number, mutant.line.clone());
                    }
                }
            });
        }
    });
    let survivors = survivors.into_inner()?;
    println!("{} of {} survive", survivors.len(), mutants.len());
    let lines: String = survivors.into_values().map(|line| line + "\n").collect();
    fs::write(out, lines)?;
    Ok(())
}
