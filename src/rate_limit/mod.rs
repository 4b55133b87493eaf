//! The handle of a rate limit, and how its callers wait; the reckoning is in `bucket`.
//!
//! # Waiting
//! A caller that has to wait is in the bucket's queue and sleeps until its slot; then it looks whether it
//! has been let off the queue. It may wake for no reason, and sleeps again. Leaving the queue when its token
//! is cancelled gives the slot back exactly, see `bucket`. If the slot had come by the time it looks, the
//! permit is taken, and the caller has it although the token is cancelled.

mod bucket;
pub(crate) mod line;

use crate::cancel::{CancelToken, Cancelled, OnCancel, UnparkOnCancel};
use crate::clock::{self, Clock};
use crate::park::{self, Parker};
use crate::policy::PolicyError;
use crate::scheduler::blocking;
use crate::sync::Arc;
use bucket::{Bucket, Entry, Place};
use line::Line;
use std::fmt;
use std::time::{Duration, Instant};

/// At most so many starts per time, for everybody who has a clone of it.
///
/// It begins with a full burst. Permits come back one by one, evenly spaced, up to `burst`; in any span of
/// time at most `burst` are granted plus what the rate gives in it, exactly and for good. Blocked callers
/// are served in the order in which they came, and before anybody who comes later; they may notice a little
/// after their permits were granted, as threads do not wake at once.
///
/// It has one clock. A limit that a [deterministic](crate::ThreadPoolBuilder::deterministic) pool or its driver uses is
/// to be used nowhere else: virtual time may be hours ahead.
///
/// ```
/// use std::time::Duration;
/// use windrow::RateLimit;
///
/// // Ten a second on average, three at once.
/// let limit = RateLimit::new(10, Duration::from_secs(1), 3)?;
/// assert!(limit.try_acquire() && limit.try_acquire() && limit.try_acquire());
/// // The next one is there after a tenth of a second.
/// limit.acquire();
/// # Ok::<(), windrow::PolicyError>(())
/// ```
#[derive(Clone)]
pub struct RateLimit(Arc<Shared>);

struct Shared {
    bucket: Bucket,
    /// The tasks that wait to be dispatched.
    line: Line,
}

/// Blocks the calling thread until `at`, or until its parker is unparked, or for no reason at all.
fn sleep_until(at: Instant, parker: &Parker) {
    let left = at.saturating_duration_since(clock::now());
    if !left.is_zero() {
        parker.park_timeout(left);
    }
}

impl RateLimit {
    /// `permits` per `per`, and up to `burst` at once after a time of rest.
    ///
    /// # Errors
    /// [`PolicyError::ZeroRate`], [`PolicyError::ZeroPeriod`] or [`PolicyError::ZeroBurst`], if one of them
    /// is zero.
    ///
    /// ```
    /// use std::time::Duration;
    /// use windrow::{PolicyError, RateLimit};
    ///
    /// assert!(RateLimit::new(7, Duration::from_secs(3), 1).is_ok());
    /// let error = RateLimit::new(7, Duration::ZERO, 1).unwrap_err();
    /// assert_eq!(error, PolicyError::ZeroPeriod);
    /// ```
    pub fn new(permits: u32, per: Duration, burst: u32) -> Result<Self, PolicyError> {
        Self::starting(clock::now(), permits, per, burst)
    }

    fn starting(
        epoch: Instant,
        permits: u32,
        per: Duration,
        burst: u32,
    ) -> Result<Self, PolicyError> {
        if permits == 0 {
            return Err(PolicyError::ZeroRate);
        }
        if per.is_zero() {
            return Err(PolicyError::ZeroPeriod);
        }
        if burst == 0 {
            return Err(PolicyError::ZeroBurst);
        }
        Ok(Self(Arc::new(Shared {
            bucket: Bucket::new(epoch, permits, per, burst),
            line: Line::default(),
        })))
    }

    /// Takes a permit if there is one and nobody waits for it.
    ///
    /// ```
    /// let limit = windrow::RateLimit::new(1, std::time::Duration::from_secs(3600), 1)?;
    /// assert!(limit.try_acquire());
    /// assert!(!limit.try_acquire());
    /// # Ok::<(), windrow::PolicyError>(())
    /// ```
    #[must_use = "without a permit the work must not start"]
    pub fn try_acquire(&self) -> bool {
        self.try_at(clock::now()).is_ok()
    }

    /// Takes a permit at `now`, or tells when there will be one if nobody else comes, taking nothing.
    pub(crate) fn try_at(&self, now: Instant) -> Result<(), Instant> {
        self.0.bucket.try_at(now)
    }

