//! No wake-up is lost: work that comes to a pool at rest is started, whoever brings it and wherever it is queued.
//! Nobody joins here, as a waiter could run the task itself: all results come through channels.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use windrow::{Priority, ThreadPool};

use crate::support::{Gate, SIZES, on_every_pool, pool, take};
use crate::watchdog::watched;

/// A pool, and where the system tells what its workers do.
struct Resting {
    pool: ThreadPool,
    workers: Vec<PathBuf>,
}

impl Resting {
    fn new(num_threads: usize) -> Resting {
        let pool = pool(num_threads);
        let own = |_| fs::canonicalize("/proc/thread-self/stat").ok();
        let workers = pool.broadcast(own).into_iter().flatten().collect();
        Resting { pool, workers }
    }

    /// Comes back when all workers seem to sleep: several looks in a row found them so. (Where the system does not tell, at
    /// once.)
    fn settle(&self) {
        look_until(5, || self.workers.iter().all(|worker| sleeps(worker)));
    }

    /// The same, and none of them only lingers: who does gets up again and again, to see what there is.
    fn settle_for_good(&self) {
        let naps = || -> Vec<_> { self.workers.iter().map(|w| naps(w)).collect() };
        let mut before = naps();
        look_until(200, || {
            let now = naps();
            let same = now == before;
            before = now;
            same && self.workers.iter().all(|worker| sleeps(worker))
        });
    }
}

/// Looks until `quiet` was true so many times in a row.
fn look_until(times: usize, mut quiet: impl FnMut() -> bool) {
    let mut in_a_row = 0;
    while in_a_row < times {
        thread::yield_now();
        in_a_row = if quiet() { in_a_row + 1 } else { 0 };
    }
}

/// How often a thread has gone to sleep, as the system counts it.
fn naps(stat: &Path) -> Option<String> {
    let status = fs::read_to_string(stat.with_file_name("status")).ok()?;
    let line = status.lines().find(|l| l.starts_with("voluntary_ctxt"));
    line.map(str::to_owned)
}

/// Whether a thread waits for something, by the third word of its status.
fn sleeps(stat: &Path) -> bool {
    fs::read_to_string(stat).is_ok_and(|stat| stat.contains(") S "))
}

#[test]
fn a_sleeping_pool_starts_what_comes_from_outside() {
    watched(|| {
        for size in SIZES {
            let resting = Resting::new(size);
            let (ran, runs) = channel();
            for round in 0..100 {
                resting.settle();
                let ran = ran.clone();
                let level = [Priority::Low, Priority::Normal, Priority::High][round % 3];
                drop(
                    resting
                        .pool
                        .spawn_with_priority(level, move || ran.send(round).unwrap()),
                );
                assert_eq!(runs.recv().unwrap(), round);
            }
            resting.settle();
            assert_eq!(resting.pool.install(|| 1), 1);
            resting.settle();
            assert_eq!(resting.pool.broadcast(|_| ()).len(), size);
            resting.settle();
        }
    });
}

#[test]
fn sleeping_workers_start_what_comes_from_one_that_is_awake() {
    watched(|| {
        for size in [2, 8] {
            let resting = Resting::new(size);
            for round in 0..100 {
                let (ran, runs) = channel();
                let (here, others_sleep) = (Gate::default(), Gate::default());
                let (started, go) = (here.clone(), others_sleep.clone());
                drop(resting.pool.spawn(move || {
                    started.open();
                    go.pass();
                    let (child, children) = channel();
                    if round % 2 == 0 {
                        drop(windrow::spawn(move || child.send(()).unwrap()));
                        children.recv().unwrap();
                    } else {
                        windrow::scope(|s| {
                            s.spawn(move || child.send(()).unwrap());
                            children.recv().unwrap();
                        });
                    }
                    ran.send(round).unwrap();
                }));
                here.pass();
                // The one that waits at the gate sleeps as well.
                resting.settle();
                others_sleep.open();
                assert_eq!(runs.recv().unwrap(), round);
            }
        }
    });
}

