//! The header of NumPy's `.npy` files: a Python dictionary of the numbers' kind, the sizes and their order.
//!
//! Layout: `\x93NUMPY`, two bytes of version, the text's length in two bytes (version 1) or in four, the text, the values.
//! Source: the documentation of `numpy.lib.format`.

use std::path::Path;

use crate::limits::check;
use crate::{Error, FormatFault, Limits, Result};

pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// What stands before the values of an array.
pub(super) struct Header {
    /// A kind in quotes such as `'<f8'`, a list of fields in brackets, or the start of what no reader knows; without
    /// blanks.
    pub(super) descr: String,
    pub(super) shape: Vec<u64>,
    /// Whether the first place changes fastest from value to value, not the last.
    pub(super) fortran_order: bool,
}

impl Header {
    /// The header and the values.
    ///
    /// # Errors
    /// [`Error::Format`] for another file or a damaged header, [`Error::Limit`] past `limits.header_bytes`.
    pub(super) fn read<'a>(
        bytes: &'a [u8],
        limits: &Limits,
        path: &Path,
    ) -> Result<(Self, &'a [u8])> {
        let magic = || Error::format(path, 0, FormatFault::Magic { expected: "a .npy file" });
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(magic)?;
        let truncated = |need, have: usize| {
            let (what, have) = ("the header", have as u64);
            Error::format(path, 6, FormatFault::Truncated { what, need, have })
        };
        let (len, rest) = match *rest {
            [1, 0, a, b, ref rest @ ..] => (u64::from(u16::from_le_bytes([a, b])), rest),
            [2 | 3, 0, a, b, c, d, ref rest @ ..] => {
                (u32::from_le_bytes([a, b, c, d]).into(), rest)
            }
            _ => return Err(truncated(6, rest.len())),
        };
        check(path, "header_bytes", len, limits.header_bytes)?;
        let cut = usize::try_from(len).ok().and_then(|len| rest.split_at_checked(len));
        let (text, values) = cut.ok_or_else(|| truncated(len, rest.len()))?;
        let why = "not a text of descr, fortran_order and shape; fetch or save the file again";
        let header = std::str::from_utf8(text).ok().and_then(Self::parse);
        let refused = || Error::format(path, 10, FormatFault::Header { why });
        Ok((header.ok_or_else(refused)?, values))
    }

    fn parse(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let after = |key: &str| text.split_once(key).map(|(_, rest)| rest);
        let descr = after("'descr':")?;
        let end = if descr.starts_with('[') { ']' } else { '\'' };
        let descr = descr.get(..=1 + descr.get(1..)?.find(end)?)?.to_owned();
        let order = after("'fortran_order':")?;
        let fortran_order = order.starts_with("True");
        if !fortran_order && !order.starts_with("False") {
            return None;
        }
        let (shape, _) = after("'shape':(")?.split_once(')')?;
        let sizes = shape.split(',').filter(|size| !size.is_empty());
        let shape = sizes.map(|size| size.parse().ok()).collect::<Option<_>>()?;
        Some(Self { descr, shape, fortran_order })
    }

    /// The array's values; nothing past 2^64.
    pub(super) fn len(&self) -> Option<u64> {
        self.shape.iter().try_fold(1u64, |n, &size| n.checked_mul(size))
    }
}

/// What stands before values of that kind and those sizes, in row-major order: a file of version 1.
pub(super) fn header(descr: &str, shape: &str) -> Vec<u8> {
    let mut text = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': ({shape}), }}");
    // The values begin at a multiple of 64, after a newline.
    let padded = (10 + text.len() + 1).next_multiple_of(64) - 10;
    text.push_str(&" ".repeat(padded - text.len() - 1));
    text.push('\n');
    let len = u16::try_from(padded).unwrap_or(u16::MAX).to_le_bytes();
    [MAGIC, &[1, 0][..], &len, text.as_bytes()].concat()
}

/// A file of version 1; for tests.
#[cfg(test)]
pub(super) fn write(descr: &str, fortran: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header =
        format!("{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': ({shape}), }}\n");
    let len = u16::try_from(header.len()).unwrap().to_le_bytes();
    [MAGIC, &[1, 0][..], &len, header.as_bytes(), values].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<(Header, &[u8])> {
        Header::read(bytes, &Limits::default(), Path::new("x.npy"))
    }

    #[test]
    fn header_of_both_versions_reads() {
        let one = write("'<f8'", "True", "3, 0, 5", b"ab");
        let (header, values) = read(&one).unwrap();
        assert_eq!((header.descr.as_str(), header.fortran_order), ("'<f8'", true));
        assert_eq!(values, b"ab");
        assert_eq!((&header.shape[..], header.len()), (&[3, 0, 5][..], Some(0)));
        let two = [MAGIC, &[2, 0][..], &one[8..10], &[0, 0], &one[10..]].concat();
        assert_eq!(read(&two).unwrap().0.shape, header.shape);
        let fields = write("[('t', '<i8'), ('x', '<i2')]", "False", "7,", b"");
        let (header, _) = read(&fields).unwrap();
        assert_eq!((header.descr.as_str(), header.len()), ("[('t','<i8'),('x','<i2')]", Some(7)));
        let scalar = write("'<f8'", "False", "", b"");
        assert_eq!(read(&scalar).unwrap().0.len(), Some(1));
        let large = write("'<f8'", "False", "4294967296, 4294967296", b"");
        assert_eq!(read(&large).unwrap().0.len(), None);
    }

    #[test]
    fn damaged_header_is_refused() {
        for wrong in [
            write("[('t', '<i8')", "False", "1,", b""),
            write("'<f8'", "Maybe", "1,", b""),
            write("'<f8'", "False", "-1,", b""),
            write("'<f8'", "False", "18446744073709551616,", b""),
        ] {
            let error = read(&wrong).err().unwrap().to_string();
            assert!(error.contains("descr, fortran_order and shape"), "{error}");
        }
        let whole = write("'<f8'", "False", "1,", b"");
        for n in 0..whole.len() {
            assert!(read(&whole[..n]).is_err(), "{n}");
        }
    }
}
