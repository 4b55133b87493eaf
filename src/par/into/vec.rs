//! Collecting into vectors.

use crate::par::finish::in_place::InPlace;
use crate::par::finish::pieces::into_pieces;
use crate::par::iter::{
    FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator,
};
use crate::par::plumbing::consume;

impl<T: Send> ParallelExtend<T> for Vec<T> {
    fn par_extend<I>(&mut self, par_iter: I)
    where
        I: IntoParallelIterator<Item = T>,
    {
        let items = par_iter.into_par_iter();
        match items.opt_len() {
            Some(len) => extend_in_place(self, items, len),
            None => into_pieces::<Self, _>(items).append_to(self),
        }
    }
}

/// Appends `len` items, each written where it belongs.
fn extend_in_place<T: Send>(vec: &mut Vec<T>, items: impl ParallelIterator<Item = T>, len: usize) {
    vec.reserve(len);
    let target = &mut vec.spare_capacity_mut()[..len];
    let written = consume(items, InPlace::new(target)).release();
    // Fewer only if the loop was told to stop.
    let len = vec.len() + written;
    // SAFETY: so many have been written, one after the other.
    unsafe { vec.set_len(len) };
}

impl<T: Send> FromParallelIterator<T> for Vec<T> {
    fn from_par_iter<I>(par_iter: I) -> Self
    where
        I: IntoParallelIterator<Item = T>,
    {
        let mut vec = Vec::new();
        vec.par_extend(par_iter);
        vec
    }
}
