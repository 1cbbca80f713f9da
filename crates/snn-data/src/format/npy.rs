//! NumPy's `.npy` with events: a structured array of the fields t, x, y, p, or a plain one of these columns.

use std::path::Path;

use super::sensor::{Room, on_sensor};
use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The recording as a `.npy` file: `[('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', '|u1')]`, p = 1 for
/// ON, times in microseconds.
///
/// # Errors
/// [`Error::Config`] for a coordinate or time that the fields cannot hold.
pub fn write_npy(stream: &EventStream) -> Result<Vec<u8>> {
    Room { format: ".npy", sensor: (1 << 15, 1 << 15), t_us: 1 << 63 }.check(stream)?;
    let n = stream.events.len();
    let mut header = format!(
        "{{'descr': [('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', '|u1')], \
         'fortran_order': False, 'shape': ({n},), }}"
    );
    // The values begin at a multiple of 64, after a newline.
    let padded = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.push_str(&" ".repeat(padded - header.len() - 1));
    header.push('\n');
    let mut out = Vec::with_capacity(10 + padded + 13 * n);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[1, 0]);
    out.extend(u16::try_from(padded).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(header.as_bytes());
    for e in &stream.events {
        out.extend(e.t_us.to_le_bytes());
        out.extend(e.x.to_le_bytes());
        out.extend(e.y.to_le_bytes());
        out.push(e.polarity.into());
    }
    Ok(out)
}

/// Reads a one-dimensional structured array whose fields are t, x, y and p in any order, each a little-endian
/// integer or a boolean, with or without NumPy's padding; or a plain array `[N, 4]` of integers whose columns are t, x, y and
/// p, as Tonic's POKER-DVS. p > 0 is ON. The sensor is the smallest that holds all events when absent.
///
/// # Errors
/// [`Error::Format`] for any other array, a negative number where none can be, or an event outside of the sensor.
pub fn read_npy(
    bytes: &[u8],
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    let (header, data) = split(bytes, limits, path)?;
    let start = bytes.len() - data.len();
    let refuse = |why| Error::format(path, 10, FormatFault::Header { why });
    let (fields, n) = parse(header).map_err(refuse)?;
    let record: usize = fields.iter().map(|field| field.size).sum();
    check(path, "events", n, limits.events)?;
    let need = n.saturating_mul(record as u64);
    if need != data.len() as u64 || record == 0 {
        let (what, have) = ("the array", data.len() as u64);
        return Err(Error::format(path, start, FormatFault::Truncated { what, need, have }));
    }
    let mut events = Vec::with_capacity(data.len() / record);
    for (i, bytes) in data.chunks_exact(record).enumerate() {
        let offset = start + i * record;
        let why = "an event's time or position is negative or too large; fetch the file again";
        let event = event(bytes, &fields);
        let refused = || Error::format(path, offset, FormatFault::Header { why });
        let event = event.ok_or_else(refused)?;
        events.push(event);
    }
    on_sensor(events, sensor, limits, path, |i| start + i * record)
}

/// The name of bytes that hold nothing.
const PADDING: u8 = 0;

/// One field of a record.
struct Field {
    name: u8,
    signed: bool,
    size: usize,
}

/// The header's text and the values.
pub(super) fn split<'a>(
    bytes: &'a [u8],
    limits: &Limits,
    path: &Path,
) -> Result<(&'a str, &'a [u8])> {
    let magic = || Error::format(path, 0, FormatFault::Magic { expected: "a .npy file" });
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(magic)?;
    let truncated = |need, have: usize| {
        let (what, have) = ("the header", have as u64);
        Error::format(path, 6, FormatFault::Truncated { what, need, have })
    };
    let (len, rest) = match *rest {
        [1, 0, a, b, ref rest @ ..] => (u64::from(u16::from_le_bytes([a, b])), rest),
        [2 | 3, 0, a, b, c, d, ref rest @ ..] => (u32::from_le_bytes([a, b, c, d]).into(), rest),
        _ => return Err(truncated(6, rest.len())),
    };
    check(path, "header_bytes", len, limits.header_bytes)?;
    let cut = usize::try_from(len).ok().and_then(|len| rest.split_at_checked(len));
    let (header, data) = cut.ok_or_else(|| truncated(len, rest.len()))?;
    let why = "not text; fetch the file again";
    let text = std::str::from_utf8(header)
        .map_err(|_| Error::format(path, 10, FormatFault::Header { why }))?;
    Ok((text, data))
}

