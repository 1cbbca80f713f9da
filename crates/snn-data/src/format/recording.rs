//! A recording in whichever format, from a file and back.

use std::borrow::Cow;
use std::path::Path;

use super::{
    Aedat2Options, AtisOptions, Format, aedat2, aedat3, atis, bs1, bs3, dat, es, evt2, evt3,
    gunzip, npz_events, read_file, read_npy, text, write_aedat2, write_atis, write_bs1, write_bs3,
    write_dat, write_es, write_evt2, write_evt3, write_npy,
};
use crate::{Error, EventStream, FormatFault, Limits, Result};

/// How a file of events is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventOptions {
    /// The format; [`Format::sniff`] decides when absent.
    pub format: Option<Format>,
    /// The sensor's columns and rows. When absent: 34x34 for ATIS (N-MNIST), 128x128 for AEDAT 2.0, the file's where it
    /// says one, otherwise the smallest that holds all events: see [`Recording::is_measured`].
    pub sensor: Option<(u16, u16)>,
    /// Which recording of a file that holds many (HDF5).
    pub index: usize,
    /// Leave AEDAT 2.0's rows as its addresses count them, from below.
    pub as_stored: bool,
    /// Leave out and count events outside of the sensor, which are an error otherwise.
    pub drop_outside: bool,
    /// Upper bounds.
    pub limits: Limits,
}

/// A recording and what its reader found out on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The events.
    pub stream: EventStream,
    /// Whether nobody said the sensor's size, so that it is the smallest that holds all events: it may be another one for
    /// each recording of a camera.
    pub is_measured: bool,
    /// Events outside of the sensor that were left out.
    pub dropped_outside: u64,
}

/// Reads a recording in any of the event formats, gzip-compressed ones included: files whose name ends in `.gz`, and
/// those that begin as gzip data do, unless their format is one that may begin with any byte. A file without events is a recording without any;
/// [`EventStream::not_empty`] refuses it.
///
/// # Errors
/// [`Error::Io`], [`Error::Limit`], [`Error::Format`], and [`Error::Unreadable`] for a format that holds no events or
/// that this build does not read.
pub fn read_events(path: &Path, options: &EventOptions) -> Result<EventStream> {
    Ok(read_recording(path, options)?.stream)
}

/// Reads a recording as [`read_events`] does, with what was found out about it.
///
/// # Errors
/// As [`read_events`].
pub fn read_recording(path: &Path, options: &EventOptions) -> Result<Recording> {
    let bytes = read_file(path, &options.limits)?;
    decode(bytes.into(), options, path)
}

/// Decodes the bytes of a file of events, as [`read_events`] does; `path` is for errors and for its extension.
///
/// # Errors
/// As [`read_events`].
pub fn decode_events(bytes: &[u8], options: &EventOptions, path: &Path) -> Result<EventStream> {
    Ok(decode_recording(bytes, options, path)?.stream)
}

/// Decodes as [`decode_events`] does, with what was found out about the recording.
///
/// # Errors
/// As [`read_events`].
pub fn decode_recording(bytes: &[u8], options: &EventOptions, path: &Path) -> Result<Recording> {
    decode(bytes.into(), options, path)
}

fn decode(mut file: Cow<'_, [u8]>, options: &EventOptions, path: &Path) -> Result<Recording> {
    let limits = &options.limits;
    if may_be_packed(options.format, path)
        && let Cow::Owned(unpacked) = gunzip(&file, limits, path)?
    {
        file = unpacked.into();
    }
    let format = match options.format {
        Some(format) => format,
        None => Format::sniff(&file, path)?,
    };
    if !options.drop_outside {
        let (stream, is_measured) = events(file, format, options, path)?;
        return Ok(Recording { stream, is_measured, dropped_outside: 0 });
    }
    // Only a recording that has such events is decoded again, on the largest sensor.
    let error = match events(Cow::Borrowed(&*file), format, options, path) {
        Ok((stream, is_measured)) => {
            return Ok(Recording { stream, is_measured, dropped_outside: 0 });
        }
        Err(error) => error,
    };
    let Error::Format { fault: FormatFault::OutOfSensor { width, height, .. }, .. } = error else {
        return Err(error);
    };
    let most = u16::try_from(limits.side).unwrap_or(u16::MAX);
    // The origin of an AEDAT 2.0 window is at the lower left.
    let sensor = if format == Format::Aedat2 { super::aedat2::DVS128 } else { (most, most) };
    let wide = EventOptions { sensor: Some(sensor), ..options.clone() };
    let (mut stream, _) = events(file, format, &wide, path)?;
    let upright = format == Format::Aedat2 && !options.as_stored;
    let top = if upright { sensor.1.saturating_sub(height) } else { 0 };
    let all = stream.events.len();
    stream.events.retain_mut(|event| {
        let y = event.y.checked_sub(top).filter(|&y| y < height && event.x < width);
        y.map(|y| event.y = y).is_some()
    });
    (stream.width, stream.height) = (width, height);
    let dropped_outside = (all - stream.events.len()) as u64;
    Ok(Recording { stream, is_measured: false, dropped_outside })
}

