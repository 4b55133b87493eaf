//! Panics in every piece of the user's code that a run calls or drops: everything is joined, the first one resumes
//! where `gather` was called, and the pool is as good as before.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

use windrow::{Combiner, Emit, Limiter, Run, ThreadPool, combine};

use crate::support::{
    Bomb, Census, Gate, Loud, blow_up, from_outside_and_inside, on_every_pool, panic_of, pool,
    stall, text, yield_until,
};
use crate::watchdog::watched;

/// The text of the panic of a run, among whose tasks `act` has something that panics. Nothing is left behind.
fn bang<S>(
    pool: &ThreadPool,
    state: S,
    act: impl for<'r, 'env> FnOnce(&mut Run<'r, 'env, S>),
) -> String {
    let census = Census::default();
    let payload = panic_of(|| {
        pool.gather(state, |run| {
            for _ in 0..20 {
                let guards = (census.enter(), census.enter());
                run.scatter(|| guards.0, move |_, _, _| drop(guards.1));
            }
            act(run);
            for _ in 0..20 {
                let guards = (census.enter(), census.enter());
                run.scatter(|| guards.0, move |_, _, _| drop(guards.1));
            }
        })
    });
    assert_eq!(census.live(), 0, "something is left of the run");
    let sum = pool.gather(0, |run| {
        for n in 0..10 {
            run.scatter(move || n, |sum, _, n| *sum += n);
        }
    });
    assert_eq!(sum, 45, "the pool has suffered");
    text(&*payload).to_owned()
}

#[test]
fn a_panic_of_a_task_a_handler_or_the_body_resumes() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let task = bang(pool, (), |run| {
                run.scatter(|| blow_up("task"), |(), _, ()| blow_up("not called"));
            });
            let handler = bang(pool, (), |run| {
                run.scatter(|| (), |(), _, ()| blow_up("handler"));
            });
            let deep = bang(pool, (), |run| {
                run.scatter(
                    || (),
                    |(), run, ()| {
                        run.scatter(|| blow_up("deep"), |(), _, ()| ());
                    },
                );
            });
            let body = bang(pool, (), |_| blow_up("body"));
            let listener = bang(pool, (), |run| run.on_flush(|(), _, _| blow_up("listener")));
            assert_eq!(
                [task, handler, deep, body, listener],
                ["task", "handler", "deep", "body", "listener"]
            );
        });
    });
}

#[test]
fn the_bodys_panic_goes_before_a_tasks_which_goes_before_an_error() {
    watched(|| {
        on_every_pool(|pool| {
            let body = panic_of(|| {
                pool.gather((), |run| {
                    run.scatter(|| blow_up("task"), |(), _, ()| ());
                    run.gather_all().unwrap();
                    assert_eq!(run.stats().panicked, 1);
                    blow_up("body");
                })
            });
            let handler = panic_of(|| {
                pool.gather((), |run| {
                    run.scatter(|| blow_up("task"), |(), _, ()| ());
                    run.gather_all().unwrap();
                    run.scatter(|| (), |(), _, ()| blow_up("handler"));
                })
            });
            let task = panic_of(|| {
                pool.gather((), |run| {
                    run.scatter(|| blow_up("task"), |(), _, ()| Ok(()));
                    run.gather_all()?;
                    Err("body")
                })
            });
            let texts = [&body, &handler, &task].map(|payload| text(&**payload));
            assert_eq!(texts, ["body", "handler", "task"]);
        });
    });
}

#[test]
fn of_several_tasks_the_first_that_comes_back_resumes() {
    watched(|| {
        on_every_pool(|pool| {
            let payload = panic_of(|| {
                pool.gather((), |run| {
                    for name in ["first", "second", "third"] {
                        run.scatter(move || blow_up(name), |(), _, ()| ());
                        run.gather_all().unwrap();
                    }
                    assert_eq!(run.stats().panicked, 3);
                })
            });
            assert_eq!(text(&*payload), "first");
        });
    });
}

#[test]
fn a_panic_waits_for_tasks_that_still_run() {
    watched(|| {
        on_every_pool(|pool| {
            let (started, start) = channel();
            let over = AtomicBool::new(false);
            panic_of(|| {
                pool.gather((), |run| {
                    let (over, token) = (&over, run.token().clone());
                    run.scatter(
                        move || {
                            started.send(()).unwrap();
                            // Only the end of the body cancels.
                            yield_until(|| token.is_cancelled());
                            over.store(true, Ordering::SeqCst);
                        },
                        |(), _, ()| (),
                    );
                    start.recv().unwrap();
                    blow_up("body");
                })
            });
            assert!(over.load(Ordering::SeqCst));
        });
    });
}

/// How a combiner misbehaves.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Factory,
    Combine,
    Flush,
    Drop,
}

