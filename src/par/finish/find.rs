//! Searches: any match, the first, the last.

use crate::par::plumbing::{Consumer, Place};
use crate::sync::{AtomicBool, AtomicUsize, Ordering};

/// Any item at all: what comes here has been filtered.
pub(crate) struct FindAny {
    found: AtomicBool,
}

impl FindAny {
    pub(crate) fn new() -> Self {
        Self {
            found: AtomicBool::new(false),
        }
    }
}

impl<T: Send> Consumer<T> for FindAny {
    type Fold = Option<T>;
    type Part = Option<T>;

    #[inline]
    fn begin(&self, _at: Place) -> Option<T> {
        None
    }

    #[inline]
    fn take(&self, fold: Option<T>, item: T) -> Option<T> {
        // Relaxed: it only makes the others stop sooner.
        self.found.store(true, Ordering::Relaxed);
        either(Some(item), fold)
    }

    #[inline]
    fn is_full(&self, _fold: &Option<T>) -> bool {
        self.found.load(Ordering::Relaxed)
    }

    #[inline]
    fn finish(&self, fold: Option<T>) -> Option<T> {
        fold
    }

    fn append(&self, left: Option<T>, right: Option<T>) -> Option<T> {
        either(left, right)
    }
}

/// The better one if there is one; drops the other.
#[inline]
fn either<T>(better: Option<T>, other: Option<T>) -> Option<T> {
    if better.is_some() {
        // Before anything is returned: what a function has returned leaks if a drop at its end panics.
        drop(other);
        better
    } else {
        other
    }
}

/// The first item, or the last.
///
/// Pieces know at which step of the outermost loop they are, and stop when there is a match in a better place:
/// for the first, a chunk with a match that begins before theirs; for the last, a *piece* with a match that
/// begins after the step they have reached, and so after all that is left to them. Within one step (a nested
/// loop) a search for the first goes by forks: there a piece stops when what is on the left of one of its forks
/// is over, and has a match. In a search for the last nobody is stopped by another within a step. What is
/// returned is decided by the order in which parts are appended.
pub(crate) struct FindEnd {
    /// The first step of the chunk (of the piece) with the best match so far.
    best: AtomicUsize,
    last: bool,
}

/// The best match of a piece, and the step that it has reached.
pub(crate) struct Reached<T> {
    found: Option<T>,
    begin: usize,
    at: Place,
}

impl FindEnd {
    pub(crate) fn first() -> Self {
        Self {
            best: AtomicUsize::new(usize::MAX),
            last: false,
        }
    }

    pub(crate) fn last() -> Self {
        Self {
            best: AtomicUsize::new(0),
            last: true,
        }
    }
}

impl<T: Send> Consumer<T> for FindEnd {
    type Fold = Reached<T>;
    type Part = Option<T>;

    fn begin(&self, at: Place) -> Reached<T> {
        Reached {
            found: None,
            begin: at.step,
            at,
        }
    }

    #[inline]
    fn take(&self, fold: Reached<T>, item: T) -> Reached<T> {
        // Relaxed: it only makes others stop sooner.
        if self.last {
            self.best.fetch_max(fold.begin, Ordering::Relaxed);
        } else {
            self.best.fetch_min(fold.at.step, Ordering::Relaxed);
        }
        Reached {
            found: either(Some(item), fold.found),
            ..fold
        }
    }

    #[inline]
    fn is_full(&self, fold: &Reached<T>) -> bool {
        let (best, at) = (self.best.load(Ordering::Relaxed), fold.at);
        if self.last {
            best > at.step
        } else {
            fold.found.is_some() || best <= at.step && (best < at.step || at.is_needless())
        }
    }

    #[inline]
    fn is_settled(&self, fold: &Reached<T>) -> bool {
        !self.last && fold.found.is_some()
    }

    #[inline]
    fn reach(&self, fold: &mut Reached<T>, at: usize) {
        fold.at.step = at;
    }

    #[inline]
    fn at(&self, fold: &Reached<T>) -> Place {
        fold.at
    }

    fn finish(&self, fold: Reached<T>) -> Option<T> {
        fold.found
    }

    fn append(&self, left: Reached<T>, right: Option<T>) -> Reached<T> {
        let found = if self.last {
            either(right, left.found)
        } else {
            either(left.found, right)
        };
        Reached { found, ..left }
    }
}