/// The events of a file, and whether nobody said its sensor's size.
fn events(
    file: Cow<'_, [u8]>,
    format: Format,
    options: &EventOptions,
    path: &Path,
) -> Result<(EventStream, bool)> {
    let (bytes, sensor, limits) = (&*file, options.sensor, &options.limits);
    let said = |own: Option<(u16, u16)>| sensor.is_none() && own.is_none();
    let unreadable = |remedy: &str| {
        let what = format!("{} as {format}", path.display());
        Err(Error::Unreadable { what, remedy: remedy.into() })
    };
    let forty = |sensor, overflow_markers| {
        atis(bytes, &AtisOptions { sensor, overflow_markers }, limits, path)
    };
    let header = || Ok(super::prophesee::header(bytes, limits, path)?.sensor);
    let measured = said(None);
    Ok(match format {
        Format::Atis => {
            let read = forty(sensor.or(Some(super::atis::N_MNIST)), false);
            // A sensor of more rows takes the markers in, unless both are said.
            let is_sure = read.is_ok()
                && (options.format.is_some() || read.as_ref().is_ok_and(no_marker_fits));
            if !is_sure && let Some(event) = super::atis::overflow_marker(bytes) {
                let fault = FormatFault::OverflowMarker { event: event as u64 };
                return Err(Error::format(path, 5 * event, fault));
            }
            (read?, false)
        }
        Format::AtisOverflow => (forty(sensor, true)?, measured),
        Format::Bs1 => (bs1(bytes, sensor, limits, path)?, measured),
        Format::Bs2 => (forty(sensor, false)?, measured),
        Format::Bs3 => (bs3(bytes, sensor, limits, path)?, measured),
        Format::Aedat2 => {
            let sensor = sensor.unwrap_or(super::aedat2::DVS128);
            let options = Aedat2Options { sensor, as_stored: options.as_stored };
            (aedat2(bytes, &options, limits, path)?, false)
        }
        Format::Aedat3 => {
            (aedat3(bytes, sensor, limits, path)?, said(super::aedat3::camera(bytes)))
        }
        #[cfg(feature = "aedat4")]
        Format::Aedat4 => {
            (super::aedat4(bytes, sensor, limits, path)?, said(super::aedat4::sensor(bytes)))
        }
        #[cfg(not(feature = "aedat4"))]
        Format::Aedat4 => return unreadable("build snn-data with its feature `aedat4`"),
        #[cfg(feature = "hdf5")]
        Format::Hdf5 => {
            super::hdf5::recording(file.into_owned(), sensor, options.index, limits, path)?
        }
        #[cfg(not(feature = "hdf5"))]
        Format::Hdf5 => return unreadable("build snn-data with its feature `hdf5`"),
        Format::Dat => (dat(bytes, sensor, limits, path)?, said(header()?)),
        Format::Evt2 => (evt2(bytes, sensor, limits, path)?, said(header()?)),
        Format::Evt3 => (evt3(bytes, sensor, limits, path)?, said(header()?)),
        Format::Es => (es(bytes, sensor, limits, path)?, false),
        Format::Npy => (read_npy(bytes, sensor, limits, path)?, measured),
        Format::Npz => (npz_events(bytes, sensor, limits, path)?, measured),
        Format::Text => {
            (text(bytes, sensor, limits, path)?, said(super::text::sniff(bytes).flatten()))
        }
        Format::Idx | Format::Cifar10 | Format::Cifar100 => {
            return unreadable("it holds images; name an event format");
        }
    })
}

/// Whether an overflow marker of N-Caltech101 would lie outside of the sensor.
fn no_marker_fits(stream: &EventStream) -> bool {
    stream.height <= super::atis::OVERFLOW_ROW.into()
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
