//! The sorts, as methods of [`ParallelSliceMut`](crate::slice::ParallelSliceMut).

macro_rules! methods {
    () => {
        /// Sorts the slice.
        fn par_sort(&mut self)
        where
            T: Ord,
        {
            $crate::par::sort::stable(self.as_parallel_slice_mut(), T::cmp);
        }

        /// by
        fn par_sort_by<F>(&mut self, compare: F)
        where
            F: Fn(&T, &T) -> std::cmp::Ordering + Sync,
        {
            $crate::par::sort::stable(self.as_parallel_slice_mut(), compare);
        }

        /// by key
        fn par_sort_by_key<K, F>(&mut self, key: F)
        where
            K: Ord,
            F: Fn(&T) -> K + Sync,
        {
            $crate::par::sort::stable(self.as_parallel_slice_mut(), |a, b| key(a).cmp(&key(b)));
        }

        /// cached
        fn par_sort_by_cached_key<K, F>(&mut self, key: F)
        where
            K: Ord + Send,
            F: Fn(&T) -> K + Sync,
        {
            $crate::par::sort::by_cached_key(self.as_parallel_slice_mut(), key);
        }

        /// unstable
        fn par_sort_unstable(&mut self)
        where
            T: Ord,
        {
            $crate::par::sort::unstable(self.as_parallel_slice_mut(), T::cmp);
        }

        /// unstable by
        fn par_sort_unstable_by<F>(&mut self, compare: F)
        where
            F: Fn(&T, &T) -> std::cmp::Ordering + Sync,
        {
            $crate::par::sort::unstable(self.as_parallel_slice_mut(), compare);
        }

        /// unstable by key
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
