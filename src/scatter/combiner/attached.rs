//! The owner's side of a combiner: its handler, and when it is flushed.

use crate::scatter::Handled;
use crate::scatter::combiner::places::Places;
use crate::scatter::combiner::{Combiner, CombinerHandle, Settings};
use crate::scatter::core::Scatter;
use crate::scatter::receive::Context;
use crate::scatter::shared::Shared;
use crate::sync::{Arc, Ordering};
use crate::task::sheaf::Sheaf;
use crate::unwind::{self, Payload};
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::rc::Rc;
use std::time::Instant;

/// What a run asks of its combiners.
pub(in crate::scatter) trait Flushable {
    fn home(&self) -> &Home;
    /// The places that have got something since their last flush.
    fn unflushed(&self) -> Vec<usize>;
    /// Those whose time has come, and whether their instance is to go; sets the timer for the others.
    fn due(&self) -> Vec<(usize, bool)>;
    /// The part that does the flushing, on any thread.
    fn flusher(&self, index: usize, drop_it: bool) -> Flusher;
    /// Drops all instances: the run is over. What has not been flushed is forfeited.
    fn end(&self) -> Vec<Payload>;
    /// Drops the handler; nothing calls it any more.
    fn release(&self) -> Option<Payload>;
}

/// One flush, on its way.
pub(in crate::scatter) struct Flusher {
    places: *const (),
    index: usize,
    drop_it: bool,
    flush: unsafe fn(*const (), usize, bool),
}

// SAFETY: a shared reference to `Places`, which are `Sync`; the run keeps them as long as this is on its way.
unsafe impl Send for Flusher {}

impl Flusher {
    pub(in crate::scatter) fn flush(self) {
        // SAFETY: the run keeps the combiner until this has come back.
        unsafe { (self.flush)(self.places, self.index, self.drop_it) };
    }
}

unsafe fn flush_places<C: Combiner>(places: *const (), index: usize, drop_it: bool) {
    // SAFETY: of this type, by contract.
    unsafe { &*places.cast::<Places<'_, C>>() }.flush(index, drop_it);
}

/// The owner's side of a combiner.
pub(in crate::scatter) struct Attached<'env, C: Combiner, H> {
    places: Arc<Places<'env, C>>,
    /// What that points to, until the end.
    handler: Cell<Option<Rc<RefCell<H>>>>,
    home: Home,
}

/// The sheaves of a combiner, as far as the owner has them in hand.
#[derive(Default)]
pub(in crate::scatter) struct Home {
    /// The one that was begun last, which may be open still.
    pub(in crate::scatter) open: Cell<Option<NonNull<Sheaf<'static>>>>,
    free: RefCell<Vec<NonNull<Sheaf<'static>>>>,
}

impl Home {
    /// One that has come back.
    pub(in crate::scatter) fn take_free(&self) -> Option<NonNull<Sheaf<'static>>> {
        self.free.borrow_mut().pop()
    }

    pub(in crate::scatter) fn put_back(&self, sheaf: NonNull<Sheaf<'static>>) {
        if self.open.get() == Some(sheaf) {
            self.open.set(None);
        }
        self.free.borrow_mut().push(sheaf);
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for sheaf in self.free.take() {
            // SAFETY: it was a box, leaked by the owner, and is nobody else's any more.
            drop(unsafe { Box::from_raw(sheaf.as_ptr()) });
        }
    }
}

