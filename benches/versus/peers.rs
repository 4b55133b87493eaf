//! The contestants' pools of one size.

use std::num::NonZero;
use std::time::Duration;

use crate::machine;

pub(crate) struct Pools {
    pub(crate) threads: usize,
    pub(crate) windrow: windrow::ThreadPool,
    pub(crate) rayon: rayon::ThreadPool,
    /// The caller is one of chili's threads, so this has one thread of its own fewer.
    pub(crate) chili: chili::ThreadPool,
    pub(crate) threadpool: threadpool::ThreadPool,
    pub(crate) rusty_pool: rusty_pool::ThreadPool,
    /// It never has more threads than the machine has cores: there is none of such a size.
    pub(crate) orx: Option<orx_parallel::BasicPool>,
}

impl Pools {
    pub(crate) fn new(threads: usize) -> Pools {
        let rusty_pool = rusty_pool::ThreadPool::new(threads, threads, Duration::from_secs(60));
        rusty_pool.start_core_threads();
        Pools {
            threads,
            windrow: windrow::ThreadPool::new(threads).expect("windrow's pool starts"),
            rayon: rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("rayon's pool starts"),
            chili: chili::ThreadPool::with_config(chili::Config {
                thread_count: NonZero::new(threads),
                ..chili::Config::default()
            }),
            threadpool: threadpool::ThreadPool::new(threads),
            rusty_pool,
            orx: (threads <= machine::cpus()).then(|| orx_parallel::Pool::basic(threads)),
        }
    }
}
