//! NumPy's `.npy` with events: a structured array of the fields t, x, y, p, or a plain one of these columns.

use std::path::Path;

use super::numpy::{self, Header};
use super::polarity::Polarities;
use super::sensor::{Room, on_sensor};
use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

/// The recording as a `.npy` file: `[('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', '|u1')]`, p = 1 for
/// ON, times in microseconds.
///
/// # Errors
/// [`Error::Config`] for a coordinate or time that the fields cannot hold.
pub fn write_npy(stream: &EventStream) -> Result<Vec<u8>> {
    Room { format: ".npy", sensor: (1 << 15, 1 << 15), t_us: 1 << 63 }.check(stream)?;
    let n = stream.events.len();
    let descr = "[('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', '|u1')]";
    let mut out = numpy::header(descr, &format!("{n},"));
    out.reserve_exact(13 * n);
    for e in &stream.events {
        out.extend(e.t_us.to_le_bytes());
        out.extend(e.x.to_le_bytes());
        out.extend(e.y.to_le_bytes());
        out.push(e.polarity.into());
    }
    Ok(out)
}

/// Reads a one-dimensional structured array whose fields are t, x, y and p in any order, each a little-endian
/// integer or a boolean, with or without NumPy's padding; or a plain array `[N, 4]` of integers, in either order, whose
/// columns are t, x, y and p, as Tonic's POKER-DVS. p is 0 and 1, -1 and 1, or a truth value. Rows are counted from the top. The sensor is the smallest that holds all events when
/// absent.
///
/// # Errors
/// [`Error::Format`] for any other array, other polarities, a negative number where none can be, or an event outside of the sensor.
pub fn read_npy(
    bytes: &[u8],
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    let (header, data) = Header::read(bytes, limits, path)?;
    let start = bytes.len() - data.len();
    let refuse = |at, why| Error::format(path, at, FormatFault::Header { why });
    let (mut fields, n) = fields(&header).map_err(|why| refuse(10, why))?;
    let record = fields.iter().map(|field| field.step).max().unwrap_or(1);
    check(path, "events", n, limits.events)?;
    let (need, have) = (n.saturating_mul(record as u64), data.len() as u64);
    if need > have {
        let fault = FormatFault::Truncated { what: "the array", need, have };
        return Err(Error::format(path, start, fault));
    }
    let n = usize::try_from(n).unwrap_or(0);
    if need < have {
        let fault = FormatFault::Trailing { what: "record of the array", extra: have - need };
        return Err(Error::format(path, start + n * record, fault));
    }
    if header.fortran_order && header.shape.len() == 2 {
        for field in &mut fields {
            (field.place, field.step) = (field.place * n, field.size);
        }
    }
    let first = fields.iter().map(|field| (field.place, field.step)).next().unwrap_or((0, 0));
    let offset = |i| start + first.0 + i * first.1;
    let why = "an event's time or position is negative or too large; save pixels from 0 and times in microseconds";
    let mut events = Vec::with_capacity(n);
    let mut seen = Polarities::default();
    for i in 0..n {
        events.push(event(data, i, &fields, &mut seen).ok_or_else(|| refuse(offset(i), why))?);
    }
    let of_p = fields.iter().find(|field| field.name == b'p');
    let all = of_p.into_iter().flat_map(|field| (0..n).filter_map(|i| field.value(data, i)));
    seen.check(all.map(|(value, negative)| number(value, negative)), path, start)?;
    on_sensor(events, sensor, limits, path, offset)
}

/// Where one number of the events lies.
struct Field {
    name: u8,
    signed: bool,
    size: usize,
    /// Bytes before the first event's.
    place: usize,
    /// Bytes from one event's to the next's.
    step: usize,
}

impl Field {
    /// The bits of the `i`th event's number, filled up with its sign, and whether that is negative.
    #[inline]
    fn value(&self, data: &[u8], i: usize) -> Option<(u64, bool)> {
        let value = data.get(self.place + i * self.step..)?.get(..self.size)?;
        let negative = self.signed && value.last().is_some_and(|&high| high >= 0x80);
        let sign = if negative { u64::MAX } else { 0 };
        Some((value.iter().rev().fold(sign, |n, &byte| n << 8 | u64::from(byte)), negative))
    }
}

/// The number of such bits.
#[inline]
fn number(bits: u64, negative: bool) -> f64 {
    // Rounded past 2^53, where no polarity is.
    if negative { -(bits.wrapping_neg() as f64) } else { bits as f64 }
}

