//! One call on each worker.

use crate::pool::ThreadPool;
use crate::scheduler::{Help, Participant, wait_outside};
use crate::task::stack::StackJob;
use crate::unwind::{self, Payload};
use std::panic::resume_unwind;
use std::ptr;

impl ThreadPool {
    /// Runs `f` once on each of the pool's `num_threads` workers, and returns the results in the order
    /// of their indices. `f` is given the index.
    ///
    /// A worker gets to it as soon as the task that it runs has ended. While one waits inside a task, it
    /// runs the broadcast only if it waits for it. So a closure that is broadcast may take any lock, but
    /// a broadcast from inside a task must not be waited for by what it waits for in turn. Spare threads
    /// that stand in for waiting workers are left out.
    ///
    /// ```
    /// let pool = windrow::ThreadPool::new(3)?;
    /// assert_eq!(pool.broadcast(|index| index * 10), [0, 10, 20]);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    ///
    /// # Panics
    /// If `f` panics on a worker: the first panic, by index, after all calls have ended. If the pool has been
    /// shut down. In a child process after `fork`.
    pub fn broadcast<F, T>(&self, f: F) -> Vec<T>
    where
        F: Fn(usize) -> T + Sync,
        T: Send,
    {
        let registry = &**self.registry();
        registry.check_process();
        if let Some((inner, home)) = registry.worker_elsewhere() {
            // As a worker it calls `f` itself, and reads its mail while it waits.
            return home.call_from(inner, || self.broadcast(f));
        }
        let _visit = registry.visit();
        // SAFETY: a current participant is alive.
        let here = unsafe { Participant::current().as_ref() };
        let own = here
            .filter(|here| ptr::eq(here.registry(), registry))
            .and_then(Participant::index);
        let f = &f;
        let mut jobs = Vec::new();
        let parent = here.map_or(ptr::null(), Participant::node);
        // From the post to the last wait nothing unwinds: the jobs are in other threads' reach.
        let number = registry.post(|size| {
            jobs.extend((0..size).map(|index| StackJob::new(move || f(index))));
            let address = |(index, job): (usize, &StackJob<_, T>)| {
                job.header().node.set_parent(parent);
                if own == Some(index) {
                    ptr::null()
                } else {
                    job.as_ptr()
                }
            };
            jobs.iter().enumerate().map(address).collect()
        });
        let mut outcomes: Vec<Result<T, Payload>> = Vec::with_capacity(jobs.len());
        let mine = own
            .and_then(|index| jobs.get(index))
            // SAFETY: it was not posted, so it is ours; taken once.
            .map(|job| unwind::catch(unsafe { job.take() }));
        let mut mine = mine;
        for (index, job) in jobs.iter().enumerate() {
            if own == Some(index) {
                outcomes.extend(mine.take());
                continue;
            }
            match here {
                Some(here) => {
                    let mark = here.mark();
                    let up_to = if own.is_some() { number } else { 0 };
                    here.wait(job.header(), Help { mark, up_to });
                }
                None => wait_outside(job.header()),
            }
            // SAFETY: the latch is set; taken once.
            outcomes.push(unsafe { job.take_result() });
        }
        let mut results = Vec::with_capacity(outcomes.len());
        let mut first = None;
        for outcome in outcomes {
            match outcome {
                Ok(result) => results.push(result),
                Err(payload) if first.is_none() => first = Some(payload),
                Err(payload) => unwind::discard(payload),
            }
        }
        match first {
            None => results,
            Some(payload) => {
                unwind::discard_each(results);
                resume_unwind(payload)
            }
        }
    }
}
