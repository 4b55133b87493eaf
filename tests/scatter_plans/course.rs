//! What a run is made of: stages, of which each task goes through some, with limiters and combiners.

use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use windrow::{CancelToken, CombinerHandle, Limiter, RefusedReason, Scatter};

use crate::books::{Book, Boom, Fault, Kind, Line, Part, Piece, Where, shut};
use crate::gate::{Gate, Since};
use crate::random::Random;
use crate::run;
use crate::sheaf::Tally;

/// How deep runs are nested.
const DEPTH: u32 = 3;

pub(crate) struct State {
    pub(crate) handled: u64,
}

pub(crate) type Side = Scatter<'static, State, Fault>;

#[derive(Clone, Copy)]
pub(crate) struct Stage {
    pub(crate) gate: Option<usize>,
    /// Its results go into this combiner.
    pub(crate) into: Option<usize>,
}

/// The stages that are still to come, the next one last.
pub(crate) type Path = Vec<Stage>;

/// What a run consists of, on its owner's side.
pub(crate) struct Course {
    pub(crate) book: Arc<Book>,
    pub(crate) gates: Vec<Arc<Gate>>,
    pub(crate) combiners: Vec<(CombinerHandle<'static, Fruit>, Arc<Tally>)>,
    pub(crate) depth: u32,
}

/// What a task returns.
pub(crate) struct Fruit {
    pub(crate) piece: Piece,
    pub(crate) path: Path,
    pub(crate) random: Random,
}

fn yields(times: u64) {
    for _ in 0..times {
        windrow::yield_now();
    }
}

/// What a task knows.
pub(crate) struct Work {
    piece: Piece,
    gate: Option<(Arc<Gate>, Since)>,
    gates: Vec<Arc<Gate>>,
    token: CancelToken,
    path: Path,
    random: Random,
    depth: u32,
}

impl Work {
    /// The closure of a task, to be made right before it is offered.
    pub(crate) fn closure(
        line: &Arc<Line>,
        gate: Option<&Arc<Gate>>,
        gates: &[Arc<Gate>],
        run: &CancelToken,
        path: Path,
        random: Random,
        depth: u32,
    ) -> impl FnOnce() -> Fruit + Send + 'static + use<> {
        let work = Work {
            piece: line.piece(Part::Closure),
            gate: gate.map(|gate| (Arc::clone(gate), gate.now())),
            gates: gates.to_vec(),
            token: run.clone(),
            path,
            random,
            depth,
        };
        move || work.run()
    }

    fn run(mut self) -> Fruit {
        let line = Arc::clone(&self.piece.line);
        let (book, world) = (&line.book, &line.book.world);
        line.runs();
        let passing = self
            .gate
            .as_ref()
            .map(|(gate, since)| gate.pass(*since, world));
        let random = &mut self.random;
        match random.below(16) {
            0 => drop(windrow::join(windrow::yield_now, windrow::yield_now)),
            1 => yields(random.below(4)),
            2 | 3 if !self.gates.is_empty() => {
                let gate = &self.gates[random.below(self.gates.len() as u64) as usize];
                if random.one_in(2) {
                    gate.pause(random);
                    yields(random.below(3));
                }
                gate.open(random);
            }
            4..=6 if self.depth < DEPTH && self.gate.is_none() => {
                run::run(world, random.part(), self.depth + 1);
            }
            _ => (0..random.below(30)).for_each(|_| std::hint::spin_loop()),
        }
        if world.trouble.cancels(random) {
            self.token.cancel();
            // Elsewhere the owner may be about to call a handler just now.
            if world.ordered {
                book.cancelled.store(true, Ordering::SeqCst);
            }
        }
        world.trace("ends", line.number);
        drop(passing);
        if world.trouble.panics(random) {
            line.panics.fetch_add(1, Ordering::SeqCst);
            book.task_panics.fetch_add(1, Ordering::SeqCst);
            // Without a message: there are many.
            resume_unwind(Box::new(Boom(Where::Task)));
        }
        line.returns.fetch_add(1, Ordering::SeqCst);
        Fruit {
            piece: line.piece(Part::Fruit),
            path: std::mem::take(&mut self.path),
            random: random.part(),
        }
    }
}

impl Course {
    /// Where a task of such a stage goes.
    pub(crate) fn line(&self, stage: Stage) -> Arc<Line> {
        let kind = stage.into.map_or(Kind::Handled, |_| Kind::Combined);
        self.book.line(kind)
    }

