//! Model checks of the latch, the parker, the claim word and the counter.
//!
//! `LOOM_MAX_PREEMPTIONS=3 RUSTFLAGS="--cfg loom" cargo test --release --lib model`
//!
//! Each model lets the owner free what it waited for as early as its module allows. The end of an atomic
//! is an exclusive access (see `sync`), so loom reports whoever touches it later; besides, freed memory is
//! *poisoned*. What must be handed over is in loom's cells, which notice a missing ordering.

use crate::error::PanicSink;
use crate::latch::{Latch, Registration};
use crate::park::Parker;
use crate::priority::Priority;
use crate::sync::{Arc, AtomicBool, AtomicUsize, Ordering};
use crate::task::counter::{Counter, Owner};
use crate::task::heap::{self, Claimed, Entry, Env, Origin, Remote, Taken};
use loom::cell::UnsafeCell;
use loom::thread;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::AtomicUsize as Tally;

fn explore(name: &str, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    let rounds = Arc::new(Tally::new(0));
    let seen = Arc::clone(&rounds);
    builder.check(move || {
        seen.fetch_add(1, Ordering::Relaxed);
        model();
    });
    eprintln!(
        "model {name}: {} interleavings",
        rounds.load(Ordering::Relaxed)
    );
}

/// Memory whose owner may end it while others still know its address.
struct Frame<T>(*mut MaybeUninit<T>);

impl<T> Frame<T> {
    fn new(value: T) -> Self {
        Self(Box::into_raw(Box::new(MaybeUninit::new(value))))
    }

    fn address(&self) -> *const T {
        self.0.cast()
    }

    fn get(&self) -> &T {
        // SAFETY: models do not use it after `end`.
        unsafe { &*self.0.cast::<T>() }
    }

    /// From here on nobody may touch it.
    fn end(&self) {
        // SAFETY: ended once.
        unsafe { self.0.cast::<T>().drop_in_place() };
        // SAFETY: the memory is kept until `drop`.
        unsafe { self.0.write_bytes(0xFF, 1) };
    }
}

impl<T> Drop for Frame<T> {
    fn drop(&mut self) {
        // SAFETY: it came from a box; the contents need no drop any more.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// Something handed over from one thread to another.
#[derive(Clone)]
struct Data(Arc<UnsafeCell<u32>>);

impl Data {
    #[allow(
        clippy::arc_with_non_send_sync,
        reason = "the threads of a model take turns"
    )]
    fn new() -> Self {
        Self(Arc::new(UnsafeCell::new(0)))
    }

    fn write(&self) {
        // SAFETY: loom checks that access is exclusive.
        self.0.with_mut(|value| unsafe { *value += 1 });
    }

    fn read(&self) -> u32 {
        // SAFETY: loom checks that nobody writes.
        self.0.with(|value| unsafe { *value })
    }
}

const OWNER: Owner = ptr::without_provenance(1);
const REMOTE: Owner = ptr::without_provenance(2);

// ---------------------------------------------------------------------------------------------------
// The latch

#[test]
fn latch_wakes_and_is_left_alone() {
    explore("latch_wakes_and_is_left_alone", || {
        let parker = Arc::new(Parker::new());
        let latch = Frame::new(Latch::new());
        let data = Data::new();
        let setter = {
            let (latch, data) = (latch.address(), data.clone());
            thread::spawn(move || {
                data.write();
                // SAFETY: the owner waits for this.
                unsafe { Latch::set(latch) };
            })
        };
        while latch.get().register(&parker) == Registration::Registered {
            parker.park();
            if latch.get().unregister() {
                break;
            }
        }
        assert_eq!(data.read(), 1, "set before the setter was done");
        latch.end();
        setter.join().unwrap();
        assert_eq!(Arc::strong_count(&parker), 1, "a registration leaked");
    });
}

#[test]
fn latch_registration_can_be_taken_back() {
    explore("latch_registration_can_be_taken_back", || {
        let parker = Arc::new(Parker::new());
        let latch = Frame::new(Latch::new());
        let data = Data::new();
        let setter = {
            let (latch, data) = (latch.address(), data.clone());
            thread::spawn(move || {
                data.write();
                // SAFETY: the owner waits for this.
                unsafe { Latch::set(latch) };
            })
        };
        // The waiter has found something else to do, then comes back to look, then waits.
        let mut done = latch.get().register(&parker) == Registration::AlreadySet
            || latch.get().unregister()
            || latch.get().is_set();
        while !done && latch.get().register(&parker) == Registration::Registered {
            parker.park();
            done = latch.get().unregister();
        }
        assert_eq!(data.read(), 1, "set before the setter was done");
        latch.end();
        setter.join().unwrap();
        assert_eq!(Arc::strong_count(&parker), 1, "a registration leaked");
    });
}

