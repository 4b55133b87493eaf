//! How long to wait after so many failures.
//!
//! A backoff is a function of the number of failed attempts, then a cap, then jitter, in this order. It has
//! no state: the same question has the same answer, and jitter comes from a random word that the asker
//! brings along. Every step saturates, at the longest `Duration` that there is.

use super::PolicyError;
use crate::sync::Arc;
use std::fmt;
use std::time::Duration;

/// How long to wait between one failed attempt and the next.
///
/// The shapes are functions of how many attempts have failed, counted from 1. [`cap`](Self::cap) bounds
/// them, and [`jitter`](Self::jitter) spreads callers that have failed together. No wait overflows: what
/// would be too long is [`Duration::MAX`].
///
/// The default is what [`Retry`](crate::Retry) uses unless told otherwise: exponential from 100 ms with
/// factor 2, at most 30 s, half of it jitter.
///
/// ```
/// use std::time::Duration;
/// use windrow::Backoff;
///
/// let backoff = Backoff::exponential(Duration::from_millis(100), 2.0)?
///     .cap(Duration::from_secs(1))
///     .jitter(0.5)?;
/// let waits: Vec<_> = (1..=5).map(|failed| backoff.delay(failed).as_millis()).collect();
/// assert_eq!(waits, [100, 200, 400, 800, 1000]);
/// # Ok::<(), windrow::PolicyError>(())
/// ```
#[derive(Clone)]
pub struct Backoff {
    shape: Shape,
    cap: Duration,
    jitter: f64,
}

#[derive(Clone)]
enum Shape {
    Fixed(Duration),
    Linear(Duration),
    Polynomial { first: Duration, power: f64 },
    Exponential { first: Duration, factor: f64 },
    Custom(Arc<dyn Fn(u32) -> Duration + Send + Sync>),
}

impl Shape {
    fn delay(&self, failed: u32) -> Duration {
        match *self {
            Self::Fixed(delay) => delay,
            Self::Linear(first) => first.saturating_mul(failed),
            Self::Polynomial { first, power } => scaled(first, f64::from(failed).powf(power)),
            Self::Exponential { first, factor } => {
                scaled(first, factor.powf(f64::from(failed) - 1.0))
            }
            Self::Custom(ref delay) => delay(failed),
        }
    }
}

