//! What the threads of one pool share.
//!
//! Owned by the pool's handle and by each of its threads (`Arc`); participants point back with a plain
//! pointer, because the registry owns them.

use crate::cancel::CancelToken;
use crate::clock::Clock;
use crate::error::PanicSink;
use crate::metrics::{Sums, Tally};
use crate::observe::Observer;
use crate::policy::{QueueFull, Retry};
use crate::priority::Priority;
use crate::process;
use crate::scheduler::counts::Counts;
use crate::scheduler::idle::{Idle, Kind, View, Wake};
use crate::scheduler::ledger::{Capacity, Ledger};
use crate::scheduler::list::AppendList;
use crate::scheduler::participant::Participant;
use crate::scheduler::queues::Injectors;
use crate::scheduler::timer::Timer;
use crate::sim::{Seat, Sim};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering, Weak, fence, thread};
use crate::task::entry::Entry;
use crate::task::header::{Env, Kind as TaskKind};
use crate::unwind;
use std::fmt;
use std::time::Duration;

/// A callback that is told a worker's index.
pub(crate) type Handler = Arc<dyn Fn(usize) + Send + Sync>;

/// A thread of the pool, to be joined.
pub(super) struct Thread {
    pub(super) handle: thread::JoinHandle<()>,
    /// In a simulation, its place there.
    pub(super) turn: Option<Seat>,
    /// Of a worker: what it owns until its thread-locals are destroyed.
    pub(super) here: Weak<()>,
}

impl Thread {
    pub(super) fn join(self) {
        if let Some(turn) = self.turn {
            turn.wait_gone();
        }
        // A worker's main function contains every panic, so there is nothing to hand on.
        drop(self.handle.join());
    }
}

/// What a pool is built from.
pub(crate) struct Settings {
    pub(crate) num_threads: usize,
    /// The most spare threads; none for as many as the pool's size.
    pub(crate) spare_threads: Option<usize>,
    pub(crate) stack_size: Option<usize>,
    pub(crate) thread_name: Box<dyn FnMut(usize) -> String + Send>,
    pub(crate) start_handler: Option<Handler>,
    pub(crate) exit_handler: Option<Handler>,
    pub(crate) sink: PanicSink,
    pub(crate) defaults: Defaults,
    pub(crate) capacity: Option<Capacity>,
    /// That of a deterministic pool.
    pub(crate) sim: Option<Arc<Sim>>,
}

/// What tasks get that say nothing else.
pub(crate) struct Defaults {
    pub(crate) level: Priority,
    pub(crate) retry: Option<Retry>,
    /// How long a task may go on after it has been told to stop, before it is announced as stuck.
    pub(crate) grace: Duration,
    /// All spawned tasks are measured, so that an observer hears of them.
    pub(crate) measured: bool,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) queue_full: QueueFull,
}

/// See the module.
pub(crate) struct Registry {
    pub(crate) idle: Idle,
    /// Per level: whether there may be work. Set after a push, cleared by a worker that saw none and
    /// then looked again; so it is never clear for long beside work. See the README, *Picking*.
    hints: [AtomicBool; Priority::COUNT],
    pub(crate) injectors: Injectors,
    pub(crate) participants: AppendList<Participant>,
    pub(crate) ledger: Ledger,
    pub(crate) timer: Timer,
    /// Cancelled when the pool closes; an ancestor of those of periodic tasks.
    pub(crate) periodic: CancelToken,
    /// Places of guests that have left, empty.
    free_guests: Mutex<Vec<usize>>,
    /// The workers' places by index; spares are appended.
    pub(super) workers: Mutex<Vec<usize>>,
    pub(super) threads: Mutex<Vec<Thread>>,
    pub(super) thread_name: Mutex<Box<dyn FnMut(usize) -> String + Send>>,
    pub(super) stack_size: Option<usize>,
    pub(super) spare_threads: Option<usize>,
    pub(crate) start_handler: Option<Handler>,
    pub(crate) exit_handler: Option<Handler>,
    pub(crate) sink: PanicSink,
    pub(crate) defaults: Defaults,
    /// A plain spawn has nothing to mind: neither a capacity nor measurements.
    plain: bool,
    /// How many processors there are to run forks on.
    processors: usize,
    /// Held by a waiter that goes through all queues, see `find_awaited_anywhere`.
    pub(crate) stall: Mutex<()>,
    /// Held while the pool changes its size, or somebody needs it not to.
    pub(super) size_lock: Mutex<()>,
    /// How many of the pool's threads are being joined: no lock for it, which would be held over somebody else's turn.
    pub(super) joining: AtomicUsize,
    /// Drop must not wait: somebody has given up waiting for this pool.
    pub(super) given_up: AtomicBool,
    /// The number of the last broadcast; locked while one is put into the mailboxes.
    pub(super) broadcasts: Mutex<u64>,
    /// The process that the threads live in.
    process: u32,
    /// What all threads of a deterministic pool are members of, and no thread of another one.
    pub(super) sim: Option<Arc<Sim>>,
    /// The pool's time, which is that of its timer and its tasks; the same on all threads.
    pub(crate) clock: Clock,
}

