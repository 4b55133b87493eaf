//! Combiners: the ready-made ones, how many instances there are, when they are flushed, and the listener.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::thread;

use windrow::{Combiner, Emit, Limiter, Scatter, combine};

use crate::support::{
    Census, Present, blow_up, from_outside_and_inside, on_every_pool, panic_of, pool, text,
};
use crate::watchdog::watched;

const SIZES: [usize; 4] = [0, 1, 2, usize::MAX];

#[test]
fn fold_loses_nothing_with_any_number_of_instances() {
    watched(|| {
        from_outside_and_inside(|pool| {
            for instances in SIZES {
                let total = pool.gather(0, |run| {
                    let sums = run
                        .combiner(
                            combine::fold(|| 0, |sum, n: u64| *sum += n),
                            |total, _, sum| *total += sum,
                        )
                        .max_instances(instances);
                    for n in 0..2_000 {
                        assert!(run.scatter_into(move || n, &sums));
                    }
                    run.gather_all().unwrap();
                    let stats = sums.stats();
                    assert_eq!((stats.combined, stats.flushed), (2_000, 2_000));
                    assert_eq!(stats.forfeited, 0);
                    let most = instances.clamp(1, pool.current_num_threads() + 1);
                    assert!((1..=most).contains(&stats.live), "{stats:?}");
                    assert!(stats.emitted <= most as u64, "{stats:?}");
                });
                assert_eq!(total, 1_999_000);
            }
        });
    });
}

#[test]
fn count_and_group_by_agree_with_what_was_put_in() {
    watched(|| {
        on_every_pool(|pool| {
            for instances in SIZES {
                let state = (BTreeMap::new(), BTreeMap::<u32, Vec<u32>>::new());
                let (counts, mut groups) = pool.gather(state, |run| {
                    let counts = run
                        .combiner(combine::count(), |(counts, _), _, (key, n)| {
                            *counts.entry(key).or_insert(0) += n;
                        })
                        .max_instances(instances);
                    let groups = run
                        .combiner(
                            combine::group_by(|n: &u32| n % 7),
                            |(_, groups), _, (key, some)| {
                                groups.entry(key).or_default().extend(some);
                            },
                        )
                        .max_instances(instances);
                    for n in 0..700 {
                        run.scatter_into(move || n % 7, &counts);
                        run.scatter_into(move || n, &groups);
                    }
                });
                assert!(counts.into_iter().eq((0..7).map(|key| (key, 100))));
                for (key, members) in &mut groups {
                    members.sort_unstable();
                    assert!(members.iter().copied().eq((0..100).map(|n| 7 * n + key)));
                }
                assert_eq!(groups.len(), 7);
            }
        });
    });
}

#[test]
fn batches_are_full_but_for_the_last() {
    watched(|| {
        on_every_pool(|pool| {
            for (size, sizes) in [
                (0, vec![1; 10]),
                (1, vec![1; 10]),
                (4, vec![4, 4, 2]),
                (5, vec![5, 5]),
                (usize::MAX, vec![10]),
            ] {
                let batches = pool.gather(Vec::new(), |run| {
                    let batches = run
                        .combiner(combine::batch(size), |all: &mut Vec<_>, _, batch| {
                            all.push(batch);
                        })
                        .max_instances(1);
                    for n in 0..10 {
                        run.scatter_into(move || n, &batches);
                    }
                });
                let mut lengths: Vec<usize> = batches.iter().map(Vec::len).collect();
                lengths.sort_unstable_by(|a, b| b.cmp(a));
                assert_eq!(lengths, sizes);
                let all: BTreeSet<i32> = batches.into_iter().flatten().collect();
                assert!(all.into_iter().eq(0..10));
            }
        });
    });
}

#[test]
fn a_combiner_without_inputs_has_no_instance_and_emits_nothing() {
    watched(|| {
        on_every_pool(|pool| {
            let mut handle = None;
            pool.gather((), |run| {
                let never = || -> combine::Count<u32> { unreachable!("no input") };
                handle = Some(run.combiner(never, |(), _, _| blow_up("no output")));
                run.scatter(|| (), |(), _, ()| ());
            });
            assert_eq!(handle.unwrap().stats(), windrow::CombinerStats::default());
        });
    });
}

