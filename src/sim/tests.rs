//! What happens is written down by the members themselves; two logs of the same seed must be the same.

use super::*;
use crate::clock;
use crate::park::{self, Parker};
use std::sync::Mutex;
use std::thread;

const HOUR: Duration = Duration::from_secs(3600);
const MS: Duration = Duration::from_millis(1);

/// Who, what, and the virtual time since the start.
type Entry = (usize, String, Duration);

/// What the threads of one test share.
struct World {
    sim: Arc<Sim>,
    start: Instant,
    /// Member `i` parks at the `i`th.
    parkers: Vec<Arc<Parker>>,
    log: Mutex<Vec<Entry>>,
    /// Has every thread give way to the system at random moments, to show that it does not matter.
    disturbed: bool,
}

impl World {
    fn new(seed: u64, parkers: usize, disturbed: bool) -> Self {
        let sim = Sim::new(seed);
        sim.adopt_current();
        let start = clock::now();
        Self {
            sim,
            start,
            parkers: (0..parkers).map(|_| Arc::new(Parker::new())).collect(),
            log: Mutex::new(Vec::new()),
            disturbed,
        }
    }

    fn disturb(&self) {
        if self.disturbed {
            for _ in 0..Instant::now().elapsed().subsec_nanos() % 7 {
                thread::yield_now();
            }
        }
    }

    fn log(&self, who: usize, what: impl Into<String>) {
        self.disturb();
        let entry = (who, what.into(), clock::now() - self.start);
        self.log.lock().unwrap().push(entry);
    }

    fn yield_point(&self) {
        self.disturb();
        Sim::yield_point();
    }

    /// Starts a member; the calling thread is one.
    fn start<'s>(
        &'s self,
        scope: &'s thread::Scope<'s, '_>,
        body: impl FnOnce() + Send + 's,
    ) -> Seat {
        let ticket = self.sim.announce();
        let seat = ticket.seat().unwrap();
        scope.spawn(move || {
            self.disturb();
            ticket.begin();
            body();
        });
        seat
    }

    fn into_log(self) -> Vec<Entry> {
        self.log.into_inner().unwrap()
    }
}

fn entries(log: &[(usize, &str, Duration)]) -> Vec<Entry> {
    let owned = |&(who, what, when): &(usize, &str, Duration)| (who, what.to_owned(), when);
    log.iter().map(owned).collect()
}

/// Members that do a bit of everything, as their random words say.
fn medley(seed: u64, threads: usize, disturbed: bool) -> Vec<Entry> {
    let world = World::new(seed, threads, disturbed);
    thread::scope(|scope| {
        let world = &world;
        let member = move |me: usize| {
            let own = &world.parkers[me];
            for _ in 0..12 {
                let word = Sim::random().unwrap();
                let other = (word >> 32) as usize % threads;
                match word % 5 {
                    0 => {
                        let timeout = MS * (word >> 8 & 7) as u32;
                        let token = own.park_timeout(timeout);
                        world.log(me, format!("{timeout:?} {token}"));
                    }
                    1 => {
                        world.parkers[other].unpark();
                        world.log(me, format!("unparked {other}"));
                    }
                    2 => {
                        world.yield_point();
                        world.log(me, "yielded");
                    }
                    3 => {
                        Sim::spend(MS / 2);
                        world.log(me, "was busy");
                    }
                    _ => {
                        // Somebody has to see to it that this ends.
                        let waker = Arc::clone(own);
                        world.start(scope, move || {
                            world.yield_point();
                            waker.unpark();
                        });
                        own.park();
                        world.log(me, "parked");
                    }
                }
            }
        };
        let seats: Vec<_> = (0..threads)
            .map(|me| world.start(scope, move || member(me)))
            .collect();
        for (me, seat) in seats.iter().enumerate() {
            seat.wait_gone();
            world.log(threads, format!("{me} is gone"));
        }
        Sim::leave_current();
    });
    world.into_log()
}

#[test]
fn the_same_seed_does_the_same() {
    for seed in 0..20 {
        let threads = 3 + seed as usize % 3;
        let first = medley(seed, threads, false);
        assert_eq!(first.len(), threads * 13, "each writes what it does");
        for disturbed in [false, true] {
            assert_eq!(medley(seed, threads, disturbed), first, "seed {seed}");
        }
    }
}

#[test]
fn two_simulations_do_not_meet() {
    let alone = [1, 2].map(|seed| medley(seed, 4, false));
    let together = thread::scope(|scope| {
        [1, 2]
            .map(|seed| scope.spawn(move || medley(seed, 4, true)))
            .map(|thread| thread.join().unwrap())
    });
    assert_eq!(together, alone);
}

