//! What loops are collected into.

mod collections;
mod fallible;
mod pairs;
mod slices;
mod text;
mod unit;
mod vec;
