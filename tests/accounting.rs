//! Contract line 1 at length: whatever happens to a task, it is accounted for. A random mixture of everything that can be
//! submitted, while other threads change the pool's size, pause it, read its figures and end it.
//!
//! Each closure keeps a line in the books: how often it ran, that it was dropped once, what it came to by its own account,
//! by its handle's and by its completion callback's. At the end all accounts agree, each task has one, and the pool's own
//! figures are the same.
//!
//! `WINDROW_STRESS_TASKS` is how many tasks are submitted for each pool size. The full run is
//! `WINDROW_STRESS_TASKS=1000000 cargo test --release --test accounting`; by default it is a small part of that.
//! A failure names the seed of its round; `WINDROW_STRESS_SEED` repeats that round alone (threads permitting), and
//! `WINDROW_STRESS_SIZE` leaves out the pools of other sizes.

#[path = "accounting/books.rs"]
mod books;
#[path = "accounting/mixture.rs"]
mod mixture;
#[path = "it/random.rs"]
mod random;
#[path = "it/watchdog.rs"]
mod watchdog;

use std::env;
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use windrow::{QueueFull, RateLimit, Stats, ThreadPool, UnstartedTask};

use books::{Books, EXPIRED, RETURNED, handed_back};
use mixture::Mixture;
use random::Random;
use watchdog::watched;

const SIZES: [usize; 5] = [1, 2, 3, 8, 64];
const TASKS_A_ROUND: u64 = 1_000;
/// For each size, in a test without optimization as well.
const TASKS: u64 = 40_000;

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(
        text.parse()
            .expect("a number of tasks, of workers, or a seed"),
    )
}

#[test]
fn every_task_is_accounted_for() {
    // Installing into a pool that has ended panics, as it should.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let expected = info.to_string().contains("has been shut down");
        if !expected {
            PANICS.fetch_add(1, Ordering::SeqCst);
            hook(info);
        }
    }));
    let mut seen = [0; RETURNED as usize + 1];
    let only = number("WINDROW_STRESS_SIZE");
    for size in SIZES {
        if only.is_some_and(|only| only != size as u64) {
            continue;
        }
        if let Some(seed) = number("WINDROW_STRESS_SEED") {
            watched(|| assert_eq!(round(size, seed, tasks_of(seed))[0], 0));
            continue;
        }
        let start = Instant::now();
        let (mut left, mut seed) = (number("WINDROW_STRESS_TASKS").unwrap_or(TASKS), 0);
        while left > 0 {
            let tasks = (tasks_of(seed) as u64).min(left);
            watched(|| {
                let came_to = round(size, seed, tasks as usize);
                seen.iter_mut().zip(came_to).for_each(|(sum, n)| *sum += n);
            });
            (left, seed) = (left - tasks, seed + 1);
        }
        println!("{size} workers, {seed} rounds, {:?}", start.elapsed());
    }
    println!("completed, failed, panicked, cancelled, expired, refused, returned: {seen:?}");
}

fn tasks_of(seed: u64) -> usize {
    1 + Random::new(seed).below(TASKS_A_ROUND) as usize
}

/// How the pool of a round ends.
#[derive(Clone, Copy, Debug)]
enum End {
    WaitIdle,
    Shutdown,
    ShutdownNow,
    ShutdownTimeout,
    /// The last owner, one of the submitters, drops it.
    Drop,
    /// The last owner is a task.
    DropInside,
}

const ENDS: [End; 6] = [
    End::WaitIdle,
    End::Shutdown,
    End::ShutdownNow,
    End::ShutdownTimeout,
    End::Drop,
    End::DropInside,
];

/// Panics that are not the tasks' own, on threads of the pool too.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Says the seed if the round fails.
struct Round(usize, u64, End);

impl Drop for Round {
    fn drop(&mut self) {
        if thread::panicking() {
            let Round(size, seed, end) = self;
            eprintln!("{size} workers, seed {seed}, ended by {end:?}");
        }
    }
}