/// The fields of an array in row order, and the number of its records.
fn fields(header: &Header) -> std::result::Result<(Vec<Field>, u64), &'static str> {
    const KIND: &str = "an array with the integer fields or columns t, x, y, p is needed";
    let Some(list) = header.descr.strip_prefix('[') else {
        let [n, 4] = header.shape[..] else { return Err(KIND) };
        let (signed, size) = integer(header.descr.trim_matches('\'')).ok_or(KIND)?;
        let column =
            |(name, place)| Field { name, signed, size, place: place * size, step: 4 * size };
        return Ok((b"txyp".iter().copied().zip(0..).map(column).collect(), n));
    };
    let [n] = header.shape[..] else { return Err(KIND) };
    let (mut fields, mut record) = (Vec::<Field>::new(), 0usize);
    let list = list.trim_end_matches(']');
    for entry in list.split("),").map(|entry| entry.trim_matches(['(', ')', ','])) {
        let (name, kind) = entry.split_once(',').ok_or(KIND)?;
        let kind = kind.trim_matches('\'');
        record += match *name.trim_matches('\'').as_bytes() {
            [name @ (b't' | b'x' | b'y' | b'p')] => {
                let (signed, size) = integer(kind).ok_or(KIND)?;
                if fields.iter().any(|field| field.name == name) {
                    return Err(KIND);
                }
                fields.push(Field { name, signed, size, place: record, step: 0 });
                size
            }
            [] => {
                // Padding: an aligned record is at most 64 bytes, so that it is short.
                let size = kind.strip_prefix("|V").and_then(|size| size.parse().ok());
                size.filter(|size| (1..64).contains(size)).ok_or(KIND)?
            }
            _ => return Err(KIND),
        };
    }
    if fields.len() != 4 {
        return Err(KIND);
    }
    fields.iter_mut().for_each(|field| field.step = record);
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

/// The `i`th event, unless one of its numbers cannot be.
#[inline]
fn event(data: &[u8], i: usize, fields: &[Field], seen: &mut Polarities) -> Option<Event> {
    let mut event = Event::default();
    for field in fields {
        let (unsigned, negative) = field.value(data, i)?;
        match field.name {
            // SpikingJelly and others write -1 for OFF.
            b'p' => event.polarity = seen.see(number(unsigned, negative)),
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
    use super::super::numpy::write;
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
        let descr = "[('x', '|u1'), ('p', '<i4'), ('', '|V2'), ('t', '<u4'), ('y', '<u2')]";
        let values = [9, 0xff, 0xff, 0xff, 0xff, 7, 7, 1, 1, 0, 0, 2, 0];
        for order in ["False", "True"] {
            let events = read(&write(descr, order, "1,", &values)).unwrap().events;
            assert_eq!(events, [Event { t_us: 257, x: 9, y: 2, polarity: false }]);
        }
    }

    #[test]
    fn columns_read_in_both_orders() {
        let rows = [1, 1, 9, 0, 2, 0, 1, 0, 0, 0, 3, 0, 4, 0, 0, 0];
        // As of np.stack([t, x, y, p]).T.
        let columns = [1, 1, 0, 0, 9, 0, 3, 0, 2, 0, 4, 0, 1, 0, 0, 0];
        for (order, values) in [("False", &rows), ("True", &columns)] {
            let events = read(&write("'<u2'", order, "2, 4", values)).unwrap().events;
            let second = Event { t_us: 0, x: 3, y: 4, polarity: false };
            assert_eq!(events, [Event { t_us: 257, x: 9, y: 2, polarity: true }, second]);
            for (kind, shape) in
                [("<f2", "2, 4"), ("<u2", "4, 2"), ("<u2", "8,"), ("<u2", "3, 4"), (">u2", "2, 4")]
            {
                let other = write(&format!("'{kind}'"), order, shape, values);
                assert!(read(&other).is_err(), "{kind} {shape}");
            }
        }
        // The second event's x is negative; its time is the second of a column, or begins a row.
        for (order, mut values, x, t) in [("False", rows, 10, 8), ("True", columns, 6, 2)] {
            values[x + 1] = 0x80;
            let bytes = write("'<i2'", order, "2, 4", &values);
            let error = read(&bytes).unwrap_err().to_string();
            let at = format!("(at byte {})", bytes.len() - values.len() + t);
            assert!(error.contains("negative") && error.ends_with(&at), "{error}");
        }
    }

    #[test]
    fn surplus_is_not_called_a_lack() {
        let whole = write("'|u1'", "False", "1, 4", &[5, 1, 2, 1]);
        assert_eq!(read(&whole).unwrap().events.len(), 1);
        let fault = |bytes: &[u8]| match read(bytes) {
            Err(Error::Format { offset, fault, .. }) => (offset, fault),
            other => panic!("{other:?}"),
        };
        let longer = [&whole[..], &[0; 3]].concat();
        let what = "record of the array";
        let end = whole.len() as u64;
        assert_eq!(fault(&longer), (end, FormatFault::Trailing { what, extra: 3 }));
        let what = "the array";
        let shorter = &whole[..whole.len() - 1];
        assert_eq!(fault(shorter), (end - 4, FormatFault::Truncated { what, need: 4, have: 3 }));
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
