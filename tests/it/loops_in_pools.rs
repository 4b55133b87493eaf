//! Where loops run, and what they do for the threads that take part: pools, levels, progress, states of threads; loops
//! inside of everything else.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use windrow::iter::{Progress, split, walk_tree_postfix, walk_tree_prefix};
use windrow::prelude::*;
use windrow::{Priority, ThreadPool};

use crate::loop_support::{LENS, linger, on_workers};
use crate::support::{Census, SIZES, from_outside_and_inside, pool, pool_without_spares};
use crate::watchdog::watched;

#[test]
fn a_loop_runs_in_the_pool_that_it_is_given() {
    for size in SIZES {
        watched(|| {
            let named = ThreadPool::builder()
                .num_threads(size)
                .thread_name(|i| format!("named-{i}"))
                .build()
                .unwrap();
            let other = pool(3);
            let caller = Mutex::new(thread::current().id());
            let items = |n: usize| {
                (0..n).into_par_iter().on(&named).map(|x| {
                    linger(x);
                    assert_eq!(windrow::current_num_threads(), size);
                    let here = thread::current();
                    let is_worker = here.name().is_some_and(|name| name.starts_with("named-"));
                    assert!(is_worker || here.id() == *caller.lock().unwrap());
                })
            };
            for n in LENS {
                assert_eq!(items(n).count(), n);
                assert_eq!(items(n).filter(|()| true).collect::<Vec<_>>().len(), n);
                assert_eq!(items(n).zip(0..n).count(), n);
                other.install(|| {
                    let before =
                        std::mem::replace(&mut *caller.lock().unwrap(), thread::current().id());
                    assert_eq!(items(n).count(), n);
                    assert_eq!(windrow::current_num_threads(), 3);
                    *caller.lock().unwrap() = before;
                });
                // A bridge, and a loop that is not indexed.
                let bridged = (0..n).par_bridge().on(&named);
                assert_eq!(
                    bridged
                        .map(|_| windrow::current_num_threads())
                        .filter(|&k| k == size)
                        .count(),
                    n
                );
            }
        });
    }
}

/// The level of the task that calls this, as one that it spawns inherits it.
fn level() -> Priority {
    let nested = windrow::task().spawn_with(|context| context.priority());
    nested.join().unwrap()
}

#[test]
fn everything_in_a_loop_has_the_level_of_the_loop() {
    for size in SIZES {
        let pool = pool(size);
        watched(|| {
            let threads = Mutex::new(HashSet::new());
            let levels = |priority| {
                pool.install(|| {
                    let items = (0..200).into_par_iter().with_priority(priority).map(|x| {
                        threads.lock().unwrap().insert(thread::current().id());
                        linger(x);
                        level()
                    });
                    let inside = items.collect::<Vec<_>>();
                    (inside, level())
                })
            };
            for priority in [Priority::Low, Priority::Normal, Priority::High] {
                let (inside, after) = levels(priority);
                assert_eq!(inside, vec![priority; 200]);
                assert_eq!(after, Priority::Normal);
            }
        });
    }
}

/// Spins: for reports that are due by time there has to be some.
fn spin(time: Duration) {
    let since = Instant::now();
    while since.elapsed() < time {}
}

#[test]
fn progress_never_goes_back_and_ends_with_everything() {
    on_workers(|| {
        let reports = Mutex::new(Vec::new());
        let report =
            |progress: Progress| reports.lock().unwrap().push((progress.done, progress.len));
        let heard = || std::mem::take(&mut *reports.lock().unwrap());
        let check = |all: usize, len: Option<usize>| {
            let heard = heard();
            assert!(heard.is_sorted(), "{heard:?}");
            assert_eq!(heard.last(), Some(&(all, len)));
            assert!(heard.iter().all(|report| report.1 == len));
        };
        for n in LENS {
            (0..n).into_par_iter().progress(report).for_each(linger);
            check(n, Some(n));
            (0..n)
                .into_par_iter()
                .filter(|x| x % 2 == 0)
                .progress(report)
                .for_each(linger);
            check(n.div_ceil(2), None);
            (0..n)
                .into_par_iter()
                .flat_map(|x| x..x + 3)
                .progress(report)
                .for_each(linger);
            check(3 * n, None);
            (0..n)
                .into_par_iter()
                .progress(report)
                .flat_map(|x| x..x + 3)
                .for_each(linger);
            check(n, Some(n));
            (0..n).par_bridge().progress(report).for_each(linger);
            check(n, None);
            if n > 0 {
                (0..n)
                    .into_par_iter()
                    .progress(report)
                    .zip(0..n)
                    .for_each(|(x, _)| linger(x));
                check(n, Some(n));
                (0..n)
                    .into_par_iter()
                    .progress(report)
                    .rev()
                    .for_each(linger);
                check(n, Some(n));
            }
        }
        (0..300)
            .into_par_iter()
            .progress(report)
            .for_each(|_| spin(Duration::from_micros(300)));
        let long = heard();
        assert!(long.len() > 1, "{long:?}");
        assert!(long.is_sorted() && long.last() == Some(&(300, Some(300))));
    });
}

