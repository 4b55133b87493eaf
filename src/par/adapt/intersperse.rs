//! An element between every two items.

use crate::par::adapt::state::{CloneFor, MakeState};
use crate::par::debug::debug_fields;
use crate::par::iter::{IndexedParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Place, Span, Steps, feed_by_item, forward, forward_steps};
use std::fmt;

/// An iterator with clones of an element between the items; made by
/// [`intersperse`](ParallelIterator::intersperse).
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Intersperse<I: ParallelIterator> {
    base: I,
    element: CloneFor<I::Item>,
}

impl<I: ParallelIterator> Intersperse<I> {
    pub(crate) fn new(base: I, element: I::Item) -> Self {
        Self {
            base,
            element: CloneFor::new(element),
        }
    }
}

/// Puts an element before each item of a piece but its first, and between two pieces if both have items.
struct IntersperseConsumer<'a, C, T> {
    inner: &'a C,
    element: &'a CloneFor<T>,
}

/// What a piece has: whether there was an item, and an element of its own to clone.
struct Between<T> {
    any: bool,
    own: Option<T>,
    /// The step that it began with.
    seam: usize,
}

impl<T> Between<T> {
    fn new(seam: usize) -> Self {
        Self {
            any: false,
            own: None,
            seam,
        }
    }
}

impl<T: Clone + Send, C: Consumer<T>> IntersperseConsumer<'_, C, T> {
    fn element(&self, between: &mut Between<T>) -> T {
        between
            .own
            .get_or_insert_with(|| self.element.make())
            .clone()
    }
}

impl<T: Clone + Send, C: Consumer<T>> Consumer<T> for IntersperseConsumer<'_, C, T> {
    type Fold = (C::Fold, Between<T>);
    /// With whether there was an item, and where it began.
    type Part = (C::Part, bool, usize);
    forward!([.0] is_full is_stopped is_settled reach pause at panicked cut_short);

    fn begin(&self, at: Place) -> Self::Fold {
        (self.inner.begin(at), Between::new(at.step))
    }

    fn take(&self, (mut fold, mut between): Self::Fold, item: T) -> Self::Fold {
        if between.any {
            let element = self.element(&mut between);
            fold = self.inner.take(fold, element);
            if self.inner.is_full(&fold) {
                return (fold, between);
            }
        }
        between.any = true;
        (self.inner.take(fold, item), between)
    }

    fn finish(&self, (fold, between): Self::Fold) -> Self::Part {
        (self.inner.finish(fold), between.any, between.seam)
    }

    fn append(&self, left: Self::Fold, (right, any, seam): Self::Part) -> Self::Fold {
        let (mut fold, mut between) = left;
        if between.any && any {
            // A piece of its own, as `left` may have pieces appended to it already and take no more items.
            let mut own = self.inner.begin(Place::at(seam));
            if !self.inner.is_full(&own) {
                own = self.inner.take(own, self.element(&mut between));
            }
            self.inner.pause(&mut own);
            fold = self.inner.append(fold, self.inner.finish(own));
        }
        between.any |= any;
        (self.inner.append(fold, right), between)
    }
}

impl<I> ParallelIterator for Intersperse<I>
where
    I: ParallelIterator<Item: Clone>,
{
    type Item = I::Item;

    fn drive<C: Consumer<I::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let consumer = IntersperseConsumer {
            inner: consumer,
            element: &self.element,
        };
        self.base.drive(&consumer, (fold, Between::new(0))).0
    }
}

/// The items are at the even places, so a piece is any stretch of places.
impl<I> Steps for Intersperse<I>
where
    I: IndexedParallelIterator<Item: Clone>,
{
    type Local = (I::Local, Option<I::Item>);

    fn steps(&self) -> usize {
        match self.base.steps() {
            0 => 0,
            items => items.checked_mul(2).expect("as many as a usize can count") - 1,
        }
    }

    forward_steps!(base: engage hints);

    fn local(&self) -> Self::Local {
        (self.base.local(), None)
    }

    feed_by_item!();

    fn discard(&self, span: Span) {
        let items = span.start().div_ceil(2)..span.end().div_ceil(2);
        // SAFETY: the items among these places; the places are the caller's.
        self.base.discard(unsafe { Span::new(items) });
    }
}

impl<I> IndexedParallelIterator for Intersperse<I>
where
    I: IndexedParallelIterator<Item: Clone>,
{
    unsafe fn item(&self, (local, own): &mut Self::Local, index: usize) -> I::Item {
        if index % 2 == 0 {
            // SAFETY: the caller's promise, for the item at this place.
            unsafe { self.base.item(local, index / 2) }
        } else {
            own.get_or_insert_with(|| self.element.make()).clone()
        }
    }
}

debug_fields!([I: ParallelIterator + fmt::Debug] Intersperse<I> { base });

#[cfg(all(test, not(any(loom, windrow_shuttle))))]
mod tests {
    use super::*;
    use crate::par::finish::find::FindEnd;

    #[test]
    fn the_element_between_two_pieces_is_behind_all_that_the_left_one_has() {
        let consumer = IntersperseConsumer {
            inner: &FindEnd::last(),
            element: &CloneFor::new("between"),
        };
        let whole = consumer.take(consumer.begin(Place::at(0)), "first");
        let second = consumer.take(consumer.begin(Place::at(5)), "second");
        let whole = consumer.append(whole, consumer.finish(second));
        // Of the third, no item has come through to the search.
        let third = (None, true, 9);
        let (last, ..) = consumer.finish(consumer.append(whole, third));
        assert_eq!(last, Some("between"));
    }
}
