//! Loops with a token or a deadline: the same consumers, with one way more to end.

use crate::cancel::CancelToken;
use crate::par::adapt::watch::{Interrupted, Watch, Watched};
use crate::par::either::Either;
use crate::par::finish::attempt::Try;
use crate::par::iter::{FromParallelIterator, ParallelExtend, ParallelIterator};
use std::cmp::Ordering;
use std::collections::LinkedList;
use std::iter::{Product, Sum};
use std::time::{Duration, Instant};

/// A loop that can be told to stop; made by [`cancel`](ParallelIterator::cancel),
/// [`deadline`](ParallelIterator::deadline) and [`timeout`](ParallelIterator::timeout), which come last in a chain
/// of adaptors.
///
/// Its consumers are those of [`ParallelIterator`], and return [`Interrupted`] if the loop was told to stop before it
/// was through. Each thread asks between the items that it takes at a time: some ten microseconds' worth, or
/// one if they take longer. [`run`](Self::run) gives any other way to consume it.
///
/// ```
/// use std::time::Duration;
/// use windrow::prelude::*;
///
/// let squares: Vec<u64> = (0..1000_u64)
///     .into_par_iter()
///     .map(|x| x * x)
///     .timeout(Duration::from_secs(60))
///     .collect()?;
/// assert_eq!(squares[999], 998_001);
/// # Ok::<(), windrow::iter::Interrupted>(())
/// ```
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Interruptible<I> {
    base: I,
    watch: Watch,
}

impl<I: ParallelIterator> Interruptible<I> {
    pub(crate) fn new(base: I) -> Self {
        Self {
            base,
            watch: Watch::new(),
        }
    }

    /// Stops the loop when `token` is cancelled, too.
    ///
    /// ```
    /// use windrow::CancelToken;
    /// use windrow::prelude::*;
    ///
    /// let (user, program) = (CancelToken::new(), CancelToken::new());
    /// program.cancel();
    /// let sum = (0..100).into_par_iter().cancel(&user).cancel(&program).sum::<i32>();
    /// assert!(sum.unwrap_err().is_cancelled());
    /// ```
    pub fn cancel(mut self, token: &CancelToken) -> Self {
        self.watch.add_token(token.clone());
        self
    }

    /// Stops the loop at `at`, too; the earliest deadline counts.
    ///
    /// ```
    /// use std::time::Instant;
    /// use windrow::prelude::*;
    ///
    /// let token = windrow::CancelToken::new();
    /// let late = (0..100).into_par_iter().cancel(&token).deadline(Instant::now());
    /// assert!(late.sum::<i32>().unwrap_err().is_expired());
    /// ```
    pub fn deadline(mut self, at: Instant) -> Self {
        self.watch.set_deadline(at);
        self
    }

    /// Stops the loop in `timeout` from now, too.
    ///
    /// ```
    /// use std::time::Duration;
    /// use windrow::CancelToken;
    /// use windrow::prelude::*;
    ///
    /// let token = CancelToken::new();
    /// let numbers = ["6", "7", "x"]
    ///     .par_iter()
    ///     .cancel(&token)
    ///     .timeout(Duration::from_secs(60))
    ///     .try_for_each_init(String::new, |buffer, word| {
    ///         buffer.push_str(word);
    ///         word.parse::<u32>().map(drop)
    ///     });
    /// assert!(numbers.unwrap().is_err(), "one is no number; the loop was not interrupted");
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        if let Some(at) = self.watch.clock().after(timeout) {
            self.watch.set_deadline(at);
        }
        self
    }

    /// Consumes the loop with `f`, which gets it as a parallel iterator that ends where it is interrupted.
    ///
    /// # Errors
    /// [`Interrupted`], if it was told to stop before it was through. What `f` has returned is dropped.
    ///
    /// ```
    /// use windrow::CancelToken;
    /// use windrow::prelude::*;
    ///
    /// let token = CancelToken::new();
    /// let sum = (0..10).into_par_iter().cancel(&token).run(|loop_| loop_.map(|x| x * 2).sum::<i32>());
    /// assert_eq!(sum, Ok(90));
    /// ```
    pub fn run<R>(self, f: impl FnOnce(Watched<'_, I>) -> R) -> Result<R, Interrupted> {
        let len = self.base.opt_len();
        let result = f(Watched::new(self.base, &self.watch));
        match self.watch.interrupted(len) {
            Some(interrupted) => Err(interrupted),
            None => Ok(result),
        }
    }
}

/// Methods of [`ParallelIterator`] that run a loop, each as a method that may be interrupted.
macro_rules! interruptible {
    ($($name:ident [$($generics:tt)*] ($($argument:ident: $type:ty),*) -> $output:ty $(, where [$($bounds:tt)*])?;)*) => {
        impl<I: ParallelIterator> Interruptible<I> {$(
            #[doc = concat!("[`", stringify!($name), "`](ParallelIterator::", stringify!($name), ").")]
            ///
            /// # Errors
            /// [`Interrupted`], if it was told to stop before it was through.
            pub fn $name<$($generics)*>(self $(, $argument: $type)*) -> Result<$output, Interrupted>
            $(where $($bounds)*)?
            {
                self.run(|items| items.$name($($argument),*))
            }
        )*}
    };
}

