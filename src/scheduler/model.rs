//! Model checks of promotion and steal-back, of the sleep protocol, and of the end of the pool.
//!
//! `LOOM_MAX_PREEMPTIONS=3 RUSTFLAGS="--cfg loom" cargo test --release --lib model`
//!
//! `Forks` and `Idle` are the real ones. The deques, which loom cannot see into, are replaced by a
//! count that is changed by Relaxed operations alone: all the order there is comes from the protocol's
//! fences, and a load may find an old value wherever they do not forbid it. What `Worker` and
//! `wait` do around `Idle` is repeated here, with a single round of searching. A lost wake-up leaves
//! a thread asleep for ever, which loom reports as a deadlock.

use crate::latch::{Latch, Registration};
use crate::park::Parker;
use crate::priority::Priority;
use crate::scheduler::counts::Counts;
use crate::scheduler::forks::{Forks, Promoted, Reclaimed};
use crate::scheduler::idle::{Bed, Idle, Kind, Slept, View, Wake};
use crate::sync::{Arc, AtomicUsize, Ordering, fence};
use crate::task::node::Node;
use crate::task::stack::{StackHeader, StackJob};
use loom::cell::UnsafeCell;
use loom::thread;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::AtomicUsize as Tally;

fn explore(name: &str, model: impl Fn() + Send + Sync + 'static) {
    explore_to(3, name, model);
}

/// With so many preemptions unless `LOOM_MAX_PREEMPTIONS` asks for fewer.
fn explore_to(preemptions: usize, name: &str, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    let asked = builder.preemption_bound.unwrap_or(preemptions);
    builder.preemption_bound = Some(asked.min(preemptions));
    let rounds = Arc::new(Tally::new(0));
    let seen = Arc::clone(&rounds);
    builder.check(move || {
        seen.fetch_add(1, Ordering::Relaxed);
        model();
    });
    eprintln!(
        "model {name}: {} interleavings",
        rounds.load(Ordering::Relaxed)
    );
}

// ---------------------------------------------------------------------------------------------------
// Promotion and steal-back

/// What thieves can reach of a participant.
struct Victim {
    forks: Forks,
    /// The parents of its jobs by slot, all beneath `root`.
    parents: [Node; 3],
    root: Box<Node>,
}

// SAFETY: as for participants: the owner's parts are used by the model's main thread only.
unsafe impl Sync for Victim {}
// SAFETY: nothing in it is tied to a thread.
unsafe impl Send for Victim {}

impl Victim {
    fn new() -> Arc<Self> {
        let root = Box::new(Node::root());
        Arc::new(Self {
            forks: Forks::new(),
            parents: std::array::from_fn(|_| Node::new(&raw const *root)),
            root,
        })
    }

    /// As `fork_join` and `fork_slowly` do.
    fn fork(&self, job: *const StackHeader, target: usize) -> usize {
        match self.forks.push(job) {
            Some(slot) => slot,
            None => {
                let slot = self.forks.push_slowly(job);
                self.forks.promote(target, |slot| {
                    (&raw const self.parents[slot], Priority::Normal)
                });
                slot
            }
        }
    }
}

/// Runs what a thief has taken.
fn run(stolen: Option<Promoted>) {
    if let Some(fork) = stolen {
        // SAFETY: taken from the board, once.
        unsafe { StackHeader::run(fork.job) };
    }
}

/// What a job does: once, and alone.
struct Effect(UnsafeCell<u32>);

// SAFETY: loom checks that access is exclusive.
unsafe impl Sync for Effect {}

impl Effect {
    fn new() -> Arc<Self> {
        Arc::new(Self(UnsafeCell::new(0)))
    }

    /// How often it has happened by now.
    fn happen(&self) -> u32 {
        self.0.with_mut(|count| {
            // SAFETY: loom checks that access is exclusive.
            let count = unsafe { &mut *count };
            *count += 1;
            *count
        })
    }
}

