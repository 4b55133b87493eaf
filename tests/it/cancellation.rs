//! Cancellation of tasks: by tokens, by handles, from wherever, in each phase of a task.

use std::sync::{Arc, Mutex};

use windrow::{Backoff, CancelToken, JoinHandle, Outcome, RateLimit, Retry};

use crate::support::Ledger;
use crate::virtual_time::{Diary, MS, S, virtually, witnessed};

fn retry(attempts: u32, wait: u64) -> Retry {
    let retry = Retry::attempts(attempts).unwrap();
    retry.backoff(Backoff::fixed(S(wait)))
}

/// Keeps the only worker busy for so long from now on.
fn occupy(diary: &Diary<()>, seconds: u64) {
    let mine = diary.clone();
    drop(diary.pool().spawn(move || mine.sleep(S(seconds))));
    diary.sleep(MS(1));
}

#[test]
fn a_token_cancels_the_queued_tasks_beneath_it_and_no_others() {
    virtually(1, |pool| {
        let (ledger, diary) = (Ledger::new(6), Diary::<()>::new(pool));
        let root = CancelToken::new();
        let (left, right) = (root.child(), root.child());
        let leaf = left.child();
        occupy(&diary, 10);
        let tokens = [&root, &left, &leaf, &right, &left.child(), &root.child()];
        let handles: Vec<_> = tokens
            .iter()
            .enumerate()
            .map(|(index, token)| {
                let entry = ledger.entry(index);
                let task = pool.task().cancel_token(token);
                task.spawn(move || entry.run())
            })
            .collect();
        left.cancel();
        let finished: Vec<_> = handles.iter().map(JoinHandle::is_finished).collect();
        assert_eq!(finished, [false, true, true, false, true, false]);
        assert!(!root.is_cancelled() && !right.is_cancelled());
        assert_eq!(pool.stats().cancelled, 3);
        pool.wait_idle();
        for (index, handle) in handles.into_iter().enumerate() {
            let cancelled = handle.join().is_err_and(|error| error.is_cancelled());
            assert_eq!(cancelled, [1, 2, 4].contains(&index));
            assert_eq!(ledger.ran(index), usize::from(!cancelled));
            assert_eq!(ledger.dropped(index), 1);
        }
    });
}

#[test]
fn a_cancelled_queued_task_is_reported_once_and_dropped_where_it_was_queued() {
    witnessed(|pool, witness| {
        let (ledger, diary) = (Ledger::new(1), Diary::<()>::new(pool));
        occupy(&diary, 10);
        let token = CancelToken::new();
        let (entry, mine) = (ledger.entry(0), diary.clone());
        let gone = Arc::new(Mutex::new(None));
        let callback = Arc::clone(&gone);
        let task = pool.task().name("stubble").cancel_token(&token);
        let task = task.on_complete(move |_| *callback.lock().unwrap() = Some(mine.passed()));
        let handle = task.spawn(move || entry.run());
        pool.sleep(S(1));
        token.cancel();
        token.cancel();
        assert!(handle.is_finished() && !handle.cancel());
        assert_eq!(witness.about("stubble"), ["accepted", "cancelled"]);
        assert_eq!(ledger.dropped(0), 0, "the worker has not passed it yet");
        pool.wait_idle();
        assert_eq!((ledger.ran(0), ledger.dropped(0)), (0, 1));
        assert_eq!(*gone.lock().unwrap(), Some(S(10)));
        assert_eq!(witness.about("stubble").len(), 2);
        let error = handle.join().unwrap_err();
        assert!(error.is_cancelled() && !error.is_expired() && !error.is_panic());
    });
}

#[test]
fn a_running_task_sees_it_and_what_it_returns_counts() {
    virtually(1, |pool| {
        let token = CancelToken::new();
        let diary = Diary::<()>::new(pool);
        let mine = diary.clone();
        let task = pool.task().cancel_token(&token.child());
        let handle = task.spawn_with(move |cx| {
            for steps in 1.. {
                mine.sleep(S(1));
                if cx.check().is_err() {
                    return steps;
                }
            }
            unreachable!("it is cancelled some day")
        });
        pool.sleep(S(3) + MS(500));
        token.cancel();
        assert!(!handle.is_finished());
        let (steps, report) = handle.join_report();
        assert_eq!((steps.unwrap(), diary.passed()), (4, S(4)));
        assert_eq!(report.unwrap().outcome, Outcome::Completed);
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.cancelled), (1, 0));
    });
}

