//! Starting the threads of a pool: at first, as spares, and when it changes its size.

use crate::error::{BuildError, ResizeError};
use crate::scheduler::counts::MAX_THREADS;
use crate::scheduler::idle::Kind;
use crate::scheduler::mail::Letter;
use crate::scheduler::participant::Participant;
use crate::scheduler::registry::{Registry, Settings, Thread};
use crate::scheduler::worker;
use crate::sim::Ticket;
use crate::sync::{Arc, Ordering, fence, plain_thread_local, thread};
use crate::task::stack::StackHeader;
use crate::unwind::{self, Payload};
use std::cell::Cell;

plain_thread_local! {
    /// Set before any other thread-local of a worker, and destroyed after them: the standard library goes backwards.
    static HERE: Cell<Option<Arc<()>>> = const { Cell::new(None) };
}

/// Why a thread did not start.
enum StartError {
    System(std::io::Error),
    /// The user's naming function panicked.
    Name(Payload),
}

impl Registry {
    /// Builds a pool and starts its threads.
    pub(crate) fn start(settings: Settings) -> Result<Arc<Self>, BuildError> {
        let size = settings.num_threads;
        let registry = Self::new(settings);
        for index in 0..size {
            if let Err(error) = registry.start_thread(index, false) {
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

    /// Starts a worker; a late one begins as a searcher, as whoever wanted it has counted it.
    fn start_thread(self: &Arc<Self>, index: usize, late: bool) -> Result<(), StartError> {
        let name = unwind::catch(|| (self.thread_name.lock())(index)).map_err(StartError::Name)?;
        if name.contains('\0') {
            // The standard library would panic.
            let error = std::io::ErrorKind::InvalidInput;
            let error = std::io::Error::new(error, "a thread's name must not contain a NUL byte");
            return Err(StartError::System(error));
        }
        let mut builder = thread::Builder::new().name(name);
        if let Some(bytes) = self.stack_size {
            builder = builder.stack_size(bytes);
        }
        let seat = self.seat_of(index);
        let registry = Arc::clone(self);
        // Of the pool's simulation, whoever needs the thread.
        let ticket = self.sim.as_ref().map(|sim| sim.announce());
        let turn = ticket.as_ref().and_then(Ticket::seat);
        // From before it starts: whoever joins the threads of a pool that ends must find it.
        let mut threads = self.threads.lock();
        // Those that have left a pool that shrank, whose stacks may be what this one needs. Destructors of their
        // thread-locals are over: the pool's end waits for those.
        threads.retain(|thread| thread.here.strong_count() > 0);
        let presence = Arc::new(());
        let here = Arc::downgrade(&presence);
        let handle = builder
            .spawn(move || {
                HERE.with(|here| here.set(Some(presence)));
                if let Some(ticket) = ticket {
                    ticket.begin();
                }
                worker::main(&registry, seat, late);
            })
            .map_err(StartError::System)?;
        threads.push(Thread { handle, turn, here });
        Ok(())
    }

    /// The place of the worker `index`, which it keeps when its thread is replaced.
    fn seat_of(&self, index: usize) -> usize {
        let mut workers = self.workers.lock();
        while workers.len() <= index {
            let next = workers.len();
            let place = self
                .participants
                .push(|seat| Participant::new(self, Some(next), seat));
            workers.push(place.seat());
        }
        workers[index]
    }

    /// Another reference to the registry.
    pub(crate) fn shared(&self) -> Arc<Self> {
        // SAFETY: a registry lives in an `Arc`, which the caller keeps alive.
        unsafe { Arc::increment_strong_count(self) };
        // SAFETY: the count has just been taken for this.
        unsafe { Arc::from_raw(self) }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn start_spare(&self, index: usize) {
        if let Err(error) = self.shared().start_thread(index, true) {
            // Spares are a courtesy: without one the pool is slower, not stuck.
            self.not_started(index);
            if let StartError::Name(payload) = error {
                self.sink.report(payload);
            }
        }
    }

    /// A thread that was counted did not start; others see to what was left to it.
    fn not_started(&self, index: usize) {
        if self.idle.start_failed(index) {
            self.hand_on();
        }
        // It has been missing from those in bed.
        self.idle.look_after(self);
    }

    /// The largest size that the pool may have, as far as the number of its threads is limited.
    pub(crate) fn max_size(&self) -> usize {
        match self.spare_threads {
            Some(spares) => MAX_THREADS - spares,
            None => MAX_THREADS / 2,
        }
    }

    /// Changes the pool's size.
    pub(crate) fn resize(&self, size: usize) -> Result<(), ResizeError> {
        if size == 0 {
            return Err(ResizeError::ZeroThreads);
        }
        let spares = self.spare_threads.unwrap_or(size);
        let requested = size.saturating_add(spares);
        if requested > MAX_THREADS {
            return Err(ResizeError::TooManyThreads {
                requested,
                max: MAX_THREADS,
            });
        }
        self.check_process();
        let (_one_at_a_time, before, start) = loop {
            let one_at_a_time = self.size_lock.lock();
            if self.idle.counts().closed() {
                return Err(ResizeError::Closed);
            }
            let before = self.idle.size();
            if let Some(start) = self.idle.resize(size, spares) {
                break (one_at_a_time, before, start);
            }
            // Not under the lock, which others may want meanwhile.
            drop(one_at_a_time);
            self.idle.await_starting(size);
        };
        let mut failed = None;
        for &index in &start {
            if failed.is_some() {
                self.not_started(index);
            } else if let Err(error) = self.shared().start_thread(index, true) {
                self.not_started(index);
                failed = Some((index, error));
            }
        }
        if let Some((index, error)) = failed {
            // Back to the old size; the threads that did start leave as they would after shrinking.
            let spares = self.spare_threads.unwrap_or(before);
            let none = self.idle.resize(before, spares);
            debug_assert_eq!(none, Some(Vec::new()), "these have been there all the time");
            return Err(match error {
                StartError::System(source) => ResizeError::ThreadStart { index, source },
                StartError::Name(payload) => std::panic::resume_unwind(payload),
            });
        }
        if size > before {
            // A pool of one never promotes a fork; and whoever has many ready wakes one at a time.
            for participant in self.all() {
                participant.forks.arm();
            }
            fence(Ordering::SeqCst);
            self.act_on(self.idle.notify_again(Kind::Task));
        }
        Ok(())
    }

    /// Puts one letter into the mailbox of each worker, as one broadcast, and wakes them. `jobs` is told
    /// how many there are; the pool keeps that size until the letters are in their boxes. Returns the
    /// broadcast's number.
    pub(crate) fn post(&self, jobs: impl FnOnce(usize) -> Vec<*const StackHeader>) -> u64 {
        let _size = self.size_lock.lock();
        let jobs = jobs(self.idle.size());
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
}
