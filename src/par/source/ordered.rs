//! A stream: items from a sequential iterator, worked on in parallel, results in order on the calling thread.

use crate::par::debug::debug_fields;
use crate::par::plumbing::in_pool;
use crate::par::source::bridge::IterBridge;
use crate::pool::ThreadPool;
use crate::scatter::{Run, gather};
use crate::scheduler::Registry;
use crate::sync::Arc;
use crate::unwind::{self, Payload};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::panic::resume_unwind;

impl<I> IterBridge<I>
where
    I: Iterator<Item: Send> + Send,
{
    /// Keeps the order of the items, with at most `ahead` of them under way: taken from the iterator, and the result not
    /// handed over yet. What is done with them comes next: [`map`](Ordered::map).
    ///
    /// This is for long streams, whose results are used in order as they come. Where all results are collected, a
    /// source with an index ([`par_iter`](crate::iter::IntoParallelRefIterator::par_iter), ...) is faster.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let lines = ["3", "1", "2"].into_iter();
    /// let mut previous = 0;
    /// lines.par_bridge().ordered(16).map(|line| line.parse::<i32>().unwrap()).for_each(|number| {
    ///     println!("{number} after {previous}"); // 3 after 0, 1 after 3, 2 after 1
    ///     previous = number;
    /// });
    /// assert_eq!(previous, 2);
    /// ```
    ///
    /// # Panics
    /// If `ahead` is 0.
    #[track_caller]
    pub fn ordered(self, ahead: usize) -> Ordered<I> {
        assert!(ahead > 0, "`ordered(0)` would let no item through");
        Ordered {
            items: self.into_inner(),
            ahead,
            pool: None,
        }
    }
}

/// Items that keep their order; made by [`ordered`](IterBridge::ordered).
#[must_use = "it does nothing until its results are consumed"]
pub struct Ordered<I> {
    items: I,
    ahead: usize,
    pool: Option<Arc<Registry>>,
}

impl<I> Ordered<I>
where
    I: Iterator<Item: Send>,
{
    /// Works in `pool`, as [`on`](crate::iter::ParallelIterator::on).
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let pool = windrow::ThreadPool::new(2)?;
    /// let lens: Vec<usize> = ["hay", "straw"].into_iter().par_bridge().ordered(4).on(&pool).map(str::len).collect();
    /// assert_eq!(lens, [3, 5]);
    /// # Ok::<(), windrow::BuildError>(())
    /// ```
    pub fn on(mut self, pool: &ThreadPool) -> Self {
        self.pool = Some(pool.registry().shared());
        self
    }

    /// Calls `op` with each item, in parallel: a task for each, so an item should take a microsecond or more.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let squares: Vec<u32> = (1..=4_u32).par_bridge().ordered(2).map(|n| n * n).collect();
    /// assert_eq!(squares, [1, 4, 9, 16]);
    /// ```
    pub fn map<F, R>(self, op: F) -> OrderedMap<I, F>
    where
        F: Fn(I::Item) -> R + Sync,
        R: Send,
    {
        OrderedMap { source: self, op }
    }
}

/// Results in the order of their items; made by [`Ordered::map`].
///
/// The iterator and the consumer run on the calling thread; it helps with the items while it waits. A panic of
/// `op` surfaces when it is the turn of its item: results before it have been handed over, then the loop ends.
#[must_use = "it does nothing until its results are consumed"]
pub struct OrderedMap<I, F> {
    source: Ordered<I>,
    op: F,
}

/// Results that wait for those before them.
struct Window<R, K, E> {
    /// From the next one in order on; none where the result is not there yet.
    results: VecDeque<Option<Result<R, Payload>>>,
    /// How many have been handed over.
    given: usize,
    sink: K,
    /// Why no more are handed over.
    end: Option<End<E>>,
}

enum End<E> {
    Panic(Payload),
    Error(E),
}

impl<R, K, E> Window<R, K, E>
where
    K: FnMut(R) -> Result<(), E>,
{
    /// A result has come: hands over what is next in order.
    fn take(&mut self, index: usize, result: Result<R, Payload>) {
        let place = index - self.given;
        if self.results.len() <= place {
            self.results.resize_with(place + 1, || None);
        }
        self.results[place] = Some(result);
        while let (None, Some(Some(_))) = (&self.end, self.results.front()) {
            let next = self.results.pop_front().flatten();
            self.given += 1;
            self.end = match next.expect("it has just been seen") {
                Ok(result) => (self.sink)(result).err().map(End::Error),
                Err(payload) => Some(End::Panic(payload)),
            };
        }
    }
}

