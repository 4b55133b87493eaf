//! Rows 9 and 10: what one call costs, with nothing to do in it.

use std::sync::mpsc;

use crate::args::Plan;
use crate::measure::{Calls, Row, Who};
use crate::peers::Pools;
use crate::report;
use crate::verdict::Rule;

pub(crate) fn rows<'a>(plan: &Plan, pools: &'a [Pools]) -> Vec<Row<'a>> {
    let sizes = &plan.sizes;
    let hot = Calls::hot(sizes.hot_calls);
    let idle = Calls::paused(sizes.paused_calls, sizes.pause);
    let when = format!("after {} of idleness", report::span(sizes.pause));
    vec![
        empty_row(hot, pools),
        worker_row("a", &when, idle, pools),
        worker_row("b", "hot", hot, pools),
    ]
}

/// From outside and back, by whatever way is shortest.
fn empty_row(calls: Calls, pools: &[Pools]) -> Row<'_> {
    let title = "An empty closure, call to return, hot".to_owned();
    let rules = [Rule::AtMost(1000.0), Rule::Growth(1.3)];
    let mut row = Row::new((9, ""), title, "ns", rules);
    let sample = move |call: &mut dyn FnMut()| calls.batched_time(call);
    for pool in pools {
        let n = pool.threads;
        row.add_judged("join", n, move || {
            sample(&mut || {
                pool.windrow.join(|| (), || ());
            })
        });
        row.add_judged("scope", n, move || {
            sample(&mut || pool.windrow.scope(|_| ()))
        });
        row.add(Who::Windrow, "scope, one spawn", n, move || {
            sample(&mut || {
                pool.windrow.scope(|scope| {
                    let _ = scope.spawn(|| ());
                });
            })
        });
        row.add(Who::Rayon, "install", n, move || {
            sample(&mut || pool.rayon.install(|| ()))
        });
        row.add(Who::Chili, "join, scope kept", n, move || {
            let mut scope = pool.chili.scope();
            sample(&mut || {
                scope.join(|_| (), |_| ());
            })
        });
        row.add(Who::Chili, "scope, join", n, move || {
            sample(&mut || {
                pool.chili.scope().join(|_| (), |_| ());
            })
        });
        row.add(Who::RustyPool, "evaluate", n, move || {
            sample(&mut || pool.rusty_pool.evaluate(|| ()).await_complete())
        });
    }
    row
}

/// To another thread and back: the caller may not do it itself.
fn worker_row<'a>(letter: &'static str, when: &str, calls: Calls, pools: &'a [Pools]) -> Row<'a> {
    let title = format!("An empty task on a worker, call to return, {when}");
    let rules = [Rule::OfBestPeer(1.0), Rule::Growth(1.3)];
    let mut row = Row::new((10, letter), title, "us, p50", rules);
    let sample = move |call: &mut dyn FnMut()| calls.median_time(call) / 1e3;
    for pool in pools {
        let n = pool.threads;
        row.add_judged("install", n, move || {
            sample(&mut || pool.windrow.install(|| ()))
        });
        row.add(Who::Windrow, "spawn, channel", n, move || {
            let (sender, ran) = mpsc::channel();
            sample(&mut || {
                let sender = sender.clone();
                drop(pool.windrow.spawn(move || sender.send(()).is_ok()));
                ran.recv().expect("the task ran");
            })
        });
        row.add(Who::Rayon, "install", n, move || {
            sample(&mut || pool.rayon.install(|| ()))
        });
        row.add(Who::Threadpool, "execute, channel", n, move || {
            let (sender, ran) = mpsc::channel();
            sample(&mut || {
                let sender = sender.clone();
                pool.threadpool.execute(move || {
                    // The caller waits for it below.
                    let _ = sender.send(());
                });
                ran.recv().expect("the task ran");
            })
        });
        row.add(Who::RustyPool, "evaluate", n, move || {
            sample(&mut || pool.rusty_pool.evaluate(|| ()).await_complete())
        });
    }
    row
}