// SAFETY: `thread_name` is `Send` behind a lock; participants say for themselves what may be touched.
unsafe impl Sync for Registry {}

impl Registry {
    pub(super) fn new(settings: Settings) -> Arc<Self> {
        let size = settings.num_threads;
        let spares = settings.spare_threads.unwrap_or(size);
        let has_capacity = settings.capacity.is_some();
        Arc::new(Self {
            idle: Idle::new(size, size + spares),
            hints: Priority::DESCENDING.map(|_| AtomicBool::new(false)),
            injectors: Injectors::new(),
            participants: AppendList::new(),
            ledger: Ledger::new(settings.capacity),
            timer: Timer::new(settings.sim.clone()),
            periodic: CancelToken::new(),
            free_guests: Mutex::new(Vec::new()),
            workers: Mutex::new(Vec::new()),
            threads: Mutex::new(Vec::new()),
            thread_name: Mutex::new(settings.thread_name),
            stack_size: settings.stack_size,
            spare_threads: settings.spare_threads,
            start_handler: settings.start_handler,
            exit_handler: settings.exit_handler,
            sink: settings.sink,
            plain: !settings.defaults.measured && !has_capacity,
            defaults: settings.defaults,
            processors: if settings.sim.is_some() || cfg!(windrow_shuttle) {
                // Reproducible on any machine.
                size.max(2)
            } else {
                num_cpus::get()
            },
            stall: Mutex::new(()),
            size_lock: Mutex::new(()),
            joining: AtomicUsize::new(0),
            given_up: AtomicBool::new(false),
            broadcasts: Mutex::new(0),
            process: process::current(),
            clock: Clock::of(settings.sim.clone()),
            sim: settings.sim,
        })
    }

