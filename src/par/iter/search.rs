//! Consumers that look for something, and stop when they have found it.

macro_rules! methods {
    () => {
        /// Some item for which `predicate` holds: the first that any thread meets.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!((0..100).into_par_iter().find_any(|&x| x > 98), Some(99));
        /// ```
        fn find_any<P>(self, predicate: P) -> Option<Self::Item>
        where
            P: Fn(&Self::Item) -> bool + Sync + Send,
        {
            consume(self.filter(predicate), FindAny::new())
        }

        /// The first item for which `predicate` holds. Threads that are at later items stop when one has
        /// been found; those at earlier ones go on.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!((0..100).into_par_iter().find_first(|x| x % 7 == 6), Some(6));
        /// ```
        fn find_first<P>(self, predicate: P) -> Option<Self::Item>
        where
            P: Fn(&Self::Item) -> bool + Sync + Send,
        {
            consume(self.filter(predicate), FindEnd::first())
        }

        /// The last item for which `predicate` holds. Threads that are at earlier items stop when one has
        /// been found; those at later ones go on.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!((0..100).into_par_iter().find_last(|x| x % 7 == 6), Some(97));
        /// ```
        fn find_last<P>(self, predicate: P) -> Option<Self::Item>
        where
            P: Fn(&Self::Item) -> bool + Sync + Send,
        {
            consume(self.filter(predicate), FindEnd::last())
        }

        /// Calls `op` until some thread gets a value.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let number = ["x", "7"].par_iter().find_map_any(|word| word.parse::<i32>().ok());
        /// assert_eq!(number, Some(7));
        /// ```
        fn find_map_any<P, R>(self, op: P) -> Option<R>
        where
            P: Fn(Self::Item) -> Option<R> + Sync + Send,
            R: Send,
        {
            consume(self.filter_map(op), FindAny::new())
        }

        /// The first item's value for which `op` returns one.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let number = ["x", "7", "8"].par_iter().find_map_first(|word| word.parse::<i32>().ok());
        /// assert_eq!(number, Some(7));
        /// ```
        fn find_map_first<P, R>(self, op: P) -> Option<R>
        where
            P: Fn(Self::Item) -> Option<R> + Sync + Send,
            R: Send,
        {
            consume(self.filter_map(op), FindEnd::first())
        }

        /// The last item's value for which `op` returns one.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let number = ["x", "7", "8"].par_iter().find_map_last(|word| word.parse::<i32>().ok());
        /// assert_eq!(number, Some(8));
        /// ```
        fn find_map_last<P, R>(self, op: P) -> Option<R>
        where
            P: Fn(Self::Item) -> Option<R> + Sync + Send,
            R: Send,
        {
            consume(self.filter_map(op), FindEnd::last())
        }

        #[doc(hidden)]
        #[deprecated(note = "say which: `find_any`, `find_first` or `find_last`")]
        fn find<P>(self, predicate: P) -> Option<Self::Item>
        where
            P: Fn(&Self::Item) -> bool + Sync + Send,
        {
            self.find_any(predicate)
        }

        /// Whether `predicate` holds for some item.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert!([0, 3].par_iter().any(|&x| x > 2));
        /// ```
        fn any<P>(self, predicate: P) -> bool
        where
            P: Fn(Self::Item) -> bool + Sync + Send,
        {
            self.map(predicate).find_any(|&holds| holds).is_some()
        }

        /// Whether `predicate` holds for all items.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert!([1, 3].par_iter().all(|&x| x > 0));
        /// ```
        fn all<P>(self, predicate: P) -> bool
        where
            P: Fn(Self::Item) -> bool + Sync + Send,
        {
            self.map(predicate).find_any(|&holds| !holds).is_none()
        }
    };
}

pub(super) use methods;
