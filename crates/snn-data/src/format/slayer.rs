//! SLAYER's binary spikes of one and of three coordinates: `.bs1` and `.bs3`; `.bs2` is [`atis`](super::atis()).

use std::path::Path;

use super::sensor::{Room, on_sensor, records};
use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

/// Reads records of 5 bytes: a big-endian u16 neuron, which becomes x, then 24 bits: polarity (1 = ON) and 23 bits of time
/// in microseconds. y is 0.
///
/// # Errors
/// [`Error::Format`] for a partial record or an event outside of the sensor, [`Error::Limit`] past `limits`.
pub fn bs1(
    bytes: &[u8],
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    let records = records::<5>(bytes, 0, "5-byte spike", path)?;
    check(path, "events", records.len() as u64, limits.events)?;
    let event = |&[high, low, p, t1, t0]: &[u8; 5]| Event {
        t_us: u32::from_be_bytes([0, p & 0x7f, t1, t0]).into(),
        x: u16::from_be_bytes([high, low]),
        y: 0,
        polarity: p & 0x80 != 0,
    };
    on_sensor(records.iter().map(event).collect(), sensor, limits, path, |i| 5 * i)
}

/// The recording as `.bs1`.
///
/// # Errors
/// [`Error::Config`] for an event below row 0 or past 2^23 us.
pub fn write_bs1(stream: &EventStream) -> Result<Vec<u8>> {
    Room { format: ".bs1", sensor: (1 << 16, 1), t_us: 1 << 23 }.check(stream)?;
    let record = |e: &Event| {
        let ([x1, x0], [.., t2, t1, t0]) = (e.x.to_be_bytes(), e.t_us.to_be_bytes());
        [x1, x0, u8::from(e.polarity) << 7 | t2, t1, t0]
    };
    Ok(stream.events.iter().flat_map(record).collect())
}

/// Reads records of 7 bytes, big-endian: 12 bits of x, 12 of y, 8 of channel, which becomes the polarity (1 = ON), 24 of
/// time in microseconds.
///
/// # Errors
/// [`Error::Format`] for a partial record, a channel above 1 or an event outside of the sensor, [`Error::Limit`] past
/// `limits`.
pub fn bs3(
    bytes: &[u8],
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    let records = records::<7>(bytes, 0, "7-byte spike", path)?;
    check(path, "events", records.len() as u64, limits.events)?;
    if let Some(at) = records.iter().position(|record| record[3] > 1) {
        let why = "a channel above 1 is no polarity; only channels 0 (OFF) and 1 (ON) are read";
        return Err(Error::format(path, 7 * at + 3, FormatFault::Header { why }));
    }
    let event = |&[x, xy, y, channel, t2, t1, t0]: &[u8; 7]| Event {
        t_us: u32::from_be_bytes([0, t2, t1, t0]).into(),
        x: u16::from(x) << 4 | u16::from(xy >> 4),
        y: u16::from(xy & 0xf) << 8 | u16::from(y),
        polarity: channel == 1,
    };
    on_sensor(records.iter().map(event).collect(), sensor, limits, path, |i| 7 * i)
}

/// The recording as `.bs3`.
///
/// # Errors
/// [`Error::Config`] for an event past column or row 4095 or past 2^24 us.
pub fn write_bs3(stream: &EventStream) -> Result<Vec<u8>> {
    Room { format: ".bs3", sensor: (1 << 12, 1 << 12), t_us: 1 << 24 }.check(stream)?;
    let record = |e: &Event| {
        let [_, a, b, c] = (u32::from(e.x) << 12 | u32::from(e.y)).to_be_bytes();
        let [.., t2, t1, t0] = e.t_us.to_be_bytes();
        [a, b, c, e.polarity.into(), t2, t1, t0]
    };
    Ok(stream.events.iter().flat_map(record).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_split_into_their_fields() {
        let (limits, path) = (Limits::default(), Path::new("x"));
        let one = bs1(&[1, 2, 0x80, 1, 0], None, &limits, path).unwrap();
        assert_eq!(one.events, [Event { t_us: 256, x: 258, y: 0, polarity: true }]);
        assert_eq!((one.width, one.height), (259, 1));
        let three = bs3(&[0x04, 0xe1, 0x7e, 0, 1, 0, 8], None, &limits, path).unwrap();
        assert_eq!(three.events, [Event { t_us: 65_544, x: 78, y: 382, polarity: false }]);
    }

    #[test]
    fn damage_is_placed() {
        let (limits, path) = (Limits::default(), Path::new("x"));
        let error = bs3(&[0; 13], None, &limits, path).unwrap_err().to_string();
        assert!(error.contains("6 bytes are left") && error.contains("(at byte 7)"), "{error}");
        let channel = bs3(&[0, 0, 0, 2, 0, 0, 0], None, &limits, path).unwrap_err();
        assert!(matches!(channel, Error::Format { offset: 3, .. }), "{channel}");
        // A neuron's number past every sensor.
        let far = bs1(&[0xff, 0xff, 0, 0, 0], None, &limits, path).unwrap_err();
        assert!(matches!(far, Error::Limit { what: "side", got: 65_536, .. }), "{far}");
        let outside = bs1(&[0, 4, 0, 0, 0], Some((4, 1)), &limits, path).unwrap_err().to_string();
        assert!(outside.contains("event 0 at (4, 0)"), "{outside}");
    }
}
