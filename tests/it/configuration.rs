//! Settings from a `Config`, from the environment and from the builder, in rising precedence. The environment is that of
//! a process of its own.

use std::time::Duration;

use windrow::{BuildError, Config, Priority, QueueFull, ThreadPool, ThreadPoolBuilder};

use crate::alone::alone;
use crate::support::{pool, yield_until};
use crate::watchdog::watched;

/// Every field filled, each other than its default.
fn filled() -> Config {
    Config {
        num_threads: Some(3),
        spare_threads: Some(1),
        stack_size: Some(4 << 20),
        thread_name: Some("base".into()),
        priority: Some(Priority::Low),
        queue_capacity: Some(5),
        queue_full: Some(QueueFull::Refuse),
        grace_period: Some(Duration::from_secs(9)),
    }
}

/// What can be seen of the settings of `pool`: size, name, level, capacity and policy.
fn seen(pool: &ThreadPool) -> (usize, String, Priority, usize) {
    let name = pool.install(|| std::thread::current().name().unwrap().to_owned());
    let (prefix, _) = name.rsplit_once('-').unwrap();
    let level = pool.task().spawn_with(|cx| cx.priority()).join().unwrap();
    pool.wait_idle();
    pool.pause();
    let room = (0..20)
        .take_while(|_| pool.try_spawn(|| ()).is_ok())
        .count();
    pool.resume();
    (pool.current_num_threads(), prefix.to_owned(), level, room)
}

#[test]
fn a_config_says_what_the_builder_does_not() {
    watched(|| {
        let pool = ThreadPoolBuilder::new().config(filled()).build().unwrap();
        assert_eq!(seen(&pool), (3, "base".into(), Priority::Low, 5));
        pool.pause();
        (0..5).for_each(|_| drop(pool.spawn(|| ())));
        assert!(pool.spawn(|| ()).join().unwrap_err().is_refused());
        pool.resume();
        // Whichever is said first.
        for config_last in [false, true] {
            let builder = ThreadPoolBuilder::new();
            let builder = if config_last {
                builder
            } else {
                builder.config(filled())
            };
            let builder = builder.num_threads(1).priority(Priority::High);
            let builder = builder
                .queue_capacity(2)
                .thread_name(|i| format!("own-{i}"));
            let builder = if config_last {
                builder.config(filled())
            } else {
                builder
            };
            let pool = builder.build().unwrap();
            assert_eq!(seen(&pool), (1, "own".into(), Priority::High, 2));
        }
    });
}

#[test]
fn wrong_settings_in_a_config_are_errors() {
    let zero = Config {
        num_threads: Some(0),
        ..filled()
    };
    let built = ThreadPoolBuilder::new().config(zero).build();
    assert!(matches!(built, Err(BuildError::ZeroThreads)));
    let many = Config {
        spare_threads: Some(usize::MAX),
        ..filled()
    };
    let built = ThreadPoolBuilder::new().config(many).build();
    assert!(matches!(
        built,
        Err(BuildError::TooManyThreads {
            requested: usize::MAX,
            ..
        })
    ));
}

#[test]
fn a_capacity_of_zero_takes_back_what_a_config_says() {
    watched(|| {
        let builder = ThreadPoolBuilder::new().config(filled()).queue_capacity(0);
        let pool = builder.build().unwrap();
        assert_eq!(seen(&pool).3, 20);
    });
}

#[test]
fn or_fills_the_gaps_and_nothing_else() {
    let own = Config {
        num_threads: Some(7),
        queue_full: Some(QueueFull::Block),
        ..Config::default()
    };
    let both = own.clone().or(filled());
    let expected = Config {
        num_threads: Some(7),
        queue_full: Some(QueueFull::Block),
        ..filled()
    };
    assert_eq!(both, expected);
    assert_eq!(Config::default().or(filled()), filled());
    assert_eq!(filled().or(own), filled());
}

const ALL: [(&str, &str); 8] = [
    ("WINDROW_NUM_THREADS", "2"),
    ("WINDROW_SPARE_THREADS", "0"),
    ("WINDROW_STACK_SIZE", "3000000"),
    ("WINDROW_THREAD_NAME", "outer space"),
    ("WINDROW_PRIORITY", "high"),
    ("WINDROW_QUEUE_CAPACITY", "4"),
    ("WINDROW_QUEUE_FULL", "caller-runs"),
    ("WINDROW_GRACE_PERIOD", "250"),
];

