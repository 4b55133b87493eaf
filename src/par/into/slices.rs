//! Collecting into what is made of a vector: boxed and counted slices, deques, heaps, and whatever there is a
//! borrowed form of.

use crate::par::iter::{
    FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator,
};
use std::borrow::Cow;
use std::collections::{BinaryHeap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

macro_rules! from_vec {
    ($([$($bound:tt)*] $to:ty),+ $(,)?) => {$(
        impl<T: Send $($bound)*> FromParallelIterator<T> for $to {
            fn from_par_iter<I>(par_iter: I) -> Self
            where
                I: IntoParallelIterator<Item = T>,
            {
                Vec::from_par_iter(par_iter).into()
            }
        }
    )+};
}
from_vec!([] Box<[T]>, [] Rc<[T]>, [] Arc<[T]>, [] VecDeque<T>, [+ Ord] BinaryHeap<T>);

impl<'c, C, T> FromParallelIterator<T> for Cow<'c, C>
where
    C: ToOwned<Owned: FromParallelIterator<T>> + ?Sized,
    T: Send,
{
    fn from_par_iter<I>(par_iter: I) -> Self
    where
        I: IntoParallelIterator<Item = T>,
    {
        Cow::Owned(C::Owned::from_par_iter(par_iter))
    }
}

impl<'a, T: Copy + Send + Sync + 'a> ParallelExtend<&'a T> for Vec<T> {
    fn par_extend<I>(&mut self, par_iter: I)
    where
        I: IntoParallelIterator<Item = &'a T>,
    {
        self.par_extend(par_iter.into_par_iter().copied());
    }
}
