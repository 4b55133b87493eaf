//! What to run: the command line, and the sizes that follow from it.

use std::collections::BTreeSet;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
usage: cargo bench --bench versus -- [options]

  --quick          every row once, tiny: shows that it runs, says nothing about speed
  --rows 1,4       only these rows (1 to 24; default: all)
  --threads 2,64   only these pool sizes (default: 1,2,64)
  --rounds N       samples of each contestant (default: 7)
  --save           writes the report to benches/RESULTS.md, and a chart to benches/results.svg

Without any argument, not even cargo bench's own --bench, it is a quick run: so under
`cargo test --all-targets`.

rows
   1  tree sum, 2^24 nodes           7  spawns in a scope
   2  tree sum, 2^20 nodes           8  tasks with results
   3  tree sum, 1023 nodes           9  an empty closure, hot
   4  fib(32)                       10  a task on a worker that sleeps
   5  join of two long closures     11  64 threads against 2 (alone: runs the others on both)
   6  spawns from outside           12  idleness
  13  results gathered              14  results combined
  15  mandelbrot, a row an item     16  a loop of 1,000 light items
  17  two items of 5 ms             18  a heavy item among light ones
  19  map and collect               20  map and sum
  21  a bridge from an iterator     22  sorts
  23  a loop in a loop in a task    24  a million items of 10 ns
";

/// The row that is a comparison of other rows.
const GROWTH: u8 = 11;
const IDLE: u8 = 12;
const LAST: u8 = 24;

pub(crate) enum Command {
    Run(Box<Plan>),
    Help,
}

pub(crate) struct Plan {
    rows: BTreeSet<u8>,
    pub(crate) threads: BTreeSet<usize>,
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
    pub(crate) save: bool,
    pub(crate) sizes: Sizes,
}

/// How much work a sample is.
pub(crate) struct Sizes {
    /// Depths of the trees of rows 1 to 3; a tree of depth d has 2^d - 1 nodes.
    pub(crate) depths: [u32; 3],
    pub(crate) fib: u32,
    /// How long each of the two closures of row 5 runs, and the sleep before a call.
    pub(crate) closure: Duration,
    pub(crate) closure_pause: Duration,
    /// Calls a sample where there is no pause between calls, and where there is one.
    pub(crate) hot_calls: usize,
    pub(crate) paused_calls: usize,
    pub(crate) pause: Duration,
    pub(crate) spawns: usize,
    pub(crate) results: usize,
    pub(crate) combined: usize,
    pub(crate) loops: LoopSizes,
    pub(crate) idle: Duration,
    /// Between two samples, for the threads of the previous contestant to go to sleep.
    pub(crate) settle: Duration,
}

/// Rows 15 to 24.
pub(crate) struct LoopSizes {
    /// Width, height and iterations of the Mandelbrot set.
    pub(crate) mandelbrot: [usize; 3],
    pub(crate) light: usize,
    /// Calls of the loops over light items.
    pub(crate) light_calls: usize,
    /// How long the heavy item is, and how many light ones there are.
    pub(crate) heavy: Duration,
    pub(crate) many: usize,
    pub(crate) collected: usize,
    pub(crate) summed: usize,
    /// Items of a bridge that take 1 us each, and such that take 32 ns.
    pub(crate) bridged: [usize; 2],
    pub(crate) sorted: usize,
    /// The lengths of the outer and of the inner loop.
    pub(crate) nested: [usize; 2],
}

const FULL: Sizes = Sizes {
    depths: [24, 20, 10],
    fib: 32,
    closure: Duration::from_millis(5),
    closure_pause: Duration::from_millis(100),
    hot_calls: 1_000,
    paused_calls: 100,
    pause: Duration::from_millis(1),
    spawns: 200_000,
    results: 50_000,
    combined: 1_000_000,
    loops: LoopSizes {
        mandelbrot: [600, 400, 500],
        light: 1_000,
        light_calls: 20_000,
        heavy: Duration::from_millis(10),
        many: 1_000_000,
        collected: 1_000_000,
        summed: 4_000_000,
        bridged: [10_000, 100_000],
        sorted: 4_000_000,
        nested: [1_000, 1_000],
    },
    idle: Duration::from_secs(5),
    settle: Duration::from_millis(2),
};