/// The fields and the number of records of a header such as [`write_npy`] makes.
fn parse(header: &str) -> std::result::Result<(Vec<Field>, u64), &'static str> {
    const KIND: &str = "an array with the integer fields or columns t, x, y, p is needed";
    let text: String = header.chars().filter(|c| !c.is_whitespace()).collect();
    let after = |key: &str| text.split_once(key).map(|(_, rest)| rest);
    if after("'fortran_order':").is_none_or(|rest| !rest.starts_with("False")) {
        return Err(KIND);
    }
    let shape = after("'shape':(").and_then(|rest| rest.split_once(')')).ok_or(KIND)?.0;
    if let Some((kind, _)) = after("'descr':'").and_then(|rest| rest.split_once('\'')) {
        let n = shape.strip_suffix(",4").and_then(|n| n.parse().ok()).ok_or(KIND)?;
        let (signed, size) = integer(kind).ok_or(KIND)?;
        let columns = [b't', b'x', b'y', b'p'].map(|name| Field { name, signed, size });
        return Ok((columns.into(), n));
    }
    let n: u64 = shape.trim_end_matches(',').parse().map_err(|_| KIND)?;
    let descr = after("'descr':[").and_then(|rest| rest.split_once(']')).ok_or(KIND)?.0;
    let mut fields = Vec::new();
    for entry in descr.split("),").map(|entry| entry.trim_matches(['(', ')', ','])) {
        let (name, kind) = entry.split_once(',').ok_or(KIND)?;
        let kind = kind.trim_matches('\'');
        let name = match *name.trim_matches('\'').as_bytes() {
            [name @ (b't' | b'x' | b'y' | b'p')] => name,
            [] => {
                // An aligned record is at most 64 bytes, so that its padding is short.
                let size = kind.strip_prefix("|V").and_then(|size| size.parse().ok());
                let size = size.filter(|size| (1..64).contains(size)).ok_or(KIND)?;
                fields.push(Field { name: PADDING, signed: false, size });
                continue;
            }
            _ => return Err(KIND),
        };
        let (signed, size) = integer(kind).ok_or(KIND)?;
        if fields.iter().any(|field: &Field| field.name == name) {
            return Err(KIND);
        }
        fields.push(Field { name, signed, size });
    }
    if fields.iter().filter(|field| field.name != PADDING).count() != 4 {
        return Err(KIND);
    }
    Ok((fields, n))
}

/// Whether an integer or boolean may be negative, and its bytes.
fn integer(kind: &str) -> Option<(bool, usize)> {
    Some(match kind.trim_start_matches(['<', '|']) {
        "i1" => (true, 1),
        "i2" => (true, 2),
        "i4" => (true, 4),
        "i8" => (true, 8),
        "b1" | "u1" => (false, 1),
        "u2" => (false, 2),
        "u4" => (false, 4),
        "u8" => (false, 8),
        _ => return None,
    })
}

/// The event of a record, unless one of its numbers cannot be.
fn event(mut bytes: &[u8], fields: &[Field]) -> Option<Event> {
    let mut event = Event::default();
    for field in fields {
        let (value, rest) = bytes.split_at_checked(field.size)?;
        bytes = rest;
        let unsigned = value.iter().rev().fold(0u64, |n, &byte| n << 8 | u64::from(byte));
        let negative = field.signed && value.last().is_some_and(|&high| high >= 0x80);
        match field.name {
            PADDING => {}
            // SpikingJelly and others write -1 for OFF.
            b'p' => event.polarity = unsigned > 0 && !negative,
            _ if negative => return None,
            b't' => event.t_us = unsigned,
            b'x' => event.x = u16::try_from(unsigned).ok()?,
            _ => event.y = u16::try_from(unsigned).ok()?,
        }
    }
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<EventStream> {
        read_npy(bytes, None, &Limits::default(), Path::new("x.npy"))
    }

    fn sample() -> EventStream {
        let event = |i: u16| Event { t_us: 7 * u64::from(i), x: i, y: 3, polarity: i % 2 == 1 };
        let events = (0..5).map(event).collect();
        EventStream { width: 5, height: 4, events, skipped_special: 0 }
    }

    #[test]
    fn round_trip() {
        let bytes = write_npy(&sample()).unwrap();
        assert_eq!((bytes.len() - 5 * 13) % 64, 0);
        assert_eq!(read(&bytes).unwrap(), sample());
        let none = EventStream::default();
        assert_eq!(read(&write_npy(&none).unwrap()).unwrap(), none);
    }

    #[test]
    fn other_field_orders_and_types_read() {
        let header = "{'descr': [('x', '|u1'), ('p', '<i4'), ('t', '<u4'), ('y', '<u2')], 'fortran_order': False, 'shape': (1,), }\n";
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0, u8::try_from(header.len()).unwrap(), 0]);
        bytes.extend(header.bytes());
        bytes.extend([9, 0xff, 0xff, 0xff, 0xff, 1, 1, 0, 0, 2, 0]);
        let events = read(&bytes).unwrap().events;
        assert_eq!(events, [Event { t_us: 257, x: 9, y: 2, polarity: false }]);
    }

    #[test]
    fn columns_read() {
        let file = |kind: &str, shape: &str, values: &[u8]| {
            let header =
                format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}\n");
            let len = u8::try_from(header.len()).unwrap();
            [MAGIC, &[1, 0, len, 0][..], header.as_bytes(), values].concat()
        };
        let values = [1, 1, 9, 0, 2, 0, 1, 0, 0, 0, 3, 0, 4, 0, 0, 0];
        let events = read(&file("<u2", "2, 4", &values)).unwrap().events;
        let second = Event { t_us: 0, x: 3, y: 4, polarity: false };
        assert_eq!(events, [Event { t_us: 257, x: 9, y: 2, polarity: true }, second]);
        for (kind, shape) in
            [("<f2", "2, 4"), ("<u2", "4, 2"), ("<u2", "8,"), ("<u2", "3, 4"), (">u2", "2, 4")]
        {
            assert!(read(&file(kind, shape, &values)).is_err(), "{kind} {shape}");
        }
    }

    #[test]
    fn other_arrays_are_refused() {
        let bytes = write_npy(&sample()).unwrap();
        for (from, to) in
            [("(5,)", "(6,)"), ("(5,)", "(9,)"), ("<i2", ">i2"), ("'p'", "'q'"), ("'p'", "'x'")]
        {
            let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
            let mut other = bytes.clone();
            other[at..at + to.len()].copy_from_slice(to.as_bytes());
            assert!(read(&other).is_err(), "{from} {to}");
        }
        let mut event = sample();
        event.events[0].x = 40_000;
        assert!(write_npy(&event).is_err());
    }
}
