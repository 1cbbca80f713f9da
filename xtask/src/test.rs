//! `cargo xtask test`: every test, and in the last line how many passed, failed and were skipped.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, bail};
use snn_needs::Need;

use crate::{files, sh};

/// Builds and runs every test.
///
/// # Errors
/// When something does not build or a test fails; and, where `CI` is `true`, when a test was skipped for want of
/// something that this machine has.
pub fn run() -> anyhow::Result<()> {
    // Some tests run the program; cargo does not build it for another package's tests. One of them needs the feature.
    sh::build_snn_with(&["--features", "hub"])?;
    let record = sh::root().join("target/skipped.txt");
    files::write(&record, "")?;
    let mut cargo = sh::cargo(&["test", "--workspace", "--release", "--locked"]);
    cargo.env(snn_needs::RECORD, &record).stdout(Stdio::piped());
    let text = sh::shown(&cargo);
    sh::say(&format!("$ {text}"));
    let mut child = cargo.spawn().with_context(|| format!("starting {text}"))?;
    let mut counts = Counts::default();
    for line in BufReader::new(child.stdout.take().context("no output")?).split(b'\n') {
        let line = line.with_context(|| format!("reading {text}"))?;
        let line = String::from_utf8_lossy(&line);
        sh::print(&line)?;
        counts.add(&line);
    }
    let status = child.wait().with_context(|| format!("waiting for {text}"))?;
    let skipped = snn_needs::read(&files::read(&record)?);
    sh::print(&report(&skipped))?;
    let closing = counts.closing(&skipped);
    if !status.success() {
        bail!("`{text}` ended with {status}: {closing}");
    }
    let is_server = std::env::var_os("CI").is_some_and(|value| value == "true");
    match needless(&skipped, Need::is_here) {
        Some(why) if is_server => bail!("{why}: {closing}"),
        Some(why) => sh::say(&format!("{why}: where CI=true, this fails")),
        None => {}
    }
    sh::print(&closing)
}

/// The sums of the runner's closing lines, one for each program and each crate's documentation.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    passed: usize,
    failed: usize,
    ignored: usize,
}

impl Counts {
    /// Adds a line such as `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out`.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let words: Vec<&str> = result.split_whitespace().collect();
        let before = |what: &str| {
            let at = words.iter().position(|word| *word == what)?;
            words.get(at.checked_sub(1)?)?.parse::<usize>().ok()
        };
        self.passed += before("passed;").unwrap_or(0);
        self.failed += before("failed;").unwrap_or(0);
        self.ignored += before("ignored;").unwrap_or(0);
    }

    /// The runner takes a test that returns early for passed.
    fn closing(&self, skipped: &BTreeSet<(Need, String)>) -> String {
        let early = tests(skipped).len();
        let (passed, skipped) = (self.passed.saturating_sub(early), self.ignored + early);
        format!("{passed} passed, {} failed, {skipped} skipped", self.failed)
    }
}

/// A test may lack several things.
fn tests(skipped: &BTreeSet<(Need, String)>) -> BTreeSet<&str> {
    skipped.iter().map(|(_, test)| test.as_str()).collect()
}

/// What was missing, and which tests were skipped for it, whole or in part.
fn report(skipped: &BTreeSet<(Need, String)>) -> String {
    let mut text = String::new();
    for need in Need::ALL {
        let names: Vec<&str> =
            skipped.iter().filter(|(of, _)| *of == need).map(|(_, test)| test.as_str()).collect();
        if !names.is_empty() {
            text += &format!("SKIPPED without {}: {}\n", need.name(), names.join(", "));
        }
    }
    text + &format!("skipped: {} (whole or in part)", tests(skipped).len())
}

/// The first test that was skipped for want of something that is here.
fn needless(skipped: &BTreeSet<(Need, String)>, is_here: impl Fn(Need) -> bool) -> Option<String> {
    let (need, test) = skipped.iter().find(|(need, _)| is_here(*need))?;
    Some(format!("{test} was skipped, but this machine has {}", need.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_summed_and_early_returns_are_no_passes() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 4 filtered out",
            "test tests::passed ... ok",
        ] {
            counts.add(line);
        }
        assert_eq!(counts, Counts { passed: 14, failed: 1, ignored: 1 });
        let of = |need, test: &str| (need, test.to_owned());
        let skipped = [of(Need::Amx, "a"), of(Need::Avx512, "a"), of(Need::Compiler, "b")].into();
        assert_eq!(counts.closing(&skipped), "12 passed, 1 failed, 3 skipped");
        let why = needless(&skipped, |need| need == Need::Compiler).unwrap();
        assert_eq!(why, "b was skipped, but this machine has a C++ compiler");
        assert_eq!(needless(&skipped, |_| false), None);
        let report = report(&skipped);
        let end = "SKIPPED without a C++ compiler: b\nskipped: 2 (whole or in part)";
        assert!(report.ends_with(end), "{report}");
    }
}
