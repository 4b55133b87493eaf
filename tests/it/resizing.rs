//! Lifecycle: `resize` grows at once and shrinks as workers get through with what they run; nothing is lost by it.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use windrow::{Observer, ResizeError, ThreadPool};

use crate::support::{
    Gate, Ledger, SIZES, on_a_worker, pool, pool_without_spares, stall, take, yield_until,
};
use crate::watchdog::watched;

/// Waits until the pool has as many threads as it is to have.
fn settle(pool: &ThreadPool, threads: usize) {
    while pool.stats().threads != threads {
        thread::yield_now();
    }
}

#[test]
fn it_grows_at_once() {
    watched(|| {
        for (from, to) in [(1, 2), (1, 8), (2, 3), (3, 64)] {
            let pool = pool(from);
            pool.resize(to).unwrap();
            assert_eq!(pool.current_num_threads(), to);
            assert_eq!(pool.broadcast(|index| index), (0..to).collect::<Vec<_>>());
            assert_eq!(pool.install(windrow::current_num_threads), to);
            // So many tasks run at a time.
            let stalled = stall(&pool);
            assert_eq!(pool.stats().running, to as u64);
            drop(stalled);
        }
    });
}

#[test]
fn what_has_grown_may_have_its_spares_as_well() {
    watched(|| {
        let builder = ThreadPool::builder().num_threads(1).spare_threads(1);
        let pool = builder.build().unwrap();
        pool.resize(2).unwrap();
        let gate = Gate::default();
        let blocked = [(); 2].map(|()| {
            let gate = gate.clone();
            pool.spawn(move || windrow::blocking(|| gate.pass()))
        });
        // Two workers block; a third thread is there for this one. (It would be run here if it were joined.)
        on_a_worker(&pool, move || gate.open());
        for task in blocked {
            task.join().unwrap();
        }
    });
}

#[test]
fn it_grows_over_a_spare_that_has_begun() {
    watched(|| {
        let pool = pool(1);
        let gate = Gate::default();
        let open = gate.clone();
        drop(pool.spawn(move || windrow::blocking(|| gate.pass())));
        // A spare is there, since it runs this.
        on_a_worker(&pool, || ());
        pool.resize(3).unwrap();
        assert_eq!(pool.stats().threads, 3, "the spare is one of them");
        open.open();
    });
}

#[test]
fn it_shrinks_after_the_tasks_that_run() {
    watched(|| {
        for (from, to) in [(2, 1), (8, 1), (8, 3)] {
            let pool = pool_without_spares(from);
            let stalled = stall(&pool);
            let waiting = pool.spawn(|| ());
            pool.resize(to).unwrap();
            assert_eq!(pool.current_num_threads(), to);
            assert_eq!(
                (pool.stats().threads, pool.stats().running),
                (from, from as u64)
            );
            drop(stalled);
            settle(&pool, to);
            while !waiting.is_finished() {
                thread::yield_now();
            }
            assert_eq!(pool.broadcast(|index| index), (0..to).collect::<Vec<_>>());
            let stats = pool.stats();
            assert_eq!((stats.workers, stats.threads, stats.spare), (to, to, 0));
        }
    });
}

