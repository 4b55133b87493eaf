//! The travelling salesman by branch and bound, with a task for each way to go on. The one program that is not the same
//! text twice: closures that rayon's scopes spawn get the scope as an argument, here they use it from outside.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

pub(crate) struct Map {
    pub(crate) ways: Vec<Vec<u32>>,
}

#[derive(Clone, Copy)]
struct Trip {
    at: usize,
    seen: u32,
    length: u32,
}

impl Map {
    fn start(&self) -> Trip {
        Trip {
            at: 0,
            seen: 1,
            length: 0,
        }
    }

    /// Where the trip can go on without being too long; notes its end.
    fn next<'m>(&'m self, trip: Trip, best: &'m AtomicU32) -> impl Iterator<Item = Trip> + 'm {
        let Trip { at, seen, length } = trip;
        let all = (1 << self.ways.len()) - 1;
        if seen == all {
            best.fetch_min(length + self.ways[at][0], Relaxed);
        }
        let to = move |town: usize| Trip {
            at: town,
            seen: seen | 1 << town,
            length: length + self.ways[at][town],
        };
        (0..self.ways.len())
            .filter(move |town| seen & 1 << town == 0)
            .map(to)
            .filter(|trip| trip.length < best.load(Relaxed))
    }

    pub(crate) fn alone(&self) -> u32 {
        fn go_on(map: &Map, trip: Trip, best: &AtomicU32) {
            map.next(trip, best).for_each(|trip| go_on(map, trip, best));
        }
        let best = AtomicU32::new(u32::MAX);
        go_on(self, self.start(), &best);
        best.into_inner()
    }

    pub(crate) fn with_rayon(&self) -> u32 {
        fn go_on<'scope>(
            scope: &rayon::Scope<'scope>,
            map: &'scope Map,
            trip: Trip,
            best: &'scope AtomicU32,
        ) {
            for trip in map.next(trip, best) {
                scope.spawn(move |scope| go_on(scope, map, trip, best));
            }
        }
        let best = AtomicU32::new(u32::MAX);
        rayon::scope(|scope| go_on(scope, self, self.start(), &best));
        best.into_inner()
    }

    pub(crate) fn with_windrow(&self) -> u32 {
        fn go_on<'scope>(
            scope: &'scope windrow::Scope<'scope, '_>,
            map: &'scope Map,
            trip: Trip,
            best: &'scope AtomicU32,
        ) {
            for trip in map.next(trip, best) {
                scope.spawn(move || go_on(scope, map, trip, best));
            }
        }
        let best = AtomicU32::new(u32::MAX);
        windrow::scope(|scope| go_on(scope, self, self.start(), &best));
        best.into_inner()
    }
}
