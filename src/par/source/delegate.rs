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

            fn opt_len(&self) -> Option<usize> {
                self.inner.opt_len()
            }
        }
    };
}

/// The same for an indexed one.
macro_rules! delegate_indexed {
    ([$($generics:tt)*] $name:ty => $item:ty, $inner:ty) => {
        $crate::par::source::delegate::delegate!([$($generics)*] $name => $item);

        impl<$($generics)*> $crate::par::plumbing::Steps for $name {
            type Local = <$inner as $crate::par::plumbing::Steps>::Local;

            fn steps(&self) -> usize {
                self.inner.steps()
            }

            fn engage(&mut self) {
                self.inner.engage();
            }

            fn hints(&self) -> $crate::par::plumbing::Hints {
                self.inner.hints()
            }

            fn local(&self) -> Self::Local {
                self.inner.local()
            }

            #[inline]
            fn feed<C: $crate::par::plumbing::Consumer<Self::Item>>(
                &self,
                local: &mut Self::Local,
                span: $crate::par::plumbing::Span,
                consumer: &C,
                fold: C::Fold,
            ) -> C::Fold {
                self.inner.feed(local, span, consumer, fold)
            }

            fn discard(&self, span: $crate::par::plumbing::Span) {
                self.inner.discard(span);
            }
        }

        impl<$($generics)*> $crate::par::iter::IndexedParallelIterator for $name {
            #[inline(always)]
            unsafe fn item(&self, local: &mut Self::Local, index: usize) -> Self::Item {
                // SAFETY: the caller's promise, for the same index.
                unsafe { self.inner.item(local, index) }
            }
        }
    };
}

pub(crate) use {delegate, delegate_indexed};
