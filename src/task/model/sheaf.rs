//! A sheaf: the owner appends while workers close it, cut it and run what they have cut.

use super::inbox::{env, wait_for_news};
use super::*;
use crate::error::PanicSink;
use crate::park::Parker;
use crate::priority::Priority;
use crate::sync::{Arc, Mutex};
use crate::task::entry::{Entry, Taken};
use crate::task::gathered::{self, Item};
use crate::task::inbox::Inbox;
use crate::task::sheaf::{Barn, Returns, Sheaf};
use crate::unwind::Payload;
use loom::thread;
use std::cell::Cell;
use std::ptr::NonNull;

/// A queue, and a sum of what was fed. It cuts one task at a time.
struct Field {
    queue: Mutex<Vec<Entry>>,
    sum: Tally,
}

impl Barn for Field {
    fn open(&self, _: usize, work: &mut dyn FnMut(*mut ())) -> Option<Payload> {
        let mut feed = |input: usize| {
            self.sum.fetch_add(input, Ordering::Relaxed);
        };
        let mut sink: &mut dyn FnMut(usize) = &mut feed;
        work((&raw mut sink).cast());
        None
    }

    fn requeue(&self, entry: Entry) {
        self.queue.lock().push(entry);
        // Somebody may have it before the caller goes on: an unlock alone is no point at which loom switches.
        drop(self.queue.lock());
    }

    fn swath(&self) -> usize {
        1
    }
}

impl Field {
    /// Runs what is queued.
    fn reap(&self) {
        let sink = PanicSink::to_stderr();
        loop {
            let Some(entry) = self.queue.lock().pop() else {
                return;
            };
            let Taken::Run(task) = entry.take() else {
                unreachable!("there is one entry");
            };
            task.run(env(&sink));
        }
    }
}

/// Counts the tasks of sheaves that have come back, and frees them.
struct Count;

impl Returns for Count {
    unsafe fn receive(item: NonNull<Item>, cx: *mut ()) {
        // SAFETY: the models receive with this.
        let count = unsafe { &*cx.cast::<Cell<usize>>() };
        // SAFETY: it has come back, and came from a box.
        let sheaf = unsafe { Box::from_raw(item.cast::<Sheaf<'static>>().as_ptr()) };
        count.set(count.get() + sheaf.account().tasks);
    }
}

/// `late`: the workers begin when all has been appended.
fn tasks_come_back(workers: usize, late: bool) {
    let parker = Arc::new(Parker::new());
    let inbox = Frame::new(Inbox::new(ptr::null(), OWNER));
    let field = Arc::new(Field {
        queue: Mutex::new(Vec::new()),
        sum: Tally::new(0),
    });
    let data = [Data::new(), Data::new(), Data::new()];
    let mut tasks = data.clone().map(|data| {
        move || {
            data.write();
            1_usize
        }
    });
    let begin = |task| {
        let barn: *const (dyn Barn + 'static) = &raw const *field;
        let sheaf = Sheaf::new::<Count>(inbox.address(), Priority::Normal, barn, 0);
        let sheaf = NonNull::from(Box::leak(sheaf));
        // SAFETY: new; it comes back before the model ends.
        let entry = unsafe { Sheaf::begin::<_, usize>(sheaf, task) };
        field.requeue(entry);
        sheaf
    };
    let mut next = tasks.iter_mut();
    let mut take = || next.next().unwrap().clone();
    let mut sheaf = begin(take());
    let start = || -> Vec<_> {
        (0..workers)
            .map(|_| {
                let field = Arc::clone(&field);
                thread::spawn(move || field.reap())
            })
            .collect()
    };
    let mut at_work = if late { Vec::new() } else { start() };
    for _ in 1..data.len() {
        // SAFETY: it has not been received.
        if let Err(task) = unsafe { sheaf.as_ref().append::<_, usize>(take()) } {
            sheaf = begin(task);
        }
    }
    if late {
        at_work = start();
    }
    field.reap();
    let count = Cell::new(0);
    while count.get() < data.len() {
        wait_for_news(inbox.get(), &parker);
        while let Some(item) = inbox.get().take() {
            // SAFETY: taken out just now; that is what they are received with.
            unsafe { gathered::receive(item, (&raw const count).cast_mut().cast()) };
        }
    }
    assert!(data.iter().all(|data| data.read() == 1), "each is run once");
    assert_eq!(field.sum.load(Ordering::Relaxed), data.len());
    inbox.end();
    for worker in at_work {
        worker.join().unwrap();
    }
}

#[test]
fn model_sheaf_grows_while_it_is_closed() {
    explore("sheaf_grows_while_it_is_closed", || {
        tasks_come_back(1, false)
    });
}

#[test]
fn model_sheaf_is_cut_by_two() {
    explore("sheaf_is_cut_by_two", || tasks_come_back(2, true));
}
