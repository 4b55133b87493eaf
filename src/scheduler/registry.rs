//! What the threads of one pool share.
//!
//! Owned by the pool's handle and by each of its threads (`Arc`); participants point back with a plain
//! pointer, because the registry owns them.

use crate::error::{BuildError, PanicSink};
use crate::priority::Priority;
use crate::scheduler::counts::Counts;
use crate::scheduler::idle::{Idle, Kind, View, Wake};
use crate::scheduler::list::AppendList;
use crate::scheduler::mail::Letter;
use crate::scheduler::participant::Participant;
use crate::scheduler::queues::Injectors;
use crate::scheduler::worker;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, fence, thread};
use crate::task::heap::{Entry, Env};
use crate::task::stack::StackHeader;
use crate::unwind::{self, Payload};
use std::fmt;

/// A callback that is told a worker's index.
pub(crate) type Handler = Arc<dyn Fn(usize) + Send + Sync>;

/// What a pool is built from.
pub(crate) struct Settings {
    pub(crate) num_threads: usize,
    pub(crate) spare_threads: usize,
    pub(crate) stack_size: Option<usize>,
    pub(crate) thread_name: Box<dyn FnMut(usize) -> String + Send>,
    pub(crate) start_handler: Option<Handler>,
    pub(crate) exit_handler: Option<Handler>,
    pub(crate) sink: PanicSink,
    pub(crate) default_level: Priority,
}

/// Why a thread did not start.
enum StartError {
    System(std::io::Error),
    /// The user's naming function panicked.
    Name(Payload),
}

/// See the module.
pub(crate) struct Registry {
    pub(crate) idle: Idle,
    /// Per level: whether there may be work. Set after a push, cleared by a worker that saw none and
    /// then looked again; so it is never clear for long beside work. See the README, *Picking*.
    hints: [AtomicBool; Priority::COUNT],
    pub(crate) injectors: Injectors,
    pub(crate) participants: AppendList<Participant>,
    /// Places of guests that have left, empty.
    free_guests: Mutex<Vec<usize>>,
    /// The workers' places by index; spares are appended.
    workers: Mutex<Vec<usize>>,
    threads: Mutex<Vec<thread::JoinHandle<()>>>,
    thread_name: Mutex<Box<dyn FnMut(usize) -> String + Send>>,
    stack_size: Option<usize>,
    pub(crate) start_handler: Option<Handler>,
    pub(crate) exit_handler: Option<Handler>,
    pub(crate) sink: PanicSink,
    default_level: Priority,
    /// How many processors there are to run forks on.
    processors: usize,
    /// Held by a waiter that goes through all queues, see `find_awaited_anywhere`.
    pub(crate) stall: Mutex<()>,
    /// The number of the last broadcast; locked while one is put into the mailboxes.
    broadcasts: Mutex<u64>,
    /// The process that the threads live in.
    process: u32,
}

// SAFETY: `thread_name` is `Send` behind a lock; participants say for themselves what may be touched.
unsafe impl Sync for Registry {}

impl Registry {
    /// Builds a pool and starts its threads.
    pub(crate) fn start(settings: Settings) -> Result<Arc<Self>, BuildError> {
        let size = settings.num_threads;
        let registry = Arc::new(Self {
            idle: Idle::new(size, size + settings.spare_threads),
            hints: Priority::DESCENDING.map(|_| AtomicBool::new(false)),
            injectors: Injectors::new(),
            participants: AppendList::new(),
            free_guests: Mutex::new(Vec::new()),
            workers: Mutex::new(Vec::new()),
            threads: Mutex::new(Vec::new()),
            thread_name: Mutex::new(settings.thread_name),
            stack_size: settings.stack_size,
            start_handler: settings.start_handler,
            exit_handler: settings.exit_handler,
            sink: settings.sink,
            default_level: settings.default_level,
            processors: num_cpus::get(),
            stall: Mutex::new(()),
            broadcasts: Mutex::new(0),
            process: std::process::id(),
        });
        for index in 0..size {
            if let Err(error) = registry.start_thread(false) {
                registry.idle.abandon();
                registry.join_threads();
                match error {
                    StartError::System(source) => {
                        return Err(BuildError::ThreadStart { index, source });
                    }
                    StartError::Name(payload) => std::panic::resume_unwind(payload),
                }
            }
        }
        Ok(registry)
    }

