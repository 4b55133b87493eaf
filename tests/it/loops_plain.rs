//! The loops without traits, on pools and in scopes: what they give is what a loop on one thread gives.

use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use windrow::ThreadPool;

use crate::loop_support::linger;
use crate::support::{panic_of, pool, text};
use crate::watchdog::watched;

const LENS: [usize; 4] = [0, 1, 2, 1000];

/// The plain loops of a place, pool or scope.
trait Plain: Sync {
    fn each(&self, items: &mut [usize], f: impl Fn(&mut usize) + Send + Sync);
    fn map(&self, items: &[String], f: impl Fn(&String) -> String + Send + Sync) -> Vec<String>;
    fn joined(&self, items: Range<usize>, map: impl Fn(usize) -> String + Send + Sync) -> String;
    fn chunks(&self, items: &[usize], size: usize, f: impl Fn(&[usize]) + Send + Sync);
}

macro_rules! plain {
    ($place:ty) => {
        impl Plain for $place {
            fn each(&self, items: &mut [usize], f: impl Fn(&mut usize) + Send + Sync) {
                self.for_each(items, f);
            }

            fn map(
                &self,
                items: &[String],
                f: impl Fn(&String) -> String + Send + Sync,
            ) -> Vec<String> {
                self.map(items, f)
            }

            fn joined(
                &self,
                items: Range<usize>,
                map: impl Fn(usize) -> String + Send + Sync,
            ) -> String {
                // Associative, and not commutative: the order shows.
                self.map_reduce(items, String::new(), map, |a, b| a + &b)
            }

            fn chunks(&self, items: &[usize], size: usize, f: impl Fn(&[usize]) + Send + Sync) {
                self.for_each_chunk(items, size, f);
            }
        }
    };
}

plain!(ThreadPool);
plain!(windrow::Scope<'_, '_>);

/// Runs `test` on pools of one and two workers: outside, on a worker, and in a scope of each.
macro_rules! everywhere {
    ($test:ident) => {
        watched(|| {
            for size in [1, 2] {
                let pool = pool(size);
                $test(&pool);
                pool.install(|| $test(&pool));
                pool.scope(|s| $test(s));
                pool.install(|| pool.scope(|s| $test(s)));
            }
        });
    };
}

fn gives_what_a_sequential_loop_gives(place: &impl Plain) {
    for len in LENS {
        let mut places: Vec<usize> = (0..len).collect();
        place.each(&mut places, |n| {
            linger(*n);
            *n = 3 * *n + 1;
        });
        assert!(places.iter().copied().eq((0..len).map(|n| 3 * n + 1)));

        let words: Vec<String> = (0..len).map(|n| n.to_string()).collect();
        let mark = String::from("!");
        let marked = place.map(&words, |word| {
            linger(word.len());
            word.clone() + &mark
        });
        assert!(
            marked.iter().eq(&words
                .iter()
                .map(|word| word.clone() + "!")
                .collect::<Vec<_>>())
        );

        let spelled = |n: usize| {
            linger(n);
            format!("{n},")
        };
        let expected: String = (0..len).map(spelled).collect();
        assert_eq!(place.joined(0..len, spelled), expected);

        for size in [1, 3, 1000, 5000] {
            let seen = Mutex::new(Vec::new());
            place.chunks(&places, size, |chunk| {
                seen.lock().unwrap().push(chunk.to_vec());
            });
            let mut seen = seen.into_inner().unwrap();
            seen.sort_unstable();
            // The items go up, so the order of chunks is that of their first items.
            assert!(seen.iter().map(Vec::as_slice).eq(places.chunks(size)));
        }
    }
}

#[test]
fn plain_loops_give_what_sequential_ones_give() {
    everywhere!(gives_what_a_sequential_loop_gives);
}

/// At the item `at` of so many.
fn at_some_item(len: usize, at: usize, run: impl Fn(&(dyn Fn(usize) + Sync)) + Sync) {
    let calls = AtomicUsize::new(0);
    let payload = panic_of(|| {
        run(&|n| {
            calls.fetch_add(1, Ordering::SeqCst);
            if n == at {
                resume_unwind(Box::new(format!("item {at}")));
            }
        });
    });
    assert_eq!(text(&*payload), format!("item {at}"));
    let calls = calls.into_inner();
    assert!((1..=len).contains(&calls), "{calls} calls");
}

fn a_panic_comes_out(place: &impl Plain) {
    for (len, at) in [(1, 0), (2, 1), (1000, 0), (1000, 999), (1000, 500)] {
        let numbers: Vec<usize> = (0..len).collect();
        at_some_item(len, at, |tick| {
            place.each(&mut numbers.clone(), |n| tick(*n))
        });
        at_some_item(len, at, |tick| {
            place.chunks(&numbers, 1, |chunk| tick(chunk[0]))
        });
        let words: Vec<String> = numbers.iter().map(usize::to_string).collect();
        at_some_item(len, at, |tick| {
            let lens = place.map(&words, |word| {
                tick(word.parse().unwrap());
                String::new()
            });
            unreachable!("{} results", lens.len());
        });
        at_some_item(len, at, |tick| {
            place.joined(0..len, |n| {
                tick(n);
                String::new()
            });
        });
    }
    // What panicked can be used again.
    assert_eq!(place.joined(0..3, |n| n.to_string()), "012");
    let payload = panic_of(|| place.chunks(&[1, 2], 0, |_| unreachable!()));
    assert!(text(&*payload).contains("chunk"), "{}", text(&*payload));
}

#[test]
fn a_panic_in_a_plain_loop_comes_out_of_it() {
    everywhere!(a_panic_comes_out);
}

fn names_its_pool(place: &impl Plain) {
    let home = windrow::current_num_threads();
    let seen = Mutex::new(Vec::new());
    place.each(&mut [0; 200], |_| {
        seen.lock().unwrap().push(windrow::current_num_threads())
    });
    let seen = seen.into_inner().unwrap();
    assert!(
        seen.iter().all(|&threads| threads == home),
        "{seen:?} on {home}"
    );
}

/// The closures are told of the pool that the loop is on, whichever the calling thread is of.
#[test]
fn a_plain_loop_runs_on_the_pool_that_was_asked() {
    watched(|| {
        let (three, five) = (pool(3), pool(5));
        three.install(|| {
            let inside = five.map(0..300, |_| windrow::current_num_threads());
            assert_eq!(inside, [5; 300]);
            five.scope(|s| assert_eq!(s.map(0..300, |_| windrow::current_num_threads()), [5; 300]));
            names_its_pool(&three);
        });
    });
}
