//! One run, and what its body does.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use windrow::{CombinerHandle, Refused, RefusedReason, Run};

use crate::account::{self, End};
use crate::books::{Book, Boom, Disturbable, Fault, Where, World, shut};
use crate::course::{Course, Fruit, Path, Side, Stage, State};
use crate::each;
use crate::gate::Gate;
use crate::random::Random;
use crate::sheaf::{Bunch, Tally, factory};

type Owner<'r> = Run<'r, 'static, State, Fault>;

/// A body's own error.
const OWN: u32 = u32::MAX;

/// Runs one, of either form, to its end, and closes its books.
pub(crate) fn run(world: &Arc<World>, mut random: Random, depth: u32) {
    if random.one_in(8) {
        return each::run(world, random, depth);
    }
    let book = Book::new(world);
    let mut kept = Kept::default();
    let free = depth > 0 && random.one_in(2);
    let body = |run: &mut Owner<'_>| {
        let mut body = Body::new(run, &book, random, depth, &mut kept);
        let result = body.all();
        kept.body = Some(result.is_ok());
        result
    };
    let state = State { handled: 0 };
    let result = catch_unwind(AssertUnwindSafe(|| {
        if free {
            windrow::gather(state, body)
        } else {
            world.pool.gather(state, body)
        }
    }));
    book.end();
    let end = match result {
        Ok(Ok(state)) => End::Done(state.handled),
        Ok(Err(fault)) => End::Failed(fault.0),
        Err(payload) => match payload.downcast::<Boom>() {
            Ok(boom) => End::Panicked(boom.0),
            Err(_) => End::Strange,
        },
    };
    account::close(&book, &kept, &end);
}

/// What outlives the run.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) handle: Option<windrow::RunHandle>,
    pub(crate) gates: Vec<Arc<Gate>>,
    pub(crate) combiners: Vec<(CombinerHandle<'static, Fruit>, Arc<Tally>)>,
    /// Whether the body has returned, and what.
    pub(crate) body: Option<bool>,
}

struct Body<'b, 'r> {
    run: &'b mut Owner<'r>,
    course: Rc<Course>,
    random: Random,
    /// What the body does about an error, and about a panic.
    goes_on: bool,
    catches: bool,
    closed: bool,
}

/// A short time, in which something may happen.
pub(crate) fn short(random: &mut Random) -> Duration {
    Duration::from_micros(random.below(60))
}

impl<'b, 'r> Body<'b, 'r> {
    fn new(
        run: &'b mut Owner<'r>,
        book: &Arc<Book>,
        mut random: Random,
        depth: u32,
        kept: &mut Kept,
    ) -> Self {
        kept.handle = Some(run.handle());
        kept.gates = (0..random.below(4))
            .map(|_| Gate::new(&mut random))
            .collect();
        if depth == 0 && random.one_in(2) {
            kept.gates.push(Arc::clone(&book.world.shared));
        }
        for _ in 0..[0, 0, 1, 2, 3][random.below(5) as usize] {
            let combiner = combiner(run, book, &mut random);
            kept.combiners.push(combiner);
        }
        let course = Rc::new(Course {
            book: Arc::clone(book),
            gates: kept.gates.clone(),
            combiners: kept.combiners.clone(),
            depth,
        });
        for gate in course.gates.iter().filter(|gate| gate.is_paused()) {
            course.have_opened(run, gate, &mut random);
        }
        if random.one_in(3) {
            run.max_outstanding(random.below(6) as usize);
        }
        if random.one_in(3) {
            listen(run, &course, random.part());
        }
        let disturbable = Disturbable {
            run: run.handle(),
            gates: course.gates.clone(),
        };
        book.world.open.lock().unwrap().push(disturbable);
        let (goes_on, catches) = (random.one_in(2), random.one_in(2));
        Self {
            run,
            course,
            random,
            goes_on,
            catches,
            closed: false,
        }
    }

