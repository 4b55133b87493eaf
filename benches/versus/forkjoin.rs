//! Rows 1 to 5: fork and join, from the lightest (a join a node) to the heaviest (two long closures).

use std::hint::{self, black_box};
use std::time::{Duration, Instant};

use crate::args::Plan;
use crate::measure::{Calls, Row, Who};
use crate::peers::Pools;
use crate::report::{self, grouped};
use crate::verdict::Rule;

pub(crate) fn rows<'a>(plan: &Plan, pools: &'a [Pools]) -> Vec<Row<'a>> {
    let sizes = &plan.sizes;
    let [large, middle, small] = sizes.depths;
    // All trees before the first sample, while the heap is still in one piece: what is allocated
    // in preorder then lies in preorder.
    let planted = |row, depth| plan.wants(row).then(|| Tree::new(depth));
    let (large, middle, small) = (planted(1, large), planted(2, middle), planted(3, small));
    let mut rows = Vec::new();
    if let Some(tree) = large {
        let rules = [
            Rule::OfBestPeer(0.40),
            Rule::OfSequential(2.3),
            Rule::SpeedUp(1.85),
            Rule::Growth(1.3),
        ];
        rows.push(tree_row((1, ""), tree, "", Calls::ONCE, &rules, pools));
    }
    if let Some(tree) = middle {
        let rules = [Rule::Growth(1.3)];
        rows.push(tree_row((2, ""), tree, "", Calls::hot(5), &rules, pools));
    }
    if let Some(tree) = small {
        let rules = [
            Rule::OfPeer(Who::Chili, 1.2),
            Rule::OfPeer(Who::Rayon, 0.15),
            Rule::Growth(1.3),
        ];
        let idle = Calls::paused(sizes.paused_calls, sizes.pause);
        let when = format!(", after {} of idleness", report::span(sizes.pause));
        rows.push(tree_row((3, "a"), tree, &when, idle, &rules, pools));
        let hot = Calls::hot(sizes.hot_calls);
        rows.push(tree_row((3, "b"), tree, ", hot", hot, &[], pools));
    }
    rows.push(fib_row(sizes.fib, pools));
    let slept = Calls::paused(3, sizes.closure_pause);
    let when = format!("after {} of sleep", report::span(sizes.closure_pause));
    rows.push(two_closures_row(
        "a",
        sizes.closure,
        "hot",
        Calls::hot(9),
        pools,
    ));
    rows.push(two_closures_row("b", sizes.closure, &when, slept, pools));
    rows
}

struct Node {
    value: u64,
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
}

/// A complete binary tree that lives until the process ends: freed nodes would leave the heap in
/// pieces for the rows that follow.
#[derive(Clone, Copy)]
struct Tree {
    root: &'static Node,
    nodes: u64,
    sum: u64,
}

impl Tree {
    fn new(depth: u32) -> Tree {
        let mut nodes = 0;
        let root = Node::planted(depth, &mut nodes).expect("a tree has a root");
        Tree {
            root: Box::leak(root),
            nodes,
            sum: nodes * (nodes - 1) / 2,
        }
    }
}

impl Node {
    /// A node, then all of its left subtree, then all of its right one: whoever goes down to the
    /// left first reads memory forwards.
    fn planted(depth: u32, planted: &mut u64) -> Option<Box<Node>> {
        let above = depth.checked_sub(1)?;
        let mut node = Box::new(Node {
            value: *planted,
            left: None,
            right: None,
        });
        *planted += 1;
        node.left = Node::planted(above, planted);
        node.right = Node::planted(above, planted);
        Some(node)
    }

    fn left(&self, sum: impl FnOnce(&Node) -> u64) -> u64 {
        self.left.as_deref().map_or(0, sum)
    }

    fn right(&self, sum: impl FnOnce(&Node) -> u64) -> u64 {
        self.right.as_deref().map_or(0, sum)
    }

    fn sum(&self) -> u64 {
        self.value + self.left(Node::sum) + self.right(Node::sum)
    }

    fn sum_windrow(&self) -> u64 {
        let (left, right) = windrow::join(
            || self.left(Node::sum_windrow),
            || self.right(Node::sum_windrow),
        );
        self.value + left + right
    }

    /// The root's join names the pool; all joins beneath it find it themselves.
    fn sum_windrow_on(&self, pool: &windrow::ThreadPool) -> u64 {
        let (left, right) = pool.join(
            || self.left(Node::sum_windrow),
            || self.right(Node::sum_windrow),
        );
        self.value + left + right
    }

    fn sum_rayon(&self) -> u64 {
        let (left, right) = rayon::join(
            || self.left(Node::sum_rayon),
            || self.right(Node::sum_rayon),
        );
        self.value + left + right
    }

    fn sum_chili(&self, scope: &mut chili::Scope<'_>) -> u64 {
        let (left, right) = scope.join(
            |s| self.left(|node| node.sum_chili(s)),
            |s| self.right(|node| node.sum_chili(s)),
        );
        self.value + left + right
    }

    fn sum_chili_swapped(&self, scope: &mut chili::Scope<'_>) -> u64 {
        let (right, left) = scope.join(
            |s| self.right(|node| node.sum_chili_swapped(s)),
            |s| self.left(|node| node.sum_chili_swapped(s)),
        );
        self.value + left + right
    }
}