/// `duration` times a factor that is not negative, perhaps infinite.
fn scaled(duration: Duration, factor: f64) -> Duration {
    // Nothing times infinity is nothing here; and what is not scaled is not rounded either.
    if duration.is_zero() || factor == 1.0 {
        return duration;
    }
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

impl Backoff {
    fn of(shape: Shape) -> Self {
        Self {
            shape,
            cap: Duration::MAX,
            jitter: 0.0,
        }
    }

    /// No wait at all.
    ///
    /// ```
    /// assert!(windrow::Backoff::none().delay(7).is_zero());
    /// ```
    #[must_use]
    pub fn none() -> Self {
        Self::fixed(Duration::ZERO)
    }

    /// The same wait each time.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let second = Duration::from_secs(1);
    /// assert_eq!(windrow::Backoff::fixed(second).delay(7), second);
    /// ```
    #[must_use]
    pub fn fixed(delay: Duration) -> Self {
        Self::of(Shape::Fixed(delay))
    }

    /// `first`, twice `first`, three times `first`, and so on.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let backoff = windrow::Backoff::linear(Duration::from_secs(2));
    /// assert_eq!(backoff.delay(3), Duration::from_secs(6));
    /// ```
    #[must_use]
    pub fn linear(first: Duration) -> Self {
        Self::of(Shape::Linear(first))
    }

    /// `first` times the `power` of the number of failed attempts; 1 is linear, 2 quadratic.
    ///
    /// # Errors
    /// [`PolicyError::Power`] if `power` is negative or not finite.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let backoff = windrow::Backoff::polynomial(Duration::from_secs(1), 2.0)?;
    /// assert_eq!(backoff.delay(3), Duration::from_secs(9));
    /// # Ok::<(), windrow::PolicyError>(())
    /// ```
    pub fn polynomial(first: Duration, power: f64) -> Result<Self, PolicyError> {
        if power.is_finite() && power >= 0.0 {
            Ok(Self::of(Shape::Polynomial { first, power }))
        } else {
            Err(PolicyError::Power(power))
        }
    }

    /// `first`, and each wait `factor` times the one before it.
    ///
    /// # Errors
    /// [`PolicyError::Factor`] if `factor` is less than 1 or not finite.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let backoff = windrow::Backoff::exponential(Duration::from_secs(1), 3.0)?;
    /// assert_eq!(backoff.delay(3), Duration::from_secs(9));
    /// # Ok::<(), windrow::PolicyError>(())
    /// ```
    pub fn exponential(first: Duration, factor: f64) -> Result<Self, PolicyError> {
        if factor.is_finite() && factor >= 1.0 {
            Ok(Self::of(Shape::Exponential { first, factor }))
        } else {
            Err(PolicyError::Factor(factor))
        }
    }

    /// Whatever `delay` says, which is told how many attempts have failed, from 1.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let fibonacci = windrow::Backoff::custom(|failed| {
    ///     let (mut a, mut b) = (0_u64, 1_u64);
    ///     for _ in 0..failed {
    ///         (a, b) = (b, a.saturating_add(b));
    ///     }
    ///     Duration::from_secs(a)
    /// });
    /// assert_eq!(fibonacci.delay(10), Duration::from_secs(55));
    /// ```
    #[must_use]
    pub fn custom(delay: impl Fn(u32) -> Duration + Send + Sync + 'static) -> Self {
        Self::of(Shape::Custom(Arc::new(delay)))
    }

    /// Bounds the wait. Jitter shortens what the bound has left.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let minute = Duration::from_secs(60);
    /// let backoff = windrow::Backoff::linear(Duration::from_secs(25)).cap(minute);
    /// assert_eq!(backoff.delay(3), minute);
    /// ```
    #[must_use]
    pub fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// How much of the wait is left to chance: it is drawn uniformly from `delay * (1 - fraction)` to
    /// `delay`, both included. 0 is no jitter; 1 is what Marc Brooker calls full jitter and finds to cost
    /// the least work in "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
    ///
    /// # Errors
    /// [`PolicyError::Jitter`] if `fraction` is not within 0 and 1.
    ///
    /// ```
    /// use std::time::Duration;
    /// use windrow::{Backoff, PolicyError};
    ///
    /// let second = Backoff::fixed(Duration::from_secs(1));
    /// assert!(second.clone().jitter(1.0).is_ok());
    /// assert_eq!(second.jitter(-0.5).unwrap_err(), PolicyError::Jitter(-0.5));
    /// ```
    pub fn jitter(mut self, fraction: f64) -> Result<Self, PolicyError> {
        if (0.0..=1.0).contains(&fraction) {
            self.jitter = fraction;
            Ok(self)
        } else {
            Err(PolicyError::Jitter(fraction))
        }
    }

    /// The wait after `failed_attempts` failures, without jitter. Before the first failure it is what it
    /// is after it.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let backoff = windrow::Backoff::exponential(Duration::from_secs(1), 2.0)?;
    /// assert_eq!(backoff.delay(4), Duration::from_secs(8));
    /// assert_eq!(backoff.delay(u32::MAX), Duration::MAX);
    /// # Ok::<(), windrow::PolicyError>(())
    /// ```
    #[must_use]
    pub fn delay(&self, failed_attempts: u32) -> Duration {
        self.shape.delay(failed_attempts.max(1)).min(self.cap)
    }

    /// The wait with jitter, which `random` decides: 0 is the longest, `u64::MAX` the shortest.
    pub(crate) fn delay_with(&self, failed: u32, random: u64) -> Duration {
        // As many bits as a float can hold; both ends belong to the range.
        const BITS: u32 = f64::MANTISSA_DIGITS;
        let drawn = (random >> (u64::BITS - BITS)) as f64 / ((1_u64 << BITS) - 1) as f64;
        let delay = self.delay(failed);
        let share = self.jitter * drawn;
        if share == 0.0 {
            return delay;
        }
        delay.saturating_sub(scaled(delay, share))
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            shape: Shape::Exponential {
                first: Duration::from_millis(100),
                factor: 2.0,
            },
            cap: Duration::from_secs(30),
            jitter: 0.5,
        }
    }
}

impl fmt::Debug for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backoff")
            .field("shape", &self.shape)
            .field("cap", &self.cap)
            .field("jitter", &self.jitter)
            .finish()
    }
}

