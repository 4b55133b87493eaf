//! Many small tasks in one block of memory, with one entry in the queue: what is scattered into a combiner.
//!
//! A task on its own costs an allocation, a push, a pop and a way back; for results that are combined where they
//! arise, that is most of the work. So such tasks lie side by side in a *sheaf*. It is queued with its first task,
//! and grows for as long as it lies in the queue: where workers are idle it is taken at once, with one task in it;
//! where they are busy it collects. Whoever takes it while tasks are known to be short, and the owner appends, lets it
//! grow for some microseconds more: the way to a single short task costs more than the task.
//!
//! # Who may touch what
//! | part | who |
//! |---|---|
//! | tasks up to `len`, as it was when it was closed | the *reaper*: whoever has popped the entry |
//! | the words beyond, `end` | the owner of the run |
//! | `total`, `cut` | the reaper |
//! | `len`, `done`, `forfeited`, `panicked` | anybody, atomically |
//! | all of it, once it has come back | the owner |
//!
//! # A sheaf's way
//! *Open*: the owner appends. *Closed*, by the first who pops the entry, with a bit in `len`: the owner's next append
//! finds it, takes its task out again and begins another sheaf. The reaper cuts some tasks off, puts the entry
//! back into the queue if there are more (so that others can help themselves), and runs what it has cut. Whoever
//! finds that all are done brings the sheaf to the inbox. There is one entry, so there is one reaper at a time;
//! what it leaves for the next is published by the queue.
//!
//! # Memory ordering
//! `len` grows with Release and is closed with Acquire, so the reaper sees what was appended. `done` is AcqRel: who
//! counts the last task sees what all of them did, and so does the owner, through the inbox. An append that finds
//! the sheaf closed was not counted; nobody looks at its words but the owner, who still has the sheaf: it comes back
//! to that thread alone.

use crate::error::Failure;
use crate::metrics::{Ended, Passage};
use crate::priority::Priority;
use crate::sync::{AtomicUsize, Mutex, Ordering, spin_loop};
use crate::task::entry::Entry;
use crate::task::gathered::{Item, ItemVTable};
use crate::task::header::{Env, Header, VTable};
use crate::task::inbox::Inbox;
use crate::task::state::State;
use crate::unwind::{self, Payload};
use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::mem::{self, MaybeUninit};
use std::ops::Range;
use std::ptr::NonNull;

/// The most tasks in a sheaf.
const TASKS: usize = 64;
/// What it has room for, in words.
const WORDS: usize = 256;
const _: () = assert!(WORDS - 1 <= u8::MAX as usize, "a place fits into a byte");
/// Tasks larger than this, or aligned to more than a word, go their own way.
const LARGEST: usize = 256;
const WORD: usize = mem::size_of::<usize>();
/// Between two looks at whether a sheaf grows; some 700 ns.
const PAUSE: u32 = 48;
/// In `len`: nothing is appended any more.
const CLOSED: usize = 1 << 16;

/// Runs one task, or drops it. Returns its panic.
type Act = unsafe fn(task: *mut u8, sink: Option<*mut ()>) -> Option<Payload>;

/// What the layers above do for a sheaf.
pub(crate) trait Barn: Send + Sync {
    /// Calls `work`, which runs so many tasks, with what their results go to: a `&mut dyn FnMut(T)`, behind a pointer.
    /// Returns a panic that came of it and is no task's.
    fn open(&self, tasks: usize, work: &mut dyn FnMut(*mut ())) -> Option<Payload>;
    /// Puts the entry back into the queue.
    fn requeue(&self, entry: Entry);
    /// How many tasks to cut at a time.
    fn swath(&self) -> usize;
}

/// See the module. What the owner writes while the sheaf is open lies apart from what reapers write.
#[repr(C, align(64))]
pub(crate) struct Sheaf<'b> {
    item: Item,
    barn: *const (dyn Barn + 'b),
    /// The owner's, to know it by.
    tag: usize,
    done: AtomicUsize,
    forfeited: AtomicUsize,
    panicked: AtomicUsize,
    panic: Mutex<Option<Payload>>,
    /// How many there are, once it is closed, and how many of them have been cut.
    total: Cell<usize>,
    cut: Cell<usize>,
    tasks: Tasks,
}

