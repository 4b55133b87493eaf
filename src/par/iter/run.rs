//! How a loop is run.

macro_rules! methods {
    () => {
        /// Runs the loop in `pool` instead of the pool that the thread works in (or the global one). The
        /// calling thread takes part as well.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let pool = windrow::ThreadPool::new(2)?;
        /// assert_eq!((0..10).into_par_iter().on(&pool).sum::<i32>(), 45);
        /// # Ok::<(), windrow::BuildError>(())
        /// ```
        ///
        /// # Panics
        /// When the loop is run in a child process after `fork`.
        fn on(self, pool: &ThreadPool) -> Tuned<Self> {
            Tuned::on(self, pool.registry().shared())
        }

        /// The level at which other threads take part; if nothing is said, that of the task in which the
        /// loop runs. The calling thread runs its share at once in any case.
        ///
        /// ```
        /// use windrow::Priority;
        /// use windrow::prelude::*;
        ///
        /// let sum: u64 = (0..10).into_par_iter().with_priority(Priority::Low).sum();
        /// assert_eq!(sum, 45);
        /// ```
        fn with_priority(self, priority: Priority) -> Tuned<Self> {
            Tuned::at(self, priority)
        }
    };
}

pub(super) use methods;
