//! Parallel loops over parts of slices: the same parts as with the serial ones, in the same order, and each once.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Mutex;
use std::thread;

use windrow::CancelToken;
use windrow::prelude::*;

use crate::random::Random;
use crate::support::{SIZES, panic_of, pool, text, yield_until};

/// Lets other threads come by now and then, so that loops are cut.
fn pause(now: bool) {
    if now {
        thread::yield_now();
    }
}

fn on_pools(test: impl Fn() + Sync) {
    for size in SIZES {
        pool(size).install(&test);
    }
}

/// Slices of all the lengths at which something may be different, with zeros in some density.
fn slices(random: &mut Random) -> Vec<Vec<u32>> {
    let mut slices = Vec::new();
    for len in [0, 1, 2, 3, 5, 7, 8, 9, 511, 512, 513, 3_000] {
        for zeros in [1, 2, 5, 200, u64::MAX] {
            let item = |random: &mut Random| {
                if random.one_in(zeros) {
                    0
                } else {
                    1 + random.below(9) as u32
                }
            };
            slices.push((0..len).map(|_| item(random)).collect());
        }
    }
    slices
}

#[test]
fn chunks_and_windows_are_those_of_the_serial_methods() {
    on_pools(|| {
        for slice in slices(&mut Random::new(1)).iter().step_by(5) {
            let slice = &slice[..];
            for size in [1, 2, 3, 7, 511, 512, 513, 2_999, 3_000, 3_001, usize::MAX] {
                macro_rules! same {
                    ($par:ident, $serial:ident) => {
                        let expected: Vec<_> = slice.$serial(size).collect();
                        assert_eq!(slice.$par(size).len(), expected.len());
                        let parts: Vec<_> = slice
                            .$par(size)
                            .map(|part| {
                                pause(part.len() % 4 == 1);
                                part
                            })
                            .collect();
                        assert_eq!(parts, expected, "{} of {size}", stringify!($par));
                        let filtered: Vec<_> = slice.$par(size).filter(|_| true).collect();
                        assert_eq!(filtered, expected);
                        let mut copied = Vec::new();
                        slice.$par(size).collect_into_vec(&mut copied);
                        assert_eq!(copied, expected);
                    };
                }
                same!(par_chunks, chunks);
                same!(par_chunks_exact, chunks_exact);
                same!(par_rchunks, rchunks);
                same!(par_rchunks_exact, rchunks_exact);
                same!(par_windows, windows);
            }
        }
    });
}

#[test]
fn array_windows_are_windows() {
    on_pools(|| {
        for slice in slices(&mut Random::new(2)) {
            let arrays: Vec<&[u32; 3]> = slice.par_array_windows().collect();
            assert!(arrays.into_iter().map(|a| &a[..]).eq(slice.windows(3)));
            let single: Vec<&[u32; 1]> = slice.par_array_windows().collect();
            assert_eq!(single.len(), slice.len());
        }
    });
}

#[test]
fn mutable_chunks_are_those_of_the_serial_methods() {
    on_pools(|| {
        for slice in slices(&mut Random::new(3)).iter().step_by(5) {
            for size in [1, 2, 3, 511, 513, 3_001, usize::MAX] {
                macro_rules! same {
                    ($par:ident, $serial:ident) => {
                        let (mut a, mut b) = (slice.clone(), slice.clone());
                        let lens: Vec<usize> = a
                            .$par(size)
                            .map(|part| {
                                part.iter_mut().for_each(|x| *x += 1);
                                part.reverse();
                                part.len()
                            })
                            .collect();
                        let expected: Vec<usize> = b
                            .$serial(size)
                            .map(|part| {
                                part.iter_mut().for_each(|x| *x += 1);
                                part.reverse();
                                part.len()
                            })
                            .collect();
                        assert_eq!((a, lens), (b, expected), "{}", stringify!($par));
                    };
                }
                same!(par_chunks_mut, chunks_mut);
                same!(par_chunks_exact_mut, chunks_exact_mut);
                same!(par_rchunks_mut, rchunks_mut);
                same!(par_rchunks_exact_mut, rchunks_exact_mut);
            }
        }
    });
}

#[test]
fn remainders_are_those_of_the_serial_methods() {
    let mut numbers = [1, 2, 3, 4, 5, 6, 7];
    for size in 1..9 {
        let from_front = numbers.chunks_exact(size).remainder().to_vec();
        let from_back = numbers.rchunks_exact(size).remainder().to_vec();
        assert_eq!(numbers.par_chunks_exact(size).remainder(), from_front);
        assert_eq!(numbers.par_rchunks_exact(size).remainder(), from_back);
        let mut chunks = numbers.par_chunks_exact_mut(size);
        assert_eq!(chunks.remainder(), from_front);
        assert_eq!(chunks.take_remainder(), from_front);
        assert_eq!(chunks.take_remainder(), []);
        assert_eq!(chunks.into_remainder(), []);
        let chunks = numbers.par_rchunks_exact_mut(size);
        assert_eq!(chunks.into_remainder(), from_back);
    }
}

