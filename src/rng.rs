//! A small random number generator for picking victims: xorshift64* (Vigna 2016), seeded per thread.

use std::cell::Cell;

/// Owner-only generator. Quality needs are low: it only spreads thieves over victims.
#[derive(Debug)]
pub(crate) struct Rng(Cell<u64>);

impl Rng {
    /// A generator for stream `seed`; any seed is good, zero included.
    pub(crate) fn new(seed: u64) -> Self {
        // SplitMix64's finalizer spreads small seeds over the whole word.
        let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self(Cell::new((z ^ (z >> 31)) | 1))
    }

    pub(crate) fn next(&self) -> u64 {
        let mut x = self.0.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0.set(x);
        x.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number in `0..bound`; `bound` must not be zero.
    pub(crate) fn below(&self, bound: usize) -> usize {
        debug_assert!(bound > 0);
        // Lemire's multiply-shift on 32 bits; the bias is far below what victim picking can feel.
        (((self.next() >> 32) * bound as u64) >> 32) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_victim_is_picked_from_every_seed() {
        for seed in 0..64 {
            let rng = Rng::new(seed);
            let mut seen = [false; 7];
            for _ in 0..1000 {
                seen[rng.below(7)] = true;
            }
            assert_eq!(seen, [true; 7], "seed {seed}");
        }
    }
}
