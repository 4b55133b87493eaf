//! Observing: every figure of `Stats` in scenarios in which it is known, and hooks as often as the figures say.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use windrow::{
    Backoff, CancelToken, Histogram, Observer, Priority, QueueFull, RateLimit, Report, Retry,
    TaskInfo, ThreadPool, ThreadPoolBuilder, UnstartedTask,
};

use crate::support::{SIZES, is_second_half_taken, pool, pool_without_spares, stall};
use crate::watchdog::watched;

const MS: fn(u64) -> Duration = Duration::from_millis;
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn each_way_to_end_has_its_figure() {
    watched(|| {
        for size in SIZES {
            let pool = pool(size);
            let token = CancelToken::new();
            token.cancel();
            let none = Retry::attempts(3).unwrap().backoff(Backoff::none());
            let panics = || std::panic::resume_unwind(Box::new(0));
            pool.spawn(|| 1).join().unwrap();
            pool.task().spawn(|| 1).join().unwrap();
            pool.install(|| 1);
            pool.scope(|s| {
                (
                    s.spawn(|| 1).join().unwrap(),
                    s.task().spawn(|| 1).join().unwrap(),
                )
            });
            assert!(pool.spawn(panics).join().is_err());
            assert!(pool.task().spawn(panics).join().is_err());
            let failed = pool.task().retry(none.clone()).spawn(|| Err::<(), _>(1));
            assert_eq!(failed.join().unwrap(), Err(1));
            let late = pool.task().retry(none).spawn_with(|cx| match cx.attempt() {
                3 => Ok(()),
                _ => Err(()),
            });
            late.join().unwrap().unwrap();
            assert!(
                pool.task()
                    .cancel_token(&token)
                    .spawn(|| ())
                    .join()
                    .is_err()
            );
            assert!(pool.spawn_after(HOUR, || ()).cancel());
            let expired = pool.task().timeout(Duration::ZERO).spawn(|| ());
            assert!(expired.join().unwrap_err().is_expired());
            // Forks are no tasks.
            pool.join(|| (), || ());
            pool.wait_idle();
            let stats = pool.stats();
            assert_eq!((stats.completed, stats.failed, stats.panicked), (6, 1, 2));
            assert_eq!((stats.cancelled, stats.expired, stats.returned), (2, 1, 0));
            assert_eq!((stats.submitted, stats.ended()), (12, 12));
            assert_eq!(
                (stats.retried, stats.refused, stats.late, stats.stuck),
                (4, 0, 0, 0)
            );
            assert_eq!((stats.waiting, stats.running, stats.workers), (0, 0, size));
            // Two that were retried, of three attempts each, and three that ran once.
            assert_eq!(stats.run_times.count(), 9);
        }
    });
}

#[test]
fn what_is_queued_is_told_by_level() {
    watched(|| {
        for size in SIZES {
            let pool = pool_without_spares(size);
            let stalled = stall(&pool);
            let (high, normal, low) = (Priority::High, Priority::Normal, Priority::Low);
            for (level, count) in [(high, 1), (normal, 2), (low, 3)] {
                for _ in 0..count {
                    drop(pool.spawn_with_priority(level, || ()));
                    drop(pool.task().priority(level).spawn(|| ()));
                }
            }
            let delayed = pool.spawn_after(HOUR, || ());
            let stats = pool.stats();
            let queued = [high, normal, low].map(|level| stats.queued(level));
            assert_eq!((queued, stats.queued_total()), ([2, 4, 6], 12));
            assert_eq!((stats.running, stats.waiting), (size as u64, 1));
            assert_eq!((stats.threads, stats.active, stats.spare), (size, size, 0));
            delayed.cancel();
            drop(stalled);
            pool.wait_idle();
            assert_eq!(pool.stats().submitted, 13 + size as u64);
        }
    });
}

#[test]
fn what_was_refused_or_given_back_is_counted_once() {
    watched(|| {
        let pool = ThreadPool::builder()
            .num_threads(1)
            .queue_capacity(2)
            .queue_full(QueueFull::Refuse)
            .build()
            .unwrap();
        pool.pause();
        let accepted = [
            pool.try_spawn(|| ()).unwrap(),
            pool.task().try_spawn(|| ()).unwrap(),
        ];
        assert!(pool.try_spawn(|| ()).is_err());
        assert!(pool.task().try_spawn(|| ()).is_err());
        assert!(pool.spawn(|| ()).join().unwrap_err().is_refused());
        assert_eq!((pool.stats().submitted, pool.stats().refused), (2, 3));
        let unstarted = pool.shutdown_now();
        let stats = pool.stats();
        assert_eq!(
            (stats.returned, stats.ended(), stats.queued_total()),
            (2, 2, 0)
        );
        unstarted.into_iter().for_each(UnstartedTask::run);
        for handle in accepted {
            handle.join().unwrap();
        }
        assert!(pool.try_spawn(|| ()).is_err());
        let stats = pool.stats();
        assert_eq!((stats.completed, stats.returned, stats.refused), (0, 2, 4));
    });
}