#[test]
fn no_part_has_a_size_of_zero() {
    let mut numbers = [1, 2, 3];
    let mut texts = vec![
        panic_of(|| numbers.par_chunks(0)),
        panic_of(|| numbers.par_chunks_exact(0)),
        panic_of(|| numbers.par_rchunks(0)),
        panic_of(|| numbers.par_rchunks_exact(0)),
        panic_of(|| numbers.par_windows(0)),
        panic_of(|| numbers.par_array_windows::<0>()),
    ];
    texts.push(panic_of(|| drop(numbers.par_chunks_mut(0))));
    texts.push(panic_of(|| drop(numbers.par_chunks_exact_mut(0))));
    texts.push(panic_of(|| drop(numbers.par_rchunks_mut(0))));
    texts.push(panic_of(|| drop(numbers.par_rchunks_exact_mut(0))));
    for payload in texts {
        assert!(text(&*payload).contains("must not be zero"));
    }
}

#[test]
fn items_without_a_size_have_parts() {
    let nothings = [(); 1_000];
    assert_eq!(
        nothings.par_chunks(7).map(<[()]>::len).sum::<usize>(),
        1_000
    );
    assert_eq!(nothings.par_windows(7).count(), 994);
    assert_eq!(nothings.par_chunk_by(|(), ()| true).count(), 1);
}

#[test]
fn splits_are_those_of_the_serial_methods() {
    on_pools(|| {
        for slice in slices(&mut Random::new(4)) {
            let slice = &slice[..];
            let is_zero = |x: &u32| {
                pause(*x == 3);
                *x == 0
            };
            let parts: Vec<_> = slice.par_split(is_zero).collect();
            assert_eq!(parts, slice.split(is_zero).collect::<Vec<_>>());
            let parts: Vec<_> = slice.par_split_inclusive(is_zero).collect();
            assert_eq!(parts, slice.split_inclusive(is_zero).collect::<Vec<_>>());
            let together = |a: &u32, b: &u32| {
                pause(*a == 3);
                (*a == 0) == (*b == 0)
            };
            let parts: Vec<_> = slice.par_chunk_by(together).collect();
            assert_eq!(parts, slice.chunk_by(together).collect::<Vec<_>>());
        }
    });
}

#[test]
fn mutable_splits_are_those_of_the_serial_methods() {
    on_pools(|| {
        for slice in slices(&mut Random::new(5)) {
            // Items that are not `Sync`: nobody may look at what another thread looks at.
            let cells = || slice.iter().map(|&x| Cell::new(x)).collect::<Vec<_>>();
            let is_zero = |x: &Cell<u32>| {
                pause(x.get() == 3);
                x.get() == 0
            };
            let together = |a: &Cell<u32>, b: &Cell<u32>| is_zero(a) == is_zero(b);
            fn change(part: &mut [Cell<u32>]) {
                part.iter_mut().for_each(|x| *x.get_mut() += 1);
                part.reverse();
            }
            macro_rules! same {
                ($par:ident, $serial:ident, $closure:expr) => {
                    let (mut a, mut b) = (cells(), cells());
                    a.$par($closure).for_each(change);
                    b.$serial($closure).for_each(change);
                    assert_eq!(a, b, "{}", stringify!($par));
                };
            }
            same!(par_split_mut, split_mut, is_zero);
            same!(par_split_inclusive_mut, split_inclusive_mut, is_zero);
            same!(par_chunk_by_mut, chunk_by_mut, together);
        }
    });
}

#[test]
fn each_item_is_looked_at_once() {
    on_pools(|| {
        let looks = Mutex::new(vec![0; 4_000]);
        let items: Vec<usize> = (0..4_000).collect();
        let count = items
            .par_split(|&i| {
                looks.lock().unwrap()[i] += 1;
                i % 100 == 99
            })
            .count();
        assert_eq!(count, 41);
        assert!(looks.lock().unwrap().iter().all(|&n| n == 1));
        let pairs = Mutex::new(vec![0; 4_000]);
        let count = items
            .par_chunk_by(|&i, &j| {
                assert_eq!(i + 1, j);
                pairs.lock().unwrap()[i] += 1;
                j % 100 != 0
            })
            .count();
        assert_eq!(count, 40);
        assert!(pairs.lock().unwrap()[..3_999].iter().all(|&n| n == 1));
    });
}

