//! Finds equal files in three stages: read, hash, group.
//!
//! ```text
//! cargo run --release --example pipeline
//! ```
//!
//! Each stage has a limit of its own, since one waits for a disk and the other computes. A task of the
//! first stage reads a file; its handler scatters a task of the second, behind the second limiter; and what
//! that returns goes into a combiner, which groups the files by their hash where it was computed. So all
//! stages are at work at once, and no stage has a thread to itself. The first file that cannot be read ends
//! the run.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, value_parser};
use windrow::{Limiter, ThreadPool, combine};

/// Prints a line, unless the reader has gone, as in `| head`.
macro_rules! say {
    ($($line:tt)*) => { drop(writeln!(io::stdout(), $($line)*)) };
}

/// How many files are made, how many of them differ, and how long they are.
const FILES: usize = 60;
const CONTENTS: usize = 56;
const BYTES: usize = 256 << 10;
/// How often a file is hashed, so that it takes as long as a slow hash would.
const ROUNDS: u32 = 10;
/// How long a file takes to read at least, as if the disk were slow.
const LATENCY: Duration = Duration::from_millis(20);

/// Find equal files: read-limited, then compute-limited, then grouped
#[derive(Parser)]
#[command(name = "pipeline")]
#[command(after_help = "Exit status: 0 done, 1 a file could not be read, 2 bad arguments.")]
struct Cli {
    /// The files [default: 60 that are made for this, some of them equal]
    files: Vec<PathBuf>,
    /// How many files to read at a time, 1 to 64
    #[arg(short, long, value_name = "N", default_value_t = 4)]
    #[arg(value_parser = value_parser!(u8).range(1..=64))]
    readers: u8,
    /// How many files to hash at a time, 1 to 64
    #[arg(short = 'x', long, value_name = "N", default_value_t = 2)]
    #[arg(value_parser = value_parser!(u8).range(1..=64))]
    hashers: u8,
}

/// What has been seen of a stage.
#[derive(Default)]
struct Gauge {
    running: AtomicUsize,
    most: AtomicUsize,
    micros: AtomicU64,
}

impl Gauge {
    fn watch<T>(&self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let running = self.running.fetch_add(1, Relaxed) + 1;
        self.most.fetch_max(running, Relaxed);
        let result = work();
        self.running.fetch_sub(1, Relaxed);
        let micros = start.elapsed().as_micros() as u64;
        self.micros.fetch_add(micros, Relaxed);
        result
    }

    /// Prints a line, and gives back the time of all tasks.
    fn print(&self, name: &str, limiter: &Limiter) -> Duration {
        let (limit, most) = (limiter.limit(), self.most.load(Relaxed));
        let time = Duration::from_micros(self.micros.load(Relaxed));
        say!("{name}: {limit:?}, at most {most} at a time, {time:.2?} in all");
        time
    }
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    let made = tempfile::tempdir()?;
    if cli.files.is_empty() {
        cli.files = make_files(made.path())?;
    }
    let readers = Limiter::new(usize::from(cli.readers));
    let hashers = &Limiter::new(usize::from(cli.hashers));
    let (read, hash) = (&Gauge::default(), &Gauge::default());
    let pool = ThreadPool::new(usize::from(cli.readers + cli.hashers))?;
    let start = Instant::now();
    let groups = pool.gather(HashMap::new(), |run| {
        let by_hash = run.combiner(
            combine::group_by(|&(hash, _): &(u64, &Path)| hash),
            |groups: &mut HashMap<_, Vec<_>>, _, (hash, files)| {
                let files = files.into_iter().map(|(_, file)| file);
                groups.entry(hash).or_default().extend(files);
            },
        );
        for file in &cli.files {
            let reader = move || {
                thread::sleep(LATENCY);
                fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
            };
            let reader = move || read.watch(reader);
            let by_hash = by_hash.clone();
            run.via(&readers).scatter(reader, move |_, run, content| {
                content.map(|content| {
                    let hasher = move || (hash.watch(|| fnv(&content)), &**file);
                    run.via(hashers).scatter_into(hasher, &by_hash);
                })
            });
        }
        Ok(())
    })?;
    let time = start.elapsed();

    say!(
        "{} files, {} of them different",
        cli.files.len(),
        groups.len()
    );
    let mut equal: Vec<_> = groups
        .into_values()
        .filter(|files| files.len() > 1)
        .collect();
    equal.iter_mut().for_each(|files| files.sort_unstable());
    equal.sort_unstable();
    for files in equal {
        let names = files
            .iter()
            .map(|file| file.strip_prefix(&made).unwrap_or(file).display());
        say!(
            "  equal:{}",
            names.fold(String::new(), |line, name| format!("{line} {name}"))
        );
    }
    say!();
    let tasks = read.print("read", &readers) + hash.print("hash", hashers);
    say!("{time:.2?} from first to last, for tasks of {tasks:.2?}");
    Ok(())
}

/// Files of noise, some of them equal.
fn make_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let make = |n: usize| {
        let mut noise = (n % CONTENTS) as u64 + 1;
        let bytes = (0..BYTES).map(|_| {
            noise = noise.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            (noise >> 56) as u8
        });
        let path = dir.join(format!("{n:02}"));
        fs::write(&path, bytes.collect::<Vec<_>>()).map(|()| path)
    };
    (0..FILES).map(make).collect()
}

/// FNV-1a, over and over.
fn fnv(content: &[u8]) -> u64 {
    let step = |hash: u64, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    let seed = 0xCBF2_9CE4_8422_2325;
    (0..ROUNDS).fold(seed, |hash, _| content.iter().fold(hash, step))
}
