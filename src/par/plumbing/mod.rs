//! How loops work inside: see [`driver`] for the whole.
//!
//! | file | one idea |
//! |---|---|
//! | `driver` | runs a source's steps, cut into pieces on demand |
//! | `share` | the steps of a piece that nobody has begun |
//! | `grain` | how many steps a thread takes at a time |
//! | `ticks` | a clock that costs little and is rough |
//! | `steps` | what a loop runs over |
//! | `consumer` | where its items go |
//! | `place` | where a piece is among the others |
//! | `worklist` | runs work that is found on the way |
//! | `lock` | a lock under which the program's own code runs |
//! | `hints` | how its author wants it to be run |

pub(crate) mod consumer;
pub(crate) mod driver;
pub(crate) mod grain;
pub(crate) mod hints;
pub(crate) mod lock;
pub(crate) mod place;
pub(crate) mod share;
pub(crate) mod steps;
pub(crate) mod ticks;
pub(crate) mod worklist;

pub(crate) use consumer::Consumer;
pub(crate) use hints::Hints;
pub(crate) use place::{Fork, Place};
pub(crate) use steps::{Span, Steps};

pub(crate) use consumer::{Behind, Nested, forward, forward_consumer, forward_consumer_with};
pub(crate) use driver::{consume, drive_blocks, drive_both, drive_steps, in_pool};
pub(crate) use lock::lock;
pub(crate) use steps::{Held, Items, drive_by_item, feed_by_item, forward_steps, owns_nothing};

#[cfg(all(test, loom))]
mod model;
