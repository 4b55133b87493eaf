//! One of two.

/// A value of one of two types; see [`partition_map`](crate::iter::ParallelIterator::partition_map).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Either<L, R> {
    /// The first type.
    Left(L),
    /// The second type.
    Right(R),
}
