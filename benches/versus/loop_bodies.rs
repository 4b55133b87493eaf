//! What the items of the rows for loops do: the same code for every contestant.

use std::time::Duration;

use crate::forkjoin::busy;

/// Rounds of [`churn`] that take about so long, on the machine on which they were counted.
pub(crate) const NS_10: u32 = 16;
pub(crate) const NS_32: u32 = 42;
pub(crate) const US_1: u32 = 730;

/// Mixes the bits of a number, `rounds` times. Never inlined: what an item costs is not to
/// depend on the loop around it.
#[inline(never)]
pub(crate) fn churn(mut n: u64, rounds: u32) -> u64 {
    for _ in 0..rounds {
        n = (n ^ (n >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    n
}

/// An item so light that it is the loop around it that counts.
#[inline(always)]
pub(crate) fn cheap(n: u64) -> u64 {
    n.wrapping_mul(n) ^ (n >> 7)
}

/// How the rows of the Mandelbrot set are computed.
#[derive(Clone, Copy)]
pub(crate) struct Mandelbrot {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) iterations: usize,
}

impl Mandelbrot {
    /// The iterations of a row, summed up: few at the edges, very many in the middle.
    #[inline(never)]
    pub(crate) fn row(self, y: usize) -> u64 {
        let im = 2.0 * (y as f64 / self.height as f64) - 1.0;
        (0..self.width)
            .map(|x| {
                let re = 3.0 * (x as f64 / self.width as f64) - 2.0;
                self.escape(re, im)
            })
            .sum()
    }

    fn escape(self, re: f64, im: f64) -> u64 {
        let (mut x, mut y) = (0.0_f64, 0.0_f64);
        for i in 0..self.iterations as u64 {
            let (xx, yy) = (x * x, y * y);
            if xx + yy > 4.0 {
                return i;
            }
            (x, y) = (xx - yy + re, 2.0 * x * y + im);
        }
        self.iterations as u64
    }
}

/// Many light items, one of which is heavy.
#[derive(Clone, Copy)]
pub(crate) struct Mixture {
    pub(crate) items: usize,
    /// Which of them is the heavy one.
    pub(crate) place: usize,
    pub(crate) heavy: Duration,
}

impl Mixture {
    #[inline(always)]
    pub(crate) fn item(self, i: usize) -> u64 {
        if i == self.place {
            busy(self.heavy);
        }
        churn(i as u64, NS_10)
    }

    /// The least time for two threads of which each goes through one half from its front, and helps the other
    /// in the end, if all items but the heavy one take `light` together: nobody knows where the heavy one is.
    pub(crate) fn ideal(self, light: f64) -> f64 {
        let heavy = self.heavy.as_secs_f64() * 1e9;
        let half = self.items / 2;
        let before = self.place % half.max(1);
        let until_heavy = light * before as f64 / self.items as f64 + heavy;
        until_heavy.max((light + heavy) / 2.0)
    }
}
