//! `shutdown_now`: what has not started comes back, what runs is told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::thread;
use std::time::Duration;

use windrow::{
    Backoff, CancelToken, JoinHandle, Observer, RateLimit, Retry, TaskContext, TaskInfo,
    ThreadPool, UnstartedTask,
};

use crate::support::{Gate, Ledger, SIZES, pool, take, yield_until};
use crate::watchdog::watched;

const HOUR: Duration = Duration::from_secs(3600);

/// What `shutdown_now` found, and whether each ran or was dropped, once, in the end.
fn unstarted_of_every_kind(pool: &ThreadPool, ledger: &Ledger) -> Vec<JoinHandle<Result<(), ()>>> {
    let limit = RateLimit::new(1, HOUR, 1).unwrap();
    assert!(limit.try_acquire());
    let run = |index: usize| {
        let entry = ledger.entry(index);
        move || {
            entry.run();
            Ok::<(), ()>(())
        }
    };
    let again = run(6);
    let (failed, failing) = channel();
    let retry = Retry::attempts(2).unwrap().backoff(Backoff::fixed(HOUR));
    let backing_off = pool.task().retry(retry).spawn_with(move |cx| {
        let told = cx.attempt() > 1 || failed.send(()).is_err();
        if told { again() } else { Err(()) }
    });
    failing.recv().unwrap();
    let task = run(3);
    let limited = pool.task().rate_limit(&limit).spawn(task);
    // The workers see to both of them: one waits for its next attempt, one for a permit.
    while pool.stats().waiting < 2 || pool.stats().queued_total() > 0 {
        thread::yield_now();
    }
    pool.pause();
    vec![
        pool.spawn(run(0)),
        pool.task().name("one").timeout(HOUR).spawn(run(1)),
        pool.spawn_after(HOUR, run(2)),
        limited,
        pool.task().cancel_token(&CancelToken::new()).spawn(run(4)),
        pool.spawn(run(5)),
        backing_off,
    ]
}

#[test]
fn shutdown_now_gives_back_what_has_not_started() {
    watched(|| {
        for size in SIZES {
            for runs in [true, false] {
                let (pool, ledger) = (pool(size), Ledger::new(7));
                // The pool's books have free places from tasks that are over.
                for _ in 0..3 {
                    pool.task().spawn(|| ()).join().unwrap();
                }
                pool.wait_idle();
                let handles = unstarted_of_every_kind(&pool, &ledger);
                let unstarted = pool.shutdown_now();
                assert_eq!(unstarted.len(), 7);
                assert!(pool.shutdown_now().is_empty());
                assert!(handles.iter().all(|handle| !handle.is_finished()));
                let named = unstarted.iter().filter(|task| task.name() == Some("one"));
                assert_eq!(named.count(), 1);
                assert_eq!(unstarted.iter().filter(|t| t.id().is_some()).count(), 5);
                assert_eq!((pool.stats().returned, pool.stats().waiting), (7, 0));
                // The pool does not wait for what is not its own any more.
                pool.wait_idle();
                pool.shutdown();
                drop(pool);
                for task in unstarted {
                    if runs { task.run() } else { drop(task) }
                }
                for (index, handle) in handles.into_iter().enumerate() {
                    let ran = usize::from(runs);
                    assert_eq!(
                        (ledger.ran(index), ledger.dropped(index)),
                        (ran, 1),
                        "{index}"
                    );
                    match handle.join() {
                        Ok(result) => assert!(runs && result.is_ok()),
                        Err(error) => assert!(!runs && error.is_cancelled(), "{index}: {error}"),
                    }
                }
            }
        }
    });
}

/// What was given back may outlive the pool, and end as it would have in it.
#[test]
fn what_was_given_back_may_still_be_cancelled_joined_or_panic() {
    watched(|| {
        let pool = pool(1);
        pool.pause();
        let cancelled = pool.task().spawn(|| 1);
        let panics = pool.task().spawn(|| panic!("after all"));
        let joined = pool.spawn(|| 3);
        let unstarted = pool.shutdown_now();
        assert_eq!(unstarted.len(), 3);
        cancelled.cancel();
        drop(pool);
        let joining = thread::spawn(move || joined.join().unwrap());
        unstarted.into_iter().for_each(UnstartedTask::run);
        assert!(cancelled.join().unwrap_err().is_cancelled());
        assert!(panics.join().unwrap_err().is_panic());
        assert_eq!(joining.join().unwrap(), 3);
    });
}

