//! The errors: what they say, what is behind them, and what comes back with them.

use std::error::Error;
use std::io;
use std::sync::mpsc::channel;
use std::time::Duration;

use windrow::{
    AutoscaleError, Autoscaler, Backoff, BuildError, CancelToken, Cancelled, JoinError,
    PolicyError, RateLimit, Refused, RefusedReason, ResizeError, Retry, TaskError, ThreadPool,
};

use crate::support::{Gate, Ledger, pool};
use crate::watchdog::watched;

/// What an error says, and what its source does.
fn said(error: &(dyn Error + 'static)) -> (String, Option<String>) {
    (error.to_string(), error.source().map(ToString::to_string))
}

fn refused_by_the_system() -> io::Error {
    io::Error::other("no more threads")
}

#[test]
fn build_and_resize_errors_say_what_was_asked_for() {
    let error = ThreadPool::new(0).unwrap_err();
    let text = "a pool needs at least one thread, but num_threads is 0";
    assert_eq!(said(&error), (text.into(), None));
    let error = ThreadPool::new(usize::MAX).unwrap_err();
    let BuildError::TooManyThreads { requested, max } = error else {
        panic!("{error:?}")
    };
    assert!(requested == usize::MAX && max > 1);
    let text = format!("a pool can have {max} threads at most, but {requested} were asked for");
    assert_eq!(said(&error), (text.clone(), None));
    let pool = pool(1);
    assert_eq!(
        said(&ResizeError::TooManyThreads { requested, max }).0,
        text
    );
    let text = "a pool needs at least one thread, but resize was asked for 0";
    assert_eq!(said(&pool.resize(0).unwrap_err()), (text.into(), None));
    assert_eq!(pool.current_num_threads(), 1);
    pool.shutdown();
    let text = "the pool has been shut down";
    assert_eq!(said(&pool.resize(2).unwrap_err()), (text.into(), None));
}

#[test]
fn what_the_system_said_is_the_source() {
    let errors: [Box<dyn Error>; 4] = [
        Box::new(BuildError::ThreadStart {
            index: 3,
            source: refused_by_the_system(),
        }),
        Box::new(ResizeError::ThreadStart {
            index: 3,
            source: refused_by_the_system(),
        }),
        Box::new(RefusedReason::Timer(refused_by_the_system())),
        Box::new(AutoscaleError::Timer(refused_by_the_system())),
    ];
    for error in errors {
        let (text, source) = said(&*error);
        assert!(text.ends_with(": no more threads"), "{text}");
        assert_eq!(source.as_deref(), Some("no more threads"), "{text}");
    }
}

#[test]
fn join_errors_say_how_a_task_ended() {
    fn kinds(error: &JoinError) -> [bool; 4] {
        [
            error.is_panic(),
            error.is_cancelled(),
            error.is_expired(),
            error.is_refused(),
        ]
    }
    watched(|| {
        let pool = ThreadPool::builder().deterministic(0).build().unwrap();
        let expect = |error: JoinError, text: &str, kind: usize| {
            assert_eq!(said(&error), (text.into(), None));
            let only: [bool; 4] = std::array::from_fn(|at| at == kind);
            assert_eq!(kinds(&error), only, "{text}");
            assert_eq!(error.try_into_panic().is_ok(), kind == 0);
        };
        let error = pool.spawn(|| panic!("for {}", "once")).join().unwrap_err();
        expect(error, "the task panicked: for once", 0);
        let error = pool.spawn(|| std::panic::panic_any(5)).join().unwrap_err();
        expect(
            error,
            "the task panicked: a payload that is not a string",
            0,
        );
        let token = CancelToken::new();
        token.cancel();
        let cancelled = pool.task().cancel_token(&token).spawn(|| ());
        let text = "the task was cancelled";
        expect(cancelled.join().unwrap_err(), text, 1);
        let late = pool.task().timeout(Duration::ZERO).spawn(|| ());
        let text = "the task's deadline passed before it had ended";
        expect(late.join().unwrap_err(), text, 2);
        pool.shutdown();
        let text = "the task was refused: the pool had been shut down";
        expect(pool.spawn(|| ()).join().unwrap_err(), text, 3);
    });
}

#[test]
fn task_errors_are_what_they_hold() {
    watched(|| {
        let pool = pool(1);
        let group = pool.group::<(), io::Error>();
        group.spawn(|| Err(io::Error::other("of its own")));
        group.spawn(|| panic!("of all things"));
        let errors = group.wait_all().into_iter().map(Result::unwrap_err);
        let [failed, lost] = <[_; 2]>::try_from(errors.collect::<Vec<_>>()).unwrap();
        assert_eq!(failed.to_string(), "of its own");
        assert!(!failed.is_panic() && !failed.is_cancelled());
        assert_eq!(lost.to_string(), "the task panicked: of all things");
        assert!(lost.is_panic() && !lost.is_cancelled());
        let boxed: Box<dyn Error + Send + Sync> = Box::new(lost);
        assert!(boxed.downcast::<TaskError<io::Error>>().is_ok());
    });
}

#[test]
fn a_refused_task_comes_back_whole_and_says_why() {
    watched(|| {
        let ledger = Ledger::new(2);
        let builder = ThreadPool::builder().num_threads(1).queue_capacity(1);
        let pool = builder.build().unwrap();
        pool.pause();
        let queued = pool.spawn(|| ());
        let refuse = |index: usize| -> Refused<_> {
            let entry = ledger.entry(index);
            let task = move || {
                entry.run();
                drop(entry);
            };
            pool.try_spawn(task).unwrap_err()
        };
        let full = refuse(0);
        let text = "the task was refused: there is no room (the limit is 1)";
        assert_eq!(full.to_string(), text);
        assert_eq!(
            said(&full.reason),
            ("there is no room (the limit is 1)".into(), None)
        );
        // The closure need not be anything that can be printed.
        let debug = format!("{full:?}");
        assert_eq!(debug, "Refused { reason: Full { capacity: 1 }, .. }");
        (full.task)();
        drop(pool.shutdown_now());
        let closed = refuse(1);
        let text = "the task was refused: nothing more is accepted: shut down, closed or cancelled";
        assert_eq!(closed.to_string(), text);
        assert_eq!(ledger.dropped(1), 0);
        let boxed: Box<dyn Error> = Box::new(closed);
        drop(boxed);
        assert_eq!((ledger.ran(0), ledger.dropped(0)), (1, 1));
        assert_eq!((ledger.ran(1), ledger.dropped(1)), (0, 1));
        assert!(queued.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_shutdown_error_counts_what_was_left() {
    watched(|| {
        let pool = pool(1);
        let (gate, (started, start)) = (Gate::default(), channel());
        let inside = gate.clone();
        drop(pool.spawn(move || {
            started.send(()).unwrap();
            inside.pass();
        }));
        start.recv().unwrap();
        let later = pool.spawn_after(Duration::MAX, || ());
        drop(pool.spawn(|| ()));
        let error = pool.shutdown_timeout(Duration::ZERO).unwrap_err();
        let text = "the pool did not end in time: 2 tasks were queued and 1 running";
        assert_eq!(said(&error), (text.into(), None));
        assert!(later.cancel());
        gate.open();
    });
}

#[test]
fn policies_say_what_is_wrong_with_them() {
    let second = Duration::from_secs(1);
    for (error, text) in [
        (
            Retry::attempts(0).err(),
            "a retry needs at least one attempt, but max_attempts is 0",
        ),
        (
            RateLimit::new(0, second, 1).err(),
            "a rate limit needs at least one permit per period, but permits is 0",
        ),
        (
            RateLimit::new(1, Duration::ZERO, 1).err(),
            "a rate limit needs a period longer than nothing, but per is 0",
        ),
        (
            RateLimit::new(1, second, 0).err(),
            "a rate limit needs a burst of at least one permit, but burst is 0",
        ),
        (
            Backoff::fixed(second).jitter(2.0).err(),
            "the jitter has to be within 0 and 1, but is 2",
        ),
    ] {
        let error: PolicyError = error.expect(text);
        assert_eq!(said(&error), (text.into(), None));
    }
    let (min, max) = (2, 1);
    let bounds = Autoscaler::new(min..=max).unwrap_err();
    let text = "the bounds 2..=1 cannot be used: the lower one has to be at least 1 and not above the upper one";
    assert_eq!(said(&bounds), (text.into(), None));
    let text = "queued_per_worker has to be at least 1, but is 0";
    assert_eq!(said(&AutoscaleError::ZeroTasks), (text.into(), None));
    assert_eq!(
        said(&Cancelled),
        ("the operation was cancelled".into(), None)
    );
}
