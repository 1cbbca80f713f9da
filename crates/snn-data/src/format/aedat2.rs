//! AEDAT 2.0 as a DVS128 records it: POKER-DVS and CIFAR10-DVS.

use std::path::Path;

use super::header::text_header;
use super::sensor::{Clock, Room, outside, records};
use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

/// How AEDAT 2.0 is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aedat2Options {
    /// Columns and rows: all of the DVS128, or a window that begins at address 0.
    pub sensor: (u16, u16),
    /// Rows as the addresses count them, from below.
    pub as_stored: bool,
}

/// The sensor that the address layout belongs to.
pub(super) const DVS128: (u16, u16) = (128, 128);

pub(super) const MAGIC: &[u8] = b"#!AER-DAT2";

/// Reads lines that begin with `#`, then records of big-endian u32 address and u32 time in
/// microseconds.
///
/// Address: bit 0 polarity by jAER's convention (0 = ON), bits 1-7 x, bits 8-14 y, bit 15 a special event, which is
/// left out and counted. Times need not begin at 0; where the clock of 32 bits begins anew they go on. A window of the
/// sensor, such as POKER-DVS's 35x35, begins at address 0.
///
/// Addresses count rows from below: row is last row - y. `options.as_stored` leaves them as they are, as SpikingJelly and
/// Tonic read such files.
///
/// DIFFERS: jAER mirrors columns too, column 127 - x: [`EventStream::flip_x`] does so.
///
/// # Errors
/// [`Error::Format`] for another version, a header line without an end, a partial record, an address of another
/// sensor or an event outside of `sensor`; [`Error::Limit`] past `limits.header_bytes` or `limits.events`.
pub fn aedat2(
    bytes: &[u8],
    options: &Aedat2Options,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    if !bytes.starts_with(MAGIC) {
        let fault = FormatFault::Magic { expected: "an AEDAT 2.0 file" };
        return Err(Error::format(path, 0, fault));
    }
    let start = text_header(bytes, |line| line.starts_with(b"#"), limits, path)?;
    let records = records::<8>(bytes, start, "8-byte AEDAT event", path)?;
    check(path, "events", records.len() as u64, limits.events)?;
    let (width, height) = options.sensor;
    check(path, "side", u64::from(width.max(height)), limits.side)?;
    let mut stream = EventStream { width, height, events: Vec::new(), skipped_special: 0 };
    stream.events.reserve_exact(records.len());
    let mut clock = Clock::default();
    let last_y = last_row(options.sensor);
    for (i, &[a, b, c, d, rest @ ..]) in records.iter().enumerate() {
        let address = u32::from_be_bytes([a, b, c, d]);
        if address & 0x8000 != 0 {
            stream.skipped_special += 1;
            continue;
        }
        if address >> 16 != 0 {
            let fault = FormatFault::Address { event: i as u64, address };
            return Err(Error::format(path, start + 8 * i, fault));
        }
        let (x, y) = (u16::from(d >> 1), u16::from(c & 0x7f));
        if x >= width || y >= height {
            return Err(outside(path, i, start + 8 * i, (x, y), options.sensor));
        }
        let y = if options.as_stored { y } else { last_y.saturating_sub(y) };
        let t_us = clock.time(u32::from_be_bytes(rest));
        stream.events.push(Event { t_us, x, y, polarity: d & 1 == 0 });
    }
    Ok(stream)
}

/// The last row that a window of that size has on a DVS128.
fn last_row((_, height): (u16, u16)) -> u16 {
    height.min(DVS128.1).saturating_sub(1)
}

