//! Deterministic execution: OS threads of which one runs at a time, chosen by a seed, on a virtual clock.
//!
//! Threads that belong to a [`Sim`] are its *members*, numbered in the order of their creation. One of them
//! has the *turn*; the others wait, each on a condition variable of its own. Turns change only at scheduling
//! points: where a member parks, yields, waits for another to be gone, or leaves. The same program with the
//! same seed has the same turns, the same random words and the same virtual times, as long as nothing but
//! its members takes part.
//!
//! # Who is a member
//! * All threads of the pools that belong to the simulation, spares and timers included, from before they
//!   start to their end, whoever starts them. A pool knows its simulation; it does not ask the thread that
//!   happens to start one of its threads.
//! * The thread that built the first of these pools, which *drives*. It enters with the first and leaves
//!   when it drops the last of them, counted as [`Stake`]s, or fails to build it: so not while another lives,
//!   and not because of a pool of another simulation. If somebody else drops the last one, or the driver
//!   does so within a task or another section of theirs, then it stays until its thread ends or builds another: that one
//!   has a new simulation.
//! * Nobody else: no thread of a pool that is not deterministic, even if a member builds it, and no other
//!   thread that uses a pool of the simulation. Other members than the driver, a task's thread say, never
//!   leave before their end.
//!
//! # Members and others
//! Whoever is no member is *outside*. Anybody may announce a thread, wake a member, and look at the clock;
//! from outside that happens at any moment, so it is not reproducible.
//!
//! A member that waits in windrow for something outside (a task of another pool, say) is blocked like any
//! other, and the turn goes on. It becomes runnable when it is woken from there. So to the clock a wait
//! for something outside is a wait without end: if all members wait, it jumps to the next deadline, the
//! waiter's own if it has one, however soon the thing would have come in real time. Without a deadline
//! it stands still.
//!
//! A member that waits in the system has the turn meanwhile, and all others wait with it. The crate does
//! that only where nobody waits for a turn: for locks that are held for moments, and to join the last
//! moments of a thread from outside, when its pool is over.
//!
//! # States of a member
//!
//! | state | meaning |
//! |---|---|
//! | `Running` | It has the turn: the only member that executes code of the program. |
//! | `Runnable` | It waits for the turn (or its thread has been announced and is still starting). |
//! | `Blocked` | It waits for a token, for a member to be gone, or until its deadline if it has one. |
//! | `Gone` | No member any more. |
//!
//! | transition | done by | when |
//! |---|---|---|
//! | new, `Runnable` | anybody | `announce`; it is picked at once if nobody has the turn |
//! | new, `Running` or `Runnable` | the thread itself | `adopt_current`: `Running` if nobody has the turn |
//! | `Running` to `Runnable` | the member | `yield_point`; parking until a time that has come already |
//! | `Running` to `Blocked` | the member | parking, `wait_gone` |
//! | `Running` to `Gone` | the member | `leave_current`, the end of its thread |
//! | `Blocked` to `Runnable` | anybody | `unpark`, before it returns; a thread from outside may do it too |
//! | | whoever moves the clock | its deadline has come |
//! | | the member that leaves | it is the one waited for |
//! | `Runnable` to `Running` | whoever gave the turn away | it is picked |
//! | | whoever unparks or announces it | nobody has the turn |
//! | `Runnable` to `Gone` | whoever drops the ticket | its thread could not be started |
//!
//! # Why exactly one runs
//! All of this happens under the lock of the simulation. `turn` names the running member. It is given by
//! `pass` alone, which is called only when nobody has it: by the member that has just given it up, or when
//! somebody becomes runnable while nobody runs; which may be somebody whose thread is still starting. A thread returns from `wait_for_turn` into the program only
//! when it finds itself named under the lock, and stays named until it gives the turn up itself. So at most
//! one runs. `pass` leaves the turn open only if no member is runnable and none has a deadline; then no
//! member can go on by itself, and the first one unparked, announced or adopted gets the turn.
//!
//! # Why it is deterministic
//! What `pass` sees is the members' states, the clock and the generator. Between two scheduling points they
//! are changed only by the running member: its `unpark` makes another member runnable before it returns,
//! its `announce` counts a thread as runnable before that thread exists. When the thread then arrives, and
//! how fast a thread gets to its wait, or from the wait back to work, changes nothing of that.
//!
//! # The clock
//! It starts at the real time of the creation and stands still while any member can run. When all are
//! blocked it jumps to the earliest deadline, and whoever has that deadline becomes runnable. Besides,
//! [`Sim::spend`] moves it. No blocked member has a deadline that has come.
//!
//! # Who may touch what
//! Everything but the thread-local membership is in `state`, under its lock; nothing is global. What begins
//! or ends a membership touches that of the calling thread only. Locks are
//! taken in the order parker, simulation. No scheduling point may be reached with a lock held that other
//! members want: they would wait for it in the system, with the turn in hand.

