//! Which format a file has: its first bytes decide, else its extension.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::{cifar, idx};
use crate::{Error, Result};

/// A file format that this crate reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// IDX images or labels (MNIST, Fashion-MNIST).
    Idx,
    /// CIFAR-10's binary records.
    Cifar10,
    /// CIFAR-100's binary records.
    Cifar100,
    /// ATIS 40-bit events (N-MNIST, SLAYER `.bs2`).
    Atis,
    /// ATIS 40-bit events in which y = 240 marks an overflow of the clock (N-Caltech101).
    AtisOverflow,
    /// AEDAT 2.0 of a DVS128 (POKER-DVS, CIFAR10-DVS).
    Aedat2,
    /// NumPy's structured array with the fields t, x, y, p.
    Npy,
}

const NAMES: [(Format, &str); 7] = [
    (Format::Idx, "idx"),
    (Format::Cifar10, "cifar10"),
    (Format::Cifar100, "cifar100"),
    (Format::Atis, "atis"),
    (Format::AtisOverflow, "atis-overflow"),
    (Format::Aedat2, "aedat2"),
    (Format::Npy, "npy"),
];

/// First bytes of formats that are known and not read.
const OTHERS: [(&[u8], &str); 8] = [
    (b"#!AER-DAT1", "AEDAT 1"),
    (b"#!AER-DAT3", "AEDAT 3"),
    (b"#!AER-DAT4", "AEDAT 4"),
    (b"% ", "Prophesee DAT, EVT2 or EVT3"),
    (b"Event Stream", "Event Stream"),
    (b"\x89HDF", "HDF5"),
    (b"PK\x03\x04", "zip"),
    (b"MATLAB", "MATLAB"),
];

impl Format {
    /// The format of `bytes`, which are not compressed.
    ///
    /// `.bin` is ATIS when its size is a multiple of 5, else CIFAR by its record's size: name the format where a
    /// CIFAR file has a multiple of five records.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when the format is known but not read, or not known.
    pub fn sniff(bytes: &[u8], path: &Path) -> Result<Self> {
        if bytes.starts_with(b"\x93NUMPY") {
            return Ok(Self::Npy);
        }
        if bytes.starts_with(b"#!AER-DAT2") {
            return Ok(Self::Aedat2);
        }
        if let Some((_, name)) = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            return Err(unreadable(path, name));
        }
        if idx::is_whole(bytes) {
            return Ok(Self::Idx);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let sized = |record: usize| bytes.len().is_multiple_of(record);
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("bin" | "bs2") if sized(5) => Ok(Self::Atis),
            Some("bin") if sized(cifar::RECORD_10) => Ok(Self::Cifar10),
            Some("bin") if sized(cifar::RECORD_100) => Ok(Self::Cifar100),
            Some("bin" | "bs2") => Ok(Self::Atis),
            Some("aedat" | "aedat2") => Ok(Self::Aedat2),
            Some("npy") => Ok(Self::Npy),
            _ if name.ends_with("-ubyte") => Ok(Self::Idx),
            _ => Err(unreadable(path, "an unknown format")),
        }
    }
}

fn unreadable(path: &Path, format: &str) -> Error {
    let remedy = format!("name one of {}", names());
    Error::Unreadable { what: format!("{}: {format}", path.display()), remedy }
}

fn names() -> String {
    NAMES.map(|(_, name)| name).join(", ")
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(format, _)| format == self).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = NAMES.iter().find(|(_, known)| *known == name).map(|(format, _)| *format);
        let why = || format!("{name:?} is not a known format; use one of {}", names());
        found.ok_or_else(|| Error::config("format", why()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sniffed(bytes: &[u8], name: &str) -> Option<Format> {
        Format::sniff(bytes, Path::new(name)).ok()
    }

    #[test]
    fn magic_wins_over_the_extension() {
        assert_eq!(sniffed(b"#!AER-DAT2.0\r\n", "a.bin"), Some(Format::Aedat2));
        assert_eq!(sniffed(b"\x93NUMPY\x01\x00", "a.bin"), Some(Format::Npy));
        assert_eq!(sniffed(b"#!AER-DAT3.1\r\n", "a.aedat"), None);
        assert_eq!(sniffed(&[0, 0, 8, 1, 0, 0, 0, 2, 7, 7], "a.bin"), Some(Format::Idx));
    }

    #[test]
    fn size_settles_bin() {
        assert_eq!(sniffed(&[0; 10], "00002.bin"), Some(Format::Atis));
        assert_eq!(sniffed(&[1; 3073], "test_batch.bin"), Some(Format::Cifar10));
        assert_eq!(sniffed(&[1; 3074], "test.bin"), Some(Format::Cifar100));
        assert_eq!(sniffed(&[1; 3073 * 5], "test_batch.bin"), Some(Format::Atis));
        assert_eq!(sniffed(&[1; 10], "a.txt"), None);
    }

    #[test]
    fn names_round_trip() {
        for (format, name) in NAMES {
            assert_eq!(
                (format.to_string().as_str(), name.parse::<Format>().unwrap()),
                (name, format)
            );
        }
        assert!("evt9".parse::<Format>().is_err());
    }
}
