//! Who comes and goes: submissions and visits against the end of the pool, pauses, and changes of its size.
//!
//! In the end nobody may be counted anywhere, and all bits must be as a pool that has ended has them.

use super::registry::Pool;
use super::*;
use crate::park::Parker;
use crate::scheduler::counts::ACTIVE;
use crate::scheduler::idle::{Kind, Wake};
use crate::sync::{Arc, Ordering};

/// A submission from outside against the end of the pool: the task is run, or the submitter takes it back;
/// and the pool ends, whoever had it.
#[test]
fn end_against_a_submission() {
    explore("end_against_a_submission", || {
        let pool = Pool::with(1, true);
        pool.start(0, false);
        let submitter = pool.spawn(Pool::submit);
        pool.close();
        pool.join();
        let ran = pool.ran.load(Ordering::Relaxed);
        let accepted = submitter.join().unwrap();
        pool.check(usize::from(accepted));
        assert_eq!(ran, usize::from(accepted), "run before the pool ended");
    });
}

/// A task that has to wait for its time is accepted during a visit, or turned away; where it is accepted, the
/// pool does not end without it.
#[test]
fn end_against_a_visit() {
    explore("end_against_a_visit", || {
        let pool = Pool::new(1);
        pool.start(0, false);
        let visitor = pool.spawn(Pool::submit_later);
        pool.close();
        let accepted = visitor.join().unwrap();
        if accepted {
            assert!(!pool.idle.is_terminated(), "it ended before its time");
            pool.time_has_come();
        }
        pool.join();
        pool.check(usize::from(accepted));
    });
}

/// A thread comes in from outside, and the pool does not end around it: what it asks of the worker is done, unless the
/// pool had ended before.
#[test]
fn end_against_a_guest() {
    // With 3 preemptions 371 thousand interleavings.
    explore_to(2, "end_against_a_guest", || {
        let pool = Pool::new(1);
        pool.start(0, false);
        let guest = pool.spawn(Pool::ask_inside);
        pool.close();
        let asked = guest.join().unwrap();
        pool.join();
        pool.check(usize::from(asked));
    });
}

/// The last worker lies down while somebody closes the pool and waits at its gate for the threads to go.
#[test]
fn end_is_heard_of_at_the_gate() {
    explore("end_is_heard_of_at_the_gate", || {
        let pool = Pool::new(1);
        pool.start(0, false);
        pool.close();
        assert!(pool.idle.changed.wait(None, || pool.idle.is_over()));
        pool.join();
        pool.check(0);
    });
}

/// Two workers, of which one lingers until it is woken, or until the end.
#[test]
fn end_of_a_worker_that_lingers() {
    explore("end_of_a_worker_that_lingers", || {
        let pool = Pool::new(2);
        pool.start(0, false);
        pool.publish();
        pool.wait(1);
        pool.close();
        pool.main(1, false);
        pool.join();
        pool.check(1);
    });
}

/// What is published into a paused pool, or into one that is just being resumed, is found after the pause.
#[test]
fn pause_and_resume() {
    explore("pause_and_resume", || {
        let pool = Pool::new(1);
        pool.idle.pause();
        pool.start(0, false);
        let publisher = pool.spawn(Pool::publish);
        pool.resume();
        pool.wait(1);
        publisher.join().unwrap();
        pool.close();
        pool.join();
        pool.check(1);
    });
}

/// A pool shrinks, by a task of the worker 0, while something is published from outside: it is run, whoever
/// was about to leave.
#[test]
fn resize_shrinks_beside_work() {
    // With 3 preemptions minutes.
    explore_to(2, "resize_shrinks_beside_work", || {
        let pool = Pool::new(2);
        pool.start(1, false);
        let outside = pool.spawn(|pool| {
            pool.publish();
            pool.wait(1);
            pool.close();
        });
        pool.resize(1);
        pool.main(0, false);
        pool.join();
        outside.join().unwrap();
        pool.check(1);
    });
}

/// A pool shrinks and grows again while the worker that was too many is leaving: it comes back, or another one
/// takes its place. The other worker is this thread, which does nothing for the pool meanwhile.
#[test]
fn resize_grows_while_a_worker_leaves() {
    // With 3 preemptions 217 thousand interleavings.
    explore_to(2, "resize_grows_while_a_worker_leaves", || {
        let pool = Pool::new(2);
        pool.start(1, false);
        pool.resize(1);
        pool.resize(2);
        pool.publish();
        pool.wait(1);
        pool.close();
        pool.main(0, false);
        pool.join();
        pool.check(1);
    });
}

/// The same at the end of the pool: the worker that was leaving comes back in time, or not at all.
#[test]
fn resize_grows_before_the_end() {
    explore("resize_grows_before_the_end", || {
        let pool = Pool::new(2);
        pool.resize(1);
        let other = pool.spawn(|pool| {
            pool.resize(2);
            pool.close();
            pool.main(0, false);
        });
        pool.main(1, false);
        other.join().unwrap();
        pool.join();
        pool.check(0);
    });
}

/// A pool grows while a spare is asked for whose index is to be one of its own, and which cannot be started: it has as
/// many threads as its size says.
#[test]
fn resize_counts_on_no_spare_that_fails() {
    explore("resize_counts_on_no_spare_that_fails", || {
        let pool = Pool::new(1);
        let parker = Arc::new(Parker::new());
        pool.resize_with(1, 1);
        pool.idle.lend(&parker, ACTIVE);
        let asker = pool.spawn(|pool| {
            if let Wake::StartThread(index) = pool.idle.notify(Kind::Task) {
                if pool.idle.start_failed(index) {
                    pool.hand_on();
                }
                pool.idle.look_after(&**pool);
            }
        });
        pool.resize(2);
        let started = pool.threads.lock().unwrap().len();
        assert_eq!(started, 1, "threads besides the first one");
        asker.join().unwrap();
        pool.idle.take_back(&parker, ACTIVE);
        pool.close();
        pool.main(0, false);
        pool.join();
        pool.check(0);
    });
}

/// A letter for a worker against a pool that shrinks: it is posted and taken, or there is no such worker.
#[test]
fn resize_leaves_no_letter_behind() {
    explore("resize_leaves_no_letter_behind", || {
        let pool = Pool::new(2);
        pool.start(1, false);
        let poster = pool.spawn(Pool::post);
        pool.resize(1);
        // It leaves, but not before it has taken its letter.
        pool.join();
        let posted = poster.join().unwrap();
        pool.close();
        pool.main(0, false);
        pool.check(usize::from(posted));
    });
}
