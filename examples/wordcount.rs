//! Counts the words of every text file below some paths, on all cores.
//!
//! ```text
//! cargo run --release --example wordcount -- --compare src
//! cargo test --example wordcount
//! ```
//!
//! It shows the pool on work that cannot be planned: how many files there are, and how long each
//! of them is, only comes to light while the work is under way.
//!
//! * `count_on` opens a run and walks the directories in its body, on the calling thread. It scatters
//!   one task a file. The workers read and count meanwhile. Where very many files are under way, and
//!   when the walk is over, the calling thread lends a hand, so `--threads N` means N workers and
//!   the caller.
//! * What the tasks return goes into a combiner: a `Tally` for each worker, filled where the file was
//!   read, so that no two threads write to one map. Only the full tallies come back to the calling
//!   thread, which absorbs them into the state of the run.
//! * A large file comes back as a whole, to a handler. It cuts the text into `pieces`, and scatters a
//!   task for each. It cuts before separators only, so the counts are exactly those of the whole.
//!
//! A word is a maximal run of alphanumeric characters (as Unicode has them) and apostrophes, less
//! the apostrophes at its ends. It is lowercased, and its typographic apostrophes become plain
//! ones; there is no other normalisation. In a file that is not UTF-8 every invalid sequence is a
//! separator. A file with a NUL byte in its first 8 KiB is binary, and is skipped.
//!
//! `--compare` counts three times: once untimed, so that the other two find the files in the
//! system's cache; then without the pool, on one thread and uncut; and then on the pool.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use ignore::WalkBuilder;
use indicatif::{ProgressBar, ProgressStyle};
use windrow::{ThreadPool, combine};

/// Files longer than this are counted in pieces of about this size.
const PIECE: usize = 256 << 10;
/// A NUL byte within this many bytes from the start makes a file binary.
const HEAD: u64 = 8 << 10;
/// The plain and the typographic one.
const APOSTROPHES: [char; 2] = ['\'', '’'];
/// How many words, and how many skipped files, are listed.
const LISTED: usize = 20;

/// Count the words of every text file below some paths, on all cores.
///
/// Hidden files and those named by .gitignore, .ignore and the like are left out (see --all).
/// Symbolic links are not followed, except those given as a path. A file below two of the paths
/// is counted once. Binary and unreadable files are skipped, and listed with the reason.
#[derive(Parser)]
#[command(name = "wordcount")]
#[command(after_help = "Exit status: 0 done, 1 failed or counts differ, 2 bad arguments.")]
struct Cli {
    /// Files and directories to count
    #[arg(default_value = ".")]
    paths: Vec<PathBuf>,
    /// Number of worker threads, at least 1 [default: one for each core]
    #[arg(short, long, value_name = "N")]
    threads: Option<usize>,
    /// Count hidden and ignored files too
    #[arg(short, long)]
    all: bool,
    /// Also count on one thread, check that the counts are equal, and print the speed-up
    #[arg(short, long)]
    compare: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let pool = match prepare(&cli) {
        Ok(pool) => pool,
        Err(message) => return fail(2, &message),
    };
    let alone = cli.compare.then(|| {
        count_on(&pool, &cli, &progress("warming up"));
        Report::of("one thread", || count_alone(&cli, &progress("one thread")))
    });
    let team = format!("a pool of {} and the caller", pool.current_num_threads());
    let report = Report::of(&team, || count_on(&pool, &cli, &progress("counting")));

    let mut out = BufWriter::new(io::stdout().lock());
    match print(&mut out, &report, alone.as_ref()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            fail(1, &format!("cannot write: {error}"))
        }
        // A reader who has seen enough, as in `| head`, is no failure.
        _ if alone.is_none_or(|alone| alone.tally == report.tally) => ExitCode::SUCCESS,
        _ => fail(1, "the counts differ (did a file change meanwhile?)"),
    }
}

