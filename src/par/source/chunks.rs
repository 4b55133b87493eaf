//! Loops over parts of a slice that can be told from their index: chunks and windows.

use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Steps, drive_by_item, feed_by_item, owns_nothing};
use crate::par::source::ground::{Ground, Shared, Unique};
use std::ops::Range;

/// An iterator over parts of a slice; see its aliases.
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Parts<G, S> {
    slice: G,
    shape: S,
}

/// Made by [`par_chunks`](crate::slice::ParallelSlice::par_chunks).
pub type Chunks<'data, T> = Parts<Shared<'data, T>, FromFront>;
/// Made by [`par_chunks_mut`](crate::slice::ParallelSliceMut::par_chunks_mut).
pub type ChunksMut<'data, T> = Parts<Unique<'data, T>, FromFront>;
/// Made by [`par_chunks_exact`](crate::slice::ParallelSlice::par_chunks_exact).
pub type ChunksExact<'data, T> = Parts<Shared<'data, T>, Exact<FromFront, Shared<'data, T>>>;
/// Made by [`par_chunks_exact_mut`](crate::slice::ParallelSliceMut::par_chunks_exact_mut).
pub type ChunksExactMut<'data, T> = Parts<Unique<'data, T>, Exact<FromFront, Unique<'data, T>>>;
/// Made by [`par_rchunks`](crate::slice::ParallelSlice::par_rchunks).
pub type RChunks<'data, T> = Parts<Shared<'data, T>, FromBack>;
/// Made by [`par_rchunks_mut`](crate::slice::ParallelSliceMut::par_rchunks_mut).
pub type RChunksMut<'data, T> = Parts<Unique<'data, T>, FromBack>;
/// Made by [`par_rchunks_exact`](crate::slice::ParallelSlice::par_rchunks_exact).
pub type RChunksExact<'data, T> = Parts<Shared<'data, T>, Exact<FromBack, Shared<'data, T>>>;
/// Made by [`par_rchunks_exact_mut`](crate::slice::ParallelSliceMut::par_rchunks_exact_mut).
pub type RChunksExactMut<'data, T> = Parts<Unique<'data, T>, Exact<FromBack, Unique<'data, T>>>;
/// Made by [`par_windows`](crate::slice::ParallelSlice::par_windows).
pub type Windows<'data, T> = Parts<Shared<'data, T>, Sliding>;

/// Where the parts are.
///
/// # Safety
/// Each `range` below `count` is within the slice. If `G` is a mutable borrow, no two of them overlap.
pub unsafe trait Shape<G>: Send + Sync {
    /// How many parts there are in a slice of this length.
    fn count(&self, len: usize) -> usize;
    /// Where the part is.
    fn range(&self, len: usize, index: usize) -> Range<usize>;
}

/// Chunks, of which the last may be shorter. The size is not 0.
#[derive(Clone, Debug)]
pub struct FromFront {
    size: usize,
}

/// Chunks beginning at the end, of which the last may be shorter. The size is not 0.
#[derive(Clone, Debug)]
pub struct FromBack {
    size: usize,
}

/// Chunks that all have the same length; the slice has no more than these.
#[derive(Clone, Debug)]
pub struct Exact<S, G> {
    shape: S,
    remainder: G,
}

/// Windows. The size is not 0.
#[derive(Clone, Debug)]
pub struct Sliding {
    size: usize,
}

// SAFETY: the chunk `i` begins at `i * size` and ends before the next begins, or the slice ends.
unsafe impl<G> Shape<G> for FromFront {
    fn count(&self, len: usize) -> usize {
        len.div_ceil(self.size)
    }

    #[inline(always)]
    fn range(&self, len: usize, index: usize) -> Range<usize> {
        let start = index * self.size;
        start..start + self.size.min(len - start)
    }
}

// SAFETY: as with `FromFront`, counted from the end.
unsafe impl<G> Shape<G> for FromBack {
    fn count(&self, len: usize) -> usize {
        len.div_ceil(self.size)
    }

