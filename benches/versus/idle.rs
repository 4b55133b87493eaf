//! Row 12: what a pool costs that has nothing to do, read from Linux' /proc.

use std::collections::BTreeMap;
use std::fs;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use crate::args::Plan;
use crate::report;
use crate::verdict::Verdict;

pub(crate) const NUMBER: u8 = 12;

/// From the end of the work to the first look at the counters: going to sleep is not idleness yet.
const SETTLE: Duration = Duration::from_millis(20);

/// What "to speak of" means: a thousandth of the time, and one wake-up of any thread a second.
const CPU_SHARE: f64 = 0.001;
const WAKE_UPS_PER_SECOND: f64 = 1.0;

pub(crate) fn measure(plan: &Plan) -> Vec<Verdict> {
    let span = plan.sizes.idle;
    let title = format!(
        "Idle for {} after work, windrow alone in the process",
        report::span(span)
    );
    report::title(&NUMBER.to_string(), &title, "CPU time in ms", "");
    wait_for_other_threads_to_end();
    if Usage::now().is_none() {
        report::say!("     This system does not say how much its threads run and wake up.");
        return Vec::new();
    }
    report::say!(
        "     {:>7} {:>18} {:>20} {:>24}",
        "threads",
        "CPU, process",
        "CPU, pool's threads",
        "wake-ups, pool's threads"
    );
    let mut verdicts = Vec::new();
    for &threads in &plan.threads {
        let Some(idle) = idle_usage(threads, span, plan.sizes.spawns) else {
            report::say!("     {threads:>7} unknown");
            continue;
        };
        report::say!(
            "     {threads:>7} {:>18.3} {:>20.3} {:>24}",
            idle.process_ms,
            idle.pool_ms,
            idle.wake_ups
        );
        let seconds = span.as_secs_f64();
        let noun = if threads == 1 { "thread" } else { "threads" };
        verdicts.push(Verdict {
            key: NUMBER.to_string(),
            title: title.clone(),
            target: format!("{threads} {noun}: no CPU time, no wake-ups to speak of"),
            figure: format!("{:.2} ms, {}", idle.pool_ms, idle.wake_ups),
            met: idle.pool_ms <= CPU_SHARE * seconds * 1e3
                && idle.wake_ups as f64 <= WAKE_UPS_PER_SECOND * seconds,
        });
    }
    verdicts
}

struct Idle {
    process_ms: f64,
    pool_ms: f64,
    wake_ups: u64,
}

/// Keeps a new pool busy with spawns and joins, then does nothing for `span`.
fn idle_usage(threads: usize, span: Duration, spawns: usize) -> Option<Idle> {
    let pool = windrow::ThreadPool::new(threads).expect("windrow's pool starts");
    for _ in 0..spawns / 10 {
        drop(pool.spawn(|| ()));
    }
    pool.join(|| (), || ());
    pool.scope(|scope| {
        for _ in 0..spawns / 10 {
            let _ = scope.spawn(|| ());
        }
    });
    thread::sleep(SETTLE);
    let before = Usage::now()?;
    thread::sleep(span);
    let after = Usage::now()?;
    Some(after.since(&before))
}

/// What every thread of this process has used so far.
struct Usage(BTreeMap<u32, ThreadUsage>);

#[derive(Clone, Copy, Default)]
struct ThreadUsage {
    cpu_ns: u64,
    /// Voluntary context switches: a thread that sleeps all along makes none.
    switches: u64,
}

impl Usage {
    fn now() -> Option<Usage> {
        let mut threads = BTreeMap::new();
        for entry in fs::read_dir("/proc/self/task").ok()? {
            let path = entry.ok()?.path();
            let id = path.file_name()?.to_str()?.parse().ok()?;
            // A thread may end between the listing and the reading; it is left out then.
            let Ok(status) = fs::read_to_string(path.join("status")) else {
                continue;
            };
            let Ok(schedule) = fs::read_to_string(path.join("schedstat")) else {
                continue;
            };
            let switches = status
                .lines()
                .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
            threads.insert(
                id,
                ThreadUsage {
                    cpu_ns: schedule.split_whitespace().next()?.parse().ok()?,
                    switches: switches.trim().parse().ok()?,
                },
            );
        }
        (!threads.is_empty()).then_some(Usage(threads))
    }

    /// The main thread, which has slept and read the counters, belongs to the process only.
    fn since(&self, before: &Usage) -> Idle {
        let (mut process_ns, mut pool_ns, mut wake_ups) = (0, 0, 0);
        for (id, after) in &self.0 {
            let before = before.0.get(id).copied().unwrap_or_default();
            let cpu_ns = after.cpu_ns.saturating_sub(before.cpu_ns);
            process_ns += cpu_ns;
            if *id != process::id() {
                pool_ns += cpu_ns;
                wake_ups += after.switches.saturating_sub(before.switches);
            }
        }
        Idle {
            process_ms: process_ns as f64 / 1e6,
            pool_ms: pool_ns as f64 / 1e6,
            wake_ups,
        }
    }
}

/// Some peers do not wait for their threads when they are dropped.
fn wait_for_other_threads_to_end() {
    let patience = Instant::now() + Duration::from_secs(2);
    while Instant::now() < patience && Usage::now().is_some_and(|usage| usage.0.len() > 1) {
        thread::sleep(Duration::from_millis(1));
    }
}
