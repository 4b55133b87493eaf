//! Pools of one's own, with `install` and with their methods.

use super::pool;
use super::pool::prelude::*;
use super::pool::{ThreadPool, ThreadPoolBuilder};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What can be told from the outside and the inside of pools of so many threads.
pub(crate) fn facts(threads: usize) -> Vec<String> {
    let pool: ThreadPool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("rake-{index}"))
        .stack_size(1 << 20)
        .panic_handler(|_| ())
        .start_handler(|_| ())
        .exit_handler(|_| ())
        .build()
        .unwrap();
    let inside = pool.install(|| {
        let index = pool::current_thread_index().unwrap();
        let sum: u64 = (0..1000_u64).into_par_iter().sum();
        (pool::current_num_threads(), index < threads, sum)
    });
    let (a, b) = pool.join(|| 1, || "b");
    let nested = pool.install(|| {
        let other = ThreadPoolBuilder::default().num_threads(1).build().unwrap();
        other.install(pool::current_num_threads)
    });
    let mut parts = vec![1; 10];
    let borrowed = pool.install(|| {
        parts.par_iter_mut().for_each(|part| *part += 1);
        parts.par_iter().sum::<i32>()
    });
    vec![
        format!("{inside:?} {a} {b} {nested} {borrowed}"),
        format!("{}", pool.current_num_threads()),
        format!("{:?}", pool::current_thread_index()),
        format!("{}", pool.broadcast(|_| 1).len()),
    ]
}

/// A panic in a loop of another pool comes back here, and items are dropped once.
pub(crate) fn panics(threads: usize) -> (String, usize) {
    struct Counted<'c>(&'c AtomicUsize);
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = AtomicUsize::new(0);
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    let items: Vec<_> = (0..300).map(|i| (i, Counted(&dropped))).collect();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        pool.install(|| {
            items
                .into_par_iter()
                .for_each(|(i, _item)| assert!(i != 100, "item {i}"));
        });
    }));
    let payload = outcome.unwrap_err();
    let text = payload
        .downcast_ref::<String>()
        .cloned()
        .unwrap_or_default();
    (text, dropped.into_inner())
}

/// Loops in a loop in a `join`, with a lock that is taken item by item.
pub(crate) fn nested() -> Vec<usize> {
    let log = Mutex::new(Vec::new());
    let count = |n: usize| {
        (0..n).into_par_iter().for_each(|i| {
            let inner = (0..i).into_par_iter().map(|j| j % 3).sum::<usize>();
            log.lock().unwrap().push(inner);
        });
    };
    pool::join(|| count(50), || pool::join(|| count(30), || count(40)));
    let mut log = log.into_inner().unwrap();
    log.sort_unstable();
    log
}
