//! Loops over parts of slices: the traits.

use crate::par::sort;
use crate::par::source::chunks::{
    ArrayWindows, Chunks, ChunksExact, ChunksExactMut, ChunksMut, RChunks, RChunksExact,
    RChunksExactMut, RChunksMut, Windows,
};
use crate::par::source::ground::{Shared, Unique};
use crate::par::source::split_slice::{
    ChunkBy, ChunkByMut, Split, SplitInclusive, SplitInclusiveMut, SplitMut,
};

/// Parallel loops over the parts of a slice.
///
/// ```
/// use windrow::prelude::*;
///
/// let heights = [3, 5, 4, 8];
/// let rises = heights.par_windows(2).filter(|pair| pair[0] < pair[1]).count();
/// assert_eq!(rises, 2);
/// ```
pub trait ParallelSlice<T: Sync> {
    /// The slice.
    fn as_parallel_slice(&self) -> &[T];

    /// The parts between the items for which `separator` holds, as with [`split`](slice::split). Parts may be
    /// empty.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let parts: Vec<_> = [1, 2, 0, 3, 0].par_split(|x| *x == 0).collect();
    /// assert_eq!(parts, [&[1, 2][..], &[3], &[]]);
    /// ```
    fn par_split<P>(&self, separator: P) -> Split<'_, T, P>
    where
        P: Fn(&T) -> bool + Sync + Send,
    {
        Split::separated(Shared::new(self.as_parallel_slice()), separator)
    }

    /// The parts that end with an item for which `separator` holds, and what is left behind the last one, as
    /// with [`split_inclusive`](slice::split_inclusive).
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let parts: Vec<_> = [1, 2, 0, 3].par_split_inclusive(|x| *x == 0).collect();
    /// assert_eq!(parts, [&[1, 2, 0][..], &[3]]);
    /// ```
    fn par_split_inclusive<P>(&self, separator: P) -> SplitInclusive<'_, T, P>
    where
        P: Fn(&T) -> bool + Sync + Send,
    {
        SplitInclusive::separated(Shared::new(self.as_parallel_slice()), separator)
    }

    /// All parts of length `window_size`; they overlap.
    ///
    /// # Panics
    /// If `window_size` is 0.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let windows: Vec<_> = [1, 2, 3].par_windows(2).collect();
    /// assert_eq!(windows, [[1, 2], [2, 3]]);
    /// ```
    #[track_caller]
    fn par_windows(&self, window_size: usize) -> Windows<'_, T> {
        Windows::new(self.as_parallel_slice(), window_size)
    }

    /// All parts of length `N`, as references to arrays; they overlap.
    ///
    /// # Panics
    /// If `N` is 0.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let rises = [1, 2, 2, 4].par_array_windows().filter(|[a, b]| a < b).count();
    /// assert_eq!(rises, 2);
    /// ```
    #[track_caller]
    fn par_array_windows<const N: usize>(&self) -> ArrayWindows<'_, T, N> {
        ArrayWindows::new(self.as_parallel_slice())
    }

    /// Parts of length `chunk_size`; the last may be shorter.
    ///
    /// # Panics
    /// If `chunk_size` is 0.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let chunks: Vec<_> = [1, 2, 3, 4, 5].par_chunks(2).collect();
    /// assert_eq!(chunks, [&[1, 2][..], &[3, 4], &[5]]);
    /// ```
    #[track_caller]
    fn par_chunks(&self, chunk_size: usize) -> Chunks<'_, T> {
        Chunks::new(self.as_parallel_slice(), chunk_size)
    }

    /// Parts of length `chunk_size`. What is too short for one is not among them; the iterator has it as its
    /// `remainder()`.
    ///
    /// # Panics
    /// If `chunk_size` is 0.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let chunks: Vec<_> = [1, 2, 3, 4, 5].par_chunks_exact(2).collect();
    /// assert_eq!(chunks, [[1, 2], [3, 4]]);
    /// ```
    #[track_caller]
    fn par_chunks_exact(&self, chunk_size: usize) -> ChunksExact<'_, T> {
        ChunksExact::new(self.as_parallel_slice(), chunk_size)
    }

    /// Parts of length `chunk_size`, from the end of the slice to its beginning; the last, at its beginning,
    /// may be shorter.
    ///
    /// # Panics
    /// If `chunk_size` is 0.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let chunks: Vec<_> = [1, 2, 3, 4, 5].par_rchunks(2).collect();
    /// assert_eq!(chunks, [&[4, 5][..], &[2, 3], &[1]]);
    /// ```
    #[track_caller]
    fn par_rchunks(&self, chunk_size: usize) -> RChunks<'_, T> {
        RChunks::new(self.as_parallel_slice(), chunk_size)
    }

    /// Parts of length `chunk_size`, from the end of the slice to its beginning. What is too short for one is
    /// not among them; the iterator has it as its `remainder()`.
    ///
    /// # Panics
    /// If `chunk_size` is 0.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let chunks: Vec<_> = [1, 2, 3, 4, 5].par_rchunks_exact(2).collect();
    /// assert_eq!(chunks, [[4, 5], [2, 3]]);
    /// ```
    #[track_caller]
    fn par_rchunks_exact(&self, chunk_size: usize) -> RChunksExact<'_, T> {
        RChunksExact::new(self.as_parallel_slice(), chunk_size)
    }

    /// The longest parts in which `pred` holds for each item and the next, as with
    /// [`chunk_by`](slice::chunk_by).
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let runs: Vec<_> = [1, 2, 2, 3, 3].par_chunk_by(|a, b| a == b).collect();
    /// assert_eq!(runs, [&[1][..], &[2, 2], &[3, 3]]);
    /// ```
    fn par_chunk_by<F>(&self, pred: F) -> ChunkBy<'_, T, F>
    where
        F: Fn(&T, &T) -> bool + Send + Sync,
    {
        ChunkBy::runs(Shared::new(self.as_parallel_slice()), pred)
    }
}

