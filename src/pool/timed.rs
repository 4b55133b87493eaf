//! Tasks for later, and tasks that run again and again.

use crate::error::{JoinError, Refused, RefusedReason};
use crate::life::{Every, Options, Periodic, Start, TaskContext};
use crate::pool::ThreadPool;
use crate::pool::handle::JoinHandle;
use crate::pool::submit::{self, Patience};
use std::fmt;
use std::time::{Duration, Instant};

impl ThreadPool {
    /// Queues `f` when `delay` has passed. Until then it holds no worker, and may be cancelled.
    ///
    /// Dropping the pool waits for it, as for every accepted task.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let pool = windrow::ThreadPool::new(1)?;
    /// let reminder = pool.spawn_after(Duration::from_millis(2), || "tea is ready");
    /// assert_eq!(reminder.join().unwrap(), "tea is ready");
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// In a child process after `fork`.
    pub fn spawn_after<F, T>(&self, delay: Duration, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.task().delay(delay).spawn(f)
    }

    /// Queues `f` at `at`; see [`spawn_after`](Self::spawn_after).
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let pool = windrow::ThreadPool::new(1)?;
    /// let at = Instant::now() + Duration::from_millis(5);
    /// let started = pool.spawn_at(at, Instant::now).join().unwrap();
    /// assert!(started >= at);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn spawn_at<F, T>(&self, at: Instant, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.task().start_at(at).spawn(f)
    }

    /// Runs `f` again and again, for the first time one period from now: at a fixed rate (a [`Duration`], or
    /// [`Every::Rate`]), or with a fixed pause between the runs ([`Every::Delay`]).
    ///
    /// Runs never overlap. It ends when its handle [stops](PeriodicTask::stop) it, when `f` panics, or when
    /// the pool is dropped or shut down. Dropping the handle lets it go on.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let pool = windrow::ThreadPool::new(1)?;
    /// let (tick, ticks) = std::sync::mpsc::channel();
    /// let clock = pool.spawn_every(Duration::from_millis(1), move || drop(tick.send(())));
    /// assert_eq!(ticks.iter().take(3).count(), 3);
    /// clock.stop();
    /// assert!(clock.join().is_ok());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// In a child process after `fork`.
    pub fn spawn_every<F>(&self, every: impl Into<Every>, mut f: F) -> PeriodicTask
    where
        F: FnMut() + Send + 'static,
    {
        self.spawn_every_with(every, move |_: &TaskContext<'_>| f())
    }

    /// [`spawn_every`](Self::spawn_every) for a closure that wants to know about its task.
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let pool = windrow::ThreadPool::new(1)?;
    /// let (tick, ticks) = std::sync::mpsc::channel();
    /// // The first run ends when it is told to stop.
    /// let task = pool.spawn_every_with(Duration::from_millis(1), move |cx| {
    ///     tick.send(cx.attempt()).unwrap();
    ///     while !cx.is_cancelled() {
    ///         std::thread::yield_now();
    ///     }
    /// });
    /// assert_eq!(ticks.recv(), Ok(1));
    /// task.stop();
    /// assert!(task.join().is_ok());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn spawn_every_with<F>(&self, every: impl Into<Every>, f: F) -> PeriodicTask
    where
        F: FnMut(&TaskContext<'_>) + Send + 'static,
    {
        let spawned = self.every(every.into(), Patience::Policy, f, |f| f);
        spawned.unwrap_or_else(|refused| {
            let registry = std::ptr::from_ref(&**self.registry()).cast();
            PeriodicTask {
                handle: JoinHandle::refused(registry, &refused.reason),
            }
        })
    }

    /// [`spawn_every`](Self::spawn_every) that never blocks, and gives the closure back if the pool does not accept it.
    ///
    /// # Errors
    /// [`Refused`], with the closure.
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let pool = windrow::ThreadPool::new(1)?;
    /// pool.shutdown();
    /// let refused = pool.try_spawn_every(Duration::from_secs(1), || println!("tick")).unwrap_err();
    /// assert!(matches!(refused.reason, windrow::RefusedReason::Closed));
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn try_spawn_every<F>(
        &self,
        every: impl Into<Every>,
        f: F,
    ) -> Result<PeriodicTask, Refused<F>>
    where
        F: FnMut() + Send + 'static,
    {
        self.every(every.into(), Patience::None, f, |mut f| {
            move |_: &TaskContext<'_>| f()
        })
    }

    /// [`try_spawn_every`](Self::try_spawn_every) for a closure that wants to know about its task.
    ///
    /// # Errors
    /// As [`try_spawn_every`](Self::try_spawn_every).
    ///
    /// # Panics
    /// In a child process after `fork`.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let pool = windrow::ThreadPool::new(1)?;
    /// let (tick, ticks) = std::sync::mpsc::channel();
    /// let count = move |cx: &windrow::TaskContext<'_>| drop(tick.send(cx.attempt()));
    /// let task = pool.try_spawn_every_with(Duration::from_millis(1), count).unwrap();
    /// assert!(ticks.iter().take(3).eq([1, 2, 3]));
    /// task.stop();
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn try_spawn_every_with<F>(
        &self,
        every: impl Into<Every>,
        f: F,
    ) -> Result<PeriodicTask, Refused<F>>
    where
        F: FnMut(&TaskContext<'_>) + Send + 'static,
    {
        self.every(every.into(), Patience::None, f, |f| f)
    }

    /// `told` makes of the closure one that is told about its task.
    fn every<F, G>(
        &self,
        every: Every,
        patience: Patience,
        f: F,
        told: impl FnOnce(F) -> G,
    ) -> Result<PeriodicTask, Refused<F>>
    where
        G: FnMut(&TaskContext<'_>) + Send + 'static,
    {
        let registry = self.registry();
        if let Err(error) = registry.timer.ensure_started() {
            let reason = RefusedReason::Timer(error);
            return Err(Refused { reason, task: f });
        }
        let admitted = match submit::admit(registry, patience) {
            Ok(admitted) => admitted,
            Err(reason) => return Err(Refused { reason, task: f }),
        };
        let (Every::Rate(period) | Every::Delay(period)) = every;
        let first = registry.clock.after(period);
        let options = Options {
            start: Start::at(first),
            tokens: vec![registry.periodic.clone()],
            periodic: true,
            ..Options::default()
        };
        let (_, remote) = submit::begin(&admitted, options, std::ptr::null(), |setter| {
            Box::new(Periodic::new(told(f), every, first, setter))
        });
        Ok(PeriodicTask {
            handle: JoinHandle::from_remote(remote),
        })
    }
}

/// A task that runs again and again; see [`ThreadPool::spawn_every`]. Dropping the handle lets it go on.
pub struct PeriodicTask {
    handle: JoinHandle<()>,
}

impl PeriodicTask {
    /// Ends it: there will be no further run. One that is going on comes to its end (and is told to, if it
    /// asks its [`TaskContext`]); [`join`](Self::join) waits for that.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let pool = windrow::ThreadPool::new(1)?;
    /// let task = pool.spawn_every(Duration::from_secs(3600), || println!("tick"));
    /// task.stop();
    /// assert!(task.is_finished());
    /// task.join().unwrap();
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn stop(&self) {
        self.handle.cancel();
    }

    /// Whether there will be no further run.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// [`JoinError`], if it panicked or was refused. Being stopped is no error.
    ///
    /// # Panics
    /// As [`JoinHandle::join`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let pool = windrow::ThreadPool::new(1)?;
    /// let task = pool.spawn_every(Duration::from_millis(1), || panic!("no luck"));
    /// assert!(task.join().unwrap_err().is_panic());
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn join(self) -> Result<(), JoinError> {
        match self.handle.join() {
            Err(error) if error.is_cancelled() => Ok(()),
            result => result,
        }
    }
}

impl fmt::Debug for PeriodicTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeriodicTask")
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

crate::unwind::unwind_safe!([] PeriodicTask;);
