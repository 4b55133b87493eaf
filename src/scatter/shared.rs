//! What a run's owner shares with its workers and with the handles to it.

use crate::cancel::{CancelToken, OnCancel};
use crate::scheduler::{Registry, Timed};
use crate::sync::{Arc, AtomicBool, CountU64, Ordering};
use crate::task::inbox::Inbox;
use std::fmt;

/// See the module. Its inbox is its first field, and the inbox's node that one's: the parent of the run's tasks.
#[repr(C)]
pub(crate) struct Shared {
    pub(super) inbox: Inbox,
    pub(super) registry: Arc<Registry>,
    pub(super) token: CancelToken,
    /// No new work from the body of the run.
    pub(super) closed: AtomicBool,
    /// No new work at all: everything has been gathered.
    pub(super) finished: AtomicBool,
    /// A combiner's hold time may have passed.
    pub(super) due: AtomicBool,
    pub(super) counts: Counts,
}

/// Written by the owner alone, read by anybody.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) scattered: CountU64,
    pub(super) gathered: CountU64,
    pub(super) panicked: CountU64,
    pub(super) forfeited: CountU64,
}

/// Owner: one more.
pub(super) fn bump(count: &CountU64) {
    add(count, 1);
}

/// Owner: several more.
pub(super) fn add(count: &CountU64, many: usize) {
    count.store(
        count.load(Ordering::Relaxed) + many as u64,
        Ordering::Release,
    );
}

impl Shared {
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        // A scatter that waits for room is to look.
        self.inbox.ring();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed) || self.is_cancelled()
    }

    pub(super) fn cancel(&self) {
        // Whoever cancels second would not wait for the first one's hook.
        self.inbox.cancel();
        self.token.cancel();
    }

    /// Whether the run, or its token, has been cancelled; the token's hook may be on its way.
    #[inline]
    pub(super) fn is_cancelled(&self) -> bool {
        let cancelled = self.inbox.is_cancelled();
        if !cancelled && self.token.is_cancelled() {
            self.inbox.cancel();
            return true;
        }
        cancelled
    }

    pub(super) fn stats(&self) -> RunStats {
        let read = |count: &CountU64| count.load(Ordering::Acquire);
        // What has ended first, so that nothing ends that was not scattered.
        let (gathered, panicked) = (read(&self.counts.gathered), read(&self.counts.panicked));
        let forfeited = read(&self.counts.forfeited);
        RunStats {
            scattered: read(&self.counts.scattered),
            gathered,
            panicked,
            forfeited,
        }
    }
}

impl OnCancel for Shared {
    fn cancelled(&self) {
        self.inbox.cancel();
        self.inbox.ring();
    }
}

impl Timed for Shared {
    fn fire(self: Arc<Self>) {
        self.due.store(true, Ordering::Relaxed);
        self.inbox.ring();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// What has become of a run's tasks so far.
///
/// When the run is over, `scattered` is the sum of the other three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunStats {
    /// Tasks that the run has accepted.
    pub scattered: u64,
    /// Tasks whose result was handled, or combined.
    pub gathered: u64,
    /// Tasks that panicked.
    pub panicked: u64,
    /// Tasks that were not run because the run was cancelled, or whose result was not handled any more.
    pub forfeited: u64,
}

/// A handle to a run, for other threads (and for tasks): to close it, to cancel it, to look at it.
///
/// It may outlive the run, and then it only has the final figures.
///
/// ```
/// let mut handle = None;
/// windrow::gather((), |run| {
///     handle = Some(run.handle());
///     run.scatter(|| (), |_, _, ()| ());
/// });
/// let stats = handle.unwrap().stats();
/// assert_eq!((stats.scattered, stats.gathered, stats.forfeited), (1, 1, 0));
/// ```
#[derive(Clone)]
pub struct RunHandle(pub(super) Arc<Shared>);

impl RunHandle {
    /// See [`Run::close`](crate::Run::close). A scatter of the body that is waiting for room is refused.
    ///
    /// ```
    /// let sum = windrow::gather(0, |run| {
    ///     run.scatter(|| 1, |sum, _, n| *sum += n);
    ///     run.handle().close();
    ///     assert!(!run.scatter(|| 2, |sum, _, n| *sum += n));
    /// });
    /// assert_eq!(sum, 1);
    /// ```
    pub fn close(&self) {
        self.0.close();
    }

    /// See [`Scatter::cancel`](crate::Scatter::cancel).
    ///
    /// ```
    /// let sum = windrow::gather(0, |run| {
    ///     let handle = run.handle();
    ///     // From another thread, for example when the user has had enough.
    ///     std::thread::spawn(move || handle.cancel()).join().unwrap();
    ///     assert!(!run.scatter(|| 1, |sum, _, n| *sum += n), "it takes nothing more");
    /// });
    /// assert_eq!(sum, 0);
    /// ```
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether the run takes nothing more from its body: closed, cancelled or over.
    ///
    /// ```
    /// let mut handle = None;
    /// windrow::gather((), |run| {
    ///     handle = Some(run.handle());
    ///     assert!(!run.handle().is_closed());
    /// });
    /// let handle = handle.unwrap();
    /// assert!(handle.is_closed() && !handle.is_cancelled(), "it is over");
    /// ```
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Whether the run has been cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// What has become of the run's tasks so far.
    ///
    /// ```
    /// let handle = windrow::gather(None, |run| {
    ///     *run.state() = Some(run.handle());
    ///     run.scatter(|| (), |_, _, ()| ());
    /// });
    /// let stats = handle.unwrap().stats();
    /// assert_eq!((stats.scattered, stats.gathered), (1, 1));
    /// ```
    #[must_use]
    pub fn stats(&self) -> RunStats {
        self.0.stats()
    }
}

impl fmt::Debug for RunHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunHandle")
            .field("stats", &self.stats())
            .field("closed", &self.is_closed())
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}

crate::unwind::unwind_safe!([] RunHandle;);
