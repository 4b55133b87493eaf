//! What the tasks of a group and its owner share.
//!
//! # Who may touch what
//! `state` is behind its lock; under it no user code runs, no task is queued and nobody is woken. The
//! options are set before the group is shared. `node` is what waiters of the group help beneath; each task's
//! life holds the group, so the node is alive as long as one of its tasks.
//!
//! # A task's way
//! It is *entered* (counted), *active* (in the pool: queued, running or waiting for its time) or held by the
//! group's limit, *settled* (its result is here), and *retired* (nothing is left of it). A task may be settled
//! before its handle has been put down here; then whoever puts it down takes the result. It may be retired
//! before whoever has settled it (a token, a deadline) has said so; then that takes the result.

use crate::cancel::CancelToken;
use crate::error::{JoinError, RefusedReason};
use crate::group::TaskError;
use crate::life::{Attempt, Hook, Life, Options};
use crate::park::Parker;
use crate::pool::submit::{self, Patience};
use crate::priority::Priority;
use crate::scheduler::{Awaited, Registry};
use crate::sync::{Arc, Mutex};
use crate::task::node::Node;
use crate::task::promise::Setter;
use crate::task::remote::Remote;
use crate::unwind;
use std::collections::{BTreeMap, VecDeque};

/// How deep a waiter looks into its own deques for tasks of the group.
pub(super) const REACH: usize = 64;

/// See the module.
pub(super) struct Shared<T, E> {
    node: Node,
    pub(super) registry: Arc<Registry>,
    pub(super) token: CancelToken,
    pub(super) fail_fast: bool,
    /// 0 for none.
    pub(super) limit: usize,
    pub(super) level: Option<Priority>,
    state: Mutex<State<T, E>>,
}

// SAFETY: `node` is written when it is made; the rest is `Sync` as far as `T` and `E` are `Send`.
unsafe impl<T: Send, E: Send> Sync for Shared<T, E> {}
// SAFETY: as above.
unsafe impl<T: Send, E: Send> Send for Shared<T, E> {}

struct State<T, E> {
    spawned: usize,
    /// Tasks that are not retired.
    tasks: BTreeMap<usize, Task<T, E>>,
    /// Those of them that the limit counts.
    active: usize,
    /// Those of them that wait for the limit, oldest first.
    held: BTreeMap<usize, Arc<Life>>,
    /// Entered and not settled.
    unsettled: usize,
    /// In the order in which they completed.
    ready: VecDeque<(usize, Result<T, TaskError<E>>)>,
    waiter: Option<Arc<Parker>>,
}

struct Task<T, E> {
    remote: Option<Remote<Result<T, E>>>,
    settled: bool,
    active: bool,
}

impl<T: Send + 'static, E: Send + 'static> Shared<T, E> {
    pub(super) fn new(registry: Arc<Registry>) -> Arc<Self> {
        Arc::new(Self {
            node: Node::root(),
            registry,
            token: CancelToken::new(),
            fail_fast: false,
            limit: 0,
            level: None,
            state: Mutex::new(State {
                spawned: 0,
                tasks: BTreeMap::new(),
                active: 0,
                held: BTreeMap::new(),
                unsettled: 0,
                ready: VecDeque::new(),
                waiter: None,
            }),
        })
    }

    /// A task that the pool did not accept.
    pub(super) fn refuse(&self, reason: &RefusedReason) {
        let mut state = self.state.lock();
        let index = state.spawned;
        state.spawned += 1;
        let error = JoinError::failure(reason.failure());
        // Nobody waits to be woken: whoever spawns has the group, and so is not waiting for it.
        state.ready.push_back((index, Err(TaskError::Lost(error))));
        drop(state);
        if self.fail_fast {
            self.token.cancel();
        }
    }

    pub(super) fn spawn(
        self: &Arc<Self>,
        mut options: Options,
        patience: Patience,
        make: impl FnOnce(Setter<Result<T, E>>) -> Box<dyn Attempt>,
    ) {
        let admitted = match submit::admit(&self.registry, patience) {
            Ok(admitted) => admitted,
            Err(reason) => return self.refuse(&reason),
        };
        let (index, held) = self.enter();
        options.hook = Some((Arc::clone(self) as Arc<dyn Hook>, index));
        options.held = held;
        let parent = &raw const self.node;
        let (life, remote) = submit::begin(&admitted, options, parent, make);
        drop(admitted);
        let mut state = self.state.lock();
        if let Some(task) = state.tasks.get_mut(&index) {
            if task.settled {
                drop(state);
                self.complete(index, remote);
            } else {
                task.remote = Some(remote);
                if held {
                    state.held.insert(index, life);
                    drop(state);
                    self.release_held();
                }
            }
        } else {
            // Retired already, and so settled.
            drop(state);
            self.complete(index, remote);
        }
    }

