//! What is known of a part of the slice that a merge sort has dealt with: where its items are, and in which
//! order.
//!
//! A merge reads from one of two places, the slice or the buffer, and writes copies to the other. So at each
//! time one of the two has the items, and what the other one has is nothing but bytes. [`Run`] says which; if
//! it is dropped, which it is only by a panic, it brings the items home to the slice.

use crate::par::sort::pieces;
use std::cmp::Ordering;
use std::mem::{MaybeUninit, forget};
use std::ptr;

/// Where a run's items are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the slice.
    Home,
    /// In the buffer; the slice has stale copies.
    Away,
}

/// The order of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// No item is less than the one before it.
    Ascending,
    /// Each item is less than the one before it. Only at home.
    Descending,
}

/// See the module.
pub(super) struct Run<'t, T> {
    items: &'t mut [T],
    buffer: &'t mut [MaybeUninit<T>],
    place: Place,
    order: Order,
}

impl<'t, T> Run<'t, T> {
    /// Items of this order that are at home. The buffer is as long as they are many.
    pub(super) fn at_home(
        items: &'t mut [T],
        buffer: &'t mut [MaybeUninit<T>],
        order: Order,
    ) -> Self {
        assert_eq!(items.len(), buffer.len());
        Self {
            items,
            buffer,
            place: Place::Home,
            order,
        }
    }

    /// Items that have been sorted in two parts, which have been released at `place`.
    ///
    /// # Safety
    /// That is so, and both were ascending.
    pub(super) unsafe fn of_parts(
        items: &'t mut [T],
        buffer: &'t mut [MaybeUninit<T>],
        place: Place,
    ) -> Self {
        assert_eq!(items.len(), buffer.len());
        Self {
            items,
            buffer,
            place,
            order: Order::Ascending,
        }
    }

    pub(super) fn order(&self) -> Order {
        self.order
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Where the items are, and a place of the same length for copies of them.
    pub(super) fn places(&mut self) -> (&mut [T], &mut [MaybeUninit<T>]) {
        match self.place {
            Place::Home => (self.items, self.buffer),
            Place::Away => {
                let away: *mut [MaybeUninit<T>] = self.buffer;
                // SAFETY: the items are in the buffer, all of them.
                let items = unsafe { &mut *(away as *mut [T]) };
                let home: *mut [T] = self.items;
                // SAFETY: what is in the slice counts as bytes as long as the items are away.
                let room = unsafe { &mut *(home as *mut [MaybeUninit<T>]) };
                (items, room)
            }
        }
    }

    /// The items.
    pub(super) fn items(&mut self) -> &mut [T] {
        self.places().0
    }

    /// Declares that the items are now where there was room for copies.
    ///
    /// # Safety
    /// A copy of each item has been written to the second of [`places`](Self::places), and no reference
    /// has been made to the originals of those that have been copied since.
    pub(super) unsafe fn moved(&mut self) {
        self.place = match self.place {
            Place::Home => Place::Away,
            Place::Away => Place::Home,
        };
    }

    /// Only where and how the items are; it is for the caller to bring them home.
    pub(super) fn release(self) -> (Place, Order) {
        let known = (self.place, self.order);
        forget(self);
        known
    }
}

impl<T> Drop for Run<'_, T> {
    fn drop(&mut self) {
        if self.place == Place::Away {
            let from = self.buffer.as_ptr().cast::<T>();
            // SAFETY: the items are in the buffer, which is as long as the slice and apart from it; they
            // go on being the slice's.
            unsafe { ptr::copy_nonoverlapping(from, self.items.as_mut_ptr(), self.items.len()) };
        }
    }
}

impl<T: Send> Run<'_, T> {
    /// Turns a descending run around.
    pub(super) fn ascend(&mut self) {
        if self.order == Order::Descending {
            self.order = Order::Ascending;
            reverse(self.items);
        }
    }

    /// Moves the items to the other place as they are, but for the first `mid` of them and the others
    /// changing sides.
    pub(super) fn rotate(&mut self, mid: usize) {
        let (items, room) = self.places();
        let (left, right) = items.split_at_mut(mid);
        let (room_right, room_left) = room.split_at_mut(right.len());
        copy(left, room_left);
        copy(right, room_right);
        // SAFETY: these were all.
        unsafe { self.moved() };
    }

    /// Brings the items home, in ascending order.
    pub(super) fn settle(mut self) {
        self.ascend();
        self.bring(Place::Home);
    }

    /// Moves the items to this place.
    pub(super) fn bring(&mut self, to: Place) {
        if self.place != to {
            self.rotate(0);
        }
    }
}

/// Copies the bytes of `from` to `to`, which is as long.
fn copy<T: Send>(from: &mut [T], to: &mut [MaybeUninit<T>]) {
    pieces::on_two(from, to, &|from, to| {
        let start = to.as_mut_ptr().cast::<T>();
        assert_eq!(from.len(), to.len());
        // SAFETY: two slices of the same length, both exclusive.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), start, from.len()) };
    });
}

/// Reverses a slice.
pub(super) fn reverse<T: Send>(items: &mut [T]) {
    let half = items.len() / 2;
    let (front, back) = items.split_at_mut(half);
    let odd = back.len() - half;
    reverse_two(front, &mut back[odd..]);
}

/// Swaps the items of two slices of the same length, the first with the last.
fn reverse_two<T: Send>(front: &mut [T], back: &mut [T]) {
    if front.len() <= pieces::longest::<T>() {
        for (a, b) in front.iter_mut().zip(back.iter_mut().rev()) {
            std::mem::swap(a, b);
        }
    } else {
        let (front_1, front_2) = front.split_at_mut(front.len() / 2);
        let (back_2, back_1) = back.split_at_mut(back.len() - front_1.len());
        crate::pool::free::join(
            || reverse_two(front_1, back_1),
            || reverse_two(front_2, back_2),
        );
    }
}

/// The order that all of `items` are in, if they are.
pub(super) fn order_of<T>(items: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> Option<Order> {
    let [first, second, ..] = items else {
        return Some(Order::Ascending);
    };
    let falls = |pair: &[T]| compare(&pair[1], &pair[0]) == Ordering::Less;
    if compare(second, first) == Ordering::Less {
        let all = items[1..].windows(2).all(falls);
        all.then_some(Order::Descending)
    } else {
        let all = !items[1..].windows(2).any(falls);
        all.then_some(Order::Ascending)
    }
}
