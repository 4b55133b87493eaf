//! The sleep protocol, lending, and the end of the pool.

use super::*;
use crate::latch::{Latch, Registration};
use crate::park::Parker;
use crate::scheduler::counts::{ACTIVE, Counts};
use crate::scheduler::idle::{Idle, Kind, Slept, View, Wake};
use crate::scheduler::roster::Bed;
use crate::sync::{Arc, AtomicUsize, Ordering, fence};
use loom::thread;
use std::sync::atomic::AtomicUsize as Tally;

/// What stands for a registry.
struct Pool {
    idle: Idle,
    /// The queue.
    tasks: AtomicUsize,
    /// Set by each task that runs.
    latch: Latch,
    ran: Tally,
    spares: std::sync::Mutex<Vec<thread::JoinHandle<()>>>,
    /// Kept to the end: loom does not see that the last owner of an `Arc` has heard of the others.
    parkers: std::sync::Mutex<Vec<Arc<Parker>>>,
    /// The system refuses to start any.
    no_more_threads: bool,
}

impl View for Pool {
    fn wanted(&self, counts: Counts, _: bool) -> bool {
        self.idle.has_room(counts, Kind::Task) && self.has_tasks()
    }

    fn settled(&self) -> bool {
        !self.has_tasks()
    }
}

impl Pool {
    fn with(size: usize, max_threads: usize) -> Self {
        Self {
            idle: Idle::new(size, max_threads),
            tasks: AtomicUsize::new(0),
            latch: Latch::new(),
            ran: Tally::new(0),
            spares: std::sync::Mutex::new(Vec::new()),
            parkers: std::sync::Mutex::new(Vec::new()),
            no_more_threads: false,
        }
    }

    fn parker(&self) -> Arc<Parker> {
        let parker = Arc::new(Parker::new());
        self.parkers.lock().unwrap().push(Arc::clone(&parker));
        parker
    }

    fn new(size: usize, max_threads: usize) -> Arc<Self> {
        Arc::new(Self::with(size, max_threads))
    }

    fn has_tasks(&self) -> bool {
        self.tasks.load(Ordering::Relaxed) > 0
    }

    fn take(&self) -> bool {
        self.has_tasks()
            && self
                .tasks
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                .is_ok()
    }

    /// As `Registry::inject` does.
    fn publish(self: &Arc<Self>) {
        self.tasks.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.act_on(self.idle.notify(Kind::Task));
    }

    fn act_on(self: &Arc<Self>, wake: Wake) {
        let Wake::StartThread(index) = wake else {
            return;
        };
        if self.no_more_threads {
            if self.idle.start_failed(index) {
                self.hand_on();
            }
        } else {
            let spare = self.start(index, true);
            self.spares.lock().unwrap().push(spare);
        }
    }

    /// As `Registry::hand_on` does.
    fn hand_on(self: &Arc<Self>) {
        let counts = self.idle.counts();
        if counts.searching() == 0 && self.idle.has_room(counts, Kind::Task) && self.has_tasks() {
            self.act_on(self.idle.notify_again(Kind::Task));
        }
    }

    fn start(self: &Arc<Self>, index: usize, late: bool) -> thread::JoinHandle<()> {
        let pool = Arc::clone(self);
        thread::spawn(move || pool.live(index, late))
    }

    /// As `Participant::live` does.
    fn live(self: &Arc<Self>, index: usize, late: bool) {
        let bed = Bed::new(self.parker(), index);
        let mut searching = late;
        loop {
            if self.next_work(&mut searching) {
                self.run();
            } else {
                match self.idle.sleep(&bed, searching, &**self) {
                    Slept::Searching => searching = true,
                    Slept::Terminated => return,
                    Slept::Retired => {
                        let back = self.idle.leave_for_good(index, &**self);
                        assert!(!back, "nobody makes it grow");
                        return;
                    }
                }
            }
        }
    }

    fn run(&self) {
        self.ran.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the pool is alive.
        unsafe { Latch::set(&raw const self.latch) };
    }

