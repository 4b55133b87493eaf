//! Block after block.

use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, drive_blocks};
use crate::pool::free::current_num_threads;
use std::iter::{repeat, successors};

/// An iterator that runs block after block, each twice as long as the one before; made by
/// [`by_exponential_blocks`](IndexedParallelIterator::by_exponential_blocks).
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct ExponentialBlocks<I> {
    base: I,
}

impl<I> ExponentialBlocks<I> {
    pub(crate) fn new(base: I) -> Self {
        Self { base }
    }
}

impl<I: IndexedParallelIterator> ParallelIterator for ExponentialBlocks<I> {
    type Item = I::Item;

    fn drive<C: Consumer<I::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let sizes = || successors(Some(current_num_threads()), |size| size.checked_mul(2));
        drive_blocks(self.base, sizes, consumer, fold)
    }
}

/// An iterator that runs block after block; made by
/// [`by_uniform_blocks`](IndexedParallelIterator::by_uniform_blocks).
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct UniformBlocks<I> {
    base: I,
    size: usize,
}

impl<I> UniformBlocks<I> {
    pub(crate) fn new(base: I, size: usize) -> Self {
        Self { base, size }
    }
}

impl<I: IndexedParallelIterator> ParallelIterator for UniformBlocks<I> {
    type Item = I::Item;

    fn drive<C: Consumer<I::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        drive_blocks(self.base, || repeat(self.size), consumer, fold)
    }
}
