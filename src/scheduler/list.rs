//! An append-only list that readers walk without a lock.
//!
//! Thieves walk the participants of a pool while guests and spare workers join it. Entries never move
//! and are never removed while the list lives; participants that leave are reused.

use crate::sync::{AtomicUsize, Mutex, OnceLock, Ordering};

const FIRST: usize = 16;
const CHUNKS: usize = 24;

type Chunk<T> = Box<[OnceLock<Box<T>>]>;

/// Chunks of doubling size: `FIRST`, `2 * FIRST`, ...
#[derive(Debug)]
pub(crate) struct AppendList<T> {
    chunks: [OnceLock<Chunk<T>>; CHUNKS],
    len: AtomicUsize,
    append: Mutex<()>,
}

impl<T> AppendList<T> {
    pub(crate) fn new() -> Self {
        Self {
            chunks: [const { OnceLock::new() }; CHUNKS],
            len: AtomicUsize::new(0),
            append: Mutex::new(()),
        }
    }

    /// Where entry `index` lies: chunk `k` begins at `FIRST * (2^k - 1)`.
    fn place(index: usize) -> (usize, usize) {
        let chunk = (index / FIRST + 1).ilog2() as usize;
        (chunk, index - FIRST * ((1 << chunk) - 1))
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// The entry at `index`, which must be below `len()`.
    pub(crate) fn get(&self, index: usize) -> &T {
        let (chunk, offset) = Self::place(index);
        self.chunks[chunk]
            .get()
            .and_then(|chunk| chunk[offset].get())
            .expect("entries below len are filled")
    }

    /// Appends what `make` builds for its index, and returns it.
    pub(crate) fn push(&self, make: impl FnOnce(usize) -> T) -> &T {
        let _one_at_a_time = self.append.lock();
        let index = self.len.load(Ordering::Relaxed);
        let (chunk, offset) = Self::place(index);
        let chunk = self.chunks[chunk]
            .get_or_init(|| (0..FIRST << chunk).map(|_| OnceLock::new()).collect());
        let entry = chunk[offset].get_or_init(|| Box::new(make(index)));
        // Release: whoever sees the new length sees the entry.
        self.len.store(index + 1, Ordering::Release);
        entry
    }
}

#[cfg(all(test, not(any(loom, windrow_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_place_as_the_list_grows() {
        let list = AppendList::new();
        let first = std::ptr::from_ref(list.push(|i| i * 10));
        for i in 1..1000 {
            list.push(|i| i * 10);
            assert_eq!(*list.get(i), i * 10);
        }
        assert_eq!(list.len(), 1000);
        assert!(std::ptr::eq(first, list.get(0)));
    }
}
