//! Contract line 9: hot paths do not allocate. `join` and loops: nothing; `spawn`: one allocation for the task and its handle.
//!
//! Allocations are counted on the threads that a test has marked, so that the tests do not see each other. The pools here
//! have no spare threads: starting one is an allocation, but no part of a `join` or a `spawn`.

#[path = "it/watchdog.rs"]
mod watchdog;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};

use windrow::prelude::*;
use windrow::{CancelToken, JoinHandle, ThreadPool, combine};

use watchdog::watched;

thread_local! {
    /// Where the allocations of this thread are counted. Made by the compiler, so that asking does not allocate.
    static COUNTER: Cell<Option<&'static AtomicUsize>> = const { Cell::new(None) };
}

struct Counting;

fn note() {
    if let Ok(Some(counter)) = COUNTER.try_with(Cell::get) {
        counter.fetch_add(1, Ordering::SeqCst);
    }
}

// SAFETY: everything is left to the system's allocator; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: what the caller promises is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: what the caller promises is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: what the caller promises is passed on.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: what the caller promises is passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Counts the allocations of this thread and of a pool's workers.
#[derive(Clone, Copy)]
struct Count(&'static AtomicUsize);

impl Count {
    fn here() -> Count {
        let count = Count::of_workers();
        COUNTER.set(Some(count.0));
        count
    }

    /// Without this thread, which may be about to park for the first time while a worker counts.
    fn of_workers() -> Count {
        Count(Box::leak(Box::new(AtomicUsize::new(0))))
    }

    fn pool(self, num_threads: usize) -> ThreadPool {
        ThreadPool::builder()
            .num_threads(num_threads)
            .spare_threads(0)
            .start_handler(move |_| COUNTER.set(Some(self.0)))
            .build()
            .unwrap()
    }

    fn during(self, work: impl FnOnce()) -> usize {
        let before = self.0.load(Ordering::SeqCst);
        work();
        self.0.load(Ordering::SeqCst) - before
    }
}

/// Forks 2^depth - 1 times.
fn tree(depth: usize) {
    if depth > 0 {
        windrow::join(|| tree(depth - 1), || tree(depth - 1));
    }
}

/// The same with three and four branches.
fn bush(depth: usize) {
    if depth > 0 {
        windrow::join3(|| bush(depth - 1), || bush(depth - 1), || bush(depth - 1));
        windrow::join4(|| (), || (), || (), || bush(depth - 1));
    }
}

#[test]
fn the_counter_counts() {
    watched(|| {
        let count = Count::here();
        // Before there is a pool, whose workers allocate as they start.
        assert_eq!(count.during(|| drop(black_box(Box::new(1)))), 1);
        let pool = count.pool(2);
        let boxes = count.during(|| pool.install(|| drop(black_box(vec![1, 2, 3]))));
        assert!(boxes >= 1, "an allocation on a worker was not counted");
    });
}

#[test]
fn a_join_on_the_only_worker_does_not_allocate() {
    watched(|| {
        let count = Count::of_workers();
        let pool = count.pool(1);
        let allocations = pool.install(|| {
            tree(12);
            bush(5);
            count.during(|| {
                (0..10).for_each(|_| tree(12));
                (0..10).for_each(|_| bush(5));
            })
        });
        assert_eq!(allocations, 0);
    });
}

/// Here the queues that thieves reach into may still grow, and a thread registers with crossbeam's epochs at its first
/// theft: that happens a few times in the life of a pool. So of many rounds few may allocate at all.
#[test]
fn a_join_that_is_shared_with_other_workers_does_not_allocate() {
    watched(|| {
        for size in [2, 8] {
            let count = Count::of_workers();
            let pool = count.pool(size);
            pool.broadcast(|_| tree(10));
            let rounds: Vec<usize> = pool.install(|| {
                let mut rounds = Vec::with_capacity(200);
                for _ in 0..200 {
                    rounds.push(count.during(|| tree(10)));
                }
                rounds
            });
            let with_allocations = rounds
                .iter()
                .filter(|&&allocations| allocations > 0)
                .count();
            assert!(
                with_allocations <= 10,
                "{size} workers, allocations of each 1,023 joins: {rounds:?}"
            );
        }
    });
}

/// From outside a half may have to go through the queue for work from outside, which is made of blocks: crossbeam's has
/// 63 places in each. The rest of the bound is room for another size of block.
#[test]
fn a_join_from_outside_does_not_allocate_but_for_the_blocks_of_a_queue() {
    watched(|| {
        for size in [1, 2, 8] {
            let count = Count::here();
            let pool = count.pool(size);
            let join = || pool.join(|| tree(3), || tree(3));
            (0..1_000).for_each(|_| assert_eq!(join(), ((), ())));
            let allocations =
                count.during(|| (0..10_000).for_each(|_| assert_eq!(join(), ((), ()))));
            assert!(
                allocations <= 10_000 / 16,
                "{allocations} allocations in 150,000 joins on {size} workers"
            );
        }
    });
}

/// Spawns and joins `tasks` tasks.
fn spawn_all<T: Send + 'static>(
    pool: Option<&ThreadPool>,
    handles: &mut Vec<JoinHandle<T>>,
    tasks: usize,
    task: fn() -> T,
) {
    for _ in 0..tasks {
        handles.push(match pool {
            Some(pool) => pool.spawn(task),
            None => windrow::spawn(task),
        });
    }
    for handle in handles.drain(..) {
        black_box(handle.join().unwrap());
    }
}