/// Three members that log and yield.
fn race(seed: u64) -> Vec<usize> {
    let world = World::new(seed, 0, true);
    thread::scope(|scope| {
        let world = &world;
        for me in 0..3 {
            world.start(scope, move || {
                for _ in 0..4 {
                    world.log(me, "");
                    world.yield_point();
                }
            });
        }
        Sim::leave_current();
    });
    world.into_log().into_iter().map(|entry| entry.0).collect()
}

#[test]
fn different_seeds_do_different_things() {
    let mut races: Vec<_> = (0..20).map(race).collect();
    races.sort();
    races.dedup();
    assert!(races.len() > 10, "only {} ways in 20", races.len());
}

#[test]
fn a_long_timeout_is_over_at_once() {
    let world = World::new(1, 0, false);
    // Created on this thread, before or after it became a member.
    assert!(!park::current().park_timeout(HOUR));
    assert_eq!(clock::now() - world.start, HOUR);
    assert!(!park::current().park_timeout(Duration::ZERO));
    assert_eq!(clock::now() - world.start, HOUR);
    assert_eq!(clock::after(MS), Some(world.start + HOUR + MS));
    assert_eq!(clock::after(Duration::MAX), None);
    Sim::leave_current();
}

#[test]
fn a_token_that_is_there_is_taken_without_a_wait() {
    let world = World::new(1, 0, false);
    let parker = park::current();
    parker.unpark();
    parker.park();
    parker.unpark();
    assert!(parker.park_timeout(HOUR));
    assert_eq!(clock::now(), world.start);
    assert!(!parker.park_timeout(MS));
    assert_eq!(clock::now(), world.start + MS);
    Sim::leave_current();
}

#[test]
fn an_unpark_ends_a_timeout_and_leaves_the_clock_alone() {
    for (seed, timeout) in (0..20).flat_map(|seed| [(seed, HOUR), (seed, Duration::MAX)]) {
        let world = World::new(seed, 1, true);
        thread::scope(|scope| {
            let world = &world;
            world.start(scope, move || {
                let token = world.parkers[0].park_timeout(timeout);
                world.log(0, token.to_string());
            });
            world.yield_point();
            world.parkers[0].unpark();
            Sim::leave_current();
        });
        assert_eq!(world.into_log(), entries(&[(0, "true", Duration::ZERO)]));
    }
}

#[test]
fn timeouts_end_in_their_order() {
    for seed in 0..20 {
        let world = World::new(seed, 4, true);
        thread::scope(|scope| {
            let world = &world;
            for (me, after) in [3, 1, 4, 2].into_iter().enumerate() {
                world.start(scope, move || {
                    let token = world.parkers[me].park_timeout(after * MS);
                    world.log(me, token.to_string());
                });
            }
            Sim::leave_current();
        });
        let expected = [1, 3, 0, 2].into_iter().zip(1..);
        let expected: Vec<_> = expected.map(|(me, at)| (me, "false", at * MS)).collect();
        assert_eq!(world.into_log(), entries(&expected), "seed {seed}");
    }
}

#[test]
fn whoever_times_out_with_others_may_still_be_unparked() {
    // Both are due at the same time. Whoever goes first unparks the other, which then has a token.
    for seed in 0..20 {
        let world = World::new(seed, 2, true);
        thread::scope(|scope| {
            let world = &world;
            for me in 0..2 {
                world.start(scope, move || {
                    let token = world.parkers[me].park_timeout(MS);
                    world.log(me, token.to_string());
                    world.parkers[1 - me].unpark();
                });
            }
            Sim::leave_current();
        });
        let log = world.into_log();
        let first = log[0].0;
        let expected = [(first, "false", MS), (1 - first, "true", MS)];
        assert_eq!(log, entries(&expected), "seed {seed}");
    }
}

#[test]
fn busy_time_ends_timeouts() {
    let world = World::new(1, 1, false);
    thread::scope(|scope| {
        let world = &world;
        let seat = world.start(scope, move || {
            let token = world.parkers[0].park_timeout(2 * MS);
            world.log(0, token.to_string());
        });
        while world.log.lock().unwrap().is_empty() {
            Sim::spend(MS);
            world.yield_point();
        }
        seat.wait_gone();
        Sim::leave_current();
    });
    let (who, what, when) = world.into_log().remove(0);
    assert_eq!((who, what.as_str()), (0, "false"));
    assert!(when >= 2 * MS);
}

