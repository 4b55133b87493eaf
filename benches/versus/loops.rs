//! Rows 15 to 18, 23 and 24: how loops are cut, and what that costs.

use std::hint::black_box;
use std::thread;
use std::time::Duration;

use orx_parallel::BasicPool;

use crate::args::Plan;
use crate::forkjoin::busy;
use crate::loop_bodies::{Mandelbrot, Mixture, NS_10, cheap, churn};
use crate::loop_peers::{by_orx, by_rayon, by_windrow};
use crate::measure::{Calls, Row, Who, time};
use crate::peers::Pools;
use crate::report::{self, grouped};
use crate::verdict::Rule;

pub(crate) fn rows<'a>(plan: &Plan, pools: &'a [Pools]) -> Vec<Row<'a>> {
    let sizes = &plan.sizes.loops;
    let [width, height, iterations] = sizes.mandelbrot;
    let view = Mandelbrot {
        width,
        height,
        iterations,
    };
    let hot = Calls::hot(sizes.light_calls);
    let mixture = |place| Mixture {
        items: sizes.many,
        place,
        heavy: sizes.heavy,
    };
    let somewhere = sizes.many * 618 / 1000;
    vec![
        mandelbrot_row(view, pools),
        light_row("a", From::Outside, 0, sizes.light, hot, pools),
        light_row("b", From::Inside, 0, sizes.light, hot, pools),
        light_row("c", From::Outside, NS_10, sizes.light, hot, pools),
        light_row("d", From::Inside, NS_10, sizes.light, hot, pools),
        two_items_row(plan.sizes.closure, pools),
        mixture_row("a", mixture(somewhere), pools),
        mixture_row("b", mixture(sizes.many.saturating_sub(1)), pools),
        nested_row(sizes.nested, pools),
        flat_row(sizes.many, pools),
    ]
}

/// Whose threads run a loop, seen from the main thread, which takes the time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// The main thread calls the loop, as a program would. With windrow and orx-parallel it works, too; with rayon, and
    /// in windrow's `install`, it sleeps while the pool's workers do.
    Outside,
    /// The pool's workers, one of which makes the calls.
    Inside,
}

/// The same loop by all who can do it. Each of them is checked against the sequential one, once.
pub(crate) struct Loop<S, W, R, O> {
    pub(crate) sequential: S,
    pub(crate) windrow: W,
    pub(crate) rayon: R,
    pub(crate) orx: O,
}

impl<S, W, R, O> Loop<S, W, R, O> {
    /// Adds lines for all of them; `sample` calls what it is given, and says how long a call takes.
    pub(crate) fn add_to<'a, T>(
        self,
        row: &mut Row<'a>,
        from: From,
        pools: &'a [Pools],
        sample: impl Fn(&mut dyn FnMut()) -> f64 + Copy + Send + Sync + 'a,
    ) where
        T: PartialEq + Send,
        S: Fn() -> T + Copy + Send + Sync + 'a,
        W: Fn() -> T + Copy + Send + Sync + 'a,
        R: Fn() -> T + Copy + Send + Sync + 'a,
        O: Fn(&BasicPool) -> T + Copy + Send + Sync + 'a,
    {
        let Loop {
            sequential,
            windrow,
            rayon,
            orx,
        } = self;
        let check = move |result: T| assert!(result == sequential(), "a loop gives another result");
        row.add(Who::Sequential, "", 0, move || {
            sample(&mut || drop(black_box(sequential())))
        });
        for pool in pools {
            let n = pool.threads;
            check(pool.windrow.install(windrow));
            check(pool.rayon.install(rayon));
            match from {
                From::Outside => {
                    row.add_judged("", n, move || {
                        sample(&mut || drop(black_box(pool.windrow.scope(|_| windrow()))))
                    });
                    row.add(Who::Windrow, "install", n, move || {
                        sample(&mut || drop(black_box(pool.windrow.install(windrow))))
                    });
                }
                From::Inside => row.add_judged("", n, move || {
                    pool.windrow
                        .install(|| sample(&mut || drop(black_box(windrow()))))
                }),
            }
            row.add(Who::Rayon, "", n, move || match from {
                From::Outside => sample(&mut || drop(black_box(pool.rayon.install(rayon)))),
                From::Inside => pool
                    .rayon
                    .install(|| sample(&mut || drop(black_box(rayon())))),
            });
            if let Some(pool) = pool.orx.as_ref().filter(|_| from != From::Inside) {
                check(orx(pool));
                row.add(Who::Orx, "", n, move || {
                    sample(&mut || drop(black_box(orx(pool))))
                });
            }
        }
    }
}

