//! What can go wrong in a run, and the exit code a program should end with.

use std::path::PathBuf;

/// How a divergence begins that the samples brought.
pub(crate) const INPUT: &str = "the input";
/// How one begins that the loss shows.
pub(crate) const LOSS: &str = "the loss";

/// The error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A recipe or an override cannot be read as one.
    #[error("{origin}: {why}")]
    Recipe {
        /// The recipe's file, or the override.
        origin: String,
        /// The cause, with the line where there is one.
        why: String,
    },
    /// A value of a recipe is out of its range.
    #[error("{field} is {got}; use {allowed}")]
    Setting {
        /// The dotted key.
        field: String,
        /// The value that was given.
        got: String,
        /// The allowed range.
        allowed: String,
    },
    /// A new run was asked for in a directory that holds one.
    #[error("{}: holds a run already; resume it or choose another directory", path.display())]
    Exists {
        /// The run directory.
        path: PathBuf,
    },
    /// A file that a new run would write over, where no run is.
    #[error("{}: is in the way of a new run, and run.json of an old one is missing; choose another directory", path.display())]
    InTheWay {
        /// The file.
        path: PathBuf,
    },
    /// A run would be resumed with something else than it was started with.
    #[error(
        "{}: the run was started with another {what} ({difference}); resume it with that, or choose another directory",
        path.display()
    )]
    Identity {
        /// The run directory.
        path: PathBuf,
        /// `recipe` or `data`.
        what: &'static str,
        /// The fields of the recipe that differ, or both hashes.
        difference: String,
    },
    /// A data set cannot be used.
    #[error(transparent)]
    Data(#[from] snn_data::Error),
    /// A run's file is damaged or belongs to something else.
    #[error("{}: {why}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// The cause and the remedy.
        why: String,
    },
    /// A number stopped being finite, or the loss says that nothing is learned.
    #[error("diverged at step {step}: {what}; {}", remedy(*step, what))]
    Diverged {
        /// The optimizer step, counted from 0.
        step: u64,
        /// The first tensor that was bad, or the loss and its limit.
        what: String,
    },
    /// Another process trains in the directory.
    #[error("{}: in use by {}", path.display(), holder(*pid))]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// The process that holds it, where it has said so.
        pid: Option<u32>,
    },
    /// The run's directory was deleted, or another one stands in its place.
    #[error("{}: is no longer the directory that the run began in; nothing more is written", path.display())]
    Moved {
        /// The run directory.
        path: PathBuf,
    },
    /// The operating system refused to read or write a run's file.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        cause: std::io::Error,
    },
    /// A model could not be made, loaded or run.
    #[error(transparent)]
    Model(snn_models::Error),
    /// A loss refused its arguments.
    #[error(transparent)]
    Loss(#[from] snn_losses::Error),
    /// An operator failed; reaching a user, this is a bug.
    #[error(transparent)]
    Ops(#[from] snn_ops::Error),
    /// A candle operation failed; reaching a user, this is a bug.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl From<snn_models::Error> for Error {
    fn from(error: snn_models::Error) -> Self {
        match error {
            snn_models::Error::Checkpoint { path, why } => Error::Checkpoint { path, why },
            other => Error::Model(other),
        }
    }
}

impl Error {
    /// What a program ends with: 1 usage or recipe, 2 data or checkpoint unusable, 3 diverged, 4 run directory in use,
    /// 5 storage failed.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Recipe { .. } | Error::Setting { .. } => 1,
            Error::Exists { .. } | Error::InTheWay { .. } => 1,
            Error::Identity { what: "recipe", .. } => 1,
            Error::Model(error) => exit_code(error).unwrap_or(2),
            Error::Loss(error) => exit_code(error).unwrap_or(2),
            Error::Data(error) => exit_code(error).unwrap_or(2),
            Error::Diverged { .. } => 3,
            Error::Busy { .. } => 4,
            Error::Io { .. } | Error::Moved { .. } => 5,
            _ => 2,
        }
    }

    /// A setting of a phase is named by the phase, counted from 1.
    pub(crate) fn in_phase(self, at: usize) -> Self {
        match self {
            Error::Setting { field, got, allowed } => {
                Error::Setting { field: format!("phase {} {field}", at + 1), got, allowed }
            }
            other => other,
        }
    }

    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |cause| Error::Io { path, cause }
    }

    pub(crate) fn checkpoint(path: impl Into<PathBuf>, why: impl Into<String>) -> Self {
        Error::Checkpoint { path: path.into(), why: why.into() }
    }
}

/// [`Error::exit_code`] for the errors of all crates of this toolkit: 1 for a setting out of its range, else 2. None for
/// an error of another crate.
pub fn exit_code(error: &(dyn std::error::Error + 'static)) -> Option<u8> {
    use {snn_data as data, snn_losses as losses, snn_models as models, snn_ops as ops};
    if let Some(error) = error.downcast_ref::<Error>() {
        return Some(error.exit_code());
    }
    let is_setting = if let Some(error) = error.downcast_ref() {
        matches!(error, models::Error::Config { .. } | models::Error::Neuron(_))
    } else if let Some(error) = error.downcast_ref() {
        matches!(error, data::Error::Config { .. })
    } else if let Some(error) = error.downcast_ref() {
        matches!(error, losses::Error::Config { .. })
    } else if let Some(error) = error.downcast_ref() {
        matches!(error, ops::Error::Config { .. } | ops::Error::Unsupported { .. })
    } else {
        return None;
    };
    Some(if is_setting { 1 } else { 2 })
}

/// What helps. Numbers that came with the data are no fault of the training's.
fn remedy(step: u64, what: &str) -> &'static str {
    if what.starts_with(INPUT) {
        "mend the data"
    } else if step == 0 && what.starts_with(LOSS) {
        "no step was taken yet, so a constant of the loss or of the neurons is too large or too small"
    } else {
        "lower the learning rate or lengthen the warm-up"
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".into(), |pid| format!("process {pid}"))
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn every_kind_has_its_exit_code() {
        let io = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let setting =
            Error::Setting { field: "train.batch".into(), got: "0".into(), allowed: "1".into() };
        let identity =
            |what| Error::Identity { path: "r".into(), what, difference: "was a, is b".into() };
        let codes = [
            (setting, 1),
            (Error::Exists { path: "r".into() }, 1),
            (Error::InTheWay { path: "r/MANIFEST".into() }, 1),
            (identity("recipe"), 1),
            (identity("data"), 2),
            (Error::checkpoint("MANIFEST", "is empty"), 2),
            (Error::Diverged { step: 3, what: "loss is NaN".into() }, 3),
            (Error::Busy { path: "lock".into(), pid: Some(7) }, 4),
            (Error::io("x")(io()), 5),
        ];
        for (error, code) in codes {
            assert_eq!(error.exit_code(), code, "{error}");
        }
        let busy = Error::Busy { path: "r/lock".into(), pid: Some(7) };
        assert_eq!(busy.to_string(), "r/lock: in use by process 7");
    }
}
