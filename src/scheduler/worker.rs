//! A worker's life: look for work, search a little, sleep.

use crate::metrics::Event;
use crate::park;
use crate::scheduler::counts::Counts;
use crate::scheduler::find::Work;
use crate::scheduler::idle::{Slept, View};
use crate::scheduler::participant::Participant;
use crate::scheduler::registry::{Handler, Registry};
use crate::scheduler::roster::Bed;
use crate::sim::Sim;
use crate::sync::{Arc, spin_loop, yield_now};
use crate::unwind;
use std::ptr;

/// Rounds of looking before a searcher goes to bed, some 10 to 20 us in all: about the price of the
/// wake-up that a find saves (4 to 10 us for the waker here, as much again for the sleeper).
// Under shuttle looks differ only in what has happened between them: two will do.
const SEARCH_ROUNDS: u32 = if cfg!(windrow_shuttle) { 2 } else { 32 };

/// Spends a moment between two looks. The first are short; later ones give the processor away, which
/// is what makes 64 threads on 2 processors bearable.
pub(crate) fn pause(round: u32) {
    if Sim::current().is_some() {
        // Nothing happens while this thread has the turn.
        if round == 0 {
            Sim::yield_point();
        }
        return;
    }
    if cfg!(windrow_shuttle) {
        // How much time passes is the schedule's choice; to yield would say that nothing can be done before
        // somebody else has run, and hide what happens to those who go to bed at once.
        return;
    }
    if round < 4 {
        for _ in 0..1 << (round + 2) {
            spin_loop();
        }
    } else {
        yield_now();
    }
}

/// The main function of worker threads, spares included. `late` workers are already counted as
/// searching.
pub(crate) fn main(registry: &Arc<Registry>, seat: usize, late: bool) {
    Participant::set_home(registry);
    let me = registry.participants.get(seat);
    let index = me.index().expect("workers have an index");
    let mut searching = late;
    if late {
        registry.idle.arrive(index);
    }
    loop {
        Participant::set_current(me);
        me.off_duty.set(false);
        if registry.start_handler.is_some() || registry.defaults.observer.is_some() {
            // The user's code may take its time, or wait for the pool: nobody may rely on this search.
            me.end_search(&mut searching);
            tell(registry, registry.start_handler.as_ref(), me);
        }
        registry.observe(|observer| observer.worker_started(index));
        let end = me.live(searching);
        // It was in bed, where it is not counted as active, and has left that.
        me.off_duty.set(true);
        registry.observe(|observer| observer.worker_stopped(index));
        tell(registry, registry.exit_handler.as_ref(), me);
        // What the handler has spawned, and what others have not taken yet.
        me.empty_deques();
        if matches!(end, End::OfPool) {
            // Nobody pops what has nothing to do any more.
            registry.sweep();
        }
        // From here on (thread-local destructors) the thread belongs to no pool.
        Participant::set_current(ptr::null());
        match end {
            End::OfPool => return registry.gone(index),
            End::OfThread if !registry.idle.leave_for_good(index, &**registry) => return,
            // The pool has grown again: a new worker in the old thread.
            End::OfThread => searching = true,
        }
    }
}

/// Why a worker's life ends.
enum End {
    OfPool,
    OfThread,
}

/// Calls a user's handler with the worker's index; its panic goes to the panic handler.
fn tell(registry: &Registry, handler: Option<&Handler>, me: &Participant) {
    if let (Some(handler), Some(index)) = (handler, me.index()) {
        if let Err(payload) = unwind::catch(|| handler(index)) {
            registry.sink.report(payload);
        }
    }
}

/// What a sleeping worker looks at: the pool, and its own mail.
struct FromBed<'a>(&'a Participant);

impl View for FromBed<'_> {
    fn wanted(&self, counts: Counts, forks: bool) -> bool {
        !self.0.mailbox.is_empty() && !counts.paused() || self.0.registry().wanted(counts, forks)
    }

    fn settled(&self) -> bool {
        self.0.registry().settled()
    }

    fn may_leave(&self) -> bool {
        self.0.mailbox.is_empty()
    }
}

impl Participant {
    fn live(&self, mut searching: bool) -> End {
        let idle = &self.registry().idle;
        let index = self.index().expect("workers have an index");
        let bed = Bed::new(park::current(), index);
        loop {
            match self.next_work(&mut searching) {
                Some(work) => self.run(work),
                None => {
                    self.tally.note(Event::Parked);
                    match idle.sleep(&bed, searching, &FromBed(self)) {
                        Slept::Searching => searching = true,
                        Slept::Terminated => return End::OfPool,
                        Slept::Retired => return End::OfThread,
                    }
                }
            }
        }
    }

    /// Work, or `None` when it is time for bed.
    fn next_work(&self, searching: &mut bool) -> Option<Work> {
        let idle = &self.registry().idle;
        Sim::yield_point();
        let counts = idle.counts();
        if counts.paused() {
            return None;
        }
        if counts.active() > idle.size() {
            // Somebody came back from a wait: one too many are active, and this one is at leisure.
            let letter = self.mailbox.take()?;
            self.end_search(searching);
            return Some(Work::Mail(letter));
        }
        if let Some(work) = self.find_work() {
            self.end_search(searching);
            return Some(work);
        }
        if !*searching {
            *searching = idle.start_searching();
        }
        if *searching {
            for round in 0..SEARCH_ROUNDS {
                pause(round);
                if let Some(work) = self.find_work() {
                    self.end_search(searching);
                    return Some(work);
                }
                if idle.is_terminated() || idle.counts().paused() {
                    break;
                }
            }
        }
        None
    }

    fn end_search(&self, searching: &mut bool) {
        if *searching {
            *searching = false;
            let registry = self.registry();
            if registry.idle.stop_searching() {
                registry.hand_on();
            }
        }
    }
}
