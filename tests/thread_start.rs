//! The k-th thread of a pool cannot be started (rayon#205): a typed error, and those that were started are joined. The same
//! for what starts threads later: `resize`, spares, the timer.
#![cfg(target_os = "linux")]

#[path = "it/alone.rs"]
mod alone;
#[path = "it/watchdog.rs"]
mod watchdog;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use windrow::{
    AutoscaleError, Autoscaler, BuildError, Refused, RefusedReason, ResizeError, Retry, ThreadPool,
    ThreadPoolBuilder, blocking,
};

use alone::alone;
use watchdog::watched;

const MIB: u64 = 1 << 20;

/// Where memory is short, threads must not reserve any besides their stacks, and a failure has to be told without reading
/// the debug information.
const FRUGAL: [(&str, &str); 2] = [("MALLOC_ARENA_MAX", "1"), ("RUST_BACKTRACE", "0")];

mod system {
    //! The part of libc that limits the address space of this process.

    #[repr(C)]
    pub(crate) struct Limit {
        pub(crate) current: u64,
        pub(crate) maximum: u64,
    }

    pub(crate) const RLIMIT_AS: i32 = 9;

    unsafe extern "C" {
        pub(crate) safe fn setrlimit(resource: i32, limit: &Limit) -> i32;
    }
}

/// Lets the address space of this process grow by no more than `bytes`.
fn leave_address_space(bytes: u64) {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let size = status
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:"))
        .unwrap();
    let kib: u64 = size.trim().trim_end_matches(" kB").parse().unwrap();
    let limit = 1024 * kib + bytes;
    let done = system::setrlimit(
        system::RLIMIT_AS,
        &system::Limit {
            current: limit,
            maximum: limit,
        },
    );
    assert_eq!(done, 0, "the limit was refused");
}

fn add_one(count: &AtomicUsize) {
    count.fetch_add(1, Ordering::SeqCst);
}

/// A builder whose threads count their starts and their exits.
fn counting(num_threads: usize) -> (ThreadPoolBuilder, Arc<[AtomicUsize; 2]>) {
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let (start, exit) = (counts.clone(), counts.clone());
    let builder = ThreadPool::builder()
        .num_threads(num_threads)
        .start_handler(move |_| add_one(&start[0]))
        .exit_handler(move |_| add_one(&exit[1]));
    (builder, counts)
}

/// The index of the thread that did not start, and how many started and exited.
fn fail(builder: ThreadPoolBuilder, counts: &[AtomicUsize; 2]) -> (usize, usize, usize) {
    let error = builder.build().expect_err("a thread cannot be started");
    let source = std::error::Error::source(&error)
        .expect("the system said why")
        .to_string();
    assert!(
        error.to_string().contains("thread") && !source.is_empty(),
        "{error}: {source}"
    );
    let BuildError::ThreadStart { index, source: _ } = error else {
        panic!("another error: {error:?}");
    };
    let [started, exited] = [0, 1].map(|which| counts[which].load(Ordering::SeqCst));
    (index, started, exited)
}

#[test]
fn a_first_thread_that_cannot_start_is_a_typed_error() {
    watched(|| {
        for size in [1, 2, 8] {
            let (builder, counts) = counting(size);
            assert_eq!(fail(builder.stack_size(1 << 46), &counts), (0, 0, 0));
        }
    });
}

