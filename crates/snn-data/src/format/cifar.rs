//! The binary records of CIFAR-10 and CIFAR-100.

use std::path::Path;

use crate::{Error, FormatFault, Limits, Result, limits};

/// Bytes of an image: 32 x 32 red, then green, then blue, each row by row.
const IMAGE: usize = 3 * 32 * 32;
pub(super) const RECORD_10: usize = 1 + IMAGE;
pub(super) const RECORD_100: usize = 2 + IMAGE;

/// The records of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cifar {
    /// Classes, `[N]`: 0..10 for CIFAR-10, the fine classes 0..100 for CIFAR-100.
    pub labels: Vec<u32>,
    /// CIFAR-100's coarse classes 0..20, `[N]`; empty for CIFAR-10.
    pub coarse: Vec<u32>,
    /// Pixels, `[N, 3, 32, 32]`.
    pub pixels: Vec<u8>,
}

/// Reads records of (label, pixels).
///
/// # Errors
/// [`Error::Format`] when there is no record or not a whole number of them, [`Error::Label`] for a label past 9.
pub fn cifar10(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Cifar> {
    read::<RECORD_10>(bytes, None, 10, limits, path)
}

/// Reads records of (coarse label, fine label, pixels).
///
/// # Errors
/// [`Error::Format`] when there is no record or not a whole number of them, [`Error::Label`] for a coarse label past
/// 19 or a fine one past 99.
pub fn cifar100(bytes: &[u8], limits: &Limits, path: &Path) -> Result<Cifar> {
    read::<RECORD_100>(bytes, Some(20), 100, limits, path)
}

fn read<const RECORD: usize>(
    bytes: &[u8],
    coarse_classes: Option<usize>,
    num_classes: usize,
    limits: &Limits,
    path: &Path,
) -> Result<Cifar> {
    limits::check(path, "file_bytes", bytes.len() as u64, limits.file_bytes)?;
    let (records, rest) = bytes.as_chunks::<RECORD>();
    if records.is_empty() {
        let (need, have) = (RECORD as u64, bytes.len() as u64);
        let fault = FormatFault::Truncated { what: "the first CIFAR record", need, have };
        return Err(Error::format(path, 0, fault));
    }
    if !rest.is_empty() {
        let fault = FormatFault::Trailing { what: "CIFAR record", extra: rest.len() as u64 };
        return Err(Error::format(path, bytes.len() - rest.len(), fault));
    }
    let checked = |record: usize, label: u8, num_classes: usize| {
        if usize::from(label) < num_classes {
            return Ok(u32::from(label));
        }
        let (record, got) = (record as u64, u32::from(label));
        Err(Error::Label { path: path.into(), record, got, num_classes })
    };
    let mut out = Cifar { labels: Vec::new(), coarse: Vec::new(), pixels: Vec::new() };
    out.pixels.reserve_exact(records.len() * IMAGE);
    for (i, record) in records.iter().enumerate() {
        let mut rest = record.as_slice();
        if let (Some(classes), Some((&label, fine))) = (coarse_classes, rest.split_first()) {
            out.coarse.push(checked(i, label, classes)?);
            rest = fine;
        }
        if let Some((&label, pixels)) = rest.split_first() {
            out.labels.push(checked(i, label, num_classes)?);
            out.pixels.extend_from_slice(pixels);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_split_into_labels_and_pixels() {
        let mut bytes = vec![7; RECORD_10];
        bytes.extend(vec![9; RECORD_10]);
        let read = cifar10(&bytes, &Limits::default(), Path::new("x")).unwrap();
        assert_eq!((read.labels, read.coarse, read.pixels.len()), (vec![7, 9], vec![], 2 * IMAGE));
        let mut bytes = vec![19; RECORD_100];
        bytes[1] = 99;
        let read = cifar100(&bytes, &Limits::default(), Path::new("x")).unwrap();
        assert_eq!((read.labels, read.coarse, read.pixels.len()), (vec![99], vec![19], IMAGE));
    }

    #[test]
    fn label_out_of_range_names_file_and_record() {
        for label in [10, 11, 100, 255] {
            let mut bytes = vec![0; 3 * RECORD_10];
            bytes[2 * RECORD_10] = label;
            let error = cifar10(&bytes, &Limits::default(), Path::new("b.bin")).unwrap_err();
            assert!(matches!(error, Error::Label { record: 2, num_classes: 10, .. }));
            assert!(error.to_string().starts_with("b.bin: label"), "{error}");
        }
        for (coarse, fine) in [(20, 0), (0, 100)] {
            let mut bytes = vec![0; RECORD_100];
            (bytes[0], bytes[1]) = (coarse, fine);
            assert!(cifar100(&bytes, &Limits::default(), Path::new("x")).is_err());
        }
    }

    #[test]
    fn partial_records_are_refused() {
        for n in [0, 1, RECORD_10 - 1, RECORD_10 + 1] {
            assert!(cifar10(&vec![0; n], &Limits::default(), Path::new("x")).is_err());
        }
    }
}
