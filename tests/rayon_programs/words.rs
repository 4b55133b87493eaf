//! Texts: how often words occur, in which lines they are, what is between them.

use super::pool::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::mpsc::channel;

pub(crate) fn count(text: &str) -> BTreeMap<&str, usize> {
    let counts = text
        .par_split_whitespace()
        .fold(HashMap::new, |mut counts, word| {
            *counts.entry(word).or_insert(0) += 1;
            counts
        })
        .reduce(HashMap::new, |mut all, counts| {
            for (word, n) in counts {
                *all.entry(word).or_insert(0) += n;
            }
            all
        });
    counts.into_par_iter().collect()
}

/// The lines of each word, by a channel.
pub(crate) fn index(text: &str) -> BTreeMap<&str, BTreeSet<usize>> {
    let (sender, receiver) = channel();
    let lines: Vec<&str> = text.par_lines().collect();
    lines
        .par_iter()
        .enumerate()
        .for_each_with(sender, |sender, (number, line)| {
            for word in line.split_whitespace() {
                sender.send((word, number)).unwrap();
            }
        });
    let mut index = BTreeMap::new();
    for (word, number) in receiver {
        index
            .entry(word)
            .or_insert_with(BTreeSet::new)
            .insert(number);
    }
    index
}

pub(crate) fn capitalized(text: &str) -> String {
    text.par_lines()
        .map(|line| {
            let mut chars = line.chars();
            let first = chars.next().map(|c| c.to_uppercase().to_string());
            first.unwrap_or_default() + chars.as_str()
        })
        .intersperse("\n".to_owned())
        .collect()
}

pub(crate) fn longest(text: &str) -> Option<&str> {
    text.par_split(|c: char| !c.is_alphanumeric())
        .max_by_key(|word| (word.len(), *word))
}

pub(crate) fn histogram(text: &str) -> Vec<u32> {
    text.as_bytes()
        .par_chunks(100)
        .map(|chunk| {
            let mut counts = vec![0; 256];
            chunk
                .iter()
                .for_each(|byte| counts[usize::from(*byte)] += 1);
            counts
        })
        .reduce(
            || vec![0; 256],
            |a, b| a.into_iter().zip(b).map(|(a, b)| a + b).collect(),
        )
}