    /// Starts a worker; a late one begins as a searcher, as `Wake::StartThread` has counted it.
    fn start_thread(self: &Arc<Self>, late: bool) -> Result<(), StartError> {
        let mut workers = self.workers.lock();
        let index = workers.len();
        let name = unwind::catch(|| (self.thread_name.lock())(index)).map_err(StartError::Name)?;
        let mut builder = thread::Builder::new().name(name);
        if let Some(bytes) = self.stack_size {
            builder = builder.stack_size(bytes);
        }
        let seat = self
            .participants
            .push(|seat| Participant::new(Arc::as_ptr(self), Some(index), seat))
            .seat();
        let registry = Arc::clone(self);
        let handle = builder
            .spawn(move || worker::main(&registry, seat, late))
            .map_err(StartError::System)?;
        workers.push(seat);
        drop(workers);
        self.threads.lock().push(handle);
        Ok(())
    }

    /// Does what a publication's `notify` asks for.
    #[inline]
    pub(crate) fn act_on(&self, wake: Wake) {
        if wake == Wake::StartThread {
            self.start_spare();
        }
    }

    #[cold]
    #[inline(never)]
    fn start_spare(&self) {
        // SAFETY: a registry lives in an `Arc`, which the caller keeps alive.
        unsafe { Arc::increment_strong_count(self) };
        // SAFETY: the count has just been taken for this.
        let registry = unsafe { Arc::from_raw(self) };
        if let Err(error) = registry.start_thread(true) {
            // Spares are a courtesy: without one the pool is slower, not stuck.
            self.idle.start_failed();
            if let StartError::Name(payload) = error {
                self.sink.report(payload);
            }
        }
    }

    pub(crate) fn default_level(&self) -> Priority {
        self.default_level
    }

    pub(crate) fn env<'a>(&'a self, here: &Participant) -> Env<'a> {
        Env {
            here: here.id(),
            sink: &self.sink,
        }
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
            .map_or(self.default_level, Participant::level)
    }

    /// Queues a task: on the calling thread's own deque if it has one here.
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

    fn is_forked_child(&self) -> bool {
        std::process::id() != self.process
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

    fn all(&self) -> impl Iterator<Item = &Participant> {
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

    /// Whether there is work that one more worker should take.
    pub(crate) fn wants_help(&self, counts: Counts) -> bool {
        self.idle.has_room(counts, Kind::Task)
            && (self.any_tasks() || self.idle.has_room(counts, Kind::Fork) && self.any_forks())
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

    /// Puts one letter into the mailbox of each of the first workers, as one broadcast, and wakes them.
    /// Returns its number.
    pub(crate) fn post(&self, jobs: &[*const StackHeader]) -> u64 {
        let seats: Vec<usize> = self.workers.lock()[..jobs.len()].to_vec();
        let mut last = self.broadcasts.lock();
        *last += 1;
        let number = *last;
        for (&job, &seat) in jobs.iter().zip(&seats) {
            if !job.is_null() {
                let letter = Letter { job, number };
                self.participants.get(seat).mailbox.put(letter);
            }
        }
        drop(last);
        fence(Ordering::SeqCst);
        self.idle.wake_everybody();
        number
    }

    /// The owner is gone: finishes what was accepted, then ends the threads and waits for them (unless
    /// the caller is one of them).
    pub(crate) fn close(&self) {
        if self.is_forked_child() {
            // The threads to wait for are in the parent.
            self.threads.lock().drain(..).for_each(std::mem::forget);
            return;
        }
        self.idle.close(self);
        let current = Participant::current();
        // SAFETY: a current participant is alive.
        let on_own_worker = unsafe { current.as_ref() }
            .is_some_and(|p| !p.is_guest() && std::ptr::eq(p.registry(), self));
        if !on_own_worker {
            self.join_threads();
        }
    }

    fn join_threads(&self) {
        loop {
            // Not under the lock: a spare may be starting.
            let next = self.threads.lock().pop();
            match next {
                // A worker's main function contains every panic, so there is nothing to hand on.
                Some(handle) => drop(handle.join()),
                None => return,
            }
        }
    }
}

/// Panics if the calling process is not the one in which a pool was built, so that nobody waits there for
/// threads that do not exist (rayon#708).
pub(crate) fn check_process(built_in: u32) {
    assert!(
        std::process::id() == built_in,
        "this windrow pool was built before the process forked; its threads exist only in the parent \
         process. Build a new pool in the child."
    );
}

impl View for Registry {
    fn wanted(&self, counts: Counts) -> bool {
        self.wants_help(counts)
    }

    fn settled(&self) -> bool {
        !self.any_tasks() && !self.any_forks() && self.injectors.foreign_settled()
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