struct Touchy(Wrong, #[expect(dead_code, reason = "dropped")] Option<Bomb>);

impl Touchy {
    fn new(wrong: Wrong) -> Self {
        assert!(wrong != Wrong::Factory, "factory");
        Touchy(wrong, (wrong == Wrong::Drop).then(|| Bomb("drop")))
    }
}

impl Combiner for Touchy {
    type Input = u32;
    type Output = u32;

    fn combine(&mut self, _: u32, _: &mut Emit<'_, u32>) {
        assert!(self.0 != Wrong::Combine, "combine");
    }

    fn flush(&mut self, _: &mut Emit<'_, u32>) {
        assert!(self.0 != Wrong::Flush, "flush");
    }
}

#[test]
fn a_combiner_may_panic_in_each_of_its_parts() {
    watched(|| {
        from_outside_and_inside(|pool| {
            for (wrong, name) in [
                (Wrong::Factory, "factory"),
                (Wrong::Combine, "combine"),
                (Wrong::Flush, "flush"),
                (Wrong::Drop, "drop"),
            ] {
                let mut stats = None;
                let found = bang(pool, (), |run| {
                    let touchy = run.combiner(move || Touchy::new(wrong), |(), _, _| ());
                    for n in 0..10 {
                        run.scatter_into(move || n, &touchy);
                    }
                    run.gather_all().unwrap();
                    stats = Some((touchy.stats(), run.stats().panicked));
                });
                assert_eq!(found, name);
                let (stats, panicked) = stats.unwrap();
                let lost = if wrong == Wrong::Drop { 0 } else { 10 };
                assert_eq!(stats.forfeited, lost, "{name}: {stats:?}");
                // A task whose result could not be combined has panicked; a flush is no task.
                assert_eq!(panicked > 0, matches!(name, "factory" | "combine"));
            }
        });
    });
}

#[test]
fn the_handler_of_a_combiner_may_panic() {
    watched(|| {
        on_every_pool(|pool| {
            let found = bang(pool, (), |run| {
                let some = run.combiner(combine::batch(1), |(), _, _| blow_up("emission"));
                run.scatter_into(|| 1, &some);
            });
            assert_eq!(found, "emission");
        });
    });
}

#[test]
fn what_is_dropped_unused_may_panic_in_its_drop() {
    watched(|| {
        on_every_pool(|pool| {
            // What is captured by a task that has not run; a result; a handler; and both handlers of two combiners.
            let cancelled = |act: &dyn Fn(&mut Run<'_, '_, ()>)| {
                bang(pool, (), |run| {
                    let (gate, token) = (Gate::default(), run.token().clone());
                    let inside = gate.clone();
                    let wait = move || {
                        inside.pass();
                        yield_until(|| token.is_cancelled());
                    };
                    run.scatter(wait, |(), _, ()| ());
                    gate.open();
                    let limiter = Limiter::new(0);
                    let bomb = Bomb("closure");
                    (**run)
                        .via(&limiter)
                        .scatter(move || drop(bomb), |(), _, ()| ());
                    act(run);
                    run.cancel();
                })
            };
            assert_eq!(cancelled(&|_| ()), "closure");
            let result = bang(pool, (), |run| {
                let (done, wait) = channel();
                let task = move || {
                    done.send(()).unwrap();
                    Bomb("result")
                };
                run.scatter(task, |(), _, _| blow_up("not called"));
                wait.recv().unwrap();
                run.cancel();
            });
            assert_eq!(result, "result");
            let handler = bang(pool, (), |run| {
                for _ in 0..3 {
                    let bomb = Bomb("handler");
                    run.scatter(|| (), move |(), _, ()| drop(bomb));
                }
                run.cancel();
            });
            assert_eq!(handler, "handler");
            let lost = bang(pool, (), |run| {
                let bomb = Bomb("handler");
                run.scatter(|| blow_up("task"), move |(), _, ()| drop(bomb));
            });
            assert_eq!(lost, "task");
            let combiners = bang(pool, (), |run| {
                for _ in 0..3 {
                    let (one, two) = (Bomb("combiner"), Bomb("combiner"));
                    let factory = move || {
                        let _bomb = &one;
                        combine::batch::<u32>(1)()
                    };
                    run.combiner(factory, move |(), _, _| {
                        let _ = &two;
                    });
                }
            });
            assert_eq!(combiners, "combiner");
            let listener = bang(pool, (), |run| {
                let bomb = Bomb("listener");
                run.on_flush(move |(), _, _| {
                    let _ = &bomb;
                });
            });
            assert_eq!(listener, "listener");
        });
    });
}

#[test]
fn the_state_and_errors_may_panic_in_their_drop() {
    watched(|| {
        on_every_pool(|pool| {
            let state = panic_of(|| pool.gather(Bomb("state"), |_| Err::<(), _>("error")));
            let first = bang(pool, Bomb("state"), |run| {
                run.scatter(|| blow_up("task"), |_, _, ()| ());
            });
            let error = panic_of(|| {
                pool.gather((), |run| {
                    run.scatter(|| (), |(), _, ()| Err(Bomb("error")));
                    run.scatter(|| (), |(), _, ()| Err(Bomb("error")));
                    run.gather_all().map_err(std::mem::forget).ok();
                    panic!("body");
                    #[expect(unreachable_code, reason = "says what the body returns")]
                    Ok(())
                })
            });
            assert_eq!(
                [text(&*state), &*first, text(&*error)],
                ["state", "task", "body"]
            );
            let errors = panic_of(|| {
                pool.gather((), |run| {
                    run.max_outstanding(1);
                    for _ in 0..5 {
                        // Waits for room, and keeps the errors that have come meanwhile.
                        assert!(run.scatter(|| (), |(), _, ()| Err(Loud)));
                    }
                    run.cancel();
                    Ok(())
                })
            });
            assert_eq!(text(&*errors), "loud");
        });
    });
}

#[test]
fn payloads_may_panic_in_their_own_drop() {
    watched(|| {
        on_every_pool(|pool| {
            let payload = panic_of(|| {
                pool.gather((), |run| {
                    for _ in 0..10 {
                        run.scatter(|| panic_any(Bomb("payload")), |(), _, ()| ());
                    }
                    let some = run.combiner(combine::group_by(|_: &u32| panic_any(Bomb("key"))), {
                        |(), _, _: (u32, _)| ()
                    });
                    for _ in 0..10 {
                        run.scatter_into(|| 1, &some);
                    }
                    run.gather_all().unwrap();
                    assert_eq!(run.stats().panicked, 20);
                })
            });
            let bomb = payload.downcast::<Bomb>().expect("what was thrown");
            std::mem::forget(bomb);
        });
    });
}

#[test]
fn a_body_that_catches_a_handlers_panic_goes_on() {
    watched(|| {
        on_every_pool(|pool| {
            let n = pool.gather(0, |run| {
                for index in 0..50 {
                    // Handles nothing before.
                    (**run).scatter(
                        move || index,
                        |n, _, index| {
                            assert!(index != 20, "twenty");
                            *n += 1;
                        },
                    );
                }
                let all = catch_unwind(AssertUnwindSafe(|| run.gather_all()));
                assert_eq!(text(&*all.unwrap_err()), "twenty");
                run.gather_all().unwrap();
                assert_eq!(run.outstanding(), 0);
            });
            assert_eq!(n, 49);
        });
    });
}

#[test]
fn one_of_many_tasks_for_a_combiner_panics() {
    watched(|| {
        on_every_pool(|pool| {
            // The caller runs all of them.
            let stalled = stall(pool);
            let before = pool.stats();
            let mut handle = None;
            let payload = panic_of(|| {
                pool.gather((), |run| {
                    handle = Some(run.handle());
                    let sums = combine::fold(|| 0, |sum, n: u32| *sum += n);
                    let sums = run.combiner(sums, |(), _, _| ());
                    for n in 0..20 {
                        let task = move || {
                            if n == 5 {
                                blow_up("task");
                            }
                            n
                        };
                        run.scatter_into(task, &sums);
                    }
                })
            });
            assert_eq!(text(&*payload), "task");
            let (run, after) = (handle.unwrap().stats(), pool.stats());
            drop(stalled);
            assert_eq!((run.scattered, run.panicked), (20, 1));
            assert_eq!(run.gathered + run.forfeited, 19);
            assert_eq!(after.panicked - before.panicked, 1);
            // The flush is a task of the pool, too.
            assert_eq!(after.completed - before.completed, run.gathered + 1);
            assert_eq!(after.cancelled - before.cancelled, run.forfeited);
            assert_eq!(after.queued_total(), 0);
        });
    });
}

/// Does not like one number.
struct Picky;

impl Combiner for Picky {
    type Input = u32;
    type Output = ();

    fn combine(&mut self, n: u32, _: &mut Emit<'_, ()>) {
        assert!(n != 13, "thirteen");
    }

    fn flush(&mut self, _: &mut Emit<'_, ()>) {}
}

#[test]
fn what_another_thread_has_left_at_a_place_may_panic() {
    watched(|| {
        let pool = pool(2);
        let payload = panic_of(|| {
            pool.gather((), |run| {
                let picky = run.combiner(|| Picky, |(), _, ()| ()).max_instances(1);
                // After these it is known that tasks are short, and several are taken at a time.
                for _ in 0..10 {
                    for n in 0..64 {
                        run.scatter_into(move || 100 + n, &picky);
                    }
                    run.gather_all().unwrap();
                }
                let ((begin, begun), (go_on, goes_on)) = (channel(), channel());
                let first = move || {
                    begin.send(()).unwrap();
                    goes_on.recv().unwrap();
                    0
                };
                run.scatter_into(first, &picky);
                run.scatter_into(|| 1, &picky);
                begun.recv().unwrap();
                // The place is taken, so the other worker leaves what it has there.
                let ended = || pool.stats().completed + pool.stats().panicked;
                let before = ended();
                run.scatter_into(|| 13, &picky);
                yield_until(|| ended() > before);
                go_on.send(()).unwrap();
            })
        });
        assert_eq!(text(&*payload), "thirteen");
    });
}
