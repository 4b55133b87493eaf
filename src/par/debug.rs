//! `Debug` for what cannot print all that it holds, such as closures.

/// Prints the type's name, and the fields that are named.
macro_rules! debug_fields {
    ($([$($generics:tt)*] $name:ident<$($param:tt),*> { $($field:ident),* })*) => {$(
        impl<$($generics)*> std::fmt::Debug for $name<$($param),*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    $(.field(stringify!($field), &self.$field))*
                    .finish_non_exhaustive()
            }
        }
    )*};
}

/// Prints the type's name, and how many items there are in its field `items`.
macro_rules! debug_len {
    ([$($generics:tt)*] $name:ty) => {
        impl<$($generics)*> std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("len", &self.items.len())
                    .finish_non_exhaustive()
            }
        }
    };
}

/// Prints the type's name: a small part of another type.
macro_rules! debug_name {
    ($($name:ident<$($param:ident),*>)*) => {$(
        impl<$($param),*> std::fmt::Debug for $name<$($param),*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}

pub(crate) use {debug_fields, debug_len, debug_name};
