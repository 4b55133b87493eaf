//! The books of a run are closed: all accounts agree.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use windrow::RunStats;

use crate::books::{Book, Kind, Line, Part, Where, get};
use crate::run::Kept;

/// How a run has ended.
#[derive(Debug)]
pub(crate) enum End {
    /// With its state, in which so many had been handled.
    Done(u64),
    /// With this error.
    Failed(u32),
    Panicked(Where),
    /// With a panic that nobody has made.
    Strange,
}

/// What runs and tasks came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) runs: u64,
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) panics: u64,
    pub(crate) cancelled: u64,
    pub(crate) refused: u64,
    pub(crate) scattered: u64,
    pub(crate) gathered: u64,
    pub(crate) panicked: u64,
    pub(crate) forfeited: u64,
    pub(crate) emissions: u64,
    pub(crate) flushed: u64,
    pub(crate) lost: u64,
}

impl Sum {
    pub(crate) fn add(&mut self, other: &Sum) {
        let Sum {
            runs,
            done,
            failed,
            panics,
            cancelled,
            refused,
            scattered,
            gathered,
            panicked,
            forfeited,
            emissions,
            flushed,
            lost,
        } = other;
        self.runs += runs;
        self.done += done;
        self.failed += failed;
        self.panics += panics;
        self.cancelled += cancelled;
        self.refused += refused;
        self.scattered += scattered;
        self.gathered += gathered;
        self.panicked += panicked;
        self.forfeited += forfeited;
        self.emissions += emissions;
        self.flushed += flushed;
        self.lost += lost;
    }
}

/// Everything is over; nothing has been missed, and nothing counted twice.
pub(crate) fn close(book: &Arc<Book>, kept: &Kept, end: &End) {
    let world = &book.world;
    let Some(handle) = &kept.handle else {
        return world.check(false, || "a body has not begun".to_owned());
    };
    let (stats, cancelled) = (handle.stats(), handle.is_cancelled());
    let lines = std::mem::take(&mut *book.lines.lock().unwrap());
    let mut own = Own::default();
    for line in &lines {
        own.enter(line, cancelled);
    }
    let combiner_panics = book.combiner_panics.load(Ordering::SeqCst);
    own.agrees(&stats, combiner_panics, book, cancelled);
    world.check(handle.is_closed(), || "a run that is not closed".to_owned());
    let own_gates = kept.gates.iter();
    for gate in own_gates.filter(|gate| !Arc::ptr_eq(gate, &world.shared)) {
        gate.is_left(world);
    }
    let mut inputs = 0;
    for (combiner, tally) in &kept.combiners {
        tally.agrees(&combiner.stats(), !cancelled, book);
        inputs += tally.inputs();
    }
    world.check(inputs == own.inputs, || {
        format!("{inputs} inputs combined or lost, of {}", own.inputs)
    });
    world.check(cancelled || own.unreached <= own.lost(kept), || {
        format!("{} inputs got lost", own.unreached)
    });
    ends_rightly(book, kept, end, combiner_panics);
    let mut sum = world.sum.lock().unwrap();
    sum.runs += 1;
    sum.cancelled += u64::from(cancelled);
    match end {
        End::Done(_) => sum.done += 1,
        End::Failed(_) => sum.failed += 1,
        End::Panicked(_) | End::Strange => sum.panics += 1,
    }
    sum.refused += lines.len() as u64 - stats.scattered;
    sum.scattered += stats.scattered;
    sum.gathered += stats.gathered;
    sum.panicked += stats.panicked;
    sum.forfeited += stats.forfeited;
}

/// What the lines of a run add up to.
#[derive(Debug, Default)]
struct Own {
    accepted: u64,
    panicked: u64,
    /// Handled by a handler of its own.
    handled: u64,
    /// Results that were put into a combiner.
    inputs: u64,
    /// Of those, such as no handler had.
    unreached: u64,
    /// Neither run nor handled.
    forfeited: u64,
    /// It is of the iterator form.
    each: bool,
}

