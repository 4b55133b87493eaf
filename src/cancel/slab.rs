//! A list with places: entering and leaving take constant time, and places are used again.

/// Storage with fewer places than this is kept when the last value leaves.
const KEEP: usize = 64;

/// See the module.
pub(super) struct Slab<T> {
    places: Vec<Place<T>>,
    /// The first free place; free places are chained, the last one names the end of `places`.
    free: usize,
    taken: usize,
}

enum Place<T> {
    Taken(T),
    Free(usize),
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self {
            places: Vec::new(),
            free: 0,
            taken: 0,
        }
    }

    /// Puts `value` in a free place and tells which.
    pub(super) fn insert(&mut self, value: T) -> usize {
        let at = self.free;
        match self.places.get_mut(at) {
            Some(place) => match std::mem::replace(place, Place::Taken(value)) {
                Place::Free(next) => self.free = next,
                Place::Taken(_) => unreachable!("the chain of free places leads to free places"),
            },
            None => {
                self.places.push(Place::Taken(value));
                self.free = self.places.len();
            }
        }
        self.taken += 1;
        at
    }

    /// Takes the value out of a place. A place that is not taken is left alone: the whole slab may have
    /// been thrown away meanwhile.
    pub(super) fn remove(&mut self, at: usize) -> Option<T> {
        let place = self
            .places
            .get_mut(at)
            .filter(|place| matches!(place, Place::Taken(_)))?;
        let Place::Taken(value) = std::mem::replace(place, Place::Free(self.free)) else {
            unreachable!("it was taken a line above");
        };
        self.free = at;
        self.taken -= 1;
        if self.taken == 0 && self.places.len() >= KEEP {
            *self = Self::new();
        }
        Some(value)
    }

    /// The values in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().filter_map(|place| match place {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        })
    }

    /// How many places there are, free ones included.
    #[cfg(all(test, not(any(loom, windrow_shuttle))))]
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(slab: &Slab<u32>) -> Vec<u32> {
        let mut values: Vec<_> = slab.iter().copied().collect();
        values.sort_unstable();
        values
    }

    #[test]
    fn places_are_used_again() {
        let mut slab = Slab::new();
        let at: Vec<_> = (0..5).map(|value| slab.insert(value)).collect();
        assert_eq!(slab.remove(at[1]), Some(1));
        assert_eq!(slab.remove(at[3]), Some(3));
        assert_eq!(slab.remove(at[3]), None, "twice");
        assert_eq!(slab.remove(99), None, "never there");
        assert_eq!(values(&slab), [0, 2, 4]);
        assert_eq!([slab.insert(5), slab.insert(6)], [at[3], at[1]]);
        assert_eq!(slab.insert(7), 5);
        assert_eq!(values(&slab), [0, 2, 4, 5, 6, 7]);
    }

    #[test]
    fn much_storage_is_given_back_when_the_last_leaves() {
        let mut slab = Slab::new();
        let at: Vec<_> = (0..10 * KEEP).map(|value| slab.insert(value)).collect();
        for place in at {
            slab.remove(place);
        }
        assert_eq!(slab.places.capacity(), 0);
        assert_eq!(slab.insert(1), 0);
    }
}