#[test]
fn the_environment_counts_more_than_a_config_and_less_than_the_builder() {
    alone("all", &ALL, || {
        watched(|| {
            let expected = Config {
                num_threads: Some(2),
                spare_threads: Some(0),
                stack_size: Some(3_000_000),
                thread_name: Some("outer space".into()),
                priority: Some(Priority::High),
                queue_capacity: Some(4),
                queue_full: Some(QueueFull::CallerRuns),
                grace_period: Some(Duration::from_millis(250)),
            };
            assert_eq!(Config::from_env().unwrap(), expected);
            let base = || ThreadPoolBuilder::new().config(filled());
            let pool = base().from_env().build().unwrap();
            assert_eq!(seen(&pool), (2, "outer space".into(), Priority::High, 4));
            let pool = base().num_threads(1).from_env().priority(Priority::Normal);
            let pool = pool.build().unwrap();
            assert_eq!(seen(&pool), (1, "outer space".into(), Priority::Normal, 4));
            // Who does not ask for it is left alone.
            let pool = base().build().unwrap();
            assert_eq!(seen(&pool), (3, "base".into(), Priority::Low, 5));
        });
    });
}

#[test]
fn a_wrong_value_is_an_error_that_names_its_variable() {
    let wrong = [
        ("WINDROW_NUM_THREADS", "0"),
        ("WINDROW_NUM_THREADS", "two"),
        ("WINDROW_SPARE_THREADS", "-1"),
        ("WINDROW_STACK_SIZE", "1M"),
        ("WINDROW_PRIORITY", "urgent"),
        ("WINDROW_QUEUE_CAPACITY", "1e3"),
        ("WINDROW_QUEUE_FULL", "caller_runs"),
        ("WINDROW_GRACE_PERIOD", "5 s"),
    ];
    for (name, wrong_value) in wrong {
        alone(
            &format!("{name} {wrong_value}"),
            &[(name, wrong_value)],
            || {
                watched(|| {
                    for built in [
                        Config::from_env().map(|_| ()),
                        ThreadPoolBuilder::new()
                            .config(filled())
                            .from_env()
                            .build()
                            .map(|_| ()),
                        ThreadPoolBuilder::new().build_global(),
                    ] {
                        let error = built.unwrap_err();
                        let BuildError::Environment {
                            variable,
                            ref value,
                            ..
                        } = error
                        else {
                            panic!("{error:?}")
                        };
                        assert_eq!((variable, value.as_str()), (name, wrong_value));
                        let text = format!("the environment variable {name} is {wrong_value:?}: ");
                        assert!(error.to_string().starts_with(&text), "{error}");
                    }
                    // A pool that does not look there is built.
                    drop(pool(1));
                });
            },
        );
    }
}

#[test]
fn a_wrong_value_of_what_the_builder_says_itself_does_not_matter() {
    let wrong = [("WINDROW_NUM_THREADS", "two"), ("WINDROW_PRIORITY", "")];
    alone("overruled", &wrong, || {
        watched(|| {
            let builder = ThreadPoolBuilder::new().num_threads(2).from_env();
            assert_eq!(builder.build().unwrap().current_num_threads(), 2);
            let config = Config::from_env().unwrap_err();
            assert!(config.to_string().contains("WINDROW_NUM_THREADS"));
        });
    });
}

#[test]
fn the_global_pool_is_built_as_the_environment_says() {
    alone("global", &ALL, || {
        watched(|| {
            let builder = ThreadPoolBuilder::new().config(filled()).num_threads(1);
            builder.build_global().unwrap();
            let (size, name, level, room) = seen(ThreadPool::global());
            assert_eq!((size, level, room), (1, Priority::High, 4));
            assert_eq!(name, "outer space");
            let again = ThreadPoolBuilder::new().build_global();
            assert!(matches!(again, Err(BuildError::GlobalAlreadyBuilt)));
        });
    });
    alone("implicitly", &ALL, || {
        watched(|| {
            let handle = windrow::spawn(windrow::current_num_threads);
            yield_until(|| handle.is_finished());
            assert_eq!(handle.join().unwrap(), 2);
            assert_eq!(seen(ThreadPool::global()).3, 4);
        });
    });
}

#[test]
fn a_name_that_no_thread_can_have_is_an_error() {
    let name = |index| {
        if index == 1 {
            "no\0name".to_owned()
        } else {
            String::new()
        }
    };
    let built = ThreadPool::builder()
        .num_threads(3)
        .thread_name(name)
        .build();
    let Err(BuildError::ThreadStart { index: 1, source }) = built else {
        panic!("{built:?}");
    };
    assert_eq!(source.kind(), std::io::ErrorKind::InvalidInput);
}
