//! Scatter and gather at length: random plans, each run in order on deterministic pools and in disorder on real ones,
//! and every task, result, handler and combined input accounted for.
//!
//! A plan is a seed. From it come the stages that tasks go through, each with a limiter or a combiner or neither, what
//! the body asks for and when, what handlers scatter further, what fails, panics or is cancelled, which runs are nested
//! in tasks and handlers, and what another thread does to all of that meanwhile. What must not happen is a complaint in
//! the books: a limiter passed by too many, a handler that overlaps another, anything that runs after its run, a piece
//! that is dropped twice or not, a figure that is not the sum of the lines.
//!
//! `WINDROW_PLANS` is how many plans there are. The full run is
//! `WINDROW_PLANS=200000 cargo test --release --test scatter_plans`; by default it is a small part of that. A failure
//! names the seed of its plan and the pool; `WINDROW_PLAN_SEED` repeats that plan alone (threads permitting, on real
//! pools), and `WINDROW_PLAN_FROM` is the first of many.
//!
//! The full run, four times 50,000 plans in release, passed on 2026-11-21 (AMD EPYC, 2 processors, Rust 1.95): 2,167,440
//! runs, of which 897,481 were cancelled, 297,332 ended by a panic and 237,599 by an error; 14,355,644 tasks, of which
//! 11,852,562 were gathered, 289,017 panicked and 2,214,065 were forfeited.

#[path = "scatter_plans/account.rs"]
mod account;
#[path = "scatter_plans/books.rs"]
mod books;
#[path = "scatter_plans/course.rs"]
mod course;
#[path = "scatter_plans/each.rs"]
mod each;
#[path = "scatter_plans/gate.rs"]
mod gate;
#[path = "scatter_plans/other.rs"]
mod other;
#[path = "it/random.rs"]
mod random;
#[path = "scatter_plans/run.rs"]
mod run;
#[path = "scatter_plans/sheaf.rs"]
mod sheaf;
#[path = "scatter_plans/trouble.rs"]
mod trouble;
#[path = "it/watchdog.rs"]
mod watchdog;

use std::env;
use std::fs;
use std::panic;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use windrow::ThreadPool;

use account::Sum;
use books::World;
use random::Random;
use watchdog::{watched, watched_as};

const SIZES: [usize; 3] = [1, 2, 8];
/// In a test without optimization as well.
const PLANS: u64 = 2_000;

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().expect("a number of plans, or a seed"))
}

/// Messages of panics that no plan has made, on any thread.
static STRANGE: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[test]
fn every_plan_adds_up() {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        STRANGE.lock().unwrap().push(info.to_string());
        hook(info);
    }));
    let before = threads();
    let first = number("WINDROW_PLAN_FROM").unwrap_or(0);
    let seeds = match number("WINDROW_PLAN_SEED") {
        Some(seed) => seed..seed + 1,
        None => first..first + number("WINDROW_PLANS").unwrap_or(PLANS),
    };
    let start = Instant::now();
    let pools = SIZES.map(|size| Arc::new(build(size)));
    let mut came_to = [Sum::default(); 1 + SIZES.len()];
    let plans = seeds.end - seeds.start;
    for seed in seeds {
        watched_as(format!("plan {seed}"), || {
            // On a thread of its own: a worker of a real pool may wake this one late, when the plan before is over, and
            // a wake-up from outside is an event in any order.
            let driver = thread::spawn(move || in_order(seed));
            match driver.join() {
                Ok(sum) => came_to[0].add(&sum),
                Err(payload) => panic::resume_unwind(payload),
            }
            for (pool, sum) in pools.iter().zip(&mut came_to[1..]) {
                sum.add(&plan(seed, pool, &format!("{}", pool.current_num_threads())).sum);
            }
        });
    }
    for pool in pools {
        watched(|| {
            pool.wait_idle();
            at_rest(&pool);
            let pool = Arc::into_inner(pool).expect("nobody else has it");
            pool.shutdown();
            assert_eq!(pool.stats().threads, 0, "{:?}", pool.stats());
        });
    }
    // Those that watch end by themselves, and one of them watches this.
    watched(|| {
        while threads()
            .zip(before)
            .is_some_and(|(now, before)| now > before + 1)
        {
            thread::yield_now();
        }
    });
    println!("{plans} plans, {:?}", start.elapsed());
    for (pool, sum) in ["deterministic", "1 worker", "2 workers", "8 workers"]
        .iter()
        .zip(came_to)
    {
        println!("{pool}: {sum:?}");
    }
}

/// Threads of this process, where the system says so.
fn threads() -> Option<usize> {
    fs::read_dir("/proc/self/task").ok().map(Iterator::count)
}

fn build(size: usize) -> ThreadPool {
    let builder = ThreadPool::builder().num_threads(size);
    builder.build().expect("a pool of this size can be built")
}

fn at_rest(pool: &ThreadPool) {
    let stats = pool.stats();
    assert_eq!(stats.submitted, stats.ended(), "{stats:?}");
    let left = (stats.queued_total(), stats.waiting, stats.running);
    assert_eq!(left, (0, 0, 0), "queued, waiting, running of {stats:?}");
    // As many spares as workers, at most.
    assert!(stats.threads <= 2 * stats.workers, "{stats:?}");
}

/// What a plan came to.
#[derive(Debug, PartialEq)]
struct Told {
    sum: Sum,
    trace: Vec<(&'static str, u32)>,
    took: Duration,
}

/// On deterministic pools: where no other thread takes part, twice, with the same events.
fn in_order(seed: u64) -> Sum {
    let once = || {
        let builder = ThreadPool::builder().num_threads(1 + seed as usize % 3);
        let pool = Arc::new(builder.deterministic(seed).build().unwrap());
        let told = plan(seed, &pool, "deterministic");
        at_rest(&pool);
        told
    };
    let told = once();
    if !has_other(seed) {
        let again = once();
        let same = told.trace.iter().zip(&again.trace);
        let same = same.take_while(|(one, other)| one == other).count();
        assert!(
            told == again,
            "plan {seed} is not reproducible: after {same} events {:?}, then {:?}; {:?} and {:?}",
            told.trace.get(same),
            again.trace.get(same),
            told.took,
            again.took
        );
    }
    told.sum
}

/// Whether another thread takes part in this plan.
fn has_other(seed: u64) -> bool {
    Random::new(!seed).one_in(3)
}

fn plan(seed: u64, pool: &Arc<ThreadPool>, name: &str) -> Told {
    let mut random = Random::new(seed);
    let other = has_other(seed);
    let ordered = name == "deterministic" && !other;
    let world = World::new(Arc::clone(pool), &mut random, ordered);
    let start = pool.now();
    let (own, others) = (random.part(), random.part());
    if other {
        other::beside(&world, others, name == "deterministic", || {
            run::run(&world, own, 0)
        });
    } else {
        run::run(&world, own, 0);
    }
    let took = pool.now() - start;
    world.shared.is_left(&world);
    for open in world.open.lock().unwrap().drain(..) {
        world.check(open.run.is_closed(), || "a run is still open".to_owned());
    }
    world.check(Arc::strong_count(&world) == 1, || {
        format!("{} hold the books", Arc::strong_count(&world))
    });
    let mut complaints = world.complaints();
    complaints.append(&mut STRANGE.lock().unwrap());
    let shown = &complaints[..complaints.len().min(8)];
    assert!(
        complaints.is_empty(),
        "plan {seed}, pool {name}: {} complaints: {shown:#?}",
        complaints.len()
    );
    let sum = *world.sum.lock().unwrap();
    Told {
        sum,
        trace: world.take_trace(),
        took,
    }
}