#[test]
fn threads_that_were_started_before_the_one_that_failed_are_joined() {
    alone("little memory", &FRUGAL, || {
        watched(|| {
            leave_address_space(512 * MIB);
            for _ in 0..5 {
                let before = threads();
                let (builder, counts) = counting(1_000);
                let (index, started, exited) = fail(builder.stack_size(32 << 20), &counts);
                assert!((1..32).contains(&index), "thread {index} failed");
                assert_eq!(started, exited, "threads that started and exited");
                assert!(started <= index, "{started} threads of {index}");
                settle_at(before);
            }
            // What was taken was given back: there is room again.
            let (builder, counts) = counting(4);
            let pool = builder.stack_size(32 << 20).build().unwrap();
            assert_eq!(pool.broadcast(|worker| worker), [0, 1, 2, 3]);
            drop(pool);
            assert_eq!(
                [0, 1].map(|which| counts[which].load(Ordering::SeqCst)),
                [4, 4]
            );
        });
    });
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

/// The system takes a thread off its list a little after it was joined.
fn settle_at(expected: usize) {
    let settled = (0..100_000).any(|_| {
        thread::yield_now();
        threads() == expected
    });
    assert!(settled, "{} threads instead of {expected}", threads());
}

/// A pool that could be built has to work without the spare threads that it cannot get any more.
#[test]
fn a_spare_thread_that_cannot_start_is_done_without() {
    alone("no room for spares", &FRUGAL, || {
        watched(|| {
            let build = || {
                ThreadPool::builder()
                    .num_threads(1)
                    .stack_size(64 << 20)
                    .spare_threads(64)
                    .build()
            };
            let [pool, elsewhere] = [(); 2].map(|()| Arc::new(build().unwrap()));
            // Every worker has all that it needs from now on.
            pool.broadcast(|_| ());
            elsewhere.broadcast(|_| ());
            leave_address_space(32 * MIB);

            let ran = Arc::new(AtomicUsize::new(0));
            for _ in 0..20 {
                let (elsewhere, ran) = (elsewhere.clone(), ran.clone());
                let waiter = pool.spawn(move || {
                    // Something for a spare to do while this task waits.
                    for _ in 0..5 {
                        let ran = ran.clone();
                        drop(windrow::spawn(move || add_one(&ran)));
                    }
                    elsewhere.install(|| (0..1_000).for_each(|_| thread::yield_now()));
                });
                while !waiter.is_finished() {
                    thread::yield_now();
                }
                waiter.join().unwrap();
            }
            drop(pool);
            assert_eq!(ran.load(Ordering::SeqCst), 100);
        });
    });
}

#[test]
fn a_pool_that_cannot_grow_keeps_its_size_and_works() {
    alone("no room to grow", &FRUGAL, || {
        watched(|| {
            let (builder, counts) = counting(2);
            let pool = builder
                .stack_size(32 << 20)
                .spare_threads(0)
                .build()
                .unwrap();
            assert_eq!(pool.broadcast(|worker| worker), [0, 1]);
            // Two more are started, and not many more.
            leave_address_space(100 * MIB);
            for least in [3, 2, 2] {
                let error = pool.resize(1_000).unwrap_err();
                let ResizeError::ThreadStart { index, source } = error else {
                    panic!("another error: {error}");
                };
                assert!((least..6).contains(&index), "thread {index}: {source}");
                assert_eq!(pool.current_num_threads(), 2);
                // Those that did start leave.
                while pool.stats().threads != 2 {
                    thread::yield_now();
                }
                assert_eq!(pool.broadcast(|worker| worker), [0, 1]);
                assert_eq!(pool.spawn(|| 7).join().unwrap(), 7);
                // What they took is given back, when the system is through with them: there is room again.
                while pool.resize(3).is_err() {
                    thread::yield_now();
                }
                assert_eq!(pool.broadcast(|worker| worker), [0, 1, 2]);
                pool.resize(2).unwrap();
            }
            drop(pool);
            let [started, exited] = [0, 1].map(|which| counts[which].load(Ordering::SeqCst));
            assert!(started >= 5 && started == exited, "{started} and {exited}");
        });
    });
}

/// A naming function that panics from the time on that is asked of it.
fn naming(panics: &Arc<AtomicBool>) -> impl FnMut(usize) -> String + Send + 'static {
    let panics = Arc::clone(panics);
    move |index| {
        if panics.load(Ordering::SeqCst) && index >= 2 {
            resume_unwind(Box::new(format!("no name for {index}")));
        }
        format!("hand {index}")
    }
}

fn panic_text(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    *payload.downcast::<String>().expect("a text")
}

