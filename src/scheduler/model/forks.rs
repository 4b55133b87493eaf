//! Promotion and steal-back.

use super::*;
use crate::latch::Registration;
use crate::park::Parker;
use crate::priority::Priority;
use crate::scheduler::forks::{Forks, Promoted, Reclaimed};
use crate::sync::Arc;
use crate::task::node::Node;
use crate::task::stack::{StackHeader, StackJob};
use loom::cell::UnsafeCell;
use loom::thread;
use std::mem::MaybeUninit;
use std::ptr;

/// What thieves can reach of a participant.
struct Victim {
    forks: Forks,
    /// The parents of its jobs by slot, all beneath `root`.
    parents: [Node; 3],
    root: Box<Node>,
}

// SAFETY: as for participants: the owner's parts are used by the model's main thread only.
unsafe impl Sync for Victim {}
// SAFETY: nothing in it is tied to a thread.
unsafe impl Send for Victim {}

impl Victim {
    fn new() -> Arc<Self> {
        let root = Box::new(Node::root());
        Arc::new(Self {
            forks: Forks::new(),
            parents: std::array::from_fn(|_| Node::new(&raw const *root)),
            root,
        })
    }

    /// As `fork_join` and `fork_slowly` do.
    fn fork(&self, job: *const StackHeader, target: usize) -> usize {
        match self.forks.push(job) {
            Some(slot) => slot,
            None => {
                let slot = self.forks.push_slowly(job);
                self.forks.promote(target, |slot| {
                    (&raw const self.parents[slot], Priority::Normal)
                });
                slot
            }
        }
    }
}

/// Runs what a thief has taken.
fn run(stolen: Option<Promoted>) {
    if let Some(fork) = stolen {
        // SAFETY: taken from the board, once.
        unsafe { StackHeader::run(fork.job) };
    }
}

/// What a job does: once, and alone.
struct Effect(UnsafeCell<u32>);

// SAFETY: loom checks that access is exclusive.
unsafe impl Sync for Effect {}

impl Effect {
    fn new() -> Arc<Self> {
        Arc::new(Self(UnsafeCell::new(0)))
    }

    /// How often it has happened by now.
    fn happen(&self) -> u32 {
        self.0.with_mut(|count| {
            // SAFETY: loom checks that access is exclusive.
            let count = unsafe { &mut *count };
            *count += 1;
            *count
        })
    }
}

fn job(effect: &Arc<Effect>) -> impl FnOnce() -> u32 + Send + use<> {
    let effect = Arc::clone(effect);
    move || effect.happen()
}

/// The second half of `fork_join`, then the end of the frame: whoever touches the job after that is found
/// out by the end of its latch, or meets poison.
fn join<F: FnOnce() -> u32>(
    victim: &Victim,
    slot: usize,
    frame: &mut MaybeUninit<StackJob<F, u32>>,
    parker: &Arc<Parker>,
) {
    // SAFETY: initialized by the caller, and not ended yet.
    let job = unsafe { frame.assume_init_ref() };
    let ours = victim.forks.pop(slot) || victim.forks.reclaim(slot) == Reclaimed::Ours;
    let result = if ours {
        // SAFETY: it is back.
        let b = unsafe { job.take() };
        b()
    } else {
        let latch = &job.header().latch;
        while !latch.is_set() && latch.register(parker) == Registration::Registered {
            parker.park();
            if latch.unregister() {
                break;
            }
        }
        // SAFETY: the latch is set.
        unsafe { job.take_result() }.unwrap()
    };
    assert_eq!(result, 1, "run twice, or not at all");
    // SAFETY: initialized, and from here on nobody may touch it.
    unsafe { frame.assume_init_drop() };
    // SAFETY: plain memory of the caller.
    unsafe { ptr::from_mut(frame).write_bytes(0xFF, 1) };
}