/// One pool from its start to its end. Returns how many tasks came to what.
fn round(size: usize, seed: u64, tasks: usize) -> [usize; RETURNED as usize + 1] {
    let mut random = Random::new(seed ^ (size as u64) << 32);
    let end = ENDS[random.below(ENDS.len() as u64) as usize];
    let _told = Round(size, seed, end);
    let books = Arc::new(Books::new(tasks));
    let pool = Arc::new(build(size, &mut random));
    let limit = RateLimit::new(1_000_000, Duration::from_secs(1), 4).unwrap();
    let started = AtomicUsize::new(0);
    let ended = AtomicBool::new(false);
    // Each has the pool until it is through with it.
    let owners: Vec<_> = (0..3)
        .map(|_| Mutex::new(Some(Arc::clone(&pool))))
        .collect();
    thread::scope(|threads| {
        let submitters: Vec<_> = owners
            .iter()
            .map(|owner| {
                let seed = random.next();
                let (books, limit, started) = (&books, &limit, &started);
                threads.spawn(move || {
                    let pool = owner.lock().unwrap().take().unwrap();
                    started.fetch_add(1, Ordering::SeqCst);
                    Mixture::new(&pool, books, limit, seed).submit_all();
                    if matches!(end, End::DropInside) {
                        drop(pool.clone().try_spawn(move || drop(pool)));
                    }
                })
            })
            .collect();
        while started.load(Ordering::SeqCst) < 3 {
            thread::yield_now();
        }
        let disturber = (!matches!(end, End::Drop | End::DropInside)).then(|| {
            let (pool, ended) = (Arc::clone(&pool), &ended);
            let seed = random.next();
            threads.spawn(move || disturb(&pool, size, seed, ended))
        });
        let sampler = (!matches!(end, End::Drop | End::DropInside)).then(|| {
            let (pool, ended) = (Arc::clone(&pool), &ended);
            threads.spawn(move || sample(&pool, ended))
        });
        let moment = random.below(2 * tasks as u64) as usize;
        while books.made() < moment.min(tasks) {
            thread::yield_now();
        }
        let unstarted = finish(&pool, end, &mut random);
        hand_back(unstarted, &mut random);
        let last = match end {
            End::Drop | End::DropInside => {
                disturb_once(&pool, size, &mut random);
                drop(pool);
                None
            }
            _ => Some(pool),
        };
        for submitter in submitters {
            submitter.join().expect("a submitter does not fail");
        }
        if let Some(pool) = &last {
            match end {
                End::WaitIdle => pool.wait_idle(),
                _ => pool.shutdown(),
            }
        }
        ended.store(true, Ordering::SeqCst);
        for thread in [disturber, sampler].into_iter().flatten() {
            thread.join().expect("neither does anybody else");
        }
        if let Some(pool) = last {
            pool.wait_idle();
            agree(&books, &pool.stats());
            pool.shutdown();
            let stats = pool.stats();
            agree(&books, &stats);
            assert_eq!((stats.threads, stats.active), (0, 0), "{stats:?}");
        }
    });
    // A pool that nobody has waited for ends by itself.
    while !books.is_settled() {
        thread::yield_now();
    }
    assert_eq!(
        PANICS.load(Ordering::SeqCst),
        0,
        "a thread of the pool panicked"
    );
    let came_to = books.close();
    assert_eq!(came_to.iter().sum::<usize>(), tasks);
    came_to
}

fn build(size: usize, random: &mut Random) -> ThreadPool {
    let mut builder = ThreadPool::builder()
        .num_threads(size)
        .panic_handler(drop)
        .measure(random.below(4) == 0);
    if random.below(3) == 0 {
        let patience = Duration::from_micros(random.below(200));
        let policies = [
            QueueFull::Block,
            QueueFull::BlockFor(patience),
            QueueFull::Refuse,
            QueueFull::CallerRuns,
        ];
        builder = builder
            .queue_capacity(1 + random.below(50) as usize)
            .queue_full(policies[random.below(4) as usize]);
    }
    if random.below(4) == 0 {
        builder = builder.spare_threads(random.below(3) as usize);
    }
    builder.build().expect("a pool of this size can be built")
}

fn disturb_once(pool: &ThreadPool, size: usize, random: &mut Random) {
    match random.below(4) {
        0 => {
            pool.pause();
            for _ in 0..random.below(50) {
                thread::yield_now();
            }
            pool.resume();
        }
        1 => {
            // It may have been shut down.
            let _ = pool.resize(size);
        }
        _ => {
            let _ = pool.resize(1 + random.below(2 * size as u64) as usize);
        }
    }
}

