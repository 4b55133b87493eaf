//! The ends of loops: what is done with their items.

pub(crate) mod accumulate;
pub(crate) mod among;
pub(crate) mod attempt;
pub(crate) mod find;
pub(crate) mod in_place;
pub(crate) mod pieces;