#[test]
fn a_steal_and_a_sleep_show() {
    watched(|| {
        let pool = pool(2);
        while pool.stats().parks < 2 {
            thread::yield_now();
        }
        let (done, wait) = channel();
        drop(pool.spawn(move || {
            // Only the other worker can run it.
            drop(windrow::spawn(move || done.send(()).unwrap()));
            wait.recv().unwrap();
        }));
        pool.wait_idle();
        assert!(pool.stats().stolen >= 1);
        let stats = pool.stats();
        assert_eq!((stats.threads, stats.spare), (2, 0));
    });
}

/// Virtual time: one worker, no spares, so that a task that sleeps holds up the next.
fn deterministic() -> Arc<ThreadPool> {
    let builder = ThreadPoolBuilder::new().deterministic(7).spare_threads(0);
    Arc::new(builder.build().unwrap())
}

fn filled(histogram: &Histogram) -> Vec<(Duration, u64)> {
    histogram
        .buckets()
        .filter(|(_, count)| *count > 0)
        .collect()
}

#[test]
fn times_are_exact_on_a_virtual_clock() {
    watched(|| {
        let pool = deterministic();
        let reports = Arc::new(Mutex::new(Vec::new()));
        for run in [8, 2, 5] {
            let (sleeper, list) = (pool.clone(), reports.clone());
            drop(
                pool.task()
                    .on_complete(move |report| list.lock().unwrap().push(report.clone()))
                    .spawn(move || sleeper.sleep(MS(run))),
            );
        }
        pool.wait_idle();
        let stats = pool.stats();
        let (run, queue) = (&stats.run_times, &stats.queue_times);
        assert_eq!((run.count(), run.total(), run.max()), (3, MS(15), MS(8)));
        assert_eq!(run.mean(), MS(5));
        let end = |bits: u32| Duration::from_nanos((1 << bits) - 1);
        // 2 ms are below 2^21 ns; 5 and 8 ms below 2^23.
        assert_eq!(filled(run), [(end(21), 1), (end(23), 2)]);
        assert_eq!(run.quantile(0.0), end(21));
        assert_eq!(run.quantile(0.34), MS(8));
        assert_eq!(run.quantile(1.0), MS(8));
        let reports = reports.lock().unwrap();
        let waited: Duration = reports.iter().map(|report| report.queue_time).sum();
        assert_eq!((queue.count(), queue.total()), (3, waited));
        // In whichever order, the second waits for the first and the third for both.
        let mut before = Duration::ZERO;
        for report in reports.iter() {
            assert_eq!(report.queue_time, before);
            before += report.run_time;
        }
        assert_eq!((before, queue.max()), (MS(15), reports[2].queue_time));
        // Delays and back-off are no queueing.
        let retry = Retry::attempts(2).unwrap().backoff(Backoff::fixed(MS(40)));
        let handle = pool
            .task()
            .delay(MS(100))
            .retry(retry)
            .spawn(|| Err::<(), ()>(()));
        let start = pool.now();
        let (_, report) = handle.join_report();
        assert_eq!(pool.now() - start, MS(140));
        let report = report.unwrap();
        assert_eq!((report.attempts, report.queue_time), (2, Duration::ZERO));
        let stats = pool.stats();
        assert_eq!(
            (stats.run_times.count(), stats.run_times.total()),
            (5, MS(15))
        );
        let none = self::pool(1).stats().run_times;
        assert_eq!(
            (none.count(), none.mean(), none.quantile(0.5)),
            (0, MS(0), MS(0))
        );
    });
}

#[test]
fn late_and_stuck_tasks_are_counted_when_they_are() {
    watched(|| {
        let pool = deterministic();
        let sleeper = pool.clone();
        let task = pool.task().timeout(MS(10)).grace_period(MS(5));
        let handle = task.spawn(move || sleeper.sleep(MS(30)));
        pool.sleep(MS(9));
        let figures = || {
            let stats = pool.stats();
            (stats.running, stats.expired, stats.stuck, stats.late)
        };
        assert_eq!(figures(), (1, 0, 0, 0));
        pool.sleep(MS(2));
        assert_eq!(figures(), (1, 1, 0, 0));
        assert!(handle.is_finished());
        pool.sleep(MS(5));
        assert_eq!(figures(), (1, 1, 1, 0));
        pool.sleep(MS(15));
        assert_eq!(figures(), (0, 1, 1, 1));
        assert!(handle.join().unwrap_err().is_expired());
    });
}

/// Counts the calls of each hook.
#[derive(Default)]
struct Counting {
    hooks: [AtomicUsize; 8],
    panics: bool,
}