interruptible! {
    for_each [OP](op: OP) -> (), where [OP: Fn(I::Item) + Sync + Send];
    for_each_with [OP, T](init: T, op: OP) -> (),
        where [OP: Fn(&mut T, I::Item) + Sync + Send, T: Send + Clone];
    for_each_init [OP, INIT, T](init: INIT, op: OP) -> (),
        where [OP: Fn(&mut T, I::Item) + Sync + Send, INIT: Fn() -> T + Sync + Send];
    try_for_each [OP, R](op: OP) -> R,
        where [OP: Fn(I::Item) -> R + Sync + Send, R: Try<Output = ()> + Send];
    try_for_each_with [OP, T, R](init: T, op: OP) -> R,
        where [OP: Fn(&mut T, I::Item) -> R + Sync + Send, T: Send + Clone, R: Try<Output = ()> + Send];
    try_for_each_init [OP, INIT, T, R](init: INIT, op: OP) -> R,
        where [OP: Fn(&mut T, I::Item) -> R + Sync + Send, INIT: Fn() -> T + Sync + Send,
            R: Try<Output = ()> + Send];
    count []() -> usize;
    reduce [OP, ID](identity: ID, op: OP) -> I::Item,
        where [OP: Fn(I::Item, I::Item) -> I::Item + Sync + Send, ID: Fn() -> I::Item + Sync + Send];
    reduce_with [OP](op: OP) -> Option<I::Item>,
        where [OP: Fn(I::Item, I::Item) -> I::Item + Sync + Send];
    try_reduce [T, OP, ID](identity: ID, op: OP) -> I::Item,
        where [OP: Fn(T, T) -> I::Item + Sync + Send, ID: Fn() -> T + Sync + Send,
            I::Item: Try<Output = T>];
    try_reduce_with [T, OP](op: OP) -> Option<I::Item>,
        where [OP: Fn(T, T) -> I::Item + Sync + Send, I::Item: Try<Output = T>];
    sum [S]() -> S, where [S: Send + Sum<I::Item> + Sum<S>];
    product [P]() -> P, where [P: Send + Product<I::Item> + Product<P>];
    min []() -> Option<I::Item>, where [I::Item: Ord];
    min_by [F](f: F) -> Option<I::Item>, where [F: Sync + Send + Fn(&I::Item, &I::Item) -> Ordering];
    min_by_key [K, F](f: F) -> Option<I::Item>,
        where [K: Ord + Send, F: Sync + Send + Fn(&I::Item) -> K];
    max []() -> Option<I::Item>, where [I::Item: Ord];
    max_by [F](f: F) -> Option<I::Item>, where [F: Sync + Send + Fn(&I::Item, &I::Item) -> Ordering];
    max_by_key [K, F](f: F) -> Option<I::Item>,
        where [K: Ord + Send, F: Sync + Send + Fn(&I::Item) -> K];
    any [P](predicate: P) -> bool, where [P: Fn(I::Item) -> bool + Sync + Send];
    all [P](predicate: P) -> bool, where [P: Fn(I::Item) -> bool + Sync + Send];
    find_any [P](predicate: P) -> Option<I::Item>, where [P: Fn(&I::Item) -> bool + Sync + Send];
    find_first [P](predicate: P) -> Option<I::Item>, where [P: Fn(&I::Item) -> bool + Sync + Send];
    find_last [P](predicate: P) -> Option<I::Item>, where [P: Fn(&I::Item) -> bool + Sync + Send];
    find_map_any [P, R](op: P) -> Option<R>, where [P: Fn(I::Item) -> Option<R> + Sync + Send, R: Send];
    find_map_first [P, R](op: P) -> Option<R>, where [P: Fn(I::Item) -> Option<R> + Sync + Send, R: Send];
    find_map_last [P, R](op: P) -> Option<R>, where [P: Fn(I::Item) -> Option<R> + Sync + Send, R: Send];
    collect_vec_list []() -> LinkedList<Vec<I::Item>>;
    collect [C]() -> C, where [C: FromParallelIterator<I::Item>];
    unzip [A, B, FromA, FromB]() -> (FromA, FromB),
        where [I: ParallelIterator<Item = (A, B)>, FromA: Default + Send + ParallelExtend<A>,
            FromB: Default + Send + ParallelExtend<B>, A: Send, B: Send];
    partition [A, B, P](predicate: P) -> (A, B),
        where [A: Default + Send + ParallelExtend<I::Item>, B: Default + Send + ParallelExtend<I::Item>,
            P: Fn(&I::Item) -> bool + Sync + Send];
    partition_map [A, B, P, L, R](op: P) -> (A, B),
        where [A: Default + Send + ParallelExtend<L>, B: Default + Send + ParallelExtend<R>,
            P: Fn(I::Item) -> Either<L, R> + Sync + Send, L: Send, R: Send];
}
