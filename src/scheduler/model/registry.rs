//! What stands for a registry where threads come and go, and for what workers do around `Idle`.

use crate::park::Parker;
use crate::scheduler::counts::Counts;
use crate::scheduler::idle::{Idle, Kind, Slept, View, Wake};
use crate::scheduler::roster::Bed;
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, fence};
use loom::thread;
use std::sync::atomic::AtomicUsize as Tally;

/// The claim word of the task from outside.
const FREE: usize = 0;
const CLAIMED: usize = 1;
const FOREIGN: usize = 2;
const DONE: usize = 3;

/// What stands for a registry.
pub(super) struct Pool {
    pub(super) idle: Idle,
    /// The queue: entries, all of the same task if there is one from outside.
    entries: AtomicUsize,
    /// That task, if `outside`.
    claim: AtomicUsize,
    outside: bool,
    /// Its entry is kept, for a thread outside has claimed it.
    kept: Mutex<bool>,
    /// Tasks that were accepted and wait for their time.
    lives: AtomicUsize,
    /// Letters for the worker 1, and the lock that keeps the size while they are posted.
    letters: AtomicUsize,
    size_lock: Mutex<()>,
    /// Set by whatever is run.
    pub(super) ran: Tally,
    news: Arc<Parker>,
    pub(super) threads: std::sync::Mutex<Vec<thread::JoinHandle<()>>>,
    /// Kept to the end: loom does not see that the last owner of an `Arc` has heard of the others.
    parkers: std::sync::Mutex<Vec<Arc<Parker>>>,
}

/// What one worker sees.
struct FromBed<'p>(&'p Pool, usize);

impl View for FromBed<'_> {
    fn wanted(&self, counts: Counts, _: bool) -> bool {
        !self.may_leave() && !counts.paused()
            || self.0.idle.has_room(counts, Kind::Task) && self.0.has_entries()
    }

    fn settled(&self) -> bool {
        self.0.settled()
    }

    fn may_leave(&self) -> bool {
        self.1 != 1 || self.0.letters.load(Ordering::Relaxed) == 0
    }
}

impl View for Pool {
    fn wanted(&self, _: Counts, _: bool) -> bool {
        unreachable!("only workers sleep")
    }

    fn settled(&self) -> bool {
        self.lives.load(Ordering::Relaxed) == 0 && !self.has_entries() && self.foreign_settled()
    }
}

fn decrement(count: &AtomicUsize) -> bool {
    count.load(Ordering::Relaxed) > 0
        && count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
            .is_ok()
}

impl Pool {
    pub(super) fn with(size: usize, outside: bool) -> Arc<Self> {
        let news = Arc::new(Parker::new());
        Arc::new(Self {
            idle: Idle::new(size, size),
            entries: AtomicUsize::new(0),
            claim: AtomicUsize::new(FREE),
            outside,
            kept: Mutex::new(false),
            lives: AtomicUsize::new(0),
            letters: AtomicUsize::new(0),
            size_lock: Mutex::new(()),
            ran: Tally::new(0),
            parkers: std::sync::Mutex::new(vec![Arc::clone(&news)]),
            news,
            threads: std::sync::Mutex::new(Vec::new()),
        })
    }

    pub(super) fn new(size: usize) -> Arc<Self> {
        Self::with(size, false)
    }

    fn has_entries(&self) -> bool {
        self.entries.load(Ordering::Relaxed) > 0
    }

    fn foreign_settled(&self) -> bool {
        let mut kept = self.kept.lock();
        *kept = *kept && self.claim.load(Ordering::Acquire) != DONE;
        !*kept
    }

    /// Takes an entry; `true` if there is something to run.
    fn take(&self) -> bool {
        if !decrement(&self.entries) {
            return false;
        }
        if !self.outside || self.claim_as(CLAIMED) {
            return true;
        }
        if self.claim.load(Ordering::Acquire) == FOREIGN {
            *self.kept.lock() = true;
        }
        false
    }

