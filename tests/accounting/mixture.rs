//! What is submitted: everything that can be, at random.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use windrow::{
    Backoff, CancelToken, InPool, JoinHandle, Priority, RateLimit, Retry, Target, TaskBuilder,
    TaskError, ThreadPool,
};

use crate::books::{Books, COMPLETED, Entry, FAILED, PANICKED, REFUSED, Witness, of_error};
use crate::random::Random;

fn level(random: &mut Random) -> Priority {
    [Priority::High, Priority::Normal, Priority::Low][random.below(3) as usize]
}

type Retried = JoinHandle<Result<(), ()>>;

/// A handle that is kept for a while.
enum Kept {
    Plain(JoinHandle<()>, Witness),
    Retried(Retried, Witness),
}

impl Kept {
    /// It is not let go after this: where an attempt was about to start, only the handle hears that it did not.
    fn cancel(&self) {
        match self {
            Kept::Plain(handle, _) => handle.cancel(),
            Kept::Retried(handle, _) => handle.cancel(),
        };
    }

    fn join(self) {
        match self {
            Kept::Plain(handle, witness) => witness.says_result(&handle.join()),
            Kept::Retried(handle, witness) => witness.says_retried(&handle.join()),
        }
    }

    /// Lets the task go, unless it has ended: it may have been refused, which only the handle knows.
    fn let_go(self) {
        let finished = match &self {
            Kept::Plain(handle, _) => handle.is_finished(),
            Kept::Retried(handle, _) => handle.is_finished(),
        };
        if finished {
            self.join();
        }
    }
}

/// What a closure does: others like it, for a while, and then it returns or panics.
fn body(entry: &Entry, mut random: Random, depth: u32) {
    entry.run();
    if depth > 0 && random.one_in(3) {
        for _ in 0..random.below(3) {
            let Some(child) = entry.books().entry() else {
                break;
            };
            nested(child, &mut random, depth - 1);
        }
    }
    for _ in 0..random.below(30) {
        std::hint::spin_loop();
    }
    if random.one_in(16) {
        entry.did(PANICKED);
        // Without a message: there are many.
        resume_unwind(Box::new("at random"));
    }
    entry.did(COMPLETED);
}

fn nested(child: Entry, random: &mut Random, depth: u32) {
    let (witness, own) = (child.witness(), random.clone());
    match random.below(4) {
        0 => {
            let run = || windrow::scope(|s| drop(s.spawn(move || body(&child, own, depth))));
            drop(catch_unwind(AssertUnwindSafe(run)));
        }
        1 => {
            let handle = windrow::spawn(move || body(&child, own, depth));
            witness.says_result(&handle.join());
        }
        _ => {
            let level = level(random);
            let task = move || body(&child, own, depth);
            Kept::Plain(windrow::spawn_with_priority(level, task), witness).let_go();
        }
    }
}

/// One submitter.
pub(crate) struct Mixture<'p> {
    pool: &'p ThreadPool,
    books: &'p Arc<Books>,
    limit: &'p RateLimit,
    random: Random,
    token: CancelToken,
    kept: Vec<Kept>,
    cancelled: Vec<Kept>,
}

impl<'p> Mixture<'p> {
    pub(crate) fn new(
        pool: &'p ThreadPool,
        books: &'p Arc<Books>,
        limit: &'p RateLimit,
        seed: u64,
    ) -> Self {
        Self {
            pool,
            books,
            limit,
            random: Random::new(seed),
            token: CancelToken::new(),
            kept: Vec::new(),
            cancelled: Vec::new(),
        }
    }

    /// Submits until the books are full.
    pub(crate) fn submit_all(&mut self) {
        while let Some(entry) = self.books.entry() {
            match self.random.below(16) {
                0 => self.scope(entry),
                1 => self.group(entry),
                2 | 3 => self.retry(entry),
                4..=7 => self.with_options(entry),
                8 => self.install(entry),
                _ => self.plain(entry),
            }
            if self.random.one_in(8) {
                self.token.cancel();
                self.token = CancelToken::new();
            }
            while self.kept.len() > 32 || self.random.one_in(4) {
                self.look_after_one();
                if self.kept.is_empty() {
                    break;
                }
            }
        }
        while !self.kept.is_empty() {
            self.look_after_one();
        }
        self.cancelled.drain(..).for_each(Kept::join);
    }

    fn look_after_one(&mut self) {
        if self.kept.is_empty() {
            return;
        }
        let index = self.random.below(self.kept.len() as u64) as usize;
        let kept = self.kept.swap_remove(index);
        match self.random.below(4) {
            0 => {
                kept.cancel();
                kept.join();
            }
            1 => kept.join(),
            2 => kept.let_go(),
            _ => {
                kept.cancel();
                self.cancelled.push(kept);
            }
        }
    }

    fn plain(&mut self, entry: Entry) {
        let (witness, random) = (entry.witness(), self.random.part());
        let task = move || body(&entry, random, 2);
        let spawned = match self.random.below(4) {
            0 => self.pool.try_spawn(task),
            1 => self.pool.spawn_timeout(Duration::from_micros(50), task),
            2 => {
                let level = level(&mut self.random);
                Ok(self.pool.spawn_with_priority(level, task))
            }
            _ => Ok(self.pool.spawn(task)),
        };
        match spawned {
            Ok(handle) => self.keep(Kept::Plain(handle, witness)),
            Err(refused) => {
                drop(refused.task);
                witness.says(REFUSED);
            }
        }
    }

