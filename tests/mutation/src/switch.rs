//! Goes into the program: which mutant is on, and which ones are reached.

use std::io::Write;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};

static WHICH: LazyLock<usize> = LazyLock::new(|| {
    let which = std::env::var("MUTANT").ok();
    which.and_then(|which| which.parse().ok()).unwrap_or(0)
});

static RECORD: LazyLock<Option<std::fs::File>> = LazyLock::new(|| {
    let name = std::env::var_os("MUTANTS_REACHED")?;
    std::fs::OpenOptions::new().create(true).append(true).open(name).ok()
});

static REACHED: [AtomicBool; 8192] = [const { AtomicBool::new(false) }; 8192];

pub(crate) fn on(number: usize) -> bool {
    if let Some(file) = &*RECORD {
        if !REACHED[number].swap(true, Ordering::Relaxed) {
            let mut file = file;
            let _ = writeln!(file, "{number}");
        }
    }
    *WHICH == number
}
