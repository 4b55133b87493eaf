//! Scattering behind a limiter.

use crate::error::{Refused, RefusedReason};
use crate::scatter::Handled;
use crate::scatter::combiner::CombinerHandle;
use crate::scatter::core::Scatter;
use crate::scatter::inner::Patience;
use crate::scatter::limiter::Limiter;
use crate::scatter::receive::Handler;
use crate::scatter::run::Run;
use std::time::Instant;

/// A run and a limiter: what is scattered here takes a slot of the limiter. See [`Run::via`] and [`Scatter::via`].
#[derive(Debug)]
#[must_use = "it scatters nothing by itself"]
pub struct Via<'a, R> {
    pub(super) to: R,
    pub(super) limiter: &'a Limiter,
}

impl<'env, S, E> Via<'_, &mut Run<'_, 'env, S, E>> {
    /// [`Run::scatter`], which waits for a slot as well. A task for a closed limiter is not accepted.
    pub fn scatter<F, T, H, R>(self, task: F, handler: H) -> bool
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        H: FnOnce(&mut S, &Scatter<'env, S, E>, T) -> R + 'env,
        R: Handled<E>,
    {
        let limiter = Some(self.limiter);
        self.to
            .scatter_by(limiter, Patience::Forever, task, handler)
            .is_ok()
    }

    /// [`Run::try_scatter`]: takes a slot if there is one at once.
    ///
    /// # Errors
    /// As [`Run::try_scatter`].
    ///
    /// ```
    /// use windrow::{Limit, Limiter, RefusedReason};
    ///
    /// let shut = Limiter::new(Limit::Paused);
    /// windrow::gather((), |run| {
    ///     let refused = run.via(&shut).try_scatter(|| (), |_, _, ()| ()).unwrap_err();
    ///     assert!(matches!(refused.reason, RefusedReason::Full { .. }));
    /// });
    /// ```
    pub fn try_scatter<F, T, H, R>(self, task: F, handler: H) -> Result<(), Refused<(F, H)>>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        H: FnOnce(&mut S, &Scatter<'env, S, E>, T) -> R + 'env,
        R: Handled<E>,
    {
        let limiter = Some(self.limiter);
        self.to.scatter_by(limiter, Patience::None, task, handler)
    }

    /// [`Run::scatter_deadline`], for a slot as well.
    ///
    /// # Errors
    /// As [`Run::scatter_deadline`].
    pub fn scatter_deadline<F, T, H, R>(
        self,
        at: Instant,
        task: F,
        handler: H,
    ) -> Result<(), Refused<(F, H)>>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        H: FnOnce(&mut S, &Scatter<'env, S, E>, T) -> R + 'env,
        R: Handled<E>,
    {
        let limiter = Some(self.limiter);
        self.to
            .scatter_by(limiter, Patience::Until(at), task, handler)
    }

    /// [`Run::scatter_into`], which waits for a slot as well.
    ///
    /// # Panics
    /// If the combiner belongs to another run.
    pub fn scatter_into<F, T>(self, task: F, combiner: &CombinerHandle<'env, T>) -> bool
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
    {
        let limiter = Some(self.limiter);
        self.to
            .scatter_into_by(limiter, Patience::Forever, task, combiner)
            .is_ok()
    }
}

impl<'env, S, E> Via<'_, &mut Run<'_, 'env, S, E>> {
    /// [`Run::try_scatter_into`], which takes a slot as well.
    ///
    /// # Errors
    /// As [`Run::try_scatter_into`].
    ///
    /// # Panics
    /// If the combiner belongs to another run.
    pub fn try_scatter_into<F, T>(
        self,
        task: F,
        combiner: &CombinerHandle<'env, T>,
    ) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
    {
        let limiter = Some(self.limiter);
        self.to
            .scatter_into_by(limiter, Patience::None, task, combiner)
    }

    /// [`Run::scatter_into_deadline`], for a slot as well.
    ///
    /// # Errors
    /// As [`Run::scatter_into_deadline`].
    ///
    /// # Panics
    /// If the combiner belongs to another run.
    pub fn scatter_into_deadline<F, T>(
        self,
        at: Instant,
        task: F,
        combiner: &CombinerHandle<'env, T>,
    ) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
    {
        let limiter = Some(self.limiter);
        self.to
            .scatter_into_by(limiter, Patience::Until(at), task, combiner)
    }
}

impl<'env, S, E> Via<'_, &Scatter<'env, S, E>> {
    /// [`Scatter::scatter`]: never blocks; a task for which there is no slot waits behind the limiter. One for a
    /// closed limiter is not accepted.
    pub fn scatter<F, T, H, R>(self, task: F, handler: H) -> bool
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        H: FnOnce(&mut S, &Scatter<'env, S, E>, T) -> R + 'env,
        R: Handled<E>,
    {
        let limiter = Some(self.limiter);
        self.to.submit(limiter, task, Handler::new(handler)).is_ok()
    }

    /// The same, which gives task and handler back if they are not accepted.
    ///
    /// # Errors
    /// [`RefusedReason::Closed`], with both.
    pub fn try_scatter<F, T, H, R>(self, task: F, handler: H) -> Result<(), Refused<(F, H)>>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
        H: FnOnce(&mut S, &Scatter<'env, S, E>, T) -> R + 'env,
        R: Handled<E>,
    {
        let limiter = Some(self.limiter);
        let result = self.to.submit(limiter, task, Handler::new(handler));
        result.map_err(|(task, handler)| Refused {
            reason: RefusedReason::Closed,
            task: (task, handler.into_inner()),
        })
    }

    /// [`Scatter::scatter_into`], behind the limiter.
    ///
    /// # Panics
    /// If the combiner belongs to another run.
    pub fn scatter_into<F, T>(self, task: F, combiner: &CombinerHandle<'env, T>) -> bool
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
    {
        let limiter = Some(self.limiter);
        self.to.submit_into(limiter, task, combiner).is_ok()
    }

    /// The same, which gives the task back if it is not accepted.
    ///
    /// # Errors
    /// [`RefusedReason::Closed`], with the task.
    ///
    /// # Panics
    /// If the combiner belongs to another run.
    pub fn try_scatter_into<F, T>(
        self,
        task: F,
        combiner: &CombinerHandle<'env, T>,
    ) -> Result<(), Refused<F>>
    where
        F: FnOnce() -> T + Send + 'env,
        T: Send + 'env,
    {
        let limiter = Some(self.limiter);
        let result = self.to.submit_into(limiter, task, combiner);
        result.map_err(|task| Refused {
            reason: RefusedReason::Closed,
            task,
        })
    }
}
