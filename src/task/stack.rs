//! A forked closure in its caller's frame.
//!
//! `join(a, b)` puts `b` into a [`StackJob`] and pushes its address on the private stack. As long as it
//! stays there nobody else knows of it, and the owner takes the closure back without an atomic
//! operation. Once it is promoted to the public board, whoever removes it from the board (under the
//! board's lock) owns it exclusively: the owner takes the closure back, or a thief runs it through
//! `run` and sets the latch, after which the frame may be gone.
//!
//! | field | private | promoted | taken by a thief | latch set |
//! |---|---|---|---|---|
//! | `f` | owner | whoever removes it from the board | thief | nobody, it is consumed |
//! | `result` | nobody | nobody | thief writes | owner reads |
//! | `node` | nobody | owner writes before publication, then read by walkers | readers | nobody |

use crate::latch::Latch;
use crate::task::node::Node;
use crate::unwind::{self, Payload};
use std::cell::UnsafeCell;
use std::mem::{ManuallyDrop, MaybeUninit};

/// What all stack jobs have in common; the first field of each.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct StackHeader {
    run: unsafe fn(*const StackHeader),
    pub(crate) node: Node,
    pub(crate) latch: Latch,
}

impl StackHeader {
    /// The job's node.
    ///
    /// # Safety
    /// `this` points to a live job.
    pub(crate) unsafe fn node_of(this: *const StackHeader) -> *const Node {
        // SAFETY: alive by contract.
        unsafe { &raw const (*this).node }
    }

    /// Runs the job and sets its latch.
    ///
    /// # Safety
    /// `this` points to a live job that the caller has exclusive claim to, once. It may dangle as
    /// soon as this returns.
    pub(crate) unsafe fn run(this: *const StackHeader) {
        // SAFETY: alive by contract.
        let run = unsafe { (*this).run };
        // SAFETY: handed on.
        unsafe { run(this) }
    }
}

/// A closure and the place for its result, in the frame of whoever waits for it.
#[repr(C)]
pub(crate) struct StackJob<F, R> {
    header: StackHeader,
    f: UnsafeCell<ManuallyDrop<F>>,
    result: UnsafeCell<MaybeUninit<Result<R, Payload>>>,
}

impl<F, R> StackJob<F, R>
where
    F: FnOnce() -> R,
{
    #[inline(always)]
    pub(crate) fn new(f: F) -> Self {
        Self {
            header: StackHeader {
                run: Self::run,
                node: Node::root(),
                latch: Latch::new(),
            },
            f: UnsafeCell::new(ManuallyDrop::new(f)),
            result: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    #[inline(always)]
    pub(crate) fn header(&self) -> &StackHeader {
        &self.header
    }

    /// What other threads get to know it by: a pointer to all of it, not only to its header.
    #[inline(always)]
    pub(crate) fn as_ptr(&self) -> *const StackHeader {
        std::ptr::from_ref(self).cast()
    }

    /// Takes the closure back.
    ///
    /// # Safety
    /// The caller has exclusive claim to the job, and takes or runs it only once.
    #[inline(always)]
    pub(crate) unsafe fn take(&self) -> F {
        // SAFETY: exclusive by contract.
        let slot = unsafe { &mut *self.f.get() };
        // SAFETY: taken only once by contract.
        unsafe { ManuallyDrop::take(slot) }
    }

    /// Takes the result.
    ///
    /// # Safety
    /// The latch is set, and the result is taken only once.
    pub(crate) unsafe fn take_result(&self) -> Result<R, Payload> {
        // SAFETY: the thief has finished with it before setting the latch.
        let slot = unsafe { &*self.result.get() };
        // SAFETY: `run` has written it before setting the latch; taken only once by contract.
        unsafe { slot.assume_init_read() }
    }

    unsafe fn run(this: *const StackHeader) {
        // `header` is the first field of a `repr(C)` struct.
        // SAFETY: alive until the latch is set; this reference ends before that.
        let job = unsafe { &*this.cast::<Self>() };
        // SAFETY: the claim is exclusive and used once.
        let f = unsafe { job.take() };
        let outcome = unwind::catch(f);
        let slot = job.result.get();
        // SAFETY: only the claimant writes, before the latch.
        let slot = unsafe { &mut *slot };
        slot.write(outcome);
        let latch = &raw const job.header.latch;
        // SAFETY: alive until the swap inside.
        unsafe { Latch::set(latch) };
    }
}
