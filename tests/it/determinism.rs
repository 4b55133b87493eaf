//! The deterministic pool: the same seed has the same events, other seeds have others, and what always holds holds.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use windrow::iter::{repeat, repeat_n};
use windrow::prelude::*;
use windrow::{
    Backoff, Every, Priority, RateLimit, Retry, TaskGroup, ThreadPool, ThreadPoolBuilder,
};

use crate::virtual_time::{Diary, MS, S, virtually};
use crate::watchdog::watched;

type Event = (Duration, String);

/// What `program` writes down on a pool of `threads` workers with this seed.
fn events(seed: u64, threads: usize, program: fn(&Arc<ThreadPool>, &Diary<String>)) -> Vec<Event> {
    let builder = ThreadPoolBuilder::new().num_threads(threads);
    let pool = Arc::new(builder.deterministic(seed).build().unwrap());
    let diary = Diary::new(&pool);
    program(&pool, &diary);
    pool.wait_idle();
    diary.entries()
}

/// The same events each time for a seed; with most of the seeds different ones, and the same ones in some order.
fn is_reproducible_and_explores(threads: usize, program: fn(&Arc<ThreadPool>, &Diary<String>)) {
    watched(|| {
        let mut all = HashSet::new();
        let mut sorted: Option<Vec<String>> = None;
        for seed in 0..20 {
            let first = events(seed, threads, program);
            for _ in 0..3 {
                assert_eq!(events(seed, threads, program), first, "seed {seed}");
            }
            let mut what: Vec<_> = first.iter().map(|(_, what)| what.clone()).collect();
            all.insert(what.clone());
            what.sort_unstable();
            assert_eq!(*sorted.get_or_insert_with(|| what.clone()), what);
        }
        assert!(all.len() >= 10, "{} orders with 20 seeds", all.len());
    });
}

fn note(diary: &Diary<String>, what: &str) {
    diary.note(what.to_owned());
}

fn spawning_from_several_tasks(pool: &Arc<ThreadPool>, diary: &Diary<String>) {
    for parent in 0..4 {
        let (pool, diary) = (Arc::clone(pool), diary.clone());
        let inner = Arc::clone(&pool);
        drop(pool.spawn(move || {
            note(&diary, &format!("parent {parent}"));
            for child in 0..4 {
                let diary = diary.clone();
                drop(inner.spawn(move || note(&diary, &format!("child {parent} {child}"))));
            }
        }));
    }
}

fn waiting_and_sleeping(pool: &Arc<ThreadPool>, diary: &Diary<String>) {
    for task in 0..6 {
        let (inner, diary) = (Arc::clone(pool), diary.clone());
        drop(pool.spawn(move || {
            note(&diary, &format!("{task} begins"));
            let helper = diary.clone();
            let handle = inner.spawn(move || note(&helper, &format!("helper of {task}")));
            diary.sleep(S(task % 3));
            note(&diary, &format!("{task} slept"));
            handle.join().unwrap();
            inner.join(
                || note(&diary, &format!("{task} left")),
                || note(&diary, &format!("{task} right")),
            );
            inner.scope(|s| {
                for part in 0..3 {
                    let diary = &diary;
                    s.spawn(move || note(diary, &format!("{task} part {part}")));
                }
            });
        }));
    }
}

fn options_and_timers(pool: &Arc<ThreadPool>, diary: &Diary<String>) {
    let limit = RateLimit::new(1, S(1), 2).unwrap();
    let ticks = diary.clone();
    let periodic = pool.spawn_every(Every::Rate(S(2)), move || note(&ticks, "tick"));
    for task in 0..6 {
        let (retried, limited, late) = (diary.clone(), diary.clone(), diary.clone());
        let policy = Retry::attempts(3).unwrap().backoff(Backoff::fixed(S(1)));
        drop(pool.task().retry(policy).spawn_with(move |cx| {
            note(&retried, &format!("{task} attempt {}", cx.attempt()));
            Err::<(), _>(())
        }));
        let queued = pool.task().rate_limit(&limit);
        drop(queued.spawn(move || note(&limited, &format!("{task} limited"))));
        let delayed = pool.task().delay(S(3)).timeout(S(4));
        drop(delayed.spawn(move || note(&late, &format!("{task} delayed"))));
    }
    pool.sleep(S(9));
    periodic.stop();
}

fn groups_and_resizing(pool: &Arc<ThreadPool>, diary: &Diary<String>) {
    let mut group: TaskGroup<u64> = pool.group().max_concurrent(3);
    for member in 0..8 {
        let diary = diary.clone();
        group.spawn(move || {
            note(&diary, &format!("member {member}"));
            diary.sleep(MS(10 * (member % 2)));
            Ok(member)
        });
    }
    pool.resize(4).unwrap();
    let mut results = Vec::new();
    while let Some((index, result)) = group.join_next() {
        results.push((index, result.unwrap()));
        if results.len() == 4 {
            pool.resize(1).unwrap();
        }
    }
    note(diary, "all are there");
    assert!(
        results
            .iter()
            .all(|&(index, member)| index as u64 == member)
    );
}

fn jitter(pool: &Arc<ThreadPool>, diary: &Diary<String>) {
    for task in 0..5 {
        let diary = diary.clone();
        let backoff = Backoff::fixed(S(100)).jitter(1.0).unwrap();
        let policy = Retry::attempts(3).unwrap().backoff(backoff);
        drop(pool.task().retry(policy).spawn_with(move |cx| {
            note(&diary, &format!("{task} attempt {}", cx.attempt()));
            Err::<(), _>(())
        }));
    }
}