#[test]
fn shutdown_now_tells_what_runs_and_lets_scopes_be() {
    watched(|| {
        for size in SIZES {
            let (pool, (here, started)) = (Arc::new(pool(size)), channel());
            let handles: Vec<_> = (0..size)
                .map(|_| {
                    let here = here.clone();
                    pool.task().spawn_with(move |cx| {
                        here.send(()).unwrap();
                        while !cx.is_cancelled() {
                            thread::yield_now();
                        }
                    })
                })
                .collect();
            take(&started, size);
            let ran = AtomicUsize::new(0);
            pool.scope(|s| {
                let run = || ran.fetch_add(1, Ordering::SeqCst);
                s.spawn(run);
                s.task().spawn(run);
                s.task().delay(Duration::from_millis(1)).spawn(run);
                assert!(pool.shutdown_now().is_empty());
            });
            assert_eq!(ran.load(Ordering::SeqCst), 3);
            for handle in handles {
                handle.join().unwrap();
            }
            pool.shutdown();
        }
    });
}

/// Tasks of a scope stay the pool's: what they wait for may be whoever calls.
#[test]
fn what_runs_on_after_shutdown_now_has_its_tasks_refused() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let (here, started) = channel();
            let gate = Gate::default();
            let inside = gate.clone();
            let handle = pool.spawn(move || {
                here.send(()).unwrap();
                inside.pass();
                windrow::spawn(|| ()).join().unwrap_err().is_refused()
            });
            started.recv().unwrap();
            assert!(pool.shutdown_now().is_empty());
            gate.open();
            assert!(handle.join().unwrap());
        }
    });
}

#[test]
fn shutdown_now_does_not_run_tasks_itself() {
    watched(|| {
        for size in SIZES {
            let (pool, after) = (pool(size), Gate::default());
            pool.pause();
            thread::scope(|threads| {
                let (ready, spawned) = channel();
                let (pool, after) = (&pool, &after);
                let scope = threads.spawn(move || {
                    pool.scope(|s| {
                        let task = || after.pass();
                        let handles = [s.task().spawn(task), s.spawn(task)];
                        ready.send(()).unwrap();
                        while !handles.iter().all(|handle| handle.is_finished()) {
                            thread::yield_now();
                        }
                    });
                });
                spawned.recv().unwrap();
                assert!(pool.shutdown_now().is_empty());
                after.open();
                scope.join().unwrap();
            });
        }
    });
}

#[test]
fn what_a_callback_waits_for_is_given_back_first() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            pool.pause();
            let other = pool.task().spawn(|| ());
            let (say, said) = channel();
            let task = pool
                .task()
                .on_complete(move |_| say.send(other.join().is_err()).unwrap());
            assert!(task.spawn(|| unreachable!("cancelled")).cancel());
            drop(pool.shutdown_now());
            assert!(said.recv().unwrap());
        }
    });
}

#[test]
fn a_delayed_task_that_is_just_coming_is_cancelled() {
    struct EndsIt(OnceLock<Weak<ThreadPool>>);
    impl Observer for EndsIt {
        fn task_accepted(&self, _: &TaskInfo) {
            let pool = self.0.get().unwrap().upgrade().unwrap();
            assert!(pool.shutdown_now().is_empty(), "it is not there yet");
        }
    }
    watched(|| {
        for size in SIZES {
            let ends = Arc::new(EndsIt(OnceLock::new()));
            let builder = ThreadPool::builder().num_threads(size);
            let pool = Arc::new(builder.observer(Arc::clone(&ends)).build().unwrap());
            ends.0.set(Arc::downgrade(&pool)).unwrap();
            let handle = pool.spawn_after(HOUR, || ());
            assert!(handle.join().unwrap_err().is_cancelled());
        }
    });
}

