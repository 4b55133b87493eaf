//! Parallel iterators: the traits, under the names that rayon has made known.
//!
//! The methods are spread over files by what they are for; a macro in each puts them into the trait.

mod collect;
mod combine;
mod compare;
mod convert;
mod indexed;
mod interruptible;
mod reduce;
mod run;
mod search;
mod transform;

pub use convert::{
    FromParallelIterator, IntoParallelIterator, IntoParallelRefIterator,
    IntoParallelRefMutIterator, ParallelBridge, ParallelDrainFull, ParallelDrainRange,
    ParallelExtend,
};

pub use crate::par::adapt::apply::{Cloned, Copied, Inspect, Map, Update};
pub use interruptible::Interruptible;

pub use crate::par::adapt::blocks::{ExponentialBlocks, UniformBlocks};
pub use crate::par::adapt::chain::Chain;
pub use crate::par::adapt::chunks::{Chunks, FoldChunks, FoldChunksWith};
pub use crate::par::adapt::cut::{Skip, Take};
pub use crate::par::adapt::enumerate::{Enumerate, Positions};
pub use crate::par::adapt::flat::{FlatMap, FlatMapIter, Flatten, FlattenIter};
pub use crate::par::adapt::fold::{Fold, FoldWith, TryFold, TryFoldWith};
pub use crate::par::adapt::interleave::{Interleave, InterleaveShortest};
pub use crate::par::adapt::intersperse::Intersperse;
pub use crate::par::adapt::lengths::{MaxLen, MinLen};
pub use crate::par::adapt::limit::{
    PanicFuse, SkipAny, SkipAnyWhile, TakeAny, TakeAnyWhile, WhileSome,
};
pub use crate::par::adapt::pick::{Filter, FilterMap};
pub use crate::par::adapt::progress::{Progress, WithProgress};
pub use crate::par::adapt::state::{MapInit, MapWith};
pub use crate::par::adapt::stride::{Rev, StepBy};
pub use crate::par::adapt::tuned::Tuned;
pub use crate::par::adapt::watch::{Interrupted, Watched};
pub use crate::par::adapt::worker_state::{MapWorkerState, WithWorkerState};
pub use crate::par::adapt::zip::{Zip, ZipEq};
pub use crate::par::either::Either;
pub use crate::par::finish::attempt::Try;
pub use crate::par::source::bridge::IterBridge;
pub use crate::par::source::cut_in_two::{Split, split};
pub use crate::par::source::empty::{Empty, empty};
pub use crate::par::source::multi_zip::MultiZip;
pub use crate::par::source::once::{Once, once};
pub use crate::par::source::ordered::{Ordered, OrderedMap};
pub use crate::par::source::repeat::{Repeat, RepeatN, repeat, repeat_n};
pub use crate::par::source::walk_tree::{
    WalkTree, WalkTreePostfix, WalkTreePrefix, walk_tree, walk_tree_postfix, walk_tree_prefix,
};

use crate::cancel::CancelToken;
use crate::par::adapt::{apply, chunks, fold, limit, pick, state};
use crate::par::finish::accumulate::{Accumulate, Multiply, SumUp};
use crate::par::finish::among::Among;
use crate::par::finish::attempt::TryAccumulate;
use crate::par::finish::find::{FindAny, FindEnd};
use crate::par::finish::pieces::into_pieces;
use crate::par::plumbing::{Consumer, Steps, consume};
use crate::pool::ThreadPool;
use crate::priority::Priority;
use std::cmp::Ordering;
use std::iter::{Product, Sum};
use std::marker::PhantomData;
use std::time::{Duration, Instant};

/// A loop over items that may be run by several threads at a time.
///
/// Its methods are those of [`Iterator`], as far as they make sense without an order of events, under the
/// names that rayon has made known. Adaptors ([`map`](Self::map), [`filter`](Self::filter), ...) say what is to
/// be done with the items and do nothing by themselves; consumers ([`for_each`](Self::for_each),
/// [`sum`](Self::sum), [`collect`](Self::collect), ...) run the loop and return when it is over.
///
/// ```
/// use windrow::prelude::*;
///
/// let words = ["rows", "of", "raked", "hay"];
/// let total: usize = words.par_iter().map(|word| word.len()).sum();
/// assert_eq!(total, 14);
/// ```
///
/// # How a loop runs
/// On the calling thread, at once, from the first item on; in the pool that this thread works in, else in the
/// named one ([`on`](Self::on)), else in the global one. What the caller has not begun is open to other threads
/// of the pool: one that has nothing to do takes half of it, and what it has taken is open in turn. So a
/// loop is cut only where somebody is there to help, never by a fixed factor; a small loop, or one in a
/// busy pool, runs in place.
///
/// # Order
/// Items are *begun* in any order. Results that have an order ([`collect`](Self::collect) into a vector,
/// [`reduce`](Self::reduce)) are in that of the items.
///
/// # Panics
/// If a closure panics the loop ends: other threads stop at their next look around, which is after the items
/// they have at hand, then the first panic is resumed. Items that have not been given to a closure are
/// dropped. What other closures have done until then is not undone.
///
/// Running a loop also panics in a child process after `fork`, when called outside of its pool, and as
/// [`ThreadPool::global`] where it has to build that pool.
pub trait ParallelIterator: Sized + Send {
    /// What the loop runs over.
    type Item: Send;

    /// Gives all items to a consumer.
    #[doc(hidden)]
    fn drive<C: Consumer<Self::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold;

    /// How many items there are, if that is known: then each is a step of its own, and the steps are numbered
    /// from 0 without a gap.
    #[doc(hidden)]
    fn opt_len(&self) -> Option<usize> {
        None
    }

    transform::methods!();
    combine::methods!();
    run::methods!();
    reduce::methods!();
    search::methods!();
    collect::methods!();
}

/// A loop of which the number of items is known, and each can be had by its index.
///
/// ```
/// use windrow::prelude::*;
///
/// let squares = [1, 4, 9];
/// let roots = [1, 2, 3];
/// assert!(squares.par_iter().zip(&roots).all(|(square, root)| root * root == *square));
/// ```
#[allow(clippy::len_without_is_empty, reason = "as in `ExactSizeIterator`")]
pub trait IndexedParallelIterator: ParallelIterator + Steps {
    /// The item at `index`.
    ///
    /// # Safety
    /// `index` is below `steps()`, and part of a span that the caller holds and counts as taken.
    #[doc(hidden)]
    unsafe fn item(&self, local: &mut Self::Local, index: usize) -> Self::Item;

    indexed::methods!();
    compare::methods!();
}
