//! A line for each task: what its closure, its result and its handler say has become of it. What does not agree is a
//! complaint; a panic would only end in the hands of the pool.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use windrow::{Limiter, RunHandle, ThreadPool};

use crate::account::Sum;
use crate::gate::Gate;
use crate::random::Random;
use crate::trouble::Trouble;

/// What one plan has in common.
pub(crate) struct World {
    pub(crate) pool: Arc<ThreadPool>,
    pub(crate) trouble: Trouble,
    /// Whatever happens, happens in one order.
    pub(crate) ordered: bool,
    next: AtomicU32,
    tasks: u32,
    complaints: Mutex<Vec<String>>,
    trace: Mutex<Vec<(&'static str, u32)>>,
    /// What another thread may disturb.
    pub(crate) open: Mutex<Vec<Disturbable>>,
    pub(crate) sum: Mutex<Sum>,
    /// Of outer runs in common, of which another thread may have one. It stays open. Nested runs do not have it: with
    /// every thread waiting in such a run, nobody would be left for the tasks that are queued in its slots.
    pub(crate) shared: Arc<Gate>,
}

/// A run and its gates.
pub(crate) struct Disturbable {
    pub(crate) run: RunHandle,
    pub(crate) gates: Vec<Arc<Gate>>,
}

impl World {
    pub(crate) fn new(pool: Arc<ThreadPool>, random: &mut Random, ordered: bool) -> Arc<Self> {
        Arc::new(Self {
            pool,
            trouble: Trouble::draw(random),
            ordered,
            next: AtomicU32::new(0),
            tasks: 4 + random.below(60) as u32,
            complaints: Mutex::default(),
            trace: Mutex::default(),
            open: Mutex::default(),
            sum: Mutex::default(),
            shared: Gate::open_now(random),
        })
    }

    pub(crate) fn check(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.complaints.lock().unwrap().push(what());
        }
    }

    /// Something has happened.
    pub(crate) fn trace(&self, what: &'static str, number: u32) {
        if self.ordered {
            self.trace.lock().unwrap().push((what, number));
        }
    }

    pub(crate) fn take_trace(&self) -> Vec<(&'static str, u32)> {
        std::mem::take(&mut *self.trace.lock().unwrap())
    }

    pub(crate) fn complaints(&self) -> Vec<String> {
        std::mem::take(&mut *self.complaints.lock().unwrap())
    }

    /// Tasks are left for this plan.
    pub(crate) fn goes_on(&self) -> bool {
        self.next.load(Ordering::SeqCst) < self.tasks
    }
}

/// What becomes of a panic, on its way.
pub(crate) struct Boom(pub(crate) Where);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// In a task, or in a combiner.
    Task,
    /// In the body, a handler or the listener.
    Owner,
}

/// An error of a handler, or of a body: their number in the run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) u32);

/// One run.
pub(crate) struct Book {
    pub(crate) world: Arc<World>,
    owner: ThreadId,
    over: AtomicBool,
    handling: AtomicBool,
    /// The owner, or a task whose result is received after that, has cancelled.
    pub(crate) cancelled: AtomicBool,
    /// It takes nothing any more; a combiner may have something to say when it is flushed once again.
    pub(crate) finished: AtomicBool,
    pub(crate) lines: Mutex<Vec<Arc<Line>>>,
    /// Errors that were made, and that the body has seen.
    pub(crate) faults: AtomicU32,
    pub(crate) seen: AtomicU32,
    /// Panics of closures; and of combiners, each of which is that of a task or of a flush.
    pub(crate) task_panics: AtomicU64,
    pub(crate) combiner_panics: AtomicU64,
    /// Calls of task handlers.
    pub(crate) handled: AtomicU64,
}

/// Of whom there is exactly one: dropped once, and before the run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Closure,
    Handler,
    Fruit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Handled,
    Combined,
    /// Of the iterator form.
    Each,
}

pub(crate) struct Line {
    pub(crate) book: Arc<Book>,
    pub(crate) number: u32,
    pub(crate) kind: Kind,
    pub(crate) accepted: AtomicU32,
    pub(crate) refused: AtomicU32,
    pub(crate) runs: AtomicU32,
    pub(crate) panics: AtomicU32,
    pub(crate) returns: AtomicU32,
    /// A handler has had its result: its own one, that of a combiner, or the iterator's user.
    pub(crate) reached: AtomicU32,
    made: [AtomicU32; 3],
    drops: [AtomicU32; 3],
}

fn bump(count: &AtomicU32) -> u32 {
    count.fetch_add(1, Ordering::SeqCst) + 1
}

pub(crate) fn get(count: &AtomicU32) -> u32 {
    count.load(Ordering::SeqCst)
}

