//! A loop over one item.

use crate::par::source::inline::{Inline, inline_items};

/// An iterator with one item; made by [`once`].
#[must_use = "iterators do nothing until they are consumed"]
pub struct Once<T> {
    items: Inline<T, 1>,
}

inline_items!([] Once<T>);

/// An iterator with one item.
///
/// ```
/// use windrow::iter::once;
/// use windrow::prelude::*;
///
/// assert_eq!(once(7).map(|x| x * x).collect::<Vec<_>>(), [49]);
/// ```
pub fn once<T: Send>(item: T) -> Once<T> {
    Once {
        items: Inline::new([item]),
    }
}
