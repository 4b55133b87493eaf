//! Adaptors that see more than one item.

macro_rules! methods {
    () => {
        /// The items of this loop, then those of another.
        ///
        /// # Panics
        /// Where the index of an item is needed: when it runs, if there are more items than an `usize` can count.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let numbers: Vec<i32> = (0..2).into_par_iter().chain(8..10).collect();
        /// assert_eq!(numbers, [0, 1, 8, 9]);
        /// ```
        fn chain<C>(self, chain: C) -> Chain<Self, C::Iter>
        where
            C: IntoParallelIterator<Item = Self::Item>,
        {
            Chain::new(self, chain.into_par_iter())
        }

        /// Accumulates the items of each piece into which the loop is cut; the accumulators are the new items,
        /// in order. There is one for each piece, and a piece more with each theft: one at least, which is
        /// what `identity` made if there are no items.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let bytes = b"raked hay";
        /// let counts = bytes
        ///     .par_iter()
        ///     .fold(|| [0; 256], |mut counts, &byte| {
        ///         counts[usize::from(byte)] += 1;
        ///         counts
        ///     })
        ///     .reduce(|| [0; 256], |a, b| std::array::from_fn(|i| a[i] + b[i]));
        /// assert_eq!(counts[usize::from(b'a')], 2);
        /// ```
        fn fold<T, ID, F>(self, identity: ID, fold_op: F) -> Fold<Self, ID, F>
        where
            F: Fn(T, Self::Item) -> T + Sync + Send,
            ID: Fn() -> T + Sync + Send,
            T: Send,
        {
            fold::FoldState::new(self, state::CallFor(identity), fold_op)
        }

        /// [`fold`](Self::fold) that begins with clones of a value.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let sum: i32 = (0..10).into_par_iter().fold_with(0, |a, b| a + b).sum();
        /// assert_eq!(sum, 45);
        /// ```
        fn fold_with<F, T>(self, init: T, fold_op: F) -> FoldWith<Self, T, F>
        where
            F: Fn(T, Self::Item) -> T + Sync + Send,
            T: Send + Clone,
        {
            fold::FoldState::new(self, state::CloneFor::new(init), fold_op)
        }

        /// [`fold`](Self::fold) with a closure that may fail: a piece ends with its first failure, which is
        /// then its item.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let sum = |numbers: &[u8]| {
        ///     numbers
        ///         .par_iter()
        ///         .try_fold(|| 0_u8, |sum, &x| sum.checked_add(x))
        ///         .try_reduce(|| 0, |a, b| a.checked_add(b))
        /// };
        /// assert_eq!(sum(&[100, 100]), Some(200));
        /// assert_eq!(sum(&[100, 100, 100]), None);
        /// ```
        fn try_fold<T, R, ID, F>(self, identity: ID, fold_op: F) -> TryFold<Self, R, ID, F>
        where
            F: Fn(T, Self::Item) -> R + Sync + Send,
            ID: Fn() -> T + Sync + Send,
            R: Try<Output = T> + Send,
        {
            fold::TryFoldState::new(self, state::CallFor(identity), fold_op)
        }

        /// [`try_fold`](Self::try_fold) that begins with clones of a value.
        fn try_fold_with<F, T, R>(self, init: T, fold_op: F) -> TryFoldWith<Self, R, F>
        where
            F: Fn(T, Self::Item) -> R + Sync + Send,
            R: Try<Output = T> + Send,
            T: Clone + Send,
        {
            fold::TryFoldState::new(self, state::CloneFor::new(init), fold_op)
        }

        /// Puts a clone of `element` between every two items.
        ///
        /// # Panics
        /// Where the index of an item is needed: when it runs, if that makes more items than an `usize` can count.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let line: String = ["rows", "of", "hay"].par_iter().copied().intersperse(" ").collect();
        /// assert_eq!(line, "rows of hay");
        /// ```
        fn intersperse(self, element: Self::Item) -> Intersperse<Self>
        where
            Self::Item: Clone,
        {
            Intersperse::new(self, element)
        }

        /// What the items hold, until some thread meets `None`: then all stop, so that later items may have
        /// been met, and earlier ones not.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let all: Vec<i32> = [Some(1), Some(2)].into_par_iter().while_some().collect();
        /// assert_eq!(all, [1, 2]);
        /// ```
        fn while_some<T>(self) -> WhileSome<Self>
        where
            Self: ParallelIterator<Item = Option<T>>,
            T: Send,
        {
            limit::Gauged::new(self, limit::UntilNone)
        }

        /// Any `n` items: the first that threads meet. They are in order, but need not be the first ones.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let even = (0..1000).into_par_iter().filter(|x| x % 2 == 0).take_any(5);
        /// assert_eq!(even.count(), 5);
        /// ```
        fn take_any(self, n: usize) -> TakeAny<Self> {
            limit::Gauged::new(self, limit::FirstFew(n))
        }

        /// All but `n` items: those that threads meet first fall away.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!((0..1000).into_par_iter().skip_any(5).count(), 995);
        /// ```
        fn skip_any(self, n: usize) -> SkipAny<Self> {
            limit::Gauged::new(self, limit::AfterFew(n))
        }

        /// Items until some thread meets one for which `predicate` does not hold; then all stop.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!((0..10).into_par_iter().take_any_while(|&x| x < 20).count(), 10);
        /// ```
        fn take_any_while<P>(self, predicate: P) -> TakeAnyWhile<Self, P>
        where
            P: Fn(&Self::Item) -> bool + Sync + Send,
        {
            limit::Gauged::new(self, limit::UntilNot(predicate))
        }

        /// Items from when some thread has met one for which `predicate` does not hold, that one included.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!((0..10).into_par_iter().skip_any_while(|&x| x < 20).count(), 0);
        /// ```
        fn skip_any_while<P>(self, predicate: P) -> SkipAnyWhile<Self, P>
        where
            P: Fn(&Self::Item) -> bool + Sync + Send,
        {
            limit::Gauged::new(self, limit::OnceNot(predicate))
        }

        /// Asks before each item whether a closure of the loop has panicked on another thread, and ends
        /// then. Any loop asks that from time to time; this is for items that take long.
        ///
        /// ```should_panic
        /// use windrow::prelude::*;
        ///
        /// (0..1_000).into_par_iter().panic_fuse().for_each(|x| assert_ne!(x, 500));
        /// ```
        fn panic_fuse(self) -> PanicFuse<Self> {
            PanicFuse::new(self)
        }
    };
}

pub(super) use methods;