#[test]
fn what_was_queued_at_a_worker_that_leaves_is_run_by_others() {
    watched(|| {
        for round in 0..20 {
            let (pool, ledger, go) = (pool_without_spares(3), Ledger::new(150), Gate::default());
            // Each worker fills its own deque, then stands still.
            let (here, filled) = channel();
            for worker in 0..3 {
                let (ledger, go, here) = (ledger.clone(), go.clone(), here.clone());
                drop(pool.spawn(move || {
                    for index in 50 * worker..50 * worker + 50 {
                        let entry = ledger.entry(index);
                        drop(windrow::spawn(move || entry.run()));
                    }
                    here.send(()).unwrap();
                    go.pass();
                }));
            }
            take(&filled, 3);
            pool.resize(1 + round % 2).unwrap();
            go.open();
            pool.wait_idle();
            ledger.assert_all_ran();
            settle(&pool, 1 + round % 2);
        }
    });
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    watched(|| {
        let pool = pool_without_spares(2);
        assert!(matches!(pool.resize(0), Err(ResizeError::ZeroThreads)));
        for many in [4096, 1 << 20, usize::MAX] {
            match pool.resize(many).unwrap_err() {
                ResizeError::TooManyThreads { requested, max } => {
                    assert_eq!((requested, max), (many, 4095));
                }
                error => panic!("{error}"),
            }
        }
        let with_spares = self::pool(2);
        let error = with_spares.resize(2048).unwrap_err();
        assert!(
            error.to_string().contains("4095 threads at most"),
            "{error}"
        );
        assert_eq!((pool.current_num_threads(), pool.stats().threads), (2, 2));
        assert_eq!(pool.broadcast(|index| index), [0, 1]);
        pool.shutdown();
        assert!(matches!(pool.resize(1), Err(ResizeError::Closed)));
        assert_eq!(pool.stats().threads, 0);
    });
}

#[test]
fn a_task_may_resize_its_own_pool() {
    watched(|| {
        for size in SIZES {
            let outer = Arc::new(pool(size));
            let pool = outer.clone();
            let sizes = on_a_worker(&outer, move || {
                [5, 1, 3].map(|to| {
                    pool.resize(to).unwrap();
                    // Its own thread is among them only if it stays.
                    let sum: usize = pool.scope(|s| {
                        let handles: Vec<_> = (0..20).map(|n| s.spawn(move || n)).collect();
                        handles.into_iter().map(|h| h.join().unwrap()).sum()
                    });
                    assert_eq!(sum, 190);
                    windrow::current_num_threads()
                })
            });
            assert_eq!(sizes, [5, 1, 3]);
            assert_eq!(outer.broadcast(|index| index), [0, 1, 2]);
        }
    });
}

#[test]
fn many_may_resize_it_at_once() {
    watched(|| {
        for _ in 0..20 {
            let (pool, ledger, start) = (pool(2), Ledger::new(200), Barrier::new(4));
            thread::scope(|threads| {
                for resizer in 0..3 {
                    let (pool, start) = (&pool, &start);
                    threads.spawn(move || {
                        start.wait();
                        for round in 0..30 {
                            pool.resize(1 + (7 * resizer + 3 * round) % 9).unwrap();
                            let indices = pool.broadcast(|index| index);
                            assert_eq!(indices, (0..indices.len()).collect::<Vec<_>>());
                        }
                    });
                }
                start.wait();
                for index in 0..200 {
                    let entry = ledger.entry(index);
                    drop(pool.spawn(move || entry.run()));
                }
            });
            pool.resize(3).unwrap();
            assert_eq!(pool.broadcast(|index| index), [0, 1, 2]);
            pool.wait_idle();
            ledger.assert_all_ran();
        }
    });
}

#[test]
fn a_paused_pool_can_be_resized() {
    watched(|| {
        for (from, to) in [(1, 4), (4, 1), (2, 2)] {
            let (pool, ledger) = (pool_without_spares(from), Ledger::new(20));
            pool.pause();
            for index in 0..20 {
                let entry = ledger.entry(index);
                drop(pool.spawn(move || entry.run()));
            }
            pool.resize(to).unwrap();
            settle(&pool, to);
            assert!(pool.is_paused());
            assert_eq!((pool.stats().running, pool.stats().queued_total()), (0, 20));
            pool.resume();
            pool.wait_idle();
            ledger.assert_all_ran();
        }
    });
}

