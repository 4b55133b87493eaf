//! Contract line 6: a worker takes the highest level there is anywhere in the pool; a lower level is served at least
//! once in 64 picks; a nested task inherits its parent's level; a high waiter is not stuck behind low work.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier, Mutex};

use windrow::{Priority, ThreadPool};

use crate::support::{Gate, SIZES, pool, pool_without_spares, stall, take};
use crate::watchdog::watched;

/// The order in which tasks started.
#[derive(Clone)]
struct Order<T>(Arc<Mutex<Vec<T>>>);

impl<T: Copy + Send + 'static> Order<T> {
    fn new() -> Order<T> {
        Order(Arc::default())
    }

    fn note(&self, what: T) {
        self.0.lock().unwrap().push(what);
    }

    /// Queues a task that notes that it started.
    fn queue(&self, pool: &ThreadPool, level: Priority, what: T) {
        let order = self.clone();
        drop(pool.spawn_with_priority(level, move || order.note(what)));
    }

    fn all(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }
}

#[test]
fn a_high_task_is_the_next_pick_before_100_000_low_ones() {
    watched(|| {
        let pool = pool(1);
        let order = Order::new();
        let stalled = stall(&pool);
        for _ in 0..100_000 {
            order.queue(&pool, Priority::Low, Priority::Low);
        }
        order.queue(&pool, Priority::High, Priority::High);
        drop(stalled);
        drop(pool);
        let order = order.all();
        assert_eq!(order[0], Priority::High);
        assert_eq!(order.len(), 100_001);
    });
}

#[test]
fn levels_are_picked_from_the_highest_down() {
    watched(|| {
        let pool = pool(1);
        let order = Order::new();
        let stalled = stall(&pool);
        // Few enough that no lower level is due in between.
        for _ in 0..10 {
            for level in [Priority::Low, Priority::High, Priority::Normal] {
                order.queue(&pool, level, level);
            }
        }
        drop(stalled);
        drop(pool);
        let levels = [Priority::High, Priority::Normal, Priority::Low];
        assert_eq!(order.all(), levels.map(|level| [level; 10]).concat());
    });
}

#[test]
fn a_high_task_that_comes_while_low_ones_are_worked_off_is_next() {
    const LOW: usize = 1_000;
    const EVERY: usize = 37;
    watched(|| {
        let pool = pool(1);
        let order = Order::new();
        let (ask, asked) = channel();
        let stalled = stall(&pool);
        let count = Arc::new(AtomicUsize::new(0));
        for _ in 0..LOW {
            let (order, ask, count) = (order.clone(), ask.clone(), count.clone());
            drop(pool.spawn_with_priority(Priority::Low, move || {
                order.note(Priority::Low);
                if (count.fetch_add(1, Ordering::SeqCst) + 1) % EVERY == 0 {
                    let urgent = Gate::default();
                    ask.send(urgent.clone()).unwrap();
                    urgent.pass();
                }
            }));
        }
        drop((stalled, ask));
        for urgent in asked {
            order.queue(&pool, Priority::High, Priority::High);
            urgent.open();
        }
        drop(pool);
        // For each high task: how many low ones started between its arrival and its start.
        let mut low = 0;
        let mut delays = Vec::new();
        for level in order.all() {
            match level {
                Priority::High => delays.push(low - EVERY * (delays.len() + 1)),
                _ => low += 1,
            }
        }
        assert_eq!((low, delays.len()), (LOW, LOW / EVERY));
        assert!(delays.iter().all(|&delay| delay <= 1), "{delays:?}");
        // The low level may be due just then, but only once in 64 picks.
        assert!(delays.iter().sum::<usize>() <= 2, "{delays:?}");
    });
}

#[test]
fn a_worker_leaves_its_own_low_tasks_for_a_high_one_in_another_queue() {
    watched(|| {
        for _ in 0..50 {
            let pool = pool(2);
            let order = Order::new();
            let both_queued = Arc::new(Barrier::new(2));
            drop(pool.spawn({
                let (order, both_queued) = (order.clone(), both_queued.clone());
                move || {
                    let high_ran = Gate::default();
                    let high = high_ran.clone();
                    drop(windrow::spawn_with_priority(Priority::High, move || {
                        order.note(Priority::High);
                        high.open();
                    }));
                    both_queued.wait();
                    // Stands still, so that only the other worker picks.
                    high_ran.pass();
                }
            }));
            drop(pool.spawn({
                let order = order.clone();
                move || {
                    for _ in 0..10 {
                        let order = order.clone();
                        drop(windrow::spawn_with_priority(Priority::Low, move || {
                            order.note(Priority::Low)
                        }));
                    }
                    both_queued.wait();
                }
            }));
            drop(pool);
            assert_eq!(order.all()[0], Priority::High);
        }
    });
}