    /// Does what a publication's `notify` asks for.
    #[inline]
    pub(crate) fn act_on(&self, wake: Wake) {
        if let Wake::StartThread(index) = wake {
            self.start_spare(index);
        }
    }

    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.plain
    }

    pub(crate) fn default_level(&self) -> Priority {
        self.defaults.level
    }

    pub(crate) fn env<'a>(&'a self, here: &'a Participant) -> Env<'a> {
        Env {
            here: here.id(),
            sink: &self.sink,
            tally: Some(&here.tally),
        }
    }

    /// For what happens on a thread that need not be in this pool.
    pub(crate) fn env_elsewhere(&self) -> Env<'_> {
        match self.place_here() {
            Some(here) => self.env(here),
            None => Env {
                here: Participant::current().cast(),
                sink: &self.sink,
                tally: Some(&self.ledger.elsewhere),
            },
        }
    }

    /// Where the calling thread counts.
    #[inline]
    pub(crate) fn tally_here(&self) -> &Tally {
        match self.place_here() {
            Some(here) => &here.tally,
            None => &self.ledger.elsewhere,
        }
    }

    /// A task has been claimed.
    #[inline]
    pub(crate) fn note_left(&self, level: Priority, kind: TaskKind, tally: &Tally) {
        tally.leave(level, kind.passage());
        if kind == TaskKind::Spawned {
            self.ledger.release_slot();
        }
    }

    /// Tells the observer, if there is one; its panic goes to the panic handler.
    pub(crate) fn observe(&self, tell: impl FnOnce(&dyn Observer)) {
        if let Some(observer) = &self.defaults.observer {
            if let Err(payload) = unwind::catch(|| tell(&**observer)) {
                self.sink.report(payload);
            }
        }
    }

    pub(crate) fn sums(&self) -> Sums {
        Sums::of(|| self.all().map(|p| &p.tally).chain([&self.ledger.elsewhere]))
    }

    pub(crate) fn may_have(&self, level: Priority) -> bool {
        self.hints[level.index()].load(Ordering::Relaxed)
    }

    /// A worker has found nothing at `level`. Clears the hint, unless a second look finds something.
    pub(crate) fn clear_hint(&self, level: Priority) {
        let hint = &self.hints[level.index()];
        hint.store(false, Ordering::Relaxed);
        // Pairs with the fence in `announce`: either the publisher sees the cleared hint and sets it,
        // or this second look sees what was published.
        fence(Ordering::SeqCst);
        if self.tasks_at(level) || self.forks_at(level) {
            hint.store(true, Ordering::Relaxed);
        }
    }

    /// After publishing something of `level`: lets the pool know.
    #[inline]
    pub(crate) fn announce(&self, level: Priority, kind: Kind) -> Wake {
        fence(Ordering::SeqCst);
        let hint = &self.hints[level.index()];
        if !hint.load(Ordering::Relaxed) {
            hint.store(true, Ordering::Relaxed);
        }
        self.idle.notify(kind)
    }

    /// After putting back what was out of sight: sleepers may have missed it.
    pub(crate) fn remind_sleepers(&self, level: Priority) {
        fence(Ordering::SeqCst);
        if self.idle.counts().sleeping() > 0 {
            self.act_on(self.announce(level, Kind::Task));
        }
    }

    /// Queues a task from a thread that has no deque here.
    pub(crate) fn inject(&self, entry: Entry) {
        let level = entry.level();
        self.injectors.push(entry);
        let wake = self.announce(level, Kind::Task);
        if wake == Wake::Forked {
            self.check_process();
        }
        self.act_on(wake);
    }

    /// The calling thread's place in this pool, if that is the innermost that it works in.
    #[inline]
    pub(crate) fn place_here(&self) -> Option<&Participant> {
        // SAFETY: a current participant is alive.
        unsafe { Participant::current().as_ref() }
            .filter(|here| std::ptr::eq(here.registry(), self))
    }

    /// The level that work made on this thread inherits.
    pub(crate) fn level_here(&self) -> Priority {
        self.place_here()
            .map_or(self.default_level(), Participant::level)
    }

    /// Queues a task: on the calling thread's own deque if it has one here. It has been accepted.
    pub(crate) fn submit(&self, entry: Entry) {
        match self.place_here() {
            Some(here) => here.push_task(entry),
            None => self.inject(entry),
        }
    }

    /// Panics in a forked child: the pool's threads stayed with the parent.
    pub(crate) fn check_process(&self) {
        check_process(self.process);
    }

    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    pub(super) fn is_forked_child(&self) -> bool {
        process::current() != self.process
    }

    pub(crate) fn others(&self, me: &Participant) -> impl Iterator<Item = &Participant> {
        let count = self.participants.len();
        let start = me.rng.below(count);
        let mine = me.seat();
        (0..count)
            .map(move |i| {
                if start + i < count {
                    start + i
                } else {
                    start + i - count
                }
            })
            .filter(move |&seat| seat != mine)
            .map(|seat| self.participants.get(seat))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Participant> {
        (0..self.participants.len()).map(|seat| self.participants.get(seat))
    }

    fn tasks_at(&self, level: Priority) -> bool {
        !self.injectors.is_empty(level) || self.all().any(|p| !p.stealers.is_empty(level))
    }

    fn forks_at(&self, level: Priority) -> bool {
        self.all().any(|p| p.forks.levels() & level.bit() != 0)
    }

    fn any_tasks(&self) -> bool {
        Priority::DESCENDING.iter().any(|&level| {
            let found = self.tasks_at(level);
            if found && !self.may_have(level) {
                // Whoever is woken because of them must find them.
                self.hints[level.index()].store(true, Ordering::Relaxed);
            }
            found
        })
    }

    fn any_forks(&self) -> bool {
        self.all().any(|p| p.forks.levels() != 0)
    }

    /// Somebody who might have been relied on leaves (a searcher, a lender, a guest). Wakes a
    /// successor if there is work for one. The fence has been done.
    pub(crate) fn hand_on(&self) {
        let counts = self.idle.counts();
        if counts.searching() > 0 || !self.idle.has_room(counts, Kind::Task) {
            return;
        }
        if self.any_tasks() {
            self.act_on(self.idle.notify_again(Kind::Task));
        } else if self.idle.has_room(counts, Kind::Fork) && self.any_forks() {
            self.act_on(self.idle.notify_again(Kind::Fork));
        }
    }

    /// How many forks a participant should keep on its board: one for whoever gets hungry, more while
    /// several workers are idle, none where nobody else could take it.
    pub(crate) fn fork_target(&self) -> usize {
        let size = self.idle.size();
        if size <= 1 {
            return 0;
        }
        let counts = self.idle.counts();
        let idle = size.saturating_sub(counts.active() + counts.guests());
        idle.min(self.processors - 1).max(1)
    }

    /// A hint: fewer threads are at work than could be at a time, so what is forked now will be taken.
    pub(crate) fn has_idle_thread(&self) -> bool {
        let counts = self.idle.counts();
        let at_work = (counts.active() + counts.guests()).saturating_sub(counts.searching());
        at_work < self.idle.size().min(self.processors)
    }

    /// A place for the calling thread, which is not of this pool.
    pub(crate) fn guest_place(&self) -> &Participant {
        let free = self.free_guests.lock().pop();
        match free {
            Some(seat) => self.participants.get(seat),
            None => self
                .participants
                .push(|seat| Participant::new(self, None, seat)),
        }
    }

    pub(crate) fn return_guest_place(&self, place: &Participant) {
        self.free_guests.lock().push(place.seat());
    }
}

/// Panics if the calling process is not the one in which a pool was built, so that nobody waits there for
/// threads that do not exist (rayon#708).
pub(crate) fn check_process(built_in: u32) {
    assert!(
        process::current() == built_in,
        "this windrow pool was built before the process forked; its threads exist only in the parent \
         process. Build a new pool in the child."
    );
}

impl View for Registry {
    fn wanted(&self, counts: Counts, forks: bool) -> bool {
        let forks = || forks && self.idle.has_room(counts, Kind::Fork) && self.any_forks();
        self.idle.has_room(counts, Kind::Task) && (self.any_tasks() || forks())
    }

    fn settled(&self) -> bool {
        self.ledger.lives() == 0
            && !self.any_tasks()
            && !self.any_forks()
            && self.injectors.foreign_settled()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("size", &self.idle.size())
            .field("counts", &self.idle.counts())
            .finish_non_exhaustive()
    }
}
