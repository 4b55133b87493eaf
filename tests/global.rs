//! Contract line 10: no hidden global. The global pool is built at the first use of a free function, once, and never
//! otherwise. Each case has a process of its own.

#[path = "it/alone.rs"]
mod alone;
#[path = "it/watchdog.rs"]
mod watchdog;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;

use windrow::{BuildError, ThreadPool, ThreadPoolBuilder};

use alone::alone;
use watchdog::watched;

const VARIABLE: &str = "WINDROW_NUM_THREADS";
const BAD_VALUES: [&str; 6] = [
    "many",
    "0",
    "-1",
    "1.5",
    "4 cores",
    "99999999999999999999999",
];

fn builder(num_threads: usize) -> ThreadPoolBuilder {
    ThreadPool::builder().num_threads(num_threads)
}

/// Each use of a free function that has to have a pool.
const USES: [(&str, fn()); 6] = [
    ("join", || assert_eq!(windrow::join(|| 1, || 2), (1, 2))),
    ("scope", || windrow::scope(|s| drop(s.spawn(|| ())))),
    ("spawn", || drop(windrow::spawn(|| ()).join())),
    ("spawn_with_priority", || {
        drop(windrow::spawn_with_priority(windrow::Priority::Low, || ()).join())
    }),
    ("current_num_threads", || {
        assert!(windrow::current_num_threads() > 0);
    }),
    ("global", || ThreadPool::global().install(|| ())),
];

fn assert_not_built() {
    builder(1).build_global().expect("it was not built before");
}

fn assert_built() {
    let error = builder(1).build_global().expect_err("it was built before");
    assert!(matches!(error, BuildError::GlobalAlreadyBuilt), "{error:?}");
}

#[test]
fn it_is_built_at_the_first_use_of_a_free_function() {
    for (name, use_it) in USES {
        alone(name, &[], || {
            watched(|| {
                use_it();
                assert_built();
            });
        });
    }
}

#[test]
fn it_is_never_built_by_the_use_of_other_pools() {
    // The value would make it fail, were it built.
    alone("explicit pools", &[(VARIABLE, "bad")], || {
        watched(|| {
            let pool = builder(2).build().unwrap();
            let use_all = || {
                for (name, use_it) in USES {
                    if name != "global" {
                        use_it();
                    }
                }
            };
            pool.install(use_all);
            pool.scope(|s| {
                use_all();
                s.spawn(use_all);
            });
            pool.join(use_all, use_all);
            pool.broadcast(|_| use_all());
            pool.spawn(use_all).join().unwrap();
            drop(pool);
            assert_eq!(windrow::current_thread_index(), None);
            assert!(!windrow::yield_now());
            assert_not_built();
        });
    });
}

#[test]
fn it_is_built_once_by_many_threads_at_once() {
    alone("many", &[(VARIABLE, "3")], || {
        watched(|| {
            let before = windrow_threads();
            let start = Barrier::new(8);
            let pools: Vec<usize> = thread::scope(|threads| {
                let callers: Vec<_> = (0..8)
                    .map(|caller: usize| {
                        let start = &start;
                        threads.spawn(move || {
                            start.wait();
                            USES[caller % USES.len()].1();
                            std::ptr::from_ref(ThreadPool::global()).addr()
                        })
                    })
                    .collect();
                callers
                    .into_iter()
                    .map(|caller| caller.join().unwrap())
                    .collect()
            });
            assert!(pools.iter().all(|&pool| pool == pools[0]), "{pools:?}");
            // A stand-in for a parked worker may have come and not be gone yet; a second pool would be three more.
            ThreadPool::global().broadcast(|_| ());
            if let (Some(before), Some(after)) = (before, windrow_threads()) {
                assert_eq!((before, after), (0, 1), "threads named windrow-0");
            }
        });
    });
}

/// How many threads have the name of a first worker, where the system tells.
fn windrow_threads() -> Option<usize> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let names =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    Some(names.filter(|name| name.trim() == "windrow-0").count())
}

#[test]
fn its_size_comes_from_the_environment() {
    for (value, size) in [("1", 1), ("3", 3), ("17", 17)] {
        alone(value, &[(VARIABLE, value)], || {
            watched(|| {
                assert_eq!(windrow::current_num_threads(), size);
                assert_eq!(ThreadPool::global().broadcast(|_| ()).len(), size);
            });
        });
    }
}

#[test]
fn its_size_comes_from_the_environment_when_it_is_built_early_too() {
    alone("early", &[(VARIABLE, "3")], || {
        watched(|| {
            ThreadPool::builder().build_global().unwrap();
            assert_eq!(windrow::current_num_threads(), 3);
        });
    });
}

