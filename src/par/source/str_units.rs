//! Loops over what a string is made of, and over single characters that are looked for in it.

use crate::par::debug::debug_name;
use crate::par::iter::ParallelIterator;
use crate::par::plumbing::{Consumer, Span, Steps, drive_steps, owns_nothing};
use crate::par::source::str_pattern::Pattern;
use std::fmt;

/// The first begin of a character from `at` on, or the end.
#[inline]
pub(crate) fn align(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

/// What is to be found in a text, character by character.
pub trait Unit: Send + Sync {
    /// What is found.
    type Item<'t>: Send;
    /// Everything in this piece, which begins at the byte `at` of the whole.
    fn items<'t>(&self, piece: &'t str, at: usize) -> impl Iterator<Item = Self::Item<'t>>;
}

/// An iterator over what is found in a string; see its aliases. Its steps are bytes; the items of a character
/// are those of its first byte, and not torn apart.
#[derive(Clone)]
#[must_use = "iterators do nothing until they are consumed"]
pub struct Units<'ch, U> {
    text: &'ch str,
    unit: U,
}

/// Made by [`par_chars`](crate::str::ParallelString::par_chars).
pub type Chars<'ch> = Units<'ch, Char>;
/// Made by [`par_char_indices`](crate::str::ParallelString::par_char_indices).
pub type CharIndices<'ch> = Units<'ch, CharIndex>;
/// Made by [`par_bytes`](crate::str::ParallelString::par_bytes).
pub type Bytes<'ch> = Units<'ch, Byte>;
/// Made by [`par_encode_utf16`](crate::str::ParallelString::par_encode_utf16).
pub type EncodeUtf16<'ch> = Units<'ch, Utf16>;
/// Made by [`par_matches`](crate::str::ParallelString::par_matches).
pub type Matches<'ch, P> = Units<'ch, Match<P>>;
/// Made by [`par_match_indices`](crate::str::ParallelString::par_match_indices).
pub type MatchIndices<'ch, P> = Units<'ch, MatchIndex<P>>;

/// Characters.
#[derive(Clone, Debug)]
pub struct Char;
/// Characters and where they begin.
#[derive(Clone, Debug)]
pub struct CharIndex;
/// Bytes.
#[derive(Clone, Debug)]
pub struct Byte;
/// Code units of UTF-16.
#[derive(Clone, Debug)]
pub struct Utf16;
/// Matches of a pattern.
#[derive(Clone)]
pub struct Match<P>(pub(crate) P);
/// Matches of a pattern and where they begin.
#[derive(Clone)]
pub struct MatchIndex<P>(pub(crate) P);

impl Unit for Char {
    type Item<'t> = char;
    #[inline]
    fn items(&self, piece: &str, _at: usize) -> impl Iterator<Item = char> {
        piece.chars()
    }
}

impl Unit for CharIndex {
    type Item<'t> = (usize, char);
    #[inline]
    fn items(&self, piece: &str, at: usize) -> impl Iterator<Item = (usize, char)> {
        piece.char_indices().map(move |(i, c)| (at + i, c))
    }
}

impl Unit for Byte {
    type Item<'t> = u8;
    #[inline]
    fn items(&self, piece: &str, _at: usize) -> impl Iterator<Item = u8> {
        piece.bytes()
    }
}

impl Unit for Utf16 {
    type Item<'t> = u16;
    #[inline]
    fn items(&self, piece: &str, _at: usize) -> impl Iterator<Item = u16> {
        piece.encode_utf16()
    }
}

impl<P: Pattern> Unit for Match<P> {
    type Item<'t> = &'t str;
    #[inline]
    fn items<'t>(&self, piece: &'t str, _at: usize) -> impl Iterator<Item = &'t str> {
        self.0.matches_in(piece).map(|(_, found)| found)
    }
}

impl<P: Pattern> Unit for MatchIndex<P> {
    type Item<'t> = (usize, &'t str);
    #[inline]
    fn items<'t>(&self, piece: &'t str, at: usize) -> impl Iterator<Item = (usize, &'t str)> {
        self.0
            .matches_in(piece)
            .map(move |(i, found)| (at + i, found))
    }
}

impl<'ch, U> Units<'ch, U> {
    pub(crate) fn new(text: &'ch str, unit: U) -> Self {
        Self { text, unit }
    }
}

impl<'ch, U: Unit> ParallelIterator for Units<'ch, U> {
    type Item = U::Item<'ch>;

    fn drive<C: Consumer<Self::Item>>(self, consumer: &C, fold: C::Fold) -> C::Fold {
        drive_steps(self, consumer, fold)
    }
}

impl<'ch, U: Unit> Steps for Units<'ch, U> {
    owns_nothing!();

    fn steps(&self) -> usize {
        self.text.len()
    }

    #[inline]
    fn feed<C: Consumer<Self::Item>>(
        &self,
        (): &mut (),
        span: Span,
        consumer: &C,
        fold: C::Fold,
    ) -> C::Fold {
        let start = align(self.text, span.start());
        let end = align(self.text, span.end());
        let items = self.unit.items(&self.text[start..end], start);
        consumer.take_iter(fold, items)
    }
}

impl<U> fmt::Debug for Units<'_, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Units").field(&self.text).finish()
    }
}

debug_name!(Match<P> MatchIndex<P>);