/// Calls the handler of a combiner with an emission.
///
/// # Safety
/// `handler` is a `RefCell<H>`, `value` an `Option<T>`, `cx` the context of the run with these types.
unsafe fn receive_emission<'env, S, E, T, H, R>(handler: *const (), value: *mut (), cx: *mut ())
where
    H: FnMut(&mut S, &Scatter<'env, S, E>, T) -> R,
    R: Handled<E>,
{
    // SAFETY: by contract, alive, and touched by the owner alone.
    let handler = unsafe { &*handler.cast::<RefCell<H>>() };
    // SAFETY: by contract, and nobody else's.
    let value = unsafe { &mut *value.cast::<Option<T>>() };
    // SAFETY: as above.
    let cx = unsafe { &mut *cx.cast::<Context<'_, 'env, S, E>>() };
    let Some(value) = value.take() else { return };
    if cx.scatter.is_cancelled() {
        if let Some(payload) = unwind::drop_quietly(value) {
            cx.scatter.keep_panic(payload);
        }
        return;
    }
    let handled = (handler.borrow_mut())(cx.state, cx.scatter, value);
    cx.handled = Some(handled.into_result());
}

impl<'env, C: Combiner + 'env, H: 'env> Attached<'env, C, H> {
    pub(in crate::scatter) fn new<S, E, R>(
        run: &Arc<Shared>,
        factory: Box<dyn Fn() -> C + Send + Sync + 'env>,
        handler: H,
    ) -> Self
    where
        H: FnMut(&mut S, &Scatter<'env, S, E>, C::Output) -> R,
        R: Handled<E>,
    {
        // Counted, and not a box: to move a box says that nothing else points to what is in it.
        let handler = Rc::new(RefCell::new(handler));
        let receive = receive_emission::<S, E, C::Output, H, R>;
        let address = Rc::as_ptr(&handler).cast();
        let places = Arc::new(Places::new(run, factory, receive, address));
        Self {
            places,
            handler: Cell::new(Some(handler)),
            home: Home::default(),
        }
    }

    /// `index` is its number among the run's combiners.
    pub(in crate::scatter) fn handle(&self, index: usize) -> CombinerHandle<'env, C::Input> {
        let places = Arc::clone(&self.places);
        CombinerHandle {
            index,
            run: Arc::clone(&self.places.run),
            inner: places as Arc<dyn Settings<C::Input> + 'env>,
        }
    }
}

impl<C: Combiner, H> Flushable for Attached<'_, C, H> {
    fn home(&self) -> &Home {
        &self.home
    }

    fn unflushed(&self) -> Vec<usize> {
        let has_some = |&index: &usize| {
            let place = self.places.places[index].lock();
            place.instance.as_ref().is_some_and(|i| i.unflushed > 0)
        };
        (0..self.places.places.len()).filter(has_some).collect()
    }

    fn due(&self) -> Vec<(usize, bool)> {
        let places = &self.places;
        let holds = *places.holds.lock();
        let now = places.run.registry.clock.now();
        // Whoever puts an instance back after this sets the timer; what was there before is seen here.
        places.disarm(now);
        let (mut due, mut next) = (Vec::new(), None);
        for (index, place) in places.places.iter().enumerate() {
            let place = place.lock();
            let Some(instance) = &place.instance else {
                // One that is busy sets the timer when it is put back.
                continue;
            };
            let Some(at) = holds.due(&instance.since) else {
                continue;
            };
            if at <= now {
                let idle = instance
                    .since
                    .last
                    .and_then(|last| last.checked_add(holds.idle_timeout));
                due.push((index, idle.is_some_and(|idle| idle <= now)));
            } else {
                next = Some(next.map_or(at, |next: Instant| next.min(at)));
            }
        }
        places.arm(next);
        due
    }

    fn flusher(&self, index: usize, drop_it: bool) -> Flusher {
        Flusher {
            places: Arc::as_ptr(&self.places).cast(),
            index,
            drop_it,
            flush: flush_places::<C>,
        }
    }

    fn end(&self) -> Vec<Payload> {
        self.places.stop();
        let mut panics = Vec::new();
        for place in &self.places.places {
            let mut place = place.lock();
            let Some(instance) = place.instance.take() else {
                continue;
            };
            place.stats.forfeited += instance.unflushed;
            drop(place);
            self.places.live.fetch_sub(1, Ordering::Relaxed);
            panics.extend(unwind::drop_quietly(instance));
        }
        panics
    }

    fn release(&self) -> Option<Payload> {
        unwind::drop_quietly(self.handler.take())
    }
}
