//! Event Stream 2 (`.es`): times as differences, events of a DVS.

use std::path::Path;

use super::sensor::{Room, outside};
use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

/// First bytes of any version.
pub(super) const MAGIC: &[u8] = b"Event Stream";
const DVS: u8 = 1;
/// In the place of an event's first byte: 127 us pass.
const OVERFLOW: u8 = 0xff;
/// In the place of an event's first byte: nothing; it lets a reader of a broken line find its place again.
const RESET: u8 = 0xfe;

/// Reads `Event Stream`, the version 2.x.x, the type 1 (DVS), columns and rows as little-endian u16, then events: a byte
/// of microseconds since the last event (bits 1-7, below 127) and polarity (bit 0), x and y as little-endian u16.
///
/// The format does not say where its origin is; rows are taken as counted from the top.
///
/// # Errors
/// [`Error::Format`] for another version or type, an event that is cut off or outside of the sensor; [`Error::Limit`]
/// past `limits`.
pub fn es(
    bytes: &[u8],
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    let magic = || Error::format(path, 0, FormatFault::Magic { expected: "an Event Stream file" });
    let refuse = |at, why| Error::format(path, at, FormatFault::Header { why });
    let (&[major, _, _, kind], rest) =
        bytes.strip_prefix(MAGIC).and_then(<[u8]>::split_first_chunk).ok_or_else(magic)?;
    let why = match (major, kind) {
        (2, DVS) => "",
        (2, 0) => "generic events (type 0) have no pixels; a DVS stream (type 1) is needed",
        (2, 2) => "ATIS events (type 2) are not read; write them as a DVS stream (type 1)",
        (2, 3) => "AMD events (type 3) are not read; write them as a DVS stream (type 1)",
        (2, 4) => "color events (type 4) are not read; write them as a DVS stream (type 1)",
        (2, _) => "an unknown type of events; a DVS stream (type 1) is needed",
        _ => "another version; only Event Stream 2 is read",
    };
    if !why.is_empty() {
        return Err(refuse(MAGIC.len() + if major == 2 { 3 } else { 0 }, why));
    }
    let (&[w0, w1, h0, h1], mut rest) = rest.split_first_chunk().ok_or_else(|| {
        refuse(bytes.len(), "the sensor's size is cut off; fetch or save the file again")
    })?;
    let own = (u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1]));
    let (width, height) = sensor.unwrap_or(own);
    check(path, "side", u64::from(width.max(height)), limits.side)?;
    // An event takes five bytes.
    let most = usize::try_from(limits.events).unwrap_or(usize::MAX);
    let mut events = Vec::with_capacity((rest.len() / 5).min(most));
    let mut t_us = 0u64;
    while let [first, after @ ..] = rest {
        let at = bytes.len() - rest.len();
        match *first {
            OVERFLOW => {
                t_us += 127;
                rest = after;
            }
            RESET => rest = after,
            first => {
                let Some((&[x0, x1, y0, y1], after)) = after.split_first_chunk() else {
                    let (what, have) = ("an event", rest.len() as u64);
                    return Err(Error::format(
                        path,
                        at,
                        FormatFault::Truncated { what, need: 5, have },
                    ));
                };
                let (x, y) = (u16::from_le_bytes([x0, x1]), u16::from_le_bytes([y0, y1]));
                if x >= width || y >= height {
                    return Err(outside(path, events.len(), at, (x, y), (width, height)));
                }
                if events.len() == most {
                    check(path, "events", events.len() as u64 + 1, limits.events)?;
                }
                t_us += u64::from(first >> 1);
                events.push(Event { t_us, x, y, polarity: first & 1 != 0 });
                rest = after;
            }
        }
    }
    Ok(EventStream { width, height, events, skipped_special: 0 })
}

/// The recording as such a file.
///
/// # Errors
/// [`Error::Config`] for times that fall or pass 2^32 us.
pub fn write_es(stream: &EventStream) -> Result<Vec<u8>> {
    Room { format: "Event Stream", sensor: (1 << 16, 1 << 16), t_us: 1 << 32 }.check(stream)?;
    if !stream.events.is_sorted_by_key(|e| e.t_us) {
        let why = "Event Stream holds times that never fall; sort the recording";
        return Err(Error::config("events", why));
    }
    let mut out = [MAGIC, &[2, 0, 0, DVS]].concat();
    out.extend(stream.width.to_le_bytes());
    out.extend(stream.height.to_le_bytes());
    let mut last = 0;
    for e in &stream.events {
        let pause = e.t_us - last;
        out.extend(std::iter::repeat_n(OVERFLOW, usize::try_from(pause / 127).unwrap_or(0)));
        let [rest, ..] = (pause % 127).to_le_bytes();
        out.push(rest << 1 | u8::from(e.polarity));
        out.extend(e.x.to_le_bytes());
        out.extend(e.y.to_le_bytes());
        last = e.t_us;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tail: &[u8]) -> Result<EventStream> {
        let bytes = [b"Event Stream\x02\0\0\x01\x04\x01\x09\0", tail].concat();
        es(&bytes, None, &Limits::default(), Path::new("x.es"))
    }

    #[test]
    fn times_add_up() {
        let stream = read(&[0x01, 3, 1, 8, 0, 0xfe, 0xff, 0xff, 0xfc, 0, 0, 0, 0]).unwrap();
        assert_eq!((stream.width, stream.height), (260, 9));
        let first = Event { t_us: 0, x: 259, y: 8, polarity: true };
        assert_eq!(stream.events, [first, Event { t_us: 254 + 126, ..Event::default() }]);
    }

    #[test]
    fn damage_is_placed() {
        let error = read(&[1, 0, 0, 0, 0, 1, 0]).unwrap_err().to_string();
        assert!(
            error.contains("needs 5 bytes and 2 are left") && error.contains("byte 25"),
            "{error}"
        );
        let error = read(&[1, 0, 0, 0, 0, 1, 4, 1, 0, 0]).unwrap_err().to_string();
        assert!(error.contains("event 1 at (260, 0)") && error.contains("byte 25"), "{error}");
        for (bytes, what) in [
            (&b"Event Stream\x02\0\0\x02"[..], "ATIS"),
            (b"Event Stream\x02\0\0\x01\x04", "cut off"),
            (b"Event Stream\x01\0\0\x01\0\0\0\0", "version"),
            (b"Event Stream\x02", "not an Event Stream"),
        ] {
            let error =
                es(bytes, None, &Limits::default(), Path::new("x")).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        }
    }
}
