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

        /// Makes the loop stop when `token` is cancelled: its consumers then return [`Interrupted`], which says
        /// how far it got. To be called after all adaptors.
        ///
        /// ```
        /// use windrow::CancelToken;
        /// use windrow::prelude::*;
        ///
        /// let token = CancelToken::new();
        /// let sum = (1..=4).into_par_iter().map(|x| x * x).cancel(&token).sum::<i32>();
        /// assert_eq!(sum, Ok(30));
        /// ```
        fn cancel(self, token: &CancelToken) -> Interruptible<Self> {
            Interruptible::new(self).cancel(token)
        }

        /// Makes the loop stop at a time: its consumers then return [`Interrupted`], which says how far it
        /// got. To be called after all adaptors.
        ///
        /// ```
        /// use std::time::Instant;
        /// use windrow::prelude::*;
        ///
        /// let late = (0..10).into_par_iter().deadline(Instant::now()).count().unwrap_err();
        /// assert!(late.is_expired());
        /// ```
        fn deadline(self, at: Instant) -> Interruptible<Self> {
            Interruptible::new(self).deadline(at)
        }

        /// [`deadline`](Self::deadline) in `timeout` from now.
        fn timeout(self, timeout: Duration) -> Interruptible<Self> {
            Interruptible::new(self).timeout(timeout)
        }

        /// Calls `report` with how far the loop has come: every ten milliseconds or so, on whichever thread is at
        /// it, never on two at a time, and once more at its end, also if that is before the last item; not if the
        /// loop panics. Items count when what follows in the chain has taken them; beneath an adaptor that asks for
        /// items by their index, such as `zip` or `rev`, when it has got them.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let sum: u64 = (0..1000_u64)
        ///     .into_par_iter()
        ///     .map(|x| x % 7)
        ///     .progress(|progress| eprintln!("{} of {:?}", progress.done, progress.len))
        ///     .sum();
        /// assert_eq!(sum, 2997);
        /// ```
        fn progress<F>(self, report: F) -> WithProgress<Self, F>
        where
            F: Fn(Progress) + Send + Sync,
        {
            WithProgress::new(self, report)
        }

        /// Shows how far the loop has come with a progress bar of the crate `indicatif` (feature `indicatif`). It gets
        /// the length, if that is known, and the position; what it looks like and when it goes is the
        /// caller's.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let bar = indicatif::ProgressBar::hidden();
        /// assert_eq!((0..100).into_par_iter().progress_bar(&bar).count(), 100);
        /// assert_eq!((bar.position(), bar.length()), (100, Some(100)));
        /// ```
        #[cfg(feature = "indicatif")]
        fn progress_bar(
            self,
            bar: &indicatif::ProgressBar,
        ) -> WithProgress<Self, impl Fn(Progress) + Send + Sync + 'static> {
            let bar = bar.clone();
            if let Some(len) = self.opt_len() {
                bar.set_length(len as u64);
            }
            WithProgress::new(self, move |progress: Progress| {
                bar.set_position(progress.done as u64)
            })
        }

        /// Gives each thread that takes part a state of its own, made by `init` once a thread (and not, as in
        /// [`map_init`](Self::map_init), once a piece): a buffer, a generator of random numbers, a histogram.
        /// A spare thread that stands in for one that waits has a state, too.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let histograms = (0..1000_usize)
        ///     .into_par_iter()
        ///     .with_worker_state(|| [0; 10])
        ///     .collect_states(|histogram, x| histogram[x % 10] += 1);
        /// assert_eq!(histograms.iter().map(|histogram| histogram[3]).sum::<u32>(), 100);
        /// ```
        fn with_worker_state<INIT, S>(self, init: INIT) -> WithWorkerState<Self, INIT>
        where
            INIT: Fn() -> S + Sync + Send,
            S: Send,
        {
            WithWorkerState::new(self, init)
        }
    };
}

pub(super) use methods;
