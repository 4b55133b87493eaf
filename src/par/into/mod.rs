//! What loops are collected into.

mod vec;