const QUICK: Sizes = Sizes {
    depths: [10, 8, 6],
    fib: 12,
    closure: Duration::from_millis(1),
    closure_pause: Duration::from_millis(1),
    hot_calls: 20,
    paused_calls: 2,
    pause: Duration::from_millis(1),
    spawns: 1_000,
    results: 500,
    combined: 2_000,
    loops: LoopSizes {
        mandelbrot: [60, 40, 50],
        light: 1_000,
        light_calls: 200,
        heavy: Duration::from_millis(1),
        many: 10_000,
        collected: 10_000,
        summed: 10_000,
        bridged: [100, 1_000],
        sorted: 10_000,
        nested: [20, 50],
    },
    idle: Duration::from_millis(100),
    settle: Duration::ZERO,
};

impl Plan {
    pub(crate) fn wants(&self, row: u8) -> bool {
        self.rows.contains(&row)
    }

    /// Whether any row needs the peers.
    pub(crate) fn compares(&self) -> bool {
        self.rows.iter().any(|&row| row != GROWTH && row != IDLE)
    }
}

impl Command {
    pub(crate) fn from_args(args: impl Iterator<Item = String>) -> Result<Command, String> {
        // `cargo bench` says `--bench`; `cargo test --all-targets` runs this without a word, and
        // only wants to know whether it runs.
        let mut args = args.peekable();
        let mut quick = args.peek().is_none();
        let mut save = false;
        let (mut rows, mut threads, mut rounds) = (None, None, None);
        while let Some(arg) = args.next() {
            let (name, mut inline) = match arg.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (arg, None),
            };
            let mut value = || {
                inline
                    .take()
                    .or_else(|| args.next())
                    .ok_or_else(|| format!("{name} needs a value"))
            };
            match name.as_str() {
                "--bench" => {}
                "--quick" => quick = true,
                "--save" => save = true,
                "--help" | "-h" => return Ok(Command::Help),
                "--rows" => rows = Some(numbers(&name, &value()?, 1..=usize::from(LAST))?),
                "--threads" => threads = Some(numbers(&name, &value()?, 1..=1024)?),
                "--rounds" => rounds = Some(number(&name, &value()?, 1..=10_000)?),
                _ => return Err(format!("unknown argument `{name}`")),
            }
            if inline.is_some() {
                return Err(format!("{name} takes no value"));
            }
        }
        let mut rows: BTreeSet<u8> = match rows {
            Some(rows) => rows
                .into_iter()
                .filter_map(|row| row.try_into().ok())
                .collect(),
            None => (1..=LAST).collect(),
        };
        if rows.iter().eq(&[GROWTH]) {
            rows.extend((1..=LAST).filter(|&row| row != IDLE));
            threads = threads.or(Some(BTreeSet::from([2, 64])));
        }
        Ok(Command::Run(Box::new(Plan {
            rows,
            threads: threads.unwrap_or(BTreeSet::from([1, 2, 64])),
            rounds: rounds.unwrap_or(if quick { 1 } else { 7 }),
            quick,
            save,
            sizes: if quick { QUICK } else { FULL },
        })))
    }
}

type Range = std::ops::RangeInclusive<usize>;

fn number(name: &str, text: &str, range: Range) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!(
            "{name}: `{text}` is not a number from {} to {}",
            range.start(),
            range.end()
        )),
    }
}

fn numbers(name: &str, text: &str, range: Range) -> Result<BTreeSet<usize>, String> {
    text.split(',')
        .map(|part| number(name, part, range.clone()))
        .collect()
}
