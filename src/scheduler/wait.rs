//! Waiting: run what is waited for, then spin, then park and lend the slot.
//!
//! A wait runs only work that lies beneath the node that it waits for (see `task::node`). So a lock
//! held across a wait cannot meet a stranger's task, and the stack grows only as deep as the program
//! nests. When nothing of that kind is in reach, the waiter spins briefly (the thief is probably about
//! to finish, or to promote something), then registers at what it waits for, lends its slot to whoever
//! is asleep (or to a spare thread) and parks. All of that concerns the pool in which it waits; as long as it
//! is parked it also has an eye on the pools that its thread is in further out, for what nobody else may do
//! there.

use crate::clock;
use crate::latch::Registration;
use crate::park::{self, Parker};
use crate::scheduler::find::Work;
use crate::scheduler::participant::Participant;
use crate::scheduler::registry::check_process;
use crate::scheduler::worker::pause;
use crate::sync::Arc;
use crate::task::counter::Counter;
use crate::task::inbox::Inbox;
use crate::task::node::Node;
use crate::task::remote::Remote;
use crate::task::stack::StackHeader;
use crate::unwind::AbortIfPanic;
use std::ptr;
use std::time::{Duration, Instant};

/// Looks before a waiter parks. Parking and being woken costs both sides 5 to 10 us here; the rounds
/// take about as long.
// Under shuttle looks differ only in what has happened between them: two will do.
const WAIT_ROUNDS: u32 = if cfg!(windrow_shuttle) { 2 } else { 24 };

/// Something that a thread can wait for. One thread at a time.
pub(crate) trait Awaited {
    /// What lies beneath this may be run meanwhile.
    fn node(&self) -> *const Node;
    fn is_done(&self) -> bool;
    /// Asks for `parker` to be unparked; `false` if it is done already.
    fn register(&self, parker: &Arc<Parker>) -> bool;
    /// Takes that back; `true` if it is done.
    fn unregister(&self) -> bool;
    /// The process in which somebody can be at work on it.
    fn process(&self) -> Option<u32> {
        None
    }
}

impl Awaited for StackHeader {
    fn node(&self) -> *const Node {
        &raw const self.node
    }
    fn is_done(&self) -> bool {
        self.latch.is_set()
    }
    fn register(&self, parker: &Arc<Parker>) -> bool {
        self.latch.register(parker) == Registration::Registered
    }
    fn unregister(&self) -> bool {
        self.latch.unregister()
    }
}

impl Awaited for Counter {
    fn node(&self) -> *const Node {
        &raw const self.node
    }
    fn is_done(&self) -> bool {
        Counter::is_done(self)
    }
    fn register(&self, parker: &Arc<Parker>) -> bool {
        Counter::register(self, parker) == Registration::Registered
    }
    fn unregister(&self) -> bool {
        Counter::unregister(self)
    }
}

impl Awaited for Inbox {
    fn node(&self) -> *const Node {
        &raw const self.node
    }
    fn is_done(&self) -> bool {
        self.has_news()
    }
    fn register(&self, parker: &Arc<Parker>) -> bool {
        Inbox::register(self, parker) == Registration::Registered
    }
    fn unregister(&self) -> bool {
        Inbox::unregister(self)
    }
}

impl<T> Awaited for Remote<T> {
    fn node(&self) -> *const Node {
        Remote::node(self)
    }
    fn is_done(&self) -> bool {
        self.header().state.is_done()
    }
    fn register(&self, parker: &Arc<Parker>) -> bool {
        self.header().state.register(parker)
    }
    fn unregister(&self) -> bool {
        self.header().state.unregister()
    }
    fn process(&self) -> Option<u32> {
        Some(Remote::process(self))
    }
}

/// What may be run during a wait.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Help {
    /// The point in the history of the own deques before which there is nothing of it.
    pub(crate) mark: usize,
    /// All mail up to this broadcast.
    pub(crate) up_to: u64,
}

impl Participant {
    /// Waits, and helps with what is waited for. Never unwinds.
    pub(crate) fn wait(&self, on: &impl Awaited, help: Help) {
        let whole = AbortIfPanic;
        let mut round = 0;
        let mut helped = false;
        while !on.is_done() {
            // A deep look moves entries about, one into others' deques stirs them; so only at first and
            // before parking.
            let stir = round == 0 || round + 1 == WAIT_ROUNDS;
            if let Some(task) = self.own_task_beneath(on.node(), help.mark, stir) {
                self.run_task(task);
                helped = true;
                round = 0;
                continue;
            }
            if let Some(work) = self.find_awaited(on.node(), help.up_to, stir) {
                self.run(work);
                helped = true;
                round = 0;
            } else if round < WAIT_ROUNDS {
                pause(round);
                round += 1;
            } else {
                self.park_and_lend(on, help);
                helped = true;
                round = WAIT_ROUNDS - 1;
            }
        }
        if helped {
            self.tell_if_idle();
        }
        whole.disarm();
    }

