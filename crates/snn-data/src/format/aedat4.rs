//! AEDAT 4 of the dv software: packets of events, compressed with LZ4.

use std::io::Read;
use std::path::Path;

use lz4_flex::frame::FrameDecoder;

use super::flatbuffer::Table;
use super::room::Room;
use super::sensor::on_sensor;
use crate::limits::check;
use crate::{Error, Event, EventStream, FormatFault, Limits, Result};

const VERSION: &[u8] = b"#!AER-DAT4.0\r\n";

// How packets are compressed.
const NONE: u32 = 0;
const LZ4: [u32; 2] = [1, 2];

/// Reads the version's line, a flatbuffer with the compression, the place of the packets' table and an XML text, then
/// packets: i32 stream, u32 size, and a flatbuffer of that size, compressed. Those marked `EVTS` hold records of i64
/// microseconds, i16 x, i16 y and a byte of polarity (1 = ON).
///
/// Packets of other kinds are passed over; events of two streams, which are two cameras or one before and after a filter,
/// are refused. Rows are counted from the top. The sensor is `sensor`, else the first `sizeX` and `sizeY` of the XML text,
/// else the smallest that holds all events.
///
/// # Errors
/// [`Error::Format`] for another version or compression, damage, a negative time or place, or an event outside of the
/// sensor, with the place of its packet; [`Error::Limit`] past `limits`.
pub fn aedat4(
    bytes: &[u8],
    sensor: Option<(u16, u16)>,
    limits: &Limits,
    path: &Path,
) -> Result<EventStream> {
    let magic = || Error::format(path, 0, FormatFault::Magic { expected: "an AEDAT 4.0 file" });
    let refuse = |at, why| Error::format(path, at, FormatFault::Header { why });
    let rest = bytes.strip_prefix(VERSION).ok_or_else(magic)?;
    let damaged = "a damaged flatbuffer; fetch or save the file again";
    let (&len, rest) = rest.split_first_chunk().ok_or_else(|| refuse(VERSION.len(), damaged))?;
    let len = u32::from_le_bytes(len);
    check(path, "header_bytes", len.into(), limits.header_bytes)?;
    let cut = usize::try_from(len).ok().and_then(|len| rest.split_at_checked(len));
    let (header, _) = cut.ok_or_else(|| refuse(VERSION.len(), damaged))?;
    let start = VERSION.len() + 4 + header.len();
    let info = Info::read(header).ok_or_else(|| refuse(VERSION.len(), damaged))?;
    if info.compression != NONE && !LZ4.contains(&info.compression) {
        let why = "packets compressed otherwise than by LZ4; record or export the file with LZ4";
        return Err(refuse(VERSION.len(), why));
    }
    let end = if info.table < 0 { bytes.len() } else { usize::try_from(info.table).unwrap_or(0) };
    let packets = bytes.get(start..end).ok_or_else(|| refuse(start, damaged))?;
    let mut room = Room::new(bytes.len(), limits, path);
    let mut unpack = |packed: &[u8], out: &mut Vec<u8>, at| {
        let damaged = || refuse(at, "damaged LZ4 data; fetch or save the file again");
        out.clear();
        // The decoder takes a frame that is cut between blocks for a whole one.
        let frame = is_whole(packed).then(|| room.bound(FrameDecoder::new(packed)));
        let got = frame.and_then(|mut frame| frame.read_to_end(out).ok()).ok_or_else(damaged)?;
        room.take(got as u64)
    };
    let mut unpacked = Vec::new();
    // The table is not needed, but a file without all of it was cut off.
    let table = bytes.get(end..).filter(|_| info.table >= 0 && info.compression != NONE);
    if let Some(table) = table {
        unpack(table, &mut unpacked, end)?;
    }
    // An event takes eight to nine bytes in LZ4: memory that is asked for once is touched once.
    let most = usize::try_from(limits.events).unwrap_or(usize::MAX);
    let mut events = Vec::with_capacity((packets.len() / 8).min(most));
    let (mut rest, mut starts, mut first_stream) = (packets, Vec::new(), None);
    while !rest.is_empty() {
        let at = start + packets.len() - rest.len();
        let (stream, packet) = packet(&mut rest).map_err(|fault| Error::format(path, at, fault))?;
        let content = if info.compression == NONE {
            packet
        } else {
            unpack(packet, &mut unpacked, at)?;
            &unpacked
        };
        let Some(records) = records(content).ok_or_else(|| refuse(at, damaged))? else { continue };
        if *first_stream.get_or_insert(stream) != stream {
            return Err(refuse(at, "events of several streams are in it; export one of them"));
        }
        check(path, "events", (events.len() + records.len()) as u64, limits.events)?;
        starts.push((events.len(), at));
        let (mut signs, mut on) = (0, 0);
        events.extend(records.iter().map(|record| {
            signs |= record[7] | record[9] | record[11];
            on |= record[12];
            event(record)
        }));
        if on > 1 {
            let values = "a byte above 1".into();
            return Err(Error::format(path, at, FormatFault::Polarity { values }));
        }
        if signs & 0x80 != 0 {
            let why = "an event's time or position is negative; fetch or save the file again";
            return Err(refuse(at, why));
        }
    }
    let offset_of = |i| starts.iter().rfind(|(first, _)| *first <= i).map_or(0, |start| start.1);
    on_sensor(events, sensor.or(info.sensor), limits, path, offset_of)
}