/// Keeps every worker busy at `level`, without end, until `over`.
fn endless(level: Priority, over: Arc<AtomicBool>) {
    if !over.load(Ordering::SeqCst) {
        drop(windrow::spawn_with_priority(level, move || {
            endless(level, over)
        }));
    }
}

#[test]
fn lower_levels_progress_under_endless_higher_load() {
    use Priority::{High, Low, Normal};
    watched(|| {
        for size in SIZES {
            for (load, starved) in [
                (vec![High], Low),
                (vec![High], Normal),
                (vec![Normal], Low),
                (vec![High, Normal], Low),
            ] {
                let pool = pool(size);
                let over = Arc::new(AtomicBool::new(false));
                let stalled = stall(&pool);
                for _ in 0..2 * size {
                    for &level in &load {
                        let over = over.clone();
                        drop(pool.spawn_with_priority(level, move || endless(level, over)));
                    }
                }
                let (ran, runs) = channel();
                for _ in 0..10 {
                    let ran = ran.clone();
                    drop(pool.spawn_with_priority(starved, move || ran.send(()).unwrap()));
                }
                drop(stalled);
                take(&runs, 10);
                over.store(true, Ordering::SeqCst);
            }
        }
    });
}

#[test]
fn a_lower_level_is_served_once_in_64_picks_and_not_much_more() {
    watched(|| {
        for (higher, lower) in [
            (Priority::High, Priority::Low),
            (Priority::High, Priority::Normal),
            (Priority::Normal, Priority::Low),
        ] {
            let pool = pool(1);
            let order = Order::new();
            let stalled = stall(&pool);
            for _ in 0..6_400 {
                order.queue(&pool, higher, higher);
            }
            for _ in 0..100 {
                order.queue(&pool, lower, lower);
            }
            drop(stalled);
            drop(pool);

            let order = order.all();
            let last_of = |level| order.iter().rposition(|&it| it == level).unwrap();
            let both_remain = last_of(higher).min(last_of(lower));
            for window in order[..both_remain].windows(65) {
                assert!(
                    window.contains(&lower),
                    "64 picks in a row without {lower:?}"
                );
            }
            let early = order[..640].iter().filter(|&&level| level == lower).count();
            assert!(early <= 64, "{early} of the first 640 picks were {lower:?}");
        }
    });
}

#[test]
fn both_lower_levels_are_served_while_there_is_high_work() {
    watched(|| {
        let pool = pool(1);
        let order = Order::new();
        let stalled = stall(&pool);
        for level in [Priority::Low, Priority::Normal, Priority::High] {
            for _ in 0..5_000 {
                order.queue(&pool, level, level);
            }
        }
        drop(stalled);
        drop(pool);
        for window in order.all()[..4_000].chunks(500) {
            assert!(window.contains(&Priority::Normal) && window.contains(&Priority::Low));
        }
    });
}

