//! Tasks with options: their names and numbers, what their closures are told, their callbacks, their reports.

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use windrow::{
    Backoff, CancelToken, JoinHandle, Outcome, Priority, Report, Retry, ThreadPool,
    ThreadPoolBuilder,
};

use crate::support::{Ledger, SIZES, pool, pool_that_reports, text};
use crate::virtual_time::{Diary, S, SEEDS, Witness, virtually, virtually_with};
use crate::watchdog::watched;

fn retry(attempts: u32, backoff: Backoff) -> Retry {
    Retry::attempts(attempts).unwrap().backoff(backoff)
}

#[test]
fn numbers_go_up_and_are_the_same_wherever_they_are_told() {
    virtually(2, |pool| {
        let handles: Vec<_> = (0..20)
            .map(|_| pool.task().spawn_with(|cx| cx.id()))
            .collect();
        let given: Vec<_> = handles.iter().map(|handle| handle.id().unwrap()).collect();
        assert!(given.is_sorted_by(|a, b| a < b));
        for (handle, id) in handles.into_iter().zip(given) {
            let (told, report) = handle.join_report();
            assert_eq!((told.unwrap(), report.unwrap().id), (id, id));
            assert_eq!(id.to_string(), format!("#{}", id.get()));
        }
    });
}

#[test]
fn a_name_is_told_to_the_closure_the_report_and_the_observer() {
    for seed in SEEDS {
        watched(|| {
            let witness = Arc::new(Witness::default());
            let builder = ThreadPoolBuilder::new().deterministic(seed);
            let pool = builder.observer(Arc::clone(&witness)).build().unwrap();
            let named = |cx: &windrow::TaskContext<'_>| cx.name().map(str::to_owned);
            let handle = pool.task().name("hay").spawn_with(named);
            let (name, report) = handle.join_report();
            assert_eq!(name.unwrap().as_deref(), Some("hay"));
            assert_eq!(report.unwrap().name.as_deref(), Some("hay"));
            assert_eq!(witness.about("hay"), ["accepted", "started 1", "completed"]);
            let (name, report) = pool.task().spawn_with(named).join_report();
            assert_eq!((name.unwrap(), report.unwrap().name), (None, None));
        });
    }
}

#[test]
fn the_level_is_the_own_one_or_the_spawning_tasks_or_the_pools() {
    virtually_with(
        |builder| builder.priority(Priority::Low),
        |pool| {
            let level_in = |handle: JoinHandle<Priority>| {
                let (told, report) = handle.join_report();
                let report = report.unwrap();
                assert_eq!(told.unwrap(), report.priority);
                report.priority
            };
            let plain = pool.task().spawn_with(|cx| cx.priority());
            assert_eq!(level_in(plain), Priority::Low);
            let own = pool.task().priority(Priority::High);
            assert_eq!(level_in(own.spawn_with(|cx| cx.priority())), Priority::High);
            let inside = Arc::clone(pool);
            let parent = pool.task().priority(Priority::High).spawn(move || {
                let heir = inside.task().spawn_with(|cx| cx.priority());
                let own = inside.task().priority(Priority::Normal);
                (heir, own.spawn_with(|cx| cx.priority()))
            });
            let (heir, own) = parent.join().unwrap();
            assert_eq!(level_in(heir), Priority::High);
            assert_eq!(level_in(own), Priority::Normal);
        },
    );
}

#[test]
fn a_higher_level_starts_first_after_delays_too() {
    virtually(1, |pool| {
        let diary = Diary::new(pool);
        let levels = [Priority::Low, Priority::High, Priority::Normal];
        for delay in [S(0), S(5)] {
            for level in levels {
                let diary = diary.clone();
                let task = pool.task().priority(level).delay(delay);
                drop(task.spawn(move || diary.note(level)));
            }
        }
        // The worker is busy when the delayed ones become due.
        pool.sleep(S(4));
        let busy = diary.clone();
        drop(pool.spawn(move || busy.sleep(S(2))));
        pool.wait_idle();
        let expected = [Priority::High, Priority::Normal, Priority::Low];
        assert_eq!(diary.what(), [expected, expected].concat());
        assert_eq!(diary.times()[3..], [S(6); 3]);
    });
}