    pub(crate) fn available(&self, now: Instant) -> u64 {
        self.0.bucket.available(now)
    }

    pub(crate) fn when(&self, now: Instant, count: u64) -> Instant {
        self.0.bucket.when(now, count)
    }

    pub(crate) fn line(&self) -> &Line {
        &self.0.line
    }

    /// Waits for a permit and takes it.
    ///
    /// ```
    /// let limit = windrow::RateLimit::new(1000, std::time::Duration::from_secs(1), 1)?;
    /// for _ in 0..3 {
    ///     limit.acquire();
    /// }
    /// # Ok::<(), windrow::PolicyError>(())
    /// ```
    pub fn acquire(&self) {
        let parker = park::current();
        if let Entry::Queued(ticket) = self.0.bucket.enter(clock::now(), None, &parker) {
            let served = blocking(|| self.wait(ticket, &parker, None));
            debug_assert!(served.is_ok(), "nobody can cancel it");
        }
    }

    /// Waits for a permit and takes it, unless `token` is cancelled before it comes. A cancelled wait costs
    /// those behind it nothing: they move up.
    ///
    /// # Errors
    /// [`Cancelled`] without a permit. If both come together, the permit is taken and the result is `Ok`.
    ///
    /// ```
    /// use windrow::{CancelToken, Cancelled, RateLimit};
    ///
    /// let limit = RateLimit::new(1, std::time::Duration::from_secs(3600), 1)?;
    /// let token = CancelToken::new();
    /// assert_eq!(limit.acquire_with(&token), Ok(()));
    /// token.cancel();
    /// assert_eq!(limit.acquire_with(&token), Err(Cancelled));
    /// # Ok::<(), windrow::PolicyError>(())
    /// ```
    pub fn acquire_with(&self, token: &CancelToken) -> Result<(), Cancelled> {
        token.check()?;
        let parker = park::current();
        match self.0.bucket.enter(clock::now(), None, &parker) {
            Entry::Queued(ticket) => blocking(|| self.wait(ticket, &parker, Some(token))),
            Entry::Taken | Entry::TooLate => Ok(()),
        }
    }

    /// Waits for a permit for at most `timeout`. Whether it can have one in time is known at once: if not,
    /// it returns `false` without waiting. If it can, it waits and returns `true`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let limit = windrow::RateLimit::new(1, Duration::from_secs(3600), 1)?;
    /// assert!(limit.acquire_timeout(Duration::from_secs(60)));
    /// assert!(!limit.acquire_timeout(Duration::from_secs(60)));
    /// # Ok::<(), windrow::PolicyError>(())
    /// ```
    #[must_use = "without a permit the work must not start"]
    pub fn acquire_timeout(&self, timeout: Duration) -> bool {
        let parker = park::current();
        match self
            .0
            .bucket
            .enter(clock::now(), clock::after(timeout), &parker)
        {
            Entry::Taken => true,
            Entry::TooLate => false,
            Entry::Queued(ticket) => blocking(|| self.wait(ticket, &parker, None)).is_ok(),
        }
    }

    /// Sleeps until the permit of `ticket` has been taken, or the token is cancelled.
    fn wait(
        &self,
        ticket: u64,
        parker: &Arc<Parker>,
        token: Option<&CancelToken>,
    ) -> Result<(), Cancelled> {
        // A token has one hook, and may be waited for by many: a child for each.
        let hook: Arc<dyn OnCancel> = Arc::new(UnparkOnCancel(Arc::clone(parker)));
        let token = token.map(CancelToken::child);
        if let Some(token) = &token {
            // If it is cancelled already, the loop finds out.
            token.on_cancel(Arc::downgrade(&hook));
        }
        loop {
            let at = match self.0.bucket.place(clock::now(), ticket) {
                Place::Served => return Ok(()),
                Place::Queued(at) => at,
            };
            if token.as_ref().is_some_and(CancelToken::is_cancelled) {
                return if self.0.bucket.leave(clock::now(), ticket) {
                    // Tasks in the line move up, too.
                    self.pump(&Clock::here());
                    Err(Cancelled)
                } else {
                    Ok(())
                };
            }
            sleep_until(at, parker);
        }
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("permits", &self.0.bucket.permits)
            .field("per", &self.0.bucket.per)
            .field("burst", &self.0.bucket.burst)
            .finish_non_exhaustive()
    }
}

crate::unwind::unwind_safe!([] RateLimit;);

#[cfg(all(test, not(any(loom, windrow_shuttle))))]
mod tests;
