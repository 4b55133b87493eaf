//! Parallel loops: iterators with the methods of rayon's, on an engine of their own.
//!
//! | file or folder | one idea |
//! |---|---|
//! | `iter` | the traits, and their methods by what they are for |
//! | `plumbing` | how loops work inside: cut on demand, chunk by chunk |
//! | `source` | what loops run over: slices, vectors, ranges, strings, collections, trees, other iterators |
//! | `adapt` | what is done with items on their way |
//! | `finish` | the ends of loops: what reduces, finds, or gathers items |
//! | `into` | what loops are collected into |
//! | `sort` | parallel sorts |
//! | `either` | one of two |
//! | `debug` | how they print what they cannot print all of |
//! | `plain` | loops without traits, on a pool and on a scope |
//! | `migration.md` | from rayon to windrow; a page of the documentation |

pub(crate) mod adapt;
pub(crate) mod debug;
mod either;
pub(crate) mod finish;
mod into;
pub mod iter;
mod plain;
pub(crate) mod plumbing;
mod sort;
pub(crate) mod source;

#[doc = include_str!("migration.md")]
pub mod migration {}

/// Parallel loops over slices and their parts, and parallel sorts.
pub mod slice {
    pub use crate::par::source::chunks::{
        ArrayWindows, Chunks, ChunksExact, ChunksExactMut, ChunksMut, RChunks, RChunksExact,
        RChunksExactMut, RChunksMut, Windows,
    };
    pub use crate::par::source::cuts::{ParallelSlice, ParallelSliceMut};
    pub use crate::par::source::slice::{Iter, IterMut};
    pub use crate::par::source::split_slice::{
        ChunkBy, ChunkByMut, Split, SplitInclusive, SplitInclusiveMut, SplitMut,
    };
}

/// Parallel loops over strings and their parts.
pub mod str {
    pub use crate::par::source::str::ParallelString;
    pub use crate::par::source::str_split::{
        Lines, Split, SplitAsciiWhitespace, SplitInclusive, SplitTerminator, SplitWhitespace,
    };
    pub use crate::par::source::str_units::{
        Bytes, CharIndices, Chars, EncodeUtf16, MatchIndices, Matches,
    };
}

/// Parallel loops over characters that are taken out of strings.
pub mod string {
    pub use crate::par::source::string::Drain;
}

/// Parallel loops over vectors.
pub mod vec {
    pub use crate::par::source::vec::{Drain, IntoIter};
}

/// Parallel loops over ranges without their end: `a..b`.
pub mod range {
    pub use crate::par::source::range::Iter;
}

/// Parallel loops over ranges with their end: `a..=b`.
pub mod range_inclusive {
    pub use crate::par::source::range_inclusive::Iter;
}

/// Parallel loops over arrays.
pub mod array {
    pub use crate::par::source::array::IntoIter;
}

/// Parallel loops over options.
pub mod option {
    pub use crate::par::source::option::{IntoIter, Iter, IterMut};
}

/// Parallel loops over results.
pub mod result {
    pub use crate::par::source::result::{IntoIter, Iter, IterMut};
}

/// Parallel loops over the collections of the standard library.
pub mod collections {
    pub use crate::par::source::collections::{
        binary_heap, btree_map, btree_set, hash_map, hash_set, linked_list, vec_deque,
    };
}