    fn all(&mut self) -> Result<(), Fault> {
        for _ in 0..2 + self.random.below(20) {
            let step = catch_unwind(AssertUnwindSafe(|| self.step()));
            match step {
                Ok(Ok(true)) => {}
                Ok(Ok(false)) => break,
                Ok(Err(fault)) => {
                    if fault.0 == OWN {
                        return Err(fault);
                    }
                    self.course.book.sees(&fault);
                    if !self.goes_on {
                        return Err(fault);
                    }
                }
                Err(payload) => {
                    let owner = payload
                        .downcast_ref::<Boom>()
                        .is_some_and(|boom| boom.0 == Where::Owner);
                    self.course
                        .book
                        .world
                        .check(owner, || "a strange panic in the body".to_owned());
                    if !self.catches {
                        resume_unwind(payload);
                    }
                }
            }
        }
        Ok(())
    }

    fn soon(&mut self) -> Instant {
        self.course.book.world.pool.now() + short(&mut self.random)
    }

    /// `false` if the body has had enough.
    fn step(&mut self) -> Result<bool, Fault> {
        let trouble = self.course.book.world.trouble;
        match self.random.below(32) {
            0 => drop(self.run.gather_one()?),
            1 | 2 => drop(self.run.try_gather_one()?),
            3 => {
                let at = self.soon();
                self.run.gather_one_deadline(at)?;
            }
            4 => {
                self.run.gather_all()?;
                self.is_empty();
            }
            5 => self.run.try_gather_all()?,
            6 => {
                let at = self.soon();
                if self.run.gather_all_deadline(at)? {
                    self.is_empty();
                }
            }
            7 => self.course.change_limit(self.run, &mut self.random),
            8 if self.random.one_in(4) => {
                if let Some(gate) = self.course.gates.last() {
                    gate.limiter.close();
                }
            }
            9 if self.random.one_in(3) => {
                self.run.close();
                self.closed = true;
            }
            10 if self.random.one_in(4) => {
                self.closed = true;
                self.run.finish()?;
                self.course.book.finished.store(true, Ordering::SeqCst);
                self.is_empty();
                let accepted = Side::scatter(self.run, || (), |_, _, ()| ());
                let world = &self.course.book.world;
                world.check(!accepted, || "accepted after finish".to_owned());
                return Ok(false);
            }
            11 => self.run.max_outstanding(self.random.below(8) as usize),
            12 if trouble.cancels(&mut self.random) => {
                self.course.cancel(self.run, &mut self.random);
            }
            13 if trouble.panics(&mut self.random) => resume_unwind(Box::new(Boom(Where::Owner))),
            14 if trouble.errors(&mut self.random) => return Err(Fault(OWN)),
            15 => {
                let known = self.run.state().handled;
                let counted = self.course.book.handled.load(Ordering::SeqCst);
                let world = &self.course.book.world;
                world.check(known == counted, || "the state is behind".to_owned());
            }
            _ => self.scatter(),
        }
        Ok(true)
    }

    fn is_empty(&self) {
        let (left, stats) = (self.run.outstanding(), self.run.stats());
        let sum = stats.gathered + stats.panicked + stats.forfeited;
        let world = &self.course.book.world;
        world.check(left == 0 && sum == stats.scattered, || {
            format!("all is gathered, but {left} outstanding, {stats:?}")
        });
    }

    /// As the body does it: may wait, and gather meanwhile.
    fn scatter(&mut self) {
        let course = Rc::clone(&self.course);
        let (world, random) = (&course.book.world, &mut self.random);
        if !world.goes_on() {
            return;
        }
        let mut path = draw(&course, random);
        let Some(stage) = path.pop() else { return };
        if random.one_in(8) {
            return course.scatter(self.run, stage, path, random);
        }
        let line = course.line(stage);
        let limiter = course.limiter(stage);
        let closed = self.closed || self.run.handle().is_closed() || shut(limiter);
        let task = course.task(&line, stage, self.run, path, random);
        let deadline = world.pool.now() + short(random);
        let run = &mut *self.run;
        let accepted = if let Some(into) = stage.into {
            let (combiner, _) = &course.combiners[into];
            match limiter {
                None => run.scatter_into(task, combiner),
                Some(limiter) => run.via(limiter).scatter_into(task, combiner),
            }
        } else {
            let handler = course.handler(&line);
            let result = match (random.below(4), limiter) {
                (0, None) => run.try_scatter(task, handler).map(|()| true),
                (0, Some(limiter)) => run.via(limiter).try_scatter(task, handler).map(|()| true),
                (1, None) => run.scatter_deadline(deadline, task, handler).map(|()| true),
                (1, Some(limiter)) => run
                    .via(limiter)
                    .scatter_deadline(deadline, task, handler)
                    .map(|()| true),
                (_, None) => Ok(run.scatter(task, handler)),
                (_, Some(limiter)) => Ok(run.via(limiter).scatter(task, handler)),
            };
            match result {
                Ok(accepted) => accepted,
                Err(Refused { reason, task }) => {
                    line.is_back();
                    drop(task);
                    let closed = self.run.handle().is_closed() || shut(limiter);
                    let right = closed || matches!(reason, RefusedReason::Full { .. });
                    return world.check(right, || format!("refused for nothing: {reason:?}"));
                }
            }
        };
        line.says(accepted);
        world.check(!(accepted && closed), || {
            format!("task {} accepted though closed", line.number)
        });
        let closed = self.run.handle().is_closed() || shut(limiter);
        world.check(accepted || closed, || {
            format!("task {} refused for nothing", line.number)
        });
    }
}

