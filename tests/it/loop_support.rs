//! What tests of loops need: lengths, pools, items that take their time, and items that keep book of themselves.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use windrow::CancelToken;

use crate::support::{SIZES, pool};
use crate::watchdog::watched;

/// None, one, two, and what lies around chunks; then enough to be cut.
pub(crate) const LENS: [usize; 13] = [0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 511, 513, 5000];

/// Runs `test` on a worker of a pool of each size.
pub(crate) fn on_workers<F: Fn() + Sync>(test: F) {
    for size in SIZES {
        let pool = pool(size);
        watched(|| pool.install(&test));
    }
}

/// Gives other threads the time to come and help, now and then.
pub(crate) fn linger(at: usize) {
    if at % 8 == 0 {
        thread::yield_now();
    }
}

/// What is to happen at some call of a closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Nothing,
    Panic,
    /// It panics, and so may the drop of an item.
    PanicAnywhere,
    Cancel,
    /// The call says so to whoever made it.
    Say,
}

/// Who was made, and how often each was dropped.
pub(crate) struct Book {
    drops: Mutex<Vec<u8>>,
    left: AtomicIsize,
    deed: Deed,
    done: AtomicBool,
    pub(crate) token: CancelToken,
}

/// The payload of a panic that a [`Book`] has ordered.
pub(crate) struct Ordered;

impl Book {
    /// `deed` is to be done at the call number `at`, from 0 on.
    pub(crate) fn new(deed: Deed, at: usize) -> Arc<Book> {
        Arc::new(Book {
            drops: Mutex::default(),
            left: AtomicIsize::new(isize::try_from(at).unwrap()),
            deed,
            done: AtomicBool::new(false),
            token: CancelToken::new(),
        })
    }

    pub(crate) fn item(self: &Arc<Self>) -> Item {
        let mut drops = self.drops.lock().unwrap();
        drops.push(0);
        Item(Arc::clone(self), drops.len() - 1)
    }

    pub(crate) fn items(self: &Arc<Self>, n: usize) -> Vec<Item> {
        (0..n).map(|_| self.item()).collect()
    }

    /// A closure has been called.
    pub(crate) fn tick(&self) -> bool {
        if self.left.fetch_sub(1, Ordering::SeqCst) != 0 {
            return false;
        }
        self.done.store(true, Ordering::SeqCst);
        match self.deed {
            Deed::Nothing => false,
            // Without the hook that prints.
            Deed::Panic | Deed::PanicAnywhere => resume_unwind(Box::new(Ordered)),
            Deed::Cancel => {
                self.token.cancel();
                false
            }
            Deed::Say => true,
        }
    }

    /// Whether there were as many calls.
    pub(crate) fn is_done(&self) -> bool {
        self.done.load(Ordering::SeqCst)
    }

    /// Everything that was made has been dropped, once. Where a drop has panicked it may be lost: a function whose
    /// locals panic when they are dropped does not drop what it was to return (rust-lang/rust#47949).
    pub(crate) fn assert_balanced(self: Arc<Self>) {
        if self.deed == Deed::PanicAnywhere && self.is_done() {
            assert!(self.drops.lock().unwrap().iter().all(|&times| times <= 1));
            return;
        }
        let drops = self.drops.lock().unwrap();
        for (item, &times) in drops.iter().enumerate() {
            assert_eq!(times, 1, "drops of item {item} of {}", drops.len());
        }
        drop(drops);
        assert_eq!(Arc::strong_count(&self), 1);
    }
}

/// An item with a line in a [`Book`]. A clone is an item of its own, and cloning is a call.
pub(crate) struct Item(Arc<Book>, usize);

impl Item {
    pub(crate) fn number(&self) -> usize {
        self.1
    }
}

impl Clone for Item {
    fn clone(&self) -> Item {
        self.0.tick();
        self.0.item()
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        self.0.drops.lock().unwrap()[self.1] += 1;
        if self.0.deed == Deed::PanicAnywhere && !thread::panicking() {
            self.0.tick();
        }
    }
}
