//! Folders that the tests read, and the data sets that several of them open.

use std::path::PathBuf;

use snn_data::{DataConfig, Splits, open};

/// The repository's `data` folder.
pub(crate) fn repository_data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data")
}

/// The folder of real recordings where there is one; a line says when not.
pub(crate) fn shared_data() -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods)] // Tests may be pointed at another folder.
    let named = std::env::var("SNN_SHARED_DATA").ok().map(PathBuf::from);
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let dir = named.unwrap_or(beside);
    if dir.is_dir() {
        return Some(dir);
    }
    println!("skipped: {} not found; set SNN_SHARED_DATA", dir.display());
    None
}

/// Opens `name` from `dir`, at most `limit` samples a side.
pub(crate) fn opened(name: &str, dir: Option<PathBuf>, limit: Option<usize>) -> Splits {
    let config = DataConfig::new(name, dir);
    open(&DataConfig { limit_train: limit, limit_test: limit, ..config }).unwrap()
}

/// Samples of each class.
pub(crate) fn per_class(labels: &[u32], num_classes: usize) -> Vec<usize> {
    (0..num_classes as u32).map(|class| labels.iter().filter(|&&l| l == class).count()).collect()
}
