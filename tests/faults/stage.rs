//! Where a case is played: the pool, the tasks, the moment at which something happens to the pool, and its end.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::{mem, thread};

use windrow::{JoinError, Report, ThreadPool};

use crate::case::{Case, Deed, Fault, Handle, Pool};
use crate::counting::{Book, Item, Kind, attempt, open};
use crate::place::Place;
use crate::support::{Census, Gate, Present, yield_until};

/// How many tasks there are, and which of them are at fault.
pub(crate) const TASKS: usize = 8;
pub(crate) const AT_FAULT: [usize; 2] = [2, 5];

thread_local! {
    /// Dropped when a thread of the pool is really over.
    static ALIVE: RefCell<Option<Present>> = const { RefCell::new(None) };
}

/// What is to come of a case.
#[derive(Clone, Default)]
pub(crate) struct Expected {
    /// What is caught where the construct is used, in any order.
    pub(crate) caught: Vec<&'static str>,
    /// What the panic handler is given, in any order.
    pub(crate) reported: Vec<&'static str>,
    /// What is never dropped.
    pub(crate) forgotten: Vec<(Kind, usize)>,
    /// Whether each closure is run, and not only dropped.
    pub(crate) all_run: bool,
}

pub(crate) struct Stage {
    pub(crate) case: Case,
    pub(crate) book: Book,
    caught: Mutex<Vec<String>>,
    reported: Mutex<Vec<String>>,
    /// Tasks do nothing before it is open: until the handles have been dealt with.
    pub(crate) go: Gate,
    reached: Gate,
    closed: Gate,
    /// The pool, if one of its tasks is to drop it.
    last: Mutex<Option<ThreadPool>>,
    threads: Census,
}

