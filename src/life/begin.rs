//! From submission to the queue.

use crate::cancel::{CancelToken, OnCancel};
use crate::life::{Attempt, Body, Life, Options, Record, Start, next_id};
use crate::metrics::{Event, Passage};
use crate::priority::Priority;
use crate::rate_limit::RateLimit;
use crate::scheduler::Registry;
use crate::sync::Weak;
use crate::sync::{Arc, Mutex};
use crate::task::counter::Counter;
use crate::task::header::Kind;
use crate::task::heap;
use crate::task::node::Node;
use crate::task::phase::Phase;
use crate::task::promise::{self, Dispatch, Living, Setter};
use crate::task::remote::Remote;
use std::cell::UnsafeCell;
use std::ptr;
use std::time::{Duration, Instant};

/// Where a task comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// The node beneath which it lies, or null.
    pub(crate) parent: *const Node,
    /// The counter that has counted it (its node is `parent`), or null.
    pub(crate) counter: *const Counter,
    pub(crate) level: Priority,
    /// Queue the first attempt (else whoever submits it runs it in place).
    pub(crate) queue: bool,
}

/// Starts a task that its pool has accepted.
///
/// # Safety
/// `T` and what `make` returns must stay valid until the life is over: they are `'static`, or `counter` makes
/// sure of it.
pub(crate) unsafe fn begin<T: Send>(
    registry: &Arc<Registry>,
    options: Options,
    origin: Origin,
    make: impl FnOnce(Setter<T>) -> Box<dyn Attempt>,
) -> (Arc<Life>, Remote<T>) {
    let now = registry.clock.now();
    let tokens: Vec<&CancelToken> = options.tokens.iter().collect();
    let token = CancelToken::linked(&tokens);
    let mut made = None;
    let make_life = |promise| {
        let life = Arc::new_cyclic(|me: &Weak<Life>| Life {
            me: me.clone(),
            registry: Arc::clone(registry),
            phase: Phase::new(),
            node: Node::new(origin.parent),
            counter: origin.counter,
            promise,
            id: next_id(),
            name: options.name,
            level: origin.level,
            start: options.start,
            deadline: options.deadline,
            rate: options.rate,
            attachment: options.attachment,
            grace: options.grace.unwrap_or(registry.defaults.grace),
            periodic: options.periodic,
            token,
            hook: options.hook,
            body: UnsafeCell::new(Body {
                attempt: None,
                callback: options.callback,
            }),
            record: Mutex::new(Record {
                submitted_at: now,
                queued_at: None,
                started_at: None,
                running_since: None,
                queue_time: Duration::ZERO,
                run_time: Duration::ZERO,
                attempts: 0,
                worker: None,
                report: None,
                place: usize::MAX,
                deadline_key: None,
                wait_key: None,
                grace_key: None,
                waits: false,
                runs: false,
                holds_slot: options.holds_slot,
                released: false,
                returned: false,
                interrupted: false,
            }),
        });
        made = Some(Arc::clone(&life));
        life as Arc<dyn Living>
    };
    let pool = Arc::as_ptr(registry).cast();
    let counted = !origin.counter.is_null();
    // SAFETY: by contract; the counter counts the life, which settles the promise before it is over.
    let (setter, remote) =
        unsafe { promise::new(origin.parent, counted, pool, registry.process(), make_life) };
    let life = made.expect("made with the promise");
    // SAFETY: nobody else knows of the life yet.
    unsafe { life.body() }.attempt = Some(make(setter));
    life.launch(options.held, origin.queue);
    (life, remote)
}