const FEWER: &str = "orx-parallel has no more threads than the machine has cores.";

fn mandelbrot_row(view: Mandelbrot, pools: &[Pools]) -> Row<'_> {
    let title = format!(
        "Mandelbrot set, {} x {}, {} iterations, a row an item",
        view.width, view.height, view.iterations
    );
    let rules = [
        Rule::OfIdeal(1.03),
        Rule::OfSequential(1.1),
        Rule::Growth(1.2),
    ];
    let mut row = Row::new((15, ""), title, "ms", rules);
    row.note = FEWER;
    Loop {
        sequential: move || (0..view.height).map(|y| view.row(y)).sum::<u64>(),
        windrow: move || by_windrow::mandelbrot(view),
        rayon: move || by_rayon::mandelbrot(view),
        orx: move |pool: &BasicPool| by_orx::mandelbrot(pool, view),
    }
    .add_to(&mut row, From::Outside, pools, |call| {
        Calls::hot(3).median_time(call) / 1e6
    });
    let every_other = move |first| (first..view.height).step_by(2).map(|y| view.row(y)).sum();
    by_hand(&mut row, move || every_other(0), move || every_other(1));
    row
}

/// A line for two threads of std with a half each: what the machine makes of two threads.
fn by_hand<'a>(
    row: &mut Row<'a>,
    first: impl Fn() -> u64 + Send + Sync + 'a,
    second: impl Fn() -> u64 + Send + Sync + 'a,
) {
    row.add_aside(Who::ByHand, "", 2, move || {
        let both = || {
            thread::scope(|scope| {
                let second = scope.spawn(&second);
                first() + second.join().expect("it does not panic")
            })
        };
        let time = Calls::hot(3).median_time(|| {
            black_box(both());
        });
        time / 1e6
    });
}

/// `rounds` 0: items so light that the compiler makes vectors of them.
fn light_row<'a>(
    letter: &'static str,
    from: From,
    rounds: u32,
    items: usize,
    calls: Calls,
    pools: &'a [Pools],
) -> Row<'a> {
    let what = if rounds == 0 { "a few cycles" } else { "10 ns" };
    let place = if from == From::Inside {
        "on a worker"
    } else {
        "from outside"
    };
    let title = format!(
        "Map and sum of {} items of {what}, {place}, hot",
        grouped(items as f64, 0)
    );
    let mut rules = vec![Rule::BesideSequential(1.5), Rule::Growth(1.2)];
    if rounds == 0 {
        rules.push(Rule::OfPeer(Who::Rayon, 0.1));
    } else if from == From::Inside {
        // A tenth of rayon's time would be less than a tenth of the work.
        rules.push(Rule::OfSequential(1.1));
    }
    let mut row = Row::new((16, letter), title, "us a loop", rules);
    let numbers: &[u64] = Vec::leak((0..items as u64).collect());
    // Short loops are timed by the hundred.
    let sample = move |call: &mut dyn FnMut()| calls.batched_time(call) / 1e3;
    if rounds == 0 {
        Loop {
            sequential: move || numbers.iter().map(|&n| cheap(n)).sum::<u64>(),
            windrow: move || by_windrow::cheap_sum(black_box(numbers)),
            rayon: move || by_rayon::cheap_sum(black_box(numbers)),
            orx: move |pool: &BasicPool| by_orx::cheap_sum(pool, black_box(numbers)),
        }
        .add_to(&mut row, from, pools, sample);
    } else {
        Loop {
            sequential: move || numbers.iter().map(|&n| churn(n, rounds) >> 32).sum::<u64>(),
            windrow: move || by_windrow::churned_sum(numbers, rounds),
            rayon: move || by_rayon::churned_sum(numbers, rounds),
            orx: move |pool: &BasicPool| by_orx::churned_sum(pool, numbers, rounds),
        }
        .add_to(&mut row, from, pools, sample);
    }
    row
}

