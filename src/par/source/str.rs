//! Loops over strings: the trait.

use crate::par::source::str_pattern::Pattern;
use crate::par::source::str_split::{
    Lines, Split, SplitAsciiWhitespace, SplitInclusive, SplitTerminator, SplitWhitespace,
};
use crate::par::source::str_units::{
    Byte, Bytes, Char, CharIndex, CharIndices, Chars, EncodeUtf16, Match, MatchIndex, MatchIndices,
    Matches, Utf16,
};

/// Parallel loops over a string.
///
/// A string is cut anywhere between two characters, so that the number of items is not known beforehand.
///
/// ```
/// use windrow::prelude::*;
///
/// let longest = "rows of raked hay".par_split_whitespace().map(str::len).max();
/// assert_eq!(longest, Some(5));
/// ```
///
/// # Patterns
/// What is looked for is a `char`, a slice or an array of them (`&[char]`, `[char; N]`, `&[char; N]`), or a
/// closure `Fn(char) -> bool`.
pub trait ParallelString {
    /// The string.
    fn as_parallel_string(&self) -> &str;

    /// The characters.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// assert_eq!("hello".par_chars().max(), Some('o'));
    /// ```
    fn par_chars(&self) -> Chars<'_> {
        Chars::new(self.as_parallel_string(), Char)
    }

    /// The characters and the bytes at which they begin.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let all: Vec<_> = "größe".par_char_indices().filter(|(_, c)| !c.is_ascii()).collect();
    /// assert_eq!(all, [(2, 'ö'), (4, 'ß')]);
    /// ```
    fn par_char_indices(&self) -> CharIndices<'_> {
        CharIndices::new(self.as_parallel_string(), CharIndex)
    }

    /// The bytes. Those of a character are given one after the other on the same thread; where that does not
    /// matter, `as_bytes().par_iter()` is indexed.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// assert_eq!("hello".par_bytes().max(), Some(b'o'));
    /// ```
    fn par_bytes(&self) -> Bytes<'_> {
        Bytes::new(self.as_parallel_string(), Byte)
    }

    /// The code units of the string in UTF-16. The two of a character are given one after the other on the same
    /// thread.
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// assert_eq!("hay 🌾".par_encode_utf16().count(), 6);
    /// ```
    fn par_encode_utf16(&self) -> EncodeUtf16<'_> {
        EncodeUtf16::new(self.as_parallel_string(), Utf16)
    }

    /// The parts between matches of a [pattern](Self#patterns), as with [`str::split`].
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let parts: Vec<_> = "1,2,,3,".par_split(',').collect();
    /// assert_eq!(parts, ["1", "2", "", "3", ""]);
    /// ```
    fn par_split<P: Pattern>(&self, separator: P) -> Split<'_, P> {
        Split::text(self.as_parallel_string(), separator)
    }

    /// The parts that end with a match of a [pattern](Self#patterns), and what is left behind the last one, as
    /// with [`str::split_inclusive`].
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let parts: Vec<_> = "one\ntwo\nthree".par_split_inclusive('\n').collect();
    /// assert_eq!(parts, ["one\n", "two\n", "three"]);
    /// ```
    fn par_split_inclusive<P: Pattern>(&self, separator: P) -> SplitInclusive<'_, P> {
        SplitInclusive::text(self.as_parallel_string(), separator)
    }

    /// [`par_split`](Self::par_split) without the last part if that is empty, as with
    /// [`str::split_terminator`].
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let parts: Vec<_> = "1;2;;3;".par_split_terminator(';').collect();
    /// assert_eq!(parts, ["1", "2", "", "3"]);
    /// ```
    fn par_split_terminator<P: Pattern>(&self, terminator: P) -> SplitTerminator<'_, P> {
        SplitTerminator::text(self.as_parallel_string(), terminator)
    }

    /// The lines, without their endings, which are `\n` or `\r\n`, as with [`str::lines`].
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let lines: Vec<_> = "one\r\ntwo\n\nfour".par_lines().collect();
    /// assert_eq!(lines, ["one", "two", "", "four"]);
    /// ```
    fn par_lines(&self) -> Lines<'_> {
        Lines(self.as_parallel_string())
    }

    /// The words between any amount of whitespace, as with [`str::split_whitespace`].
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let words: Vec<_> = " rows\tof \u{2009}hay\n".par_split_whitespace().collect();
    /// assert_eq!(words, ["rows", "of", "hay"]);
    /// ```
    fn par_split_whitespace(&self) -> SplitWhitespace<'_> {
        SplitWhitespace(self.as_parallel_string())
    }

    /// The words between any amount of ASCII whitespace, as with [`str::split_ascii_whitespace`].
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let words: Vec<_> = " rows\tof\u{2009}hay\n".par_split_ascii_whitespace().collect();
    /// assert_eq!(words, ["rows", "of\u{2009}hay"]);
    /// ```
    fn par_split_ascii_whitespace(&self) -> SplitAsciiWhitespace<'_> {
        SplitAsciiWhitespace(self.as_parallel_string())
    }

    /// The matches of a [pattern](Self#patterns), as with [`str::matches`].
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let digits: Vec<_> = "1, 2, buckle".par_matches(char::is_numeric).collect();
    /// assert_eq!(digits, ["1", "2"]);
    /// ```
    fn par_matches<P: Pattern>(&self, pattern: P) -> Matches<'_, P> {
        Matches::new(self.as_parallel_string(), Match(pattern))
    }

    /// The matches of a [pattern](Self#patterns) and the bytes at which they begin, as with
    /// [`str::match_indices`].
    ///
    /// ```
    /// use windrow::prelude::*;
    ///
    /// let digits: Vec<_> = "1, 2, buckle".par_match_indices(['1', '2']).collect();
    /// assert_eq!(digits, [(0, "1"), (3, "2")]);
    /// ```
    fn par_match_indices<P: Pattern>(&self, pattern: P) -> MatchIndices<'_, P> {
        MatchIndices::new(self.as_parallel_string(), MatchIndex(pattern))
    }
}

impl ParallelString for str {
    fn as_parallel_string(&self) -> &str {
        self
    }
}
