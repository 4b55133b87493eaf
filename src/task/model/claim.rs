//! The claim word and the heap task.

use super::counter::wait_for_children;
use super::*;
use crate::error::{Failure, PanicSink};
use crate::park::Parker;
use crate::priority::Priority;
use crate::sync::{Arc, AtomicUsize, Ordering};
use crate::task::counter::{Counter, Owner};
use crate::task::entry::{Claimed, Entry, Taken};
use crate::task::header::{Env, Kind};
use crate::task::heap::{self, Call, Origin};
use crate::task::remote::Remote;
use loom::cell::UnsafeCell;
use loom::thread;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::AtomicUsize as Tally;

/// Only tasks of the models are aligned so; the allocator knows them by it.
const TASK_ALIGN: usize = 512;

#[repr(align(512))]
struct Aligned;

thread_local! {
    /// The tasks freed in this interleaving. A model's threads all live on one OS thread.
    static FREED: Cell<usize> = const { Cell::new(0) };
    /// Whether one was freed without having heard of all accesses to it.
    static FREED_EARLY: Cell<bool> = const { Cell::new(false) };
    /// What stands for the memory of the task.
    static MEMORY: RefCell<Option<Data>> = const { RefCell::new(None) };
    /// The freed task, kept for the rest of the interleaving.
    static GRAVE: Cell<(*mut u8, usize)> = const { Cell::new((ptr::null_mut(), 0)) };
}

/// Poisons freed tasks, counts them, and tells loom that freeing is an exclusive access.
struct Undertaker;

// SAFETY: the system's allocator, except that tasks of models are freed late.
unsafe impl GlobalAlloc for Undertaker {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if layout.align() == TASK_ALIGN {
            bury(memory, layout);
        } else {
            // SAFETY: handed on.
            unsafe { System.dealloc(memory, layout) }
        }
    }
}

#[global_allocator]
static UNDERTAKER: Undertaker = Undertaker;

fn bury(memory: *mut u8, layout: Layout) {
    FREED.set(FREED.get() + 1);
    GRAVE.set((memory, layout.size()));
    // SAFETY: being freed, and still there.
    unsafe { memory.write_bytes(0xFF, layout.size()) };
    let access = || MEMORY.with_borrow(|memory| memory.as_ref().map(Data::write));
    if catch_unwind(AssertUnwindSafe(access)).is_err() {
        // An allocator must not unwind; `Case::check` fails instead.
        FREED_EARLY.set(true);
    }
}

/// Remembers who dropped it, and that whoever did was alone with it.
pub(super) struct Witness {
    value: UnsafeCell<u32>,
    drops: Arc<Tally>,
}

impl Witness {
    fn new(drops: &Arc<Tally>) -> Self {
        let value = UnsafeCell::new(0);
        // SAFETY: not shared yet. Written here, so that a missing publication shows.
        value.with_mut(|value| unsafe { *value = 7 });
        Self {
            value,
            drops: Arc::clone(drops),
        }
    }

    fn read(&self) -> u32 {
        // SAFETY: loom checks that nobody writes.
        self.value.with(|value| unsafe { *value })
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        // SAFETY: loom checks that access is exclusive.
        self.value.with_mut(|value| unsafe { *value = 0 });
        self.drops.fetch_add(1, Ordering::Relaxed);
    }
}

/// One task and what becomes of it.
#[derive(Clone)]
pub(super) struct Case {
    memory: Data,
    /// One of loom's, so that others may come in between claim and run.
    runs: Arc<AtomicUsize>,
    /// Somebody is about to end it without a run.
    pub(super) ending: Arc<AtomicUsize>,
    closures: Arc<Tally>,
    results: Arc<Tally>,
    parker: Arc<Parker>,
    sink: PanicSink,
    /// The handle's claim is one from outside of the pool.
    outside: bool,
}

