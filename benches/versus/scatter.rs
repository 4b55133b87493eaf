//! Rows 13 and 14: results gathered on the caller's thread, one by one and combined on the workers.

use std::hint::black_box;

use windrow::combine;

use crate::args::Plan;
use crate::measure::{Row, Who, time};
use crate::peers::Pools;
use crate::report::grouped;
use crate::tasks::{send, through_channel};
use crate::verdict::Rule;

pub(crate) fn rows<'a>(plan: &Plan, pools: &'a [Pools]) -> Vec<Row<'a>> {
    vec![
        gather_row(plan.sizes.results, pools),
        combine_row(plan.sizes.combined, pools),
    ]
}

const GATHERED: &str = "scatter, gathered each";

fn gather_row(tasks: usize, pools: &[Pools]) -> Row<'_> {
    let title = format!(
        "{} empty tasks scattered, their results gathered",
        grouped(tasks as f64, 0)
    );
    let rules = [
        Rule::OfPeer(Who::Rayon, 0.4),
        Rule::AtMost(120.0),
        Rule::Growth(1.3),
    ];
    let mut row = Row::new((13, ""), title, "ns a task", rules);
    let expected = tasks * tasks.saturating_sub(1) / 2;
    let sample = move |gather: &mut dyn FnMut() -> usize| {
        let time = time(|| assert_eq!(gather(), expected));
        time / tasks as f64
    };
    for pool in pools {
        let n = pool.threads;
        row.add_judged("", n, move || {
            sample(&mut || gather_each(&pool.windrow, tasks))
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
    }
    row
}

fn combine_row(tasks: usize, pools: &[Pools]) -> Row<'_> {
    let title = format!(
        "{} small results, combined per worker",
        grouped(tasks as f64, 0)
    );
    let rules = [Rule::OfOwn(GATHERED, 0.25), Rule::Growth(1.3)];
    let mut row = Row::new((14, ""), title, "ns a result", rules);
    let expected = tasks * tasks.saturating_sub(1) / 2;
    let sample = move |gather: &mut dyn FnMut() -> usize| {
        let time = time(|| assert_eq!(gather(), expected));
        time / tasks as f64
    };
    for pool in pools {
        let n = pool.threads;
        row.add_judged("combined", n, move || {
            sample(&mut || {
                pool.windrow.gather(0, |run| {
                    let sums = run.combiner(
                        combine::fold(|| 0, |sum, n: usize| *sum += n),
                        |total, _, sum| *total += sum,
                    );
                    for i in 0..tasks {
                        run.scatter_into(move || black_box(i), &sums);
                    }
                })
            })
        });
        row.add(Who::Windrow, GATHERED, n, move || {
            sample(&mut || gather_each(&pool.windrow, tasks))
        });
    }
    row
}

fn gather_each(pool: &windrow::ThreadPool, tasks: usize) -> usize {
    pool.gather(0, |run| {
        for i in 0..tasks {
            run.scatter(move || black_box(i), |sum, _, n| *sum += n);
        }
    })
}