    /// As `Participant::next_work` does, with one round of searching.
    fn next_work(self: &Arc<Self>, searching: &mut bool) -> bool {
        if self.idle.counts().active() > self.idle.size() {
            return false;
        }
        if !self.take() {
            *searching = *searching || self.idle.start_searching();
            if !*searching || !self.take() {
                return false;
            }
        }
        if *searching {
            *searching = false;
            if self.idle.stop_searching() {
                self.hand_on();
            }
        }
        true
    }

    /// Waits until a task has run.
    fn wait(self: &Arc<Self>) {
        self.wait_for(&self.latch, true);
    }

    /// As `park_and_lend` does until the wait is over. The only things to find are queued tasks, and
    /// those only for a waiter that looks everywhere, if it may run them at all.
    fn wait_for(self: &Arc<Self>, latch: &Latch, may_run: bool) {
        let parker = self.parker();
        while !latch.is_set() {
            let mut stalled = self.idle.lend(&parker, ACTIVE);
            self.hand_on();
            if stalled {
                self.idle.tell_other_waiters(&parker);
            }
            let found = loop {
                if stalled || parker.take_stalled() {
                    stalled = false;
                    if may_run && self.take() {
                        break true;
                    }
                }
                if latch.register(&parker) == Registration::AlreadySet {
                    break false;
                }
                parker.park();
                if latch.unregister() {
                    break false;
                }
            };
            self.idle.take_back(&parker, ACTIVE);
            if found {
                self.run();
            }
        }
    }

    fn check(&self, ran: usize) {
        assert_eq!(self.ran.load(Ordering::Relaxed), ran, "all tasks have run");
        assert!(!self.has_tasks(), "nothing is left");
    }

    /// Joins the spares; the pool must have ended or be about to.
    fn join_spares(&self) {
        loop {
            let spare = self.spares.lock().unwrap().pop();
            match spare {
                Some(spare) => spare.join().unwrap(),
                None => return,
            }
        }
    }
}

#[test]
fn sleep_one_worker() {
    explore("sleep_one_worker", || {
        let pool = Pool::new(1, 1);
        let worker = pool.start(0, false);
        pool.publish();
        pool.publish();
        pool.idle.close(&*pool);
        worker.join().unwrap();
        pool.check(2);
    });
}

#[test]
fn sleep_two_workers() {
    explore("sleep_two_workers", || {
        // One of the two is this thread: its first task has spawned two more.
        let pool = Pool::new(2, 2);
        let worker = pool.start(0, false);
        pool.publish();
        pool.publish();
        pool.idle.close(&*pool);
        pool.live(1, false);
        worker.join().unwrap();
        pool.check(2);
    });
}

#[test]
fn sleep_two_workers_and_a_publisher() {
    // With 3 preemptions 1.7 million interleavings, which take minutes.
    explore_to(2, "sleep_two_workers_and_a_publisher", || {
        let pool = Pool::new(2, 2);
        let workers = [0, 1].map(|index| pool.start(index, false));
        pool.publish();
        pool.idle.close(&*pool);
        for worker in workers {
            worker.join().unwrap();
        }
        pool.check(1);
    });
}

#[test]
fn sleep_searcher_wakes_its_successor() {
    explore("sleep_searcher_wakes_its_successor", || {
        // One worker has lent its slot, the other one searches. What is published meanwhile relies on
        // the searcher; but that finds another task, which goes on for ever.
        let pool = Pool::new(2, 3);
        let parker = pool.parker();
        assert!(!pool.idle.lend(&parker, ACTIVE));
        assert!(pool.idle.start_searching());
        pool.tasks.store(1, Ordering::Relaxed);
        let searcher = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let mut searching = true;
                assert!(pool.next_work(&mut searching));
            })
        };
        pool.publish();
        if pool.latch.register(&parker) == Registration::Registered {
            parker.park();
        }
        searcher.join().unwrap();
        pool.idle.abandon();
        pool.join_spares();
        pool.check(1);
    });
}