#[test]
fn between_two_attempts_it_ends_at_once_and_during_one_it_is_the_last() {
    virtually(1, |pool| {
        let (ledger, diary) = (Ledger::new(2), Diary::<()>::new(pool));
        let token = CancelToken::new();
        let failing = |index| {
            let (entry, mine) = (ledger.entry(index), diary.clone());
            move || {
                entry.run();
                mine.sleep(S(1));
                Err::<(), _>("again")
            }
        };
        // Runs from 0 to 1, from 6 to 7, and waits then.
        let task = pool.task().cancel_token(&token).retry(retry(9, 5));
        let handle = task.spawn(failing(0));
        pool.sleep(S(8));
        assert_eq!(pool.stats().waiting, 1);
        token.cancel();
        assert!(handle.is_finished());
        let (result, report) = handle.join_report();
        assert!(result.unwrap_err().is_cancelled());
        let report = report.unwrap();
        assert_eq!((report.outcome, report.attempts), (Outcome::Cancelled, 2));
        pool.wait_idle();
        assert_eq!((ledger.ran(0), ledger.dropped(0)), (2, 1));
        assert_eq!(diary.passed(), S(8));
        // Cancelled while it runs: its error is what it has come to.
        let token = CancelToken::new();
        let task = pool.task().cancel_token(&token).retry(retry(9, 5));
        let handle = task.spawn(failing(1));
        pool.sleep(MS(500));
        token.cancel();
        let (result, report) = handle.join_report();
        assert_eq!(result.unwrap(), Err("again"));
        assert_eq!(report.unwrap().outcome, Outcome::Failed);
        assert_eq!((ledger.ran(1), diary.passed()), (1, S(9)));
    });
}

#[test]
fn any_of_several_tokens_will_do() {
    virtually(1, |pool| {
        for which in 0..3 {
            let tokens = [(); 3].map(|()| CancelToken::new());
            let diary = Diary::<()>::new(pool);
            occupy(&diary, 1);
            let task = pool.task().cancel_token(&tokens[0]);
            let task = task.cancel_token(&tokens[1]).cancel_token(&tokens[2]);
            let handle = task.spawn_with(|cx| cx.is_cancelled());
            assert!(!handle.is_finished());
            tokens[which].cancel();
            assert!(handle.join().unwrap_err().is_cancelled());
            for (index, token) in tokens.iter().enumerate() {
                assert_eq!(token.is_cancelled(), index == which);
            }
        }
    });
}

#[test]
fn a_token_that_is_cancelled_already_lets_nothing_start() {
    virtually(1, |pool| {
        let ledger = Ledger::new(4);
        let (token, fresh) = (CancelToken::new(), CancelToken::new());
        token.cancel();
        let task = || pool.task().cancel_token(&fresh).cancel_token(&token);
        let limit = RateLimit::new(1, S(1), 1).unwrap();
        let tasks = [
            task(),
            task().delay(S(5)),
            task().timeout(S(5)),
            task().rate_limit(&limit),
        ];
        let handles = tasks.into_iter().enumerate().map(|(index, task)| {
            let entry = ledger.entry(index);
            task.spawn(move || entry.run())
        });
        for handle in handles.collect::<Vec<_>>() {
            assert!(handle.is_finished(), "before anything else has happened");
            assert!(handle.join().unwrap_err().is_cancelled());
        }
        let diary = Diary::<()>::new(pool);
        pool.wait_idle();
        assert_eq!(diary.passed(), S(0), "nobody waited for the delay");
        assert_eq!([0, 1, 2, 3].map(|index| ledger.ran(index)), [0; 4]);
        assert_eq!([0, 1, 2, 3].map(|index| ledger.dropped(index)), [1; 4]);
        assert!(limit.try_acquire(), "no permit was used");
    });
}

#[test]
fn cancel_of_a_handle_says_whether_it_came_in_time() {
    virtually(1, |pool| {
        let diary = Diary::<()>::new(pool);
        let limit = RateLimit::new(1, S(100), 1).unwrap();
        assert!(limit.try_acquire());
        // Waiting for its time, for its permit, for its next attempt.
        let delayed = pool.task().delay(S(5)).spawn(|| ());
        let limited = pool.task().rate_limit(&limit).spawn(|| ());
        let backed_off = pool.task().retry(retry(2, 60)).spawn(|| Err::<(), _>(()));
        pool.sleep(S(1));
        assert_eq!(pool.stats().waiting, 3);
        assert!(delayed.cancel() && limited.cancel() && backed_off.cancel());
        assert!(!delayed.cancel() && !limited.cancel() && !backed_off.cancel());
        pool.wait_idle();
        assert_eq!(pool.stats().cancelled, 3);
        // Running, and its context hears of it.
        let mine = diary.clone();
        let running = pool.task().spawn_with(move |cx| {
            mine.sleep(S(2));
            cx.is_cancelled()
        });
        let queued = pool.task().delay(MS(1)).spawn(|| ());
        pool.sleep(S(1));
        assert!(!running.cancel() && queued.cancel() && !queued.cancel());
        assert!(queued.join().unwrap_err().is_cancelled());
        assert!(running.join().unwrap(), "it was told");
        // Over, in one way or another.
        let over = pool.task().spawn(|| 5);
        let expired = pool.task().delay(S(2)).timeout(S(1)).spawn(|| ());
        pool.wait_idle();
        assert!(!over.cancel() && !expired.cancel());
        assert_eq!(over.join().unwrap(), 5);
        assert!(expired.join().unwrap_err().is_expired());
        assert_eq!(pool.stats().cancelled, 4);
    });
}

