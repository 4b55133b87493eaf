//! Runs work that is found on the way: a list that grows and shrinks, and of which the later half can be
//! taken off at any time.
//!
//! # Sharing
//! The owner goes through its list step by step. Whenever its board has no fork to offer
//! ([`Participant::wants_fork`]) it takes off the later half of the list and forks it, and goes on with the
//! rest one frame deeper: `fold` takes what is left here, then the other half's part is appended. So order is
//! kept, and a list is cut only where somebody may take the other half.
//!
//! # Depth
//! A list that is fed as fast as it is robbed could be cut any number of times, each a frame deeper; and a
//! thread that waits for a thief takes part in what that has forked, on top of its own frames. So forks count
//! their *level*, that of the fork that they are in and one more. At [`DEEPEST`] a piece stops and leaves
//! what it has not done to whoever waits for it, who leaves it to the next, down to the loop's first frame.
//! There the work goes on. What has been left is a row of lists and of parts that are finished, in order.

use crate::par::plumbing::driver::{OnUnwind, in_pool};
use crate::par::plumbing::{Consumer, Fork};
use crate::scheduler::Participant;
use crate::sim::Sim;
use crate::sync::{AtomicBool, Ordering, now};
use std::mem::forget;
use std::time::Duration;

/// Forks within forks, at most. A frame is some hundred bytes, and as much again as the fold.
const DEEPEST: usize = 64;

/// What a thread does, at least, before it cuts its list: a theft costs a part of that.
const BETWEEN_CUTS: Duration = Duration::from_micros(5);

/// Work to do, in order.
pub(crate) trait Worklist: Sized + Send {
    /// What the steps give.
    type Item;

    /// Its steps are so long that it is worth cutting before the first.
    const COARSE: bool;

    /// Takes the first step.
    fn step(&mut self) -> Step<Self::Item>;

    /// Nothing is left, so that the next step would be the end.
    fn is_empty(&self) -> bool;

    /// Takes off about half of the work: what comes last.
    fn split_off(&mut self) -> Option<Self>;
}

/// What comes of a step.
#[derive(Debug)]
pub(crate) enum Step<T> {
    Item(T),
    /// No item, but there may be more steps.
    Nothing,
    /// Nothing is left.
    End,
}

/// Something of a row that is not done yet.
enum Rest<L, P> {
    List(L),
    Part(P),
}

type Row<L, C> = Vec<Rest<L, <C as Consumer<<L as Worklist>::Item>>::Part>>;

/// Runs a whole list as a piece that `fold` has begun. `list` is called in the pool.
pub(crate) fn drive_worklist<L, C>(
    list: impl FnOnce(&Participant) -> L,
    consumer: &C,
    fold: C::Fold,
) -> C::Fold
where
    L: Worklist,
    C: Consumer<L::Item>,
{
    in_pool(None, None, |here| {
        let work = Work { consumer };
        let mut fold = fold;
        // The last of them is the first to do.
        let mut row: Row<L, C> = vec![Rest::List(list(here))];
        while let Some(first) = row.pop() {
            match first {
                Rest::Part(part) => fold = consumer.append(fold, part),
                Rest::List(list) => {
                    let mut left = Vec::new();
                    fold = work.own(here, list, fold, 0, &mut left);
                    row.extend(left.into_iter().rev());
                }
            }
        }
        fold
    })
}

struct Work<'c, C> {
    consumer: &'c C,
}

impl<C> Work<'_, C> {
    /// Goes through a list until it is done, or too deep; then the rest is added to the (empty) row `left`.
    fn own<L>(
        &self,
        here: &Participant,
        mut list: L,
        mut fold: C::Fold,
        level: usize,
        left: &mut Row<L, C>,
    ) -> C::Fold
    where
        L: Worklist,
        C: Consumer<L::Item>,
    {
        let since = (!L::COARSE && Sim::now().is_none()).then(now);
        loop {
            if self.consumer.is_stopped(&fold) {
                if !list.is_empty() {
                    self.consumer.cut_short();
                }
                // Before anything is returned, see `Consumer::take_iter`.
                drop(list);
                break;
            }
            here.promote_if_wanted();
            if here.wants_fork() && since.is_none_or(|since| now() - since >= BETWEEN_CUTS) {
                if level == DEEPEST {
                    left.push(Rest::List(list));
                    break;
                }
                if let Some(later) = list.split_off() {
                    fold = self.share(here, list, later, fold, level + 1, left);
                    break;
                }
            }
            match list.step() {
                Step::Item(item) => {
                    let at = self.consumer.at(&fold).step;
                    self.consumer.reach(&mut fold, at);
                    fold = self.consumer.take(fold, item);
                }
                Step::Nothing => {}
                Step::End => break,
            }
        }
        // Whatever comes next is of another piece.
        self.consumer.pause(&mut fold);
        fold
    }

    /// Goes on with a list, while `later` is open to others.
    fn share<L>(
        &self,
        here: &Participant,
        list: L,
        later: L,
        fold: C::Fold,
        level: usize,
        left: &mut Row<L, C>,
    ) -> C::Fold
    where
        L: Worklist,
        C: Consumer<L::Item>,
    {
        // Relaxed: it is only about where the list is run.
        let leaving = AtomicBool::new(false);
        let fork = Fork::new(self.consumer.at(&fold));
        let (fold, right) = here.fork_join(
            || {
                let unwinding = OnUnwind(|| self.consumer.panicked());
                let fold = self.own(here, list, fold, level, left);
                forget(unwinding);
                leaving.store(!left.is_empty(), Ordering::Relaxed);
                fork.left_is_over(self.consumer.is_settled(&fold));
                fold
            },
            || {
                if leaving.load(Ordering::Relaxed) {
                    vec![Rest::List(later)]
                } else {
                    self.run_elsewhere(&fork, later, level)
                }
            },
        );
        let mut right = right.into_iter();
        let mut fold = fold;
        if left.is_empty() {
            match right.next() {
                Some(Rest::Part(part)) => fold = self.consumer.append(fold, part),
                rest => left.extend(rest),
            }
        }
        left.extend(right);
        fold
    }

    /// A piece of its own on the right of a fork, on whichever thread this is: its part, and what it leaves.
    fn run_elsewhere<L>(&self, fork: &Fork, list: L, level: usize) -> Row<L, C>
    where
        L: Worklist,
        C: Consumer<L::Item>,
    {
        // SAFETY: a forked job runs on a participant of its pool.
        let here = unsafe { &*Participant::current() };
        let mut left = Vec::new();
        let unwinding = OnUnwind(|| self.consumer.panicked());
        // SAFETY: the piece is finished here, in the fork.
        let place = unsafe { fork.right(0) };
        let fold = self.own(here, list, self.consumer.begin(place), level, &mut left);
        let part = Rest::Part(self.consumer.finish(fold));
        forget(unwinding);
        left.insert(0, part);
        left
    }
}
