//! Consumers that compare two iterators, or look for an index.

macro_rules! methods {
    () => {
        /// Compares the items with those of another iterator, in order: the first pair that differs decides,
        /// and if there is none the lengths.
        ///
        /// ```
        /// use std::cmp::Ordering;
        /// use windrow::prelude::*;
        ///
        /// assert_eq!([1, 2, 9].par_iter().cmp(&[1, 3]), Ordering::Less);
        /// ```
        fn cmp<I>(self, other: I) -> Ordering
        where
            I: IntoParallelIterator<Item = Self::Item, Iter: IndexedParallelIterator>,
            Self::Item: Ord,
        {
            let other = other.into_par_iter();
            let lengths = Ord::cmp(&self.len(), &other.len());
            self.zip(other)
                .map(|(a, b)| Ord::cmp(&a, &b))
                .find_first(|order| order.is_ne())
                .unwrap_or(lengths)
        }

        /// [`cmp`](Self::cmp) of items that may be incomparable; the first pair that is not equal decides.
        ///
        /// ```
        /// use std::cmp::Ordering;
        /// use windrow::prelude::*;
        ///
        /// assert_eq!([1.0, 2.0].par_iter().partial_cmp(&[1.0]), Some(Ordering::Greater));
        /// assert_eq!([f64::NAN].par_iter().partial_cmp(&[1.0]), None);
        /// ```
        fn partial_cmp<I>(self, other: I) -> Option<Ordering>
        where
            I: IntoParallelIterator<Iter: IndexedParallelIterator>,
            Self::Item: PartialOrd<I::Item>,
        {
            let other = other.into_par_iter();
            let lengths = Ord::cmp(&self.len(), &other.len());
            self.zip(other)
                .map(|(a, b)| PartialOrd::partial_cmp(&a, &b))
                .find_first(|order| *order != Some(Ordering::Equal))
                .unwrap_or(Some(lengths))
        }

        /// Whether the items are equal to those of another iterator. If the lengths differ, nothing is run.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert!((0..3).into_par_iter().eq(vec![0, 1, 2]));
        /// ```
        fn eq<I>(self, other: I) -> bool
        where
            I: IntoParallelIterator<Iter: IndexedParallelIterator>,
            Self::Item: PartialEq<I::Item>,
        {
            let other = other.into_par_iter();
            self.len() == other.len() && self.zip(other).all(|(a, b)| a == b)
        }

        /// Whether the items differ from those of another iterator; the opposite of [`eq`](Self::eq).
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert!((0..3).into_par_iter().ne(vec![0, 1, 3]));
        /// ```
        fn ne<I>(self, other: I) -> bool
        where
            I: IntoParallelIterator<Iter: IndexedParallelIterator>,
            Self::Item: PartialEq<I::Item>,
        {
            !self.eq(other)
        }

        /// Whether the items are less than those of another iterator, by [`partial_cmp`](Self::partial_cmp).
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert!([1, 2].par_iter().lt(&[1, 2, 0]));
        /// ```
        fn lt<I>(self, other: I) -> bool
        where
            I: IntoParallelIterator<Iter: IndexedParallelIterator>,
            Self::Item: PartialOrd<I::Item>,
        {
            self.partial_cmp(other) == Some(Ordering::Less)
        }

        /// Whether the items are less than those of another iterator or equal to them.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert!([1, 2].par_iter().le(&[1, 2]));
        /// ```
        fn le<I>(self, other: I) -> bool
        where
            I: IntoParallelIterator<Iter: IndexedParallelIterator>,
            Self::Item: PartialOrd<I::Item>,
        {
            self.partial_cmp(other).is_some_and(Ordering::is_le)
        }

        /// Whether the items are greater than those of another iterator.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert!([2].par_iter().gt(&[1, 2]));
        /// ```
        fn gt<I>(self, other: I) -> bool
        where
            I: IntoParallelIterator<Iter: IndexedParallelIterator>,
            Self::Item: PartialOrd<I::Item>,
        {
            self.partial_cmp(other) == Some(Ordering::Greater)
        }

        /// Whether the items are greater than those of another iterator or equal to them.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert!([2].par_iter().ge(&[1, 2]));
        /// ```
        fn ge<I>(self, other: I) -> bool
        where
            I: IntoParallelIterator<Iter: IndexedParallelIterator>,
            Self::Item: PartialOrd<I::Item>,
        {
            self.partial_cmp(other).is_some_and(Ordering::is_ge)
        }

        /// The index of some item for which `predicate` holds: the first that any thread meets.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let found = [1, 2, 3, 3].par_iter().position_any(|&x| x == 3);
        /// assert!(found == Some(2) || found == Some(3));
        /// ```
        fn position_any<P>(self, predicate: P) -> Option<usize>
        where
            P: Fn(Self::Item) -> bool + Sync + Send,
        {
            consume(self.positions(predicate), FindAny::new())
        }

        /// The index of the first item for which `predicate` holds; see
        /// [`find_first`](ParallelIterator::find_first).
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!([1, 2, 3, 3].par_iter().position_first(|&x| x == 3), Some(2));
        /// ```
        fn position_first<P>(self, predicate: P) -> Option<usize>
        where
            P: Fn(Self::Item) -> bool + Sync + Send,
        {
            consume(self.positions(predicate), FindEnd::first())
        }

        /// The index of the last item for which `predicate` holds; see
        /// [`find_last`](ParallelIterator::find_last).
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!([1, 2, 3, 3].par_iter().position_last(|&x| x == 3), Some(3));
        /// ```
        fn position_last<P>(self, predicate: P) -> Option<usize>
        where
            P: Fn(Self::Item) -> bool + Sync + Send,
        {
            consume(self.positions(predicate), FindEnd::last())
        }

        #[doc(hidden)]
        #[deprecated(note = "say which: `position_any`, `position_first` or `position_last`")]
        fn position<P>(self, predicate: P) -> Option<usize>
        where
            P: Fn(Self::Item) -> bool + Sync + Send,
        {
            self.position_any(predicate)
        }
    };
}

pub(super) use methods;
