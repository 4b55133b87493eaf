//! When and how often to try: waits between attempts, how many attempts, how many starts per time.
//!
//! Plain values, checked when they are made: a policy that exists is usable. Only a rate limit has a state
//! that changes, which its clones share (see `rate_limit`).

mod backoff;
mod queue_full;
mod retry;

pub use backoff::Backoff;
pub use queue_full::QueueFull;
pub use retry::{Advice, Retry};

use thiserror::Error;

/// Why a policy cannot be what was asked for.
///
/// ```
/// use windrow::{Backoff, PolicyError, Retry};
///
/// assert_eq!(Retry::attempts(0).unwrap_err(), PolicyError::ZeroAttempts);
/// let error = Backoff::none().jitter(1.5).unwrap_err();
/// assert_eq!(error, PolicyError::Jitter(1.5));
/// assert_eq!(error.to_string(), "the jitter has to be within 0 and 1, but is 1.5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// `Retry::attempts(0)`.
    #[error("a retry needs at least one attempt, but max_attempts is 0")]
    ZeroAttempts,
    /// A rate limit of no permits.
    #[error("a rate limit needs at least one permit per period, but permits is 0")]
    ZeroRate,
    /// A rate limit of so many permits per nothing.
    #[error("a rate limit needs a period longer than nothing, but per is 0")]
    ZeroPeriod,
    /// A rate limit that grants nothing at once.
    #[error("a rate limit needs a burst of at least one permit, but burst is 0")]
    ZeroBurst,
    /// A jitter that is no fraction.
    #[error("the jitter has to be within 0 and 1, but is {0}")]
    Jitter(f64),
    /// A factor of an exponential backoff that would make waits shorter, or none.
    #[error("the factor of a backoff has to be finite and at least 1, but is {0}")]
    Factor(f64),
    /// A power of a polynomial backoff that would make waits shorter, or none.
    #[error("the power of a backoff has to be finite and at least 0, but is {0}")]
    Power(f64),
}
