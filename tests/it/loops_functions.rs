//! The functions that make parallel iterators out of nothing, of one value, of what can be split, of trees.

use std::collections::HashSet;
use std::hint::spin_loop;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use windrow::iter::{
    Either, empty, once, repeat, repeat_n, split, walk_tree, walk_tree_postfix, walk_tree_prefix,
};
use windrow::prelude::*;

use crate::random::Random;
use crate::support::{SIZES, panic_of, pool, yield_until};

fn a_while() {
    for _ in 0..200 {
        spin_loop();
    }
}

#[test]
fn nothing_one_and_many() {
    for size in SIZES {
        pool(size).install(|| {
            assert_eq!(empty::<String>().collect::<Vec<_>>(), Vec::<String>::new());
            assert_eq!(empty::<u8>().len(), 0);
            assert_eq!(once("x").clone().collect::<Vec<_>>(), ["x"]);
            for n in [0, 1, 2, 5000] {
                let words: Vec<String> = repeat_n(String::from("x"), n).collect();
                assert_eq!(words, vec!["x"; n]);
                let taken: Vec<String> = repeat(String::from("x")).take(n).clone().collect();
                assert_eq!(taken, words);
                let pairs: Vec<_> = repeat('x').zip(0..n).collect();
                assert!(pairs.into_iter().eq((0..n).map(|at| ('x', at))));
            }
        });
    }
}

#[test]
fn an_endless_loop_ends_when_something_is_found_or_panics() {
    for size in SIZES {
        pool(size).install(|| {
            let seen = AtomicUsize::new(0);
            let found = repeat(7).find_any(|_| seen.fetch_add(1, Ordering::Relaxed) > 1000);
            assert_eq!(found, Some(7));
            let seen = AtomicUsize::new(0);
            panic_of(|| {
                repeat(7).for_each(|_| assert!(seen.fetch_add(1, Ordering::Relaxed) < 1000));
            });
            assert_eq!(
                (0..u64::MAX).into_par_iter().find_first(|&x| x > 1000),
                Some(1001)
            );
        });
    }
}

fn halves(range: Range<u64>) -> (Range<u64>, Option<Range<u64>>) {
    if range.end - range.start < 2 {
        return (range, None);
    }
    let mid = range.start + (range.end - range.start) / 2;
    (range.start..mid, Some(mid..range.end))
}

/// Cuts off the first only.
fn tail(range: Range<u64>) -> (Range<u64>, Option<Range<u64>>) {
    if range.end - range.start < 2 {
        return (range, None);
    }
    (
        range.start..range.start + 1,
        Some(range.start + 1..range.end),
    )
}

/// Cuts off the last only.
fn front(range: Range<u64>) -> (Range<u64>, Option<Range<u64>>) {
    if range.end - range.start < 2 {
        return (range, None);
    }
    (range.start..range.end - 1, Some(range.end - 1..range.end))
}

#[test]
fn pieces_make_up_the_whole_in_order() {
    for size in SIZES {
        pool(size).install(|| {
            for len in [0, 1, 2, 100, 20_000] {
                for splitter in [halves, tail, front] {
                    let pieces: Vec<Range<u64>> = split(0..len, splitter)
                        .inspect(|range| range.clone().for_each(|_| a_while()))
                        .collect();
                    assert!(pieces.iter().cloned().flatten().eq(0..len));
                    assert!(!pieces.is_empty());
                }
            }
            assert!(split(0..1 << 20, halves).count() >= size);
        });
    }
}

#[test]
fn pieces_go_to_other_threads() {
    pool(2).install(|| {
        let threads = Mutex::new(HashSet::new());
        split(0..64, halves).for_each(|_| {
            threads.lock().unwrap().insert(thread::current().id());
            yield_until(|| threads.lock().unwrap().len() >= 2);
        });
    });
}

