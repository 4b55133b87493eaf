//! Joins in trees of every form, from a task and from outside; the leaves are numbered, and their sum is checked.

use std::thread;

use windrow::ThreadPool;

use crate::course::Course;
use crate::random::Random;

/// How the joins below a join are dealt to its two sides.
#[derive(Clone, Copy)]
enum Form {
    Even,
    /// All of them to the first, or the second side.
    Left,
    Right,
    Random(u64),
}

/// The deepest that a tree may be, for the sake of stacks in builds without optimization.
const DEPTH: u64 = 200;

pub(crate) fn run(course: &Course) -> String {
    let pool = ThreadPool::new(course.threads).unwrap();
    let mut random = Random::new(course.threads as u64);
    while course.left() > 0 {
        let form = match random.below(4) {
            0 => Form::Even,
            1 => Form::Left,
            2 => Form::Right,
            _ => Form::Random(random.next()),
        };
        let most = if matches!(form, Form::Even) {
            2_000
        } else {
            DEPTH
        };
        let joins = (1 + random.below(most)).min(course.left());
        let sum = match random.below(3) {
            0 => pool.install(|| tree(form, 0, joins)),
            1 => pool.spawn(move || tree(form, 0, joins)).join().unwrap(),
            _ => {
                // This join is one of them.
                let first = form.deal(0, joins);
                let (a, b) = pool.join(
                    || tree(form, 0, first),
                    || tree(form, first + 1, joins - 1 - first),
                );
                a + b
            }
        };
        assert_eq!(sum, joins * (joins + 1) / 2);
        course.add(joins);
    }
    format!("{} stolen", pool.stats().stolen)
}

impl Form {
    /// How many of the joins below the root the first side gets.
    fn deal(self, first: u64, joins: u64) -> u64 {
        match self {
            Form::Even => (joins - 1) / 2,
            Form::Left => joins - 1,
            Form::Right => 0,
            Form::Random(seed) => Random::new(seed ^ first ^ joins << 32).below(joins),
        }
    }
}

/// A tree of so many joins: the sum of the numbers of its leaves, which begin with `first`.
fn tree(form: Form, first: u64, joins: u64) -> u64 {
    if joins == 0 {
        if first % 97 == 0 {
            // On few processors the others get their chance only so.
            thread::yield_now();
        }
        return first;
    }
    let left = form.deal(first, joins);
    let (a, b) = windrow::join(
        || tree(form, first, left),
        || tree(form, first + left + 1, joins - 1 - left),
    );
    a + b
}
