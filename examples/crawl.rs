//! Crawls a directory: how large the files of each kind are, and which are the largest.
//!
//! ```text
//! cargo run --release --example crawl -- --top 5 src
//! ```
//!
//! A task reads a directory; its handler, on the calling thread, adds the files to what is known, and
//! scatters a task for each directory in it. `--readers` is a limiter: where so many directories are being
//! read, others wait in a list, and hold no thread. Ctrl-C cancels the run. What the handlers have put into
//! its state by then is printed all the same.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, value_parser};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use windrow::{Limiter, Scatter, ThreadPool};

/// Prints a line, unless the reader has gone, as in `| head`.
macro_rules! say {
    ($($line:tt)*) => { drop(writeln!(io::stdout(), $($line)*)) };
}

/// Reading directories is mostly waiting, so there are more threads than most machines have processors.
const THREADS: usize = 16;

/// Crawl a directory: sizes by file extension, and the largest files
///
/// Symbolic links are not followed. Ctrl-C ends the crawl, and prints what is known so far.
#[derive(Parser)]
#[command(name = "crawl")]
#[command(after_help = "Exit status: 0 done, 2 bad arguments, 130 ended by Ctrl-C.")]
struct Cli {
    /// The directory
    #[arg(default_value = ".")]
    path: PathBuf,
    /// How many extensions and files to list, 1 to 9999
    #[arg(short = 'n', long, value_name = "N", default_value_t = 8)]
    #[arg(value_parser = value_parser!(u16).range(1..=9999))]
    top: u16,
    /// How many directories to read at a time, 1 to 16
    #[arg(short, long, value_name = "N", default_value_t = 8)]
    #[arg(value_parser = value_parser!(u8).range(1..=16))]
    readers: u8,
}

/// What a crawl needs to know.
struct Crawl {
    readers: Limiter,
    top: usize,
    bar: ProgressBar,
}

/// What it has found: the state of the run.
#[derive(Default)]
struct Found {
    files: u64,
    bytes: u64,
    /// How many files have an extension, and how large they are.
    kinds: HashMap<String, (u64, u64)>,
    largest: BTreeSet<(u64, PathBuf)>,
    unreadable: Vec<String>,
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let cli = Cli::parse();
    if let Err(error) = fs::read_dir(&cli.path) {
        let _ = writeln!(io::stderr(), "error: {}: {error}", cli.path.display());
        return Ok(ExitCode::from(2));
    }
    let style = ProgressStyle::with_template("{spinner} {pos} directories, now {wide_msg}")?;
    let crawl = Crawl {
        readers: Limiter::new(usize::from(cli.readers)),
        top: usize::from(cli.top),
        bar: ProgressBar::new_spinner().with_style(style),
    };
    let (pool, start, mut run_handle) = (ThreadPool::new(THREADS)?, Instant::now(), None);
    let found = pool.gather(Found::default(), |run| {
        let handle = run_handle.insert(run.handle()).clone();
        ctrlc::set_handler(move || handle.cancel())?;
        crawl.visit(run, cli.path);
        Ok::<(), ctrlc::Error>(())
    })?;
    crawl.bar.finish_and_clear();
    let run = run_handle.expect("the body has set it");
    found.print(crawl.top);
    let (stats, time) = (run.stats(), start.elapsed());
    say!("\n{} directories in {time:.2?}", HumanCount(stats.gathered));
    if !run.is_cancelled() {
        return Ok(ExitCode::SUCCESS);
    }
    let unread = HumanCount(stats.forfeited);
    say!("ended by Ctrl-C; {unread} more were known, and what is in them is missing above");
    Ok(ExitCode::from(130))
}

impl Crawl {
    /// Has a directory read, and those in it.
    fn visit<'env, E>(&'env self, run: &Scatter<'env, Found, E>, dir: PathBuf) {
        let read = move || (read(&dir), dir);
        run.via(&self.readers)
            .scatter(read, |found, run, (entries, dir)| {
                self.bar.inc(1);
                self.bar.set_message(dir.display().to_string());
                for (path, metadata) in found.readable(&dir, entries).unwrap_or_default() {
                    match found.readable(&path, metadata) {
                        Some(metadata) if metadata.is_dir() => self.visit(run, path),
                        Some(metadata) => found.add(path, metadata.len(), self.top),
                        None => {}
                    }
                }
            });
    }
}

/// Reads a directory: what is in it, without following links.
fn read(dir: &Path) -> io::Result<Vec<(PathBuf, io::Result<Metadata>)>> {
    let entries = fs::read_dir(dir)?;
    entries
        .map(|entry| entry.map(|entry| (entry.path(), entry.metadata())))
        .collect()
}

impl Found {
    fn readable<T>(&mut self, path: &Path, result: io::Result<T>) -> Option<T> {
        let note = |error| self.unreadable.push(format!("{}: {error}", path.display()));
        result.map_err(note).ok()
    }

    fn add(&mut self, path: PathBuf, size: u64, top: usize) {
        self.files += 1;
        self.bytes += size;
        let kind = path.extension().map(OsStr::to_string_lossy);
        let kind = kind.map_or("(none)".to_owned(), |extension| format!(".{extension}"));
        let (files, bytes) = self.kinds.entry(kind).or_default();
        (*files, *bytes) = (*files + 1, *bytes + size);
        self.largest.insert((size, path));
        if self.largest.len() > top {
            self.largest.pop_first();
        }
    }

    fn print(&self, top: usize) {
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_unstable_by_key(|&(kind, &(_, bytes))| (Reverse(bytes), kind));
        let (files, bytes) = (HumanCount(self.files).to_string(), HumanBytes(self.bytes));
        say!("{files:>10} files {:>12}\n", bytes.to_string());
        for (kind, (files, bytes)) in kinds.iter().take(top) {
            let (files, bytes) = (
                HumanCount(*files).to_string(),
                HumanBytes(*bytes).to_string(),
            );
            say!("{files:>10} {kind:<12.12} {bytes:>12}");
        }
        say!("\nthe largest files");
        for (size, path) in self.largest.iter().rev() {
            say!("{:>12} {}", HumanBytes(*size).to_string(), path.display());
        }
        if !self.unreadable.is_empty() {
            say!("\n{} could not be read", self.unreadable.len());
            self.unreadable
                .iter()
                .take(top)
                .for_each(|line| say!("  {line}"));
        }
    }
}
