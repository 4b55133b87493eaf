//! Cancelling a plain task: a claim from outside, which ends in no run.

use super::claim::Case;
use super::*;
use crate::scheduler::Injectors;
use crate::sync::fence;
use crate::task::entry::Taken;
use loom::thread;

/// The handle cancels a task and is dropped: the closure is dropped and the task freed once, and a pool that
/// met the entry meanwhile does not end before the cancelling thread is done with it.
#[test]
fn claim_cancelled_from_outside() {
    explore("claim_cancelled_from_outside", || {
        let case = Case::new(true);
        let injectors = Arc::new(Injectors::new());
        let (entry, remote) = case.spawn(None);
        let popper = {
            let (case, injectors) = (case.clone(), Arc::clone(&injectors));
            thread::spawn(move || {
                case.touch();
                let mut cancelled = true;
                match entry.take() {
                    Taken::Run(task) => {
                        case.run(task, REMOTE);
                        cancelled = false;
                    }
                    Taken::Stale => {}
                    Taken::Foreign(entry) => injectors.keep_foreign(entry),
                }
                fence(Ordering::SeqCst);
                let settled = injectors.foreign_settled();
                if settled && cancelled {
                    assert_eq!(case.ending.load(Ordering::Relaxed), 1, "still at it");
                }
                settled
            })
        };
        let claimed = remote.claim(true);
        let cancelled = claimed.is_some();
        let mut settled = false;
        if let Some(task) = claimed {
            case.ending.fetch_add(1, Ordering::Relaxed);
            case.cancel(task, OWNER);
            // As `look_after` does.
            fence(Ordering::SeqCst);
            settled = injectors.foreign_settled();
        }
        case.touch();
        drop(remote);
        settled |= popper.join().unwrap();
        assert!(settled, "the last one to look must see it");
        case.check(usize::from(!cancelled));
    });
}

/// A third party cancels what the handle's thread wants to run and the pool is about to.
#[test]
fn claim_by_popper_or_joiner_or_canceller() {
    explore("claim_by_popper_or_joiner_or_canceller", || {
        let case = Case::new(false);
        let (entry, remote) = case.spawn(None);
        let remote = Arc::new(remote);
        let popper = case.clone().pop(entry);
        let canceller = {
            let (case, remote) = (case.clone(), Arc::clone(&remote));
            thread::spawn(move || {
                let task = remote.claim(true);
                task.map(|task| case.cancel(task, REMOTE)).is_some()
            })
        };
        match remote.claim(false) {
            Some(task) => case.run(task, OWNER),
            None => case.wait(&remote),
        }
        let cancelled = canceller.join().unwrap();
        case.take_result(Arc::into_inner(remote).expect("the canceller is gone"));
        popper.join().unwrap();
        case.check(usize::from(!cancelled));
    });
}
