//! Folders that the tests read, and the data sets that several of them open.

use std::path::PathBuf;

use snn_data::{DataConfig, Splits, open};

/// The repository's `data` folder.
pub(crate) fn repository_data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data")
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