/// See the table in the module.
#[repr(C, align(64))]
struct Tasks {
    len: AtomicUsize,
    /// Where the next task goes.
    end: Cell<usize>,
    /// Where the tasks lie: each is its [`Act`] and its closure.
    at: [Cell<u8>; TASKS],
    words: UnsafeCell<[MaybeUninit<usize>; WORDS]>,
}

/// What has become of a sheaf's tasks.
#[derive(Debug, Default)]
pub(crate) struct Reaped {
    pub(crate) tasks: usize,
    pub(crate) forfeited: usize,
    pub(crate) panicked: usize,
    pub(crate) panic: Option<Payload>,
}

/// Whether a task can be in a sheaf.
pub(crate) const fn fits<F>() -> bool {
    mem::size_of::<F>() <= LARGEST && mem::align_of::<F>() <= WORD
}

unsafe fn act<F, T>(task: *mut u8, sink: Option<*mut ()>) -> Option<Payload>
where
    F: FnOnce() -> T + Send,
{
    // SAFETY: written as an `F` by `push`, and read once.
    let f = unsafe { task.cast::<F>().read() };
    match sink {
        // SAFETY: that is what the barn calls a sheaf's work with, for tasks of this result.
        Some(sink) => unwind::catch(|| unsafe { (*sink.cast::<&mut dyn FnMut(T)>())(f()) }).err(),
        None => unwind::drop_quietly(f),
    }
}

/// What every sheaf's header refers to. A type for the functions that differ from run to run.
pub(crate) trait Returns {
    /// Hands a sheaf that has come back to its run.
    ///
    /// # Safety
    /// The item is a sheaf that has come back, and `cx` what the run receives with.
    unsafe fn receive(item: NonNull<Item>, cx: *mut ());
}

struct Functions<R>(R);

impl<R: Returns> Functions<R> {
    const VTABLE: &'static ItemVTable = &ItemVTable {
        base: VTable {
            run,
            free: never,
            discard: never_discard,
            take: never_take,
            fail,
        },
        receive: R::receive,
    };
}

