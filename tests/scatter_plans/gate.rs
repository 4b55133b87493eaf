//! A limiter with a gauge in it: how many tasks run behind it, and how many may.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use windrow::{Limit, Limiter};

use crate::books::World;
use crate::random::Random;

pub(crate) struct Gate {
    pub(crate) limiter: Limiter,
    /// All limits that were ever in force.
    history: Mutex<Vec<usize>>,
    running: AtomicUsize,
}

/// From when on a task may have got its slot: an index of the history.
#[derive(Clone, Copy)]
pub(crate) struct Since(usize);

/// A task runs behind the gate.
pub(crate) struct Passing<'g>(&'g Gate);

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

fn slots(limit: Limit) -> usize {
    match limit {
        Limit::Unlimited => usize::MAX,
        Limit::Paused => 0,
        Limit::Max(max) => max,
    }
}

/// One with which something runs.
fn open(random: &mut Random) -> Limit {
    match random.below(8) {
        0 => Limit::Unlimited,
        1..=4 => Limit::Max(1 + random.below(3) as usize),
        _ => Limit::Max(1 + random.below(10) as usize),
    }
}

impl Gate {
    pub(crate) fn new(random: &mut Random) -> Arc<Self> {
        let limit = match random.below(8) {
            0 => Limit::Paused,
            1 => Limit::Max(0),
            _ => open(random),
        };
        Self::with(limit)
    }

    pub(crate) fn open_now(random: &mut Random) -> Arc<Self> {
        Self::with(open(random))
    }

    fn with(limit: Limit) -> Arc<Self> {
        Arc::new(Self {
            limiter: Limiter::new(limit),
            history: Mutex::new(vec![slots(limit)]),
            running: AtomicUsize::new(0),
        })
    }

    pub(crate) fn is_paused(&self) -> bool {
        slots(self.limiter.limit()) == 0
    }

    /// Under the lock, so that the history has the order in which they came into force.
    fn set(&self, limit: Limit) {
        let mut history = self.history.lock().unwrap();
        history.push(slots(limit));
        self.limiter.set_limit(limit);
    }

    pub(crate) fn open(&self, random: &mut Random) {
        self.set(open(random));
    }

    /// Whoever does this opens it afterwards.
    pub(crate) fn pause(&self, random: &mut Random) {
        self.set([Limit::Paused, Limit::Max(0)][random.below(2) as usize]);
    }

    /// To be taken before a task is offered.
    pub(crate) fn now(&self) -> Since {
        Since(self.history.lock().unwrap().len() - 1)
    }

    /// A task begins. Of those that run now one was the last to get its slot, after this one had been offered; at that
    /// moment there were no more than the limit allowed.
    pub(crate) fn pass(&self, since: Since, world: &World) -> Passing<'_> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        let passing = Passing(self);
        let limits = self.history.lock().unwrap()[since.0..].to_vec();
        let most = limits.iter().copied().max().unwrap_or(0);
        world.check(running <= most, || {
            format!("{running} run behind a limiter, at limits {limits:?}")
        });
        passing
    }

    /// Nobody is behind it any more.
    pub(crate) fn is_left(&self, world: &World) {
        let left = (
            self.limiter.in_use(),
            self.limiter.waiting(),
            self.running.load(Ordering::SeqCst),
        );
        world.check(left == (0, 0, 0), || {
            format!("(in use, waiting, running) of a limiter at the end: {left:?}")
        });
    }
}
