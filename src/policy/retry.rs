//! How often to try.

use super::{Backoff, PolicyError};
use std::time::Duration;

/// How often an operation is tried, how long to wait in between, and what counts as a failure.
///
/// ```
/// use std::time::Duration;
/// use windrow::{Backoff, Retry};
///
/// let retry = Retry::attempts(5)?.backoff(Backoff::linear(Duration::from_secs(1)));
/// assert_eq!(retry.max_attempts(), 5);
/// # Ok::<(), windrow::PolicyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Retry {
    max_attempts: u32,
    backoff: Backoff,
    panics: bool,
}

/// What an error says about trying again.
///
/// ```
/// use std::time::Duration;
/// use windrow::Advice;
///
/// fn advice(status: u16, retry_after: Option<Duration>) -> Advice {
///     match (status, retry_after) {
///         (429 | 503, Some(wait)) => Advice::After(wait),
///         (400..500, _) => Advice::Never,
///         _ => Advice::default(),
///     }
/// }
/// assert_eq!(advice(404, None), Advice::Never);
/// assert_eq!(advice(500, None), Advice::Backoff);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Advice {
    /// Nothing in particular: the policy's backoff decides.
    #[default]
    Backoff,
    /// Not before this much time has passed. Neither the backoff's cap nor its jitter applies.
    After(Duration),
    /// It would fail again.
    Never,
}

impl Retry {
    /// At most `max_attempts` runs, the first included, with the default [`Backoff`]; panics are not
    /// retried.
    ///
    /// # Errors
    /// [`PolicyError::ZeroAttempts`] if there are none.
    ///
    /// ```
    /// let twice_more = windrow::Retry::attempts(3)?;
    /// assert_eq!(twice_more.max_attempts(), 3);
    /// # Ok::<(), windrow::PolicyError>(())
    /// ```
    pub fn attempts(max_attempts: u32) -> Result<Self, PolicyError> {
        if max_attempts == 0 {
            return Err(PolicyError::ZeroAttempts);
        }
        Ok(Self {
            max_attempts,
            backoff: Backoff::default(),
            panics: false,
        })
    }

    /// How long to wait between attempts.
    ///
    /// ```
    /// use windrow::{Backoff, Retry};
    ///
    /// let at_once = Retry::attempts(2)?.backoff(Backoff::none());
    /// # Ok::<(), windrow::PolicyError>(())
    /// ```
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Whether a panic is retried as an error is.
    ///
    /// ```
    /// let stubborn = windrow::Retry::attempts(3)?.panics(true);
    /// # Ok::<(), windrow::PolicyError>(())
    /// ```
    #[must_use]
    pub fn panics(mut self, retried: bool) -> Self {
        self.panics = retried;
        self
    }

    /// How often the operation runs at most, the first time included.
    ///
    /// ```
    /// assert_eq!(windrow::Retry::attempts(4)?.max_attempts(), 4);
    /// # Ok::<(), windrow::PolicyError>(())
    /// ```
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        self.max_attempts
    }

    /// Whether a panic is retried.
    pub(crate) fn retries_panics(&self) -> bool {
        self.panics
    }

    /// How long to wait after `failed` attempts, the last of which gave `advice`; `None` is to give up.
    pub(crate) fn next(&self, failed: u32, advice: Advice, random: u64) -> Option<Duration> {
        if failed >= self.max_attempts {
            return None;
        }
        match advice {
            Advice::Backoff => Some(self.backoff.delay_with(failed, random)),
            Advice::After(wait) => Some(wait),
            Advice::Never => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn the_total_is_what_was_asked_for() {
        for max in [1, 2, 3, 10, u32::MAX] {
            let retry = Retry::attempts(max).unwrap().backoff(Backoff::none());
            for advice in [Advice::Backoff, Advice::After(Duration::ZERO)] {
                assert_eq!(retry.next(max, advice, 0), None);
                let before = retry.next(max - 1, advice, 0);
                assert_eq!(before, Some(Duration::ZERO));
            }
            assert_eq!(retry.next(max - 1, Advice::Never, 0), None);
        }
        assert_eq!(Retry::attempts(0).unwrap_err(), PolicyError::ZeroAttempts);
    }

    #[test]
    fn the_default_waits_longer_and_longer_with_half_of_it_jitter() {
        let retry = Retry::attempts(20).unwrap();
        let next = |failed, random| retry.next(failed, Advice::Backoff, random);
        assert_eq!(next(1, 0), Some(MS(100)));
        assert_eq!(next(1, u64::MAX), Some(MS(50)));
        assert_eq!(next(3, 0), Some(MS(400)));
        assert_eq!(next(19, 0), Some(MS(30_000)));
        assert_eq!(next(19, u64::MAX), Some(MS(15_000)));
        assert!(!retry.retries_panics() && retry.panics(true).retries_panics());
    }

    #[test]
    fn advice_is_taken_as_it_is() {
        let retry = Retry::attempts(2).unwrap();
        for wait in [Duration::ZERO, MS(100_000), Duration::MAX] {
            let next = retry.next(1, Advice::After(wait), u64::MAX);
            assert_eq!(next, Some(wait));
        }
    }
}
