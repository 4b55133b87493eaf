//! A test that may hang runs under [`watched`]: after a minute the whole process stops, and says which test it was. One
//! that takes longer counts what it has done, and is stopped after a minute without progress.

use std::any::type_name;
use std::io::Write;
use std::process::abort;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How long a test may take, or make no progress. Nothing waits for this to pass unless the test hangs.
/// Memory checkers slow down what starts many threads a hundred times.
const PATIENCE: Duration = Duration::from_secs(if cfg!(windrow_system_alloc) { 600 } else { 60 });

/// Runs `test` on this thread, and ends the process with the test's name if it does not come back.
pub(crate) fn watched<F: FnOnce()>(test: F) {
    // The name of a closure's type is the path of the function that it is written in.
    let name = type_name::<F>().trim_end_matches("::{{closure}}");
    watched_as(name.to_owned(), test);
}

/// The same for a part of a test, which says what it is.
pub(crate) fn watched_as(name: String, test: impl FnOnce()) {
    watched_while_moving(name, &Arc::default(), test);
}

/// The same for a long one: it may go on as long as what it counts changes.
pub(crate) fn watched_while_moving(name: String, count: &Arc<AtomicU64>, test: impl FnOnce()) {
    let _alive = watch(name, Arc::clone(count));
    test();
}

/// The watch lasts until what this returns is dropped, by unwinding too.
fn watch(name: String, count: Arc<AtomicU64>) -> Sender<()> {
    let (alive, gone) = channel::<()>();
    let mut last = count.load(Ordering::Relaxed);
    thread::spawn(move || {
        while gone.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let now = count.load(Ordering::Relaxed);
            if now == last {
                // Straight to the stream: what is printed by macros is captured, and lost when the process aborts.
                let _ = writeln!(
                    std::io::stderr(),
                    "\n{name} hangs: not done after {PATIENCE:?} without progress"
                );
                abort();
            }
            last = now;
        }
    });
    alive
}