/// Some stages, each with a limiter or not, with a handler or a combiner.
pub(crate) fn draw(course: &Course, random: &mut Random) -> Path {
    let index = |among: usize, random: &mut Random| {
        let index = random.below(among as u64 + 1) as usize;
        (index < among).then_some(index)
    };
    let stages = 1 + random.below(3);
    let stage = |_| Stage {
        gate: index(course.gates.len(), random),
        into: index(course.combiners.len(), random).filter(|_| random.one_in(2)),
    };
    (0..stages).map(stage).collect()
}

fn combiner(
    run: &Owner<'_>,
    book: &Arc<Book>,
    random: &mut Random,
) -> (CombinerHandle<'static, Fruit>, Arc<Tally>) {
    let tally = Arc::<Tally>::default();
    let threads = book.world.pool.current_num_threads() as u64 + 1;
    tally.most.store(threads, Ordering::SeqCst);
    // It scatters what comes next, but it has no limiters and combiners.
    let course = Rc::new(Course {
        book: Arc::clone(book),
        gates: Vec::new(),
        combiners: Vec::new(),
        depth: 0,
    });
    let (own, mut random_own) = (Arc::clone(&tally), random.part());
    let handle = run.combiner(
        factory(book, &tally, random.next()),
        move |_: &mut State, run: &Side, bunch: Bunch| {
            let _handling = course.book.handling();
            bunch.receive(&own, &course.book);
            for fruit in bunch.fruits {
                fruit.piece.line.is_reached();
            }
            let plain = Stage {
                gate: None,
                into: None,
            };
            course.go_on(run, vec![plain], random_own.part())
        },
    );
    let mut handle = handle;
    if random.one_in(2) {
        let most = 1 + random.below(3);
        tally.most.store(most.min(threads), Ordering::SeqCst);
        handle = handle.max_instances(most as usize);
    }
    if random.one_in(4) {
        handle = handle.spawn_delay(short(random));
    }
    let times = [(); 3].map(|()| random.one_in(4));
    let timed = times.contains(&true);
    tally.timed.store(timed, Ordering::SeqCst);
    if times[0] {
        handle = handle.min_hold(short(random));
    }
    if times[1] {
        handle = handle.max_hold(short(random));
    }
    if times[2] {
        handle = handle.idle_timeout(short(random));
    }
    (handle, tally)
}

/// Scatters something at the first few ends.
fn listen(run: &mut Owner<'_>, course: &Rc<Course>, mut random: Random) {
    let (course, mut before) = (Rc::clone(course), 0);
    run.on_flush(move |_, run, epoch| {
        let book = &course.book;
        let _handling = book.handling();
        book.world.trace("listens", epoch as u32);
        book.world.check(epoch == before + 1, || {
            format!("epoch {epoch} after {before}")
        });
        before = epoch;
        let left = run.outstanding();
        book.world
            .check(left == 0, || format!("{left} left at a flush"));
        let path = if epoch < 4 {
            draw(&course, &mut random)
        } else {
            Path::new()
        };
        course.go_on(run, path, random.part())
    });
}