#[test]
fn a_thread_from_outside_unparks_members() {
    for seed in 0..20 {
        let world = World::new(seed, 2, true);
        thread::scope(|scope| {
            let world = &world;
            for me in 0..2 {
                world.start(scope, move || {
                    world.parkers[me].park();
                    world.log(me, "woken");
                });
            }
            Sim::leave_current();
            // From here on this is an outsider. Whether the members park before this or not is not known.
            assert!(Sim::current().is_none() && Sim::random().is_none());
            Sim::yield_point();
            world.disturb();
            for parker in &world.parkers {
                parker.unpark();
            }
        });
        let mut log = world.into_log();
        log.sort();
        let zero = Duration::ZERO;
        assert_eq!(log, entries(&[(0, "woken", zero), (1, "woken", zero)]));
    }
}

#[test]
fn who_leaves_may_come_back() {
    for seed in 0..20 {
        let world = World::new(seed, 2, true);
        let sim = &world.sim;
        thread::scope(|outer| {
            let world = &world;
            // Starts first, and is still there when the driver comes back.
            world.start(outer, move || {
                world.parkers[0].park();
                world.log(0, "told");
            });
            thread::scope(|inner| {
                inner.spawn({
                    let ticket = sim.announce();
                    move || {
                        ticket.begin();
                        world.log(1, "works");
                        world.yield_point();
                        world.log(1, "is done");
                    }
                });
                world.log(9, "leaves");
                Sim::leave_current();
            });
            sim.adopt_current();
            world.log(9, "is back");
            world.parkers[0].unpark();
            world.log(9, "leaves");
            Sim::leave_current();
        });
        let said = |log: &[Entry]| log.iter().map(|e| e.1.clone()).collect::<Vec<_>>();
        let expected = ["leaves", "works", "is done", "is back", "leaves", "told"];
        assert_eq!(said(&world.into_log()), expected, "seed {seed}");
    }
}

#[test]
fn a_thread_that_does_not_start_is_withdrawn() {
    let world = World::new(1, 0, false);
    let ticket = world.sim.announce();
    let seat = ticket.seat().unwrap();
    drop(ticket);
    seat.wait_gone();
    // Nobody else is there to be given the turn.
    Sim::yield_point();
    assert!(!park::current().park_timeout(MS));
    Sim::leave_current();
    Sim::leave_current();
}

#[test]
fn a_thread_from_outside_starts_members() {
    for seed in 0..20 {
        let world = World::new(seed, 1, true);
        thread::scope(|scope| {
            let world = &world;
            scope.spawn(move || {
                world.start(scope, || {
                    world.log(1, "comes");
                    world.parkers[0].unpark();
                });
                // One whose thread does not start, and which may have the turn already.
                drop(world.sim.announce());
            });
            world.parkers[0].park();
            world.log(0, "woken");
            Sim::leave_current();
        });
        let expected = [(1, "comes", Duration::ZERO), (0, "woken", Duration::ZERO)];
        assert_eq!(world.into_log(), entries(&expected));
    }
}

#[test]
fn the_driver_leaves_with_the_last_pool() {
    let world = World::new(1, 0, false);
    let stakes = [(); 4].map(|()| world.sim.add_pool());
    let [first, second, third, fourth] = stakes;
    drop(first);
    second.drop_and_stay();
    assert!(Sim::current().is_some());
    thread::scope(|scope| {
        // Another member stays, even with the last one.
        let seat = world.start(scope, || {
            drop((third, fourth));
            assert!(Sim::current().is_some() && !Sim::is_left_over());
        });
        seat.wait_gone();
        assert!(Sim::is_left_over());
        drop(world.sim.add_pool());
        assert!(Sim::current().is_none() && !Sim::is_left_over());
    });
}

#[test]
fn a_panic_gives_the_turn_away() {
    let world = World::new(1, 0, false);
    let ticket = world.sim.announce();
    let seat = ticket.seat().unwrap();
    let panicking = thread::spawn(move || {
        ticket.begin();
        std::panic::resume_unwind(Box::new(()));
    });
    seat.wait_gone();
    assert!(panicking.join().is_err());
    assert_eq!(
        Sim::current().map(|sim| Arc::as_ptr(&sim)),
        Some(Arc::as_ptr(&world.sim))
    );
    Sim::leave_current();
}

#[test]
#[should_panic(expected = "a member already")]
fn nobody_is_a_member_twice() {
    let sim = Sim::new(1);
    sim.adopt_current();
    Sim::new(2).adopt_current();
}