fn two_items_row(span: Duration, pools: &[Pools]) -> Row<'_> {
    let title = format!("A loop of two items of {} each", report::span(span));
    let ideal = span.as_secs_f64() * 1e3;
    let rules = [Rule::Near { ideal, share: 0.04 }];
    let mut row = Row::new((17, ""), title, "ms", rules);
    Loop {
        sequential: move || (0..2).for_each(|_| busy(span)),
        windrow: move || by_windrow::each(2, |_| busy(span)),
        rayon: move || by_rayon::each(2, |_| busy(span)),
        orx: move |pool: &BasicPool| by_orx::each(pool, 2, |_| busy(span)),
    }
    .add_to(&mut row, From::Outside, pools, |call| {
        Calls::hot(9).median_time(call) / 1e6
    });
    row
}

fn mixture_row<'a>(letter: &'static str, all: Mixture, pools: &'a [Pools]) -> Row<'a> {
    let title = format!(
        "{} items of 10 ns, but number {} takes {}",
        grouped(all.items as f64, 0),
        grouped(all.place as f64, 0),
        report::span(all.heavy),
    );
    let mut row = Row::new((18, letter), title, "ms", [Rule::OfIdeal(1.05)]);
    row.note = "Ideal: each half from its front, on two threads, and nobody idle before the end.";
    row.add(Who::Ideal, "", 0, move || {
        let light = (0..all.items).map(|i| churn(i as u64, NS_10) >> 32);
        let light = time(|| assert_ne!(light.sum::<u64>(), 0));
        all.ideal(light) / 1e6
    });
    Loop {
        sequential: move || (0..all.items).map(|i| all.item(i) >> 32).sum::<u64>(),
        windrow: move || by_windrow::mixture(all),
        rayon: move || by_rayon::mixture(all),
        orx: move |pool: &BasicPool| by_orx::mixture(pool, all),
    }
    .add_to(&mut row, From::Outside, pools, |call| {
        Calls::hot(3).median_time(call) / 1e6
    });
    row
}

fn nested_row([outer, inner]: [usize; 2], pools: &[Pools]) -> Row<'_> {
    let title = format!(
        "{} loops of {} items of 10 ns, in a loop, in a task",
        grouped(outer as f64, 0),
        grouped(inner as f64, 0),
    );
    let rules = [Rule::OfOwn("flat", 1.05), Rule::Growth(1.2)];
    let mut row = Row::new((23, ""), title, "ms", rules);
    row.note = "Flat: one loop over all items. orx-parallel's loops cannot be nested in its pool.";
    let sample = |call: &mut dyn FnMut()| Calls::hot(5).median_time(call) / 1e6;
    let lengths = [outer, inner];
    let items = outer * inner;
    for pool in pools {
        let n = pool.threads;
        let expected = pool.rayon.install(|| by_rayon::flat(items));
        row.add_judged("nested", n, move || {
            sample(&mut || {
                let task = pool.windrow.spawn(move || by_windrow::nested(lengths));
                assert_eq!(task.join().expect("the task returns"), expected);
            })
        });
        row.add(Who::Windrow, "flat", n, move || {
            sample(&mut || {
                let task = pool.windrow.spawn(move || by_windrow::flat(items));
                assert_eq!(task.join().expect("the task returns"), expected);
            })
        });
        row.add(Who::Rayon, "nested", n, move || {
            sample(&mut || {
                let sum = pool.rayon.install(|| by_rayon::nested(lengths));
                assert_eq!(sum, expected);
            })
        });
        row.add(Who::Rayon, "flat", n, move || {
            sample(&mut || assert_eq!(pool.rayon.install(|| by_rayon::flat(items)), expected))
        });
    }
    row
}

fn flat_row(items: usize, pools: &[Pools]) -> Row<'_> {
    let title = format!("{} items of 10 ns", grouped(items as f64, 0));
    let rules = [
        Rule::OfSequential(1.1),
        Rule::OfIdeal(1.05),
        Rule::Growth(1.2),
    ];
    let mut row = Row::new((24, ""), title, "ms", rules);
    Loop {
        sequential: move || {
            (0..items)
                .map(|i| churn(i as u64, NS_10) >> 32)
                .sum::<u64>()
        },
        windrow: move || by_windrow::flat(items),
        rayon: move || by_rayon::flat(items),
        orx: move |pool: &BasicPool| by_orx::flat(pool, items),
    }
    .add_to(&mut row, From::Outside, pools, |call| {
        Calls::hot(5).median_time(call) / 1e6
    });
    let half = move |from, to| (from..to).map(|i| churn(i as u64, NS_10) >> 32).sum();
    by_hand(
        &mut row,
        move || half(0, items / 2),
        move || half(items / 2, items),
    );
    row
}