/// How a construct is used in a case.
pub(crate) type Use = fn(&Place<'_>, &Arc<Stage>);

/// A pool's threads say here that they end.
type Exits = Receiver<usize>;

/// Plays a case; panics if it does not go as expected.
pub(crate) fn play(case: Case, construct: Use, expected: &Expected) {
    let stage = Arc::new(Stage {
        case,
        book: Book::default(),
        caught: Mutex::default(),
        reported: Mutex::default(),
        go: Gate::default(),
        reached: Gate::default(),
        closed: Gate::default(),
        last: Mutex::default(),
        threads: Census::default(),
    });
    let (pool, exits) = stage.pool();
    match case.pool {
        Pool::Running => {
            stage.perform(&Place::Outside(&pool), construct, expected);
            assert_works(&pool);
            drop(pool);
            stage.assert_joined(&exits);
        }
        Pool::Closing => {
            stage.play_while_it_closes(&pool, construct, expected);
            assert_refuses(&pool);
            stage.assert_joined(&exits);
            drop(pool);
        }
        Pool::Dropped => {
            stage.play_inside(pool, construct, expected);
            // Nobody can join the threads: they say themselves when they end.
            let mut ended = BTreeSet::new();
            while ended.len() < case.workers {
                ended.insert(exits.recv().expect("the pool ends"));
            }
        }
    }
    let words = |seen: &Mutex<Vec<String>>| {
        let mut words = mem::take(&mut *seen.lock().unwrap());
        words.sort();
        words
    };
    assert_eq!(words(&stage.caught), expected.caught, "what was caught");
    assert_eq!(
        words(&stage.reported),
        expected.reported,
        "what the panic handler was given"
    );
    stage.book.audit(&expected.forgotten, expected.all_run);
}

impl Stage {
    fn pool(self: &Arc<Self>) -> (ThreadPool, Exits) {
        let (exit, exits) = channel();
        let (threads, stage) = (self.threads.clone(), Arc::downgrade(self));
        let pool = ThreadPool::builder()
            .num_threads(self.case.workers)
            .start_handler(move |_| ALIVE.set(Some(threads.enter())))
            .exit_handler(move |worker| {
                let _ = exit.send(worker);
            })
            .panic_handler(move |payload| {
                let stage = stage.upgrade().expect("the case is not over");
                let what = open(payload);
                stage.reported.lock().unwrap().push(what);
                if stage.case.fault == Fault::Handler {
                    panic_any(stage.book.bomb(Kind::Handler));
                }
            });
        (pool.build().expect("a pool of this size"), exits)
    }

    /// Uses the construct. Where that waits for its tasks, nothing may be left of them when it returns.
    fn perform(self: &Arc<Self>, place: &Place<'_>, construct: Use, expected: &Expected) {
        construct(place, self);
        if self.case.waits() {
            self.book.audit(&expected.forgotten, expected.all_run);
        }
    }

    fn play_while_it_closes(
        self: &Arc<Self>,
        pool: &ThreadPool,
        construct: Use,
        expected: &Expected,
    ) {
        let outcome = thread::scope(|threads| {
            threads.spawn(|| {
                self.reached.pass();
                pool.close();
                self.closed.open();
                pool.shutdown();
            });
            let call = || self.perform(&Place::Outside(pool), construct, expected);
            let outcome = catch_unwind(AssertUnwindSafe(call));
            if outcome.is_err() {
                // It is not known how far it has come.
                [&self.reached, &self.go].into_iter().for_each(Gate::open);
            }
            outcome
        });
        outcome.unwrap_or_else(|failure| resume_unwind(failure));
    }

    fn play_inside(self: &Arc<Self>, pool: ThreadPool, construct: Use, expected: &Expected) {
        let (tell, told) = channel();
        let (stage, expected) = (Arc::clone(self), expected.clone());
        let host = move || {
            let call = || stage.perform(&Place::Inside, construct, &expected);
            let outcome = catch_unwind(AssertUnwindSafe(call));
            tell.send(outcome).unwrap();
        };
        let mut last = self.last.lock().unwrap();
        // Not joined, which might run it on this thread.
        drop(last.insert(pool).spawn(host));
        drop(last);
        let outcome = told.recv().expect("the task ends");
        outcome.unwrap_or_else(|failure| resume_unwind(failure));
    }

    fn assert_joined(&self, exits: &Exits) {
        let ended: BTreeSet<usize> = exits.try_iter().collect();
        assert!(
            ended.into_iter().eq(0..self.case.workers),
            "workers are left"
        );
        assert_eq!(self.threads.live(), 0, "threads were not joined");
    }

    /// Right before a fault: what is to happen to the pool happens now, if it has not.
    pub(crate) fn moment(&self) {
        match self.case.pool {
            Pool::Running => {}
            Pool::Closing => {
                self.reached.open();
                self.closed.pass();
            }
            Pool::Dropped => {
                let pool = self.last.lock().unwrap().take();
                assert!(windrow::current_thread_index().is_some(), "on a worker");
                drop(pool);
            }
        }
    }

    /// What task number `index` does.
    pub(crate) fn task(
        self: &Arc<Self>,
        index: usize,
    ) -> impl FnOnce() -> Item + Send + 'static + use<> {
        let deed = if AT_FAULT.contains(&index) {
            self.case.deed()
        } else {
            Deed::Return
        };
        let (stage, body) = (Arc::clone(self), self.body(deed));
        move || {
            stage.go.pass();
            if AT_FAULT.contains(&index) {
                stage.moment();
            }
            body()
        }
    }

    /// A closure that ends like this.
    pub(crate) fn body(
        self: &Arc<Self>,
        deed: Deed,
    ) -> impl FnOnce() -> Item + Send + 'static + use<> {
        let (stage, owned) = (Arc::clone(self), self.book.item(Kind::Closure));
        move || {
            owned.note_use();
            stage.end(deed)
        }
    }

    pub(crate) fn end(&self, deed: Deed) -> Item {
        match deed {
            Deed::Return => self.book.item(Kind::Result),
            Deed::ReturnBomb => self.book.bomb(Kind::Result),
            Deed::Throw => panic_any(self.book.item(Kind::Payload)),
            Deed::ThrowBomb => panic_any(self.book.bomb(Kind::Payload)),
        }
    }

    /// What is called when that task has ended, if the case has callbacks.
    pub(crate) fn callback(
        self: &Arc<Self>,
        index: usize,
    ) -> Option<impl FnOnce(&Report) + Send + 'static + use<>> {
        self.case.has_callbacks().then(|| {
            let (stage, owned) = (Arc::clone(self), self.book.item(Kind::Closure));
            move |_: &Report| {
                owned.note_use();
                if AT_FAULT.contains(&index) {
                    panic_any(stage.book.item(Kind::Callback));
                }
            }
        })
    }

    /// Deals with handles, and lets the tasks go.
    pub(crate) fn deal_with<H>(
        &self,
        handles: Vec<H>,
        is_finished: fn(&H) -> bool,
        join: fn(H) -> Result<Item, JoinError>,
    ) {
        match self.case.handle {
            Handle::Joined => {
                self.go.open();
                for handle in handles {
                    self.receive(join(handle));
                }
            }
            Handle::Dropped => {
                drop(handles);
                self.go.open();
            }
            Handle::DroppedLate => {
                self.go.open();
                yield_until(|| handles.iter().all(is_finished));
                for handle in handles {
                    self.catch(|| drop(handle));
                }
            }
            Handle::Forgotten => {
                handles.into_iter().for_each(mem::forget);
                self.go.open();
            }
        }
    }

    /// A result; bombs go off here.
    pub(crate) fn receive(&self, result: Result<Item, JoinError>) {
        match result {
            Ok(item) => self.catch(|| drop(item)),
            Err(error) => {
                assert!(error.is_panic(), "{error}");
                let what = open(error.into_panic());
                self.caught.lock().unwrap().push(what);
            }
        }
    }

    /// Calls something and notes what it throws.
    pub(crate) fn catch(&self, call: impl FnOnce()) {
        if let Err(what) = attempt(call) {
            self.caught.lock().unwrap().push(what);
        }
    }
}

