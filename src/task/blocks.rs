//! Memory for spawned tasks, recycled.
//!
//! A task is often allocated by one thread and freed by another, which is what general allocators are
//! worst at: a third of the time of an empty spawned task went there (glibc 2.36, see the table in the
//! scheduler's README). So blocks of two sizes are kept and handed on in chains, as in the magazines of
//! Bonwick & Adams 2001: each thread has two chains of its own per size, and exchanges full or empty
//! ones with a depot, under a lock, once in [`CHAIN`] tasks.
//!
//! The depot keeps at most [`DEPOT_BYTES`] a size; what is beyond goes back to the allocator, and so do
//! tasks larger than the largest block at once. With `--cfg windrow_system_alloc` everything does, for
//! tools that look for uses after free.

use crate::sync::{Ordering, StaticAtomicUsize, StaticMutex};
use std::alloc::{self, Layout};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// The sizes of the blocks: with an allocator's usual 8 bytes of header, one and two cache lines. A task
/// with a small closure takes 48 bytes.
const SIZES: [usize; 2] = [56, 120];
const ALIGN: usize = 16;
/// How many blocks change hands at a time.
const CHAIN: usize = 32;
/// What the depot keeps for each size.
const DEPOT_BYTES: usize = 16 << 20;

/// A free block: the link to the next.
struct Free {
    next: *mut Free,
}

/// `CHAIN` free blocks, or fewer.
struct Chain {
    first: *mut Free,
    len: usize,
}

// SAFETY: nobody else refers to free blocks.
unsafe impl Send for Chain {}

impl Chain {
    const EMPTY: Chain = Chain {
        first: ptr::null_mut(),
        len: 0,
    };

    /// Gives the blocks back to the allocator.
    fn release(self, class: usize) {
        let mut first = self.first;
        while let Some(block) = NonNull::new(first) {
            // SAFETY: a free block holds its link.
            first = unsafe { block.as_ref() }.next;
            // SAFETY: it came from the allocator with this layout.
            unsafe { alloc::dealloc(block.as_ptr().cast(), class_layout(class)) };
        }
    }
}

static DEPOT: [StaticMutex<Vec<Chain>>; SIZES.len()] =
    [const { StaticMutex::new(Vec::new()) }; SIZES.len()];

/// How many chains the depot has, for a look without the lock.
static FULL: [StaticAtomicUsize; SIZES.len()] = [const { StaticAtomicUsize::new(0) }; SIZES.len()];

/// One thread's blocks of one size: the chain in use, and a spare that is either full or empty.
struct Magazine {
    class: usize,
    first: Cell<*mut Free>,
    len: Cell<usize>,
    spare: Cell<Chain>,
}

impl Magazine {
    const fn new(class: usize) -> Self {
        Self {
            class,
            first: Cell::new(ptr::null_mut()),
            len: Cell::new(0),
            spare: Cell::new(Chain::EMPTY),
        }
    }

    #[inline]
    fn take(&self) -> Option<NonNull<u8>> {
        if self.first.get().is_null() {
            self.reload();
        }
        let block = NonNull::new(self.first.get())?;
        // SAFETY: a free block holds its link.
        self.first.set(unsafe { block.as_ref() }.next);
        self.len.set(self.len.get() - 1);
        Some(block.cast())
    }

    #[inline]
    fn put(&self, block: NonNull<u8>) {
        if self.len.get() == CHAIN {
            self.unload();
        }
        let block = block.cast::<Free>();
        let next = self.first.get();
        // SAFETY: the block is free and large enough for a link.
        unsafe { block.write(Free { next }) };
        self.first.set(block.as_ptr());
        self.len.set(self.len.get() + 1);
    }

    fn swap_chain(&self, chain: Chain) -> Chain {
        Chain {
            first: self.first.replace(chain.first),
            len: self.len.replace(chain.len),
        }
    }

    /// The chain in use is empty: takes the spare, or one from the depot.
    #[cold]
    fn reload(&self) {
        let mut chain = self.spare.replace(Chain::EMPTY);
        // While the depot is empty nobody needs its lock.
        if chain.len == 0 && FULL[self.class].load(Ordering::Relaxed) > 0 {
            let mut depot = DEPOT[self.class].lock();
            chain = depot.pop().unwrap_or(Chain::EMPTY);
            FULL[self.class].store(depot.len(), Ordering::Relaxed);
        }
        self.swap_chain(chain);
    }

    /// The chain in use is full: it becomes the spare, and a spare that was there goes to the depot.
    #[cold]
    fn unload(&self) {
        let full = self.swap_chain(Chain::EMPTY);
        deposit(self.spare.replace(full), self.class);
    }
}

