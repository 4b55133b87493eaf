//! Contract line 2, the whole product: what may panic (a body, the drop of a result, the drop of a payload, the panic
//! handler) times where (spawn, scope, join), on pools of every size, called from outside and from a worker.
//!
//! Whatever it is: it is reported once at the place that the documentation says, every sibling finishes first, no worker
//! dies, and the process does not abort.

use std::any::Any;
use std::mem::ManuallyDrop;
use std::panic::{panic_any, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use windrow::{Scope, ThreadPool};

use crate::support::{SIZES, panic_of, stall, text};
use crate::watchdog::watched;

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any("drop");
    }
}

fn throw_text<T>() -> T {
    panic_any("body")
}

fn throw_bomb<T>() -> T {
    panic_any(Bomb)
}

/// A payload as the tests compare it, taken apart without dropping a bomb.
fn name(payload: Box<dyn Any + Send>) -> String {
    match payload.downcast::<Bomb>() {
        Ok(bomb) => {
            let _unexploded = ManuallyDrop::new(bomb);
            "bomb".to_owned()
        }
        Err(payload) => text(&*payload).to_owned(),
    }
}

/// What the pool's panic handler does besides noting what it is given.
#[derive(Clone, Copy)]
enum Handler {
    Keeps,
    /// Drops the payload, which may panic.
    Drops,
    /// Panics with a text.
    Panics,
    /// Panics with a payload that panics again when it is dropped.
    PanicsTwice,
}

const HANDLERS: [Handler; 4] = [
    Handler::Keeps,
    Handler::Drops,
    Handler::Panics,
    Handler::PanicsTwice,
];

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn pool_with(size: usize, handler: Handler) -> (ThreadPool, Seen) {
    let seen = Seen::default();
    let book = seen.clone();
    let pool = ThreadPool::builder()
        .num_threads(size)
        .panic_handler(move |payload| {
            let is_bomb = payload.is::<Bomb>();
            let what = if is_bomb { "bomb" } else { text(&*payload) }.to_owned();
            book.0.lock().unwrap().push(what);
            if let Handler::Drops = handler {
                return drop(payload);
            }
            // No bomb may go off while this unwinds: two panics at once are the program's own end.
            if is_bomb {
                std::mem::forget(payload);
            }
            match handler {
                Handler::Keeps | Handler::Drops => {}
                Handler::Panics => resume_unwind(Box::new("handler")),
                Handler::PanicsTwice => resume_unwind(Box::new(Bomb)),
            }
        })
        .build()
        .unwrap();
    (pool, seen)
}

/// Every worker is there and every kind of work is still done.
fn assert_works(pool: &ThreadPool) {
    let size = pool.current_num_threads();
    assert_eq!(
        pool.broadcast(|worker| worker),
        (0..size).collect::<Vec<_>>()
    );
    assert_eq!(pool.install(|| windrow::join(|| 1, || 2)), (1, 2));
    assert_eq!(pool.spawn(|| 3).join().unwrap(), 3);
    assert_eq!(pool.scope(|s| s.spawn(|| 4).join().unwrap()), 4);
}

/// What the panic handler may be given.
#[derive(Clone, Copy, PartialEq)]
enum Reported {
    /// Nothing: all that is thrown has a receiver.
    Nothing,
    /// Perhaps what had to stand back behind another panic.
    Surplus,
}

/// Runs `case` with every size, handler and caller.
fn product(reported: Reported, case: impl Fn(&ThreadPool) + Sync) {
    watched(|| {
        for size in SIZES {
            for handler in HANDLERS {
                let (pool, seen) = pool_with(size, handler);
                case(&pool);
                pool.install(|| case(&pool));
                assert_works(&pool);
                drop(pool);
                if reported == Reported::Nothing {
                    assert_eq!(
                        seen.all(),
                        Vec::<String>::new(),
                        "what the handler was given"
                    );
                }
            }
        }
    });
}

