//! A clock that costs little and is rough: for decisions where a factor of two does not matter.
//!
//! `Instant::now` takes 25 ns here, and a short loop asks three times. On x86-64 the time stamp counter takes 8; it
//! counts 1 to 5 times in a nanosecond on whatever has been built in the last twenty years, and is taken for 2.5 here.
//! Elsewhere, it is `Instant`.

/// About how many nanoseconds have passed since some time or other. It may go backwards, if the thread has moved.
#[inline(always)]
pub(crate) fn now() -> u64 {
    imp::now()
}

#[cfg(all(target_arch = "x86_64", not(windrow_shuttle)))]
mod imp {
    #[inline(always)]
    pub(super) fn now() -> u64 {
        // SAFETY: every x86-64 processor has it.
        let ticks = unsafe { std::arch::x86_64::_rdtsc() };
        ticks / 5 * 2
    }
}

#[cfg(windrow_shuttle)]
use crate::sync::ticks as imp;

#[cfg(not(any(target_arch = "x86_64", windrow_shuttle)))]
mod imp {
    use crate::sync::OnceLock;
    use std::time::Instant;

    static BEGIN: OnceLock<Instant> = OnceLock::new();

    pub(super) fn now() -> u64 {
        let since = BEGIN.get_or_init(Instant::now).elapsed();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}
