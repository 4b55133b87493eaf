//! Where inputs are combined: the instances, and who has them when.
//!
//! Where a task scattered into a combiner has run, its result goes into an *instance* of the combiner on the same
//! thread. There is a place for an instance per worker (and one for the caller); a place is chosen by the thread's
//! seat in the pool, so mostly only one thread comes to it.
//!
//! # States of a place
//! | state | meaning |
//! |---|---|
//! | idle | its instance, if there is one, is in it |
//! | busy | one thread has its *turn*: it feeds or flushes the instance, or runs a swath of short tasks into it; others leave their inputs in `pending` |
//!
//! Whoever makes it busy goes on until nothing is pending, and only then puts the instance back; both under the
//! place's lock, so no input is left behind. User code runs outside of the lock, so nobody ever waits for it.
//!
//! # Flushing
//! When every task has come back, no place is busy and nothing is pending: whoever is busy is a task that has not
//! come back. The owner then queues a flush for each place that has got something since its last one. Flushes come
//! back like tasks, so what they emit has come before the run sees the end. Hold times ask for a flush earlier; one
//! that finds the place busy does nothing. Whoever puts an instance back sets the timer for it, so that a time that
//! came meanwhile, or comes after a flush, is not missed. There is one timer, for the earliest of all times.
//!
//! # Panics
//! What panics (factory, `combine`, `flush`, the drop of an instance) takes its instance with it, and the inputs
//! that were in it are forfeited; the next input makes a fresh one. The panic is the task's, or the flush's, and so
//! ends at the end of the run.

use crate::scatter::combiner::turn::Turn;
use crate::scatter::combiner::{Combiner, CombinerStats, Settings};
use crate::scatter::shared::Shared;
use crate::scheduler::{Key, Participant, Timed};
use crate::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering};
use crate::task::counter::Owner;
use crate::task::gathered::{self, Outcome, Receiver};
use crate::task::sheaf::Barn;
use crate::unwind;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// When instances are made, flushed and dropped. All times are zero or `MAX` at first: no limits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holds {
    pub(super) spawn_delay: Duration,
    pub(super) min_hold: Duration,
    pub(super) max_hold: Duration,
    pub(super) idle_timeout: Duration,
}

impl Holds {
    fn is_timed(&self) -> bool {
        [self.min_hold, self.max_hold, self.idle_timeout]
            .iter()
            .any(|&time| time != Duration::MAX)
    }

