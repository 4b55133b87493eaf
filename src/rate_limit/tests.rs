//! Counts at given instants, the queue at given instants, and that blocked callers come back.

use super::*;
use crate::sync::thread;
use std::collections::VecDeque;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A limit and its first instant.
fn limit(permits: u32, per: Duration, burst: u32) -> (RateLimit, Instant) {
    let epoch = Instant::now();
    let limit = RateLimit::starting(epoch, permits, per, burst).unwrap();
    (limit, epoch)
}

fn random(word: &mut u64) -> u64 {
    *word = word
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *word >> 33
}

const RATES: [(u32, Duration); 6] = [
    (3, Duration::from_secs(1)),
    (7, Duration::from_secs(3)),
    (1000, Duration::from_secs(1)),
    (1, Duration::from_millis(1700)),
    (13, Duration::from_nanos(999_999_937)),
    (60, Duration::from_secs(60)),
];

#[test]
fn a_minute_has_its_permits_and_the_burst() {
    let minute = Duration::from_secs(60);
    for (permits, per) in RATES {
        for burst in [1, 2, 10] {
            let (limit, epoch) = limit(permits, per, burst);
            let mut at = epoch;
            let mut count = 0_u128;
            while at <= epoch + minute {
                match limit.try_at(at) {
                    Ok(()) => count += 1,
                    Err(next) => {
                        assert!(next > at);
                        let before = limit.try_at(next - Duration::from_nanos(1));
                        assert_eq!(before, Err(next), "neither earlier nor later");
                        at = next;
                    }
                }
            }
            let earned = if burst == 1 {
                // Without a burst to make up for it, the clock's resolution lengthens each interval.
                minute.as_nanos() / per.as_nanos().div_ceil(permits.into())
            } else {
                minute.as_nanos() * u128::from(permits) / per.as_nanos()
            };
            let expected = u128::from(burst) + earned;
            assert_eq!(count, expected, "{permits} per {per:?}, burst {burst}");
        }
    }
}

#[test]
fn no_window_has_more_than_burst_and_rate() {
    for (permits, per) in RATES {
        for burst in [1_u32, 3, 10] {
            for seed in 0..8 {
                let (limit, epoch) = limit(permits, per, burst);
                let mut word = seed;
                let mut at = 0;
                let mut taken: Vec<u64> = Vec::new();
                // Mean gaps from a tenth of the interval to ten of them, and clocks that disagree.
                let mean = per.as_nanos() as u64 / u64::from(permits);
                for _ in 0..600 {
                    let pace = [mean / 10, mean, 10 * mean][random(&mut word) as usize % 3];
                    at += random(&mut word) % (2 * pace).max(1);
                    let read = at.saturating_sub(random(&mut word) % mean.max(1));
                    let tried = limit.try_at(epoch + Duration::from_nanos(read));
                    taken.extend(tried.is_ok().then_some(read));
                }
                taken.sort_unstable();
                for (i, &start) in taken.iter().enumerate() {
                    for (count, &end) in (1_u128..).zip(&taken[i..]) {
                        let earned = u128::from(end - start) * u128::from(permits) / per.as_nanos();
                        assert!(count <= u128::from(burst) + earned);
                    }
                }
                assert!(taken.len() > 50, "it was not idle");
            }
        }
    }
}

#[test]
fn rest_earns_a_burst_and_no_more() {
    let (limit, epoch) = limit(10, Duration::from_secs(1), 4);
    for hours in [0, 1, 1000] {
        let at = epoch + Duration::from_secs(3600 * hours);
        for _ in 0..4 {
            assert_eq!(limit.try_at(at), Ok(()));
        }
        assert_eq!(limit.try_at(at), Err(at + MS(100)));
        // Half a burst of rest earns half a burst.
        let later = at + MS(200);
        assert_eq!(limit.try_at(later), Ok(()));
        assert_eq!(limit.try_at(later), Ok(()));
        assert_eq!(limit.try_at(later), Err(later + MS(100)));
    }
}

#[test]
fn clones_share_their_permits() {
    let (limit, epoch) = limit(1, Duration::from_secs(1), 2);
    let clone = limit.clone();
    assert!(limit.try_at(epoch).is_ok() && clone.try_at(epoch).is_ok());
    assert!(limit.try_at(epoch).is_err() && clone.try_at(epoch).is_err());
}

