//! What fits into memory: a size that is known before is refused before, rather than end the process when it is taken.

use std::path::{Path, PathBuf};

use snn_models::{ModelConfig, Size};

use crate::{Error, Recipe, Result};

/// Refuses a run whose weights or batches alone are larger than the memory that is free. `is_still` says that all
/// steps see one picture.
pub(crate) fn check(config: &ModelConfig, size: &Size, recipe: &Recipe, n: usize) -> Result<()> {
    let free = available();
    fits(free, "model.width", recipe.model.width, weights(size))?;
    fits(free, "train.batch", n, weights(size) + maps(config, size, n))
}

/// Bytes of the weights, their gradients and one moment of the optimizer.
fn weights(size: &Size) -> u64 {
    3 * 4 * size.parameters as u64
}

/// Bytes of a batch and of the largest map that a step makes of it, at the least: those of one time step.
fn maps(config: &ModelConfig, size: &Size, n: usize) -> u64 {
    let input = config.in_channels * config.input.height * config.input.width;
    4 * n as u64 * (input + size.largest_map) as u64
}

fn fits(free: Option<u64>, field: &str, got: impl std::fmt::Display, need: u64) -> Result<()> {
    let Some(free) = free.filter(|free| need > *free) else { return Ok(()) };
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let allowed = format!(
        "less: that takes {} MiB of memory at the least, and {} MiB are free",
        mib(need),
        mib(free)
    );
    Err(Error::Setting { field: field.into(), got: got.to_string(), allowed })
}

/// Bytes that this process may still take: what the system has free, its groups or its own limit leave. None where
/// nothing says.
fn available() -> Option<u64> {
    let text = |path: &Path| std::fs::read_to_string(path).ok();
    let system = text(Path::new("/proc/meminfo")).and_then(|text| of_system(&text));
    let groups = text(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let groups = group_folders(&groups).into_iter().filter_map(|folder| {
        let number = |name: &str| text(&folder.join(name))?.trim().parse::<u64>().ok();
        let limit = number("memory.max").or_else(|| number("memory.limit_in_bytes"))?;
        let used = number("memory.current").or_else(|| number("memory.usage_in_bytes"))?;
        // Files that are kept in memory make room.
        let kept = text(&folder.join("memory.stat"))
            .map_or(0, |text| field(&text, "inactive_file").unwrap_or(0));
        Some(limit.saturating_sub(used.saturating_sub(kept)))
    });
    let limits = text(Path::new("/proc/self/limits"));
    let status = text(Path::new("/proc/self/status"));
    let own = limits.zip(status).and_then(|(limits, status)| of_process(&limits, &status));
    system.into_iter().chain(groups).chain(own).min()
}

/// Free memory and free swap of /proc/meminfo, which counts in KiB.
fn of_system(meminfo: &str) -> Option<u64> {
    let free = field(meminfo, "MemAvailable:")?;
    Some(1024 * (free + field(meminfo, "SwapFree:").unwrap_or(0)))
}

/// What the limit of the address space leaves.
fn of_process(limits: &str, status: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(limit.saturating_sub(1024 * field(status, "VmSize:")?))
}

/// The number after a name.
fn field(text: &str, name: &str) -> Option<u64> {
    let words = |line: &str| Some(line.split_whitespace().map(str::to_string).collect::<Vec<_>>());
    text.lines()
        .filter_map(words)
        .find(|words| words.first().is_some_and(|first| first == name))?
        .get(1)?
        .parse()
        .ok()
}

/// The folders of a process's groups and of those above them, in both versions of the kernel's groups.
fn group_folders(cgroup: &str) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for line in cgroup.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(kinds), Some(path)) = (parts.next(), parts.next()) else { continue };
        let top = match kinds {
            "" => Path::new("/sys/fs/cgroup"),
            kinds if kinds.split(',').any(|kind| kind == "memory") => {
                Path::new("/sys/fs/cgroup/memory")
            }
            _ => continue,
        };
        let own = Path::new(path.trim_start_matches('/'));
        folders.extend(own.ancestors().map(|folder| top.join(folder)));
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_is_read_as_the_kernel_writes_it() {
        let meminfo = "MemTotal:       4005000 kB\nMemFree:  10 kB\nMemAvailable:   2000000 kB\nSwapFree:  48 kB\n";
        assert_eq!(of_system(meminfo), Some(2_000_048 << 10));
        let limits = "Limit  Soft Limit  Hard Limit Units\nMax address space         1073741824           unlimited            bytes\n";
        assert_eq!(of_process(limits, "VmPeak: 9 kB\nVmSize:\t 1024 kB\n"), Some(1023 << 20));
        let none = limits.replace("1073741824", "unlimited");
        assert_eq!(of_process(&none, "VmSize: 1 kB"), None);
        let folders = group_folders("0::/a/b\n5:cpu:/x\n4:memory,hugetlb:/y\n");
        let names: Vec<_> = folders.iter().map(|f| f.to_str().unwrap()).collect();
        let top = "/sys/fs/cgroup/";
        let expected = ["a/b", "a", "", "memory/y", "memory/"].map(|name| format!("{top}{name}"));
        assert_eq!(names, expected);
    }

    #[test]
    fn what_does_not_fit_is_refused_by_its_key() {
        let config = ModelConfig::new(snn_models::Architecture::Resnet19, 10);
        let size = Size { parameters: 1000, largest_map: 1 << 17, ..Size::default() };
        assert_eq!((weights(&size), maps(&config, &size, 2)), (12_000, 8 * (3072 + (1 << 17))));
        assert!(
            fits(Some(12_000), "model.width", 1, 12_000).is_ok()
                && fits(None, "x", 1, u64::MAX).is_ok()
        );
        let error = fits(Some(11 << 20), "train.batch", 9, 12 << 20).unwrap_err();
        let words = "train.batch is 9; use less: that takes 12 MiB of memory at the least, and 11 MiB are free";
        assert_eq!((error.to_string().as_str(), error.exit_code()), (words, 1));
    }
}
