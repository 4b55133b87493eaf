//! Scatter and gather, and groups, where they end early or share something.

use windrow::{Limiter, combine};

use crate::support::{Tally, blow_up, number_of_panic, pool, pool_without_spares};

pub(crate) fn what_is_combined_arrives_once() {
    let pool = pool(2);
    let total = pool.gather(0, |run| {
        let sums = run.combiner(
            combine::fold(|| 0, |sum, n: u32| *sum += n),
            |total: &mut u32, _, sum| *total += sum,
        );
        for n in 1..=3 {
            assert!(run.scatter_into(move || n, &sums));
        }
    });
    assert_eq!(total, 6);
}

pub(crate) fn an_error_of_a_handler_ends_the_run() {
    let pool = pool(2);
    let (ran, handled) = (Tally::default(), Tally::default());
    let result = pool.gather((), |run| {
        for n in 0..3 {
            let ran = &ran;
            let task = move || {
                ran.add();
                n
            };
            run.scatter(task, |_, _, n| {
                handled.add();
                Err::<(), u32>(n)
            });
        }
        Ok(())
    });
    assert!(result.is_err());
    assert!((1..=3).contains(&handled.get()) && handled.get() <= ran.get());
}

pub(crate) fn a_panic_of_a_scattered_task_comes_back() {
    let pool = pool(2);
    let number = number_of_panic(|| {
        pool.gather((), |run| {
            run.scatter(|| blow_up(6), |_, _, ()| ());
            run.scatter(|| (), |_, _, ()| ());
        });
    });
    assert_eq!(number, 6);
}

pub(crate) fn two_runs_share_a_limiter() {
    let pool = pool(2);
    let limiter = Limiter::new(1);
    let count = |n| {
        pool.gather(0, |run| {
            for _ in 0..2 {
                let task = move || n;
                run.via(&limiter).scatter(task, |sum, _, n| *sum += n);
            }
        })
    };
    let (a, b) = pool.join(|| count(1), || count(10));
    assert_eq!((a, b, limiter.in_use()), (2, 20, 0));
}

pub(crate) fn few_are_outstanding_at_a_time() {
    let pool = pool(2);
    let sum = pool.gather(0, |run| {
        run.max_outstanding(1);
        for n in 1..=3 {
            run.scatter(move || n, |sum, _, n| *sum += n);
        }
    });
    assert_eq!(sum, 6);
}

pub(crate) fn the_only_worker_gathers() {
    let pool = pool_without_spares(1);
    let handle = pool.spawn(|| {
        windrow::gather(0, |run| {
            for n in 1..=2 {
                run.scatter(move || n, |sum, _, n| *sum += n);
            }
        })
    });
    assert_eq!(handle.join().unwrap(), 3);
}

pub(crate) fn results_are_iterated_over() {
    let pool = pool(2);
    let sum: u32 = pool.gather_each(|results| {
        for n in 1..=3 {
            results.scatter(move || n);
        }
        results.sum()
    });
    assert_eq!(sum, 6);
}

pub(crate) fn a_group_of_limited_width_is_dropped() {
    let pool = pool(2);
    let ran = Tally::default();
    let group = pool.group::<(), ()>().max_concurrent(1);
    for _ in 0..3 {
        let tally = ran.clone();
        group.spawn(move || {
            tally.add();
            Ok(())
        });
    }
    drop(group);
    assert_eq!(ran.get(), 3);
}

pub(crate) fn a_group_is_cancelled_beside_its_tasks() {
    let pool = pool(2);
    let ran = Tally::default();
    let group = pool.group::<(), ()>();
    for _ in 0..2 {
        let tally = ran.clone();
        group.spawn(move || {
            tally.add();
            Ok(())
        });
    }
    group.cancel();
    let results = group.wait_all();
    let good = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!((results.len(), good), (2, ran.get()));
}

pub(crate) fn a_group_waits_inside_of_the_only_worker() {
    let pool = pool_without_spares(1);
    let handle = pool.spawn(|| {
        let group = windrow::TaskGroup::<u32, ()>::new();
        for n in 1..=2 {
            group.spawn(move || Ok(n));
        }
        group.wait().unwrap()
    });
    assert_eq!(handle.join().unwrap(), [1, 2]);
}