    pub(crate) fn task(
        &self,
        line: &Arc<Line>,
        stage: Stage,
        run: &Side,
        path: Path,
        random: &mut Random,
    ) -> impl FnOnce() -> Fruit + Send + 'static + use<> {
        let gate = stage.gate.map(|gate| &self.gates[gate]);
        let (token, random) = (run.token(), random.part());
        Work::closure(line, gate, &self.gates, token, path, random, self.depth)
    }

    pub(crate) fn limiter(&self, stage: Stage) -> Option<&Limiter> {
        stage.gate.map(|gate| &self.gates[gate].limiter)
    }

    pub(crate) fn handler(
        self: &Rc<Self>,
        line: &Arc<Line>,
    ) -> impl FnOnce(&mut State, &Side, Fruit) -> Result<(), Fault> + 'static + use<> {
        let (course, piece) = (Rc::clone(self), line.piece(Part::Handler));
        move |state, run, fruit| {
            let book = &course.book;
            let _handling = book.handling();
            let right = Arc::ptr_eq(&piece.line, &fruit.piece.line);
            book.world
                .check(right, || "a result of another task".to_owned());
            piece.line.is_reached();
            state.handled += 1;
            book.handled.fetch_add(1, Ordering::SeqCst);
            drop(fruit.piece);
            course.go_on(run, fruit.path, fruit.random)
        }
    }

    /// What a handler does: one of many things, and then it scatters the next stage of the path.
    pub(crate) fn go_on(
        self: &Rc<Self>,
        run: &Side,
        mut path: Path,
        mut random: Random,
    ) -> Result<(), Fault> {
        let (book, world) = (&self.book, &self.book.world);
        match random.below(24) {
            0 | 1 => self.change_limit(run, &mut random),
            2 => yields(random.below(3)),
            3 if self.depth < DEPTH && random.one_in(2) => {
                run::run(world, random.part(), self.depth + 1);
            }
            4 if random.one_in(4) => run.handle().close(),
            5 if random.one_in(4) => {
                if let Some(gate) = self.gates.first() {
                    gate.limiter.close();
                }
            }
            _ => {}
        }
        if world.trouble.cancels(&mut random) {
            self.cancel(run, &mut random);
        }
        if let Some(stage) = path.pop() {
            // Some take another way besides.
            let fan = [1, 1, 1, 2, 3][random.below(5) as usize];
            for _ in 0..fan {
                self.scatter(run, stage, path.clone(), &mut random);
            }
        }
        if world.trouble.panics(&mut random) {
            resume_unwind(Box::new(Boom(Where::Owner)));
        }
        if world.trouble.errors(&mut random) {
            return Err(book.fault());
        }
        Ok(())
    }

    /// On the owner's thread.
    pub(crate) fn cancel(&self, run: &Side, random: &mut Random) {
        match random.below(3) {
            0 => run.cancel(),
            1 => run.token().cancel(),
            _ => run.handle().cancel(),
        }
        self.book.cancelled.store(true, Ordering::SeqCst);
        self.book
            .world
            .check(run.is_cancelled(), || "cancelled, and is not".to_owned());
    }

    /// On the owner's thread, without waiting.
    pub(crate) fn change_limit(&self, run: &Side, random: &mut Random) {
        let Some(index) = (self.gates.len() as u64)
            .checked_sub(1)
            .map(|last| random.below(last + 1))
        else {
            return;
        };
        let gate = &self.gates[index as usize];
        if random.one_in(2) || Arc::ptr_eq(gate, &self.book.world.shared) {
            gate.open(random);
        } else {
            gate.pause(random);
            self.have_opened(run, gate, random);
        }
    }

    /// Scatters a task that opens a gate, so that what waits there will run.
    pub(crate) fn have_opened(&self, run: &Side, gate: &Arc<Gate>, random: &mut Random) {
        let line = self.book.line(Kind::Handled);
        let (piece, fruit) = (line.piece(Part::Closure), Arc::clone(&line));
        let (opens, mut own) = (Arc::clone(gate), random.part());
        let task = move || {
            let line = &piece.line;
            line.runs();
            opens.open(&mut own);
            line.returns.fetch_add(1, Ordering::SeqCst);
            fruit.piece(Part::Fruit)
        };
        let (book, handler) = (Arc::clone(&self.book), line.piece(Part::Handler));
        let accepted = run.scatter(task, move |state, _, fruit| {
            let _handling = book.handling();
            handler.line.is_reached();
            state.handled += 1;
            book.handled.fetch_add(1, Ordering::SeqCst);
            drop(fruit);
        });
        line.says(accepted);
        if !accepted {
            gate.open(random);
        }
    }

    /// As a handler does it. Never blocks.
    pub(crate) fn scatter(
        self: &Rc<Self>,
        run: &Side,
        stage: Stage,
        path: Path,
        random: &mut Random,
    ) {
        let world = &self.book.world;
        if !world.goes_on() {
            return;
        }
        let line = self.line(stage);
        let limiter = self.limiter(stage);
        let closed = run.is_cancelled() || shut(limiter);
        let task = self.task(&line, stage, run, path, random);
        let accepted = if let Some(into) = stage.into {
            let (combiner, _) = &self.combiners[into];
            match limiter {
                None => run.scatter_into(task, combiner),
                Some(limiter) => run.via(limiter).scatter_into(task, combiner),
            }
        } else {
            let handler = self.handler(&line);
            if random.one_in(2) {
                match limiter {
                    None => run.scatter(task, handler),
                    Some(limiter) => run.via(limiter).scatter(task, handler),
                }
            } else {
                let result = match limiter {
                    None => run.try_scatter(task, handler),
                    Some(limiter) => run.via(limiter).try_scatter(task, handler),
                };
                if let Err(refused) = result {
                    line.is_back();
                    let closed = matches!(refused.reason, RefusedReason::Closed);
                    world.check(closed, || "refused to a handler for room".to_owned());
                    drop(refused);
                    return self.refused_rightly(run, limiter);
                }
                true
            }
        };
        line.says(accepted);
        world.check(!(accepted && closed), || {
            format!("task {} accepted though closed", line.number)
        });
        if !accepted {
            self.refused_rightly(run, limiter);
        }
    }

    fn refused_rightly(&self, run: &Side, limiter: Option<&Limiter>) {
        let finished = self.book.finished.load(Ordering::SeqCst);
        let closed = finished || run.is_cancelled() || shut(limiter);
        self.book
            .world
            .check(closed, || "a handler was refused for nothing".to_owned());
    }
}