#[test]
fn sleeping_workers_help_with_a_join() {
    watched(|| {
        for size in [2, 8] {
            let resting = Resting::new(size);
            let join = || {
                let (started, start) = channel();
                let busy = || {
                    let start = start;
                    (0..1_000).any(|_| {
                        thread::yield_now();
                        start.try_recv().is_ok()
                    })
                };
                windrow::join(busy, move || started.send(()).is_ok()).0
            };
            let helped = (0..50)
                .filter(|round| {
                    resting.settle_for_good();
                    if round % 2 == 0 {
                        resting.pool.install(join)
                    } else {
                        resting.pool.scope(|_| join())
                    }
                })
                .count();
            // Each of them could have been; on a busy machine not each of them will.
            assert!(
                helped > 0,
                "sleeping workers never took the second half of a join"
            );
        }
    });
}

#[test]
fn a_single_task_wakes_a_pool_at_rest() {
    watched(|| {
        on_every_pool(|pool| {
            let (ran, runs) = channel();
            for round in 0..2_000 {
                let ran = ran.clone();
                let level = [Priority::Low, Priority::Normal, Priority::High][round % 3];
                drop(pool.spawn_with_priority(level, move || ran.send(round).unwrap()));
                assert_eq!(runs.recv().unwrap(), round);
            }
        });
    });
}

#[test]
fn bursts_wake_as_many_as_it_takes() {
    watched(|| {
        on_every_pool(|pool| {
            let size = pool.current_num_threads();
            for _ in 0..200 {
                let (here, arrivals) = channel();
                let holds: Vec<Sender<()>> = (0..size)
                    .map(|_| {
                        let (hold, held) = channel();
                        let here = here.clone();
                        drop(pool.spawn(move || {
                            here.send(()).unwrap();
                            let _ = held.recv();
                        }));
                        hold
                    })
                    .collect();
                // Each of them stands still, so they have to be on a worker each.
                take(&arrivals, size);
                drop(holds);
            }
        });
    });
}

#[test]
fn a_task_that_stands_still_is_helped_out_by_the_others() {
    watched(|| {
        for size in [2, 8] {
            let pool = pool(size);
            for round in 0..500 {
                let (ran, runs) = channel();
                drop(pool.spawn(move || {
                    let (child, children) = channel();
                    drop(windrow::spawn(move || child.send(()).unwrap()));
                    children.recv().unwrap();
                    ran.send(round).unwrap();
                }));
                assert_eq!(runs.recv().unwrap(), round);
            }
        }
    });
}

#[test]
fn a_task_that_stands_still_inside_a_scope_is_helped_out_by_the_others() {
    watched(|| {
        for size in [2, 8] {
            let pool = pool(size);
            for _ in 0..500 {
                let (ran, runs) = channel();
                drop(pool.spawn(move || {
                    windrow::scope(|s| {
                        let (child, children) = channel();
                        s.spawn(move || child.send(()).unwrap());
                        children.recv().unwrap();
                    });
                    ran.send(()).unwrap();
                }));
                runs.recv().unwrap();
            }
        }
    });
}

#[test]
fn two_pools_play_ping_pong() {
    fn ping(here: Arc<ThreadPool>, there: Arc<ThreadPool>, left: usize, over: Sender<()>) {
        if left == 0 {
            return over.send(()).unwrap();
        }
        let other = Arc::clone(&there);
        drop(other.spawn(move || ping(there, here, left - 1, over)));
    }
    watched(|| {
        for size in SIZES {
            let (here, there) = (Arc::new(pool(size)), Arc::new(pool(1)));
            let (over, ends) = channel();
            ping(here, there, 2_000, over);
            ends.recv().unwrap();
        }
    });
}

