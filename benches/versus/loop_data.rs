//! Rows 19 to 22: loops over much data: collected, summed up, from an iterator, sorted.

use std::cell::RefCell;
use std::rc::Rc;

use orx_parallel::BasicPool;

use crate::args::Plan;
use crate::loop_bodies::{NS_32, US_1, cheap, churn};
use crate::loop_peers::{by_orx, by_rayon, by_windrow};
use crate::loops::{From, Loop};
use crate::measure::{Calls, Row, Who, time};
use crate::peers::Pools;
use crate::report::grouped;
use crate::verdict::Rule;

pub(crate) fn rows<'a>(plan: &Plan, pools: &'a [Pools]) -> Vec<Row<'a>> {
    let sizes = &plan.sizes.loops;
    let [slow, fast] = sizes.bridged;
    let mut rows = Vec::new();
    if plan.wants(19) {
        rows.push(collect_row(sizes.collected, pools));
    }
    if plan.wants(20) {
        rows.push(sum_row(sizes.summed, pools));
    }
    rows.push(bridge_row(
        ("a", "1 us", US_1),
        slow,
        &[Rule::OfIdeal(1.0 / 0.85)],
        pools,
    ));
    rows.push(bridge_row(
        ("b", "32 ns", NS_32),
        fast,
        &[Rule::OfBestPeer(1.0)],
        pools,
    ));
    if plan.wants(22) {
        let (stable, unstable) = (by_windrow::sort, by_windrow::sort_unstable);
        let sorts: [(_, Sort, Sort, Sort); 2] = [
            ("a", <[u64]>::sort, stable, by_rayon::sort),
            (
                "b",
                <[u64]>::sort_unstable,
                unstable,
                by_rayon::sort_unstable,
            ),
        ];
        let sorts = sorts.into_iter();
        rows.extend(sorts.map(|sorts| sort_row(sorts, sizes.sorted, pools)));
    }
    rows
}

fn collect_row(items: usize, pools: &[Pools]) -> Row<'_> {
    let title = format!("{} numbers mapped and collected", grouped(items as f64, 0));
    let rules = [Rule::OfBestPeer(1.0), Rule::Growth(1.2)];
    let mut row = Row::new((19, ""), title, "ms", rules);
    let numbers: &[u64] = Vec::leak((0..items as u64).collect());
    Loop {
        sequential: move || numbers.iter().map(|&n| cheap(n)).collect::<Vec<_>>(),
        windrow: move || by_windrow::collected(numbers),
        rayon: move || by_rayon::collected(numbers),
        orx: move |pool: &BasicPool| by_orx::collected(pool, numbers),
    }
    .add_to(&mut row, From::Outside, pools, |call| {
        Calls::hot(9).median_time(call) / 1e6
    });
    row
}

fn sum_row(items: usize, pools: &[Pools]) -> Row<'_> {
    let title = format!("{} floats mapped and summed up", grouped(items as f64, 0));
    let rules = [Rule::OfBestPeer(1.0), Rule::Growth(1.2)];
    let mut row = Row::new((20, ""), title, "ms", rules);
    // Sums of such are exact, and so the same in every order.
    let numbers = (0..items).map(|n| (n % 1024) as f64);
    let numbers: &[f64] = Vec::leak(numbers.collect());
    Loop {
        sequential: move || numbers.iter().map(|&x| x * 0.5 + 1.0).sum::<f64>(),
        windrow: move || by_windrow::float_sum(numbers),
        rayon: move || by_rayon::float_sum(numbers),
        orx: move |pool: &BasicPool| by_orx::float_sum(pool, numbers),
    }
    .add_to(&mut row, From::Outside, pools, |call| {
        Calls::hot(9).median_time(call) / 1e6
    });
    row
}

/// An iterator of which nobody knows the length, and that cannot be cut.
fn plain(items: usize) -> impl Iterator<Item = u64> + Send {
    let mut next = 0;
    std::iter::from_fn(move || {
        next += 1;
        (next <= items as u64).then_some(next)
    })
}

fn bridge_row<'a>(
    (letter, span, rounds): (&'static str, &str, u32),
    items: usize,
    rules: &[Rule],
    pools: &'a [Pools],
) -> Row<'a> {
    let title = format!(
        "{} items of {span} from a plain iterator",
        grouped(items as f64, 0)
    );
    let mut row = Row::new((21, letter), title, "ms", rules);
    Loop {
        sequential: move || plain(items).map(|n| churn(n, rounds) >> 32).sum::<u64>(),
        windrow: move || by_windrow::bridged(plain(items), rounds),
        rayon: move || by_rayon::bridged(plain(items), rounds),
        orx: move |pool: &BasicPool| by_orx::bridged(pool, plain(items), rounds),
    }
    .add_to(&mut row, From::Outside, pools, |call| {
        Calls::hot(3).median_time(call) / 1e6
    });
    row
}

type Sort = fn(&mut [u64]);

fn sort_row<'a>(
    (letter, sequential, windrow, rayon): (&'static str, Sort, Sort, Sort),
    items: usize,
    pools: &'a [Pools],
) -> Row<'a> {
    let kind = if letter == "a" { "stable" } else { "unstable" };
    let title = format!("{} numbers sorted, {kind}", grouped(items as f64, 0));
    let rules = [Rule::OfPeer(Who::Rayon, 1.0), Rule::Growth(1.2)];
    let mut row = Row::new((22, letter), title, "ms", rules);
    let unsorted: Vec<u64> = (0..items as u64).map(|n| churn(n, 4)).collect();
    let buffer = unsorted.clone();
    // All samples sort the same memory.
    let memory = Rc::new((unsorted, RefCell::new(buffer)));
    let sample = move |sort: &mut (dyn FnMut(&mut [u64]) + Send)| {
        let (unsorted, buffer) = &*memory;
        let mut buffer = buffer.borrow_mut();
        buffer.copy_from_slice(unsorted);
        let time = time(|| sort(&mut buffer));
        assert!(buffer.is_sorted());
        time / 1e6
    };
    row.add(Who::Sequential, "", 0, {
        let sample = sample.clone();
        move || sample(&mut |numbers| sequential(numbers))
    });
    for pool in pools {
        let n = pool.threads;
        row.add_judged("", n, {
            let sample = sample.clone();
            move || sample(&mut |numbers| pool.windrow.install(|| windrow(numbers)))
        });
        row.add(Who::Rayon, "", n, {
            let sample = sample.clone();
            move || sample(&mut |numbers| pool.rayon.install(|| rayon(numbers)))
        });
    }
    row
}
