//! Collecting items that may be failures: into a collection of what went well, or the failure.
//!
//! The failure that counts is the leftmost of those that were met: each piece keeps its own, and in two pieces
//! the left one's comes first. So which it is may change from run to run if there are several.

use crate::par::iter::{FromParallelIterator, IntoParallelIterator, ParallelIterator};
use crate::par::plumbing::{Consumer, Place, forward};
use crate::sync::{AtomicBool, Ordering};

impl<C, T> FromParallelIterator<Option<T>> for Option<C>
where
    C: FromParallelIterator<T>,
    T: Send,
{
    fn from_par_iter<I>(par_iter: I) -> Self
    where
        I: IntoParallelIterator<Item = Option<T>>,
    {
        collect(par_iter, |item| item.ok_or(())).ok()
    }
}

impl<C, T, E> FromParallelIterator<Result<T, E>> for Result<C, E>
where
    C: FromParallelIterator<T>,
    T: Send,
    E: Send,
{
    fn from_par_iter<I>(par_iter: I) -> Self
    where
        I: IntoParallelIterator<Item = Result<T, E>>,
    {
        collect(par_iter, |item| item)
    }
}

fn collect<C, I, T, E, F>(par_iter: I, check: F) -> Result<C, E>
where
    C: FromParallelIterator<T>,
    I: IntoParallelIterator,
    T: Send,
    E: Send,
    F: Fn(I::Item) -> Result<T, E> + Send + Sync,
{
    let mut failure = None;
    let collection = C::from_par_iter(UntilFailure {
        base: par_iter.into_par_iter(),
        check,
        failure: &mut failure,
    });
    match failure {
        Some(error) => Err(error),
        None => Ok(collection),
    }
}

/// An iterator over what went well; it leaves a failure, if there was one, in its place.
struct UntilFailure<'f, I, E, F> {
    base: I,
    check: F,
    failure: &'f mut Option<E>,
}

impl<I, T, E, F> ParallelIterator for UntilFailure<'_, I, E, F>
where
    I: ParallelIterator,
    T: Send,
    E: Send,
    F: Fn(I::Item) -> Result<T, E> + Send + Sync,
{
    type Item = T;

    fn drive<C: Consumer<T>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        let consumer = Checking {
            inner: consumer,
            check: &self.check,
            failed: AtomicBool::new(false),
        };
        let (fold, failure) = self.base.drive(&consumer, (fold, None));
        *self.failure = failure;
        fold
    }

    /// As many, unless the loop stops.
    fn opt_len(&self) -> Option<usize> {
        self.base.opt_len()
    }
}

struct Checking<'a, C, F> {
    inner: &'a C,
    check: &'a F,
    failed: AtomicBool,
}

impl<T, U, E, C, F> Consumer<T> for Checking<'_, C, F>
where
    C: Consumer<U>,
    E: Send,
    F: Fn(T) -> Result<U, E> + Sync,
{
    /// With the piece's failure.
    type Fold = (C::Fold, Option<E>);
    type Part = (C::Part, Option<E>);
    forward!([.0] is_settled reach pause at panicked cut_short);

    fn begin(&self, at: Place) -> Self::Fold {
        (self.inner.begin(at), None)
    }

    #[inline]
    fn take(&self, (fold, failure): Self::Fold, item: T) -> Self::Fold {
        if failure.is_some() {
            return (fold, failure);
        }
        match (self.check)(item) {
            Ok(item) => (self.inner.take(fold, item), None),
            Err(error) => {
                self.fail();
                (fold, Some(error))
            }
        }
    }

    #[inline]
    fn take_iter<I: Iterator<Item = T>>(
        &self,
        (fold, mut failure): Self::Fold,
        mut items: I,
    ) -> Self::Fold {
        if failure.is_some() {
            drop(items);
            return (fold, failure);
        }
        let well = std::iter::from_fn(|| match (self.check)(items.next()?) {
            Ok(item) => Some(item),
            Err(error) => {
                self.fail();
                failure = Some(error);
                None
            }
        });
        // Fused: whoever asks again after the failure gets nothing more.
        let fold = self.inner.take_iter(fold, well.fuse());
        // Before anything is returned, see `Consumer::take_iter`.
        drop(items);
        (fold, failure)
    }

    #[inline]
    fn is_full(&self, fold: &Self::Fold) -> bool {
        self.has_failed() || self.inner.is_full(&fold.0)
    }

    #[inline]
    fn is_stopped(&self, fold: &Self::Fold) -> bool {
        self.has_failed() || self.inner.is_stopped(&fold.0)
    }

    fn finish(&self, (fold, failure): Self::Fold) -> Self::Part {
        (self.inner.finish(fold), failure)
    }

    fn append(&self, left: Self::Fold, right: Self::Part) -> Self::Fold {
        let failure = left.1.or(right.1);
        (self.inner.append(left.0, right.0), failure)
    }
}

impl<C, F> Checking<'_, C, F> {
    fn fail(&self) {
        // Relaxed: it only makes the others stop sooner.
        self.failed.store(true, Ordering::Relaxed);
    }

    fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}
