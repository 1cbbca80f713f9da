//! Where a data set's files lie, and what its classes are called.

use std::path::{Path, PathBuf};

use super::config::DataConfig;
use crate::{DatasetName, Error, Result};

/// The first of `dir/<subfolder>`... and `dir` that `holds` accepts.
pub(super) fn folder(
    config: &DataConfig,
    name: DatasetName,
    subfolders: &[&str],
    what: &str,
    holds: impl Fn(&Path) -> bool,
) -> Result<PathBuf> {
    let source = name.listing().map_or("", |listing| listing.source);
    let remedy = format!("name the folder of {name}: {source}", name = name.as_str());
    let dir = config.dir.clone().unwrap_or_default();
    if config.dir.is_none() {
        return Err(Error::Missing { path: "data folder".into(), what: what.into(), remedy });
    }
    let mut candidates = subfolders.iter().map(|sub| dir.join(sub)).chain([dir.clone()]);
    candidates.find(|path| holds(path)).ok_or_else(|| Error::Missing {
        path: dir,
        what: what.into(),
        remedy,
    })
}

/// Names of classes as a data set has them.
pub(super) fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
