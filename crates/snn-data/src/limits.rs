//! How much a file may ask for, so that a hostile or damaged one cannot exhaust the memory.

use std::path::Path;

use crate::{Error, Result};

/// Upper bounds that every reader keeps; `Default` fits every published data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file, before and after decompression; default 2 GiB.
    pub file_bytes: u64,
    /// Events of one recording; default 2^27.
    pub events: u64,
    /// Bytes of a text header; default 1 MiB.
    pub header_bytes: u64,
    /// Times its own size that a `.gz` may grow to, past 1 MiB; default 50 (images grow about five times).
    pub inflate_ratio: u64,
    /// Columns or rows of a sensor or an image; default 32,767.
    pub side: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 1 << 31,
            events: 1 << 27,
            header_bytes: 1 << 20,
            inflate_ratio: 50,
            side: 32_767,
        }
    }
}

/// Refuses `got` above `limit`; `what` is the limit's field name.
pub(crate) fn check(path: &Path, what: &'static str, got: u64, limit: u64) -> Result<()> {
    if got <= limit {
        return Ok(());
    }
    Err(Error::Limit { path: path.into(), what, got, limit })
}
