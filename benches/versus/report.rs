//! The look of it: heading, tables, verdicts, summary.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use crate::args::Plan;
use crate::machine;
use crate::measure::Table;
use crate::verdict::Verdict;

/// All that has been said, for [`said`].
static SAID: Mutex<String> = Mutex::new(String::new());

/// Prints a line, and keeps it.
pub(crate) fn say_line(line: fmt::Arguments<'_>) {
    println!("{line}");
    let mut said = SAID.lock().expect("nobody panics while it speaks");
    said.push_str(&format!("{line}\n"));
}

macro_rules! say {
    ($($line:tt)*) => {
        $crate::report::say_line(format_args!($($line)*))
    };
}
pub(crate) use say;

/// The report so far.
pub(crate) fn said() -> String {
    SAID.lock().expect("nobody panics while it speaks").clone()
}

pub(crate) fn heading(plan: &Plan) {
    let peers = ["rayon", "chili", "threadpool", "rusty_pool", "orx-parallel"];
    let peers = machine::with_versions(&peers);
    let threads: Vec<String> = plan.threads.iter().map(usize::to_string).collect();
    say!("windrow and its peers, side by side\n");
    say!(
        "  machine   {}, {} CPUs, {} {}",
        machine::processor(),
        machine::cpus(),
        std::env::consts::ARCH,
        std::env::consts::OS,
    );
    say!("  compiler  {}", machine::compiler());
    say!("  peers     {}", peers.join(", "));
    say!(
        "  run       {} {}, interleaved, on pools of {} threads",
        plan.rounds,
        if plan.rounds == 1 { "round" } else { "rounds" },
        threads.join(", "),
    );
    if plan.quick {
        say!("\n  Quick: tiny sizes, to see that everything runs. The figures mean nothing.");
    }
}

pub(crate) fn title(key: &str, title: &str, unit: &str, note: &str) {
    say!("\n{key:>3}  {title} ({unit})");
    if !note.is_empty() {
        say!("     {note}");
    }
    say!("");
}

pub(crate) fn table(table: &Table) {
    say!(
        "     {:>7}  {:<27}{:>10}   {:>10}   {:>10}     windrow/it",
        "threads",
        "",
        "min",
        "median",
        "max"
    );
    let sizes: BTreeSet<usize> = table.lines.iter().map(|line| line.threads).collect();
    for threads in sizes {
        let ours = table
            .lines
            .iter()
            .find(|line| line.is_judged() && line.threads == threads);
        let best = table.best(threads, |line| line.who.is_peer());
        let mut size = match threads {
            0 => "-".to_owned(),
            _ => threads.to_string(),
        };
        for line in table.lines.iter().filter(|line| line.threads == threads) {
            let ratio = match ours {
                Some(ours) if line.who.is_peer() => times(ours.median() / line.median()),
                _ => String::new(),
            };
            let mark = match best {
                Some(best) if std::ptr::eq(best, line) => "  best peer",
                _ => "",
            };
            let text = format!(
                "     {size:>7}  {:<27}{}{}{}{ratio:>12}{mark}",
                line.name(),
                column(line.min()),
                column(line.median()),
                column(line.max()),
            );
            say!("{}", text.trim_end());
            size.clear();
        }
    }
}

pub(crate) fn verdicts(verdicts: &[Verdict], quick: bool) {
    if !verdicts.is_empty() {
        say!("");
    }
    for verdict in verdicts {
        say!("     {}", verdict_line(verdict, quick));
    }
}

pub(crate) fn summary(verdicts: &[Verdict], quick: bool) {
    say!("\nSummary");
    let mut key = "";
    for verdict in verdicts {
        if verdict.key != key {
            key = &verdict.key;
            say!("\n{key:>3}  {}", verdict.title);
        }
        say!("       {}", verdict_line(verdict, quick));
    }
    let met = verdicts.iter().filter(|verdict| verdict.met).count();
    match (verdicts.len(), quick) {
        (0, _) => say!("\n     These rows on these pool sizes have no targets."),
        (_, true) => say!("\n     Everything ran; a quick run judges nothing."),
        (all, false) => say!("\n     {met} of {all} targets met, {} missed", all - met),
    }
}

fn verdict_line(verdict: &Verdict, quick: bool) -> String {
    let word = match (quick, verdict.met) {
        (true, _) => "not judged",
        (false, true) => "met",
        (false, false) => "MISSED",
    };
    format!("{:<60}{:>12}   {word}", verdict.target, verdict.figure)
}

/// A ratio, with about three digits.
fn times(ratio: f64) -> String {
    let decimals = if ratio < 0.0995 { 3 } else { decimals(ratio) };
    format!("{ratio:.decimals$}x")
}

fn decimals(figure: f64) -> usize {
    match figure.abs() {
        small if small < 9.995 => 2,
        middling if middling < 99.95 => 1,
        _ => 0,
    }
}

/// A figure with about three digits or all those before the point, the points beneath each other.
fn column(figure: f64) -> String {
    let decimals = decimals(figure);
    let padding = if decimals == 0 { 3 } else { 2 - decimals };
    format!("{:>1$}", grouped(figure, decimals), 13 - padding) + &" ".repeat(padding)
}

/// "5 ms" rather than "5ms".
pub(crate) fn span(span: Duration) -> String {
    let text = format!("{span:?}");
    let (number, unit) = text.split_at(text.find(char::is_alphabetic).unwrap_or(text.len()));
    format!("{number} {unit}")
}

/// A figure with so many decimals and a comma between thousands.
pub(crate) fn grouped(figure: f64, decimals: usize) -> String {
    let text = format!("{figure:.decimals$}");
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}
