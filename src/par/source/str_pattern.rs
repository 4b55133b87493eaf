//! What is looked for in strings.

/// What [`ParallelString`](crate::str::ParallelString) looks for: a `char`, a slice or an array of them (or a
/// reference to an array), or a closure that says whether a `char` is meant. It cannot be implemented outside
/// of this crate.
pub trait Pattern: Sized + Send + Sync {
    /// Where the first match is. Each match is one `char`.
    #[doc(hidden)]
    fn find_in(&self, text: &str) -> Option<usize>;

    /// All matches.
    #[doc(hidden)]
    fn matches_in<'t>(&self, text: &'t str) -> impl Iterator<Item = (usize, &'t str)>;
}

macro_rules! pattern {
    ([$($generics:tt)*] $name:ty, $self:ident => $pattern:expr) => {
        impl<$($generics)*> Pattern for $name {
            #[inline]
            fn find_in(&$self, text: &str) -> Option<usize> {
                text.find($pattern)
            }

            #[inline]
            fn matches_in<'t>(&$self, text: &'t str) -> impl Iterator<Item = (usize, &'t str)> {
                text.match_indices($pattern)
            }
        }
    };
}
pattern!([] char, self => *self);
pattern!([] &[char], self => *self);
pattern!([const N: usize] [char; N], self => &self[..]);
pattern!([const N: usize] &[char; N], self => &self[..]);
pattern!([F: Fn(char) -> bool + Send + Sync] F, self => self);
