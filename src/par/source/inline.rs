//! Items that lie in the iterator itself: the ground under arrays, options and `once`.

use crate::par::plumbing::{Consumer, Span};
use crate::par::source::owned::Owned;
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;

/// An array's items, or none. Each is moved out, or dropped, once.
pub(crate) struct Inline<T, const N: usize> {
    /// Initialized if `len` is not 0, as long as they are not engaged.
    items: UnsafeCell<MaybeUninit<[T; N]>>,
    /// `N` or 0.
    len: usize,
    /// Spans own the items now.
    engaged: bool,
}

// SAFETY: what can be done with a shared reference is to move items out, each once (`Span`), and to look at
// the number of items; cloning, which looks at items, takes `T: Sync`.
unsafe impl<T: Send, const N: usize> Sync for Inline<T, N> {}

impl<T, const N: usize> Inline<T, N> {
    pub(crate) fn new(items: [T; N]) -> Self {
        Self {
            items: UnsafeCell::new(MaybeUninit::new(items)),
            len: N,
            engaged: false,
        }
    }

    pub(crate) fn none() -> Self {
        Self {
            items: UnsafeCell::new(MaybeUninit::uninit()),
            len: 0,
            engaged: false,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn engage(&mut self) {
        self.engaged = true;
    }

    fn owned(&self) -> Owned<T> {
        // SAFETY: `len` items are initialized; the spans see to it that none is taken twice.
        unsafe { Owned::new(self.items.get().cast(), self.len) }
    }

    #[inline]
    pub(crate) fn feed<C: Consumer<T>>(&self, span: Span, consumer: &C, fold: C::Fold) -> C::Fold {
        self.owned().feed(span, consumer, fold)
    }

    pub(crate) fn discard(&self, span: Span) {
        self.owned().discard(span);
    }

    /// # Safety
    /// As for [`Owned::item`].
    #[inline(always)]
    pub(crate) unsafe fn item(&self, index: usize) -> T {
        // SAFETY: the caller's promise.
        unsafe { self.owned().item(index) }
    }
}

impl<T> From<Option<T>> for Inline<T, 1> {
    fn from(item: Option<T>) -> Self {
        item.map_or_else(Self::none, |item| Self::new([item]))
    }
}

impl<T, const N: usize> Drop for Inline<T, N> {
    fn drop(&mut self) {
        if self.len > 0 && !self.engaged {
            // SAFETY: initialized, and no span has been made.
            unsafe { self.items.get_mut().assume_init_drop() };
        }
    }
}

impl<T: Clone + Sync, const N: usize> Clone for Inline<T, N> {
    fn clone(&self) -> Self {
        assert!(!self.engaged);
        if self.len == 0 {
            return Self::none();
        }
        // SAFETY: not engaged, so nobody moves items out.
        let items = unsafe { &*self.items.get() };
        // SAFETY: so they are all there.
        Self::new(unsafe { items.assume_init_ref() }.clone())
    }
}

/// The traits of an iterator around a field `items`, which is [`Inline`].
macro_rules! inline_items {
    ([$($generics:tt)*] $name:ty) => {
        $crate::par::source::owned::owned_items!([T: Send, $($generics)*] $name => T);
        $crate::par::debug::debug_len!([T, $($generics)*] $name);

        impl<T: Clone + Sync, $($generics)*> Clone for $name {
            fn clone(&self) -> Self {
                Self {
                    items: self.items.clone(),
                }
            }
        }
    };
}

pub(crate) use inline_items;