#[test]
fn what_is_given_back_gives_its_permit_back() {
    watched(|| {
        for size in SIZES {
            let limit = RateLimit::new(1, Duration::from_millis(50), 1).unwrap();
            assert!(limit.try_acquire());
            let (first, second) = (pool(size), pool(size));
            drop(first.task().rate_limit(&limit).spawn(|| ()));
            yield_until(|| first.stats().waiting == 1);
            // It is in the line. Let go, it goes no further than to the queue.
            first.pause();
            yield_until(|| first.stats().waiting == 0);
            let unstarted = first.shutdown_now();
            second
                .task()
                .rate_limit(&limit)
                .spawn(|| ())
                .join()
                .unwrap();
            drop(unstarted);
        }
    });
}

/// Somebody waits for the tasks of a scope, so they run; and learn that they are to stop, whenever they start.
#[test]
fn tasks_of_a_scope_that_start_after_shutdown_now_are_told() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let (here, started) = channel();
            let until_told = |cx: &TaskContext| {
                while !cx.is_cancelled() {
                    thread::yield_now();
                }
            };
            pool.scope(|s| {
                for _ in 0..3 * size {
                    let here = here.clone();
                    s.task().spawn_with(move |cx| {
                        here.send(()).unwrap();
                        until_told(cx);
                    });
                }
                take(&started, size);
                assert!(pool.shutdown_now().is_empty());
                // One that comes after it, too.
                s.task().spawn_with(until_told);
            });
            // Nor does it say so of a scope that is opened in a pool that has ended.
            pool.shutdown();
            let told = pool.scope(|s| s.task().spawn_with(|cx| cx.is_cancelled()).join());
            assert!(!told.unwrap());
        }
    });
}

#[test]
fn what_was_given_back_between_two_attempts_tells_those_who_have_its_token() {
    watched(|| {
        let (pool, (give, token)) = (pool(1), channel());
        let retry = Retry::attempts(9).unwrap();
        let retry = retry.backoff(Backoff::fixed(HOUR));
        let handle = pool.task().retry(retry).spawn_with(move |cx| {
            give.send(cx.token().clone()).unwrap();
            Err::<(), _>(())
        });
        let token: CancelToken = token.recv().unwrap();
        yield_until(|| pool.stats().waiting == 1);
        let back = pool.shutdown_now();
        assert!(back.len() == 1 && !token.is_cancelled());
        drop(back);
        assert!(token.is_cancelled());
        assert!(handle.join().unwrap_err().is_cancelled());
    });
}

/// Tells when an attempt has failed, and waits before it goes on.
struct Between(Mutex<(Sender<()>, Receiver<()>)>);

impl Observer for Between {
    fn task_retried(&self, _: &TaskInfo, _: u32, _: Duration) {
        let ends = self.0.lock().unwrap();
        ends.0.send(()).unwrap();
        ends.1.recv().unwrap();
    }
}

#[test]
fn what_goes_back_to_wait_just_then_tells_those_who_have_its_token() {
    watched(|| {
        for delay in [Duration::ZERO, HOUR] {
            let ((failed, failing), (go, going)) = (channel(), channel());
            let (give, token) = channel();
            let pool = ThreadPool::builder()
                .num_threads(1)
                .observer(Arc::new(Between(Mutex::new((failed, going)))))
                .build()
                .unwrap();
            let retry = Retry::attempts(9).unwrap();
            let retry = retry.backoff(Backoff::fixed(delay));
            let handle = pool.task().retry(retry).spawn_with(move |cx| {
                give.send(cx.token().clone()).unwrap();
                Err::<(), _>(())
            });
            failing.recv().unwrap();
            assert!(pool.shutdown_now().is_empty());
            go.send(()).unwrap();
            assert!(handle.join().unwrap_err().is_cancelled());
            pool.shutdown();
            let token: CancelToken = token.recv().unwrap();
            assert!(token.is_cancelled());
        }
    });
}

/// Whoever runs a task that was given back works in a pool that has ended, and may need its timer.
#[test]
fn what_was_given_back_may_run_what_needs_the_timer() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            drop(pool.spawn_after(HOUR, || ()));
            pool.pause();
            let handle = pool.spawn(|| {
                windrow::scope(|s| {
                    let later = s.task().delay(Duration::from_millis(1));
                    later.spawn(|| 3).join().unwrap()
                })
            });
            let back = pool.shutdown_now();
            drop(pool);
            back.into_iter().for_each(UnstartedTask::run);
            assert_eq!(handle.join().unwrap(), 3);
        }
    });
}