#[test]
fn its_size_without_the_variable_is_the_number_of_cores() {
    alone("unset", &[], || {
        watched(|| {
            let cores = thread::available_parallelism().unwrap().get();
            assert_eq!(windrow::current_num_threads(), cores);
        });
    });
}

#[test]
fn the_variable_is_for_the_global_pool_only() {
    alone("other pools", &[(VARIABLE, "3")], || {
        watched(|| {
            let cores = thread::available_parallelism().unwrap().get();
            assert_eq!(
                ThreadPool::builder().build().unwrap().current_num_threads(),
                cores
            );
            assert_eq!(builder(5).build().unwrap().current_num_threads(), 5);
        });
    });
}

#[test]
fn a_bad_value_is_a_panic_that_names_the_variable() {
    for value in BAD_VALUES {
        alone(value, &[(VARIABLE, value)], || {
            watched(|| {
                for (name, use_it) in USES {
                    let payload = catch_unwind(use_it).expect_err("the value is bad");
                    let text = payload
                        .downcast_ref::<String>()
                        .map_or("(not a text)", String::as_str);
                    assert!(
                        text.contains(VARIABLE) && text.contains(value),
                        "{name}: {text}"
                    );
                }
            });
        });
    }
}

#[test]
fn a_bad_value_is_an_error_of_build_global_that_names_the_variable() {
    for value in BAD_VALUES {
        alone(value, &[(VARIABLE, value)], || {
            watched(|| {
                let error = ThreadPool::builder()
                    .build_global()
                    .expect_err("the value is bad");
                assert!(format!("{error:?}").starts_with("Env"), "{error:?}");
                let text = error.to_string();
                assert!(text.contains(VARIABLE) && text.contains(value), "{text}");
            });
        });
    }
}

#[test]
fn the_builder_overrules_the_variable() {
    alone("good", &[(VARIABLE, "3")], || {
        watched(|| {
            builder(2).build_global().unwrap();
            assert_eq!(windrow::current_num_threads(), 2);
        });
    });
}

#[test]
fn build_global_sets_up_the_pool_of_the_free_functions() {
    alone("built", &[], || {
        watched(|| {
            builder(2)
                .thread_name(|worker| format!("own-{worker}"))
                .build_global()
                .unwrap();
            let names =
                ThreadPool::global().broadcast(|_| thread::current().name().map(str::to_owned));
            assert_eq!(names, [Some("own-0".to_owned()), Some("own-1".to_owned())]);
            assert_eq!(
                windrow::spawn(windrow::current_num_threads).join().unwrap(),
                2
            );
        });
    });
}

#[test]
fn build_global_after_build_global_is_an_error() {
    alone("twice", &[], || {
        watched(|| {
            builder(2).build_global().unwrap();
            assert_built();
            assert_eq!(windrow::current_num_threads(), 2);
        });
    });
}

#[test]
fn a_build_global_that_fails_leaves_the_place_free() {
    alone("no threads", &[], || {
        watched(|| {
            let error = builder(0).build_global().expect_err("a pool needs threads");
            assert!(matches!(error, BuildError::ZeroThreads), "{error:?}");
            let error = builder(1)
                .stack_size(1 << 46)
                .build_global()
                .expect_err("no thread can start");
            assert!(matches!(error, BuildError::ThreadStart { .. }), "{error:?}");
            assert_not_built();
            assert_eq!(windrow::current_num_threads(), 1);
        });
    });
}

#[test]
fn a_process_may_end_while_the_global_pool_is_busy() {
    alone("busy", &[(VARIABLE, "2")], || {
        let (started, starts) = std::sync::mpsc::channel();
        for _ in 0..2 {
            let started = started.clone();
            drop(windrow::spawn(move || {
                started.send(()).unwrap();
                loop {
                    thread::park();
                }
            }));
        }
        watched(|| (0..2).for_each(|_| starts.recv().unwrap()));
    });
}

#[test]
fn a_panic_of_a_detached_task_of_the_global_pool_leaves_it_working() {
    alone("panics", &[(VARIABLE, "2")], || {
        watched(|| {
            for _ in 0..10 {
                drop(windrow::spawn(|| panic!("a message on stderr")));
            }
            let payload = catch_unwind(AssertUnwindSafe(|| windrow::join(|| (), || panic!("b"))));
            assert!(payload.is_err());
            assert_eq!(ThreadPool::global().broadcast(|worker| worker), [0, 1]);
        });
    });
}
