//! Loops over parts of a string: between separators, lines, words.

use crate::par::iter::ParallelIterator;
use crate::par::plumbing::Consumer;
use crate::par::source::split::{Boundary, Cutter, Splits};
use crate::par::source::split_slice::{Included, Omitted, Separators, Terminating};
use crate::par::source::str_pattern::Pattern;
use crate::par::source::str_units::align;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

/// Made by [`par_split`](crate::str::ParallelString::par_split).
pub type Split<'ch, P> = Splits<Text<'ch, P, Omitted>>;
/// Made by [`par_split_inclusive`](crate::str::ParallelString::par_split_inclusive).
pub type SplitInclusive<'ch, P> = Splits<Text<'ch, P, Included>>;
/// Made by [`par_split_terminator`](crate::str::ParallelString::par_split_terminator).
pub type SplitTerminator<'ch, P> = Splits<Text<'ch, P, Terminating>>;

/// A text with separators.
#[derive(Clone)]
pub struct Text<'ch, P, S> {
    text: &'ch str,
    separator: P,
    separators: PhantomData<S>,
}

impl<'ch, P, S> Splits<Text<'ch, P, S>> {
    pub(crate) fn text(text: &'ch str, separator: P) -> Self {
        Self::new(Text {
            text,
            separator,
            separators: PhantomData,
        })
    }
}

impl<'ch, P: Pattern, S: Separators> Cutter for Text<'ch, P, S> {
    type Part = &'ch str;
    const EMPTY_LAST: bool = S::EMPTY_LAST;

    fn len(&self) -> usize {
        self.text.len()
    }

    #[inline]
    fn align(&self, at: usize) -> usize {
        align(self.text, at)
    }

    #[inline]
    unsafe fn find(&self, range: Range<usize>) -> Option<Boundary> {
        let piece = &self.text[range.clone()];
        let at = self.separator.find_in(piece)?;
        let len = piece[at..].chars().next().map_or(0, char::len_utf8);
        let at = range.start + at;
        Some(Boundary {
            end: if S::INCLUDED { at + len } else { at },
            begin: at + len,
        })
    }

    #[inline]
    unsafe fn part(&self, range: Range<usize>) -> &'ch str {
        &self.text[range]
    }
}

impl<P, S> fmt::Debug for Text<'_, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text, f)
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $self:ident => $parts:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        #[must_use = "iterators do nothing until they are consumed"]
        pub struct $name<'ch>(pub(crate) &'ch str);

        impl<'ch> ParallelIterator for $name<'ch> {
            type Item = &'ch str;

            fn drive<C: Consumer<&'ch str>>($self, consumer: &C, fold: C::Fold) -> C::Fold {
                $parts.drive(consumer, fold)
            }
        }
    };
}

words!(
    /// An iterator over lines; made by [`par_lines`](crate::str::ParallelString::par_lines).
    Lines, self => SplitInclusive::text(self.0, '\n').map(without_ending)
);
words!(
    /// An iterator over words; made by
    /// [`par_split_whitespace`](crate::str::ParallelString::par_split_whitespace).
    SplitWhitespace, self => Split::text(self.0, char::is_whitespace).filter(is_word)
);
words!(
    /// An iterator over words; made by
    /// [`par_split_ascii_whitespace`](crate::str::ParallelString::par_split_ascii_whitespace).
    SplitAsciiWhitespace, self => {
        Split::text(self.0, |c: char| c.is_ascii_whitespace()).filter(is_word)
    }
);

/// A carriage return belongs to the ending of a line only if a newline follows.
fn without_ending(line: &str) -> &str {
    match line.strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line),
        None => line,
    }
}

fn is_word(part: &&str) -> bool {
    !part.is_empty()
}