/// Forks `N` jobs and joins them while `thieves` do what they do; then all must have run once.
fn forks<const N: usize>(target: usize, thieves: &[fn(&Victim)]) {
    let victim = Victim::new();
    let parker = Arc::new(Parker::new());
    let effects: [Arc<Effect>; N] = std::array::from_fn(|_| Effect::new());
    let thieves: Vec<_> = thieves
        .iter()
        .map(|&thief| {
            let victim = Arc::clone(&victim);
            thread::spawn(move || thief(&victim))
        })
        .collect();
    let mut frames = effects
        .each_ref()
        .map(|effect| Box::new(MaybeUninit::new(StackJob::new(job(effect)))));
    let slots = frames.each_ref().map(|frame| {
        // SAFETY: initialized above.
        let job = unsafe { frame.assume_init_ref() };
        victim.fork(job.as_ptr(), target)
    });
    for (frame, slot) in frames.iter_mut().zip(slots).rev() {
        join(&victim, slot, frame, &parker);
    }
    for thief in thieves {
        thief.join().unwrap();
    }
    for effect in effects {
        assert_eq!(effect.happen(), 2, "each has happened once");
    }
    assert_eq!(victim.forks.levels(), 0, "the board is empty");
    assert_eq!(Arc::strong_count(&parker), 1, "a registration leaked");
}

fn steal(victim: &Victim) {
    run(victim.forks.steal(Priority::Normal));
}

fn steal_two(victim: &Victim) {
    steal(victim);
    steal(victim);
}

fn steal_beneath(victim: &Victim) {
    run(victim.forks.steal_beneath(&raw const *victim.root));
}

/// Takes a job although there may be an older one.
fn steal_the_second(victim: &Victim) {
    run(victim.forks.steal_beneath(&raw const victim.parents[1]));
}

#[test]
fn forks_one_thief() {
    explore("forks_one_thief", || forks::<2>(1, &[steal_two]));
}

#[test]
fn forks_three_jobs() {
    explore("forks_three_jobs", || forks::<3>(2, &[steal_two]));
}

#[test]
fn forks_two_thieves() {
    explore("forks_two_thieves", || {
        forks::<2>(2, &[steal, steal_beneath]);
    });
}

#[test]
fn forks_the_newer_is_stolen() {
    explore("forks_the_newer_is_stolen", || {
        forks::<2>(2, &[steal_the_second]);
    });
}

#[test]
fn forks_two_waiters() {
    explore("forks_two_waiters", || {
        forks::<2>(1, &[steal_beneath, steal_beneath]);
    });
}

#[test]
fn forks_after_a_steal() {
    explore("forks_after_a_steal", || {
        // The same slots are used again after they have been taken back.
        let victim = Victim::new();
        let parker = Arc::new(Parker::new());
        let thief = {
            let victim = Arc::clone(&victim);
            thread::spawn(move || steal_two(&victim))
        };
        for _ in 0..2 {
            let effect = Effect::new();
            let mut frame = Box::new(MaybeUninit::new(StackJob::new(job(&effect))));
            // SAFETY: initialized above.
            let slot = victim.fork(unsafe { frame.assume_init_ref() }.as_ptr(), 1);
            join(&victim, slot, &mut frame, &parker);
            // The poisoned frame stays until the thief has gone.
            Box::leak(frame);
        }
        thief.join().unwrap();
        assert_eq!(victim.forks.levels(), 0, "the board is empty");
    });
}

#[test]
fn forks_a_theft_asks_for_more() {
    explore("forks_a_theft_asks_for_more", || {
        let victim = Victim::new();
        let effects: [Arc<Effect>; 3] = std::array::from_fn(|_| Effect::new());
        let mut frames = effects
            .each_ref()
            .map(|effect| Box::new(MaybeUninit::new(StackJob::new(job(effect)))));
        // SAFETY: initialized above.
        let jobs = frames
            .each_ref()
            .map(|frame| unsafe { frame.assume_init_ref() }.as_ptr());
        let parker = Arc::new(Parker::new());
        victim.fork(jobs[0], 1);
        assert_ne!(victim.forks.levels(), 0, "promoted at once");
        let thief = {
            let victim = Arc::clone(&victim);
            thread::spawn(move || steal(&victim))
        };
        victim.fork(jobs[1], 1);
        thief.join().unwrap();
        // Whatever the theft met, the next fork sees that somebody is hungry.
        victim.fork(jobs[2], 1);
        assert_ne!(victim.forks.levels(), 0, "nothing to steal");
        for slot in (0..3).rev() {
            join(&victim, slot, &mut frames[slot], &parker);
        }
    });
}
