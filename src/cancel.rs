//! Cancellation that is asked for rather than enforced: a flag that spreads down a tree.
//!
//! # States
//! A node is *live*, then *cancelled* (its own flag is set), then *settled* (so are the flags of all its
//! descendants). It never goes back. Its list of children and its hook change under its lock, and so does
//! the flag: a child enters the list only while the flag is not set, and is born cancelled afterwards. So
//! the list of a cancelled node can only shrink, and who has set the flag and then read the list has missed
//! nobody. A settled node has no list any more.
//!
//! `cancel` walks down and passes through nodes that another thread has cancelled but not settled, for
//! their descendants may not have their flags yet. Whoever sets a node's flag takes its hook along, and
//! calls it when the walk is over. So when `cancel` returns, every descendant is cancelled, and a hook finds
//! all that is below it cancelled; the hook of a node that two threads reached may still be on its way in
//! the other one.
//!
//! # Ownership
//! Children hold their parents strongly, parents hold their children weakly, in a slab that hands out a
//! place when the child is made and takes it back when the child goes. A dying node has no live children.
//! No thread ever holds two nodes' locks, and no node ends while a lock is held. Walks down and up are
//! loops: a chain may be as deep as memory allows.
//!
//! # Memory ordering
//! The flag is stored with Release and loaded with Acquire: what happened before the `cancel` that set it
//! is visible to whoever sees `is_cancelled() == true`. It is the same for descendants, and for those born
//! cancelled, whose maker has seen the flag of a parent. Everything else is ordered by the locks.

use crate::park::Parker;
use crate::sync::Weak;
use crate::sync::{Arc, AtomicBool, Mutex, OnceLock, Ordering};
use slab::Slab;
use std::collections::HashSet;
use std::fmt;
use thiserror::Error;

mod slab;

/// What was asked for did not happen, or not to the end, because somebody cancelled it.
///
/// ```
/// use windrow::{CancelToken, Cancelled};
///
/// let token = CancelToken::new();
/// token.cancel();
/// assert_eq!(token.check(), Err(Cancelled));
/// assert_eq!(Cancelled.to_string(), "the operation was cancelled");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[error("the operation was cancelled")]
pub struct Cancelled;

/// Tells work that nobody wants its result any more.
///
/// Clones are the same token. A [`child`](Self::child) is cancelled with its parent, but can be cancelled
/// alone as well. Nothing is interrupted: work asks with [`is_cancelled`](Self::is_cancelled) or
/// [`check`](Self::check), which costs one load, and stops where it can.
///
/// ```
/// use windrow::{CancelToken, Cancelled};
///
/// fn longest(words: &[&str], token: &CancelToken) -> Result<usize, Cancelled> {
///     let mut longest = 0;
///     for word in words {
///         token.check()?;
///         longest = longest.max(word.len());
///     }
///     Ok(longest)
/// }
///
/// let token = CancelToken::new();
/// assert_eq!(longest(&["raked", "hay"], &token), Ok(5));
/// token.cancel();
/// assert_eq!(longest(&["raked", "hay"], &token), Err(Cancelled));
/// ```
#[derive(Clone)]
pub struct CancelToken(Arc<Node>);

/// What is told of a cancellation besides the flag.
pub(crate) trait OnCancel: Send + Sync {
    /// Called once, by the cancelling thread, which holds no locks of the tree. Must not panic: the hooks
    /// that come after it would be lost.
    fn cancelled(&self);
}

/// Wakes a thread that waits for something else.
#[derive(Debug)]
pub(crate) struct UnparkOnCancel(pub(crate) Arc<Parker>);

impl OnCancel for UnparkOnCancel {
    fn cancelled(&self) {
        self.0.unpark();
    }
}

struct Node {
    cancelled: AtomicBool,
    state: Mutex<State>,
    /// Written once, before anybody but the maker has the node strongly for good.
    parents: OnceLock<Links>,
}

struct State {
    children: Slab<Weak<Node>>,
    hook: Option<Weak<dyn OnCancel>>,
    settled: bool,
}

/// A parent, and the child's place in the parent's list.
struct Link {
    parent: Arc<Node>,
    place: usize,
}

/// A stack of links that does not allocate for the first.
#[derive(Default)]
struct Links {
    first: Option<Link>,
    more: Vec<Link>,
}

impl Links {
    fn push(&mut self, link: Link) {
        match self.first {
            None => self.first = Some(link),
            Some(_) => self.more.push(link),
        }
    }

    fn pop(&mut self) -> Option<Link> {
        self.more.pop().or_else(|| self.first.take())
    }
}

