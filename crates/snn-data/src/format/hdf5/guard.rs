//! Which HDF5 files are given to hdf5-pure. It takes sizes as they are written, and follows structures wherever and as
//! often as they point to one another, so that a file of two kilobytes can have it ask for all of the memory.
//!
//! Two things are not seen from here. Names in groups of the old kind are copied once an entry, though entries may
//! share one: some 400 times the bytes of structures at most. Members of compound types are made room for before they are read: 5 MB for each of
//! up to 1,600 levels, which are reserved and not written to.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hdf5_pure::{Datatype, File, FormatError, Layout, Source};

use super::DAMAGED;
use crate::format::room::Room;
use crate::{Error, FormatFault, Limits, Result};

/// Bytes that headers, groups and lists of chunks may have, each as often as it is read, or a share of the file's: the
/// places of chunks of 1,024 numbers, as h5py makes them by itself, are a hundredth of it.
const ALL: u64 = 1 << 20;
const SHARE: usize = 16;
/// Bytes that one of them may have, which also bounds how deep a type may lie in types: each takes eight.
/// A page of 1,024 chunks' places has a checksum too.
const ONE: usize = (1 << 14) + 64;
/// Bytes that the shortest counts as, because what is made of it is no shorter.
const LEAST: u64 = 512;

/// Bytes of an element at least: a label, or a reference into the heap.
const ELEMENT: u64 = 16;
/// Bytes of an element at most: an event.
const EVENT: u64 = 64;
/// Bytes that are held of a chunk's place.
const PLACE: u64 = 128;

const TANGLED: &str = "its structures are damaged, too large, or point to one another too often; fetch or save the file \
                       again, or write it with larger chunks";
const NEWER: &str = "damaged HDF5 data, or stored as only HDF5 2 stores them; fetch or save the file again, or write it with the \
                     library version v114 or older";
const TWICE: &str = "a filter that is applied twice; write the file with one compression";

/// A look at a file through which no more of its structures are read than is in proportion.
pub(super) struct Guard<'a> {
    file: File,
    /// Bytes of structures that may still be read.
    left: Arc<AtomicU64>,
    file_bytes: usize,
    limits: &'a Limits,
    path: &'a Path,
}

impl<'a> Guard<'a> {
    /// # Errors
    /// [`Error::Format`] for another or a damaged file.
    pub(super) fn new(bytes: &Arc<Vec<u8>>, limits: &'a Limits, path: &'a Path) -> Result<Self> {
        let left = Arc::new(AtomicU64::new(ALL.max((bytes.len() / SHARE) as u64)));
        let counted = Counted { bytes: Arc::clone(bytes), left: Arc::clone(&left) };
        let file = File::from_source(counted).map_err(|_| refuse(&left, path, DAMAGED))?;
        Ok(Self { file, left, file_bytes: bytes.len(), limits, path })
    }

    /// Whether there is a data set of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.file.dataset(name).is_ok()
    }

    /// The file, of which no more is read than is in proportion.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// What is wrong, or that nothing more could be read.
    pub(super) fn refuse(&self, fault: FormatFault) -> Error {
        match self.left.load(Relaxed) {
            0 => super::refuse(self.path, TANGLED),
            _ => Error::format(self.path, 0, fault),
        }
    }

    /// Refuses the data set that is none, is not of one dimension and a type that `is_known`, or would take memory out of
    /// proportion to the file's size; `layout` says what is needed. Gives its rows. What is damaged otherwise may pass.
    ///
    /// # Errors
    /// [`Error::Format`] and [`Error::Limit`].
    pub(super) fn check(
        &self,
        name: &str,
        is_known: impl Fn(&Datatype) -> bool,
        layout: &'static str,
    ) -> Result<u64> {
        let refuse = |why| refuse(&self.left, self.path, why);
        let fits = |n: u64, size| {
            Room::new(self.file_bytes, self.limits, self.path).take(n.saturating_mul(size))
        };
        let set = self.file.dataset(name).map_err(|_| refuse(layout))?;
        let datatype = set.datatype().ok().filter(|datatype| is_known(datatype));
        let shape = set.shape().map_err(|_| refuse(DAMAGED))?;
        let (&[rows], Some(datatype)) = (&shape[..], datatype) else { return Err(refuse(layout)) };
        let element = u64::from(datatype.type_size()).max(ELEMENT);
        if element > EVENT {
            return Err(refuse(layout));
        }
        fits(rows, element)?;
        let stored = set.layout().map_err(|_| refuse(NEWER))?;
        let Layout::Chunked { chunk_shape, .. } = stored else { return Ok(rows) };
        // One of no elements would be unpacked to whatever is in it.
        let [chunk @ 1..=u64::MAX] = chunk_shape[..] else { return Err(refuse(DAMAGED)) };
        fits(chunk, element)?;
        fits(rows.div_ceil(chunk), PLACE)?;
        // Each LZF doubles what the one before it may unpack to.
        let mut filters = set.filters();
        filters.sort_unstable();
        if !filters.is_sorted_by(|a, b| a < b) {
            return Err(refuse(TWICE));
        }
        let chunks = set.chunks().map_err(|_| refuse(NEWER))?;
        let stored = chunks.iter().try_fold(0u64, |sum, chunk| sum.checked_add(chunk.storage_size));
        if stored.is_none_or(|stored| stored > self.file_bytes as u64) {
            return Err(refuse(DAMAGED));
        }
        Ok(rows)
    }
}

