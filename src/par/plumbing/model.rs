//! Model checks of how an owner and a thief share the steps of a piece.
//!
//! `LOOM_MAX_PREEMPTIONS=3 RUSTFLAGS="--cfg loom" cargo test --release --lib model`

use super::share::{Claim, Share};
use super::steps::Span;
use crate::sync::Arc;
use crate::sync::model::explore;
use loom::cell::UnsafeCell;
use loom::thread;

const STEPS: usize = 5;

/// A piece whose steps count how often they have been taken. Two threads at one step at a time are found by
/// the model.
struct Piece {
    share: Share,
    taken: [UnsafeCell<u32>; STEPS],
}

// SAFETY: that no two threads touch a step is what is checked.
unsafe impl Sync for Piece {}

impl Piece {
    fn new() -> Arc<Self> {
        // SAFETY: nobody else makes spans of this piece.
        let all = unsafe { Span::new(0..STEPS) };
        Arc::new(Self {
            share: Share::new(all),
            taken: std::array::from_fn(|_| UnsafeCell::new(0)),
        })
    }

    fn take(&self, span: &Span) {
        for step in span.range() {
            // SAFETY: the span is the right to it.
            self.taken[step].with_mut(|taken| unsafe { *taken += 1 });
        }
    }

    /// What the owner does, with chunks of 1, 2, ... steps; `false` if it has been robbed.
    fn own(&self) -> bool {
        let mut most = 1;
        loop {
            match self.share.claim(most) {
                Claim::Chunk(span, _) => self.take(&span),
                Claim::Robbed(rest) => {
                    self.take(&rest);
                    return false;
                }
                Claim::Empty => return true,
            }
            most += 1;
        }
    }

    fn assert_each_once(&self) {
        for (step, taken) in self.taken.iter().enumerate() {
            // SAFETY: the threads have been joined.
            let taken = taken.with(|taken| unsafe { *taken });
            assert_eq!(taken, 1, "step {step}");
        }
    }
}

#[test]
fn model_share_each_step_is_taken_once() {
    explore("share_each_step_is_taken_once", || {
        let piece = Piece::new();
        let thief = {
            let piece = Arc::clone(&piece);
            thread::spawn(move || {
                while let Some(half) = piece.share.take_half(1) {
                    piece.take(&half);
                }
            })
        };
        piece.own();
        thief.join().unwrap();
        piece.assert_each_once();
    });
}

#[test]
fn model_share_closing_leaves_nothing_to_two() {
    explore("share_closing_leaves_nothing_to_two", || {
        let piece = Piece::new();
        let thief = {
            let piece = Arc::clone(&piece);
            thread::spawn(move || {
                while let Some(half) = piece.share.take_half(1) {
                    piece.take(&half);
                }
            })
        };
        // The first chunk has panicked.
        match piece.share.claim(2) {
            Claim::Chunk(span, _) | Claim::Robbed(span) => piece.take(&span),
            // The thief has been very quick.
            Claim::Empty => {}
        }
        if let Some(rest) = piece.share.close() {
            piece.take(&rest);
        }
        thief.join().unwrap();
        piece.assert_each_once();
    });
}

#[test]
fn model_share_a_theft_is_noticed() {
    explore("share_a_theft_is_noticed", || {
        let piece = Piece::new();
        let first = piece.share.claim(1);
        let thief = {
            let piece = Arc::clone(&piece);
            thread::spawn(move || piece.share.take_half(1).map(|half| piece.take(&half)))
        };
        assert!(thief.join().unwrap().is_some());
        if let Claim::Chunk(span, _) = first {
            piece.take(&span);
        }
        // Else what is left would not be offered again.
        assert!(!piece.own());
        piece.assert_each_once();
    });
}
