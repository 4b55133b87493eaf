//! The inbox of a run, and the tasks that come back to it.

use super::*;
use crate::error::PanicSink;
use crate::latch::Registration;
use crate::park::Parker;
use crate::priority::Priority;
use crate::sync::{Arc, AtomicBool};
use crate::task::entry::Taken;
use crate::task::gathered::{self, Outcome, Receiver};
use crate::task::header::Env;
use crate::task::inbox::Inbox;
use loom::thread;
use std::cell::Cell;

/// What has come, by kind.
#[derive(Default)]
pub(super) struct Seen {
    values: Cell<usize>,
    lost: Cell<usize>,
}

struct Keep;

impl Receiver<Data> for Keep {
    unsafe fn receive(self, outcome: Outcome<Data>, cx: *mut ()) {
        // SAFETY: the models receive with this.
        let seen = unsafe { &*cx.cast::<Seen>() };
        match outcome {
            Outcome::Value(data) => {
                assert_eq!(data.read(), 1, "what was done before is seen");
                seen.values.set(seen.values.get() + 1);
            }
            _ => seen.lost.set(seen.lost.get() + 1),
        }
    }
}

pub(super) fn env(sink: &PanicSink) -> Env<'_> {
    Env {
        here: REMOTE,
        sink,
        tally: None,
    }
}

/// Waits for news as the scheduler does, without anything to help with.
pub(super) fn wait_for_news(inbox: &Inbox, parker: &Arc<Parker>) {
    while !inbox.has_news() {
        if inbox.register(parker) == Registration::AlreadySet {
            return;
        }
        parker.park();
        if inbox.unregister() {
            return;
        }
    }
}

fn receive_one(inbox: &Inbox, seen: &Seen) -> bool {
    let item = inbox.take();
    if let Some(item) = item {
        // SAFETY: taken out just now; the receivers of the models expect this.
        unsafe { gathered::receive(item, std::ptr::from_ref(seen).cast_mut().cast()) };
    }
    item.is_some()
}

fn receive_all(inbox: &Inbox, seen: &Seen) {
    while receive_one(inbox, seen) {}
}

fn bring(inbox: &Frame<Inbox>) -> thread::JoinHandle<()> {
    let inbox = inbox.address().expose_provenance();
    thread::spawn(move || {
        let data = Data::new();
        data.write();
        let inbox = ptr::with_exposed_provenance(inbox);
        // SAFETY: the owner waits for it.
        unsafe { gathered::deliver(data, Keep, inbox, REMOTE) };
    })
}

// SAFETY: the threads of a model take turns.
unsafe impl Send for Data {}

#[test]
fn model_inbox_gets_everything_and_may_go_then() {
    explore("inbox_gets_everything", || {
        let parker = Arc::new(Parker::new());
        let inbox = Frame::new(Inbox::new(ptr::null(), OWNER));
        let bringers = [bring(&inbox), bring(&inbox)];
        let seen = Seen::default();
        while seen.values.get() < 2 {
            wait_for_news(inbox.get(), &parker);
            receive_all(inbox.get(), &seen);
        }
        inbox.end();
        for bringer in bringers {
            bringer.join().unwrap();
        }
        assert_eq!(Arc::strong_count(&parker), 1, "a registration leaked");
    });
}

#[test]
fn model_inbox_hears_a_ring_beside_an_item() {
    explore("inbox_hears_a_ring", || {
        let parker = Arc::new(Parker::new());
        let inbox = Frame::new(Inbox::new(ptr::null(), OWNER));
        let bringer = bring(&inbox);
        let flag = Arc::new(AtomicBool::new(false));
        let ringer = {
            let (flag, inbox) = (Arc::clone(&flag), inbox.address().expose_provenance());
            thread::spawn(move || {
                flag.store(true, Ordering::Relaxed);
                // SAFETY: the owner does not end it before it has joined this thread.
                unsafe { &*ptr::with_exposed_provenance::<Inbox>(inbox) }.ring();
            })
        };
        let seen = Seen::default();
        loop {
            inbox.get().hear();
            let told = flag.load(Ordering::Relaxed);
            // A ring that comes after the look must end the next wait; beside an item, the owner looks again.
            if receive_one(inbox.get(), &seen) {
                continue;
            }
            if told && seen.values.get() == 1 {
                break;
            }
            wait_for_news(inbox.get(), &parker);
        }
        ringer.join().unwrap();
        inbox.end();
        bringer.join().unwrap();
    });
}

#[test]
fn model_inbox_task_comes_back_run_or_not() {
    explore("inbox_task_comes_back", || {
        let parker = Arc::new(Parker::new());
        let inbox = Frame::new(Inbox::new(ptr::null(), OWNER));
        let data = Data::new();
        let task = {
            let data = data.clone();
            move || {
                data.write();
                data
            }
        };
        // SAFETY: the owner waits for it.
        let entry = unsafe { gathered::new(task, Keep, inbox.address(), Priority::Normal) };
        let worker = thread::spawn(move || {
            let sink = PanicSink::to_stderr();
            let Taken::Run(task) = entry.take() else {
                unreachable!("nobody else has it");
            };
            task.run(env(&sink));
        });
        inbox.get().cancel();
        let seen = Seen::default();
        while seen.values.get() + seen.lost.get() < 1 {
            wait_for_news(inbox.get(), &parker);
            receive_all(inbox.get(), &seen);
        }
        assert_eq!(data.read() as usize, seen.values.get(), "run or given up");
        inbox.end();
        worker.join().unwrap();
    });
}
