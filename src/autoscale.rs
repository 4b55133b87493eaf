//! A pool that changes its size by itself.

use crate::pool::ThreadPool;
use crate::pool::stats::Stats;
use crate::scheduler::{Key, Registry, Timed};
use crate::sync::Weak;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};
use crate::unwind;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;
use thiserror::Error;

type Rule = Box<dyn FnMut(&Stats) -> usize + Send>;

/// Changes a pool's size every so often, within bounds, as its load asks for.
///
/// Without a [rule of its own](Self::rule) it wants a worker for each task that is running and one for every
/// [`queued_per_worker`](Self::queued_per_worker) tasks that wait for a worker. It grows to what it wants at
/// once, and shrinks by one worker an interval.
///
/// ```
/// use std::time::Duration;
/// use windrow::{Autoscaler, ThreadPool};
///
/// let pool = ThreadPool::new(1)?;
/// let scaler = Autoscaler::new(1..=8)?.interval(Duration::from_millis(10)).start(&pool)?;
/// pool.spawn(|| "at work").join()?;
/// // Dropping `scaler` ends it; the pool keeps the size that it has.
/// drop(scaler);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "it does nothing until `start`"]
pub struct Autoscaler {
    bounds: RangeInclusive<usize>,
    interval: Duration,
    rule: Option<Rule>,
    per_worker: usize,
}

/// Why an [`Autoscaler`] cannot work.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AutoscaleError {
    /// The lower bound is 0, or above the upper one.
    #[error(
        "the bounds {min}..={max} cannot be used: the lower one has to be at least 1 and not above the upper one"
    )]
    Bounds {
        /// The lower bound.
        min: usize,
        /// The upper bound.
        max: usize,
    },
    /// An interval of no time.
    #[error("the interval has to be longer than nothing")]
    ZeroInterval,
    /// `queued_per_worker(0)`.
    #[error("queued_per_worker has to be at least 1, but is 0")]
    ZeroTasks,
    /// The thread of the pool's timer could not be started.
    #[error("the thread of the pool's timer could not be started: {0}")]
    Timer(#[source] std::io::Error),
}

impl Autoscaler {
    /// Keeps the size within `bounds`.
    ///
    /// # Errors
    /// [`AutoscaleError::Bounds`], if the range is empty or begins with 0.
    ///
    /// ```
    /// use windrow::{AutoscaleError, Autoscaler};
    ///
    /// assert!(Autoscaler::new(1..=8).is_ok());
    /// assert!(matches!(Autoscaler::new(0..=8), Err(AutoscaleError::Bounds { min: 0, max: 8 })));
    /// ```
    pub fn new(bounds: RangeInclusive<usize>) -> Result<Self, AutoscaleError> {
        let (min, max) = (*bounds.start(), *bounds.end());
        if min == 0 || min > max {
            return Err(AutoscaleError::Bounds { min, max });
        }
        Ok(Self {
            bounds,
            interval: Duration::from_secs(1),
            rule: None,
            per_worker: 4,
        })
    }

    /// How often it looks. Default: once a second.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How many queued tasks ask for one more worker. Default: 4.
    ///
    /// ```
    /// use std::time::Duration;
    /// use windrow::{Autoscaler, ThreadPool};
    ///
    /// let pool = ThreadPool::new(1)?;
    /// // Ten times a second; with 20 tasks in the queue the pool grows by two.
    /// let scaler = Autoscaler::new(1..=8)?.interval(Duration::from_millis(100)).queued_per_worker(10);
    /// let running = scaler.start(&pool)?;
    /// drop(running);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn queued_per_worker(mut self, tasks: usize) -> Self {
        self.per_worker = tasks;
        self
    }

    /// Asks `wanted` for the size instead; the bounds still hold. It is called on the pool's timer, so it
    /// should be short. If it panics, the panic goes to the pool's panic handler, and the scaler ends.
    ///
    /// ```
    /// use windrow::{Autoscaler, ThreadPool};
    ///
    /// let pool = ThreadPool::new(1)?;
    /// // A worker for each task, running or queued.
    /// let scaler = Autoscaler::new(1..=8)?.rule(|stats| (stats.queued_total() + stats.running) as usize);
    /// let running = scaler.start(&pool)?;
    /// drop(running);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rule(mut self, wanted: impl FnMut(&Stats) -> usize + Send + 'static) -> Self {
        self.rule = Some(Box::new(wanted));
        self
    }

    /// Looks after `pool` until the returned value or the pool is dropped.
    ///
    /// # Errors
    /// The other kinds of [`AutoscaleError`].
    ///
    /// ```
    /// use windrow::{Autoscaler, ThreadPool};
    ///
    /// let pool = ThreadPool::new(1)?;
    /// let running = Autoscaler::new(1..=4)?.start(&pool)?;
    /// assert!(pool.current_num_threads() <= 4);
    /// drop(running);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn start(self, pool: &ThreadPool) -> Result<AutoscalerHandle, AutoscaleError> {
        if self.interval.is_zero() {
            return Err(AutoscaleError::ZeroInterval);
        }
        if self.per_worker == 0 {
            return Err(AutoscaleError::ZeroTasks);
        }
        let registry = pool.registry();
        registry
            .timer
            .ensure_started()
            .map_err(AutoscaleError::Timer)?;
        let scaler = Arc::new(Scaler {
            registry: Arc::downgrade(registry),
            bounds: self.bounds,
            interval: self.interval,
            per_worker: self.per_worker,
            stopped: AtomicBool::new(false),
            rule: Mutex::new(self.rule),
            key: Mutex::new(None),
        });
        scaler.arm(registry);
        Ok(AutoscalerHandle { scaler })
    }
}