#[test]
fn lend_to_a_spare() {
    explore("lend_to_a_spare", || {
        let pool = Pool::new(1, 2);
        // Another thread publishes what this worker, the only one, waits for.
        let publisher = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.publish())
        };
        pool.wait();
        publisher.join().unwrap();
        pool.idle.abandon();
        pool.join_spares();
        pool.check(1);
    });
}

#[test]
fn lend_and_come_back() {
    explore("lend_and_come_back", || {
        // The only worker publishes, waits for it, publishes again and has nothing else to do; for a
        // while it and the spare are one too many.
        let pool = Pool::new(1, 2);
        pool.publish();
        pool.wait();
        pool.publish();
        pool.idle.close(&*pool);
        pool.live(0, false);
        pool.join_spares();
        pool.check(2);
    });
}

#[test]
fn lend_in_a_stalled_pool() {
    explore("lend_in_a_stalled_pool", || {
        // No spare may be started: the waiter must look for itself.
        let pool = Pool::new(1, 1);
        let publisher = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.publish())
        };
        pool.wait();
        publisher.join().unwrap();
        pool.check(1);
    });
}

#[test]
fn lend_and_no_thread_can_be_started() {
    explore("lend_and_no_thread_can_be_started", || {
        let pool = Arc::new(Pool {
            no_more_threads: true,
            ..Pool::with(1, 2)
        });
        let publisher = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.publish())
        };
        pool.wait();
        publisher.join().unwrap();
        pool.check(1);
    });
}

#[test]
fn lend_and_stall_the_other_waiter() {
    explore("lend_and_stall_the_other_waiter", || {
        // The last one to lend may not run what the other one waits for; and waits for that one.
        let pool = Pool::new(2, 2);
        let end = Arc::new(Latch::new());
        let other = {
            let (pool, end) = (Arc::clone(&pool), Arc::clone(&end));
            thread::spawn(move || {
                pool.wait();
                // SAFETY: alive.
                unsafe { Latch::set(Arc::as_ptr(&end)) };
            })
        };
        pool.publish();
        pool.wait_for(&end, false);
        other.join().unwrap();
        pool.check(1);
    });
}

#[test]
fn lend_while_a_worker_leaves() {
    explore("lend_while_a_worker_leaves", || {
        // The pool has shrunk, so that there is no room for the second worker; the first one waits for what that one might
        // have run.
        let pool = Pool::new(2, 2);
        let worker = pool.start(1, false);
        assert_eq!(pool.idle.resize(1, 0), Some(Vec::new()));
        pool.publish();
        pool.wait();
        pool.idle.close(&*pool);
        pool.live(0, false);
        worker.join().unwrap();
        pool.check(1);
    });
}

#[test]
fn lend_and_come_back_before_a_start_fails() {
    explore("lend_and_come_back_before_a_start_fails", || {
        // The publisher relies on a spare that cannot be started; meanwhile the worker comes back and goes to bed, for
        // there is one too many.
        let pool = Arc::new(Pool {
            no_more_threads: true,
            ..Pool::with(1, 2)
        });
        let publisher = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                pool.publish();
                pool.idle.close(&*pool);
            })
        };
        let parker = pool.parker();
        pool.idle.lend(&parker, ACTIVE);
        pool.hand_on();
        pool.idle.take_back(&parker, ACTIVE);
        pool.live(0, false);
        publisher.join().unwrap();
        pool.check(1);
    });
}

#[test]
fn close_against_a_guest_that_spawns() {
    explore("close_against_a_guest_that_spawns", || {
        let pool = Pool::new(1, 1);
        pool.idle.enter();
        let worker = pool.start(0, false);
        let guest = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                pool.publish();
                pool.idle.leave(&*pool);
            })
        };
        pool.idle.close(&*pool);
        worker.join().unwrap();
        pool.check(1);
        guest.join().unwrap();
    });
}
