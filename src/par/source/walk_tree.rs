//! Loops over trees that a closure makes known, node by node.
//!
//! Nodes that have not been given away wait in vectors, so that the depth of a tree costs heap, not stack.
//! They are cut by [`worklist`](crate::par::plumbing::worklist).

use crate::par::debug::debug_fields;
use crate::par::iter::ParallelIterator;
use crate::par::plumbing::Consumer;
use crate::par::plumbing::worklist::{Step, Worklist, drive_worklist};
use std::collections::VecDeque;
use std::fmt;
use std::mem::{replace, take};

/// An iterator over the nodes of a tree, each before its children; made by [`walk_tree_prefix`].
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct WalkTreePrefix<S, B> {
    root: S,
    children_of: B,
}

/// An iterator over the nodes of a tree, each after its children; made by [`walk_tree_postfix`].
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct WalkTreePostfix<S, B> {
    root: S,
    children_of: B,
}

/// An iterator over the nodes of a tree; made by [`walk_tree`].
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct WalkTree<S, B> {
    inner: WalkTreePostfix<S, B>,
}

/// An iterator over the nodes of a tree: the root, then the first child with what is below it, then the
/// second, and so on.
///
/// `children_of` is called once for each node. Ordered results are in this order; nodes are *given* in any.
/// The tree may be as deep as memory allows.
///
/// ```
/// use windrow::iter::walk_tree_prefix;
/// use windrow::prelude::*;
///
/// // A heap's nodes by their numbers.
/// let nodes = walk_tree_prefix(1, |&n| [2 * n, 2 * n + 1].into_iter().filter(|&n| n < 8));
/// assert_eq!(nodes.collect::<Vec<_>>(), [1, 2, 4, 5, 3, 6, 7]);
/// ```
pub fn walk_tree_prefix<S, B, I>(root: S, children_of: B) -> WalkTreePrefix<S, B>
where
    S: Send,
    B: Fn(&S) -> I + Send + Sync,
    I: IntoIterator<Item = S, IntoIter: DoubleEndedIterator>,
{
    WalkTreePrefix { root, children_of }
}

/// An iterator over the nodes of a tree: the first child with what is below it, then the second, and so on,
/// and at last the root.
///
/// `children_of` is called once for each node. Ordered results are in this order; nodes are *given* in any.
/// The tree may be as deep as memory allows.
///
/// ```
/// use windrow::iter::walk_tree_postfix;
/// use windrow::prelude::*;
///
/// // A heap's nodes by their numbers.
/// let nodes = walk_tree_postfix(1, |&n| [2 * n, 2 * n + 1].into_iter().filter(|&n| n < 8));
/// assert_eq!(nodes.collect::<Vec<_>>(), [4, 5, 2, 6, 7, 3, 1]);
/// ```
pub fn walk_tree_postfix<S, B, I>(root: S, children_of: B) -> WalkTreePostfix<S, B>
where
    S: Send,
    B: Fn(&S) -> I + Send + Sync,
    I: IntoIterator<Item = S>,
{
    WalkTreePostfix { root, children_of }
}

/// An iterator over the nodes of a tree, in no particular order.
///
/// `children_of` is called once for each node. The tree may be as deep as memory allows.
///
/// ```
/// use windrow::iter::walk_tree;
/// use windrow::prelude::*;
///
/// // A heap's nodes by their numbers.
/// let nodes = walk_tree(1, |&n| [2 * n, 2 * n + 1].into_iter().filter(|&n| n < 8));
/// assert_eq!(nodes.sum::<u32>(), 28);
/// ```
pub fn walk_tree<S, B, I>(root: S, children_of: B) -> WalkTree<S, B>
where
    S: Send,
    B: Fn(&S) -> I + Send + Sync,
    I: IntoIterator<Item = S, IntoIter: DoubleEndedIterator>,
{
    // With many children still to come, and all ancestors, there is more to be cut off than before them.
    WalkTree {
        inner: walk_tree_postfix(root, children_of),
    }
}

impl<S, B, I> ParallelIterator for WalkTreePrefix<S, B>
where
    S: Send,
    B: Fn(&S) -> I + Send + Sync,
    I: IntoIterator<Item = S, IntoIter: DoubleEndedIterator>,
{
    type Item = S;

    fn drive<C: Consumer<S>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let Self { root, children_of } = self;
        let list = |_: &_| Prefix {
            open: VecDeque::new(),
            closed: vec![root],
            ahead: FIRST_AHEAD,
            children_of: &children_of,
        };
        drive_worklist(list, consumer, fold)
    }
}

/// How many nodes of a path are opened ahead of their turn, the first time.
const FIRST_AHEAD: usize = 8;

/// The rest of a walk in prefix order.
struct Prefix<'b, S, B> {
    /// Those whose children are in `closed` or have been there: they come first, in order.
    open: VecDeque<S>,
    /// Nodes that stand for what is below them, too; the last is the first.
    closed: Vec<S>,
    /// For the next time; it doubles, so that a path is cut not more often than a logarithm of its length.
    ahead: usize,
    children_of: &'b B,
}

impl<S, B, I> Prefix<'_, S, B>
where
    B: Fn(&S) -> I,
    I: IntoIterator<Item = S>,
{
    /// Puts the children of a node where they belong.
    fn close_children(&mut self, node: &S) {
        push_reversed(&mut self.closed, (self.children_of)(node), |child| child);
    }
}

