//! Rows, samples and tables: who takes part, in which order, and what came out.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use crate::verdict::Rule;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// The same work without a pool.
    Sequential,
    /// What nobody can do better than, computed from a measurement of the parts.
    Ideal,
    /// Two threads of std, with half of the work each.
    ByHand,
    Windrow,
    Rayon,
    Chili,
    Threadpool,
    RustyPool,
    Orx,
}

impl Who {
    pub(crate) const PEERS: [Who; 5] = [
        Who::Rayon,
        Who::Chili,
        Who::Orx,
        Who::Threadpool,
        Who::RustyPool,
    ];

    pub(crate) fn is_peer(self) -> bool {
        !matches!(
            self,
            Who::Sequential | Who::Ideal | Who::ByHand | Who::Windrow
        )
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Who::Sequential => "sequential",
            Who::Ideal => "ideal",
            Who::ByHand => "by hand",
            Who::Windrow => "windrow",
            Who::Rayon => "rayon",
            Who::Chili => "chili",
            Who::Threadpool => "threadpool",
            Who::RustyPool => "rusty_pool",
            Who::Orx => "orx-parallel",
        })
    }
}

/// What a line is to the row's targets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The targets are meant for it.
    Judged,
    /// A peer that the targets may name, or windrow in another way.
    Compared,
    /// Shown, but no target is measured against it.
    Aside,
}

/// One piece of work, and everybody who can do it.
pub(crate) struct Row<'a> {
    pub(crate) number: u8,
    pub(crate) letter: &'static str,
    pub(crate) title: String,
    pub(crate) unit: &'static str,
    /// What a reader should know about the contestants; may be empty.
    pub(crate) note: &'static str,
    rules: Vec<Rule>,
    contestants: Vec<Contestant<'a>>,
}

struct Contestant<'a> {
    line: Line,
    /// Does the work, with its own warm-up, and returns the figure in the row's unit.
    sample: Box<dyn FnMut() -> f64 + 'a>,
}

pub(crate) struct Table {
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) unit: &'static str,
    pub(crate) rules: Vec<Rule>,
    pub(crate) lines: Vec<Line>,
}

pub(crate) struct Line {
    pub(crate) who: Who,
    /// Which of its tools does the work; empty where there is one obvious way.
    pub(crate) how: &'static str,
    /// The size of the pool; 0 for no pool.
    pub(crate) threads: usize,
    pub(crate) role: Role,
    /// The figures, sorted once the row has been measured.
    samples: Vec<f64>,
}

impl<'a> Row<'a> {
    pub(crate) fn new(
        (number, letter): (u8, &'static str),
        title: String,
        unit: &'static str,
        rules: impl Into<Vec<Rule>>,
    ) -> Row<'a> {
        Row {
            number,
            letter,
            title,
            unit,
            note: "",
            rules: rules.into(),
            contestants: Vec::new(),
        }
    }

    pub(crate) fn key(&self) -> String {
        format!("{}{}", self.number, self.letter)
    }

    pub(crate) fn add(
        &mut self,
        who: Who,
        how: &'static str,
        threads: usize,
        sample: impl FnMut() -> f64 + 'a,
    ) {
        self.add_as(Role::Compared, who, how, threads, sample);
    }

    pub(crate) fn add_aside(
        &mut self,
        who: Who,
        how: &'static str,
        threads: usize,
        sample: impl FnMut() -> f64 + 'a,
    ) {
        self.add_as(Role::Aside, who, how, threads, sample);
    }

    /// Adds the windrow line that the row's targets are meant for.
    pub(crate) fn add_judged(
        &mut self,
        how: &'static str,
        threads: usize,
        sample: impl FnMut() -> f64 + 'a,
    ) {
        self.add_as(Role::Judged, Who::Windrow, how, threads, sample);
    }

    fn add_as(
        &mut self,
        role: Role,
        who: Who,
        how: &'static str,
        threads: usize,
        sample: impl FnMut() -> f64 + 'a,
    ) {
        self.contestants.push(Contestant {
            line: Line {
                who,
                how,
                threads,
                role,
                samples: Vec::new(),
            },
            sample: Box::new(sample),
        });
    }

