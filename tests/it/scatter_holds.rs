//! Hold times of combiners, on the virtual clock.

use std::time::Duration;

use windrow::{CombinerHandle, ThreadPool, combine};

use crate::support::on_every_pool;
use crate::virtual_time::{S, virtually};
use crate::watchdog::watched;

/// What was emitted, and in which second.
type Seen = Vec<(u64, u32)>;

/// Gathers on the virtual clock with a summing combiner of one instance. `body` has a function that scatters an input
/// for a certain second; the run lasts for a hundred.
fn seen(
    settings: impl for<'env> Fn(CombinerHandle<'env, u32>) -> CombinerHandle<'env, u32>,
    inputs: &[u64],
    look: impl Fn(u64, &CombinerHandle<'_, u32>),
    expected: &[(u64, u32)],
) {
    virtually(8, |pool| {
        let start = pool.now();
        let second = || (pool.now() - start).as_secs();
        let seen = pool.gather(Seen::new(), |run| {
            let sums = run.combiner(
                combine::fold(|| 0, |sum, n: u32| *sum += n),
                |seen: &mut Seen, _, sum| seen.push((second(), sum)),
            );
            let sums = settings(sums.max_instances(1));
            for &at in inputs {
                run.scatter_into(move || sleep(pool, S(at), 1), &sums);
            }
            run.scatter(|| sleep(pool, S(100), ()), |_, _, ()| ());
            for now in 0..100 {
                // Half a second off, so that no two things happen at the same time.
                let at = start + S(now) + Duration::from_millis(500);
                assert!(!run.gather_all_deadline(at).unwrap());
                look(now, &sums);
            }
        });
        assert_eq!(seen, expected);
    });
}

fn sleep<T>(pool: &ThreadPool, time: Duration, value: T) -> T {
    pool.sleep(time);
    value
}