#[test]
fn an_attachment_is_found_by_its_type_and_shared_between_attempts() {
    struct Account(
        u32,
        #[allow(dead_code, reason = "its drop counts")] crate::support::Entry,
    );
    virtually(1, |pool| {
        let ledger = Ledger::new(1);
        let task = pool.task().attach(Account(7, ledger.entry(0)));
        let mut seen: Vec<Arc<dyn Any + Send + Sync>> = Vec::new();
        let handle = task
            .retry(retry(3, Backoff::fixed(S(1))))
            .spawn_with(move |cx| {
                assert_eq!(cx.attachment::<Account>().unwrap().0, 7);
                assert!(cx.attachment::<u32>().is_none(), "it is of another type");
                seen.push(cx.attachment_arc().unwrap());
                if seen.len() < 3 {
                    return Err(());
                }
                assert!(seen.iter().all(|shared| Arc::ptr_eq(shared, &seen[0])));
                Ok(seen[0].downcast_ref::<Account>().unwrap().0)
            });
        assert_eq!(handle.join().unwrap(), Ok(7));
        pool.wait_idle();
        assert_eq!(ledger.dropped(0), 1);
        let none = pool.task().spawn_with(|cx| {
            (
                cx.attachment::<Account>().is_none(),
                cx.attachment_arc().is_none(),
            )
        });
        assert_eq!(none.join().unwrap(), (true, true));
    });
}

#[test]
fn a_context_tells_the_attempt_the_deadline_and_how_it_prints() {
    virtually(1, |pool| {
        let at = pool.now() + S(60);
        let told = pool.task().name("row").deadline(at).timeout(S(70));
        let told = told.retry(retry(4, Backoff::none())).spawn_with(|cx| {
            let told = (cx.attempt(), cx.deadline(), format!("{cx:?}"), cx.id());
            if cx.attempt() < 4 { Err(()) } else { Ok(told) }
        });
        let (attempt, deadline, printed, id) = told.join().unwrap().unwrap();
        assert_eq!((attempt, deadline), (4, Some(at)));
        assert!(printed.contains("row") && printed.contains(&id.get().to_string()));
        let none = pool.task().spawn_with(|cx| (cx.attempt(), cx.deadline()));
        assert_eq!(none.join().unwrap(), (1, None));
    });
}

#[test]
fn a_token_of_the_context_follows_the_task_and_not_the_other_way() {
    virtually(2, |pool| {
        let above = CancelToken::new();
        let diary = Diary::<()>::new(pool);
        let handle = pool.task().cancel_token(&above).spawn_with(move |cx| {
            let (first, second) = (cx.token(), cx.token());
            first.cancel();
            let before = (second.is_cancelled(), cx.is_cancelled(), cx.check().is_ok());
            diary.sleep(S(2));
            (
                before,
                second.is_cancelled(),
                cx.is_cancelled(),
                cx.check().is_err(),
            )
        });
        pool.sleep(S(1));
        above.cancel();
        let seen = handle.join().unwrap();
        assert_eq!(seen, ((false, false, true), true, true, true));
    });
}

#[test]
fn a_token_of_the_context_is_left_alone_when_the_task_ends() {
    virtually(1, |pool| {
        let above = CancelToken::new();
        let task = pool.task().cancel_token(&above);
        let kept = task.spawn_with(|cx| cx.token()).join().unwrap();
        pool.wait_idle();
        assert!(!kept.is_cancelled() && !above.is_cancelled());
        above.cancel();
        assert!(kept.is_cancelled(), "it is still a descendant");
    });
}

