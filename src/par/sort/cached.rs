//! The sort by keys that are computed once.

use crate::par::iter::{IntoParallelIterator, ParallelIterator};
use crate::par::sort::{pieces, unstable};
use std::ptr;

/// Where an item was, in as few bytes as will do.
trait Index: Copy + Ord + Send {
    fn new(at: usize) -> Self;
    fn get(self) -> usize;
}

impl Index for u32 {
    #[expect(clippy::cast_possible_truncation, reason = "chosen by the length")]
    fn new(at: usize) -> Self {
        at as Self
    }
    fn get(self) -> usize {
        self as usize
    }
}

impl Index for usize {
    fn new(at: usize) -> Self {
        at
    }
    fn get(self) -> usize {
        self
    }
}

/// Sorts `items` by their keys; those of equal keys stay in their order.
pub(crate) fn sort<T, K, F>(items: &mut [T], key: F)
where
    T: Send,
    K: Ord + Send,
    F: Fn(&T) -> K + Sync,
{
    let short = u32::try_from(items.len()).is_ok();
    if short && size_of::<(K, u32)>() < size_of::<(K, usize)>() {
        sort_with::<T, K, u32>(items, key);
    } else {
        sort_with::<T, K, usize>(items, key);
    }
}

/// A slice of which each item is looked at by one thread at a time.
struct Looked<T>(*const T);

// SAFETY: see above; an item is sent to whoever looks at it.
unsafe impl<T: Send> Sync for Looked<T> {}

impl<T> Looked<T> {
    /// # Safety
    /// The index is within the slice, and nobody else has this item now.
    unsafe fn item(&self, at: usize) -> &T {
        // SAFETY: by contract.
        let item = unsafe { self.0.add(at) };
        // SAFETY: by contract.
        unsafe { &*item }
    }
}

fn sort_with<T, K, I>(items: &mut [T], key: impl Fn(&T) -> K + Sync)
where
    T: Send,
    K: Ord + Send,
    I: Index,
{
    let len = items.len();
    if len < 2 {
        return;
    }
    let looked = Looked(items.as_ptr());
    let looked = &looked;
    let mut keys: Vec<(K, I)> = (0..len)
        .into_par_iter()
        .map(|at| {
            // SAFETY: a loop gives each index once, and the slice is exclusively borrowed.
            let item = unsafe { looked.item(at) };
            (key(item), I::new(at))
        })
        .collect();
    unstable::sort(&mut keys, Ord::cmp);
    arrange(items, &mut keys);
}

/// Brings the items into the order of the keys: copies them to where they belong in a buffer, then back.
fn arrange<T: Send, K: Send, I: Index>(items: &mut [T], keys: &mut [(K, I)]) {
    let len = items.len();
    assert_eq!(len, keys.len());
    let mut buffer: Vec<T> = Vec::with_capacity(len);
    let buffer = &mut buffer.spare_capacity_mut()[..len];
    let looked = Looked(items.as_ptr());
    let looked = &looked;
    pieces::on_two(keys, buffer, &|keys, room| {
        for ((_, at), place) in keys.iter().zip(room) {
            // SAFETY: each index is there once, whatever the sort has made of them.
            let item = unsafe { looked.item(at.get()) };
            // SAFETY: a copy of bytes; nothing that could panic happens until it has replaced an original.
            unsafe { ptr::copy_nonoverlapping(item, place.as_mut_ptr(), 1) };
        }
    });
    pieces::on_two(buffer, items, &|from, to| {
        // SAFETY: two slices of the same length, both exclusive; together they are a permutation.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr().cast(), to.as_mut_ptr(), to.len()) };
    });
}
