//! The members of a simulation, their turns and their clock: what is under its lock. See the module above.

use crate::sync::{Arc, Condvar};
use std::mem;
use std::time::{Duration, Instant};

/// How long, in real time, nobody may be able to run before that is remarked on.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    Runnable,
    Blocked { deadline: Option<Instant> },
    Gone,
}

#[derive(Debug)]
struct Member {
    stage: Stage,
    /// Its last block has ended because its deadline came.
    timed_out: bool,
    /// Its thread was there before, and may leave before its end.
    adopted: bool,
    /// The member whose end it waits for.
    awaits: Option<usize>,
    /// For its thread alone, with the state's lock.
    bell: Arc<Condvar>,
}

#[derive(Debug)]
pub(super) struct State {
    members: Vec<Member>,
    /// The running member.
    turn: Option<usize>,
    /// How many pools there are.
    pools: usize,
    now: Instant,
    /// Of the generator, SplitMix64.
    word: u64,
    /// While nobody can run: since when in real time, and the member whose thread looks at that.
    stuck: Option<(usize, Instant)>,
    warned: bool,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            members: Vec::new(),
            turn: None,
            pools: 0,
            now: Instant::now(),
            word: seed,
            stuck: None,
            warned: false,
        }
    }

    /// A new member, runnable; it has the turn at once if nobody has it.
    pub(super) fn announce(&mut self) -> usize {
        self.enter(false)
    }

    /// The same for a thread that is there.
    pub(super) fn adopt(&mut self) -> usize {
        self.enter(true)
    }

    fn enter(&mut self, adopted: bool) -> usize {
        self.members.push(Member {
            stage: Stage::Runnable,
            timed_out: false,
            adopted,
            awaits: None,
            bell: Arc::new(Condvar::new()),
        });
        if self.turn.is_none() {
            self.pass();
        }
        self.members.len() - 1
    }

    pub(super) fn is_adopted(&self, id: usize) -> bool {
        self.members[id].adopted
    }

    pub(super) fn add_pool(&mut self) {
        self.pools += 1;
    }

    /// `true` if that was the last one.
    pub(super) fn remove_pool(&mut self) -> bool {
        self.pools -= 1;
        self.pools == 0
    }

    pub(super) fn has_pools(&self) -> bool {
        self.pools > 0
    }

    pub(super) fn has_turn(&self, id: usize) -> bool {
        self.turn == Some(id)
    }

    /// What the thread of `id` waits on for its turn.
    pub(super) fn bell(&self, id: usize) -> Arc<Condvar> {
        Arc::clone(&self.members[id].bell)
    }

    /// Whether the last block of `id` has ended because its deadline came; forgets it.
    pub(super) fn take_timed_out(&mut self, id: usize) -> bool {
        mem::take(&mut self.members[id].timed_out)
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    pub(super) fn spend(&mut self, time: Duration) {
        if let Some(to) = self.now.checked_add(time) {
            self.move_clock(to);
        }
    }

    pub(super) fn random(&mut self) -> u64 {
        self.word = self.word.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.word;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn runnable(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.members.len()).filter(|&id| self.members[id].stage == Stage::Runnable)
    }

    fn earliest_deadline(&self) -> Option<Instant> {
        let deadlines = self.members.iter().map(|member| match member.stage {
            Stage::Blocked { deadline } => deadline,
            _ => None,
        });
        deadlines.flatten().min()
    }

    fn move_clock(&mut self, to: Instant) {
        self.now = to;
        for member in &mut self.members {
            if matches!(member.stage, Stage::Blocked { deadline: Some(at) } if at <= to) {
                member.stage = Stage::Runnable;
                member.timed_out = true;
            }
        }
    }

    /// The running member gives the turn up and is in `stage` from now on.
    fn give_up(&mut self, me: usize, stage: Stage) {
        debug_assert_eq!(self.turn, Some(me), "only the running member acts");
        self.members[me].stage = stage;
        self.turn = None;
        self.pass();
    }

    /// Nobody has the turn: gives it to a runnable member, moving the clock if there is none.
    fn pass(&mut self) {
        debug_assert_eq!(self.turn, None);
        if self.runnable().next().is_none() {
            match self.earliest_deadline() {
                Some(at) => self.move_clock(at),
                None => return self.watch(),
            }
        }
        let count = self.runnable().count();
        // Multiply-shift on 32 bits, as in `rng`.
        let pick = (((self.random() >> 32) * count as u64) >> 32) as usize;
        let next = self.runnable().nth(pick);
        self.stuck = None;
        self.turn = next;
        let next = &mut self.members[next.expect("some member is runnable")];
        next.stage = Stage::Running;
        next.bell.notify_one();
    }

    /// Nobody can run: has a waiting thread look for how long.
    fn watch(&mut self) {
        let blocked = |member: &Member| matches!(member.stage, Stage::Blocked { .. });
        if let Some(id) = self.members.iter().position(blocked) {
            self.stuck = Some((id, Instant::now()));
            self.members[id].bell.notify_one();
        }
    }

    /// For how long the thread of `me` should wait before it remarks that nobody can run.
    pub(super) fn patience(&self, me: usize) -> Option<Duration> {
        match self.stuck {
            Some((id, since)) if id == me && !self.warned => {
                Some(PATIENCE.saturating_sub(since.elapsed()))
            }
            _ => None,
        }
    }

    pub(super) fn said_so(&mut self) {
        self.warned = true;
    }

    pub(super) fn yield_turn(&mut self, me: usize) {
        self.give_up(me, Stage::Runnable);
    }

    /// The running member is blocked from now on.
    pub(super) fn block(&mut self, me: usize, deadline: Option<Instant>) {
        let due = deadline.is_some_and(|at| at <= self.now);
        self.members[me].timed_out = due;
        let stage = if due {
            Stage::Runnable
        } else {
            Stage::Blocked { deadline }
        };
        self.give_up(me, stage);
    }

    /// The same until `other` is gone; `false` if it is already.
    pub(super) fn block_until_gone(&mut self, me: usize, other: usize) -> bool {
        let there = self.members[other].stage != Stage::Gone;
        if there {
            self.members[me].awaits = Some(other);
            self.block(me, None);
        }
        there
    }

    /// Makes a member runnable if it is blocked.
    pub(super) fn wake(&mut self, id: usize) {
        if matches!(self.members[id].stage, Stage::Blocked { .. }) {
            self.members[id].stage = Stage::Runnable;
            if self.turn.is_none() {
                self.pass();
            }
        }
    }

    /// The running member, or one whose thread has not begun, is gone from now on.
    pub(super) fn retire(&mut self, me: usize) {
        for member in &mut self.members {
            let awaited = member.awaits.take_if(|id| *id == me).is_some();
            if awaited && matches!(member.stage, Stage::Blocked { .. }) {
                // The turn is not open: who retires has it, or is runnable as its ticket is.
                member.stage = Stage::Runnable;
            }
        }
        if self.turn == Some(me) {
            self.give_up(me, Stage::Gone);
        } else {
            self.members[me].stage = Stage::Gone;
        }
    }
}