#[test]
fn extremes_do_not_panic() {
    let far = {
        let mut step = Duration::MAX;
        let mut at = Instant::now();
        while !step.is_zero() {
            match at.checked_add(step) {
                Some(next) => at = next,
                None => step /= 2,
            }
        }
        at
    };
    for permits in [1, 2, u32::MAX] {
        for per in [
            Duration::from_nanos(1),
            Duration::from_secs(1),
            Duration::MAX,
        ] {
            for burst in [1, 2, u32::MAX] {
                for epoch in [Instant::now(), far] {
                    let limit = RateLimit::starting(epoch, permits, per, burst).unwrap();
                    let early = epoch.checked_sub(Duration::from_secs(3)).unwrap_or(epoch);
                    for at in [early, epoch, far, early] {
                        for _ in 0..3 {
                            if let Err(next) = limit.try_at(at) {
                                assert!(next >= at || at == far);
                            }
                        }
                        let ticket = limit.0.bucket.enter(at, None, &park::current());
                        if let Entry::Queued(ticket) = ticket {
                            limit.0.bucket.place(at, ticket);
                            limit.0.bucket.leave(at, ticket);
                        }
                    }
                }
            }
        }
    }
    let (limit, epoch) = limit(u32::MAX, Duration::from_nanos(1), 1);
    assert_eq!(limit.try_at(epoch), Ok(()));
    assert_eq!(limit.try_at(epoch), Err(epoch + Duration::from_nanos(1)));
}

#[test]
fn zeros_are_named() {
    let second = Duration::from_secs(1);
    let error = |permits, per, burst| RateLimit::new(permits, per, burst).unwrap_err();
    assert_eq!(error(0, second, 1), PolicyError::ZeroRate);
    assert_eq!(error(1, Duration::ZERO, 1), PolicyError::ZeroPeriod);
    assert_eq!(error(1, second, 0), PolicyError::ZeroBurst);
}

