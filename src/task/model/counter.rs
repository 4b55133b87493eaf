//! The counter of a scope.

use super::*;
use crate::latch::Registration;
use crate::park::Parker;
use crate::sync::Arc;
use crate::task::counter::Counter;
use loom::thread;
use std::ptr;

/// Waits as the scheduler does, without anything to help with.
pub(super) fn wait_for_children(counter: &Counter, parker: &Arc<Parker>) {
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
