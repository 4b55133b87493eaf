//! Consumers that come to collections.

macro_rules! methods {
    () => {
        /// All items, in a collection, in their order where that has one.
        ///
        /// A vector is written in place, each item where it belongs, if the number of items is known
        /// beforehand; otherwise from a vector for each piece. Of `Result`s and `Option`s it makes a
        /// `Result` or `Option` of a collection, and stops at the first failure as in
        /// [`try_for_each`](Self::try_for_each).
        ///
        /// ```
        /// use std::collections::HashMap;
        /// use windrow::prelude::*;
        ///
        /// let words = ["rows", "of", "hay"];
        /// let lens: HashMap<_, _> = words.par_iter().map(|word| (*word, word.len())).collect();
        /// assert_eq!(lens["hay"], 3);
        ///
        /// let numbers: Result<Vec<i32>, _> = ["1", "2"].par_iter().map(|word| word.parse()).collect();
        /// assert_eq!(numbers, Ok(vec![1, 2]));
        /// ```
        fn collect<C>(self) -> C
        where
            C: FromParallelIterator<Self::Item>,
        {
            C::from_par_iter(self)
        }

        /// Two collections: of the first and of the second parts of the items.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let (numbers, letters): (Vec<_>, String) = [(1, 'a'), (2, 'b')].into_par_iter().unzip();
        /// assert_eq!((numbers, letters.as_str()), (vec![1, 2], "ab"));
        /// ```
        fn unzip<A, B, FromA, FromB>(self) -> (FromA, FromB)
        where
            Self: ParallelIterator<Item = (A, B)>,
            FromA: Default + Send + ParallelExtend<A>,
            FromB: Default + Send + ParallelExtend<B>,
            A: Send,
            B: Send,
        {
            let mut both = (FromA::default(), FromB::default());
            both.par_extend(self);
            both
        }

        /// Two collections: of the items for which `predicate` holds, and of the others.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let (low, high): (Vec<_>, Vec<_>) = (0..6).into_par_iter().partition(|&x| x < 2);
        /// assert_eq!((low, high), (vec![0, 1], vec![2, 3, 4, 5]));
        /// ```
        fn partition<A, B, P>(self, predicate: P) -> (A, B)
        where
            A: Default + Send + ParallelExtend<Self::Item>,
            B: Default + Send + ParallelExtend<Self::Item>,
            P: Fn(&Self::Item) -> bool + Sync + Send,
        {
            self.partition_map(|item| {
                if predicate(&item) {
                    Either::Left(item)
                } else {
                    Either::Right(item)
                }
            })
        }

        /// Two collections: of what `op` returns on the [`Left`](Either::Left), and of what it returns on the
        /// [`Right`](Either::Right).
        ///
        /// ```
        /// use windrow::iter::Either;
        /// use windrow::prelude::*;
        ///
        /// let (numbers, words): (Vec<i32>, Vec<&str>) =
        ///     ["1", "x"].par_iter().partition_map(|word| match word.parse::<i32>() {
        ///         Ok(number) => Either::Left(number),
        ///         Err(_) => Either::Right(*word),
        ///     });
        /// assert_eq!((numbers, words), (vec![1], vec!["x"]));
        /// ```
        fn partition_map<A, B, P, L, R>(self, op: P) -> (A, B)
        where
            A: Default + Send + ParallelExtend<L>,
            B: Default + Send + ParallelExtend<R>,
            P: Fn(Self::Item) -> Either<L, R> + Sync + Send,
            L: Send,
            R: Send,
        {
            let mut both = (A::default(), B::default());
            both.par_extend(self.map(op));
            both
        }

        /// The items in a list of vectors, one for each piece: what is cheapest where their number is not
        /// known and they need not lie together.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let list = (0..100).into_par_iter().filter(|x| x % 2 == 0).collect_vec_list();
        /// assert_eq!(list.into_iter().flatten().count(), 50);
        /// ```
        fn collect_vec_list(self) -> std::collections::LinkedList<Vec<Self::Item>> {
            let pieces = into_pieces::<Vec<_>, _>(self);
            pieces
                .into_iter()
                .filter(|piece| !piece.is_empty())
                .collect()
        }
    };
}

pub(super) use methods;