    /// Lets all contestants take a sample in turn, `rounds` times, in another order each time, after a round that does
    /// not count. The order is a chance one: a machine whose second processor has just had nothing to do is slower for
    /// a while, and whoever follows a contestant of one thread would always meet that.
    pub(crate) fn measure(mut self, rounds: usize, settle: Duration) -> Table {
        let mut order: Vec<usize> = (0..self.contestants.len()).collect();
        let mut chance = u64::from(self.number) + 1;
        for round in 0..=rounds {
            shuffle(&mut order, &mut chance);
            for &turn in &order {
                thread::sleep(settle);
                let contestant = &mut self.contestants[turn];
                let figure = (contestant.sample)();
                if round > 0 {
                    contestant.line.samples.push(figure);
                }
            }
        }
        let key = self.key();
        let sorted = |contestant: Contestant<'_>| {
            let mut line = contestant.line;
            line.samples.sort_by(f64::total_cmp);
            line
        };
        Table {
            key,
            title: self.title,
            unit: self.unit,
            rules: self.rules,
            lines: self.contestants.into_iter().map(sorted).collect(),
        }
    }
}

impl Table {
    /// The fastest of the lines that are `wanted` on a pool of this size.
    pub(crate) fn best(&self, threads: usize, wanted: impl Fn(&Line) -> bool) -> Option<&Line> {
        self.lines
            .iter()
            .filter(|line| line.threads == threads && wanted(line))
            .min_by(|a, b| a.median().total_cmp(&b.median()))
    }
}

impl Line {
    pub(crate) fn is_judged(&self) -> bool {
        self.role == Role::Judged
    }

    /// Whether targets are measured against it.
    pub(crate) fn is_rival(&self) -> bool {
        self.role == Role::Compared && self.who.is_peer()
    }

    pub(crate) fn min(&self) -> f64 {
        self.samples[0]
    }

    pub(crate) fn median(&self) -> f64 {
        median_of_sorted(&self.samples)
    }

    pub(crate) fn max(&self) -> f64 {
        self.samples[self.samples.len() - 1]
    }

    pub(crate) fn name(&self) -> String {
        if self.how.is_empty() {
            self.who.to_string()
        } else {
            format!("{} {}", self.who, self.how)
        }
    }
}

/// Fisher and Yates' way, with Marsaglia's xorshift: the same orders in each run.
fn shuffle(order: &mut [usize], state: &mut u64) {
    for last in (1..order.len()).rev() {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        let other = *state % (last as u64 + 1);
        order.swap(last, other as usize);
    }
}

fn median_of_sorted(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    }
}

/// How long `work` takes, in nanoseconds.
pub(crate) fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e9
}

/// The calls of one sample.
#[derive(Clone, Copy)]
pub(crate) struct Calls {
    /// Calls before the first one that counts.
    pub(crate) warm_up: usize,
    pub(crate) counted: usize,
    /// Sleep before each call, so that the pool has gone to sleep too.
    pub(crate) pause: Duration,
}

impl Calls {
    /// One call, long enough not to need a warm-up.
    pub(crate) const ONCE: Calls = Calls {
        warm_up: 0,
        counted: 1,
        pause: Duration::ZERO,
    };

    /// Calls that follow each other at once.
    pub(crate) fn hot(counted: usize) -> Calls {
        Calls {
            warm_up: counted.div_ceil(10),
            counted,
            pause: Duration::ZERO,
        }
    }

    pub(crate) fn paused(counted: usize, pause: Duration) -> Calls {
        Calls {
            warm_up: 0,
            counted,
            pause,
        }
    }

    /// The median time of a call in nanoseconds.
    pub(crate) fn median_time(self, mut work: impl FnMut()) -> f64 {
        for _ in 0..self.warm_up {
            work();
        }
        let mut times: Vec<f64> = (0..self.counted)
            .map(|_| {
                if !self.pause.is_zero() {
                    thread::sleep(self.pause);
                }
                time(&mut work)
            })
            .collect();
        times.sort_by(f64::total_cmp);
        median_of_sorted(&times)
    }

    /// The same for calls so short that looking at the clock for each would show: the median over
    /// batches of a hundred.
    pub(crate) fn batched_time(self, mut work: impl FnMut()) -> f64 {
        const BATCH: usize = 100;
        let batches = Calls::hot(self.counted.div_ceil(BATCH));
        let batch_time = batches.median_time(|| {
            for _ in 0..BATCH {
                work();
            }
        });
        batch_time / BATCH as f64
    }
}
