//! Parallel sorts.

mod methods;

pub(crate) use methods::methods;