impl<'b> Sheaf<'b> {
    /// An empty one, without an entry.
    pub(crate) fn new<R: Returns>(
        inbox: *const Inbox,
        level: Priority,
        barn: *const (dyn Barn + 'b),
        tag: usize,
    ) -> Box<Self> {
        Box::new(Self {
            item: Item::new(
                State::promised(),
                &Functions::<R>::VTABLE.base,
                inbox,
                level,
            ),
            barn,
            tag,
            done: AtomicUsize::new(0),
            forfeited: AtomicUsize::new(0),
            panicked: AtomicUsize::new(0),
            panic: Mutex::new(None),
            total: Cell::new(0),
            cut: Cell::new(0),
            tasks: Tasks {
                len: AtomicUsize::new(CLOSED),
                end: Cell::new(0),
                at: [const { Cell::new(0) }; TASKS],
                words: UnsafeCell::new([MaybeUninit::uninit(); WORDS]),
            },
        })
    }

    /// Owner: begins anew with a first task. Returns the entry that is to be queued.
    ///
    /// # Safety
    /// The sheaf is new or has come back; it stays where it is until it has come back again, and so does what `f` uses.
    pub(crate) unsafe fn begin<F, T>(this: NonNull<Self>, f: F) -> Entry
    where
        F: FnOnce() -> T + Send,
    {
        // SAFETY: the owner's.
        let sheaf = unsafe { this.as_ref() };
        sheaf.cut.set(0);
        sheaf.done.store(0, Ordering::Relaxed);
        sheaf.forfeited.store(0, Ordering::Relaxed);
        sheaf.panicked.store(0, Ordering::Relaxed);
        let tasks = &sheaf.tasks;
        tasks.write::<F, T>(0, 0, f);
        // Relaxed, as all of the above: the queue publishes it.
        tasks.len.store(1, Ordering::Relaxed);
        sheaf.item.header.state.requeue();
        Entry::new(this.cast())
    }

    /// Owner: appends a task, if the sheaf is open and has room; else gives it back.
    ///
    /// # Safety
    /// The sheaf has not come back; what `f` uses stays valid until it has.
    #[inline]
    pub(crate) unsafe fn append<F, T>(&self, f: F) -> Result<(), F>
    where
        F: FnOnce() -> T + Send,
    {
        let tasks = &self.tasks;
        let (len, at) = (tasks.len.load(Ordering::Relaxed), tasks.end.get());
        if len >= TASKS || at + words_of::<F>() > WORDS {
            return Err(f);
        }
        tasks.write::<F, T>(len, at, f);
        if tasks.len.fetch_add(1, Ordering::Release) & CLOSED == 0 {
            return Ok(());
        }
        // SAFETY: written just now and not counted, so nobody else has it.
        Err(unsafe { tasks.closure(at).cast::<F>().read() })
    }

    pub(crate) fn tag(&self) -> usize {
        self.tag
    }

    /// Owner: what has become of the tasks of a sheaf that has come back.
    pub(crate) fn account(&self) -> Reaped {
        Reaped {
            tasks: self.done.load(Ordering::Relaxed),
            forfeited: self.forfeited.load(Ordering::Relaxed),
            panicked: self.panicked.load(Ordering::Relaxed),
            panic: self.panic.lock().take(),
        }
    }

    fn keep(&self, payload: Payload) {
        let mut first = self.panic.lock();
        if first.is_none() {
            *first = Some(payload);
        } else {
            drop(first);
            unwind::discard(payload);
        }
    }

    /// Reaper: tasks are known to be short, and the owner is appending: a moment more, and there is enough to be worth
    /// the way. Ends as soon as it does not grow.
    fn let_grow(&self, swath: usize) {
        let mut len = self.tasks.len.load(Ordering::Relaxed);
        while len < swath {
            for _ in 0..PAUSE {
                spin_loop();
            }
            let before = mem::replace(&mut len, self.tasks.len.load(Ordering::Relaxed));
            if len == before {
                return;
            }
        }
    }

    /// Acts on tasks that were cut. Returns how many of them completed, panicked and were dropped.
    fn act_on(
        &self,
        cut: Range<usize>,
        sink: Option<*mut ()>,
        cancelled: &dyn Fn() -> bool,
    ) -> [usize; 3] {
        let (mut panicked, mut dropped) = (0, 0);
        let count = cut.len();
        for index in cut {
            let (act, task) = self.tasks.task(index);
            let sink = sink.filter(|_| !cancelled());
            // SAFETY: each task is cut once, and acted on once.
            let panic = unsafe { act(task, sink) };
            if sink.is_none() {
                dropped += 1;
            } else if panic.is_some() {
                panicked += 1;
            }
            if let Some(payload) = panic {
                self.keep(payload);
            }
        }
        if panicked + dropped > 0 {
            self.panicked.fetch_add(panicked, Ordering::Relaxed);
            self.forfeited.fetch_add(dropped, Ordering::Relaxed);
        }
        [count - panicked - dropped, panicked, dropped]
    }
}

impl Tasks {
    /// Owner: writes the task `index` to `at`, where there is room, beyond what is counted.
    fn write<F, T>(&self, index: usize, at: usize, f: F)
    where
        F: FnOnce() -> T + Send,
    {
        debug_assert!(index < TASKS && at + words_of::<F>() <= WORDS);
        self.at[index].set(at as u8);
        let act: Act = act::<F, T>;
        // SAFETY: there is room, aligned to words, and nobody else touches it.
        unsafe { self.place(at).cast::<Act>().write(act) };
        // SAFETY: as above.
        unsafe { self.closure(at).cast::<F>().write(f) };
        self.end.set(at + words_of::<F>());
    }

