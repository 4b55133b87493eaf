//! The iterator form.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use windrow::{RefusedReason, Results};

use crate::account::{self, End};
use crate::books::{Book, Boom, Disturbable, Kind, Where, World, shut};
use crate::course::{Fruit, Work};
use crate::gate::Gate;
use crate::random::Random;
use crate::run::{Kept, short};

type Owner<'a, 'r> = Results<'a, 'r, 'static, Fruit>;

/// One run in this form.
pub(crate) fn run(world: &Arc<World>, mut random: Random, depth: u32) {
    let book = Book::new(world);
    // None that is paused: nobody would open it.
    let gates = (0..random.below(3)).map(|_| Gate::new(&mut random));
    let mut kept = Kept {
        gates: gates.filter(|gate| !gate.is_paused()).collect(),
        ..Kept::default()
    };
    let free = depth > 0 && random.one_in(2);
    let body = |run: &mut Owner<'_, '_>| {
        kept.handle = Some(run.handle());
        world.open.lock().unwrap().push(Disturbable {
            run: run.handle(),
            gates: kept.gates.clone(),
        });
        for _ in 0..2 + random.below(12) {
            step(run, &book, &kept.gates, &mut random, depth);
        }
        kept.body = Some(true);
    };
    let result = catch_unwind(AssertUnwindSafe(|| {
        if free {
            windrow::gather_each(body);
        } else {
            world.pool.gather_each(body);
        }
    }));
    book.end();
    let end = match result {
        Ok(()) => End::Done(0),
        Err(payload) => match payload.downcast::<Boom>() {
            Ok(boom) => End::Panicked(boom.0),
            Err(_) => End::Strange,
        },
    };
    account::close(&book, &kept, &end);
}

fn step(
    run: &mut Owner<'_, '_>,
    book: &Arc<Book>,
    gates: &[Arc<Gate>],
    random: &mut Random,
    depth: u32,
) {
    let world = &book.world;
    let taken = match random.below(16) {
        0 | 1 => {
            let fruit = run.next();
            let left = run.outstanding();
            world.check(fruit.is_some() || left == 0, || {
                format!("the end, but {left} outstanding")
            });
            fruit
        }
        2 | 3 => run.try_next(),
        4 => run.next_deadline(world.pool.now() + short(random)),
        5 if random.one_in(4) => {
            run.close();
            None
        }
        6 => {
            run.max_outstanding(random.below(6) as usize);
            None
        }
        7 if world.trouble.cancels(random) => {
            run.cancel();
            book.cancelled.store(true, Ordering::SeqCst);
            None
        }
        8 if world.trouble.panics(random) => resume_unwind(Box::new(Boom(Where::Owner))),
        _ => {
            scatter(run, book, gates, random, depth);
            None
        }
    };
    if let Some(fruit) = taken {
        fruit.piece.line.is_reached();
    }
}

fn scatter(
    run: &mut Owner<'_, '_>,
    book: &Arc<Book>,
    gates: &[Arc<Gate>],
    random: &mut Random,
    depth: u32,
) {
    let world = &book.world;
    if !world.goes_on() {
        return;
    }
    let line = book.line(Kind::Each);
    let gate = gates.get(random.below(3) as usize);
    let limiter = gate.map(|gate| &gate.limiter);
    let closed = run.handle().is_closed() || shut(limiter);
    let own = random.part();
    let task = Work::closure(&line, gate, gates, run.token(), Vec::new(), own, depth);
    let accepted = match limiter {
        Some(limiter) => run.scatter_via(limiter, task),
        None if random.one_in(3) => match run.try_scatter(task) {
            Ok(()) => true,
            Err(refused) => {
                line.is_back();
                let closed = run.handle().is_closed();
                let right = closed || matches!(refused.reason, RefusedReason::Full { .. });
                return world.check(right, || "refused for nothing".to_owned());
            }
        },
        None => run.scatter(task),
    };
    line.says(accepted);
    world.check(!(accepted && closed), || {
        "accepted though closed".to_owned()
    });
    let closed = run.handle().is_closed() || shut(limiter);
    world.check(accepted || closed, || "refused for nothing".to_owned());
}
