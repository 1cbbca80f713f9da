//! `cargo xtask tidy`: the house rules that no compiler checks.

pub mod arrows;
mod golden;
mod licences;
mod source;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::sh;

/// Prints every finding and fails when there is one.
///
/// # Errors
/// The number of findings, or a file that cannot be read.
pub fn run() -> anyhow::Result<()> {
    let root = sh::root();
    let mut found = Vec::new();
    for path in listed(&root)? {
        source::check(&root, &path, &mut found)?;
    }
    golden::check(&root.join("data/golden"), &mut found)?;
    found.extend(arrows::check()?);
    found.extend(licences::check()?);
    found.iter().try_for_each(|finding| sh::print(finding))?;
    match found.len() {
        0 => sh::say("tidy: nothing to mend"),
        n => bail!("tidy: {n} to mend"),
    }
    Ok(())
}

/// The files that are or could be committed, as git lists them; the ignored ones are nobody's business.
fn listed(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let git = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let text = sh::output(sh::command("git", &git)).context("listing the files")?;
    let names = text.split('\0').filter(|name| !name.is_empty());
    Ok(names.map(|name| root.join(name)).filter(|path| path.is_file()).collect())
}
