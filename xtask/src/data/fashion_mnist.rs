//! The whole of Fashion-MNIST from the Debian package `dataset-fashion-mnist`.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::package::{check_sha256, fetch, file_ending};
use crate::files;

const PACKAGE: &str = "dataset-fashion-mnist";

/// The official files.
const FILES: [(&str, &str); 4] = [
    (
        "train-images-idx3-ubyte.gz",
        "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
    ),
    (
        "train-labels-idx1-ubyte.gz",
        "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
    ),
    (
        "t10k-images-idx3-ubyte.gz",
        "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
    ),
    (
        "t10k-labels-idx1-ubyte.gz",
        "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
    ),
];

pub(super) fn make(work: &Path, out: &Path) -> anyhow::Result<()> {
    let by_hand = format!("fetch the Debian package {PACKAGE} by hand");
    fetch("apt-get", &["download", PACKAGE], work, &by_hand)?;
    let archive = file_ending(work, ".deb")?.display().to_string();
    fetch("dpkg-deb", &["-x", &archive, "package"], work, "unpack the package by hand")?;
    let folder = work.join("package/usr/share/datasets/fashion-mnist");
    for (name, sha256) in FILES {
        let path = folder.join(name);
        let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        check_sha256(name, &bytes, sha256)?;
        files::write(&out.join(name), &bytes)?;
    }
    Ok(())
}
