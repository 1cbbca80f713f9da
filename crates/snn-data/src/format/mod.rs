//! File formats: each reader is a pure function of (bytes, limits), and the path is for errors only.
//!
//! A reader never allocates more than a small multiple of the bytes that are present, whatever sizes they
//! claim, and answers every input with a value or a typed [`Error`].

#![deny(clippy::cast_possible_truncation)]

mod aedat2;
mod atis;
mod cifar;
mod gzip;
mod idx;
mod mat;
mod npy;
mod npz;
#[cfg(feature = "image")]
mod picture;
mod points;
mod sniff;

use std::io::Read;
use std::path::Path;

pub use aedat2::{Aedat2Options, aedat2};
pub use atis::{AtisOptions, atis};
pub use cifar::{Cifar, cifar10, cifar100};
pub use gzip::gunzip;
pub use idx::{Idx, idx};
pub use mat::{Mat, mat};
pub use npy::{read_npy, write_npy};
pub use npz::npz;
#[cfg(feature = "image")]
pub use picture::picture;
pub use points::{Mesh, off, xyz};
pub use sniff::Format;

use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

/// How a file of events is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventOptions {
    /// The format; [`Format::sniff`] decides when absent.
    pub format: Option<Format>,
    /// The sensor's columns and rows. When absent: 34x34 for ATIS (N-MNIST), 128x128 for AEDAT-2.0, otherwise the
    /// smallest that holds all events.
    pub sensor: Option<(u16, u16)>,
    /// Upper bounds.
    pub limits: Limits,
}

/// Reads a recording in any of the event formats, `.gz` included.
///
/// # Errors
/// [`Error::Io`], [`Error::Limit`], [`Error::Format`], and [`Error::Unreadable`] for a format that holds no events or
/// that this version does not read.
pub fn read_events(path: &Path, options: &EventOptions) -> Result<EventStream> {
    let bytes = read_file(path, &options.limits)?;
    decode_events(&bytes, options, path)
}

/// The same from memory.
///
/// # Errors
/// As [`read_events`].
pub fn decode_events(bytes: &[u8], options: &EventOptions, path: &Path) -> Result<EventStream> {
    let limits = &options.limits;
    let bytes = &*gunzip(bytes, limits, path)?;
    let format = match options.format {
        Some(format) => format,
        None => Format::sniff(bytes, path)?,
    };
    let sensor = options.sensor;
    match format {
        Format::Atis => {
            let sensor = sensor.or(Some(atis::N_MNIST));
            atis(bytes, &AtisOptions { sensor, overflow_markers: false }, limits, path)
        }
        Format::AtisOverflow => {
            atis(bytes, &AtisOptions { sensor, overflow_markers: true }, limits, path)
        }
        Format::Aedat2 => {
            let sensor = sensor.unwrap_or(aedat2::DVS128);
            aedat2(bytes, &Aedat2Options { sensor, mirror_x: false }, limits, path)
        }
        Format::Npy => read_npy(bytes, sensor, limits, path),
        Format::Idx | Format::Cifar10 | Format::Cifar100 => {
            let what = format!("{} as {format}", path.display());
            Err(Error::Unreadable { what, remedy: "it holds images; name an event format".into() })
        }
    }
}

/// Reads a whole file of at most `limits.file_bytes`.
///
/// # Errors
/// [`Error::Io`] and [`Error::Limit`].
pub fn read_file(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    let file = std::fs::File::open(path).map_err(Error::io(path))?;
    let size = file.metadata().map_err(Error::io(path))?.len();
    check(path, "file_bytes", size, limits.file_bytes)?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // The file may have grown since, or be a pipe without a size.
    let most = limits.file_bytes.saturating_add(1);
    file.take(most).read_to_end(&mut bytes).map_err(Error::io(path))?;
    check(path, "file_bytes", bytes.len() as u64, limits.file_bytes)?;
    Ok(bytes)
}

/// Columns and rows of `sensor`, or the fewest that hold all events, within `limits.side`.
fn sensor_of(
    events: &[Event],
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<(u16, u16)> {
    let (width, height) = sensor.unwrap_or_else(|| {
        let (x, y) = events.iter().fold((0, 0), |(x, y), e| (e.x.max(x), e.y.max(y)));
        let some = u16::from(!events.is_empty());
        (x.saturating_add(some), y.saturating_add(some))
    });
    check(path, "side", u64::from(width.max(height)), limits.side)?;
    Ok((width, height))
}

/// The error of the first event that lies outside of the sensor; `offset` gives its place in the file.
fn outside(
    path: &Path,
    event: usize,
    offset: usize,
    (x, y): (u16, u16),
    (width, height): (u16, u16),
) -> Error {
    let (event, x, y) = (event as u64, u32::from(x), u32::from(y));
    Error::format(path, offset, FormatFault::OutOfSensor { event, x, y, width, height })
}