// ---------------------------------------------------------------------------------------------------
// The parker

#[test]
fn parker_hands_over_in_turn() {
    explore("parker_hands_over_in_turn", || {
        let (mine, yours) = (Arc::new(Parker::new()), Arc::new(Parker::new()));
        let data = Data::new();
        let other = {
            let (mine, yours, data) = (Arc::clone(&mine), Arc::clone(&yours), data.clone());
            thread::spawn(move || {
                for turn in [0, 2] {
                    yours.park();
                    assert_eq!(data.read(), turn + 1);
                    data.write();
                    mine.unpark();
                }
            })
        };
        for turn in [0, 2] {
            assert_eq!(data.read(), turn);
            data.write();
            yours.unpark();
            mine.park();
        }
        assert_eq!(data.read(), 4);
        other.join().unwrap();
    });
}

#[test]
fn parker_loses_no_token() {
    explore("parker_loses_no_token", || {
        let parker = Arc::new(Parker::new());
        let flags = Arc::new([AtomicBool::new(false), AtomicBool::new(false)]);
        let others = [0, 1].map(|i| {
            let (parker, flags) = (Arc::clone(&parker), Arc::clone(&flags));
            thread::spawn(move || {
                flags[i].store(true, Ordering::Relaxed);
                parker.unpark();
            })
        });
        // Two tokens may become one; then both flags must be visible after it.
        loop {
            parker.park();
            if flags.iter().all(|flag| flag.load(Ordering::Relaxed)) {
                break;
            }
        }
        for other in others {
            other.join().unwrap();
        }
    });
}

// ---------------------------------------------------------------------------------------------------
// The counter

/// Waits as the scheduler does, without anything to help with.
fn wait_for_children(counter: &Counter, parker: &Arc<Parker>) {
    while !counter.is_done() {
        if counter.register(parker) == Registration::AlreadySet {
            return;
        }
        parker.park();
        if counter.unregister() {
            return;
        }
    }
}

fn child(counter: &Frame<Counter>, data: &Data) -> thread::JoinHandle<()> {
    let (counter, data) = (counter.address(), data.clone());
    thread::spawn(move || {
        data.write();
        // SAFETY: counted by the spawner.
        unsafe { Counter::complete(counter, REMOTE) };
    })
}

#[test]
fn counter_hears_of_the_last_child() {
    explore("counter_hears_of_the_last_child", || {
        let parker = Arc::new(Parker::new());
        let counter = Frame::new(Counter::new(ptr::null(), OWNER));
        let data = [Data::new(), Data::new()];
        let children = data.each_ref().map(|data| {
            counter.get().add(OWNER);
            child(&counter, data)
        });
        wait_for_children(counter.get(), &parker);
        assert!(data.iter().all(|data| data.read() == 1), "a child is left");
        counter.end();
        for child in children {
            child.join().unwrap();
        }
        assert_eq!(Arc::strong_count(&parker), 1, "a registration leaked");
    });
}

#[test]
fn counter_can_be_polled() {
    explore("counter_can_be_polled", || {
        let counter = Frame::new(Counter::new(ptr::null(), OWNER));
        let data = [Data::new(), Data::new()];
        let children = data.each_ref().map(|data| {
            counter.get().add(OWNER);
            child(&counter, data)
        });
        while !counter.get().is_done() {
            thread::yield_now();
        }
        assert!(data.iter().all(|data| data.read() == 1), "a child is left");
        counter.end();
        for child in children {
            child.join().unwrap();
        }
    });
}

#[test]
fn counter_wait_is_resumed_for_a_child_of_its_own() {
    explore("counter_wait_is_resumed_for_a_child_of_its_own", || {
        let parker = Arc::new(Parker::new());
        let counter = Frame::new(Counter::new(ptr::null(), OWNER));
        let data = Data::new();
        counter.get().add(OWNER);
        counter.get().add(OWNER);
        let remote = child(&counter, &data);
        // Registered, the owner finds the other child in its own queue.
        assert_eq!(counter.get().register(&parker), Registration::Registered);
        assert!(!counter.get().unregister(), "a child is left");
        // SAFETY: counted above.
        unsafe { Counter::complete(counter.get(), OWNER) };
        wait_for_children(counter.get(), &parker);
        assert_eq!(data.read(), 1, "a child is left");
        counter.end();
        remote.join().unwrap();
        assert_eq!(Arc::strong_count(&parker), 1, "a registration leaked");
    });
}