/// The sensor that the header says.
pub(super) fn sensor(bytes: &[u8]) -> Option<(u16, u16)> {
    let (&len, rest) = bytes.strip_prefix(VERSION)?.split_first_chunk()?;
    Info::read(rest.get(..usize::try_from(u32::from_le_bytes(len)).ok()?)?)?.sensor
}

/// What the header says.
struct Info {
    compression: u32,
    /// Where the table of the packets begins; negative where there is none.
    table: i64,
    sensor: Option<(u16, u16)>,
}

impl Info {
    fn read(header: &[u8]) -> Option<Self> {
        let root = Table::root(header)?;
        let compression = root.scalar(0)?.map_or(NONE, u32::from_le_bytes);
        let table = root.scalar(1)?.map_or(-1, i64::from_le_bytes);
        let text = String::from_utf8_lossy(root.vector(2, 1)?.unwrap_or(&[]));
        let number = |key: &str| -> Option<u16> {
            let (_, after) = text.split_once(&format!("key=\"{key}\""))?;
            after.split_once('>')?.1.split_once('<')?.0.parse().ok()
        };
        Some(Self { compression, table, sensor: number("sizeX").zip(number("sizeY")) })
    }
}

/// The stream and the content of the next packet.
fn packet<'a>(rest: &mut &'a [u8]) -> std::result::Result<([u8; 4], &'a [u8]), FormatFault> {
    let truncated =
        |what, need, have: usize| FormatFault::Truncated { what, need, have: have as u64 };
    let Some((&[s0, s1, s2, s3, size @ ..], body)) = rest.split_first_chunk::<8>() else {
        return Err(truncated("a packet's header", 8, rest.len()));
    };
    let need = u32::from_le_bytes(size);
    let cut = usize::try_from(need).ok().and_then(|need| body.split_at_checked(need));
    let (content, after) = cut.ok_or_else(|| truncated("a packet", need.into(), body.len()))?;
    *rest = after;
    Ok(([s0, s1, s2, s3], content))
}

/// Whether a frame's blocks reach to the mark of its end, a block of size 0.
fn is_whole(frame: &[u8]) -> bool {
    let Some(&flags) = frame.get(4) else { return false };
    let if_set = |bit: u8, bytes: usize| if flags & bit == 0 { 0 } else { bytes };
    // Magic, flags, largest block, sizes where there are any, checksum of the header.
    let mut at = 7 + if_set(8, 8) + if_set(1, 4);
    while let Some(&size) = frame.get(at..).and_then(<[u8]>::first_chunk) {
        let Ok(size) = usize::try_from(u32::from_le_bytes(size) & 0x7fff_ffff) else {
            return false;
        };
        if size == 0 {
            return frame.len() - at == 4 + if_set(4, 4);
        }
        at += 4 + size + if_set(16, 4);
    }
    false
}

/// The records of a packet of events; `Some(None)` is a packet of another kind.
#[allow(clippy::option_option)] // Damage and another kind are two things.
fn records(content: &[u8]) -> Option<Option<&[[u8; 16]]>> {
    let (&len, rest) = content.split_first_chunk()?;
    let buffer = rest.get(..usize::try_from(u32::from_le_bytes(len)).ok()?)?;
    if buffer.get(4..8)? != b"EVTS" {
        return Some(None);
    }
    let records = Table::root(buffer)?.vector(0, 16)?.unwrap_or(&[]);
    Some(Some(records.as_chunks().0))
}

#[inline]
fn event(&[t0, t1, t2, t3, t4, t5, t6, t7, x0, x1, y0, y1, on, ..]: &[u8; 16]) -> Event {
    Event {
        t_us: u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7]),
        x: u16::from_le_bytes([x0, x1]),
        y: u16::from_le_bytes([y0, y1]),
        polarity: on != 0,
    }
}