/// Checks the arguments and starts the pool.
fn prepare(cli: &Cli) -> Result<ThreadPool, String> {
    for path in &cli.paths {
        fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let mut pool = ThreadPool::builder();
    if let Some(threads) = cli.threads {
        pool = pool.num_threads(threads);
    }
    pool.build().map_err(|error| error.to_string())
}

fn fail(status: u8, message: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {message}");
    ExitCode::from(status)
}

/// A progress bar on stderr; it stays hidden when that is no terminal.
fn progress(message: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} [{bar:40}] {bytes} of {total_bytes}");
    let bar = ProgressBar::new(0).with_message(message);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Counts on the pool: one task a file, and for a large one a task a piece as well.
fn count_on(pool: &ThreadPool, cli: &Cli, bar: &ProgressBar) -> Tally {
    let tally = pool.gather(Tally::default(), |run| {
        let tallies = run.combiner(
            combine::fold(Tally::default, Tally::add),
            |total, _, tally| total.absorb(tally),
        );
        for (path, size) in walk(cli) {
            let size = match size {
                Ok(size) => size,
                Err(error) => {
                    run.state().add_file(path, &Err(error));
                    continue;
                }
            };
            bar.inc_length(size);
            let read = move || {
                let read = read_text(&path);
                bar.inc(size);
                (path, read)
            };
            if size <= PIECE as u64 {
                run.scatter_into(move || Found::File(read()), &tallies);
                continue;
            }
            let tallies = tallies.clone();
            run.scatter(read, move |total, run, (path, read)| {
                total.add_file(path, &read);
                let text = Arc::new(read.map(|read| read.text).unwrap_or_default());
                for piece in pieces(&text, PIECE) {
                    let text = Arc::clone(&text);
                    run.scatter_into(move || Found::Piece(text, piece), &tallies);
                }
            });
        }
    });
    bar.finish_and_clear();
    tally
}

/// What a task has found for the tally of its worker.
enum Found {
    File((PathBuf, io::Result<ReadText>)),
    Piece(Arc<String>, Range<usize>),
}

/// Cuts `text` into pieces of `size` bytes and a little more: each ends before a separator.
fn pieces(text: &str, size: usize) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    std::iter::from_fn(move || {
        let start = end;
        let from = (start + size.max(1)..text.len()).find(|&at| text.is_char_boundary(at));
        let cut = from.and_then(|at| Some(at + text[at..].find(is_separator)?));
        end = cut.unwrap_or(text.len());
        (start < end).then_some(start..end)
    })
}

/// Counts without the pool and without cutting: what `--compare` compares with.
fn count_alone(cli: &Cli, bar: &ProgressBar) -> Tally {
    let mut tally = Tally::default();
    for (path, size) in walk(cli) {
        let read = size.and_then(|size| {
            bar.inc_length(size);
            bar.inc(size);
            read_text(&path)
        });
        tally.add(Found::File((path, read)));
    }
    bar.finish_and_clear();
    tally
}

/// The files below the paths, each one once, with their sizes or why they are not to be read.
fn walk(cli: &Cli) -> impl Iterator<Item = (PathBuf, io::Result<u64>)> {
    let mut builder = WalkBuilder::new(&cli.paths[0]);
    for path in &cli.paths[1..] {
        builder.add(path);
    }
    let mut seen = HashSet::new();
    let entries = builder.standard_filters(!cli.all).build();
    entries.filter_map(move |entry| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return Some(walk_error(Path::new("?"), error)),
        };
        let link = entry.depth() > 0 && entry.path_is_symlink();
        let path = entry.into_path();
        if link {
            return Some((path, Err(io::Error::other("symbolic link"))));
        }
        let size = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => return None,
            Ok(metadata) if metadata.is_file() => Ok(metadata.len()),
            Ok(_) => Err(io::Error::other("not a regular file")),
            Err(error) => Err(error),
        };
        // One path leads to a file only once, as no link is followed, but two paths may overlap.
        let new = cli.paths.len() == 1 || fs::canonicalize(&path).map_or(true, |p| seen.insert(p));
        new.then_some((path, size))
    })
}

fn walk_error(path: &Path, error: ignore::Error) -> (PathBuf, io::Result<u64>) {
    match error {
        ignore::Error::WithPath { path, err } => walk_error(&path, *err),
        ignore::Error::WithDepth { err, .. } => walk_error(path, *err),
        ignore::Error::Io(error) => (path.into(), Err(error)),
        other => (path.into(), Err(io::Error::other(other))),
    }
}

/// A file that was read.
struct ReadText {
    bytes: u64,
    text: String,
    /// Whether all of it was UTF-8.
    utf8: bool,
}

