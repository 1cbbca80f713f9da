//! Exit codes: an API for scripts.

use std::path::Path;

/// Usage or recipe.
pub(crate) const USAGE: u8 = 1;
/// Data or checkpoint unusable, or a golden file past its tolerance.
pub(crate) const UNUSABLE: u8 = 2;
/// What should be kept could not be written.
pub(crate) const STORAGE: u8 = 5;

/// An input file that cannot be used, and why.
#[derive(Debug)]
struct Unusable(String);

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}

/// The error of an input file that cannot be used: its name and the cause.
pub(crate) fn unusable(path: &Path, why: impl std::fmt::Display) -> anyhow::Error {
    Unusable(format!("{}: {why}", path.display())).into()
}

/// The code of an error: that of the innermost of ours in its chain.
pub(crate) fn code(error: &anyhow::Error) -> u8 {
    for cause in error.chain() {
        if let Some(error) = cause.downcast_ref::<snn_train::Error>() {
            return error.exit_code();
        }
        if let Some(error) = cause.downcast_ref::<snn_models::Error>() {
            return match error {
                snn_models::Error::Checkpoint { .. } | snn_models::Error::Io { .. } => UNUSABLE,
                _ => USAGE,
            };
        }
        if cause.is::<Unusable>() || cause.is::<snn_data::Error>() || cause.is::<std::io::Error>() {
            return UNUSABLE;
        }
    }
    USAGE
}
