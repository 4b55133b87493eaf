//! Contract line 2: a panic never kills a worker and is never swallowed; siblings are waited for before it resumes; with
//! nobody to receive it, it goes to the pool's panic handler. (What else can panic, and where: `panic_product.rs`.)

use std::panic::panic_any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};

use windrow::ThreadPool;

use crate::alone::alone;
use crate::support::{Gate, Loud, SIZES, from_outside_and_inside, panic_of, pool, stall, text};
use crate::watchdog::watched;

/// A pool, and the texts of the panics that reach its handler.
fn pool_and_panics(size: usize) -> (ThreadPool, Receiver<String>) {
    let (seen, panics) = channel();
    let pool = ThreadPool::builder()
        .num_threads(size)
        .panic_handler(move |payload| seen.send(text(&*payload).to_owned()).unwrap())
        .build()
        .unwrap();
    (pool, panics)
}

fn fails(why: &str) {
    panic!("{why}");
}

#[test]
fn join_returns_the_payload_as_it_was_thrown() {
    fn throws() {
        panic_any(vec![1, 2, 3]);
    }
    watched(|| {
        for size in SIZES {
            let error = pool(size).spawn(throws).join().unwrap_err();
            assert!(error.is_panic() && !error.is_cancelled());
            assert_eq!(
                *error.into_panic().downcast::<Vec<i32>>().unwrap(),
                [1, 2, 3]
            );
        }
    });
}

#[test]
fn a_joined_panic_is_not_reported_twice() {
    watched(|| {
        for size in SIZES {
            let (pool, panics) = pool_and_panics(size);
            assert!(pool.spawn(|| fails("received")).join().is_err());
            pool.scope(|s| assert!(s.spawn(|| fails("received")).join().is_err()));
            drop(pool);
            assert_eq!(panics.try_iter().count(), 0, "panics at the handler");
        }
    });
}

#[test]
fn the_panic_of_a_detached_task_goes_to_the_handler_once() {
    watched(|| {
        for size in SIZES {
            let (pool, panics) = pool_and_panics(size);
            let stalled = stall(&pool);
            for index in 0..10 {
                drop(pool.spawn(move || fails(&format!("detached {index}"))));
            }
            drop(stalled);
            drop(pool);
            let mut seen: Vec<String> = panics.try_iter().collect();
            seen.sort();
            let expected: Vec<String> = (0..10).map(|index| format!("detached {index}")).collect();
            assert_eq!(seen, expected);
        }
    });
}

#[test]
fn the_panic_in_a_handle_that_is_dropped_late_goes_to_the_handler() {
    watched(|| {
        for size in SIZES {
            let (pool, panics) = pool_and_panics(size);
            let handle = pool.spawn(|| fails("unread"));
            while !handle.is_finished() {
                std::thread::yield_now();
            }
            drop(handle);
            drop(pool);
            assert_eq!(panics.try_iter().collect::<Vec<_>>(), ["unread"]);
        }
    });
}

#[test]
fn a_detached_panic_without_a_handler_leaves_the_pool_as_it_was() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let stalled = stall(&pool);
            for _ in 0..10 {
                drop(pool.spawn(|| fails("a message on stderr")));
            }
            drop(stalled);
            assert_eq!(
                pool.broadcast(|worker| worker),
                (0..size).collect::<Vec<_>>()
            );
        }
    });
}

#[test]
fn a_scope_whose_body_panics_waits_for_its_tasks_first() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let done = AtomicUsize::new(0);
            let payload = panic_of(|| {
                pool.scope(|s| {
                    for _ in 0..50 {
                        s.spawn(|| {
                            s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
                        });
                    }
                    fails("body");
                })
            });
            assert_eq!(done.load(Ordering::SeqCst), 50);
            assert_eq!(text(&*payload), "body");
        });
    });
}

#[test]
fn a_scope_in_which_a_task_panics_waits_for_the_siblings_first() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let done = AtomicUsize::new(0);
            let payload = panic_of(|| {
                pool.scope(|s| {
                    for index in 0..50 {
                        s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
                        if index == 10 {
                            s.spawn(|| fails("task"));
                        }
                    }
                });
            });
            assert_eq!(done.load(Ordering::SeqCst), 50);
            assert_eq!(text(&*payload), "task");
        });
    });
}

#[test]
fn a_scope_resumes_the_first_of_several_panics() {
    watched(|| {
        for size in SIZES {
            let payload = panic_of(|| {
                pool(size).scope(|s| {
                    let first = s.spawn(|| fails("first"));
                    while !first.is_finished() {
                        std::thread::yield_now();
                    }
                    drop(first);
                    s.spawn(|| fails("second"));
                });
            });
            assert_eq!(text(&*payload), "first");
        }
    });
}

#[test]
fn a_scope_whose_handles_are_all_joined_does_not_panic() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let failed = pool.scope(|s| {
                let handles: Vec<_> = (0..50)
                    .map(|i| s.spawn(move || assert!(i % 2 == 0, "odd")))
                    .collect();
                handles
                    .into_iter()
                    .filter_map(|handle| handle.join().err())
                    .count()
            });
            assert_eq!(failed, 25);
        });
    });
}