fn queued(limit: &RateLimit, at: Instant, parker: &Arc<Parker>) -> u64 {
    match limit.0.bucket.enter(at, None, parker) {
        Entry::Queued(ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

fn woken(parker: &Parker) -> bool {
    parker.park_timeout(Duration::ZERO)
}

#[test]
fn waiters_have_their_slots_and_newcomers_come_after_them() {
    let (limit, epoch) = limit(1, Duration::from_secs(1), 1);
    let second = |n| epoch + Duration::from_secs(n);
    let parker = Arc::new(Parker::new());
    assert_eq!(limit.try_at(epoch), Ok(()));
    let first = queued(&limit, epoch, &parker);
    let next = queued(&limit, epoch, &parker);
    assert_eq!(limit.0.bucket.place(epoch, first), Place::Queued(second(1)));
    assert_eq!(limit.0.bucket.place(epoch, next), Place::Queued(second(2)));
    assert_eq!(limit.try_at(epoch), Err(second(3)));
    let too_late = limit
        .0
        .bucket
        .enter(epoch, Some(second(3) - MS(1)), &parker);
    assert_eq!(too_late, Entry::TooLate);
    // The first does not look, and yet nobody waits for it; nor does its being late delay the next.
    assert_eq!(
        limit.0.bucket.place(second(1) + MS(400), next),
        Place::Queued(second(2))
    );
    assert_eq!(limit.0.bucket.place(second(2), next), Place::Served);
    assert_eq!(limit.0.bucket.place(second(2), first), Place::Served);
    assert!(!limit.0.bucket.leave(second(2), first), "it has its permit");
    assert_eq!(limit.try_at(second(2)), Err(second(3)));
    assert!(!woken(&parker), "all knew their slots");
}

#[test]
fn who_leaves_gives_its_slot_to_those_behind_it() {
    let (limit, epoch) = limit(1, Duration::from_secs(1), 1);
    let second = |n| epoch + Duration::from_secs(n);
    let parkers: [_; 4] = std::array::from_fn(|_| Arc::new(Parker::new()));
    assert_eq!(limit.try_at(epoch), Ok(()));
    let [a, b, c, d] = [0, 1, 2, 3].map(|i| queued(&limit, epoch, &parkers[i]));
    let wakes = || [0, 1, 2, 3].map(|i| woken(&parkers[i]));
    assert!(limit.0.bucket.leave(epoch + MS(100), b));
    assert_eq!(wakes(), [false; 4], "the first has not changed");
    assert_eq!(limit.try_at(epoch + MS(100)), Err(second(4)));
    assert_eq!(limit.0.bucket.place(second(1), a), Place::Served);
    assert_eq!(wakes(), [false, false, true, false], "its slot is earlier");
    assert_eq!(limit.0.bucket.place(second(1), c), Place::Queued(second(2)));
    assert!(limit.0.bucket.leave(second(1), c));
    assert_eq!(wakes(), [false, false, false, true]);
    assert_eq!(limit.0.bucket.place(second(1), d), Place::Queued(second(2)));
    assert_eq!(limit.0.bucket.place(second(2), d), Place::Served);
    assert_eq!(limit.try_at(second(3)), Ok(()));
}

#[test]
fn who_is_served_early_is_told() {
    let (limit, epoch) = limit(1, Duration::from_secs(1), 1);
    let second = |n| epoch + Duration::from_secs(n);
    let parkers: [_; 4] = std::array::from_fn(|_| Arc::new(Parker::new()));
    assert_eq!(limit.try_at(epoch), Ok(()));
    let tickets = [0, 1, 2, 3].map(|i| queued(&limit, epoch, &parkers[i]));
    assert!(limit.0.bucket.leave(epoch, tickets[1]));
    // Nobody looks until two are due; the second of them still sleeps until the third slot.
    assert_eq!(limit.try_at(second(2)), Err(second(4)));
    let wakes = [0, 1, 2, 3].map(|i| woken(&parkers[i]));
    assert_eq!(wakes, [false, false, true, true]);
    assert_eq!(limit.0.bucket.place(second(2), tickets[2]), Place::Served);
    assert_eq!(
        limit.0.bucket.place(second(2), tickets[3]),
        Place::Queued(second(3))
    );
}

/// A task in the line that waits or is over.
struct InLine {
    waits: bool,
}

impl line::Waiting for InLine {
    fn release(self: Arc<Self>) -> bool {
        unreachable!("nobody pumps")
    }
    fn waits(&self) -> bool {
        self.waits
    }
    fn clock(&self) -> &Clock {
        unreachable!("nobody pumps")
    }
    fn arm(&self, _: line::Appointment) {
        unreachable!("nobody pumps")
    }
}

#[test]
fn tasks_that_are_over_do_not_pile_up_behind_one_that_waits() {
    let (limit, _) = limit(1, Duration::from_secs(1), 1);
    let in_line = |waits| Arc::new(InLine { waits }) as Arc<dyn line::Waiting>;
    let (waiting, over) = (in_line(true), in_line(false));
    limit.line().join(&waiting, false);
    for _ in 0..10_000 {
        limit.line().join(&over, false);
    }
    assert!(Arc::weak_count(&over) < 100);
    // As many that wait are kept, all of them.
    for _ in 0..10_000 {
        limit.line().join(&waiting, false);
    }
    assert_eq!(Arc::weak_count(&waiting), 10_001);
    assert_eq!(Arc::weak_count(&over), 0);
}

#[test]
fn served_waiters_keep_to_the_limit_whoever_leaves() {
    for seed in 0..50 {
        let (limit, epoch) = limit(3, MS(10), 2);
        let parker = Arc::new(Parker::new());
        let mut word = seed;
        let mut waiting = VecDeque::new();
        let (mut taken, mut at) = (0_u128, epoch);
        for _ in 0..300 {
            at += Duration::from_nanos(random(&mut word) % 4_000_000);
            match limit.0.bucket.enter(at, None, &parker) {
                Entry::Taken => taken += 1,
                Entry::Queued(ticket) => waiting.push_back(ticket),
                Entry::TooLate => unreachable!(),
            }
            if random(&mut word) % 3 == 0 && !waiting.is_empty() {
                let who = random(&mut word) as usize % waiting.len();
                let ticket = waiting.remove(who).unwrap();
                taken += u128::from(!limit.0.bucket.leave(at, ticket));
            }
            while waiting
                .front()
                .is_some_and(|&ticket| limit.0.bucket.place(at, ticket) == Place::Served)
            {
                waiting.pop_front();
                taken += 1;
            }
            // While somebody waits, all that has been earned has been taken.
            let earned = (at - epoch).as_nanos() * 3 / MS(10).as_nanos();
            assert!(taken <= 2 + earned);
        }
        // Everything that is left is served in turn, an interval apart.
        at += MS(10) * waiting.len() as u32;
        assert!(
            waiting
                .iter()
                .all(|&ticket| limit.0.bucket.place(at, ticket) == Place::Served)
        );
    }
}

#[test]
fn blocked_callers_come_back() {
    let limit = RateLimit::new(2000, Duration::from_secs(1), 1).unwrap();
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..10 {
                    limit.acquire();
                    assert!(limit.acquire_timeout(Duration::MAX));
                    assert_eq!(limit.acquire_with(&CancelToken::new()), Ok(()));
                }
            });
        }
    });
}

#[test]
fn a_cancelled_caller_comes_back_without_a_permit() {
    let limit = RateLimit::new(1, Duration::from_secs(3600), 1).unwrap();
    assert!(limit.try_acquire());
    let token = CancelToken::new();
    thread::scope(|s| {
        let waiters = [0, 1, 2].map(|_| s.spawn(|| limit.acquire_with(&token)));
        while limit.0.bucket.waiting() < 3 {
            thread::yield_now();
        }
        token.cancel();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), Err(Cancelled));
        }
    });
    assert_eq!(limit.0.bucket.waiting(), 0);
    let next = limit.try_at(clock::now()).unwrap_err();
    assert!(
        next <= Instant::now() + Duration::from_secs(3600),
        "nothing is lost"
    );
    assert!(!limit.acquire_timeout(Duration::from_secs(60)));
}
