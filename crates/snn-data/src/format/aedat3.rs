//! AEDAT 3.1: DVS128 Gesture.

use std::path::Path;

use super::header::text_header;
use super::sensor::on_sensor;
use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

pub(super) const MAGIC: &[u8] = b"#!AER-DAT3";
/// The header's last line.
const END: &[u8] = b"#!END-HEADER";
/// Bytes in which a header names the camera.
const HEADER: usize = 1 << 14;
/// Bytes of a packet's header.
const PACKET: usize = 28;
const POLARITY: u16 = 1;

/// Reads lines up to `#!END-HEADER`, then packets, little-endian: u16 type, u16 source, u32 size of an event, u32 place of
/// the time in it, u32 overflows of the clock, u32 capacity, u32 number of events, u32 how many are valid, and the
/// events. Those of type 1 are u32 of valid (bit 0), polarity (1), y (2-16) and x (17-31), u32 microseconds;
/// an overflow stands for 2^31 us.
///
/// Invalid events and those of other types are left out and counted; in a packet whose header calls all events valid, none
/// is invalid. Rows are counted from the top. The sensor is `sensor`, else that of the camera which the header names, else the smallest that holds all
/// events.
///
/// # Errors
/// [`Error::Format`] for another version, a packet that is cut off or an event outside of the sensor, [`Error::Limit`] past
/// `limits`.
pub fn aedat3(
    bytes: &[u8],
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    if !bytes.starts_with(b"#!AER-DAT3.1") {
        let fault = FormatFault::Magic { expected: "an AEDAT 3.1 file" };
        return Err(Error::format(path, 0, fault));
    }
    let start = header_len(bytes, limits, path)?;
    let text = bytes.get(..start).unwrap_or(&[]);
    let mut rest = bytes.get(start..).unwrap_or(&[]);
    // Where each packet's events begin, in the list and in the file.
    let (mut events, mut packets, mut skipped) = (Vec::new(), Vec::new(), 0);
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let packet = packet(&mut rest).map_err(|fault| Error::format(path, at, fault))?;
        if packet.kind != POLARITY {
            skipped += u64::from(packet.number);
            continue;
        }
        let (records, _) = packet.events.as_chunks::<8>();
        let is_kept = |record: &&[u8; 8]| packet.all_valid || record[0] & 1 != 0;
        check(path, "events", (events.len() + records.len()) as u64, limits.events)?;
        packets.push((events.len(), at + PACKET, records, packet.all_valid));
        let first = events.len();
        events.reserve(records.len());
        let high = u64::from(packet.overflows) << 31;
        events.extend(records.iter().filter(is_kept).map(|record| event(record, high)));
        skipped += (records.len() - (events.len() - first)) as u64;
    }
    let offset_of = |i| {
        let packet = packets.iter().rfind(|(first, ..)| *first <= i);
        packet.map_or(0, |&(first, at, records, all)| {
            let mut kept = records.iter().enumerate().filter(|(_, r)| all || r[0] & 1 != 0);
            at + 8 * kept.nth(i - first).map_or(0, |(place, _)| place)
        })
    };
    let stream = on_sensor(events, sensor.or_else(|| camera(text)), limits, path, offset_of)?;
    Ok(EventStream { skipped_special: skipped, ..stream })
}

struct Packet<'a> {
    kind: u16,
    overflows: u32,
    number: u32,
    all_valid: bool,
    events: &'a [u8],
}

/// The next packet.
fn packet<'a>(rest: &mut &'a [u8]) -> std::result::Result<Packet<'a>, FormatFault> {
    let truncated =
        |what, need, have: usize| FormatFault::Truncated { what, need, have: have as u64 };
    let Some((header, body)) = rest.split_first_chunk::<PACKET>() else {
        return Err(truncated("a packet's header", PACKET as u64, rest.len()));
    };
    let (words, _) = header.as_chunks::<4>();
    let words: [u32; 7] =
        std::array::from_fn(|i| words.get(i).map_or(0, |&word| u32::from_le_bytes(word)));
    let [kind, size, place, overflows, _, number, valid] = words;
    let [k0, k1, ..] = kind.to_le_bytes();
    let kind = u16::from_le_bytes([k0, k1]);
    if kind == POLARITY && (size, place) != (8, 4) {
        let why = "events of 8 bytes with the time at 4 are needed; fetch or save the file again";
        return Err(FormatFault::Header { why });
    }
    let need = u64::from(size) * u64::from(number);
    let cut = usize::try_from(need).ok().and_then(|need| body.split_at_checked(need));
    let (events, after) = cut.ok_or_else(|| truncated("a packet", need, body.len()))?;
    *rest = after;
    Ok(Packet { kind, overflows, number, all_valid: valid == number, events })
}

