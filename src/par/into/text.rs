//! Collecting into strings. Each piece of the loop writes a string of its own, then these are put together.

use crate::par::finish::pieces::into_pieces;
use crate::par::iter::{FromParallelIterator, IntoParallelIterator, ParallelExtend};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};

macro_rules! text {
    ($text:ident, $push:ident: $([$($a:lifetime)?] $item:ty),+) => {$(
        impl<$($a)?> ParallelExtend<$item> for $text {
            fn par_extend<I>(&mut self, par_iter: I)
            where
                I: IntoParallelIterator<Item = $item>,
            {
                let (first, rest): ($text, Vec<$text>) =
                    into_pieces(par_iter.into_par_iter()).into_parts();
                let more: usize = rest.iter().map(|text| text.len()).sum();
                if self.is_empty() && self.capacity() < first.len() + more {
                    *self = first;
                    self.reserve(more);
                } else {
                    self.reserve(first.len() + more);
                    self.$push(&first);
                }
                for text in rest {
                    self.$push(&text);
                }
            }
        }

        impl<$($a)?> FromParallelIterator<$item> for $text {
            fn from_par_iter<I>(par_iter: I) -> Self
            where
                I: IntoParallelIterator<Item = $item>,
            {
                let mut text = Self::new();
                text.par_extend(par_iter);
                text
            }
        }
    )+};
}
text!(String, push_str:
    [] char, ['a] &'a char, ['a] &'a str, ['a] Cow<'a, str>, [] String, [] Box<str>);
text!(OsString, push: ['a] &'a OsStr, ['a] Cow<'a, OsStr>, [] OsString);

macro_rules! boxed_text {
    ($([$($a:lifetime)?] $item:ty),+) => {$(
        impl<$($a)?> FromParallelIterator<$item> for Box<str> {
            fn from_par_iter<I>(par_iter: I) -> Self
            where
                I: IntoParallelIterator<Item = $item>,
            {
                String::from_par_iter(par_iter).into_boxed_str()
            }
        }
    )+};
}
boxed_text!([] char, ['a] &'a char, ['a] &'a str, ['a] Cow<'a, str>, [] String, [] Box<str>);