#[test]
fn searches_in_splits_find_the_first_and_the_last_match() {
    on_pools(|| {
        let mut seeds = Random::new(6);
        for _ in 0..60 {
            let mut random = seeds.part();
            let len = 1 + random.below(2_000) as usize;
            let rarity = 2 + random.below(300);
            let wanted = 1 + random.below(40) as usize;
            let slice: Vec<bool> = (0..len).map(|_| random.one_in(rarity)).collect();
            let separates = |x: &bool| {
                pause(*x);
                *x
            };
            let place = |part: &[bool]| (part.as_ptr(), part.len());
            let is_wanted = |part: &&[bool]| part.len() >= wanted;
            let first = slice.par_split(separates).find_first(is_wanted);
            let expected = slice.split(|x| *x).find(|part| is_wanted(part));
            assert_eq!(first.map(place), expected.map(place));
            let last = slice.par_split(separates).find_last(is_wanted);
            let expected = slice.split(|x| *x).rev().find(|part| is_wanted(part));
            assert_eq!(last.map(place), expected.map(place));
            let any = slice.par_split(separates).find_any(is_wanted);
            assert_eq!(any.is_some(), expected.is_some());
            // Half of a part may look like a whole one.
            let exactly = |part: &&[bool]| part.len() == wanted;
            let any = slice.par_split(separates).find_any(exactly);
            let expected = slice.split(|x| *x).any(|part| exactly(&part));
            assert_eq!(any.is_some(), expected);
            let first = slice.par_split(separates).find_first(exactly);
            let expected = slice.split(|x| *x).find(exactly);
            assert_eq!(first.map(place), expected.map(place));
        }
    });
}

#[test]
fn a_nested_loop_over_splits_keeps_the_order() {
    on_pools(|| {
        let slices = slices(&mut Random::new(7));
        let is_zero = |x: &u32| {
            pause(*x == 3);
            *x == 0
        };
        let nested: Vec<_> = slices
            .par_iter()
            .flat_map(|slice| slice.par_split(is_zero))
            .collect();
        let expected: Vec<_> = slices
            .iter()
            .flat_map(|slice| slice.split(|x| *x == 0))
            .collect();
        assert_eq!(nested, expected);
    });
}

/// Waits until a second thread is here.
fn wait_for_company(here: &Mutex<HashSet<thread::ThreadId>>) {
    here.lock().unwrap().insert(thread::current().id());
    yield_until(|| here.lock().unwrap().len() > 1);
}

#[test]
fn several_threads_look_for_separators() {
    pool(2).install(|| {
        let mut numbers = vec![1; 1_000];
        let here = Mutex::default();
        let parts = numbers.par_split(|_| {
            wait_for_company(&here);
            false
        });
        assert_eq!(parts.map(<[i32]>::len).collect::<Vec<_>>(), [1_000]);
        let here = Mutex::default();
        let parts = numbers.par_chunk_by_mut(|_, _| {
            wait_for_company(&here);
            true
        });
        assert_eq!(parts.map(|part| part.len()).collect::<Vec<_>>(), [1_000]);
    });
}

#[test]
fn a_panic_ends_a_split() {
    on_pools(|| {
        let mut numbers: Vec<usize> = (0..3_000).collect();
        let payload = panic_of(|| {
            numbers
                .par_split_mut(|&i| {
                    assert_ne!(i, 2_000, "looked at it");
                    i % 10 == 0
                })
                .for_each(|part| part.fill(1));
        });
        assert!(text(&*payload).contains("looked at it"));
        let payload = panic_of(|| {
            numbers
                .par_chunk_by(|a, b| a == b)
                .for_each(|part| assert_ne!(part, [2_000], "given"));
        });
        assert!(text(&*payload).contains("given"));
    });
}

#[test]
fn a_cancelled_split_says_so() {
    on_pools(|| {
        for len in [0, 1, 3_000] {
            let numbers = vec![1; len];
            let token = CancelToken::new();
            let lens = || numbers.par_split(|x| *x == 0).map(<[i32]>::len);
            let collected: Vec<usize> = lens().cancel(&token).collect().unwrap();
            assert_eq!(collected, [len]);
            token.cancel();
            assert!(lens().cancel(&token).collect::<Vec<_>>().is_err());
        }
        // In the middle: either everything was looked at, or it is told.
        let numbers: Vec<usize> = (0..3_000).collect();
        let token = CancelToken::new();
        let splits = numbers.par_split(|&i| {
            if i == 1_500 {
                token.cancel();
            }
            i % 100 == 0
        });
        if let Ok(parts) = splits.cancel(&token).collect::<Vec<_>>() {
            assert_eq!(parts.len(), 31);
        }
    });
}
