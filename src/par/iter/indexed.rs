//! Methods that need the number of items, or an item by its index.

macro_rules! methods {
    () => {
        /// How many items there are.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!((0..10).into_par_iter().len(), 10);
        /// ```
        #[allow(clippy::len_without_is_empty, reason = "as in `ExactSizeIterator`")]
        fn len(&self) -> usize {
            self.steps()
        }

        /// Collects the items into a vector, whose old items are dropped and whose memory is used again.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let mut squares = vec![0; 10];
        /// (0..3).into_par_iter().map(|x| x * x).collect_into_vec(&mut squares);
        /// assert_eq!(squares, [0, 1, 4]);
        /// ```
        fn collect_into_vec(self, target: &mut Vec<Self::Item>) {
            target.clear();
            target.par_extend(self);
        }
    };
}

pub(super) use methods;
