//! Stars that attract each other, step by step: two loops a step.
//!
//! ```text
//! cargo run --release --example nbody -- --compare
//! cargo run --release --example nbody -- --stars 5000 --steps 20
//! ```
//!
//! The first loop asks for the pull on each star: it reads all of them, so it must not move any, and
//! collects the pulls in the order of the stars. The second loop moves the stars, each by its own pull.
//! Each pull is summed up by one thread in a fixed order, so the outcome is the same to the last bit
//! on any number of threads.

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

/// Let stars attract each other
#[derive(Parser)]
#[command(name = "nbody")]
struct Cli {
    /// Number of stars, 2 to 1000000
    #[arg(short = 'n', long, value_name = "N", default_value_t = 2000)]
    #[arg(value_parser = value_parser!(u32).range(2..=1_000_000))]
    stars: u32,
    /// Number of steps, at least 1
    #[arg(short, long, value_name = "N", default_value_t = 60)]
    #[arg(value_parser = value_parser!(u32).range(1..))]
    steps: u32,
    /// Number of threads, 1 to 1024 [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Also compute on one thread, check that the stars are at the same places, and print both times
    #[arg(short, long)]
    compare: bool,
}

type Vector = [f64; 3];

#[derive(Clone, Debug, PartialEq)]
struct Star {
    place: Vector,
    speed: Vector,
    mass: f64,
}

/// The time between two steps.
const STEP: f64 = 1e-3;
/// Softens the pull of stars that are very close: squared, the distance at which it fades.
const SOFT: f64 = 1e-3;

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

    let mut stars = cloud(cli.stars);
    let before = energy(&stars);
    let start = Instant::now();
    // On a worker: as many threads take part as the pool has.
    pool.install(|| (0..cli.steps).for_each(|_| step(&mut stars)));
    let seconds = start.elapsed().as_secs_f64();
    let after = pool.install(|| energy(&stars));
    say!("{} stars, {} steps", cli.stars, cli.steps);
    say!("energy {before:.6} before, {after:.6} after");
    say!("{seconds:.3} s on {} threads", pool.current_num_threads());

    if cli.compare {
        let mut alone = cloud(cli.stars);
        let start = Instant::now();
        (0..cli.steps).for_each(|_| step_alone(&mut alone));
        let one = start.elapsed().as_secs_f64();
        say!("{one:.3} s on one, speed-up: {:.2}", one / seconds);
        if alone != stars {
            return Err("the stars are at different places".to_owned());
        }
        say!("same places: true");
    }
    Ok(())
}

/// One step on all threads of the pool that this is called in.
fn step(stars: &mut [Star]) {
    let pulls: Vec<Vector> = stars.par_iter().map(|star| pull(star, stars)).collect();
    let pulled = stars.par_iter_mut().zip(&pulls);
    pulled.for_each(|(star, pull)| advance(star, *pull));
}

/// The same on one thread.
fn step_alone(stars: &mut [Star]) {
    let pulls: Vec<Vector> = stars.iter().map(|star| pull(star, stars)).collect();
    let pulled = stars.iter_mut().zip(&pulls);
    pulled.for_each(|(star, pull)| advance(star, *pull));
}

/// How all stars pull at one of them. The star itself is at no distance, and does not count.
fn pull(star: &Star, stars: &[Star]) -> Vector {
    let mut sum = [0.0; 3];
    for other in stars {
        let way: [f64; 3] = std::array::from_fn(|i| other.place[i] - star.place[i]);
        let square = way.iter().map(|d| d * d).sum::<f64>() + SOFT;
        let strength = other.mass / (square * square.sqrt());
        (0..3).for_each(|i| sum[i] += strength * way[i]);
    }
    sum
}

fn advance(star: &mut Star, pull: Vector) {
    for (i, pull) in pull.into_iter().enumerate() {
        star.speed[i] += STEP * pull;
        star.place[i] += STEP * star.speed[i];
    }
}

/// The energy of speed and of distance, which should hardly change: a check of the whole. A sum of floats
/// depends on the order, and threads share the items in any way: its last digits may differ from run to run.
fn energy(stars: &[Star]) -> f64 {
    let of_each = stars.par_iter().enumerate().map(|(i, star)| {
        let speed = star.speed.iter().map(|v| v * v).sum::<f64>();
        let others = stars[..i].iter().map(|other| {
            let way = star.place.iter().zip(other.place);
            let square = way.map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
            other.mass / (square + SOFT).sqrt()
        });
        star.mass * (speed / 2.0 - others.sum::<f64>())
    });
    of_each.sum()
}

/// Stars in a cube, at rest, the same in each run.
fn cloud(stars: u32) -> Vec<Star> {
    let mut state = 1_u64;
    let mut random = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let star = |_| Star {
        place: [random(), random(), random()],
        speed: [0.0; 3],
        mass: (0.5 + random()) / f64::from(stars),
    };
    (0..stars).map(star).collect()
}

#[test]
fn stars_move_alike_on_any_number_of_threads() {
    let mut alone = cloud(100);
    (0..5).for_each(|_| step_alone(&mut alone));
    assert_ne!(alone, cloud(100));
    for threads in [1, 2, 8] {
        let mut stars = cloud(100);
        let pool = ThreadPool::new(threads).unwrap();
        pool.install(|| (0..5).for_each(|_| step(&mut stars)));
        assert_eq!(stars, alone, "{threads} threads");
    }
}

#[test]
fn energy_is_kept_and_two_stars_meet() {
    let mut stars = cloud(2);
    let (before, distance) = (energy(&stars), |stars: &[Star]| {
        (0..3)
            .map(|i| (stars[0].place[i] - stars[1].place[i]).powi(2))
            .sum::<f64>()
    });
    let far = distance(&stars);
    (0..100).for_each(|_| step(&mut stars));
    assert!(distance(&stars) < far);
    assert!((energy(&stars) / before - 1.0).abs() < 1e-3);
}