/// A task's name, what it is to come to, and its handle.
type Ended = (&'static str, Outcome, JoinHandle<Result<(), ()>>);

/// Spawns a task that comes to each of the outcomes, two seconds from now at the latest.
fn one_of_each(
    pool: &Arc<ThreadPool>,
    callback: impl Fn(&'static str) -> Box<dyn FnOnce(&Report) + Send>,
) -> Vec<Ended> {
    let task = |name| pool.task().name(name).on_complete(callback(name));
    let token = CancelToken::new();
    let panics = task("panics").spawn(|| panic!("on purpose"));
    let cancelled = task("cancelled").cancel_token(&token).delay(S(1));
    let cancelled = cancelled.spawn(|| Ok(()));
    token.cancel();
    let expires = task("expires").delay(S(2)).timeout(S(1));
    let fails = task("fails").retry(retry(2, Backoff::fixed(S(1))));
    vec![
        (
            "completes",
            Outcome::Completed,
            task("completes").spawn(|| Ok(())),
        ),
        ("panics", Outcome::Panicked, panics),
        ("cancelled", Outcome::Cancelled, cancelled),
        ("expires", Outcome::Expired, expires.spawn(|| Ok(()))),
        ("fails", Outcome::Failed, fails.spawn(|| Err(()))),
    ]
}

#[test]
fn a_callback_runs_once_in_the_pool_after_the_handle_whatever_the_outcome() {
    virtually(2, |pool| {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let handles = Arc::new(Mutex::new(Vec::new()));
        let spawned = one_of_each(pool, |name| {
            let (heard, handles) = (Arc::clone(&heard), Arc::clone(&handles));
            Box::new(move |report: &Report| {
                let handles: &Mutex<Vec<(&str, Outcome, JoinHandle<_>)>> = &handles;
                let handles = handles.lock().unwrap();
                let own = handles.iter().find(|(other, ..)| *other == name).unwrap();
                let known = own.2.is_finished();
                let inside = windrow::current_thread_index().is_some();
                heard
                    .lock()
                    .unwrap()
                    .push((name, report.outcome, known, inside));
            })
        });
        // Before anything has run: this thread has not waited yet.
        handles.lock().unwrap().extend(spawned);
        pool.wait_idle();
        let mut heard = std::mem::take(&mut *heard.lock().unwrap());
        heard.sort_unstable_by_key(|(name, ..)| *name);
        let expected = [
            ("cancelled", Outcome::Cancelled, true, true),
            ("completes", Outcome::Completed, true, true),
            ("expires", Outcome::Expired, true, true),
            ("fails", Outcome::Failed, true, true),
            ("panics", Outcome::Panicked, true, true),
        ];
        assert_eq!(heard, expected);
        // The tasks' callbacks are gone, and with them their share of the handles.
        let handles = Arc::into_inner(handles).unwrap().into_inner().unwrap();
        for (name, outcome, handle) in handles {
            let (_, report) = handle.join_report();
            assert_eq!(report.unwrap().outcome, outcome, "{name}");
        }
    });
}

#[test]
fn a_panic_of_a_callback_goes_to_the_panic_handler_and_nowhere_else() {
    for seed in SEEDS {
        watched(|| {
            let caught = Arc::new(Mutex::new(Vec::new()));
            let handler = Arc::clone(&caught);
            let pool = ThreadPoolBuilder::new()
                .deterministic(seed)
                .panic_handler(move |payload| {
                    handler.lock().unwrap().push(text(&*payload).to_owned());
                })
                .build()
                .unwrap();
            let pool = Arc::new(pool);
            let spawned = one_of_each(&pool, |name| Box::new(move |_| panic!("after {name}")));
            pool.wait_idle();
            for (_, outcome, handle) in spawned {
                let (result, report) = handle.join_report();
                assert_eq!(report.unwrap().outcome, outcome);
                match outcome {
                    Outcome::Completed => assert_eq!(result.unwrap(), Ok(())),
                    Outcome::Failed => assert_eq!(result.unwrap(), Err(())),
                    Outcome::Panicked => {
                        assert_eq!(text(&*result.unwrap_err().into_panic()), "on purpose");
                    }
                    Outcome::Cancelled => assert!(result.unwrap_err().is_cancelled()),
                    _ => assert!(result.unwrap_err().is_expired()),
                }
            }
            let mut caught = std::mem::take(&mut *caught.lock().unwrap());
            caught.sort_unstable();
            let names = ["cancelled", "completes", "expires", "fails", "panics"];
            assert_eq!(caught, names.map(|name| format!("after {name}")));
            assert_eq!(pool.spawn(|| "goes on").join().unwrap(), "goes on");
        });
    }
}

#[test]
fn a_callback_of_a_task_that_was_never_accepted_is_dropped_uncalled() {
    virtually(1, |pool| {
        let (ledger, called) = (Ledger::new(3), Arc::new(AtomicUsize::new(0)));
        let task = |index| {
            let (entry, called) = (ledger.entry(index), Arc::clone(&called));
            pool.task().on_complete(move |_| {
                let _entry = &entry;
                called.fetch_add(1, Ordering::SeqCst);
            })
        };
        drop(task(0));
        let late = task(1);
        pool.shutdown();
        assert!(late.spawn(|| ()).join().unwrap_err().is_refused());
        let refused = task(2).try_spawn(|| 5).unwrap_err();
        assert_eq!((refused.task)(), 5);
        assert_eq!([0, 1, 2].map(|index| ledger.dropped(index)), [1; 3]);
        assert_eq!(called.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn an_attachment_that_panics_in_drop_is_reported() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("attachment");
        }
    }
    watched(|| {
        for size in SIZES {
            let (pool, reports) = pool_that_reports(size);
            drop(pool.task().attach(Bomb).spawn(|| ()));
            assert_eq!(reports.recv().unwrap(), "attachment");
            let handle = pool.task().attach(Bomb).spawn(|| 1);
            assert_eq!(handle.join().unwrap(), 1);
            assert_eq!(reports.recv().unwrap(), "attachment");
            pool.wait_idle();
            assert_eq!(
                pool.broadcast(|index| index).len(),
                size,
                "all workers are there"
            );
        }
    });
}

#[test]
fn a_builder_may_outlive_its_pool() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let (plain, again) = (pool.task(), pool.task().retry(retry(2, Backoff::none())));
            drop(pool);
            // Each is the last that knows of the pool.
            assert!(plain.spawn(|| ()).join().unwrap_err().is_refused());
            let refused = again.spawn(|| Ok::<(), ()>(())).join();
            assert!(refused.unwrap_err().is_refused());
        }
    });
}
