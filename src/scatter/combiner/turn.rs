//! A thread's turn at a place of a combiner, with one input or with a swath of them.

use crate::clock;
use crate::scatter::combiner::places::{Instance, Places, Since, seat_here};
use crate::scatter::combiner::{Combiner, Emit};
use crate::sync::Ordering;
use crate::task::counter::Owner;
use crate::task::entry::Entry;
use crate::task::sheaf::Barn;
use crate::unwind::{self, Payload};
use std::time::Duration;

/// The time in which a thread has a place for itself.
pub(super) struct Turn<'p, 'env, C: Combiner> {
    places: &'p Places<'env, C>,
    index: usize,
    instance: Option<Box<Instance<C>>>,
    made: u64,
    emitted: u64,
    lost: u64,
}

impl<'p, 'env, C: Combiner> Turn<'p, 'env, C> {
    pub(super) fn new(
        places: &'p Places<'env, C>,
        index: usize,
        instance: Option<Box<Instance<C>>>,
    ) -> Self {
        Self {
            places,
            index,
            instance,
            made: 0,
            emitted: 0,
            lost: 0,
        }
    }

    pub(super) fn combine(&mut self, input: C::Input, here: Owner) {
        let places = self.places;
        let instance = match &mut self.instance {
            Some(instance) => instance,
            none => {
                // If this panics, the input is all that is lost.
                self.lost += 1;
                let combiner = (places.factory)();
                self.lost -= 1;
                places.live.fetch_add(1, Ordering::Relaxed);
                none.insert(Box::new(Instance {
                    combiner,
                    since: Since::default(),
                    unflushed: 0,
                }))
            }
        };
        instance.unflushed += 1;
        if places.timed.load(Ordering::Relaxed) {
            let now = places.run.registry.clock.now();
            instance.since.first.get_or_insert(now);
            instance.since.last = Some(now);
        }
        let emitted = &mut self.emitted;
        let mut emit = |value| places.emit(value, here, emitted);
        instance
            .combiner
            .combine(input, &mut Emit { emit: &mut emit });
        self.made += 1;
    }

    pub(super) fn flush(&mut self, here: Owner) {
        if let Some(instance) = &mut self.instance {
            let (places, emitted) = (self.places, &mut self.emitted);
            let mut emit = |value| places.emit(value, here, emitted);
            instance.combiner.flush(&mut Emit { emit: &mut emit });
            self.places.places[self.index].lock().stats.flushed +=
                std::mem::take(&mut instance.unflushed);
            instance.since.first = None;
        }
    }

    /// Feeds `next` and what others leave meanwhile, until there is no more, and gives the place back. Returns the
    /// first panic.
    pub(super) fn end(
        mut self,
        mut next: Option<C::Input>,
        mut panic: Option<Payload>,
        here: Owner,
    ) -> Option<Payload> {
        while let Some(input) = next {
            if let Err(payload) = unwind::catch(|| self.combine(input, here)) {
                self.fail();
                match panic {
                    None => panic = Some(payload),
                    Some(_) => unwind::discard(payload),
                }
            }
            next = self.go_on();
        }
        panic
    }

    /// The user's code has panicked: the instance goes, with what is in it.
    pub(super) fn fail(&mut self) {
        if let Some(payload) = self.drop_instance() {
            unwind::discard(payload);
        }
    }

    pub(super) fn drop_instance(&mut self) -> Option<Payload> {
        let instance = self.instance.take()?;
        self.lost += instance.unflushed;
        self.places.live.fetch_sub(1, Ordering::Relaxed);
        unwind::drop_quietly(instance)
    }

    /// The next input that others have left; or the place is idle again.
    pub(super) fn go_on(&mut self) -> Option<C::Input> {
        let mut place = self.places.places[self.index].lock();
        place.stats.combined += std::mem::take(&mut self.made);
        place.stats.emitted += std::mem::take(&mut self.emitted);
        place.stats.forfeited += std::mem::take(&mut self.lost);
        let next = place.pending.pop_front();
        if next.is_none() {
            let timed = self.places.timed.load(Ordering::Relaxed);
            let since = self.instance.as_ref().filter(|_| timed).map(|i| i.since);
            place.instance = self.instance.take();
            place.busy = false;
            drop(place);
            if let Some(since) = since {
                let due = self.places.holds.lock().due(&since);
                self.places.arm(due);
            }
        }
        next
    }
}

/// Swaths that take less are short: taking more tasks along costs nobody much time.
const SHORT: Duration = Duration::from_micros(5);
/// The most tasks a thread takes at a time. Others can have those beyond.
const LARGEST: usize = 32;

impl<C: Combiner> Barn for Places<'_, C> {
    fn open(&self, tasks: usize, work: &mut dyn FnMut(*mut ())) -> Option<Payload> {
        let since = clock::now();
        let (seat, here) = seat_here();
        // A single task may be long: then others, and the hold times, are to find the place free meanwhile; and which
        // place it is to be is only known when there is a result, if instances are delayed.
        let turn = if tasks > 1 && !self.delayed.load(Ordering::Relaxed) {
            self.turn(self.place_here(seat))
        } else {
            None
        };
        let panic = match turn {
            Some(mut turn) => {
                let mut feed = |input| {
                    if let Err(payload) = unwind::catch(|| turn.combine(input, here)) {
                        turn.fail();
                        std::panic::resume_unwind(payload);
                    }
                };
                let mut sink: &mut dyn FnMut(C::Input) = &mut feed;
                work((&raw mut sink).cast());
                let next = turn.go_on();
                turn.end(next, None, here)
            }
            None => {
                let mut feed = |input| self.put(input);
                let mut sink: &mut dyn FnMut(C::Input) = &mut feed;
                work((&raw mut sink).cast());
                None
            }
        };
        let took = clock::now().saturating_duration_since(since);
        let pace = self.pace.load(Ordering::Relaxed);
        if took > 2 * SHORT {
            self.pace.store(1, Ordering::Relaxed);
        } else if took < SHORT && tasks >= pace && pace < LARGEST {
            self.pace.store(pace * 2, Ordering::Relaxed);
        }
        panic
    }

    fn requeue(&self, entry: Entry) {
        self.run.registry.submit(entry);
    }

    fn swath(&self) -> usize {
        self.pace.load(Ordering::Relaxed)
    }
}