/// What is wrong, or that nothing more could be read.
fn refuse(left: &AtomicU64, path: &Path, why: &'static str) -> Error {
    super::refuse(path, if left.load(Relaxed) == 0 { TANGLED } else { why })
}

/// A file of which structures are read until no bytes are left.
struct Counted {
    bytes: Arc<Vec<u8>>,
    left: Arc<AtomicU64>,
}

impl Source for Counted {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::result::Result<(), FormatError> {
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = self.bytes.get(at..).and_then(|rest| rest.get(..buf.len()));
        buf.copy_from_slice(found.ok_or_else(|| FormatError::Source("the file ends".into()))?);
        Ok(())
    }

    fn read_metadata_at(&self, at: u64, len: usize) -> std::result::Result<Vec<u8>, FormatError> {
        let cost = LEAST.max(len as u64);
        let left = self.left.load(Relaxed).checked_sub(cost).filter(|_| len <= ONE).unwrap_or(0);
        self.left.store(left, Relaxed);
        if left == 0 {
            return Err(FormatError::Source("too much is read".into()));
        }
        let read = self.read_exact_at(at, len)?;
        if makes_room(&read) {
            return Err(FormatError::Source("an array of too many blocks".into()));
        }
        Ok(read)
    }
}

/// Whether these are the header of an array of chunks, which says by powers of two for how many room is made at once:
/// HDF5 writes 32 for the elements of an array that grows, 4 for its first blocks and 10 for a page.
fn makes_room(header: &[u8]) -> bool {
    match header {
        [b'E', b'A', b'H', b'D', _, _, _, all, _, _, first, page, ..] => {
            *all > 48 || *first > 16 || *page > 48
        }
        [b'F', b'A', b'H', b'D', _, _, _, page, ..] => *page > 48,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use hdf5_pure::{DatasetBuilder, FileBuilder, make_u16_type};

    /// A file of five recordings without spikes, whose labels are as `labels` makes them.
    fn file(labels: impl Fn(&mut DatasetBuilder)) -> Vec<u8> {
        let float = Datatype::FloatingPoint {
            size: 4,
            byte_order: hdf5_pure::DatatypeByteOrder::LittleEndian,
            layout: hdf5_pure::FloatingPointLayout::IEEE754_BINARY32,
        };
        let mut file = FileBuilder::new();
        labels(file.create_dataset("labels"));
        let mut spikes = file.create_group("spikes");
        for (name, base) in [("times", float), ("units", make_u16_type())] {
            let kind = Datatype::VariableLength {
                is_string: false,
                padding: None,
                charset: None,
                base_type: Box::new(base),
            };
            spikes.create_dataset(name).with_raw_data(kind, vec![0; 80], 5).with_chunks(&[2]);
        }
        file.add_group(spikes.finish());
        file.finish().unwrap()
    }

    fn labels(bytes: Vec<u8>) -> Result<Vec<u32>> {
        let (limits, path) = (Limits::default(), Path::new("x"));
        let file = super::super::shd(bytes, &limits, path)?;
        assert!(file.recording(4, &limits, path)?.events.is_empty());
        Ok(file.labels().to_vec())
    }

    #[test]
    fn what_others_write_is_read() {
        let bytes = [3, 19, 0, 255, 4];
        let packed = file(|set| {
            set.with_u8_data(&bytes).with_chunks(&[3]).with_shuffle().with_deflate(6);
        });
        assert_eq!(labels(packed).unwrap(), [3, 19, 0, 255, 4]);
        let wide = file(|set| {
            set.with_i64_data(&[3, 19, 0, 1 << 20, 4]);
        });
        assert_eq!(labels(wide).unwrap(), [3, 19, 0, 1 << 20, 4]);
        let others = [
            file(|set| {
                set.with_f32_data(&[3.0, 19.0, 0.0, 1.0, 4.0]);
            }),
            file(|set| {
                set.with_u8_data(&bytes).with_shape(&[1, 5]);
            }),
        ];
        for bytes in others {
            let error = labels(bytes).unwrap_err().to_string();
            assert!(error.contains("labels (integers), spikes/times"), "{error}");
        }
    }

    #[test]
    fn structures_are_read_until_they_are_too_much() {
        let bytes = Arc::new(vec![7; ONE + 1]);
        let counted = || Counted { bytes: Arc::clone(&bytes), left: Arc::new(AtomicU64::new(ALL)) };
        let short = counted();
        let reads = (0..).take_while(|_| short.read_metadata_at(5, 1).is_ok()).count();
        assert_eq!((reads, short.left.load(Relaxed)), (2047, 0));
        let long = counted();
        assert_eq!(long.read_metadata_at(1, ONE).unwrap(), bytes[1..]);
        assert_eq!(long.left.load(Relaxed), ALL - ONE as u64);
        assert!(long.read_metadata_at(2, ONE).is_err() && long.left.load(Relaxed) > 0);
        assert!(long.read_metadata_at(0, ONE + 1).is_err() && long.left.load(Relaxed) == 0);
        assert!(long.read_at(u64::MAX, &mut [0]).is_err());
    }

    #[test]
    fn arrays_of_too_many_blocks_are_told() {
        let known = *b"EAHD\0\0\x08\x20\x04\x10\x04\x0a";
        assert!(!makes_room(&known) && !makes_room(b"FAHD\0\0\x08\x0a") && !makes_room(b"EAHD"));
        for (at, value) in [(7, 100), (10, 100), (11, 64)] {
            let mut header = known;
            header[at] = value;
            assert!(makes_room(&header), "{at}");
        }
        assert!(makes_room(b"FAHD\0\0\x08\x40"));
    }
}