#[test]
fn counter_leaves_only_through_the_latch() {
    explore("counter_leaves_only_through_the_latch", || {
        let parker = Arc::new(Parker::new());
        let counter = Frame::new(Counter::new(ptr::null(), OWNER));
        let data = Data::new();
        counter.get().add(OWNER);
        let remote = child(&counter, &data);
        // Something else wakes the owner while the child is about to set the latch.
        if counter.get().register(&parker) == Registration::Registered
            && !counter.get().unregister()
        {
            wait_for_children(counter.get(), &parker);
        }
        assert_eq!(data.read(), 1, "a child is left");
        counter.end();
        remote.join().unwrap();
        assert_eq!(Arc::strong_count(&parker), 1, "a registration leaked");
    });
}

#[test]
fn counter_counts_children_of_children() {
    explore("counter_counts_children_of_children", || {
        let parker = Arc::new(Parker::new());
        let counter = Frame::new(Counter::new(ptr::null(), OWNER));
        let data = [Data::new(), Data::new()];
        counter.get().add(OWNER);
        let remote = {
            let (counter, data) = (counter.address(), data.clone());
            thread::spawn(move || {
                // SAFETY: the child that runs here is unfinished.
                unsafe { &*counter }.add(REMOTE);
                let grandchild = {
                    let data = data[1].clone();
                    thread::spawn(move || {
                        data.write();
                        // SAFETY: counted by its parent.
                        unsafe { Counter::complete(counter, REMOTE) };
                    })
                };
                data[0].write();
                // SAFETY: counted by the owner.
                unsafe { Counter::complete(counter, REMOTE) };
                grandchild
            })
        };
        wait_for_children(counter.get(), &parker);
        assert!(data.iter().all(|data| data.read() == 1), "a child is left");
        counter.end();
        remote.join().unwrap().join().unwrap();
        assert_eq!(Arc::strong_count(&parker), 1, "a registration leaked");
    });
}

// ---------------------------------------------------------------------------------------------------
// The claim word and the heap task

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
struct Witness {
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
struct Case {
    memory: Data,
    /// One of loom's, so that others may come in between claim and run.
    runs: Arc<AtomicUsize>,
    closures: Arc<Tally>,
    results: Arc<Tally>,
    parker: Arc<Parker>,
    sink: PanicSink,
    /// The handle's claim is one from outside of the pool.
    outside: bool,
}

impl Case {
    fn new(outside: bool) -> Self {
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
            closures: Arc::new(Tally::new(0)),
            results: Arc::new(Tally::new(0)),
            parker: Arc::new(Parker::new()),
            sink: PanicSink::to_stderr(),
            outside,
        }
    }

    fn spawn(&self, counter: Option<&Frame<Counter>>) -> (Entry, Remote<Witness>) {
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
            counted: counter.is_some(),
            pool: ptr::null(),
            process: 0,
            level: Priority::Normal,
            workers_only: false,
        };
        // SAFETY: all that it refers to is counted or waited for.
        unsafe { heap::new(f, origin) }
    }

    /// Stands for the accesses to the task's memory that precede the next step.
    fn touch(&self) {
        self.memory.read();
    }

    fn run(&self, task: Claimed, here: Owner) {
        self.touch();
        task.run(Env {
            here,
            sink: &self.sink,
        });
    }

    /// What a worker does with an entry.
    fn pop(self, entry: Entry) -> thread::JoinHandle<()> {
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

    fn wait(&self, remote: &Remote<Witness>) {
        let state = &remote.header().state;
        while !state.is_done() && state.register(&self.parker) {
            self.parker.park();
            if state.unregister() {
                break;
            }
        }
    }

    fn take_result(&self, remote: Remote<Witness>) {
        self.touch();
        let result = remote.into_result();
        match (result, self.runs.load(Ordering::Relaxed)) {
            (Ok(output), 1) => assert_eq!(output.read(), 7),
            (Err(error), 0) => assert!(error.is_cancelled()),
            (result, runs) => panic!("ran {runs} times: {result:?}", result = result.is_ok()),
        }
    }

    /// At the end of an interleaving.
    fn check(&self, runs: usize) {
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
        let cancelled = remote.cancel(OWNER);
        case.wait(&remote);
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
