//! What compressed bytes may grow to.

use std::io::{Read, Take};
use std::path::Path;

use crate::{Error, Limits, Result};

/// Bytes to which any file may grow, however few it has.
const FLOOR: u64 = 1 << 20;

/// The room that is left to what is unpacked of a file.
#[derive(Clone)]
pub(super) struct Room<'a> {
    left: u64,
    /// The limit that is met first.
    what: &'static str,
    limit: u64,
    path: &'a Path,
}

impl<'a> Room<'a> {
    /// Of `packed` bytes: `limits.inflate_ratio` times as many, a mebibyte at least, `limits.file_bytes` at most.
    pub(super) fn new(packed: usize, limits: &Limits, path: &'a Path) -> Self {
        let by_ratio = limits.inflate_ratio.saturating_mul(packed as u64).max(FLOOR);
        let (left, what, limit) = if by_ratio < limits.file_bytes {
            (by_ratio, "inflate_ratio", limits.inflate_ratio)
        } else {
            (limits.file_bytes, "file_bytes", limits.file_bytes)
        };
        Self { left, what, limit, path }
    }

    /// `unpacked`, ended a byte past the room, so that what is too long is found out.
    pub(super) fn bound<R: Read>(&self, unpacked: R) -> Take<R> {
        unpacked.take(self.left.saturating_add(1))
    }

    /// Takes up `bytes`.
    ///
    /// # Errors
    /// [`Error::Limit`] when they do not fit.
    pub(super) fn take(&mut self, bytes: u64) -> Result<()> {
        let Self { what, limit, path, .. } = *self;
        let beyond =
            || Error::Limit { path: path.into(), what, got: limit.saturating_add(1), limit };
        self.left = self.left.checked_sub(bytes).ok_or_else(beyond)?;
        Ok(())
    }

    /// Leaves no more than `other` has, where both have counted the same bytes in their own way.
    pub(super) fn shrink_to(&mut self, other: &Self) {
        self.left = self.left.min(other.left);
    }
}
