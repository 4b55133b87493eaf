//! Contract line 5: `scope` and `join` called from a thread outside the pool run on that thread at once, with the
//! workers' help.

use std::rc::Rc;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread::{self, ThreadId};

use crate::support::{SIZES, on_every_pool, pool, stall};
use crate::watchdog::watched;

fn me() -> ThreadId {
    thread::current().id()
}

#[test]
fn the_body_of_a_scope_runs_on_the_caller() {
    watched(|| {
        on_every_pool(|pool| {
            assert_eq!(pool.scope(|_| me()), me());
            let worker = pool.install(|| (windrow::scope(|_| me()), me()));
            assert_eq!(worker.0, worker.1);
        });
    });
}

#[test]
fn the_body_of_a_scope_may_use_what_cannot_leave_the_thread() {
    let local = Rc::new(1);
    let same = pool(1).scope(|s| {
        s.spawn(|| ());
        local.clone()
    });
    assert!(Rc::ptr_eq(&local, &same));
}

#[test]
fn the_first_closure_of_a_join_runs_on_the_caller() {
    watched(|| {
        on_every_pool(|pool| {
            assert_eq!(pool.join(me, me).0, me());
            assert_eq!(pool.join3(me, me, me).0, me());
            assert_eq!(pool.join4(me, me, me, me).0, me());
            let worker = pool.install(|| (windrow::join(me, me).0, me()));
            assert_eq!(worker.0, worker.1);
        });
    });
}

#[test]
fn a_caller_does_everything_itself_when_no_worker_is_free() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let stalled = stall(&pool);

            let threads = Mutex::new(Vec::new());
            let note = || threads.lock().unwrap().push(me());
            pool.scope(|s| {
                for _ in 0..100 {
                    s.spawn(|| {
                        note();
                        s.spawn(note);
                        windrow::join(note, || windrow::scope(|s| drop(s.spawn(note))));
                    });
                }
            });
            pool.join(note, || windrow::join(note, note));
            pool.join3(note, note, note);
            pool.join4(note, note, note, note);
            assert_eq!(pool.spawn(me).join().unwrap(), me());
            pool.scope(|s| assert_eq!(s.spawn(me).join().unwrap(), me()));

            assert_eq!(threads.into_inner().unwrap(), [me(); 410]);
            drop(stalled);
        }
    });
}

#[test]
fn workers_help_a_caller_that_blocks_in_the_body_of_its_scope() {
    watched(|| {
        on_every_pool(|pool| {
            let (ran, threads) = channel();
            pool.scope(|s| {
                s.spawn(move || ran.send(me()).unwrap());
                assert_ne!(threads.recv().unwrap(), me());
            });
        });
    });
}

#[test]
fn workers_help_a_caller_that_is_busy_in_the_first_half_of_a_join() {
    watched(|| {
        // In a pool of one the caller is already as many as the pool is meant to be.
        for size in [2, 8] {
            let pool = pool(size);
            let helped = (0..1_000).any(|_| {
                let (started, start) = channel();
                let busy = || {
                    let start = start;
                    // It may not be taken this time; a caller that blocked until then would ask for more than `join` says.
                    (0..1_000).any(|_| {
                        thread::yield_now();
                        start.try_recv().is_ok()
                    })
                };
                pool.join(busy, move || started.send(()).is_ok()).0
            });
            assert!(helped, "idle workers never took the second half of a join");
        }
    });
}

#[test]
fn a_thread_inside_a_scope_or_join_belongs_to_that_pool() {
    watched(|| {
        let (inner, outer) = (pool(2), pool(5));
        let inside = outer.scope(|_| {
            let nested = inner.join(windrow::current_num_threads, windrow::current_num_threads);
            (
                windrow::current_num_threads(),
                nested,
                windrow::current_num_threads(),
            )
        });
        assert_eq!(inside, (5, (2, 2), 5));
    });
}

#[test]
fn a_spawn_from_a_thread_inside_a_scope_goes_to_that_pool() {
    watched(|| {
        let pool = pool(1);
        let worker = pool.install(me);
        let spawned = pool.scope(|_| {
            let (ran, threads) = channel();
            drop(windrow::spawn(move || ran.send(me()).unwrap()));
            threads.recv().unwrap()
        });
        assert_eq!(spawned, worker);
    });
}