/// Where nobody can take a fork none is offered: a pool that grows has to start doing so.
#[test]
fn a_join_that_runs_forks_when_its_pool_has_grown() {
    watched(|| {
        for _ in 0..20 {
            let outer = Arc::new(pool_without_spares(1));
            let pool = outer.clone();
            on_a_worker(&outer, move || {
                assert_eq!(windrow::join(|| 1, || 2), (1, 2));
                pool.resize(2).unwrap();
                // Only another thread can get on with the other side.
                let met = Barrier::new(2);
                windrow::join(|| met.wait().is_leader(), || met.wait().is_leader());
            });
        }
    });
}

/// A fork that was there before the pool grew is there for the new worker.
#[test]
fn a_fork_that_was_pending_is_stolen_when_the_pool_has_grown() {
    watched(|| {
        for _ in 0..20 {
            let outer = Arc::new(pool_without_spares(1));
            let pool = outer.clone();
            on_a_worker(&outer, move || {
                let stolen = AtomicBool::new(false);
                windrow::join(
                    || {
                        pool.resize(3).unwrap();
                        while !stolen.load(Ordering::SeqCst) {
                            // Forks are offered at forks.
                            windrow::join(|| (), || ());
                        }
                    },
                    || stolen.store(true, Ordering::SeqCst),
                );
            });
        }
    });
}

/// A thread that is leaving comes back when the pool grows meanwhile. No other one takes its place then, as the pool would
/// have one too many for ever.
#[test]
fn who_comes_back_is_not_replaced() {
    watched(|| {
        let ((start, started), (exit, exiting)) = (channel(), channel());
        let gone = Gate::default();
        let leave = gone.clone();
        let pool = ThreadPool::builder()
            .num_threads(2)
            .spare_threads(0)
            .start_handler(move |index| start.send(index).unwrap())
            .exit_handler(move |index| {
                exit.send(index).unwrap();
                leave.pass();
            })
            .build()
            .unwrap();
        pool.resize(1).unwrap();
        assert_eq!(exiting.recv().unwrap(), 1);
        pool.resize(2).unwrap();
        // One worker is busy and one on its way out, so nobody sleeps who could be woken for the second task.
        let (busy, waiting) = (Gate::default(), Gate::default());
        for mine in [&busy, &waiting] {
            let (mine, all) = (mine.clone(), [busy.clone(), waiting.clone()]);
            drop(pool.spawn(move || {
                mine.open();
                all.iter().for_each(Gate::pass);
            }));
        }
        gone.open();
        pool.wait_idle();
        assert_eq!(pool.stats().threads, 2);
        // It is a worker as any other: when both wait, nobody is active.
        let gate = Gate::default();
        for _ in 0..2 {
            let gate = gate.clone();
            drop(pool.spawn(move || windrow::blocking(|| gate.pass())));
        }
        let waiting = || pool.stats().running == 2 && pool.stats().active == 0;
        yield_until(waiting);
        gate.open();
        drop(pool);
        let mut indices: Vec<usize> = started.iter().collect();
        indices.sort_unstable();
        assert_eq!(indices, [0, 1, 1]);
    });
}

/// Another one leaves in its stead if the pool has shrunk again, and does not wait until it is back.
#[test]
fn who_comes_back_counts_when_another_is_to_leave() {
    watched(|| {
        let (exit, exiting) = channel();
        let gone = Gate::default();
        let leave = gone.clone();
        let pool = ThreadPool::builder()
            .num_threads(2)
            .spare_threads(0)
            .exit_handler(move |index| {
                exit.send(index).unwrap();
                if index == 1 {
                    leave.pass();
                }
            })
            .build()
            .unwrap();
        pool.resize(1).unwrap();
        assert_eq!(exiting.recv().unwrap(), 1);
        pool.resize(3).unwrap();
        pool.resize(2).unwrap();
        assert_eq!(exiting.recv().unwrap(), 2);
        gone.open();
        settle(&pool, 2);
        assert_eq!(pool.broadcast(|index| index), [0, 1]);
    });
}

struct Tells(Sender<usize>, usize);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send(self.1);
    }
}

