//! Which format a file has: its first bytes decide, else its extension.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::{aedat2, aedat3, cifar, es, idx, prophesee, text};
use crate::{Error, FormatFault, Limits, Result};

/// A file format that this crate reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Format {
    /// IDX images or labels (MNIST, Fashion-MNIST).
    Idx,
    /// CIFAR-10's binary records.
    Cifar10,
    /// CIFAR-100's binary records.
    Cifar100,
    /// ATIS 40-bit events (N-MNIST).
    Atis,
    /// ATIS 40-bit events in which y = 240 marks an overflow of the clock (N-Caltech101).
    AtisOverflow,
    /// SLAYER's spikes of one coordinate.
    Bs1,
    /// SLAYER's spikes of two coordinates: ATIS 40-bit on a sensor of any size.
    Bs2,
    /// SLAYER's spikes of three coordinates, the third of which is the polarity.
    Bs3,
    /// AEDAT 2.0 of a DVS128 (POKER-DVS, CIFAR10-DVS).
    Aedat2,
    /// AEDAT 3.1 (DVS128 Gesture).
    Aedat3,
    /// AEDAT 4.0 of the dv software; needs the feature `aedat4`.
    Aedat4,
    /// Prophesee's DAT, version 2 (N-CARS).
    Dat,
    /// Prophesee's EVT 2.0.
    Evt2,
    /// Prophesee's EVT 3.0.
    Evt3,
    /// Event Stream 2 of a DVS.
    Es,
    /// NumPy's structured array with the fields t, x, y, p.
    Npy,
    /// HDF5 of many recordings (SHD, SSC) or of the columns of one; needs the feature `hdf5`.
    Hdf5,
    /// NumPy's archive of the arrays t, x, y, p.
    Npz,
    /// Lines of t, x, y, p.
    Text,
}

/// Each format's name, and the extensions of files that are written in it.
const NAMES: [(Format, &str, &[&str]); 19] = [
    (Format::Idx, "idx", &[]),
    (Format::Cifar10, "cifar10", &[]),
    (Format::Cifar100, "cifar100", &[]),
    (Format::Atis, "atis", &["bin"]),
    (Format::AtisOverflow, "atis-overflow", &[]),
    (Format::Bs1, "bs1", &["bs1"]),
    (Format::Bs2, "bs2", &["bs2"]),
    (Format::Bs3, "bs3", &["bs3"]),
    (Format::Aedat2, "aedat2", &["aedat", "aedat2"]),
    (Format::Aedat3, "aedat3", &[]),
    (Format::Aedat4, "aedat4", &[]),
    (Format::Dat, "dat", &["dat"]),
    (Format::Evt2, "evt2", &["evt2"]),
    (Format::Evt3, "evt3", &["evt3"]),
    (Format::Es, "es", &["es"]),
    (Format::Npy, "npy", &["npy"]),
    (Format::Hdf5, "hdf5", &[]),
    (Format::Npz, "npz", &[]),
    (Format::Text, "text", &[]),
];

/// First bytes of formats.
const MAGICS: [(&[u8], Format); 7] = [
    (b"\x89HDF\r\n\x1a\n", Format::Hdf5),
    (b"\x93NUMPY", Format::Npy),
    (aedat2::MAGIC, Format::Aedat2),
    (aedat3::MAGIC, Format::Aedat3),
    (b"#!AER-DAT4", Format::Aedat4),
    (es::MAGIC, Format::Es),
    (b"PK\x03\x04", Format::Npz),
];

/// First bytes of formats that are known and not read.
const OTHERS: [(&[u8], &str); 2] = [(b"#!AER-DAT1", "AEDAT 1"), (b"MATLAB", "MATLAB")];

impl Format {
    /// The formats that [`encode_events`](super::encode_events()) writes.
    pub const WRITABLE: [Self; 10] = [
        Self::Npy,
        Self::Atis,
        Self::Bs1,
        Self::Bs2,
        Self::Bs3,
        Self::Aedat2,
        Self::Dat,
        Self::Evt2,
        Self::Evt3,
        Self::Es,
    ];

    /// The format of `bytes`, which are not compressed.
    ///
    /// What has no first bytes of its own and no known extension is text where its first line that is no comment is of four
    /// numbers. `.bin` is ATIS when its size is a multiple of 5, else CIFAR by its record's size: name the format where a
    /// CIFAR file has a multiple of five records.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when the format is known but not read, [`Error::Format`] when it is not known.
    pub fn sniff(bytes: &[u8], path: &Path) -> Result<Self> {
        if let Some((_, format)) = MAGICS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            return Ok(*format);
        }
        if let Some((_, name)) = OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
            return Err(unreadable(path, name));
        }
        if let Ok(header) = prophesee::header(bytes, &Limits::default(), path) {
            match (header.evt, header.dat) {
                (Some(20), _) => return Ok(Self::Evt2),
                (Some(30), _) => return Ok(Self::Evt3),
                (Some(_), _) => return Err(unreadable(path, "EVT 2.1")),
                (None, Some(_)) => return Ok(Self::Dat),
                _ => {}
            }
        }
        if idx::is_whole(bytes) {
            return Ok(Self::Idx);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        let sized = |record: usize| bytes.len().is_multiple_of(record);
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        match extension {
            "bin" if sized(5) => Ok(Self::Atis),
            "bin" if sized(cifar::RECORD_10) => Ok(Self::Cifar10),
            "bin" if sized(cifar::RECORD_100) => Ok(Self::Cifar100),
            _ if name.ends_with("-ubyte") => Ok(Self::Idx),
            _ => Self::of_extension(extension)
                .or_else(|| text::sniff(bytes).map(|_| Self::Text))
                .ok_or_else(|| Error::format(path, 0, FormatFault::Unknown { names: names() })),
        }
    }

    /// Whether a recording begins with its first event.
    pub(super) fn is_headerless(self) -> bool {
        matches!(self, Self::Atis | Self::AtisOverflow | Self::Bs1 | Self::Bs2 | Self::Bs3)
    }

    /// The format in which a file of that extension is written.
    pub fn of_extension(extension: &str) -> Option<Self> {
        let found = NAMES.iter().find(|(.., extensions)| extensions.contains(&extension));
        found.map(|(format, ..)| *format)
    }
}

fn unreadable(path: &Path, name: &str) -> Error {
    let what = format!("{}: {name}", path.display());
    let names = Format::WRITABLE.map(|format| format.to_string()).join(", ");
    Error::Unreadable { what, remedy: format!("convert it to one of {names}") }
}

fn names() -> String {
    NAMES.map(|(_, name, _)| name).join(", ")
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(format, ..)| format == self).map_or("", |(_, name, _)| name);
        f.write_str(name)
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = NAMES.iter().find(|(_, known, _)| *known == name).map(|(format, ..)| *format);
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
        assert_eq!(sniffed(b"#!AER-DAT3.1\r\n", "a.aedat"), Some(Format::Aedat3));
        assert_eq!(sniffed(b"#!AER-DAT1.0\r\n", "a.aedat"), None);
        assert_eq!(sniffed(b"% evt 3.0\n", "a.raw"), Some(Format::Evt3));
        assert_eq!(sniffed(b"% Version 2\n", "a.dat"), Some(Format::Dat));
        assert_eq!(sniffed(b"% evt 2.1\n", "a.raw"), None);
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
        for (format, name, extensions) in NAMES {
            assert!(extensions.is_empty() || Format::WRITABLE.contains(&format));
            assert_eq!(
                (format.to_string().as_str(), name.parse::<Format>().unwrap()),
                (name, format)
            );
        }
        assert!("evt9".parse::<Format>().is_err());
    }
}