/// The recording as a DVS128's AEDAT 2.0 file, which [`aedat2`] reads upright on a sensor of that size.
///
/// # Errors
/// [`Error::Config`] for an event past column or row 127, below the sensor or past 2^32 us, or times that fall by more than 2^31 us.
pub fn write_aedat2(stream: &EventStream) -> Result<Vec<u8>> {
    let last_y = last_row((stream.width, stream.height));
    let sensor = (128, u32::from(last_y) + 1);
    Room { format: "AEDAT 2.0 of a DVS128", sensor, t_us: 1 << 32 }.check(stream)?;
    Clock::holds(stream)?;
    let mut out =
        b"#!AER-DAT2.0\r\n# DVS128: 32 bits of address, 32 bits of microseconds\r\n".to_vec();
    for e in &stream.events {
        let y = last_y.saturating_sub(e.y);
        let address = u32::from(y) << 8 | u32::from(e.x) << 1 | u32::from(!e.polarity);
        let [_, _, _, _, t_us @ ..] = e.t_us.to_be_bytes();
        out.extend(address.to_be_bytes());
        out.extend(t_us);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENSOR: (u16, u16) = (35, 35);

    fn read(records: &[[u32; 2]]) -> Result<EventStream> {
        let mut bytes = b"#!AER-DAT2.0\r\n# made by hand\r\n".to_vec();
        bytes.extend(records.iter().flatten().flat_map(|word| word.to_be_bytes()));
        let options = Aedat2Options { sensor: SENSOR, as_stored: true };
        aedat2(&bytes, &options, &Limits::default(), Path::new("x.aedat"))
    }

    #[test]
    fn addresses_split_into_their_fields() {
        let stream = read(&[[7 << 8 | 5 << 1, 1000], [34 << 8 | 34 << 1 | 1, 999]]).unwrap();
        let [a, b] = stream.events[..] else { panic!() };
        assert_eq!(a, Event { t_us: 1000, x: 5, y: 7, polarity: true });
        assert_eq!(b, Event { t_us: 999, x: 34, y: 34, polarity: false });
    }

    /// The first address is the lower left corner.
    #[test]
    fn the_picture_is_upright_on_every_window() {
        let file = |sensor: (u16, u16)| {
            let events = [(0, 0), (sensor.0 - 1, 0), (2, 1)];
            let event = |(x, y)| Event { t_us: 7, x, y, polarity: true };
            EventStream {
                width: sensor.0,
                height: sensor.1,
                events: events.map(event).to_vec(),
                skipped_special: 0,
            }
        };
        for (sensor, corner) in [((128, 128), 127), ((35, 35), 34), ((128, 3), 2)] {
            let bytes = write_aedat2(&file(sensor)).unwrap();
            let read = |as_stored| {
                let options = Aedat2Options { sensor, as_stored };
                aedat2(&bytes, &options, &Limits::default(), Path::new("x")).unwrap()
            };
            assert_eq!(read(false), file(sensor));
            let raw = read(true).events;
            assert_eq!((raw[0].x, raw[0].y), (0, corner));
            assert_eq!((raw[2].x, raw[2].y), (2, corner - 1));
        }
        // A recording of a larger sensor that lies on the DVS128's pixels.
        let wide = EventStream { width: 240, height: 180, ..file((128, 128)) };
        let bytes = write_aedat2(&wide).unwrap();
        let options = Aedat2Options { sensor: (240, 180), as_stored: false };
        let again = aedat2(&bytes, &options, &Limits::default(), Path::new("x"));
        assert_eq!(again.unwrap(), wide);
    }

    #[test]
    fn clock_begins_anew() {
        let times = |times: &[u32]| -> Vec<u64> {
            let records: Vec<[u32; 2]> = times.iter().map(|&t| [0, t]).collect();
            read(&records).unwrap().events.iter().map(|e| e.t_us).collect()
        };
        let (last, range) = (u32::MAX, 1 << 32);
        // An event of before the new beginning may come after it.
        assert_eq!(
            times(&[last, 3, last, 4, 9]),
            [range - 1, range + 3, range - 1, range + 4, range + 9]
        );
        // A small step back is a step back.
        assert_eq!(times(&[1 << 31, 0, 5]), [1 << 31, 0, 5]);
        assert_eq!(times(&[0, last, 1]), [0, range - 1, range + 1]);
        let events = [1 << 31, 0].map(|t_us| Event { t_us, ..Event::default() }).to_vec();
        let stream = EventStream { width: 1, height: 1, events, skipped_special: 0 };
        assert!(write_aedat2(&stream).is_ok());
        let events = [(1 << 31) + 1, 0].map(|t_us| Event { t_us, ..Event::default() }).to_vec();
        let error = write_aedat2(&EventStream { events, ..stream }).unwrap_err().to_string();
        assert!(error.contains("event 1") && error.contains("sort"), "{error}");
    }

    #[test]
    fn special_events_are_counted_and_foreign_ones_refused() {
        let stream = read(&[[0x8000, 1], [0xffff, 2], [0, 3]]).unwrap();
        assert_eq!((stream.events.len(), stream.skipped_special), (1, 2));
        let error = read(&[[0, 0], [0x10000, 0]]).unwrap_err().to_string();
        assert!(error.contains("0x00010000") && error.contains("event 1"), "{error}");
        assert!(read(&[[35 << 1, 0]]).unwrap_err().to_string().contains("(35, 0)"));
    }

    #[test]
    fn headers_are_bounded() {
        let limits = Limits { header_bytes: 100, ..Limits::default() };
        let options = Aedat2Options { sensor: SENSOR, as_stored: true };
        let read = |bytes: &[u8]| aedat2(bytes, &options, &limits, Path::new("x"));
        assert!(read(b"#!AER-DAT2.0\n").unwrap().events.is_empty());
        assert!(matches!(read(b"#!AER-DAT2.0"), Err(Error::Format { .. })));
        let mut long = b"#!AER-DAT2.0\n#".to_vec();
        long.resize(5000, b'a');
        assert!(matches!(read(&long), Err(Error::Limit { what: "header_bytes", .. })));
        assert!(matches!(read(b"#!AER-DAT3.1\r\n"), Err(Error::Format { offset: 0, .. })));
    }
}