impl<T: Sync> ParallelSlice<T> for [T] {
    fn as_parallel_slice(&self) -> &[T] {
        self
    }
}

/// Parallel loops over the parts of a slice that may change them, and parallel sorts.
///
/// ```
/// use windrow::prelude::*;
///
/// let mut table = [3, 1, 2, 9, 8, 7];
/// table.par_chunks_mut(3).for_each(|row| row.reverse());
/// assert_eq!(table, [2, 1, 3, 7, 8, 9]);
/// ```
pub trait ParallelSliceMut<T: Send> {
    /// The slice.
    fn as_parallel_slice_mut(&mut self) -> &mut [T];

    /// [`par_split`](ParallelSlice::par_split) into mutable parts.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let mut numbers = [1, 2, 3, 0, 4, 5];
    /// numbers.par_split_mut(|x| *x == 0).for_each(|part| part.reverse());
    /// assert_eq!(numbers, [3, 2, 1, 0, 5, 4]);
    /// ```
    fn par_split_mut<P>(&mut self, separator: P) -> SplitMut<'_, T, P>
    where
        P: Fn(&T) -> bool + Sync + Send,
    {
        SplitMut::separated(Unique::new(self.as_parallel_slice_mut()), separator)
    }

    /// [`par_split_inclusive`](ParallelSlice::par_split_inclusive) into mutable parts.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let mut numbers = [1, 2, 3, 0, 4, 5];
    /// numbers.par_split_inclusive_mut(|x| *x == 0).for_each(|part| part.reverse());
    /// assert_eq!(numbers, [0, 3, 2, 1, 5, 4]);
    /// ```
    fn par_split_inclusive_mut<P>(&mut self, separator: P) -> SplitInclusiveMut<'_, T, P>
    where
        P: Fn(&T) -> bool + Sync + Send,
    {
        SplitInclusiveMut::separated(Unique::new(self.as_parallel_slice_mut()), separator)
    }

    /// [`par_chunks`](ParallelSlice::par_chunks) that may be changed.
    ///
    /// # Panics
    /// If `chunk_size` is 0.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let mut numbers = [1, 2, 3, 4, 5];
    /// numbers.par_chunks_mut(2).for_each(|chunk| chunk.reverse());
    /// assert_eq!(numbers, [2, 1, 4, 3, 5]);
    /// ```
    #[track_caller]
    fn par_chunks_mut(&mut self, chunk_size: usize) -> ChunksMut<'_, T> {
        ChunksMut::new(self.as_parallel_slice_mut(), chunk_size)
    }

    /// [`par_chunks_exact`](ParallelSlice::par_chunks_exact) that may be changed.
    ///
    /// # Panics
    /// If `chunk_size` is 0.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let mut numbers = [1, 2, 3, 4, 5];
    /// numbers.par_chunks_exact_mut(3).for_each(|chunk| chunk.reverse());
    /// assert_eq!(numbers, [3, 2, 1, 4, 5]);
    /// ```
    #[track_caller]
    fn par_chunks_exact_mut(&mut self, chunk_size: usize) -> ChunksExactMut<'_, T> {
        ChunksExactMut::new(self.as_parallel_slice_mut(), chunk_size)
    }

    /// [`par_rchunks`](ParallelSlice::par_rchunks) that may be changed.
    ///
    /// # Panics
    /// If `chunk_size` is 0.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let mut numbers = [1, 2, 3, 4, 5];
    /// numbers.par_rchunks_mut(2).for_each(|chunk| chunk.reverse());
    /// assert_eq!(numbers, [1, 3, 2, 5, 4]);
    /// ```
    #[track_caller]
    fn par_rchunks_mut(&mut self, chunk_size: usize) -> RChunksMut<'_, T> {
        RChunksMut::new(self.as_parallel_slice_mut(), chunk_size)
    }

    /// [`par_rchunks_exact`](ParallelSlice::par_rchunks_exact) that may be changed.
    ///
    /// # Panics
    /// If `chunk_size` is 0.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let mut numbers = [1, 2, 3, 4, 5];
    /// numbers.par_rchunks_exact_mut(3).for_each(|chunk| chunk.reverse());
    /// assert_eq!(numbers, [1, 2, 5, 4, 3]);
    /// ```
    #[track_caller]
    fn par_rchunks_exact_mut(&mut self, chunk_size: usize) -> RChunksExactMut<'_, T> {
        RChunksExactMut::new(self.as_parallel_slice_mut(), chunk_size)
    }

    sort::methods!();

    /// [`par_chunk_by`](ParallelSlice::par_chunk_by) into mutable parts.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let mut numbers = [1, 2, 2, 3, 3];
    /// numbers.par_chunk_by_mut(|a, b| a == b).for_each(|run| run[0] = 0);
    /// assert_eq!(numbers, [0, 0, 2, 0, 3]);
    /// ```
    fn par_chunk_by_mut<F>(&mut self, pred: F) -> ChunkByMut<'_, T, F>
    where
        F: Fn(&T, &T) -> bool + Send + Sync,
    {
        ChunkByMut::runs(Unique::new(self.as_parallel_slice_mut()), pred)
    }
}

impl<T: Send> ParallelSliceMut<T> for [T] {
    fn as_parallel_slice_mut(&mut self) -> &mut [T] {
        self
    }
}
