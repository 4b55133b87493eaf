//! Which process this is: a child after `fork` has the memory of its parent, and none of its threads.
//!
//! Asking the system (`getpid`) takes 130 ns here, more than all else that a thread does to enter a pool. So the C
//! library is asked once to count forks in the child (`pthread_atfork`), and from then on it is a load. A process that is
//! cloned without the C library is not noticed.

use crate::sync::{OnceLock, Ordering, StaticAtomicU32};

/// How many forks lie between the first pool's process and this one.
static FORKS: StaticAtomicU32 = StaticAtomicU32::new(0);

/// Whether forks are counted; if the C library has refused, the system is asked each time.
static COUNTED: OnceLock<bool> = OnceLock::new();

/// A number that is another one in a child of the calling process.
#[inline]
pub(crate) fn current() -> u32 {
    if *COUNTED.get_or_init(imp::watch) {
        // Relaxed: the handler runs in a process with one thread, before anything else there.
        FORKS.load(Ordering::Relaxed)
    } else {
        std::process::id()
    }
}

#[cfg(unix)]
mod imp {
    use super::{FORKS, Ordering};
    use std::ffi::c_int;

    type Handler = Option<extern "C" fn()>;

    unsafe extern "C" {
        fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> c_int;
    }

    extern "C" fn in_the_child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether forks are counted from now on.
    pub(super) fn watch() -> bool {
        // SAFETY: the handler does nothing but add to a static number, which is allowed in a forked child.
        unsafe { pthread_atfork(None, None, Some(in_the_child)) == 0 }
    }
}

#[cfg(not(unix))]
mod imp {
    /// There is no fork, so the number never changes.
    pub(super) fn watch() -> bool {
        true
    }
}
