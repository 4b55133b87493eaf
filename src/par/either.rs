//! One of two.

/// A value of one of two types; see [`partition_map`](crate::iter::ParallelIterator::partition_map).
///
/// Where both are parallel iterators with the same items, it is one, too; where both are collections, it can be
/// extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Either<L, R> {
    /// The first type.
    Left(L),
    /// The second type.
    Right(R),
}