/// One a task, and a share for the queues: blocks of crossbeam's injector have 63 places. Fewer would be fine as well.
fn assert_one_each(allocations: usize, tasks: usize, what: &str) {
    assert!(
        allocations <= tasks + tasks / 16,
        "{what}: {allocations} allocations for {tasks} tasks"
    );
}

#[test]
fn a_spawn_is_one_allocation_whatever_the_result() {
    const TASKS: usize = 10_000;

    fn measure<T: Send + 'static>(what: &str, task: fn() -> T) {
        for size in [1, 2, 8] {
            let count = Count::here();
            let pool = count.pool(size);
            let mut handles = Vec::with_capacity(TASKS);
            spawn_all(Some(&pool), &mut handles, TASKS, task);
            let outside = count.during(|| spawn_all(Some(&pool), &mut handles, TASKS, task));
            assert_one_each(
                outside,
                TASKS,
                &format!("{what} from outside, {size} workers"),
            );
            let inside = pool.install(|| {
                spawn_all(None, &mut handles, TASKS, task);
                count.during(|| spawn_all(None, &mut handles, TASKS, task))
            });
            assert_one_each(
                inside,
                TASKS,
                &format!("{what} from inside, {size} workers"),
            );
        }
    }

    watched(|| {
        measure("nothing", || ());
        measure("a word", || 7_usize);
        measure("an array", || [7_u64; 32]);
    });
}

#[test]
fn a_detached_spawn_is_one_allocation() {
    const TASKS: usize = 10_000;
    watched(|| {
        for size in [1, 2, 8] {
            let count = Count::here();
            let pool = count.pool(size);
            let ran: &'static AtomicUsize = Box::leak(Box::new(AtomicUsize::new(0)));
            let burst = || {
                let before = ran.load(Ordering::SeqCst);
                for _ in 0..TASKS {
                    drop(pool.spawn(|| ran.fetch_add(1, Ordering::SeqCst)));
                }
                while ran.load(Ordering::SeqCst) < before + TASKS {
                    std::thread::yield_now();
                }
            };
            burst();
            assert_one_each(count.during(burst), TASKS, &format!("{size} workers"));
        }
    });
}

#[test]
fn a_spawn_in_a_scope_is_one_allocation() {
    const TASKS: usize = 10_000;
    watched(|| {
        for size in [1, 2, 8] {
            let count = Count::here();
            let pool = count.pool(size);
            let ran = AtomicUsize::new(0);
            let burst = || {
                windrow::scope(|s| {
                    for _ in 0..TASKS {
                        s.spawn(|| ran.fetch_add(1, Ordering::SeqCst));
                    }
                });
            };
            let outside = || pool.scope(|_| burst());
            outside();
            assert_one_each(
                count.during(outside),
                TASKS,
                &format!("from outside, {size} workers"),
            );
            let inside = pool.install(|| {
                burst();
                count.during(burst)
            });
            assert_one_each(inside, TASKS, &format!("from inside, {size} workers"));
            assert_eq!(ran.load(Ordering::SeqCst), 4 * TASKS);
        }
    });
}

