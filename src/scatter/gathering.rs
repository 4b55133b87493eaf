//! What the body of a run may gather.

use crate::scatter::inner::Patience;
use crate::scatter::run::Run;
use crate::sync::Ordering;
use std::time::Instant;

impl<S, E> Run<'_, '_, S, E> {
    /// Handles one result; waits for it, and runs tasks of the run meanwhile. `false` if nothing is left: every task
    /// has been handled, and the combiners have nothing to flush.
    ///
    /// # Errors
    /// That of a handler, the oldest first. The run goes on: gather again for the rest.
    ///
    /// ```
    /// windrow::gather(Vec::new(), |run| {
    ///     run.scatter(|| 1, |seen, _, n| seen.push(n));
    ///     while run.gather_one()? {}
    ///     assert_eq!(*run.state(), [1]);
    ///     Ok::<(), std::convert::Infallible>(())
    /// });
    /// ```
    pub fn gather_one(&mut self) -> Result<bool, E> {
        self.0.gather_one(Patience::Forever)
    }

    /// Handles one result that is there. `false` if there is none.
    ///
    /// # Errors
    /// As [`gather_one`](Self::gather_one).
    ///
    /// ```
    /// windrow::gather(0, |run| {
    ///     assert!(!run.try_gather_one()?);
    ///     for n in 0..1000 {
    ///         run.scatter(move || n, |sum, _, n| *sum += n);
    ///         while run.try_gather_one()? {} // as they come
    ///     }
    ///     Ok::<(), std::convert::Infallible>(())
    /// });
    /// ```
    pub fn try_gather_one(&mut self) -> Result<bool, E> {
        self.0.gather_one(Patience::None)
    }

    /// Handles one result that comes before `at`. `false` if there is none. Runs no tasks itself meanwhile, since
    /// those may take longer.
    ///
    /// # Errors
    /// As [`gather_one`](Self::gather_one).
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// windrow::gather((), |run| {
    ///     run.scatter(|| (), |_, _, ()| println!("done"));
    ///     while !run.gather_one_deadline(Instant::now() + Duration::from_millis(1)).unwrap() {
    ///         println!("still at it");
    ///     }
    /// });
    /// ```
    pub fn gather_one_deadline(&mut self, at: Instant) -> Result<bool, E> {
        self.0.gather_one(Patience::Until(at))
    }

    /// Handles all results, those of tasks that handlers scatter included, until nothing is left and the combiners have
    /// flushed.
    ///
    /// # Errors
    /// That of a handler, the oldest first. The run goes on: gather again for the rest.
    ///
    /// ```
    /// let result = windrow::gather(0, |run| {
    ///     for n in 0..4 {
    ///         run.scatter(move || n, |sum, _, n| if n == 2 { Err("two") } else { Ok(*sum += n) });
    ///     }
    ///     assert_eq!(run.gather_all(), Err("two"));
    ///     // The others are handled all the same.
    ///     run.gather_all()
    /// });
    /// assert_eq!(result, Ok(4));
    /// ```
    pub fn gather_all(&mut self) -> Result<(), E> {
        self.0.gather_all(Patience::Forever).map(drop)
    }

    /// Handles the results that are there. Tasks that handlers scatter meanwhile may be left for another time.
    ///
    /// # Errors
    /// As [`gather_all`](Self::gather_all).
    ///
    /// ```
    /// let sum = windrow::gather(0, |run| {
    ///     for n in 1..=100 {
    ///         run.scatter(move || n, |sum, _, n| *sum += n);
    ///     }
    ///     run.try_gather_all().unwrap();
    ///     println!("{} so far", run.state());
    /// });
    /// assert_eq!(sum, 5050);
    /// ```
    pub fn try_gather_all(&mut self) -> Result<(), E> {
        self.0.gather_all(Patience::None).map(drop)
    }

    /// Handles the results that come before `at`. `true` if nothing is left.
    ///
    /// # Errors
    /// As [`gather_all`](Self::gather_all).
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// let partial = windrow::gather(Vec::new(), |run| {
    ///     for n in 0..3 {
    ///         run.scatter(move || n, |all, _, n| all.push(n));
    ///     }
    ///     let soon = Instant::now() + Duration::from_secs(60);
    ///     if !run.gather_all_deadline(soon)? {
    ///         run.cancel();
    ///     }
    ///     Ok::<(), std::convert::Infallible>(())
    /// });
    /// assert_eq!(partial.unwrap().len(), 3);
    /// ```
    pub fn gather_all_deadline(&mut self, at: Instant) -> Result<bool, E> {
        self.0.gather_all(Patience::Until(at))
    }

    /// Takes no more tasks from the body; handlers may still scatter.
    ///
    /// ```
    /// let sum = windrow::gather(0, |run| {
    ///     assert!(run.scatter(|| 1, |sum, _, n| *sum += n));
    ///     run.close();
    ///     assert!(!run.scatter(|| 2, |sum, _, n| *sum += n));
    /// });
    /// assert_eq!(sum, 1);
    /// ```
    pub fn close(&mut self) {
        self.0.scatter.shared.close();
    }

    /// Closes the run and gathers all. Then it takes nothing more, from anybody.
    ///
    /// # Errors
    /// As [`gather_all`](Self::gather_all); call it again for the rest.
    ///
    /// ```
    /// windrow::gather(0, |run| {
    ///     run.scatter(|| 6 * 7, |sum, _, n| *sum += n);
    ///     run.finish().unwrap();
    ///     assert_eq!(*run.state(), 42);
    ///     assert!(!run.scatter(|| 1, |sum, _, n| *sum += n));
    /// });
    /// ```
    pub fn finish(&mut self) -> Result<(), E> {
        self.close();
        self.gather_all()?;
        self.0
            .scatter
            .shared
            .finished
            .store(true, Ordering::Relaxed);
        Ok(())
    }
}
