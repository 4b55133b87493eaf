//! What another thread does meanwhile: it changes limits, closes, cancels and looks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::books::World;
use crate::random::Random;
use crate::run;

/// Calls `f`, and has another thread disturb it; with a run of its own first, unless only one thread drives the pool.
pub(crate) fn beside(world: &Arc<World>, mut random: Random, driven: bool, f: impl FnOnce()) {
    let over = AtomicBool::new(false);
    thread::scope(|threads| {
        threads.spawn(|| {
            let runs = random.one_in(2);
            if runs && !driven {
                run::run(world, random.part(), 0);
            }
            for _ in 0..1 + random.below(60) {
                for _ in 0..random.below(20) {
                    thread::yield_now();
                }
                disturb(world, &mut random);
                if over.load(Ordering::SeqCst) {
                    break;
                }
            }
        });
        f();
        over.store(true, Ordering::SeqCst);
    });
}

fn disturb(world: &World, random: &mut Random) {
    let (run, gate) = {
        let open = world.open.lock().unwrap();
        if open.is_empty() {
            return;
        }
        let one = &open[random.below(open.len() as u64) as usize];
        let gates = &one.gates;
        let gate = (!gates.is_empty()).then(|| &gates[random.below(gates.len() as u64) as usize]);
        (one.run.clone(), gate.cloned())
    };
    let trouble = world.trouble;
    match (random.below(10), gate) {
        (0..3, Some(gate)) => gate.open(random),
        (3..5, Some(gate)) => {
            gate.pause(random);
            (0..random.below(10)).for_each(|_| thread::yield_now());
            gate.open(random);
        }
        (5, Some(gate)) if random.one_in(6) => gate.limiter.close(),
        (6, _) if random.one_in(6) => run.close(),
        (7, _) if trouble.cancels(random) => run.cancel(),
        _ => {
            let stats = run.stats();
            let ended = stats.gathered + stats.panicked + stats.forfeited;
            world.check(ended <= stats.scattered, || format!("too many: {stats:?}"));
        }
    }
}