/// Queues a detached task on a pool with handlers of every kind; it has no handle any more when it starts.
fn detached<T: Send + 'static>(reported: &str, task: fn() -> T) {
    watched(|| {
        for size in SIZES {
            for handler in HANDLERS {
                let (pool, seen) = pool_with(size, handler);
                let stalled = stall(&pool);
                for _ in 0..3 {
                    drop(pool.spawn(task));
                }
                drop(stalled);
                assert_works(&pool);
                drop(pool);
                assert_eq!(seen.all(), [reported; 3], "what the handler was given");
            }
        }
    });
}

/// A scope with siblings before and after what `case` adds to it: the payload that comes out, all siblings being done.
fn scope_of<T>(pool: &ThreadPool, case: impl for<'s, 'e> FnOnce(&'s Scope<'s, 'e>) -> T) -> String {
    let done = AtomicUsize::new(0);
    let payload = panic_of(|| {
        ManuallyDrop::new(pool.scope(|s| {
            let sibling = || {
                s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
            };
            (0..10).for_each(|_| sibling());
            s.spawn(|| {
                s.spawn(|| done.fetch_add(1, Ordering::SeqCst))
                    .join()
                    .unwrap()
            });
            let end = case(s);
            // The body goes on after the task under test was spawned.
            s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
            end
        }))
    });
    let name = name(payload);
    assert!(
        done.load(Ordering::SeqCst) >= 11,
        "a sibling was left behind"
    );
    name
}

#[test]
fn a_joined_task_hands_over_whatever_it_threw() {
    product(Reported::Nothing, |pool| {
        let error = pool.spawn(throw_text::<()>).join().unwrap_err();
        assert_eq!(name(error.into_panic()), "body");
        let error = pool.spawn(throw_bomb::<()>).join().unwrap_err();
        assert_eq!(name(error.into_panic()), "bomb");
    });
}

#[test]
fn a_result_that_panics_in_drop_does_so_where_it_is_received() {
    product(Reported::Nothing, |pool| {
        let bomb = pool.spawn(|| Bomb).join().unwrap();
        assert_eq!(name(panic_of(|| drop(bomb))), "drop");
        let bomb = pool.scope(|s| s.spawn(|| Bomb).join().unwrap());
        assert_eq!(name(panic_of(|| drop(bomb))), "drop");
        let (first, second) = pool.join(|| Bomb, || Bomb);
        assert_eq!(name(panic_of(|| drop(first))), "drop");
        assert_eq!(name(panic_of(|| drop(second))), "drop");
    });
}

#[test]
fn a_detached_body_that_panics_is_reported_whatever_the_handler_does() {
    detached("body", throw_text::<()>);
}

#[test]
fn a_detached_payload_that_panics_in_drop_is_reported_whatever_the_handler_does() {
    detached("bomb", throw_bomb::<()>);
}

#[test]
fn a_detached_result_that_panics_in_drop_is_reported_whatever_the_handler_does() {
    detached("drop", || Bomb);
}

#[test]
fn a_task_without_a_handler_may_throw_a_bomb() {
    watched(|| {
        for size in SIZES {
            let pool = crate::support::pool(size);
            let stalled = stall(&pool);
            drop(pool.spawn(throw_bomb::<()>));
            drop(pool.spawn(|| Bomb));
            drop(stalled);
            assert_works(&pool);
        }
    });
}

#[test]
fn a_joined_scope_task_hands_over_whatever_it_threw() {
    product(Reported::Nothing, |pool| {
        pool.scope(|s| {
            let text = s.spawn(throw_text::<()>);
            let bomb = s.spawn(throw_bomb::<()>);
            assert_eq!(name(text.join().unwrap_err().into_panic()), "body");
            assert_eq!(name(bomb.join().unwrap_err().into_panic()), "bomb");
        });
    });
}

#[test]
fn a_scope_task_without_a_handle_makes_the_scope_resume_what_it_threw() {
    product(Reported::Nothing, |pool| {
        assert_eq!(scope_of(pool, |s| drop(s.spawn(throw_text::<()>))), "body");
        assert_eq!(scope_of(pool, |s| drop(s.spawn(throw_bomb::<()>))), "bomb");
    });
}

#[test]
fn a_scope_task_whose_lost_result_panics_in_drop_makes_the_scope_panic() {
    product(Reported::Nothing, |pool| {
        assert_eq!(scope_of(pool, |s| drop(s.spawn(|| Bomb))), "drop");
    });
}

#[test]
fn many_bombs_in_one_scope_leave_one_to_resume() {
    product(Reported::Surplus, |pool| {
        let which = scope_of(pool, |s| {
            (0..10).for_each(|_| drop(s.spawn(throw_bomb::<()>)))
        });
        assert_eq!(which, "bomb");
        let which = scope_of(pool, |s| {
            s.spawn(throw_bomb::<()>);
            throw_bomb::<()>();
        });
        assert_eq!(which, "bomb");
        let which = scope_of(pool, |s| {
            s.spawn(throw_bomb::<()>);
            s.spawn(|| Bomb);
            throw_bomb::<()>();
        });
        assert!(["bomb", "drop"].contains(&&*which), "{which}");
    });
}

#[test]
fn a_scope_body_may_throw_anything() {
    product(Reported::Nothing, |pool| {
        assert_eq!(scope_of(pool, |_| throw_text::<()>()), "body");
        assert_eq!(scope_of(pool, |_| throw_bomb::<()>()), "bomb");
    });
}

#[test]
fn a_scope_that_cannot_hand_out_its_result_survives_the_drop_of_it() {
    product(Reported::Surplus, |pool| {
        let which = scope_of(pool, |s| {
            s.spawn(throw_text::<()>);
            Bomb
        });
        assert!(["body", "drop"].contains(&&*which), "{which}");
    });
}

#[test]
fn a_join_resumes_whatever_a_threw() {
    product(Reported::Nothing, |pool| {
        assert_eq!(name(panic_of(|| pool.join(throw_text::<()>, || 1))), "body");
        assert_eq!(name(panic_of(|| pool.join(throw_bomb::<()>, || 1))), "bomb");
    });
}

#[test]
fn a_join_resumes_whatever_b_threw() {
    product(Reported::Nothing, |pool| {
        assert_eq!(name(panic_of(|| pool.join(|| 1, throw_text::<()>))), "body");
        assert_eq!(name(panic_of(|| pool.join(|| 1, throw_bomb::<()>))), "bomb");
    });
}

#[test]
fn a_join_in_which_both_throw_resumes_what_a_threw() {
    product(Reported::Surplus, |pool| {
        assert_eq!(
            name(panic_of(|| pool.join(throw_text::<()>, throw_bomb::<()>))),
            "body"
        );
        assert_eq!(
            name(panic_of(|| pool.join(throw_bomb::<()>, throw_text::<()>))),
            "bomb"
        );
        assert_eq!(
            name(panic_of(|| pool.join(throw_bomb::<()>, throw_bomb::<()>))),
            "bomb"
        );
    });
}

#[test]
fn a_join_that_cannot_hand_out_one_result_survives_the_drop_of_it() {
    product(Reported::Surplus, |pool| {
        assert_eq!(
            name(panic_of(|| pool.join(throw_text::<()>, || Bomb))),
            "body"
        );
        assert_eq!(
            name(panic_of(|| pool.join(|| Bomb, throw_text::<()>))),
            "body"
        );
        assert_eq!(
            name(panic_of(|| pool.join(|| Bomb, throw_bomb::<()>))),
            "bomb"
        );
    });
}

#[test]
fn a_panic_crosses_install_whatever_it_is() {
    product(Reported::Nothing, |pool| {
        assert_eq!(name(panic_of(|| pool.install(throw_text::<()>))), "body");
        assert_eq!(name(panic_of(|| pool.install(throw_bomb::<()>))), "bomb");
        let bomb = pool.install(|| Bomb);
        assert_eq!(name(panic_of(|| drop(bomb))), "drop");
    });
}