    /// When an instance is to be looked after.
    pub(super) fn due(&self, since: &Since) -> Option<Instant> {
        let of = |from: Option<Instant>, time: Duration| from.and_then(|at| at.checked_add(time));
        [
            of(since.first, self.max_hold),
            of(since.first.and(since.last), self.min_hold),
            of(since.last, self.idle_timeout),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

/// The times of an instance's inputs, where they matter.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Since {
    /// The first since the last flush.
    pub(super) first: Option<Instant>,
    pub(super) last: Option<Instant>,
}

pub(super) struct Instance<C> {
    pub(super) combiner: C,
    pub(super) since: Since,
    /// Inputs since the last flush.
    pub(super) unflushed: u64,
}

pub(super) struct Place<C: Combiner> {
    pub(super) busy: bool,
    pub(super) instance: Option<Box<Instance<C>>>,
    pub(super) pending: VecDeque<C::Input>,
    pub(super) stats: CombinerStats,
}

/// What tasks and flushes need of a combiner, on any thread.
pub(super) struct Places<'env, C: Combiner> {
    pub(super) run: Arc<Shared>,
    pub(super) factory: Box<dyn Fn() -> C + Send + Sync + 'env>,
    pub(super) places: Vec<Mutex<Place<C>>>,
    /// How many of them may be used.
    limit: AtomicUsize,
    pub(super) live: AtomicUsize,
    pub(super) holds: Mutex<Holds>,
    pub(super) timed: AtomicBool,
    pub(super) delayed: AtomicBool,
    /// When the last instance was made, if that matters.
    last_made: Mutex<Option<Instant>>,
    /// What the timer is set for.
    armed: Mutex<Option<Key>>,
    /// How many small tasks a thread takes at a time.
    pub(super) pace: AtomicUsize,
    /// How emissions get to their handler, and where that is: on the owner's side.
    pub(super) receive: Receive,
    pub(super) handler: *const (),
}

/// Receives an emission; knows the types of the run.
pub(super) type Receive = unsafe fn(handler: *const (), value: *mut (), cx: *mut ());

// SAFETY: everything is locked, atomic or made for sharing, but the handler, which the owner alone touches.
unsafe impl<C: Combiner> Send for Places<'_, C> {}
// SAFETY: as above.
unsafe impl<C: Combiner> Sync for Places<'_, C> {}

/// An emitted value's way to its handler.
struct ToHandler {
    receive: Receive,
    handler: *const (),
}

// SAFETY: used on the owner's thread only.
unsafe impl Send for ToHandler {}

impl<T> Receiver<T> for ToHandler {
    unsafe fn receive(self, outcome: Outcome<T>, cx: *mut ()) {
        if let Outcome::Value(value) = outcome {
            let mut value = Some(value);
            // SAFETY: the run has set both, for this type of value and this context.
            unsafe { (self.receive)(self.handler, (&raw mut value).cast(), cx) };
        }
    }
}

pub(super) fn seat_here() -> (usize, Owner) {
    let here = Participant::current();
    // SAFETY: a current participant is alive.
    let seat = unsafe { here.as_ref() }.map_or(0, Participant::seat);
    (seat, here.cast())
}

impl<'env, C: Combiner> Places<'env, C> {
    /// With a place for each thread of the pool, and one for the caller.
    pub(super) fn new(
        run: &Arc<Shared>,
        factory: Box<dyn Fn() -> C + Send + Sync + 'env>,
        receive: Receive,
        handler: *const (),
    ) -> Self {
        let place = || {
            Mutex::new(Place {
                busy: false,
                instance: None,
                pending: VecDeque::new(),
                stats: CombinerStats::default(),
            })
        };
        let count = run.registry.idle.size() + 1;
        Self {
            run: Arc::clone(run),
            factory,
            places: (0..count).map(|_| place()).collect(),
            limit: AtomicUsize::new(count),
            live: AtomicUsize::new(0),
            holds: Mutex::new(Holds {
                spawn_delay: Duration::ZERO,
                min_hold: Duration::MAX,
                max_hold: Duration::MAX,
                idle_timeout: Duration::MAX,
            }),
            timed: AtomicBool::new(false),
            delayed: AtomicBool::new(false),
            last_made: Mutex::new(None),
            armed: Mutex::new(None),
            pace: AtomicUsize::new(1),
            receive,
            handler,
        }
    }

    /// The place for the calling thread.
    pub(super) fn place_here(&self, seat: usize) -> usize {
        let places = self.limit.load(Ordering::Relaxed);
        let index = seat % places;
        if self.delayed.load(Ordering::Relaxed) {
            self.place_after_delay(index, places)
        } else {
            index
        }
    }

    /// Makes a place the caller's for a while, unless somebody is at it.
    pub(super) fn turn(&self, index: usize) -> Option<Turn<'_, 'env, C>> {
        let mut place = self.places[index].lock();
        if place.busy {
            return None;
        }
        place.busy = true;
        Some(Turn::new(self, index, place.instance.take()))
    }

    /// Takes an input in. Unwinds if the user's code does.
    pub(super) fn put(&self, input: C::Input) {
        let (seat, here) = seat_here();
        let index = self.place_here(seat);
        let mut place = self.places[index].lock();
        if place.busy {
            place.pending.push_back(input);
            return;
        }
        place.busy = true;
        let instance = place.instance.take();
        drop(place);
        let turn = Turn::new(self, index, instance);
        if let Some(payload) = turn.end(Some(input), None, here) {
            std::panic::resume_unwind(payload);
        }
    }

