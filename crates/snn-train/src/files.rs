//! Files of a run directory as anyone may have left them: regular ones of a size that fits are read, nothing else.

use std::io::ErrorKind;
use std::path::Path;

use crate::{Error, Result};

/// Bytes of a record, such as run.json, at most.
pub(crate) const RECORD: u64 = 1 << 24;
/// Bytes of a file with a line an epoch or a checkpoint, at most.
pub(crate) const LINES: u64 = 1 << 30;

/// The bytes of a file of at most `most` bytes.
///
/// # Errors
/// [`Error::Io`] when the system refuses, [`Error::Checkpoint`] for a pipe, a device, a folder or a larger file.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    snn_models::read_file(path, most).map_err(|error| match error {
        snn_models::Error::Io { path, cause } => Error::Io { path, cause },
        other => other.into(),
    })
}

/// [`read`]; none where there is no file.
pub(crate) fn read_if_there(path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    match read(path, most) {
        Err(Error::Io { cause, .. }) if cause.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Whether a name is taken, be it by a link that leads nowhere.
pub(crate) fn is_taken(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}
