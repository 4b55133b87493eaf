//! Parallel loops.

pub(crate) mod adapt;
mod either;
pub(crate) mod finish;
mod into;
pub mod iter;

pub(crate) mod plumbing;
mod sort;
pub(crate) mod source;

/// Parallel loops over slices and their parts, and parallel sorts.
pub mod slice {
    pub use crate::par::source::cuts::{ParallelSlice, ParallelSliceMut};
    pub use crate::par::source::slice::{Iter, IterMut};
}

/// Parallel loops over vectors.
pub mod vec {
    pub use crate::par::source::vec::{Drain, IntoIter};
}

/// Parallel loops over ranges.
pub mod range {
    pub use crate::par::source::range::Iter;
}
