//! What the operating system says of this machine. On another system than Linux most of it is absent.

use std::path::Path;

/// Instructions that some kernel has a use for, under the kernel's names.
const INSTRUCTIONS: [&str; 8] =
    ["avx2", "fma", "avx512f", "avx512bw", "avx512_bf16", "avx512_vnni", "amx_tile", "amx_bf16"];

/// The processor's name, and which of the instructions it has.
pub(super) fn processor() -> (Option<String>, Vec<&'static str>) {
    cpuinfo(&std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default())
}

fn cpuinfo(text: &str) -> (Option<String>, Vec<&'static str>) {
    let field = |name: &str| {
        let line = text.lines().find(|line| line.split(':').next().map(str::trim) == Some(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    };
    let flags: Vec<&str> = field("flags").unwrap_or_default().split_whitespace().collect();
    let has = INSTRUCTIONS.into_iter().filter(|name| flags.contains(name)).collect();
    (field("model name").map(str::to_owned), has)
}

/// Bytes of memory: all of it, and what could be had now.
pub(super) fn memory() -> (Option<u64>, Option<u64>) {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    (meminfo(&text, "MemTotal:"), meminfo(&text, "MemAvailable:"))
}

fn meminfo(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// The least bytes of memory that a control group above this process allows; none where none of them limits it.
pub(super) fn group_limit() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    limit(&groups, Path::new("/sys/fs/cgroup"))
}

/// Version 2 has lines `0::/path`, version 1 `N:memory:/path`; a container sees its own group as the root.
fn limit(groups: &str, root: &Path) -> Option<u64> {
    let mut least = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (folder, file) = match controllers {
            "" => (root.to_path_buf(), "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let own = folder.join(path.trim_start_matches('/'));
        for group in own.ancestors().take_while(|group| group.starts_with(&folder)) {
            let text = std::fs::read_to_string(group.join(file)).unwrap_or_default();
            // Version 1 writes "no limit" as the largest multiple of a page.
            let bytes = text.trim().parse::<u64>().ok().filter(|bytes| *bytes < 1 << 60);
            least = [least, bytes].into_iter().flatten().min();
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_and_memory_are_read() {
        let text =
            "processor\t: 0\nmodel name\t: A Chip\nflags\t\t: fpu avx2 amx_tile\n\nflags\t: fma\n";
        assert_eq!(cpuinfo(text), (Some("A Chip".into()), vec!["avx2", "amx_tile"]));
        assert_eq!(cpuinfo(""), (None, Vec::new()));
        let text = "MemTotal:       24597468 kB\nMemAvailable:   14 kB\n";
        assert_eq!(meminfo(text, "MemAvailable:"), Some(14 << 10));
        assert_eq!(meminfo(text, "MemFree:"), None);
    }

    #[test]
    fn least_limit_of_the_groups_above_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            snn_train::write_atomic(&path, text.as_bytes()).unwrap();
        };
        write("a/memory.max", "1000\n");
        write("a/b/memory.max", "max\n");
        assert_eq!(limit("0::/a/b\n", root.path()), Some(1000));
        assert_eq!(limit("0::/c\n", root.path()), None);
        write("memory/d/memory.limit_in_bytes", "500\n");
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(limit("4:cpu:/d\n3:pids,memory:/d\n", root.path()), Some(500));
        assert_eq!(limit("3:memory:/\n", root.path()), None);
    }
}