/// What a run has in hand is bounded by its `max_outstanding`; everything else is used again.
#[test]
fn the_memory_of_a_run_does_not_grow_with_its_results() {
    watched(|| {
        for size in [1, 2] {
            let count = Count::here();
            let pool = count.pool(size);
            let gathered = |tasks: usize| {
                let sum = pool.gather(0, |run| {
                    for i in 0..tasks {
                        run.scatter(move || black_box(i), |sum, _, i| *sum += i);
                    }
                });
                assert_eq!(sum, tasks * (tasks - 1) / 2);
            };
            let combined = |tasks: usize| {
                let sum = pool.gather(0, |run| {
                    let add = |sum: &mut usize, i: usize| *sum += i;
                    let sums =
                        run.combiner(combine::fold(|| 0, add), |total, _, sum| *total += sum);
                    for i in 0..tasks {
                        run.scatter_into(move || black_box(i), &sums);
                    }
                });
                assert_eq!(sum, tasks * (tasks - 1) / 2);
            };
            let runs: [&dyn Fn(usize); 2] = [&gathered, &combined];
            for run in runs {
                let allocations = count.during(|| run(100_000));
                assert!(
                    allocations < 3_000,
                    "{allocations} allocations for 100,000 results"
                );
            }
            COUNTER.set(None);
        }
    });
}

/// Loops of many kinds, none of which has a result that needs memory.
fn loops(numbers: &[u64], token: &CancelToken) {
    let sum: u64 = numbers.par_iter().map(|x| x ^ 1).sum();
    let even = numbers.par_iter().filter(|x| *x % 2 == 0).count();
    let parts = numbers
        .par_chunks(7)
        .zip(numbers.par_windows(3))
        .map(|(a, b)| a[0] + b[2]);
    let greatest = parts.rev().skip(1).step_by(2).max();
    let folded = numbers
        .par_iter()
        .fold(|| 0, |a, b| a ^ b)
        .reduce(|| 0, |a, b| a ^ b);
    let found = numbers
        .par_iter()
        .enumerate()
        .find_first(|(i, _)| *i == numbers.len() / 2);
    let pairs = numbers
        .par_iter()
        .flat_map(|&x| (0..x % 3).into_par_iter().map(move |y| x + y));
    let pairs = pairs.chain(0..9).map(|x| x / 2).min();
    let bridged: u64 = numbers.iter().par_bridge().copied().sum();
    let told: Option<u64> = numbers.par_iter().copied().cancel(token).sum().ok();
    let states = numbers.par_iter().with_worker_state(|| 0).map(|state, x| {
        *state += x;
        *state
    });
    let states = states.progress(|_| ()).any(|x| x == u64::MAX);
    let checked = numbers
        .par_iter()
        .try_for_each(|&x| (x < u64::MAX).then_some(()));
    numbers
        .par_iter()
        .for_each_init(|| 0, |state, x| *state += x);
    black_box((
        sum, even, greatest, folded, found, pairs, bridged, told, states, checked,
    ));
}

#[test]
fn loops_on_the_only_worker_do_not_allocate() {
    watched(|| {
        let count = Count::of_workers();
        let pool = count.pool(1);
        let numbers: Vec<u64> = (0..1000).collect();
        let token = CancelToken::new();
        let allocations = pool.install(|| {
            loops(&numbers, &token);
            count.during(|| (0..10).for_each(|_| loops(&numbers, &token)))
        });
        assert_eq!(allocations, 0);
    });
}

/// As with joins, few of many rounds may allocate at all.
#[test]
fn loops_that_are_shared_with_other_workers_do_not_allocate() {
    watched(|| {
        for size in [2, 8] {
            let count = Count::of_workers();
            let pool = count.pool(size);
            let numbers: Vec<u64> = (0..10_000).collect();
            let token = CancelToken::new();
            pool.broadcast(|_| loops(&numbers, &token));
            let rounds: Vec<usize> = pool.install(|| {
                let mut rounds = Vec::with_capacity(100);
                for _ in 0..100 {
                    rounds.push(count.during(|| loops(&numbers, &token)));
                }
                rounds
            });
            let with_allocations = rounds
                .iter()
                .filter(|&&allocations| allocations > 0)
                .count();
            assert!(
                with_allocations <= 10,
                "{size} workers, allocations of each round: {rounds:?}"
            );
        }
    });
}

#[test]
fn what_a_loop_allocates_is_its_result() {
    watched(|| {
        let count = Count::of_workers();
        let pool = count.pool(1);
        let numbers: Vec<u64> = (0..10_000).rev().collect();
        let mut into = Vec::with_capacity(numbers.len());
        let mut sorted = numbers.clone();
        pool.install(|| {
            numbers.par_iter().copied().collect_into_vec(&mut into);
            let made = count.during(|| drop(numbers.par_iter().copied().collect::<Vec<_>>()));
            assert_eq!(made, 1, "a vector of a known length");
            let reused = count.during(|| numbers.par_iter().copied().collect_into_vec(&mut into));
            assert_eq!(reused, 0, "a vector that there is");
            assert_eq!(
                count.during(|| sorted.par_sort_unstable()),
                0,
                "a sort in place"
            );
        });
    });
}
