//! Exit codes: an API for scripts.

/// Usage or recipe.
pub(crate) const USAGE: u8 = 1;
/// Data or checkpoint unusable, or a golden file past its tolerance.
pub(crate) const UNUSABLE: u8 = 2;

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
        if cause.is::<snn_data::Error>() || cause.is::<std::io::Error>() {
            return UNUSABLE;
        }
    }
    USAGE
}