#[test]
fn tasks_that_spawn_others() {
    for threads in [1, 3] {
        is_reproducible_and_explores(threads, spawning_from_several_tasks);
    }
}

#[test]
fn tasks_that_wait_and_sleep() {
    for threads in [1, 3] {
        is_reproducible_and_explores(threads, waiting_and_sleeping);
    }
}

#[test]
fn tasks_with_options_and_timers() {
    for threads in [1, 3] {
        is_reproducible_and_explores(threads, options_and_timers);
    }
}

#[test]
fn groups_in_a_pool_that_changes_its_size() {
    is_reproducible_and_explores(2, groups_and_resizing);
}

#[test]
fn chance_is_the_seeds() {
    is_reproducible_and_explores(1, jitter);
}

#[test]
fn two_tasks_come_in_either_order() {
    watched(|| {
        let program = |pool: &Arc<ThreadPool>, diary: &Diary<String>| {
            for name in ["a", "b"] {
                let diary = diary.clone();
                drop(pool.spawn(move || note(&diary, name)));
            }
        };
        let first = (0..40).map(|seed| events(seed, 1, program).remove(0).1);
        let a = first.filter(|first| first == "a").count();
        assert!((5..=35).contains(&a), "a came first with {a} of 40 seeds");
    });
}

#[test]
fn priorities_hold_whatever_the_seed() {
    virtually(1, |pool| {
        let diary = Diary::new(pool);
        let levels = [Priority::Low, Priority::Normal, Priority::High];
        // Fewer than 64, so that no lower level is due in between.
        for index in 0..30 {
            let (mine, level) = (diary.clone(), levels[index % 3]);
            match index % 2 {
                0 => drop(pool.spawn_with_priority(level, move || mine.note(level))),
                _ => drop(pool.task().priority(level).spawn(move || mine.note(level))),
            }
        }
        pool.wait_idle();
        let expected = [
            [Priority::High; 10],
            [Priority::Normal; 10],
            [Priority::Low; 10],
        ];
        assert_eq!(diary.what(), expected.concat());
    });
}

#[test]
fn a_low_task_is_served_once_in_64_picks_whatever_the_seed() {
    virtually(1, |pool| {
        let diary = Diary::new(pool);
        for index in 0..1000 {
            let level = if index < 5 {
                Priority::Low
            } else {
                Priority::High
            };
            let mine = diary.clone();
            drop(pool.spawn_with_priority(level, move || mine.note(level)));
        }
        pool.wait_idle();
        let all = diary.what();
        let low = |upto: usize| {
            all[..upto]
                .iter()
                .filter(|level| **level == Priority::Low)
                .count()
        };
        for picks in 1..=5 {
            // One more pick, for those that the pool needs to begin with.
            assert!((picks..=picks + 1).contains(&low(64 * picks + 1)) || low(64 * picks + 1) == 5);
        }
    });
}

#[test]
fn time_passes_only_when_all_wait() {
    virtually(2, |pool| {
        let diary = Diary::<()>::new(pool);
        let mut sum = 0_u64;
        for n in 0..100_000 {
            sum = sum.wrapping_mul(31).wrapping_add(n);
        }
        let busy: Vec<_> = (0..50).map(|n| pool.spawn(move || sum ^ n)).collect();
        for handle in busy {
            handle.join().unwrap();
        }
        assert_eq!(diary.passed(), S(0));
        pool.sleep(Duration::from_nanos(1));
        assert_eq!(diary.passed(), Duration::from_nanos(1));
    });
}

/// A value whose clones are long in the making.
struct Slow;

impl Clone for Slow {
    fn clone(&self) -> Slow {
        windrow::yield_now();
        Slow
    }
}

#[test]
fn what_runs_under_a_lock_of_a_loop_may_give_up_the_turn() {
    virtually(4, |pool| {
        let yielding = || (0..100).inspect(|_| _ = windrow::yield_now());
        assert_eq!(yielding().par_bridge().on(pool).count(), 100);
        let unpromised = yielding().filter(|x| x % 2 == 0);
        assert_eq!(unpromised.par_bridge().on(pool).count(), 50);
        let sleeping = (0..20).inspect(|_| pool.sleep(MS(1)));
        assert_eq!(sleeping.par_bridge().on(pool).count(), 20);
        let with = (0..100).into_par_iter().map_with(Slow, |_, x| x);
        assert_eq!(with.on(pool).sum::<u32>(), 4950);
        assert_eq!(repeat_n(Slow, 100).on(pool).count(), 100);
        let pairs = repeat(Slow)
            .zip(0..100)
            .map(|(slow, x)| (slow.clone(), x).1);
        assert_eq!(pairs.on(pool).sum::<u32>(), 4950);
    });
}

#[test]
fn whoever_tells_how_far_a_loop_has_come_may_give_up_the_turn() {
    virtually(3, |pool| {
        for told in [1, 30] {
            (0..40)
                .into_par_iter()
                .map(|_| pool.sleep(MS(1)))
                .progress(|_| pool.sleep(MS(told)))
                .enumerate()
                .on(pool)
                .for_each(|_| ());
        }
    });
}

/// A broadcast waits for all workers, also for those that would report next.
#[test]
fn whoever_tells_how_far_a_loop_has_come_may_broadcast() {
    virtually(3, |pool| {
        (0..40)
            .into_par_iter()
            .map(|_| pool.sleep(MS(7)))
            .progress(|_| drop(pool.broadcast(|_| ())))
            .enumerate()
            .on(pool)
            .for_each(|_| ());
    });
}
