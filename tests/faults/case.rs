//! The matrix: which cases there are, what they are called, and which combinations mean nothing.

use std::collections::BTreeMap;

/// What panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The body of a task, of a half of a join, of a loop.
    Body,
    /// What it returns, when that is dropped.
    Result,
    /// What it throws, when that is dropped.
    Payload,
    /// The pool's panic handler, when it is given a panic that nobody else receives.
    Handler,
    /// What was given to `on_complete`.
    Callback,
    /// A handler of a run.
    Gatherer,
    /// Each part of a combiner in turn.
    Combiner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Construct {
    Spawn,
    Scope,
    Join,
    Group,
    Gather,
    Loop,
}

/// What becomes of the handles, or of the group, or of what a run hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handle {
    /// Kept, and asked for the results.
    Joined,
    /// Before a task has done anything.
    Dropped,
    /// When all tasks have ended.
    DroppedLate,
    Forgotten,
}

/// What happens to the pool right before the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pool {
    /// Nothing.
    Running,
    /// Another thread closes it, and then waits for its end.
    Closing,
    /// A task of the pool drops it; the construct is used by a task of the pool too.
    Dropped,
}

/// One combination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) construct: Construct,
    pub(crate) fault: Fault,
    pub(crate) handle: Handle,
    pub(crate) pool: Pool,
    pub(crate) workers: usize,
}

const FAULTS: [Fault; 7] = [
    Fault::Body,
    Fault::Result,
    Fault::Payload,
    Fault::Handler,
    Fault::Callback,
    Fault::Gatherer,
    Fault::Combiner,
];
const CONSTRUCTS: [Construct; 6] = [
    Construct::Spawn,
    Construct::Scope,
    Construct::Join,
    Construct::Group,
    Construct::Gather,
    Construct::Loop,
];
const HANDLES: [Handle; 4] = [
    Handle::Joined,
    Handle::Dropped,
    Handle::DroppedLate,
    Handle::Forgotten,
];
const POOLS: [Pool; 3] = [Pool::Running, Pool::Closing, Pool::Dropped];

/// Whether a combination means anything; if not, why.
pub(crate) fn applies(case: Case) -> Result<(), &'static str> {
    use Construct::{Gather, Group, Join, Loop, Scope, Spawn};
    let has_handles = !matches!(case.construct, Join | Loop);
    if !has_handles && case.handle != Handle::Joined {
        return Err("a join and a loop give no handle");
    }
    if case.handle == Handle::DroppedLate {
        if !matches!(case.construct, Spawn | Scope) {
            return Err("only the handle of a task can tell that it has ended");
        }
        if case.pool == Pool::Dropped && case.workers == 1 {
            return Err("the only worker would wait for a task that it has not begun");
        }
    }
    let has_options = matches!(case.construct, Spawn | Scope | Group);
    match case.fault {
        Fault::Callback if !has_options => Err("only tasks have completion callbacks"),
        Fault::Handler if !has_options => {
            Err("the caller of a join, a loop or a run receives every panic itself")
        }
        Fault::Gatherer | Fault::Combiner if case.construct != Gather => {
            Err("only a run has handlers and combiners")
        }
        _ => Ok(()),
    }
}

impl Case {
    pub(crate) fn name(self) -> String {
        let Case {
            construct,
            fault,
            handle,
            pool,
            workers,
        } = self;
        format!("{construct:?}/{fault:?}/{handle:?}/{pool:?}/{workers}").to_lowercase()
    }

    /// Whether the construct returns only when its tasks are over.
    pub(crate) fn waits(self) -> bool {
        match self.construct {
            Construct::Spawn => false,
            Construct::Group => self.handle != Handle::Forgotten,
            _ => true,
        }
    }

    /// Whether what task bodies throw has nobody to receive it but the panic handler.
    fn is_detached(self) -> bool {
        matches!(self.construct, Construct::Spawn | Construct::Group)
            && matches!(self.handle, Handle::Dropped | Handle::DroppedLate)
    }

    /// Whether the panic handler gets the panics of bodies to panic about, and not those of callbacks.
    fn handler_gets_bodies(self) -> bool {
        self.fault == Fault::Handler && self.is_detached()
    }

    /// What a body does that is at fault.
    pub(crate) fn deed(self) -> Deed {
        match self.fault {
            Fault::Body => Deed::Throw,
            Fault::Result => Deed::ReturnBomb,
            Fault::Payload => Deed::ThrowBomb,
            Fault::Handler if self.handler_gets_bodies() => Deed::Throw,
            _ => Deed::Return,
        }
    }

    /// Whether tasks have callbacks, which panic.
    pub(crate) fn has_callbacks(self) -> bool {
        match self.fault {
            Fault::Callback => true,
            Fault::Handler => !self.handler_gets_bodies(),
            _ => false,
        }
    }
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Return,
    ReturnBomb,
    Throw,
    ThrowBomb,
}

/// How many combinations are left out for which reason.
pub(crate) fn left_out() -> BTreeMap<&'static str, usize> {
    let mut reasons = BTreeMap::new();
    for reason in all().into_iter().filter_map(|case| applies(case).err()) {
        *reasons.entry(reason).or_insert(0) += 1;
    }
    reasons
}

/// All combinations, those that mean nothing included.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for construct in CONSTRUCTS {
        for fault in FAULTS {
            for handle in HANDLES {
                for pool in POOLS {
                    cases.extend([1, 2, 8].map(|workers| Case {
                        construct,
                        fault,
                        handle,
                        pool,
                        workers,
                    }));
                }
            }
        }
    }
    cases
}