#[test]
fn there_are_no_more_states_than_threads() {
    // A spare thread that stands in for a waiting one is a thread more.
    for size in SIZES {
        let pool = pool_without_spares(size);
        watched(|| pool.install(states_of_loops));
    }
}

fn states_of_loops() {
    let threads = windrow::current_num_threads();
    for n in LENS {
        let made = AtomicUsize::new(0);
        let state = || {
            made.fetch_add(1, Ordering::SeqCst);
            0
        };
        let add = |sum: &mut usize, x: usize| {
            linger(x);
            *sum += x;
        };
        let states = (0..n)
            .into_par_iter()
            .with_max_len(1)
            .with_worker_state(state)
            .collect_states(add);
        assert_eq!(states.len(), made.swap(0, Ordering::SeqCst));
        assert!(states.len() <= threads.min(n), "{} states", states.len());
        assert_eq!(states.iter().sum::<usize>(), n * n.saturating_sub(1) / 2);

        // A loop beneath, and one above.
        let nested = (0..n)
            .into_par_iter()
            .flat_map(|x| (0..3).into_par_iter().map(move |_| x))
            .with_worker_state(state)
            .collect_states(|sum, x| {
                (0..20_usize).into_par_iter().for_each(linger);
                add(sum, x);
            });
        assert!(made.swap(0, Ordering::SeqCst) <= threads);
        assert_eq!(
            nested.iter().sum::<usize>(),
            3 * n * n.saturating_sub(1) / 2
        );
        let mapped: Vec<_> = (0..n)
            .into_par_iter()
            .with_worker_state(state)
            .map(|_, x| x)
            .collect();
        assert!(mapped.iter().copied().eq(0..n));
        assert!(made.swap(0, Ordering::SeqCst) <= threads);
        let bridged = (0..n)
            .par_bridge()
            .with_worker_state(state)
            .collect_states(add);
        assert!(made.swap(0, Ordering::SeqCst) <= threads);
        assert_eq!(bridged.iter().sum::<usize>(), n * n.saturating_sub(1) / 2);
    }
    let below = |&(depth, node): &(u32, usize)| {
        (0..if depth < 8 { 2 } else { 0 }).map(move |i| (depth + 1, 2 * node + i))
    };
    let made = AtomicUsize::new(0);
    let state = || made.fetch_add(1, Ordering::SeqCst);
    let look = |_: &mut usize, (_, node): (u32, usize)| {
        // So long that the work is cut wherever it may be.
        for _ in 0..50 {
            linger(node);
        }
        (0..300).for_each(|n| _ = std::hint::black_box(n));
    };
    for round in 0..10 {
        let root = (round % 3, 1);
        let found = [
            walk_tree_prefix(root, below)
                .with_worker_state(state)
                .collect_states(look),
            walk_tree_postfix(root, below)
                .with_worker_state(state)
                .collect_states(look),
            split(0..600_usize, |range| {
                let mid = range.start.midpoint(range.end);
                if range.len() < 2 {
                    return (range, None);
                }
                (range.start..mid, Some(mid..range.end))
            })
            .flat_map_iter(|range| range.map(|node| (0, node)))
            .with_worker_state(state)
            .collect_states(look),
        ];
        let made = made.swap(0, Ordering::SeqCst);
        assert_eq!(found.iter().map(Vec::len).sum::<usize>(), made);
        let most = found.iter().map(Vec::len).max();
        assert!(most <= Some(threads), "{most:?} states");
    }
    let failed = (0..100)
        .into_par_iter()
        .with_worker_state(|| ())
        .try_for_each(|(), x| if x == 50 { Err(x) } else { Ok(()) });
    assert_eq!(failed, Err(50));
}

