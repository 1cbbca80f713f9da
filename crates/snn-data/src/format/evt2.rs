//! Prophesee's EVT 2.0: one 32-bit word an event.

use std::path::Path;

use super::prophesee::header;
use super::sensor::{Room, on_sensor, records};
use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

// The upper 4 bits of a word.
const OFF: u32 = 0;
const ON: u32 = 1;
const TIME_HIGH: u32 = 8;

/// Reads lines that begin with `%`, then little-endian words by their upper 4 bits: 0 OFF and 1 ON (time bits 27-22,
/// x 21-11, y 10-0), 8 the time's upper 28 bits.
///
/// Other words, such as triggers, and events before the first upper time are left out and counted. An upper time that
/// falls by more than half its range began anew, 2^34 us later. Rows are counted from
/// the top. The sensor is `sensor`, else the header's, else the
/// smallest that holds all events.
///
/// # Errors
/// [`Error::Format`] for another version, a partial word or an event outside of the sensor, [`Error::Limit`] past
/// `limits`.
pub fn evt2(
    bytes: &[u8],
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    let header = header(bytes, limits, path)?;
    if header.evt.is_some_and(|version| version != 20) {
        let why = "another version of EVT; name the format evt2 or evt3 that `% evt` says";
        return Err(Error::format(path, 0, FormatFault::Header { why }));
    }
    let words = records::<4>(bytes, header.len, "4-byte EVT2 word", path)?;
    let is_event = |word: &[u8; 4]| word[3] >> 4 <= 1;
    let timed = words.iter().position(|word| kind(word) == TIME_HIGH).unwrap_or(words.len());
    let (untimed, timed_words) = words.split_at_checked(timed).unwrap_or((words, &[]));
    let n = timed_words.iter().filter(|word| is_event(word)).count();
    check(path, "events", n as u64, limits.events)?;
    let mut events = Vec::with_capacity(n);
    let (mut t_high, mut last, mut skipped) = (0u64, 0u64, 0u64);
    for word in timed_words {
        let bits = u32::from_le_bytes(*word);
        match bits >> 28 {
            polarity @ (OFF | ON) => {
                let [y0, y1, ..] = (bits & 0x7ff).to_le_bytes();
                let [x0, x1, ..] = (bits >> 11 & 0x7ff).to_le_bytes();
                events.push(Event {
                    t_us: t_high | u64::from(bits >> 22 & 0x3f),
                    x: u16::from_le_bytes([x0, x1]),
                    y: u16::from_le_bytes([y0, y1]),
                    polarity: polarity == ON,
                });
            }
            TIME_HIGH => {
                let high = u64::from(bits & 0xfff_ffff);
                let loops = (t_high >> 34) + u64::from(last > high + (1 << 27));
                t_high = loops << 34 | high << 6;
                last = high;
            }
            _ => skipped += 1,
        }
    }
    let place = |i| timed_words.iter().enumerate().filter(|(_, word)| is_event(word)).nth(i);
    let offset_of = |i| header.len + 4 * (timed + place(i).map_or(0, |(at, _)| at));
    let stream = on_sensor(events, sensor.or(header.sensor), limits, path, offset_of)?;
    Ok(EventStream { skipped_special: skipped + untimed.len() as u64, ..stream })
}

fn kind(word: &[u8; 4]) -> u32 {
    u32::from(word[3] >> 4)
}

/// The recording as such a file, with the sensor's size in its header.
///
/// # Errors
/// [`Error::Config`] for an event past column or row 2047 or past 2^34 us.
pub fn write_evt2(stream: &EventStream) -> Result<Vec<u8>> {
    Room { format: "EVT2", sensor: (2048, 2048), t_us: 1 << 34 }.check(stream)?;
    let (width, height) = (stream.width, stream.height);
    let mut out = format!("% evt 2.0\n% geometry {width}x{height}\n% end\n").into_bytes();
    let mut word = |kind: u32, bits: u64| {
        let [a, b, c, d, ..] = bits.to_le_bytes();
        out.extend((kind << 28 | u32::from_le_bytes([a, b, c, d])).to_le_bytes());
    };
    let mut last = None;
    for e in &stream.events {
        let high = e.t_us >> 6;
        if last != Some(high) {
            // A fall of more than half the range would be read as a new beginning.
            if last.is_some_and(|last| last > high + (1 << 27)) {
                let why = "EVT2 holds no recording whose times fall by 2^33 us; sort its events";
                return Err(Error::config("events", why));
            }
            word(TIME_HIGH, high);
            last = Some(high);
        }
        let bits = (e.t_us & 0x3f) << 22 | u64::from(e.x) << 11 | u64::from(e.y);
        word(u32::from(e.polarity), bits);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[u32]) -> Result<EventStream> {
        let mut bytes = b"% evt 2.0\n".to_vec();
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        evt2(&bytes, None, &Limits::default(), Path::new("x.raw"))
    }

    #[test]
    fn words_split_into_their_fields() {
        let words = [0x1000_0000, 0x8000_0002, 0x1fff_ffff, 0xa000_0000, 5 << 22 | 7 << 11 | 9];
        let stream = read(&words).unwrap();
        let [a, b] = stream.events[..] else { panic!() };
        assert_eq!(a, Event { t_us: 128 + 63, x: 2047, y: 2047, polarity: true });
        assert_eq!(b, Event { t_us: 128 + 5, x: 7, y: 9, polarity: false });
        // The first event has no time yet; one word is a trigger.
        assert_eq!(stream.skipped_special, 2);
    }

    #[test]
    fn clock_begins_anew() {
        let times = |words: &[u32]| -> Vec<u64> {
            read(words).unwrap().events.iter().map(|e| e.t_us).collect()
        };
        assert_eq!(times(&[0x8fff_ffff, 0, 0x8000_0000, 0]), [(1 << 34) - 64, 1 << 34]);
        // A small step back is a step back.
        assert_eq!(times(&[0x8000_0009, 0, 0x8000_0008, 0]), [576, 512]);
    }

    #[test]
    fn damage_is_placed() {
        let bytes = b"% evt 2.0\n% geometry 4x4\n% end\n\0\0\0\x80\x04\0\0\0";
        let read = |bytes: &[u8]| evt2(bytes, None, &Limits::default(), Path::new("x.raw"));
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains("event 0 at (0, 4)") && error.contains("(at byte 35)"), "{error}");
        let error = read(&bytes[..37]).unwrap_err().to_string();
        assert!(error.contains("2 bytes are left") && error.contains("(at byte 35)"), "{error}");
        assert!(read(b"% evt 3.0\n").is_err());
        let none = read(b"% evt 2.0\n\0\0\0\0").unwrap();
        assert_eq!((none.events.len(), none.skipped_special), (0, 1));
    }
}
