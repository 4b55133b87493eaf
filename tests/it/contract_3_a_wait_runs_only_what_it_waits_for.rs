//! Contract line 3: a wait runs the awaited task itself or what was spawned beneath it; never a stranger's task, and
//! never a sibling that it does not wait for. A parked waiter lends its slot to a spare worker.
//!
//! rayon#592: a task holds a mutex across a `join`, other queued tasks take the same mutex.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use windrow::ThreadPool;

use crate::support::{
    on_a_spare, on_a_worker, on_every_pool, pool, pool_without_spares, stall, take,
};
use crate::watchdog::watched;

/// The ways to wait inside a task. Each splits its work into two halves that others may take.
#[derive(Clone, Copy, Debug)]
enum Wait {
    Join,
    Scope,
    ScopedHandle,
    Handle,
    NestedScope,
}

const WAITS: [Wait; 5] = [
    Wait::Join,
    Wait::Scope,
    Wait::ScopedHandle,
    Wait::Handle,
    Wait::NestedScope,
];

impl Wait {
    /// Runs `half` twice and waits for both.
    fn run(self, half: impl Fn() + Send + Sync + Clone + 'static) {
        match self {
            Wait::Join => {
                windrow::join(&half, &half);
            }
            Wait::Scope => windrow::scope(|s| {
                s.spawn(&half);
                s.spawn(&half);
            }),
            Wait::ScopedHandle => windrow::scope(|s| {
                let other = s.spawn(&half);
                half();
                other.join().unwrap();
            }),
            Wait::Handle => {
                let other = windrow::spawn(half.clone());
                half();
                other.join().unwrap();
            }
            Wait::NestedScope => windrow::scope(|s| {
                s.spawn(|| windrow::scope(|s| drop((s.spawn(&half), s.spawn(&half)))));
            }),
        }
    }
}

/// Something to do that gives thieves a chance without counting on it.
fn some_work() {
    for _ in 0..20 {
        std::hint::spin_loop();
    }
    thread::yield_now();
}

#[test]
fn a_lock_held_across_a_wait_cannot_deadlock_on_a_stranger() {
    watched(|| {
        on_every_pool(|pool| {
            for wait in WAITS {
                let shared = Arc::new(Mutex::new(0));
                let handles: Vec<_> = (0..100)
                    .map(|_| {
                        let shared = shared.clone();
                        pool.spawn(move || {
                            let mut count = shared.lock().unwrap();
                            wait.run(some_work);
                            *count += 1;
                        })
                    })
                    .collect();
                for handle in handles {
                    handle.join().unwrap();
                }
                assert_eq!(*shared.lock().unwrap(), 100, "{wait:?}");
            }
        });
    });
}

#[test]
fn a_lock_held_across_a_wait_cannot_deadlock_on_a_sibling() {
    watched(|| {
        on_every_pool(|pool| {
            for wait in WAITS {
                let shared = Mutex::new(0);
                let task = || {
                    let mut count = shared.lock().unwrap();
                    wait.run(some_work);
                    *count += 1;
                };
                pool.scope(|s| (0..50).for_each(|_| drop(s.spawn(task))));
                pool.install(|| windrow::scope(|s| (0..50).for_each(|_| drop(s.spawn(task)))));
                assert_eq!(*shared.lock().unwrap(), 100, "{wait:?}");
            }
        });
    });
}

/// rayon#592 to the letter: a thief has the second half of the join, so that the holder of the lock has to wait, and the
/// other tasks are queued on the holder's own thread. The second half lasts until each of them has tried to get the lock.
#[test]
fn a_lock_held_while_b_is_stolen_stays_with_its_holder() {
    /// Where the other tasks ran, if a thief came, and whether they found the lock taken. First the holder's own thread.
    fn hold_and_join() -> (ThreadId, Vec<(ThreadId, bool)>) {
        let holder = thread::current().id();
        let lock = Arc::new(Mutex::new(()));
        let _held = lock.lock().unwrap();
        let stolen = AtomicBool::new(false);
        let (tried, tries) = channel();
        let queue_strangers = || {
            let tried = tried;
            for _ in 0..10_000 {
                if stolen.load(Ordering::SeqCst) {
                    break;
                }
                thread::yield_now();
            }
            for _ in 0..4 {
                let (tried, lock) = (tried.clone(), lock.clone());
                drop(windrow::spawn(move || {
                    tried
                        .send((thread::current().id(), lock.try_lock().is_err()))
                        .unwrap();
                }));
            }
        };
        let outlast_strangers = || {
            let tries = tries;
            if thread::current().id() == holder {
                return Vec::new();
            }
            stolen.store(true, Ordering::SeqCst);
            take(&tries, 4)
        };
        (holder, windrow::join(queue_strangers, outlast_strangers).1)
    }
    watched(|| {
        for size in [2, 8] {
            let pool = pool(size);
            let stolen = (0..1_000)
                .map(|_| on_a_worker(&pool, hold_and_join))
                .filter(|(_, strangers)| !strangers.is_empty())
                .take(20)
                .inspect(|(holder, strangers)| {
                    for (thread, found_it_taken) in strangers {
                        assert_ne!(thread, holder, "the waiter ran a stranger's task");
                        assert!(found_it_taken);
                    }
                })
                .count();
            assert!(
                stolen > 0,
                "idle workers never took the second half of a join"
            );
        }
    });
}