/// Pushes items so that the first comes last.
fn push_reversed<T, U>(to: &mut Vec<U>, items: impl IntoIterator<Item = T>, wrap: impl Fn(T) -> U) {
    let start = to.len();
    to.extend(items.into_iter().map(wrap));
    to[start..].reverse();
}

/// Takes off the first `n` of a vector that is used from its end.
fn take_bottom<T>(from: &mut Vec<T>, n: usize) -> Vec<T> {
    let top = from.split_off(n);
    replace(from, top)
}

impl<S, B, I> Worklist for Prefix<'_, S, B>
where
    S: Send,
    B: Fn(&S) -> I + Sync,
    I: IntoIterator<Item = S>,
{
    type Item = S;

    const COARSE: bool = false;

    fn step(&mut self) -> Step<S> {
        if let Some(node) = self.open.pop_front() {
            return Step::Item(node);
        }
        match self.closed.pop() {
            None => Step::End,
            Some(node) => {
                self.close_children(&node);
                Step::Item(node)
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.open.is_empty() && self.closed.is_empty()
    }

    fn split_off(&mut self) -> Option<Self> {
        if self.closed.len() == 1 {
            // Only one thread can look for more. It does so for a while, so that others have something to do
            // meanwhile.
            while self.open.len() < self.ahead && self.closed.len() == 1 {
                let node = self.closed.pop()?;
                self.close_children(&node);
                self.open.push_back(node);
            }
            if self.open.len() >= self.ahead {
                self.ahead = self.ahead.saturating_mul(2);
            }
        }
        let (open, closed) = if self.closed.len() > 1 {
            let half = self.closed.len() / 2;
            (VecDeque::new(), take_bottom(&mut self.closed, half))
        } else {
            let half = self.open.len().div_ceil(2);
            let closed = take(&mut self.closed);
            (self.open.split_off(half), closed)
        };
        if open.is_empty() && closed.is_empty() {
            return None;
        }
        Some(Self {
            open,
            closed,
            ahead: self.ahead,
            children_of: self.children_of,
        })
    }
}

impl<S, B, I> ParallelIterator for WalkTreePostfix<S, B>
where
    S: Send,
    B: Fn(&S) -> I + Send + Sync,
    I: IntoIterator<Item = S>,
{
    type Item = S;

    fn drive<C: Consumer<S>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let Self { root, children_of } = self;
        let list = |_: &_| Postfix {
            nodes: vec![Node::Closed(root)],
            closed: 1,
            children_of: &children_of,
        };
        drive_worklist(list, consumer, fold)
    }
}

enum Node<S> {
    /// Its children have been listed before it.
    Open(S),
    /// It stands for what is below it, too.
    Closed(S),
}

/// The rest of a walk in postfix order.
struct Postfix<'b, S, B> {
    /// The last is the first.
    nodes: Vec<Node<S>>,
    /// How many of them are closed.
    closed: usize,
    children_of: &'b B,
}

impl<S, B, I> Worklist for Postfix<'_, S, B>
where
    S: Send,
    B: Fn(&S) -> I + Sync,
    I: IntoIterator<Item = S>,
{
    type Item = S;

    const COARSE: bool = false;

    fn step(&mut self) -> Step<S> {
        match self.nodes.pop() {
            None => Step::End,
            Some(Node::Open(node)) => Step::Item(node),
            Some(Node::Closed(node)) => {
                self.closed -= 1;
                let children = (self.children_of)(&node);
                self.nodes.push(Node::Open(node));
                let before = self.nodes.len();
                push_reversed(&mut self.nodes, children, Node::Closed);
                self.closed += self.nodes.len() - before;
                Step::Nothing
            }
        }
    }

    /// Half of the closed nodes, and the open ones between them; without two closed ones, half of the others.
    fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    fn split_off(&mut self) -> Option<Self> {
        let is_closed = |node: &Node<S>| matches!(node, Node::Closed(_));
        let (cut, closed) = if self.closed > 1 {
            let half = self.closed / 2;
            let mut places = self.nodes.iter().enumerate().filter(|(_, n)| is_closed(n));
            let (last, _) = places.nth(half - 1)?;
            (last + 1, half)
        } else {
            let half = self.nodes.len() / 2;
            let closed = self.nodes[..half].iter().filter(|n| is_closed(n)).count();
            (half, closed)
        };
        if cut == 0 {
            return None;
        }
        self.closed -= closed;
        Some(Self {
            nodes: take_bottom(&mut self.nodes, cut),
            closed,
            children_of: self.children_of,
        })
    }
}

impl<S, B, I> ParallelIterator for WalkTree<S, B>
where
    S: Send,
    B: Fn(&S) -> I + Send + Sync,
    I: IntoIterator<Item = S, IntoIter: DoubleEndedIterator>,
{
    type Item = S;

    fn drive<C: Consumer<S>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        self.inner.drive(consumer, fold)
    }
}

debug_fields!(
    [S: fmt::Debug, B] WalkTreePrefix<S, B> { root }
    [S: fmt::Debug, B] WalkTreePostfix<S, B> { root }
);

impl<S: fmt::Debug, B> fmt::Debug for WalkTree<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WalkTree")
            .field("root", &self.inner.root)
            .finish_non_exhaustive()
    }
}
