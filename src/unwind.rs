//! Panics as values: catching them, dropping their payloads safely, and refusing to unwind where
//! borrowed stack frames would be left behind.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a panic carries.
pub(crate) type Payload = Box<dyn Any + Send + 'static>;

/// Runs `f` and turns a panic into an `Err`.
///
/// Whoever observes broken invariants through shared state afterwards does so because the payload
/// was handed on, so asserting unwind safety here is what `std::thread` does too.
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Payload> {
    catch_unwind(AssertUnwindSafe(f))
}

/// Drops `value`; a panic from its `Drop` comes back as a payload.
pub(crate) fn drop_quietly<T>(value: T) -> Option<Payload> {
    catch(move || drop(value)).err()
}

/// Drops each of them on its own, as two panics within one drop would end the process; the first comes back.
pub(crate) fn drop_each<T>(values: impl IntoIterator<Item = T>) -> Option<Payload> {
    let panics = values.into_iter().filter_map(drop_quietly);
    panics.reduce(|first, second| {
        discard(second);
        first
    })
}

/// Drops each of them on its own before a panic goes on, to which theirs are second: while it unwinds, one of them would
/// end the process.
pub(crate) fn discard_each<T>(values: impl IntoIterator<Item = T>) {
    drop_each(values).into_iter().for_each(discard);
}

/// Drops a panic payload whose own `Drop` may panic, again and again if need be.
///
/// A payload's destructor is user code. If it panics, that second payload is a user's too. Bounded:
/// after a few rounds the payload is leaked, which is safe and the only end that terminates.
pub(crate) fn discard(payload: Payload) {
    let mut next = Some(payload);
    for _ in 0..4 {
        match next.take() {
            Some(payload) => next = drop_quietly(payload),
            None => return,
        }
    }
    std::mem::forget(next);
}

/// Prints a line to where errors are printed. If that fails (nobody reads them, or the disk is full) there is nobody to
/// tell, and `eprintln!` would panic.
pub(crate) fn complain(text: fmt::Arguments<'_>) {
    if let Err(payload) = catch(|| eprintln!("windrow: {text}")) {
        discard(payload);
    }
}

/// Aborts the process if it is dropped: for sections where unwinding would free a stack frame that
/// other threads still reach.
#[derive(Debug)]
pub(crate) struct AbortIfPanic;

impl AbortIfPanic {
    /// The section ended well.
    pub(crate) fn disarm(self) {
        std::mem::forget(self);
    }
}

impl Drop for AbortIfPanic {
    fn drop(&mut self) {
        complain(format_args!(
            "unexpected panic inside the scheduler; aborting"
        ));
        std::process::abort();
    }
}

/// Handles that a closure may hold when it panics and that may be used afterwards: a panic in the middle of a call
/// leaves them whole, since no user's code runs while what they share is being changed. Without this nobody could take a
/// pool into `catch_unwind`.
macro_rules! unwind_safe {
    ($([$($generics:tt)*] $name:ty;)*) => {$(
        impl<$($generics)*> std::panic::UnwindSafe for $name {}
        impl<$($generics)*> std::panic::RefUnwindSafe for $name {}
    )*};
}

pub(crate) use unwind_safe;

#[cfg(test)]
mod tests {
    use super::*;

    struct Bomb(u32);

    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0 > 0 && !std::thread::panicking() {
                std::panic::panic_any(Bomb(self.0 - 1));
            }
        }
    }

    #[test]
    fn a_payload_whose_drop_panics_is_discarded() {
        discard(Box::new(Bomb(2)));
    }

    #[test]
    fn a_payload_that_panics_for_ever_is_leaked() {
        discard(Box::new(Bomb(u32::MAX)));
    }
}