thread_local! {
    static OWN: RefCell<Option<Tells>> = const { RefCell::new(None) };
}

#[test]
fn who_leaves_runs_its_exit_handler_and_its_destructors() {
    watched(|| {
        let ((start, started), (exit, exited)) = (channel(), channel());
        let pool = ThreadPool::builder()
            .num_threads(4)
            .spare_threads(0)
            .start_handler(move |index| start.send(index).unwrap())
            .exit_handler(move |index| exit.send(index).unwrap())
            .build()
            .unwrap();
        let sorted = |mut indices: Vec<usize>| {
            indices.sort_unstable();
            indices
        };
        assert_eq!(sorted(take(&started, 4)), [0, 1, 2, 3]);
        let (gone, locals) = channel();
        pool.broadcast(|index| OWN.set(Some(Tells(gone.clone(), index))));
        pool.resize(1).unwrap();
        assert_eq!(sorted(take(&exited, 3)), [1, 2, 3]);
        assert_eq!(sorted(take(&locals, 3)), [1, 2, 3]);
        assert!(started.try_recv().is_err());
        settle(&pool, 1);
        pool.resize(3).unwrap();
        assert_eq!(sorted(take(&started, 2)), [1, 2]);
        let name = || thread::current().name().map(str::to_owned);
        let names = pool.broadcast(|index| (index, windrow::current_thread_index(), name()));
        let expected = |n: usize| (n, Some(n), Some(format!("windrow-{n}")));
        assert_eq!(names, [0, 1, 2].map(expected));
        // What the first worker keeps is its own; the others are new threads.
        let kept = pool.broadcast(|_| OWN.with_borrow(|own| own.as_ref().map(|own| own.1)));
        assert_eq!(kept, [Some(0), None, None]);
        drop(pool);
        assert_eq!(sorted(exited.iter().collect()), [0, 1, 2]);
        drop(gone);
        assert_eq!(locals.iter().collect::<Vec<_>>(), [0]);
        assert!(started.iter().next().is_none());
    });
}

#[test]
fn a_start_handler_may_wait_for_what_the_others_do() {
    watched(|| {
        let (enter, entered) = channel();
        let (done, is_done) = channel();
        let is_done = Mutex::new(is_done);
        let pool = ThreadPool::builder()
            .num_threads(1)
            .spare_threads(0)
            .start_handler(move |index| {
                if index == 1 {
                    enter.send(()).unwrap();
                    is_done.lock().unwrap().recv().unwrap();
                }
            })
            .build()
            .unwrap();
        // The new one is on its feet and finds nothing as long as it is in its handler.
        pool.resize(2).unwrap();
        entered.recv().unwrap();
        while pool.stats().active > 1 {
            thread::yield_now();
        }
        on_a_worker(&pool, move || done.send(()).unwrap());
    });
}

/// A thread that has only just been started, and waits in the user's code, is nobody who looks for work.
#[test]
fn an_observer_of_a_thread_that_starts_may_wait_for_a_task() {
    struct Waits(Mutex<Receiver<()>>);
    impl Observer for Waits {
        fn worker_started(&self, worker: usize) {
            if worker == 1 {
                self.0.lock().unwrap().recv().unwrap();
            }
        }
    }
    watched(|| {
        let (told, tell) = channel();
        let builder = ThreadPool::builder().num_threads(1);
        let builder = builder.observer(Arc::new(Waits(Mutex::new(tell))));
        let pool = builder.build().unwrap();
        pool.spawn(|| ()).join().unwrap();
        pool.resize(2).unwrap();
        // Time for the other one to fall asleep.
        (0..100_000).for_each(|_| thread::yield_now());
        let (ran, runs) = channel();
        drop(pool.spawn(move || {
            told.send(()).unwrap();
            ran.send(()).unwrap();
        }));
        take(&runs, 1);
        assert_eq!(pool.broadcast(|index| index), [0, 1]);
    });
}