/// Every worker is there, and every kind of work is still done.
fn assert_works(pool: &ThreadPool) {
    let size = pool.current_num_threads();
    let workers = pool.broadcast(|worker| worker);
    assert!(workers.into_iter().eq(0..size), "a worker is missing");
    assert_eq!(pool.install(|| windrow::join(|| 1, || 2)), (1, 2));
    assert_eq!(pool.spawn(|| 3).join().unwrap(), 3);
    assert_eq!(pool.scope(|s| s.spawn(|| 4).join().unwrap()), 4);
}

/// The pool has ended; what needs no worker still works.
fn assert_refuses(pool: &ThreadPool) {
    assert!(pool.is_shut_down() && pool.try_spawn(|| ()).is_err());
    assert_eq!(pool.join(|| 1, || 2), (1, 2));
    assert_eq!(pool.scope(|s| s.spawn(|| 4).join().unwrap()), 4);
}

/// What is never dropped where every task's handle is forgotten.
pub(crate) fn left_by_all(case: Case) -> Vec<(Kind, usize)> {
    let thrown = match case.deed() {
        Deed::Throw | Deed::ThrowBomb => AT_FAULT.len(),
        Deed::Return | Deed::ReturnBomb => 0,
    };
    vec![(Kind::Result, TASKS - thrown), (Kind::Payload, thrown)]
}

/// What a task's bodies, results or payloads come to, as a word.
pub(crate) fn word_of(case: Case) -> Option<&'static str> {
    match case.deed() {
        Deed::Return => None,
        Deed::ReturnBomb => Some("blast"),
        Deed::Throw | Deed::ThrowBomb => Some("payload"),
    }
}

/// Both callbacks' panics, if there are callbacks.
pub(crate) fn reports_of_callbacks(case: Case) -> Vec<&'static str> {
    if case.has_callbacks() {
        vec!["callback"; AT_FAULT.len()]
    } else {
        Vec::new()
    }
}
