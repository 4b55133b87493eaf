//! The phases of a task with options: one attempt at a time, one end, and none that waits for ever.

use super::life::{Case, Life, Outcome, count};
use super::*;
use crate::task::phase::Early;

/// Cancelling a queued task against its dispatch: the attempt runs, or the task is settled as cancelled, and
/// who cancels is told which.
#[test]
fn phase_cancel_or_claim() {
    explore("phase_cancel_or_claim", || {
        let case = Case::queued(Outcome::Decided);
        let worker = case.start(Life::pop);
        let cancelled = case.0.cancel();
        worker.join().unwrap();
        case.check(usize::from(!cancelled));
    });
}

/// Cancelling a waiting task against its timer: it goes to the queue once.
#[test]
fn phase_cancel_or_timer() {
    explore("phase_cancel_or_timer", || {
        let case = Case::waiting(Outcome::Decided);
        let timer = case.start(Life::enqueue);
        assert!(case.0.cancel(), "it has not started");
        timer.join().unwrap();
        assert_eq!(case.0.queue.load(Ordering::Relaxed), 1, "dispatches");
        case.check(0);
    });
}

/// A deadline against the end of an attempt: one of the two settles, and the other one knows.
#[test]
fn phase_expire_or_finish() {
    explore("phase_expire_or_finish", || {
        let case = Case::running(Outcome::Decided);
        let timer = case.start(Life::expire);
        case.0.leave(Outcome::Decided);
        let expired = timer.join().unwrap() == Early::Running;
        assert_eq!(count(&case.0.late), usize::from(expired), "late results");
        case.check(1);
    });
}

/// A deadline against an attempt that does not decide: whatever comes first, there is no further attempt
/// of a task that is settled.
#[test]
fn phase_expire_or_postpone() {
    explore("phase_expire_or_postpone", || {
        let case = Case::running(Outcome::Never);
        let timer = case.start(Life::expire);
        case.0.leave(Outcome::Never);
        assert_ne!(timer.join().unwrap(), Early::TooLate);
        case.check(1);
    });
}

/// A task that is cancelled while it runs and then postpones: the runner looks at the token, or the
/// canceller finds it waiting. It does not wait for ever.
#[test]
fn phase_cancel_or_postpone() {
    explore("phase_cancel_or_postpone", || {
        let case = Case::running(Outcome::Never);
        let canceller = case.start(Life::cancel);
        case.0.leave(Outcome::Never);
        canceller.join().unwrap();
        case.check(1);
    });
}

/// Two dispatches of a task that is queued once (the older one is stale: a waiter ran that attempt): one
/// of them runs it, or retires it where it was cancelled.
#[test]
fn phase_two_dispatches() {
    explore("phase_two_dispatches", || {
        let case = Case::queued(Outcome::Again);
        assert!(case.0.run_in_place(), "it is queued");
        assert_eq!(case.0.queue.load(Ordering::Relaxed), 2, "dispatches");
        let workers = [(); 2].map(|()| case.start(Life::pop));
        let cancelled = case.0.cancel();
        for worker in workers {
            assert!(worker.join().unwrap());
        }
        case.check(2 - usize::from(cancelled));
    });
}

/// An attempt hands the body on to one in place, on another thread, through the word alone.
#[test]
fn phase_hands_the_body_on() {
    explore("phase_hands_the_body_on", || {
        let case = Case::queued(Outcome::Again);
        let worker = case.start(Life::pop);
        case.0.run_in_place();
        worker.join().unwrap();
        case.check(2);
    });
}

/// A waiter that runs a queued task itself, against its dispatch and somebody who cancels it.
#[test]
fn phase_in_place_or_claim_or_cancel() {
    explore("phase_in_place_or_claim_or_cancel", || {
        let case = Case::queued(Outcome::Decided);
        let waiter = case.start(Life::run_in_place);
        let worker = case.start(Life::pop);
        let cancelled = case.0.cancel();
        waiter.join().unwrap();
        worker.join().unwrap();
        case.check(usize::from(!cancelled));
    });
}

/// `shutdown_now` against the dispatch and somebody who cancels the task: it runs if it was neither taken nor
/// cancelled, and what was taken may be cancelled still.
#[test]
fn phase_evict_or_claim_or_cancel() {
    explore("phase_evict_or_claim_or_cancel", || {
        let case = Case::queued(Outcome::Decided);
        let evictor = case.start(Life::evict);
        let worker = case.start(Life::pop);
        let cancelled = case.0.cancel();
        let evicted = evictor.join().unwrap();
        worker.join().unwrap();
        assert!(count(&case.0.unrun) >= usize::from(evicted));
        case.check(usize::from(!cancelled && !evicted));
    });
}

/// The same for a task that waits for its time, which comes just then.
#[test]
fn phase_evict_or_timer_or_cancel() {
    explore("phase_evict_or_timer_or_cancel", || {
        let case = Case::waiting(Outcome::Decided);
        let evictor = case.start(Life::evict);
        let timer = case.start(Life::enqueue);
        let cancelled = case.0.cancel();
        let evicted = evictor.join().unwrap();
        timer.join().unwrap();
        assert!(cancelled || evicted, "nobody else has it");
        case.check(0);
    });
}