/// Hands on what it gets at once, and is counted.
struct Echo(#[expect(dead_code, reason = "counts by being there")] Present);

impl Combiner for Echo {
    type Input = u32;
    type Output = u32;

    fn combine(&mut self, input: u32, emit: &mut Emit<'_, u32>) {
        emit.emit(input);
    }

    fn flush(&mut self, _: &mut Emit<'_, u32>) {}
}

#[test]
fn instances_end_with_the_run_even_if_the_handle_lives_on() {
    watched(|| {
        on_every_pool(|pool| {
            let census = Census::default();
            let mut kept = None;
            let sum = pool.gather(0, |run| {
                let inside = census.clone();
                let echo = run.combiner(move || Echo(inside.enter()), |sum, _, n| *sum += n);
                for n in 0..100 {
                    run.scatter_into(move || n, &echo);
                }
                run.gather_all().unwrap();
                assert_eq!(echo.stats().live, census.live());
                assert!(census.live() >= 1);
                kept = Some(echo);
            });
            assert_eq!((sum, census.live()), (4_950, 0));
            let stats = kept.unwrap().stats();
            assert_eq!((stats.live, stats.combined, stats.emitted), (0, 100, 100));
            assert_eq!((stats.flushed, stats.forfeited), (100, 0));
        });
    });
}

#[test]
fn emissions_are_handled_on_the_callers_thread_and_may_scatter_and_feed() {
    watched(|| {
        from_outside_and_inside(|pool| {
            let caller = thread::current().id();
            let sum = pool.gather(0_u32, |run| {
                let again = Mutex::new(None);
                let census = Census::default();
                let echo = run.combiner(
                    move || Echo(census.enter()),
                    move |sum, run: &Scatter<'_, u32>, n| {
                        assert_eq!(thread::current().id(), caller);
                        *sum += 1;
                        if n > 0 {
                            run.scatter(move || n - 1, |_, _, _| ());
                        }
                        if let Some(next) = n.checked_sub(1) {
                            let own = again.lock().unwrap();
                            let own: Option<&windrow::CombinerHandle<'_, u32>> = own.as_ref();
                            assert!(own.is_none_or(|own| run.scatter_into(move || next, own)));
                        }
                    },
                );
                for _ in 0..10 {
                    run.scatter_into(|| 5, &echo);
                }
            });
            assert_eq!(sum, 10);
        });
    });
}

#[test]
fn handlers_feed_combiners_again_until_nothing_is_left() {
    watched(|| {
        on_every_pool(|pool| {
            // A handle cannot be in its own handler; one combiner feeds the next.
            let sum = pool.gather(0, |run| {
                let last = run.combiner(
                    combine::fold(|| 0, |sum, n: u32| *sum += n),
                    |total, _, sum| *total += sum,
                );
                let middle = run.combiner(combine::batch::<u32>(8), {
                    let last = last.clone();
                    move |_, run, batch| {
                        assert!(run.scatter_into(move || batch.into_iter().sum(), &last));
                    }
                });
                for n in 0..100 {
                    let middle = middle.clone();
                    run.scatter(
                        move || n,
                        move |_, run, n| assert!(run.scatter_into(move || n, &middle)),
                    );
                }
            });
            assert_eq!(sum, 4_950);
        });
    });
}

#[test]
fn a_combiner_of_another_run_is_refused_with_a_clear_panic() {
    watched(|| {
        on_every_pool(|pool| {
            let limiter = Limiter::new(1);
            pool.gather((), |outer| {
                let theirs = outer.combiner(combine::count::<u32>(), |(), _, _| ());
                for way in 0..4 {
                    let payload = panic_of(|| {
                        pool.gather((), |run| match way {
                            0 => drop(run.scatter_into(|| 1, &theirs)),
                            1 => drop((**run).scatter_into(|| 1, &theirs)),
                            2 => drop(run.via(&limiter).scatter_into(|| 1, &theirs)),
                            _ => drop((**run).via(&limiter).scatter_into(|| 1, &theirs)),
                        })
                    });
                    assert_eq!(
                        text(&*payload),
                        "windrow: a task was scattered into a combiner of another run"
                    );
                }
                assert_eq!((theirs.stats().combined, limiter.in_use()), (0, 0));
                // The outer run is none the worse for it.
                assert!(outer.scatter_into(|| 1, &theirs));
                outer.gather_all().unwrap();
                assert_eq!(theirs.stats().combined, 1);
            });
        });
    });
}

#[test]
fn the_listener_is_called_once_if_it_scatters_nothing() {
    watched(|| {
        on_every_pool(|pool| {
            let mut epochs = Vec::new();
            pool.gather(0, |run| {
                run.on_flush(|_, _, epoch| epochs.push(epoch));
                for _ in 0..100 {
                    run.scatter(|| (), |n, _, ()| *n += 1);
                }
                run.gather_all().unwrap();
                run.gather_all().unwrap();
                assert!(!run.gather_one().unwrap());
            });
            assert_eq!(epochs, [1]);
        });
    });
}

#[test]
fn the_listener_is_called_again_when_there_was_more() {
    watched(|| {
        on_every_pool(|pool| {
            let mut epochs = Vec::new();
            pool.gather(0, |run| {
                run.on_flush(|n, run, epoch| {
                    epochs.push((epoch, *n));
                    if epoch < 3 {
                        run.scatter(|| (), |n, _, ()| *n += 1);
                    }
                });
                run.scatter(|| (), |n, _, ()| *n += 1);
                run.gather_all().unwrap();
                run.scatter(|| (), |n, _, ()| *n += 1);
            });
            assert_eq!(epochs, [(1, 1), (2, 2), (3, 3), (4, 4)]);
        });
    });
}

#[test]
fn the_listener_is_called_again_only_if_flushing_leads_to_tasks() {
    watched(|| {
        on_every_pool(|pool| {
            for more in [false, true] {
                let mut epochs = Vec::new();
                let flushed = pool.gather(0, |run| {
                    run.on_flush(|flushed, _, epoch| epochs.push((epoch, *flushed)));
                    let sums = run
                        .combiner(
                            combine::fold(|| 0, |a, b: u32| *a += b),
                            move |flushed, run: &Scatter<'_, u32>, _| {
                                *flushed += 1;
                                if more {
                                    run.scatter(|| (), |_, _, ()| ());
                                }
                            },
                        )
                        .max_instances(1);
                    run.scatter_into(|| 1, &sums);
                });
                assert_eq!(flushed, 1);
                let expected = if more {
                    vec![(1, 0), (2, 1)]
                } else {
                    vec![(1, 0)]
                };
                assert_eq!(epochs, expected);
            }
        });
    });
}

#[test]
fn an_error_of_the_listener_surfaces_and_the_combiners_flush_all_the_same() {
    watched(|| {
        let pool = pool(2);
        let result = pool.gather(0, |run| {
            run.on_flush(|_, _, _| Err("listener"));
            let sums = run.combiner(combine::fold(|| 0, |a, b: u32| *a += b), |n, _, sum| {
                *n += sum;
                Ok(())
            });
            run.scatter_into(|| 7, &sums);
            assert_eq!(run.gather_all(), Err("listener"));
            run.gather_all()
        });
        assert_eq!(result, Ok(7));
    });
}
