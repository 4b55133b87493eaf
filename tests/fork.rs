//! Contract line 10: a child process after `fork` has none of the pool's threads (rayon#708). Whatever it does with the
//! pool ends: with a result that needs no worker, with an error, or with a panic that says so. It never hangs.
#![cfg(target_os = "linux")]

#[path = "it/watchdog.rs"]
mod watchdog;

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::mpsc::channel;

use windrow::{TaskGroup, ThreadPool};

use watchdog::watched;

mod system {
    //! The part of libc that makes processes.

    unsafe extern "C" {
        pub(crate) fn fork() -> i32;
        pub(crate) safe fn waitpid(process: i32, status: &mut i32, options: i32) -> i32;
        pub(crate) safe fn alarm(seconds: u32) -> u32;
        pub(crate) safe fn _exit(code: i32) -> !;
    }
}

/// How a child process ended.
#[derive(Debug, PartialEq)]
enum End {
    /// The closure returned.
    Returned,
    /// It panicked, and the message speaks of the fork.
    SaidSo,
    /// It panicked with another message.
    Panicked,
    /// It was ended by this signal; 14 is the alarm, which means that it hung.
    Signal(i32),
    Unknown(i32),
}

const RETURNED: i32 = 10;
const SAID_SO: i32 = 11;
const PANICKED: i32 = 12;

/// Runs `act` in a child process.
fn in_a_child(act: impl FnOnce()) -> End {
    // SAFETY: the child only runs `act` and exits; it shares no memory with the parent, the locks of the allocator are in
    // order in it as glibc sees to that, and no other thread of this process holds a lock of std now.
    let child = unsafe { system::fork() };
    assert!(child >= 0, "fork failed");
    if child == 0 {
        system::alarm(20);
        set_hook(Box::new(|_| {}));
        let code = match catch_unwind(AssertUnwindSafe(act)) {
            Ok(()) => RETURNED,
            Err(payload) => {
                let text = (payload.downcast_ref::<String>().map(String::as_str))
                    .or_else(|| payload.downcast_ref::<&str>().copied());
                if text.is_some_and(|text| text.contains("fork")) {
                    SAID_SO
                } else {
                    PANICKED
                }
            }
        };
        system::_exit(code);
    }
    let mut status = 0;
    assert_eq!(system::waitpid(child, &mut status, 0), child);
    match (status & 0x7f, status >> 8) {
        (0, RETURNED) => End::Returned,
        (0, SAID_SO) => End::SaidSo,
        (0, PANICKED) => End::Panicked,
        (0, code) => End::Unknown(code),
        (signal, _) => End::Signal(signal),
    }
}

fn pool(num_threads: usize) -> ThreadPool {
    ThreadPool::new(num_threads).unwrap()
}

fn fib(n: u32) -> u32 {
    if n < 2 {
        return n;
    }
    let (a, b) = windrow::join(|| fib(n - 1), || fib(n - 2));
    a + b
}

/// One test, so that no other thread of the process is in the middle of something when it forks.
#[test]
fn a_child_process_never_hangs_on_its_parents_pool() {
    watched(|| {
        for size in [1, 2, 8] {
            what_needs_a_worker_says_why_it_cannot_be_had(&pool(size));
            a_task_that_was_running_is_not_waited_for(&pool(size));
            a_group_that_is_at_work_is_not_waited_for(&pool(size));
            what_the_caller_can_do_itself_ends(&pool(size));
            a_pool_can_be_dropped(size);
            a_child_of_a_worker_ends(&pool(size));
            a_new_pool_works(&pool(size));
        }
        the_global_pool_ends_too();
    });
}

fn what_needs_a_worker_says_why_it_cannot_be_had(pool: &ThreadPool) {
    assert_eq!(in_a_child(|| pool.install(|| ())), End::SaidSo, "install");
    assert_eq!(
        in_a_child(|| drop(pool.broadcast(|_| ()))),
        End::SaidSo,
        "broadcast"
    );
    assert_eq!(
        pool.broadcast(|_| 1).len(),
        pool.current_num_threads(),
        "the parent's pool"
    );
}

fn a_task_that_was_running_is_not_waited_for(pool: &ThreadPool) {
    let (started, start) = channel();
    let (hold, held) = channel::<()>();
    let handle = pool.spawn(move || {
        started.send(()).unwrap();
        let _ = held.recv();
    });
    start.recv().unwrap();
    let handle = std::cell::Cell::new(Some(handle));
    let end = in_a_child(|| match handle.take().unwrap().join() {
        Ok(()) => panic!("it cannot have finished"),
        Err(error) => panic!("fork: {error}"),
    });
    assert_eq!(end, End::SaidSo, "join of a running task");
    assert_eq!(in_a_child(|| pool.wait_idle()), End::SaidSo, "wait_idle");
    drop(hold);
    handle.take().unwrap().join().unwrap();
}