    #[inline(always)]
    fn range(&self, len: usize, index: usize) -> Range<usize> {
        let end = len - index * self.size;
        end.saturating_sub(self.size)..end
    }
}

// SAFETY: those of the inner shape.
unsafe impl<G, R: Send + Sync, S: Shape<G>> Shape<G> for Exact<S, R> {
    fn count(&self, len: usize) -> usize {
        self.shape.count(len)
    }

    #[inline(always)]
    fn range(&self, len: usize, index: usize) -> Range<usize> {
        self.shape.range(len, index)
    }
}

// SAFETY: the last window ends where the slice ends. They overlap, and so are for shared slices only.
unsafe impl<T> Shape<Shared<'_, T>> for Sliding {
    fn count(&self, len: usize) -> usize {
        len.saturating_sub(self.size - 1)
    }

    #[inline(always)]
    fn range(&self, _len: usize, index: usize) -> Range<usize> {
        index..index + self.size
    }
}

#[track_caller]
fn not_zero(size: usize) -> usize {
    assert!(size != 0, "chunk_size must not be zero");
    size
}

macro_rules! constructors {
    ($ground:ident, $slice:ty, $split_at:ident) => {
        impl<'data, T> Parts<$ground<'data, T>, FromFront> {
            #[track_caller]
            pub(crate) fn new(slice: $slice, size: usize) -> Self {
                Self {
                    slice: $ground::new(slice),
                    shape: FromFront {
                        size: not_zero(size),
                    },
                }
            }
        }

        impl<'data, T> Parts<$ground<'data, T>, FromBack> {
            #[track_caller]
            pub(crate) fn new(slice: $slice, size: usize) -> Self {
                Self {
                    slice: $ground::new(slice),
                    shape: FromBack {
                        size: not_zero(size),
                    },
                }
            }
        }

        impl<'data, T> Parts<$ground<'data, T>, Exact<FromFront, $ground<'data, T>>> {
            #[track_caller]
            pub(crate) fn new(slice: $slice, size: usize) -> Self {
                let whole = slice.len() - slice.len() % not_zero(size);
                let (slice, remainder) = slice.$split_at(whole);
                Self {
                    slice: $ground::new(slice),
                    shape: Exact {
                        shape: FromFront { size },
                        remainder: $ground::new(remainder),
                    },
                }
            }
        }

        impl<'data, T> Parts<$ground<'data, T>, Exact<FromBack, $ground<'data, T>>> {
            #[track_caller]
            pub(crate) fn new(slice: $slice, size: usize) -> Self {
                let rest = slice.len() % not_zero(size);
                let (remainder, slice) = slice.$split_at(rest);
                Self {
                    slice: $ground::new(slice),
                    shape: Exact {
                        shape: FromBack { size },
                        remainder: $ground::new(remainder),
                    },
                }
            }
        }
    };
}
constructors!(Shared, &'data [T], split_at);
constructors!(Unique, &'data mut [T], split_at_mut);

impl<'data, T> Parts<Shared<'data, T>, Sliding> {
    #[track_caller]
    pub(crate) fn new(slice: &'data [T], size: usize) -> Self {
        assert!(size != 0, "window_size must not be zero");
        Self {
            slice: Shared::new(slice),
            shape: Sliding { size },
        }
    }
}

impl<'data, T, S> Parts<Shared<'data, T>, Exact<S, Shared<'data, T>>> {
    /// The items that are too few for a chunk and not part of the loop.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// assert_eq!([1, 2, 3, 4, 5].par_chunks_exact(2).remainder(), [5]);
    /// assert_eq!([1, 2, 3, 4, 5].par_rchunks_exact(2).remainder(), [1]);
    /// ```
    pub fn remainder(&self) -> &'data [T] {
        self.shape.remainder.slice()
    }
}

