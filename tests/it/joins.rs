//! `join`, `join3` and `join4`: results in order, borrowed data, any shape of tree.

use windrow::ThreadPool;

use crate::support::{
    Ledger, from_outside_and_inside, is_second_half_taken, on_every_pool, panic_of, pool, text,
};
use crate::watchdog::watched;

#[test]
fn results_come_in_the_order_of_the_closures() {
    watched(|| {
        from_outside_and_inside(|pool| {
            for _ in 0..200 {
                assert_eq!(pool.join(|| 1, || "two"), (1, "two"));
                assert_eq!(pool.join3(|| 1, || "two", || '3'), (1, "two", '3'));
                assert_eq!(
                    pool.join4(|| 1, || "two", || '3', || Some(4)),
                    (1, "two", '3', Some(4))
                );
                assert_eq!(windrow::join(|| 1, || "two"), (1, "two"));
                assert_eq!(windrow::join3(|| 1, || "two", || '3'), (1, "two", '3'));
                assert_eq!(
                    windrow::join4(|| 1, || "two", || '3', || Some(4)),
                    (1, "two", '3', Some(4))
                );
            }
        });
    });
}

#[test]
fn both_halves_borrow_and_mutate() {
    fn quick_sort(v: &mut [u32]) {
        if v.len() <= 1 {
            return;
        }
        let last = v.len() - 1;
        let pivot = v[last];
        let mut smaller = 0;
        for i in 0..last {
            if v[i] <= pivot {
                v.swap(i, smaller);
                smaller += 1;
            }
        }
        v.swap(smaller, last);
        let (left, right) = v.split_at_mut(smaller);
        windrow::join(|| quick_sort(left), || quick_sort(&mut right[1..]));
    }
    watched(|| {
        on_every_pool(|pool| {
            // A permutation: 7919 is prime and does not divide the length.
            let mut numbers: Vec<u32> = (0..20_000).map(|n| n * 7_919 % 20_000).collect();
            pool.install(|| quick_sort(&mut numbers));
            assert!(numbers.into_iter().eq(0..20_000));
            let mut numbers: Vec<u32> = (0..20_000).map(|n| n * 7_919 % 20_000).collect();
            pool.join(|| quick_sort(&mut numbers), || ());
            assert!(numbers.into_iter().eq(0..20_000));
        });
    });
}

#[test]
fn closures_that_own_and_return_large_values_keep_them_whole() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let (left, right) = (vec![1_u8; 1_000], [2_u8; 4_096]);
            let (left, right) = pool.join(move || left, move || right);
            assert!(left == [1; 1_000] && right == [2; 4_096]);
        });
    });
}

#[test]
fn trees_of_three_and_four_branches_finish() {
    fn leaves(depth: usize) -> usize {
        if depth == 0 {
            return 1;
        }
        let branch = || leaves(depth - 1);
        if depth % 2 == 0 {
            let (a, b, c) = windrow::join3(branch, branch, branch);
            a + b + c
        } else {
            let (a, b, c, d) = windrow::join4(branch, branch, branch, branch);
            a + b + c + d
        }
    }
    watched(|| {
        on_every_pool(|pool| {
            assert_eq!(pool.install(|| leaves(6)), 1_728);
            assert_eq!(pool.scope(|_| leaves(6)), 1_728);
        });
    });
}

#[test]
fn a_join_in_a_loop_makes_a_tree_of_every_size_right() {
    fn sum(range: std::ops::Range<u64>) -> u64 {
        if range.end - range.start < 2 {
            return range.sum();
        }
        let mid = range.start.midpoint(range.end);
        let (a, b) = windrow::join(|| sum(range.start..mid), || sum(mid..range.end));
        a + b
    }
    watched(|| {
        from_outside_and_inside(|pool| {
            for n in (0..200).chain([1_000, 1_023, 1_024, 1_025]) {
                assert_eq!(pool.join(|| sum(0..n), || ()).0, (0..n).sum());
            }
        });
    });
}

#[test]
fn a_chain_of_joins_is_kept_however_deep_it_is() {
    fn chain(n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        let (below, own) = windrow::join(|| chain(n - 1), || n);
        below + own
    }

    watched(|| {
        for size in [1, 2] {
            let builder = ThreadPool::builder().num_threads(size);
            let pool = builder.stack_size(64 << 20).build().unwrap();
            // What a worker keeps of its open forks grows at 256, 512 and so on.
            for depth in [255, 256, 257, 513, 3_000] {
                assert_eq!(pool.install(|| chain(depth)), depth * (depth + 1) / 2);
            }
        }
    });
}

#[test]
fn what_one_half_returned_is_dropped_once_if_the_other_panics() {
    watched(|| {
        from_outside_and_inside(|pool| {
            for a_panics in [true, false] {
                let results = Ledger::new(2);
                let half = |index, panics: bool| {
                    let entry = results.entry(index);
                    move || {
                        assert!(!panics, "this half");
                        entry
                    }
                };
                let (a, b) = (half(0, a_panics), half(1, !a_panics));
                let payload = panic_of(|| pool.join(a, b));
                assert_eq!(text(&*payload), "this half");
                assert_eq!((results.dropped(0), results.dropped(1)), (1, 1));
            }
        });
    });
}

#[test]
fn idle_workers_take_forks_however_often_threads_have_come_and_gone() {
    watched(|| {
        let pool = pool(2);
        for _ in 0..100 {
            pool.join(|| (), || ());
        }
        let mut tries = (0..1_000).map(|_| pool.install(|| is_second_half_taken(&pool)));
        assert!(tries.any(|taken| taken), "from inside");
        let mut tries = (0..1_000).map(|_| is_second_half_taken(&pool));
        assert!(tries.any(|taken| taken), "from outside");
    });
}
