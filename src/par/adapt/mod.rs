//! What is done with items on their way.

pub(crate) mod apply;
pub(crate) mod chain;
pub(crate) mod flat;
pub(crate) mod fold;
pub(crate) mod intersperse;
pub(crate) mod limit;
pub(crate) mod pick;
pub(crate) mod progress;
pub(crate) mod state;
pub(crate) mod tuned;
pub(crate) mod watch;
pub(crate) mod worker_state;
