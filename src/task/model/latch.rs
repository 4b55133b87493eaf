//! The latch and the parker.

use super::*;
use crate::latch::{Latch, Registration};
use crate::park::Parker;
use crate::sync::{Arc, AtomicBool, Ordering};
use loom::thread;

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
