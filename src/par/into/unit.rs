//! Collecting nothing: what remains is that the loop has run. Of use in a `Result<(), E>`.

use crate::par::iter::{
    FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator,
};

impl ParallelExtend<()> for () {
    fn par_extend<I>(&mut self, par_iter: I)
    where
        I: IntoParallelIterator<Item = ()>,
    {
        par_iter.into_par_iter().for_each(|()| ());
    }
}

impl FromParallelIterator<()> for () {
    fn from_par_iter<I>(par_iter: I) -> Self
    where
        I: IntoParallelIterator<Item = ()>,
    {
        par_iter.into_par_iter().for_each(|()| ());
    }
}
