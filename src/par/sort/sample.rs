//! What some items, drawn from all over a slice, tell about it.

use std::cmp::Ordering;

/// How many are drawn.
const SIZE: usize = 63;

/// So many of the sample around its median make it look as if many items were equal to that.
const EQUAL: usize = 4;

/// See the module.
#[derive(Debug)]
pub(super) struct Sample {
    places: [usize; SIZE],
}

impl Sample {
    /// From each [`SIZE`]th part of the slice an item, without a pattern.
    pub(super) fn new<T>(items: &[T]) -> Self {
        let share = items.len() / SIZE;
        assert!(share > 2, "a slice worth a sample");
        let mut random = items.len() as u64;
        let places = std::array::from_fn(|part| {
            // Knuth's generator, of which the upper bits are good enough.
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let within = (random >> 33) as usize % (share - 2);
            part * share + within
        });
        Self { places }
    }

    /// The place of the median.
    pub(super) fn median<T>(
        &mut self,
        items: &[T],
        compare: &impl Fn(&T, &T) -> Ordering,
    ) -> usize {
        let by_item = |a: &usize, b: &usize| compare(&items[*a], &items[*b]);
        *self.places.select_nth_unstable_by(SIZE / 2, by_item).1
    }

    /// The place of the median, and whether many items seem to be equal to it.
    pub(super) fn median_and_equals<T>(
        &mut self,
        items: &[T],
        compare: &impl Fn(&T, &T) -> Ordering,
    ) -> (usize, bool) {
        let mut places = self.places;
        places.sort_unstable_by(|&a, &b| compare(&items[a], &items[b]));
        let median = places[SIZE / 2];
        let above = places[SIZE / 2 + EQUAL];
        let equal = compare(&items[median], &items[above]) != Ordering::Less;
        (median, equal)
    }

    /// Of three neighbours, mostly all are in order, or all the wrong way round. Among items without a
    /// pattern that is so for a third of the threes, or for a half if many are equal.
    pub(super) fn has_runs<T>(&self, items: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> bool {
        let falls = |at: usize| compare(&items[at + 1], &items[at]) == Ordering::Less;
        let goes_on = |&&at: &&usize| falls(at) == falls(at + 1);
        self.places.iter().filter(goes_on).count() > SIZE * 3 / 4
    }

    /// Hardly an item is less than the one before it.
    pub(super) fn is_nearly_sorted<T>(
        &self,
        items: &[T],
        compare: &impl Fn(&T, &T) -> Ordering,
    ) -> bool {
        let falls = |&&at: &&usize| compare(&items[at + 1], &items[at]) == Ordering::Less;
        self.places.iter().filter(falls).count() <= SIZE / 12
    }
}
