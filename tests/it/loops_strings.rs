//! Parallel loops over strings: the same as the serial ones.

use std::fmt::Write as _;
use std::thread;

use windrow::prelude::*;

use crate::random::Random;
use crate::support::{SIZES, panic_of, pool, text};

fn on_pools(test: impl Fn() + Sync) {
    for size in SIZES {
        pool(size).install(&test);
    }
}

/// Texts of characters of every length, with separators of every length in some density.
fn texts() -> Vec<String> {
    let mut random = Random::new(1);
    let letters: Vec<char> = "abcäß€—漢🌾𝄞".chars().collect();
    let breaks: Vec<char> = ", \n\r\t;\u{2009}\u{85}🦀".chars().collect();
    let mut texts: Vec<String> = [
        "", "\n", "\r", "\r\n", "a\r", "a\r\n", "a\n\r", ",", ",,", "🦀",
    ]
    .map(str::to_owned)
    .to_vec();
    for len in [1, 2, 3, 10, 600, 3_000] {
        for rarity in [1, 2, 10, 500, u64::MAX] {
            let letter = |random: &mut Random| {
                let from = if random.one_in(rarity) {
                    &breaks
                } else {
                    &letters
                };
                from[random.below(from.len() as u64) as usize]
            };
            texts.push((0..len).map(|_| letter(&mut random)).collect());
        }
    }
    texts.push("\r\n".repeat(700));
    texts.push("x".repeat(5_000));
    texts.push("🦀".repeat(1_500));
    texts
}

#[test]
fn what_a_string_is_made_of_comes_in_order() {
    on_pools(|| {
        for t in texts() {
            let slowly = |c: &char| {
                if *c == 'ß' {
                    thread::yield_now();
                }
            };
            let chars: Vec<char> = t.par_chars().inspect(slowly).collect();
            assert!(chars.into_iter().eq(t.chars()));
            let all: Vec<_> = t.par_char_indices().inspect(|(_, c)| slowly(c)).collect();
            assert!(all.into_iter().eq(t.char_indices()));
            let bytes: Vec<u8> = t.par_bytes().collect();
            assert!(bytes.into_iter().eq(t.bytes()));
            let units: Vec<u16> = t.par_encode_utf16().collect();
            assert!(units.into_iter().eq(t.encode_utf16()));
        }
    });
}

#[test]
fn a_string_is_split_as_by_the_serial_methods() {
    on_pools(|| {
        for t in texts() {
            let t = &t[..];
            macro_rules! same {
                ($par:ident, $serial:ident, $pattern:expr) => {
                    let parts: Vec<_> = t.$par($pattern).collect();
                    let expected: Vec<_> = t.$serial($pattern).collect();
                    assert_eq!(parts, expected, "{} of {t:?}", stringify!($par));
                };
            }
            macro_rules! same_with_each_pattern {
                ($par:ident, $serial:ident) => {
                    same!($par, $serial, ',');
                    same!($par, $serial, '🦀');
                    same!($par, $serial, 'x');
                    same!($par, $serial, &[',', ';', '🦀'][..]);
                    same!($par, $serial, [',', '\u{2009}']);
                    same!($par, $serial, &['\n', '漢']);
                    same!($par, $serial, |c: char| {
                        if c == ',' {
                            thread::yield_now();
                        }
                        c.is_whitespace()
                    });
                    same!($par, $serial, char::is_alphanumeric);
                };
            }
            same_with_each_pattern!(par_split, split);
            same_with_each_pattern!(par_split_inclusive, split_inclusive);
            same_with_each_pattern!(par_split_terminator, split_terminator);
            same_with_each_pattern!(par_matches, matches);
            same_with_each_pattern!(par_match_indices, match_indices);
        }
    });
}

#[test]
fn lines_and_words_are_those_of_the_serial_methods() {
    on_pools(|| {
        for t in texts() {
            let lines: Vec<_> = t.par_lines().collect();
            assert_eq!(lines, t.lines().collect::<Vec<_>>(), "lines of {t:?}");
            let words: Vec<_> = t.par_split_whitespace().collect();
            assert_eq!(words, t.split_whitespace().collect::<Vec<_>>());
            let words: Vec<_> = t.par_split_ascii_whitespace().collect();
            assert_eq!(words, t.split_ascii_whitespace().collect::<Vec<_>>());
        }
    });
}

#[test]
fn closures_need_no_types() {
    let parts: Vec<_> = "(a)b".par_split(|c| c == '(' || c == ')').collect();
    assert_eq!(parts, ["", "a", "b"]);
    let sum: i32 = "1, 2, buckle, 3"
        .par_split(',')
        .filter_map(|s| s.trim().parse::<i32>().ok())
        .sum();
    assert_eq!(sum, 6);
    let string = String::from("a b");
    assert_eq!(string.par_split(' ').count(), 2);
}

#[test]
fn a_search_in_lines_finds_the_first_and_the_last() {
    on_pools(|| {
        let mut t = String::new();
        for i in 0..2_000 {
            writeln!(t, "{i}{}", "-".repeat(i % 7)).unwrap();
        }
        let ends = |line: &&str| {
            thread::yield_now();
            line.ends_with("7------")
        };
        assert_eq!(t.par_lines().find_first(ends), t.lines().find(ends));
        assert_eq!(t.par_lines().find_last(ends), t.lines().rfind(ends));
    });
}

#[test]
fn draining_a_string_takes_characters_out() {
    on_pools(|| {
        for t in texts() {
            let places: Vec<usize> = t.char_indices().map(|(i, _)| i).collect();
            let [Some(&from), Some(&to)] =
                [places.get(places.len() / 3), places.get(places.len() / 2)]
            else {
                continue;
            };
            let (mut a, mut b) = (t.clone(), t.clone());
            let taken: Vec<char> = a.par_drain(from..to).collect();
            let expected: Vec<char> = b.drain(from..to).collect();
            assert_eq!((a, taken), (b, expected));
        }
    });
}

#[test]
fn what_a_drain_does_not_give_is_gone_all_the_same() {
    let mut t = String::from("rows of hay");
    drop(t.par_drain(..5));
    assert_eq!(t, "of hay");
    t.par_drain(..=2).find_any(|_| true);
    assert_eq!(t, "hay");
    let payload = panic_of(|| t.par_drain(1..).for_each(|c| panic!("met {c}")));
    assert!(text(&*payload).starts_with("met "));
    assert_eq!(t, "h");
    t.par_drain(..).for_each(drop);
    assert_eq!(t, "");
}

#[test]
fn a_drain_does_not_cut_a_character() {
    let mut t = String::from("größe");
    let payload = panic_of(|| drop(t.par_drain(3..)));
    assert!(text(&*payload).contains("within a character"));
    let payload = panic_of(|| drop(t.par_drain(..99)));
    assert!(text(&*payload).contains("beyond the length"));
    assert_eq!(t, "größe");
}
