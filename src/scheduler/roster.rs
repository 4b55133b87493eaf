//! The threads of a pool: which are alive, who sleeps where. Always under the lock in `idle`.
//!
//! Threads are known by their index. A pool of size `n` has the threads `0..n`, and spares with higher
//! indices that stand in for waiting ones. When it shrinks, as many threads as it has lost leave, of those
//! with the higher indices, each when it next goes to bed; an index whose thread has left is given to the
//! next that is started.
//!
//! | seat | meaning | goes on to |
//! |---|---|---|
//! | `Empty` | no thread | `Starting`: a spare; `Taken`: the pool grows |
//! | `Starting` | a spare that has been asked for and has not begun | `Taken`, as it begins; `Empty`, if it cannot be started |
//! | `Taken` | a thread lives (or is being started by a pool that grows) | `Leaving`, in bed, in a pool that has shrunk |
//! | `Leaving` | it runs its exit handler | `Empty`; `Wanted` if the pool grows meanwhile |
//! | `Wanted` | as before, and it will come back | `Taken` |
//!
//! A pool does not grow over a spare that is starting: it would count on a thread that may never be there.

use crate::park::Parker;
use crate::sync::{Arc, AtomicBool, CountU64, Ordering};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seat {
    Empty,
    Starting,
    Taken,
    Leaving,
    Wanted,
}

/// A worker's place to sleep.
#[derive(Debug)]
pub(crate) struct Bed {
    pub(crate) parker: Arc<Parker>,
    pub(crate) index: usize,
    /// Changed under the roster's lock.
    pub(crate) asleep: AtomicBool,
}

