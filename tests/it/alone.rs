//! Tests that need a process of their own: the test binary runs itself again, for one case of one test.

use std::any::type_name;
use std::env;
use std::process::Command;

/// Names the case that this process was started for.
pub(crate) const CASE: &str = "WINDROW_TEST_CASE";

/// The case that this process was started for; none in the process that starts the others.
pub(crate) fn own_case() -> Option<String> {
    env::var(CASE).ok()
}

/// Runs `body` in a new process with `variables` set, and fails with that process's output if it fails there.
pub(crate) fn alone<F: FnOnce()>(case: &str, variables: &[(&str, &str)], body: F) {
    if let Some(own) = own_case() {
        if own == case {
            body();
        }
        return;
    }
    // The name of a closure's type is the path of the function that it is written in, below that of the crate.
    let path = type_name::<F>().trim_end_matches("::{{closure}}");
    let test = path.split_once("::").expect("a test is in a crate").1;
    if let Err(output) = attempt(test, case, variables) {
        panic!("case {case}: {output}");
    }
}

/// Runs one case of test function `test` in a new process.
///
/// # Errors
/// How that process has ended and what it has printed, if it fails.
pub(crate) fn attempt(test: &str, case: &str, variables: &[(&str, &str)]) -> Result<(), String> {
    let output = Command::new(env::current_exe().expect("this binary has a path"))
        .args([test, "--exact", "--nocapture"])
        .env_remove("WINDROW_NUM_THREADS")
        .envs(variables.iter().copied())
        .env(CASE, case)
        .output()
        .expect("this binary can be started again");
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && text.contains("1 passed") {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}\n{text}{errors}", output.status))
}
