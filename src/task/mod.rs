//! What can be run: forked jobs that live on a stack, spawned tasks that live on the heap.
//!
//! | file | one idea |
//! |---|---|
//! | `node` | the tree of tasks: who waits for whom, and how a thief checks descent |
//! | `counter` | how a scope counts its children and hears of the last one |
//! | `stack` | a forked closure in its caller's frame |
//! | `state` | the claim word of a spawned task: who may run it, take its result, free it |
//! | `heap` | a spawned task, one allocation together with its handle |
//! | `blocks` | the memory of spawned tasks, recycled |
//!
//! Tasks call up only through function pointers in their headers and through [`crate::park::Parker`];
//! they know nothing of queues or workers.

pub(crate) mod blocks;
pub(crate) mod counter;
pub(crate) mod heap;
pub(crate) mod node;
pub(crate) mod stack;
pub(crate) mod state;

#[cfg(all(test, loom))]
mod model;
