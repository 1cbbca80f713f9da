//! How data sets are packed: names of HDF5's registered filters, and those that hdf5-pure does not undo: Zstandard, also in
//! Blosc, as DSEC has it.

use hdf5_pure::{Chunk, Dataset, Filter};

use super::blosc::{blosc, unshuffled, zstd};

// Numbers of registered filters.
const DEFLATE: u16 = 1;
const SHUFFLE: u16 = 2;
const FLETCHER: u16 = 3;
const LZF: u16 = 32_000;
const BLOSC: u16 = 32_001;
const ZSTD: u16 = 32_015;

/// Filters that hdf5-pure undoes.
const KNOWN: [u16; 4] = [DEFLATE, SHUFFLE, FLETCHER, LZF];

/// Filters that are not read, by the names that people know.
const OTHERS: [(u16, &str); 8] = [
    (4, "SZIP"),
    (5, "N-bit"),
    (6, "scale-offset"),
    (32_004, "LZ4"),
    (32_008, "bitshuffle"),
    (32_013, "ZFP"),
    (32_026, "Blosc2"),
    (36_559, "Prophesee's ECF"),
];

/// The compressors of Blosc, by the number that is the seventh of the filter's values.
const BLOSC_CODES: [&str; 6] = ["BloscLZ", "LZ4", "LZ4HC", "Snappy", "zlib", "Zstandard"];

/// Who undoes a data set's filters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// hdf5-pure.
    Known,
    /// [`unpack`]: Zstandard, after a shuffle or not, or in Blosc.
    Zstd,
    /// Nobody; the first such filter in words.
    Other(String),
}

pub(super) fn packing(filters: &[Filter]) -> Packing {
    let ids: Vec<u16> = filters.iter().map(|filter| filter.id).collect();
    let code = |filter: &Filter| {
        let code = filter.client_data.get(6).copied().unwrap_or(0);
        BLOSC_CODES.get(usize::try_from(code).unwrap_or(usize::MAX)).copied()
    };
    match filters {
        _ if matches!(ids[..], [ZSTD] | [SHUFFLE, ZSTD]) => return Packing::Zstd,
        [only] if only.id == BLOSC && code(only) == BLOSC_CODES.last().copied() => {
            return Packing::Zstd;
        }
        _ => {}
    }
    let Some(other) = filters.iter().find(|filter| !KNOWN.contains(&filter.id)) else {
        return Packing::Known;
    };
    let known = OTHERS.iter().find(|(id, _)| *id == other.id).map(|(_, name)| *name);
    let said = || other.name.as_deref().unwrap_or("an unknown filter");
    let name = match other.id {
        ZSTD => "Zstandard beside other filters".to_owned(),
        BLOSC => format!("Blosc with {}", code(other).unwrap_or("an unknown compressor")),
        _ => known.unwrap_or_else(said).to_owned(),
    };
    Packing::Other(format!("{name} (HDF5 filter {})", other.id))
}

/// The `rows` elements of `size` bytes of a data set whose [`packing`] is [`Packing::Zstd`], and whose chunks the guard has
/// counted; `None` is damage.
pub(super) fn unpack(set: &Dataset, file: &[u8], rows: usize, size: usize) -> Option<Vec<u8>> {
    let filters = set.filters();
    let [chunk_rows] = set.chunk_shape().ok()??[..] else { return None };
    let mut out = vec![0; rows.checked_mul(size)?];
    let mut chunk = vec![0; usize::try_from(chunk_rows).ok()?.checked_mul(size)?];
    let mut filled = 0;
    for Chunk { offset, address, storage_size, filter_mask, .. } in set.chunks().ok()? {
        let stored = file.get(usize::try_from(address).ok()?..)?;
        let stored = stored.get(..usize::try_from(storage_size).ok()?)?;
        // Bit i says that filter i was left out.
        if filter_mask != 0 {
            return None;
        }
        match filters[..] {
            [BLOSC] => blosc(stored, &mut chunk)?,
            [SHUFFLE, ZSTD] => {
                zstd(stored, &mut chunk)?;
                chunk = unshuffled(&chunk, size);
            }
            _ => zstd(stored, &mut chunk)?,
        }
        let first = usize::try_from(*offset.first()?).ok()?.checked_mul(size)?;
        let place = out.get_mut(first..)?;
        let n = chunk.len().min(place.len());
        place.get_mut(..n)?.copy_from_slice(chunk.get(..n)?);
        filled += n;
    }
    (filled == out.len()).then_some(out)
}
