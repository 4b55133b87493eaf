//! Adaptors and collections that need the number of items, or an item by its index.

macro_rules! methods {
    () => {
        /// How many items there are.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!((0..10).into_par_iter().len(), 10);
        /// ```
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

        /// Collects pairs into two vectors, as [`collect_into_vec`](Self::collect_into_vec) does.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let (mut numbers, mut letters) = (vec![], vec![]);
        /// [(1, 'a'), (2, 'b')].into_par_iter().unzip_into_vecs(&mut numbers, &mut letters);
        /// assert_eq!((numbers, letters), (vec![1, 2], vec!['a', 'b']));
        /// ```
        fn unzip_into_vecs<A, B>(self, left: &mut Vec<A>, right: &mut Vec<B>)
        where
            Self: IndexedParallelIterator<Item = (A, B)>,
            A: Send,
            B: Send,
        {
            left.clear();
            right.clear();
            let mut both = (std::mem::take(left), std::mem::take(right));
            both.par_extend(self);
            (*left, *right) = both;
        }

        /// Pairs of the items of this iterator and of another, as many as the shorter one has. What the
        /// longer one has behind them is dropped.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let (mut a, b) = ([0; 3], [1, 2, 3]);
        /// a.par_iter_mut().zip(&b).for_each(|(a, b)| *a = b * b);
        /// assert_eq!(a, [1, 4, 9]);
        /// ```
        fn zip<Z>(self, other: Z) -> Zip<Self, Z::Iter>
        where
            Z: IntoParallelIterator<Iter: IndexedParallelIterator>,
        {
            Zip::new(self, other.into_par_iter())
        }

        /// [`zip`](Self::zip) of two iterators that have to be of the same length.
        ///
        /// # Panics
        /// If they are not.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let dot: i32 = [1, 2].par_iter().zip_eq(&[3, 4]).map(|(a, b)| a * b).sum();
        /// assert_eq!(dot, 11);
        /// ```
        #[track_caller]
        fn zip_eq<Z>(self, other: Z) -> ZipEq<Self, Z::Iter>
        where
            Z: IntoParallelIterator<Iter: IndexedParallelIterator>,
        {
            let other = other.into_par_iter();
            assert_eq!(
                self.len(),
                other.len(),
                "iterators must have the same length"
            );
            Zip::new(self, other)
        }

        /// Items of this iterator and of another in turn; when one of them is at its end, the rest of the
        /// other.
        ///
        /// # Panics
        /// If both together have more items than an `usize` can count.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let all: Vec<i32> = vec![1, 2].into_par_iter().interleave(vec![10, 20, 30, 40]).collect();
        /// assert_eq!(all, [1, 10, 2, 20, 30, 40]);
        /// ```
        fn interleave<I>(self, other: I) -> Interleave<Self, I::Iter>
        where
            I: IntoParallelIterator<Item = Self::Item, Iter: IndexedParallelIterator>,
        {
            Interleave::new(self, other.into_par_iter())
        }

        /// Items of this iterator and of another in turn, until the one whose turn it is has no more. The
        /// rest is dropped.
        ///
        /// # Panics
        /// If both together have more items than an `usize` can count.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let all: Vec<i32> =
        ///     vec![1, 2, 3, 4].into_par_iter().interleave_shortest(vec![10, 20]).collect();
        /// assert_eq!(all, [1, 10, 2, 20, 3]);
        /// ```
        fn interleave_shortest<I>(self, other: I) -> InterleaveShortest<Self, I::Iter>
        where
            I: IntoParallelIterator<Item = Self::Item, Iter: IndexedParallelIterator>,
        {
            Interleave::shortest(self, other.into_par_iter())
        }

        /// Vectors of `chunk_size` items each; the last one has what is left. Slices have
        /// chunks that need no memory.
        ///
        /// # Panics
        /// If `chunk_size` is 0.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let chunks: Vec<Vec<i32>> = (0..5).into_par_iter().chunks(2).collect();
        /// assert_eq!(chunks, [vec![0, 1], vec![2, 3], vec![4]]);
        /// ```
        #[track_caller]
        fn chunks(self, chunk_size: usize) -> Chunks<Self> {
            assert!(chunk_size != 0, "chunk_size must not be zero");
            chunks::InChunks::new(self, chunk_size, chunks::ToVec)
        }

        /// Folds each `chunk_size` items to one, beginning with what `identity` returns; the last result is
        /// of what is left.
        ///
        /// # Panics
        /// If `chunk_size` is 0.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let sums: Vec<i32> = (0..5).into_par_iter().fold_chunks(2, || 0, |a, b| a + b).collect();
        /// assert_eq!(sums, [1, 5, 4]);
        /// ```
        #[track_caller]
        fn fold_chunks<T, ID, F>(
            self,
            chunk_size: usize,
            identity: ID,
            fold_op: F,
        ) -> FoldChunks<Self, ID, F>
        where
            ID: Fn() -> T + Send + Sync,
            F: Fn(T, Self::Item) -> T + Send + Sync,
            T: Send,
        {
            assert!(chunk_size != 0, "chunk_size must not be zero");
            let gather = chunks::FoldFrom::new(identity, fold_op);
            chunks::InChunks::new(self, chunk_size, gather)
        }

        /// [`fold_chunks`](Self::fold_chunks) that begins with clones of `init`.
        ///
        /// # Panics
        /// If `chunk_size` is 0.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let sums: Vec<i32> = (0..5).into_par_iter().fold_chunks_with(2, 10, |a, b| a + b).collect();
        /// assert_eq!(sums, [11, 15, 14]);
        /// ```
        #[track_caller]
        fn fold_chunks_with<T, F>(
            self,
            chunk_size: usize,
            init: T,
            fold_op: F,
        ) -> FoldChunksWith<Self, T, F>
        where
            T: Send + Clone,
            F: Fn(T, Self::Item) -> T + Send + Sync,
        {
            assert!(chunk_size != 0, "chunk_size must not be zero");
            let gather = chunks::FoldClone::new(init, fold_op);
            chunks::InChunks::new(self, chunk_size, gather)
        }

        /// Each item with its index.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let mut numbers = [0; 3];
        /// numbers.par_iter_mut().enumerate().for_each(|(i, x)| *x = i * i);
        /// assert_eq!(numbers, [0, 1, 4]);
        /// ```
        fn enumerate(self) -> Enumerate<Self> {
            Enumerate::new(self)
        }

        /// The first item, and each that is a multiple of `step` behind it. The others are dropped.
        ///
        /// # Panics
        /// If `step` is 0.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let numbers: Vec<i32> = (3..10).into_par_iter().step_by(3).collect();
        /// assert_eq!(numbers, [3, 6, 9]);
        /// ```
        #[track_caller]
        fn step_by(self, step: usize) -> StepBy<Self> {
            assert!(step != 0, "step must not be zero");
            StepBy::new(self, step)
        }

        /// The items without the first `n`, which are dropped when the loop begins.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let numbers: Vec<i32> = (0..5).into_par_iter().skip(2).collect();
        /// assert_eq!(numbers, [2, 3, 4]);
        /// ```
        fn skip(self, n: usize) -> Skip<Self> {
            Skip::new(self, n)
        }

        /// The first `n` items. The others are dropped when the loop begins.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let numbers: Vec<i32> = (0..5).into_par_iter().take(2).collect();
        /// assert_eq!(numbers, [0, 1]);
        /// ```
        fn take(self, n: usize) -> Take<Self> {
            Take::new(self, n)
        }

        /// The items from the last to the first.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let numbers: Vec<i32> = (0..3).into_par_iter().rev().collect();
        /// assert_eq!(numbers, [2, 1, 0]);
        /// ```
        fn rev(self) -> Rev<Self> {
            Rev::new(self)
        }

        /// The indices of the items for which `predicate` holds.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let even: Vec<usize> = [7, 2, 4].into_par_iter().positions(|x| x % 2 == 0).collect();
        /// assert_eq!(even, [1, 2]);
        /// ```
        fn positions<P>(self, predicate: P) -> Positions<Self, P>
        where
            P: Fn(Self::Item) -> bool + Sync + Send,
        {
            Positions::new(self, predicate)
        }

        /// Says that fewer than `min` items are not worth a piece of their own: a loop is cut only where both
        /// parts have as many, and a thread takes as many at a time. Usually there is no need for it, since
        /// loops are cut only where a thread is free, and chunks are measured.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!((0..10_000).into_par_iter().with_min_len(1000).sum::<i32>(), 49_995_000);
        /// ```
        fn with_min_len(self, min: usize) -> MinLen<Self> {
            MinLen::new(self, min)
        }

        /// Says that a thread is not to take more than `max` items at a time, as a thread that does so can
        /// neither share them nor stop between them. Unlike rayon's, a piece may have more: it is run in
        /// chunks of `max`.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// assert_eq!((0..100).into_par_iter().with_max_len(1).sum::<i32>(), 4950);
        /// ```
        fn with_max_len(self, max: usize) -> MaxLen<Self> {
            MaxLen::new(self, max)
        }

        /// Runs the items in blocks, one after the other, each a parallel loop: the first with an item for
        /// each thread of the pool, the others twice as long as the one before. So a search that ends
        /// early has not gone far beyond what it looked for.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let found = (0..10_000).into_par_iter().by_exponential_blocks().find_first(|&x| x == 4_999);
        /// assert_eq!(found, Some(4_999));
        /// ```
        fn by_exponential_blocks(self) -> ExponentialBlocks<Self> {
            ExponentialBlocks::new(self)
        }

        /// Runs the items in blocks of `block_size`, one after the other, each a parallel loop.
        ///
        /// # Panics
        /// If `block_size` is 0.
        ///
        /// ```
        /// use windrow::prelude::*;
        ///
        /// let sum: i32 = (0..100).into_par_iter().by_uniform_blocks(30).sum();
        /// assert_eq!(sum, 4950);
        /// ```
        #[track_caller]
        fn by_uniform_blocks(self, block_size: usize) -> UniformBlocks<Self> {
            assert!(block_size != 0, "block_size must not be zero");
            UniformBlocks::new(self, block_size)
        }
    };
}

pub(super) use methods;