#[test]
fn a_panic_of_the_naming_function_comes_out_of_build_and_resize() {
    watched(|| {
        let panics = Arc::new(AtomicBool::new(true));
        let (builder, counts) = counting(5);
        let text = panic_text(|| drop(builder.thread_name(naming(&panics)).build()));
        assert_eq!(text, "no name for 2");
        let [started, exited] = [0, 1].map(|which| counts[which].load(Ordering::SeqCst));
        assert!(started == exited && started <= 2, "{started} and {exited}");

        let (builder, _) = counting(2);
        let pool = builder
            .spare_threads(0)
            .thread_name(naming(&panics))
            .build()
            .unwrap();
        assert_eq!(panic_text(|| pool.resize(4).unwrap()), "no name for 2");
        assert_eq!(pool.current_num_threads(), 2);
        assert_eq!(pool.broadcast(|worker| worker), [0, 1]);
        // The next time it has a name for each.
        panics.store(false, Ordering::SeqCst);
        pool.resize(4).unwrap();
        let names = pool.broadcast(|_| thread::current().name().map(str::to_owned));
        let expected = [0, 1, 2, 3].map(|worker| Some(format!("hand {worker}")));
        assert_eq!(names, expected);
    });
}

#[test]
fn a_panic_of_the_naming_function_for_a_spare_is_reported_and_done_without() {
    watched(|| {
        let panics = Arc::new(AtomicBool::new(true));
        let (report, reports) = channel();
        let pool = ThreadPool::builder()
            .num_threads(2)
            .spare_threads(1)
            .thread_name(naming(&panics))
            .panic_handler(move |payload| drop(report.send(payload.downcast::<String>().unwrap())))
            .build()
            .unwrap();
        // A worker that blocks asks for a spare to stand in; the task that it waits for is run by the other worker.
        let (said, say) = channel();
        let blocked = pool.spawn(move || blocking(|| say.recv().unwrap()));
        // There is work while it blocks, until the report is there.
        let told = loop {
            drop(pool.spawn(|| ()));
            if let Ok(told) = reports.try_recv() {
                break told;
            }
            thread::yield_now();
        };
        assert_eq!(*told, "no name for 2");
        said.send(3).unwrap();
        assert_eq!(blocked.join().unwrap(), 3);
        assert_eq!(pool.broadcast(|worker| worker), [0, 1]);
    });
}

/// The index of a spare becomes one of the pool's own while it is being started, which fails.
#[test]
fn a_pool_does_not_grow_by_a_spare_that_cannot_start() {
    watched(|| {
        let (told, tell) = channel();
        let grown = Arc::new(AtomicBool::new(false));
        let mut spare = Some((told, Arc::clone(&grown)));
        let pool = ThreadPool::builder()
            .num_threads(2)
            .spare_threads(1)
            .thread_name(move |index| {
                if let Some((told, grown)) = spare.take_if(|_| index == 2) {
                    told.send(()).unwrap();
                    // Time to grow, for a pool that does not wait for this one.
                    for _ in 0..10_000 {
                        if grown.load(Ordering::SeqCst) {
                            break;
                        }
                        thread::yield_now();
                    }
                    resume_unwind(Box::new("no name"));
                }
                format!("hand {index}")
            })
            .panic_handler(drop)
            .build()
            .unwrap();
        let (said, say) = channel::<()>();
        thread::scope(|s| {
            let blocked = pool.spawn(move || blocking(|| say.recv().unwrap()));
            // There is work while it blocks, until a spare is asked for.
            s.spawn(|| {
                let tell = tell;
                while tell.try_recv().is_err() {
                    drop(pool.spawn(|| ()));
                    thread::yield_now();
                }
                pool.resize(3).unwrap();
                grown.store(true, Ordering::SeqCst);
            })
            .join()
            .unwrap();
            said.send(()).unwrap();
            blocked.join().unwrap();
        });
        assert_eq!(pool.broadcast(|worker| worker), [0, 1, 2]);
    });
}

#[test]
fn an_autoscaler_that_cannot_grow_leaves_the_pool_as_it_is_and_tries_again() {
    watched(|| {
        let panics = Arc::new(AtomicBool::new(true));
        let (report, reports) = channel();
        let pool = ThreadPool::builder()
            .num_threads(2)
            .spare_threads(0)
            .thread_name(naming(&panics))
            .panic_handler(move |payload| drop(report.send(payload.downcast::<String>().unwrap())))
            .build()
            .unwrap();
        let scaler = Autoscaler::new(1..=3)
            .unwrap()
            .interval(Duration::from_millis(1));
        let _scaler = scaler.rule(|_| 3).start(&pool).unwrap();
        // It has failed, and fails again.
        for _ in 0..2 {
            assert_eq!(*reports.recv().unwrap(), "no name for 2");
            assert_eq!(pool.current_num_threads(), 2);
        }
        panics.store(false, Ordering::SeqCst);
        while pool.current_num_threads() != 3 {
            thread::yield_now();
        }
        assert_eq!(pool.broadcast(|worker| worker), [0, 1, 2]);
    });
}

