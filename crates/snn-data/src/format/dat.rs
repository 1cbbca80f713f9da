//! Prophesee's DAT, version 2: N-CARS and the automotive data sets.

use std::path::Path;

use super::prophesee::header;
use super::sensor::{Clock, Room, on_sensor, records};
use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

/// Reads lines that begin with `%`, a byte with the kind of event, a byte with its size (8), then little-endian records:
/// u32 time in microseconds, u32 of x (bits 0-13), y (14-27) and polarity (28).
///
/// Rows are counted from the top. The sensor is `sensor`, else the header's, else the smallest that holds all events. Where the clock of 32 bits begins
/// anew, times go on.
///
/// # Errors
/// [`Error::Format`] for another version or kind, a partial record or an event outside of the sensor, [`Error::Limit`]
/// past `limits`.
pub fn dat(
    bytes: &[u8],
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    let header = header(bytes, limits, path)?;
    let refuse = |why| Error::format(path, header.len, FormatFault::Header { why });
    if header.dat != Some(2) {
        return Err(refuse("a DAT file of version 2 is needed, `% Version 2`"));
    }
    // 12 is what later software writes for the same events.
    let [0 | 12, 8, ..] = bytes.get(header.len..).unwrap_or(&[]) else {
        return Err(refuse(
            "changes of 8 bytes, kind 0 or 12, are needed; other kinds are not read",
        ));
    };
    let start = header.len + 2;
    let records = records::<8>(bytes, start, "8-byte DAT event", path)?;
    check(path, "events", records.len() as u64, limits.events)?;
    let mut clock = Clock::default();
    let events = records.iter().map(|record| event(record, &mut clock)).collect();
    on_sensor(events, sensor.or(header.sensor), limits, path, |i| start + 8 * i)
}

#[inline]
fn event(&[t0, t1, t2, t3, a, b, c, d]: &[u8; 8], clock: &mut Clock) -> Event {
    let y = u16::from(b >> 6) | u16::from(c) << 2 | u16::from(d & 0xf) << 10;
    Event {
        t_us: clock.time(u32::from_le_bytes([t0, t1, t2, t3])),
        x: u16::from_le_bytes([a, b & 0x3f]),
        y,
        polarity: d & 0x10 != 0,
    }
}

/// The recording as such a file, with the sensor's size in its header.
///
/// # Errors
/// [`Error::Config`] for an event past column or row 2^14 or past 2^32 us, or times that fall by more than 2^31 us.
pub fn write_dat(stream: &EventStream) -> Result<Vec<u8>> {
    Room { format: "DAT", sensor: (1 << 14, 1 << 14), t_us: 1 << 32 }.check(stream)?;
    Clock::holds(stream)?;
    let (width, height) = (stream.width, stream.height);
    let text = format!(
        "% Data file containing changes\n% Version 2\n% Height {height}\n% Width {width}\n"
    );
    let mut out = text.into_bytes();
    out.extend([0, 8]);
    for e in &stream.events {
        let [t_us @ .., _, _, _, _] = e.t_us.to_le_bytes();
        let address = u32::from(e.polarity) << 28 | u32::from(e.y) << 14 | u32::from(e.x);
        out.extend(t_us);
        out.extend(address.to_le_bytes());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<EventStream> {
        dat(bytes, None, &Limits::default(), Path::new("x.dat"))
    }

    #[test]
    fn literal_reads() {
        let mut bytes = b"% Version 2\n\x00\x08".to_vec();
        bytes.extend([0, 0, 0, 0, 0x19, 0x00, 0x02, 0x00]);
        bytes.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f]);
        let limits = Limits::default();
        let stream = dat(&bytes, Some((16_384, 16_384)), &limits, Path::new("x.dat")).unwrap();
        assert_eq!(stream.events[0], Event { t_us: 0, x: 25, y: 8, polarity: false });
        let last = Event { t_us: u32::MAX.into(), x: 16_383, y: 16_383, polarity: true };
        assert_eq!(stream.events[1], last);
        assert_eq!(read(&bytes[..22]).unwrap().width, 26);
        let error = read(&bytes[..25]).unwrap_err().to_string();
        assert!(error.contains("3 bytes are left") && error.contains("(at byte 22)"), "{error}");
    }

    #[test]
    fn other_versions_and_kinds_are_refused() {
        for text in [
            &b"% Version 1\n\x00\x08"[..],
            b"% a\n\x00\x08",
            b"% Version 2\n\x0e\x08",
            b"% Version 2\n\x00",
        ] {
            assert!(read(text).is_err());
        }
        assert!(read(b"% Version 2\n\x0c\x08").unwrap().events.is_empty());
        let sized = b"% Version 2\n% Width 20\n% Height 9\n\x00\x08\0\0\0\0\x19\0\x02\0";
        assert!(read(sized).unwrap_err().to_string().contains("20x9"));
    }
}
