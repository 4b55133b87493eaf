//! A line for each task: what its closure, its handle and its callback say has become of it.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};

use windrow::{JoinError, Outcome};

pub(crate) const COMPLETED: u8 = 1;
pub(crate) const FAILED: u8 = 2;
pub(crate) const PANICKED: u8 = 3;
pub(crate) const CANCELLED: u8 = 4;
pub(crate) const EXPIRED: u8 = 5;
pub(crate) const REFUSED: u8 = 6;
pub(crate) const RETURNED: u8 = 7;

thread_local! {
    /// This thread is about to run or drop a task that `shutdown_now` has given back.
    static HANDED_BACK: Cell<bool> = const { Cell::new(false) };
}

/// `f` runs or drops one task that `shutdown_now` has given back.
pub(crate) fn handed_back(f: impl FnOnce()) {
    HANDED_BACK.set(true);
    f();
    HANDED_BACK.set(false);
}

#[derive(Default)]
struct Line {
    runs: AtomicU32,
    drops: AtomicU32,
    /// By the closure's own account, of its last run.
    did: AtomicU8,
    /// By the handle's, the group's or the submission's.
    said: AtomicU8,
    /// By the completion callback's.
    called: AtomicU8,
    returned: AtomicU8,
}

pub(crate) struct Books {
    lines: Vec<Line>,
    next: AtomicUsize,
    /// Refused by a panic, which is no submission.
    turned_away: AtomicUsize,
}

impl Books {
    pub(crate) fn new(tasks: usize) -> Self {
        Self {
            lines: (0..tasks).map(|_| Line::default()).collect(),
            next: AtomicUsize::new(0),
            turned_away: AtomicUsize::new(0),
        }
    }

    /// How many lines have been given out.
    pub(crate) fn made(&self) -> usize {
        self.next.load(Ordering::SeqCst).min(self.lines.len())
    }

    /// A line for one more task; none if there were as many as there are to be.
    pub(crate) fn entry(self: &Arc<Self>) -> Option<Entry> {
        let index = self.next.fetch_add(1, Ordering::SeqCst);
        (index < self.lines.len()).then(|| Entry {
            books: Arc::clone(self),
            index,
        })
    }

    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::SeqCst) as u64
    }

    /// Whether all closures are gone, and it is known what they came to.
    pub(crate) fn is_settled(&self) -> bool {
        self.lines.iter().all(|line| {
            let accounts = [&line.did, &line.said, &line.called, &line.returned];
            line.drops.load(Ordering::SeqCst) > 0
                && accounts
                    .iter()
                    .any(|account| account.load(Ordering::SeqCst) != 0)
        })
    }

    /// What has become of each task. Returns how many came to what.
    pub(crate) fn came_to(&self) -> [usize; RETURNED as usize + 1] {
        let mut came_to = [0; RETURNED as usize + 1];
        for (index, line) in self.lines.iter().enumerate() {
            came_to[line.outcome(index) as usize] += 1;
        }
        came_to
    }

    /// The same; and all closures are gone.
    pub(crate) fn close(&self) -> [usize; RETURNED as usize + 1] {
        for (index, line) in self.lines.iter().enumerate() {
            let drops = line.drops.load(Ordering::SeqCst);
            assert_eq!(drops, 1, "drops of closure {index}");
        }
        self.came_to()
    }
}

