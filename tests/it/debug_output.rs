//! What `{:?}` says of types that cannot print all that they hold: the name, and the fields that matter. It waits for
//! nobody, and so is there while tasks run and wait.

use std::fmt::Debug;
use std::sync::mpsc::channel;
use std::time::Duration;

use windrow::prelude::*;
use windrow::{
    Autoscaler, Backoff, CancelToken, Combiner, Emit, Limiter, Priority, RateLimit, Retry,
    TaskGroup, ThreadPool, WaitGroup, combine,
};

use crate::support::{Gate, pool, stall};
use crate::watchdog::watched;

const HOUR: Duration = Duration::from_secs(3600);

/// Each prints exactly what stands beside it.
macro_rules! each_prints {
    ($($value:expr => $text:expr),* $(,)?) => { $(assert_eq!(format!("{:?}", $value), $text);)* };
}

/// It prints a name, and these parts.
fn prints(value: &impl Debug, name: &str, parts: &[&str]) {
    let text = format!("{value:?}");
    assert!(text.starts_with(name), "{text}");
    for part in parts {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

#[test]
fn policies_print_their_numbers() {
    let cap = "cap: 7200s, jitter: 0.0 }";
    let exact = |backoff: Backoff| backoff.cap(2 * HOUR).jitter(0.0).unwrap();
    let hour = "3600s";
    each_prints! {
        exact(Backoff::fixed(HOUR)) => format!("Backoff {{ shape: Fixed({hour}), {cap}"),
        exact(Backoff::linear(HOUR)) => format!("Backoff {{ shape: Linear({hour}), {cap}"),
        exact(Backoff::polynomial(HOUR, 2.5).unwrap()) => format!("Backoff {{ shape: Polynomial({hour}, 2.5), {cap}"),
        exact(Backoff::exponential(HOUR, 3.0).unwrap()) => format!("Backoff {{ shape: Exponential({hour}, 3.0), {cap}"),
        exact(Backoff::custom(|_| HOUR)) => format!("Backoff {{ shape: Custom(..), {cap}"),
        RateLimit::new(7, HOUR, 3).unwrap() => "RateLimit { permits: 7, per: 3600s, burst: 3, .. }",
    }
    let capped = Backoff::fixed(HOUR).cap(HOUR / 2).jitter(0.5).unwrap();
    prints(&capped, "Backoff", &["cap: 1800s", "jitter: 0.5"]);
    let retry = Retry::attempts(9).unwrap().backoff(capped);
    prints(&retry, "Retry", &["9", "Fixed(3600s)"]);
    assert_eq!(retry.max_attempts(), 9);
    assert_eq!(Retry::attempts(1).unwrap().max_attempts(), 1);
}

#[test]
fn pools_and_what_belongs_to_them_print_while_tasks_run() {
    watched(|| {
        let pool = pool(2);
        let stalled = stall(&pool);
        let handle = pool.spawn(|| ());
        let periodic = pool.spawn_every(HOUR, || ());
        let token = CancelToken::new();
        let group: TaskGroup<()> = pool.group();
        group.spawn(|| Ok(()));
        let waiting = WaitGroup::new();
        let _other = waiting.clone();
        let scaler = Autoscaler::new(2..=3).unwrap().interval(HOUR);
        let task = || pool.task().name("bale").priority(Priority::Low);
        each_prints! {
            pool => "ThreadPool { num_threads: 2, .. }",
            handle => "JoinHandle { is_finished: false, .. }",
            periodic => "PeriodicTask { is_finished: false, .. }",
            token => "CancelToken { cancelled: false, .. }",
            group => "TaskGroup { untaken: 1, .. }",
            waiting => "WaitGroup { registered: 2 }",
            scaler => "Autoscaler { bounds: 2..=3, interval: 3600s, .. }",
            scaler.start(&pool).unwrap() => "AutoscalerHandle { bounds: 2..=3, .. }",
            task() => "TaskBuilder { name: Some(\"bale\"), .. }",
            task().retry_default() => "RetryBuilder { task: TaskBuilder { name: Some(\"bale\"), .. }, retry: None, .. }",
        }
        let retry = task().retry(Retry::attempts(4).unwrap());
        prints(&retry, "RetryBuilder", &["bale", "Some(Retry", "4"]);
        let builder = ThreadPool::builder().num_threads(17);
        prints(&builder, "ThreadPoolBuilder", &["17"]);
        assert!(handle.cancel());
        token.cancel();
        periodic.stop();
        each_prints! {
            token => "CancelToken { cancelled: true, .. }",
            periodic => "PeriodicTask { is_finished: true, .. }",
            handle => "JoinHandle { is_finished: true, .. }",
            handle.join().unwrap_err() => "JoinError(Cancelled)",
        }
        drop(stalled);
        drop(group);
    });
}

#[test]
fn a_task_prints_its_context_and_a_scope_itself() {
    watched(|| {
        let pool = pool(1);
        let task = pool.task().name("rake");
        let text = task.spawn_with(|cx| format!("{cx:?}")).join().unwrap();
        assert!(text.starts_with("TaskContext { id: "), "{text}");
        assert!(
            text.ends_with("name: Some(\"rake\"), attempt: 1, .. }"),
            "{text}"
        );
        let lost = pool.spawn(|| std::panic::resume_unwind(Box::new("in the rain")));
        each_prints!(lost.join().unwrap_err() => "JoinError::Panic(\"in the rain\")");
        pool.scope(|s| {
            let (held, hold) = channel::<()>();
            let handle = s.spawn(move || hold.recv().is_err());
            each_prints! {
                s => "Scope { .. }",
                handle => "ScopedJoinHandle { is_finished: false, .. }",
            }
            prints(&s.task().name("turn"), "TaskBuilder", &["turn"]);
            drop(held);
        });
    });
}

#[test]
fn tasks_that_were_given_back_print_what_they_are() {
    watched(|| {
        let pool = pool(1);
        pool.pause();
        let plain = pool.spawn_with_priority(Priority::Low, || 1);
        let managed = pool.task().name("two").priority(Priority::High).spawn(|| 2);
        let given = pool.shutdown_now();
        let (managed_ones, plain_ones): (Vec<_>, Vec<_>) =
            given.into_iter().partition(|task| task.id().is_some());
        let [high] = <[_; 1]>::try_from(managed_ones).unwrap();
        let [low] = <[_; 1]>::try_from(plain_ones).unwrap();
        assert_eq!((low.priority(), low.name()), (Priority::Low, None));
        assert_eq!(
            (high.priority(), high.name()),
            (Priority::High, Some("two"))
        );
        each_prints!(low => "UnstartedTask { id: None, name: None, priority: Low, .. }");
        let id = high.id().unwrap();
        each_prints!(high => format!("UnstartedTask {{ id: Some({id:?}), name: Some(\"two\"), priority: High, .. }}"));
        low.run();
        high.run();
        assert_eq!((plain.join().unwrap(), managed.join().unwrap()), (1, 2));
    });
}

#[test]
fn a_run_and_its_parts_print_while_they_are_at_work() {
    /// Says of what it emits to how that prints.
    struct Saying;
    impl Combiner for Saying {
        type Input = ();
        type Output = String;

        fn combine(&mut self, (): (), emit: &mut Emit<'_, String>) {
            let text = format!("{emit:?}");
            emit.emit(text);
        }

        fn flush(&mut self, _: &mut Emit<'_, String>) {}
    }
    watched(|| {
        let pool = pool(2);
        let gate = Gate::default();
        let limiter = Limiter::new(1);
        let said = pool.gather(Vec::new(), |run| {
            let inside = gate.clone();
            assert!(
                run.via(&limiter)
                    .scatter(move || inside.pass(), |_, _, ()| ())
            );
            prints(run, "Scatter", &["outstanding: 1", "stats"]);
            prints(
                &run.handle(),
                "RunHandle",
                &["closed: false", "cancelled: false"],
            );
            let via = (**run).via(&limiter);
            prints(&via, "Via", &["in_use: 1", "closed: false"]);
            let counts = run.combiner(|| Saying, |said: &mut Vec<_>, _, text| said.push(text));
            prints(
                &counts,
                "CombinerHandle",
                &["stats: CombinerStats", "live: 0"],
            );
            assert!(run.scatter_into(|| (), &counts));
            gate.open();
        });
        assert_eq!(said, ["Emit { .. }"]);
        each_prints! {
            combine::fold(|| 0, |sum: &mut u8, n: u8| *sum += n)() => "Fold { .. }",
            combine::group_by(|n: &u8| *n)() => "GroupBy { .. }",
            limiter => "Limiter { limit: Max(1), in_use: 0, waiting: 0, closed: false }",
        }
    });
}

#[test]
fn loops_print_what_they_are_made_of() {
    let slice = [1, 2, 3];
    let looked = slice.par_iter().progress(|_| ());
    each_prints! {
        looked => "WithProgress { base: Iter([1, 2, 3]), done: 0, .. }",
        (0..3).into_par_iter().map(|n| n + 1) => "Apply { base: Iter { range: 0..3 }, .. }",
    }
    prints(
        &(0..3).par_bridge().ordered(5).map(|n| n + 1),
        "OrderedMap",
        &["ahead: 5"],
    );
}
