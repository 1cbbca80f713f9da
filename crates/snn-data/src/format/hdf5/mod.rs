//! HDF5: many spike trains in a file (SHD, SSC), or the columns of one recording.

mod blosc;
mod events;
mod filters;
mod found;
mod guard;
mod number;
mod shd;

use std::path::Path;
use std::sync::Arc;

use hdf5_pure::File;

pub use events::hdf5_events;
use guard::Guard;
use number::Number;
pub use shd::{Shd, shd};

use crate::{Error, EventStream, FormatFault, Limits, Result};

const DAMAGED: &str = "damaged HDF5 data; fetch or save the file again";

/// Recording `index` of a file of either kind, and whether nobody said its sensor's size.
///
/// # Errors
/// As [`shd()`] or [`hdf5_events`].
pub(super) fn recording(
    bytes: Vec<u8>,
    sensor: Option<(u16, u16)>,
    index: usize,
    limits: &Limits,
    path: &Path,
) -> Result<(EventStream, bool)> {
    let bytes = Arc::new(bytes);
    let has_many = Guard::new(&bytes, limits, path)?.has(shd::TIMES);
    let bytes = Arc::unwrap_or_clone(bytes);
    if has_many {
        return Ok((shd(bytes, limits, path)?.recording(index, limits, path)?, false));
    }
    if index > 0 {
        return Err(no_recording(index, 1));
    }
    events::read(bytes, sensor, limits, path)
}

fn no_recording(index: usize, n: usize) -> Error {
    let why = format!("{index} is not below {n}, the number of recordings in the file");
    Error::config("index", why)
}

/// Opens the bytes of a file, of which `guard` has looked at all that is read.
fn opened(guard: Guard<'_>, bytes: Arc<Vec<u8>>, path: &Path) -> Result<File> {
    // It holds the bytes too.
    drop(guard);
    File::from_bytes(Arc::unwrap_or_clone(bytes)).map_err(|_| refuse(path, DAMAGED))
}

fn refuse(path: &Path, why: &'static str) -> Error {
    Error::format(path, 0, FormatFault::Header { why })
}
