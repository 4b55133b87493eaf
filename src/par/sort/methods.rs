//! The sorts, as methods of [`ParallelSliceMut`](crate::slice::ParallelSliceMut).

macro_rules! methods {
    () => {
        /// Sorts the slice; equal items stay in their order.
        ///
        /// It needs room for as many items again. Where that order does not matter
        /// [`par_sort_unstable`](Self::par_sort_unstable) does without, and is faster with most items.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let mut numbers = [5, -3, 4, 0];
        /// numbers.par_sort();
        /// assert_eq!(numbers, [-3, 0, 4, 5]);
        /// ```
        ///
        /// # Panics
        /// If a comparison does; it may if the comparisons are not those of a total order. In both cases
        /// each item is still in the slice, in whatever order.
        fn par_sort(&mut self)
        where
            T: Ord,
        {
            $crate::par::sort::stable(self.as_parallel_slice_mut(), T::cmp);
        }

        /// [`par_sort`](Self::par_sort) in the order that `compare` says, which should be a total one.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let mut numbers = [1.5, -2.0, 0.5];
        /// numbers.par_sort_by(f64::total_cmp);
        /// assert_eq!(numbers, [-2.0, 0.5, 1.5]);
        /// ```
        ///
        /// # Panics
        /// As [`par_sort`](Self::par_sort).
        fn par_sort_by<F>(&mut self, compare: F)
        where
            F: Fn(&T, &T) -> std::cmp::Ordering + Sync,
        {
            $crate::par::sort::stable(self.as_parallel_slice_mut(), compare);
        }

        /// [`par_sort`](Self::par_sort) in the order of the keys that `key` returns. It is called twice
        /// for each comparison; if it takes long see
        /// [`par_sort_by_cached_key`](Self::par_sort_by_cached_key).
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let mut words = ["raked", "of", "hay", "in"];
        /// words.par_sort_by_key(|word| word.len());
        /// assert_eq!(words, ["of", "in", "hay", "raked"]);
        /// ```
        ///
        /// # Panics
        /// As [`par_sort`](Self::par_sort), and if `key` does.
        fn par_sort_by_key<K, F>(&mut self, key: F)
        where
            K: Ord,
            F: Fn(&T) -> K + Sync,
        {
            $crate::par::sort::stable(self.as_parallel_slice_mut(), |a, b| key(a).cmp(&key(b)));
        }

        /// [`par_sort_by_key`](Self::par_sort_by_key) with `key` called once for each item, in parallel and
        /// in any order; not at all if there are fewer than two.
        ///
        /// It needs room for a key and an index for each item, and for as many items again.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let mut numbers = [30, 4, 111, 20];
        /// numbers.par_sort_by_cached_key(|number| number.to_string());
        /// assert_eq!(numbers, [111, 20, 30, 4]);
        /// ```
        ///
        /// # Panics
        /// As [`par_sort`](Self::par_sort), and if `key` does; the slice is then as it was.
        fn par_sort_by_cached_key<K, F>(&mut self, key: F)
        where
            F: Fn(&T) -> K + Sync,
            K: Ord + Send,
        {
            $crate::par::sort::by_cached_key(self.as_parallel_slice_mut(), key);
        }

        /// Sorts the slice in place, without an allocation for its items; equal ones may change their order.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let mut numbers = [5, -3, 4, 0];
        /// numbers.par_sort_unstable();
        /// assert_eq!(numbers, [-3, 0, 4, 5]);
        /// ```
        ///
        /// # Panics
        /// As [`par_sort`](Self::par_sort).
        fn par_sort_unstable(&mut self)
        where
            T: Ord,
        {
            $crate::par::sort::unstable(self.as_parallel_slice_mut(), T::cmp);
        }

        /// [`par_sort_unstable`](Self::par_sort_unstable) in the order that `compare` says, which should be
        /// a total one.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let mut numbers = [5, -3, 4, 0];
        /// numbers.par_sort_unstable_by(|a, b| b.cmp(a));
        /// assert_eq!(numbers, [5, 4, 0, -3]);
        /// ```
        ///
        /// # Panics
        /// As [`par_sort`](Self::par_sort).
        fn par_sort_unstable_by<F>(&mut self, compare: F)
        where
            F: Fn(&T, &T) -> std::cmp::Ordering + Sync,
        {
            $crate::par::sort::unstable(self.as_parallel_slice_mut(), compare);
        }

        /// [`par_sort_unstable`](Self::par_sort_unstable) in the order of the keys that `key` returns. It is
        /// called twice for each comparison.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let mut numbers = [5_i32, -3, 4, 0];
        /// numbers.par_sort_unstable_by_key(|number| number.abs());
        /// assert_eq!(numbers, [0, -3, 4, 5]);
        /// ```
        ///
        /// # Panics
        /// As [`par_sort`](Self::par_sort), and if `key` does.
        fn par_sort_unstable_by_key<K, F>(&mut self, key: F)
        where
            K: Ord,
            F: Fn(&T) -> K + Sync,
        {
            $crate::par::sort::unstable(self.as_parallel_slice_mut(), |a, b| key(a).cmp(&key(b)));
        }
    };
}

pub(crate) use methods;