    fn claim_as(&self, how: usize) -> bool {
        self.claim
            .compare_exchange(FREE, how, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// As `Registry::inject` does.
    pub(super) fn publish(self: &Arc<Self>) {
        self.entries.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.act_on(self.idle.notify(Kind::Task));
    }

    /// As `spawn_plain` does from outside; `true` if the task was accepted.
    pub(super) fn submit(self: &Arc<Self>) -> bool {
        if self.idle.is_closing() {
            return false;
        }
        self.publish();
        if self.idle.is_closing() && self.claim_as(FOREIGN) {
            self.claim.store(DONE, Ordering::Release);
            // The pool may have waited for it.
            self.idle.look_after(&**self);
            return false;
        }
        true
    }

    fn act_on(self: &Arc<Self>, wake: Wake) {
        if let Wake::StartThread(index) = wake {
            self.start(index, true);
        }
    }

    /// As `Registry::hand_on` does.
    pub(super) fn hand_on(self: &Arc<Self>) {
        let counts = self.idle.counts();
        if counts.searching() == 0 && self.idle.has_room(counts, Kind::Task) && self.has_entries() {
            self.act_on(self.idle.notify_again(Kind::Task));
        }
    }

    pub(super) fn start(self: &Arc<Self>, index: usize, late: bool) {
        let pool = Arc::clone(self);
        let thread = thread::spawn(move || pool.main(index, late));
        self.threads.lock().unwrap().push(thread);
    }

    /// As `worker::main` does.
    pub(super) fn main(self: &Arc<Self>, index: usize, late: bool) {
        let parker = Arc::new(Parker::new());
        self.parkers.lock().unwrap().push(Arc::clone(&parker));
        let bed = Bed::new(parker, index);
        let mut searching = late;
        if late {
            self.idle.arrive(index);
        }
        loop {
            if self.next_work(index, &mut searching) {
                self.ran.fetch_add(1, Ordering::Relaxed);
                self.news.unpark();
                continue;
            }
            match self.idle.sleep(&bed, searching, &FromBed(self, index)) {
                Slept::Searching => searching = true,
                Slept::Terminated => return self.idle.gone(index),
                Slept::Retired if !self.idle.leave_for_good(index, &**self) => return,
                Slept::Retired => searching = true,
            }
        }
    }

    /// As `Participant::next_work` does, with one round of searching.
    fn next_work(self: &Arc<Self>, index: usize, searching: &mut bool) -> bool {
        let counts = self.idle.counts();
        if counts.paused() {
            return false;
        }
        let mail = index == 1 && decrement(&self.letters);
        if !mail {
            if counts.active() > self.idle.size() {
                return false;
            }
            if !self.take() {
                *searching = *searching || self.idle.start_searching();
                if !*searching || !self.take() {
                    return false;
                }
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

    pub(super) fn spawn<R: 'static>(
        self: &Arc<Self>,
        act: fn(&Arc<Pool>) -> R,
    ) -> thread::JoinHandle<R> {
        let pool = Arc::clone(self);
        thread::spawn(move || act(&pool))
    }

    pub(super) fn close(self: &Arc<Self>) {
        self.idle.close(&**self);
    }

    /// As `Registry::resize` does.
    pub(super) fn resize(self: &Arc<Self>, size: usize) {
        self.resize_with(size, 0);
    }

    pub(super) fn resize_with(self: &Arc<Self>, size: usize, spares: usize) {
        let (_size, grows, start) = loop {
            let lock = self.size_lock.lock();
            let grows = size > self.idle.size();
            if let Some(start) = self.idle.resize(size, spares) {
                break (lock, grows, start);
            }
            drop(lock);
            self.idle.await_starting(size);
        };
        for index in start {
            self.start(index, true);
        }
        if grows {
            fence(Ordering::SeqCst);
            self.act_on(self.idle.notify_again(Kind::Task));
        }
    }

    /// As `install` does for a guest that is at work in the pool: `true` if it has not ended, and the worker has run it.
    pub(super) fn ask_inside(self: &Arc<Self>) -> bool {
        self.idle.enter();
        let asks = !self.idle.is_terminated();
        if asks {
            self.publish();
            self.wait(1);
        }
        self.idle.leave(&**self);
        asks
    }

    /// As `begin` does during a visit: `true` if a task was accepted, which waits for its time.
    pub(super) fn submit_later(self: &Arc<Self>) -> bool {
        let visiting = self.idle.visit(&**self);
        if visiting {
            self.lives.fetch_add(1, Ordering::Relaxed);
            self.idle.end_visit(&**self);
        }
        visiting
    }

    /// Its time has come, and it is over before anybody has popped its last dispatch.
    pub(super) fn time_has_come(self: &Arc<Self>) {
        self.publish();
        self.lives.fetch_sub(1, Ordering::Relaxed);
        self.idle.look_after(&**self);
    }

    /// As `Registry::resume` does.
    pub(super) fn resume(self: &Arc<Self>) {
        self.idle.resume();
        self.idle.wake_everybody();
        self.act_on(self.idle.notify_again(Kind::Task));
    }

    /// As `Registry::post` does; `true` if there is a worker for the letter.
    pub(super) fn post(self: &Arc<Self>) -> bool {
        let _size = self.size_lock.lock();
        let posted = self.idle.size() > 1;
        if posted {
            self.letters.fetch_add(1, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            self.idle.wake_everybody();
        }
        posted
    }

    /// Waits until so many have been run.
    pub(super) fn wait(&self, ran: usize) {
        while self.ran.load(Ordering::Relaxed) < ran {
            self.news.park();
        }
    }

    /// All threads must leave now, or have left.
    pub(super) fn join(&self) {
        loop {
            let thread = self.threads.lock().unwrap().pop();
            match thread {
                Some(thread) => thread.join().unwrap(),
                None => return,
            }
        }
    }

    /// The pool has ended, and this is what it has run.
    pub(super) fn check(&self, ran: usize) {
        assert_eq!(self.ran.load(Ordering::Relaxed), ran, "what has been run");
        assert!(self.idle.is_over(), "a thread is left");
        let counts = self.idle.counts();
        assert!(counts.closed() && counts.halted() && !counts.paused());
        assert!(!counts.lingering(), "nobody is left to linger");
        let left = [counts.searching(), counts.active(), counts.sleeping()];
        assert_eq!(left, [0; 3], "searching, active, sleeping");
        assert_eq!(counts.guests(), 0, "guests");
    }
}