#[test]
fn a_task_may_cancel_itself_and_another_one() {
    virtually(1, |pool| {
        let token = CancelToken::new();
        let own = token.clone();
        let handle = pool.task().cancel_token(&token).spawn_with(move |cx| {
            own.cancel();
            (cx.is_cancelled(), cx.token().is_cancelled())
        });
        assert_eq!(handle.join().unwrap(), (true, true));
        // With retries: what it returns is the last word.
        let token = CancelToken::new();
        let own = token.clone();
        let task = pool.task().cancel_token(&token).retry(retry(9, 1));
        let handle = task.spawn_with(move |cx| {
            own.cancel();
            Err::<(), _>(cx.attempt())
        });
        assert_eq!(handle.join().unwrap(), Err(1));
        // Another one, queued behind it on the only worker.
        let ledger = Ledger::new(1);
        let entry = ledger.entry(0);
        let inside = Arc::clone(pool);
        let canceller = pool.task().spawn(move || {
            let victim = inside.task().spawn(move || entry.run());
            let in_time = victim.cancel();
            (in_time, victim.join())
        });
        let (in_time, victim) = canceller.join().unwrap();
        assert!(in_time && victim.unwrap_err().is_cancelled());
        pool.wait_idle();
        assert_eq!((ledger.ran(0), ledger.dropped(0)), (0, 1));
    });
}

#[test]
fn a_callback_may_cancel_what_is_over_and_what_comes_next() {
    virtually(1, |pool| {
        let (ledger, token) = (Ledger::new(2), CancelToken::new());
        let (first, second) = (ledger.entry(0), ledger.entry(1));
        let own = token.clone();
        let task = pool.task().cancel_token(&token);
        let task = task.on_complete(move |_| own.cancel());
        let over = task.spawn(move || first.run());
        let next = pool.task().cancel_token(&token).delay(S(1));
        let next = next.spawn(move || second.run());
        assert!(over.join().is_ok());
        assert!(next.join().unwrap_err().is_cancelled());
        pool.wait_idle();
        assert_eq!((ledger.ran(0), ledger.ran(1)), (1, 0));
        assert_eq!((ledger.dropped(0), ledger.dropped(1)), (1, 1));
    });
}

#[test]
fn plain_tasks_are_cancelled_by_their_handles_here_and_now() {
    virtually(1, |pool| {
        let (ledger, diary) = (Ledger::new(2), Diary::<()>::new(pool));
        let (mine, entry) = (diary.clone(), ledger.entry(0));
        let running = pool.spawn(move || {
            mine.sleep(S(2));
            entry.run();
        });
        pool.sleep(S(1));
        let entry = ledger.entry(1);
        let queued = pool.spawn(move || entry.run());
        assert!(!running.cancel() && queued.cancel() && !queued.cancel());
        assert_eq!(ledger.dropped(1), 1, "dropped by this thread");
        assert!(queued.is_finished());
        assert!(queued.join().unwrap_err().is_cancelled());
        assert!(running.join().is_ok());
        pool.wait_idle();
        assert_eq!((ledger.ran(0), ledger.ran(1)), (1, 0));
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.cancelled), (1, 1));
    });
}

#[test]
fn tasks_of_a_scope_are_cancelled_like_others_and_the_scope_ends() {
    virtually(1, |pool| {
        let (ledger, token) = (Ledger::new(3), CancelToken::new());
        let diary = Diary::<()>::new(pool);
        pool.scope(|s| {
            let entry = ledger.entry(0);
            let task = s.task().cancel_token(&token).delay(S(60));
            let waits = task.spawn(move || entry.run());
            let entry = ledger.entry(1);
            let plain = s.spawn(move || entry.run());
            assert!(plain.cancel());
            let entry = ledger.entry(2);
            let task = s.task().cancel_token(&token).retry(retry(9, 60));
            drop(task.spawn(move || {
                entry.run();
                Err::<(), _>(())
            }));
            pool.sleep(S(1));
            token.cancel();
            assert!(waits.join().unwrap_err().is_cancelled());
        });
        assert_eq!(diary.passed(), S(1));
        assert_eq!([0, 1, 2].map(|index| ledger.ran(index)), [0, 0, 1]);
        assert_eq!([0, 1, 2].map(|index| ledger.dropped(index)), [1; 3]);
    });
}
