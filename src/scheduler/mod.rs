//! The scheduler: private fork stacks with promotion on demand, deques per level, sleep, slots.
//!
//! `README.md` in this folder has the protocols, their proof sketches and the measurements.
//!
//! | file | one idea |
//! |---|---|
//! | `registry` | what the threads of a pool share |
//! | `start` | starting the threads, and changing their number |
//! | `end` | closing, draining, taking back, joining |
//! | `participant` | a thread's place in a pool, and the thread-local that finds it |
//! | `worker` | a worker's life: look, search, sleep |
//! | `guest` | a thread from outside that works in the pool for a while, or goes back to its own |
//! | `fork` | fork and join: the fast path |
//! | `forks` | the private stack of forks and the board of promoted ones |
//! | `queues` | deques and injectors of spawned tasks |
//! | `mail` | jobs for one particular worker |
//! | `find` | what to run next, for a worker and for a waiter |
//! | `batching` | how many tasks from outside a worker takes at a time |
//! | `restraint` | when stealing costs more than it gains |
//! | `seeded` | what a deterministic pool picks |
//! | `wait` | waiting: help, spin, park, lend the slot |
//! | `counts` | who is awake, who sleeps, in one word |
//! | `idle` | who is awake, who sleeps, who is woken |
//! | `presence` | who comes and goes, and the end of the pool |
//! | `roster` | the threads by index: alive, asleep, leaving |
//! | `blocking` | lending the slot around a section that blocks |
//! | `timer` | what is to happen at a certain time |
//! | `ledger` | tasks with options, the queue's capacity, times |
//! | `list` | an append-only list that thieves walk |
//!
//! The layers above use what is re-exported here and nothing else.

mod batching;
mod blocking;
mod counts;
mod end;
mod find;
mod fork;
mod forks;
mod guest;
mod idle;
mod ledger;
mod list;
mod mail;
mod participant;
mod presence;
mod queues;
mod registry;
mod restraint;
mod roster;
mod seeded;
mod start;
mod timer;
mod wait;
mod worker;

pub(crate) use blocking::blocking;
pub(crate) use counts::MAX_THREADS;
pub(crate) use end::Unstarted;
pub(crate) use guest::{cancel_claimed, is_inside, run_claimed, with_place};
pub(crate) use ledger::{BUCKETS, Capacity, Times};
pub(crate) use participant::Participant;
pub(crate) use registry::{Defaults, Handler, Registry, Settings};
pub(crate) use timer::{Key, Timed};
pub(crate) use wait::{Awaited, Help, wait_outside, wait_until};

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, loom))]
pub(crate) use queues::Injectors;