/// A tree drawn at random: the children of each node by its number.
fn tree(nodes: usize, seed: u64, spread: u64) -> Vec<Vec<usize>> {
    let mut random = Random::new(seed);
    let mut children = vec![Vec::new(); nodes];
    for node in 1..nodes {
        // A small spread makes it deep, a large one makes it wide.
        let back = 1 + random.below(spread.min(node as u64)) as usize;
        children[node - back].push(node);
    }
    children
}

/// The nodes in order, by one thread and without recursion.
fn in_order(children: &[Vec<usize>], prefix: bool) -> Vec<usize> {
    let mut order = Vec::new();
    let mut stack = vec![0];
    while let Some(node) = stack.pop() {
        order.push(node);
        let below = children[node].iter().copied();
        // A postfix walk is a prefix walk with right and left exchanged, backwards.
        if prefix {
            stack.extend(below.rev())
        } else {
            stack.extend(below)
        }
    }
    if !prefix {
        order.reverse();
    }
    order
}

#[test]
fn walks_are_in_their_order() {
    for size in SIZES {
        pool(size).install(|| {
            for (nodes, spread) in [
                (1, 1),
                (2, 1),
                (500, 1),
                (5000, 2),
                (5000, 50),
                (5000, 5000),
            ] {
                let children = tree(nodes, nodes as u64 + spread, spread);
                let below = |node: &usize| children[*node].clone();
                let wait = |_: &usize| a_while();
                let prefix: Vec<usize> = walk_tree_prefix(0, below).inspect(wait).collect();
                assert_eq!(prefix, in_order(&children, true));
                let postfix: Vec<usize> = walk_tree_postfix(0, below).inspect(wait).collect();
                assert_eq!(postfix, in_order(&children, false));
                let mut any: Vec<usize> = walk_tree(0, below).inspect(wait).collect();
                any.sort_unstable();
                assert!(any.into_iter().eq(0..nodes));

                let first = walk_tree_prefix(0, below).find_first(|node| node % 7 == 3);
                assert_eq!(
                    first,
                    in_order(&children, true)
                        .into_iter()
                        .find(|node| node % 7 == 3)
                );
            }
        });
    }
}

const LONG: usize = 1_000_000;

#[test]
fn a_path_of_a_million_nodes_overflows_no_stack() {
    let below = |&node: &usize| (node + 1 < LONG).then_some(node + 1);
    for size in SIZES {
        pool(size).install(|| {
            let prefix: Vec<usize> = walk_tree_prefix(0, below).collect();
            assert!(prefix.into_iter().eq(0..LONG));
            let postfix: Vec<usize> = walk_tree_postfix(0, below).collect();
            assert!(postfix.into_iter().eq((0..LONG).rev()));
            assert_eq!(walk_tree(0, below).count(), LONG);
        });
    }
}

#[test]
fn combs_of_many_nodes_overflow_no_stack() {
    const NODES: usize = 20_000;
    // Each node of a path has a leaf before or behind the rest of the path: cut as often as can be.
    for leaf_first in [false, true] {
        let below = move |&node: &usize| match node {
            _ if node % 2 == 1 || node + 2 >= NODES => vec![],
            _ if leaf_first => vec![node + 1, node + 2],
            _ => vec![node + 2, node + 1],
        };
        for size in SIZES {
            pool(size).install(|| {
                let wait = |node: &usize| {
                    if node % 2 == 1 {
                        a_while()
                    }
                };
                let prefix: Vec<usize> = walk_tree_prefix(0, below).inspect(wait).collect();
                let postfix: Vec<usize> = walk_tree_postfix(0, below).inspect(wait).collect();
                assert_eq!((prefix.len(), postfix.len()), (NODES - 1, NODES - 1));
                if leaf_first {
                    assert!(prefix.into_iter().eq(0..NODES - 1));
                } else {
                    assert!(
                        prefix
                            .iter()
                            .take(NODES / 2)
                            .copied()
                            .eq((0..NODES).step_by(2))
                    );
                }
                assert_eq!(postfix.last(), Some(&0));
            });
        }
    }
}

