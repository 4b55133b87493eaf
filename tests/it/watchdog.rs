//! A test that may hang runs under [`watched`]: after a minute the whole process stops, and says which test it was.

use std::any::type_name;
use std::io::Write;
use std::process::abort;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How long a test may take. Nothing waits for this to pass unless the test hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `test` on this thread, and ends the process with the test's name if it does not come back.
pub(crate) fn watched<F: FnOnce()>(test: F) {
    // The name of a closure's type is the path of the function that it is written in.
    let name = type_name::<F>().trim_end_matches("::{{closure}}");
    watched_as(name.to_owned(), test);
}

/// The same for a part of a test, which says what it is.
pub(crate) fn watched_as(name: String, test: impl FnOnce()) {
    let _alive = watch(name);
    test();
}

/// The watch lasts until what this returns is dropped, by unwinding too.
fn watch(name: String) -> Sender<()> {
    let (alive, gone) = channel::<()>();
    thread::spawn(move || {
        if gone.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            // Straight to the stream: what is printed by macros is captured, and lost when the process aborts.
            let _ = writeln!(
                std::io::stderr(),
                "\n{name} hangs: not done after {PATIENCE:?}"
            );
            abort();
        }
    });
    alive
}