/// Ends its [`Autoscaler`] when it is dropped. A change of size that is being made just then is finished.
#[must_use = "dropping it ends the autoscaler"]
pub struct AutoscalerHandle {
    scaler: Arc<Scaler>,
}

struct Scaler {
    registry: Weak<Registry>,
    bounds: RangeInclusive<usize>,
    interval: Duration,
    per_worker: usize,
    stopped: AtomicBool,
    /// Taken out while it runs.
    rule: Mutex<Option<Rule>>,
    key: Mutex<Option<Key>>,
}

impl Scaler {
    fn arm(self: &Arc<Self>, registry: &Registry) {
        let mut key = self.key.lock();
        if self.stopped.load(Ordering::Relaxed) {
            return;
        }
        if let Some(at) = registry.clock.after(self.interval) {
            *key = Some(registry.timer.add(at, Arc::clone(self) as Arc<dyn Timed>));
        }
    }

    /// What the size should be; `None` if the rule panicked.
    fn wanted(&self, registry: &Registry) -> Option<usize> {
        let stats = Stats::of(registry);
        let rule = self.rule.lock().take();
        let wanted = match rule {
            Some(mut rule) => match unwind::catch(|| rule(&stats)) {
                Ok(wanted) => {
                    *self.rule.lock() = Some(rule);
                    wanted
                }
                Err(payload) => {
                    registry.sink.report(payload);
                    if let Some(payload) = unwind::drop_quietly(rule) {
                        registry.sink.report(payload);
                    }
                    return None;
                }
            },
            None => {
                let queued = stats.queued_total() as usize;
                let busy = stats.running as usize + queued.div_ceil(self.per_worker);
                busy.max(stats.workers.saturating_sub(1))
            }
        };
        let wanted = wanted.clamp(*self.bounds.start(), *self.bounds.end());
        Some(wanted.min(registry.max_size()))
    }
}

impl Timed for Scaler {
    fn fire(self: Arc<Self>) {
        let Some(registry) = self.registry.upgrade() else {
            return;
        };
        if self.stopped.load(Ordering::Relaxed) {
            return;
        }
        let Some(wanted) = self.wanted(&registry) else {
            return;
        };
        if self.stopped.load(Ordering::Relaxed) {
            // While the rule ran.
            return;
        }
        if wanted != registry.idle.size() {
            // A pool that cannot grow stays as it is, and the next time may be better.
            let _ = unwind::catch(|| registry.resize(wanted)).map_err(|p| registry.sink.report(p));
        }
        if !registry.idle.counts().closed() {
            self.arm(&registry);
        }
    }

    fn outlives_pool(&self) -> bool {
        false
    }
}

impl Drop for AutoscalerHandle {
    fn drop(&mut self) {
        self.scaler.stopped.store(true, Ordering::Relaxed);
        let key = self.scaler.key.lock().take();
        if let (Some(key), Some(registry)) = (key, self.scaler.registry.upgrade()) {
            registry.timer.remove(key);
        }
    }
}

impl fmt::Debug for Autoscaler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Autoscaler")
            .field("bounds", &self.bounds)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AutoscalerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AutoscalerHandle")
            .field("bounds", &self.scaler.bounds)
            .finish_non_exhaustive()
    }
}

crate::unwind::unwind_safe!([] AutoscalerHandle;);
