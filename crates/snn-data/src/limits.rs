//! How much a file may ask for, so that a hostile or damaged one cannot exhaust the memory.

use std::path::Path;

use crate::{Error, Result};

/// Most frames that a recording may be cut into.
pub const MAX_T_STEPS: usize = 4096;
/// Most rows or columns that a sample may be brought to.
pub const MAX_SIZE: usize = 4096;

/// Upper bounds that every reader keeps; `Default` fits every published data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file, before and after decompression; default 2 GiB.
    pub file_bytes: u64,
    /// Events of one recording; default 2^27.
    pub events: u64,
    /// Pictures of one Parquet shard, or values of a dictionary in it; default 2^22.
    pub rows: u64,
    /// Bytes of a text header or a Parquet footer; default 1 MiB.
    pub header_bytes: u64,
    /// Times its own size that what is packed may grow to, past 1 MiB; default 50 (images grow about five times).
    pub inflate_ratio: u64,
    /// Columns or rows of a sensor or an image; default 32,767.
    pub side: u64,
    /// Values of one sample, such as T * 2 * H * W; default 2^28, a gigabyte of `f32`.
    pub sample_values: u64,
    /// Bytes of a training or test set that is held in memory; default 32 GiB.
    pub set_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 1 << 31,
            events: 1 << 27,
            rows: 1 << 22,
            header_bytes: 1 << 20,
            inflate_ratio: 50,
            side: 32_767,
            sample_values: 1 << 28,
            set_bytes: 1 << 35,
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

/// The product of `sides`, refused as the setting `field` above `limit`, so that it can be allocated.
pub(crate) fn product(field: &'static str, sides: &[usize], limit: u64) -> Result<usize> {
    let product = sides.iter().try_fold(1usize, |product, &side| product.checked_mul(side));
    product.filter(|&product| product as u64 <= limit).ok_or_else(|| {
        let sides: Vec<String> = sides.iter().map(usize::to_string).collect();
        let why = format!("{} is more than {limit}; use smaller numbers", sides.join(" x "));
        Error::config(field, why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_is_bounded_and_does_not_overflow() {
        assert_eq!(product("size", &[3, 4, 5], 60).unwrap(), 60);
        let error = product("size", &[3, 4, 5], 59).unwrap_err().to_string();
        assert_eq!(error, "size: 3 x 4 x 5 is more than 59; use smaller numbers");
        assert!(product("size", &[usize::MAX, usize::MAX], u64::MAX).is_err());
        assert_eq!(product("size", &[usize::MAX, 0], 0).unwrap(), 0);
    }
}