/// Reads a file, unless it is binary.
fn read_text(path: &Path) -> io::Result<ReadText> {
    let mut content = Vec::new();
    let mut file = File::open(path)?;
    (&file).take(HEAD).read_to_end(&mut content)?;
    if content.contains(&0) {
        return Err(io::Error::other("binary"));
    }
    file.read_to_end(&mut content)?;
    let bytes = content.len() as u64;
    let (text, utf8) = match String::from_utf8(content) {
        Ok(text) => (text, true),
        Err(error) => (
            String::from_utf8_lossy(error.as_bytes()).into_owned(),
            false,
        ),
    };
    Ok(ReadText { bytes, text, utf8 })
}

fn is_separator(c: char) -> bool {
    !c.is_alphanumeric() && !APOSTROPHES.contains(&c)
}

/// What was counted: on one of the threads, or altogether.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    files: u64,
    not_utf8: u64,
    bytes: u64,
    words: HashMap<String, u64>,
    skipped: BTreeMap<PathBuf, String>,
}

impl Tally {
    fn add(&mut self, found: Found) {
        match found {
            Found::File((path, read)) => {
                self.add_file(path, &read);
                read.iter().for_each(|read| self.add_words(&read.text));
            }
            Found::Piece(text, piece) => self.add_words(&text[piece]),
        }
    }

    /// Adds a file without its words.
    fn add_file(&mut self, path: PathBuf, read: &io::Result<ReadText>) {
        match read {
            Ok(read) => {
                self.files += 1;
                self.not_utf8 += u64::from(!read.utf8);
                self.bytes += read.bytes;
            }
            Err(error) => {
                let reason = match error.kind() {
                    kind @ (ErrorKind::PermissionDenied | ErrorKind::NotFound) => kind.to_string(),
                    _ => error.to_string(),
                };
                self.skipped.insert(path, reason);
            }
        }
    }

    fn add_words(&mut self, text: &str) {
        let mut word = String::new(); // One buffer for all of them: only a new word is copied.
        for run in text.split(is_separator) {
            let found = run.trim_matches(APOSTROPHES);
            if found.is_ascii() {
                word.clear();
                word.push_str(found);
                word.make_ascii_lowercase();
            } else {
                word = found.to_lowercase().replace('’', "'");
            }
            if let Some(count) = self.words.get_mut(&word) {
                *count += 1;
            } else if !word.is_empty() {
                self.words.insert(word.clone(), 1);
            }
        }
    }

    fn absorb(&mut self, mut other: Tally) {
        if self.words.len() < other.words.len() {
            std::mem::swap(self, &mut other); // The larger map stays.
        }
        self.files += other.files;
        self.not_utf8 += other.not_utf8;
        self.bytes += other.bytes;
        self.skipped.append(&mut other.skipped);
        for (word, count) in other.words {
            *self.words.entry(word).or_default() += count;
        }
    }

    /// The most frequent words; those of equal count in alphabetical order.
    fn top(&self, n: usize) -> Vec<(&str, u64)> {
        let mut words: Vec<_> = self.words.iter().map(|(w, &n)| (w.as_str(), n)).collect();
        words.sort_unstable_by_key(|&(word, count)| (Reverse(count), word));
        words.truncate(n);
        words
    }
}

struct Report<'a> {
    by: &'a str,
    tally: Tally,
    seconds: f64,
}

impl<'a> Report<'a> {
    fn of(by: &'a str, count: impl FnOnce() -> Tally) -> Self {
        let start = Instant::now();
        let tally = count();
        let seconds = start.elapsed().as_secs_f64().max(1e-9);
        Report { by, tally, seconds }
    }
}

