//! Golden tensors: each has a provenance file that names its script and its checksum.

use std::path::Path;

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::files;

pub(super) fn check(folder: &Path, found: &mut Vec<String>) -> anyhow::Result<()> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "safetensors")
            && let Err(why) = verify(&path)
        {
            found.push(format!("{}: {why:#}", path.display()));
        }
    }
    Ok(())
}

fn verify(path: &Path) -> anyhow::Result<()> {
    let about: toml::Table = files::read(&path.with_extension("toml"))?.parse()?;
    let field = |name: &str| {
        about.get(name).and_then(|v| v.as_str()).with_context(|| format!("its .toml has no {name}"))
    };
    let script = field("script")?;
    field("source")?;
    anyhow::ensure!(path.with_file_name(script).is_file(), "its script {script} is missing");
    let bytes = std::fs::read(path)?;
    let got: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    let expected = field("sha256")?;
    anyhow::ensure!(got == expected, "sha256 is {got}, its .toml says {expected}");
    Ok(())
}
