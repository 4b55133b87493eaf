//! What is drawn, and how often.

/// A small generator (SplitMix64), so that a seed means the same for ever.
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// A generator of its own for a part of the plan.
    pub(crate) fn part(&mut self) -> Random {
        Random::new(self.next())
    }
}

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
