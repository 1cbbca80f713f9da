//! Hashes that say which data and which members a result is of.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::samples::Samples;

/// A hash of labels, shape and values; sets that are made on demand are hashed by their files instead.
pub(crate) fn data_hash(labels: &[u32], shape: &[usize], samples: &Samples) -> String {
    let mut hash = Sha256::new();
    hash.update(b"snn-data-v1\0");
    for &side in shape {
        hash.update((side as u64).to_le_bytes());
    }
    hash.update((labels.len() as u64).to_le_bytes());
    for label in labels {
        hash.update(label.to_le_bytes());
    }
    match samples {
        Samples::Pixels(bytes) => {
            hash.update(b"pixels");
            hash.update(bytes);
        }
        Samples::Counts(bytes) => {
            hash.update(b"counts");
            hash.update(bytes);
        }
        Samples::Image(_) | Samples::OnDemand(_) => hash.update(b"on demand"),
        Samples::Frames(values) => {
            hash.update(b"frames");
            let mut block = Vec::with_capacity(4 * 4096);
            for values in values.chunks(4096) {
                block.clear();
                block.extend(values.iter().flat_map(|value| value.to_le_bytes()));
                hash.update(&block);
            }
        }
    }
    hex(&hash.finalize())
}

/// A hash of names and labels; names hold no line ends.
pub(crate) fn member_hash<'a>(
    members: impl Iterator<Item = (impl fmt::Display, &'a u32)>,
) -> String {
    let mut hash = Sha256::new();
    for (name, label) in members {
        hash.update(format!("{label} {name}\n"));
    }
    hex(&hash.finalize())
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
