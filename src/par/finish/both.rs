//! Pairs, whose halves go to two consumers.

use crate::par::plumbing::Consumer;

/// The first halves go to `left`, the second ones to `right`.
pub(crate) struct Both<A, B> {
    pub(crate) left: A,
    pub(crate) right: B,
}

impl<T, U, A: Consumer<T>, B: Consumer<U>> Consumer<(T, U)> for Both<A, B> {
    type Fold = (A::Fold, B::Fold);
    type Part = (A::Part, B::Part);

    fn begin(&self, at: usize) -> Self::Fold {
        (self.left.begin(at), self.right.begin(at))
    }

    #[inline(always)]
    fn take(&self, fold: Self::Fold, (left, right): (T, U)) -> Self::Fold {
        (self.left.take(fold.0, left), self.right.take(fold.1, right))
    }

    #[inline(always)]
    fn is_full(&self, fold: &Self::Fold) -> bool {
        self.left.is_full(&fold.0) && self.right.is_full(&fold.1)
    }

    #[inline(always)]
    fn reach(&self, fold: &mut Self::Fold, at: usize) {
        self.left.reach(&mut fold.0, at);
        self.right.reach(&mut fold.1, at);
    }

    #[inline(always)]
    fn at(&self, fold: &Self::Fold) -> usize {
        self.left.at(&fold.0)
    }

    fn panicked(&self) {
        self.left.panicked();
        self.right.panicked();
    }

    fn finish(&self, fold: Self::Fold) -> Self::Part {
        (self.left.finish(fold.0), self.right.finish(fold.1))
    }

    fn append(&self, left: Self::Fold, right: Self::Part) -> Self::Fold {
        (
            self.left.append(left.0, right.0),
            self.right.append(left.1, right.1),
        )
    }
}
