//! What is done with items on their way.

pub(crate) mod apply;
pub(crate) mod flat;
pub(crate) mod pick;
pub(crate) mod state;
