//! From a closure to a task in the queue: who may submit, what happens when the queue is full, and what
//! becomes of a submission that races with the end of the pool.
//!
//! # Racing with the end
//! Threads of the pool may submit until it has drained: it does not end while they are at work. A thread
//! from outside looks whether the pool is closed, publishes its task, and (after the fence of the
//! publication) looks again. If it is closed now, the pool may have looked for the last time before the
//! task was there: the thread takes its task back, through the claim word; if somebody has it already, it
//! was accepted in time. A task with options is submitted during a *visit*, which the pool counts and does
//! not end in.

use crate::clock;
use crate::error::{Failure, Refused, RefusedReason};
use crate::life::{self, Attempt, Life, Once, Options};
use crate::metrics::{Event, Passage};
use crate::policy::QueueFull;
use crate::pool::handle::JoinHandle;
use crate::priority::Priority;
use crate::scheduler::{Capacity, Participant, Registry, blocking};
use crate::sync::Arc;
use crate::task::header::Kind;
use crate::task::heap::{self, Call, Origin};
use crate::task::node::Node;
use crate::task::promise::{Living, Setter};
use crate::task::remote::Remote;
use std::cell::Cell;
use std::ptr;
use std::time::Instant;

/// How long a submitter waits for room in the queue.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// As the pool's policy says.
    Policy,
    /// Not at all.
    None,
    /// Until then; none: for ever.
    Until(Option<Instant>),
}

/// A submission that the pool has let in; dropping it lets the pool end.
#[derive(Debug)]
pub(crate) struct Admitted<'r> {
    registry: &'r Registry,
    visiting: bool,
    /// The submitter is to run the task itself.
    pub(crate) run_here: bool,
    pub(crate) holds_slot: bool,
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if self.visiting {
            self.registry.idle.end_visit(self.registry);
        }
    }
}

fn refuse(registry: &Registry, reason: RefusedReason) -> RefusedReason {
    registry.tally_here().note(Event::Refused);
    reason
}

/// Asks for a task to be let in.
pub(crate) fn admit(
    registry: &Registry,
    patience: Patience,
) -> Result<Admitted<'_>, RefusedReason> {
    let inside = registry.is_at_work_here();
    let mut admitted = Admitted {
        registry,
        visiting: false,
        run_here: false,
        holds_slot: false,
    };
    if inside {
        if registry.idle.counts().halted() {
            return Err(refuse(registry, RefusedReason::Closed));
        }
    } else {
        registry.check_process();
        if !registry.idle.visit(registry) {
            return Err(refuse(registry, RefusedReason::Closed));
        }
        admitted.visiting = true;
    }
    if let Some(capacity) = registry.ledger.capacity() {
        take_slot(registry, capacity, patience, &mut admitted)?;
    }
    Ok(admitted)
}

/// Takes a slot of the queue, as the policy says.
fn take_slot(
    registry: &Registry,
    capacity: &Capacity,
    patience: Patience,
    admitted: &mut Admitted<'_>,
) -> Result<(), RefusedReason> {
    admitted.holds_slot = capacity.try_take();
    if admitted.holds_slot {
        return Ok(());
    }
    let policy = registry.defaults.queue_full;
    let refuses = match patience {
        Patience::None => true,
        Patience::Policy => policy == QueueFull::Refuse,
        Patience::Until(_) => false,
    };
    let full = || RefusedReason::Full {
        capacity: capacity.limit(),
    };
    if refuses {
        return Err(refuse(registry, full()));
    }
    // Who works in the pool, or inside of it, must not wait for room: what it waits for may be itself.
    let exempt = registry.is_inside();
    let deadline = match (patience, policy) {
        (Patience::Until(deadline), _) => deadline,
        (_, QueueFull::BlockFor(time)) => clock::after(time),
        _ => None,
    };
    admitted.run_here =
        !exempt && matches!(patience, Patience::Policy) && policy == QueueFull::CallerRuns;
    if exempt || admitted.run_here {
        capacity.take_anyway();
        admitted.holds_slot = true;
        return Ok(());
    }
    // The pool may end while we wait.
    admitted.visiting = false;
    registry.idle.end_visit(registry);
    let taken = Cell::new(false);
    let over = || {
        taken.set(taken.get() || capacity.try_take());
        taken.get() || registry.idle.counts().closed()
    };
    blocking(|| capacity.room().wait(deadline, over));
    admitted.visiting = registry.idle.visit(registry);
    match (taken.get(), admitted.visiting) {
        (true, true) => {
            admitted.holds_slot = true;
            Ok(())
        }
        (taken, visiting) => {
            if taken {
                registry.ledger.release_slot();
            }
            let reason = if visiting {
                full()
            } else {
                RefusedReason::Closed
            };
            Err(refuse(registry, reason))
        }
    }
}

/// Queues a task of `level`, or of the level that work made on this thread inherits.
pub(crate) fn spawn_on<F, T>(
    registry: &Registry,
    level: Option<Priority>,
    patience: Patience,
    f: F,
) -> Result<JoinHandle<T>, Refused<F>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    if !registry.is_plain() {
        return spawn_minding(registry, level, patience, f);
    }
    match registry.place_here() {
        Some(here) if may_submit(registry, here) => Ok(spawn_here(registry, here, level, f)),
        Some(here) if !here.is_guest() => {
            let reason = refuse(registry, RefusedReason::Closed);
            Err(Refused { reason, task: f })
        }
        here => spawn_outside(registry, here, level, f),
    }
}