impl<I, F, R> OrderedMap<I, F>
where
    I: Iterator<Item: Send>,
    F: Fn(I::Item) -> R + Sync,
    R: Send,
{
    /// Calls `consumer` with each result, in order, on the calling thread.
    ///
    /// # Panics
    /// If the iterator, `op` or `consumer` panics; no further item is taken then.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let mut text = String::new();
    /// ["to", "be"].into_iter().par_bridge().ordered(2).map(str::to_uppercase).for_each(|word| text += &word);
    /// assert_eq!(text, "TOBE");
    /// ```
    pub fn for_each(self, mut consumer: impl FnMut(R)) {
        let done: Result<(), Infallible> = self.try_for_each(move |result| {
            consumer(result);
            Ok(())
        });
        let Ok(()) = done;
    }

    /// [`for_each`](Self::for_each) with a consumer that may fail: no further item is taken then, what has not begun
    /// is dropped, and the error is returned when what has begun is over.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let mut seen = 0;
    /// let result = (0..).par_bridge().ordered(8).map(|x| x * x).try_for_each(|square| {
    ///     seen += 1;
    ///     if square < 100 { Ok(()) } else { Err(square) }
    /// });
    /// assert_eq!((result, seen), (Err(100), 11));
    /// ```
    ///
    /// # Errors
    /// The consumer's.
    ///
    /// # Panics
    /// As [`for_each`](Self::for_each).
    pub fn try_for_each<E>(self, consumer: impl FnMut(R) -> Result<(), E>) -> Result<(), E> {
        let Self { source, op } = self;
        let Ordered { items, ahead, pool } = source;
        let mut window = Window {
            results: VecDeque::new(),
            given: 0,
            sink: consumer,
            end: None,
        };
        let op = &op;
        // Not the run's own: it would drop all of it at once if a result that comes too late panics in its drop.
        let ran = unwind::catch(|| {
            in_pool(pool.as_deref(), None, |_| {
                gather(&mut window, |run: &mut Run<'_, '_, _, Infallible>| {
                    run.max_outstanding(ahead);
                    let mut items = items.enumerate();
                    let mut taken = 0;
                    loop {
                        while taken - run.state().given >= ahead && !run.is_cancelled() {
                            let Ok(_) = run.gather_one();
                        }
                        let next = if run.is_cancelled() {
                            None
                        } else {
                            items.next()
                        };
                        let Some((index, item)) = next else {
                            break;
                        };
                        taken += 1;
                        run.scatter(
                            move || unwind::catch(|| op(item)),
                            move |window: &mut &mut Window<_, _, _>, run, result| {
                                window.take(index, result);
                                if window.end.is_some() {
                                    run.cancel();
                                }
                            },
                        );
                    }
                });
            })
        });
        let (end, panic) = match (window.end, ran) {
            (Some(End::Panic(first)), ran) => (None, Some((first, ran.err()))),
            (end, Err(payload)) => (end, Some((payload, None))),
            (end, Ok(())) => (end, None),
        };
        if let Some((first, second)) = panic {
            unwind::discard_each([end]);
            unwind::discard_each([second]);
            unwind::discard_each(window.results);
            unwind::discard_each([window.sink]);
            resume_unwind(first);
        }
        match end {
            Some(End::Error(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// The results in a collection.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let squares: Vec<u32> = (0..5).par_bridge().ordered(2).map(|x| x * x).collect();
    /// assert_eq!(squares, [0, 1, 4, 9, 16]);
    /// ```
    ///
    /// # Panics
    /// As [`for_each`](Self::for_each).
    pub fn collect<C: Default + Extend<R>>(self) -> C {
        let mut all = C::default();
        match unwind::catch(|| self.for_each(|result| all.extend([result]))) {
            Ok(()) => all,
            Err(payload) => {
                unwind::discard_each([all]);
                resume_unwind(payload)
            }
        }
    }
}

impl<I, F> fmt::Debug for OrderedMap<I, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrderedMap")
            .field("ahead", &self.source.ahead)
            .finish_non_exhaustive()
    }
}

debug_fields!([I] Ordered<I> { ahead });
