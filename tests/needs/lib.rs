//! What a test may need that a machine may lack, and the line that says a test was skipped for want of it.
//!
//! The test runner counts a test that returns early as passed. Such a test, and one that leaves out some of its cases,
//! calls [`skipped`]; `cargo xtask test` reads the lines, counts those tests as skipped, and fails on a build server
//! that has what the test says is missing. For tests alone: no crate needs it to run.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that names the file to which [`skipped`] adds its lines.
pub const RECORD: &str = "SNN_SKIPPED";

/// Something that a test needs and a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// AVX-512F.
    Avx512,
    /// AVX-512 BF16.
    Avx512Bf16,
    /// AMX with products of bf16.
    Amx,
    /// A C++ compiler.
    Compiler,
    /// The folder of real recordings: see [`shared_data`].
    SharedData,
    /// A file system in memory that a user may mount without rights.
    Tmpfs,
    /// The program curl.
    Curl,
    /// A device on which nothing can be written.
    FullDevice,
    /// The program strace, and the right to use it.
    Strace,
    /// The right to run a program as another user.
    OtherUser,
    /// The instructions that a golden run was computed with: others round differently.
    GoldenInstructions,
}

impl Need {
    /// Every need.
    pub const ALL: [Self; 11] = [
        Self::Avx512,
        Self::Avx512Bf16,
        Self::Amx,
        Self::Compiler,
        Self::SharedData,
        Self::Tmpfs,
        Self::Curl,
        Self::FullDevice,
        Self::Strace,
        Self::OtherUser,
        Self::GoldenInstructions,
    ];

    /// The need in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "AVX-512",
            Self::Avx512Bf16 => "AVX-512 BF16",
            Self::Amx => "AMX",
            Self::Compiler => "a C++ compiler",
            Self::SharedData => "real recordings in ../shared/data or SNN_SHARED_DATA",
            Self::Tmpfs => "the right to mount a tmpfs",
            Self::Curl => "curl",
            Self::FullDevice => "/dev/full",
            Self::Strace => "strace",
            Self::OtherUser => "the right to become another user",
            Self::GoldenInstructions => "the instructions of a golden run",
        }
    }

    /// Whether this machine has it, found out without the code that the tests are for.
    pub fn is_here(self) -> bool {
        match self {
            Self::Avx512 => has_instructions(&["avx512f"]),
            Self::Avx512Bf16 => has_instructions(&["avx512f", "avx512_bf16"]),
            Self::Amx => has_instructions(&["avx512f", "amx_tile", "amx_bf16"]),
            Self::Compiler => {
                ["c++", "g++", "clang++"].iter().any(|name| runs(name, &["--version"]))
            }
            Self::SharedData => shared_folder().is_dir(),
            Self::Tmpfs => {
                runs("unshare", &["-rm", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt"])
            }
            Self::Curl => runs("curl", &["--version"]),
            Self::FullDevice => Path::new("/dev/full").exists(),
            Self::Strace => runs("strace", &["-f", "-qq", "-o", "/dev/null", "true"]),
            Self::OtherUser => {
                runs("setpriv", &["--reuid=65534", "--regid=65534", "--clear-groups", "true"])
            }
            // The test that needs them is the one to know.
            Self::GoldenInstructions => false,
        }
    }
}

/// Says that the calling test, or a part of it, was skipped: one line on standard error and in the file of [`RECORD`].
#[track_caller]
pub fn skipped(need: Need) {
    let thread = std::thread::current();
    // On a single core the runner has no thread for each test that would bear its name.
    let test = match thread.name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => format!("{}:{}", Location::caller().file(), Location::caller().line()),
    };
    let line = line(&variable("CARGO_PKG_NAME").unwrap_or_default(), &test, need);
    // Written and not printed: the runner would keep what a passing test prints.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = variable(RECORD) {
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        assert!(written.is_ok(), "{path}: {written:?}");
    }
}

fn line(package: &str, test: &str, need: Need) -> String {
    format!("SKIPPED {package} {test}: {}\n", need.name())
}

/// The tests that a file of [`RECORD`] names, each with what it lacked; a test that skipped several parts for want of
/// one thing stands there once. Lines that are not of [`skipped`] are passed over.
pub fn read(record: &str) -> BTreeSet<(Need, String)> {
    let known = |line: &str| {
        let (test, name) = line.strip_prefix("SKIPPED ")?.rsplit_once(": ")?;
        Some((Need::ALL.into_iter().find(|need| need.name() == name)?, test.to_owned()))
    };
    record.lines().filter_map(known).collect()
}

/// The folder of real recordings: the one that `SNN_SHARED_DATA` names, else `../shared/data` beside the repository.
/// When neither exists, the calling test is noted as skipped.
#[track_caller]
pub fn shared_data() -> Option<PathBuf> {
    let folder = shared_folder();
    if !folder.is_dir() {
        skipped(Need::SharedData);
        return None;
    }
    Some(folder)
}

fn shared_folder() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    variable("SNN_SHARED_DATA").map_or_else(beside, PathBuf::from)
}

#[expect(clippy::disallowed_methods, reason = "the person who runs the tests points them at data")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What Linux says of the processor; elsewhere nothing is said, and nothing is here.
fn has_instructions(names: &[&str]) -> bool {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = text.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    names.iter().all(|name| flags.split_whitespace().any(|flag| flag == *name))
}

fn runs(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).output().is_ok_and(|done| done.status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let lines: String =
            Need::ALL.map(|need| line("snn-ops", "conv::tests::agree", need)).concat();
        let found = read(&format!("{lines}{lines}test x ... ok\nSKIPPED by hand: something\n"));
        assert_eq!(found, Need::ALL.map(|need| (need, "snn-ops conv::tests::agree".into())).into());
    }
}
