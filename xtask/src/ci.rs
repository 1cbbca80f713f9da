//! `cargo xtask ci` and `cargo xtask test`.
//!
//! Everything is built with the release profile: the tests train small networks, `cargo xtask reproduce` needs the same
//! build, and one profile means that every dependency is compiled once.

use crate::{sh, tidy};

/// All checks, cheapest first.
///
/// # Errors
/// The first check that fails.
pub fn run() -> anyhow::Result<()> {
    sh::run(sh::cargo(&["fmt", "--all", "--check"]))?;
    tidy::run()?;
    let clippy = ["clippy", "--workspace", "--all-targets", "--release", "--locked"];
    sh::run(sh::cargo(&[&clippy[..], &["--", "-D", "warnings"]].concat()))?;
    let doc = ["doc", "--workspace", "--no-deps", "--document-private-items", "--release"];
    let mut doc = sh::cargo(&[&doc[..], &["--locked"]].concat());
    doc.env("RUSTDOCFLAGS", "-D warnings");
    sh::run(doc)?;
    test()
}

/// Builds and runs every test; the last lines are the test runner's own.
///
/// # Errors
/// When something does not build or a test fails.
pub fn test() -> anyhow::Result<()> {
    // Some tests run the program; cargo does not build it for another package's tests.
    sh::build_snn()?;
    sh::run(sh::cargo(&["test", "--workspace", "--release", "--locked"]))
}
