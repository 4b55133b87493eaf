//! Where a loop's items go.

use crate::par::plumbing::Place;

/// What is done with items: the end of a chain of adaptors, seen from its source.
///
/// A loop is cut into pieces, in order, one more with each theft. Each piece has a *fold*, made by
/// [`begin`](Self::begin) on the thread that runs it, which takes the piece's items one after the other; a
/// finished piece is a *part*, and parts are appended to the fold on their left. All methods work on a
/// shared reference: an adaptor's consumer is a reference to the next one and to its closure.
pub trait Consumer<T>: Sync {
    /// A piece's state. It stays on the thread that made it.
    type Fold;
    /// What a finished piece comes to.
    type Part: Send;

    /// The state of a piece that begins with the step of `at`. It is finished before the piece's fork is over.
    fn begin(&self, at: Place) -> Self::Fold;

    /// Takes one item.
    fn take(&self, fold: Self::Fold, item: T) -> Self::Fold;

    /// Takes items until there are no more, or it is full.
    #[inline]
    fn take_iter<I: Iterator<Item = T>>(&self, fold: Self::Fold, mut items: I) -> Self::Fold {
        let taken = items.try_fold(fold, |fold, item| {
            let fold = self.take(fold, item);
            if self.is_full(&fold) {
                Err(fold)
            } else {
                Ok(fold)
            }
        });
        let (Ok(fold) | Err(fold)) = taken;
        // Before anything is returned: what a function has returned leaks if a drop at its end panics, as that of what
        // is left here may.
        drop(items);
        fold
    }

    /// No more items are wanted; asked after each item.
    #[inline(always)]
    fn is_full(&self, _fold: &Self::Fold) -> bool {
        false
    }

    /// The loop is to end; asked between chunks.
    #[inline(always)]
    fn is_stopped(&self, fold: &Self::Fold) -> bool {
        self.is_full(fold)
    }

    /// A chunk begins with the step `at`.
    #[inline(always)]
    fn reach(&self, _fold: &mut Self::Fold, _at: usize) {}

    /// The thread has no more items for the piece now, and may wait for another part.
    #[inline(always)]
    fn pause(&self, _fold: &mut Self::Fold) {}

    /// Where the piece is: at the step last reached.
    #[inline(always)]
    fn at(&self, _fold: &Self::Fold) -> Place {
        Place::at(0)
    }

    /// Whatever comes behind these items is not wanted.
    #[inline(always)]
    fn is_settled(&self, _fold: &Self::Fold) -> bool {
        false
    }

    /// A piece has panicked: the others need not go on.
    fn panicked(&self) {}

    /// Steps have been discarded, because it was stopped.
    fn cut_short(&self) {}

    /// The piece is over.
    fn finish(&self, fold: Self::Fold) -> Self::Part;

    /// Adds the part on its right to a fold.
    fn append(&self, left: Self::Fold, right: Self::Part) -> Self::Fold;
}

/// Methods of a consumer that hand on to the one that it wraps, `self.inner`: those that are named, with a
/// fold that is that one's, or `[.0]`: a tuple that begins with it.
macro_rules! forward {
    ($place:tt $($method:ident)*) => {
        $($crate::par::plumbing::forward!(@ $method $place);)*
    };
    (@ begin []) => {
        #[inline(always)]
        fn begin(&self, at: $crate::par::plumbing::Place) -> Self::Fold {
            self.inner.begin(at)
        }
    };
    (@ is_full [$($place:tt)*]) => {
        #[inline(always)]
        fn is_full(&self, fold: &Self::Fold) -> bool {
            self.inner.is_full(&(*fold)$($place)*)
        }
    };
    (@ is_stopped [$($place:tt)*]) => {
        #[inline(always)]
        fn is_stopped(&self, fold: &Self::Fold) -> bool {
            self.inner.is_stopped(&(*fold)$($place)*)
        }
    };
    (@ reach [$($place:tt)*]) => {
        #[inline(always)]
        fn reach(&self, fold: &mut Self::Fold, at: usize) {
            self.inner.reach(&mut (*fold)$($place)*, at);
        }
    };
    (@ pause [$($place:tt)*]) => {
        #[inline(always)]
        fn pause(&self, fold: &mut Self::Fold) {
            self.inner.pause(&mut (*fold)$($place)*);
        }
    };
    (@ at [$($place:tt)*]) => {
        #[inline(always)]
        fn at(&self, fold: &Self::Fold) -> $crate::par::plumbing::Place {
            self.inner.at(&(*fold)$($place)*)
        }
    };
    (@ is_settled [$($place:tt)*]) => {
        #[inline(always)]
        fn is_settled(&self, fold: &Self::Fold) -> bool {
            self.inner.is_settled(&(*fold)$($place)*)
        }
    };
    (@ panicked $place:tt) => {
        fn panicked(&self) {
            self.inner.panicked();
        }
    };
    (@ cut_short $place:tt) => {
        fn cut_short(&self) {
            self.inner.cut_short();
        }
    };
    (@ finish [$($place:tt)*]) => {
        #[inline(always)]
        fn finish(&self, fold: Self::Fold) -> Self::Part {
            self.inner.finish(fold$($place)*)
        }
    };
    (@ append []) => {
        #[inline(always)]
        fn append(&self, left: Self::Fold, right: Self::Part) -> Self::Fold {
            self.inner.append(left, right)
        }
    };
    (@ append [.0]) => {
        #[inline(always)]
        fn append(&self, left: Self::Fold, right: Self::Part) -> Self::Fold {
            (self.inner.append(left.0, right), left.1)
        }
    };
}