fn print(out: &mut impl Write, report: &Report, alone: Option<&Report>) -> io::Result<()> {
    let tally = &report.tally;
    writeln!(out, "{:>15} files", grouped(tally.files))?;
    if tally.not_utf8 > 0 {
        writeln!(out, "{:>15} of them not UTF-8", grouped(tally.not_utf8))?;
    }
    writeln!(out, "{:>15} bytes", grouped(tally.bytes))?;
    writeln!(out, "{:>15} words", grouped(tally.words.values().sum()))?;
    writeln!(out, "{:>15} distinct\n", grouped(tally.words.len() as u64))?;
    for (word, count) in tally.top(LISTED) {
        writeln!(out, "{:>15} {word}", grouped(count))?;
    }
    if !tally.skipped.is_empty() {
        let mut reasons = BTreeMap::<_, u64>::new();
        for reason in tally.skipped.values() {
            *reasons.entry(reason).or_default() += 1;
        }
        writeln!(out, "\nskipped")?;
        for (reason, count) in reasons {
            writeln!(out, "{:>15} {reason}", grouped(count))?;
        }
        for (path, reason) in tally.skipped.iter().take(LISTED) {
            writeln!(out, "  {}: {reason}", path.display())?;
        }
        if tally.skipped.len() > LISTED {
            writeln!(out, "  and {} more", tally.skipped.len() - LISTED)?;
        }
    }
    writeln!(out)?;
    for Report { by, tally, seconds } in alone.into_iter().chain([report]) {
        let rate = tally.bytes as f64 / 1e6 / seconds;
        writeln!(out, "{seconds:.3} s, {rate:.1} MB/s by {by}")?;
    }
    if let Some(alone) = alone {
        let equal = alone.tally == *tally;
        let speed_up = alone.seconds / report.seconds;
        writeln!(out, "equal counts: {equal}, speed-up: {speed_up:.2}")?;
    }
    out.flush()
}

/// `1234567` as `1,234,567`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Tally {
        let mut tally = Tally::default();
        tally.add_words(text);
        tally
    }

    #[test]
    fn a_word_is_alphanumeric_with_inner_apostrophes() {
        let tally = whole("Don't DON’T 'quoted' rock'n'roll ' ’’ x_1 Äpfel äPFEL ΟΔΟΣ 語");
        assert_eq!(tally.top(3), [("don't", 2), ("äpfel", 2), ("1", 1)]);
        let once: Vec<_> = tally.top(9).into_iter().skip(3).collect();
        let words = ["quoted", "rock'n'roll", "x", "οδος", "語"];
        assert_eq!(once, words.map(|word| (word, 1)));
    }

    #[test]
    fn pieces_count_like_the_whole() {
        let long = "x".repeat(100);
        let texts = "| |a|é|€é|a b|’ ’|  a  |don't don’t — ñandú, 語 語。𝒳 a’ ’b";
        let late = format!("{long} {long} é");
        for text in texts.split('|').chain([&*long, &*late]) {
            for (repeat, size) in (1..8).flat_map(|n| [0, 1, 2, 3, 7, 50, 999].map(|p| (n, p))) {
                let text = text.repeat(repeat);
                let (mut tally, mut joined) = (Tally::default(), String::new());
                for piece in pieces(&text, size) {
                    assert!(piece.len() >= size || piece.end == text.len());
                    tally.add_words(&text[piece.clone()]);
                    joined += &text[piece];
                }
                assert_eq!(tally, whole(&text), "{text:?} in pieces of {size}");
                assert_eq!(joined, text);
            }
        }
    }

    #[test]
    fn a_tree_is_counted_alike_on_the_pool_and_alone() {
        let dir = tempfile::tempdir().unwrap();
        let large = dir.path().join("large");
        let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
        write("empty", b"");
        write("latin1", b"caf\xe9 noir");
        write("binary", b"a\0b");
        write(".hidden", b"hidden");
        write("large", "Größe don’t 語。\n".repeat(80_000).as_bytes());
        (0..50).for_each(|n| write(&n.to_string(), b"small file"));
        let pool = ThreadPool::new(3).unwrap();
        let count = |option: &str| {
            let args = ["wordcount".as_ref(), option.as_ref(), dir.path(), &large]; // Once only.
            let cli = Cli::parse_from(args);
            let tally = count_on(&pool, &cli, &ProgressBar::hidden());
            assert_eq!(tally, count_alone(&cli, &ProgressBar::hidden()));
            tally
        };
        let tally = count("--threads=3");
        assert_eq!((tally.files, tally.not_utf8), (53, 1));
        let words = ["größe", "don't", "caf", "file"].map(|word| tally.words[word]);
        assert_eq!(words, [80_000, 80_000, 1, 50]);
        assert_eq!(tally.skipped[&dir.path().join("binary")], "binary");
        assert_eq!(count("--all").files, 54);
    }

    #[test]
    fn numbers_are_grouped() {
        let numbers = [0, 999, 1000, 1234567].map(grouped);
        assert_eq!(numbers, ["0", "999", "1,000", "1,234,567"]);
    }
}