#[test]
fn many_producers_wake_one_pool() {
    watched(|| {
        on_every_pool(|pool| {
            thread::scope(|threads| {
                for _ in 0..4 {
                    threads.spawn(|| {
                        let (ran, runs) = channel();
                        for round in 0..500 {
                            let ran = ran.clone();
                            drop(pool.spawn(move || ran.send(round).unwrap()));
                            assert_eq!(runs.recv().unwrap(), round);
                        }
                    });
                }
            });
        });
    });
}

#[test]
fn the_caller_of_a_scope_wakes_when_a_worker_ends_its_last_task() {
    watched(|| {
        on_every_pool(|pool| {
            for _ in 0..500 {
                let (started, start) = channel();
                pool.scope(|s| {
                    s.spawn(move || {
                        started.send(()).unwrap();
                        thread::yield_now();
                    });
                    // From here on the caller has nothing left but to wait for the worker.
                    start.recv().unwrap();
                });
            }
        });
    });
}

#[test]
fn the_joiner_of_a_running_task_wakes_when_it_ends() {
    watched(|| {
        on_every_pool(|pool| {
            for _ in 0..500 {
                let (started, start) = channel();
                let handle = pool.spawn(move || {
                    started.send(()).unwrap();
                    thread::yield_now();
                    1
                });
                start.recv().unwrap();
                assert_eq!(handle.join().unwrap(), 1);
            }
        });
    });
}

/// futures-rs#2010: a thread's own park token belongs to the program, and no wait may live on it.
#[test]
fn a_wait_leaves_the_park_token_of_its_thread_alone() {
    fn wait_with_a_token(pool: &ThreadPool) {
        let started = Gate::default();
        let here = started.clone();
        let handle = pool.spawn(move || {
            here.open();
            (0..50).for_each(|_| thread::yield_now());
        });
        started.pass();
        thread::current().unpark();
        handle.join().unwrap();
        // Hangs if the wait has used the token up.
        thread::park();
    }
    watched(|| {
        for size in SIZES {
            let (pool, other) = (pool(size), pool(1));
            for _ in 0..200 {
                wait_with_a_token(&pool);
                other.install(|| wait_with_a_token(&pool));
            }
        }
    });
}

/// The pool is idle while a worker runs what is no task, and that waits for who waits for the pool to be idle.
#[test]
fn a_broadcast_may_wait_for_who_waits_for_the_pool_to_be_idle() {
    watched(|| {
        let pool = pool(1);
        let (last, idle) = (Gate::default(), Gate::default());
        let (here, starts) = channel();
        let task = last.clone();
        drop(pool.spawn(move || {
            here.send(()).unwrap();
            task.pass();
        }));
        starts.recv().unwrap();
        thread::scope(|threads| {
            threads.spawn(|| {
                pool.wait_idle();
                idle.open();
            });
            threads.spawn(|| pool.broadcast(|_| idle.pass()));
            // Time for both to wait.
            (0..1000).for_each(|_| thread::yield_now());
            last.open();
        });
    });
}

/// The same within it: the last task is one that it has waited for itself.
#[test]
fn a_broadcast_may_wait_for_who_waits_for_its_own_task() {
    watched(|| {
        let pool = pool(1);
        let (last, idle) = (Gate::default(), Gate::default());
        let (here, starts) = channel();
        thread::scope(|threads| {
            let (last_too, idle_too, pool) = (&last, &idle, &pool);
            threads.spawn(move || {
                pool.broadcast(|_| {
                    windrow::scope(|s| {
                        s.spawn(|| {
                            here.send(()).unwrap();
                            last_too.pass();
                        });
                    });
                    idle_too.pass();
                });
            });
            take(&starts, 1);
            threads.spawn(move || {
                pool.wait_idle();
                idle_too.open();
            });
            // Time for it to wait.
            (0..1000).for_each(|_| thread::yield_now());
            last.open();
        });
    });
}