#[inline]
fn event(&[a, b, c, d, time @ ..]: &[u8; 8], high: u64) -> Event {
    let address = u32::from_le_bytes([a, b, c, d]);
    let [y0, y1, ..] = (address >> 2 & 0x7fff).to_le_bytes();
    let [x0, x1, ..] = (address >> 17).to_le_bytes();
    Event {
        t_us: high + u64::from(u32::from_le_bytes(time)),
        x: u16::from_le_bytes([x0, x1]),
        y: u16::from_le_bytes([y0, y1]),
        polarity: address & 2 != 0,
    }
}

/// Bytes up to the end of the line `#!END-HEADER`.
fn header_len(bytes: &[u8], limits: &Limits, path: &Path) -> Result<usize> {
    let mut ended = false;
    let is_line = |rest: &[u8]| {
        let is_line = !ended && rest.starts_with(b"#");
        ended |= rest.starts_with(END);
        is_line
    };
    let len = text_header(bytes, is_line, limits, path)?;
    if !ended {
        let why = "the line `#!END-HEADER` is missing; fetch or save the file again";
        return Err(Error::format(path, len, FormatFault::Header { why }));
    }
    Ok(len)
}

/// The size of the camera that the line `#Source 1: <name>` of a header, or of what begins with one, names.
pub(super) fn camera(text: &[u8]) -> Option<(u16, u16)> {
    let text = String::from_utf8_lossy(text.get(..HEADER).unwrap_or(text));
    let name = text.lines().find_map(|line| line.strip_prefix("#Source ")?.split_once(": "))?.1;
    match name.trim() {
        "DVS128" => Some((128, 128)),
        name if name.starts_with("DAVIS240") => Some((240, 180)),
        name if name.starts_with("DAVIS346") => Some((346, 260)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"#!AER-DAT3.1\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n";

    fn packet(kind: u16, overflows: u32, events: &[[u32; 2]]) -> Vec<u8> {
        let n = u32::try_from(events.len()).unwrap();
        let valid = events.iter().map(|[address, _]| address & 1).sum();
        let words = [u32::from(kind) | 1 << 16, 8, 4, overflows, n, n, valid];
        words.iter().chain(events.iter().flatten()).flat_map(|word| word.to_le_bytes()).collect()
    }

    fn read(packets: &[Vec<u8>]) -> Result<EventStream> {
        let bytes = [HEADER, &packets.concat()].concat();
        aedat3(&bytes, None, &Limits::default(), Path::new("x.aedat"))
    }

    fn at(x: u32, y: u32, bits: u32) -> u32 {
        x << 17 | y << 2 | bits
    }

    #[test]
    fn packets_are_joined() {
        let stream = read(&[
            packet(1, 0, &[[at(5, 7, 3), 9], [at(1, 1, 2), 10]]),
            packet(2, 0, &[[0, 0]]),
            packet(1, 1, &[[at(127, 126, 1), 3]]),
        ]);
        let stream = stream.unwrap();
        let [a, b] = stream.events[..] else { panic!() };
        assert_eq!(a, Event { t_us: 9, x: 5, y: 7, polarity: true });
        assert_eq!(b, Event { t_us: (1 << 31) + 3, x: 127, y: 126, polarity: false });
        // One invalid, one of another type.
        assert_eq!((stream.width, stream.height, stream.skipped_special), (128, 128, 2));
    }

    #[test]
    fn a_packet_of_valid_events_has_no_invalid_one() {
        let mut packet = packet(1, 0, &[[at(1, 1, 0), 4]]);
        packet[24] = 1;
        assert_eq!(read(&[packet]).unwrap().events.len(), 1);
    }

    #[test]
    fn damage_is_placed() {
        let whole = [
            packet(1, 0, &[[at(1, 1, 1), 0]]),
            packet(1, 0, &[[at(0, 0, 0), 0], [at(1, 128, 1), 0]]),
        ];
        let error = read(&whole).unwrap_err().to_string();
        let place = HEADER.len() + 36 + 28 + 8;
        assert!(error.contains("event 1 at (1, 128) lies outside of the 128x128"), "{error}");
        assert!(error.contains(&format!("(at byte {place})")), "{error}");
        let cut = whole[0][..35].to_vec();
        let error = read(&[cut]).unwrap_err().to_string();
        assert!(error.contains("a packet needs 8 bytes and 7 are left"), "{error}");
        let mut claim = packet(1, 0, &[]);
        claim[20..24].fill(0xff);
        assert!(matches!(read(&[claim]).unwrap_err(), Error::Format { .. }));
        let mut sized = packet(1, 0, &[]);
        sized[4] = 12;
        assert!(read(&[sized]).is_err());
        let read = |bytes: &[u8]| aedat3(bytes, None, &Limits::default(), Path::new("x"));
        assert!(read(b"#!AER-DAT3.1\r\n#!END").is_err());
        assert!(read(b"#!AER-DAT3.1\r\n#!END-HEADER").is_err());
        assert!(read(b"#!AER-DAT3.0\r\n#!END-HEADER\r\n").is_err());
        assert!(read(b"#!AER-DAT3.1\r\n#!END-HEADER\r\n").unwrap().events.is_empty());
    }
}
