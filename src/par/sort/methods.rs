//! The sorts, as methods of [`ParallelSliceMut`](crate::slice::ParallelSliceMut).

macro_rules! methods {
    () => {};
}

pub(crate) use methods;
