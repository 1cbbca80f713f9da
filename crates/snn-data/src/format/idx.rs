//! IDX, the format of MNIST and Fashion-MNIST.

use std::path::Path;

use crate::limits::check;
use crate::{Error, FormatFault, Limits, Result};

/// An IDX array of unsigned bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idx<'a> {
    /// The sizes: `[N]` for labels, `[N, rows, columns]` for images.
    pub dims: Vec<usize>,
    /// The values in row-major order.
    pub data: &'a [u8],
}

/// Reads an uncompressed IDX file of one to four dimensions.
///
/// Layout: two zero bytes, the type (8 = unsigned byte), the number of dimensions, each dimension as
/// big-endian u32, the values.
///
/// # Errors
/// [`Error::Format`] when the bytes differ from that in any way, a byte too many included; [`Error::Limit`] for an
/// image side past `limits.side`.
pub fn idx<'a>(bytes: &'a [u8], limits: &Limits, path: &Path) -> Result<Idx<'a>> {
    let Some((&[0, 0, 8, rank @ 1..=4], body)) = bytes.split_first_chunk() else {
        return Err(Error::format(
            path,
            0,
            FormatFault::Magic { expected: "an IDX file of bytes" },
        ));
    };
    let rank = usize::from(rank);
    let truncated = |what, need: u64, have: usize, offset| {
        Error::format(path, offset, FormatFault::Truncated { what, need, have: have as u64 })
    };
    let Some((header, data)) = body.split_at_checked(4 * rank) else {
        return Err(truncated("the list of dimensions", 4 * rank as u64, body.len(), 4));
    };
    let dims: Vec<u32> = header.as_chunks().0.iter().map(|&dim| u32::from_be_bytes(dim)).collect();
    for &side in dims.iter().skip(1) {
        check(path, "side", u64::from(side), limits.side)?;
    }
    // Four u32 can overflow a u64.
    let need = dims.iter().try_fold(1u64, |n, &dim| n.checked_mul(u64::from(dim)));
    let need = need.unwrap_or(u64::MAX);
    let have = data.len() as u64;
    if have < need {
        return Err(truncated("the array", need, data.len(), 4 + header.len()));
    }
    if have > need {
        let fault = FormatFault::Trailing { what: "array", extra: have - need };
        return Err(Error::format(path, bytes.len() - data.len(), fault));
    }
    Ok(Idx { dims: dims.into_iter().map(|dim| dim as usize).collect(), data })
}

/// Whether the bytes are an IDX file from end to end.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    idx(bytes, &Limits::default(), Path::new("")).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Idx<'_>> {
        idx(bytes, &Limits::default(), Path::new("x"))
    }

    #[test]
    fn literal_reads() {
        let bytes = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 5, 6];
        assert_eq!(read(&bytes).unwrap(), Idx { dims: vec![1, 1, 2], data: &[5, 6] });
        assert!(read(&[0, 0, 8, 1, 0, 0, 0, 0]).unwrap().data.is_empty());
    }

    #[test]
    fn claims_past_the_bytes_are_refused() {
        let mut huge = vec![0, 0, 8, 4];
        huge.extend([0xff; 16]);
        assert!(matches!(read(&huge), Err(Error::Limit { what: "side", .. })));
        let error = read(&[0, 0, 8, 1, 0xff, 0xff, 0xff, 0xff, 1]).unwrap_err().to_string();
        assert!(error.contains("4294967295") && error.contains("1 are left"), "{error}");
        assert!(read(&[0, 0, 8, 1, 0, 0, 0, 1, 1, 2]).is_err());
        assert!(read(&[0, 0, 9, 1, 0, 0, 0, 1, 1]).is_err());
    }
}
