//! File formats: each reader is a pure function of (bytes, limits), and the path is for errors only.
//!
//! A reader never allocates more than a small multiple of the bytes that are present, whatever sizes they
//! claim, and answers every input with a value or a typed [`Error`].

#![deny(clippy::cast_possible_truncation)]

mod aedat2;
mod aedat3;
#[cfg(feature = "aedat4")]
mod aedat4;
mod array;
mod atis;
mod cifar;
mod csv;
mod dat;
mod es;
mod evt2;
mod evt3;
#[cfg(feature = "aedat4")]
mod flatbuffer;
mod gzip;
#[cfg(feature = "hdf5")]
mod hdf5;
mod header;
mod idx;
mod mat;
mod npy;
mod npz;
mod numpy;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "image")]
mod picture;
mod points;
mod polarity;
mod prophesee;
mod recording;
mod room;
mod sensor;
mod slayer;
mod sniff;
mod text;

use std::fs::File;
use std::io::Read;
use std::path::Path;

pub use aedat2::{Aedat2Options, aedat2, write_aedat2};
pub use aedat3::aedat3;
#[cfg(feature = "aedat4")]
pub use aedat4::aedat4;
pub use array::{write_npy_array, write_npz_array};
pub use atis::{AtisOptions, atis, write_atis};
pub use cifar::{Cifar, cifar10, cifar100};
pub use csv::csv;
pub use dat::{dat, write_dat};
pub use es::{es, write_es};
pub use evt2::{evt2, write_evt2};
pub use evt3::{evt3, write_evt3};
pub use gzip::gunzip;
#[cfg(feature = "hdf5")]
pub use hdf5::{Shd, hdf5_events, shd};
pub use idx::{Idx, idx};
pub use mat::{Mat, mat};
pub use npy::{read_npy, write_npy};
pub use npz::{npz, npz_events};
#[cfg(feature = "parquet")]
pub use parquet::{Shard, parquet};
#[cfg(feature = "image")]
pub use picture::picture;
#[cfg(feature = "image")]
pub(crate) use picture::whole_picture;
pub use points::{Mesh, off, xyz};
pub use recording::{
    EventOptions, Recording, decode_events, decode_recording, encode_events, read_events,
    read_recording,
};
pub use slayer::{bs1, bs3, write_bs1, write_bs3};
pub use sniff::Format;
pub use text::text;

use crate::limits::check;
use crate::{Error, Limits, Result, open_regular};

/// Reads a whole regular file of at most `limits.file_bytes`.
///
/// # Errors
/// [`Error::Io`] and [`Error::Limit`].
pub fn read_file(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    let (file, len) = open_file(path)?;
    check(path, "file_bytes", len, limits.file_bytes)?;
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
    // The file may have grown since.
    let most = limits.file_bytes.saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(Error::io(path))?;
    check(path, "file_bytes", bytes.len() as u64, limits.file_bytes)?;
    Ok(bytes)
}

/// [`open_regular`] with this crate's error.
pub(crate) fn open_file(path: &Path) -> Result<(File, u64)> {
    open_regular(path).map_err(Error::io(path))
}
