//! ATIS 40-bit events: N-MNIST, N-Caltech101 and SLAYER's `.bs2`.

use std::path::Path;

use super::sensor::{Room, on_sensor, records};
use crate::limits::check;
use crate::{Event, EventStream, Limits, Result};

/// N-MNIST's sensor.
pub(super) const N_MNIST: (u16, u16) = (34, 34);

/// The row that stands for an overflow of the clock: the first below an ATIS camera's 240.
pub(super) const OVERFLOW_ROW: u8 = 240;
/// What each overflow adds to all later times, in microseconds.
const OVERFLOW_US: u64 = 1 << 13;

/// How ATIS events are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AtisOptions {
    /// Columns and rows; the smallest that hold all events when absent.
    pub sensor: Option<(u16, u16)>,
    /// N-Caltech101: an event with y = 240 adds 2^13 us to all later times and is dropped.
    pub overflow_markers: bool,
}

/// Reads records of 5 bytes without a header: x, y, then big-endian 24 bits: polarity (1 = ON) and
/// 23 bits of time in microseconds.
///
/// Rows are counted from the top. Events keep the file's order, also where times run backwards. An empty file is an empty recording.
///
/// # Errors
/// [`Error::Format`](crate::Error::Format) for a partial record or an event outside of the sensor,
/// [`Error::Limit`](crate::Error::Limit) past `limits.events`.
pub fn atis(
    bytes: &[u8],
    options: &AtisOptions,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    let records = records::<5>(bytes, 0, "5-byte ATIS event", path)?;
    check(path, "events", records.len() as u64, limits.events)?;
    if !options.overflow_markers {
        let events = records.iter().map(event).collect();
        return on_sensor(events, options.sensor, limits, path, |i| 5 * i);
    }
    let mut events = Vec::with_capacity(records.len());
    let mut base_us = 0;
    for record in records {
        if is_marker(record) {
            base_us += OVERFLOW_US;
        } else {
            let event = event(record);
            events.push(Event { t_us: event.t_us + base_us, ..event });
        }
    }
    let offset_of = |i| records.iter().enumerate().filter(|(_, r)| !is_marker(r)).nth(i);
    on_sensor(events, options.sensor, limits, path, |i| offset_of(i).map_or(0, |(at, _)| 5 * at))
}

/// The first event that is an overflow marker.
pub(super) fn overflow_marker(bytes: &[u8]) -> Option<usize> {
    bytes.as_chunks().0.iter().position(is_marker)
}

fn is_marker(record: &[u8; 5]) -> bool {
    record[1] == OVERFLOW_ROW
}

/// The recording as such records, without overflow markers.
///
/// # Errors
/// [`Error::Config`](crate::Error::Config) for an event past column or row 255 or past 2^23 us.
pub fn write_atis(stream: &EventStream) -> Result<Vec<u8>> {
    Room { format: "ATIS 40-bit", sensor: (256, 256), t_us: 1 << 23 }.check(stream)?;
    let record = |e: &Event| {
        let ([_, x], [_, y]) = (e.x.to_be_bytes(), e.y.to_be_bytes());
        let [.., high, middle, low] = e.t_us.to_be_bytes();
        [x, y, u8::from(e.polarity) << 7 | high, middle, low]
    };
    Ok(stream.events.iter().flat_map(record).collect())
}

#[inline]
fn event(&[x, y, high, middle, low]: &[u8; 5]) -> Event {
    let t_us = u64::from(u32::from_be_bytes([0, high & 0x7f, middle, low]));
    Event { t_us, x: x.into(), y: y.into(), polarity: high & 0x80 != 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn read(bytes: &[u8], options: AtisOptions) -> Result<EventStream> {
        atis(bytes, &options, &Limits::default(), Path::new("00002.bin"))
    }

    #[test]
    fn literal_reads() {
        let stream =
            read(&[1, 2, 0x80, 1, 0, 3, 4, 0x7f, 0xff, 0xff], AtisOptions::default()).unwrap();
        let [a, b] = stream.events[..] else { panic!() };
        assert_eq!(a, Event { t_us: 256, x: 1, y: 2, polarity: true });
        assert_eq!(b, Event { t_us: (1 << 23) - 1, x: 3, y: 4, polarity: false });
        assert_eq!((stream.width, stream.height), (4, 5));
    }

    #[test]
    fn overflow_markers_move_the_clock() {
        let bytes = [1, 1, 0, 0, 9, 0, 240, 0, 0, 0, 0, 240, 0, 0, 0, 1, 1, 0, 0, 9];
        let options = AtisOptions { overflow_markers: true, sensor: None };
        let times: Vec<u64> =
            read(&bytes, options).unwrap().events.iter().map(|e| e.t_us).collect();
        assert_eq!(times, [9, 9 + 2 * 8192]);
    }

    #[test]
    fn event_outside_of_the_sensor_is_named() {
        let bytes = [33, 33, 0, 0, 0, 33, 34, 0, 0, 0];
        let options = AtisOptions { sensor: Some(N_MNIST), overflow_markers: false };
        let error = read(&bytes, options).unwrap_err();
        assert!(matches!(error, Error::Format { offset: 5, .. }));
        let text = error.to_string();
        assert!(
            text.starts_with("00002.bin: event 1 at (33, 34)") && text.contains("34x34"),
            "{text}"
        );
        assert!(read(&bytes[..9], options).is_err());
        assert!(read(&[], options).unwrap().events.is_empty());
    }
}
