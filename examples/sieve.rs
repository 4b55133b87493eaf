//! Counts primes with the sieve of Eratosthenes, a segment an item.
//!
//! ```text
//! cargo run --release --example sieve -- --compare
//! cargo run --release --example sieve -- 10000000000
//! ```
//!
//! The primes up to the square root are found first, on one thread: there are few. With them, any stretch
//! of numbers can be sieved without a look at another. The stretches are segments that fit into a core's
//! cache, and the loop over the segments is the parallel part. Memory for a segment is made
//! once for each piece of the loop (`map_init`), not for each segment.

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

/// Count the primes up to a number
#[derive(Parser)]
#[command(name = "sieve")]
struct Cli {
    /// The number, 2 to 10^13
    #[arg(default_value_t = 1_000_000_000)]
    #[arg(value_parser = value_parser!(u64).range(2..=10_000_000_000_000))]
    up_to: u64,
    /// Odd numbers in a segment, a byte each
    #[arg(short, long, value_name = "N", default_value_t = 128 << 10)]
    #[arg(value_parser = value_parser!(u32).range(1..=1 << 30))]
    segment: u32,
    /// Number of threads, 1 to 1024 [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Also count on one thread, check that the counts are equal, and print both times
    #[arg(short, long)]
    compare: bool,
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

    let sieve = Sieve::new(cli.up_to, cli.segment as usize);
    let start = Instant::now();
    // On a worker: as many threads take part as the pool has.
    let primes = pool.install(|| sieve.count());
    let seconds = start.elapsed().as_secs_f64();
    say!("{primes} primes up to {}", cli.up_to);
    say!("{seconds:.3} s on {} threads", pool.current_num_threads());

    if cli.compare {
        let start = Instant::now();
        let alone = sieve.count_alone();
        let one = start.elapsed().as_secs_f64();
        say!("{one:.3} s on one, speed-up: {:.2}", one / seconds);
        if alone != primes {
            return Err(format!("one thread counts {alone}"));
        }
        say!("equal counts: true");
    }
    Ok(())
}

/// Only odd numbers are looked at: number 2i + 1 has the index i. The index of 1 stands for 2, the even prime,
/// so that the count is right without further ado.
struct Sieve {
    /// The odd primes up to the square root.
    small: Vec<usize>,
    /// Indices to look at, and how many make a segment.
    len: usize,
    segment: usize,
}

impl Sieve {
    fn new(up_to: u64, segment: usize) -> Sieve {
        let mut composite = vec![false; up_to.isqrt() as usize + 1];
        let mut small = Vec::new();
        for n in (3..composite.len()).step_by(2) {
            if !composite[n] {
                small.push(n);
                (n * n..composite.len())
                    .step_by(2 * n)
                    .for_each(|m| composite[m] = true);
            }
        }
        Sieve {
            small,
            len: up_to.div_ceil(2) as usize,
            segment,
        }
    }

    fn count(&self) -> usize {
        let segments = (0..self.len.div_ceil(self.segment)).into_par_iter();
        let memory = || vec![0; self.segment];
        let counts = segments.map_init(memory, |memory, i| self.count_segment(memory, i));
        counts.sum()
    }

    /// The same on one thread.
    fn count_alone(&self) -> usize {
        let segments = 0..self.len.div_ceil(self.segment);
        let mut memory = vec![0; self.segment];
        segments.map(|i| self.count_segment(&mut memory, i)).sum()
    }

    fn count_segment(&self, memory: &mut [u8], segment: usize) -> usize {
        let start = segment * self.segment;
        let prime = &mut memory[..self.segment.min(self.len - start)];
        prime.fill(1);
        for &p in &self.small {
            // The index of the square: what is below it has a smaller factor.
            let square = p * p / 2;
            if square >= start + prime.len() {
                break;
            }
            // The odd multiples of p are p indices apart.
            let first = if square >= start {
                square - start
            } else {
                (p - (start - square) % p) % p
            };
            prime.iter_mut().skip(first).step_by(p).for_each(|n| *n = 0);
        }
        // Short sums of bytes: the compiler makes vectors of them.
        let sums = prime.chunks(255).map(|part| part.iter().sum::<u8>());
        sums.map(usize::from).sum()
    }
}

#[test]
fn counts_are_those_of_the_books() {
    let known = [
        (2, 1),
        (3, 2),
        (4, 2),
        (9, 4),
        (100, 25),
        (10_000, 1229),
        (1_000_000, 78_498),
    ];
    for (up_to, primes) in known {
        for segment in [7, 1000, 1 << 20]
            .into_iter()
            .filter(|s| up_to < 100_000 || *s > 7)
        {
            let sieve = Sieve::new(up_to, segment);
            assert_eq!(sieve.count_alone(), primes, "up to {up_to}, alone");
            for threads in [1, 2, 8] {
                let pool = ThreadPool::new(threads).unwrap();
                assert_eq!(pool.install(|| sieve.count()), primes, "up to {up_to}");
            }
        }
    }
}
