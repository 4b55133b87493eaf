//! What the public types may be used for: sent, shared, kept in a struct, printed without waiting for anybody.

use std::cell::Cell;
use std::error::Error;
use std::fmt::Debug;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use windrow::{
    Advice, AutoscaleError, Autoscaler, AutoscalerHandle, Backoff, BuildError, CancelToken,
    Cancelled, CombinerHandle, CombinerStats, Config, Every, Histogram, InPool, JoinError,
    JoinHandle, Limit, Limiter, Outcome, PeriodicTask, PolicyError, Priority, QueueFull, RateLimit,
    Refused, RefusedReason, Report, ResizeError, Retry, RunHandle, RunStats, Scope,
    ScopedJoinHandle, ShutdownError, Stats, TaskBuilder, TaskContext, TaskError, TaskGroup, TaskId,
    TaskInfo, ThreadPool, ThreadPoolBuilder, UnstartedTask, WaitGroup,
};

use crate::support::{SIZES, pool, stall};
use crate::watchdog::watched;

const fn send<T: Send>() {}
const fn sync<T: Sync>() {}
const fn error<T: Error + Send + 'static>() {}
const fn shared_error<T: Error + Send + Sync + 'static>() {}
const fn plain<T: Clone + Debug + Send + Sync + 'static>() {}
const fn owned<T: Debug + Send + Sync + 'static>() {}
const fn moved<T: Debug + Send + 'static>() {}
const fn value<T: Copy + Ord + std::hash::Hash + Default + Debug>() {}

/// What a handle may carry: sent to its receiver, never shared.
type Unshared = Cell<u32>;

// The assertions are made by the compiler.
const _: () = {
    send::<ThreadPool>();
    sync::<ThreadPool>();
    send::<ThreadPoolBuilder>();
    send::<BuildError>();
    sync::<BuildError>();
    error::<BuildError>();
    send::<JoinError>();
    error::<JoinError>();
    send::<JoinHandle<Unshared>>();
    sync::<JoinHandle<Unshared>>();
    send::<ScopedJoinHandle<'static, Unshared>>();
    sync::<ScopedJoinHandle<'static, Unshared>>();
    sync::<Scope<'static, 'static>>();
    send::<Priority>();
    sync::<Priority>();
    value::<Priority>();
};

const _: () = {
    shared_error::<BuildError>();
    shared_error::<JoinError>();
    shared_error::<ResizeError>();
    shared_error::<ShutdownError>();
    shared_error::<RefusedReason>();
    shared_error::<PolicyError>();
    shared_error::<AutoscaleError>();
    shared_error::<Cancelled>();
    shared_error::<TaskError>();
    shared_error::<TaskError<std::io::Error>>();
    shared_error::<Refused<fn()>>();
    // What comes back is shared as far as the closure is.
    error::<Refused<Unshared>>();
};

const _: () = {
    plain::<Advice>();
    plain::<Backoff>();
    plain::<CancelToken>();
    plain::<Config>();
    plain::<Every>();
    plain::<CombinerStats>();
    plain::<Histogram>();
    plain::<Limit>();
    plain::<Limiter>();
    plain::<Outcome>();
    plain::<QueueFull>();
    plain::<RateLimit>();
    plain::<Report>();
    plain::<Retry>();
    plain::<RunHandle>();
    plain::<RunStats>();
    plain::<Stats>();
    plain::<TaskId>();
    plain::<TaskInfo>();
    plain::<WaitGroup>();
    owned::<PeriodicTask>();
    owned::<AutoscalerHandle>();
    owned::<CombinerHandle<'static, Unshared>>();
    // Results are sent to whoever waits, never shared.
    owned::<TaskGroup<Unshared, Unshared>>();
    moved::<Autoscaler>();
    moved::<TaskBuilder<'static, InPool>>();
    moved::<UnstartedTask>();
    send::<TaskContext<'static>>();
    sync::<TaskContext<'static>>();
};

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
