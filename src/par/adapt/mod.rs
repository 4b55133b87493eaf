//! What is done with items on their way.

pub(crate) mod apply;
pub(crate) mod blocks;
pub(crate) mod chain;
pub(crate) mod chunks;
pub(crate) mod cut;
pub(crate) mod enumerate;
pub(crate) mod flat;
pub(crate) mod fold;
pub(crate) mod interleave;
pub(crate) mod intersperse;
pub(crate) mod lengths;
pub(crate) mod limit;
pub(crate) mod pick;
pub(crate) mod progress;
pub(crate) mod state;
pub(crate) mod stride;
pub(crate) mod tuned;
pub(crate) mod watch;
pub(crate) mod worker_state;
pub(crate) mod zip;