impl Own {
    fn enter(&mut self, line: &Arc<Line>, cancelled: bool) {
        let world = &line.book.world;
        let (accepted, refused) = (get(&line.accepted), get(&line.refused));
        let (runs, panics, returns) = (get(&line.runs), get(&line.panics), get(&line.returns));
        let reached = get(&line.reached);
        let story = || {
            format!(
                "task {} ({:?}): accepted {accepted}, refused {refused}, runs {runs}, panics {panics}, returns \
                 {returns}, reached {reached}",
                line.number, line.kind
            )
        };
        for part in [Part::Closure, Part::Handler, Part::Fruit] {
            let (made, drops) = (line.made(part), line.drops(part));
            let expected = match part {
                Part::Closure => 1,
                Part::Handler => u32::from(line.kind == Kind::Handled),
                Part::Fruit => returns,
            };
            world.check(made == expected && drops == made, || {
                format!("{part:?}: {made} made, {drops} dropped; {}", story())
            });
        }
        world.check(accepted + refused <= 1, story);
        world.check(runs <= accepted && panics + returns == runs, story);
        world.check(reached <= returns, story);
        self.each |= line.kind == Kind::Each;
        self.accepted += u64::from(accepted);
        self.panicked += u64::from(panics);
        if line.kind == Kind::Combined {
            self.inputs += u64::from(returns);
            self.unreached += u64::from(returns - reached.min(returns));
            self.forfeited += u64::from(accepted - runs.min(accepted));
        } else {
            self.handled += u64::from(reached);
            self.forfeited += u64::from(accepted.saturating_sub(panics + reached));
        }
        // Without a cancellation, every task that was accepted has been run, and its result handled.
        let lost = match line.kind {
            Kind::Combined => runs < accepted,
            Kind::Handled => panics + reached < accepted,
            // They are there to be taken, and the rest is cancelled.
            Kind::Each => runs < accepted,
        };
        world.check(cancelled || !lost, story);
    }

    /// The pool's figures are those of the books.
    fn agrees(&self, stats: &RunStats, combiner_panics: u64, book: &Book, cancelled: bool) {
        let world = &book.world;
        let each = stats.gathered + stats.panicked + stats.forfeited;
        // Whose task a combiner's panic was counted for is not known from outside.
        let blamed = stats.panicked.wrapping_sub(self.panicked);
        let inputs = self.inputs.wrapping_sub(blamed);
        let taken = self.untaken(stats, inputs);
        let right = stats.scattered == self.accepted
            && each == stats.scattered
            && blamed <= combiner_panics
            && taken
            && (cancelled || stats.forfeited == 0);
        world.check(right, || {
            format!("{stats:?}, but {self:?}, {combiner_panics} combiner panics")
        });
    }

    /// A result of the iterator form counts as gathered when it has come, though nobody may take it.
    fn untaken(&self, stats: &RunStats, inputs: u64) -> bool {
        let rest = stats.gathered.wrapping_sub(self.handled + inputs);
        let forfeited = self.forfeited.wrapping_sub(rest);
        stats.forfeited == forfeited && (rest == 0 || self.each && rest <= self.forfeited)
    }

    /// Inputs that combiners say they have lost.
    fn lost(&self, kept: &Kept) -> u64 {
        let lost = kept.combiners.iter().map(|(c, _)| c.stats().forfeited);
        lost.sum()
    }
}

/// A panic goes before an error, that of the body before a task's, and neither comes from nowhere.
fn ends_rightly(book: &Book, kept: &Kept, end: &End, combiner_panics: u64) {
    let world = &book.world;
    let task_panics = book.task_panics.load(Ordering::SeqCst) + combiner_panics;
    let (faults, seen) = (get(&book.faults), get(&book.seen));
    let right = match end {
        End::Done(handled) => {
            let counted = book.handled.load(Ordering::SeqCst);
            task_panics == 0 && kept.body == Some(true) && faults == seen && *handled == counted
        }
        End::Failed(fault) => {
            let next = kept.body == Some(false) || *fault == seen + 1;
            task_panics == 0 && kept.body.is_some() && next
        }
        End::Panicked(Where::Task) => task_panics > 0 && kept.body.is_some(),
        End::Panicked(Where::Owner) => true,
        End::Strange => false,
    };
    world.check(right, || {
        format!(
            "{end:?} with {task_panics} panics of tasks, errors {seen} of {faults}, body {:?}",
            kept.body
        )
    });
}
