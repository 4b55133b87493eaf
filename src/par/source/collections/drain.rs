//! Taking a range of items out of a collection that turns into a vector, and back, without copying them.

use crate::par::debug::debug_fields;
use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Span, Steps, drive_by_item};
use crate::par::source::owned::Owned;
use std::ops::Range;

/// A collection of `T` that is a vector inside.
pub trait Vessel<T>: Send {
    /// All of it, with its memory; the collection is empty then.
    fn pour_out(&mut self) -> Vec<T>;
    /// What `pour_out` gave, or a part of it.
    fn pour_in(&mut self, items: Vec<T>);
    /// Drops the items at these places.
    fn remove(&mut self, range: Range<usize>);
}

/// Items that are taken out of a collection. It keeps them until a loop runs; then they are in a vector, and
/// the rest goes back when the loop is over.
pub struct Drained<'c, T, V: Vessel<T>> {
    vessel: &'c mut V,
    range: Range<usize>,
    engaged: Option<Engaged<T>>,
}

struct Engaged<T> {
    /// Knows only of what is before the range.
    vec: Vec<T>,
    items: Owned<T>,
    /// The vector's length before.
    len: usize,
}

// SAFETY: shared references only reach the items, and the length.
unsafe impl<T: Send, V: Vessel<T>> Sync for Drained<'_, T, V> {}

impl<'c, T, V: Vessel<T>> Drained<'c, T, V> {
    /// `range` is within the collection.
    pub(super) fn new(vessel: &'c mut V, range: Range<usize>) -> Self {
        Self {
            vessel,
            range,
            engaged: None,
        }
    }

    #[inline(always)]
    fn items(&self) -> &Owned<T> {
        &self.engaged.as_ref().expect("steps are engaged").items
    }
}

impl<T, V: Vessel<T>> Drop for Drained<'_, T, V> {
    fn drop(&mut self) {
        let Some(Engaged { mut vec, len, .. }) = self.engaged.take() else {
            self.vessel.remove(self.range.clone());
            return;
        };
        let start = vec.as_mut_ptr();
        let tail = len - self.range.end;
        // SAFETY: within the vector's old length.
        let from = unsafe { start.add(self.range.end) };
        // SAFETY: as above.
        let to = unsafe { start.add(self.range.start) };
        // SAFETY: the tail's items are initialized; spans have taken care of those in the gap.
        unsafe { std::ptr::copy(from, to, tail) };
        // SAFETY: so many are initialized now.
        unsafe { vec.set_len(self.range.start + tail) };
        self.vessel.pour_in(vec);
    }
}

impl<T: Send, V: Vessel<T>> ParallelIterator for Drained<'_, T, V> {
    type Item = T;
    drive_by_item!();
}

impl<T: Send, V: Vessel<T>> Steps for Drained<'_, T, V> {
    type Local = ();

    fn steps(&self) -> usize {
        self.range.len()
    }

    unsafe fn engage(&mut self) {
        let mut vec = self.vessel.pour_out();
        let len = vec.len();
        assert!(self.range.end <= len, "as long as it was");
        // SAFETY: shorter than before; what is behind belongs to the spans, and to `drop`.
        unsafe { vec.set_len(self.range.start) };
        // SAFETY: within the vector.
        let start = unsafe { vec.as_mut_ptr().add(self.range.start) };
        // SAFETY: the vector does not know of them any more.
        let items = unsafe { Owned::new(start, self.range.len()) };
        self.engaged = Some(Engaged { vec, items, len });
    }

    fn local(&self) {}

    #[inline]
    fn feed<C: Consumer<T>>(
        &self,
        (): &mut (),
        span: Span,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        self.items().feed(span, consumer, fold)
    }

    fn discard(&self, span: Span) {
        self.items().discard(span);
    }
}

impl<T: Send, V: Vessel<T>> IndexedParallelIterator for Drained<'_, T, V> {
    #[inline(always)]
    unsafe fn item(&self, (): &mut (), index: usize) -> T {
        // SAFETY: the caller's promise.
        unsafe { self.items().item(index) }
    }
}

debug_fields!([T, V: Vessel<T>] Drained<'_, T, V> { range });
