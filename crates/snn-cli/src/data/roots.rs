//! Where data sets are looked for when no folder is named, and what a command says of a folder.

use std::path::PathBuf;

use snn_data::Splits;

/// The folder that SNN_DATA names, then `data` below the current one; sets lie in them by their usual names.
pub(crate) fn roots() -> Vec<PathBuf> {
    let named = std::env::var_os("SNN_DATA").filter(|value| !value.is_empty());
    named.map(PathBuf::from).into_iter().chain([PathBuf::from("data")]).collect()
}

/// Says what of a folder is not in the set, and which classes are without samples.
pub(crate) fn notice(splits: &Splits) {
    splits.notices().iter().for_each(|notice| tracing::warn!("{notice}"));
}