impl<'data, T, S> Parts<Unique<'data, T>, Exact<S, Unique<'data, T>>> {
    /// The items that are too few for a chunk, for as long as the slice was borrowed. This uses the iterator
    /// up; see [`take_remainder`](Self::take_remainder).
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// assert_eq!([1, 2, 3, 4, 5].par_chunks_exact_mut(2).into_remainder(), [5]);
    /// ```
    pub fn into_remainder(self) -> &'data mut [T] {
        self.shape.remainder.into_slice()
    }

    /// The items that are too few for a chunk and not part of the loop.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let mut numbers = [1, 2, 3, 4, 5];
    /// numbers.par_chunks_exact_mut(2).remainder().fill(0);
    /// assert_eq!(numbers, [1, 2, 3, 4, 0]);
    /// ```
    pub fn remainder(&mut self) -> &mut [T] {
        self.shape.remainder.slice_mut()
    }

    /// Takes the items that are too few for a chunk out of the iterator: what comes after this finds none.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let mut numbers = [1, 2, 3, 4, 5];
    /// let mut chunks = numbers.par_rchunks_exact_mut(2);
    /// let rest = chunks.take_remainder();
    /// chunks.for_each(|chunk| chunk.swap(0, 1));
    /// rest[0] = 0;
    /// assert_eq!(numbers, [0, 3, 2, 5, 4]);
    /// ```
    pub fn take_remainder(&mut self) -> &'data mut [T] {
        std::mem::replace(&mut self.shape.remainder, Unique::new(&mut [])).into_slice()
    }
}

impl<G: Ground, S: Shape<G>> ParallelIterator for Parts<G, S> {
    type Item = G::Part;
    drive_by_item!();
}

impl<G: Ground, S: Shape<G>> Steps for Parts<G, S> {
    owns_nothing!();

    fn steps(&self) -> usize {
        self.shape.count(self.slice.len())
    }

    feed_by_item!();
}

impl<G: Ground, S: Shape<G>> IndexedParallelIterator for Parts<G, S> {
    #[inline(always)]
    unsafe fn item(&self, (): &mut (), index: usize) -> G::Part {
        let range = self.shape.range(self.slice.len(), index);
        // SAFETY: the shape's promise, and the index is taken once.
        unsafe { self.slice.part(range) }
    }
}

/// An iterator over references to arrays that overlap; made by
/// [`par_array_windows`](crate::slice::ParallelSlice::par_array_windows).
#[derive(Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct ArrayWindows<'data, T, const N: usize> {
    slice: &'data [T],
}

impl<'data, T, const N: usize> ArrayWindows<'data, T, N> {
    #[track_caller]
    pub(crate) fn new(slice: &'data [T]) -> Self {
        assert!(N != 0, "the length of a window must not be zero");
        Self { slice }
    }
}

impl<T, const N: usize> Clone for ArrayWindows<'_, T, N> {
    fn clone(&self) -> Self {
        Self { slice: self.slice }
    }
}

impl<'data, T: Sync, const N: usize> ParallelIterator for ArrayWindows<'data, T, N> {
    type Item = &'data [T; N];
    drive_by_item!();
}

impl<T: Sync, const N: usize> Steps for ArrayWindows<'_, T, N> {
    owns_nothing!();

    fn steps(&self) -> usize {
        self.slice.len().saturating_sub(N - 1)
    }

    feed_by_item!();
}

impl<'data, T: Sync, const N: usize> IndexedParallelIterator for ArrayWindows<'data, T, N> {
    #[inline(always)]
    unsafe fn item(&self, (): &mut (), index: usize) -> &'data [T; N] {
        // SAFETY: below `steps()`, so `N` items are there.
        let window = unsafe { self.slice.get_unchecked(index..index + N) };
        let window: *const [T] = window;
        // SAFETY: as long as the array, and borrowed for as long.
        unsafe { &*window.cast::<[T; N]>() }
    }
}