    fn place(&self, at: usize) -> *mut usize {
        // SAFETY: within the words, as are all places.
        unsafe { self.words.get().cast::<usize>().add(at) }
    }

    fn closure(&self, at: usize) -> *mut u8 {
        // SAFETY: behind a task's `Act` is at most the end of the words.
        unsafe { self.place(at).add(1) }.cast()
    }

    /// Reaper: a task that is counted.
    fn task(&self, index: usize) -> (Act, *mut u8) {
        let at = usize::from(self.at[index].get());
        // SAFETY: written by `write`.
        (
            unsafe { self.place(at).cast::<Act>().read() },
            self.closure(at),
        )
    }
}

/// A task's words, its `Act` included.
const fn words_of<F>() -> usize {
    1 + mem::size_of::<F>().div_ceil(WORD)
}

/// The reaper's part: cut, hand on, act.
unsafe fn reap(task: NonNull<Header>, env: Env<'_>, drop_all: bool) {
    // SAFETY: the claimant has an entry of a sheaf, which lives until it has come back.
    let sheaf = unsafe { task.cast::<Sheaf<'static>>().as_ref() };
    // SAFETY: the run has the barn as long as it has sheaves.
    let barn = unsafe { &*sheaf.barn };
    let inbox = Inbox::of_node(sheaf.item.header.node.parent());
    let first = sheaf.cut.get();
    if first == 0 {
        if !drop_all {
            sheaf.let_grow(barn.swath());
        }
        // Appends that fail from now on are not counted.
        let len = sheaf.tasks.len.fetch_or(CLOSED, Ordering::Acquire);
        sheaf.total.set(len);
    }
    let total = sheaf.total.get();
    let swath = if drop_all { total } else { barn.swath() };
    let tasks = swath.clamp(1, total - first);
    let cut = first..first + tasks;
    sheaf.cut.set(cut.end);
    if cut.end < total {
        sheaf.item.header.state.requeue();
        barn.requeue(Entry::new(task));
    }
    // SAFETY: alive until the sheaf has come back.
    let cancelled = || drop_all || unsafe { &*inbox }.is_cancelled();
    let mut came_to = [0; 3];
    if cancelled() {
        came_to = sheaf.act_on(cut, None, &cancelled);
    } else {
        let mut work = |sink| came_to = sheaf.act_on(cut.clone(), Some(sink), &cancelled);
        let panic = barn.open(tasks, &mut work);
        panic.into_iter().for_each(|payload| sheaf.keep(payload));
    }
    if let Some(tally) = env.tally {
        // Whoever has popped the entry has counted one.
        tally.leave_many(sheaf.item.header.level, Passage::Structured, tasks - 1);
        for (how, tasks) in [Ended::Completed, Ended::Panicked, Ended::Cancelled]
            .into_iter()
            .zip(came_to)
        {
            tally.end_many(how, tasks);
        }
    }
    if sheaf.done.fetch_add(tasks, Ordering::AcqRel) + tasks == total {
        // SAFETY: the run waits for this item, and nobody else brings it.
        unsafe { Inbox::put(inbox, task.cast(), env.here) };
    }
}

unsafe fn run(task: NonNull<Header>, env: Env<'_>) {
    // SAFETY: handed on.
    unsafe { reap(task, env, false) };
}

unsafe fn fail(task: NonNull<Header>, _: Failure, env: Env<'_>) -> Option<Payload> {
    // SAFETY: handed on.
    unsafe { reap(task, env, true) };
    None
}

unsafe fn never(_: NonNull<Header>) {
    unreachable!("its run frees it");
}

unsafe fn never_discard(_: NonNull<Header>) -> Option<Payload> {
    unreachable!("it has no handle");
}

unsafe fn never_take(_: NonNull<Header>, _: *mut ()) {
    unreachable!("it has no handle");
}

impl fmt::Debug for Sheaf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sheaf").finish_non_exhaustive()
    }
}
