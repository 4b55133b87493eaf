//! Consumers that come to one value.

macro_rules! methods {
    () => {
        /// Calls `op` with each item.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// (0..3).into_par_iter().for_each(|x| println!("{x}"));
        /// ```
        fn for_each<OP>(self, op: OP)
        where
            OP: Fn(Self::Item) + Sync + Send,
        {
            consume(
                self,
                Accumulate::new(|| (), |(), item| op(item), |(), ()| ()),
            );
        }

        /// [`for_each`](Self::for_each) with a value as in [`map_with`](Self::map_with).
        ///
        /// ```
        /// use std::sync::mpsc::channel;
        /// use windrow::prelude::*;
        ///
        /// let (sender, receiver) = channel();
        /// (0..5).into_par_iter().for_each_with(sender, |sender, x| sender.send(x).unwrap());
        /// assert_eq!(receiver.iter().sum::<i32>(), 10);
        /// ```
        fn for_each_with<OP, T>(self, init: T, op: OP)
        where
            OP: Fn(&mut T, Self::Item) + Sync + Send,
            T: Send + Clone,
        {
            self.map_with(init, op).for_each(|()| ());
        }

        /// [`for_each`](Self::for_each) with a value as in [`map_init`](Self::map_init).
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// (0..5).into_par_iter().for_each_init(String::new, |buffer, x| {
        ///     buffer.clear();
        ///     buffer.push_str(&x.to_string());
        /// });
        /// ```
        fn for_each_init<OP, INIT, T>(self, init: INIT, op: OP)
        where
            OP: Fn(&mut T, Self::Item) + Sync + Send,
            INIT: Fn() -> T + Sync + Send,
        {
            self.map_init(init, op).for_each(|()| ());
        }

        /// Calls `op` with each item, until one call fails: with an `Err`, a `None` or a
        /// [`ControlFlow::Break`](std::ops::ControlFlow::Break). Returns a failure if there was one; of
        /// several, the one of the first item among those that were met.
        ///
        /// Other threads stop at their next look around; what their calls have done until then stays done.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let checked = [1, -2, 3].par_iter().try_for_each(|&x| if x > 0 { Ok(()) } else { Err(x) });
        /// assert_eq!(checked, Err(-2));
        /// ```
        fn try_for_each<OP, R>(self, op: OP) -> R
        where
            OP: Fn(Self::Item) -> R + Sync + Send,
            R: Try<Output = ()> + Send,
        {
            consume(
                self,
                TryAccumulate::<R, _, _, _>::new(
                    || (),
                    |(), item| op(item),
                    |(), ()| R::from_output(()),
                ),
            )
        }

        /// [`try_for_each`](Self::try_for_each) with a value as in [`map_with`](Self::map_with).
        fn try_for_each_with<OP, T, R>(self, init: T, op: OP) -> R
        where
            OP: Fn(&mut T, Self::Item) -> R + Sync + Send,
            T: Send + Clone,
            R: Try<Output = ()> + Send,
        {
            self.map_with(init, op).try_for_each(|result| result)
        }

        /// [`try_for_each`](Self::try_for_each) with a value as in [`map_init`](Self::map_init).
        fn try_for_each_init<OP, INIT, T, R>(self, init: INIT, op: OP) -> R
        where
            OP: Fn(&mut T, Self::Item) -> R + Sync + Send,
            INIT: Fn() -> T + Sync + Send,
            R: Try<Output = ()> + Send,
        {
            self.map_init(init, op).try_for_each(|result| result)
        }

        /// How many items there are. The loop runs, with its closures, in any case;
        /// [`len`](IndexedParallelIterator::len) only asks.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!((0..10).into_par_iter().filter(|x| x % 3 == 0).count(), 4);
        /// ```
        fn count(self) -> usize {
            consume(
                self,
                Accumulate::new(|| 0, |count, _| count + 1, |a, b| a + b),
            )
        }

        /// Reduces all items to one with `op`, which must be associative; `identity` makes its neutral
        /// element, any number of times.
        ///
        /// The order of the items is kept, but not how they are grouped: with floating-point numbers the
        /// result may differ from run to run.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let words = ["ra", "ke", "d"];
        /// let word = words.par_iter().map(|s| s.to_string()).reduce(String::new, |a, b| a + &b);
        /// assert_eq!(word, "raked");
        /// ```
        fn reduce<OP, ID>(self, identity: ID, op: OP) -> Self::Item
        where
            OP: Fn(Self::Item, Self::Item) -> Self::Item + Sync + Send,
            ID: Fn() -> Self::Item + Sync + Send,
        {
            consume(self, Accumulate::new(identity, &op, &op))
        }

        /// [`reduce`](Self::reduce) without a neutral element: `None` if there are no items.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!([2, 3, 4].par_iter().copied().reduce_with(|a, b| a * b), Some(24));
        /// ```
        fn reduce_with<OP>(self, op: OP) -> Option<Self::Item>
        where
            OP: Fn(Self::Item, Self::Item) -> Self::Item + Sync + Send,
        {
            let join = |left, right| match (left, right) {
                (Some(left), Some(right)) => Some(op(left, right)),
                (left, right) => left.or(right),
            };
            let step = |fold, item| match fold {
                Some(fold) => Some(op(fold, item)),
                None => Some(item),
            };
            consume(self, Accumulate::new(|| None, step, join))
        }

        /// [`reduce`](Self::reduce) of what the items hold, with an `op` that may fail; so may the items. The
        /// first failure ends the loop, as in [`try_for_each`](Self::try_for_each).
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let sum = |numbers: &[u8]| {
        ///     numbers.par_iter().map(|&x| Some(x)).try_reduce(|| 0, |a, b| a.checked_add(b))
        /// };
        /// assert_eq!(sum(&[100, 100]), Some(200));
        /// assert_eq!(sum(&[100, 100, 100]), None);
        /// ```
        fn try_reduce<T, OP, ID>(self, identity: ID, op: OP) -> Self::Item
        where
            OP: Fn(T, T) -> Self::Item + Sync + Send,
            ID: Fn() -> T + Sync + Send,
            Self::Item: Try<Output = T>,
        {
            let step = |fold: T, item: Self::Item| match item.branch() {
                std::ops::ControlFlow::Continue(item) => op(fold, item),
                std::ops::ControlFlow::Break(failure) => Self::Item::from_residual(failure),
            };
            consume(
                self,
                TryAccumulate::<Self::Item, _, _, _>::new(identity, step, &op),
            )
        }

        /// [`try_reduce`](Self::try_reduce) without a neutral element: `None` if there are no items.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let numbers = [Ok(1), Err("two"), Ok(3)];
        /// let sum = numbers.into_par_iter().try_reduce_with(|a, b| Ok(a + b));
        /// assert_eq!(sum, Some(Err("two")));
        /// ```
        fn try_reduce_with<T, OP>(self, op: OP) -> Option<Self::Item>
        where
            OP: Fn(T, T) -> Self::Item + Sync + Send,
            Self::Item: Try<Output = T>,
        {
            let join = |left: Option<T>, right: Option<T>| match (left, right) {
                (Some(left), Some(right)) => Among(Some(op(left, right))),
                (left, right) => Among(left.or(right).map(Self::Item::from_output)),
            };
            let step = |fold: Option<T>, item: Self::Item| match (fold, item.branch()) {
                (Some(fold), std::ops::ControlFlow::Continue(item)) => Among(Some(op(fold, item))),
                (None, std::ops::ControlFlow::Continue(item)) => {
                    Among(Some(Self::Item::from_output(item)))
                }
                (_, std::ops::ControlFlow::Break(failure)) => {
                    Among(Some(Self::Item::from_residual(failure)))
                }
            };
            consume(
                self,
                TryAccumulate::<Among<Self::Item>, _, _, _>::new(|| None, step, join),
            )
            .0
        }

        /// The sum of the items.
        ///
        /// As with [`reduce`](Self::reduce), floating-point sums may differ from run to run in their last
        /// digits.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!([1, 5, 7].par_iter().sum::<i32>(), 13);
        /// ```
        fn sum<S>(self) -> S
        where
            S: Send + Sum<Self::Item> + Sum<S>,
        {
            consume(self, SumUp(PhantomData))
        }

        /// The product of the items.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!([2, 3, 7].par_iter().product::<i32>(), 42);
        /// ```
        fn product<P>(self) -> P
        where
            P: Send + Product<Self::Item> + Product<P>,
        {
            consume(self, Multiply(PhantomData))
        }

        /// The least item; the first of several.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!([45, 74, 32].par_iter().min(), Some(&32));
        /// ```
        fn min(self) -> Option<Self::Item>
        where
            Self::Item: Ord,
        {
            self.reduce_with(Ord::min)
        }

        /// The least item by a comparison; the first of several.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let least = [2.0, -1.5].into_par_iter().min_by(|a: &f64, b| a.total_cmp(b));
        /// assert_eq!(least, Some(-1.5));
        /// ```
        fn min_by<F>(self, f: F) -> Option<Self::Item>
        where
            F: Sync + Send + Fn(&Self::Item, &Self::Item) -> Ordering,
        {
            self.reduce_with(|a, b| if f(&a, &b).is_gt() { b } else { a })
        }

        /// The item with the least key; the first of several. The key is computed once an item.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!([-3_i32, 2, 7].par_iter().min_by_key(|x| x.abs()), Some(&2));
        /// ```
        fn min_by_key<K, F>(self, f: F) -> Option<Self::Item>
        where
            K: Ord + Send,
            F: Sync + Send + Fn(&Self::Item) -> K,
        {
            let keyed = self.map(|item| (f(&item), item));
            keyed.min_by(|a, b| a.0.cmp(&b.0)).map(|(_, item)| item)
        }

        /// The greatest item; the last of several.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!([45, 74, 32].par_iter().max(), Some(&74));
        /// ```
        fn max(self) -> Option<Self::Item>
        where
            Self::Item: Ord,
        {
            self.reduce_with(Ord::max)
        }

        /// The greatest item by a comparison; the last of several.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let greatest = [2.0, -1.5].into_par_iter().max_by(|a: &f64, b| a.total_cmp(b));
        /// assert_eq!(greatest, Some(2.0));
        /// ```
        fn max_by<F>(self, f: F) -> Option<Self::Item>
        where
            F: Sync + Send + Fn(&Self::Item, &Self::Item) -> Ordering,
        {
            self.reduce_with(|a, b| if f(&a, &b).is_gt() { a } else { b })
        }

        /// The item with the greatest key; the last of several. The key is computed once an item.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!([-9_i32, 2, 7].par_iter().max_by_key(|x| x.abs()), Some(&-9));
        /// ```
        fn max_by_key<K, F>(self, f: F) -> Option<Self::Item>
        where
            K: Ord + Send,
            F: Sync + Send + Fn(&Self::Item) -> K,
        {
            let keyed = self.map(|item| (f(&item), item));
            keyed.max_by(|a, b| a.0.cmp(&b.0)).map(|(_, item)| item)
        }
    };
}

pub(super) use methods;