fn job(effect: &Arc<Effect>) -> impl FnOnce() -> u32 + Send + use<> {
    let effect = Arc::clone(effect);
    move || effect.happen()
}

/// The second half of `fork_join`, then the end of the frame: whoever touches the job after that is found
/// out by the end of its latch, or meets poison.
fn join<F: FnOnce() -> u32>(
    victim: &Victim,
    slot: usize,
    frame: &mut MaybeUninit<StackJob<F, u32>>,
    parker: &Arc<Parker>,
) {
    // SAFETY: initialized by the caller, and not ended yet.
    let job = unsafe { frame.assume_init_ref() };
    let ours = victim.forks.pop(slot) || victim.forks.reclaim(slot) == Reclaimed::Ours;
    let result = if ours {
        // SAFETY: it is back.
        let b = unsafe { job.take() };
        b()
    } else {
        let latch = &job.header().latch;
        while !latch.is_set() && latch.register(parker) == Registration::Registered {
            parker.park();
            if latch.unregister() {
                break;
            }
        }
        // SAFETY: the latch is set.
        unsafe { job.take_result() }.unwrap()
    };
    assert_eq!(result, 1, "run twice, or not at all");
    // SAFETY: initialized, and from here on nobody may touch it.
    unsafe { frame.assume_init_drop() };
    // SAFETY: plain memory of the caller.
    unsafe { ptr::from_mut(frame).write_bytes(0xFF, 1) };
}

/// Forks `N` jobs and joins them while `thieves` do what they do; then all must have run once.
fn forks<const N: usize>(target: usize, thieves: &[fn(&Victim)]) {
    let victim = Victim::new();
    let parker = Arc::new(Parker::new());
    let effects: [Arc<Effect>; N] = std::array::from_fn(|_| Effect::new());
    let thieves: Vec<_> = thieves
        .iter()
        .map(|&thief| {
            let victim = Arc::clone(&victim);
            thread::spawn(move || thief(&victim))
        })
        .collect();
    let mut frames = effects
        .each_ref()
        .map(|effect| Box::new(MaybeUninit::new(StackJob::new(job(effect)))));
    let slots = frames.each_ref().map(|frame| {
        // SAFETY: initialized above.
        let job = unsafe { frame.assume_init_ref() };
        victim.fork(job.header(), target)
    });
    for (frame, slot) in frames.iter_mut().zip(slots).rev() {
        join(&victim, slot, frame, &parker);
    }
    for thief in thieves {
        thief.join().unwrap();
    }
    for effect in effects {
        assert_eq!(effect.happen(), 2, "each has happened once");
    }
    assert_eq!(victim.forks.levels(), 0, "the board is empty");
    assert_eq!(Arc::strong_count(&parker), 1, "a registration leaked");
}

fn steal(victim: &Victim) {
    run(victim.forks.steal(Priority::Normal));
}

fn steal_two(victim: &Victim) {
    steal(victim);
    steal(victim);
}

fn steal_beneath(victim: &Victim) {
    run(victim.forks.steal_beneath(&raw const *victim.root));
}

/// Takes a job although there may be an older one.
fn steal_the_second(victim: &Victim) {
    run(victim.forks.steal_beneath(&raw const victim.parents[1]));
}

#[test]
fn forks_one_thief() {
    explore("forks_one_thief", || forks::<2>(1, &[steal_two]));
}

#[test]
fn forks_three_jobs() {
    explore("forks_three_jobs", || forks::<3>(2, &[steal_two]));
}

#[test]
fn forks_two_thieves() {
    explore("forks_two_thieves", || {
        forks::<2>(2, &[steal, steal_beneath]);
    });
}

#[test]
fn forks_the_newer_is_stolen() {
    explore("forks_the_newer_is_stolen", || {
        forks::<2>(2, &[steal_the_second]);
    });
}

#[test]
fn forks_two_waiters() {
    explore("forks_two_waiters", || {
        forks::<2>(1, &[steal_beneath, steal_beneath]);
    });
}

