//! Pools and handles are kept in structs and statics, and printed without waiting for anybody.

use std::fmt::Debug;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use windrow::{JoinHandle, ThreadPool};

use crate::support::{SIZES, pool, stall};
use crate::watchdog::watched;

/// Does not implement `Debug`.
struct Opaque;

fn print(what: &impl Debug) {
    assert!(!format!("{what:?}{what:#?}").is_empty());
}

#[test]
fn everything_can_be_printed_while_nobody_is_free_to_answer() {
    watched(|| {
        for size in SIZES {
            print(&ThreadPool::builder());
            print(&ThreadPool::new(0).unwrap_err());
            let pool = pool(size);
            print(&pool);
            let stalled = stall(&pool);
            let handle = pool.spawn(|| Opaque);
            print(&pool);
            print(&handle);
            pool.scope(|s| {
                let handle = s.spawn(|| {
                    print(&pool);
                    print(s);
                    Opaque
                });
                print(s);
                print(&handle);
                assert!(handle.join().is_ok());
            });
            handle.cancel();
            print(&handle);
            print(&handle.join().map(|_| ()).unwrap_err());
            drop(stalled);
        }
    });
}

#[test]
fn a_task_prints_the_pool_that_it_runs_on_and_its_own_handle() {
    watched(|| {
        for size in SIZES {
            let pool = Arc::new(pool(size));
            let inside = pool.clone();
            let (give, take) = channel::<JoinHandle<()>>();
            let handle = pool.spawn(move || {
                print(&inside);
                let own = take.recv().unwrap();
                print(&own);
            });
            give.send(handle).unwrap();
        }
    });
}

#[test]
fn pools_and_handles_can_be_kept_in_structs_and_statics() {
    struct Mill {
        pool: ThreadPool,
        running: Vec<JoinHandle<u32>>,
    }
    static LATEST: Mutex<Option<JoinHandle<u32>>> = Mutex::new(None);
    watched(|| {
        let mut mill = Mill {
            pool: pool(2),
            running: Vec::new(),
        };
        mill.running
            .extend((0..4).map(|number| mill.pool.spawn(move || number)));
        *LATEST.lock().unwrap() = mill.running.pop();
        let kept: u32 = mill
            .running
            .drain(..)
            .map(|handle| handle.join().unwrap())
            .sum();
        let latest = LATEST.lock().unwrap().take().unwrap();
        assert_eq!((kept, latest.join().unwrap()), (3, 3));
    });
}