/// How many threads of this process have this name.
fn threads_called(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // One that has just ended has no name any more.
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|found| found.trim_end() == name).count()
}

/// Nobody waits for the threads of a pool whose last owner is one of its tasks; handles of tasks keep its memory.
#[test]
fn the_timer_ends_with_a_pool_that_was_dropped_inside() {
    alone("dropped inside, with a timer", &[], || {
        watched(|| {
            let pool = Arc::new(ThreadPool::new(2).unwrap());
            let delayed = pool.spawn_after(Duration::from_millis(1), || 3);
            // It takes its name itself.
            while threads_called("windrow-timer") == 0 {
                thread::yield_now();
            }
            let (given, take) = channel::<Arc<ThreadPool>>();
            let owner = pool.spawn(move || drop(take.recv().unwrap()));
            given.send(pool).unwrap();
            owner.join().unwrap();
            while threads_called("windrow-timer") > 0 {
                thread::yield_now();
            }
            assert_eq!(delayed.join().unwrap(), 3);
        });
    });
}

/// The timer has a thread of its own, which is started when it is first needed.
#[test]
fn what_needs_a_timer_that_cannot_start_is_refused() {
    fn no_timer<F>(refused: Refused<F>) -> F {
        assert!(
            matches!(refused.reason, RefusedReason::Timer(_)),
            "{refused:?}"
        );
        refused.task
    }
    alone("no room for a timer", &FRUGAL, || {
        watched(|| {
            let builder = ThreadPool::builder().num_threads(1).spare_threads(0);
            let pool = builder.stack_size(1 << 18).build().unwrap();
            pool.broadcast(|_| ());
            let hour = Duration::from_secs(3600);
            // Less than the stack that the thread of the timer needs.
            leave_address_space(MIB);

            let text = "the task was refused: the thread of the pool's timer could not be started";
            let said = pool.spawn_after(hour, || ()).join().unwrap_err();
            assert!(said.is_refused() && said.to_string() == text, "{said}");
            let delayed = pool.task().delay(hour).try_spawn(|| 3);
            assert_eq!(no_timer(delayed.unwrap_err())(), 3);
            let ticks = String::from("ticks");
            let every = pool.try_spawn_every(hour, move || drop(ticks.clone()));
            drop(no_timer(every.unwrap_err()));
            assert!(
                pool.spawn_every(hour, || ())
                    .join()
                    .unwrap_err()
                    .is_refused()
            );
            let retried = Retry::attempts(2).unwrap();
            let retried = pool.task().retry(retried).try_spawn(|| Ok::<_, ()>(4));
            assert_eq!(no_timer(retried.unwrap_err())(), Ok(4));
            let group = pool.group::<(), std::io::Error>();
            group.task().delay(hour).spawn(|| Ok(()));
            let error = group.wait().unwrap_err();
            assert!(error.is_refused() && error.to_string() == text, "{error}");
            pool.scope(|s| {
                let said = s.task().delay(hour).spawn(|| ()).join().unwrap_err();
                assert!(said.is_refused() && said.to_string() == text, "{said}");
            });
            let scaler = Autoscaler::new(1..=2).unwrap().start(&pool).unwrap_err();
            assert!(matches!(scaler, AutoscaleError::Timer(_)), "{scaler}");
            // What needs no timer runs, and may be cancelled while it does, although nobody will be told if it is stuck.
            let (here, arrived) = channel();
            let running = pool.task().spawn_with(move |cx| {
                here.send(()).unwrap();
                while !cx.is_cancelled() {
                    thread::yield_now();
                }
                5
            });
            arrived.recv().unwrap();
            running.cancel();
            assert_eq!(running.join().unwrap(), 5);
            assert_eq!(pool.spawn(|| 6).join().unwrap(), 6);
        });
    });
}
