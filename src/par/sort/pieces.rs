//! Plain work on slices, cut into pieces that another thread may take.

use crate::pool::free::join;

/// Bytes of a piece that is not cut any more: some 10 µs of copying.
const BYTES: usize = 128 * 1024;

/// Items of a piece that is not cut any more.
pub(super) fn longest<T>() -> usize {
    (BYTES / size_of::<T>().max(1)).max(1)
}

/// Calls `f` on pieces of two slices of the same length.
pub(super) fn on_two<T, U, F>(a: &mut [T], b: &mut [U], f: &F)
where
    T: Send,
    U: Send,
    F: Fn(&mut [T], &mut [U]) + Sync,
{
    if a.len() <= longest::<U>() {
        f(a, b);
    } else {
        let (a_1, a_2) = a.split_at_mut(a.len() / 2);
        let (b_1, b_2) = b.split_at_mut(a_1.len());
        join(|| on_two(a_1, b_1, f), || on_two(a_2, b_2, f));
    }
}
