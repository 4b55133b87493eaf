//! What goes wrong in a plan, and how often.

use crate::random::Random;

/// What may go wrong in a plan: many have none of it, or the rest of a plan would rarely come about.
#[derive(Clone, Copy)]
pub(crate) struct Trouble {
    /// One in so many: none if zero.
    panics: u64,
    errors: u64,
    cancels: u64,
}

impl Trouble {
    pub(crate) fn draw(random: &mut Random) -> Self {
        let mut some = |often: u64| match random.below(4) {
            0 => often,
            1 => 8 * often,
            _ => 0,
        };
        Self {
            panics: some(12),
            errors: some(5),
            cancels: some(15),
        }
    }

    pub(crate) fn panics(self, random: &mut Random) -> bool {
        self.panics > 0 && random.one_in(self.panics)
    }

    pub(crate) fn errors(self, random: &mut Random) -> bool {
        self.errors > 0 && random.one_in(self.errors)
    }

    pub(crate) fn cancels(self, random: &mut Random) -> bool {
        self.cancels > 0 && random.one_in(self.cancels)
    }
}
