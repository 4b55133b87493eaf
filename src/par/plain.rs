//! Loops without traits: on a pool and on a scope.

use crate::par::adapt::tuned::Tuned;
use crate::par::iter::{IntoParallelIterator, ParallelIterator};
use crate::par::slice::ParallelSlice;
use crate::pool::ThreadPool;
use crate::scheduler::Registry;
use crate::scope::Scope;
use crate::sync::Arc;

macro_rules! plain_loops {
    ($of:literal) => {
        /// Calls `f` with each item, in parallel, and returns when all are done.
        ///
        #[doc = concat!("The items are those of a range, a slice or another source of parallel loops. It runs on ", $of, "; the \
            calling thread takes part. [`ParallelIterator`] has more to offer.")]
        ///
        /// # Panics
        /// If `f` does, with the first such panic; not all items have been given to it then. In a child process after
        /// `fork`, when called outside of the pool.
        ///
        /// ```
        /// let pool = windrow::ThreadPool::new(2)?;
        /// let mut numbers = [1, 2, 3];
        /// pool.for_each(&mut numbers, |n| *n *= 10);
        /// assert_eq!(numbers, [10, 20, 30]);
        /// # Ok::<(), windrow::BuildError>(())
        /// ```
        pub fn for_each<I, F>(&self, items: I, f: F)
        where
            I: IntoParallelIterator,
            F: Fn(I::Item) + Sync + Send,
        {
            Tuned::on(items.into_par_iter(), self.home()).for_each(f);
        }

        /// Calls `f` with each item, in parallel, and returns the results in the order of the items.
        ///
        /// # Panics
        /// As [`for_each`](Self::for_each).
        ///
        /// ```
        /// let pool = windrow::ThreadPool::new(2)?;
        /// let lens = pool.map(["rows", "of", "hay"], |word| word.len());
        /// assert_eq!(lens, [4, 2, 3]);
        /// # Ok::<(), windrow::BuildError>(())
        /// ```
        pub fn map<I, F, R>(&self, items: I, f: F) -> Vec<R>
        where
            I: IntoParallelIterator,
            F: Fn(I::Item) -> R + Sync + Send,
            R: Send,
        {
            Tuned::on(items.into_par_iter().map(f), self.home()).collect()
        }

        /// Calls `map` with each item, in parallel, and reduces the results with `reduce`, which must be associative,
        /// in the order of the items; `identity` is its neutral element.
        ///
        /// # Panics
        /// As [`for_each`](Self::for_each).
        ///
        /// ```
        /// let pool = windrow::ThreadPool::new(2)?;
        /// let sum = pool.map_reduce(1..=10_u64, 0, |n| n * n, |a, b| a + b);
        /// assert_eq!(sum, 385);
        /// # Ok::<(), windrow::BuildError>(())
        /// ```
        pub fn map_reduce<I, M, R, J>(&self, items: I, identity: R, map: M, reduce: J) -> R
        where
            I: IntoParallelIterator,
            M: Fn(I::Item) -> R + Sync + Send,
            R: Clone + Send,
            J: Fn(R, R) -> R + Sync + Send,
        {
            Tuned::on(items.into_par_iter(), self.home())
                .fold_with(identity.clone(), |so_far, item| reduce(so_far, map(item)))
                .reduce_with(&reduce)
                .unwrap_or(identity)
        }

        /// Calls `f` with the slice's chunks of `chunk_size` items (the last one may have fewer), in parallel.
        ///
        /// # Panics
        /// If `chunk_size` is 0. As [`for_each`](Self::for_each).
        ///
        /// ```
        /// let pool = windrow::ThreadPool::new(2)?;
        /// let total = std::sync::atomic::AtomicUsize::new(0);
        /// pool.for_each_chunk(&[1, 2, 3, 4, 5], 2, |chunk| {
        ///     total.fetch_add(chunk.len(), std::sync::atomic::Ordering::Relaxed);
        /// });
        /// assert_eq!(total.into_inner(), 5);
        /// # Ok::<(), windrow::BuildError>(())
        /// ```
        #[track_caller]
        pub fn for_each_chunk<T, F>(&self, slice: &[T], chunk_size: usize, f: F)
        where
            T: Sync,
            F: Fn(&[T]) + Sync + Send,
        {
            Tuned::on(slice.par_chunks(chunk_size), self.home()).for_each(f);
        }
    };
}

/// Loops without traits.
///
/// ```
/// let pool = windrow::ThreadPool::new(2)?;
/// let numbers = [1, 2, 3, 4, 5];
///
/// pool.for_each(&numbers, |n| println!("{n}"));
/// assert_eq!(pool.map(0..4, |i| i * i), [0, 1, 4, 9]);
/// assert_eq!(pool.map_reduce(&numbers, 0, |n| n * 2, |a, b| a + b), 30);
/// pool.for_each_chunk(&numbers, 2, |chunk| assert!(chunk.len() <= 2));
/// # Ok::<(), windrow::BuildError>(())
/// ```
impl ThreadPool {
    plain_loops!("this pool");

    fn home(&self) -> Arc<Registry> {
        self.registry().shared()
    }
}

/// Loops without traits, beside the scope's tasks.
///
/// ```
/// let mut squares = vec![0; 4];
/// windrow::scope(|s| {
///     let task = s.spawn(|| 42);
///     s.for_each(squares.iter_mut().enumerate().collect::<Vec<_>>(), |(i, square)| *square = i * i);
///     assert_eq!(task.join().unwrap(), 42);
/// });
/// assert_eq!(squares, [0, 1, 4, 9]);
/// ```
impl Scope<'_, '_> {
    plain_loops!("the scope's pool");

    fn home(&self) -> Arc<Registry> {
        self.shared_registry()
    }
}