use crate::sim::state::State;
use crate::sync::{Arc, SleepMutex};
use std::cell::{Cell, RefCell};
use std::io::Write;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

mod state;
#[cfg(test)]
mod tests;

/// What is remarked when nobody can run for a while.
const STUCK: &str = "windrow: deterministic pool: every thread waits and no timer is set; if no other \
                     thread wakes one, this is a deadlock";

/// See the module.
#[derive(Debug)]
pub(crate) struct Sim {
    state: SleepMutex<State>,
}

/// One member of one simulation.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    sim: Arc<Sim>,
    member: usize,
}

impl Seat {
    /// The time in `timeout` from now, as `clock::after` has it.
    pub(crate) fn after(&self, timeout: Duration) -> Option<Instant> {
        self.sim.with(|state| state.now()).checked_add(timeout)
    }

    /// The calling member is blocked from now on and the turn goes on. `wait` must follow.
    pub(crate) fn block(&self, deadline: Option<Instant>) {
        self.sim.with(|state| state.block(self.member, deadline));
    }

    /// Waits for the turn; `true` if the deadline of the block before has come.
    pub(crate) fn wait(&self) -> bool {
        self.sim.wait_for_turn(self.member)
    }

    /// Makes the member runnable if it is blocked, before this returns. Any thread may.
    pub(crate) fn wake(&self) {
        self.sim.with(|state| state.wake(self.member));
    }

    /// The calling member waits until this one is gone, so that joining its thread waits for no turn. Not
    /// for others: they let this member get on anyway.
    pub(crate) fn wait_gone(&self) {
        let Some(own) = seat().filter(|own| Arc::ptr_eq(&own.sim, &self.sim)) else {
            return;
        };
        debug_assert_ne!(own.member, self.member, "nobody waits for its own end");
        let block = |state: &mut State| state.block_until_gone(own.member, self.member);
        // A token that came late may wake this thread as well.
        while self.sim.with(block) {
            own.wait();
        }
    }

    /// The calling thread, none of whose memberships has begun, waits for its turn as this member.
    fn take(self) {
        self.sim.wait_for_turn(self.member);
        MEMBERSHIP.with(|own| *own.0.borrow_mut() = Some(self));
        IS_MEMBER.set(true);
    }
}

/// The place of a pool in its simulation, from before it is built until it is dropped. With the last one
/// the driver leaves, if it is the driver that drops it.
#[derive(Debug)]
pub(crate) struct Stake {
    sim: Arc<Sim>,
    stays: bool,
}

impl Stake {
    pub(crate) fn sim(&self) -> &Arc<Sim> {
        &self.sim
    }

    /// Gives it up; the calling thread stays what it is.
    pub(crate) fn drop_and_stay(mut self) {
        self.stays = true;
    }
}

impl Drop for Stake {
    fn drop(&mut self) {
        let last = self.sim.with(State::remove_pool);
        if last && !self.stays && self.sim.is_driven_here() {
            Sim::leave_current();
        }
    }
}

/// The calling thread's membership. Dropped at the thread's end, which gives it up.
struct Membership(RefCell<Option<Seat>>);

impl Membership {
    fn end(&self) {
        IS_MEMBER.set(false);
        if let Some(seat) = self.0.take() {
            seat.sim.with(|state| state.retire(seat.member));
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.end();
    }
}

thread_local! {
    /// Whether there is anything in `MEMBERSHIP`: all that other threads ever look at.
    static IS_MEMBER: Cell<bool> = const { Cell::new(false) };
    static MEMBERSHIP: Membership = const { Membership(RefCell::new(None)) };
}

/// The calling thread's place in its simulation.
#[inline]
pub(crate) fn seat() -> Option<Seat> {
    if IS_MEMBER.get() { own_seat() } else { None }
}

#[cold]
#[inline(never)]
fn own_seat() -> Option<Seat> {
    MEMBERSHIP.with(|own| own.0.borrow().clone())
}

/// A member whose thread is about to start. Dropping it withdraws the member.
#[derive(Debug)]
#[must_use]
pub(crate) struct Ticket(Option<Seat>);

impl Ticket {
    /// The member that it stands for.
    pub(crate) fn seat(&self) -> Option<Seat> {
        self.0.clone()
    }

