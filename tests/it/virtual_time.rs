//! Deterministic pools on the virtual clock: the test's thread drives them, and nothing waits for real time.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use windrow::{Observer, Report, TaskInfo, ThreadPool, ThreadPoolBuilder};

use crate::watchdog::watched;

/// The orders in which each test is run.
pub(crate) const SEEDS: Range<u64> = 0..10;

pub(crate) const MS: fn(u64) -> Duration = Duration::from_millis;
pub(crate) const S: fn(u64) -> Duration = Duration::from_secs;

/// Says which seed it was, if the test fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("with seed {}", self.0);
        }
    }
}

/// Runs `test` for each seed on a pool of so many workers, none of which is replaced while it sleeps.
pub(crate) fn virtually(threads: usize, test: impl Fn(&Arc<ThreadPool>)) {
    virtually_with(|builder| builder.num_threads(threads), test);
}

/// The same with one worker and further settings. The pool has to be without a trace of its tasks afterwards.
pub(crate) fn virtually_with(
    settings: impl Fn(ThreadPoolBuilder) -> ThreadPoolBuilder,
    test: impl Fn(&Arc<ThreadPool>),
) {
    for seed in SEEDS {
        watched(|| {
            let _seed = Seed(seed);
            let builder = ThreadPoolBuilder::new().num_threads(1).spare_threads(0);
            let pool = settings(builder.deterministic(seed)).build().unwrap();
            let pool = Arc::new(pool);
            test(&pool);
            pool.wait_idle();
            pool.shutdown();
            let stats = pool.stats();
            assert_eq!(stats.submitted, stats.ended(), "{stats:?}");
            let left = (stats.queued_total(), stats.waiting, stats.running);
            assert_eq!(left, (0, 0, 0), "(queued, waiting, running)");
            assert_eq!(Arc::strong_count(&pool), 1, "a closure is still there");
        });
    }
}

/// The same with an observer.
pub(crate) fn witnessed(test: impl Fn(&Arc<ThreadPool>, &Witness)) {
    let witness = RefCell::new(Arc::<Witness>::default());
    let fresh = |builder: ThreadPoolBuilder| {
        witness.replace(Arc::default());
        builder.observer(Arc::clone(&witness.borrow()))
    };
    virtually_with(fresh, |pool| test(pool, &witness.borrow()));
}

/// What happened, and when on the clock of a pool. Clones write the same diary.
pub(crate) struct Diary<T> {
    pool: Arc<ThreadPool>,
    start: Instant,
    entries: Arc<Mutex<Vec<(Duration, T)>>>,
}

impl<T> Clone for Diary<T> {
    fn clone(&self) -> Self {
        Diary {
            pool: Arc::clone(&self.pool),
            start: self.start,
            entries: Arc::clone(&self.entries),
        }
    }
}

impl<T: Clone> Diary<T> {
    /// Begins now.
    pub(crate) fn new(pool: &Arc<ThreadPool>) -> Diary<T> {
        Diary {
            pool: Arc::clone(pool),
            start: pool.now(),
            entries: Arc::default(),
        }
    }

    /// How much time has passed since the beginning.
    pub(crate) fn passed(&self) -> Duration {
        self.pool.now() - self.start
    }

    pub(crate) fn pool(&self) -> &ThreadPool {
        &self.pool
    }

    pub(crate) fn sleep(&self, time: Duration) {
        self.pool.sleep(time);
    }

    pub(crate) fn note(&self, what: T) {
        let entry = (self.passed(), what);
        self.entries.lock().unwrap().push(entry);
    }

    pub(crate) fn entries(&self) -> Vec<(Duration, T)> {
        self.entries.lock().unwrap().clone()
    }

    pub(crate) fn what(&self) -> Vec<T> {
        self.entries().into_iter().map(|(_, what)| what).collect()
    }

    pub(crate) fn times(&self) -> Vec<Duration> {
        self.entries().into_iter().map(|(at, _)| at).collect()
    }
}

/// What an observer was told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Accepted(TaskInfo),
    Started(TaskInfo, u32),
    Retried(TaskInfo, u32, Duration),
    Finished(Report),
    Late(TaskInfo),
    Stuck(TaskInfo, Duration),
}

/// An observer that writes everything down.
#[derive(Default)]
pub(crate) struct Witness(Mutex<Vec<Told>>);

impl Witness {
    pub(crate) fn all(&self) -> Vec<Told> {
        self.0.lock().unwrap().clone()
    }

    /// The names of what it was told, as far as it is about tasks that are called `name`.
    pub(crate) fn about(&self, name: &str) -> Vec<String> {
        let told = self.all().into_iter().filter_map(|told| {
            let (whose, what) = match told {
                Told::Accepted(info) => (info.name, "accepted".to_owned()),
                Told::Started(info, attempt) => (info.name, format!("started {attempt}")),
                Told::Retried(info, attempt, delay) => {
                    (info.name, format!("retried {attempt} {delay:?}"))
                }
                Told::Finished(report) => (report.name, report.outcome.to_string()),
                Told::Late(info) => (info.name, "late".to_owned()),
                Told::Stuck(info, grace) => (info.name, format!("stuck {grace:?}")),
            };
            (whose.as_deref() == Some(name)).then_some(what)
        });
        told.collect()
    }

    fn note(&self, told: Told) {
        self.0.lock().unwrap().push(told);
    }
}

impl Observer for Witness {
    fn task_accepted(&self, task: &TaskInfo) {
        self.note(Told::Accepted(task.clone()));
    }

    fn attempt_started(&self, task: &TaskInfo, attempt: u32) {
        self.note(Told::Started(task.clone(), attempt));
    }

    fn task_retried(&self, task: &TaskInfo, attempt: u32, delay: Duration) {
        self.note(Told::Retried(task.clone(), attempt, delay));
    }

    fn task_finished(&self, report: &Report) {
        self.note(Told::Finished(report.clone()));
    }

    fn task_late(&self, task: &TaskInfo) {
        self.note(Told::Late(task.clone()));
    }

    fn task_stuck(&self, task: &TaskInfo, grace: Duration) {
        self.note(Told::Stuck(task.clone(), grace));
    }
}