fn tree_row<'a>(
    key: (u8, &'static str),
    tree: Tree,
    when: &str,
    calls: Calls,
    rules: &[Rule],
    pools: &'a [Pools],
) -> Row<'a> {
    let nodes = grouped(tree.nodes as f64, 0);
    let title = format!("Tree sum, {nodes} nodes in preorder, a join a node{when}");
    let mut row = Row::new(key, title, "ns a node", rules);
    row.note = "chili runs its second closure first: swapped, it too goes through memory forwards.";
    let sample = move |sum: &mut dyn FnMut(&'static Node) -> u64| {
        let time = calls.median_time(|| assert_eq!(sum(black_box(tree.root)), tree.sum));
        time / tree.nodes as f64
    };
    row.add(Who::Sequential, "", 0, move || {
        sample(&mut |root| root.sum())
    });
    for pool in pools {
        let n = pool.threads;
        row.add_judged("", n, move || {
            sample(&mut |root| root.sum_windrow_on(&pool.windrow))
        });
        row.add(Who::Windrow, "from a worker", n, move || {
            sample(&mut |root| pool.windrow.install(|| root.sum_windrow()))
        });
        row.add(Who::Rayon, "", n, move || {
            sample(&mut |root| pool.rayon.install(|| root.sum_rayon()))
        });
        row.add(Who::Chili, "", n, move || {
            let mut scope = pool.chili.scope();
            sample(&mut |root| root.sum_chili(&mut scope))
        });
        row.add_aside(Who::Chili, "swapped", n, move || {
            let mut scope = pool.chili.scope();
            sample(&mut |root| root.sum_chili_swapped(&mut scope))
        });
    }
    row
}

fn fib(n: u32) -> u64 {
    match n {
        0 | 1 => u64::from(n),
        _ => fib(n - 1) + fib(n - 2),
    }
}

fn fib_windrow(n: u32) -> u64 {
    match n {
        0 | 1 => u64::from(n),
        _ => {
            let (a, b) = windrow::join(|| fib_windrow(n - 1), || fib_windrow(n - 2));
            a + b
        }
    }
}

fn fib_windrow_on(pool: &windrow::ThreadPool, n: u32) -> u64 {
    let (a, b) = pool.join(|| fib_windrow(n - 1), || fib_windrow(n - 2));
    a + b
}

fn fib_rayon(n: u32) -> u64 {
    match n {
        0 | 1 => u64::from(n),
        _ => {
            let (a, b) = rayon::join(|| fib_rayon(n - 1), || fib_rayon(n - 2));
            a + b
        }
    }
}

fn fib_chili(n: u32, scope: &mut chili::Scope<'_>) -> u64 {
    match n {
        0 | 1 => u64::from(n),
        _ => {
            let (a, b) = scope.join(|s| fib_chili(n - 1, s), |s| fib_chili(n - 2, s));
            a + b
        }
    }
}

fn fib_row(n: u32, pools: &[Pools]) -> Row<'_> {
    let result = fib(n);
    // Every call with n >= 2 joins: as many as fib(n + 1) - 1.
    let joins = fib(n + 1) - 1;
    let title = format!(
        "fib({n}), a join at every call, {} joins",
        grouped(joins as f64, 0)
    );
    let rules = [
        Rule::OfPeer(Who::Chili, 1.1),
        Rule::OfPeer(Who::Rayon, 0.4),
        Rule::Growth(1.3),
    ];
    let mut row = Row::new((4, ""), title, "ns a join", rules);
    let sample = move |fib: &mut dyn FnMut(u32) -> u64| {
        let time = Calls::hot(3).median_time(|| assert_eq!(fib(black_box(n)), result));
        time / joins as f64
    };
    row.add(Who::Sequential, "", 0, move || sample(&mut fib));
    for pool in pools {
        let threads = pool.threads;
        row.add_judged("", threads, move || {
            sample(&mut |n| fib_windrow_on(&pool.windrow, n))
        });
        row.add(Who::Windrow, "from a worker", threads, move || {
            sample(&mut |n| pool.windrow.install(|| fib_windrow(n)))
        });
        row.add(Who::Rayon, "", threads, move || {
            sample(&mut |n| pool.rayon.install(|| fib_rayon(n)))
        });
        row.add(Who::Chili, "", threads, move || {
            let mut scope = pool.chili.scope();
            sample(&mut |n| fib_chili(n, &mut scope))
        });
    }
    row
}

/// Works for as long as `span` on the clock.
pub(crate) fn busy(span: Duration) {
    let start = Instant::now();
    while start.elapsed() < span {
        hint::spin_loop();
    }
}

fn two_closures_row<'a>(
    letter: &'static str,
    span: Duration,
    when: &str,
    calls: Calls,
    pools: &'a [Pools],
) -> Row<'a> {
    let title = format!(
        "Join of two closures of {} each, {when}",
        report::span(span)
    );
    let ideal = span.as_secs_f64() * 1e3;
    let rules = [Rule::Near { ideal, share: 0.04 }, Rule::Growth(1.3)];
    let mut row = Row::new((5, letter), title, "ms", rules);
    let work = move || busy(black_box(span));
    let sample = move |join: &mut dyn FnMut()| calls.median_time(join) / 1e6;
    row.add(Who::Sequential, "", 0, move || {
        sample(&mut || {
            work();
            work();
        })
    });
    for pool in pools {
        let n = pool.threads;
        row.add_judged("", n, move || {
            sample(&mut || {
                pool.windrow.join(work, work);
            })
        });
        row.add(Who::Rayon, "", n, move || {
            sample(&mut || {
                pool.rayon.join(work, work);
            })
        });
        row.add(Who::Chili, "", n, move || {
            let mut scope = pool.chili.scope();
            sample(&mut || {
                scope.join(|_| work(), |_| work());
            })
        });
    }
    row
}
