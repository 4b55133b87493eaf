//! Endurance on real threads: millions of joins and of sleeps, thousands of pools and of resizes, on pools of 1 to 64
//! threads. What is computed has to be right, memory has to stay flat, and the threads have to be gone at the end.
//!
//! A part of it by default; all of it, and the table, with
//! `WINDROW_STRESS=full cargo test --release --test stress -- --nocapture`.
//! `WINDROW_STRESS_SIZE` leaves out the pools of other sizes, `WINDROW_STRESS_PHASE` (`joins`, say) the other phases.
//!
//! In a process of its own, with one test, as threads and memory are those of the process. Where the system does not
//! tell them, they are not checked, and the table says so.

#[path = "stress/course.rs"]
mod course;
#[path = "stress/joins.rs"]
mod joins;
#[path = "stress/lives.rs"]
mod lives;
#[path = "it/random.rs"]
#[allow(dead_code, reason = "other binaries use the rest")]
mod random;
#[path = "stress/resizes.rs"]
mod resizes;
#[path = "stress/sleeps.rs"]
mod sleeps;
#[path = "it/watchdog.rs"]
#[allow(dead_code, reason = "as above")]
mod watchdog;

use std::env;

use course::{Course, TITLES};

/// What is done again and again on pools of one size; returns what else it has counted.
struct Phase {
    name: &'static str,
    run: fn(&Course) -> String,
    /// How often in a full run, with pools of each of the [`SIZES`]. The larger the pool the dearer most of it is.
    times: [u64; SIZES.len()],
    /// The part of that which is done by default.
    part: u64,
}

const SIZES: [usize; 5] = [1, 2, 3, 8, 64];

const PHASES: [Phase; 4] = [
    // 10 million.
    Phase {
        name: "joins",
        run: joins::run,
        times: [2_000_000, 2_500_000, 2_500_000, 2_000_000, 1_000_000],
        part: 100,
    },
    // 1 million. Most of them on one worker, which does not linger half asleep as one of several does.
    Phase {
        name: "sleeps",
        run: sleeps::run,
        times: [400_000, 200_000, 150_000, 150_000, 100_000],
        part: 1_000,
    },
    // 10,000.
    Phase {
        name: "lives of pools",
        run: lives::run,
        times: [3_000, 3_000, 2_500, 1_000, 500],
        part: 10,
    },
    // 10,000.
    Phase {
        name: "resizes",
        run: resizes::run,
        times: [3_000, 2_500, 2_500, 1_500, 500],
        part: 10,
    },
];

#[test]
fn pools_endure() {
    let full = env::var("WINDROW_STRESS").is_ok_and(|how| how == "full");
    let asked_for =
        |variable, own: String| env::var(variable).map_or(true, |only| own.starts_with(&only));
    println!("{TITLES}");
    for phase in &PHASES {
        if !asked_for("WINDROW_STRESS_PHASE", phase.name.to_owned()) {
            continue;
        }
        for (threads, times) in SIZES.into_iter().zip(phase.times) {
            if !asked_for("WINDROW_STRESS_SIZE", threads.to_string()) {
                continue;
            }
            let times = if full { times } else { times / phase.part };
            Course::run(phase.name, threads, times, phase.run);
        }
    }
}