fn a_group_that_is_at_work_is_not_waited_for(pool: &ThreadPool) {
    type Act = (&'static str, fn(TaskGroup<()>));
    let acts: [Act; 4] = [
        ("wait", |group| drop(group.wait())),
        ("wait_all", |group| drop(group.wait_all())),
        ("join_next", |mut group| drop(group.join_next())),
        ("drop", drop),
    ];
    for (name, act) in acts {
        let (started, start) = channel();
        let (hold, held) = channel::<()>();
        let group = pool.group();
        group.spawn(move || {
            started.send(()).unwrap();
            let _ = held.recv();
            Ok(())
        });
        start.recv().unwrap();
        let group = std::cell::Cell::new(Some(group));
        let end = in_a_child(|| act(group.take().unwrap()));
        assert_eq!(end, End::SaidSo, "{name} of a group that is at work");
        drop(hold);
        group.take().unwrap().wait().unwrap();
    }
    let idle = std::cell::Cell::new(Some(pool.group::<(), ()>()));
    let end = in_a_child(|| drop(idle.take().unwrap().wait()));
    assert_eq!(end, End::Returned, "wait of an empty group");
    let spawned = in_a_child(|| TaskGroup::spawn(&pool.group::<(), ()>(), || Ok(())));
    assert_eq!(spawned, End::SaidSo, "spawn in a group");
    assert_eq!(
        in_a_child(|| pool.for_each(0..10, |_| ())),
        End::SaidSo,
        "a loop"
    );
}

fn what_the_caller_can_do_itself_ends(pool: &ThreadPool) {
    let acts: [(&str, &dyn Fn()); 5] = [
        ("join", &|| {
            assert_eq!(pool.join(|| fib(10), || fib(9)), (55, 34))
        }),
        ("scope", &|| {
            let sum = pool.scope(|s| {
                let (a, b) = (s.spawn(|| fib(10)), s.spawn(|| fib(9)));
                a.join().unwrap() + b.join().unwrap()
            });
            assert_eq!(sum, 89);
        }),
        ("detached scope tasks", &|| {
            pool.scope(|s| (0..100).for_each(|_| drop(s.spawn(|| fib(5)))))
        }),
        ("spawn and join", &|| {
            assert_eq!(pool.spawn(|| fib(10)).join().unwrap(), 55)
        }),
        ("spawn and detach", &|| drop(pool.spawn(|| ()))),
    ];
    for (name, act) in acts {
        let end = in_a_child(act);
        assert!(
            [End::Returned, End::SaidSo].contains(&end),
            "{name}: {end:?}"
        );
    }
    assert_eq!(
        pool.join(|| fib(10), || fib(9)),
        (55, 34),
        "the parent's pool"
    );
}

fn a_pool_can_be_dropped(size: usize) {
    let (idle, busy) = (pool(size), pool(size));
    idle.install(|| ());
    let (started, start) = channel();
    let (hold, held) = channel::<()>();
    drop(busy.spawn(move || {
        started.send(()).unwrap();
        let _ = held.recv();
    }));
    start.recv().unwrap();
    let pools = std::cell::Cell::new(Some((idle, busy)));
    let end = in_a_child(|| drop(pools.take()));
    assert!([End::Returned, End::SaidSo].contains(&end), "drop: {end:?}");
    drop(hold);
}

/// The thread that goes on in the child was a worker.
fn a_child_of_a_worker_ends(pool: &ThreadPool) {
    pool.install(|| {
        for (name, act) in [
            ("join", (|| assert_eq!(fib(10), 55)) as fn()),
            ("scope", || {
                windrow::scope(|s| (0..100).for_each(|_| drop(s.spawn(|| fib(5)))))
            }),
            ("spawn", || {
                assert_eq!(windrow::spawn(|| fib(10)).join().unwrap(), 55)
            }),
        ] {
            let end = in_a_child(act);
            assert!(
                [End::Returned, End::SaidSo].contains(&end),
                "{name} on a worker: {end:?}"
            );
        }
    });
}

fn a_new_pool_works(old: &ThreadPool) {
    let size = old.current_num_threads();
    let end = in_a_child(|| {
        let new = pool(size);
        assert_eq!(new.install(|| fib(10)), 55);
        assert_eq!(new.broadcast(|_| ()).len(), size);
        drop(new);
    });
    assert_eq!(end, End::Returned, "a pool that was built in the child");
}

fn the_global_pool_ends_too() {
    assert_eq!(fib(10), 55);
    let end = in_a_child(|| assert_eq!(fib(10), 55));
    assert!([End::Returned, End::SaidSo].contains(&end), "join: {end:?}");
    assert_eq!(
        in_a_child(|| ThreadPool::global().install(|| ())),
        End::SaidSo,
        "install"
    );
}