#[test]
fn a_state_is_never_with_two_items_at_a_time() {
    on_workers(|| {
        let censuses = (0..3000)
            .into_par_iter()
            .with_worker_state(Census::default)
            .collect_states(|census, x| {
                let _present = census.enter();
                linger(x);
            });
        assert!(censuses.iter().all(|census| census.peak() == 1));
    });
}

#[test]
fn a_state_that_cannot_be_made_ends_the_loop() {
    on_workers(|| {
        let ended = std::panic::catch_unwind(|| {
            (0..1000)
                .into_par_iter()
                .with_worker_state(|| std::panic::resume_unwind(Box::new("no state")))
                .for_each(|(), _: usize| ());
        });
        assert_eq!(crate::support::text(&*ended.unwrap_err()), "no state");
    });
}

fn sum(n: u64) -> u64 {
    (0..n).into_par_iter().map(|x| x * 2).sum::<u64>() / 2
}

#[test]
fn loops_run_inside_of_tasks_scopes_joins_and_loops() {
    from_outside_and_inside(|pool| {
        watched(|| {
            let expected = 4_999 * 5_000 / 2;
            let handles: Vec<_> = (0..20).map(|_| pool.spawn(|| sum(5_000))).collect();
            let sums = Mutex::new(Vec::new());
            pool.scope(|s| {
                for _ in 0..10 {
                    s.spawn(|| {
                        let both = windrow::join(|| sum(5_000), || sum(5_000));
                        sums.lock().unwrap().extend([both.0, both.1]);
                    });
                }
            });
            assert_eq!(sums.into_inner().unwrap(), [expected; 20]);
            for handle in handles {
                assert_eq!(handle.join().unwrap(), expected);
            }
            let nested: Vec<u64> = (0..40_u64)
                .into_par_iter()
                .on(pool)
                .map(|x| {
                    let inner = (0..x).into_par_iter().map(|y| sum(y * 10)).sum::<u64>();
                    let task = windrow::spawn(move || sum(x));
                    let (left, right) = windrow::join(|| sum(x), || task.join().unwrap());
                    inner + left + right
                })
                .collect();
            let triangle = |n: u64| n * n.saturating_sub(1) / 2;
            let serial = |x: u64| (0..x).map(|y| triangle(y * 10)).sum::<u64>() + 2 * triangle(x);
            assert!(nested.into_iter().eq((0..40).map(serial)));
        });
    });
}

/// Loops of many kinds, and who met which item when.
fn met(seed: u64, threads: usize) -> (Vec<usize>, Vec<(usize, Option<usize>)>) {
    let builder = ThreadPool::builder().num_threads(threads);
    let pool = builder.deterministic(seed).build().unwrap();
    let events = Mutex::new(Vec::new());
    let results = pool.install(|| {
        let note = |x: usize| {
            events
                .lock()
                .unwrap()
                .push((x, windrow::current_thread_index()));
            // Others have their turn while this one sleeps.
            pool.sleep(Duration::from_millis(x as u64 % 3));
            x
        };
        let mut results: Vec<usize> = (0..40).into_par_iter().map(note).collect();
        results.extend(
            (0..6)
                .into_par_iter()
                .flat_map(|x| x..x + 5)
                .map(note)
                .take_any(9)
                .collect::<Vec<_>>(),
        );
        results.extend((0..30).into_par_iter().map(note).find_any(|x| x % 7 == 3));
        results.extend(
            (0..30)
                .par_bridge()
                .map(note)
                .filter(|x| x % 3 == 0)
                .collect::<Vec<_>>(),
        );
        results.push(
            (0..50)
                .into_par_iter()
                .map(note)
                .fold(|| 0, |a, b| a + b)
                .count(),
        );
        results
    });
    (results, events.into_inner().unwrap())
}

#[test]
fn loops_on_a_deterministic_pool_are_the_same_for_a_seed() {
    for threads in [1, 2, 4] {
        watched(|| {
            let mut orders = HashSet::new();
            for seed in 0..12 {
                let first = met(seed, threads);
                assert_eq!(met(seed, threads), first, "seed {seed}");
                assert_eq!(first.0[..40], (0..40).collect::<Vec<_>>());
                orders.insert(first.1);
            }
            assert!(
                threads == 1 || orders.len() > 1,
                "other seeds have other orders"
            );
        });
    }
}
