//! Adaptors: what is done with each item on its way.

macro_rules! methods {
    () => {
        /// Calls `op` with each item; its results are the new items.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let doubles: Vec<i32> = (0..4).into_par_iter().map(|x| x * 2).collect();
        /// assert_eq!(doubles, [0, 2, 4, 6]);
        /// ```
        fn map<F, R>(self, op: F) -> Map<Self, F>
        where
            F: Fn(Self::Item) -> R + Sync + Send,
            R: Send,
        {
            apply::Apply::new(self, apply::MapFn(op))
        }

        /// [`map`](Self::map) with a value that `op` may change: a clone of `init` for each piece into which
        /// the loop is cut, of which there is one more with each theft.
        ///
        /// ```
        /// use std::sync::mpsc::channel;
        /// use windrow::prelude::*;
        ///
        /// let (sender, receiver) = channel();
        /// let lens: Vec<usize> = ["a", "bc"]
        ///     .par_iter()
        ///     .map_with(sender, |sender, word| {
        ///         sender.send(*word).unwrap();
        ///         word.len()
        ///     })
        ///     .collect();
        /// assert_eq!(lens, [1, 2]);
        /// assert_eq!(receiver.iter().count(), 2);
        /// ```
        fn map_with<F, T, R>(self, init: T, op: F) -> MapWith<Self, T, F>
        where
            F: Fn(&mut T, Self::Item) -> R + Sync + Send,
            T: Send + Clone,
            R: Send,
        {
            state::MapState::new(self, state::CloneFor::new(init), op)
        }

        /// [`map_with`](Self::map_with) with a closure that makes the value.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let lens: Vec<usize> = (0..3)
        ///     .into_par_iter()
        ///     .map_init(String::new, |buffer, i| {
        ///         buffer.clear();
        ///         buffer.push_str(&"x".repeat(i));
        ///         buffer.len()
        ///     })
        ///     .collect();
        /// assert_eq!(lens, [0, 1, 2]);
        /// ```
        fn map_init<F, INIT, T, R>(self, init: INIT, op: F) -> MapInit<Self, INIT, F>
        where
            F: Fn(&mut T, Self::Item) -> R + Sync + Send,
            INIT: Fn() -> T + Sync + Send,
            R: Send,
        {
            state::MapState::new(self, state::CallFor(init), op)
        }

        /// Clones what the items refer to.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let copy: Vec<String> = ["a".to_owned()].par_iter().cloned().collect();
        /// assert_eq!(copy, ["a"]);
        /// ```
        fn cloned<'a, T>(self) -> Cloned<Self>
        where
            T: 'a + Clone + Send,
            Self: ParallelIterator<Item = &'a T>,
        {
            apply::Apply::new(self, apply::CloneItem)
        }

        /// Copies what the items refer to.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!([1, 2, 3].par_iter().copied().sum::<i32>(), 6);
        /// ```
        fn copied<'a, T>(self) -> Copied<Self>
        where
            T: 'a + Copy + Send,
            Self: ParallelIterator<Item = &'a T>,
        {
            apply::Apply::new(self, apply::CopyItem)
        }

        /// Calls `op` with a reference to each item, and passes the item on.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let sum: i32 = [1, 2].par_iter().inspect(|x| println!("{x}")).sum();
        /// assert_eq!(sum, 3);
        /// ```
        fn inspect<OP>(self, op: OP) -> Inspect<Self, OP>
        where
            OP: Fn(&Self::Item) + Sync + Send,
        {
            apply::Apply::new(self, apply::InspectFn(op))
        }

        /// Calls `op` with a mutable reference to each item, and passes the item on.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let numbers: Vec<i32> = (0..3).into_par_iter().update(|x| *x += 1).collect();
        /// assert_eq!(numbers, [1, 2, 3]);
        /// ```
        fn update<F>(self, op: F) -> Update<Self, F>
        where
            F: Fn(&mut Self::Item) + Sync + Send,
        {
            apply::Apply::new(self, apply::UpdateFn(op))
        }

        /// Keeps the items for which `predicate` holds.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let even: Vec<i32> = (0..7).into_par_iter().filter(|x| x % 2 == 0).collect();
        /// assert_eq!(even, [0, 2, 4, 6]);
        /// ```
        fn filter<P>(self, predicate: P) -> Filter<Self, P>
        where
            P: Fn(&Self::Item) -> bool + Sync + Send,
        {
            pick::Pick::new(self, pick::FilterFn(predicate))
        }

        /// Calls `op` with each item; what it returns inside of `Some` are the new items.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let numbers: Vec<i32> =
        ///     ["1", "x", "3"].par_iter().filter_map(|word| word.parse().ok()).collect();
        /// assert_eq!(numbers, [1, 3]);
        /// ```
        fn filter_map<P, R>(self, op: P) -> FilterMap<Self, P>
        where
            P: Fn(Self::Item) -> Option<R> + Sync + Send,
            R: Send,
        {
            pick::Pick::new(self, pick::FilterMapFn(op))
        }

        /// Calls `op` with each item; what it returns are parallel loops over the new items. A loop inside of
        /// the loop is shared like the outer one. Where the inner loops are short, or have to be made
        /// sequentially, [`flat_map_iter`](Self::flat_map_iter) is cheaper.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let pairs: Vec<_> = (0..2)
        ///     .into_par_iter()
        ///     .flat_map(|i| (0..2).into_par_iter().map(move |j| (i, j)))
        ///     .collect();
        /// assert_eq!(pairs, [(0, 0), (0, 1), (1, 0), (1, 1)]);
        /// ```
        fn flat_map<F, PI>(self, op: F) -> FlatMap<Self, F>
        where
            F: Fn(Self::Item) -> PI + Sync + Send,
            PI: IntoParallelIterator,
        {
            FlatMap::new(self, op)
        }

        /// [`flat_map`](Self::flat_map) with sequential iterators.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let letters: Vec<char> = ["ab", "c"].par_iter().flat_map_iter(|word| word.chars()).collect();
        /// assert_eq!(letters, ['a', 'b', 'c']);
        /// ```
        fn flat_map_iter<F, SI>(self, op: F) -> FlatMapIter<Self, F>
        where
            F: Fn(Self::Item) -> SI + Sync + Send,
            SI: IntoIterator,
            SI::Item: Send,
        {
            FlatMapIter::new(self, op)
        }

        /// The items of the items.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let flat: Vec<i32> = vec![vec![1, 2], vec![3]].into_par_iter().flatten().collect();
        /// assert_eq!(flat, [1, 2, 3]);
        /// ```
        fn flatten(self) -> Flatten<Self>
        where
            Self::Item: IntoParallelIterator,
        {
            Flatten::new(self)
        }

        /// [`flatten`](Self::flatten) where the items are sequential iterators.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let flat: Vec<i32> = vec![Some(1), None, Some(3)].into_par_iter().flatten_iter().collect();
        /// assert_eq!(flat, [1, 3]);
        /// ```
        fn flatten_iter(self) -> FlattenIter<Self>
        where
            Self::Item: IntoIterator,
            <Self::Item as IntoIterator>::Item: Send,
        {
            FlattenIter::new(self)
        }
    };
}

pub(super) use methods;
