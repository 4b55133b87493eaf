//! Tests that need a process of their own: the test binary runs itself again, for one case of one test.

use std::any::type_name;
use std::env;
use std::process::Command;

/// Names the case that this process was started for.
const CASE: &str = "WINDROW_TEST_CASE";

/// Runs `body` in a new process with `variables` set, and fails with that process's output if it fails there.
pub(crate) fn alone<F: FnOnce()>(case: &str, variables: &[(&str, &str)], body: F) {
    if let Some(own) = env::var_os(CASE) {
        if own == *case {
            body();
        }
        return;
    }
    // The name of a closure's type is the path of the function that it is written in, below that of the crate.
    let path = type_name::<F>().trim_end_matches("::{{closure}}");
    let test = path.split_once("::").expect("a test is in a crate").1;
    let output = Command::new(env::current_exe().expect("this binary has a path"))
        .args([test, "--exact", "--nocapture"])
        .env_remove("WINDROW_NUM_THREADS")
        .envs(variables.iter().copied())
        .env(CASE, case)
        .output()
        .expect("this binary can be started again");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "case {case}: {}\n{text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}
