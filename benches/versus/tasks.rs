//! Rows 6 to 8: many small tasks, detached, scoped, and with results.

use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, Thread};

use crate::args::Plan;
use crate::measure::{Row, Who, time};
use crate::peers::Pools;
use crate::report::grouped;
use crate::verdict::Rule;

pub(crate) fn rows<'a>(plan: &Plan, pools: &'a [Pools]) -> Vec<Row<'a>> {
    vec![
        detached_row(plan.sizes.spawns, pools),
        scoped_row(plan.sizes.spawns, pools),
        results_row(plan.sizes.results, pools),
    ]
}

/// Tasks that still have to run, and the thread that waits for the last one: the same for every
/// contestant.
struct Countdown {
    left: AtomicUsize,
    waiter: Thread,
}

impl Countdown {
    /// For the calling thread to wait on; lives as long as the process, as the tasks' borrow of it.
    fn leaked() -> &'static Countdown {
        Box::leak(Box::new(Countdown {
            left: AtomicUsize::new(0),
            waiter: thread::current(),
        }))
    }

    fn task_ran(&self) {
        // AcqRel: whoever ran before is seen by the waiter.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waiter.unpark();
        }
    }

    fn wait(&self) {
        while self.left.load(Ordering::Acquire) > 0 {
            thread::park();
        }
    }
}

fn detached_row(tasks: usize, pools: &[Pools]) -> Row<'_> {
    let title = format!(
        "{} empty tasks from outside, detached, until all have run",
        grouped(tasks as f64, 0)
    );
    let rules = [Rule::OfBestPeer(0.6), Rule::Growth(1.3)];
    let mut row = Row::new((6, ""), title, "ns a task", rules);
    let countdown = Countdown::leaked();
    let sample = move |spawn: &dyn Fn()| {
        countdown.left.store(tasks, Ordering::Relaxed);
        let time = time(|| {
            for _ in 0..tasks {
                spawn();
            }
            countdown.wait();
        });
        time / tasks as f64
    };
    for pool in pools {
        let n = pool.threads;
        row.add_judged("", n, move || {
            sample(&|| drop(pool.windrow.spawn(|| countdown.task_ran())))
        });
        row.add(Who::Rayon, "", n, move || {
            sample(&|| pool.rayon.spawn(|| countdown.task_ran()))
        });
        row.add(Who::Threadpool, "", n, move || {
            sample(&|| pool.threadpool.execute(|| countdown.task_ran()))
        });
        row.add(Who::RustyPool, "", n, move || {
            sample(&|| pool.rusty_pool.execute(|| countdown.task_ran()))
        });
    }
    row
}

fn scoped_row(tasks: usize, pools: &[Pools]) -> Row<'_> {
    let title = format!("{} empty tasks in a scope", grouped(tasks as f64, 0));
    let rules = [Rule::OfPeer(Who::Rayon, 0.4), Rule::Growth(1.3)];
    let mut row = Row::new((7, ""), title, "ns a task", rules);
    let sample = move |scope: &mut (dyn FnMut() + Send)| time(scope) / tasks as f64;
    for pool in pools {
        let n = pool.threads;
        let fill_windrow = move || {
            pool.windrow.scope(|scope| {
                for i in 0..tasks {
                    let _ = scope.spawn(move || {
                        black_box(i);
                    });
                }
            });
        };
        row.add_judged("", n, move || sample(&mut || fill_windrow()));
        row.add(Who::Windrow, "from a worker", n, move || {
            sample(&mut || pool.windrow.install(fill_windrow))
        });
        let fill_rayon = move |scope: &rayon::Scope<'_>| {
            for i in 0..tasks {
                scope.spawn(move |_| {
                    black_box(i);
                });
            }
        };
        row.add(Who::Rayon, "scope", n, move || {
            sample(&mut || pool.rayon.install(|| rayon::scope(fill_rayon)))
        });
        row.add(Who::Rayon, "in_place_scope", n, move || {
            sample(&mut || pool.rayon.in_place_scope(fill_rayon))
        });
    }
    row
}

fn results_row(tasks: usize, pools: &[Pools]) -> Row<'_> {
    let title = format!(
        "{} tasks with a result each for the caller",
        grouped(tasks as f64, 0)
    );
    let rules = [Rule::OfPeer(Who::Rayon, 0.45), Rule::Growth(1.3)];
    let mut row = Row::new((8, ""), title, "ns a task", rules);
    let expected = tasks * tasks.saturating_sub(1) / 2;
    let sample = move |gather: &mut dyn FnMut() -> usize| {
        let time = time(|| assert_eq!(gather(), expected));
        time / tasks as f64
    };
    for pool in pools {
        let n = pool.threads;
        row.add_judged("", n, move || {
            sample(&mut || {
                let handles: Vec<_> = (0..tasks)
                    .map(|i| pool.windrow.spawn(move || black_box(i)))
                    .collect();
                handles
                    .into_iter()
                    .map(|handle| handle.join().expect("the task returns"))
                    .sum()
            })
        });
        row.add(Who::Rayon, "spawn, channel", n, move || {
            sample(&mut || {
                through_channel(tasks, |i, sender| {
                    pool.rayon.spawn(move || send(&sender, i));
                })
            })
        });
        row.add(Who::Threadpool, "execute, channel", n, move || {
            sample(&mut || {
                through_channel(tasks, |i, sender| {
                    pool.threadpool.execute(move || send(&sender, i));
                })
            })
        });
        row.add(Who::RustyPool, "evaluate", n, move || {
            sample(&mut || {
                let handles: Vec<_> = (0..tasks)
                    .map(|i| pool.rusty_pool.evaluate(move || black_box(i)))
                    .collect();
                handles
                    .into_iter()
                    .map(|handle| handle.await_complete())
                    .sum()
            })
        });
    }
    row
}

pub(crate) fn through_channel(tasks: usize, spawn: impl Fn(usize, mpsc::Sender<usize>)) -> usize {
    let (sender, results) = mpsc::channel();
    for i in 0..tasks {
        spawn(i, sender.clone());
    }
    drop(sender);
    results.iter().sum()
}

pub(crate) fn send(sender: &mpsc::Sender<usize>, result: usize) {
    sender
        .send(black_box(result))
        .expect("the caller still listens");
}