/// Sets one of the two hold times.
fn hold(sums: CombinerHandle<'_, u32>, min: bool, time: Duration) -> CombinerHandle<'_, u32> {
    if min {
        sums.min_hold(time)
    } else {
        sums.max_hold(time)
    }
}

#[test]
fn without_hold_times_all_is_held_to_the_end() {
    seen(|sums| sums, &[1, 5, 9], |_, _| (), &[(100, 3)]);
}

#[test]
fn huge_hold_times_are_none() {
    for time in [Duration::MAX, Duration::MAX - Duration::from_nanos(1)] {
        seen(
            |sums| {
                sums.min_hold(time)
                    .max_hold(time)
                    .idle_timeout(time)
                    .spawn_delay(time)
            },
            &[1, 5],
            |_, _| (),
            &[(100, 2)],
        );
    }
}

#[test]
fn min_hold_counts_from_the_last_input() {
    seen(
        |sums| sums.min_hold(S(10)),
        &[1, 5, 9, 40],
        |_, _| (),
        &[(19, 3), (50, 1)],
    );
}

#[test]
fn max_hold_counts_from_the_first_input() {
    seen(
        |sums| sums.max_hold(S(10)),
        &[1, 5, 9, 12, 40],
        |_, _| (),
        &[(11, 3), (22, 1), (50, 1)],
    );
}

#[test]
fn the_shorter_of_the_two_holds_decides() {
    seen(
        |sums| sums.min_hold(S(6)).max_hold(S(20)),
        &[1, 5, 9, 14, 18, 22, 50],
        |_, _| (),
        &[(21, 5), (28, 1), (56, 1)],
    );
}

#[test]
fn idle_timeout_flushes_and_drops_the_instance() {
    seen(
        |sums| sums.idle_timeout(S(10)),
        &[1, 5, 40],
        |now, sums| {
            let live = matches!(now, 1..15 | 40..50);
            assert_eq!(sums.stats().live, usize::from(live), "in second {now}");
        },
        &[(15, 2), (50, 1)],
    );
}

#[test]
fn an_instance_that_was_flushed_before_is_dropped_when_it_has_been_idle() {
    for min in [false, true] {
        seen(
            |sums| hold(sums, min, S(2)).idle_timeout(S(10)),
            &[1, 40],
            |now, sums| {
                let live = matches!(now, 1..11 | 40..50);
                assert_eq!(sums.stats().live, usize::from(live), "in second {now}");
            },
            &[(3, 1), (42, 1)],
        );
    }
}

#[test]
fn a_time_that_comes_earlier_than_the_one_set_is_kept() {
    // After the flush in second 3 the idle timeout is set, for second 61; the next input is due long before.
    seen(
        |sums| sums.max_hold(S(2)).idle_timeout(S(60)),
        &[1, 10, 20],
        |_, _| (),
        &[(3, 1), (12, 1), (22, 1)],
    );
}

#[test]
fn a_hold_that_ends_while_the_instance_is_busy_is_made_up_for() {
    virtually(8, |pool| {
        let start = pool.now();
        let seen = pool.gather(Vec::new(), |run| {
            let slow = run
                .combiner(
                    combine::fold(|| 0, |sum, n: u32| *sum += sleep(pool, S(5), n)),
                    |seen: &mut Vec<_>, _, sum| seen.push(((pool.now() - start).as_secs(), sum)),
                )
                .max_instances(1)
                .max_hold(S(2));
            run.scatter_into(|| 1, &slow);
            run.scatter(|| pool.sleep(S(50)), |_, _, ()| ());
            assert!(!run.gather_all_deadline(start + S(20)).unwrap());
        });
        assert_eq!(seen, [(5, 1)]);
    });
}

#[test]
fn no_hold_at_all_flushes_every_input() {
    for min in [false, true] {
        seen(
            |sums| hold(sums, min, Duration::ZERO),
            &[1, 5, 9],
            |_, _| (),
            &[(1, 1), (5, 1), (9, 1)],
        );
    }
}

#[test]
fn spawn_delay_keeps_to_one_instance_until_it_has_passed() {
    for (delay, expected) in [(S(10), [1, 1, 2]), (Duration::MAX, [1, 1, 1])] {
        virtually(4, |pool| {
            let start = pool.now();
            pool.gather((), |run| {
                let held = run
                    .combiner(combine::batch::<usize>(usize::MAX), |(), _, _| ())
                    .spawn_delay(delay);
                for (round, live) in expected.into_iter().enumerate() {
                    // Two workers at the same time, three rounds: in the seconds 1, 5 and 20.
                    for _ in 0..4 {
                        let at = S([1, 5, 20][round]);
                        let task = move || {
                            pool.sleep((start + at).saturating_duration_since(pool.now()));
                            round
                        };
                        run.scatter_into(task, &held);
                    }
                    // Not on this thread, whose wait would end with its own task.
                    assert!(run.gather_all_deadline(start + S(30)).unwrap());
                    assert_eq!(held.stats().live, live, "in round {round}");
                }
            });
        });
    }
}

#[test]
fn settings_can_be_chained_in_any_order_on_a_real_clock_too() {
    watched(|| {
        on_every_pool(|pool| {
            let sum = pool.gather(0, |run| {
                let sums = run
                    .combiner(combine::fold(|| 0, |a, b: u32| *a += b), |sum, _, n| {
                        *sum += n;
                    })
                    .min_hold(Duration::ZERO)
                    .spawn_delay(Duration::MAX)
                    .max_hold(Duration::ZERO)
                    .max_instances(usize::MAX)
                    .idle_timeout(Duration::ZERO);
                for n in 0..300 {
                    run.scatter_into(move || n, &sums);
                }
                run.gather_all().unwrap();
                let stats = sums.stats();
                assert_eq!((stats.combined, stats.flushed), (300, 300));
            });
            assert_eq!(sum, 44_850);
        });
    });
}