/// Hands a chain to the depot; one that is not full, or too many, to the allocator.
fn deposit(chain: Chain, class: usize) {
    if chain.len < CHAIN {
        return chain.release(class);
    }
    let mut depot = DEPOT[class].lock();
    if depot.len() < DEPOT_BYTES / (SIZES[class] * CHAIN) {
        depot.push(chain);
        FULL[class].store(depot.len(), Ordering::Relaxed);
    } else {
        drop(depot);
        chain.release(class);
    }
}

impl Drop for Magazine {
    fn drop(&mut self) {
        deposit(self.swap_chain(Chain::EMPTY), self.class);
        deposit(self.spare.replace(Chain::EMPTY), self.class);
    }
}

thread_local! {
    static MAGAZINES: [Magazine; SIZES.len()] = const { [Magazine::new(0), Magazine::new(1)] };
}

const fn class_layout(class: usize) -> Layout {
    match Layout::from_size_align(SIZES[class], ALIGN) {
        Ok(layout) => layout,
        Err(_) => unreachable!(),
    }
}

/// The size class that `layout` fits into, if any.
const fn class_of(layout: Layout) -> Option<usize> {
    if cfg!(any(loom, windrow_shuttle, windrow_system_alloc)) || layout.align() > ALIGN {
        None
    } else if layout.size() <= SIZES[0] {
        Some(0)
    } else if layout.size() <= SIZES[1] {
        Some(1)
    } else {
        None
    }
}

/// Memory for a `T`, uninitialised.
#[inline]
pub(crate) fn allocate<T>() -> NonNull<T> {
    let layout = Layout::new::<T>();
    let (block, layout) = match class_of(layout) {
        Some(class) => {
            // While the thread's locals are being destroyed, straight from the allocator.
            let recycled = MAGAZINES.try_with(|m| m[class].take()).unwrap_or(None);
            (recycled, class_layout(class))
        }
        None => (None, layout),
    };
    match block {
        Some(block) => block.cast(),
        None => {
            // SAFETY: a task has a header, so its size is not zero.
            let block = unsafe { alloc::alloc(layout) };
            match NonNull::new(block) {
                Some(block) => block.cast(),
                None => alloc::handle_alloc_error(layout),
            }
        }
    }
}

/// Gives memory back.
///
/// # Safety
/// `block` came from [`allocate`] for the same type, and nothing in it is used or dropped any more.
#[inline]
pub(crate) unsafe fn deallocate<T>(block: NonNull<T>) {
    let block = block.cast::<u8>();
    match class_of(Layout::new::<T>()) {
        Some(class) => {
            if MAGAZINES.try_with(|m| m[class].put(block)).is_err() {
                // SAFETY: it came from the allocator with its class's layout.
                unsafe { alloc::dealloc(block.as_ptr(), class_layout(class)) };
            }
        }
        // SAFETY: it came from the allocator with its type's layout.
        None => unsafe { alloc::dealloc(block.as_ptr(), Layout::new::<T>()) },
    }
}

#[cfg(all(test, not(any(loom, windrow_shuttle))))]
mod tests {
    use super::*;

    // The allocator may do as it likes, and one that looks for uses after frees does not do this.
    #[cfg(not(windrow_system_alloc))]
    #[test]
    fn a_freed_block_is_the_next_one() {
        let first = allocate::<[u64; 7]>();
        // SAFETY: just allocated, and not used.
        unsafe { deallocate(first) };
        let second = allocate::<[u64; 6]>();
        assert_eq!(first.as_ptr() as usize, second.as_ptr() as usize);
        // SAFETY: just allocated, and not used.
        unsafe { deallocate(second) };
    }

    #[test]
    fn live_blocks_are_distinct_through_depot_and_threads() {
        let mut all: Vec<usize> = (0..4)
            .map(|_| {
                std::thread::spawn(|| {
                    let make =
                        || -> Vec<NonNull<[u64; 12]>> { (0..500).map(|_| allocate()).collect() };
                    for block in make() {
                        // SAFETY: just allocated, and not used.
                        unsafe { deallocate(block) };
                    }
                    make()
                        .into_iter()
                        .map(|b| b.as_ptr() as usize)
                        .collect::<Vec<_>>()
                })
            })
            .collect::<Vec<_>>()
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!((count, all.len()), (2000, 2000));
        for block in all {
            let block = NonNull::new(ptr::with_exposed_provenance_mut::<[u64; 12]>(block));
            // SAFETY: allocated above, and not used.
            unsafe { deallocate(block.expect("not null")) };
        }
    }

    #[test]
    fn a_large_task_goes_straight_to_the_allocator() {
        assert_eq!(class_of(Layout::new::<[u64; 16]>()), None);
        let block = allocate::<[u64; 16]>();
        // SAFETY: just allocated, and not used.
        unsafe { deallocate(block) };
    }
}
