//! What can go wrong, in one line each: what, why and the remedy.

use std::path::{Path, PathBuf};

/// Every failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or a folder of this machine could not be read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the operating system says.
        cause: std::io::Error,
    },
    /// An address, a revision or a variable of the environment cannot be used.
    #[error("{name}: {why}")]
    Setting {
        /// The text or the variable.
        name: String,
        /// Cause and remedy.
        why: String,
    },
    /// A checkpoint directory is not fit to be published, or no place to pull to.
    #[error("{}: {why}", path.display())]
    Checkpoint {
        /// The directory or a file in it.
        path: PathBuf,
        /// Cause and remedy.
        why: String,
    },
    /// The Hub was not reached, refused, or answered what is not so.
    #[error("{what}: {why}")]
    Hub {
        /// The request or the file.
        what: String,
        /// Cause and remedy.
        why: String,
    },
}

/// Results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |cause| Self::Io { path: path.to_path_buf(), cause }
    }

    pub(crate) fn setting(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Setting { name: name.into(), why: why.into() }
    }

    pub(crate) fn checkpoint(path: &Path, why: impl Into<String>) -> Self {
        Self::Checkpoint { path: path.to_path_buf(), why: why.into() }
    }

    pub(crate) fn hub(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Hub { what: what.into(), why: why.into() }
    }
}