/// Whether the calling thread is one of the pool's own, and may still submit to it.
#[inline]
pub(crate) fn may_submit(registry: &Registry, here: &Participant) -> bool {
    !here.is_guest() && !registry.idle.counts().halted()
}

/// A plain task from one of the pool's own threads that may submit.
#[inline]
pub(crate) fn spawn_here<F, T>(
    registry: &Registry,
    here: &Participant,
    level: Option<Priority>,
    f: F,
) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let level = level.unwrap_or_else(|| here.level());
    let (entry, remote) = new_task(registry, level, f);
    here.tally.enter(level, Passage::Spawned);
    here.push_task(entry);
    JoinHandle::from_remote(remote)
}

/// A plain task from a thread that is not the pool's, be it inside as a guest; or from one of the pool's that is
/// elsewhere.
fn spawn_outside<F, T>(
    registry: &Registry,
    here: Option<&Participant>,
    level: Option<Priority>,
    f: F,
) -> Result<JoinHandle<T>, Refused<F>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let closed = || {
        // Not in the word of counts, which would have to be fetched from the worker that has changed it last.
        registry.idle.is_closing()
            && (registry.idle.counts().halted() || !registry.is_at_work_here())
    };
    if closed() {
        let reason = refuse(registry, RefusedReason::Closed);
        return Err(Refused { reason, task: f });
    }
    let inherited = || here.map_or(registry.default_level(), Participant::level);
    let level = level.unwrap_or_else(inherited);
    let (entry, remote) = new_task(registry, level, f);
    match here {
        Some(here) => {
            here.tally.enter(level, Passage::Spawned);
            here.push_task(entry);
        }
        None => {
            registry.ledger.elsewhere.enter(level, Passage::Spawned);
            registry.inject(entry);
        }
    }
    if closed() {
        // See the module: too late, unless somebody has it already.
        if let Some(task) = take_back(registry, &remote, level) {
            let reason = refuse(registry, RefusedReason::Closed);
            return Err(Refused { reason, task });
        }
    }
    Ok(JoinHandle::from_remote(remote))
}

#[inline]
fn new_task<F, T>(
    registry: &Registry,
    level: Priority,
    f: F,
) -> (crate::task::entry::Entry, Remote<T>)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let origin = Origin {
        parent: ptr::null(),
        kind: Kind::Spawned,
        pool: ptr::from_ref(registry).cast(),
        process: registry.process(),
        level,
    };
    // SAFETY: closure and result are `'static`.
    unsafe { heap::new(Call(f), origin) }
}

#[cold]
fn take_back<F, T>(registry: &Registry, remote: &Remote<T>, level: Priority) -> Option<F>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let task = remote.claim(true)?;
    let env = registry.env_elsewhere();
    registry.note_left(level, Kind::Spawned, registry.tally_here());
    // SAFETY: `new_task` has made it of these types.
    let Call(f) = unsafe { heap::reclaim::<Call<F>, T>(task, Failure::Closed, env) };
    // A worker that met its entry meanwhile has kept it, and the pool waits for it.
    registry.idle.look_after(registry);
    Some(f)
}

/// Where the queue has a capacity, or all tasks are measured.
fn spawn_minding<F, T>(
    registry: &Registry,
    level: Option<Priority>,
    patience: Patience,
    f: F,
) -> Result<JoinHandle<T>, Refused<F>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let admitted = match admit(registry, patience) {
        Ok(admitted) => admitted,
        Err(reason) => return Err(Refused { reason, task: f }),
    };
    let level = level.unwrap_or_else(|| registry.level_here());
    if registry.defaults.measured {
        let options = Options {
            level: Some(level),
            ..Options::default()
        };
        let (_, remote) = begin(&admitted, options, ptr::null(), |setter| {
            Box::new(Once::new(move |_: &life::TaskContext<'_>| f(), setter))
        });
        return Ok(JoinHandle::from_remote(remote));
    }
    let (entry, remote) = new_task(registry, level, f);
    registry.tally_here().enter(level, Passage::Spawned);
    if admitted.run_here {
        if let Some(task) = remote.claim(true) {
            // SAFETY: the task's pool, which this visit keeps.
            unsafe { crate::scheduler::run_claimed(registry, task) };
        }
        // Stale by now.
        let _ = entry.take();
    } else {
        registry.submit(entry);
    }
    Ok(JoinHandle::from_remote(remote))
}

/// Begins a task with options that owns what it uses.
pub(crate) fn begin<T: Send + 'static>(
    admitted: &Admitted<'_>,
    mut options: Options,
    parent: *const Node,
    make: impl FnOnce(Setter<T>) -> Box<dyn Attempt>,
) -> (Arc<Life>, Remote<T>) {
    let registry = admitted.registry;
    let level = options.level.unwrap_or_else(|| registry.level_here());
    options.holds_slot = admitted.holds_slot;
    let origin = life::Origin {
        parent,
        counter: ptr::null(),
        level,
        queue: !admitted.run_here,
    };
    // SAFETY: everything is `'static`.
    let (life, remote) = unsafe { life::begin(&registry.shared(), options, origin, make) };
    if admitted.run_here {
        // There is no dispatch in the queue, so this is one: somebody may have ended it already, and then
        // it is retired here.
        Arc::clone(&life).dispatched();
    }
    (life, remote)
}
