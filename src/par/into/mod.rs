//! What loops are collected into.

mod vec;

pub(crate) use vec::unzip_in_place;