/// A task that is in the middle of a wait, by its number and that of its ancestors.
type Path = Vec<usize>;

thread_local! {
    /// The tasks that this thread is inside of, outermost first.
    static INSIDE: RefCell<Vec<Path>> = const { RefCell::new(Vec::new()) };
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Runs as a task at the end of `above`: whoever runs it in a wait must be waiting for it or an ancestor of it.
fn marked(above: &Path, depth: usize, wait: Wait) {
    let mut path = above.clone();
    path.push(NEXT.fetch_add(1, Ordering::Relaxed));
    INSIDE.with_borrow_mut(|inside| {
        if let Some(waiter) = inside.last() {
            assert!(
                path.starts_with(waiter),
                "{wait:?}: {waiter:?} ran {path:?} in its wait"
            );
        }
        inside.push(path.clone());
    });
    if depth > 0 {
        let below = path.clone();
        wait.run(move || marked(&below, depth - 1, wait));
    }
    let innermost = INSIDE.with_borrow_mut(Vec::pop);
    assert_eq!(innermost, Some(path), "another task was left on the thread");
}

#[test]
fn what_a_task_sets_up_on_its_thread_is_never_seen_by_a_stranger() {
    watched(|| {
        on_every_pool(|pool| {
            for wait in WAITS {
                let tasks: Vec<_> = (0..20)
                    .map(|_| pool.spawn(move || marked(&Path::new(), 3, wait)))
                    .collect();
                for task in tasks {
                    task.join().unwrap();
                }
            }
        });
    });
}

#[test]
fn what_a_task_sets_up_on_its_thread_is_never_seen_by_a_sibling() {
    watched(|| {
        on_every_pool(|pool| {
            for wait in WAITS {
                pool.scope(|s| {
                    for _ in 0..20 {
                        s.spawn(move || marked(&Path::new(), 3, wait));
                    }
                });
                pool.install(|| {
                    windrow::scope(|s| {
                        for _ in 0..20 {
                            s.spawn(move || marked(&Path::new(), 3, wait));
                        }
                    });
                });
            }
        });
    });
}

/// The second half of a join may be taken by any idle worker, but a waiter is not idle.
#[test]
fn a_waiter_leaves_the_halves_of_strange_joins_alone() {
    thread_local! {
        static WAITS: Cell<bool> = const { Cell::new(false) };
    }
    watched(|| {
        for size in [2, 8] {
            let (pool, elsewhere) = (pool(size), Arc::new(pool(1)));
            let over = Arc::new(AtomicBool::new(false));
            // One worker forks all the time.
            let taken_by_waiter = pool.spawn({
                let over = over.clone();
                move || {
                    let mut taken = 0;
                    while !over.load(Ordering::SeqCst) {
                        let a = || (0..5).for_each(|_| thread::yield_now());
                        taken += u32::from(windrow::join(a, || WAITS.get()).1);
                    }
                    taken
                }
            });
            // Another one waits all the time, for what is none of the pool's business.
            on_a_worker(&pool, move || {
                WAITS.set(true);
                for _ in 0..500 {
                    let (started, start) = channel();
                    let handle = elsewhere.spawn(move || {
                        started.send(()).unwrap();
                        (0..20).for_each(|_| thread::yield_now());
                    });
                    start.recv().unwrap();
                    handle.join().unwrap();
                }
                WAITS.set(false);
                over.store(true, Ordering::SeqCst);
            });
            let taken = taken_by_waiter.join().unwrap();
            assert_eq!(taken, 0, "halves of strange joins run by a waiter");
        }
    });
}

#[test]
fn a_parked_waiter_lends_its_slot_to_a_spare_that_runs_the_strangers() {
    watched(|| {
        let (waiter, strangers) = on_a_spare(&pool(1), || thread::current().id());
        assert!(
            !strangers.contains(&waiter),
            "the waiter ran a stranger's task"
        );
    });
}

#[test]
fn a_waiter_claims_the_task_it_waits_for() {
    watched(|| {
        on_every_pool(|pool| {
            let stalled = stall(pool);
            let handle = pool.spawn(|| thread::current().id());
            assert_eq!(handle.join().unwrap(), thread::current().id());
            drop(stalled);
        });
    });
}

#[test]
fn a_waiter_takes_the_claimed_task_out_of_a_long_queue() {
    watched(|| {
        for pool in [pool(1), pool_without_spares(1)] {
            let counter = Arc::new(AtomicUsize::new(0));
            let last = on_a_worker(&pool, move || {
                for _ in 0..1_000 {
                    let ran = counter.clone();
                    drop(windrow::spawn(move || ran.fetch_add(1, Ordering::SeqCst)));
                }
                let handle = windrow::spawn(|| thread::current().id());
                (
                    handle.join().unwrap() == thread::current().id(),
                    counter.load(Ordering::SeqCst),
                )
            });
            assert_eq!(last, (true, 0), "(in place, strangers run before)");
        }
    });
}

#[test]
fn a_scope_on_the_only_worker_runs_its_own_tasks_and_no_strangers() {
    watched(|| {
        let pool = pool_without_spares(1);
        let ran = Arc::new(AtomicUsize::new(0));
        let strangers = |pool: &ThreadPool| {
            for _ in 0..100 {
                let ran = ran.clone();
                drop(pool.spawn(move || ran.fetch_add(1, Ordering::SeqCst)));
            }
        };
        let before = pool.install(|| {
            strangers(&pool);
            windrow::scope(|s| {
                s.spawn(|| {
                    windrow::join(|| s.spawn(some_work), some_work)
                        .0
                        .join()
                        .unwrap()
                });
                strangers(&pool);
            });
            ran.load(Ordering::SeqCst)
        });
        assert_eq!(before, 0, "strangers run by a wait");
        drop(pool);
        assert_eq!(ran.load(Ordering::SeqCst), 200);
    });
}

#[test]
fn yield_now_runs_what_a_wait_could_run_and_no_stranger() {
    watched(|| {
        assert!(
            !windrow::yield_now(),
            "a thread outside has nothing to yield to"
        );
        on_a_worker(&pool_without_spares(1), || {
            let stranger = windrow::spawn(|| ());
            assert!(!windrow::yield_now(), "a stranger's task was run");
            windrow::scope(|s| {
                let child = s.spawn(|| thread::current().id());
                assert!(windrow::yield_now(), "the scope will wait for it");
                assert!(child.is_finished());
                assert_eq!(child.join().unwrap(), thread::current().id());
                assert!(!windrow::yield_now(), "there is nothing left");
                let second = s.spawn(|| ());
                assert!(windrow::yield_now(), "still the task's own scope");
                second.join().unwrap();
            });
            assert!(!stranger.is_finished());
        });
    });
}

/// Waits for a flag without the pool's knowing.
fn spin_until(flag: &AtomicBool) {
    while !flag.load(Ordering::SeqCst) {
        thread::yield_now();
    }
}

#[test]
fn a_waiter_runs_the_tasks_of_an_inner_scope_whose_owner_blocks() {
    watched(|| {
        let pool = pool_without_spares(2);
        pool.install(|| {
            let taken = AtomicBool::new(false);
            windrow::scope(|s| {
                s.spawn(|| {
                    windrow::scope(|inner| {
                        let (send, receive) = channel();
                        inner.spawn(move || send.send(()).unwrap());
                        taken.store(true, Ordering::SeqCst);
                        receive.recv().unwrap();
                    });
                });
                // The other worker has it and what it has spawned, and stands still.
                spin_until(&taken);
            });
        });
    });
}

#[test]
fn a_waiter_runs_the_tasks_of_a_stolen_fork_whose_thief_blocks() {
    watched(|| {
        let pool = pool_without_spares(3);
        pool.install(|| {
            let (stolen, over) = (AtomicBool::new(false), AtomicBool::new(false));
            windrow::scope(|s| {
                s.spawn(|| {
                    let fork = || {
                        windrow::scope(|inner| {
                            let (send, receive) = channel();
                            inner.spawn(move || send.send(()).unwrap());
                            stolen.store(true, Ordering::SeqCst);
                            receive.recv().unwrap();
                        });
                        over.store(true, Ordering::SeqCst);
                    };
                    windrow::join(|| spin_until(&over), fork);
                });
                // One worker has the task and stands still, another its fork and does, too.
                spin_until(&stolen);
            });
        });
    });
}
