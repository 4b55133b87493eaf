//! Model checks of the gate: no waiter misses a change, whoever else waits.
//!
//! `LOOM_MAX_PREEMPTIONS=3 RUSTFLAGS="--cfg loom" cargo test --release --lib model`
//!
//! What the conditions depend on is changed by Relaxed operations alone, so all the order there is comes
//! from the gate's fences. A missed change leaves a thread asleep for ever, which loom reports as a deadlock.

use super::*;
use crate::sync::model::explore;
use loom::thread;

/// A gate and what is waited for at it.
struct Place {
    gate: Gate,
    changes: AtomicUsize,
}

impl Place {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            gate: Gate::new(),
            changes: AtomicUsize::new(0),
        })
    }

    fn change(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
        self.gate.notify();
    }

    fn wait_for(&self, changes: usize) {
        let seen = || self.changes.load(Ordering::Relaxed);
        assert!(self.gate.wait(None, || seen() >= changes));
        assert!(seen() >= changes, "the wait was over too early");
    }

    /// Nobody is left on the list, or counted.
    fn check(&self) {
        assert_eq!(self.gate.waiting.load(Ordering::Relaxed), 0);
        assert!(self.gate.parkers.lock().is_empty());
    }
}

fn start(place: &Arc<Place>, act: fn(&Place)) -> thread::JoinHandle<()> {
    let place = Arc::clone(place);
    thread::spawn(move || act(&place))
}

/// One waiter, one change: it is seen, or heard of.
#[test]
fn gate_waiter_misses_no_change() {
    explore("gate_waiter_misses_no_change", || {
        let place = Place::new();
        let notifier = start(&place, Place::change);
        place.wait_for(1);
        notifier.join().unwrap();
        place.check();
    });
}

/// A waiter that needs two changes by two threads: after each token it looks again, and sleeps on.
#[test]
fn gate_waiter_needs_two_changes() {
    explore("gate_waiter_needs_two_changes", || {
        let place = Place::new();
        let notifiers = [(); 2].map(|()| start(&place, Place::change));
        place.wait_for(2);
        for notifier in notifiers {
            notifier.join().unwrap();
        }
        place.check();
    });
}

/// Two waiters, one change: both hear of it.
#[test]
fn gate_two_waiters() {
    explore("gate_two_waiters", || {
        let place = Place::new();
        let waiters = [(); 2].map(|()| start(&place, |place| place.wait_for(1)));
        place.change();
        for waiter in waiters {
            waiter.join().unwrap();
        }
        place.check();
    });
}

/// Two waiters for different things: the one that leaves takes nobody else off the list.
#[test]
fn gate_one_waiter_leaves_before_the_other() {
    explore("gate_one_waiter_leaves_before_the_other", || {
        let place = Place::new();
        let early = start(&place, |place| place.wait_for(1));
        let late = start(&place, |place| place.wait_for(2));
        place.change();
        place.change();
        early.join().unwrap();
        late.join().unwrap();
        place.check();
    });
}