    /// On the new thread, before anything else: makes it the member, and waits for its turn.
    pub(crate) fn begin(mut self) {
        assert!(!IS_MEMBER.get(), "the thread is a member already");
        if let Some(seat) = self.0.take() {
            seat.take();
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(seat) = self.0.take() {
            seat.sim.with(|state| state.retire(seat.member));
        }
    }
}

impl Sim {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self {
            state: SleepMutex::new(State::new(seed)),
        })
    }

    /// That of the calling thread.
    pub(crate) fn current() -> Option<Arc<Self>> {
        seat().map(|own| own.sim)
    }

    /// The calling thread becomes a member. It runs at once if nobody does, else when its turn comes; then
    /// the moment of its coming is not determined, unless the threads that run wait for it.
    pub(crate) fn adopt_current(self: &Arc<Self>) {
        assert!(!IS_MEMBER.get(), "the thread is a member already");
        let member = self.with(State::adopt);
        let sim = Arc::clone(self);
        Seat { sim, member }.take();
    }

    /// The calling thread, a member or not, is about to start a thread: makes a member of that, runnable from
    /// now.
    pub(crate) fn announce(self: &Arc<Self>) -> Ticket {
        let member = self.with(State::announce);
        let sim = Arc::clone(self);
        Ticket(Some(Seat { sim, member }))
    }

    /// There is one pool more.
    pub(crate) fn add_pool(self: &Arc<Self>) -> Stake {
        self.with(State::add_pool);
        Stake {
            sim: Arc::clone(self),
            stays: false,
        }
    }

    /// Whether the calling thread was adopted, and has not been started as a member.
    fn is_driven_here(self: &Arc<Self>) -> bool {
        seat().is_some_and(|own| {
            Arc::ptr_eq(&own.sim, self) && self.with(|state| state.is_adopted(own.member))
        })
    }

    /// Whether the calling thread drives a simulation whose pools are all gone.
    pub(crate) fn is_left_over() -> bool {
        Self::current().is_some_and(|sim| sim.is_driven_here() && !sim.with(|s| s.has_pools()))
    }

    /// The virtual time, for anybody.
    pub(crate) fn time(&self) -> Instant {
        self.with(|state| state.now())
    }

    /// The calling thread is no member any more, if it was one. A thread that ends does this by itself.
    pub(crate) fn leave_current() {
        if IS_MEMBER.get() {
            MEMBERSHIP.with(Membership::end);
        }
    }

    /// A member lets the seed choose who goes on, itself included.
    #[inline]
    pub(crate) fn yield_point() {
        if let Some(own) = seat() {
            own.sim.with(|state| state.yield_turn(own.member));
            own.wait();
        }
    }

    /// A member's next random word.
    #[inline]
    pub(crate) fn random() -> Option<u64> {
        seat().map(|own| own.sim.with(State::random))
    }

    /// A member's virtual time.
    #[inline]
    pub(crate) fn now() -> Option<Instant> {
        seat().map(|own| own.sim.with(|state| state.now()))
    }

    /// A member says that it has been busy for so long. For loops that wait for something without parking:
    /// while they are runnable, the clock would stand still for everybody else.
    #[inline]
    pub(crate) fn spend(time: Duration) {
        if let Some(own) = seat() {
            own.sim.with(|state| state.spend(time));
        }
    }

    fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Comes back when `me` has the turn; `true` if the deadline of its last block has come.
    fn wait_for_turn(&self, me: usize) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bell = state.bell(me);
        while !state.has_turn(me) {
            match state.patience(me) {
                None => {
                    state = bell.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                Some(left) if left > Duration::ZERO => {
                    let rung = bell.wait_timeout(state, left);
                    state = rung.unwrap_or_else(PoisonError::into_inner).0;
                }
                Some(_) => {
                    state.said_so();
                    // If that fails there is nobody to tell.
                    let _ = writeln!(std::io::stderr(), "{STUCK}");
                }
            }
        }
        state.take_timed_out(me)
    }
}