impl Case {
    pub(super) fn new(outside: bool) -> Self {
        let (grave, size) = GRAVE.replace((ptr::null_mut(), 0));
        if !grave.is_null() {
            let layout = Layout::from_size_align(size, TASK_ALIGN).unwrap();
            // SAFETY: allocated so, and nobody has touched it since.
            unsafe { System.dealloc(grave, layout) };
        }
        FREED.set(0);
        FREED_EARLY.set(false);
        let memory = Data::new();
        MEMORY.set(Some(memory.clone()));
        Self {
            memory,
            runs: Arc::new(AtomicUsize::new(0)),
            ending: Arc::new(AtomicUsize::new(0)),
            closures: Arc::new(Tally::new(0)),
            results: Arc::new(Tally::new(0)),
            parker: Arc::new(Parker::new()),
            sink: PanicSink::to_stderr(),
            outside,
        }
    }

    pub(super) fn spawn(&self, counter: Option<&Frame<Counter>>) -> (Entry, Remote<Witness>) {
        let (runs, results) = (Arc::clone(&self.runs), Arc::clone(&self.results));
        let (input, aligned) = (Witness::new(&self.closures), Aligned);
        let f = move || {
            let (input, _aligned) = (input, aligned);
            assert_eq!(input.read(), 7);
            runs.fetch_add(1, Ordering::Relaxed);
            Witness::new(&results)
        };
        let origin = Origin {
            parent: counter.map_or(ptr::null(), |counter| &raw const counter.get().node),
            kind: match counter {
                Some(_) => Kind::Scoped,
                None => Kind::Spawned,
            },
            pool: ptr::null(),
            process: 0,
            level: Priority::Normal,
        };
        // SAFETY: all that it refers to is counted or waited for.
        unsafe { heap::new(Call(f), origin) }
    }

    /// Stands for the accesses to the task's memory that precede the next step.
    pub(super) fn touch(&self) {
        self.memory.read();
    }

    pub(super) fn run(&self, task: Claimed, here: Owner) {
        self.touch();
        task.run(self.env(here));
    }

    /// What cancelling a task comes to.
    pub(super) fn cancel(&self, task: Claimed, here: Owner) {
        self.touch();
        let panic = task.fail(Failure::Cancelled, self.env(here));
        assert!(panic.is_none(), "dropping the closure does not panic");
    }

    fn env(&self, here: Owner) -> Env<'_> {
        Env {
            here,
            sink: &self.sink,
            tally: None,
        }
    }

    /// What a worker does with an entry.
    pub(super) fn pop(self, entry: Entry) -> thread::JoinHandle<()> {
        thread::spawn(move || {
            self.touch();
            match entry.take() {
                Taken::Run(task) => self.run(task, REMOTE),
                // Then the pool may end, so a claimant from outside must be done.
                Taken::Stale if self.outside => {
                    assert_eq!(
                        self.runs.fetch_add(0, Ordering::Relaxed),
                        1,
                        "still running"
                    );
                }
                Taken::Stale => {}
                Taken::Foreign(entry) => {
                    // Kept; looked at now and then.
                    while !entry.is_done() {
                        thread::yield_now();
                    }
                    self.touch();
                    entry.release();
                }
            }
        })
    }

    pub(super) fn wait(&self, remote: &Remote<Witness>) {
        let state = &remote.header().state;
        while !state.is_done() && state.register(&self.parker) {
            self.parker.park();
            if state.unregister() {
                break;
            }
        }
    }

    pub(super) fn take_result(&self, remote: Remote<Witness>) {
        self.touch();
        let result = remote.into_result();
        match (result, self.runs.load(Ordering::Relaxed)) {
            (Ok(output), 1) => assert_eq!(output.read(), 7),
            (Err(error), 0) => assert!(error.is_cancelled()),
            (result, runs) => panic!("ran {runs} times: {result:?}", result = result.is_ok()),
        }
    }

    /// At the end of an interleaving.
    pub(super) fn check(&self, runs: usize) {
        MEMORY.set(None);
        assert_eq!(self.runs.load(Ordering::Relaxed), runs, "runs");
        assert_eq!(self.closures.load(Ordering::Relaxed), 1, "closure drops");
        assert_eq!(self.results.load(Ordering::Relaxed), runs, "result drops");
        assert_eq!(FREED.get(), 1, "frees");
        assert!(!FREED_EARLY.get(), "freed without having heard of all");
        assert_eq!(Arc::strong_count(&self.parker), 1, "a registration leaked");
    }
}

