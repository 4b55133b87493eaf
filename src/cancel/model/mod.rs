//! Model checks of the tree of tokens.
//!
//! `LOOM_MAX_PREEMPTIONS=3 RUSTFLAGS="--cfg loom" cargo test --release --lib cancel`
//!
//! The counts of the nodes are not modelled (see `sync`), so the models keep what they look at later.

use super::*;
use crate::sync::AtomicU32;
use crate::sync::model::explore;
use loom::thread;
use std::sync::atomic::AtomicUsize as Tally;

/// Counts its calls outside of the model, and looks below when it is called.
struct Hook {
    calls: Tally,
    below: CancelToken,
}

impl Hook {
    fn new(below: &CancelToken) -> Arc<Self> {
        Arc::new(Self {
            calls: Tally::new(0),
            below: below.clone(),
        })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl OnCancel for Hook {
    fn cancelled(&self) {
        assert!(self.below.is_cancelled(), "called before all flags are set");
        self.calls.fetch_add(1, Ordering::Relaxed);
    }
}

fn weak(hook: &Arc<Hook>) -> Weak<dyn OnCancel> {
    Arc::downgrade(&(Arc::clone(hook) as Arc<dyn OnCancel>))
}

fn cancelling(token: &CancelToken) -> thread::JoinHandle<()> {
    let token = token.clone();
    thread::spawn(move || token.cancel())
}

#[test]
fn cancel_leaves_no_new_child_out() {
    explore("cancel_leaves_no_new_child_out", || {
        let root = CancelToken::new();
        let canceller = cancelling(&root);
        let child = root.child();
        let grandchild = child.child();
        canceller.join().unwrap();
        assert!(child.is_cancelled() && grandchild.is_cancelled());
    });
}

#[test]
fn cancel_leaves_no_child_of_two_out() {
    explore("cancel_leaves_no_child_of_two_out", || {
        let parents = [CancelToken::new(), CancelToken::new()];
        let canceller = cancelling(&parents[0]);
        let before = CancelToken::linked(&[&parents[1], &parents[0]]);
        let after = CancelToken::linked(&[&parents[0], &parents[1]]);
        canceller.join().unwrap();
        assert!(before.is_cancelled() && after.is_cancelled());
        assert!(!parents[1].is_cancelled());
    });
}

#[test]
fn cancel_calls_a_hook_or_declines_it() {
    explore("cancel_calls_a_hook_or_declines_it", || {
        let root = CancelToken::new();
        let child = root.child();
        let hook = Hook::new(&child);
        let canceller = cancelling(&root);
        let accepted = root.on_cancel(weak(&hook));
        canceller.join().unwrap();
        assert_eq!(hook.calls(), usize::from(accepted));
    });
}

#[test]
fn cancel_twice_calls_once_and_leaves_nobody_out() {
    explore("cancel_twice_calls_once_and_leaves_nobody_out", || {
        let root = CancelToken::new();
        let child = root.child();
        let leaf = child.child();
        let (upper, lower) = (Hook::new(&leaf), Hook::new(&leaf));
        assert!(root.on_cancel(weak(&upper)) && child.on_cancel(weak(&lower)));
        let canceller = cancelling(&child);
        root.cancel();
        assert!(leaf.is_cancelled(), "left to the other thread");
        assert_eq!(upper.calls(), 1);
        canceller.join().unwrap();
        assert_eq!((upper.calls(), lower.calls()), (1, 1));
    });
}

#[test]
fn cancel_of_one_token_by_two() {
    explore("cancel_of_one_token_by_two", || {
        let root = CancelToken::new();
        let leaf = root.child();
        let hook = Hook::new(&leaf);
        assert!(root.on_cancel(weak(&hook)));
        let cancellers = [cancelling(&root), cancelling(&root)];
        for canceller in cancellers {
            canceller.join().unwrap();
        }
        assert!(leaf.is_cancelled());
        assert_eq!(hook.calls(), 1);
    });
}

#[test]
fn cancel_publishes_what_came_before_it() {
    explore("cancel_publishes_what_came_before_it", || {
        let root = CancelToken::new();
        let leaf = root.child();
        let word = Arc::new(AtomicU32::new(0));
        let canceller = {
            let (root, word) = (root.clone(), Arc::clone(&word));
            thread::spawn(move || {
                word.store(1, Ordering::Relaxed);
                root.cancel();
            })
        };
        let reader = {
            let (leaf, word) = (leaf.clone(), Arc::clone(&word));
            thread::spawn(move || {
                if leaf.is_cancelled() {
                    assert_eq!(word.load(Ordering::Relaxed), 1);
                }
            })
        };
        // One that is born cancelled passes it on.
        if root.child().is_cancelled() {
            assert_eq!(word.load(Ordering::Relaxed), 1);
        }
        canceller.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn cancel_while_children_go() {
    explore("cancel_while_children_go", || {
        let root = CancelToken::new();
        let kept = root.child();
        let going = root.child();
        let canceller = cancelling(&root);
        let below = going.child();
        drop(going);
        drop(below);
        canceller.join().unwrap();
        assert!(kept.is_cancelled());
        let left = root.0.state.lock().children.iter().count();
        assert_eq!(left, 0, "a settled node has no list");
    });
}