impl Book {
    pub(crate) fn new(world: &Arc<World>) -> Arc<Self> {
        Arc::new(Self {
            world: Arc::clone(world),
            owner: thread::current().id(),
            over: AtomicBool::new(false),
            handling: AtomicBool::new(false),
            cancelled: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            lines: Mutex::default(),
            faults: AtomicU32::new(0),
            seen: AtomicU32::new(0),
            task_panics: AtomicU64::new(0),
            combiner_panics: AtomicU64::new(0),
            handled: AtomicU64::new(0),
        })
    }

    /// A line for one more task.
    pub(crate) fn line(self: &Arc<Self>, kind: Kind) -> Arc<Line> {
        let line = Arc::new(Line {
            book: Arc::clone(self),
            number: self.world.next.fetch_add(1, Ordering::SeqCst),
            kind,
            accepted: AtomicU32::new(0),
            refused: AtomicU32::new(0),
            runs: AtomicU32::new(0),
            panics: AtomicU32::new(0),
            returns: AtomicU32::new(0),
            reached: AtomicU32::new(0),
            made: Default::default(),
            drops: Default::default(),
        });
        self.lines.lock().unwrap().push(Arc::clone(&line));
        line
    }

    /// Something of this run happens: the run is not over.
    pub(crate) fn happens(&self, what: &'static str, number: u32) {
        self.world.trace(what, number);
        let over = self.over.load(Ordering::SeqCst);
        self.world
            .check(!over, || format!("{what} {number} after its run"));
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// A handler or the listener is called: on the owner's thread, alone, and not after a cancellation.
    pub(crate) fn handling(&self) -> Handling<'_> {
        let world = &self.world;
        world.check(thread::current().id() == self.owner, || {
            "a handler on another thread".to_owned()
        });
        let before = self.handling.swap(true, Ordering::SeqCst);
        world.check(!before, || "handlers overlap".to_owned());
        let cancelled = self.cancelled.load(Ordering::SeqCst);
        world.check(!cancelled, || "a handler after cancel".to_owned());
        Handling(self)
    }

    pub(crate) fn fault(&self) -> Fault {
        Fault(bump(&self.faults))
    }

    /// The body has got an error: the oldest that it has not had.
    pub(crate) fn sees(&self, Fault(number): &Fault) {
        let expected = bump(&self.seen);
        self.world.check(*number == expected, || {
            format!("error {number} instead of {expected}")
        });
    }
}

pub(crate) struct Handling<'b>(&'b Book);

impl Drop for Handling<'_> {
    fn drop(&mut self) {
        self.0.handling.store(false, Ordering::SeqCst);
    }
}

impl Line {
    /// The task runs.
    pub(crate) fn runs(&self) {
        self.book.happens("runs", self.number);
        let times = bump(&self.runs);
        let world = &self.book.world;
        world.check(times == 1, || format!("task {} runs again", self.number));
        // In one order, nothing can come between the pool's look and this one.
        let late = world.ordered && self.book.cancelled.load(Ordering::SeqCst);
        world.check(!late, || {
            format!("task {} starts after cancel", self.number)
        });
    }

    /// Its result has come to where it was to go.
    pub(crate) fn is_reached(&self) {
        self.book.happens("reached", self.number);
        let times = bump(&self.reached);
        self.book
            .world
            .check(times == 1, || format!("task {} handled again", self.number));
    }

    /// Whether what has been offered was taken.
    pub(crate) fn says(&self, accepted: bool) {
        bump(if accepted {
            &self.accepted
        } else {
            &self.refused
        });
    }

    pub(crate) fn piece(self: &Arc<Self>, part: Part) -> Piece {
        bump(&self.made[part as usize]);
        Piece {
            line: Arc::clone(self),
            part,
        }
    }

    pub(crate) fn made(&self, part: Part) -> u32 {
        get(&self.made[part as usize])
    }

    pub(crate) fn drops(&self, part: Part) -> u32 {
        get(&self.drops[part as usize])
    }

    /// It was refused, and has come back whole.
    pub(crate) fn is_back(&self) {
        self.says(false);
        let dropped = self.drops(Part::Closure) + self.drops(Part::Handler) + get(&self.runs);
        self.book.world.check(dropped == 0, || {
            format!("task {} was refused, but did not come back", self.number)
        });
    }
}

pub(crate) struct Piece {
    pub(crate) line: Arc<Line>,
    part: Part,
}

impl Drop for Piece {
    fn drop(&mut self) {
        let line = &self.line;
        // When a task's closure goes is not said anywhere, only that it goes in time.
        let over = line.book.over.load(Ordering::SeqCst);
        let times = bump(&line.drops[self.part as usize]);
        line.book.world.check(times == 1 && !over, || {
            format!(
                "{:?} of task {} dropped {times} times, run over: {over}",
                self.part, line.number
            )
        });
    }
}

/// Whether a limiter refuses.
pub(crate) fn shut(limiter: Option<&Limiter>) -> bool {
    limiter.is_some_and(Limiter::is_closed)
}
