//! What ranges are made of: integers of every length, and characters.

use std::ops::Range;

/// An integer or a character.
pub trait RangeItem: Copy + PartialOrd + Send + Sync + std::fmt::Debug + 'static {
    #[doc(hidden)]
    type Serial: Iterator<Item = Self>;
    /// How many items lie between this one and `end`, which is not less, with this one.
    #[doc(hidden)]
    fn distance(self, end: Self) -> u128;
    /// The item so many items further, which exists.
    #[doc(hidden)]
    fn at(self, index: usize) -> Self;
    /// [`at`](Self::at) for long ranges.
    #[doc(hidden)]
    fn far(self, index: u128) -> Self;
    /// The next one.
    #[doc(hidden)]
    fn next(self) -> Option<Self>;
    #[doc(hidden)]
    fn serial(range: Range<Self>) -> Self::Serial;
}

/// One of those of which a range is indexed: all but those of 128 bits.
pub trait IndexedRangeItem: RangeItem {}

macro_rules! range_integer {
    ($($int:ident as $unsigned:ident)*) => {$(
        impl RangeItem for $int {
            type Serial = Range<$int>;

            #[inline]
            fn distance(self, end: $int) -> u128 {
                // The difference always fits the unsigned type of the same length.
                end.wrapping_sub(self) as $unsigned as u128
            }

            #[inline(always)]
            fn at(self, index: usize) -> $int {
                self.wrapping_add(index as $int)
            }

            #[inline]
            fn far(self, index: u128) -> $int {
                self.wrapping_add(index as $int)
            }

            #[inline]
            fn next(self) -> Option<$int> {
                self.checked_add(1)
            }

            #[inline(always)]
            fn serial(range: Range<$int>) -> Range<$int> {
                range
            }
        }
    )*};
}
range_integer!(
    u8 as u8 u16 as u16 u32 as u32 u64 as u64 u128 as u128 usize as usize
    i8 as u8 i16 as u16 i32 as u32 i64 as u64 i128 as u128 isize as usize
);

/// The first of the numbers that are no characters, and how many there are.
const GAP: (u32, u32) = (0xD800, 0x800);

/// The number of a character if those that are none are left out.
#[inline]
fn packed(c: char) -> u32 {
    let code = u32::from(c);
    if code < GAP.0 { code } else { code - GAP.1 }
}

#[inline]
fn unpacked(number: u32) -> char {
    let code = if number < GAP.0 {
        number
    } else {
        number + GAP.1
    };
    char::from_u32(code).expect("a place within a range of characters")
}

impl RangeItem for char {
    type Serial = Range<char>;

    fn distance(self, end: char) -> u128 {
        u128::from(packed(end) - packed(self))
    }

    #[inline]
    fn at(self, index: usize) -> char {
        unpacked(packed(self) + index as u32)
    }

    fn far(self, index: u128) -> char {
        unpacked(packed(self) + index as u32)
    }

    fn next(self) -> Option<char> {
        (self < char::MAX).then(|| unpacked(packed(self) + 1))
    }

    #[inline]
    fn serial(range: Range<char>) -> Range<char> {
        range
    }
}

macro_rules! indexed {
    ($($item:ident)*) => {$(
        impl IndexedRangeItem for $item {}
    )*};
}
indexed!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize char);