    /// While the last instance is younger than the delay, inputs go to one that there is.
    fn place_after_delay(&self, index: usize, places: usize) -> usize {
        let delay = self.holds.lock().spawn_delay;
        {
            let place = self.places[index].lock();
            if place.busy || place.instance.is_some() {
                return index;
            }
        }
        let mut last = self.last_made.lock();
        let now = self.run.registry.clock.now();
        let young = last.is_some_and(|made| now.saturating_duration_since(made) < delay);
        if young {
            let lives = |&other: &usize| {
                let place = self.places[other].lock();
                place.busy || place.instance.is_some()
            };
            if let Some(other) = (0..places).find(lives) {
                return other;
            }
        }
        *last = Some(now);
        index
    }

    /// Flushes the instance in a place, if nobody is at it. `drop_it`: it has been idle for long.
    pub(super) fn flush(&self, index: usize, drop_it: bool) {
        let (_, here) = seat_here();
        let Some(mut turn) = self.turn(index) else {
            return;
        };
        let mut panic = unwind::catch(|| turn.flush(here)).err();
        if panic.is_some() {
            turn.fail();
        } else if drop_it {
            panic = turn.drop_instance();
        }
        let next = turn.go_on();
        if let Some(payload) = turn.end(next, panic, here) {
            std::panic::resume_unwind(payload);
        }
    }

    fn stats(&self) -> CombinerStats {
        let mut sum = CombinerStats {
            live: self.live.load(Ordering::Relaxed),
            ..CombinerStats::default()
        };
        for place in &self.places {
            let stats = place.lock().stats;
            sum.combined += stats.combined;
            sum.emitted += stats.emitted;
            sum.flushed += stats.flushed;
            sum.forfeited += stats.forfeited;
        }
        sum
    }

    /// Sets the timer, unless it is set for an earlier time.
    pub(super) fn arm(&self, at: Option<Instant>) {
        let Some(at) = at else { return };
        let mut armed = self.armed.lock();
        if armed.is_some_and(|key| key.0 <= at) {
            return;
        }
        let timer = &self.run.registry.timer;
        if let Some(later) = armed.take() {
            timer.remove(later);
        }
        *armed = Some(timer.add(at, Arc::clone(&self.run) as Arc<dyn Timed>));
    }

    /// The run is over: nothing stays behind in the pool's timer.
    pub(super) fn stop(&self) {
        if let Some(key) = self.armed.lock().take() {
            self.run.registry.timer.remove(key);
        }
    }

    /// The time that the timer was set for has come.
    pub(super) fn disarm(&self, now: Instant) {
        self.armed.lock().take_if(|key| key.0 <= now);
    }
}

impl<C: Combiner> Places<'_, C> {
    pub(super) fn emit(&self, value: C::Output, here: Owner, emitted: &mut u64) {
        *emitted += 1;
        let receiver = ToHandler {
            receive: self.receive,
            handler: self.handler,
        };
        // SAFETY: the task, or the flush, in which this happens has not come back yet; the value and the handler
        // outlive the run.
        unsafe { gathered::deliver(value, receiver, &raw const self.run.inbox, here) };
    }
}

impl<C: Combiner> Settings<C::Input> for Places<'_, C> {
    fn put(&self, input: C::Input) {
        Places::put(self, input);
    }

    fn barn(&self) -> &(dyn Barn + '_) {
        self
    }

    fn stats(&self) -> CombinerStats {
        Places::stats(self)
    }

    fn holds(&self) -> &Mutex<Holds> {
        &self.holds
    }

    fn take_up(&self) {
        let holds = *self.holds.lock();
        if holds.is_timed() {
            if let Err(error) = self.run.registry.timer.ensure_started() {
                panic!("windrow: the timer of the pool could not be started: {error}");
            }
        }
        self.timed.store(holds.is_timed(), Ordering::Relaxed);
        let delayed = holds.spawn_delay > Duration::ZERO;
        self.delayed.store(delayed, Ordering::Relaxed);
    }

    fn set_limit(&self, instances: usize) {
        let limit = instances.min(self.places.len());
        self.limit.store(limit, Ordering::Relaxed);
    }
}