#[test]
fn claim_by_popper_or_joiner() {
    explore("claim_by_popper_or_joiner", || {
        let case = Case::new(false);
        let (entry, remote) = case.spawn(None);
        let popper = case.clone().pop(entry);
        match remote.claim(false) {
            Some(task) => case.run(task, OWNER),
            None => case.wait(&remote),
        }
        case.take_result(remote);
        popper.join().unwrap();
        case.check(1);
    });
}

#[test]
fn claim_by_popper_wakes_the_waiter() {
    explore("claim_by_popper_wakes_the_waiter", || {
        let case = Case::new(false);
        let (entry, remote) = case.spawn(None);
        let popper = case.clone().pop(entry);
        case.wait(&remote);
        case.take_result(remote);
        popper.join().unwrap();
        case.check(1);
    });
}

#[test]
fn claim_by_popper_or_cancel() {
    explore("claim_by_popper_or_cancel", || {
        let case = Case::new(false);
        let (entry, remote) = case.spawn(None);
        let popper = case.clone().pop(entry);
        let claimed = remote.claim(true);
        let cancelled = claimed.is_some();
        match claimed {
            Some(task) => case.cancel(task, OWNER),
            None => case.wait(&remote),
        }
        case.take_result(remote);
        popper.join().unwrap();
        case.check(usize::from(!cancelled));
    });
}

#[test]
fn claim_by_popper_and_handle_dropped() {
    explore("claim_by_popper_and_handle_dropped", || {
        let case = Case::new(false);
        let (entry, remote) = case.spawn(None);
        let popper = case.clone().pop(entry);
        case.touch();
        drop(remote);
        popper.join().unwrap();
        case.check(1);
    });
}

#[test]
fn claim_from_outside_keeps_the_entry() {
    explore("claim_from_outside_keeps_the_entry", || {
        let case = Case::new(true);
        let (entry, remote) = case.spawn(None);
        let popper = case.clone().pop(entry);
        match remote.claim(true) {
            Some(task) => case.run(task, OWNER),
            None => case.wait(&remote),
        }
        case.take_result(remote);
        popper.join().unwrap();
        case.check(1);
    });
}

#[test]
fn claim_wait_times_out() {
    explore("claim_wait_times_out", || {
        let case = Case::new(false);
        let (entry, remote) = case.spawn(None);
        let popper = case.clone().pop(entry);
        let state = &remote.header().state;
        if state.register(&case.parker) && !state.unregister() {
            case.touch();
            drop(remote);
        } else {
            case.take_result(remote);
        }
        popper.join().unwrap();
        case.check(1);
    });
}

#[test]
fn claim_is_counted_until_nothing_is_left() {
    explore("claim_is_counted_until_nothing_is_left", || {
        let case = Case::new(false);
        let counter = Frame::new(Counter::new(ptr::null(), OWNER));
        counter.get().add(OWNER);
        let (entry, remote) = case.spawn(Some(&counter));
        let popper = case.clone().pop(entry);
        if let Some(task) = remote.claim(false) {
            case.run(task, OWNER);
        }
        case.touch();
        drop(remote);
        wait_for_children(counter.get(), &case.parker);
        assert_eq!(case.closures.load(Ordering::Relaxed), 1, "closure drops");
        assert_eq!(case.results.load(Ordering::Relaxed), 1, "result drops");
        // A stale entry may still be about; it must not look at the counter.
        counter.end();
        popper.join().unwrap();
        case.check(1);
    });
}
