//! A combiner that only collects, and keeps an account of that.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use windrow::{Combiner, CombinerStats, Emit};

use crate::books::{Book, Boom, Where};
use crate::course::Fruit;
use crate::random::Random;

/// What a combiner's instances have done together.
#[derive(Default)]
pub(crate) struct Tally {
    made: AtomicU64,
    live: AtomicU64,
    /// The most that there may be at a time.
    pub(crate) most: AtomicU64,
    combined: AtomicU64,
    emitted: AtomicU64,
    flushed: AtomicU64,
    forfeited: AtomicU64,
    /// Of those, such as were in an instance that has not panicked.
    left: AtomicU64,
    /// It has hold times, so that it may be flushed with nothing in it.
    pub(crate) timed: AtomicBool,
    /// Emissions that were received.
    received: AtomicU64,
}

fn bump(count: &AtomicU64) -> u64 {
    count.fetch_add(1, Ordering::SeqCst) + 1
}

fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::SeqCst)
}

/// Inputs that belong together.
pub(crate) struct Bunch {
    pub(crate) fruits: Vec<Fruit>,
    tally: Arc<Tally>,
}

impl Bunch {
    /// By the handler.
    pub(crate) fn receive(&self, own: &Arc<Tally>, book: &Book) {
        bump(&self.tally.received);
        let right = Arc::ptr_eq(own, &self.tally);
        book.world
            .check(right, || "an emission of another combiner".to_owned());
    }
}

pub(crate) struct Sheaf {
    fruits: Vec<Fruit>,
    unflushed: u64,
    failed: bool,
    number: u32,
    random: Random,
    book: Arc<Book>,
    tally: Arc<Tally>,
    used: AtomicBool,
}

/// Makes instances.
pub(crate) fn factory(
    book: &Arc<Book>,
    tally: &Arc<Tally>,
    seed: u64,
) -> impl Fn() -> Sheaf + Send + Sync + 'static + use<> {
    let (book, tally) = (Arc::clone(book), Arc::clone(tally));
    move || {
        let number = bump(&tally.made);
        let mut random = Random::new(seed ^ number);
        book.happens("instance", number as u32);
        if book.world.trouble.panics(&mut random) {
            // With the input for which it was to be made.
            bump(&tally.forfeited);
            boom(&book);
        }
        let live = bump(&tally.live);
        let most = get(&tally.most);
        book.world
            .check(live <= most, || format!("{live} instances, not {most}"));
        Sheaf {
            fruits: Vec::new(),
            unflushed: 0,
            failed: false,
            number: number as u32,
            random,
            book: Arc::clone(&book),
            tally: Arc::clone(&tally),
            used: AtomicBool::new(false),
        }
    }
}

fn boom(book: &Book) -> ! {
    bump(&book.combiner_panics);
    resume_unwind(Box::new(Boom(Where::Task)));
}

impl Sheaf {
    /// One thread at a time has it.
    fn used(&self, what: &'static str) {
        self.book.happens(what, self.number);
        let before = self.used.swap(true, Ordering::SeqCst);
        self.book
            .world
            .check(!before, || format!("{what} while it is in use"));
    }

    fn maybe_boom(&mut self) {
        if self.book.world.trouble.panics(&mut self.random) && self.random.one_in(2) {
            self.failed = true;
            boom(&self.book);
        }
    }

    fn emit(&mut self, fruits: Vec<Fruit>, emit: &mut Emit<'_, Bunch>) {
        bump(&self.tally.emitted);
        let tally = Arc::clone(&self.tally);
        emit.emit(Bunch { fruits, tally });
    }
}

impl Combiner for Sheaf {
    type Input = Fruit;
    type Output = Bunch;

    fn combine(&mut self, input: Fruit, emit: &mut Emit<'_, Bunch>) {
        self.used("combine");
        self.unflushed += 1;
        self.maybe_boom();
        self.fruits.push(input);
        if self.random.one_in(6) {
            let fruits = std::mem::take(&mut self.fruits);
            self.emit(fruits, emit);
        }
        if self.random.one_in(4) {
            windrow::yield_now();
        }
        self.maybe_boom();
        bump(&self.tally.combined);
        self.used.store(false, Ordering::SeqCst);
    }

    fn flush(&mut self, emit: &mut Emit<'_, Bunch>) {
        self.used("flush");
        let asked = self.unflushed > 0 || self.tally.timed.load(Ordering::SeqCst);
        self.book
            .world
            .check(asked, || "a flush of nothing".to_owned());
        self.maybe_boom();
        let mut fruits = std::mem::take(&mut self.fruits);
        if self.random.one_in(4) {
            let rest = fruits.split_off(fruits.len() / 2);
            self.emit(fruits, emit);
            fruits = rest;
            self.maybe_boom();
        }
        if !fruits.is_empty() {
            self.emit(fruits, emit);
        }
        if self.random.one_in(4) {
            windrow::yield_now();
        }
        self.maybe_boom();
        let flushed = std::mem::take(&mut self.unflushed);
        self.tally.flushed.fetch_add(flushed, Ordering::SeqCst);
        self.used.store(false, Ordering::SeqCst);
    }
}

impl Drop for Sheaf {
    fn drop(&mut self) {
        self.book.happens("instance gone", self.number);
        let left = self.unflushed;
        self.tally.forfeited.fetch_add(left, Ordering::SeqCst);
        if !self.failed {
            self.tally.left.fetch_add(left, Ordering::SeqCst);
        }
        self.tally.live.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Tally {
    /// At the end of the run: the combiner's own figures are the same.
    pub(crate) fn agrees(&self, stats: &CombinerStats, complete: bool, book: &Book) {
        let own = [
            get(&self.live),
            get(&self.combined),
            get(&self.emitted),
            get(&self.flushed),
            get(&self.forfeited),
        ];
        let said = [
            stats.live as u64,
            stats.combined,
            stats.emitted,
            stats.flushed,
            stats.forfeited,
        ];
        let world = &book.world;
        world.check(own == said && own[0] == 0, || {
            format!("live, combined, emitted, flushed, forfeited: {own:?}, but {stats:?}")
        });
        let (emitted, received) = (get(&self.emitted), get(&self.received));
        let right = if complete {
            received == emitted
        } else {
            received <= emitted
        };
        world.check(right, || {
            format!("{received} of {emitted} emissions handled")
        });
        let left = get(&self.left);
        world.check(left == 0 || !complete, || {
            format!("{left} inputs were never flushed")
        });
        let mut sum = world.sum.lock().unwrap();
        sum.flushed += stats.flushed;
        sum.lost += stats.forfeited;
        sum.emissions += stats.emitted;
    }

    /// Inputs that came to an end in an instance, or without one.
    pub(crate) fn inputs(&self) -> u64 {
        get(&self.flushed) + get(&self.forfeited)
    }
}