crate::unwind::unwind_safe!([] Backoff;);

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(delay) => write!(f, "Fixed({delay:?})"),
            Self::Linear(first) => write!(f, "Linear({first:?})"),
            Self::Polynomial { first, power } => write!(f, "Polynomial({first:?}, {power:?})"),
            Self::Exponential { first, factor } => write!(f, "Exponential({first:?}, {factor:?})"),
            Self::Custom(_) => f.write_str("Custom(..)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    const DURATIONS: [Duration; 7] = [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::from_millis(100),
        Duration::new(1, 999_999_999),
        Duration::from_secs(u32::MAX as u64),
        Duration::from_secs(u64::MAX),
        Duration::MAX,
    ];
    const FAILED: [u32; 10] = [0, 1, 2, 3, 10, 63, 64, 1000, 0x8000_0000, u32::MAX];
    const RANDOM: [u64; 5] = [0, 1, 1 << 11, u64::MAX / 2, u64::MAX];

    fn all(first: Duration) -> Vec<Backoff> {
        let mut all = vec![
            Backoff::fixed(first),
            Backoff::linear(first),
            Backoff::custom(move |failed| first.saturating_mul(failed)),
        ];
        for power in [0.0, 0.5, 1.0, 2.0, 1e300] {
            all.push(Backoff::polynomial(first, power).unwrap());
        }
        for factor in [1.0, 1.000_000_1, 2.0, f64::MAX] {
            all.push(Backoff::exponential(first, factor).unwrap());
        }
        all
    }

    #[test]
    fn nothing_panics_and_more_failures_never_mean_less_waiting() {
        for first in DURATIONS {
            for cap in DURATIONS {
                for backoff in all(first).into_iter().map(|backoff| backoff.cap(cap)) {
                    let waits = FAILED.map(|failed| backoff.delay(failed));
                    assert!(waits.is_sorted(), "{backoff:?}: {waits:?}");
                    assert!(waits[9] <= cap);
                    assert_eq!(waits[1], first.min(cap), "{backoff:?}");
                    assert_eq!(waits[0], waits[1]);
                }
            }
        }
    }

    #[test]
    fn jitter_stays_within_its_share() {
        for first in DURATIONS {
            for fraction in [0.0, f64::MIN_POSITIVE, 0.25, 0.5, 1.0] {
                for backoff in all(first) {
                    let backoff = backoff.jitter(fraction).unwrap();
                    for failed in FAILED {
                        let delay = backoff.delay(failed);
                        let waits = RANDOM.map(|random| backoff.delay_with(failed, random));
                        assert!(waits.is_sorted_by(|a, b| a >= b), "{waits:?}");
                        assert_eq!(waits[0], delay);
                        let least = delay.as_secs_f64() * (1.0 - fraction);
                        let error = (waits[4].as_secs_f64() - least).abs();
                        assert!(error <= 1e-9 + least * 1e-9, "{waits:?}, {least}");
                    }
                }
            }
        }
    }

    #[test]
    fn jitter_is_spread_evenly() {
        let backoff = Backoff::fixed(MS(1000)).jitter(0.5).unwrap();
        let mut tenths = [0_u32; 10];
        let mut word = 1_u64;
        for _ in 0..100_000 {
            word = word
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let above = backoff.delay_with(1, word) - MS(500);
            tenths[(above.as_nanos() / 50_000_000).min(9) as usize] += 1;
        }
        assert!(
            tenths.iter().all(|&count| (9_500..10_500).contains(&count)),
            "{tenths:?}"
        );
    }

    #[test]
    fn unusable_numbers_are_named() {
        for factor in [0.999, 0.0, -2.0, f64::INFINITY] {
            let error = Backoff::exponential(MS(1), factor).unwrap_err();
            assert_eq!(error, PolicyError::Factor(factor));
            assert!(error.to_string().ends_with(&factor.to_string()));
        }
        for power in [-0.1, f64::NEG_INFINITY] {
            let error = Backoff::polynomial(MS(1), power).unwrap_err();
            assert_eq!(error, PolicyError::Power(power));
        }
        assert!(Backoff::exponential(MS(1), f64::NAN).is_err());
        assert!(Backoff::polynomial(MS(1), f64::NAN).is_err());
        assert!(Backoff::none().jitter(f64::NAN).is_err());
        assert!(Backoff::none().jitter(1.000_001).is_err());
    }
}
