//! Iterators that are others under a name of their own.

/// A public iterator around a field `inner`: runs as that one does.
macro_rules! delegate {
    ([$($generics:tt)*] $name:ty => $item:ty) => {
        impl<$($generics)*> $crate::par::iter::ParallelIterator for $name {
            type Item = $item;

            fn drive<C: $crate::par::plumbing::Consumer<Self::Item>>(
                self,
                consumer: &C,
                fold: C::Fold,
            ) -> C::Fold {
                self.inner.drive(consumer, fold)
            }

            $crate::par::plumbing::forward_steps!(inner: opt_len);
        }
    };
}

/// The same for an indexed one.
macro_rules! delegate_indexed {
    ([$($generics:tt)*] $name:ty => $item:ty, $inner:ty) => {
        $crate::par::source::delegate::delegate!([$($generics)*] $name => $item);

        impl<$($generics)*> $crate::par::plumbing::Steps for $name {
            type Local = <$inner as $crate::par::plumbing::Steps>::Local;

            $crate::par::plumbing::forward_steps!(inner: steps engage hints local feed discard);
        }

        impl<$($generics)*> $crate::par::iter::IndexedParallelIterator for $name {
            $crate::par::plumbing::forward_steps!(inner: item);
        }
    };
}

pub(crate) use {delegate, delegate_indexed};
