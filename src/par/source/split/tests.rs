//! Pieces cut, stopped and joined in every way that a driver might come upon: what is given are real parts, in
//! order, and all of those that somebody has seen from end to end.

use super::{Cutter, Piece, Splits, Splitting};
use crate::par::plumbing::{Consumer, Place};
use crate::par::source::ground::Shared;
use crate::par::source::split_slice::{Included, Omitted, Separated, Separators};
use crate::rng::Rng;
use std::ops::Range;
use std::sync::Mutex;

/// An item knows where it is.
type Item = (usize, bool);

/// Collects parts as ranges; a piece is full when it has so many.
struct Collect {
    most: usize,
}

impl<'t> Consumer<&'t [Item]> for Collect {
    type Fold = Vec<&'t [Item]>;
    type Part = Vec<&'t [Item]>;

    fn begin(&self, _at: Place) -> Self::Fold {
        Vec::new()
    }

    fn take(&self, mut fold: Self::Fold, item: &'t [Item]) -> Self::Fold {
        fold.push(item);
        fold
    }

    fn is_full(&self, fold: &Self::Fold) -> bool {
        fold.len() >= self.most
    }

    fn finish(&self, fold: Self::Fold) -> Self::Part {
        fold
    }

    fn append(&self, mut left: Self::Fold, right: Self::Part) -> Self::Fold {
        left.extend(right);
        left
    }
}

/// What a driver does, cut at random.
fn run<'t, X: Cutter<Part = &'t [Item]>>(
    splitting: &Splitting<'_, Collect, X>,
    random: &Rng,
    mut span: Range<usize>,
    mut piece: Piece<Vec<&'t [Item]>>,
) -> Piece<Vec<&'t [Item]>> {
    while !span.is_empty() && !splitting.is_stopped(&piece) {
        if random.below(3) == 0 {
            // A thief may leave nothing behind.
            let mid = span.start + random.below(span.len());
            let right = run(
                splitting,
                random,
                mid..span.end,
                splitting.begin(Place::at(mid)),
            );
            piece = run(splitting, random, span.start..mid, piece);
            return splitting.append(piece, splitting.finish(right));
        }
        let end = span.end.min(span.start + 1 + random.below(4));
        piece = splitting.take(piece, span.start..end);
        span.start = end;
    }
    piece
}

/// Where the parts lie that are given; whoever has none is empty, and lies nowhere.
fn given<'t, X: Cutter<Part = &'t [Item]>>(
    splits: &Splits<X>,
    most: usize,
    random: &Rng,
    items: &'t [Item],
) -> Vec<Range<usize>> {
    let splitting = Splitting {
        inner: &Collect { most },
        cutter: &splits.cutter,
    };
    let piece = run(
        &splitting,
        random,
        0..items.len(),
        Piece::leftmost(Vec::new()),
    );
    let parts = piece.inner.into_iter();
    parts
        .map(|part| {
            let bytes = part.as_ptr() as usize - items.as_ptr() as usize;
            let start = bytes / size_of::<Item>();
            start..start + part.len()
        })
        .collect()
}

fn check(
    parts: &[Range<usize>],
    all: &[Range<usize>],
    looked: &[bool],
    most: usize,
    looks_back: usize,
) {
    let len = looked.len();
    let mut rest = all.iter();
    for part in parts {
        assert!(rest.any(|real| real == part), "{part:?} of {all:?}");
    }
    for real in all {
        // Its boundaries are at its begin and end if they are between items, else at the items next to it.
        let seen = if looks_back == 1 {
            real.start.max(1)..(real.end + 1).min(len)
        } else {
            real.start.saturating_sub(1)..(real.end + 1).min(len)
        };
        // A piece that is full when all has been looked at does not give what is left.
        let left_over = most != usize::MAX && real.start + looks_back >= len;
        if looked[seen].iter().all(|&looked| looked) && !left_over {
            assert!(parts.contains(real), "{real:?} is not in {parts:?}");
        }
    }
}

fn separated<S: Separators>(items: &[Item], most: usize, random: &Rng) {
    let looked = Mutex::new(vec![false; items.len()]);
    let splits = Splits::<Separated<_, _, S>>::separated(Shared::new(items), |item: &Item| {
        let before = std::mem::replace(&mut looked.lock().unwrap()[item.0], true);
        assert!(!before, "looked at twice");
        item.1
    });
    let parts = given(&splits, most, random, items);
    let mut all = Vec::new();
    let mut start = 0;
    for &(at, is_separator) in items {
        if is_separator {
            all.push(start..at + usize::from(S::INCLUDED));
            start = at + 1;
        }
    }
    if S::EMPTY_LAST || start < items.len() {
        all.push(start..items.len());
    }
    check(&parts, &all, &looked.lock().unwrap(), most, 0);
}

fn runs(items: &[Item], most: usize, random: &Rng) {
    let looked = Mutex::new(vec![false; items.len()]);
    let splits = Splits::runs(Shared::new(items), |a: &Item, b: &Item| {
        assert_eq!(a.0 + 1, b.0);
        let before = std::mem::replace(&mut looked.lock().unwrap()[b.0], true);
        assert!(!before, "looked at twice");
        !b.1
    });
    let parts = given(&splits, most, random, items);
    let mut all: Vec<Range<usize>> = Vec::new();
    for part in items.chunk_by(|_, b| !b.1) {
        let start = part[0].0;
        all.push(start..start + part.len());
    }
    check(&parts, &all, &looked.lock().unwrap(), most, 1);
}

#[test]
fn pieces_that_stop_anywhere_give_what_they_have_seen_and_nothing_else() {
    let random = Rng::new(1);
    for _ in 0..20_000 {
        let len = 1 + random.below(40);
        let rarity = 1 + random.below(12);
        let items: Vec<Item> = (0..len).map(|i| (i, random.below(rarity) == 0)).collect();
        let most = match random.below(4) {
            0 => usize::MAX,
            most => most,
        };
        separated::<Omitted>(&items, most, &random);
        separated::<Included>(&items, most, &random);
        runs(&items, most, &random);
    }
}
