//! The targets, and whether a table meets them.

use crate::measure::{Line, Table, Who};

/// The targets are stated for pools of this size.
const USUAL: usize = 2;
/// Far more threads than cores.
const MANY: usize = 64;

/// A target of a row, for each of its judged lines.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    /// At most this share of the time of the fastest peer.
    OfBestPeer(f64),
    /// At most this share of the time of that peer (of its fastest way).
    OfPeer(Who, f64),
    /// At most this share of windrow's own time in that other way.
    OfOwn(&'static str, f64),
    /// On one thread, at most this many times the sequential time.
    OfSequential(f64),
    /// On two threads, at most this many times the sequential time.
    BesideSequential(f64),
    /// On two threads, at most this many times the ideal: the row's own, else half of sequential.
    OfIdeal(f64),
    /// At least this many times faster on two threads than on one.
    SpeedUp(f64),
    /// No further than this share of it from a figure in the row's unit.
    Near { ideal: f64, share: f64 },
    /// At most this, in the row's unit.
    AtMost(f64),
    /// On 64 threads, at most this many times the figure on two.
    Growth(f64),
}

pub(crate) struct Verdict {
    /// The row: its key and its title.
    pub(crate) key: String,
    pub(crate) title: String,
    pub(crate) target: String,
    pub(crate) figure: String,
    pub(crate) met: bool,
}

/// All targets of a table that its lines can answer: a run on one pool size answers few.
pub(crate) fn judge(table: &Table) -> Vec<Verdict> {
    let mut names: Vec<&str> = Vec::new();
    for line in table.lines.iter().filter(|line| line.is_judged()) {
        if !names.contains(&line.how) {
            names.push(line.how);
        }
    }
    let mut verdicts = Vec::new();
    for rule in &table.rules {
        for how in &names {
            if let Some((target, figure, met)) = apply(*rule, table, how) {
                let subject = if names.len() > 1 { how } else { "" };
                let gap = if subject.is_empty() { "" } else { ": " };
                verdicts.push(Verdict {
                    key: table.key.clone(),
                    title: table.title.clone(),
                    target: format!("{subject}{gap}{target}"),
                    figure,
                    met,
                });
            }
        }
    }
    verdicts
}

fn apply(rule: Rule, table: &Table, how: &str) -> Option<(String, String, bool)> {
    let ours = |threads| table.best(threads, |line| line.is_judged() && line.how == how);
    let at_most = |target: String, part: &Line, whole: &Line, limit: f64| {
        let ratio = part.median() / whole.median();
        (target, format!("{ratio:.3}x"), ratio <= limit)
    };
    Some(match rule {
        Rule::OfBestPeer(limit) => {
            let best = table.best(USUAL, Line::is_rival)?;
            let target = format!("at most {limit:.2}x the best peer ({})", best.name());
            at_most(target, ours(USUAL)?, best, limit)
        }
        Rule::OfPeer(who, limit) => {
            let peer = table.best(USUAL, |line| line.is_rival() && line.who == who)?;
            let target = format!("at most {limit:.2}x {}", peer.name());
            at_most(target, ours(USUAL)?, peer, limit)
        }
        Rule::OfOwn(how, limit) => {
            let other = table.best(USUAL, |line| line.who == Who::Windrow && line.how == how)?;
            let target = format!("at most {limit:.2}x {how}");
            at_most(target, ours(USUAL)?, other, limit)
        }
        Rule::OfSequential(limit) => {
            let sequential = table.best(0, |line| line.who == Who::Sequential)?;
            let target = format!("1 thread at most {limit:.2}x sequential");
            at_most(target, ours(1)?, sequential, limit)
        }
        Rule::BesideSequential(limit) => {
            let sequential = table.best(0, |line| line.who == Who::Sequential)?;
            let target = format!("at most {limit:.2}x sequential");
            at_most(target, ours(USUAL)?, sequential, limit)
        }
        Rule::OfIdeal(limit) => {
            let own = table.best(0, |line| line.who == Who::Ideal);
            let (name, ideal) = match own {
                Some(line) => ("the ideal", line.median()),
                None => {
                    let sequential = table.best(0, |line| line.who == Who::Sequential)?;
                    ("half of sequential", sequential.median() / 2.0)
                }
            };
            let ratio = ours(USUAL)?.median() / ideal;
            let target = format!("at most {limit:.2}x {name}");
            (target, format!("{ratio:.3}x"), ratio <= limit)
        }
        Rule::Growth(limit) => {
            let target = format!("{MANY} threads at most {limit:.2}x {USUAL} threads");
            at_most(target, ours(MANY)?, ours(USUAL)?, limit)
        }
        Rule::SpeedUp(limit) => {
            let ratio = ours(1)?.median() / ours(USUAL)?.median();
            let target = format!("{USUAL} threads at least {limit:.2}x faster than 1");
            (target, format!("{ratio:.3}x"), ratio >= limit)
        }
        Rule::Near { ideal, share } => {
            let figure = ours(USUAL)?.median();
            let off = (figure / ideal - 1.0) * 100.0;
            let unit = table.unit;
            (
                format!("within {:.0} % of {ideal} {unit}", share * 100.0),
                format!("{off:+.1} %"),
                off.abs() <= share * 100.0,
            )
        }
        Rule::AtMost(limit) => {
            let figure = ours(USUAL)?.median();
            let unit = table.unit;
            (
                format!("at most {limit} {unit}"),
                format!("{figure:.0} {unit}"),
                figure <= limit,
            )
        }
    })
}