impl Line {
    fn outcome(&self, index: usize) -> u8 {
        let of = |account: &AtomicU8| account.load(Ordering::SeqCst);
        let (did, said, called) = (of(&self.did), of(&self.said), of(&self.called));
        let returned = of(&self.returned) != 0;
        let runs = self.runs.load(Ordering::SeqCst);
        let drops = self.drops.load(Ordering::SeqCst);
        let story = || {
            format!(
                "task {index}: {runs} runs, {drops} drops, did {did}, said {said}, called {called}, \
                 returned {returned}"
            )
        };
        if said == REFUSED {
            assert!(runs == 0 && called == 0, "refused and run: {}", story());
            return REFUSED;
        }
        assert!(said == 0 || called == 0 || said == called, "{}", story());
        let came_to = [said, called, did]
            .into_iter()
            .find(|&account| account != 0);
        let Some(came_to) = came_to.or(returned.then_some(RETURNED)) else {
            panic!("lost: {}", story());
        };
        match came_to {
            COMPLETED | FAILED | PANICKED => {
                assert!(runs > 0 && did == came_to, "{}", story());
            }
            CANCELLED => assert!(did != COMPLETED, "{}", story()),
            _ => {}
        }
        if returned { RETURNED } else { came_to }
    }
}

/// A closure's line, to be moved into it.
pub(crate) struct Entry {
    books: Arc<Books>,
    index: usize,
}

impl Entry {
    fn line(&self) -> &Line {
        &self.books.lines[self.index]
    }

    pub(crate) fn books(&self) -> &Arc<Books> {
        &self.books
    }

    /// For whoever is told what became of the task.
    pub(crate) fn witness(&self) -> Witness {
        Witness {
            books: Arc::clone(&self.books),
            index: self.index,
        }
    }

    pub(crate) fn run(&self) {
        let line = self.line();
        line.runs.fetch_add(1, Ordering::SeqCst);
        // What it does itself is not given back.
        if HANDED_BACK.replace(false) {
            line.returned.store(1, Ordering::SeqCst);
        }
    }

    pub(crate) fn did(&self, what: u8) {
        self.line().did.store(what, Ordering::SeqCst);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let line = self.line();
        line.drops.fetch_add(1, Ordering::SeqCst);
        if HANDED_BACK.get() {
            line.returned.store(1, Ordering::SeqCst);
        }
    }
}

/// Where a task's outcome is written down.
pub(crate) struct Witness {
    books: Arc<Books>,
    index: usize,
}

impl Witness {
    pub(crate) fn says(&self, what: u8) {
        let before = self.books.lines[self.index]
            .said
            .swap(what, Ordering::SeqCst);
        assert_eq!(before, 0, "task {} ended twice", self.index);
    }

    /// The pool has panicked instead of taking it.
    pub(crate) fn is_turned_away(&self) {
        self.says(REFUSED);
        self.books.turned_away.fetch_add(1, Ordering::SeqCst);
    }

    /// The last attempt's result, if there is one; tasks without retries only return.
    pub(crate) fn says_result<T>(&self, result: &Result<T, JoinError>) {
        self.says(match result {
            Ok(_) => COMPLETED,
            Err(error) => of_error(error),
        });
    }

    pub(crate) fn says_retried<T, E>(&self, result: &Result<Result<T, E>, JoinError>) {
        self.says(match result {
            Ok(Ok(_)) => COMPLETED,
            Ok(Err(_)) => FAILED,
            Err(error) => of_error(error),
        });
    }

    pub(crate) fn calls(&self, outcome: Outcome) {
        let what = match outcome {
            Outcome::Completed => COMPLETED,
            Outcome::Failed => FAILED,
            Outcome::Panicked => PANICKED,
            Outcome::Cancelled => CANCELLED,
            Outcome::Expired => EXPIRED,
            other => panic!("{other:?}"),
        };
        let before = self.books.lines[self.index]
            .called
            .swap(what, Ordering::SeqCst);
        assert_eq!(before, 0, "task {} was reported twice", self.index);
    }
}

pub(crate) fn of_error(error: &JoinError) -> u8 {
    let kinds = [
        (error.is_panic(), PANICKED),
        (error.is_cancelled(), CANCELLED),
        (error.is_expired(), EXPIRED),
        (error.is_refused(), REFUSED),
    ];
    let mut of = kinds.iter().filter(|(is, _)| *is).map(|(_, what)| *what);
    let what = of.next().expect("an error has a kind");
    assert_eq!(of.next(), None, "an error of two kinds: {error}");
    what
}