impl Counting {
    fn note(&self, hook: usize) {
        self.hooks[hook].fetch_add(1, Ordering::SeqCst);
        if self.panics {
            std::panic::resume_unwind(Box::new("an observer"));
        }
    }

    fn counts(&self) -> [usize; 8] {
        std::array::from_fn(|hook| self.hooks[hook].load(Ordering::SeqCst))
    }
}

impl Observer for Counting {
    fn task_accepted(&self, _: &TaskInfo) {
        self.note(0);
    }
    fn attempt_started(&self, _: &TaskInfo, _: u32) {
        self.note(1);
    }
    fn task_retried(&self, _: &TaskInfo, _: u32, _: Duration) {
        self.note(2);
    }
    fn task_finished(&self, _: &Report) {
        self.note(3);
    }
    fn task_late(&self, _: &TaskInfo) {
        self.note(4);
    }
    fn task_stuck(&self, _: &TaskInfo, _: Duration) {
        self.note(5);
    }
    fn worker_started(&self, _: usize) {
        self.note(6);
    }
    fn worker_stopped(&self, _: usize) {
        self.note(7);
    }
}

/// Hooks are called as often as the figures say, whether they panic or not.
#[test]
fn hooks_are_called_as_often_as_the_figures_say() {
    for panics in [false, true] {
        watched(|| {
            let observer = Arc::new(Counting {
                panics,
                ..Counting::default()
            });
            let contained = Arc::new(AtomicUsize::new(0));
            let count = contained.clone();
            let pool = ThreadPoolBuilder::new()
                .deterministic(3)
                .observer(observer.clone())
                .panic_handler(move |_| {
                    count.fetch_add(1, Ordering::SeqCst);
                })
                .build();
            let pool = Arc::new(pool.unwrap());
            let limit = RateLimit::new(1, MS(1), 1).unwrap();
            let retry = Retry::attempts(3).unwrap().backoff(Backoff::fixed(MS(1)));
            let panics = || std::panic::resume_unwind(Box::new(0));
            for _ in 0..5 {
                pool.spawn(|| ()).join().unwrap();
                drop(pool.task().rate_limit(&limit).spawn(|| ()));
                assert!(pool.spawn(panics).join().is_err());
                drop(pool.task().retry(retry.clone()).spawn(|| Err::<(), ()>(())));
                assert!(pool.spawn_after(HOUR, || ()).cancel());
                let sleeper = pool.clone();
                let ignores = pool.task().timeout(MS(1)).grace_period(MS(1));
                drop(ignores.spawn(move || sleeper.sleep(MS(10))));
                pool.wait_idle();
            }
            pool.wait_idle();
            let stats = pool.stats();
            assert_eq!((stats.completed, stats.panicked, stats.failed), (10, 5, 5));
            assert_eq!((stats.cancelled, stats.expired), (5, 5));
            assert_eq!((stats.retried, stats.late, stats.stuck), (10, 5, 5));
            let expected = [30, 35, 10, 30, 5, 5].map(|n| n as usize);
            assert_eq!(observer.counts()[..6], expected);
            assert_eq!(stats.run_times.count(), 35);
            drop(pool);
            let [.., started, stopped] = observer.counts();
            assert!(started == stopped && started >= 1);
            let calls: usize = observer.counts().iter().sum();
            let of_hooks = if observer.panics { calls } else { 0 };
            assert_eq!(contained.load(Ordering::SeqCst), of_hooks);
        });
    }
}

#[test]
fn forks_that_somebody_else_runs_are_counted_as_stolen() {
    watched(|| {
        let pool = pool(2);
        let mut stolen = 0;
        for _ in 0..1_000 {
            stolen += u64::from(pool.install(|| is_second_half_taken(&pool)));
            if stolen == 5 {
                break;
            }
        }
        assert!(
            stolen > 0,
            "idle workers never took the second half of a join"
        );
        assert_eq!(pool.stats().stolen, stolen);
    });
}

/// A task is somewhere until its closure is gone.
#[test]
fn a_task_whose_closure_is_being_dropped_runs() {
    struct Looks(Sender<u64>, Arc<ThreadPool>);
    impl Drop for Looks {
        fn drop(&mut self) {
            self.0.send(self.1.stats().running).unwrap();
        }
    }
    watched(|| {
        let pool = Arc::new(pool(1));
        let (tell, told) = channel();
        let looks = Looks(tell, Arc::clone(&pool));
        let retry = Retry::attempts(2).unwrap();
        let task = pool.task().retry(retry).spawn(move || {
            let _looks = &looks;
            Ok::<_, ()>(())
        });
        assert_eq!(told.recv().unwrap(), 1);
        assert!(task.join().unwrap().is_ok());
        assert_eq!(pool.stats().running, 0);
    });
}
