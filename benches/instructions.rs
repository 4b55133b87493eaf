//! How many instructions an operation takes on one worker, counted by callgrind, and guarded.
//!
//! ```sh
//! cargo bench --profile counts --bench instructions               # counts, compares with benches/instructions.txt
//! cargo bench --profile counts --bench instructions -- --record   # counts, and writes that file
//! cargo bench --profile counts --bench instructions -- run join 22     # does it, to be looked at by other tools
//! ```
//!
//! The first fails if a count is off by more than 1 %, either way: what has become cheaper should be recorded. Counts
//! belong to a compiler and an architecture; elsewhere they are shown, and nothing fails. Without valgrind nothing can
//! be counted, and it says so.
//!
//! The count for one operation is the difference between two sizes, divided by the difference in
//! operations, so that starting up does not count. Nothing here may depend on the clock: a loop has one chunk.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};
use windrow::ThreadPool;
use windrow::prelude::*;

/// What is counted (it says how often it was done), and two sizes for it.
type Operation = (&'static str, fn(u32) -> u64, [u32; 2]);

const OPERATIONS: [Operation; 7] = [
    ("join (fib)", fib_joins, [17, 24]),
    ("the call instead (fib)", sequential_calls, [17, 24]),
    ("spawn, join the handle", spawn, [2_000, 12_000]),
    ("a task in a scope", scope, [2_000, 12_000]),
    ("a task with a name", task, [2_000, 12_000]),
    ("scatter, gather", scatter, [2_000, 12_000]),
    ("a loop of 16 items", loops, [2_000, 12_000]),
];

/// How far a count may be off.
const TOLERANCE: f64 = 0.01;

fn fib_joins(n: u32) -> u64 {
    fn fib(n: u32) -> (u64, u64) {
        if n < 2 {
            return (u64::from(n), 0);
        }
        let ((a, i), (b, j)) = windrow::join(|| fib(n - 1), || fib(n - 2));
        (a + b, i + j + 1)
    }
    fib(black_box(n)).1
}

fn sequential_calls(n: u32) -> u64 {
    fn fib(n: u32) -> (u64, u64) {
        if n < 2 {
            return (u64::from(n), 0);
        }
        let ((a, i), (b, j)) = (fib(n - 1), fib(n - 2));
        (a + b, i + j + 1)
    }
    fib(black_box(n)).1
}

fn spawn(count: u32) -> u64 {
    let handles = (0..count).map(|i| windrow::spawn(move || u64::from(i)));
    let sum: u64 = handles.map(|handle| handle.join().unwrap_or(0)).sum();
    black_box(sum);
    u64::from(count)
}

fn scope(count: u32) -> u64 {
    windrow::scope(|s| {
        for i in 0..count {
            s.spawn(move || black_box(i));
        }
    });
    u64::from(count)
}

fn task(count: u32) -> u64 {
    for i in 0..count {
        let handle = windrow::task().name("counted").spawn(move || black_box(i));
        let _ = handle.join();
    }
    u64::from(count)
}

fn scatter(count: u32) -> u64 {
    let sum = windrow::gather(0_u64, |run| {
        for i in 0..count {
            run.scatter(move || u64::from(i), |sum, _, i| *sum += i);
        }
    });
    black_box(sum);
    u64::from(count)
}

fn loops(count: u32) -> u64 {
    for _ in 0..count {
        let items = black_box(0..16_u64).into_par_iter().with_min_len(16);
        black_box(items.sum::<u64>());
    }
    u64::from(count)
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let is_bench = args.iter().any(|arg| arg == "--bench");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let args: Vec<&str> = args.into_iter().filter(|arg| *arg != "--bench").collect();
    let result = match args[..] {
        [] if is_bench => guard(false),
        // Under `cargo test --all-targets`: does it still run?
        [] => OPERATIONS.iter().try_for_each(|(name, ..)| run(name, 5)),
        ["--record"] => guard(true),
        ["run", name, size] => match size.parse() {
            Ok(size) => run(name, size),
            Err(_) => Err(format!("`{size}` is not a size")),
        },
        _ => Err("usage: instructions [--record | run OPERATION SIZE]".to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("instructions: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Runs an operation, named by the begin of its name, and prints how often it has been done.
fn run(name: &str, size: u32) -> Result<(), String> {
    let (name, operation, _) = OPERATIONS
        .iter()
        .find(|(known, ..)| known.starts_with(name))
        .ok_or_else(|| format!("`{name}` is none of the operations"))?;
    let pool = ThreadPool::new(1).map_err(|error| error.to_string())?;
    println!("{name}: {} times", pool.install(|| operation(size)));
    Ok(())
}

/// Counts everything, and compares it with what is recorded, or records it.
fn guard(record: bool) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.txt");
    let here = format!("{}, {}", compiler(), std::env::consts::ARCH);
    let recorded = std::fs::read_to_string(&path).unwrap_or_default();
    let known = recorded.lines().any(|line| line == here);
    let mut text = format!("{here}\n");
    let mut off = Vec::new();
    println!("instructions on one worker, {here}\n");
    for (name, _, sizes) in &OPERATIONS {
        let Some(count) = count_one(name, *sizes)? else {
            println!("valgrind is not installed: nothing is counted");
            return Ok(());
        };
        let _ = writeln!(text, "{name}: {count:.2}");
        let before: Option<f64> = recorded
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: "))?.parse().ok());
        match before {
            Some(before) => {
                let change = count / before - 1.0;
                println!("{name:<24}{count:>10.2}   {:+.2} %", change * 100.0);
                if change.abs() > TOLERANCE {
                    off.push(*name);
                }
            }
            None => {
                println!("{name:<24}{count:>10.2}   not recorded");
                off.push(*name);
            }
        }
    }
    if record {
        return std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()));
    }
    if !known {
        println!("\nrecorded on another compiler or architecture: nothing is judged");
        return Ok(());
    }
    if off.is_empty() {
        return Ok(());
    }
    Err(format!(
        "off by more than {} %: {}. If that is meant: cargo bench --profile counts --bench instructions -- --record",
        TOLERANCE * 100.0,
        off.join("; ")
    ))
}

/// Instructions for one operation; `None` without valgrind.
fn count_one(name: &str, sizes: [u32; 2]) -> Result<Option<f64>, String> {
    let mut totals = [(0.0, 0.0); 2];
    for (total, size) in totals.iter_mut().zip(sizes) {
        match count(name, size)? {
            Some(counted) => *total = counted,
            None => return Ok(None),
        }
    }
    let [(few, times), (many, more_times)] = totals;
    Ok(Some((many - few) / (more_times - times)))
}

/// The instructions of a whole run, and how often it has done the operation.
fn count(name: &str, size: u32) -> Result<Option<(f64, f64)>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["run", name])
        .arg(size.to_string());
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("valgrind: {error}")),
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout);
    let instructions = said
        .lines()
        .find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    let times = printed
        .trim()
        .strip_suffix(" times")
        .and_then(|text| text.rsplit_once(' ')?.1.parse().ok());
    match (instructions, times) {
        (Some(instructions), Some(times)) => Ok(Some((instructions, times))),
        _ => Err(format!("callgrind has counted nothing:\n{said}")),
    }
}

fn compiler() -> String {
    let version = Command::new("rustc").arg("--version").output();
    version.map_or_else(
        |_| "unknown compiler".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
