//! Loops over the collections of the standard library. Those that cannot be cut are first poured into a
//! vector, of items or of references, on the calling thread.

pub mod binary_heap;
pub mod btree_map;
pub mod btree_set;
mod drain;
mod halves;
pub mod hash_map;
pub mod hash_set;
pub mod linked_list;
pub mod vec_deque;

/// What is poured into a vector: the collection, the iterator around the vector, and its item.
macro_rules! through_vec {
    ($(#[$doc:meta])* [$($generics:tt)*] $from:ty => $name:ident<$($param:tt),*>, $item:ty) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "iterators do nothing until they are consumed"]
        pub struct $name<$($generics)*> {
            inner: crate::par::source::vec::IntoIter<$item>,
        }

        crate::par::source::delegate::delegate!([$($generics)*] $name<$($param),*> => $item);

        through_vec!(@into [$($generics)*] $from => $name<$($param),*>, $item);
    };
    (@into [$($generics:tt)*] $from:ty => $name:ident<$($param:tt),*>, $item:ty) => {
        impl<$($generics)*> IntoParallelIterator for $from {
            type Iter = $name<$($param),*>;
            type Item = $item;
            fn into_par_iter(self) -> Self::Iter {
                let items: Vec<_> = self.into_iter().collect();
                $name {
                    inner: items.into_par_iter(),
                }
            }
        }
    };
    // With a parameter that only the collection has.
    ($(#[$doc:meta])* [$($generics:tt)*] + $hasher:ident, $from:ty => $name:ident<$($param:tt),*>, $item:ty) => {
        $(#[$doc])*
        #[derive(Debug)]
        #[must_use = "iterators do nothing until they are consumed"]
        pub struct $name<$($generics)*> {
            inner: crate::par::source::vec::IntoIter<$item>,
        }

        crate::par::source::delegate::delegate!([$($generics)*] $name<$($param),*> => $item);

        through_vec!(@into [$($generics)*, $hasher] $from => $name<$($param),*>, $item);
    };
}

/// `Clone` for an iterator over references that lie in a vector.
macro_rules! clone_references {
    ([$($generics:tt)*] $name:ty) => {
        impl<$($generics)*> Clone for $name {
            fn clone(&self) -> Self {
                Self {
                    inner: self.inner.clone(),
                }
            }
        }
    };
}

use {clone_references, through_vec};