/// The order in which the only worker starts ten normal tasks and one that `nest` spawns between them, in a task of
/// `level`.
fn among_normal(level: Priority, nest: fn(Sender<&'static str>)) -> Vec<&'static str> {
    fn queue(note: &Sender<&'static str>) {
        for _ in 0..5 {
            let note = note.clone();
            drop(windrow::spawn_with_priority(Priority::Normal, move || {
                note.send("normal").unwrap();
            }));
        }
    }
    let pool = pool_without_spares(1);
    let (note, order) = channel();
    drop(pool.spawn_with_priority(level, move || {
        queue(&note);
        nest(note.clone());
        queue(&note);
    }));
    drop(pool);
    order.iter().collect()
}

/// Queues a task at whatever level it gets from where it is spawned.
fn child(note: Sender<&'static str>) {
    drop(windrow::spawn(move || note.send("child").unwrap()));
}

#[test]
fn a_nested_task_inherits_its_parents_level() {
    let nests: [fn(Sender<&'static str>); 4] = [
        child,
        |note| windrow::join(|| (), || child(note)).1,
        |note| windrow::scope(|s| drop(s.spawn(|| child(note)))),
        |note| drop(windrow::spawn(|| child(note)).join()),
    ];
    watched(|| {
        for nest in nests {
            let order = among_normal(Priority::High, nest);
            assert_eq!((order[0], order.len()), ("child", 11), "of a high parent");
            let order = among_normal(Priority::Low, nest);
            assert_eq!((order[10], order.len()), ("child", 11), "of a low parent");
        }
    });
}

#[test]
fn a_nested_task_may_be_told_another_level() {
    let nests: [fn(Sender<&'static str>); 2] = [
        |note| {
            drop(windrow::spawn_with_priority(Priority::Low, move || {
                note.send("child").unwrap();
            }));
        },
        // What is spawned by the told one inherits what it was told.
        |note| {
            windrow::scope(|s| drop(s.spawn_with_priority(Priority::Low, move || child(note))));
        },
    ];
    watched(|| {
        for nest in nests {
            let order = among_normal(Priority::High, nest);
            assert_eq!((order[10], order.len()), ("child", 11));
        }
    });
}

#[test]
fn the_pools_own_level_is_that_of_tasks_from_outside() {
    watched(|| {
        for level in [Priority::Low, Priority::High] {
            let pool = ThreadPool::builder()
                .num_threads(1)
                .priority(level)
                .build()
                .unwrap();
            let order = Order::new();
            let stalled = stall(&pool);
            let default = order.clone();
            if level == Priority::Low {
                drop(pool.spawn(move || default.note("default")));
                order.queue(&pool, Priority::Normal, "normal");
            } else {
                order.queue(&pool, Priority::Normal, "normal");
                drop(pool.spawn(move || default.note("default")));
            }
            drop(stalled);
            drop(pool);
            let last = if level == Priority::Low {
                "default"
            } else {
                "normal"
            };
            assert_eq!(order.all()[1], last, "{level:?}");
        }
    });
}

#[test]
fn a_high_waiter_is_not_stuck_behind_what_is_queued_before_the_low_task_it_waits_for() {
    watched(|| {
        let pool = pool(1);
        let (note, order) = channel();
        let stalled = stall(&pool);
        let waited_for = {
            for _ in 0..1_000 {
                let note = note.clone();
                drop(pool.spawn(move || note.send("normal").unwrap()));
            }
            let note = note.clone();
            pool.spawn_with_priority(Priority::Low, move || note.send("low").unwrap())
        };
        drop(pool.spawn_with_priority(Priority::High, move || {
            waited_for.join().unwrap();
            note.send("high").unwrap();
        }));
        drop((stalled, pool));
        assert_eq!(take(&order, 2), ["low", "high"]);
    });
}

#[test]
fn a_high_waiter_is_not_stuck_behind_what_is_queued_before_the_low_tasks_of_its_scope() {
    watched(|| {
        for pool in [pool(1), pool_without_spares(1)] {
            for spawn_first in [true, false].repeat(50) {
                let (note, order) = channel();
                let waiter = note.clone();
                drop(pool.spawn_with_priority(Priority::High, move || {
                    let strangers = || {
                        for _ in 0..100 {
                            let note = note.clone();
                            drop(windrow::spawn_with_priority(Priority::Normal, move || {
                                let _ = note.send("normal");
                            }));
                        }
                    };
                    windrow::scope(|s| {
                        if spawn_first {
                            s.spawn_with_priority(Priority::Low, || ());
                            strangers();
                        } else {
                            strangers();
                            s.spawn_with_priority(Priority::Low, || ());
                        }
                    });
                    waiter.send("high").unwrap();
                }));
                let first = order.recv().unwrap();
                assert_eq!(first, "high", "low task first: {spawn_first}, {pool:?}");
            }
        }
    });
}

#[test]
fn levels_compare_from_low_to_high() {
    assert!(Priority::Low < Priority::Normal && Priority::Normal < Priority::High);
    assert_eq!(Priority::default(), Priority::Normal);
}