#[test]
fn a_path_is_shared() {
    let below = |&node: &usize| (node + 1 < 100_000).then_some(node + 1);
    // On each of the two threads a node waits until both have one.
    for prefix in [true, false] {
        pool(2).install(|| {
            let threads = Mutex::new(HashSet::new());
            let nodes = AtomicUsize::new(0);
            let check = |_| {
                threads.lock().unwrap().insert(thread::current().id());
                // The first nodes are given before the rest is offered.
                if nodes.fetch_add(1, Ordering::Relaxed) > 1000 {
                    yield_until(|| threads.lock().unwrap().len() >= 2);
                }
            };
            if prefix {
                walk_tree_prefix(0, below).for_each(check);
            } else {
                walk_tree_postfix(0, below).for_each(check);
            }
        });
    }
}

/// Says when it is dropped.
struct Node<'c>(usize, &'c AtomicUsize);

impl<'c> Node<'c> {
    fn new(number: usize, alive: &'c AtomicUsize) -> Self {
        alive.fetch_add(1, Ordering::SeqCst);
        Self(number, alive)
    }
}

impl Drop for Node<'_> {
    fn drop(&mut self) {
        self.1.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn nodes_and_pieces_are_dropped_once_however_a_loop_ends() {
    for size in SIZES {
        pool(size).install(|| {
            let alive = AtomicUsize::new(0);
            let below = |node: &Node<'_>| {
                let first = 2 * node.0 + 1;
                (first..first + 2)
                    .filter(|&node| node < 4000)
                    .map(|node| Node::new(node, &alive))
                    .collect::<Vec<_>>()
            };
            let root = || Node::new(0, &alive);
            let bad = |node: Node<'_>| {
                a_while();
                assert!(node.0 != 2000);
            };
            drop(walk_tree(root(), below));
            assert_eq!(walk_tree_prefix(root(), below).count(), 4000);
            drop(walk_tree_prefix(root(), below).find_any(|node| node.0 == 1500));
            drop(walk_tree_postfix(root(), below).find_any(|node| node.0 == 1500));
            panic_of(|| walk_tree_prefix(root(), below).for_each(bad));
            panic_of(|| walk_tree_postfix(root(), below).for_each(bad));
            panic_of(|| {
                let failing = |node: &Node<'_>| {
                    assert!(node.0 != 1000);
                    below(node)
                };
                walk_tree(root(), failing).count()
            });
            assert_eq!(alive.load(Ordering::SeqCst), 0);

            let data = || (0..4000, Node::new(0, &alive));
            let splitter = |(range, node)| {
                let (left, right) = halves(range);
                (
                    (left, node),
                    right.map(|right| (right, Node::new(1, &alive))),
                )
            };
            assert!(split(data(), splitter).count() > 0);
            drop(split(data(), splitter).find_any(|(range, _)| range.contains(&2000)));
            panic_of(|| {
                split(data(), splitter).for_each(|(range, _)| assert!(!range.contains(&2000)));
            });
            assert_eq!(alive.load(Ordering::SeqCst), 0);
        });
    }
}

#[test]
fn either_of_two_gives_or_drops_each_item_once() {
    for size in SIZES {
        pool(size).install(|| {
            let alive = AtomicUsize::new(0);
            let nodes = || (0..2000).map(|i| Node::new(i, &alive)).collect::<Vec<_>>();
            for backwards in [false, true] {
                let either = || match nodes().into_par_iter() {
                    forwards if !backwards => Either::Left(forwards),
                    forwards => Either::Right(forwards.rev()),
                };
                let numbers: Vec<usize> = either().map(|node| node.0).collect();
                let first = if backwards { 1999 } else { 0 };
                assert_eq!((numbers.len(), numbers[0]), (2000, first));
                drop(either());
                assert_eq!(either().skip(10).step_by(3).take(5).zip(nodes()).count(), 5);
                drop(either().find_any(|node| node.0 == 700));
                panic_of(|| {
                    either().enumerate().for_each(|(i, node)| {
                        a_while();
                        assert!(i + node.0 < 1999 || i < 1000);
                    });
                });
                assert_eq!(alive.load(Ordering::SeqCst), 0);
            }
        });
    }
}
