//! The tree, the hooks, and how much memory and stack they need.

use super::*;
use crate::sync::{AtomicUsize, thread};

/// Counts its calls, and looks below when it is called.
struct Counter {
    calls: AtomicUsize,
    below: Vec<CancelToken>,
}

impl Counter {
    fn new(below: &[&CancelToken]) -> Arc<Self> {
        Arc::new(Self {
            calls: AtomicUsize::new(0),
            below: below.iter().map(|&token| token.clone()).collect(),
        })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl OnCancel for Counter {
    fn cancelled(&self) {
        assert!(self.below.iter().all(CancelToken::is_cancelled));
        self.calls.fetch_add(1, Ordering::SeqCst);
    }
}

fn weak(counter: &Arc<Counter>) -> Weak<dyn OnCancel> {
    Arc::downgrade(&(Arc::clone(counter) as Arc<dyn OnCancel>))
}

fn places(token: &CancelToken) -> usize {
    token.0.state.lock().children.places()
}

#[test]
fn cancellation_goes_down_only() {
    let root = CancelToken::new();
    let (left, right) = (root.child(), root.child());
    let (below_left, below_right) = (left.child(), right.child());
    left.cancel();
    let cancelled = |tokens: [&CancelToken; 5]| tokens.map(CancelToken::is_cancelled);
    let all = [&root, &left, &right, &below_left, &below_right];
    assert_eq!(cancelled(all), [false, true, false, true, false]);
    root.cancel();
    assert_eq!(cancelled(all), [true; 5]);
    assert!(root.child().is_cancelled() && below_left.child().is_cancelled());
    assert_eq!(format!("{root:?}"), "CancelToken { cancelled: true, .. }");
}

#[test]
fn a_child_holds_its_parents() {
    let root = CancelToken::new();
    let grandchild = root.child().child();
    root.cancel();
    assert!(grandchild.is_cancelled());
}

#[test]
fn any_parent_cancels() {
    for which in 0..3 {
        let parents = [CancelToken::new(), CancelToken::new(), CancelToken::new()];
        let child = CancelToken::linked(&[&parents[0], &parents[1], &parents[2]]);
        assert!(!child.is_cancelled());
        parents[which].cancel();
        assert!(child.is_cancelled());
        let late = CancelToken::linked(&[&parents[0], &parents[1], &parents[2]]);
        assert!(late.is_cancelled() && late.child().is_cancelled());
        assert!(!late.on_cancel(weak(&Counter::new(&[]))));
    }
    assert!(!CancelToken::linked(&[]).is_cancelled());
}

#[test]
fn a_ladder_is_not_walked_path_by_path() {
    let root = CancelToken::new();
    let mut rung = [root.child(), root.child()];
    let mut all = Vec::new();
    for _ in 0..200 {
        let [a, b] = &rung;
        let next = [CancelToken::linked(&[a, b]), CancelToken::linked(&[b, a])];
        all.extend(std::mem::replace(&mut rung, next));
    }
    root.cancel();
    assert!(all.iter().chain(&rung).all(CancelToken::is_cancelled));
}

#[test]
fn a_million_short_lived_children_leave_nothing_behind() {
    let root = CancelToken::new();
    let other = CancelToken::new();
    let mut window = std::collections::VecDeque::new();
    for i in 0..1_000_000 {
        if window.len() == 10 {
            window.pop_front();
        }
        window.push_back(if i % 2 == 0 {
            root.child()
        } else {
            CancelToken::linked(&[&root, &other])
        });
    }
    assert_eq!((places(&root), places(&other)), (10, 5));
    root.cancel();
    assert!(window.iter().all(CancelToken::is_cancelled) && !other.is_cancelled());
    assert_eq!(places(&root), 0);
    // Their places are gone by now; leaving them is no harm.
    drop(window);
    let child = root.child();
    assert!(child.is_cancelled() && places(&root) == 0);
}

#[test]
fn deep_chains_need_no_stack() {
    let chain = |depth| {
        let root = CancelToken::new();
        let mut last = root.child();
        for _ in 1..depth {
            last = last.child();
        }
        (root, last)
    };
    let work = move || {
        let (root, last) = chain(100_000);
        root.cancel();
        assert!(last.is_cancelled());
        drop(root);
        drop(last);
        let (root, last) = chain(100_000);
        drop(last);
        assert_eq!(places(&root), 1);
        assert_eq!(Arc::strong_count(&root.0), 1, "the chain is gone");
    };
    let small = thread::Builder::new().stack_size(64 * 1024);
    small.spawn(work).unwrap().join().unwrap();
}

#[test]
fn each_hook_is_called_once_and_finds_everything_below_cancelled() {
    let root = CancelToken::new();
    let child = root.child();
    let leaves = [child.child(), child.child(), root.child()];
    let upper = Counter::new(&[&root, &child, &leaves[0], &leaves[1], &leaves[2]]);
    let lower = Counter::new(&[&child, &leaves[0], &leaves[1]]);
    assert!(root.on_cancel(weak(&upper)));
    assert!(child.on_cancel(weak(&lower)));
    child.cancel();
    assert_eq!((upper.calls(), lower.calls()), (0, 1));
    root.cancel();
    root.cancel();
    child.cancel();
    assert_eq!((upper.calls(), lower.calls()), (1, 1));
    assert!(!child.on_cancel(weak(&lower)));
    assert_eq!(lower.calls(), 1);
}

#[test]
fn a_hook_that_has_gone_makes_room_for_another() {
    let token = CancelToken::new();
    assert!(token.on_cancel(weak(&Counter::new(&[]))));
    let hook = Counter::new(&[]);
    assert!(token.on_cancel(weak(&hook)));
    token.cancel();
    assert_eq!(hook.calls(), 1);
}

#[test]
fn a_hook_may_use_the_tree() {
    struct Meddler(CancelToken);
    impl OnCancel for Meddler {
        fn cancelled(&self) {
            assert!(self.0.child().is_cancelled());
            self.0.cancel();
        }
    }
    let root = CancelToken::new();
    let hook = Arc::new(Meddler(root.clone()));
    assert!(root.on_cancel(Arc::downgrade(&(Arc::clone(&hook) as Arc<dyn OnCancel>))));
    root.cancel();
    assert_eq!(Arc::strong_count(&hook), 1);
}

#[test]
fn a_sleeper_is_woken() {
    let parker = crate::park::current();
    let hook = Arc::new(UnparkOnCancel(Arc::clone(&parker)));
    let token = CancelToken::new();
    assert!(token.on_cancel(Arc::downgrade(&(hook.clone() as Arc<dyn OnCancel>))));
    let other = token.clone();
    let canceller = thread::spawn(move || other.cancel());
    while !token.is_cancelled() {
        parker.park();
    }
    canceller.join().unwrap();
}

#[test]
fn children_come_and_go_while_everybody_cancels() {
    for round in 0..200 {
        let root = CancelToken::new();
        let middle = root.child();
        let hook = Counter::new(&[&middle]);
        assert!(middle.on_cancel(weak(&hook)));
        thread::scope(|s| {
            for canceller in 0..2 {
                let token = if canceller == round % 2 {
                    &root
                } else {
                    &middle
                };
                s.spawn(move || token.cancel());
            }
            for _ in 0..2 {
                s.spawn(|| {
                    let mut kept = Vec::new();
                    while !root.is_cancelled() {
                        kept.push(CancelToken::linked(&[&root, &middle]));
                        drop(middle.child());
                    }
                    // The flag of the root comes first, those below it follow.
                    root.cancel();
                    assert!(kept.iter().all(CancelToken::is_cancelled));
                });
            }
        });
        assert_eq!(hook.calls(), 1);
    }
}
