//! A recording in whichever format, from a file and back.

use std::borrow::Cow;
use std::path::Path;

use super::{
    AtisOptions, Evt3Options, Format, aedat2, aedat3, atis, bs1, bs3, dat, es, evt2, evt3, gunzip,
    npz_events, read_file, read_npy, write_aedat2, write_atis, write_bs1, write_bs3, write_dat,
    write_es, write_evt2, write_evt3, write_npy,
};
use crate::{Error, EventStream, Limits, Result};

/// How a file of events is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventOptions {
    /// The format; [`Format::sniff`] decides when absent.
    pub format: Option<Format>,
    /// The sensor's columns and rows. When absent: 34x34 for ATIS (N-MNIST), 128x128 for AEDAT 2.0, the header's where
    /// there is one, otherwise the smallest that holds all events.
    pub sensor: Option<(u16, u16)>,
    /// Which recording of a file that holds many (HDF5).
    pub index: usize,
    /// Upper bounds.
    pub limits: Limits,
}

/// Reads a recording in any of the event formats, gzip-compressed ones included: files whose name ends in `.gz`, and
/// those that begin as gzip data do, unless their format is one that may begin with any byte. A file without events is a recording without any;
/// [`EventStream::not_empty`] refuses it.
///
/// # Errors
/// [`Error::Io`], [`Error::Limit`], [`Error::Format`], and [`Error::Unreadable`] for a format that holds no events or
/// that this build does not read.
pub fn read_events(path: &Path, options: &EventOptions) -> Result<EventStream> {
    let bytes = read_file(path, &options.limits)?;
    decode(bytes.into(), options, path)
}

/// Decodes the bytes of a file of events, as [`read_events`] does; `path` is for errors and for its extension.
///
/// # Errors
/// As [`read_events`].
pub fn decode_events(bytes: &[u8], options: &EventOptions, path: &Path) -> Result<EventStream> {
    decode(bytes.into(), options, path)
}

fn decode(mut file: Cow<'_, [u8]>, options: &EventOptions, path: &Path) -> Result<EventStream> {
    let limits = &options.limits;
    if may_be_packed(options.format, path)
        && let Cow::Owned(unpacked) = gunzip(&file, limits, path)?
    {
        file = unpacked.into();
    }
    let bytes = &*file;
    let format = match options.format {
        Some(format) => format,
        None => Format::sniff(bytes, path)?,
    };
    let sensor = options.sensor;
    let unreadable = |remedy: &str| {
        let what = format!("{} as {format}", path.display());
        Err(Error::Unreadable { what, remedy: remedy.into() })
    };
    let upright = |sensor, overflow_markers| {
        atis(bytes, &AtisOptions { sensor, overflow_markers }, limits, path)
    };
    match format {
        Format::Atis => upright(sensor.or(Some(super::atis::N_MNIST)), false),
        Format::AtisOverflow => upright(sensor, true),
        Format::Bs1 => bs1(bytes, sensor, limits, path),
        Format::Bs2 => upright(sensor, false),
        Format::Bs3 => bs3(bytes, sensor, limits, path),
        Format::Aedat2 => {
            let sensor = sensor.unwrap_or(super::aedat2::DVS128);
            aedat2(bytes, sensor, limits, path)
        }
        Format::Aedat3 => aedat3(bytes, sensor, limits, path),
        #[cfg(feature = "aedat4")]
        Format::Aedat4 => super::aedat4(bytes, sensor, limits, path),
        #[cfg(not(feature = "aedat4"))]
        Format::Aedat4 => unreadable("build snn-data with its feature `aedat4`"),
        #[cfg(feature = "hdf5")]
        Format::Hdf5 => {
            super::hdf5::recording(file.into_owned(), sensor, options.index, limits, path)
        }
        #[cfg(not(feature = "hdf5"))]
        Format::Hdf5 => unreadable("build snn-data with its feature `hdf5`"),
        Format::Dat => dat(bytes, sensor, limits, path),
        Format::Evt2 => evt2(bytes, sensor, limits, path),
        Format::Evt3 | Format::Evt3AsWritten => {
            let as_written = format == Format::Evt3AsWritten;
            evt3(bytes, &Evt3Options { sensor, as_written }, limits, path)
        }
        Format::Es => es(bytes, sensor, limits, path),
        Format::Npy => read_npy(bytes, sensor, limits, path),
        Format::Npz => npz_events(bytes, sensor, limits, path),
        Format::Idx | Format::Cifar10 | Format::Cifar100 => {
            unreadable("it holds images; name an event format")
        }
    }
}

/// Whether first bytes like those of gzip data mean that. In a format without a header they may be an event: ATIS
/// begins with them where the first one is at (31, 139).
fn may_be_packed(format: Option<Format>, path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let format = format.or_else(|| Format::of_extension(&extension));
    extension == "gz" || !format.is_some_and(Format::is_headerless)
}

/// The recording as a file of one of [`Format::WRITABLE`].
///
/// # Errors
/// [`Error::Config`] for another format, or for an event that the format cannot hold.
pub fn encode_events(stream: &EventStream, format: Format) -> Result<Vec<u8>> {
    match format {
        Format::Atis | Format::Bs2 => write_atis(stream),
        Format::Bs1 => write_bs1(stream),
        Format::Bs3 => write_bs3(stream),
        Format::Aedat2 => write_aedat2(stream),
        Format::Dat => write_dat(stream),
        Format::Evt2 => write_evt2(stream),
        Format::Evt3 => write_evt3(stream),
        Format::Es => write_es(stream),
        Format::Npy => write_npy(stream),
        _ => {
            let names = Format::WRITABLE.map(|format| format.to_string()).join(", ");
            let why = format!("{format} is not written; use one of {names}");
            Err(Error::config("format", why))
        }
    }
}