fn disturb(pool: &ThreadPool, size: usize, seed: u64, ended: &AtomicBool) {
    let mut random = Random::new(seed);
    while !ended.load(Ordering::SeqCst) {
        disturb_once(pool, size, &mut random);
        for _ in 0..random.below(100) {
            thread::yield_now();
        }
    }
    pool.resume();
}

/// No figure goes back, and none is ahead of what it comes from.
fn sample(pool: &ThreadPool, ended: &AtomicBool) {
    let mut last = figures(&pool.stats());
    while !ended.load(Ordering::SeqCst) {
        let stats = pool.stats();
        assert!(stats.ended() <= stats.submitted, "{stats:?}");
        let now = figures(&stats);
        for (before, now) in last.iter().zip(&now) {
            assert!(before <= now, "{last:?} and then {stats:?}");
        }
        last = now;
        thread::yield_now();
    }
}

fn figures(stats: &Stats) -> [u64; 11] {
    [
        stats.completed,
        stats.failed,
        stats.panicked,
        stats.cancelled,
        stats.expired,
        stats.refused,
        stats.returned,
        stats.submitted,
        stats.late,
        stats.stolen,
        stats.run_times.count(),
    ]
}

/// Begins the pool's end, at a moment when submitters go on.
fn finish(pool: &ThreadPool, end: End, random: &mut Random) -> Vec<UnstartedTask> {
    match end {
        End::WaitIdle => {
            let _ = pool.wait_idle_timeout(Duration::from_micros(random.below(100)));
            Vec::new()
        }
        End::Shutdown => {
            pool.shutdown();
            Vec::new()
        }
        End::ShutdownNow => {
            if random.below(2) == 0 {
                // So that there is something to give back.
                pool.pause();
                for _ in 0..random.below(50) {
                    thread::yield_now();
                }
            }
            let mut unstarted = pool.shutdown_now();
            unstarted.extend(pool.shutdown_now());
            unstarted
        }
        End::ShutdownTimeout => {
            let timeout = Duration::from_micros(random.below(300));
            if let Err(error) = pool.shutdown_timeout(timeout) {
                assert!(error.queued <= 1 << 20 && error.running <= 1 << 20);
                if random.below(2) == 0 {
                    return pool.shutdown_now();
                }
            }
            Vec::new()
        }
        End::Drop | End::DropInside => Vec::new(),
    }
}

/// Runs some of what was given back, and drops the rest.
fn hand_back(unstarted: Vec<UnstartedTask>, random: &mut Random) {
    for task in unstarted {
        let runs = random.below(2) == 0;
        handed_back(|| if runs { task.run() } else { drop(task) });
    }
}

/// The pool's own figures are those of the books, now that it is at rest.
fn agree(books: &Books, stats: &Stats) {
    let came_to = books.came_to();
    let [
        _,
        completed,
        failed,
        panicked,
        cancelled,
        expired,
        refused,
        returned,
    ] = came_to.map(|n| n as u64);
    assert_eq!(
        [
            stats.completed,
            stats.failed,
            stats.panicked,
            stats.cancelled
        ],
        [completed, failed, panicked, cancelled],
        "completed, failed, panicked, cancelled of {stats:?}"
    );
    assert_eq!(
        [stats.expired, stats.refused],
        [expired, refused - books.turned_away()],
        "expired, refused of {stats:?}"
    );
    // A submission that came just as the pool ended was accepted, given back, and refused.
    assert!(stats.returned >= returned && stats.returned <= returned + refused);
    let too_late = stats.returned - returned;
    let tasks = came_to.iter().sum::<usize>() as u64;
    assert_eq!(stats.submitted, tasks - refused + too_late, "{stats:?}");
    assert_eq!(stats.ended(), stats.submitted, "{stats:?}");
    assert_eq!(
        (stats.waiting, stats.running),
        (0, 0),
        "waiting and running of {stats:?}"
    );
    assert!(stats.late <= came_to[EXPIRED as usize] as u64);
}
