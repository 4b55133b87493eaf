//! What can be run: forked jobs that live on a stack, spawned tasks that live on the heap.
//!
//! | file | one idea |
//! |---|---|
//! | `node` | the tree of tasks: who waits for whom, and how a thief checks descent |
//! | `counter` | how a scope counts its children and hears of the last one |
//! | `stack` | a forked closure in its caller's frame |
//! | `state` | the claim word of a spawned task: who may run it, take its result, free it |
//! | `header` | what all spawned tasks have in common |
//! | `body` | closure, then outcome |
//! | `heap` | a spawned task, one allocation together with its handle |
//! | `inbox` | where the results of a run arrive |
//! | `gathered` | a task of a run, with what receives its result |
//! | `sheaf` | many small tasks in one block, with one entry |
//! | `entry` | a queue's reference to a task, and the claim on it |
//! | `remote` | a handle's reference to a task |
//! | `phase` | the phases of a task with options: who may start, end or report it |
//! | `promise` | the outcome of a task with options, and what is queued for it |
//! | `blocks` | the memory of spawned tasks, recycled |
//!
//! Tasks call up only through function pointers in their headers, through [`promise::Living`] and through
//! [`crate::park::Parker`]; they know nothing of queues or workers.

pub(crate) mod blocks;
mod body;
pub(crate) mod counter;
pub(crate) mod entry;
pub(crate) mod gathered;
pub(crate) mod header;
pub(crate) mod heap;
pub(crate) mod inbox;
pub(crate) mod node;
pub(crate) mod phase;
pub(crate) mod promise;
pub(crate) mod remote;
pub(crate) mod sheaf;
pub(crate) mod stack;
pub(crate) mod state;

#[cfg(all(test, loom))]
mod model;