impl Node {
    fn new() -> Self {
        Self {
            cancelled: AtomicBool::new(false),
            state: Mutex::new(State {
                children: Slab::new(),
                hook: None,
                settled: false,
            }),
            parents: OnceLock::new(),
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// Enters `child` into the list; `None` if this node is cancelled.
    fn adopt(&self, child: &Arc<Node>) -> Option<usize> {
        if self.is_cancelled() {
            return None;
        }
        let mut state = self.state.lock();
        if self.is_cancelled() {
            return None;
        }
        Some(state.children.insert(Arc::downgrade(child)))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let mut links = self.parents.take().unwrap_or_default();
        while let Some(Link { parent, place }) = links.pop() {
            parent.state.lock().children.remove(place);
            // The last one up there: its parents are next, here and not in its own drop.
            if let Some(mut last) = Arc::into_inner(parent) {
                let mut above = last.parents.take().unwrap_or_default();
                while let Some(link) = above.pop() {
                    links.push(link);
                }
            }
        }
    }
}

/// One thread's way through the descendants of a node.
#[derive(Default)]
struct Walk {
    /// Everybody reached so far, in the order of the walk.
    reached: Vec<Arc<Node>>,
    /// The hooks of those whose flags this walk has set.
    hooks: Vec<Weak<dyn OnCancel>>,
    /// Those passed through although their flags were set already: another thread is at it, or they have
    /// several parents and this walk has been there. Remembered, or a ladder of such nodes would be walked
    /// once for each of its paths.
    passed: HashSet<*const Node>,
}

impl Walk {
    fn cancel(mut self, root: &Arc<Node>) {
        self.visit(root);
        let mut next = 0;
        while let Some(node) = self.reached.get(next).cloned() {
            self.visit(&node);
            next += 1;
        }
        for node in self.reached.iter().chain([root]) {
            let mut state = node.state.lock();
            state.settled = true;
            let children = std::mem::take(&mut state.children);
            drop(state);
            drop(children);
        }
        // Nodes that only this walk has kept go first: a hook may take its time.
        drop(self.reached);
        for hook in self.hooks {
            if let Some(hook) = hook.upgrade() {
                hook.cancelled();
            }
        }
    }

    fn visit(&mut self, node: &Arc<Node>) {
        let mut state = node.state.lock();
        if state.settled {
            return;
        }
        if node.is_cancelled() {
            if !self.passed.insert(Arc::as_ptr(node)) {
                return;
            }
        } else {
            node.cancelled.store(true, Ordering::Release);
            self.hooks.extend(state.hook.take());
        }
        // Who cannot be had any more has no descendants.
        self.reached
            .extend(state.children.iter().filter_map(Weak::upgrade));
    }
}

impl CancelToken {
    /// A token without a parent.
    ///
    /// ```
    /// assert!(!windrow::CancelToken::new().is_cancelled());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Node::new()))
    }

    /// A token that is cancelled when this one is, at once if this one already is. Making and dropping
    /// one takes constant time, however many there are.
    ///
    /// ```
    /// let request = windrow::CancelToken::new();
    /// let (first, second) = (request.child(), request.child());
    /// first.cancel();
    /// assert!(!second.is_cancelled() && !request.is_cancelled());
    /// request.cancel();
    /// assert!(second.is_cancelled() && request.child().is_cancelled());
    /// ```
    #[must_use = "the parent does not keep it"]
    pub fn child(&self) -> Self {
        Self::linked(&[self])
    }

    /// A token that is cancelled when any of `parents` is.
    pub(crate) fn linked(parents: &[&CancelToken]) -> CancelToken {
        let node = Arc::new(Node::new());
        let mut links = Links::default();
        for parent in parents {
            match parent.0.adopt(&node) {
                Some(place) => links.push(Link {
                    parent: Arc::clone(&parent.0),
                    place,
                }),
                // Release, as for any cancellation; nobody has children or a hook here yet, and whoever
                // walks to it from an earlier parent finds nothing left to do.
                None => node.cancelled.store(true, Ordering::Release),
            }
        }
        let fresh = node.parents.set(links).is_ok();
        debug_assert!(fresh, "only the maker sets the parents");
        Self(node)
    }

    /// Cancels this token and all its descendants, never its ancestors or siblings. Once is enough; more
    /// often is harmless. When it returns, every descendant is cancelled.
    ///
    /// ```
    /// let token = windrow::CancelToken::new();
    /// let grandchild = token.child().child();
    /// token.cancel();
    /// token.cancel();
    /// assert!(grandchild.is_cancelled());
    /// ```
    pub fn cancel(&self) {
        Walk::default().cancel(&self.0);
    }

    /// Whether this token or one of its ancestors has been cancelled. What happened before that
    /// cancellation is visible to the caller who gets `true`.
    ///
    /// ```
    /// let token = windrow::CancelToken::new();
    /// token.clone().cancel();
    /// assert!(token.is_cancelled());
    /// ```
    #[inline]
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// [`is_cancelled`](Self::is_cancelled), for use with `?`.
    ///
    /// # Errors
    /// [`Cancelled`], if it is.
    ///
    /// ```
    /// let token = windrow::CancelToken::new();
    /// assert!(token.check().is_ok());
    /// ```
    #[inline]
    pub fn check(&self) -> Result<(), Cancelled> {
        if self.is_cancelled() {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }

    /// Has `hook` called when the token is cancelled: once, if it still lives then, by the cancelling
    /// thread, after the flags of all descendants have been set. `false` if the token was cancelled
    /// before; then it is not called. A token has one hook; who shares a token hooks on to a child.
    pub(crate) fn on_cancel(&self, hook: Weak<dyn OnCancel>) -> bool {
        let mut state = self.0.state.lock();
        if self.is_cancelled() {
            return false;
        }
        let old = state.hook.replace(hook);
        drop(state);
        debug_assert!(
            old.is_none_or(|old| old.strong_count() == 0),
            "a token has one hook"
        );
        true
    }
}

impl Default for CancelToken {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

crate::unwind::unwind_safe!([] CancelToken;);

#[cfg(all(test, loom))]
mod model;

#[cfg(all(test, not(any(loom, windrow_shuttle))))]
mod tests;