/// Everything but `take`, and `take_iter` if there is a better one, for a consumer of which the inner one
/// takes `$item`.
macro_rules! forward_consumer {
    ($item:ty) => {
        type Fold = <C as $crate::par::plumbing::Consumer<$item>>::Fold;
        type Part = <C as $crate::par::plumbing::Consumer<$item>>::Part;
        $crate::par::plumbing::forward!(
            [] begin is_full is_stopped is_settled reach pause at panicked cut_short finish append
        );
    };
}

/// The same for a consumer whose fold is `(the inner one's, $own)`; the second part (`$fresh` makes it) is
/// lost with the piece.
macro_rules! forward_consumer_with {
    ($item:ty, $own:ty, $fresh:expr) => {
        type Fold = (
            <C as $crate::par::plumbing::Consumer<$item>>::Fold,
            $own,
        );
        type Part = <C as $crate::par::plumbing::Consumer<$item>>::Part;
        #[inline(always)]
        fn begin(&self, at: $crate::par::plumbing::Place) -> Self::Fold {
            (self.inner.begin(at), $fresh)
        }
        $crate::par::plumbing::forward!(
            [.0] is_full is_stopped is_settled reach pause at panicked cut_short finish append
        );
    };
}

pub(crate) use {forward, forward_consumer, forward_consumer_with};

/// The consumer of the second of two loops that are one: its steps come after those of the first.
#[derive(Debug)]
pub(crate) struct Behind<'c, C> {
    pub(crate) inner: &'c C,
    /// How many steps the first one has, if that is known.
    pub(crate) steps: Option<usize>,
}

/// No loop has a step behind it.
const LAST_STEP: usize = usize::MAX - 1;

impl<C> Behind<'_, C> {
    /// Where a step is in both together. After an unknown number of them: at the very end, so that what is
    /// found there is behind all that is found before; so are steps that a usize cannot count.
    fn step(&self, at: usize) -> usize {
        self.steps
            .map_or(LAST_STEP, |steps| steps.saturating_add(at).min(LAST_STEP))
    }
}

impl<T, C: Consumer<T>> Consumer<T> for Behind<'_, C> {
    type Fold = C::Fold;
    type Part = C::Part;
    forward!([] is_full is_stopped is_settled pause panicked cut_short finish append);

    #[inline(always)]
    fn begin(&self, at: Place) -> C::Fold {
        self.inner.begin(at.with_step(self.step(at.step)))
    }
    /// As its own steps count, so that `begin` makes the same of it again.
    #[inline(always)]
    fn at(&self, fold: &C::Fold) -> Place {
        let at = self.inner.at(fold);
        at.with_step(at.step.saturating_sub(self.steps.unwrap_or(LAST_STEP)))
    }
    #[inline(always)]
    fn reach(&self, fold: &mut C::Fold, at: usize) {
        self.inner.reach(fold, self.step(at));
    }
    #[inline(always)]
    fn take(&self, fold: C::Fold, item: T) -> C::Fold {
        self.inner.take(fold, item)
    }
    #[inline(always)]
    fn take_iter<I: Iterator<Item = T>>(&self, fold: C::Fold, items: I) -> C::Fold {
        self.inner.take_iter(fold, items)
    }
}

/// The consumer of a loop inside of a loop: all of its pieces are at the outer loop's step.
#[derive(Debug)]
pub(crate) struct Nested<'c, C> {
    pub(crate) inner: &'c C,
    pub(crate) step: usize,
}

impl<T, C: Consumer<T>> Consumer<T> for Nested<'_, C> {
    type Fold = C::Fold;
    type Part = C::Part;
    forward!([] is_full is_stopped is_settled pause at panicked cut_short finish append);

    #[inline(always)]
    fn begin(&self, at: Place) -> C::Fold {
        self.inner.begin(at.with_step(self.step))
    }
    #[inline(always)]
    fn reach(&self, fold: &mut C::Fold, _at: usize) {
        self.inner.reach(fold, self.step);
    }
    #[inline(always)]
    fn take(&self, fold: C::Fold, item: T) -> C::Fold {
        self.inner.take(fold, item)
    }
    #[inline(always)]
    fn take_iter<I: Iterator<Item = T>>(&self, fold: C::Fold, items: I) -> C::Fold {
        self.inner.take_iter(fold, items)
    }
}