    /// Counts a task; the limit may want it to be held.
    fn enter(&self) -> (usize, bool) {
        let mut state = self.state.lock();
        let index = state.spawned;
        state.spawned += 1;
        state.unsettled += 1;
        let held = self.limit > 0 && (state.active >= self.limit || !state.held.is_empty());
        if !held {
            state.active += 1;
        }
        let task = Task {
            remote: None,
            settled: false,
            active: !held,
        };
        state.tasks.insert(index, task);
        (index, held)
    }

    /// Lets held tasks go as far as the limit allows.
    fn release_held(&self) {
        loop {
            let mut state = self.state.lock();
            if state.active >= self.limit {
                return;
            }
            let Some((index, life)) = state.held.pop_first() else {
                return;
            };
            let Some(task) = state.tasks.get_mut(&index) else {
                continue;
            };
            task.active = true;
            state.active += 1;
            drop(state);
            // One that is over by now retires, and gives its place back then.
            life.let_go();
        }
    }

    /// A task's result.
    fn complete(&self, index: usize, remote: Remote<Result<T, E>>) {
        let result = match remote.into_result() {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(TaskError::Failed(error)),
            Err(lost) => Err(TaskError::Lost(lost)),
        };
        let failed = matches!(&result, Err(error) if !error.is_cancelled());
        let mut state = self.state.lock();
        state.ready.push_back((index, result));
        state.unsettled -= 1;
        let waiter = state.waiter.clone();
        drop(state);
        wake(waiter);
        if failed && self.fail_fast {
            self.token.cancel();
        }
    }

    pub(super) fn take_next(&self) -> Option<(usize, Result<T, TaskError<E>>)> {
        self.state.lock().ready.pop_front()
    }

    pub(super) fn take_all(&self) -> Vec<(usize, Result<T, TaskError<E>>)> {
        self.state.lock().ready.drain(..).collect()
    }

    pub(super) fn untaken(&self) -> usize {
        let state = self.state.lock();
        state.unsettled + state.ready.len()
    }

    /// A result that nobody is told; its panic, or one from its drop, goes to the pool's handler. Never unwinds, so
    /// that all of several can be dropped.
    pub(super) fn drop_result(&self, result: Result<T, TaskError<E>>) {
        let panic = match result {
            Err(TaskError::Lost(error)) => error.try_into_panic().ok(),
            other => unwind::drop_quietly(other),
        };
        if let Some(payload) = panic {
            self.registry.sink.report(payload);
        }
    }

    fn is_done(&self, until: Until) -> bool {
        done(&self.state.lock(), until)
    }
}

fn done<T, E>(state: &State<T, E>, until: Until) -> bool {
    match until {
        Until::Next => !state.ready.is_empty() || state.unsettled == 0,
        Until::Over => state.tasks.is_empty() && state.unsettled == 0,
    }
}

fn wake(waiter: Option<Arc<Parker>>) {
    if let Some(parker) = waiter {
        parker.unpark();
    }
}

impl<T: Send + 'static, E: Send + 'static> Hook for Shared<T, E> {
    fn settled(&self, index: usize) {
        let mut state = self.state.lock();
        let remote = state.tasks.get_mut(&index).and_then(|task| {
            task.settled = true;
            task.remote.take()
        });
        drop(state);
        if let Some(remote) = remote {
            self.complete(index, remote);
        }
    }

    fn retired(&self, index: usize) {
        let mut state = self.state.lock();
        let task = state.tasks.remove(&index);
        let active = task.as_ref().is_some_and(|task| task.active);
        if active {
            state.active -= 1;
        }
        // It was ended while it was held. With the last reference goes what is the user's: not under the lock.
        let held = state.held.remove(&index);
        let waiter = state.waiter.clone();
        drop(state);
        drop(held);
        if let Some(remote) = task.and_then(|task| task.remote) {
            // Whoever has settled it has not come to say so: it will not find the task here any more.
            self.complete(index, remote);
        }
        wake(waiter);
        if active && self.limit > 0 {
            self.release_held();
        }
    }
}

/// What the owner of a group waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// A result, or that there will be none.
    Next,
    /// That nothing is left of any task.
    Over,
}

/// A wait for a group.
pub(super) struct Gathering<'g, T, E> {
    shared: &'g Shared<T, E>,
    until: Until,
}

impl<'g, T, E> Gathering<'g, T, E> {
    pub(super) fn new(shared: &'g Shared<T, E>, until: Until) -> Self {
        Self { shared, until }
    }
}

impl<T: Send + 'static, E: Send + 'static> Awaited for Gathering<'_, T, E> {
    fn node(&self) -> *const Node {
        &raw const self.shared.node
    }

    fn is_done(&self) -> bool {
        self.shared.is_done(self.until)
    }

    fn register(&self, parker: &Arc<Parker>) -> bool {
        let mut state = self.shared.state.lock();
        let waits = !done(&state, self.until);
        if waits {
            state.waiter = Some(Arc::clone(parker));
        }
        waits
    }

    fn unregister(&self) -> bool {
        let mut state = self.shared.state.lock();
        state.waiter = None;
        done(&state, self.until)
    }

    fn process(&self) -> Option<u32> {
        Some(self.shared.registry.process())
    }
}