impl Life {
    fn launch(self: &Arc<Self>, held: bool, queue: bool) {
        let registry = &self.registry;
        registry.tally_here().note(Event::Accepted);
        self.observe(|observer| observer.task_accepted(&self.info()));
        {
            // Under the lock: `shutdown_now` may find it there at once.
            let mut record = self.record.lock();
            let life = Arc::clone(self) as Arc<dyn Living>;
            record.place = registry.ledger.register(life);
        }
        if let Some(at) = self.deadline {
            self.arm_deadline(at);
        }
        let me: Weak<dyn OnCancel> = self.me.clone();
        let fresh = self.token.on_cancel(me);
        if held {
            let mut record = self.record.lock();
            if self.phase.is_waiting() {
                self.set_waiting(&mut record, true);
            }
        } else if queue || self.waits_for_its_time() {
            self.let_go();
        } else {
            let mut record = self.record.lock();
            if self.phase.enqueue() {
                record.queued_at = Some(self.registry.clock.now());
            }
        }
        // `shutdown_now` may have looked before it was registered. Its flag was set before: seen through the ledger's lock.
        // In a pool that has ended, and as a scope's, it is no task of that pool.
        let idle = &registry.idle;
        let overlooked =
            idle.counts().halted() && (self.counter.is_null() || !idle.is_terminated());
        if overlooked {
            Arc::clone(self).interrupt();
        }
        if !fresh {
            self.stop();
        }
    }

    /// Goes on to the queue, or waits for its time.
    pub(crate) fn let_go(self: &Arc<Self>) {
        match self.start {
            Start::At(at) if at > self.registry.clock.now() => self.wait_until(at),
            Start::Never => {
                let mut record = self.record.lock();
                if self.phase.is_waiting() {
                    self.set_waiting(&mut record, true);
                }
            }
            Start::Now | Start::At(_) => {
                self.enqueue();
            }
        }
    }

    fn waits_for_its_time(&self) -> bool {
        match self.start {
            Start::Now => false,
            Start::At(at) => at > self.registry.clock.now(),
            Start::Never => true,
        }
    }

    /// Waits for its time, if nobody has ended it.
    pub(super) fn wait_until(self: &Arc<Self>, at: Instant) {
        let mut record = self.record.lock();
        if self.phase.is_waiting() {
            self.set_waiting(&mut record, true);
            record.wait_key = Some(
                self.registry
                    .timer
                    .add(at, Arc::new(super::early::Wake(Arc::clone(self)))),
            );
        }
    }

    /// Goes to the pool's queue, if nobody has ended it; `true` if so.
    pub(super) fn enqueue(self: &Arc<Self>) -> bool {
        self.enqueue_as(false)
    }

    /// The same; `released` tells that it comes from the line of its rate limit.
    pub(super) fn enqueue_as(self: &Arc<Self>, released: bool) -> bool {
        let mut record = self.record.lock();
        let queued = self.phase.enqueue();
        if queued {
            // Whoever has it from here on, to run or to retire it, asks under the lock. Where somebody has ended it
            // before, nobody may find this set: the line is told by our caller, and only once.
            record.released = released;
            self.set_waiting(&mut record, false);
            record.wait_key = None;
            record.queued_at = Some(self.registry.clock.now());
            drop(record);
            self.push_dispatch();
        }
        queued
    }

    pub(super) fn push_dispatch(self: &Arc<Self>) {
        self.push_one();
        let registry = &self.registry;
        if registry.idle.is_terminated() && registry.place_here().is_none() {
            // A waiter has run it meanwhile, and the pool has ended with it.
            registry.sweep();
        }
    }

    pub(super) fn push_one(self: &Arc<Self>) {
        let registry = &self.registry;
        let origin = heap::Origin {
            parent: &raw const self.node,
            kind: Kind::Dispatch,
            pool: ptr::null(),
            process: registry.process(),
            level: self.level,
        };
        // SAFETY: the dispatch holds the life, and the life's end waits for nothing that it borrows.
        let (entry, remote) =
            unsafe { heap::new(Dispatch(Arc::clone(self) as Arc<dyn Living>), origin) };
        drop(remote);
        registry.tally_here().enter(self.level, Passage::Dispatch);
        registry.submit(entry);
    }

    /// The rate limit and whether the task comes from its line.
    pub(super) fn rate(&self) -> Option<&RateLimit> {
        self.rate.as_ref()
    }
}