#[test]
fn a_panic_behind_a_forgotten_handle_is_not_swallowed_by_the_scope() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let done = AtomicUsize::new(0);
            panic_of(|| {
                pool.scope(|s| {
                    std::mem::forget(s.spawn(|| fails("task")));
                    s.spawn(|| done.fetch_add(1, Ordering::SeqCst));
                    // What the body returns is dropped then, and may panic, too.
                    Loud
                });
            });
            assert_eq!(done.load(Ordering::SeqCst), 1);
        });
    });
}

#[test]
fn a_join_waits_for_b_before_it_resumes_the_panic_of_a() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let done = AtomicUsize::new(0);
            let payload =
                panic_of(|| pool.join(|| fails("a"), || done.fetch_add(1, Ordering::SeqCst)));
            assert_eq!(done.load(Ordering::SeqCst), 1);
            assert_eq!(text(&*payload), "a");
        });
    });
}

#[test]
fn a_join_resumes_the_panic_of_b_after_a_is_done() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let done = AtomicUsize::new(0);
            let payload =
                panic_of(|| pool.join(|| done.fetch_add(1, Ordering::SeqCst), || fails("b")));
            assert_eq!(done.load(Ordering::SeqCst), 1);
            assert_eq!(text(&*payload), "b");
        });
    });
}

#[test]
fn of_two_panics_in_a_join_that_of_a_wins() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let payload = panic_of(|| pool.join(|| fails("a"), || fails("b")));
            assert_eq!(text(&*payload), "a");
        });
    });
}

#[test]
fn a_join_waits_for_a_stolen_b_that_outlasts_the_panic_of_a() {
    watched(|| {
        let pool = pool(2);
        for _ in 0..100 {
            let gate = Gate::default();
            let done = AtomicUsize::new(0);
            let payload = panic_of(|| {
                pool.install(|| {
                    windrow::join(
                        || {
                            gate.open();
                            fails("a");
                        },
                        || {
                            gate.pass();
                            done.fetch_add(1, Ordering::SeqCst)
                        },
                    )
                })
            });
            assert_eq!(done.load(Ordering::SeqCst), 1);
            assert_eq!(text(&*payload), "a");
        }
    });
}

#[test]
fn a_panic_crosses_install_and_broadcast() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let payload = panic_of(|| pool.install(|| fails("installed")));
            assert_eq!(text(&*payload), "installed");

            let ran = AtomicUsize::new(0);
            let payload = panic_of(|| {
                pool.broadcast(|worker| {
                    ran.fetch_add(1, Ordering::SeqCst);
                    assert!(worker > 0, "worker {worker}");
                })
            });
            assert_eq!(text(&*payload), "worker 0");
            assert_eq!(ran.load(Ordering::SeqCst), pool.current_num_threads());
        });
    });
}

#[test]
fn panics_while_the_pool_is_dropped_do_not_hang_it() {
    watched(|| {
        for size in SIZES {
            for _ in 0..20 {
                let (pool, panics) = pool_and_panics(size);
                for _ in 0..20 {
                    drop(pool.spawn(|| fails("late")));
                }
                drop(pool);
                assert_eq!(panics.try_iter().count(), 20);
            }
        }
    });
}

#[test]
fn handlers_of_threads_may_panic() {
    watched(|| {
        for size in SIZES {
            let (seen, panics) = channel();
            let pool = ThreadPool::builder()
                .num_threads(size)
                .start_handler(|worker| panic!("start {worker}"))
                .exit_handler(|worker| panic!("exit {worker}"))
                .panic_handler(move |payload| seen.send(text(&*payload).to_owned()).unwrap())
                .build()
                .unwrap();
            assert_eq!(
                pool.broadcast(|worker| worker),
                (0..size).collect::<Vec<_>>()
            );
            drop(pool);
            let seen: Vec<String> = panics.try_iter().collect();
            for worker in 0..size {
                assert!(seen.contains(&format!("start {worker}")), "{seen:?}");
                assert!(seen.contains(&format!("exit {worker}")), "{seen:?}");
            }
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_panic_that_cannot_be_printed_is_done_with_all_the_same() {
    use std::fs::File;
    use std::os::fd::AsRawFd;
    use std::panic::{set_hook, take_hook};

    unsafe extern "C" {
        safe fn dup2(from: i32, to: i32) -> i32;
    }

    alone("stderr is full", &[], || {
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert_eq!(dup2(full.as_raw_fd(), 2), 2);
        set_hook(Box::new(|_| {}));
        let prints = ThreadPool::builder().panic_handler(|_| eprintln!("a line"));
        for pool in [pool(1), prints.num_threads(1).build().unwrap()] {
            drop(pool.spawn(|| fails("nobody waits")));
            pool.wait_idle();
            assert_eq!(pool.spawn(|| 1).join().unwrap(), 1);
        }
        drop(take_hook());
    });
}
