//! A loop over nothing.

use crate::par::debug::debug_name;
use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Span, Steps, drive_by_item, owns_nothing};
use std::marker::PhantomData;

/// An iterator without items; made by [`empty`].
#[must_use = "iterators do nothing until they are consumed"]
pub struct Empty<T> {
    items: PhantomData<fn() -> T>,
}

/// An iterator without items.
///
/// ```
/// use windrow::iter::empty;
/// use windrow::prelude::*;
///
/// assert_eq!(empty::<i32>().sum::<i32>(), 0);
/// ```
pub fn empty<T: Send>() -> Empty<T> {
    Empty { items: PhantomData }
}

impl<T> Clone for Empty<T> {
    fn clone(&self) -> Self {
        Self { items: PhantomData }
    }
}

impl<T: Send> ParallelIterator for Empty<T> {
    type Item = T;
    drive_by_item!();
}

impl<T: Send> Steps for Empty<T> {
    owns_nothing!();

    fn steps(&self) -> usize {
        0
    }

    fn feed<C: Consumer<T>>(
        &self,
        (): &mut (),
        _span: Span,
        _consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        fold
    }
}

impl<T: Send> IndexedParallelIterator for Empty<T> {
    unsafe fn item(&self, (): &mut (), _index: usize) -> T {
        unreachable!("there is no item")
    }
}

debug_name!(Empty<T>);