#[test]
fn forks_after_a_steal() {
    explore("forks_after_a_steal", || {
        // The same slots are used again after they have been taken back.
        let victim = Victim::new();
        let parker = Arc::new(Parker::new());
        let thief = {
            let victim = Arc::clone(&victim);
            thread::spawn(move || steal_two(&victim))
        };
        for _ in 0..2 {
            let effect = Effect::new();
            let mut frame = Box::new(MaybeUninit::new(StackJob::new(job(&effect))));
            // SAFETY: initialized above.
            let slot = victim.fork(unsafe { frame.assume_init_ref() }.header(), 1);
            join(&victim, slot, &mut frame, &parker);
            // The poisoned frame stays until the thief has gone.
            Box::leak(frame);
        }
        thief.join().unwrap();
        assert_eq!(victim.forks.levels(), 0, "the board is empty");
    });
}

#[test]
fn forks_a_theft_asks_for_more() {
    explore("forks_a_theft_asks_for_more", || {
        let victim = Victim::new();
        let effects: [Arc<Effect>; 3] = std::array::from_fn(|_| Effect::new());
        let mut frames = effects
            .each_ref()
            .map(|effect| Box::new(MaybeUninit::new(StackJob::new(job(effect)))));
        // SAFETY: initialized above.
        let jobs = frames
            .each_ref()
            .map(|frame| ptr::from_ref(unsafe { frame.assume_init_ref() }.header()));
        let parker = Arc::new(Parker::new());
        victim.fork(jobs[0], 1);
        assert_ne!(victim.forks.levels(), 0, "promoted at once");
        let thief = {
            let victim = Arc::clone(&victim);
            thread::spawn(move || steal(&victim))
        };
        victim.fork(jobs[1], 1);
        thief.join().unwrap();
        // Whatever the theft met, the next fork sees that somebody is hungry.
        victim.fork(jobs[2], 1);
        assert_ne!(victim.forks.levels(), 0, "nothing to steal");
        for slot in (0..3).rev() {
            join(&victim, slot, &mut frames[slot], &parker);
        }
    });
}

// ---------------------------------------------------------------------------------------------------
// Sleep

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
    fn wanted(&self, counts: Counts) -> bool {
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
        if wake == Wake::StartThread && self.no_more_threads {
            self.idle.start_failed();
        } else if wake == Wake::StartThread {
            let spare = self.start(true);
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

    fn start(self: &Arc<Self>, late: bool) -> thread::JoinHandle<()> {
        let pool = Arc::clone(self);
        thread::spawn(move || pool.live(late))
    }

    /// As `Participant::live` does.
    fn live(self: &Arc<Self>, late: bool) {
        let bed = Bed::new(self.parker());
        let mut searching = late;
        loop {
            if self.next_work(&mut searching) {
                self.run();
            } else {
                match self.idle.sleep(&bed, searching, &**self) {
                    Slept::Searching => searching = true,
                    Slept::Terminated => return,
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
            let mut stalled = self.idle.lend(&parker, false);
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
            self.idle.take_back(&parker, false);
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
        let worker = pool.start(false);
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
        let worker = pool.start(false);
        pool.publish();
        pool.publish();
        pool.idle.close(&*pool);
        pool.live(false);
        worker.join().unwrap();
        pool.check(2);
    });
}

#[test]
fn sleep_two_workers_and_a_publisher() {
    // With 3 preemptions 1.7 million interleavings, which take minutes.
    explore_to(2, "sleep_two_workers_and_a_publisher", || {
        let pool = Pool::new(2, 2);
        let workers = [pool.start(false), pool.start(false)];
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
        assert!(!pool.idle.lend(&parker, false));
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
        pool.live(false);
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

// ---------------------------------------------------------------------------------------------------
// The end

#[test]
fn close_against_a_guest_that_spawns() {
    explore("close_against_a_guest_that_spawns", || {
        let pool = Pool::new(1, 1);
        pool.idle.enter();
        let worker = pool.start(false);
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