impl Bed {
    pub(crate) fn new(parker: Arc<Parker>, index: usize) -> Arc<Self> {
        Arc::new(Self {
            parker,
            index,
            asleep: AtomicBool::new(false),
        })
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Roster {
    pub(crate) sleepers: Vec<Arc<Bed>>,
    pub(crate) lingerer: Option<Arc<Bed>>,
    pub(crate) waiters: Vec<Arc<Parker>>,
    /// Seats that are taken, or about to be; `alive` is a copy for those who only want to know.
    pub(crate) threads: usize,
    alive: Arc<CountU64>,
    /// How many threads there are to be: the pool's size, and the spares that were started.
    keep: usize,
    seats: Vec<Seat>,
}

impl Roster {
    pub(crate) fn new(size: usize) -> Self {
        Self {
            sleepers: Vec::with_capacity(size),
            lingerer: None,
            waiters: Vec::new(),
            threads: size,
            alive: Arc::new(CountU64::new(size as u64)),
            keep: size,
            seats: vec![Seat::Taken; size],
        }
    }

    fn take(&mut self, index: usize, seat: Seat) {
        self.seats[index] = seat;
        self.set_threads(self.threads + 1);
    }

    fn set_threads(&mut self, threads: usize) {
        self.threads = threads;
        self.alive.store(threads as u64, Ordering::Relaxed);
    }

    /// The number of threads, to be read without the lock.
    pub(crate) fn alive(&self) -> Arc<CountU64> {
        Arc::clone(&self.alive)
    }

    /// How many threads there are, with those that are leaving and will come back. Only who is started or leaves changes it,
    /// so nobody has to look again when one of them is back.
    fn staff(&self) -> usize {
        let coming = self.seats.iter().filter(|&&seat| seat == Seat::Wanted);
        self.threads + coming.count()
    }

    /// Whether one more thread may be started where there are to be so many at most.
    pub(crate) fn has_room(&self, max_threads: usize) -> bool {
        self.threads < max_threads && self.staff() < max_threads
    }

    /// A spare is about to be started: its index.
    pub(crate) fn admit(&mut self) -> usize {
        let free = self.seats.iter().position(|&seat| seat == Seat::Empty);
        let index = free.unwrap_or_else(|| {
            self.seats.push(Seat::Empty);
            self.seats.len() - 1
        });
        self.take(index, Seat::Starting);
        self.keep += 1;
        index
    }

    /// A thread begins.
    pub(crate) fn arrive(&mut self, index: usize) {
        if self.seats[index] == Seat::Starting {
            self.seats[index] = Seat::Taken;
        }
    }

    /// Whether a spare with an index below `size` is being started.
    pub(crate) fn is_starting_below(&self, size: usize) -> bool {
        self.seats
            .iter()
            .take(size)
            .any(|&seat| seat == Seat::Starting)
    }

    /// A thread did not start, or has ended with its pool.
    pub(crate) fn dismiss(&mut self, index: usize) {
        if self.seats[index] == Seat::Starting {
            // A spare. For one that the pool was to grow by, the pool's size is put back.
            self.keep -= 1;
        }
        self.seats[index] = Seat::Empty;
        self.set_threads(self.threads - 1);
    }

    /// The pool changes its size: the indices to start threads for, and how many that were leaving will
    /// come back.
    pub(crate) fn resize(&mut self, before: usize, size: usize) -> (Vec<usize>, usize) {
        self.keep = (self.keep + size).saturating_sub(before);
        while self.seats.len() < size {
            self.seats.push(Seat::Empty);
        }
        let mut rejoin = 0;
        let mut start = Vec::new();
        for index in 0..size {
            match self.seats[index] {
                Seat::Empty => {
                    self.take(index, Seat::Taken);
                    start.push(index);
                }
                Seat::Leaving => {
                    self.seats[index] = Seat::Wanted;
                    rejoin += 1;
                }
                Seat::Starting | Seat::Taken | Seat::Wanted => {}
            }
        }
        (start, rejoin)
    }

    /// Whether the thread `index`, which is in bed, is one too many; it is leaving then.
    pub(crate) fn lets_go(&mut self, index: usize, size: usize) -> bool {
        let surplus = index >= size && self.staff() > self.keep;
        if surplus {
            self.seats[index] = Seat::Leaving;
            self.set_threads(self.threads - 1);
        }
        surplus
    }

    /// A leaving thread is gone, or back (`true`).
    pub(crate) fn part(&mut self, index: usize) -> bool {
        let back = self.seats[index] == Seat::Wanted;
        if back {
            self.take(index, Seat::Taken);
        } else {
            self.seats[index] = Seat::Empty;
        }
        back
    }
}

#[cfg(all(test, not(any(loom, windrow_shuttle))))]
mod tests {
    use super::*;

    /// Of three threads that are there, all but the first are leaving; the pool had shrunk to one.
    fn leaving() -> Roster {
        let mut roster = Roster::new(3);
        assert_eq!(roster.resize(3, 1), (Vec::new(), 0));
        assert!(roster.lets_go(2, 1) && roster.lets_go(1, 1));
        assert!(!roster.lets_go(0, 1));
        roster
    }

    #[test]
    fn those_that_will_come_back_take_room() {
        let mut roster = leaving();
        assert_eq!(roster.threads, 1);
        // Nobody is needed anew: the two come back.
        assert_eq!(roster.resize(1, 3), (Vec::new(), 2));
        assert!(!roster.has_room(3) && roster.has_room(4));
        // One is back, the other still on its way.
        assert!(roster.part(1));
        assert!(!roster.has_room(3) && roster.has_room(4));
        assert!(roster.part(2));
        assert!(!roster.has_room(3) && roster.has_room(4));
    }

    #[test]
    fn a_spare_that_did_not_start_is_not_kept_for() {
        let mut roster = Roster::new(2);
        let spare = roster.admit();
        assert_eq!((spare, roster.threads), (2, 3));
        roster.dismiss(spare);
        // The seat is free again, and a spare more would be too many if the size were lower by one.
        assert_eq!(roster.admit(), spare);
        roster.dismiss(spare);
        assert_eq!(roster.resize(2, 1), (Vec::new(), 0));
        assert!(roster.lets_go(1, 1));
        assert!(!roster.lets_go(0, 0));
    }

    #[test]
    fn what_a_pool_cannot_grow_by_is_put_back_once() {
        let mut roster = Roster::new(2);
        let spare = roster.admit();
        roster.arrive(spare);
        // It was to be five: one more starts, and two do not.
        assert_eq!(roster.resize(2, 5), (vec![3, 4], 0));
        roster.dismiss(3);
        roster.dismiss(4);
        assert_eq!(roster.resize(5, 2), (Vec::new(), 0));
        assert!(!roster.lets_go(spare, 2), "two and a spare are to stay");
    }

    #[test]
    fn a_spare_is_starting_until_it_begins() {
        let mut roster = Roster::new(1);
        let spare = roster.admit();
        assert!(roster.is_starting_below(2) && !roster.is_starting_below(1));
        roster.arrive(spare);
        assert!(!roster.is_starting_below(2));
    }

    #[test]
    fn spares_stay_when_the_pool_shrinks_and_make_room_for_nobody_else() {
        let mut roster = Roster::new(2);
        assert_eq!(roster.admit(), 2);
        assert_eq!(roster.resize(2, 1), (Vec::new(), 0));
        assert!(roster.lets_go(2, 1), "the highest one in bed");
        assert!(!roster.part(2));
        assert!(
            !roster.lets_go(1, 1),
            "two are to stay: one of the pool, and a spare"
        );
    }
}
