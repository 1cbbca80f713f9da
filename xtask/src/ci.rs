//! `cargo xtask ci`.
//!
//! Everything is built with the release profile: the tests train small networks, `cargo xtask reproduce` needs the same
//! build, and one profile means that every dependency is compiled once.

use crate::{sh, test, tidy};

/// All checks, cheapest first.
///
/// # Errors
/// The first check that fails.
pub fn run() -> anyhow::Result<()> {
    sh::run(sh::cargo(&["fmt", "--all", "--check"]))?;
    tidy::run()?;
    // The feature changes nothing but a file of snn-cli; the tests compile that crate without it.
    let clippy = ["clippy", "--workspace", "--all-targets", "--release", "--locked"];
    let hub = ["--features", "snn-cli/hub", "--", "-D", "warnings"];
    sh::run(sh::cargo(&[&clippy[..], &hub].concat()))?;
    let doc = ["doc", "--workspace", "--no-deps", "--document-private-items", "--release"];
    let mut doc = sh::cargo(&[&doc[..], &["--locked"]].concat());
    doc.env("RUSTDOCFLAGS", "-D warnings");
    sh::run(doc)?;
    test::run()
}
