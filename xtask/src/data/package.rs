//! A registry's package: fetched, found, checked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use sha2::{Digest, Sha256};

use crate::sh;

/// Runs a program in `folder`; where it is not there, says what would have been fetched.
pub(super) fn fetch(
    program: &str,
    args: &[&str],
    folder: &Path,
    by_hand: &str,
) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder);
    sh::run(command).with_context(|| format!("{by_hand}, put it into {}", folder.display()))
}

/// The only file of `folder` that ends so.
pub(super) fn file_ending(folder: &Path, ending: &str) -> anyhow::Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    let mut paths = paths.into_iter().filter(|path| path.to_string_lossy().ends_with(ending));
    match (paths.next(), paths.next()) {
        (Some(path), None) => Ok(path),
        _ => bail!("{}: one file *{ending} expected", folder.display()),
    }
}

pub(super) fn check_sha256(name: &str, bytes: &[u8], expected: &str) -> anyhow::Result<()> {
    let got: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(got == expected, "{name}: sha256 is {got}, expected {expected}; fetch it again");
    Ok(())
}
