//! Each method of `IndexedParallelIterator`, of slices and of strings, once.

use super::pool::prelude::*;
use crate::Results;

pub(crate) fn indexed() -> Results {
    let v: Vec<i32> = (0..500).collect();
    let odd = || (0..20).into_par_iter().map(|x| 2 * x + 1);
    let (mut into, mut left, mut right) = (vec![-1], vec![-1], vec!["old".to_owned()]);
    v.par_iter().map(|x| x * x).collect_into_vec(&mut into);
    v.par_iter()
        .map(|x| (*x, x.to_string()))
        .unzip_into_vecs(&mut left, &mut right);
    results![
        (into, left, right),
        v.par_iter()
            .by_exponential_blocks()
            .find_first(|x| **x == 77),
        v.par_iter().by_uniform_blocks(33).sum::<i32>(),
        v.par_iter().zip(10..20).collect::<Vec<_>>(),
        v.par_iter()
            .zip(&v)
            .zip(v.par_chunks(2))
            .map(|((a, b), c)| a * b * c[0])
            .max(),
        v.par_iter()
            .zip_eq(v.par_iter().rev())
            .map(|(a, b)| a * b)
            .max(),
        v.par_iter().copied().interleave(odd()).collect::<Vec<_>>(),
        v.par_iter()
            .copied()
            .interleave_shortest(odd())
            .collect::<Vec<_>>(),
        v.par_iter()
            .chunks(64)
            .map(|chunk| chunk.len())
            .collect::<Vec<_>>(),
        odd().fold_chunks(6, || 0, |a, x| a + x).collect::<Vec<_>>(),
        odd()
            .fold_chunks_with(6, 100, |a, x| a + x)
            .collect::<Vec<_>>(),
        odd().cmp(odd().take(5)),
        odd().partial_cmp(vec![1, 4]),
        (
            odd().eq(odd()),
            odd().ne(odd()),
            odd().lt(odd()),
            odd().le(odd()),
            odd().gt([0]),
            odd().ge([1, 4])
        ),
        v.par_iter()
            .enumerate()
            .map(|(i, x)| i as i32 - x)
            .all(|difference| difference == 0),
        v.par_iter().step_by(77).collect::<Vec<_>>(),
        v.par_iter().skip(490).collect::<Vec<_>>(),
        v.par_iter().take(10).collect::<Vec<_>>(),
        v.par_iter()
            .rev()
            .skip(3)
            .step_by(100)
            .take(3)
            .rev()
            .enumerate()
            .collect::<Vec<_>>(),
        v.par_iter().position_any(|x| *x == 5),
        v.par_iter().position_first(|x| *x > 5),
        v.par_iter().position_last(|x| *x < 5),
        v.par_iter().positions(|x| x % 50 == 0).collect::<Vec<_>>(),
        v.par_iter()
            .with_min_len(100)
            .with_max_len(200)
            .sum::<i32>(),
        v.par_iter().len(),
        (0..9_usize).into_par_iter().len(),
    ]
}

pub(crate) fn slices() -> Results {
    let mut v: Vec<i32> = (0..100).map(|x| x * 37 % 100).collect();
    let w = v.clone();
    let zero = |x: &i32| x % 10 == 0;
    v.par_split_mut(zero).for_each(|part| part.reverse());
    v.par_split_inclusive_mut(zero).enumerate_parts();
    v.par_chunks_mut(7)
        .enumerate()
        .for_each(|(i, chunk)| chunk[0] += i as i32);
    v.par_chunks_exact_mut(7).for_each(|chunk| chunk.swap(0, 6));
    v.par_chunks_exact_mut(7).remainder().fill(1);
    v.par_rchunks_mut(7).for_each(|chunk| chunk[0] -= 1);
    v.par_rchunks_exact_mut(7)
        .for_each(|chunk| chunk.rotate_left(2));
    v.par_rchunks_exact_mut(7).take_remainder().fill(2);
    v.par_rchunks_exact_mut(7).into_remainder()[0] = 3;
    v.par_chunk_by_mut(|a, b| a <= b)
        .for_each(|run| run.reverse());
    v.as_parallel_slice_mut()
        .par_iter_mut()
        .for_each(|x| *x += 1);
    let mut drained = w.clone();
    results![
        v,
        w.as_parallel_slice().len(),
        w.par_split(zero).collect::<Vec<_>>(),
        w.par_split_inclusive(zero)
            .map(<[i32]>::len)
            .collect::<Vec<_>>(),
        w.par_windows(3)
            .map(|three| three.iter().sum::<i32>())
            .collect::<Vec<_>>(),
        w.par_array_windows()
            .map(|[a, b]| a - b)
            .collect::<Vec<_>>(),
        w.par_chunks(9).map(<[i32]>::len).collect::<Vec<_>>(),
        w.par_chunks_exact(9)
            .map(|chunk| chunk[0])
            .collect::<Vec<_>>(),
        w.par_chunks_exact(9).remainder(),
        w.par_rchunks(9).map(|chunk| chunk[0]).collect::<Vec<_>>(),
        w.par_rchunks_exact(9)
            .rev()
            .map(|chunk| chunk[0])
            .collect::<Vec<_>>(),
        w.par_rchunks_exact(9).remainder(),
        w.par_chunk_by(|a, b| a < b)
            .map(<[i32]>::len)
            .collect::<Vec<_>>(),
        drained.par_drain(10..=80).sum::<i32>(),
        drained.len(),
    ]
}

trait EnumerateParts {
    fn enumerate_parts(self);
}

impl<'data, I: ParallelIterator<Item = &'data mut [i32]>> EnumerateParts for I {
    fn enumerate_parts(self) {
        self.for_each(|part| {
            let len = part.len() as i32;
            part.iter_mut().for_each(|x| *x += len);
        });
    }
}

pub(crate) fn strings() -> Results {
    let text = "Make hay\twhile\r\nthe sun shines,\nή ψάθα 𝄞\n\n".repeat(30);
    let mut drained = text.clone();
    let set: &[char] = &['h', 's'];
    results![
        text.as_parallel_string().len(),
        text.par_chars().rev_text(),
        text.par_char_indices()
            .filter(|(_, c)| !c.is_ascii())
            .collect::<Vec<_>>(),
        text.par_bytes().map(u64::from).sum::<u64>(),
        text.par_encode_utf16().map(u64::from).sum::<u64>(),
        text.par_split(' ').collect::<Vec<_>>(),
        text.par_split(set).collect::<Vec<_>>(),
        text.par_split(['a', 'e']).collect::<Vec<_>>(),
        text.par_split(&['a', 'e']).collect::<Vec<_>>(),
        text.par_split(char::is_whitespace).collect::<Vec<_>>(),
        text.par_split_inclusive('\n').collect::<Vec<_>>(),
        text.par_split_terminator('\n').collect::<Vec<_>>(),
        text.par_lines().collect::<Vec<_>>(),
        text.par_split_whitespace().collect::<Vec<_>>(),
        text.par_split_ascii_whitespace().collect::<Vec<_>>(),
        text.par_matches(char::is_uppercase).collect::<Vec<_>>(),
        text.par_match_indices('h').collect::<Vec<_>>(),
        drained.par_drain(3..91).collect::<String>(),
        drained,
    ]
}

trait RevText {
    fn rev_text(self) -> String;
}

impl<I: ParallelIterator<Item = char>> RevText for I {
    fn rev_text(self) -> String {
        self.map(|c| c.to_string())
            .reduce(String::new, |a, b| b + &a)
    }
}