    fn keep(&mut self, kept: Kept) {
        if self.random.one_in(3) {
            self.kept.push(kept);
        } else {
            kept.let_go();
        }
    }

    fn options(&mut self, entry: &Entry) -> TaskBuilder<'static, InPool> {
        let task = self.pool.task();
        self.dress(task, entry)
    }

    /// Options at random, and a callback, so that somebody hears of the end.
    fn dress<'t, P: Target<'t>>(
        &mut self,
        task: TaskBuilder<'t, P>,
        entry: &Entry,
    ) -> TaskBuilder<'t, P> {
        let witness = entry.witness();
        let mut task = task.on_complete(move |report| witness.calls(report.outcome));
        let random = &mut self.random;
        if random.one_in(3) {
            task = task.cancel_token(&self.token);
        }
        match random.below(6) {
            0 => task = task.timeout(Duration::from_micros(random.below(100))),
            1 => task = task.timeout(Duration::from_secs(3600)),
            2 => task = task.timeout(Duration::MAX),
            _ => {}
        }
        if random.one_in(6) {
            task = task.delay(Duration::from_micros(random.below(200)));
        }
        if random.one_in(8) {
            task = task.rate_limit(self.limit);
        }
        if random.one_in(3) {
            task = task.priority(level(random));
        }
        task
    }

    fn with_options(&mut self, entry: Entry) {
        let (witness, random) = (entry.witness(), self.random.part());
        let task = self.options(&entry);
        let closure = move || body(&entry, random, 1);
        let spawned = if self.random.one_in(2) {
            task.try_spawn(closure)
        } else {
            Ok(task.spawn(closure))
        };
        match spawned {
            Ok(handle) => self.keep(Kept::Plain(handle, witness)),
            Err(refused) => {
                drop(refused.task);
                witness.says(REFUSED);
            }
        }
    }

    fn retry(&mut self, entry: Entry) {
        let (witness, mut random) = (entry.witness(), self.random.part());
        let backoff = match self.random.below(3) {
            0 => Backoff::none(),
            _ => Backoff::fixed(Duration::from_micros(self.random.below(100))),
        };
        let attempts = 1 + self.random.below(4) as u32;
        let policy = Retry::attempts(attempts).unwrap().backoff(backoff);
        let policy = policy.panics(self.random.one_in(2));
        let handle = self.options(&entry).retry(policy).spawn(move || {
            entry.run();
            if random.one_in(8) {
                entry.did(PANICKED);
                resume_unwind(Box::new("at random"));
            }
            let result = if random.one_in(2) { Ok(()) } else { Err(()) };
            entry.did(if result.is_ok() { COMPLETED } else { FAILED });
            result
        });
        self.keep(Kept::Retried(handle, witness));
    }

    fn install(&mut self, entry: Entry) {
        let random = self.random.part();
        let witness = entry.witness();
        let (mut inside, mut began) = (Some(move || body(&entry, random, 1)), false);
        // Where the pool takes nothing any more this panics, and says so.
        let result = catch_unwind(AssertUnwindSafe(|| {
            self.pool.install(|| {
                began = true;
                inside.take().expect("it runs once")();
            });
        }));
        if !began {
            drop(inside);
            assert!(result.is_err(), "install has not run its closure");
            witness.is_turned_away();
        }
    }

    fn scope(&mut self, entry: Entry) {
        let tasks = self.random.below(4);
        let pool = self.pool;
        let mut entries = vec![entry];
        entries.extend((0..tasks).map_while(|_| self.books.entry()));
        let run = || {
            pool.scope(|s| {
                for entry in entries {
                    let (witness, random) = (entry.witness(), self.random.part());
                    let handle = if self.random.one_in(2) {
                        let task = self.dress(s.task(), &entry);
                        task.spawn(move || body(&entry, random, 1))
                    } else {
                        s.spawn(move || body(&entry, random, 1))
                    };
                    match self.random.below(3) {
                        0 => witness.says_result(&handle.join()),
                        1 => {
                            handle.cancel();
                            witness.says_result(&handle.join());
                        }
                        _ => {}
                    }
                }
            });
        };
        drop(catch_unwind(AssertUnwindSafe(run)));
    }

    fn group(&mut self, entry: Entry) {
        let mut group = self.pool.group::<(), ()>();
        if self.random.one_in(2) {
            group = group.max_concurrent(1 + self.random.below(3) as usize);
        }
        if self.random.one_in(2) {
            group = group.fail_fast(true);
        }
        let mut witnesses = vec![];
        let mut next = Some(entry);
        while let Some(entry) = next {
            witnesses.push(entry.witness());
            let random = self.random.part();
            let fails = self.random.one_in(8);
            let task = group.task();
            let task = if self.random.one_in(2) {
                let token = self.token.clone();
                task.cancel_token(&token)
            } else {
                task
            };
            task.spawn(move || {
                body(&entry, random, 1);
                if fails { Err(()) } else { Ok(()) }
            });
            next = (self.random.below(4) > 0)
                .then(|| self.books.entry())
                .flatten();
        }
        if self.random.one_in(4) {
            group.cancel();
        }
        for (witness, result) in witnesses.iter().zip(group.wait_all()) {
            witness.says(match result {
                // Without a retry policy it has returned.
                Ok(()) | Err(TaskError::Failed(())) => COMPLETED,
                Err(TaskError::Lost(error)) => of_error(&error),
            });
        }
    }
}
