//! What the figures were measured on: the processor, the compiler, the versions of the peers.

use std::fs;
use std::process::Command;
use std::thread;

pub(crate) fn processor() -> String {
    fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        })
        .unwrap_or_else(|| "unknown processor".to_owned())
}

pub(crate) fn cpus() -> usize {
    thread::available_parallelism().map_or(0, usize::from)
}

/// The compiler's version: that of the build if the build says it, else that of the `rustc` in the
/// path, which under `cargo bench` is the same one.
pub(crate) fn compiler() -> String {
    if let Some(version) = option_env!("RUSTC_VERSION") {
        return version.to_owned();
    }
    answer("rustc", &["--version"]).unwrap_or_else(|| "rustc of unknown version".to_owned())
}

/// The day, in UTC.
pub(crate) fn date() -> String {
    answer("date", &["-u", "+%Y-%m-%d"]).unwrap_or_else(|| "an unknown day".to_owned())
}

/// What a program prints.
fn answer(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// "rayon 1.12.0" for each of `names`, with the version that `Cargo.lock` holds, if there is one.
pub(crate) fn with_versions(names: &[&str]) -> Vec<String> {
    let lock = fs::read_to_string("Cargo.lock").unwrap_or_default();
    names
        .iter()
        .map(|name| {
            let mut lines = lock.lines();
            let found = lines.any(|line| line == format!("name = \"{name}\""));
            let version = lines
                .next()
                .filter(|_| found)
                .and_then(|line| line.strip_prefix("version = "));
            match version {
                Some(version) => format!("{name} {}", version.trim_matches('"')),
                None => (*name).to_owned(),
            }
        })
        .collect()
}
