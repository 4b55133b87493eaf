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
    Command::new("rustc")
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "rustc of unknown version".to_owned())
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
