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
    let clippy = ["clippy", "--workspace", "--all-targets", "--release", "--locked"];
    sh::run(sh::cargo(&[&clippy[..], &["--", "-D", "warnings"]].concat()))?;
    let doc = ["doc", "--workspace", "--no-deps", "--document-private-items", "--release"];
    let mut doc = sh::cargo(&[&doc[..], &["--locked"]].concat());
    doc.env("RUSTDOCFLAGS", "-D warnings");
    sh::run(doc)?;
    test::run()
}