    /// After this thread has run tasks in place, the last of the pool perhaps: what it goes on with may be none, and take
    /// long. (A guest has said so after each, and a worker that runs a task says so when it goes to bed.)
    #[inline]
    pub(crate) fn tell_if_idle(&self) {
        if !self.is_guest() && !self.runs_counted() {
            self.registry().idle.changed.notify();
        }
    }

    /// The slot is lent until there is something to run here or the wait is over. A waiter that is woken
    /// only to look stays lent: so "nobody is active" is never hidden by waiters that look.
    fn park_and_lend(&self, on: &impl Awaited, help: Help) {
        // In a child process this ends it with a message: the wait cannot be left by a panic.
        self.registry().check_process();
        let parker = park::current();
        let mut stalled = self.lend_slot(&parker);
        // The slot is free: is there anything for somebody else to do in it?
        self.hand_slot_on(stalled, &parker);
        let work = loop {
            if let Some(work) = self.find_awaited(on.node(), help.up_to, false) {
                break Some((self, work));
            }
            if let Some(found) = self.awaited_mail_further_out(on.node()) {
                break Some(found);
            }
            if stalled || parker.take_stalled() {
                stalled = false;
                if let Some(found) = self.find_awaited_in_all_pools(on.node()) {
                    break Some(found);
                }
            }
            if !on.register(&parker) {
                break None;
            }
            parker.park();
            // The counter's rule: whoever has registered leaves through `unregister`.
            if on.unregister() {
                break None;
            }
        };
        self.take_slot_back(&parker);
        match work {
            Some((place, work)) if ptr::eq(place, self) => self.run(work),
            Some((place, work)) => {
                place.at(|| place.run(work));
                place.tell_if_idle();
            }
            None => {}
        }
    }

    /// The thread's mail as a worker, where it waits as a guest of another pool: nobody else reads it.
    fn awaited_mail_further_out(&self, awaited: *const Node) -> Option<(&Participant, Work)> {
        self.and_outer().skip(1).find_map(|place| {
            let letter = place.mailbox.take_awaited(awaited, 0)?;
            Some((place, Work::Mail(letter)))
        })
    }

    /// The last resort where one of the thread's pools is stalled. In a pool further out the thread may be the only one
    /// that could do what it waits for: those who wait in that pool wait for others.
    fn find_awaited_in_all_pools(&self, awaited: *const Node) -> Option<(&Participant, Work)> {
        self.and_outer().find_map(|place| {
            let task = place.find_awaited_anywhere(awaited)?;
            Some((place, Work::Task(task)))
        })
    }

    /// Waits without helping, until `deadline`; `true` if it is done.
    fn wait_until(&self, on: &impl Awaited, deadline: Instant) -> bool {
        if spin(on) {
            return true;
        }
        let parker = park::current();
        if !on.register(&parker) {
            return true;
        }
        let stalled = self.lend_slot(&parker);
        self.hand_slot_on(stalled, &parker);
        park_until(&parker, on, deadline);
        self.take_slot_back(&parker);
        on.unregister()
    }
}

fn spin(on: &impl Awaited) -> bool {
    (0..WAIT_ROUNDS).any(|round| {
        pause(round);
        on.is_done()
    })
}

fn park_until(parker: &Parker, on: &impl Awaited, deadline: Instant) {
    while !on.is_done() {
        let left = deadline.saturating_duration_since(clock::now());
        if left == Duration::ZERO {
            return;
        }
        parker.park_timeout(left);
    }
}

/// Waits on a thread that may be outside of every pool, without helping.
pub(crate) fn wait_outside(on: &impl Awaited) {
    if on.is_done() || spin(on) {
        return;
    }
    if let Some(process) = on.process() {
        check_process(process);
    }
    let parker = park::current();
    while on.register(&parker) {
        parker.park();
        if on.unregister() {
            return;
        }
    }
}

/// Waits until `deadline` on any thread, without helping; `true` if it is done.
pub(crate) fn wait_until(on: &impl Awaited, deadline: Instant) -> bool {
    if on.is_done() {
        return true;
    }
    // SAFETY: a current participant is alive.
    if let Some(here) = unsafe { Participant::current().as_ref() } {
        return here.wait_until(on, deadline);
    }
    if spin(on) {
        return true;
    }
    let parker = park::current();
    if !on.register(&parker) {
        return true;
    }
    park_until(&parker, on, deadline);
    on.unregister()
}
